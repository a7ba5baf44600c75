"""What nobody reads and nothing uses: fields of orders, attributes of documents, keys of org.yaml, rows of tables.

Takes a compiled workspace and an organisation; gives names and how many cases hold each, never a value. Fields and attributes are
counted over the organisation's own cases: what no case holds is not known to come at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from segwright.core.source import Span
from segwright.hl7.paths import HEADERS
from segwright.lang.compile import Compiled
from segwright.plan import ops
from segwright.plan.model import Model, Type
from segwright.plan.walk import children
from segwright.review.difference import field_name, profile_of
from segwright.service.compiling import ENGINE_KEYS, CompiledWorkspace
from segwright.service.inputs import subject_name
from segwright.service.naming import Names
from segwright.workbench.coverage import judged, marks_by_case
from segwright.workbench.points import Point, points_of
from segwright.workbench.rehearsal import Rehearsal, rehearsals


class Unread(msgspec.Struct, frozen=True):
    """A field of orders (`PID-15`, `PID-5.6`) or an attribute of documents (`result.algorithm_name`) that no mapping reads, its
    HL7 name, and how many cases hold it."""

    path: str
    name: str
    cases: int


class Unused(msgspec.Struct, frozen=True):
    """Of one organisation. `keys`: of org.yaml with their place; `rows`: of tables that no case looks up."""

    organisation: str
    fields: tuple[Unread, ...]
    attributes: tuple[Unread, ...]
    keys: tuple[tuple[str, Span], ...]
    rows: tuple[Point, ...]


def unused_in(compiled: CompiledWorkspace, organisation: str) -> Unused:
    """Everything of one organisation that is there for nothing, as far as its cases tell."""
    rehearsed = rehearsals(compiled, organisation)
    coverage = judged(points_of(rehearsed.running, compiled.sources), marks_by_case(rehearsed), organisation)
    rows = [point for point in [*coverage.untouched, *coverage.dead] if point.kind == "table row"]
    return Unused(
        organisation,
        tuple(_fields(rehearsed)),
        tuple(_attributes(rehearsed)),
        tuple(_keys(rehearsed)),
        tuple(sorted(rows, key=lambda point: (point.span.file, point.span.start, point.text))),
    )


# --- fields of orders ---


def _fields(rehearsed: Rehearsal) -> Iterator[Unread]:
    """What stands in the orders of cases and is read by nothing, a field at a time; of a field that is read in part its other
    components."""
    read = {
        name: _Taken(rehearsed.plan(name))
        for name, entry in rehearsed.running.organisation.catalogue.items()
        if entry.reads
    }
    tables = profile_of(rehearsed.running.organisation.encoding.version)
    held: dict[tuple[str, int, int], set[bytes]] = {}
    for scene in rehearsed.scenes:
        if scene.order is None or scene.reads not in read:
            continue
        taken = read[scene.reads]
        for field in scene.order.fields():
            if field.segment in HEADERS or field.segment in taken.kept or not field.text:
                continue
            for component in taken.unread(field.segment, field.number, field.text, scene.order.delimiters):
                key = (field.segment, field.number, component)
                held.setdefault(key, set()).add(scene.opened.order or b"")
    for (segment, number, component), orders in sorted(held.items()):
        path = f"{segment}-{number}" + (f".{component}" if component else "")
        yield Unread(path, field_name(tables, segment, number), len(orders))


class _Taken:
    """What a reading plan takes: whole segments, whole fields, components."""

    def __init__(self, plan: ops.Plan) -> None:
        self.slots: dict[int, frozenset[str]] = {}
        self.kept: set[str] = set()
        self.whole: set[str] = set()
        self.components: dict[str, set[int]] = {}
        for op in plan.body:
            self._use(op, whole=True)

    def _fields(self, op: Any) -> frozenset[str]:
        """The fields that a value is, or is an element of."""
        match op:
            case ops.Take(segment, field) | ops.TakeAll(segment, field):
                return frozenset({f"{segment}-{field}"})
            case ops.Slot(slot):
                return self.slots.get(slot, frozenset())
            case ops.Each(value=value) | ops.First(value=value):
                return self._fields(value)
            case ops.Coalesce(values):
                return frozenset(path for each in values for path in self._fields(each))
            case _:
                return frozenset()

    def _use(self, op: Any, *, whole: bool) -> None:
        match op:
            case ops.Keep(segments):
                self.kept.update(segments)
            case ops.Take() | ops.TakeAll() | ops.Slot():
                if whole:
                    self.whole |= self._fields(op)
            case ops.Component(of=of, component=component):
                self._use(of, whole=not component)
                if component:
                    for path in self._fields(of):
                        self.components.setdefault(path, set()).add(component)
            case ops.Each() | ops.First():
                self._use(op.source, whole=False)
                self.slots[op.slot] = self._fields(op.source)
                self._use(op.value, whole=whole)
                for other in (op.where, op.order):
                    if other is not None:
                        self._use(other, whole=True)
            case ops.Make(of=of, parts=parts):
                self._use(of, whole=False)
                self.slots[op.slot] = self._fields(of)
                for part in parts:
                    self._use(part, whole=True)
            case ops.Coalesce(values):
                for each in values:
                    self._use(each, whole=whole)
            case _:
                for child in children(op):
                    self._use(child, whole=True)

    def unread(self, segment: str, number: int, text: str, delimiters: Any) -> Iterator[int]:
        """0 for a field that is not read at all, else the numbers of its filled components that are not."""
        path = f"{segment}-{number}"
        if path in self.whole:
            return
        if path not in self.components:
            yield 0
            return
        seen: set[int] = set()
        for repetition in text.split(delimiters.repetition):
            for component, part in enumerate(repetition.split(delimiters.component), 1):
                if part and component not in self.components[path]:
                    seen.add(component)
        yield from sorted(seen)


# --- attributes of documents ---


def _attributes(rehearsed: Rehearsal) -> Iterator[Unread]:
    """Attributes of the subjects that no message of the organisation reads and that cases hold; the outermost of each."""
    running = rehearsed.running
    sent: dict[str, set[str]] = {}
    subjects: dict[str, Type] = {}
    for name, entry in running.organisation.catalogue.items():
        if not entry.writes:
            continue
        compiled = running.compiled(name)
        plan = rehearsed.plan(name)
        subject = subject_name(plan)
        given = next((given for given in plan.inputs if given.name == subject), None)
        if given is not None and given.type.kind == "record":
            subjects[given.type.name] = given.type
            sent.setdefault(given.type.name, set()).update(
                path.partition(".")[2]
                for path in _read_paths(compiled, plan, running.model)
                if path.startswith(f"{subject}.")
            )
    held: dict[tuple[str, str], set[str]] = {}
    for scene in rehearsed.scenes:
        if not scene.inputs:
            continue
        plan = rehearsed.plan(scene.message)
        subject = subject_name(plan)
        place = next((n for n, given in enumerate(plan.inputs) if given.name == subject), -1)
        if place >= 0 and plan.inputs[place].type.name in sent:
            type_ = plan.inputs[place].type
            for path in _held(running.model, type_, scene.inputs[0][place]):
                if not _is_sent(path, sent[type_.name]):
                    held.setdefault((subject, path), set()).add(scene.case)
    outermost = [
        key for key in held if not any(key[0] == s and key[1].startswith((f"{p}.", f"{p}[]")) for s, p in held)
    ]
    for subject, path in sorted(outermost):
        yield Unread(f"{subject}.{path}", "", len(held[subject, path]))


def _is_sent(path: str, sent: set[str]) -> bool:
    """Whether an attribute, something inside it or the whole it belongs to is read."""
    return any(
        each == path or each.startswith((f"{path}.", f"{path}[]")) or path.startswith((f"{each}.", f"{each}[]."))
        for each in sent
    )


def _held(model: Model, type_: Type, value: Any, path: str = "") -> Iterator[str]:
    """The paths of what a value holds."""
    if type_.kind != "record" or value is None:
        return
    for attribute, held in zip(model.records[type_.name].attributes, value, strict=True):
        inner = f"{path}.{attribute.name}" if path else attribute.name
        if held is None or held == ():
            continue
        yield inner
        if attribute.type.of is not None:
            for element in held:
                yield from _held(model, attribute.type.of, element, f"{inner}[]")
        else:
            yield from _held(model, attribute.type, held, inner)


def _read_paths(compiled: Compiled, plan: ops.Plan, model: Model) -> Iterator[str]:
    """Every path that a writing plan reads, those of its texts included. A record that is handed on whole (to a text, a format, a
    part) is not read by that: what it is handed to reads its attributes."""
    names = Names(plan, model)

    def use(op: Any) -> Iterator[str]:
        if isinstance(op, ops.Attr | ops.Slot):
            path = names.path(op)
            if path and not _is_record(op):
                yield path
            return
        if isinstance(op, ops.Narrate):
            for place, argument in enumerate(op.arguments):
                start = names.path(argument)
                yield from _of_text(plan.narratives[op.narrative].source, place, start, names.type_of(argument), model)
            return
        for child in children(op):
            yield from use(child)

    def _is_record(op: Any) -> bool:
        type_ = names.type_of(op)
        return type_ is not None and (type_.kind == "record" or (type_.of is not None and type_.of.kind == "record"))

    for op in plan.body:
        yield from use(op)


_FOR: Final = re.compile(r"{%-?\s*for (\w+) in ([\w\[\]]+)")
_PATH: Final = re.compile(r"\b([ve]\d+)((?:\[\d+\])*)")


def _of_text(source: str, place: int, start: str, type_: Type | None, model: Model) -> Iterator[str]:
    """The attributes that a narrative reads of argument `place`. Its checked source names nothing but `v0`, `e0` and numbers."""
    known: dict[str, tuple[str, Type | None]] = {f"v{place}": (start, type_)}

    def follow(text: str) -> tuple[str, Type | None] | None:
        found = _PATH.fullmatch(text)
        if found is None or found[1] not in known:
            return None
        path, at = known[found[1]]
        for number in re.findall(r"\d+", found[2]):
            if at is None or at.kind != "record":
                return path, None
            attribute = model.records[at.name].attributes[int(number)]
            path, at = f"{path}.{attribute.name}", attribute.type
        return path, at

    for name, of in _FOR.findall(source):
        listed = follow(of)
        if listed is not None:
            known[name] = (f"{listed[0]}[]", listed[1].of if listed[1] is not None else None)
    for found in _PATH.finditer(source):
        reached = follow(found[0])
        if reached is not None and (reached[1] is None or reached[1].kind != "record"):
            yield reached[0]


# --- keys of org.yaml ---


def _keys(rehearsed: Rehearsal) -> Iterator[tuple[str, Span]]:
    """Keys that no mapping of the organisation reads, and that the engine does not read either."""
    running = rehearsed.running
    used = {key for name in running.organisation.catalogue for key in running.compiled(name).used_keys}
    for key in sorted(running.organisation.mapping_keys()):
        if key[0] in ENGINE_KEYS or any(key[: len(u)] == u or u[: len(key)] == key for u in used):
            continue
        yield ".".join(("org", *key)), running.organisation.span(key, "key")
