"""What is shown of an org.yaml never holds a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.orgs.shown import shown


def test_a_file_without_secrets_is_shown_as_it_is(text: str) -> None:
    source = Source("orgs/x/org.yaml", text)
    assert shown(source) is source


@pytest.mark.parametrize(
    "text",
    [
        "tls: {identity: Zq1hunter2, trust: env:X}\n",
        "tls: {'identity': \"Zq1 hunter2\"}\n",
        "tls: {identity: [Zq1a, Zq1b]}\n",
        "tls: {identity: {path: Zq1a}}\n",
        "tls:\n  identity: Zq1 with, commas # and Zq1\n  trust: env:X\n",
        "tls:\n  identity: |\n    Zq1a\n\n    Zq1b\n  trust: env:X\n",
        "tls:\n  identity:\n    Zq1a\n  trust: env:X\n",
        "tls:\n  identity: Zq1a\n    Zq1b\n",
        "tls:\n  identity: [Zq1a,\n  Zq1b]\n",
        "db_password: Zq1a\n",
        "oauth: {client_secret: Zq1a, apiKey: Zq1b, access-token: Zq1c}\n",
        "name: '-----BEGIN PRIVATE KEY-----\n Zq1a\n -----END PRIVATE KEY-----'\nzone: x\n",
        "zone: -----BEGIN X----- Zq1",
        'identity: "Zq1 never closed\n  Zq1b\n',
        "identity: {Zq1 never closed\n",
    ],
)
def test_a_secret_is_covered_and_every_place_stays(text: str) -> None:
    source = Source("orgs/x/org.yaml", text)
    covered = shown(source).text
    assert "Zq1" not in covered
    assert len(covered) == len(text)
    assert [len(line) for line in covered.splitlines()] == [len(line) for line in text.splitlines()]
    assert ("env:X" in text) == ("env:X" in covered)


@given(st.text("identity: {}[]'\"|\n #,-BEGIN", max_size=40))
def test_any_text_keeps_its_length(text: str) -> None:
    assert len(shown(Source("x", text)).text) == len(text)
