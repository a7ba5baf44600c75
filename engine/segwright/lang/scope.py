"""Declarations: from the files of a workspace to names that mean something.

Takes parsed files layer by layer; gives a `Scope` (tables, formats, parts and narratives by name, and the resolved data model)
and what is wrong with the declarations themselves. A name is declared once: a second declaration in a lower or the same layer
is an error that shows both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Span
from segwright.core.suggest import nearest
from segwright.lang import ast
from segwright.plan.model import SCALARS, Attribute, Model, RecordType, Type, scalar

BUILTIN_RECORDS = {
    "Message": RecordType(
        "Message",
        (
            Attribute("created_at", scalar("datetime"), doc="when the message is made; given by the runtime"),
            Attribute("control_id", scalar("text"), doc="MSH-10; given by the runtime"),
            Attribute("purpose", scalar("text"), doc="the kind of the catalogue entry: preliminary, final, …"),
        ),
    )
}


class Layer(msgspec.Struct, frozen=True):
    """One layer of mappings: `base`, a profile's name, or an organisation's id, with its parsed files."""

    name: str
    files: tuple[ast.File, ...]


class Scope(msgspec.Struct, frozen=True):
    """Everything that is declared and visible. Values keep the layer that declared them in `layer_of`."""

    model: Model
    tables: dict[str, ast.Table]
    formats: dict[tuple[str, str], ast.Format]
    parts: dict[str, ast.Part]
    narratives: dict[str, ast.Narrative]
    layer_of: dict[str, str]

    def names(self) -> set[str]:
        """Every declared name, for suggestions."""
        return {*self.tables, *self.parts, *self.narratives, *(name for name, _ in self.formats)}


EMPTY = Scope(Model({}, {}), {}, {}, {}, {}, {})

D = TypeVar("D", bound=ast.Declaration)


def declare(below: Scope, layer: Layer) -> tuple[Scope, list[Diagnostic]]:
    """`below` with the declarations of one more layer."""
    found: list[Diagnostic] = []
    declarations = [d for file in layer.files for d in file.declarations]
    if not declarations:
        return below, found
    tables, formats, parts = dict(below.tables), dict(below.formats), dict(below.parts)
    narratives, layer_of = dict(below.narratives), dict(below.layer_of)
    records = [d for d in declarations if isinstance(d, ast.Record)]
    enums = [d for d in declarations if isinstance(d, ast.Enum)]
    for declaration in declarations:
        first: ast.Declaration | None = None
        match declaration:
            case ast.Table():
                first = tables.setdefault(declaration.name, declaration)
            case ast.Format():
                first = formats.setdefault((declaration.name, declaration.direction), declaration)
            case ast.Part():
                first = parts.setdefault(declaration.name, declaration)
            case ast.Narrative():
                first = narratives.setdefault(declaration.name, declaration)
            case _:
                continue
        if first is not declaration:
            found.append(_twice(declaration.name, declaration.span, first.span))
        else:
            layer_of[declaration.name] = layer.name
    model, problems = _model(below.model, records, enums)
    return Scope(model, tables, formats, parts, narratives, layer_of), found + problems


def _twice(name: str, span: Span, first: Span) -> Diagnostic:
    return diagnostic("SW0201", span, Label(first, "first"), name=name)


def _model(below: Model, records: list[ast.Record], enums: list[ast.Enum]) -> tuple[Model, list[Diagnostic]]:
    found: list[Diagnostic] = []
    known_enums = dict(below.enums)
    spans: dict[str, Span] = {}
    for enum in enums:
        if enum.name in spans or enum.name in known_enums:
            found.append(_twice(enum.name, enum.span, spans.get(enum.name, enum.span)))
            continue
        spans[enum.name] = enum.span
        values: dict[str, Span] = {}
        for value in enum.values:
            if value.name in values:
                found.append(_twice(value.name, value.span, values[value.name]))
            values.setdefault(value.name, value.span)
        if not values:
            found.append(diagnostic("SW0207", enum.span, name=enum.name, kind="enum"))
        known_enums[enum.name] = tuple(values)
    known_records = {**BUILTIN_RECORDS, **below.records}
    names = {*known_records, *(record.name for record in records)}
    for record in records:
        if record.name in spans or record.name in known_records:
            found.append(_twice(record.name, record.span, spans.get(record.name, record.span)))
            continue
        spans[record.name] = record.span
        attributes: dict[str, Attribute] = {}
        places: dict[str, Span] = {}
        for field in record.fields:
            if field.name in attributes:
                found.append(_twice(field.name, field.span, places[field.name]))
                continue
            optional = field.type.form == "optional"
            inner = field.type.of if optional and field.type.of is not None else field.type
            type_, problem = resolve_type(inner, names, known_enums)
            if problem is not None:
                found.append(problem)
            places[field.name] = field.span
            attributes[field.name] = Attribute(field.name, type_, optional, field.doc)
        if not attributes:
            found.append(diagnostic("SW0207", record.span, name=record.name, kind="record"))
        known_records[record.name] = RecordType(record.name, tuple(attributes.values()))
    model = Model(known_records, known_enums)
    told: set[str] = set()
    for record in records:
        cycle = _cycle(model, record.name)
        if cycle and record.name not in told:
            told.update(cycle)
            found.append(diagnostic("SW0208", record.span, name=record.name, chain=" → ".join(cycle)))
    return model, found


def _cycle(model: Model, start: str) -> list[str]:
    """The chain of record names by which `start` contains itself, or nothing."""

    def search(name: str, path: list[str]) -> list[str]:
        for attribute in model.records[name].attributes if name in model.records else ():
            type_ = attribute.type
            while type_.of is not None:
                type_ = type_.of
            if type_.kind != "record":
                continue
            if type_.name == start:
                return [*path, start]
            if type_.name not in path:
                longer = search(type_.name, [*path, type_.name])
                if longer:
                    return longer
        return []

    return search(start, [start])


def resolve_type(ref: ast.TypeRef, records: Iterable[str], enums: Iterable[str]) -> tuple[Type, Diagnostic | None]:
    """A written type, resolved; an unknown name becomes `text` with a diagnostic, so that checking can go on."""
    if ref.form == "list" and ref.of is not None:
        of, problem = resolve_type(ref.of, records, enums)
        return Type("list", of=of), problem
    if ref.form == "optional" and ref.of is not None:
        return resolve_type(ref.of, records, enums)
    if ref.name in SCALARS:
        return scalar(ref.name), None
    if ref.name in set(enums):
        return Type("enum", ref.name), None
    if ref.name in set(records):
        return Type("record", ref.name), None
    known = {*SCALARS, *records, *enums}
    return scalar("text"), diagnostic("SW0202", ref.span, kind="type", name=ref.name, nearest=nearest(ref.name, known))


def overlays(layer: Layer, name: str) -> Iterator[tuple[ast.File, ast.Overlay]]:
    """The overlays of a layer that apply to message `name`: the organisation-wide one first."""
    for wanted in ("organisation", name):
        for file in layer.files:
            if file.overlay is not None and file.overlay.name == wanted:
                yield file, file.overlay
