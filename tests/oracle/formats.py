"""The built-in formats and functions, as docs/reference/library says them, each in the plainest way.

What no hospital uses is not here: for that the library itself is asked.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from segwright import library
from segwright.hl7.values import Moment, Quantity
from segwright.library.record import Builtin, Refusal
from tests.oracle.values import Fault, Measure, Time, printed

INVALID = "invalid"

# --- numbers ---------------------------------------------------------------------------------------------------------

UNITS: dict[str, tuple[str, Fraction]] = {
    "ms": ("time", Fraction(1, 1000)),
    "us": ("time", Fraction(1, 1000000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "/min": ("frequency", Fraction(1, 60)),
    "/s": ("frequency", Fraction(1)),
    "Hz": ("frequency", Fraction(1)),
    "deg": ("angle", Fraction("3.1415926535897932384626433832795028841971693993751058209749445923") / 180),
    "rad": ("angle", Fraction(1)),
    "mV": ("voltage", Fraction(1, 1000)),
    "uV": ("voltage", Fraction(1, 1000000)),
}


def in_unit(measure: Measure, wanted: str) -> Fraction:
    """The number in another unit of the same dimension."""
    if measure.unit == wanted:
        return Fraction(measure.number)
    here, there = (UNITS.get(re.sub(r"\{.*\}", "", unit)) for unit in (measure.unit, wanted))
    if here is None or there is None or here[0] != there[0]:
        raise Fault(INVALID)
    return Fraction(measure.number) * here[1] / there[1]


def number(value: Any, places: int | None = None, unit: str | None = None) -> str:
    """A number in digits, rounded half away from zero."""
    exact = value
    given = Decimal(value.number if isinstance(value, Measure) else value)
    if any(len(part) > 30 for part in format(abs(given), "f").split(".")):
        raise Fault(INVALID)
    if isinstance(value, Measure):
        if value.comparator:
            raise Fault(INVALID)
        if unit is not None and unit != value.unit:
            exact = in_unit(value, unit)
            if places is None:
                exact = _finite(exact)
        else:
            exact = value.number
    if places is None:
        text = format(Decimal(exact), "f")
    else:
        scaled = abs(Fraction(exact)) * 10**places
        digits = str(int(scaled + Fraction(1, 2))).rjust(places + 1, "0")
        whole, fraction = digits[: len(digits) - places], digits[len(digits) - places :]
        text = ("-" if exact < 0 else "") + whole + ("." + fraction if places else "")
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    if any(len(part) > 30 for part in text.lstrip("-").split(".")):
        raise Fault(INVALID)
    return text


def _finite(exact: Fraction) -> Decimal:
    """A fraction that ends, as a decimal."""
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        raise Fault(INVALID)
    with localcontext() as context:
        context.prec = 400
        return (Decimal(exact.numerator) / Decimal(exact.denominator)).normalize()


def quantity_of(value: Decimal, unit: str, comparator: str | None = None) -> Measure:
    """A quantity from its parts."""
    return Measure(value, unit, comparator or "")


# --- times -----------------------------------------------------------------------------------------------------------

LENGTHS = {"year": 4, "month": 6, "day": 8, "hour": 10, "minute": 12, "second": 14, "millisecond": 18, "full": 19}


def dtm(value: Time, precision: str, zone: str, offset: bool, ambiguous: str) -> str:
    """A time on the clocks of a zone, never more precise than it is known. The first and the last second of what is known
    must be shown alike."""
    known = min(14, len(value.digits))
    ends = [_shown(value, end, zone, ambiguous, offset and known >= 10) for end in _ends(value.digits[:14])]
    length = LENGTHS[precision]
    texts = {((shown[:known] + value.digits[14:])[:length], behind) for shown, behind in ends}
    if len({shown for shown, _ in texts}) > 1:
        raise Fault(INVALID)
    with_offset = offset and min(known, length) >= 10
    if with_offset and len(texts) > 1:
        raise Fault(INVALID)
    shown, behind = texts.pop()
    return shown + behind if with_offset else shown


def _ends(digits: str) -> list[dt.datetime]:
    """The first and the last second of what some digits say."""
    first = dt.datetime.strptime(digits + "00000101000000"[len(digits) :], "%Y%m%d%H%M%S")
    last = first
    for step in ({"days": 1}, {"hours": 1}, {"minutes": 1}, {"seconds": 1}):
        while _fourteen(later := last + dt.timedelta(**step)).startswith(digits):
            last = later
    return [first, last]


def _shown(value: Time, clock: dt.datetime, zone: str, ambiguous: str, asked: bool) -> tuple[str, str]:
    """Fourteen digits and the offset, of one second."""
    clocks = ZoneInfo(zone)
    if value.offset is None:
        return _fourteen(clock), _offset_text(_local_offset(clock, clocks, ambiguous)) if asked else ""
    local = clock.replace(tzinfo=dt.timezone(dt.timedelta(minutes=value.offset))).astimezone(clocks)
    return _fourteen(local), _offset_text(_minutes(local))


def _fourteen(clock: dt.datetime) -> str:
    return clock.strftime("%Y%m%d%H%M%S").zfill(14)


def _minutes(local: dt.datetime) -> int:
    found = local.utcoffset()
    assert found is not None
    return int(found.total_seconds()) // 60


def _local_offset(local: dt.datetime, clocks: ZoneInfo, ambiguous: str) -> int:
    earlier, later = (_minutes(local.replace(tzinfo=clocks, fold=fold)) for fold in (0, 1))
    if earlier != later and (earlier < later or ambiguous == "error"):
        raise Fault(INVALID)
    return later if ambiguous == "later" else earlier


def _offset_text(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def date(value: Time, precision: str, zone: str) -> str:
    """The date, of a time with an offset the one that the zone's calendar shows."""
    shown = dtm(value, "day", zone, False, "error") if value.offset is not None else value.digits
    if len(shown) < LENGTHS[precision]:
        raise Fault(INVALID)
    return shown[: LENGTHS[precision]]


# --- texts -----------------------------------------------------------------------------------------------------------


def belongs(text: str, place: int) -> bool:
    """Whether the character at a place belongs to the one before it, as an accent does."""
    return unicodedata.category(text[place])[0] == "M"


def cut(text: str, most: int) -> int:
    """The last place up to `most` where a text may be divided."""
    if most >= len(text):
        return len(text)
    while most > 0 and belongs(text, most):
        most -= 1
    if most == 0:
        raise Fault(INVALID)
    return most


def held(text: str, most: int | None = None, over: str = "error") -> str:
    """`as text`: held to a length."""
    if most is None or len(text) <= most:
        return text
    if over == "error":
        raise Fault(INVALID)
    return text[: cut(text, most)]


def plain(text: str) -> str:
    """One line of printable text."""
    spaced = re.sub("[ \t\r\n\v\f\x85\xa0\u2007\u202f\u2028\u2029]+", " ", text)
    found = "".join(each for each in spaced if unicodedata.category(each) != "Cc" and each != "\ufeff").strip(" ")
    if not found:
        raise Fault(INVALID)
    return found


def digits(text: str) -> str:
    """Only the digits 0 to 9."""
    found = "".join(each for each in text if each in "0123456789")
    if not found:
        raise Fault(INVALID)
    return found


def icd10(code: str, dots: bool) -> str:
    """An ICD-10-CM code with its dot or without."""
    form = r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4}|[0-9A-Z]{0,4})"
    if not re.fullmatch(form, code.upper() if code.isascii() else ""):
        raise Fault(INVALID)
    bare = code.upper().replace(".", "")
    return f"{bare[:3]}.{bare[3:]}" if dots and len(bare) > 3 else bare


def ucum(unit: str) -> str:
    """A unit, looked at in its form only."""
    if not unit or not unit.isascii() or any(each.isspace() for each in unit):
        raise Fault(INVALID)
    return unit


def base64(text: str) -> str:
    """One unbroken line of base64."""
    if len(text) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", text):
        raise Fault(INVALID)
    return text


def check_digit(text: str, scheme: str) -> str:
    """The check digit by M10; no hospital here has another."""
    if scheme != "M10" or not re.fullmatch("[0-9]+", text):
        raise Fault(INVALID)
    total = sum(int(each) for each in text[-2::-2])
    total += sum(int(each) for each in str(int("0" + text[::-2][::-1]) * 2))
    return str(-total % 10)


def npi_valid(text: str) -> bool:
    """Ten digits, the first 1 or 2, the last one by Luhn over 80840 and the number."""
    if not re.fullmatch("[12][0-9]{9}", text):
        return False
    total = 0
    for place, each in enumerate(reversed("80840" + text)):
        doubled = int(each) * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def join(separator: str, *texts: Any) -> str | None:
    """The texts that are there, with a separator between them."""
    given = [each for one in texts for each in (one if isinstance(one, list) else [one])]
    there = [printed(each) for each in given if each is not None]
    return separator.join(there) if there else None


def lines(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken at spaces."""
    found: list[str] = []
    for line in re.split("\r\n|\r|\n", text.replace("\t", " ")):
        found += _broken(line.rstrip(" "), width)
    while found and not found[0].strip(" "):
        found.pop(0)
    while found and not found[-1].strip(" "):
        found.pop()
    return [each or " " for each in found]


def _broken(line: str, width: int) -> list[str]:
    found = []
    while len(line) > width:
        space = line.rfind(" ", 0, width + 1)
        if space <= 0 or not line[:space].strip(" "):
            space = cut(line, width)
        if line[:space].strip(" "):
            found.append(line[:space].rstrip(" "))
        line = line[space:].lstrip(" ")
    return [*found, line]


def record(name: str, subject: Any) -> Builtin:
    """What the library has under a name for a value."""
    kinds: dict[type, set[str]] = {
        str: {"text", "code"}, bool: {"boolean"}, int: {"integer"}, Decimal: {"decimal"}, Time: {"datetime", "date"},
        Measure: {"quantity"},
    }  # fmt: skip
    return next(each for each in library.find(name) if set(each.subject) & kinds[type(subject)])


def called(of: Builtin, subject: Any, arguments: list[Any]) -> Any:
    """What it gives."""
    values = [
        Moment(one.digits, one.offset)
        if isinstance(one, Time)
        else Quantity(one.number, one.unit, one.comparator)
        if isinstance(one, Measure)
        else one
        for one in (subject, *arguments)
    ]
    try:
        found = of.call(*values)
    except Refusal:
        raise Fault(INVALID) from None
    if isinstance(found, Moment):
        return Time(found.digits, found.offset)
    return list(found) if isinstance(found, tuple) else found
