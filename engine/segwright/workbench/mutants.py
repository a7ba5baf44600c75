"""Mutants of a plan: small mistakes that somebody could have made in a mapping, each of which a snapshot should notice.

Takes the plan of a message with what is proved of it; gives mutants in five kinds: a rule dropped, a default flipped, components
swapped, a code unmapped, a place shifted. What can never have an effect here has no mutants, and a mutant that is the same plan
(by the hash of its plain form) is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from segwright.core.source import Source, Span
from segwright.plan import ops
from segwright.plan.canonical import plan_hash
from segwright.plan.walk import children
from segwright.service.bundling import line_of
from segwright.service.running import Running
from segwright.workbench.edit import BLANK, edited, plain
from segwright.workbench.marks import chosen_by
from segwright.workbench.points import given, never_goes_out, not_agreed
from segwright.workbench.reach import OTHERWISE, Reach, everything_below, reach
from segwright.workbench.texts import mistaken, tags

Sort: TypeAlias = Literal["drop", "flip", "swap", "unmap", "shift"]

SAID: dict[Sort, str] = {
    "drop": "without this line",
    "flip": "another alternative",
    "swap": "components exchanged",
    "unmap": "without this code",
    "shift": "another place",
}


class Mutant(msgspec.Struct, frozen=True):
    """One mistake. `span` and `text` are the line it was made in, `said` what was done to it, `numbers` the operations (or of
    `unmap` those that look up) that it touches, `plan` the plan with it. `shared`: the line is declared once for all messages of
    the organisation (a line of a format, a row of a table), and the mistake is made in all of them."""

    sort: Sort
    message: str
    address: str
    span: Span
    text: str
    said: str
    numbers: frozenset[int]
    plan: ops.Plan
    shared: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it one mistake: the same one in several messages is."""
        return (
            (self.sort, self.span, self.said)
            if self.shared
            else (self.sort, self.span, self.said, self.message, self.address)
        )


def mutants_of(running: Running, message: str, sources: Mapping[str, Source]) -> Iterator[Mutant]:
    """Every mutant of a message that is a plan of its own; none of one that never goes out."""
    if never_goes_out(running.organisation.catalogue[message]):
        return
    explained = running.explained(message)
    possible = reach(explained.plan, running.model, given(running, running.organisation.catalogue[message]))
    refused = not_agreed(running, message)
    rows = (rows - {row for at, row in refused if at == number} for number, rows in enumerate(possible.rows))
    maker = _Maker(running, message, msgspec.structs.replace(possible, rows=tuple(rows)), sources)
    known = {plan_hash(plain(explained.plan))}
    for mutant in maker.all():
        made = plan_hash(plain(mutant.plan))
        if made not in known:
            known.add(made)
            yield mutant


class _Maker:
    def __init__(self, running: Running, message: str, possible: Reach, sources: Mapping[str, Source]) -> None:
        self.explained = running.explained(message)
        self.plan = self.explained.plan
        self.message = message
        self.possible = possible
        self.sources = sources
        self.operations = self.explained.operations
        self.numbers = {id(op): number for number, op in enumerate(self.operations)}
        self.dead = everything_below(self.plan, possible.never)

    def all(self) -> Iterator[Mutant]:
        """Every kind."""
        yield from self._drops()
        for number, op in enumerate(self.operations):
            if number in self.dead:
                continue
            yield from self._flips(number, op)
            yield from self._swaps(op)
            yield from self._shifts(number, op)
        yield from self._orders(self.plan.body)
        yield from self._unmapped()
        yield from self._mistold()

    def _mutant(
        self, sort: Sort, op: ops.Op, said: str, changes: Mapping[int, ops.Op | None], span: Span | None = None
    ) -> Mutant:
        number = self.numbers[id(op)]
        written = self.explained.written(number)
        place = span or (self.explained.place(number) if written is None else written.line or written.origin.span)
        touched = frozenset(self.numbers[key] for key in changes if key in self.numbers)
        address = written.address if written is not None else self.message
        text = line_of(place, self.sources)
        shared = written is not None and written.line is not None
        text = f"{written.format}: {text}" if shared and written is not None else text
        return Mutant(sort, self.message, address, place, text, said, touched, edited(self.plan, changes), shared)

    # --- a rule dropped ---

    def _drops(self) -> Iterator[Mutant]:
        leaves: dict[tuple[Span, str], list[ops.Op]] = {}
        for number, op in enumerate(self.operations):
            written = self.explained.written(number)
            if written is None or number in self.dead:
                continue
            if isinstance(op, ops.Put | ops.Opaque | ops.MadePart):
                leaves.setdefault((written.origin.span, f"{written.address}{written.line}"), []).append(op)
            elif isinstance(op, ops.SetOp | ops.CheckOp | ops.RejectOp | ops.SegmentOp | ops.EchoOp | ops.LoopOp):
                if isinstance(op, ops.SegmentOp) and op.name == "MSH":
                    continue
                yield self._mutant("drop", op, "dropped", {id(op): None})
            elif isinstance(op, ops.LetOp):
                yield self._mutant("drop", op, "dropped", {id(op): ops.LetOp(op.slot, BLANK)})
        for together in leaves.values():
            yield self._mutant("drop", together[0], "dropped", {id(op): None for op in together})

    # --- a default flipped ---

    def _flips(self, number: int, op: ops.Op) -> Iterator[Mutant]:
        alternatives = chosen_by(op)
        alive = [each for each in alternatives if self.numbers[id(each)] not in self.dead]
        if len(alive) > 1:
            for each in alive:
                place = alternatives.index(each) + 1
                yield self._mutant("flip", op, f"without its alternative {place}", {id(each): None}, self._span(each))
        if isinstance(op, ops.Choose | ops.ChooseRep):
            for one, other in itertools.pairwise(alive):
                place = alternatives.index(one) + 1
                said = f"alternatives {place} and {place + 1} exchanged"
                yield self._mutant("flip", op, said, _exchanged(one, other), self._span(one))
        if isinstance(op, ops.Lookup) and op.unmapped is not None and self.numbers[id(op.unmapped)] not in self.dead:
            yield self._mutant(
                "flip", op, "without its `on unmapped`", {id(op): msgspec.structs.replace(op, unmapped=None)}
            )
        if isinstance(op, ops.Call) and op.invalid is not None:
            yield self._mutant(
                "flip", op, "without its `on invalid`", {id(op): msgspec.structs.replace(op, invalid=None)}
            )

    def _span(self, alternative: ops.Op) -> Span:
        inner = (
            next(iter(children(alternative)), alternative)
            if isinstance(alternative, ops.Rung | ops.RepRung)
            else alternative
        )
        return self.explained.place(self.numbers[id(inner)])

    # --- components swapped ---

    def _swaps(self, op: ops.Op) -> Iterator[Mutant]:
        if not isinstance(op, ops.Leaves):
            return
        alive = [put for put in op.puts if self.numbers[id(put)] not in self.dead]
        for one, other in itertools.pairwise(alive):
            said = f"{_component(one)} and {_component(other)} exchanged"
            changes: dict[int, ops.Op | None] = {
                id(one): msgspec.structs.replace(one, value=other.value, coding=other.coding),
                id(other): msgspec.structs.replace(other, value=one.value, coding=one.coding),
            }
            yield self._mutant("swap", one, said, changes)

    # --- a place shifted ---

    def _shifts(self, number: int, op: ops.Op) -> Iterator[Mutant]:
        match op:
            case ops.SegmentOp(fields=fields):
                alive = [field for field in fields if self._lives(field)]
                for field in alive:
                    neighbour = next((each for each in fields if each.number == field.number + 1), None)
                    said = f"field {field.number} written as {field.number + 1}"
                    changes: dict[int, ops.Op | None] = {
                        id(field): msgspec.structs.replace(field, number=field.number + 1)
                    }
                    if neighbour is not None:
                        changes[id(field)] = msgspec.structs.replace(neighbour, number=field.number)
                        changes[id(neighbour)] = msgspec.structs.replace(field, number=neighbour.number)
                    if op.name == "MSH" and (field.number + 1 == 18 or field.number == 18):
                        continue
                    yield self._mutant("shift", field, said, changes)
            case ops.Leaves(puts=puts):
                taken = {(put.component, put.subcomponent) for put in puts}
                for put in puts:
                    if self.numbers[id(put)] in self.dead or any(c == put.component + 1 for c, _ in taken):
                        continue
                    moved = msgspec.structs.replace(put, component=put.component + 1)
                    if sum(1 for c, _ in taken if c == put.component) == 1:
                        yield self._mutant(
                            "shift", put, f"{_component(put)} written as .{put.component + 1}", {id(put): moved}
                        )
            case ops.Take() | ops.TakeAll():
                said = f"{op.segment}-{op.field} read as {op.segment}-{op.field + 1}"
                yield self._mutant("shift", op, said, {id(op): msgspec.structs.replace(op, field=op.field + 1)})
            case ops.Component(component=component) if component:
                said = f".{component} read as .{component + 1}"
                yield self._mutant("shift", op, said, {id(op): msgspec.structs.replace(op, component=component + 1)})

    def _lives(self, field: ops.FieldOp) -> bool:
        return any(
            number not in self.dead and isinstance(self.operations[number], ops.Put | ops.Opaque)
            for number in self.explained.below(self.numbers[id(field)])
        )

    def _orders(self, body: Iterable[ops.Op]) -> Iterator[Mutant]:
        """Neighbours of a message in the other order."""
        shown = [
            op
            for op in body
            if isinstance(op, ops.SegmentOp | ops.EchoOp | ops.LoopOp) and self.numbers[id(op)] not in self.dead
        ]
        for op in shown:
            if isinstance(op, ops.LoopOp):
                yield from self._orders(op.body)
        for one, other in itertools.pairwise(shown):
            if not (isinstance(one, ops.SegmentOp) and one.name == "MSH"):
                yield self._mutant("shift", one, f"behind {self._called(other)}", {id(one): other, id(other): one})

    def _called(self, op: ops.Op) -> str:
        written = self.explained.written(self.numbers[id(op)])
        return written.address if written is not None else "what follows"

    # --- a text that says less ---

    def _mistold(self) -> Iterator[Mutant]:
        assert self.explained.compiled.emitted is not None
        for number, narrative in enumerate(self.plan.narratives):
            name = self.explained.compiled.emitted.narratives[number]
            declared = self.explained.compiled.scope.narratives[name]
            places = [line.span for line in declared.lines for _ in tags(line.text)]
            users = frozenset(
                n for n, op in enumerate(self.operations) if isinstance(op, ops.Narrate) and op.narrative == number
            )
            for tag, said, source in mistaken(narrative.source):
                if (number, tag) in self.possible.untold:
                    continue
                span = places[tag] if 0 <= tag < len(places) else declared.span
                told = msgspec.structs.replace(narrative, source=source)
                narratives = (*self.plan.narratives[:number], told, *self.plan.narratives[number + 1 :])
                plan = msgspec.structs.replace(self.plan, narratives=narratives)
                text = line_of(span, self.sources)
                yield Mutant("drop", self.message, f"text {name}", span, text, said, users, plan, shared=True)

    # --- a code unmapped ---

    def _unmapped(self) -> Iterator[Mutant]:
        for number, table in enumerate(self.plan.tables):
            declared = self.explained.rules.table_of(number)
            for row in range(len(table.rows)):
                written = self.explained.rules.row_of(number, row)
                if row in self.possible.rows[number] and written is not None and declared is not None:
                    rows = table.rows[:row] + table.rows[row + 1 :]
                    changed = msgspec.structs.replace(table, rows=rows)
                    keys = ", ".join(table.rows[row].keys)
                    yield self._of_table(number, changed, declared.name, written.span, f"{keys} unmapped")
            if OTHERWISE in self.possible.rows[number] and declared is not None and table.otherwise is not None:
                written = self.explained.rules.row_of(number, OTHERWISE)
                if written is not None:
                    changed = msgspec.structs.replace(table, otherwise=None)
                    yield self._of_table(number, changed, declared.name, written.span, "otherwise dropped")

    def _of_table(self, number: int, table: ops.Table, name: str, span: Span, said: str) -> Mutant:
        tables = (*self.plan.tables[:number], table, *self.plan.tables[number + 1 :])
        users = frozenset(
            place for place, op in enumerate(self.operations) if isinstance(op, ops.Lookup) and op.table == number
        )
        way = " (read)" if self.explained.rules.is_inverse(number) else ""
        plan = msgspec.structs.replace(self.plan, tables=tables)
        return Mutant(
            "unmap", self.message, f"table {name}{way}", span, line_of(span, self.sources), said, users, plan, shared=True
        )  # fmt: skip


def _exchanged(one: ops.Op, other: ops.Op) -> dict[int, ops.Op | None]:
    """Two rungs with each other's values."""
    if isinstance(one, ops.Rung) and isinstance(other, ops.Rung):
        return {
            id(one): msgspec.structs.replace(one, value=other.value),
            id(other): msgspec.structs.replace(other, value=one.value),
        }
    assert isinstance(one, ops.RepRung)
    assert isinstance(other, ops.RepRung)
    return {
        id(one): msgspec.structs.replace(one, content=other.content),
        id(other): msgspec.structs.replace(other, content=one.content),
    }


def _component(put: ops.Put) -> str:
    return f".{put.component}" + (f".{put.subcomponent}" if put.subcomponent > 1 else "")
