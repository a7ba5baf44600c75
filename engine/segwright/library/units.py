"""Units of measurement (UCUM): exact conversion between the units that results are sent in, from one table.

A unit outside the table can still be sent; it only cannot be converted. Whether a code is UCUM at all is asked of
ucumvert, which only the compiler has.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from segwright.hl7.values import Quantity
from segwright.library.record import Refusal

UCUM_VERSION: Final = "2.2"

# [pi] as UCUM 2.2 prints it. It is the one ratio that no finite number of places holds.
PI: Final = Fraction("3.1415926535897932384626433832795028841971693993751058209749445923")

_POUND: Final = Fraction("0.45359237")
_INCH: Final = Fraction("0.0254")
_MERCURY: Final = Fraction("133.322")  # pascals in one mm[Hg]

# code -> (dimension, how many of the dimension's base unit it is)
_UNITS: Final[dict[str, tuple[str, Fraction]]] = {
    "ns": ("time", Fraction(1, 10**9)),
    "us": ("time", Fraction(1, 10**6)),
    "ms": ("time", Fraction(1, 1000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "h": ("time", Fraction(3600)),
    "d": ("time", Fraction(86400)),
    "Hz": ("frequency", Fraction(1)),
    "kHz": ("frequency", Fraction(1000)),
    "/s": ("frequency", Fraction(1)),
    "1/s": ("frequency", Fraction(1)),
    "/min": ("frequency", Fraction(1, 60)),
    "1/min": ("frequency", Fraction(1, 60)),
    "/h": ("frequency", Fraction(1, 3600)),
    "1/h": ("frequency", Fraction(1, 3600)),
    "nV": ("voltage", Fraction(1, 10**9)),
    "uV": ("voltage", Fraction(1, 10**6)),
    "mV": ("voltage", Fraction(1, 1000)),
    "V": ("voltage", Fraction(1)),
    "deg": ("angle", PI / 180),
    "rad": ("angle", Fraction(1)),
    "um": ("length", Fraction(1, 10**6)),
    "mm": ("length", Fraction(1, 1000)),
    "cm": ("length", Fraction(1, 100)),
    "m": ("length", Fraction(1)),
    "[in_i]": ("length", _INCH),
    "[ft_i]": ("length", _INCH * 12),
    "mm/s": ("speed", Fraction(1, 1000)),
    "cm/s": ("speed", Fraction(1, 100)),
    "m/s": ("speed", Fraction(1)),
    "ug": ("mass", Fraction(1, 10**6)),
    "mg": ("mass", Fraction(1, 1000)),
    "g": ("mass", Fraction(1)),
    "kg": ("mass", Fraction(1000)),
    "[lb_av]": ("mass", _POUND * 1000),
    "[oz_av]": ("mass", _POUND * 1000 / 16),
    "Pa": ("pressure", Fraction(1)),
    "hPa": ("pressure", Fraction(100)),
    "kPa": ("pressure", Fraction(1000)),
    "mm[Hg]": ("pressure", _MERCURY),
    "cm[H2O]": ("pressure", Fraction("98.0665")),
    "1": ("number", Fraction(1)),
    "%": ("number", Fraction(1, 100)),
}

_ANNOTATION: Final = re.compile(r"\{[!-z|~]*\}")
# Printable ASCII without white space; brackets and braces closed and not nested.
_SANE: Final = re.compile(r"(?:[!-Z\\^-z|~]|\[[!-Z\\^-z|~]+\]|\{[!-z|~]*\})+")


def table() -> dict[str, str]:
    """Every code that can be converted, with its dimension."""
    return {code: dimension for code, (dimension, _) in _UNITS.items()}


def _entry(code: str) -> tuple[str, Fraction] | None:
    """The table's row for a code. An annotation in braces ({beats}/min) means nothing to the size of a unit."""
    return _UNITS.get(code) or _UNITS.get(_ANNOTATION.sub("", code) or "1")


def dimension(code: str) -> str:
    """ "time", "voltage", … or "" for a code that the table does not hold."""
    entry = _entry(code)
    return entry[0] if entry else ""


@lru_cache(maxsize=512)
def ratio(unit: str, wanted: str) -> Fraction:
    """How many `wanted` one `unit` is; refused when they measure different things or are not in the table."""
    if unit == wanted:
        return Fraction(1)
    entry, goal = _entry(unit), _entry(wanted)
    if entry is None or goal is None:
        raise Refusal("there is no conversion between these two units")
    if entry[0] != goal[0]:
        raise Refusal(f"a {entry[0]} cannot be converted to a {goal[0]}")
    return entry[1] / goal[1]


def converted(quantity: Quantity, wanted: str) -> Fraction:
    """The quantity's number in another unit, exact."""
    return Fraction(quantity.value) * ratio(quantity.unit, wanted)


def compare(first: Quantity, second: Quantity) -> int:
    """-1, 0 or 1, whatever unit each is in. A quantity with a comparator ("<5") has no place on the line: refused."""
    if first.comparator or second.comparator:
        raise Refusal("a number with a comparator cannot be compared")
    here, there = converted(first, second.unit), Fraction(second.value)
    return (here > there) - (here < there)


def is_sane(code: str) -> bool:
    """Whether a text could be a unit code: printable ASCII, no white space, brackets closed."""
    return _SANE.fullmatch(code) is not None
