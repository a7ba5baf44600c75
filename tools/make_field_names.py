"""Writes `engine/segwright/pages/field_names.txt`: what HL7 calls each field, for servers that have no profiles on board.

    .venv/bin/python tools/make_field_names.py

A segment a line, its fields in order: the names of 2.5.1, and of the newest version for what 2.5.1 does not have.
`tests/pages/test_messages.py` holds the file against the profiles."""

from __future__ import annotations

from pathlib import Path

from segwright.profiles import VERSIONS, profile

FILE = Path(__file__).resolve().parents[1] / "engine" / "segwright" / "pages" / "field_names.txt"


def text() -> str:
    """The file."""
    names: dict[str, dict[int, str]] = {}
    for version in ("2.5.1", *reversed(VERSIONS)):
        tables = profile(version)
        for name in tables.segment_names():
            segment = tables.segment(name)
            assert segment is not None
            for field in segment.fields:
                names.setdefault(name, {}).setdefault(field.number, field.name)
    lines = ("|".join([name, *(of.get(n, "") for n in range(1, max(of) + 1))]) for name, of in sorted(names.items()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
