"""Run-time values to JSON, the inverse of `runtime.decode`, and JSON Schemas of declared types.

Takes the model, a type of it and a value of that type; gives the document, or the schema that every document of the type fits.
Law: decode(encode(x)) == x. Refuses, with TypeError, a value that is not of its type; its message holds no value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from segwright.hl7.charset import charset_of
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.escape import escapes_bytes
from segwright.hl7.values import NULL, Field, Moment, Quantity, Segment
from segwright.library.moments import moment_iso
from segwright.plan.model import Model, RecordType, Type
from segwright.runtime.decode import COMPARATORS

_SCALARS: Final[dict[str, type]] = {
    "text": str,
    "code": str,
    "integer": int,
    "decimal": Decimal,
    "boolean": bool,
    "date": Moment,
    "datetime": Moment,
    "quantity": Quantity,
    "field": Field,
    "segments": tuple,
}


def encode_json(model: Model, type_: Type, value: Any) -> bytes:
    """The document of a value, attributes in declared order, missing ones left out. HL7 null becomes `{"null": true}`, which only
    `decode(…, nulls=True)` takes."""
    return "".join(_written(model, type_, value)).encode()


def _written(model: Model, type_: Type, value: Any) -> Iterator[str]:
    if value is NULL:
        yield '{"null":true}'
    elif type_.kind == "list" and (value is None or type(value) is tuple):
        assert type_.of is not None
        of = type_.of
        yield from _listed(_written(model, of, each) for each in value or ())
    elif type_.kind == "record" and type(value) is tuple:
        yield from _record(model, model.records[type_.name], value)
    elif type_.kind == "enum" and value in model.enums[type_.name]:
        yield _quoted(value)
    elif type_.kind == "scalar" and type(value) is _SCALARS[type_.name]:
        yield _scalar(value)
    else:
        raise TypeError(f"a value is not of type {type_}")


def _listed(items: Iterator[Iterator[str]]) -> Iterator[str]:
    yield "["
    for number, item in enumerate(items):
        if number:
            yield ","
        yield from item
    yield "]"


def _record(model: Model, declared: RecordType, value: tuple[Any, ...]) -> Iterator[str]:
    if len(value) != len(declared.attributes):
        raise TypeError(f"a value is not of type {declared.name}")
    yield "{"
    separator = ""
    for attribute, held in zip(declared.attributes, value, strict=True):
        if held is None and (attribute.optional or attribute.type.kind != "list"):
            if not attribute.optional:
                raise TypeError(f"{declared.name}.{attribute.name} is missing")
            continue
        yield f'{separator}"{attribute.name}":'
        yield from _written(model, attribute.type, held)
        separator = ","
    yield "}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError("a decimal is not finite")
        return str(value)
    if isinstance(value, Moment):
        return _quoted(moment_iso(value))
    if isinstance(value, Quantity):
        comparator = f',"comparator":{_quoted(value.comparator)}' if value.comparator else ""
        return f'{{"value":{_scalar(value.value)},"unit":{_quoted(value.unit)}{comparator}}}'
    if isinstance(value, Field):
        return _received(value)
    if isinstance(value, str):
        return _quoted(value)
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


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


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
