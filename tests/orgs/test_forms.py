"""The written forms of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.delimiters import Delimiters
from segwright.orgs import forms


@pytest.mark.parametrize(
    ("text", "ms"), [("500ms", 500), ("5s", 5_000), ("10m", 600_000), ("24h", 86_400_000), ("30d", 2_592_000_000)]
)
def test_a_length_of_time(text: str, ms: int) -> None:
    assert forms.milliseconds(text) == ms


@pytest.mark.parametrize("text", ["5", "s", "0s", "-5s", "5 s", "5S", "1.5s", "05s", "5s ", "٥s", "9999999999s"])
def test_no_length_of_time(text: str) -> None:
    assert forms.milliseconds(text) is None


@pytest.mark.parametrize("text", ["cut 20", "error 1"])
def test_a_limit(text: str) -> None:
    assert str(forms.limit(text).length) in text  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["20", "cut", "cut 0", "cut  20", "trim 20", "cut 20 "])
def test_no_limit(text: str) -> None:
    assert forms.limit(text) is None


@pytest.mark.parametrize(
    ("text", "host", "port"), [("a.b:1", "a.b", 1), ("10.0.0.1:65535", "10.0.0.1", 65535), ("[::1]:80", "::1", 80)]
)
def test_an_address(text: str, host: str, port: int) -> None:
    assert forms.address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["a", ":1", "a:", "a:0", "a:65536", "a:01", "-a:1", "a..b:1", "::1:80", "a b:1", "a:1\n", "mllp://a:1"]
)
def test_no_address(text: str) -> None:
    assert forms.address(text) is None


@pytest.mark.parametrize("text", ["env:A_1", "file:/run/x.pem"])
def test_a_reference_to_a_secret(text: str) -> None:
    assert str(forms.secret(text)) == text


@pytest.mark.parametrize(
    "text",
    ["env:", "env:1A", "env:A B", "file:x", "file:/a/../b", "ENV:A", "hunter2", "env:A\n", "file:/a\nb", "vault:x", ""],
)
def test_no_reference_to_a_secret(text: str) -> None:
    assert forms.secret(text) is None


def test_separators_are_msh_1_and_2() -> None:
    assert forms.separators(r"|^~\&") == Delimiters("|", "^", "~", "\\", "&", "")
    assert forms.separators(r"|^~\&#") == Delimiters("|", "^", "~", "\\", "&", "#")


@pytest.mark.parametrize("text", ["", "|", r"^~\&", r"|^~\&##", r"||~\&", r"|^~\A", "|^~\\\n", r"|^~\é", r"| ~\&"])
def test_no_separators(text: str) -> None:
    assert isinstance(forms.separators(text), str)


@given(st.text(max_size=12), st.sampled_from(sorted(forms.CHECKS)))
def test_any_text_is_judged(text: str, name: str) -> None:
    wrong = forms.CHECKS[name](text)
    assert wrong is None or wrong.code.startswith("SW07")
