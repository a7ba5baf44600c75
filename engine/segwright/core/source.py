"""Source text and places in it.

A `Source` is one file's text with its name as people know it (relative to the workspace). A `Span` is a half-open range of
character offsets in a named file. Line and column are worked out only when somebody is told about them (both count from 1).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

TAB = 4
"""Columns between two stops of the tabulator, wherever a tab is shown or replaced."""


def undecodable(error: UnicodeDecodeError) -> dict[str, Any]:
    """The facts about bytes that are no UTF-8: which byte (from 1), its value, in which line."""
    return {
        "byte": str(error.start + 1),
        "value": f"0x{error.object[error.start]:02X}",
        "line": str(error.object.count(b"\n", 0, error.start) + 1),
    }


class Span(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Characters `start` to `end` (exclusive) of `file`."""

    file: str
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that holds both; both stand in one file."""
        return Span(self.file, min(self.start, other.start), max(self.end, other.end))


NOWHERE = Span("", 0, 0)


class Position(NamedTuple):
    """Line and column, from 1; the column counts characters."""

    line: int
    column: int


class Source:
    """The text of one file. `name` is the path shown to people, with forward slashes."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> Position:
        """Line and column of a character offset; an offset past the end is the end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its line ending; empty when there is no such line."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """A span of this file; to the end of the text unless `end` is given."""
        return Span(self.name, start, len(self.text) if end is None else end)

    def span_at(self, line: int, column: int, length: int = 1) -> Span:
        """A span that begins at a line and column (from 1), as parsers of other formats report them."""
        line = max(1, min(line, len(self._starts)))
        start = min(self._starts[line - 1] + max(column, 1) - 1, len(self.text))
        return Span(self.name, start, min(start + max(length, 1), len(self.text)))
