"""Which segments of two messages belong together.

Takes two messages; gives pairs of their segments' numbers. Segments are paired by what they are about (the code of an OBX),
so that one that is left out is one difference and not one in every segment behind it. Knows the wire and no tables of HL7:
a server that only shows a review needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from segwright.hl7.wire import Message

ABOUT: Final = {"OBX": 3, "OBR": 4, "DG1": 3, "FT1": 7, "PR1": 3, "NTE": 2, "ORC": 1}
"""The field whose first component says what a segment is about, by segment."""


def paired_segments(old: Message, new: Message) -> Iterator[tuple[int | None, int | None]]:
    """Which segments of two messages belong together, by their numbers; None where one has no other."""
    return paired(_about(old), _about(new))


def _about(message: Message) -> list[tuple[str, str]]:
    """Each segment's name and what it is about."""
    out = []
    for segment in message.segments:
        texts = segment.split(message.delimiters.field)
        field = ABOUT.get(texts[0], 0)
        text = texts[field] if 0 < field < len(texts) else ""
        out.append((segment[:3], text.split(message.delimiters.component)[0]))
    return out


def paired(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> Iterator[tuple[int | None, int | None]]:
    """Which of two sequences (name, what it is about) belong together: those about the same in the same order, then those
    between them by name."""
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(range(i1, i2), range(j1, j2), strict=True)
            continue
        names = [name for name, _ in old[i1:i2]], [name for name, _ in new[j1:j2]]
        for inner, a1, a2, b1, b2 in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
            if inner == "equal":
                yield from zip(range(i1 + a1, i1 + a2), range(j1 + b1, j1 + b2), strict=True)
                continue
            yield from ((a, None) for a in range(i1 + a1, i1 + a2))
            yield from ((None, b) for b in range(j1 + b1, j1 + b2))
