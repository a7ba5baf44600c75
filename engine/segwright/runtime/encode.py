"""Run-time values to JSON, the inverse of `runtime.decode`, and JSON Schemas of declared types.

Takes the model, a type of it and a value of that type; gives the document, or the schema that every document of the type fits.
Law: decode(encode(x)) == x. Refuses, with TypeError, a value that is not of its type; its message holds no value.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

from segwright.hl7.charset import charset_of
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.escape import escapes_bytes
from segwright.hl7.values import NULL, Field, Moment, Quantity, Segment
from segwright.library.moments import moment_iso
from segwright.plan.model import Model, RecordType, Type
from segwright.runtime.decode import COMPARATORS

_Written = Callable[[Any], str]
"""Writes a value of one type."""


class Encoder:
    """Writes documents of a model. How each type is written is worked out once, when the first value of it comes; several threads
    may work it out at the same time, and find the same."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[Type, _Written] = {}

    def encode(self, type_: Type, value: Any) -> bytes:
        """The document of a value, attributes in declared order, missing ones left out. HL7 null becomes `{"null": true}`,
        which only `decode(…, nulls=True)` takes."""
        return self._of(type_)(value).encode()

    def _of(self, type_: Type) -> _Written:
        if type_ not in self._known:
            self._known[type_] = self._made(type_)
        return self._known[type_]

    def _made(self, type_: Type) -> _Written:
        match type_.kind:
            case "list":
                assert type_.of is not None
                return _list(type_, self._of(type_.of))
            case "record":
                return self._record(type_, self._model.records[type_.name])
            case "enum":
                return _enum(type_, self._model.enums[type_.name])
            case "scalar":
                return _scalar(type_, *_SCALARS[type_.name])

    def _record(self, type_: Type, declared: RecordType) -> _Written:
        attributes: tuple[tuple[str, bool, bool, _Written], ...] = ()  # until the first value: a record may hold itself

        def written(value: Any) -> str:
            nonlocal attributes
            if not attributes:  # put there as a whole: another thread may be here, too
                attributes = tuple(
                    (f'"{each.name}":', each.optional, each.type.kind == "list", self._of(each.type))
                    for each in declared.attributes
                )
            if type(value) is not tuple or len(value) != len(attributes):
                return _null(type_, value)
            parts = []
            for (name, optional, is_list, of), held in zip(attributes, value, strict=True):
                if held is not None or (is_list and not optional):
                    parts.append(name + of(held))
                elif not optional:
                    raise TypeError(f"{declared.name}.{name[1:-2]} is missing")
            return "{" + ",".join(parts) + "}"

        return written


def encode_json(model: Model, type_: Type, value: Any) -> bytes:
    """What an `Encoder` of the model writes, for a single value."""
    return Encoder(model).encode(type_, value)


def _null(type_: Type, value: Any) -> str:
    """What is not a value of a type is HL7 null, or a mistake."""
    if value is NULL:
        return '{"null":true}'
    raise TypeError(f"a value is not of type {type_}")


def _list(type_: Type, of: _Written) -> _Written:
    def written(value: Any) -> str:
        if value is None or type(value) is tuple:
            return "[" + ",".join([of(each) for each in value or ()]) + "]"
        return _null(type_, value)

    return written


def _enum(type_: Type, values: tuple[str, ...]) -> _Written:
    quoted = {value: _quoted(value) for value in values}

    def written(value: Any) -> str:
        return quoted[value] if value in quoted else _null(type_, value)

    return written


def _scalar(type_: Type, class_: type, of: _Written) -> _Written:
    def written(value: Any) -> str:
        return of(value) if type(value) is class_ else _null(type_, value)

    return written


_quoted: Final = encode_basestring


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError("a decimal is not finite")
    return str(value)


def _moment(value: Moment) -> str:
    return _quoted(moment_iso(value))


def _quantity(value: Quantity) -> str:
    comparator = f',"comparator":{_quoted(value.comparator)}' if value.comparator else ""
    return f'{{"value":{_decimal(value.value)},"unit":{_quoted(value.unit)}{comparator}}}'


def _segments(value: tuple[Any, ...]) -> str:
    if not all(isinstance(each, Segment) for each in value):
        raise TypeError("a value is not of type segments")
    return f"[{','.join(_received(each) for each in value)}]"


def _received(value: Field | Segment) -> str:
    """Received text alone where that says all; its charset only where a hexadecimal escape depends on it."""
    text, delimiters, codec = value
    charset = charset_of(codec) if escapes_bytes(text, delimiters, codec) else ""
    if delimiters == STANDARD and not charset:
        return _quoted(text)
    named = f',"charset":{_quoted(charset)}' if charset else ""
    return f'{{"text":{_quoted(text)},"delimiters":{_quoted(delimiters.field + delimiters.msh2)}{named}}}'


_SCALARS: Final[dict[str, tuple[type, _Written]]] = {
    "text": (str, _quoted),
    "code": (str, _quoted),
    "integer": (int, str),
    "decimal": (Decimal, _decimal),
    "boolean": (bool, lambda value: "true" if value else "false"),
    "date": (Moment, _moment),
    "datetime": (Moment, _moment),
    "quantity": (Quantity, _quantity),
    "field": (Field, _received),
    "segments": (tuple, _segments),
}


# --- schemas ---


def json_schema(model: Model, type_: Type) -> dict[str, Any]:
    """A JSON Schema (2020-12) of a type, with the declared documentation. Every document that `decode` takes fits it."""
    needed: dict[str, dict[str, Any]] = {}
    schema = _schema(model, type_, needed)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": dict(sorted(needed.items()))}


_TIME: Final = "T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,4})?)?)?"
_OFFSET: Final = "(Z|[+-][0-9]{2}:[0-9]{2})?"
_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
_RECEIVED: Final[dict[str, Any]] = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {
                "text": _TEXT,
                "delimiters": {"type": "string", "minLength": 5, "maxLength": 6},
                "charset": {**_TEXT, "description": "The charset of its hexadecimal escapes, as MSH-18 names it."},
            },
            "required": ["text", "delimiters"],
            "additionalProperties": False,
        },
    ],
}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "text": _TEXT,
    "code": _TEXT,
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"},
    "datetime": {"type": "string", "pattern": f"^[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}({_TIME})?)?)?{_OFFSET}$"},
    "quantity": {
        "type": "object",
        "description": "A measured number with its UCUM unit (1 for none).",
        "properties": {
            "value": {"type": "number"},
            "unit": _TEXT,
            "comparator": {"enum": [*COMPARATORS, None]},
        },
        "required": ["value", "unit"],
        "additionalProperties": False,
    },
    "field": {
        "description": "A field as it was received, still escaped; with its delimiters unless they are |^~\\&, and its "
        "charset where a hexadecimal escape depends on it.",
        **_RECEIVED,
    },
    "segments": {
        "type": "array",
        "description": "Segments as they were received; each with its delimiters unless they are |^~\\&, and its charset "
        "where a hexadecimal escape depends on it.",
        "items": _RECEIVED,
    },
}
_SHARED: Final = frozenset({"quantity", "field", "segments"})


def _schema(model: Model, type_: Type, needed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if type_.kind == "list":
        assert type_.of is not None
        return {"type": "array", "items": _schema(model, type_.of, needed)}
    if type_.kind == "scalar" and type_.name not in _SHARED:
        return dict(_SCHEMAS[type_.name])
    if type_.name not in needed:
        needed[type_.name] = {}
        if type_.kind == "scalar":
            needed[type_.name] = _SCHEMAS[type_.name]
        elif type_.kind == "enum":
            needed[type_.name] = {"enum": list(model.enums[type_.name])}
        else:
            needed[type_.name] = _record_schema(model, model.records[type_.name], needed)
    return {"$ref": f"#/$defs/{type_.name}"}


def _record_schema(model: Model, declared: RecordType, needed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for attribute in declared.attributes:
        schema = _schema(model, attribute.type, needed)
        if attribute.optional:
            schema = {"anyOf": [schema, {"type": "null"}]}
        if attribute.doc:
            schema["description"] = attribute.doc
        properties[attribute.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [attribute.name for attribute in declared.attributes if not attribute.optional],
        "additionalProperties": False,
    }
