"""The diagnoses of a result, for billing: when the service was, what was found, what is suggested, what stands against a choice.

Takes a result as a record of the organisation's model; gives what `codes.judging` needs and says. A model without these
attributes has no date of service and no findings: nothing is suggested then, and codes are held to the organisation's list alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from segwright.codes.judging import CodeFault, Found, Suggested, judged, suggested
from segwright.delivery.live import RESULT, Live
from segwright.library.zones import zone
from segwright.plan.model import Type

FINDING: Final = Type("record", "Finding")
DIAGNOSIS: Final = Type("record", "Diagnosis")
_DAY, _MINUTE = 8, 12
_WHOLE: Final = re.compile(r"[0-9]{8}")


def service_day(live: Live, record: tuple[Any, ...]) -> date | None:
    """The date of service of a result: the day of `observed_at`, in the organisation's zone. None when that is not known to
    the day."""
    moment = live.attribute(RESULT, record, "observed_at")
    if moment is None or not _WHOLE.match(moment.digits):
        return None
    digits = moment.digits.partition(".")[0]
    if moment.offset is None or len(digits) < _MINUTE:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:_DAY]))
    there = timezone(timedelta(minutes=moment.offset))
    at = datetime.strptime(digits[:_MINUTE], "%Y%m%d%H%M").replace(tzinfo=there)
    return at.astimezone(zone(live.manifest.zone)).date()


def findings_of(live: Live, record: tuple[Any, ...]) -> tuple[Found, ...]:
    """What was found, the most important first."""
    if FINDING.name not in live.model.records:
        return ()
    out = []
    for finding in live.attribute(RESULT, record, "findings") or ():
        name, code, sure = (live.attribute(FINDING, finding, each) for each in ("name", "code", "confidence"))
        out.append(Found(name or "", code or "", sure if isinstance(sure, Decimal) else None))
    return tuple(out)


def codes_of(live: Live, record: tuple[Any, ...]) -> tuple[str, ...]:
    """The codes that a result carries, in billing order."""
    given = live.attribute(RESULT, record, "diagnoses") or ()
    return tuple(live.attribute(DIAGNOSIS, each, "code") or "" for each in given)


def suggestions_for(live: Live, record: tuple[Any, ...]) -> tuple[Suggested, ...]:
    """What the organisation's table suggests for a result."""
    return suggested(findings_of(live, record), service_day(live, record), live.coding)


def against(live: Live, record: tuple[Any, ...], codes: Sequence[str]) -> tuple[CodeFault, ...]:
    """Everything that stands against choosing these codes for a result; nothing when it may be signed with them."""
    return judged(codes, service_day(live, record), live.coding)
