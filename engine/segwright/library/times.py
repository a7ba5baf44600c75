"""Dates and times as HL7 prints them: never more precisely than they are known, never in a zone that nobody named.

A moment with an offset is converted to the zone asked for. A moment without one is taken as local time of that zone, which
matters only when the offset is printed. A moment known less precisely than the minute is an interval: it is printed only
when the whole interval prints alike. Fractions are cut, not rounded: a later second never appears before it has come.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from segwright.hl7.values import Moment
from segwright.library.moments import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    checked_time,
    offset_text,
    read_dtm,
)
from segwright.library.record import Builtin, Example, Parameter, Refusal
from segwright.library.zones import zone

# How many characters of a moment's digits each precision prints.
_LENGTHS: Final = {
    "year": YEAR,
    "month": MONTH,
    "day": DAY,
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
    "millisecond": SECOND + 4,
    "full": SECOND + 5,
}
_NAMES: Final = {YEAR: "year", MONTH: "month", DAY: "day", HOUR: "hour", MINUTE: "minute", SECOND: "second"}

# What stands in for the digits that are not known: the first instant of the year.
_FIRST: Final = "00010101000000"

_UNCERTAIN: Final = "the time is known only to the {}, too little to convert it to another zone"


def _length(precision: str) -> int:
    length = _LENGTHS.get(precision)
    if length is None:
        raise Refusal("the precision is none of " + ", ".join(_LENGTHS))
    return length


def _known(digits: str) -> str:
    return _NAMES[min(len(digits), SECOND)]


def _clock(digits: str) -> datetime:
    """The first instant of what the digits say, on a clock without zone or fraction."""
    whole = digits[:SECOND]
    whole += _FIRST[len(whole) :]
    try:
        return datetime.fromisoformat(f"{whole[:DAY]}T{whole[DAY:]}")
    except ValueError:
        raise Refusal("the calendar has no such time") from None


def _last_clock(digits: str, first: datetime) -> datetime:
    """The last second of what the digits say."""
    length = len(digits)
    if length >= MINUTE:
        return first if length >= SECOND else first.replace(second=59)
    last = first.replace(minute=59, second=59)
    if length < HOUR:
        last = last.replace(hour=23)
    if length < MONTH:
        last = last.replace(month=12)
    if length < DAY:
        last = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return last


def _minutes(offset: timedelta | None) -> int:
    if offset is None:
        return 0
    minutes, seconds = divmod(offset.days * 86400 + offset.seconds, 60)
    if seconds:
        raise Refusal("the zone kept no whole minutes from UTC at that time")
    return minutes


def _offset_of_local(clock: datetime, rules: ZoneInfo, ambiguous: str) -> int:
    earlier = _minutes(clock.replace(tzinfo=rules, fold=0).utcoffset())
    later = _minutes(clock.replace(tzinfo=rules, fold=1).utcoffset())
    if earlier == later:
        return earlier
    if earlier < later:
        raise Refusal("the clocks were put forward: this local time does not exist in the zone")
    if ambiguous == "earlier":
        return earlier
    if ambiguous == "later":
        return later
    raise Refusal("the clocks were put back: this local time came twice in the zone")


def _local_offset(digits: str, name: str, ambiguous: str) -> int:
    rules = zone(name)
    first = _clock(digits)
    offset = _offset_of_local(first, rules, ambiguous)
    if len(digits) < MINUTE and _offset_of_local(_last_clock(digits, first), rules, ambiguous) != offset:
        raise Refusal("the zone's offset changed within the hour, and the time is known only to the hour")
    return offset


def _in_zone(digits: str, offset: int, name: str, length: int, shows_offset: bool) -> tuple[str, int]:
    """The digits on the zone's clocks, and its offset then."""
    rules = zone(name)
    first = _clock(digits)
    shift = timedelta(minutes=offset)
    try:
        local = rules.fromutc((first - shift).replace(tzinfo=rules))
        here = _minutes(local.utcoffset())
        shown = _digits(local, digits, length)
        if len(digits) < MINUTE and here != offset:
            last = rules.fromutc((_last_clock(digits, first) - shift).replace(tzinfo=rules))
            if _digits(last, digits, length) != shown:
                raise Refusal(_UNCERTAIN.format(_known(digits)))
            if shows_offset and _minutes(last.utcoffset()) != here:
                raise Refusal("the zone's offset changed within the hour, and the time is known only to the hour")
    except OverflowError:
        raise Refusal("the time lies outside the years 0001 to 9999 in the zone") from None
    return shown, here


def _digits(local: datetime, digits: str, length: int) -> str:
    iso = local.isoformat()
    whole = iso[:4] + iso[5:7] + iso[8:10] + iso[11:13] + iso[14:16] + iso[17:19]
    return (whole[: len(digits)] + digits[SECOND:])[:length]


def _shown(moment: Moment, length: int, name: str, offset: bool, ambiguous: str) -> tuple[str, str]:
    """The digits to print and the offset behind them ("" when none is asked for, or no hour stands before it)."""
    digits, known = moment
    shows_offset = offset and length >= HOUR and len(digits) >= HOUR
    if known is None:
        if not shows_offset:
            return digits[:length], ""
        return digits[:length], offset_text(_local_offset(digits, name, ambiguous))
    shown, here = _in_zone(digits, known, name, length, shows_offset)
    return shown, offset_text(here) if shows_offset else ""


def _dtm(subject: Moment, precision: str, name: str, offset: bool, ambiguous: str) -> str:
    shown, behind = _shown(subject, _length(precision), name, offset, ambiguous)
    return shown + behind


def _time(subject: Moment, precision: str, name: str, offset: bool, ambiguous: str) -> str:
    length = _length(precision)
    if length < HOUR:
        raise Refusal("a time of day is printed to the hour at least")
    shown, behind = _shown(subject, length, name, offset, ambiguous)
    if len(shown) < HOUR:
        raise Refusal(f"the time is known only to the {_known(shown)}, it has no hour")
    return shown[DAY:] + behind


def _day(shown: str, length: int) -> str:
    if len(shown) < length:
        raise Refusal(f"the date is known only to the {_known(shown)}, the {_NAMES[length]} is asked for")
    return shown


def _date_length(precision: str) -> int:
    length = _length(precision)
    if length > DAY:
        raise Refusal("a date is printed to the year, the month or the day")
    return length


def _date(subject: Moment, precision: str) -> str:
    length = _date_length(precision)
    return _day(subject.digits[:length], length)


def _date_of_time(subject: Moment, precision: str, name: str) -> str:
    length = _date_length(precision)
    return _day(_shown(subject, length, name, False, "error")[0], length)


def _read_date(subject: str) -> Moment:
    return Moment(read_dtm(subject).digits[:DAY], None)


def _first_and_last(moment: Moment) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    digits = moment.digits[:DAY]
    first = _clock(digits)
    last = _last_clock(digits, first)
    return (first.year, first.month, first.day), (last.year, last.month, last.day)


def _years(born: tuple[int, int, int], at: tuple[int, int, int]) -> int:
    return at[0] - born[0] - (at[1:] < born[1:])


def _age(born: Moment, at: Moment) -> int:
    born_first, born_last = _first_and_last(born)
    at_first, at_last = _first_and_last(at)
    most, least = _years(born_first, at_last), _years(born_last, at_first)
    if at_last < born_first:
        raise Refusal("the birth lies after the date asked for")
    if most != least:
        known = _known(min(born.digits[:DAY], at.digits[:DAY], key=len))
        raise Refusal(f"a date is known only to the {known}, too little to tell the age")
    if least < 0:
        raise Refusal("the birth lies after the date asked for")
    return most


_CHICAGO: Final = {"in": "America/Chicago", "offset": True, "ambiguous": "error"}
_PLAIN: Final = {"in": "America/Chicago", "offset": False, "ambiguous": "error"}

_ZONE: Final = Parameter(
    "in", "text", "the zone whose clocks are shown, as in America/Chicago", config="times.zone", holds=zone
)
_OFFSET: Final = Parameter(
    "offset", "boolean", "whether the offset from UTC is printed behind the hour", config="times.offset"
)
_AMBIGUOUS: Final = Parameter(
    "ambiguous",
    "word",
    "which of the two a local time without offset means in the hour that comes twice, when the offset is printed",
    config="times.ambiguous",
    choices=("error", "earlier", "later"),
)
_DATE_PRECISION: Final = Parameter(
    "precision", "word", "how much of the date is printed", default="day", choices=("day", "month", "year")
)

BUILTINS: Final = (
    Builtin(
        name="dtm",
        version=1,
        kind="format",
        subject=("datetime", "date"),
        result="text",
        summary="A date and time on the clocks of a zone, to a precision, but never more precisely than it is known. The "
        "offset is printed only behind an hour.",
        call=_dtm,
        parameters=(
            Parameter(
                "precision",
                "word",
                "the finest part that is printed; `full` is all that is known",
                config="times.precision",
                choices=tuple(_LENGTHS),
            ),
            _ZONE,
            _OFFSET,
            _AMBIGUOUS,
        ),
        examples=(
            Example(Moment("20260114153012.5", 0), {"precision": "second", **_PLAIN}, "20260114093012"),
            Example(Moment("20260114153012.5", 0), {"precision": "millisecond", **_CHICAGO}, "20260114093012.5-0600"),
            Example(Moment("202607141530", -300), {"precision": "second", **_CHICAGO}, "202607141530-0500"),
            Example(Moment("20260115", None), {"precision": "second", **_CHICAGO}, "20260115"),
            Example(Moment("20260101020000", 0), {"precision": "day", **_PLAIN}, "20251231"),
            # The clocks are put forward on 8 March 2026 at 2:00 and back on 1 November at 2:00.
            Example(Moment("20260308080000", 0), {"precision": "second", **_CHICAGO}, "20260308030000-0500"),
            Example(Moment("202603080230", None), {"precision": "second", **_PLAIN}, "202603080230"),
            Example(
                Moment("202603080230", None),
                {"precision": "second", **_CHICAGO},
                refused="the clocks were put forward: this local time does not exist in the zone",
            ),
            Example(
                Moment("202611010130", None),
                {"precision": "second", **_CHICAGO},
                refused="the clocks were put back: this local time came twice in the zone",
            ),
            Example(
                Moment("202611010130", None),
                {"precision": "second", **_CHICAGO, "ambiguous": "earlier"},
                "202611010130-0500",
            ),
            Example(
                Moment("202611010130", None),
                {"precision": "second", **_CHICAGO, "ambiguous": "later"},
                "202611010130-0600",
            ),
            Example(
                Moment("20260115", 330),
                {"precision": "second", **_PLAIN},
                refused="the time is known only to the day, too little to convert it to another zone",
            ),
            Example(
                Moment("20260115120000", 0),
                {"precision": "second", **_CHICAGO, "in": "America/Springfield"},
                refused="the time zone is not in the time-zone data",
            ),
        ),
        source="HL7 v2 chapter 2A, DTM",
    ),
    Builtin(
        name="dtm",
        version=1,
        kind="format",
        subject=("text",),
        result="datetime",
        summary="Reads a date and time, as precise as it came and with the offset it came with, if any.",
        call=read_dtm,
        examples=(
            Example("20260114093012.5-0600", {}, Moment("20260114093012.5", -360)),
            Example("200501181134", {}, Moment("200501181134", None)),
            Example("2024", {}, Moment("2024", None)),
            Example("20240229", {}, Moment("20240229", None)),
            Example("20250229", {}, refused="the month has no such day"),
            Example("20260114240000", {}, refused="the hour is not 00 to 23"),
            Example(
                "2026-01-14",
                {},
                refused="the text is not a time: digits, an optional fraction, an optional offset such as -0500",
            ),
            Example(
                "20050118113415533318",
                {},
                refused="a time has 4, 6, 8, 10, 12 or 14 digits before the point, this one has 20",
            ),
        ),
        source="HL7 v2 chapter 2A, DTM and TS",
    ),
    Builtin(
        name="time",
        version=1,
        kind="format",
        subject=("datetime",),
        result="text",
        summary="The time of day on the clocks of a zone, to a precision, but never more precisely than it is known.",
        call=_time,
        parameters=(
            Parameter(
                "precision",
                "word",
                "the finest part that is printed; `full` is all that is known",
                choices=("hour", "minute", "second", "millisecond", "full"),
            ),
            _ZONE,
            _OFFSET,
            _AMBIGUOUS,
        ),
        examples=(
            Example(Moment("20260114153012.1234", 0), {"precision": "millisecond", **_PLAIN}, "093012.123"),
            Example(Moment("202601141530", None), {"precision": "second", **_CHICAGO}, "1530-0600"),
            Example(Moment("20260308080000", 0), {"precision": "minute", **_PLAIN}, "0300"),
            Example(
                Moment("20260114", None),
                {"precision": "minute", **_PLAIN},
                refused="the time is known only to the day, it has no hour",
            ),
        ),
        source="HL7 v2 chapter 2A, TM",
    ),
    Builtin(
        name="time",
        version=1,
        kind="format",
        subject=("text",),
        result="text",
        summary="A time of day that came as text, checked and kept as it stands.",
        call=checked_time,
        examples=(
            Example("0930", {}, "0930"),
            Example("093012.5-0600", {}, "093012.5-0600"),
            Example("235959", {}, "235959"),
            Example("2400", {}, refused="the hour is not 00 to 23"),
            Example(
                "9:30", {}, refused="the text is not a time of day: HH, HHMM or HHMMSS, an optional fraction and offset"
            ),
        ),
        source="HL7 v2 chapter 2A, TM",
    ),
    Builtin(
        name="date",
        version=1,
        kind="format",
        subject=("date",),
        result="text",
        summary="A date. When it is known less precisely than asked for, it is refused.",
        call=_date,
        parameters=(_DATE_PRECISION,),
        examples=(
            Example(Moment("19530217", None), {}, "19530217"),
            Example(Moment("20240229", None), {}, "20240229"),
            Example(Moment("19530217", None), {"precision": "year"}, "1953"),
            Example(Moment("195302", None), {"precision": "month"}, "195302"),
            Example(Moment("1953", None), {}, refused="the date is known only to the year, the day is asked for"),
        ),
        inverse=True,
        source="HL7 v2 chapter 2A, DT",
    ),
    Builtin(
        name="date",
        version=1,
        kind="format",
        subject=("datetime",),
        result="text",
        summary="The date that a zone's calendar shows at a time.",
        call=_date_of_time,
        parameters=(_DATE_PRECISION, _ZONE),
        examples=(
            Example(Moment("20260101020000", 0), {"in": "America/Chicago"}, "20251231"),
            Example(Moment("20260101020000", None), {"in": "America/Chicago"}, "20260101"),
            Example(Moment("20240301050000", 0), {"in": "America/Chicago"}, "20240229"),
            Example(
                Moment("202601", None),
                {"in": "America/Chicago"},
                refused="the date is known only to the month, the day is asked for",
            ),
        ),
        source="HL7 v2 chapter 2A, DT",
    ),
    Builtin(
        name="date",
        version=1,
        kind="format",
        subject=("text",),
        result="date",
        summary="Reads the date of a date or of a date and time, as the sender's calendar showed it; the time of day goes.",
        call=_read_date,
        examples=(
            Example("19530217", {}, Moment("19530217", None)),
            Example("19530217000000-0600", {}, Moment("19530217", None)),
            Example("1953", {}, Moment("1953", None)),
            Example("19001301", {}, refused="the month is not 01 to 12"),
            Example("19000229", {}, refused="the month has no such day"),
        ),
        source="HL7 v2 chapter 2A, DT and TS",
    ),
    Builtin(
        name="age",
        version=1,
        kind="function",
        subject=("date", "datetime"),
        result="integer",
        summary="Whole years between a birth and a date, each as its own calendar shows it. Born on 29 February, one is a "
        "year older on 1 March of other years.",
        call=_age,
        parameters=(Parameter("at", "datetime", "the date for which the age is asked: a date or a date and time"),),
        examples=(
            Example(Moment("19530217", None), {"at": Moment("20260217", None)}, 73),
            Example(Moment("19530217", None), {"at": Moment("20260216235959", -360)}, 72),
            Example(Moment("20240229", None), {"at": Moment("20250228", None)}, 0),
            Example(Moment("20240229", None), {"at": Moment("20250301", None)}, 1),
            Example(Moment("195302", None), {"at": Moment("20260601", None)}, 73),
            Example(
                Moment("1953", None),
                {"at": Moment("20260601", None)},
                refused="a date is known only to the year, too little to tell the age",
            ),
            Example(
                Moment("20260602", None),
                {"at": Moment("20260601", None)},
                refused="the birth lies after the date asked for",
            ),
        ),
        source="the civil calendar",
    ),
)
