"""The OpenAPI 3.1 description of the API, made of the same table as its routes.

Takes an organisation's declared model and the operations; gives the document. Records and enums of the model stand under
`model.NAME`, as they are submitted, and under `stored.NAME`, as they come back in orders, where HL7's own null may stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from segwright import __version__
from segwright.delivery.desk import LARGEST_VERSION, LONGEST_ID, PLAIN
from segwright.delivery.live import ORDER, PATIENT, RESULT
from segwright.plan.model import Model, Type
from segwright.runtime.encode import json_schema
from segwright.web import answers
from segwright.web.operations import Operation
from segwright.web.problems import MEDIA_TYPE, STATUSES, Problem

SCHEMAS: Final = "#/components/schemas/"

DOCUMENTS: Final[dict[type[msgspec.Struct], dict[str, str]]] = {
    answers.ResultSubmission: {"result": "model.Result"},
    answers.Upload: {"result": "Uploaded"},
    answers.Signing: {"signed_by": "model.Provider"},
    answers.RevisionAnswer: {"result": "model.Result"},
    answers.ShownAnswer: {"result": "model.Result"},
    answers.OrderAnswer: {"order": "stored.Order", "patient": "stored.Patient"},
}
"""Which documents of the model stand in which members."""

_ABOUT: Final = """Results go in; what became of them, and the orders that the hospital sent, come out.

The organisation is the one whose token a call brings, and nobody else's data is there for it. A call that changes something may
bring an `Idempotency-Key`: sent again under the same key, it gets the answer of the first time. Whatever is refused is a problem
document (RFC 9457) that lists every fault with its path and none with its value."""


def openapi(model: Model, operations: Sequence[Operation]) -> dict[str, Any]:
    """The description, for organisations with this model."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "segwright", "version": __version__, "description": _ABOUT},
        "security": [{"token": []}],
        "paths": _paths(operations),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**_structs(operations), **_model(model)},
        },
    }


# --- paths ------------------------------------------------------------------------------------------------------------------


def _paths(operations: Iterable[Operation]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for operation in operations:
        found.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return found


def _operation(operation: Operation) -> dict[str, Any]:
    refuses = {400, 401, 503, *operation.refuses}
    if operation.acts:
        refuses |= {408, 413}
    if operation.body is not None:
        refuses.add(415)
    good = {
        str(status): {"description": _GOOD[status], "content": _content(operation.answer, "application/json")}
        for status in operation.statuses
    }
    bad = {
        str(status): {"description": STATUSES[status], "content": _content(Problem, MEDIA_TYPE)}
        for status in sorted(refuses)
    }
    described: dict[str, Any] = {
        "operationId": operation.name, "summary": operation.summary, "parameters": _parameters(operation),
        "responses": {**good, **bad},
    }  # fmt: skip
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body, "application/json")}
    return described


_GOOD: Final = {200: "Done, or done before.", 201: "Taken."}


def _content(type_: type[msgspec.Struct], media_type: str) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": SCHEMAS + type_.__name__}}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in operation.path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            number = name in ("order", "delivery")
            schema: dict[str, Any] = {"type": "integer", "minimum": 1} if number else {"type": "string", "minLength": 1}
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if operation.query is not None:
        (_,), components = msgspec.json.schema_components([operation.query], ref_template=SCHEMAS + "{name}")
        properties = components[operation.query.__name__]["properties"]
        for name, schema in properties.items():
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
    if operation.acts:
        found.append(_header("Idempotency-Key", 255, "The same key gets the same answer, and nothing is done twice."))
        found.append(_header("Segwright-Actor", 100, "Who acts, by your own id; kept in the audit."))
    return found


def _header(name: str, longest: int, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": f"^[!-~]{{1,{longest}}}$"}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


# --- schemas ----------------------------------------------------------------------------------------------------------------


def _structs(operations: Sequence[Operation]) -> dict[str, Any]:
    types = dict.fromkeys(type_ for one in operations for type_ in (one.answer, one.body, Problem) if type_ is not None)
    _, components = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")
    for type_, members in DOCUMENTS.items():
        if type_.__name__ in components:
            for name, target in members.items():
                components[type_.__name__]["properties"][name] = {"$ref": SCHEMAS + target}
    return dict(components)


def _model(model: Model) -> dict[str, Any]:
    found = _components(model, RESULT, "model.")
    result = found["model.Result"]["properties"]
    plain = {"minLength": 1, "maxLength": LONGEST_ID, "pattern": PLAIN}
    for name in ("id", "study"):
        result[name] = {**result[name], **plain}
    result["version"] = {**result["version"], "minimum": 1, "maximum": LARGEST_VERSION}
    uploaded = {
        **found["model.Result"],
        "description": "A result as it is uploaded: preliminary, with or without a version.",
        "properties": {**result, "status": {"const": "preliminary"}},
        "required": [name for name in found["model.Result"]["required"] if name != "version"],
    }
    if "model.Provider" not in found:
        found["model.Provider"] = {"type": "object"}
    stored = {**_components(model, ORDER, "stored."), **_components(model, PATIENT, "stored.")}
    return {**found, "Uploaded": uploaded, **{name: _nullable(schema) for name, schema in stored.items()}, **_NULL}


_NULL: Final = {
    "stored.HL7Null": {
        "type": "object",
        "description": 'HL7\'s null (`""` in the message): the hospital deletes what stood there.',
        "properties": {"null": {"const": True}},
        "required": ["null"],
        "additionalProperties": False,
    }
}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """A record of which any attribute may be HL7's null."""
    if "properties" not in schema:
        return schema
    null = {"$ref": SCHEMAS + "stored.HL7Null"}
    return {**schema, "properties": {name: {"anyOf": [one, null]} for name, one in schema["properties"].items()}}


def _components(model: Model, type_: Type, prefix: str) -> dict[str, Any]:
    """The schemas that a type needs, each under its name."""
    definitions = json_schema(model, type_)["$defs"]
    return {prefix + name: _renamed(schema, prefix) for name, schema in definitions.items()}


def _renamed(schema: Any, prefix: str) -> Any:
    match schema:
        case Mapping():
            return {
                key: SCHEMAS + prefix + value.rpartition("/")[2] if key == "$ref" else _renamed(value, prefix)
                for key, value in schema.items()
            }
        case list() | tuple():
            return [_renamed(one, prefix) for one in schema]
        case _:
            return schema
