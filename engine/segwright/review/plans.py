"""Two plans of one message, compared place by place: what was compiled otherwise, whether a case shows it or not.

Takes plans; gives the places (`OBX-5`, `order.placer_number`, `check signer_npi`) whose operations do something else now.
Numbers of slots, tables, functions and texts do not count, what they stand for does: a plan in which only the numbering
moved has no place that did. Also the values of the model that a plan has no row for.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from segwright.plan import ops
from segwright.plan.model import Model, Type
from segwright.plan.walk import below, walk

Attribute = Callable[[ops.SetOp], str]
"""Names what a reading plan sets: "order.placer_number"."""

FRAME: Final = "message"
"""The place of what concerns a message as a whole: its encoding, its inputs."""


def moved_places(
    before: ops.Plan, after: ops.Plan, attribute_before: Attribute, attribute_after: Attribute
) -> list[str]:
    """The places that do something else, each once, in the order of the plan after."""
    before, after = _without_what_stayed(before, after)
    old, new = _Digests(before, attribute_before), _Digests(after, attribute_after)
    olds, news = list(old.places()), list(new.places())
    coarse = {place for place, _ in _unpaired([each[:2] for each in olds], [each[:2] for each in news])}
    if coarse:
        fine = [
            [(place, side.said(parts)) for place, _, parts in places if place in coarse]
            for side, places in ((old, olds), (new, news))
        ]
        moved = dict.fromkeys(place for place, _ in _unpaired(*fine))
    else:
        moved = {}
    if not moved and [each[0] for each in olds] != [each[0] for each in news]:
        moved[FRAME] = None
    return list(moved)


def _without_what_stayed(before: ops.Plan, after: ops.Plan) -> tuple[ops.Plan, ops.Plan]:
    """The plans without the operations that are the same at the same place, in a plan that counts its things alike. Most of two
    plans is; it is quicker to see that than to say what it does. Where anything is numbered otherwise, the plans as they are."""
    alike = ("functions", "patterns", "narratives", "inputs", "results", "slots", "direction")
    if len(before.body) != len(after.body) or len(before.tables) != len(after.tables):
        return before, after
    if any(getattr(before, name) != getattr(after, name) for name in alike):
        return before, after
    moved = {
        number for number, (one, other) in enumerate(zip(before.tables, after.tables, strict=True)) if one != other
    }
    stayed = [
        one == other and not any(isinstance(op, ops.Lookup) and op.table in moved for op in below(one))
        for one, other in zip(before.body, after.body, strict=True)
    ]
    lets = [isinstance(one, ops.LetOp) for one in before.body]
    if not all(same for same, let in zip(stayed, lets, strict=True) if let):  # what uses it does something else, too
        return before, after

    def rest(plan: ops.Plan) -> ops.Plan:
        kept = zip(plan.body, stayed, lets, strict=True)
        return msgspec.structs.replace(plan, body=tuple(op for op, same, let in kept if let or not same))

    return rest(before), rest(after)


def _unpaired(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What stands in one list and not as often in the other."""
    one, other = Counter(old), Counter(new)
    return [*(other - one), *(one - other)]


_Parts = tuple[object, ...]
_NUMBER: Final = re.compile(rb'"(slot|position|table|function|pattern|narrative)":(\d+)')


class _Digests:
    """Of every place of a plan what it does: quickly as a digest in which a table counts as a whole, and exactly as a text."""

    def __init__(self, plan: ops.Plan, attribute: Attribute) -> None:
        self.plan = plan
        self.attribute = attribute
        self.slots: dict[int, str] = {
            number: f"input {each.name} {each.type}" for number, each in enumerate(plan.inputs)
        }
        self.slots |= {result.slot: f"result {result.name}" for result in plan.results}
        self.columns: dict[tuple[int, int, int], str] = {}
        self._known = {
            "table": [_hash(msgspec.json.encode(table)) for table in plan.tables],
            "function": list(plan.functions),
            "pattern": list(plan.patterns),
            "narrative": [
                _hash(repr((text.source, [plan.functions[each] for each in text.filters])).encode())
                for text in plan.narratives
            ],
        }

    def places(self) -> Iterator[tuple[str, str, _Parts]]:
        """Each place with a digest of what stands there, and that itself."""
        frame = msgspec.structs.replace(
            self.plan, body=(), tables=(), patterns=(), narratives=(), functions=(), model="", slots=0, results=()
        )
        text = msgspec.json.encode(frame).decode()
        yield FRAME, _hash(text.encode()), (text,)
        yield from self._body(self.plan.body, "")

    def _place(self, place: str, *parts: object) -> tuple[str, str, _Parts]:
        """A place; texts are what is around it."""
        digest = hashlib.blake2b(digest_size=12)
        for part in parts:
            if isinstance(part, str):
                digest.update(part.encode())
            else:
                digest.update(self.quick(part))
        return place, digest.hexdigest(), parts

    def quick(self, op: object) -> bytes:
        """An operation with what its numbers stand for in their place."""
        own: dict[bytes, int] = {}

        def meant(found: re.Match[bytes]) -> bytes:
            kind, number = found[1].decode(), int(found[2])
            if kind in self._known:
                return f"<{self._known[kind][number]}>".encode()
            known = self.slots.get(number)
            return f"<{known}>".encode() if known is not None else b"<%d>" % own.setdefault(found[2], len(own))

        return _NUMBER.sub(meant, msgspec.json.encode(op))

    def _body(self, body: tuple[ops.WriteOp | ops.ReadOp, ...], around: str) -> Iterator[tuple[str, str, _Parts]]:
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
                    yield self._place(self.attribute(op), around, op.value, op.duty)
                case ops.CheckOp():
                    yield self._place(f"check {op.name}", around, op.condition, op.saying)
                case ops.RejectOp():
                    yield self._place(f"reject {op.name}", around, op.code, op.condition, op.saying)

    def _segment(self, op: ops.SegmentOp | ops.EchoOp, around: str) -> Iterator[tuple[str, str, _Parts]]:
        head = f"{around} {op.name} {self.said(op.when)} {op.optional}"
        if isinstance(op, ops.EchoOp):
            self.slots[op.slot] = f"received {op.name}"
            head += f" from {self.said(op.source)}"
        if isinstance(op, ops.EchoOp) or not op.fields:
            yield self._place(op.name, head)
        for field in op.fields:
            yield self._place(f"{op.name}-{field.number}", head, *field.contents)

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
