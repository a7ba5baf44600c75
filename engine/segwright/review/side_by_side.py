"""Two files of a case side by side, the changed pieces marked.

Takes the bytes before and after; gives rows. Messages are paired segment by segment and cut at their fields; other files
line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.review.difference import field_name, paired_segments, profile_of


class Piece(msgspec.Struct, frozen=True):
    """A piece of a line: a field with the separator before it. `title`: its place and name."""

    text: str
    changed: bool = False
    title: str = ""


class Row(msgspec.Struct, frozen=True):
    """A segment or line before and after; None where there is none."""

    before: tuple[Piece, ...] | None
    after: tuple[Piece, ...] | None

    @property
    def changed(self) -> bool:
        """Whether anything of it changed."""
        both = (self.before, self.after)
        return None in both or any(piece.changed for side in both for piece in side or ())


def rows(before: bytes | None, after: bytes | None) -> list[Row]:
    """The rows of two files; of one that is not there on one side all of the other."""
    if before is None or after is None:
        lines = [(Piece(line, True),) for line in _lines(before or after or b"")]
        return [Row(None, line) if before is None else Row(line, None) for line in lines]
    try:
        return list(_segments(open_message(before), open_message(after)))
    except Refused:
        return list(_by_lines(_lines(before), _lines(after)))


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").splitlines()


def _segments(old: Message, new: Message) -> Iterator[Row]:
    tables = profile_of(new.version)
    for a, b in paired_segments(old, new):
        if a is None or b is None:
            text = old.segments[a] if a is not None else new.segments[b or 0]
            piece = (Piece(text, True),)
            yield Row(piece, None) if b is None else Row(None, piece)
            continue
        one, other = old.segments[a].split(old.delimiters.field), new.segments[b].split(new.delimiters.field)
        left: list[Piece] = []
        right: list[Piece] = []
        header = one[0] in HEADERS
        for number, (first, second) in enumerate(zip_longest(one, other, fillvalue=None)):
            place = number + (1 if header and number else 0)
            title = f"{other[0]}-{place} {field_name(tables, other[0], place)}".strip() if number else ""
            if first is not None:
                left.append(Piece((old.delimiters.field if number else "") + first, first != second, title))
            if second is not None:
                right.append(Piece((new.delimiters.field if number else "") + second, first != second, title))
        yield Row(tuple(left), tuple(right))


def _by_lines(before: list[str], after: list[str]) -> Iterator[Row]:
    for tag, a1, a2, b1, b2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for one, other in zip_longest(before[a1:a2], after[b1:b2]):
            changed = tag != "equal"
            yield Row(
                None if one is None else (Piece(one, changed),), None if other is None else (Piece(other, changed),)
            )
