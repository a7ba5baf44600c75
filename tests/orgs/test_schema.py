"""schema.yaml: every key described, nothing supplied, every mistake at its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segwright.core.prose import help_lines, message
from segwright.core.source import Source
from segwright.orgs.declaration import Schema
from segwright.orgs.load import load_schema
from tests.orgs.conftest import ROOT

TEXT = (ROOT / "orgs" / "schema.yaml").read_text(encoding="utf-8")

ZONE = (
    "{type: text, required: yes, check_with: zone, "
    "meta: {says: Time zone of the hospital, example: America/Chicago, mapping: yes}}"
)

MISTAKES = [
    (
        "default",
        ZONE,
        ZONE.replace("check_with", "default: UTC, check_with"),
        "SW0717",
        "default",
        "No value is supplied",
    ),
    ("coerce", ZONE, ZONE.replace("check_with", "coerce: int, check_with"), "SW0717", "coerce", "No value is supplied"),
    ("misspelt rule", ZONE, ZONE.replace("required", "requird"), "SW0717", "requird", "Did you mean `required`?"),
    ("misspelt meta", ZONE, ZONE.replace("mapping", "maping"), "SW0717", "maping", "Did you mean `mapping`?"),
    (
        "no description",
        ZONE,
        "{type: text, required: yes, check_with: zone}",
        "SW0718",
        "zone",
        "nothing says what it is",
    ),
    ("no type", ZONE, ZONE.replace("type: text, ", ""), "SW0718", "zone", "it has no type"),
    ("no rules", ZONE, "text", "SW0718", "zone", "its rules stand in { }"),
    ("unknown type", ZONE, ZONE.replace("type: text", "type: string"), "SW0719", "type", "Did you mean `text`?"),
    (
        "unknown form",
        ZONE,
        ZONE.replace("check_with: zone", "check_with: zones"),
        "SW0719",
        "check_with",
        "Did you mean `zone`?",
    ),
    (
        "not yes or no",
        ZONE,
        ZONE.replace("required: yes", "required: always"),
        "SW0719",
        "required",
        "cannot have this value",
    ),
    ("bad pattern", ZONE, ZONE.replace("check_with: zone", "regex: '(['"), "SW0719", "regex", "cannot have this value"),
    ("mapping", ZONE, ZONE.replace("mapping: yes", "mapping: perhaps"), "SW0719", "mapping", "is yes or no"),
    ("language type", ZONE, ZONE.replace("mapping: yes", "type: list of text"), "SW0719", "type", "exactly for a list"),
    ("key in capitals", "      zone:  ", "      Zone:  ", "SW0718", "Zone", "small letters"),
    ("key the engine reads", "      zone:      " + ZONE, "", "SW0718", "", "the engine itself reads it"),
    ("optional for the engine", ZONE, ZONE.replace("required: yes, ", ""), "SW0718", "zone", "required: yes"),
    (
        "list of nothing",
        "schema: {type: text, check_with: name}, maxlength: 8, ",
        "",
        "SW0718",
        "layers",
        "what its items are",
    ),
    (
        "unknown shared",
        "schema: application, meta: {says: Who we",
        "schema: aplication, meta: {says: Who we",
        "SW0719",
        "schema",
        "Did you mean `application`?",
    ),
    (
        "endless shared",
        "tls:           {type: dict, schema: tls,",
        "tls:           {type: dict, schema: connection,",
        "SW0719",
        "schema",
        "names itself",
    ),
    (
        "unknown section",
        "keys:\n  organisation",
        "extra: {}\nkeys:\n  organisation",
        "SW0717",
        "extra",
        "`shared` and `keys`",
    ),
    (
        "group mappings read",
        "meta: {says: What plain `as dtm` writes}",
        "meta: {says: x, mapping: yes}",
        "SW0718",
        "mapping",
        "nothing says as what",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "excerpt", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_in_the_schema_is_found_at_its_place(old: str, new: str, code: str, excerpt: str, words: str) -> None:
    assert old in TEXT
    source = Source("orgs/schema.yaml", TEXT.replace(old, new, 1))
    found, diagnostics = load_schema(source)
    assert found is None
    first = diagnostics[0]
    assert (first.code, source.text[first.span.start : first.span.end]) == (code, excerpt)
    assert words in " ".join([message(first), *help_lines(first)])
    assert len(diagnostics) == len(set(diagnostics))


def test_no_keys_at_all() -> None:
    _, diagnostics = load_schema(Source("orgs/schema.yaml", "shared: {}\n"))
    assert [d.code for d in diagnostics] == ["SW0718"]


def test_every_key_says_what_it_is_and_every_example_is_right(schema: Schema) -> None:
    for declaration in schema.root.walk():
        if declaration.key and declaration.key[-1] != "*":
            assert declaration.says, declaration.key
            assert len(declaration.says) <= 120, declaration.key


def test_nothing_supplies_a_value() -> None:
    for word in ("default", "coerce", "nullable", "allow_unknown"):
        assert not re.search(rf"(?m)(^ *|[{{,] *){word}:", TEXT)


def test_a_declaration_knows_its_place(schema: Schema) -> None:
    declared = schema.declared(("times", "zone"))
    assert declared is not None
    assert TEXT[declared.span.start : declared.span.end] == "zone"
    instead = schema.declared(("environments", "test", "instead", "receiving", "application"))
    assert instead is not None
    assert not instead.required
    assert schema.declared(("environments", "test", "instead", "delivery")) is None


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(TEXT)), more=st.text("{}[],:'\"\n abc", max_size=6), less=st.integers(0, 20))
def test_no_schema_makes_loading_crash(at: int, more: str, less: int) -> None:
    found, diagnostics = load_schema(Source("orgs/schema.yaml", TEXT[:at] + more + TEXT[at + less :]))
    assert (found is None) == bool(diagnostics)
    assert all(message(d) for d in diagnostics)
