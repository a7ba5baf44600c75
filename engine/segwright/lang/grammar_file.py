"""Where the grammar is, and its prebuilt tables.

The wheel ships `grammar/` as `segwright/_grammar`; in a source tree it stands at the root. Building the tables takes most of
a second, so they are kept beside the grammar as JSON (`segwright.tables`; no pickle, so reading them can run nothing) with a
hash of the grammar and the version of Lark inside. Tables that fit neither are never used: the parser is then built in memory.

    python -m segwright.lang.grammar_file      writes the tables anew after a change of the grammar
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import msgspec

STARTS = ("statement", "row", "enum_value", "field", "component_rule", "closing", "value")
OPTIONS: dict[str, Any] = {
    "parser": "lalr",
    "lexer": "contextual",
    "start": list(STARTS),
    "keep_all_tokens": True,
    "maybe_placeholders": True,
}


class Tables(msgspec.Struct):
    """The file `segwright.tables`: what `Lark.memo_serialize` gives, and what it was made from."""

    grammar: str
    lark: str
    data: dict[str, Any]
    memo: dict[str, Any]


def grammar_folder() -> Path:
    """The shipped folder if there is one, else `grammar/` of the source tree."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_grammar"
    return shipped if shipped.is_dir() else package.parent.parent / "grammar"


def grammar_text() -> str:
    """The grammar itself."""
    return (grammar_folder() / "segwright.lark").read_text(encoding="utf-8")


def fingerprint(grammar: str) -> str:
    """What ties tables to a grammar: its text and the options it is built with."""
    return hashlib.sha256((grammar + repr(sorted(OPTIONS.items()))).encode()).hexdigest()


def read_tables(lark_version: str) -> Tables | None:
    """The prebuilt tables, or None when they are absent, damaged, or made from another grammar or by another Lark."""
    try:
        raw = (grammar_folder() / "segwright.tables").read_bytes()
        tables = msgspec.json.decode(raw, type=Tables)
    except (OSError, msgspec.DecodeError):
        return None
    if tables.lark != lark_version or tables.grammar != fingerprint(grammar_text()):
        return None
    return tables


def write_tables() -> Path:
    """Build the tables from the grammar, strictly where `interegular` is at hand, and write them beside it."""
    from segwright.lang import lalr

    path = grammar_folder() / "segwright.tables"
    path.write_bytes(msgspec.json.encode(lalr.make_tables(grammar_text())) + b"\n")
    return path


if __name__ == "__main__":
    sys.stdout.write(f"wrote {write_tables()}\n")
