"""What of a plan can never happen, whatever comes in: proved from the plan and the model alone.

Takes a plan, the model, and what is known of its inputs (which are always there, which values of an enum they can still have).
Gives the operations that are never reached, or never give a value, each with the reason, and the rows of tables that can be
looked up. An abstract reading of `plan.ops`: of each value it knows whether it can be missing, whether it can be there, and
which texts it can be. What it cannot know can happen: nothing is called impossible that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from math import prod
from typing import Final, NamedTuple, TypeAlias

import msgspec

from segwright.plan import ops
from segwright.plan.model import Model, Type
from segwright.plan.walk import children, number_of
from segwright.workbench.texts import asked, tags

Key: TypeAlias = tuple[object, ...]
"""What a value is read from: a slot, then numbers of attributes."""

OTHERWISE: Final = "otherwise"
_MOST: Final = 4096

NEVER_BEFORE = "what stands before it is always there"
NEVER_THERE = "it never has a value here"
NEVER_TRUE = "its condition never holds here"
NEVER_FALSE = "what it demands always holds here"
NEVER_REACHED = "an alternative above it always applies"
NO_ELEMENT = "the list is never there"


class Possible(NamedTuple):
    """What a value can be: missing, there, and then which texts (None: any)."""

    missing: bool = True
    present: bool = True
    texts: frozenset[str] | None = None

    def both(self, other: Possible) -> Possible:
        """What is left when both are known."""
        texts = self.texts if other.texts is None else other.texts if self.texts is None else self.texts & other.texts
        return Possible(self.missing and other.missing, self.present and other.present and texts != frozenset(), texts)

    def either(self, other: Possible) -> Possible:
        """What one of the two can be."""
        if not (self.present and other.present):
            texts = self.texts if self.present else other.texts
        else:
            texts = None if self.texts is None or other.texts is None else self.texts | other.texts
        return Possible(self.missing or other.missing, self.present or other.present, texts)


ANY: Final = Possible()
THERE: Final = Possible(missing=False)
ABSENT: Final = Possible(present=False)
Facts: TypeAlias = Mapping[Key, Possible]


class Verdict(NamedTuple):
    """Whether a condition can hold, whether it can fail, and what is known then."""

    true: bool
    false: bool
    holds: Facts
    fails: Facts


class Reach(msgspec.Struct, frozen=True):
    """`never`: operations (by number, each with all inside it) that have no effect, with the reason. `rows`: the rows of each
    table that can be looked up, by number or `otherwise`. `untold`: branches of texts (text, tag) that are never taken."""

    never: dict[int, str]
    rows: tuple[frozenset[int | str], ...]
    untold: frozenset[tuple[int, int]] = frozenset()


def reach(plan: ops.Plan, model: Model, known: Mapping[tuple[str, ...], Possible] | None = None) -> Reach:
    """What can happen in a plan. `known`: of inputs and their attributes, by name (`("result", "status")`)."""
    run = _Reach(plan, model, known or {})
    run.body(plan.body, run.facts)
    return Reach(run.never, tuple(frozenset(rows) for rows in run.rows), frozenset(run.untold - run.told))


class _Reach:
    def __init__(self, plan: ops.Plan, model: Model, known: Mapping[tuple[str, ...], Possible]) -> None:
        self.plan = plan
        self.model = model
        self.numbers = number_of(plan)
        self.never: dict[int, str] = {}
        self.quiet = False
        self.told: set[tuple[int, int]] = set()
        self.untold: set[tuple[int, int]] = set()
        self.checks = [op.condition for op in plan.body if isinstance(op, ops.CheckOp)]
        self.rows: list[set[int | str]] = [set() for _ in plan.tables]
        self.keyed = [{row.keys: number for number, row in enumerate(table.rows)} for table in plan.tables]
        self.slots: dict[int, tuple[Possible, Type | None]] = {}
        self.facts: dict[Key, Possible] = {}
        for slot, given in enumerate(plan.inputs):
            self.slots[slot] = (Possible(missing=given.optional), given.type)
            for names, possible in known.items():
                key = self._key_of(names, slot) if names[0] == given.name else None
                if key is not None:
                    self.facts[key] = possible
        for result in plan.results:
            self.slots[result.slot] = (THERE, Type("record", result.type))

    def _key_of(self, names: tuple[str, ...], slot: int) -> Key | None:
        key: Key = (slot,)
        type_ = self.slots[slot][1]
        for name in names[1:]:
            record = self.model.records.get(type_.name) if type_ is not None and type_.kind == "record" else None
            index = record.index(name) if record is not None else -1
            if record is None or index < 0:
                return None
            key, type_ = (*key, index), record.attributes[index].type
        return key

    def mark(self, op: ops.Op, reason: str) -> None:
        if not self.quiet:
            self.never.setdefault(self.numbers[id(op)], reason)

    # --- what is done ---

    def body(self, body: Iterable[ops.Op], facts: Facts) -> None:
        for op in body:
            match op:
                case ops.SegmentOp(when=when, fields=fields):
                    inside = self._when(op, when, facts)
                    if inside is not None:
                        self._fields(fields, inside)
                case ops.EchoOp(when=when, fields=fields):
                    source = self.value(op.source, facts)
                    if not source.present:
                        self.mark(op, NO_ELEMENT)
                        continue
                    self.slots[op.slot] = (THERE, None)
                    inside = self._when(op, when, facts)
                    if inside is not None:
                        self._fields(fields, inside)
                case ops.LoopOp(when=when):
                    inside = self._when(op, when, facts)
                    if inside is None:
                        continue
                    inner = self._elements(op, inside)
                    for slot in (op.position, op.position + 1):
                        self.slots[slot] = (THERE, None)
                    for limit in (op.most, op.first):
                        if limit is not None:
                            self.value(limit, inside)
                    if inner is None:
                        self.mark(op, NO_ELEMENT)
                    else:
                        self.body(op.body, inner)
                case ops.LetOp(slot, value):
                    self.slots[slot] = (self.value(value, facts), self.type_of(value))
                    if not self.slots[slot][0].present:
                        self.mark(op, NEVER_THERE)
                case ops.CheckOp(condition=condition):
                    verdict = self.condition(condition, facts)
                    if not verdict.false:
                        self.mark(op, NEVER_FALSE)
                    facts = verdict.holds
                case ops.SetOp(value=value):
                    if not self.value(value, facts).present:
                        self.mark(op, NEVER_THERE)
                    self._duty(op.duty, facts)
                case ops.GroupOp(body=inner_body):
                    self.body(inner_body, facts)
                case ops.RejectOp(condition=condition):
                    if not self.condition(condition, facts).true:
                        self.mark(op, NEVER_TRUE)

    def _when(self, op: ops.Op, when: ops.Condition | None, facts: Facts) -> Facts | None:
        if when is None:
            return facts
        verdict = self.condition(when, facts)
        if not verdict.true:
            self.mark(op, NEVER_TRUE)
            return None
        return self._checked(verdict.holds)

    def _fields(self, fields: Iterable[ops.FieldOp], facts: Facts) -> None:
        for field in fields:
            for content in field.contents:
                self.content(content, facts)

    def content(self, content: ops.Content, facts: Facts) -> Possible:
        """Whether a content can come out with something, and with nothing."""
        match content:
            case ops.Leaves(puts=puts):
                found = [self._put(put, facts) for put in puts]
                return Possible(True, any(each.present for each in found))
            case ops.Opaque(value=value):
                self._duty(content.duty, facts)
                possible = self.value(value, facts)
                if not possible.present:
                    self.mark(content, NEVER_THERE)
                return possible
            case ops.ChooseRep(rungs):
                return self._rungs(rungs, facts, lambda rung, inner: self.content(rung.content, inner))
            case ops.Fallback(contents):
                self._duty(content.duty, facts)
                return self._first_of(contents, facts, self.content)
            case ops.EachRep():
                inner = self._elements(content, facts)
                self._duty(content.duty, facts)
                if inner is None:
                    self.mark(content, NO_ELEMENT)
                    return ABSENT
                return Possible(True, self.content(content.content, inner).present)
            case ops.HoldRep():
                return ANY

    def _put(self, put: ops.Put, facts: Facts) -> Possible:
        possible = self.value(put.value, facts)
        self._duty(put.duty, facts)
        if not possible.present:
            self.mark(put, NEVER_THERE)
        return possible

    def _duty(self, duty: ops.Duty, facts: Facts) -> None:
        if duty.condition is not None:
            self.condition(duty.condition, facts)

    # --- values ---

    def key(self, op: ops.Value) -> Key | None:
        """What a value is read from, None when it is worked out."""
        if isinstance(op, ops.Slot):
            return (op.slot,)
        if isinstance(op, ops.Attr):
            of = self.key(op.of)
            return None if of is None else (*of, op.index)
        return None

    def type_of(self, op: ops.Value) -> Type | None:
        """The type of a value, where it follows from the model."""
        match op:
            case ops.Slot(slot):
                return self.slots.get(slot, (ANY, None))[1]
            case ops.Attr(of, index):
                type_ = self.type_of(of)
                record = self.model.records.get(type_.name) if type_ is not None and type_.kind == "record" else None
                return record.attributes[index].type if record is not None else None
            case ops.Coalesce(values):
                return next((t for t in map(self.type_of, values) if t is not None), None)
            case ops.Choose(rungs):
                return next((t for t in (self.type_of(rung.value) for rung in rungs) if t is not None), None)
            case ops.Each(value=value):
                inner = self.type_of(value)
                return None if inner is None else Type("list", of=inner)
            case ops.First(value=value):
                return self.type_of(value)
        return None

    def value(self, op: ops.Value, facts: Facts) -> Possible:
        """What a value can be."""
        found = self._value(op, facts)
        type_ = self.type_of(op)
        if type_ is not None and type_.kind == "enum":
            found = found.both(Possible(texts=frozenset(self.model.enums.get(type_.name, ()))))
        key = self.key(op)
        return found if key is None or key not in facts else found.both(facts[key])

    def _value(self, op: ops.Value, facts: Facts) -> Possible:
        match op:
            case ops.Const("blank"):
                return ABSENT
            case ops.Const("null"):
                return THERE
            case ops.Const(_, text):
                return Possible(not text, bool(text), frozenset({text}))
            case ops.Listed(items):
                texts = frozenset(item.value for item in items)
                return Possible(missing=not items, present=bool(items), texts=texts)
            case ops.Slot(slot):
                return self.slots.get(slot, (ANY, None))[0]
            case ops.Attr(of, index):
                held = self.value(of, facts)
                type_ = self.type_of(of)
                record = self.model.records.get(type_.name) if type_ is not None and type_.kind == "record" else None
                if record is None:
                    return Possible(held.missing, held.present) if type_ is not None else ANY
                attribute = record.attributes[index]
                loose = attribute.optional or attribute.type.of is not None or attribute.type.name == "field"
                return Possible(held.missing or loose, held.present)
            case ops.Coalesce(values):
                return self._first_of(values, facts, self.value)
            case ops.Choose(rungs):
                return self._rungs(rungs, facts, lambda rung, inner: self.value(rung.value, inner))
            case ops.Lookup():
                return self._lookup(op, facts)
            case ops.Call():
                return self._call(op, facts)
            case ops.Each() | ops.First():
                inner = self._elements(op, facts)
                found = ABSENT if inner is None else self.value(op.value, inner)
                return Possible(True, found.present, found.texts if isinstance(op, ops.First) else None)
            case ops.Count():
                return THERE
            case ops.Narrate():
                for argument in op.arguments:
                    self.value(argument, facts)
                for number, tag in enumerate(tags(self.plan.narratives[op.narrative].source)):
                    asks = asked(tag, op)
                    can = asks is None or self.condition(asks, facts).true
                    (self.told if can else self.untold).add((op.narrative, number))
                return ANY
            case ops.Make():
                field = self.value(op.of, facts)
                self.slots[op.slot] = (THERE, None)
                for part in op.parts:
                    if not self.value(part.value, facts).present:
                        self.mark(part, NEVER_THERE)
                    self._duty(part.duty, facts)
                return Possible(True, field.present)
            case ops.Component(of=of) | ops.Received(of=of):
                self.value(of, facts)
                return ANY
            case _:
                return ANY

    def _first_of(self, values: Iterable[ops.Op], facts: Facts, judge: object) -> Possible:
        """The first that is there; those behind one that is always there are never taken."""
        found = ABSENT
        for value in values:
            if not found.missing:
                self.mark(value, NEVER_BEFORE)
                continue
            possible: Possible = judge(value, facts)  # type: ignore[operator]
            if not possible.present and not (isinstance(value, ops.Listed) and not value.items):
                self.mark(value, NEVER_THERE)
            found = Possible(possible.missing, *found._replace(missing=False).either(possible)[1:])
        return found

    def _rungs(self, rungs: Iterable[ops.Rung | ops.RepRung], facts: Facts, judge: object) -> Possible:
        """The first that applies."""
        found: Possible | None = None
        closed = False
        for rung in rungs:
            if closed:
                self.mark(rung, NEVER_REACHED)
                continue
            inside = facts
            if rung.when is not None:
                verdict = self.condition(rung.when, facts)
                inside, facts = self._checked(verdict.holds), verdict.fails
                closed = not verdict.false
                if not verdict.true:
                    self.mark(rung, NEVER_TRUE)
                    continue
            else:
                closed = True
            possible: Possible = judge(rung, inside)  # type: ignore[operator]
            found = possible if found is None else found.either(possible)
        if found is None:
            return ABSENT
        return found if closed else found.either(ABSENT)

    def _lookup(self, op: ops.Lookup, facts: Facts) -> Possible:
        table, rows = self.plan.tables[op.table], self.rows[op.table]
        keys = [self.value(key, facts) for key in op.keys]
        missing = any(key.missing for key in keys)
        if not all(key.present for key in keys):
            return ABSENT
        texts = [key.texts for key in keys]
        sizes = prod(len(each) for each in texts if each is not None)
        if None in texts or sizes > _MOST:
            taken: list[tuple[ops.Cell, ...]] = [row.cells for row in table.rows]
            rows.update(range(len(table.rows)))
            unmatched = True
        else:
            wanted = list(product(*(each for each in texts if each is not None)))
            numbers = [self.keyed[op.table][keys_] for keys_ in wanted if keys_ in self.keyed[op.table]]
            rows.update(numbers)
            taken = [table.rows[number].cells for number in numbers]
            unmatched = len(numbers) < len(wanted)
        found: Possible | None = None
        if unmatched and table.otherwise is not None:
            rows.add(OTHERWISE)
            taken.append(table.otherwise)
        elif unmatched and op.unmapped is not None:
            found = self.value(op.unmapped, facts)
        elif unmatched and op.same:
            found = THERE
        elif op.unmapped is not None:
            self.mark(op.unmapped, NEVER_BEFORE)
        for cells in taken:
            cell = _cell(cells[op.column], op.component)
            if cell is not None:
                found = cell if found is None else found.either(cell)
        found = found or Possible(False, False)
        return found.either(ABSENT) if missing else found

    def _call(self, op: ops.Call, facts: Facts) -> Possible:
        arguments = [None if each is None else self.value(each, facts) for each in op.arguments]
        subject = arguments[0] if arguments and arguments[0] is not None else ANY
        if op.invalid is not None:
            self.value(op.invalid, facts)
        # A built-in may make nothing of something: an empty text is a missing one.
        return Possible(True, subject.present)

    def _elements(self, op: ops.Each | ops.First | ops.EachRep | ops.LoopOp, facts: Facts) -> Facts | None:
        """What is known inside of a list, None when it never has an element."""
        source = self.value(op.source, facts)
        type_ = self.type_of(op.source)
        self.slots[op.slot] = (THERE, type_.of if type_ is not None else None)
        inside: dict[Key, Possible] = {key: known for key, known in facts.items() if key[0] != op.slot}
        if isinstance(op.source, ops.Listed):
            inside[op.slot,] = Possible(False, True, source.texts)
        if not source.present:
            return None
        result: Facts = inside
        if op.where is not None:
            verdict = self.condition(op.where, inside)
            if not verdict.true:
                return None
            result = verdict.holds
        if op.order is not None:
            self.value(op.order, result)
        return result

    # --- conditions ---

    def condition(self, op: ops.Condition, facts: Facts) -> Verdict:
        """Whether it can hold and can fail."""
        match op:
            case ops.Present(value):
                found = self.value(value, facts)
                return Verdict(
                    found.present, found.missing, self._know(value, THERE, facts), self._know(value, ABSENT, facts)
                )
            case ops.IsNull(value):
                found = self.value(value, facts)
                return Verdict(found.present and found.texts is None, True, self._know(value, THERE, facts), facts)
            case ops.Equal(left, right):
                return self._member(left, right, facts)
            case ops.In(value, members):
                return self._member(value, members, facts)
            case ops.Truth(ops.Const("boolean", text)):
                return Verdict(text == "true", text != "true", facts, facts)
            case ops.Truth(value) | ops.Match(value=value):
                return Verdict(self.value(value, facts).present, True, self._know(value, THERE, facts), facts)
            case ops.Order(_, left, right):
                can = self.value(left, facts).present and self.value(right, facts).present
                return Verdict(can, True, facts, facts)
            case ops.Not(condition):
                verdict = self.condition(condition, facts)
                return Verdict(verdict.false, verdict.true, verdict.fails, verdict.holds)
            case ops.AllOf(conditions):
                return self._all(conditions, facts)
            case ops.AnyOf(conditions):
                return self._any(conditions, facts)
            case ops.IsLast():
                return Verdict(True, True, facts, facts)

    def _member(self, value: ops.Value, members: ops.Value, facts: Facts) -> Verdict:
        """Equal to a value, or to one of a list of constants."""
        one, other = self.value(value, facts), self.value(members, facts)
        known = one.texts is not None and other.texts is not None
        shared = frozenset() if one.texts is None or other.texts is None else one.texts & other.texts
        true = one.present and other.present and (not known or bool(shared))
        constant = isinstance(members, ops.Listed) or (isinstance(members, ops.Const) and members.type == "text")
        left = None if one.texts is None or other.texts is None or not constant else one.texts - other.texts
        false = one.missing or left is None or bool(left)
        holds = self._know(value, Possible(False, True, other.texts), facts)
        if self.key(members) is not None:
            holds = self._know(members, Possible(False, True, one.texts), holds)
        fails = facts if left is None else self._know(value, Possible(texts=left), facts)
        return Verdict(true, false, holds, fails)

    def _all(self, conditions: tuple[ops.Condition, ...], facts: Facts) -> Verdict:
        true, holds = True, facts
        failing = []
        for condition in conditions:
            if not true:
                self.mark(condition, NEVER_REACHED)
                continue
            verdict = self.condition(condition, holds)
            if verdict.false:
                failing.append(verdict.fails)
            true, holds = verdict.true, verdict.holds
        # Of several that can fail nothing is known of any.
        return Verdict(true, bool(failing), holds, failing[0] if len(failing) == 1 else facts)

    def _any(self, conditions: tuple[ops.Condition, ...], facts: Facts) -> Verdict:
        false, fails = True, facts
        holding = []
        for condition in conditions:
            verdict = self.condition(condition, fails)
            if verdict.true:
                holding.append(verdict.holds)
            false, fails = false and verdict.false, verdict.fails
        return Verdict(bool(holding), false, holding[0] if len(holding) == 1 else facts, fails)

    def _checked(self, facts: Facts) -> Facts:
        """What is known besides, because a message that a check refuses is none."""
        loud, self.quiet = self.quiet, True
        for check in self.checks:
            verdict = self.condition(check, facts)
            if verdict.true:
                facts = verdict.holds
        self.quiet = loud
        return facts

    def _know(self, value: ops.Value, possible: Possible, facts: Facts) -> Facts:
        key = self.key(value)
        if key is None:
            return facts
        known = dict(facts)
        known[key] = known[key].both(possible) if key in known else possible
        if not possible.missing:
            for length in range(1, len(key)):
                known[key[:length]] = known.get(key[:length], ANY).both(THERE)
        return known


def _cell(cell: ops.Cell, component: int) -> Possible | None:
    """What a cell gives, None when the message is refused."""
    if cell.type == "error":
        return None
    if cell.type == "blank":
        return ABSENT
    if cell.type == "composite":
        text = cell.value[component - 1] if 0 < component <= len(cell.value) else ""
        return Possible(not text, bool(text), frozenset({text}))
    return Possible(False, True, frozenset(cell.value[:1]))


def everything_below(plan: ops.Plan, never: Iterable[int]) -> frozenset[int]:
    """The numbers of operations and of all that is inside them."""
    marked = set(never)
    found: set[int] = set()
    numbers = number_of(plan)
    waiting: list[tuple[ops.Op, bool]] = [(op, False) for op in plan.body]
    while waiting:
        op, inside = waiting.pop()
        number = numbers[id(op)]
        inside = inside or number in marked
        if inside:
            found.add(number)
        waiting.extend((child, inside) for child in children(op))
    return frozenset(found)
