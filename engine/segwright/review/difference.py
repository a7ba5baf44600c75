"""Two messages, value by value: what differs, under the names that HL7 gives the fields and components.

Takes the bytes of two messages; gives differences, each at the smallest element that holds it: a component where only it
moved, a repetition or segment where it came or went as a whole. Segments are paired by what they are about (the code of an
OBX), so that one that is left out is one difference and not one in every segment behind it. Bytes that cannot be opened as
a message are compared line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from itertools import zip_longest
from typing import Final, Literal

import msgspec

from segwright.hl7.paths import HEADERS, Path
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.profiles import VERSIONS, Profile, profile
from segwright.review.pairing import paired, paired_segments


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs: a segment, repetition or value. `path` is where it stands in the message after the change (of what
    was removed: before it); `place` is the same without counting occurrences and repetitions, so that it is alike in other
    messages; `name` is HL7's. `bytes`: the same values in other bytes."""

    kind: Literal["added", "removed", "changed", "bytes"]
    path: str
    name: str
    before: str
    after: str
    place: str = ""
    datatype: str = ""
    """Of a component: the data type that it is part of, such as CWE."""
    alone: bool = True
    """Of a component: whether the other components of its field are as they were, as far as they identify (1, 3, 4, 6)."""


def profile_of(version: str) -> Profile | None:
    """The tables of a message's version; None when there are none."""
    return profile(version) if version in VERSIONS else None


def field_name(tables: Profile | None, segment: str, number: int) -> str:
    """What HL7 calls a field; "" for Z-segments and fields beyond the version."""
    found = tables.segment(segment) if tables is not None else None
    field = found.field(number) if found is not None else None
    return field.name if field is not None else ""


def field_called(version: str, segment: str, number: int) -> str:
    """The same, by the version that a message says."""
    return field_name(profile_of(version), segment, number)


def fields_of(segment: str, message: Message) -> list[str]:
    """The texts of a segment's fields, the first under index 0; MSH-1 is the separator itself."""
    name, *texts = segment.split(message.delimiters.field)
    return [message.delimiters.field, *texts] if name in HEADERS else texts


def occurrences(segments: list[str]) -> list[str]:
    """Each segment's name as paths write it: `OBX`, `OBX(2)`, …"""
    seen: dict[str, int] = {}
    names = []
    for segment in segments:
        name = segment[:3]
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}({seen[name]})")
    return names


def message_differences(before: bytes, after: bytes) -> list[Difference]:
    """What differs between two messages."""
    try:
        old, new = open_message(before), open_message(after)
    except Refused:
        return _by_lines(before, after)
    found = list(_segments(old, new))
    if not found and before != after:
        found.append(Difference("bytes", "", "", f"{len(before)} bytes", f"{len(after)} bytes"))
    return found


def _by_lines(before: bytes, after: bytes) -> list[Difference]:
    texts = [
        data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").splitlines()
        for data in (before, after)
    ]
    found = []
    for line in list(unified_diff(texts[0], texts[1], n=0, lineterm=""))[2:]:
        if line.startswith("+"):
            found.append(Difference("added", "", "", "", line[1:]))
        elif line.startswith("-"):
            found.append(Difference("removed", "", "", line[1:], ""))
    return found or [Difference("bytes", "", "", f"{len(before)} bytes", f"{len(after)} bytes")]


# --- segments ----------------------------------------------------------------------------------------------------------


def _segments(old: Message, new: Message) -> Iterator[Difference]:
    old_names, new_names = occurrences(old.segments), occurrences(new.segments)
    tables = profile_of(new.version)
    for a, b in paired_segments(old, new):
        if b is None:
            assert a is not None
            yield Difference("removed", old_names[a], "", old.segments[a], "", old.segments[a][:3])
        elif a is None:
            yield Difference("added", new_names[b], "", "", new.segments[b], new.segments[b][:3])
        elif old.segments[a] != new.segments[b]:
            yield from _fields(old, new, old.segments[a], new.segments[b], new_names[b], tables)


# --- fields ------------------------------------------------------------------------------------------------------------


def _fields(
    old: Message, new: Message, before: str, after: str, name: str, tables: Profile | None
) -> Iterator[Difference]:
    pairs = zip_longest(fields_of(before, old), fields_of(after, new), fillvalue="")
    different = False
    segment = tables.segment(after[:3]) if tables is not None else None
    for number, (one, other) in enumerate(pairs, 1):
        if one == other:
            continue
        different = True
        field = segment.field(number) if segment is not None else None
        at = _Place(name, number, field.name if field else "", _datatype(field.datatype if field else "", after, new))
        if after[:3] in HEADERS and number <= 2:
            yield at.difference("changed", one, other)
        else:
            texts = one.split(old.delimiters.repetition), other.split(new.delimiters.repetition)
            yield from _repetitions(at, *texts, old, new, tables)
    if not different and before != after:
        yield Difference("changed", name, "empty fields at the end", before, after, after[:3])


def _datatype(datatype: str, segment: str, message: Message) -> str:
    """The data type of a field; that of OBX-5 stands in OBX-2."""
    if datatype == "varies" and segment.startswith("OBX"):
        texts = segment.split(message.delimiters.field)
        return texts[2] if len(texts) > 2 else ""
    return datatype


class _Place(msgspec.Struct, frozen=True):
    """A field of a segment of the message: `OBX(2)`, 3, what it is called, and its data type."""

    segment: str
    number: int
    name: str
    datatype: str

    def difference(
        self, kind: Literal["added", "removed", "changed"], before: str, after: str, repetition: int = 0, component: int = 0,
        subcomponent: int = 0, tables: Profile | None = None, *, alone: bool = True,
    ) -> Difference:  # fmt: skip
        """A difference somewhere in this field."""
        whole = Path.parse(self.segment)
        path = whole._replace(
            field=self.number, repetition=repetition or (1 if component else 0), component=component, subcomponent=subcomponent
        )  # fmt: skip
        place = path._replace(occurrence=1, repetition=1 if component else 0)
        found = tables.datatype(self.datatype) if tables is not None and component and self.datatype else None
        part = found.component(component) if found is not None else None
        name = f"{self.name}: {part.name}" if part is not None and self.name else self.name
        return Difference(kind, str(path), name, before, after, str(place), self.datatype if component else "", alone)


def _repetitions(
    at: _Place, before: list[str], after: list[str], old: Message, new: Message, tables: Profile | None
) -> Iterator[Difference]:
    several = max(len(before), len(after)) > 1
    pairs: list[tuple[int | None, int | None]]
    if len(before) == len(after):
        pairs = [(n, n) for n in range(len(after))]
    else:
        pairs = list(paired([("", text) for text in before], [("", text) for text in after]))
    for a, b in pairs:
        one, other = before[a] if a is not None else "", after[b] if b is not None else ""
        if one == other:
            continue
        number = ((b if b is not None else a) or 0) + 1 if several else 0
        if several and (a is None or b is None):
            yield at.difference("added" if a is None else "removed", one, other, number)
        else:
            yield from _components(at, number, one, other, old, new, tables)


_IDENTIFYING: Final = (0, 2, 3, 5)
"""Of a coded value: code, system, alternative code, its system; indexes of components."""


def _components(
    at: _Place, number: int, before: str, after: str, old: Message, new: Message, tables: Profile | None
) -> Iterator[Difference]:
    one, other = before.split(old.delimiters.component), after.split(new.delimiters.component)
    if not before or not after:
        yield at.difference("changed", before, after, number)
        return
    if len(one) == 1 and len(other) == 1 and _single(before, old) and _single(after, new):
        found = tables.datatype(at.datatype) if tables is not None and at.datatype else None
        whole = at.difference("changed", before, after, number)
        # A composite field that holds its first component alone: written as people write it, alike where others follow.
        composite = found is not None and not found.primitive
        yield msgspec.structs.replace(whole, place=f"{whole.place}.1") if composite else whole
        return
    texts = list(zip_longest(one, other, fillvalue=""))
    alone = all(texts[n][0] == texts[n][1] for n in _IDENTIFYING if n < len(texts))
    seen = False
    for component, (left, right) in enumerate(texts, 1):
        if left == right:
            continue
        seen = True
        if _single(left, old) and _single(right, new):
            yield at.difference("changed", left, right, number, component, 0, tables, alone=alone)
            continue
        parts = zip_longest(
            left.split(old.delimiters.subcomponent), right.split(new.delimiters.subcomponent), fillvalue=""
        )
        for subcomponent, (first, second) in enumerate(parts, 1):
            if first != second:
                yield at.difference("changed", first, second, number, component, subcomponent, tables, alone=alone)
    if not seen:  # only empty components at the end
        yield at.difference("changed", before, after, number)


def _single(text: str, message: Message) -> bool:
    return message.delimiters.subcomponent not in text


def said(difference: Difference) -> str:
    """One line for people."""
    place = f"{difference.path} {difference.name}".strip()
    match difference.kind:
        case "added" if "-" not in difference.path:
            return f"+ {difference.after}"
        case "removed" if "-" not in difference.path:
            return f"- {difference.before}"
        case "bytes":
            return f"~ the same fields in other bytes: {difference.before} before, {difference.after} now"
        case _:
            return f"~ {place}: {difference.before or '(nothing)'} → {difference.after or '(nothing)'}"
