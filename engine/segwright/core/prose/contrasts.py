"""For every code what to avoid and what to write instead: `contrasts()`.

They stand in contrasts.txt, and the tests run both sides of each. A page shows them below each other.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import groupby

import msgspec


class Piece(msgspec.Struct, frozen=True):
    """Lines of one file; `file` is "" for the file that the finding is about."""

    file: str
    text: str


class Contrast(msgspec.Struct, frozen=True):
    """What to avoid, and what to write."""

    avoid: tuple[Piece, ...]
    prefer: tuple[Piece, ...]


@cache
def contrasts() -> dict[str, Contrast]:
    """The contrast of every code."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    code = file = ""
    for line in files("segwright.core.prose").joinpath("contrasts.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("SW"):
            code, file = line.strip(), ""
            found[code] = []
        elif line.startswith("> "):
            file = line[2:]
        elif line[:1] in ("-", "+"):
            found[code].append((line[0], file, line[2:]))
    return {code: Contrast(_pieces(lines, "-"), _pieces(lines, "+")) for code, lines in found.items()}


def _pieces(lines: list[tuple[str, str, str]], sign: str) -> tuple[Piece, ...]:
    own = [(file, text) for mark, file, text in lines if mark == sign]
    return tuple(
        Piece(file, "\n".join(text for _, text in group)) for file, group in groupby(own, key=lambda each: each[0])
    )
