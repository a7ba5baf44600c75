"""Reading: a message to records, by the plain reading of `plan.ops`.

Takes a reading plan and an opened message; gives the records it makes, in their groups. What cannot be read is a `Problem`, what
the mapping refuses a `Reject`; both are collected to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from segwright.hl7.values import Field, Segment
from segwright.hl7.wire import Message
from segwright.plan import ops
from segwright.plan.ops import Op, Plan
from segwright.runtime.evaluate import Evaluation, Failed
from segwright.runtime.fields import PATIENT, field_text, is_empty, repetitions
from segwright.runtime.outcome import Reject


class _Scope(NamedTuple):
    """The segments that an operation sees: those of its group, then those before the first group."""

    own: Sequence[str]
    before: Sequence[str]


class Reader(Evaluation):
    """One run of a reading plan."""

    def __init__(self, plan: Plan, message: Message) -> None:
        super().__init__(plan, message.escapes)
        self.message = message
        self.rejects: list[Reject] = []
        self.groups: list[tuple[tuple[Any, ...], ...]] = []
        self.group = next((op for op in plan.body if isinstance(op, ops.GroupOp)), None)
        names = [segment[:3] for segment in message.segments]
        heads = {self.group.segment, self.group.under} if self.group else set()
        end = next((place for place, name in enumerate(names) if name in heads), len(names))
        self._names = names
        self._scope = _Scope((), message.segments[:end])
        for result in plan.results:
            self.bind(result.slot, (None,) * result.size)

    def run(self) -> None:
        """The whole body."""
        self._body(self.plan.body)

    def _body(self, body: Sequence[Op]) -> None:
        for op in body:
            try:
                match op:
                    case ops.SetOp():
                        self._set(op)
                    case ops.LetOp(slot, value):
                        self.break_slot(slot)
                        self.bind(slot, self.value(value))
                    case ops.GroupOp():
                        self._groups(op)
                    case ops.RejectOp():
                        pass
                    case _:
                        self.fail(op, "type", wanted="something that reads", found="something that writes")
            except Failed:
                continue
        for op in body:
            if isinstance(op, ops.RejectOp):
                try:
                    if self.condition(op.condition):
                        number = self.numbers[id(op)]
                        self.rejects.append(Reject(number, op.code, op.name, op.saying, tuple(self.turns)))
                except Failed:
                    continue

    def _set(self, op: ops.SetOp) -> None:
        value = self.value(op.value)
        if value is None:
            self.duty(op, op.duty)
        record = self.slots[op.record]
        self.bind(op.record, (*record[: op.index], value, *record[op.index + 1 :]))

    def _groups(self, op: ops.GroupOp) -> None:
        """One turn for each group; those under one segment are appended together."""
        if self._names.count(PATIENT) > 1:
            self.record(op, "structure", reason=f"{PATIENT} came more than once: whose the orders are is not clear")
        together: list[tuple[Any, ...]] = []
        above = -1
        turn = 0
        for place, name in enumerate(self._names):
            if op.under and name == op.under:
                self._no_group(op, above, together)
                self._append(together)
                together, above = [], place
            elif name == op.segment:
                turn += 1
                self.turns.append(turn)
                together.append(self._one(op, above, place))
                self.turns.pop()
                if not op.under:
                    self._append(together)
                    together = []
        self._no_group(op, above, together)
        self._append(together)

    def _one(self, op: ops.GroupOp, above: int, place: int) -> tuple[Any, ...]:
        # What stands between the segment above and the first group under it belongs to all of them.
        first = self._next(above + 1, (op.segment,)) if above >= 0 else place
        head = self.message.segments[above:first] if above >= 0 else []
        end = self._next(place + 1, (op.segment, op.under))
        outside = self._scope
        self._scope = _Scope([*head, *self.message.segments[place:end]], outside.before)
        self.bind(op.record, (None,) * op.size)
        self._body(op.body)
        self._scope = outside
        made: tuple[Any, ...] = self.slots[op.record]
        return made

    def _next(self, start: int, names: Sequence[str]) -> int:
        return next(
            (place for place in range(start, len(self._names)) if self._names[place] in names), len(self._names)
        )

    def _no_group(self, op: ops.GroupOp, above: int, together: list[tuple[Any, ...]]) -> None:
        if above >= 0 and not together:
            self.note(op, "no_group", segment=op.under, position=above + 1)

    def _append(self, together: list[tuple[Any, ...]]) -> None:
        if together:
            self.groups.append(tuple(together))

    # --- what is taken from the message ---

    def taken(self, op: ops.Take | ops.TakeAll | ops.Keep) -> Any:
        """From the segments in scope."""
        delimiters, codec = self.message.delimiters, self.message.escapes
        scope = self._scope
        match op:
            case ops.Keep(names):
                return tuple(
                    Segment(text, delimiters, codec) for text in [*scope.before, *scope.own] if text[:3] in names
                )
            case ops.TakeAll(name, number):
                fields = [Field(field_text(text, number, delimiters), delimiters, codec) for text in self._named(name)]
                return tuple(one for field in fields for one in repetitions(field))
            case ops.Take(name, number, single):
                text = next((field_text(text, number, delimiters) for text in self._named(name)), "")
                if is_empty(text, delimiters):
                    return None
                field = Field(text, delimiters, codec)
                if single and len(repetitions(field)) > 1:
                    self.fail(op, "repetition", reason="the field came with several repetitions")
                return field

    def _named(self, name: str) -> list[str]:
        return [text for text in [*self._scope.own, *self._scope.before] if text[:3] == name]
