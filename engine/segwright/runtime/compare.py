"""Equality and order of run-time values (`hl7.values`).

Takes two values; gives whether they are equal, or which comes first. Quantities compare in any units of one dimension, times as
far as both are known. Raises `library.record.Refusal` for two values that cannot be compared, TypeError for two that never can.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from segwright.hl7.values import NULL, Moment, Quantity
from segwright.library import units
from segwright.library.record import Refusal

_DAY = 8
_HOUR = 10


def equal(left: object, right: object) -> bool:
    """Whether two values are present and equal. Null equals null; values of different types are never equal."""
    if left is None or right is None:
        return False
    if left is NULL or right is NULL:
        return left is right
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _equal_quantities(left, right)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return _equal_moments(left, right)
    if _is_number(left) and _is_number(right):
        return left == right
    return type(left) is type(right) and left == right


def compare(left: object, right: object) -> int:
    """-1, 0 or 1. Numbers, quantities, times, and (for sorting) texts by code point and booleans."""
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return units.compare(left, right)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return _compare_moments(left, right)
    if _is_number(left) and _is_number(right):
        return _sign(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _sign(left, right)
    if isinstance(left, bool) and isinstance(right, bool):
        return _sign(left, right)
    raise TypeError("these values have no order")


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _equal_quantities(left: Quantity, right: Quantity) -> bool:
    if left == right:
        return True
    if left.comparator != right.comparator:
        return False
    return units.compare(left._replace(comparator=""), right._replace(comparator="")) == 0


def _equal_moments(left: Moment, right: Moment) -> bool:
    """One time, known equally well. 14:30 with an offset is not 14:30 without."""
    if len(left.digits) != len(right.digits) or (left.offset is None) != (right.offset is None):
        return False
    return _compare_moments(left, right) == 0


def _compare_moments(left: Moment, right: Moment) -> int:
    """By what is known of both: 2026 is neither before nor after 2026-03. Days compare as the calendar shows them."""
    length = min(len(left.digits), len(right.digits))
    if length <= _DAY or left.offset == right.offset:
        return _sign(left.digits[:length], right.digits[:length])
    if left.offset is None or right.offset is None:
        raise Refusal("one of the two times names its offset from UTC, the other does not")
    return _sign(_utc(left, left.offset, length), _utc(right, right.offset, length))


def _utc(moment: Moment, offset: int, length: int) -> tuple[int, str]:
    """Minutes since the year 1 in UTC, and the digits of the seconds as far as `length` goes."""
    digits = moment.digits
    day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).toordinal()
    minutes = int(digits[8:10]) * 60 + (int(digits[10:12]) if length > _HOUR else 0)
    return day * 1440 + minutes - offset, digits[12:length]
