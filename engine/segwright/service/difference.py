"""Two messages, field by field: what differs, under the names that HL7 gives the fields.

Takes the bytes of two messages; gives lines. Bytes that cannot be opened as a message are compared line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff
from itertools import zip_longest
from typing import Literal

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.profiles import VERSIONS, Profile, profile


class Difference(msgspec.Struct, frozen=True):
    """One line of a comparison: a segment or field (`path`, in the message where it stands), its name, and both texts."""

    kind: Literal["added", "removed", "changed", "bytes"]
    path: str
    name: str
    before: str
    after: str


def profile_of(version: str) -> Profile | None:
    """The tables of a message's version; None when there are none."""
    return profile(version) if version in VERSIONS else None


def field_name(tables: Profile | None, segment: str, number: int) -> str:
    """What HL7 calls a field; "" for Z-segments and fields beyond the version."""
    found = tables.segment(segment) if tables is not None else None
    field = found.field(number) if found is not None else None
    return field.name if field is not None else ""


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


def _segments(old: Message, new: Message) -> Iterator[Difference]:
    old_names, new_names = occurrences(old.segments), occurrences(new.segments)
    tables = profile_of(new.version)
    matcher = SequenceMatcher(None, old.segments, new.segments, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        inner = SequenceMatcher(
            None, [s[:3] for s in old.segments[i1:i2]], [s[:3] for s in new.segments[j1:j2]], autojunk=False
        )
        for kind, a1, a2, b1, b2 in inner.get_opcodes():
            if kind == "equal":
                for a, b in zip(range(i1 + a1, i1 + a2), range(j1 + b1, j1 + b2), strict=True):
                    yield from _fields(old, new, old.segments[a], new.segments[b], new_names[b], tables)
                continue
            for a in range(i1 + a1, i1 + a2):
                yield Difference("removed", old_names[a], "", old.segments[a], "")
            for b in range(j1 + b1, j1 + b2):
                yield Difference("added", new_names[b], "", "", new.segments[b])


def _fields(
    old: Message, new: Message, before: str, after: str, name: str, tables: Profile | None
) -> Iterator[Difference]:
    pairs = zip_longest(fields_of(before, old), fields_of(after, new), fillvalue="")
    different = False
    for number, (one, other) in enumerate(pairs, 1):
        if one != other:
            different = True
            yield Difference("changed", f"{name}-{number}", field_name(tables, after[:3], number), one, other)
    if not different and before != after:
        yield Difference("changed", name, "empty fields at the end", before, after)


def said(difference: Difference) -> str:
    """One line for people."""
    place = f"{difference.path} {difference.name}".strip()
    match difference.kind:
        case "added":
            return f"+ {difference.after}"
        case "removed":
            return f"- {difference.before}"
        case "bytes":
            return f"~ the same fields in other bytes: {difference.before} before, {difference.after} now"
        case _:
            return f"~ {place}: {difference.before or '(nothing)'} → {difference.after or '(nothing)'}"
