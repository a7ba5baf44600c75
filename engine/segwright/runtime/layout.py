"""Where the parts of a segment stand, and what stands between two of them.

Takes the fields of a segment operation, gives its `Place`s in order. The text between two parts that are written one after the
other depends on their two places alone, whatever was left out between them: absent fields and components leave separators
only if something follows, absent repetitions close up. So trimming is never done afterwards, on text in which a received field's
own separators could not be told from ours: the separators are chosen by what is there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from segwright.hl7.delimiters import Delimiters

START: Final = -1
"""As `repetition`: where no repetition has been written."""
AFTER: Final = -2
"""As `repetition`: behind a repetition that is complete, whichever it was."""


class Place(NamedTuple):
    """A component or subcomponent (from 1) of a field. `repetition` names one `Leaves`, `Opaque` or `HoldRep` of the segment,
    by a number that no other of them has."""

    field: int
    repetition: int
    component: int = 1
    subcomponent: int = 1


def between(before: Place, after: Place, delimiters: Delimiters) -> str:
    """The separators between two parts written one after the other."""
    inside = delimiters.component * (after.component - 1) + delimiters.subcomponent * (after.subcomponent - 1)
    if before.field != after.field:
        return delimiters.field * (after.field - before.field) + inside
    if before.repetition == START:
        return inside
    if before.repetition != after.repetition:
        return delimiters.repetition + inside
    if before.component != after.component:
        steps = after.component - before.component
        return delimiters.component * steps + delimiters.subcomponent * (after.subcomponent - 1)
    return delimiters.subcomponent * (after.subcomponent - before.subcomponent)
