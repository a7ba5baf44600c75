"""Paths to elements of a message, as people write them: `PID-3`, `PID-3[2].4.1`, `OBX(3)-5.1`.

Takes a path or an offset and the text of an encoded message, gives the other. `(n)` counts segments of that name through the
message, `[n]` repetitions, `.n` components and subcomponents, all from 1 (chapter 2, section 2.5). Refuses a path that is
not so written with ValueError, and text whose first line names no delimiters with `Refused`.

A component without a repetition is that of the first; a field without one is the field with all its repetitions. So
`PID-3[1].4` and `PID-3.4` are one path, `PID-3[1]` and `PID-3` are two.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from segwright.hl7.delimiters import Delimiters, header_delimiters

_NUMBER = "([1-9][0-9]{0,5})"
_PATH = re.compile(
    rf"([A-Z][A-Z0-9]{{2}})(?:\({_NUMBER}\))?(?:-{_NUMBER}(?:\[{_NUMBER}\])?(?:\.{_NUMBER}(?:\.{_NUMBER})?)?)?"
)
_LINE = re.compile(r"[^\r\n]+")

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the field separator itself and whose second holds the encoding characters."""


class Path(NamedTuple):
    """An element of a message. 0 stands for "not narrowed to one": a path without field is the segment."""

    segment: str
    occurrence: int = 1
    field: int = 0
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The path that `text` writes. Raises ValueError."""
        found = _PATH.fullmatch(text)
        if not found:
            raise ValueError("a path is written as SEG-n, SEG(occurrence)-n[repetition].component.subcomponent")
        occurrence, field, repetition, component, subcomponent = (int(number or 0) for number in found.groups()[1:])
        return cls(found[1], occurrence or 1, field, repetition or (1 if component else 0), component, subcomponent)

    def __str__(self) -> str:
        text = self.segment if self.occurrence == 1 else f"{self.segment}({self.occurrence})"
        if not self.field:
            return text
        text += f"-{self.field}"
        if self.repetition > 1 or (self.repetition and not self.component):
            text += f"[{self.repetition}]"
        if self.component:
            text += f".{self.component}"
        if self.subcomponent:
            text += f".{self.subcomponent}"
        return text


def locate(text: str, path: Path) -> tuple[int, int] | None:
    """The characters (start, end) of an element in an encoded message, its segments ended by CR, LF or both; None when it is
    absent. An element that is there but empty is an empty range."""
    delimiters = _delimiters(text)
    left = path.occurrence
    for line in _LINE.finditer(text):
        if _named(line[0], path.segment, delimiters):
            left -= 1
            if not left:
                found = locate_in(line[0], delimiters, path)
                return found and (line.start() + found[0], line.start() + found[1])
    return None


def locate_in(segment: str, delimiters: Delimiters, path: Path) -> tuple[int, int] | None:
    """As `locate` in the text of one segment, whatever its name and occurrence."""
    if not path.field:
        return 0, len(segment)
    field = path.field
    if segment[:3] in HEADERS:
        field -= 1  # MSH-1 is the first separator
        if field <= 1:
            whole = (3, 4) if not field else _piece(segment, delimiters.field, 2, 0, len(segment))
            narrowed = max(path.repetition, path.component, path.subcomponent) > 1
            return None if narrowed else whole
    found = _piece(segment, delimiters.field, field + 1, 0, len(segment))
    for separator, number in (
        (delimiters.repetition, path.repetition),
        (delimiters.component, path.component),
        (delimiters.subcomponent, path.subcomponent),
    ):
        if found and number:
            found = _piece(segment, separator, number, *found)
    return found


def at(text: str, offset: int) -> Path:
    """The innermost element that holds the character at `offset` of an encoded message. A separator belongs to the element
    that it ends, a segment end to the segment's last one. Raises ValueError when there is no such character."""
    if not 0 <= offset < len(text):
        raise ValueError(f"offset {offset} lies outside of the message")
    delimiters = _delimiters(text)
    seen: dict[str, int] = {}
    here: re.Match[str] | None = None
    for line in _LINE.finditer(text):
        if line.start() > offset:
            break
        here = line
        seen[line[0][:3]] = seen.get(line[0][:3], 0) + 1
    if here is None:
        raise ValueError(f"no segment stands at offset {offset}")
    segment = here[0]
    return _at(segment, min(offset - here.start(), len(segment)), delimiters, seen[segment[:3]])


def _at(segment: str, offset: int, delimiters: Delimiters, occurrence: int) -> Path:
    name = segment[:3]
    if name in HEADERS:
        if offset == 3:
            return Path(name, occurrence, 1)
        if 3 < offset <= _end(segment, delimiters.field, 4, len(segment)):
            return Path(name, occurrence, 2)
    elif offset == 3:
        return Path(name, occurrence)
    if offset < 3:
        return Path(name, occurrence)
    number, start, end = _around(segment, delimiters.field, offset, 0, len(segment))
    numbers = [number if name in HEADERS else number - 1]
    for separator in (delimiters.repetition, delimiters.component, delimiters.subcomponent):
        if separator in segment[start:end]:
            number, start, end = _around(segment, separator, offset, start, end)
            numbers.append(number)
        else:
            numbers.append(0)
    field, repetition, component, subcomponent = numbers
    if subcomponent and not component:
        component = 1
    if component and not repetition:
        repetition = 1
    return Path(name, occurrence, field, repetition, component, subcomponent)


def _delimiters(text: str) -> Delimiters:
    first = _LINE.search(text)
    return header_delimiters(first[0] if first else "")


def _named(segment: str, name: str, delimiters: Delimiters) -> bool:
    return segment.startswith(name) and segment[3:4] in ("", delimiters.field)


def _end(text: str, separator: str, start: int, end: int) -> int:
    found = text.find(separator, start, end)
    return end if found < 0 else found


def _piece(text: str, separator: str, number: int, start: int, end: int) -> tuple[int, int] | None:
    """The range of piece `number` (from 1) of text[start:end]."""
    for _ in range(number - 1):
        start = text.find(separator, start, end) + 1
        if not start:
            return None
    return start, _end(text, separator, start, end)


def _around(text: str, separator: str, offset: int, start: int, end: int) -> tuple[int, int, int]:
    """Number and range of the piece of text[start:end] that `offset` is in or at the end of."""
    number = text.count(separator, start, offset) + 1
    return number, max(start, text.rfind(separator, start, offset) + 1), _end(text, separator, offset, end)
