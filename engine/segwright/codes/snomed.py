"""SNOMED CT identifiers by their form: digits with a check digit (Verhoeff's) that finds every single slip of the hand.

Source: SNOMED CT Technical Implementation Guide, SCTID data type. Which concepts exist is not known here.
"""

from __future__ import annotations

import re
from typing import Final

_SCTID: Final = re.compile(r"[1-9][0-9]{5,17}")
_PARTITIONS: Final = ("00", "10")
"""Of a concept: the third and second digit from the right (01, 02, 11 and 12 are descriptions and relationships)."""
_PERMUTED: Final = "1576283094"


def _times(a: int, b: int) -> int:
    """Multiplication in the dihedral group of the pentagon."""
    if a < 5:
        return (a + b) % 5 + (5 if b >= 5 else 0)
    return (a - b) % 5 + (0 if b >= 5 else 5)


def wrong_with(text: str) -> str:
    """Why a text is no identifier of a concept, as a clause; "" when it is one by its form."""
    if not _SCTID.fullmatch(text):
        return "it has 6 to 18 digits and nothing else."
    check = 0
    for place, digit in enumerate(reversed(text)):
        value = int(digit)
        for _ in range(place % 8):
            value = int(_PERMUTED[value])
        check = _times(check, value)
    if check:
        return "its last digit does not fit the others, so one of them is mistyped."
    return "" if text[-3:-1] in _PARTITIONS else "it names a description or a relationship, not a concept."
