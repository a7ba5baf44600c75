"""Whether a decoded plan may run.

Takes a `Plan` of the right shape (`plan.canonical`); gives everything that is wrong with it. A plan without problems names only
slots that are bound before they are read, tables, columns, patterns, functions and narratives that exist, only operations of its
direction, and stays within the limits below: the runtime needs no check of its own. What the plan computes may still be
refused, but with a reason and only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from segwright.library import by_key
from segwright.plan import ops
from segwright.plan.ops import Op, Plan
from segwright.plan.validate_frame import FORMATS, frame_problems
from segwright.plan.validate_words import HIGHEST, MOST_ATTRIBUTES, SEGMENT, constant_fault, is_name
from segwright.plan.walk import children, walk

MOST_OPS: Final = 5_000
MOST_SLOTS: Final = 10_000
MOST_CONSTANTS: Final = 64 * 1024
MOST_TABLES: Final = 1024 * 1024
DEEPEST_LOOPS: Final = 8
DEEPEST: Final = 60
_HEADERS: Final = frozenset({"MSH", "FHS", "BHS", "FTS", "BTS"})
_WRITING_ONLY: Final = (ops.Count, ops.Narrate, ops.IsLast, ops.Received)
_READING_ONLY: Final = (ops.Take, ops.TakeAll, ops.Keep, ops.Make)

__all__ = ["FORMATS", "PlanRefused", "check", "problems"]


class PlanRefused(Exception):
    """A plan that must not run. `reasons` are sentences that name operations by number, never a value."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


def check(plan: Plan) -> None:
    """Raises `PlanRefused` unless the plan may run."""
    found = problems(plan)
    if found:
        raise PlanRefused(found)


def problems(plan: Plan) -> list[str]:
    """Everything that is wrong with a plan."""
    found = _size_problems(plan)
    if found:
        # What is too large or too deep is not looked into.
        return found
    validator = _Validator(plan)
    validator.whole()
    return frame_problems(plan) + validator.found


def _size_problems(plan: Plan) -> list[str]:
    found = []
    deepest = count = 0
    constants = [*plan.patterns, *plan.functions, *(narrative.source for narrative in plan.narratives)]
    waiting: list[tuple[Op, int]] = [(op, 1) for op in plan.body]
    while waiting and count <= MOST_OPS and deepest <= DEEPEST:
        op, depth = waiting.pop()
        count += 1
        deepest = max(deepest, depth)
        constants += constants_of(op)
        waiting.extend((child, depth + 1) for child in children(op))
    if count > MOST_OPS:
        return [f"the plan has more than {MOST_OPS} operations"]
    if deepest > DEEPEST:
        return [f"operations are nested more than {DEEPEST} deep"]
    if not 0 <= plan.slots <= MOST_SLOTS:
        found.append(f"the plan uses more than {MOST_SLOTS} slots, or fewer than none")
    if size(constants) > MOST_CONSTANTS:
        found.append(f"the constants of the plan are longer than {MOST_CONSTANTS} bytes")
    if sum(map(size_of_table, plan.tables)) > MOST_TABLES:
        found.append(f"the tables of the plan are longer than {MOST_TABLES} bytes")
    return found


def constants_of(op: Op) -> tuple[str, ...]:
    """The texts of an operation that count as constants of the plan."""
    if isinstance(op, ops.Const):
        return (op.value,)
    return (op.name, op.saying) if isinstance(op, ops.CheckOp | ops.RejectOp) else ()


def size_of_table(table: ops.Table) -> int:
    """What a table counts for the limit: the bytes of the texts of its rows, and one for each."""
    texts = (text for row in table.rows for each in (row.keys, *(cell.value for cell in row.cells)) for text in each)
    return size(texts) + len(table.rows)


def size(texts: Iterable[str]) -> int:
    """Bytes of texts."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


class _Validator:
    """One walk over the body that knows what is bound, how many loops are open and which segment is echoed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.found: list[str] = []
        self._numbers: dict[int, int] = {}
        self.owned = set(range(len(plan.inputs)))
        self.passing: set[int] = set()
        self.bound = set(self.owned)
        self.positions: set[int] = set()
        self.loops = 0
        self.echoed = -1
        self.grouped = next((op.record for op in plan.body if isinstance(op, ops.GroupOp)), -1)
        self.sizes = {result.slot: result.size for result in plan.results}

    def fault(self, op: Op, reason: str) -> None:
        if not self._numbers:
            # Numbers are needed only to say what is wrong.
            self._numbers = {id(op): number for number, op in enumerate(walk(self.plan))}
        self.found.append(f"operation {self._numbers.get(id(op), -1)} ({op.__struct_config__.tag}): {reason}")

    def whole(self) -> None:
        for result in self.plan.results:
            self.bind(result, result.slot)
        if self.plan.direction == "writes":
            self.writing(self.plan.body)
            self.headers()
        else:
            self.reading(self.plan.body, top=True)

    def headers(self) -> None:
        first = next((op for op in self.plan.body if isinstance(op, ops.SegmentOp | ops.EchoOp | ops.LoopOp)), None)
        if not isinstance(first, ops.SegmentOp) or first.name != "MSH" or first.when is not None or first.optional:
            self.found.append("the first segment of the message is not MSH, or it is not always written")
        # A loop's body is all that can hold another segment.
        waiting = list(self.plan.body)
        while waiting:
            op = waiting.pop()
            if isinstance(op, ops.LoopOp):
                waiting += op.body
            elif isinstance(op, ops.SegmentOp) and op.name == "MSH" and op is not first:
                self.fault(op, "MSH is written once, as the first segment")

    # --- slots ---

    def bind(self, op: Op, *slots: int) -> None:
        """Binds slots that are this operation's alone."""
        for slot in slots:
            if slot in self.owned or slot in self.passing:
                self.fault(op, f"slot {slot} is bound twice")
            self.owned.add(slot)
            self.hold(op, slot)

    def pass_through(self, op: Op, slot: int) -> None:
        """Binds a slot that is forgotten at the end of the operation, and free again then for others of its kind."""
        if slot in self.owned or slot in self.bound:
            self.fault(op, f"slot {slot} is bound twice")
        self.passing.add(slot)
        self.hold(op, slot)

    def hold(self, op: Op, slot: int) -> None:
        if not 0 <= slot < self.plan.slots:
            self.fault(op, f"slot {slot} lies outside of the plan's slots")
        self.bound.add(slot)

    def scope(self, op: Op) -> set[int]:
        """Opens a loop; gives what to restore at its end."""
        self.loops += 1
        if self.loops == DEEPEST_LOOPS + 1:
            self.fault(op, f"loops are nested more than {DEEPEST_LOOPS} deep")
        return set(self.bound)

    def close(self, bound: set[int]) -> None:
        self.loops -= 1
        self.bound = bound

    # --- values ---

    def value(self, op: Any) -> None:
        if op is None:
            return
        if self.plan.direction == "writes" and isinstance(op, _READING_ONLY):
            self.fault(op, "it reads a message, and the plan writes one")
        if self.plan.direction == "reads" and isinstance(op, _WRITING_ONLY):
            self.fault(op, "it belongs to writing, and the plan reads a message")
        match op:
            case ops.Const(type_, value):
                self.constant(op, type_, value)
            case ops.Listed(items):
                self.values(items)
            case ops.Slot(slot):
                self.slot(op, slot)
            case ops.Attr(of, index):
                self.value(of)
                self.within(op, index, MOST_ATTRIBUTES, "attribute")
            case ops.Coalesce(values):
                self.values(values)
            case ops.Choose(rungs):
                for rung in rungs:
                    self.condition(rung.when)
                    self.value(rung.value)
            case ops.Lookup():
                self.lookup(op)
            case ops.Call():
                self.call(op)
            case ops.Each() | ops.First():
                bound = self.over(op)
                self.value(op.value)
                self.close(bound)
            case ops.Count(segment, since, start):
                self.segment_name(op, segment)
                if since:
                    self.segment_name(op, since)
                if abs(start) > HIGHEST:
                    self.fault(op, "a count begins too far from zero")
            case ops.Narrate(number, arguments):
                self.values(arguments)
                self.narrate(op, number, len(arguments))
            case ops.Component(of, component, subcomponent):
                self.value(of)
                self.within(op, component, HIGHEST + 1, "component")
                self.within(op, subcomponent, HIGHEST + 1, "subcomponent")
                if subcomponent and not component:
                    self.fault(op, "a subcomponent of no component")
            case ops.Received(of, field):
                if not isinstance(of, ops.Slot) or of.slot != self.echoed:
                    self.fault(op, "received fields are those of the segment that is echoed")
                self.value(of)
                self.number(op, field)
            case ops.Take(segment, field) | ops.TakeAll(segment, field):
                self.segment_name(op, segment)
                self.number(op, field)
                if segment == "MSH" and field < 3:
                    self.fault(op, "MSH-1 and MSH-2 are no data")
            case ops.Keep(segments):
                for segment in segments:
                    self.segment_name(op, segment)
                    if segment in _HEADERS:
                        self.fault(op, "header segments are not kept")
            case ops.Make():
                self.make(op)

    def values(self, values: Iterable[Any]) -> None:
        for value in values:
            self.value(value)

    def constant(self, op: ops.Const, type_: str, value: str) -> None:
        reason = constant_fault(type_, value)
        if reason:
            self.fault(op, reason)

    def slot(self, op: Op, slot: int) -> None:
        if slot not in self.bound:
            self.fault(op, f"slot {slot} is not bound here")

    def within(self, op: Op, index: int, size: int, what: str) -> bool:
        good = 0 <= index < size
        if not good:
            self.fault(op, f"there is no {what} {index}")
        return good

    def number(self, op: Op, number: int) -> None:
        if not 1 <= number <= HIGHEST:
            self.fault(op, f"there is no field {number}")

    def segment_name(self, op: Op, name: str) -> None:
        if not SEGMENT.fullmatch(name):
            self.fault(op, "a segment name is three capitals or digits, the first a capital")

    def over(self, op: ops.Each | ops.First | ops.EachRep | ops.LoopOp) -> set[int]:
        """The source, then what is evaluated for each element. The slot stays bound until the scope is closed."""
        self.value(op.source)
        bound = self.scope(op)
        if isinstance(op, ops.LoopOp):
            self.bind(op, op.slot)
        else:
            self.pass_through(op, op.slot)
        self.condition(op.where)
        self.value(op.order)
        return bound

    def lookup(self, op: ops.Lookup) -> None:
        self.values(op.keys)
        self.value(op.unmapped)
        if not op.keys or (op.same and len(op.keys) != 1):
            self.fault(op, "`same` needs one key, and a lookup at least one")
        if not self.within(op, op.table, len(self.plan.tables), "table"):
            return
        table = self.plan.tables[op.table]
        if any(len(row.keys) != len(op.keys) for row in table.rows):
            self.fault(op, "the table has another number of keys")
        rows = [row.cells for row in table.rows] + ([table.otherwise] if table.otherwise is not None else [])
        if not all(0 <= op.column < len(cells) for cells in rows) or op.column < 0:
            self.fault(op, f"the table has no column {op.column}")
            return
        kinds = {cells[op.column].type for cells in rows} - {"blank", "error"}
        if not 0 <= op.component <= HIGHEST or (kinds and ("composite" in kinds) != bool(op.component)):
            self.fault(op, "a component is read of composite cells, and only of those")
        elif len(kinds) > 1 and "composite" in kinds:
            self.fault(op, "the column mixes composite and single cells")

    def call(self, op: ops.Call) -> None:
        self.values(op.arguments)
        self.value(op.invalid)
        if not op.arguments or op.arguments[0] is None:
            self.fault(op, "a built-in needs its first value")
        if not self.within(op, op.function, len(self.plan.functions), "function"):
            return
        record = by_key(self.plan.functions[op.function])
        if record is not None:
            several = bool(record.parameters) and record.parameters[-1].type.startswith("list of")
            if not several and len(op.arguments) - 1 > len(record.parameters):
                self.fault(op, "the built-in takes fewer arguments")

    def narrate(self, op: ops.Narrate, number: int, arguments: int) -> None:
        if not self.within(op, number, len(self.plan.narratives), "narrative"):
            return
        from segwright.plan import narratives

        narrative = self.plan.narratives[number]
        reason = narratives.check(narrative.source, arguments, len(narrative.filters))
        if reason:
            self.fault(op, f"narrative {number}: {reason}")

    def make(self, op: ops.Make) -> None:
        self.value(op.of)
        bound = set(self.bound)
        self.pass_through(op, op.slot)
        self.within(op, op.size - 1, MOST_ATTRIBUTES, "attribute")
        indexes = [part.index for part in op.parts]
        if len(set(indexes)) != len(indexes):
            self.fault(op, "an attribute is made twice")
        for part in op.parts:
            self.within(part, part.index, op.size, "attribute")
            self.value(part.value)
            self.duty(part, part.duty)
        self.bound = bound

    def duty(self, op: Op, duty: ops.Duty) -> None:
        self.condition(duty.condition)
        if duty.need == "any" and not isinstance(op, ops.Put | ops.MadePart):
            self.fault(op, "only a leaf or an attribute has others beside it: its need cannot be `any`")
        if (duty.need == "if") != (duty.condition is not None):
            self.fault(op, "a duty has a condition exactly when its need is `if`")

    # --- conditions ---

    def condition(self, op: Any) -> None:
        if op is None:
            return
        if self.plan.direction == "reads" and isinstance(op, _WRITING_ONLY):
            self.fault(op, "it belongs to writing, and the plan reads a message")
        match op:
            case ops.Present(value) | ops.IsNull(value) | ops.Truth(value):
                self.value(value)
            case ops.Equal(left, right) | ops.Order(_, left, right):
                self.value(left)
                self.value(right)
            case ops.In(value, members):
                self.value(value)
                self.value(members)
            case ops.Match(value, pattern):
                self.value(value)
                self.within(op, pattern, len(self.plan.patterns), "pattern")
            case ops.AllOf(conditions) | ops.AnyOf(conditions):
                for condition in conditions:
                    self.condition(condition)
            case ops.Not(condition):
                self.condition(condition)
            case ops.IsLast(slot):
                if slot not in self.positions:
                    self.fault(op, f"slot {slot} holds no position of an open loop")

    # --- writing ---

    def writing(self, body: Iterable[Op]) -> None:
        for op in body:
            match op:
                case ops.SegmentOp(name):
                    self.segment_name(op, name)
                    if name in _HEADERS - {"MSH"}:
                        self.fault(op, "batch segments are the engine's")
                    self.condition(op.when)
                    self.fields(op.fields, {1, 2, 18} if name == "MSH" else set())
                case ops.EchoOp():
                    self.echo(op)
                case ops.LoopOp():
                    self.loop(op)
                case ops.LetOp(slot, value):
                    self.value(value)
                    self.bind(op, slot)
                case ops.CheckOp(name, condition, saying):
                    self.condition(condition)
                    self.said(op, name, saying)
                case _:
                    self.fault(op, "it reads a message, and the plan writes one")

    def echo(self, op: ops.EchoOp) -> None:
        self.segment_name(op, op.name)
        if op.name in _HEADERS:
            self.fault(op, "header segments are not echoed")
        self.value(op.source)
        bound = set(self.bound)
        outside, self.echoed = self.echoed, op.slot
        self.bind(op, op.slot)
        self.condition(op.when)
        self.fields(op.fields, set())
        self.bound, self.echoed = bound, outside

    def loop(self, op: ops.LoopOp) -> None:
        self.condition(op.when)
        self.value(op.most)
        self.value(op.first)
        bound = self.over(op)
        self.bind(op, op.position, op.position + 1)
        self.positions.add(op.position)
        self.writing(op.body)
        self.positions.discard(op.position)
        self.close(bound)

    def fields(self, fields: Sequence[ops.FieldOp], engine: set[int]) -> None:
        before = 0
        for field in fields:
            self.number(field, field.number)
            if field.number <= before:
                self.fault(field, "fields stand in ascending order, each once")
            if field.number in engine:
                self.fault(field, "MSH-1, MSH-2 and MSH-18 are the engine's")
            before = field.number
            for content in field.contents:
                self.content(content)

    def content(self, content: ops.Content) -> None:
        match content:
            case ops.Leaves(puts, duty):
                self.leaves(puts)
                self.duty(content, duty)
            case ops.Opaque(value, duty):
                self.value(value)
                self.duty(content, duty)
            case ops.ChooseRep(rungs):
                for rung in rungs:
                    self.condition(rung.when)
                    self.content(rung.content)
            case ops.Fallback(contents, duty):
                for each in contents:
                    self.content(each)
                self.duty(content, duty)
            case ops.EachRep():
                bound = self.over(content)
                self.content(content.content)
                self.close(bound)
                self.duty(content, content.duty)
            case ops.HoldRep():
                pass

    def leaves(self, puts: Sequence[ops.Put]) -> None:
        before = (0, 0)
        for put in puts:
            place = (put.component, put.subcomponent)
            if not (1 <= put.component <= HIGHEST and 1 <= put.subcomponent <= HIGHEST):
                self.fault(put, "components and subcomponents count from 1")
            if place <= before:
                self.fault(put, "leaves stand in ascending order, each once")
            before = place
            self.value(put.value)
            self.duty(put, put.duty)

    def said(self, op: Op, name: str, saying: str) -> None:
        if not is_name(name) or not saying:
            self.fault(op, "it has no name, or says nothing")

    # --- reading ---

    def reading(self, body: Iterable[Op], top: bool) -> None:
        groups = 0
        for op in body:
            match op:
                case ops.SetOp():
                    self.value(op.value)
                    self.duty(op, op.duty)
                    if op.record not in self.sizes or (top and op.record == self.grouped):
                        self.fault(op, f"slot {op.record} holds no record that is made here")
                    self.within(op, op.index, self.sizes.get(op.record, MOST_ATTRIBUTES), "attribute")
                case ops.LetOp(slot, value):
                    self.value(value)
                    self.bind(op, slot)
                case ops.RejectOp(_, name, condition, saying):
                    self.condition(condition)
                    self.said(op, name, saying)
                case ops.GroupOp():
                    groups += 1
                    if not top or groups > 1:
                        self.fault(op, "a plan has one group, at its top")
                    else:
                        self.group(op)
                case _:
                    self.fault(op, "it writes a message, and the plan reads one")

    def group(self, op: ops.GroupOp) -> None:
        self.segment_name(op, op.segment)
        if op.under:
            self.segment_name(op, op.under)
        if op.segment == op.under or {op.segment, op.under} & _HEADERS:
            self.fault(op, "the segments of a group differ, and are no headers")
        if self.sizes.get(op.record) != op.size:
            self.fault(op, "the record of the group is not among the results, or has another size")
        bound = self.scope(op)
        self.reading(op.body, top=False)
        self.close(bound)
