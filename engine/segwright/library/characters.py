"""Where a text may be divided: between characters as a reader sees them, never inside one.

A base letter and its marks, an emoji and its modifiers, the halves of a flag or of a surrogate pair stay together. The
ranges are fixed here (Unicode 3.2 categories and the blocks of marks that came later), so that a newer Python divides alike.
"""

from __future__ import annotations

from typing import Final
from unicodedata import ucd_3_2_0

from segwright.library.record import Refusal

_JOINER: Final = "\u200d"
_LATER_MARKS: Final = (
    (0x0300, 0x036F),
    (0x1160, 0x11FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200C, 0x200D),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0x1F3FB, 0x1F3FF),
    (0xE0020, 0xE007F),
    (0xE0100, 0xE01EF),
)


def _is_mark(character: str) -> bool:
    number = ord(character)
    if number < 0x300:
        return False
    if any(first <= number <= last for first, last in _LATER_MARKS):
        return True
    return ucd_3_2_0.category(character)[0] == "M"


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _belong_together(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if before == _JOINER or _is_mark(after):
        return True
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        first = place
        while first and _is_flag_half(text[first - 1]):
            first -= 1
        return (place - first) % 2 == 1
    return False


def boundary(text: str, limit: int) -> int:
    """The last place up to `limit` where `text` may be divided; refused when its first character alone is longer."""
    if limit >= len(text):
        return len(text)
    place = limit
    if not text.isascii():
        while place > 0 and _belong_together(text, place):
            place -= 1
    if place <= 0:
        raise Refusal(f"a character with its marks is longer than the {limit} allowed")
    return place
