"""Documents of the ledger as a clinician reads them.

Takes the JSON of an order, of its patient and of a result; gives what pages draw. The model belongs to its workspace: what it has
under the usual names (`measurements`, `findings`, `interpretation`, …) is shown, what it has not is left out, and nothing here
fails on a document of another form. Values keep the digits that they came with."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from segwright.delivery.live import CRITICAL

_decode: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode

KINDS: Final = {
    "heart_rate": "Heart rate", "rr_interval": "RR interval", "pr_interval": "PR interval", "qrs_duration": "QRS duration",
    "qt_interval": "QT interval", "qtc_interval": "QTc interval", "p_axis": "P axis", "qrs_axis": "QRS axis", "t_axis": "T axis",
}  # fmt: skip
UNITS: Final = {"deg": "°", "{beats}/min": "/min", "[degF]": "°F", "Cel": "°C", "mm[Hg]": "mmHg"}
SCALED: Final = {"s": ("ms", Decimal(1000))}
"""Units that an ECG is never read in: shown in another one of the same dimension, so that results can be compared."""
FLAGS: Final = {
    "normal": "", "abnormal": "abnormal", "high": "high", "low": "low", "critical_high": "critically high",
    "critical_low": "critically low",
}  # fmt: skip
PRIORITIES: Final = {"stat": "STAT", "urgent": "Urgent", "routine": "Routine"}
_PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def members(document: bytes) -> dict[str, Any]:
    """A document's members; none of what is no object."""
    try:
        return _decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def said(value: Any) -> str:
    """A text of a document: as it stands, as a received field, or "" for HL7 null and for what is not there."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        return str(value["text"])
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else ""


def every(value: Any) -> list[dict[str, Any]]:
    """The records of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(value: Any) -> dict[str, Any]:
    """A record that may be missing."""
    return value if isinstance(value, dict) else {}


# --- times ------------------------------------------------------------------------------------------------------------------


def moment(text: Any, zone: str) -> datetime | None:
    """A time of a document; one without an offset is the hospital's."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=ZoneInfo(zone)) if at is not None and at.tzinfo is None else at


def ms(at: datetime | None) -> int:
    """The same in milliseconds, 0 for none."""
    return int(at.timestamp() * 1000) if at is not None else 0


def age(born: str, at: int) -> str:
    """`67 years`, `5 months`: of somebody who was born on a day (as precisely as it is known)."""
    found = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?.*", born)
    if found is None or not at:
        return ""
    now = datetime.fromtimestamp(at / 1000, UTC)
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    years = now.year - year - ((now.month, now.day) < (month, day))
    if years >= 2 or not found[2]:
        return f"{years} years" if 0 <= years < 150 else ""
    months = (now.year - year) * 12 + now.month - month - (now.day < day)
    return f"{months} months" if months >= 0 else ""


def said_time(at: int, zone: str) -> str:
    """A time on the hospital's clock: `14 Feb 2026, 13:41 CST`."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
    return local.strftime("%-d %b %Y, %H:%M ") + (local.tzname() or "")


def said_day(at: int) -> str:
    """The day of a time: `14 Feb 2026`."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%-d %b %Y")


def day(text: str) -> str:
    """`14 Feb 1959`; as it stands where it is less precise."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%-d %b %Y")
    except ValueError:
        return text


# --- patient and order ------------------------------------------------------------------------------------------------------


class Patient(msgspec.Struct, frozen=True):
    """Whose study it is. `born`: as the document has it."""

    name: str = ""
    number: str = ""
    born: str = ""
    sex: str = ""


def patient(document: bytes) -> Patient:
    """A patient as an order's mapping read it."""
    found = members(document)
    name = part(found.get("name"))
    given = " ".join(said(name.get(key)) for key in ("given", "middle") if said(name.get(key)))
    family = " ".join(said(name.get(key)) for key in ("family", "suffix") if said(name.get(key)))
    whole = ", ".join(one for one in (family, given) if one)
    sex = said(found.get("sex"))
    number = said(part(found.get("mrn")).get("id"))
    return Patient(whole, number, said(found.get("birth_date")), "" if sex == "unknown" else sex)


class Order(msgspec.Struct, frozen=True):
    """What was asked for. `placer`, `filler`: as the hospital writes them; `reasons`: text with code; `state`: open, completed,
    cancelled."""

    placer: str
    filler: str
    state: str
    priority: str
    service: str
    ordered_at: int
    by: tuple[str, ...]
    information: tuple[str, ...]
    reasons: tuple[str, ...]


def order(document: bytes, state: str, placer: str, filler: str, zone: str) -> Order:
    """An order as its mapping read it."""
    found = members(document)
    reasons = [
        " · ".join(text for text in (said(one.get("display")), said(one.get("code"))) if text)
        for one in every(found.get("reasons"))
    ]
    return Order(
        placer, filler, state, PRIORITIES.get(said(found.get("priority")), said(found.get("priority"))),
        coded(said(found.get("service"))), ms(moment(found.get("ordered_at"), zone)),
        tuple(dict.fromkeys(person(one) for one in every(found.get("ordering_providers")) if person(one))),
        tuple(text for one in found.get("clinical_information") or () if (text := said(one))),
        tuple(reason for reason in reasons if reason),
    )  # fmt: skip


def coded(text: str) -> str:
    """A coded field for people: its text, else its code."""
    code, _, rest = text.partition("^")
    return rest.partition("^")[0] or code


def person(one: Mapping[str, Any]) -> str:
    """A clinician: `Imogen PLACEHOLDER, MD`."""
    name = " ".join(said(one.get(key)) for key in ("given", "middle", "family") if said(one.get(key)))
    degree = said(one.get("degree"))
    return f"{name}, {degree}" if name and degree else name


# --- result -----------------------------------------------------------------------------------------------------------------


class Measured(msgspec.Struct, frozen=True):
    """One measurement. `value`, `low`, `high`: in `unit`; `flag`: in words, "" for none or normal; `critical`: somebody must be
    told at once."""

    kind: str
    name: str
    value: Decimal
    comparator: str
    unit: str
    low: Decimal | None
    high: Decimal | None
    flag: str
    critical: bool

    @property
    def shown(self) -> str:
        """The value with its digits."""
        return f"{self.comparator}{plain(self.value)}"

    @property
    def range(self) -> str:
        """Its reference range: `60 to 100`, `up to 460`; "" for none."""
        if self.low is None and self.high is None:
            return ""
        if self.low is None:
            return f"up to {plain(self.high)}"
        return f"from {plain(self.low)}" if self.high is None else f"{plain(self.low)} to {plain(self.high)}"


class Finding(msgspec.Struct, frozen=True):
    """Something that was found. `confidence`: in per cent, None when a clinician stated it."""

    name: str
    code: str
    confidence: int | None


class Result(msgspec.Struct, frozen=True):
    """A version of a result. `diagnoses`: code and text; `signed_by`: who signed, "" before that."""

    kind: str
    version: int
    study: str
    observed_at: int
    issued_at: int
    algorithm: str
    criteria: tuple[str, ...]
    interpretation: str
    comments: tuple[str, ...]
    measurements: tuple[Measured, ...]
    findings: tuple[Finding, ...]
    diagnoses: tuple[tuple[str, str], ...]
    signed_by: str
    has_pdf: bool
    has_picture: bool
    link: str

    @property
    def critical(self) -> bool:
        """Whether somebody must be told at once."""
        return bool(self.alarm)

    @property
    def alarm(self) -> tuple[str, ...]:
        """What of, in words: `Heart rate 28 /min`."""
        return tuple(f"{one.name} {one.shown} {one.unit}".strip() for one in self.measurements if one.critical)

    @property
    def headline(self) -> str:
        """What was found, in a few words."""
        return ", ".join(one.name for one in self.findings[:2]) or self.interpretation[:80]


def result(document: bytes, zone: str) -> Result:
    """A result as the platform sent it, or as it was signed."""
    found = members(document)
    name, version = said(found.get("algorithm_name")), said(found.get("algorithm_version"))
    attached = part(found.get("document"))
    link = said(attached.get("link"))
    return Result(
        said(found.get("status")), found.get("version") if isinstance(found.get("version"), int) else 0,  # type: ignore[arg-type]
        said(found.get("study")), ms(moment(found.get("observed_at"), zone)), ms(moment(found.get("issued_at"), zone)),
        f"{name} {version}".strip(), texts(found.get("criteria")), said(found.get("interpretation")),
        texts(found.get("comments")), tuple(measured(one) for one in every(found.get("measurements")) if _has_value(one)),
        tuple(finding(one) for one in every(found.get("findings"))),
        tuple((said(one.get("code")), said(one.get("display"))) for one in every(found.get("diagnoses"))),
        person(part(found.get("signed_by"))), bool(said(attached.get("pdf"))), bool(said(attached.get("picture"))),
        link if re.match(r"https://[^\s\"'<>]+$", link) else "",
    )  # fmt: skip


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(text for one in value if (text := said(one))) if isinstance(value, list) else ()


def _has_value(one: Mapping[str, Any]) -> bool:
    return _number(part(one.get("value")).get("value")) is not None


def measured(one: Mapping[str, Any]) -> Measured:
    """One measurement, its range in the unit of its value where that can be said."""
    value = part(one.get("value"))
    kind, unit, flag = said(one.get("kind")), said(value.get("unit")), said(one.get("flag"))
    number = _number(value.get("value"))
    assert number is not None
    shown, factor = SCALED.get(unit, (unit, Decimal(1)))
    return Measured(
        kind, KINDS.get(kind, kind.replace("_", " ").capitalize()), number * factor, said(value.get("comparator")),
        UNITS.get(shown, shown), _bound(one.get("low"), shown), _bound(one.get("high"), shown), FLAGS.get(flag, flag),
        flag in CRITICAL,
    )  # fmt: skip


def _bound(value: Any, wanted: str) -> Decimal | None:
    """An end of a range in the unit that the value is shown in; None when it is in another one."""
    unit = said(part(value).get("unit"))
    number = _number(part(value).get("value"))
    shown, factor = SCALED.get(unit, (unit, Decimal(1)))
    return number * factor if number is not None and shown == wanted else None


def finding(one: Mapping[str, Any]) -> Finding:
    """One finding."""
    sure = _number(one.get("confidence"))
    return Finding(said(one.get("name")), said(one.get("code")), None if sure is None else round(sure * 100))


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, int | Decimal | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        return None


def plain(value: Decimal | None) -> str:
    """A number as people write it: no exponent, a true minus, no zeros that came from changing the unit."""
    if value is None:
        return ""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−", 1)


# --- documents --------------------------------------------------------------------------------------------------------------


def attached(document: bytes, what: str) -> tuple[bytes, str] | None:
    """A result's PDF or picture and its media type; None when there is none, or when it is something else."""
    text = said(part(members(document).get("document")).get(what))
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if what == "pdf":
        return (body, "application/pdf") if body.startswith(b"%PDF-") else None
    return next(((body, kind) for magic, kind in _PICTURES.items() if body.startswith(magic)), None)


# --- trends -----------------------------------------------------------------------------------------------------------------


class Point(msgspec.Struct, frozen=True):
    """A value at a time."""

    at: int
    value: Decimal


class Trend(msgspec.Struct, frozen=True):
    """A small picture of how a measurement went: a `line` through `dots` in a box of `WIDTH` by `HEIGHT`; `band`: its reference
    range (top and height, None without one); `text` says the same in words."""

    line: str
    dots: tuple[tuple[float, float], ...]
    band: tuple[float, float] | None
    text: str


WIDTH, HEIGHT, MARGIN = 112, 30, 5


def trend(now: Measured, points: Iterable[Point], said_when: Mapping[int, str]) -> Trend | None:
    """How a measurement went, from the oldest value to this one; None without an earlier one. `said_when`: times in words."""
    found = sorted(points, key=lambda point: point.at)
    if len(found) < 2:
        return None
    values = [point.value for point in found]
    ends = [end for end in (now.low, now.high) if end is not None]
    lowest, highest = min([*values, *ends]), max([*values, *ends])
    span = highest - lowest or Decimal(1)

    def across(number: int) -> float:
        return round(MARGIN + number * (WIDTH - 2 * MARGIN) / (len(found) - 1), 1)

    def down(value: Decimal) -> float:
        return round(float(HEIGHT - MARGIN - (value - lowest) * (HEIGHT - 2 * MARGIN) / span), 1)

    dots = tuple((across(number), down(point.value)) for number, point in enumerate(found))
    band = None
    if now.low is not None and now.high is not None:
        band = (down(now.high), round(down(now.low) - down(now.high), 1))
    earlier = "; ".join(f"{plain(one.value)} on {said_when.get(one.at, '')}" for one in found[:-1])
    return Trend(
        " ".join(f"{x},{y}" for x, y in dots), dots, band, f"{now.name}: {earlier}; now {now.shown} {now.unit}".strip()
    )
