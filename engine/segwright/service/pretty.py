"""A message as people read it: a segment a line, and below it every filled field with its HL7 name.

Takes a message's bytes; gives lines, coloured for a terminal if asked. Control characters never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from segwright.core.render import visible
from segwright.hl7.wire import open_message
from segwright.review.difference import field_name, fields_of, occurrences, profile_of

BOLD, DIM, MARK, END = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"
MASK = "▒"
"""What stands for a character of a value that is not shown."""
LONGEST = 400
"""Characters of a segment or field that are shown: a document in base64 is not for reading."""


def mask(text: str) -> str:
    """What is shown of a value that is not: how long it is."""
    return f"{MASK * min(len(text), 12)} ({len(text)} character{'' if len(text) == 1 else 's'})"


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text for one line."""
    text = visible(text)
    if len(text) <= longest:
        return text
    rest = f"… ({len(text)} characters)"
    return text[: longest - len(rest)] + rest


def pretty_lines(
    data: bytes,
    *,
    colour: bool = False,
    fields: bool = True,
    notes: Mapping[str, str] | None = None,
    longest: int = LONGEST,
    masked: bool = False,
) -> Iterator[str]:
    """The lines, segments and fields cut at `longest` characters.

    `notes`: what is said behind a field or segment, by path (`OBX(2)-5`, `OBX(2)`); without `fields` only the fields that have a
    note stand below their segment. `masked`: of values only how long they are.
    """
    message = open_message(data)
    tables = profile_of(message.version)
    notes = notes or {}
    bold, dim, mark, end = (BOLD, DIM, MARK, END) if colour else ("", "", "", "")
    for segment, place in zip(message.segments, occurrences(message.segments), strict=True):
        name = segment[:3]
        note = f"  {mark}← {notes[place]}{end}" if place in notes else ""
        whole = "" if masked else shortened(segment[3:], longest)
        yield f"{bold}{name}{end}{whole}{note}"
        for number, text in enumerate(fields_of(segment, message), 1):
            path = f"{place}-{number}"
            if not text or not (fields or path in notes):
                continue
            said = f"{dim}{field_name(tables, name, number)}{end}"
            note = f"  {mark}← {notes[path]}{end}" if path in notes else ""
            pad = " " * max(2, 34 - len(field_name(tables, name, number)))
            value = shortened(text, min(longest, 100) if note else longest)
            yield f"    {path:<10} {said}{pad}{mask(text) if masked else value}{note}"
