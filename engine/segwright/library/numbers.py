"""Numbers (NM, chapter 2A): decimals from source digits, never an exponent, never a negative zero."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Final

from segwright.hl7.values import Quantity
from segwright.library import units
from segwright.library.record import Builtin, Example, Parameter, Refusal

MOST_DIGITS: Final = 30
MOST_PLACES: Final = 15

COMPARATORS: Final = ("<", "<=", ">", ">=")

_ROUNDING: Final = Context(prec=100, rounding=ROUND_HALF_UP)
_STEPS: Final = tuple(Decimal(1).scaleb(-places) for places in range(MOST_PLACES + 1))

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")

_CHAPTER: Final = "HL7 v2 chapter 2A, NM"


def _checked_places(places: int) -> int:
    if not 0 <= places <= MOST_PLACES:
        raise Refusal(f"places must lie between 0 and {MOST_PLACES}")
    return places


def _bounded(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise Refusal("the value is not a number")
    if value.adjusted() >= MOST_DIGITS or int(value.as_tuple().exponent) < -MOST_DIGITS:
        raise Refusal(f"the number has more than {MOST_DIGITS} digits before or after the point")
    return value


def _printed(value: Decimal) -> str:
    return format(value.copy_abs() if value.is_zero() else value, "f")


def _decimal(subject: Decimal, places: int | None) -> str:
    value = _bounded(subject)
    if places is None:
        return _printed(value)
    return _printed(value.quantize(_STEPS[_checked_places(places)], context=_ROUNDING))


def _integer(subject: int, places: int | None) -> str:
    return _decimal(Decimal(subject), places)


def _rounded(value: Fraction, places: int) -> str:
    """Half away from zero, in whole numbers only."""
    scale = 10 ** _checked_places(places)
    whole = (2 * abs(value.numerator) * scale + value.denominator) // (2 * value.denominator)
    return _decimal(Decimal(whole if value >= 0 else -whole).scaleb(-places, _ROUNDING), places)


def _exact(value: Fraction) -> str:
    """Every digit; refused when there is no end to them."""
    for places in range(MOST_PLACES + 1):
        if 10**places % value.denominator == 0:
            return _rounded(value, places)
    raise Refusal("the converted number has no end; say how many places it gets")


def _quantity(subject: Quantity, places: int | None, unit: str | None) -> str:
    if subject.comparator:
        raise Refusal("a number with a comparator is not a plain number; send it as SN")
    value = _bounded(subject.value)
    if unit is None or unit == subject.unit:
        return _decimal(value, places)
    exact = units.converted(subject, unit)
    return _exact(exact) if places is None else _rounded(exact, places)


def _read_decimal(subject: str) -> Decimal:
    if not _NUMBER.fullmatch(subject):
        raise Refusal("the text is not a number: an optional sign, digits, an optional point")
    return _bounded(Decimal(subject))


def _read_integer(subject: str) -> int:
    if not _INTEGER.fullmatch(subject):
        raise Refusal("the text is not a whole number: an optional sign and digits")
    if len(subject) > MOST_DIGITS + 1:
        raise Refusal(f"the number has more than {MOST_DIGITS} digits")
    return int(subject)


def _write_integer(subject: int) -> str:
    return str(subject)


def _value_of(subject: Quantity) -> Decimal:
    return subject.value


def _unit_of(subject: Quantity) -> str:
    return subject.unit


def _comparator(subject: Quantity) -> str | None:
    return subject.comparator or None


def _quantity_of(value: Decimal, unit: str, comparator: str | None) -> Quantity:
    if comparator is not None and comparator not in COMPARATORS:
        raise Refusal("the comparator is none of <, <=, > and >=")
    if not units.is_sane(unit):
        raise Refusal("the unit is not written like a UCUM unit")
    return Quantity(_bounded(value), unit, comparator or "")


_PLACES: Final = Parameter(
    "places",
    "integer",
    "digits after the point, rounded half away from zero; as they came when not given",
    optional=True,
    holds=_checked_places,
)

BUILTINS: Final = (
    Builtin(
        name="number",
        version=1,
        kind="format",
        subject=("decimal",),
        result="text",
        summary="A decimal number in digits. Without `places` it keeps the digits it came with.",
        call=_decimal,
        parameters=(_PLACES,),
        examples=(
            Example(Decimal("412.50"), {}, "412.50"),
            Example(Decimal("0.125"), {"places": 2}, "0.13"),
            Example(Decimal("-0.125"), {"places": 2}, "-0.13"),
            Example(Decimal("-0.004"), {"places": 2}, "0.00"),
            Example(Decimal("-0"), {}, "0"),
            Example(Decimal("1E+3"), {}, "1000"),
            Example(Decimal("72"), {"places": 1}, "72.0"),
            Example(Decimal("NaN"), {}, refused="the value is not a number"),
            Example(Decimal("1E+40"), {}, refused="the number has more than 30 digits before or after the point"),
            Example(Decimal("1"), {"places": -1}, refused="places must lie between 0 and 15"),
        ),
        inverse=True,
        source=_CHAPTER,
    ),
    Builtin(
        name="number",
        version=1,
        kind="format",
        subject=("integer",),
        result="text",
        summary="A whole number in digits; with `places` it gets a point and zeros.",
        call=_integer,
        parameters=(_PLACES,),
        examples=(
            Example(72, {}, "72"),
            Example(-30, {"places": 1}, "-30.0"),
            Example(0, {"places": 0}, "0"),
            Example(10**31, {}, refused="the number has more than 30 digits before or after the point"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="number",
        version=1,
        kind="format",
        subject=("quantity",),
        result="text",
        summary="A measured number in digits, in its own unit or converted to `unit`. Units of different things are "
        "refused, and so is a number with a comparator.",
        call=_quantity,
        parameters=(
            _PLACES,
            Parameter("unit", "text", "the UCUM unit to convert to; its own unit when not given", optional=True),
        ),
        examples=(
            Example(Quantity(Decimal("0.412"), "s", ""), {"places": 0, "unit": "ms"}, "412"),
            Example(Quantity(Decimal("412"), "ms", ""), {"unit": "s"}, "0.412"),
            Example(Quantity(Decimal("72.5"), "{beats}/min", ""), {"places": 0, "unit": "/min"}, "73"),
            Example(Quantity(Decimal("-0.4"), "mV", ""), {"places": 0}, "0"),
            Example(Quantity(Decimal("180"), "deg", ""), {"places": 3, "unit": "rad"}, "3.142"),
            Example(
                Quantity(Decimal("180"), "[lb_av]", ""),
                {"places": 1, "unit": "mm"},
                refused="a mass cannot be converted to a length",
            ),
            Example(
                Quantity(Decimal("100"), "/min", ""),
                {"unit": "Hz"},
                refused="the converted number has no end; say how many places it gets",
            ),
            Example(
                Quantity(Decimal("5"), "ms", "<"),
                {"places": 0},
                refused="a number with a comparator is not a plain number; send it as SN",
            ),
            Example(
                Quantity(Decimal("5"), "ms", ""),
                {"unit": "msec"},
                refused="there is no conversion between these two units",
            ),
        ),
        source=f"{_CHAPTER}; UCUM 2.2",
    ),
    Builtin(
        name="number",
        version=1,
        kind="format",
        subject=("text",),
        result="decimal",
        summary="Reads a number: an optional sign, digits, an optional point. No exponent, no comma, no space.",
        call=_read_decimal,
        examples=(
            Example("999", {}, Decimal("999")),
            Example("-123.792", {}, Decimal("-123.792")),
            Example("+.50", {}, Decimal("0.50")),
            Example("1e3", {}, refused="the text is not a number: an optional sign, digits, an optional point"),
            Example("1,5", {}, refused="the text is not a number: an optional sign, digits, an optional point"),
            Example("\u0664", {}, refused="the text is not a number: an optional sign, digits, an optional point"),
            Example("1" * 31, {}, refused="the number has more than 30 digits before or after the point"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="integer",
        version=1,
        kind="format",
        subject=("integer",),
        result="text",
        summary="A whole number in digits.",
        call=_write_integer,
        examples=(Example(72, {}, "72"), Example(-30, {}, "-30"), Example(0, {}, "0")),
        inverse=True,
        source=_CHAPTER,
    ),
    Builtin(
        name="integer",
        version=1,
        kind="format",
        subject=("text",),
        result="integer",
        summary="Reads a whole number: an optional sign and digits.",
        call=_read_integer,
        examples=(
            Example("42", {}, 42),
            Example("-007", {}, -7),
            Example("-0", {}, 0),
            Example("5.0", {}, refused="the text is not a whole number: an optional sign and digits"),
            Example("9" * 32, {}, refused="the number has more than 30 digits"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="value_of",
        version=1,
        kind="function",
        subject=("quantity",),
        result="decimal",
        summary="The number of a quantity, without its unit and comparator (SN.2).",
        call=_value_of,
        examples=(
            Example(Quantity(Decimal("5.0"), "ms", "<"), {}, Decimal("5.0")),
            Example(Quantity(Decimal("-30"), "deg", ""), {}, Decimal("-30")),
            Example(Quantity(Decimal("0"), "1", ""), {}, Decimal("0")),
        ),
        source="HL7 v2 chapter 2A, SN",
    ),
    Builtin(
        name="unit_of",
        version=1,
        kind="function",
        subject=("quantity",),
        result="text",
        summary='The UCUM unit of a quantity (OBX-6); "1" when it has none.',
        call=_unit_of,
        examples=(
            Example(Quantity(Decimal("5"), "ms", ""), {}, "ms"),
            Example(Quantity(Decimal("72"), "{beats}/min", ""), {}, "{beats}/min"),
            Example(Quantity(Decimal("3"), "1", ""), {}, "1"),
        ),
        source="UCUM 2.2",
    ),
    Builtin(
        name="comparator",
        version=1,
        kind="function",
        subject=("quantity",),
        result="optional text",
        summary="The comparator of a quantity (SN.1): <, <=, > or >=; missing when it is a plain number.",
        call=_comparator,
        examples=(
            Example(Quantity(Decimal("5"), "ms", "<"), {}, "<"),
            Example(Quantity(Decimal("5"), "ms", ">="), {}, ">="),
            Example(Quantity(Decimal("5"), "ms", ""), {}, None),
        ),
        source="HL7 v2 chapter 2A, SN",
    ),
    Builtin(
        name="quantity_of",
        version=1,
        kind="function",
        subject=("decimal",),
        result="quantity",
        summary="A quantity from its number, unit and comparator, as when OBX-5, OBX-6 and SN.1 are read.",
        call=_quantity_of,
        parameters=(
            Parameter("unit", "text", "its UCUM unit"),
            Parameter("comparator", "text", "<, <=, > or >=", optional=True),
        ),
        examples=(
            Example(Decimal("412"), {"unit": "ms"}, Quantity(Decimal("412"), "ms", "")),
            Example(Decimal("5"), {"unit": "ms", "comparator": "<"}, Quantity(Decimal("5"), "ms", "<")),
            Example(
                Decimal("5"),
                {"unit": "ms", "comparator": "about"},
                refused="the comparator is none of <, <=, > and >=",
            ),
            Example(Decimal("5"), {"unit": "beats per min"}, refused="the unit is not written like a UCUM unit"),
        ),
        source="HL7 v2 chapter 2A, SN; UCUM 2.2",
    ),
)
