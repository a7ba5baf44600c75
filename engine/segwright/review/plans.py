"""Two plans of one message, compared place by place: what was compiled otherwise, whether a case shows it or not.

Takes plans; gives the places (`OBX-5`, `order.placer_number`, `check signer_npi`) whose operations do something else now.
Numbers of slots, tables, functions and texts do not count, what they stand for does: a plan in which only the numbering
moved has no place that did. Also the values of the model that a plan has no row for.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from segwright.plan import ops
from segwright.plan.model import Model, Type
from segwright.plan.walk import walk

Attribute = Callable[[ops.SetOp], str]
"""Names what a reading plan sets: "order.placer_number"."""

FRAME: Final = "message"
"""The place of what concerns a message as a whole: its encoding, its inputs."""


def moved_places(
    before: ops.Plan, after: ops.Plan, attribute_before: Attribute, attribute_after: Attribute
) -> list[str]:
    """The places that do something else, each once, in the order of the plan after."""
    old, new = Counter(_Digests(before, attribute_before).places()), Counter(_Digests(after, attribute_after).places())
    moved = dict.fromkeys(place for place, _ in (new - old))
    moved.update(dict.fromkeys(place for place, _ in (old - new)))
    if not moved and _order(before, attribute_before) != _order(after, attribute_after):
        moved[FRAME] = None
    return list(moved)


def _order(plan: ops.Plan, attribute: Attribute) -> list[str]:
    return [place for place, _ in _Digests(plan, attribute).places()]


class _Digests:
    """Of every place of a plan a digest of what it does."""

    def __init__(self, plan: ops.Plan, attribute: Attribute) -> None:
        self.plan = plan
        self.attribute = attribute
        self.slots: dict[int, str] = {
            number: f"input {each.name} {each.type}" for number, each in enumerate(plan.inputs)
        }
        self.slots |= {result.slot: f"result {result.name}" for result in plan.results}
        self.columns: dict[tuple[int, int, int], str] = {}

    def places(self) -> Iterator[tuple[str, str]]:
        """Each place with the digest of what stands there."""
        frame = msgspec.structs.replace(
            self.plan, body=(), tables=(), patterns=(), narratives=(), functions=(), model="", slots=0, results=()
        )
        yield FRAME, _hash(msgspec.json.encode(frame))
        yield from self._body(self.plan.body, "")

    def _body(self, body: tuple[ops.WriteOp | ops.ReadOp, ...], around: str) -> Iterator[tuple[str, str]]:
        for op in body:
            match op:
                case ops.LetOp():
                    self.slots[op.slot] = f"let {self.said(op.value)}"
                case ops.LoopOp():
                    source = self.said(op.source)
                    self.slots[op.slot] = f"each of {source}"
                    self.slots[op.position] = f"turn of {source}"
                    head = [self.said(each) for each in (op.where, op.order, op.most, op.first, op.when)]
                    yield from self._body(op.body, f"{around} for {source} {head}")
                case ops.GroupOp():
                    yield from self._body(op.body, f"{around} group {op.segment} under {op.under}")
                case ops.SegmentOp() | ops.EchoOp():
                    yield from self._segment(op, around)
                case ops.SetOp():
                    yield self.attribute(op), _hash(f"{around} {self.said(op.value)} {self.said(op.duty)}".encode())
                case ops.CheckOp():
                    yield f"check {op.name}", _hash(f"{around} {self.said(op.condition)} {op.saying}".encode())
                case ops.RejectOp():
                    yield (
                        f"reject {op.name}",
                        _hash(f"{around} {op.code} {self.said(op.condition)} {op.saying}".encode()),
                    )

    def _segment(self, op: ops.SegmentOp | ops.EchoOp, around: str) -> Iterator[tuple[str, str]]:
        head = f"{around} {op.name} {self.said(op.when)} {op.optional}"
        if isinstance(op, ops.EchoOp):
            self.slots[op.slot] = f"received {op.name}"
            head += f" from {self.said(op.source)}"
            yield op.name, _hash(head.encode())
        elif not op.fields:
            yield op.name, _hash(head.encode())
        for field in op.fields:
            content = " ".join(self.said(each) for each in field.contents)
            yield f"{op.name}-{field.number}", _hash(f"{head} {content}".encode())

    def column(self, op: ops.Lookup) -> str:
        """A digest of what a lookup can give: of each row its keys and the one cell, or component of it."""
        key = (op.table, op.column, op.component)
        if key not in self.columns:
            table = self.plan.tables[op.table]
            rows = [(row.keys, _cell(row.cells[op.column], op.component)) for row in table.rows]
            otherwise = None if table.otherwise is None else _cell(table.otherwise[op.column], op.component)
            self.columns[key] = _hash(repr((rows, otherwise)).encode())
        return self.columns[key]

    def said(self, op: object) -> str:
        """What an operation does, by a text that is equal when it does the same."""
        match op:
            case None:
                return "-"
            case ops.Slot(slot):
                return f"<{self.slots.get(slot, slot)}>"
            case ops.Lookup():
                keys = " ".join(map(self.said, op.keys))
                return f"(lookup {self.column(op)} {keys} {self.said(op.unmapped)} {op.same})"
            case ops.Call():
                given = " ".join(map(self.said, op.arguments))
                return f"({self.plan.functions[op.function]} {given} {self.said(op.invalid)})"
            case ops.Match():
                return f"(match {self.said(op.value)} {self.plan.patterns[op.pattern]!r})"
            case ops.Narrate():
                text = self.plan.narratives[op.narrative]
                filters = [self.plan.functions[number] for number in text.filters]
                return f"(text {text.source!r} {filters} {' '.join(map(self.said, op.arguments))})"
            case ops.Each() | ops.First() | ops.EachRep():
                self.slots[op.slot] = f"each of {self.said(op.source)}"
            case ops.Make():
                self.slots[op.slot] = f"made of {self.said(op.of)}"
        if isinstance(op, tuple):
            return f"[{' '.join(map(self.said, op))}]"
        if isinstance(op, ops.Op):
            names = [name for name in op.__struct_fields__ if name not in ("slot", "position")]
            return f"({type(op).__name__} {' '.join(self.said(getattr(op, name)) for name in names)})"
        return repr(op)


def _cell(cell: ops.Cell, component: int) -> tuple[str, tuple[str, ...]]:
    """A cell, or a component of a composite one."""
    if cell.type == "composite" and component:
        return cell.type, cell.value[component - 1 : component]
    return cell.type, cell.value


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


# --- values without a row --------------------------------------------------------------------------------------------


def not_mapped(plan: ops.Plan, model: Model, values: dict[str, frozenset[str]]) -> list[str]:
    """Of `values` (by enum) those that a lookup of the plan has no row for, as "MeasurementKind.st_level"."""
    types: dict[int, Type | None] = {number: each.type for number, each in enumerate(plan.inputs)}
    types |= {result.slot: Type("record", result.type) for result in plan.results}
    found: dict[str, None] = {}
    for op in walk(plan):
        if isinstance(op, ops.LoopOp | ops.Each | ops.First | ops.EachRep):
            source = _type(op.source, types, model)
            types[op.slot] = None if source is None else source.of
        elif isinstance(op, ops.LetOp):
            types[op.slot] = _type(op.value, types, model)
        elif isinstance(op, ops.Lookup) and op.unmapped is None and not op.same:
            table = plan.tables[op.table]
            for number, key in enumerate(op.keys):
                type_ = _type(key, types, model)
                if type_ is None or type_.kind != "enum" or table.otherwise is not None:
                    continue
                known = {row.keys[number] for row in table.rows}
                missing = sorted(values.get(type_.name, frozenset()) - known)
                found.update(dict.fromkeys(f"{type_.name}.{value}" for value in missing))
    return list(found)


def _type(op: ops.Op, types: dict[int, Type | None], model: Model) -> Type | None:
    match op:
        case ops.Slot(slot):
            return types.get(slot)
        case ops.Attr(of, index):
            record = _type(of, types, model)
            if record is None or record.kind != "record" or record.name not in model.records:
                return None
            return model.records[record.name].attributes[index].type
        case ops.Coalesce(values):
            return next((found for each in values if (found := _type(each, types, model)) is not None), None)
    return None
