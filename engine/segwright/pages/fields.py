"""A message laid out for people: its segments and fields under HL7's names, with what differs from another one marked.

Takes the bytes of a message; gives segments of fields. The texts are those that go out, still escaped: nothing is made prettier
than it is. Bytes that are no message are one segment without fields. (Messages that were sent, masked and with notes at their
fields, are laid out by `messages`.)"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import open_message
from segwright.pages.messages import cut, field_name, numbered


class Field(msgspec.Struct, frozen=True):
    """A field that holds something. `place`: `OBX-5`; `name`: HL7's, "" where none is known; `changed`: whether it differs;
    `was`: what stood there then."""

    place: str
    name: str
    text: str
    changed: bool = False
    was: str = ""


class Segment(msgspec.Struct, frozen=True):
    """A segment. `number`: which of its name, from 1, 0 for the only one; `change`: "added", "changed" or ""."""

    name: str
    number: int
    text: str
    fields: tuple[Field, ...]
    change: str = ""

    @property
    def changes(self) -> int:
        """How many of its fields differ."""
        return sum(field.changed for field in self.fields)


def laid_out(body: bytes, against: bytes | None = None, *, charset: str = "UNICODE UTF-8") -> tuple[Segment, ...]:
    """A message. `against`: another one of the same kind; what differs from it is marked. `charset`: of one that does not say."""
    segments = _segments(body, charset)
    if not segments:
        return (Segment("", 0, body.decode("latin-1"), ()),)
    before = _segments(against, charset) if against is not None else segments
    counts: dict[str, int] = {}
    for texts in segments:
        counts[texts[0]] = counts.get(texts[0], 0) + 1
    seen: dict[str, int] = {}
    out = []
    for texts, old in _paired(before, segments):
        name = texts[0]
        seen[name] = seen.get(name, 0) + 1
        fields = tuple(_fields(texts, old))
        change = "added" if old is None else "changed" if any(field.changed for field in fields) else ""
        separator = texts[1] if name in HEADERS and len(texts) > 1 else "|"
        whole = separator.join([name, *texts[2:]] if name in HEADERS else texts)
        out.append(Segment(name, seen[name] if counts[name] > 1 else 0, whole, fields, change))
    return tuple(out)


def instead(segment: Segment, place: str, text: str, said: str) -> Segment:
    """A segment that says something else where a field has a text that stands for what is not known yet."""
    found = tuple(
        msgspec.structs.replace(field, text=said) if (field.place, field.text) == (place, text) else field
        for field in segment.fields
    )
    return (
        segment
        if found == segment.fields
        else msgspec.structs.replace(segment, fields=found, text=segment.text.replace(f"|{text}|", f"|{said}|"))
    )


def _segments(body: bytes | None, charset: str) -> list[list[str]]:
    """The fields of each segment, its name first."""
    if body is None:
        return []
    try:
        message = open_message(body, default_charset=charset)
    except (Refused, ValueError):
        return []
    return [[name, *texts] for name, texts in numbered(message)]


def _paired(before: list[list[str]], after: list[list[str]]) -> Iterator[tuple[list[str], list[str] | None]]:
    """Each segment with the one that it was: what is alike stays together, else in order among those of its name."""
    matcher = SequenceMatcher(
        None, ["\x1f".join(one) for one in before], ["\x1f".join(one) for one in after], autojunk=False
    )
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            yield from ((after[b1 + n], before[a1 + n]) for n in range(b2 - b1))
            continue
        left = list(before[a1:a2])
        for texts in after[b1:b2]:
            old = next((one for one in left if one[0] == texts[0]), None)
            if old is not None:
                left.remove(old)
            yield texts, old


def _fields(texts: list[str], old: list[str] | None) -> Iterator[Field]:
    for number, (text, was) in enumerate(zip_longest(texts[1:], (old or [])[1:], fillvalue=""), 1):
        changed = old is None or text != was
        if text or (changed and was):
            place = f"{texts[0]}-{number}"
            yield Field(
                place, field_name(texts[0], number), cut(text), changed, cut(was) if old is not None and changed else ""
            )
