"""The repository's own schema, and the fixture organisation that uses every section once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from segwright.core.diagnostic import Diagnostic
from segwright.core.prose import help_lines, message
from segwright.core.source import Source
from segwright.orgs.declaration import Schema
from segwright.orgs.load import load_organisation, load_schema
from segwright.orgs.organisation import Organisation

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = Path(__file__).parent / "fixtures" / "workspace"
NAME = "orgs/fixture_general/org.yaml"

Edit = Callable[..., tuple[Source, Organisation | None, list[Diagnostic]]]


@pytest.fixture(scope="session")
def schema() -> Schema:
    path = ROOT / "orgs" / "schema.yaml"
    found, diagnostics = load_schema(Source("orgs/schema.yaml", path.read_text(encoding="utf-8")))
    assert diagnostics == []
    assert found is not None
    return found


@pytest.fixture(scope="session")
def text() -> str:
    return (WORKSPACE / NAME).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def organisation(schema: Schema, text: str) -> Organisation:
    found, diagnostics = load_organisation(Source(NAME, text), schema)
    assert diagnostics == []
    assert found is not None
    return found


@pytest.fixture
def edit(schema: Schema, text: str) -> Edit:
    """Loads the fixture with texts replaced where they first stand; every sentence of every finding is checked to be whole."""

    def load(*replacements: tuple[str, str]) -> tuple[Source, Organisation | None, list[Diagnostic]]:
        changed = text
        for old, new in replacements:
            assert old in changed, f"{old!r} is not in the fixture"
            changed = changed.replace(old, new, 1)
        source = Source(NAME, changed)
        found, diagnostics = load_organisation(source, schema)
        assert (found is None) == bool(diagnostics)
        for diagnostic in diagnostics:
            sentences = [message(diagnostic), *help_lines(diagnostic)]
            assert all(sentences), diagnostic
        return source, found, diagnostics

    return load
