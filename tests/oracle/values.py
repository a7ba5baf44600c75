"""What a mapping works on, in the plainest form: JSON becomes dictionaries, lists and texts.

A record is a dictionary of its attributes, a list a list, an enum, text or code a `str`; missing is None, an empty list is
missing. Only what JSON cannot say has a class of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import STANDARD, Delimiters
from segwright.plan.model import Model, Type


class Null:
    """HL7 null: the receiver is told to delete what it has."""


NULL = Null()


@dataclass(frozen=True)
class Time:
    """The digits YYYYMMDDHHMMSS.ffff that are known, and the minutes east of UTC if they are."""

    digits: str
    offset: int | None


@dataclass(frozen=True)
class Measure:
    """A number, its unit and perhaps a comparator."""

    number: Decimal
    unit: str
    comparator: str


@dataclass(frozen=True)
class Received:
    """A field or a segment as it came."""

    text: str
    delimiters: Delimiters
    codec: str


class Fault(Exception):
    """A value that cannot be had. `kind` as the reference calls it; `noted` when it was noted already."""

    def __init__(self, kind: str, *, noted: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.noted = noted


def printed(value: Any) -> str:
    """A value as text, where it has one of its own."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Fault("type")
    return str(value)


def from_json(model: Model, type_: Type, document: str | bytes) -> Any:
    """The value of a JSON document."""
    return _typed(model, type_, json.loads(document, parse_float=Decimal, parse_int=Decimal))


def _typed(model: Model, type_: Type, found: Any) -> Any:
    if found is None:
        return None
    if found == {"null": True}:
        return NULL
    if type_.kind == "list":
        assert type_.of is not None
        return [_typed(model, type_.of, each) for each in found] or None
    if type_.kind == "record":
        return {
            each.name: _typed(model, each.type, found.get(each.name)) for each in model.records[type_.name].attributes
        }
    match type_.name if type_.kind == "scalar" else "text":
        case "integer":
            return int(found)
        case "date" | "datetime":
            return time_of(found)
        case "quantity":
            return Measure(found["value"], found["unit"], found.get("comparator") or "")
        case "field":
            return _received(found)
        case "segments":
            return [_received(each) for each in found] or None
        case _:
            return found


def time_of(text: str) -> Time:
    """A time from ISO 8601."""
    day, clock, zone = text, "", ""
    if "T" in text:
        day, clock = text.split("T")
        for sign in "Z+-":
            if sign in clock:
                clock, zone = clock.split(sign)
                zone = sign + zone
    elif text.endswith("Z") or "+" in text or text.count(":"):
        raise AssertionError(f"a day with an offset is not for this: {text}")
    offset = None
    if zone:
        hours, minutes = (zone[1:] or "00:00").split(":")
        offset = (int(hours) * 60 + int(minutes)) * (-1 if zone[0] == "-" else 1)
    return Time((day + clock).replace("-", "").replace(":", ""), offset)


def _received(found: Any) -> Received:
    if isinstance(found, str):
        return Received(found, STANDARD, "")
    return Received(found["text"], Delimiters(*found["delimiters"]), codec_of(found.get("charset") or "") or "")
