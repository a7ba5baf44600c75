"""Values and conditions of a plan, evaluated one operation at a time: the plain reading of `plan.ops`.

Takes a plan and its slots; gives run-time values (`hl7.values`; None is missing). What cannot be evaluated is recorded as a
`Problem` and raises `Failed`, which whoever can go on without the value catches: one run finds every problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cmp_to_key, lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from segwright.hl7.values import NULL, Field, Moment, Quantity, Segment
from segwright.library import by_key
from segwright.library.record import Refusal
from segwright.plan import ops
from segwright.plan.ops import Op, Plan
from segwright.plan.patterns import compiled
from segwright.plan.walk import companions, decided_by_input, limits, number_of, walk
from segwright.runtime import compare
from segwright.runtime.fields import NULL_TEXT, Unfit, component_of, field_text, is_empty
from segwright.runtime.narrative import NarrativeRefused, render
from segwright.runtime.outcome import Note, Problem, ProblemKind, Step


class Failed(Exception):
    """A value that could not be had; its problem is recorded."""


class _Broken:
    """What a slot holds when its value failed: reading it fails again, without another problem."""


_BROKEN: Final = _Broken()
LONGEST_NUMBER: Final = 60


def kind_of(value: object) -> str:
    """What a value is, in the words of the mapping language."""
    if value is None:
        return "missing"
    if value is NULL:
        return "null"
    names = {
        str: "text",
        bool: "boolean",
        int: "integer",
        Decimal: "decimal",
        Quantity: "quantity",
        Moment: "datetime",
        Field: "field",
        Segment: "segment",
        tuple: "record or list",
    }
    return names.get(type(value), "nothing of the language")


class Known(NamedTuple):
    """What is read off a plan before it runs: numbers, puts that an input decides, companions, limits (`plan.walk`), rows by
    keys."""

    numbers: dict[int, int]
    decided: frozenset[int]
    companions: frozenset[int]
    limits: frozenset[int]
    rows: list[dict[tuple[str, ...], int]]


class _This:
    """A plan as a key by which it is found again: the very object, not what it holds."""

    __slots__ = ("plan",)

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __hash__(self) -> int:
        return id(self.plan)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and self.plan is other.plan


@lru_cache(maxsize=8)
def _known(this: _This) -> Known:
    """What is known of a plan, worked out once while it is run again and again."""
    plan = this.plan
    operations = tuple(walk(plan))
    rows = [{row.keys: number for number, row in enumerate(table.rows)} for table in plan.tables]
    return Known(
        number_of(plan),
        decided_by_input(plan, operations),
        companions(plan, operations),
        limits(plan, operations),
        rows,
    )


class Evaluation:
    """One run of a plan: its slots, and what has been found."""

    def __init__(self, plan: Plan, codec: str) -> None:
        """`codec`: the charset of received fields, for hexadecimal escapes."""
        self.plan = plan
        self.codec = codec
        self.known = _known(_This(plan))
        self.numbers = self.known.numbers
        self.slots: list[Any] = [None] * plan.slots
        self.problems: list[Problem] = []
        self.notes: list[Note] = []
        self.steps: list[Step] = []
        self.turns: list[int] = []
        self.written: list[str] = []
        self.open = False
        self._rows = self.known.rows

    # --- what was found ---

    def record(self, op: Op, kind: ProblemKind, **facts: object) -> None:
        """A problem; the run goes on."""
        said = {name: str(fact) for name, fact in facts.items()}
        self.problems.append(Problem(self.numbers[id(op)], kind, said, tuple(self.turns)))

    def fail(self, op: Op, kind: ProblemKind, **facts: object) -> NoReturn:
        """A problem without whose value there is nothing to go on with here."""
        self.record(op, kind, **facts)
        raise Failed

    def wrong(self, op: Op, wanted: str, value: object) -> NoReturn:
        """A value of a type that the operation cannot take."""
        self.fail(op, "type", wanted=wanted, found=kind_of(value))

    def note(self, op: Op, kind: Any, **facts: object) -> None:
        """Something left out as the plan says."""
        said = {name: str(fact) for name, fact in facts.items()}
        self.notes.append(Note(self.numbers[id(op)], kind, said, tuple(self.turns)))

    def step(self, op: Op, gives: str, **detail: str | int) -> None:
        """An operation that was evaluated."""
        kind = str(op.__struct_config__.tag)
        segment = len(self.written) - 1 if self.open else -1
        self.steps.append(Step(self.numbers[id(op)], kind, gives, segment, detail, tuple(self.turns)))

    # --- values ---

    def bind(self, slot: int, value: object) -> None:
        """Puts a value into a slot."""
        self.slots[slot] = value

    def break_slot(self, slot: int) -> None:
        """Marks a slot whose value failed."""
        self.slots[slot] = _BROKEN

    def value(self, op: ops.Value) -> Any:
        """The value of an operation, None when it is missing. Raises `Failed`."""
        detail: dict[str, str | int] = {}
        value = self._value(op, detail)
        # An empty text, and an empty list, is a missing one.
        if value == "" or value == ():
            value = None
        self.step(op, kind_of(value), **detail)
        return value

    def _value(self, op: ops.Value, detail: dict[str, str | int]) -> Any:
        match op:
            case ops.Const():
                return constant(op.type, op.value)
            case ops.Listed(items):
                return tuple(self.value(item) for item in items)
            case ops.Slot(slot):
                held = self.slots[slot]
                if held is _BROKEN:
                    raise Failed
                return held
            case ops.Attr(of, index):
                return self._attribute(op, self.value(of), index)
            case ops.Coalesce(values):
                for number, each in enumerate(values, 1):
                    found = self.value(each)
                    if found is not None:
                        detail["alternative"] = number
                        return found
                detail["alternative"] = 0
                return None
            case ops.Choose(rungs):
                for number, rung in enumerate(rungs, 1):
                    if rung.when is None or self.condition(rung.when):
                        detail["rung"] = number
                        return self.value(rung.value)
                detail["rung"] = 0
                return None
            case ops.Lookup():
                return self._lookup(op, detail)
            case ops.Call():
                return self._call(op, detail)
            case ops.Each():
                return tuple(self._values_of_each(op))
            case ops.First():
                return self._first(op, detail)
            case ops.Count(segment, since, start):
                return self._count(segment, since) + start - 1
            case ops.Narrate():
                return self._narrate(op)
            case ops.Component(of, component, subcomponent):
                field = self.value(of)
                if field is not None and not isinstance(field, Field):
                    self.wrong(op, "field", field)
                return self.component(op, field, component, subcomponent)
            case ops.Received(of, number):
                segment = self.value(of)
                if segment is None:
                    return None
                if not isinstance(segment, Segment):
                    self.wrong(op, "segment", segment)
                text = field_text(segment.text, number, segment.delimiters)
                return None if is_empty(text, segment.delimiters) else Field(text, segment.delimiters, segment.codec)
            case ops.Make():
                return self._make(op)
            case ops.Take() | ops.TakeAll() | ops.Keep():
                return self.taken(op)

    def taken(self, op: ops.Take | ops.TakeAll | ops.Keep) -> Any:
        """From the message that is read."""
        self.fail(op, "type", wanted="a message to read", found="none")

    def component(self, op: Op, field: Field | None, component: int, subcomponent: int) -> Any:
        """A component of a field that is there."""
        if field is None:
            return None
        try:
            return component_of(field, component, subcomponent, self.codec)
        except Unfit as unfit:
            self.fail(op, unfit.kind, reason=unfit.reason)

    def _attribute(self, op: Op, held: Any, index: int) -> Any:
        if held is None or held is NULL:
            return held
        if type(held) is not tuple or index >= len(held):
            self.wrong(op, f"a record with attribute {index}", held)
        return held[index]

    def _lookup(self, op: ops.Lookup, detail: dict[str, str | int]) -> Any:
        keys = tuple([self.value(key) for key in op.keys])
        if None in keys:
            return None
        if any(key is NULL for key in keys):
            return NULL
        for key in keys:
            if not isinstance(key, str):
                self.wrong(op, "text", key)
        table = self.plan.tables[op.table]
        detail["table"] = op.table
        row = self._rows[op.table].get(keys)
        if row is not None:
            detail["row"] = row
            return self._cell(op, table.rows[row].cells[op.column])
        if table.otherwise is not None:
            detail["row"] = "otherwise"
            return self._cell(op, table.otherwise[op.column])
        if op.unmapped is not None:
            detail["row"] = "unmapped"
            return self.value(op.unmapped)
        if not op.same:
            self.fail(op, "unmapped", table=op.table)
        detail["row"] = "same"
        return keys[0]

    def _cell(self, op: ops.Lookup, cell: ops.Cell) -> Any:
        if cell.type == "error":
            self.fail(op, "error_row", table=op.table)
        if cell.type == "blank":
            return None
        if cell.type == "composite":
            if not op.component:
                self.fail(op, "type", wanted="one value", found="composite")
            return cell.value[op.component - 1] if op.component <= len(cell.value) else None
        if op.component:
            self.fail(op, "type", wanted="composite", found=cell.type)
        return constant(cell.type, cell.value[0])

    def _call(self, op: ops.Call, detail: dict[str, str | int]) -> Any:
        key = self.plan.functions[op.function]
        detail["function"] = key
        function = by_key(key)
        if function is None or not op.arguments or op.arguments[0] is None:
            self.fail(op, "type", wanted="a built-in and its first value", found="none")
        subject = self.value(op.arguments[0])
        if subject is None or subject is NULL:
            return subject
        arguments = [None if argument is None else self.value(argument) for argument in op.arguments[1:]]
        if any(argument is NULL for argument in arguments):
            self.fail(op, "null")
        if id(op) in self.known.limits and isinstance(subject, str):
            subject = self.replaced(subject)
        try:
            return function.call(subject, *arguments)
        except Refusal as refusal:
            if op.invalid is not None:
                detail["refused"] = refusal.reason
                return self.value(op.invalid)
            self.fail(op, "invalid", function=key, reason=refusal.reason)
        except Exception as error:  # noqa: BLE001 - a plan of wrong types must not get further than here
            self.fail(op, "type", wanted=f"what {key} takes", found=type(error).__name__)

    def replaced(self, text: str) -> str:
        """A text with the characters that this organisation has something else sent for."""
        return text

    def _count(self, segment: str, since: str) -> int:
        counted = 0
        for name in self.written:
            if since and name == since:
                counted = 0
            if name == segment:
                counted += 1
        return counted

    def _narrate(self, op: ops.Narrate) -> str:
        arguments = [self.value(argument) for argument in op.arguments]
        try:
            return render(self.plan, op.narrative, arguments)
        except NarrativeRefused as refused:
            self.fail(op, "narrative", reason=refused.reason)

    def _make(self, op: ops.Make) -> Any:
        field = self.value(op.of)
        if field is None:
            return None
        if not isinstance(field, Field):
            self.wrong(op, "field", field)
        self.bind(op.slot, field)
        made: list[Any] = [None] * op.size
        failed: set[int] = set()
        for part in op.parts:
            try:
                made[part.index] = self.value(part.value)
            except Failed:
                failed.add(part.index)
        for part in op.parts:
            if made[part.index] is None and part.index not in failed:
                others = bool(failed) or any(value is not None for value in made)
                self.duty(part, part.duty, others)
        if failed:
            raise Failed
        return tuple(made) if any(value is not None for value in made) else None

    def duty(self, op: Op, duty: ops.Duty, others: bool = True) -> None:
        """Records a missing value if that is refused. `others`: whether what holds it has another value."""
        refused = duty.need == "always" or (duty.need == "any" and others)
        if duty.need == "if" and duty.condition is not None:
            refused = self.condition(duty.condition)
        if refused:
            self.record(op, "missing")

    # --- lists ---

    def elements(self, op: ops.Each | ops.First | ops.EachRep | ops.LoopOp) -> list[Any]:
        """The elements that satisfy `where`, in order of `order`. Raises `Failed` after all were looked at."""
        source = self.list_of(op, self.value(op.source))
        kept: list[tuple[Any, Any]] = []
        failed = False
        for element in source:
            self.bind(op.slot, element)
            try:
                if op.where is None or self.condition(op.where):
                    kept.append((element, None if op.order is None else self.value(op.order)))
            except Failed:
                failed = True
        if failed:
            raise Failed
        if op.order is not None:
            try:
                kept.sort(key=cmp_to_key(_by_key))
            except Refusal as refusal:
                self.fail(op, "incomparable", reason=refusal.reason)
            except TypeError:
                self.fail(op, "type", wanted="keys of one type that has an order", found="others")
        return [element for element, _ in kept]

    def list_of(self, op: Op, value: object) -> tuple[Any, ...]:
        """A list; empty when it is missing."""
        if value is None:
            return ()
        if type(value) is not tuple:
            self.wrong(op, "list", value)
        return value

    def _values_of_each(self, op: ops.Each) -> Iterable[Any]:
        failed = False
        found = []
        for element in self.elements(op):
            self.bind(op.slot, element)
            try:
                found.append(self.value(op.value))
            except Failed:
                failed = True
        if failed:
            raise Failed
        return [value for value in found if value is not None]

    def _first(self, op: ops.First, detail: dict[str, str | int]) -> Any:
        if op.order is not None:
            ordered = self.elements(op)
            where = None
        else:
            # Without an order nothing after the first is looked at.
            ordered = list(self.list_of(op, self.value(op.source)))
            where = op.where
        for number, element in enumerate(ordered, 1):
            self.bind(op.slot, element)
            if where is None or self.condition(where):
                value = self.value(op.value)
                if value is not None:
                    detail["element"] = number
                    return value
        return None

    # --- conditions ---

    def condition(self, op: ops.Condition) -> bool:
        """Whether it holds. Raises `Failed`."""
        holds = self._condition(op)
        self.step(op, "true" if holds else "false")
        return holds

    def _condition(self, op: ops.Condition) -> bool:
        match op:
            case ops.Present(value):
                return self.value(value) is not None
            case ops.IsNull(value):
                found = self.value(value)
                return found is NULL or (isinstance(found, Field) and found.text == NULL_TEXT)
            case ops.Equal(left, right):
                return self._equal(op, self.value(left), self.value(right))
            case ops.In(value, members):
                sought = self.value(value)
                listed = self.list_of(op, self.value(members))
                return any(self._equal(op, sought, member) for member in listed)
            case ops.Match(value, pattern):
                text = self.value(value)
                if text is None or text is NULL:
                    return False
                if not isinstance(text, str):
                    self.wrong(op, "text", text)
                return compiled(self.plan.patterns[pattern]).fullmatch(text)
            case ops.Order():
                return self._ordered(op)
            case ops.Truth(value):
                truth = self.value(value)
                if truth is None or truth is NULL:
                    return False
                if not isinstance(truth, bool):
                    self.wrong(op, "boolean", truth)
                return truth
            case ops.AllOf(conditions):
                return all(self.condition(each) for each in conditions)
            case ops.AnyOf(conditions):
                return any(self.condition(each) for each in conditions)
            case ops.Not(condition):
                return not self.condition(condition)
            case ops.IsLast(slot):
                return bool(self.slots[slot] == self.slots[slot + 1])

    def _equal(self, op: Op, left: Any, right: Any) -> bool:
        try:
            return compare.equal(left, right)
        except Refusal as refusal:
            self.fail(op, "incomparable", reason=refusal.reason)

    def _ordered(self, op: ops.Order) -> bool:
        left, right = self.value(op.left), self.value(op.right)
        if left is None or right is None or left is NULL or right is NULL:
            return False
        if isinstance(left, str | bool):
            self.wrong(op, "number, quantity or time", left)
        try:
            sign = compare.compare(left, right)
        except Refusal as refusal:
            self.fail(op, "incomparable", reason=refusal.reason)
        except TypeError:
            self.fail(op, "type", wanted=kind_of(left), found=kind_of(right))
        return {"above": sign > 0, "below": sign < 0, "at least": sign >= 0, "at most": sign <= 0}[op.operator]


def constant(type_: str, value: str) -> Any:
    """The value that a constant or a cell of a type writes as text."""
    match type_:
        case "text":
            return value
        case "integer":
            return int(value)
        case "decimal":
            return Decimal(value)
        case "boolean":
            return value == "true"
        case "null":
            return NULL
        case _:
            return None


def printed(value: object) -> str | None:
    """A text, integer or decimal as it is sent, None for what has no digits of its own. Raises OverflowError for a number too
    long to be sent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        if value.bit_length() > 3 * LONGEST_NUMBER:
            raise OverflowError
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or max(abs(value.adjusted()), -int(value.as_tuple().exponent)) > LONGEST_NUMBER:
            raise OverflowError
        return format(value, "f")
    return None


def _by_key(one: tuple[Any, Any], other: tuple[Any, Any]) -> int:
    """Missing keys last, null among them."""
    left, right = (None if key is NULL else key for key in (one[1], other[1]))
    if left is None or right is None:
        return (left is None) - (right is None)
    return compare.compare(left, right)
