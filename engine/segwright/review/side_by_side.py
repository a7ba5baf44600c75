"""Two files of a case side by side, the changed pieces marked.

Takes the bytes before and after, and what HL7 calls the fields; gives rows. Messages are paired segment by segment and cut
at their fields, a field that changed at its components; other files line by line. Knows no tables of HL7: where there are
none, such as on a server, a review as data brings the names (`document.names`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.review.pairing import paired_segments

FieldNames = Callable[[str, str, int], str]
"""What HL7 calls a field: by version, segment and number; "" where it has no name."""


class Piece(msgspec.Struct, frozen=True):
    """A piece of a line: a field, of one that changed a component, or the separator before it. `title`: the place and name of the
    field."""

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

    @property
    def fields(self) -> tuple[str, ...]:
        """The titles of the fields that changed, in their order; none of a line that stands on one side only."""
        if self.before is None or self.after is None:
            return ()
        pieces = [piece for side in (self.before, self.after) for piece in side if piece.changed and piece.title]
        return tuple(dict.fromkeys(piece.title for piece in pieces))


def rows(before: bytes | None, after: bytes | None, called: FieldNames) -> list[Row]:
    """The rows of two files; of one that is not there on one side all of the other."""
    if before is None or after is None:
        lines = _alone(before or after or b"", called)
        return [Row(None, line) if before is None else Row(line, None) for line in lines]
    try:
        return list(_segments(open_message(before), open_message(after), called))
    except Refused:
        return list(_by_lines(_lines(before), _lines(after)))


def _alone(data: bytes, called: FieldNames) -> list[tuple[Piece, ...]]:
    """The lines of a file that stands on one side only."""
    try:
        message = open_message(data)
    except Refused:
        return [(Piece(line, True),) for line in _lines(data)]
    return [tuple(_whole(segment, message, called)) for segment in message.segments]


def _whole(segment: str, message: Message, called: FieldNames) -> Iterator[Piece]:
    name, *texts = segment.split(message.delimiters.field)
    yield Piece(name, True)
    for number, text in enumerate(texts, 2 if name in HEADERS else 1):
        yield Piece(message.delimiters.field)
        yield Piece(text, True, f"{name}-{number} {called(message.version, name, number)}".strip())


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").splitlines()


def _segments(old: Message, new: Message, called: FieldNames) -> Iterator[Row]:
    for a, b in paired_segments(old, new):
        if a is None or b is None:
            if a is not None:
                yield Row(tuple(_whole(old.segments[a], old, called)), None)
            else:
                yield Row(None, tuple(_whole(new.segments[b or 0], new, called)))
            continue
        one, other = old.segments[a].split(old.delimiters.field), new.segments[b].split(new.delimiters.field)
        left: list[Piece] = []
        right: list[Piece] = []
        header = one[0] in HEADERS
        for number, (first, second) in enumerate(zip_longest(one, other, fillvalue=None)):
            place = number + (1 if header and number else 0)
            title = f"{other[0]}-{place} {called(new.version, other[0], place)}".strip() if number else ""
            left += _field(first, second, old, title, number)
            right += _field(second, first, new, title, number)
        yield Row(tuple(left), tuple(right))


def _field(text: str | None, other: str | None, message: Message, title: str, number: int) -> Iterator[Piece]:
    """A field as it stands on one side; `other`: on the other one. Where both hold something, only the components that differ
    are marked."""
    if text is None:
        return
    if number:
        yield Piece(message.delimiters.field)
    if text == other or not text or not other or message.delimiters.repetition in text + other:
        yield Piece(text, text != other, title)
        return
    mark = message.delimiters.component
    there = other.split(mark)
    for index, part in enumerate(text.split(mark)):
        if index:
            yield Piece(mark)
        yield Piece(part, index >= len(there) or there[index] != part, title)


def _by_lines(before: list[str], after: list[str]) -> Iterator[Row]:
    for tag, a1, a2, b1, b2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for one, other in zip_longest(before[a1:a2], after[b1:b2]):
            changed = tag != "equal"
            yield Row(
                None if one is None else (Piece(one, changed),), None if other is None else (Piece(other, changed),)
            )
