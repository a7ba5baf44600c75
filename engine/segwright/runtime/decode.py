"""JSON to run-time values, by the declared model: results as they are posted, orders as they are stored.

Takes the model, a type of it and a document; gives the value (`hl7.values`). Refuses, with `DecodeRefused`, everything that the
type does not say, all of it at once: unknown and duplicate members, missing ones, wrong types, empty texts (a missing value is
left out), numbers too long, unknown enum values, impossible times. Problems name the place and what was expected there, never
what was found: it may be the patient's.

    text, code   "…"                      date      "1980-02-29", "1980-02", "1980"
    integer      12                       datetime  "2026-03-08T14:30:00.5-05:00", as precise as it is known
    decimal      12.50 (digits are kept)  quantity  {"value": 412, "unit": "ms", "comparator": "<"}, the last if there is one
    boolean      true                     enum      its name
    record       {"attribute": …}         list of T […]; an empty list says the same as a missing one
    field        "A1^EHR" as it was received, or {"text": "A1$EHR", "delimiters": "|$~\\&"} with other delimiters
    segments     ["PV1|1|O", …], each like a field

`null` stands for a missing optional value. HL7's own null, which deletes, is `{"null": true}`, and only in stored orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from segwright.core.suggest import nearest
from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import STANDARD, Delimiters, fault
from segwright.hl7.paths import HEADERS
from segwright.hl7.values import NULL, Field, Quantity, Segment
from segwright.library.moments import DAY, iso_moment
from segwright.library.record import Refusal
from segwright.library.units import is_sane
from segwright.plan.model import Attribute, Model, RecordType, Type

COMPARATORS: Final = ("<", "<=", ">", ">=")
LONGEST_NUMBER: Final = 40
"""Digits of a decimal, before and after the point, exponent spelled out."""
LONGEST_INTEGER: Final = 18
MOST_PROBLEMS: Final = 100

_INTEGER: Final = re.compile("-?[0-9]+")
_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,60}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SEGMENT: Final = re.compile("[A-Z][A-Z0-9]{2}")


ProblemKind: TypeAlias = Literal[
    "json",
    "unknown",
    "duplicate",
    "missing",
    "type",
    "empty",
    "number",
    "enum",
    "time",
    "unit",
    "comparator",
    "text",
    "field",
    "too_many",
]


class DecodeProblem(msgspec.Struct, frozen=True):
    """One thing wrong with a document, at `path` (`$.measurements[2].value`, counted from 0).

    Kinds and their facts: json (`reason`: the document cannot be read) · unknown (`nearest`) · duplicate · missing · type
    (`wanted`, `found`) · empty · number (`reason`) · enum (`nearest`, `known`) · time (`reason`) · unit · comparator · text
    (`reason`) · field (`reason`) · too_many (more problems than are listed).
    """

    path: str
    kind: ProblemKind
    facts: dict[str, str] = {}


class DecodeRefused(Exception):
    """A document that is no value of its type, with every problem."""

    def __init__(self, problems: tuple[DecodeProblem, ...]) -> None:
        super().__init__(", ".join(f"{problem.path}: {problem.kind}" for problem in problems))
        self.problems = problems


_NO_JSON: Final = {
    "Expecting property name": ": a name in straight double quotes is expected (no comma behind the last one, no comment)",
    "Illegal trailing comma": ": behind the last value stands no comma",
    "Expecting ',' delimiter": ": a comma or the closing bracket is missing before this",
    "Expecting ':' delimiter": ": a colon is missing behind a name",
    "Expecting value": ": a value is missing here",
    "Unterminated string": ": this text has no closing quote",
    "Extra data": ": the document ends before this",
    "Invalid control character": ": a line end or a tab stands inside a text",
    "Invalid \\": ": behind this backslash stands something that JSON does not know",
}
"""How Python's words about a text that is no JSON begin, and an analyst's. Neither holds anything of the text."""


class _Number(NamedTuple):
    digits: str


class _Object(NamedTuple):
    pairs: list[tuple[str, Any]]


class _Bad:
    """In place of a value that has a problem."""


_BAD: Final = _Bad()


def decode(model: Model, type_: Type, data: bytes | str, *, nulls: bool = False) -> Any:
    """The value of a document. `nulls`: HL7 null may stand in it. Raises `DecodeRefused`; KeyError for a type that the model does
    not declare."""
    run = _Decoder(model, nulls)
    try:
        text = data.decode() if isinstance(data, bytes) else data
        document = json.loads(
            text, object_pairs_hook=_Object, parse_float=_Number, parse_int=_Number, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise DecodeRefused((DecodeProblem("$", "json", {"reason": f"byte {error.start + 1} is not UTF-8"}),)) from None
    except json.JSONDecodeError as error:
        said = next((words for begin, words in _NO_JSON.items() if error.msg.startswith(begin)), "")
        reason = f"line {error.lineno}, column {error.colno}{said}"
        raise DecodeRefused((DecodeProblem("$", "json", {"reason": reason}),)) from None
    except RecursionError:
        raise DecodeRefused((DecodeProblem("$", "json", {"reason": "it is nested too deeply"}),)) from None
    if document is None:
        run.problem("$", "missing")
    value = run.value(type_, document, "$")
    if run.problems:
        raise DecodeRefused(tuple(run.problems))
    return value


def _constant(name: str) -> _Number:
    return _Number(name)


class _Decoder:
    def __init__(self, model: Model, nulls: bool) -> None:
        self.model = model
        self.nulls = nulls
        self.problems: list[DecodeProblem] = []
        self.scalars: dict[str, Callable[[Any, str], Any]] = {
            "text": self.text,
            "code": self.text,
            "integer": self.integer,
            "decimal": self.decimal,
            "boolean": self.boolean,
            "date": self.date,
            "datetime": self.datetime,
            "quantity": self.quantity,
            "field": self.field,
            "segments": self.segments,
        }

    def problem(self, path: str, kind: ProblemKind, **facts: str) -> _Bad:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(DecodeProblem(path, kind, facts))
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append(DecodeProblem("$", "too_many"))
        return _BAD

    def wrong(self, path: str, wanted: str, found: object) -> _Bad:
        return self.problem(path, "type", wanted=wanted, found=_json_kind(found))

    def value(self, type_: Type, found: Any, path: str) -> Any:
        """A value that is there. A list that is there may be empty: None."""
        if self.nulls and isinstance(found, _Object) and found.pairs == [("null", True)]:
            return NULL
        if found is None:
            return None
        if type_.kind == "scalar":
            return self.scalars[type_.name](found, path)
        if type_.kind == "enum":
            return self.enum(self.model.enums[type_.name], found, path)
        if type_.kind == "record":
            return self.record(self.model.records[type_.name], found, path)
        return self.list(type_, found, path)

    def list(self, type_: Type, found: Any, path: str) -> Any:
        if not isinstance(found, list):
            return self.wrong(path, "list", found)
        assert type_.of is not None
        values = []
        for number, element in enumerate(found):
            place = f"{path}[{number}]"
            value = self.wrong(place, str(type_.of), None) if element is None else self.value(type_.of, element, place)
            if value is None:
                value = self.problem(place, "empty")
            values.append(value)
        return tuple(values) or None

    def members(self, found: Any, known: tuple[str, ...], wanted: str, path: str) -> dict[str, Any] | None:
        """The members of an object by name, unknown and duplicate ones reported; None when it is no object."""
        if not isinstance(found, _Object):
            self.wrong(path, wanted, found)
            return None
        members: dict[str, Any] = {}
        for name, value in found.pairs:
            place = f"{path}.{name if _NAME.fullmatch(name) else '?'}"
            if name not in known:
                self.problem(place, "unknown", nearest=nearest(name, known))
            elif name in members:
                self.problem(place, "duplicate")
            else:
                members[name] = value
        return members

    def record(self, declared: RecordType, found: Any, path: str) -> Any:
        members = self.members(found, tuple(each.name for each in declared.attributes), "object", path)
        if members is None:
            return _BAD
        return tuple(self.attribute(each, members, f"{path}.{each.name}") for each in declared.attributes)

    def attribute(self, declared: Attribute, members: dict[str, Any], path: str) -> Any:
        found = members.get(declared.name)
        if found is None:
            return None if declared.optional else self.problem(path, "missing")
        return self.value(declared.type, found, path)

    def enum(self, names: tuple[str, ...], found: Any, path: str) -> Any:
        if not isinstance(found, str):
            return self.wrong(path, "text", found)
        if found not in names:
            return self.problem(path, "enum", nearest=nearest(found, names), known=", ".join(names))
        return found

    # --- scalars ---

    def text(self, found: Any, path: str) -> Any:
        if not isinstance(found, str):
            return self.wrong(path, "text", found)
        if not found:
            return self.problem(path, "empty")
        if _SURROGATE.search(found):
            return self.problem(path, "text", reason="it holds half of a surrogate pair")
        return found

    def integer(self, found: Any, path: str) -> Any:
        if not isinstance(found, _Number) or not _INTEGER.fullmatch(found.digits):
            return self.wrong(path, "integer", found)
        if len(found.digits.lstrip("-")) > LONGEST_INTEGER:
            return self.problem(path, "number", reason=f"it has more than {LONGEST_INTEGER} digits")
        return int(found.digits)

    def decimal(self, found: Any, path: str) -> Any:
        if not isinstance(found, _Number) or found.digits[-1] not in "0123456789":
            return self.wrong(path, "number", found)
        mantissa, _, exponent = found.digits.lower().partition("e")
        # Looked at as text first: an exponent can make a number of any length.
        if len(mantissa) <= 2 * LONGEST_NUMBER and len(exponent) <= 4:
            number = Decimal(found.digits)
            places = -int(number.as_tuple().exponent)
            if number.adjusted() < LONGEST_NUMBER and -LONGEST_NUMBER <= places <= LONGEST_NUMBER:
                return number
        return self.problem(
            path, "number", reason=f"it has more than {LONGEST_NUMBER} digits before or after the point"
        )

    def boolean(self, found: Any, path: str) -> Any:
        return found if isinstance(found, bool) else self.wrong(path, "true or false", found)

    def datetime(self, found: Any, path: str) -> Any:
        if not isinstance(found, str):
            return self.wrong(path, "text", found)
        try:
            return iso_moment(found)
        except Refusal as refusal:
            return self.problem(path, "time", reason=refusal.reason)

    def date(self, found: Any, path: str) -> Any:
        moment = self.datetime(found, path)
        if isinstance(moment, _Bad) or (len(moment.digits) <= DAY and moment.offset is None):
            return moment
        return self.problem(path, "time", reason="a date has no time of day and no offset from UTC")

    def quantity(self, found: Any, path: str) -> Any:
        members = self.members(found, ("value", "unit", "comparator"), "object with value and unit", path)
        if members is None:
            return _BAD
        value = self.part(members, "value", self.decimal, path)
        unit = self.part(members, "unit", self.text, path)
        if isinstance(unit, str) and not is_sane(unit):
            unit = self.problem(f"{path}.unit", "unit")
        comparator = members.get("comparator")
        if comparator is not None and comparator not in COMPARATORS:
            self.problem(f"{path}.comparator", "comparator")
        return Quantity(value, unit, comparator or "")

    def part(self, members: dict[str, Any], name: str, read: Callable[[Any, str], Any], path: str) -> Any:
        found = members.get(name)
        return self.problem(f"{path}.{name}", "missing") if found is None else read(found, f"{path}.{name}")

    def received(self, found: Any, path: str) -> tuple[str, Delimiters, str] | _Bad:
        """Text as it was received, with its delimiters and the codec of its hexadecimal escapes."""
        delimiters, codec = STANDARD, ""
        if isinstance(found, _Object):
            members = self.members(found, ("text", "delimiters", "charset"), "text", path) or {}
            text = self.part(members, "text", self.text, path)
            signs = self.part(members, "delimiters", self.text, path)
            if not isinstance(text, str) or not isinstance(signs, str):
                return _BAD
            if len(signs) not in (5, 6):
                reason = "the delimiters are five or six characters, MSH-1 and MSH-2"
                return self.problem(f"{path}.delimiters", "field", reason=reason)
            delimiters = Delimiters(*signs)
            wrong = fault(delimiters)
            if wrong:
                return self.problem(f"{path}.delimiters", "field", reason=wrong)
            if members.get("charset") is not None:
                charset = self.text(members["charset"], f"{path}.charset")
                if not isinstance(charset, str):
                    return _BAD
                codec = codec_of(charset) or ""
                if not codec:
                    return self.problem(f"{path}.charset", "field", reason="MSH-18 could name no such charset")
        else:
            text = self.text(found, path)
            if not isinstance(text, str):
                return _BAD
        if _CONTROL.search(text):
            return self.problem(path, "field", reason="received text holds no control characters")
        return text, delimiters, codec

    def field(self, found: Any, path: str) -> Any:
        received = self.received(found, path)
        if isinstance(received, _Bad):
            return received
        text, delimiters, codec = received
        if delimiters.field in text:
            return self.problem(path, "field", reason="a field does not hold its own field separator")
        return Field(text, delimiters, codec)

    def segments(self, found: Any, path: str) -> Any:
        if not isinstance(found, list):
            return self.wrong(path, "list", found)
        return tuple(self.segment(each, f"{path}[{number}]") for number, each in enumerate(found)) or None

    def segment(self, found: Any, path: str) -> Any:
        received = self.received(found, path)
        if isinstance(received, _Bad):
            return received
        text, delimiters, codec = received
        name = text.split(delimiters.field, 1)[0]
        if not _SEGMENT.fullmatch(name) or name in HEADERS:
            return self.problem(path, "field", reason="a segment begins with its name, and is no header")
        return Segment(text, delimiters, codec)


def _json_kind(found: object) -> str:
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true or false"
    names: dict[type, str] = {str: "text", _Number: "number", _Object: "object", list: "list"}
    return names.get(type(found), "value")
