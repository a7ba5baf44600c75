"""Times as texts: HL7's DTM (chapter 2A) and ISO 8601, both no more and no less precise than the moment is known.

The law of both: reading what was written gives the same moment.
"""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Final

from segwright.hl7.values import Moment
from segwright.library.record import Refusal

YEAR: Final = 4
MONTH: Final = 6
DAY: Final = 8
HOUR: Final = 10
MINUTE: Final = 12
SECOND: Final = 14

_EASTMOST: Final = 14 * 60
_WESTMOST: Final = -12 * 60

_DTM: Final = re.compile(r"([0-9]+)(\.[0-9]+)?(?:([+-])([0-9]{2})([0-9]{2}))?")
_TM: Final = re.compile(r"([0-9]{2}(?:[0-9]{2}){0,2})(\.[0-9]{1,4})?(?:([+-])([0-9]{2})([0-9]{2}))?")
_ISO: Final = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?)?)?)?)?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?"
)


def checked(digits: str) -> str:
    """The digits, when they name a time of the calendar: YYYY[MM[DD[HH[MM[SS[.f{1,4}]]]]]]."""
    whole, point, fraction = digits.partition(".")
    if len(whole) not in (YEAR, MONTH, DAY, HOUR, MINUTE, SECOND):
        raise Refusal(f"a time has 4, 6, 8, 10, 12 or 14 digits before the point, this one has {len(whole)}")
    if point and len(whole) != SECOND:
        raise Refusal("a fraction stands only after the seconds")
    if point and not 1 <= len(fraction) <= 4:
        raise Refusal(f"a fraction of a second has one to four digits, this one has {len(fraction)}")
    year = int(whole[:YEAR])
    if year == 0:
        raise Refusal("there is no year 0000")
    if len(whole) >= MONTH:
        month = int(whole[YEAR:MONTH])
        if not 1 <= month <= 12:
            raise Refusal("the month is not 01 to 12")
        if len(whole) >= DAY and not 1 <= int(whole[MONTH:DAY]) <= monthrange(year, month)[1]:
            raise Refusal("the month has no such day")
    checked_clock(whole[DAY:])
    return digits


def checked_clock(digits: str) -> None:
    """Refuses HH[MM[SS]] that no clock shows. HL7 has neither 24:00 nor leap seconds."""
    if digits[:2] > "23":
        raise Refusal("the hour is not 00 to 23")
    if digits[2:4] > "59":
        raise Refusal("the minute is not 00 to 59")
    if digits[4:6] > "59":
        raise Refusal("the second is not 00 to 59")


def checked_offset(sign: str | None, hours: str, minutes: str) -> int | None:
    """Minutes east of UTC; None without a sign."""
    if not sign:
        return None
    offset = int(hours) * 60 + int(minutes)
    if sign == "-":
        offset = -offset
    if minutes > "59" or not _WESTMOST <= offset <= _EASTMOST:
        raise Refusal("the offset from UTC is not -1200 to +1400")
    return offset


def read_dtm(text: str) -> Moment:
    """A DTM: `202603081430-0500`."""
    match = _DTM.fullmatch(text)
    if match is None:
        raise Refusal("the text is not a time: digits, an optional fraction, an optional offset such as -0500")
    whole, fraction, sign, hours, minutes = match.groups()
    return Moment(checked(whole + (fraction or "")), checked_offset(sign, hours, minutes))


def offset_text(offset: int, between: str = "") -> str:
    """`-0500`, or `-05:00` with a colon between."""
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}{between}{minutes:02}"


def write_dtm(moment: Moment) -> str:
    """All that is known of a moment as a DTM, in its own offset."""
    return moment.digits if moment.offset is None else moment.digits + offset_text(moment.offset)


def checked_time(text: str) -> str:
    """A TM as it stands, when it is one: HH[MM[SS[.f{1,4}]]] with an optional offset."""
    match = _TM.fullmatch(text)
    if match is None:
        raise Refusal("the text is not a time of day: HH, HHMM or HHMMSS, an optional fraction and offset")
    whole, fraction, sign, hours, minutes = match.groups()
    if fraction and len(whole) != 6:
        raise Refusal("a fraction stands only after the seconds")
    checked_clock(whole)
    checked_offset(sign, hours, minutes)
    return text


def iso_moment(text: str) -> Moment:
    """A moment from ISO 8601: `2026-03-08T14:30:00.5-05:00`, `2026-03-08`, `2026-03`, `2026`."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise Refusal("the text is not an ISO 8601 time such as 2026-03-08T14:30:00-05:00")
    year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = match.groups()
    digits = "".join(part for part in (year, month, day, hour, minute, second, fraction) if part)
    return Moment(checked(digits), 0 if utc else checked_offset(sign, hours, minutes))


def moment_iso(moment: Moment) -> str:
    """A moment in ISO 8601, with all that is known of it and nothing more."""
    digits = moment.digits
    pieces = [digits[:4]]
    for start, before in ((4, "-"), (6, "-"), (8, "T"), (10, ":"), (12, ":")):
        if len(digits) > start:
            pieces.append(before + digits[start : start + 2])
    pieces.append(digits[SECOND:])
    if moment.offset is not None:
        pieces.append(offset_text(moment.offset, ":") if moment.offset else "Z")
    return "".join(pieces)
