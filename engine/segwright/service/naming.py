"""What people call the values of a plan: `order.placer_number`, `result.measurements[].value`.

Takes a plan and the data model; gives for a value operation the path that it reads, "" when it reads none (a constant, a count).
Works on types alone; a value itself is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from segwright.plan import ops
from segwright.plan.model import Model, RecordType, Type
from segwright.plan.walk import children, walk

MESSAGE = (("created_at", "datetime"), ("control_id", "text"), ("purpose", "text"))
"""The attributes of the implicit input `message`, which the model does not declare."""


class _Known(NamedTuple):
    path: str
    type: Type | None


_UNKNOWN = _Known("", None)


class Names:
    """The names of one plan's values."""

    def __init__(self, plan: ops.Plan, model: Model) -> None:
        self._model = model
        self._slots: dict[int, _Known] = {
            number: _Known(given.name, given.type) for number, given in enumerate(plan.inputs)
        }
        for result in plan.results:
            self._slots[result.slot] = _Known(result.name, Type("record", result.type))
        for op in walk(plan):
            if isinstance(op, ops.LoopOp | ops.Each | ops.First | ops.EachRep):
                self._slots[op.slot] = self._element(op.source)
            elif isinstance(op, ops.LetOp):
                known = self._known(op.value)
                self._slots[op.slot] = known if known.path else _Known(next(self._read(op.value), ""), None)
            elif isinstance(op, ops.EchoOp):
                self._slots[op.slot] = _Known(op.name, None)
            elif isinstance(op, ops.Make):
                self._slots[op.slot] = self._known(op.of)

    def path(self, op: ops.Op | None) -> str:
        """The path that a value reads, or that the first value inside it reads."""
        return next(self.paths(op), "") if op is not None else ""

    def paths(self, op: ops.Op) -> Iterator[str]:
        """Every path that an operation reads, in order, each once."""
        yield from dict.fromkeys(self._read(op))

    def _read(self, op: ops.Op) -> Iterator[str]:
        known = self._known(op)
        if known.path:
            yield known.path
            return
        for child in children(op):
            yield from self._read(child)

    def attribute(self, record: int, index: int) -> str:
        """The attribute that a `set` writes: `order.placer_number`."""
        return self._attribute(self._slots.get(record, _UNKNOWN), index).path

    def attribute_type(self, record: int, index: int) -> Type | None:
        """The type of the attribute that a `set` writes."""
        return self._attribute(self._slots.get(record, _UNKNOWN), index).type

    def type_of(self, op: ops.Op) -> Type | None:
        """The type of what a value reads, where it is known."""
        return self._known(op).type

    def record(self, type_: Type | None) -> RecordType | None:
        """The record that a type names; None for any other type."""
        return self._model.records.get(type_.name) if type_ is not None and type_.kind == "record" else None

    def _known(self, op: ops.Op) -> _Known:
        match op:
            case ops.Slot(slot):
                return self._slots.get(slot, _UNKNOWN)
            case ops.Attr(of, index):
                return self._attribute(self._known(of), index)
            case ops.Take(segment, field) | ops.TakeAll(segment, field):
                return _Known(f"{segment}-{field}", None)
            case ops.Keep(segments):
                return _Known(", ".join(segments), None)
            case ops.Component(of, component, subcomponent):
                base = self._known(of).path
                if not base or not component:
                    return _Known(base, None)
                return _Known(f"{base}.{component}" + (f".{subcomponent}" if subcomponent else ""), None)
            case ops.Received(of, field):
                base = self._known(of).path
                return _Known(f"{base}-{field}" if base else "", None)
        return _UNKNOWN

    def _attribute(self, of: _Known, index: int) -> _Known:
        if of.type is None or of.type.kind != "record":
            return _Known(of.path, None)
        if of.type.name == "Message" and "Message" not in self._model.records:
            return _Known(f"{of.path}.{MESSAGE[index][0]}", None)
        attribute = self._model.records[of.type.name].attributes[index]
        return _Known(f"{of.path}.{attribute.name}", attribute.type)

    def _element(self, source: ops.Value) -> _Known:
        known = self._known(source)
        if not known.path:
            inner = next((k for k in map(self._known, children(source)) if k.path), _UNKNOWN)
            listed = inner.type is not None and inner.type.of is not None
            return _Known(
                f"{inner.path}[]" if listed else inner.path, inner.type.of if inner.type is not None else None
            )
        return _Known(f"{known.path}[]", known.type.of if known.type is not None else None)
