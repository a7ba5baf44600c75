"""Values that live between a message and a record: what text, int, Decimal, bool, tuple and None cannot say alone.

At run time a value is: text -> `str` (never empty: an empty text is a missing one), integer -> `int`, decimal -> `Decimal`,
boolean -> `bool`, date and datetime -> `Moment`, quantity -> `Quantity`, field -> `Field`, enum -> its name as `str`,
code -> `str`, segments -> tuple of `Segment`, record -> tuple of its attributes in declared order, list -> tuple,
missing -> `None`, HL7 null (`""`) -> `NULL`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from segwright.hl7.delimiters import Delimiters


class Null:
    """HL7's explicit null: the wire holds two double quotes, the receiver deletes its stored value (chapter 2, 2.5.3)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"

    def __reduce__(self) -> str:
        return "NULL"


NULL: Final = Null()


class Field(NamedTuple):
    """A whole received field, opaque: its text as it came (still escaped), the delimiters it is written with, and the codec of
    its hexadecimal escapes ("" when it is not known: then they mean what they mean to whoever writes them on)."""

    text: str
    delimiters: Delimiters
    codec: str = ""


class Segment(NamedTuple):
    """A whole received segment kept for echoing: its text without the segment end, its message's delimiters, and the codec of
    its hexadecimal escapes as in `Field`."""

    text: str
    delimiters: Delimiters
    codec: str = ""

    @property
    def name(self) -> str:
        """The three-letter segment name."""
        return self.text[:3]


class Moment(NamedTuple):
    """A point in time no more precise than it is known (DTM, chapter 2A).

    `digits` are YYYY[MM[DD[HH[MM[SS[.f{1,4}]]]]]] as the source gave them; `offset` is minutes east of UTC, None when
    the source names no zone.
    """

    digits: str
    offset: int | None


class Quantity(NamedTuple):
    """A measured number with its UCUM unit ("1" for none) and comparator ("", "<", "<=", ">", ">=")."""

    value: Decimal
    unit: str
    comparator: str
