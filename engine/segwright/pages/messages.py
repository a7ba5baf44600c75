"""Bytes of a message as people read them: a segment a block, its fields under their HL7 names, masked unless opened.

Takes a message as it was sent or came; gives `Shown`. What identifies the message (MSH, and MSA as far as it says which message
is answered) is never masked; of every other value there is only its length. Of bytes that are no message there are the lines, and
where reading them ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message

LONGEST: Final = 400
"""Characters of a value that are shown: a document in base64 is not for reading."""
MOST_LINES: Final = 200
_NAMED: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?=[^A-Za-z0-9])")
_LINE: Final = re.compile(rb"[^\r\n]+")
_CLEAR: Final = {"MSH": 99, "MSA": 2}
"""Up to which field a segment is never masked."""


class Field(msgspec.Struct, frozen=True):
    """A filled field. `text`: as it stands in the message, "" when it is masked; `length` in characters; `notes`: what is to be
    said about it."""

    path: str
    name: str
    text: str
    length: int
    masked: bool
    notes: tuple[Any, ...] = ()


class Segment(msgspec.Struct, frozen=True):
    """A segment with its filled fields."""

    place: str
    fields: tuple[Field, ...]
    notes: tuple[Any, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """A message. `fault`: why it cannot be read, in a sentence, with `lines` instead of segments; `elsewhere`: notes about places
    that it does not have."""

    segments: tuple[Segment, ...]
    masked: bool
    size: int
    fault: str = ""
    lines: tuple[Line, ...] = ()
    elsewhere: tuple[Any, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """A line of what cannot be read. `before`, `wrong`, `after`: parted where reading ends, if that is in it."""

    number: int
    before: str
    wrong: str = ""
    after: str = ""


@cache
def _names() -> dict[str, list[str]]:
    text = files("segwright.pages").joinpath("field_names.txt").read_text("utf-8")
    return {line[:3]: line.split("|") for line in text.splitlines()}


def field_name(segment: str, number: int) -> str:
    """What HL7 calls a field; "" for Z-segments and beyond the standard."""
    found = _names().get(segment, [])
    return found[number] if 0 < number < len(found) else ""


def shown(body: bytes, charset: str, *, unmask: bool, notes: Mapping[str, tuple[Any, ...]] | None = None) -> Shown:
    """A message for a page. `charset`: of a message that names none; `notes` by path (`OBX(2)-5`, `OBX(2)`)."""
    try:
        message = open_message(body, default_charset=charset)
    except Refused as refused:
        return Shown((), not unmask, len(body), str(refused), _lines(body, refused.offset, unmask=unmask))
    left = dict(notes or {})
    seen: dict[str, int] = {}
    segments = []
    for name, texts in numbered(message):
        seen[name] = seen.get(name, 0) + 1
        place = name if seen[name] == 1 else f"{name}({seen[name]})"
        fields = []
        for number, value in enumerate(texts, 1):
            path = f"{place}-{number}"
            said = left.pop(path, ())
            if value or said:
                masked = not unmask and number > _CLEAR.get(name, 0)
                fields.append(
                    Field(path, field_name(name, number), "" if masked else cut(value), len(value), masked, said)
                )
        for path in [path for path in left if path.startswith(f"{place}-")]:
            number = int(path.rpartition("-")[2])
            fields.append(Field(path, field_name(name, number), "", 0, False, left.pop(path)))
        segments.append(Segment(place, tuple(fields), left.pop(place, ())))
    elsewhere = tuple(note for said in left.values() for note in said)
    return Shown(tuple(segments), not unmask, len(body), elsewhere=elsewhere)


def numbered(message: Message) -> Iterator[tuple[str, list[str]]]:
    """The name of each segment and its fields from 1, as HL7 numbers them: MSH-1 is the separator."""
    separator = message.delimiters.field
    for segment in message.segments:
        name, *texts = segment.split(separator)
        yield name, [separator, *texts] if name in HEADERS else texts


def cut(text: str) -> str:
    """A value as a page shows it."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _lines(body: bytes, offset: int | None, *, unmask: bool) -> tuple[Line, ...]:
    """The lines of what is no message; a byte that no text can be made of is shown by its number."""
    out = []
    for number, found in enumerate(islice(_LINE.finditer(body), MOST_LINES), 1):
        piece, at = found[0], -1 if offset is None else offset - found.start()
        if 0 <= at < len(piece):
            code = piece[at : at + 1].hex().upper()
            out.append(Line(number, _said(piece[:at], unmask), code, _said(piece[at + 1 :], unmask, begins=False)))
        else:
            out.append(Line(number, _said(piece, unmask)))
    return tuple(out)


def _said(piece: bytes, unmask: bool, *, begins: bool = True) -> str:
    """A part of a line, masked unless it is opened or is MSH. `begins`: of what begins a line a segment's name stays."""
    text = piece.decode("utf-8", "backslashreplace")
    text = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
    named = _NAMED.match(text) if begins else None
    if not (unmask or (named and named[0] == "MSH")):
        clear = len(named[0]) if named else 0
        text = text[:clear] + "".join("•" if one.isalnum() else one for one in text[clear:])
    return cut(text)
