"""The parts of a message to its bytes: every value escaped, encoded and checked at once.

Takes the list that a generated function returns, fixed and free texts in turn; gives bytes, or raises. All free texts are joined
with NUL, which no text may hold, and whatever is special in them is taken out in one pass: when that is nothing but the NULs,
they go out as they are. Otherwise it says what to mend, and where: a few texts are mended one by one, many by one `replace` of
the whole for each character that occurs, taken apart again. That no value held a NUL is checked by their number: without that,
one patient's values would move into each other's fields.
"""

from __future__ import annotations

from typing import Any, Final

from segwright.hl7.values import NULL
from segwright.plan import ops
from segwright.runtime.calls import Signal, text_of
from segwright.runtime.constants import delimiters_of, replacements
from segwright.runtime.fields import NULL_TEXT

_BETWEEN: Final = "\0"
_NUL: Final = b"\0"
_FEW: Final = 12
"""Up to so many special characters it is faster to mend the values that hold them one by one."""
_REFUSED: Final = bytes([*range(9), 11, 12, *range(14, 32), 127])
"""Controls that nothing sends; CR, LF and TAB are escaped."""


class Assembler:
    """Makes the bytes of one plan's messages."""

    __slots__ = ("_codec", "_marks", "_plain", "_replacements")

    def __init__(self, encoding: ops.Encoding) -> None:
        delimiters = delimiters_of(encoding)
        mark = delimiters.escape
        letters = zip(
            (delimiters.escape, delimiters.field, delimiters.component, delimiters.repetition, delimiters.subcomponent),
            "EFSRT",
            strict=True,
        )
        marks = [(character, f"{mark}{letter}{mark}") for character, letter in letters]
        if delimiters.truncation:
            marks.append((delimiters.truncation, f"{mark}P{mark}"))
        marks += [(character, f"{mark}X{code}{mark}") for character, code in (("\r", "0D"), ("\n", "0A"), ("\t", "09"))]
        self._marks = tuple(marks)
        self._plain = bytes({*range(32, 127), *range(128, 256)}.difference("".join(delimiters).encode()))
        self._codec = encoding.codec
        self._replacements = replacements(encoding)

    def message(self, parts: list[str]) -> bytes:
        """The message. Raises `Signal` or ValueError when a value cannot be sent, TypeError when a part is missing."""
        values = parts[1::2]
        try:
            joined = _BETWEEN.join(values)
        except TypeError:
            return self.message(self._texts(parts))
        if not joined.isascii() and _lacks(joined, self._codec):
            parts[1::2] = values = [
                text.translate(self._replacements) if _lacks(text, self._codec) else text for text in values
            ]
            joined = _BETWEEN.join(values)
        # A receiver would take a text of two quotes for HL7 null, and delete.
        if '"' in joined and NULL_TEXT in values:
            raise Signal
        # UTF-8 whatever the charset: it is the fastest, and bytes below 128 mean themselves in both.
        special = joined.encode().translate(None, self._plain)
        if len(special) >= len(values):
            if not values:
                return b""
            if len(special) - len(special.translate(None, _REFUSED)) >= len(values):
                raise Signal
            if len(special) - len(values) < _FEW:
                self._escape_few(parts, special)
            else:
                parts[1::2] = self._escape_all(joined, len(values))
        text = "".join(parts)
        return text.encode() if text.isascii() else text.encode(self._codec)

    def text(self, parts: list[str]) -> str:
        """The same as text, for a field that takes the place of a received one."""
        return self.message(parts).decode(self._codec)

    def _escape_all(self, joined: str, count: int) -> list[str]:
        for character, mark in self._marks:
            if character in joined:
                joined = joined.replace(character, mark)
        escaped = joined.split(_BETWEEN)
        if len(escaped) != count:
            raise Signal
        return escaped

    def _escape_few(self, parts: list[str], special: bytes) -> None:
        """The same for a few values of many: each is found by counting the NULs before it."""
        place = 1
        while found := special.lstrip(_NUL):
            place += 2 * (len(special) - len(found))
            text = parts[place]
            for character, mark in self._marks:
                text = text.replace(character, mark)
            parts[place] = text
            special = found[found.find(_NUL) :] if _NUL in found else b""

    def _texts(self, parts: list[Any]) -> list[str]:
        """The parts with numbers printed and nulls where no escaping reaches them: among the fixed texts."""
        texts: list[str] = []
        for place in range(0, len(parts), 2):
            fixed, free = parts[place : place + 2]
            if free is NULL:
                texts += (fixed, "", NULL_TEXT, "")
            else:
                texts += (fixed, free if free.__class__ is str else text_of(free))
        return texts


def _lacks(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return True
    return False
