"""The parts of segments as generated code: what is certain, what is filled, what is chosen.

Takes the fields of a segment operation, writes statements that append to the list of parts `p`, in which *fixed* and *free* texts
alternate (see `generate_write`). Three ways to write a part, the cheapest that is right:
 - *certain*: constants, counts, required values. Separators are known, so they are folded. A required value that is missing is
   a None among the free texts, which `assemble` refuses: the test costs nothing.
 - *filled*: an optional value whose separators stay when it is missing, because something certain follows in its field or it is
   a whole field with something certain behind it. A missing one is written as "".
 - *chosen*: everything else. `q` holds, for whatever was written last, the separators to each part that may come next
   (`layout.between`); writing a part replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from segwright.plan import ops
from segwright.plan.walk import companions, decided_by_input, limits
from segwright.runtime import constants, recipes
from segwright.runtime.generate import Expression, Expressions, here
from segwright.runtime.layout import AFTER, START, Place, between
from segwright.runtime.recipes import Escaped, Recipe
from segwright.runtime.source import Source

_Part = ops.Put | ops.Opaque
_Block = ops.ChooseRep | ops.Fallback | ops.EachRep | ops.FieldOp


class Item(NamedTuple):
    """A part of a segment at the top of its field: a leaf, a received field, a block that decides at run time what it writes, or
    a whole field that holds places. `places` are all it may write; `leaves` is what a leaf belongs to."""

    op: _Part | _Block
    places: tuple[Place, ...]
    certain: bool
    leaves: ops.Leaves | None = None


class Run(NamedTuple):
    """A stretch of chosen parts, up to and with the certain one (or the end, None) that closes it: what `q` leads to."""

    number: int
    before: Place | None
    targets: tuple[Place | None, ...]


class Segment:
    """What is known while a segment is written: its end, how far it is filled, and what stands before the next part: the place
    of the last one, or None when that is decided at run time and the variable `lead` leads on, within `run`. In a segment that is
    sent only if an input decided something, `wrote` is the variable that tells whether one did, and `owed` the one that tells
    whether something required is missing: that counts only if the segment is sent."""

    def __init__(self, end: str, full_to: int, before: Place, lead: str = "q") -> None:
        self.end = end
        self.full_to = full_to
        self.before: Place | None = before
        self.run = Run(0, None, ())
        self.lead = lead
        self.wrote = ""
        self.owed = ""
        self.places: dict[int, Place] = {}
        self._repetitions = 0

    def repetition(self) -> int:
        """A number that no other repetition of the segment has."""
        self._repetitions += 1
        return self._repetitions


class FieldGenerator(Expressions):
    """Generates the fields of the segments of one writing plan."""

    def __init__(self, plan: ops.Plan) -> None:
        super().__init__(plan, Source("write", ("i",)))
        self.delimiters = constants.delimiters_of(plan.encoding)
        optional = any(isinstance(op, ops.SegmentOp) and op.optional for op in self.operations)
        self.deciding = decided_by_input(plan, self.operations) if optional else frozenset()
        self.companions = companions(plan, self.operations)
        self.limits = limits(plan, self.operations)
        self.segment = Segment("", 0, Place(0, START))
        self.parts = "p"
        self.charset = ops.Put(1, 1, ops.Const("text"))
        """Stands for MSH-18, which is the engine's own."""
        self._fixed: list[str | Escaped] = []
        self._pairs: list[tuple[str, str]] = []
        self._lead = ""
        self._runs = 0
        self._held: dict[int, str] = {}

    # --- the list of parts ------------------------------------------------------------------------------------------

    def _empty(self) -> str:
        return self.source.shared("empty", str)

    def fix(self, text: str | Escaped) -> None:
        """A fixed text, folded with those around it."""
        if text:
            self._fixed.append(text)

    def _free(self, value: str) -> None:
        """A free text behind the fixed text that waits."""
        if self._lead and self._fixed:
            self._pairs.append((self._lead, self._empty()))
            self._lead = ""
        lead = self._lead or (self.source.constant(recipes.folded(self._fixed)) if self._fixed else self._empty())
        self._pairs.append((lead, value))
        self._lead, self._fixed = "", []

    def raw(self, text: str) -> None:
        """A fixed text that is known only at run time."""
        if self._lead or self._fixed:
            self._free(self._empty())
        self._lead = text

    def flush(self) -> None:
        """Everything that waits is written here."""
        if self._lead or self._fixed:
            self._free(self._empty())
        if self._pairs:
            self.source.line(f"{self.parts} += ({', '.join(text for pair in self._pairs for text in pair)})")
            self._pairs = []

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """A compound statement: nothing waits across its borders."""
        self.flush()
        with self.source.block(header):
            yield
            self.flush()

    # --- items ------------------------------------------------------------------------------------------------------

    def items(self, fields: Sequence[ops.FieldOp]) -> list[Item]:
        """The parts of some fields in order."""
        found: list[Item] = []
        for field in fields:
            if any(_holds(content) for content in field.contents):
                place = self.segment.places[id(field)] = Place(field.number, self.segment.repetition())
                found.append(Item(field, (place,), False))
            else:
                found += (item for content in field.contents for item in self._items_of(field.number, content))
        return found

    def _items_of(self, field: int, content: ops.Content) -> Iterator[Item]:
        segment = self.segment
        match content:
            case ops.Leaves():
                repetition = segment.repetition()
                for put in content.puts:
                    place = segment.places[id(put)] = Place(field, repetition, put.component, put.subcomponent)
                    yield Item(put, (place,), self._is_certain(put, content), content)
            case ops.Opaque():
                place = segment.places[id(content)] = Place(field, segment.repetition())
                certain = content.duty.need == "always" and not segment.wrote
                yield Item(content, (place,), certain)
            case ops.ChooseRep() | ops.Fallback() | ops.EachRep():
                places = [
                    place for one in _inner(content) for item in self._items_of(field, one) for place in item.places
                ]
                yield Item(content, tuple(places), False)

    def _is_certain(self, put: ops.Put, leaves: ops.Leaves) -> bool:
        if id(put) in self.companions:
            return self.is_sure(put.value) and any(
                self._is_certain(other, leaves) for other in leaves.puts if id(other) not in self.companions
            )
        if self.is_sure(put.value):
            return True
        return not self.segment.wrote and self._is_required(put, leaves)

    def _is_always_there(self, put: ops.Put, leaves: ops.Leaves) -> bool:
        """Whether a leaf is written whatever the inputs are."""
        if id(put) in self.companions:
            return self.is_sure(put.value) and any(
                self.is_sure(other.value) for other in leaves.puts if id(other) not in self.companions
            )
        return self.is_sure(put.value)

    def _is_required(self, put: ops.Put, leaves: ops.Leaves) -> bool:
        """Whether the message is refused without it, as far as the operations alone tell."""
        if put.duty.need == "any":
            return any(
                other is not put and (other.duty.need == "always" or self.is_sure(other.value))
                for other in leaves.puts
                if id(other) not in self.companions
            )
        return put.duty.need == "always"

    def _gap(self, before: Place, after: Place | None) -> str:
        """The separators between two parts, or from a part to the end of the segment, with the end."""
        if after is not None:
            return between(before, after, self.delimiters)
        return self.delimiters.field * (self.segment.full_to - before.field) + self.segment.end

    def write_items(self, items: Sequence[Item]) -> None:
        """All parts of a segment, and its end."""
        at = 0
        while at < len(items):
            stop = next((number for number in range(at, len(items)) if items[number].certain), len(items))
            if stop > at:
                self._uncertain(items[at:stop], items[stop].places[0] if stop < len(items) else None)
            if stop < len(items):
                self._certain(items[stop])
            at = stop + 1
        self._to(None)

    def _to(self, place: Place | None) -> None:
        """The separators up to a part that is certain, or up to the end."""
        segment = self.segment
        if segment.before is not None:
            self.fix(self._gap(segment.before, place))
        else:
            run = segment.run
            gaps = {self._gap(before, place) for before in (run.before, *run.targets[:-1]) if before is not None}
            if len(gaps) == 1:
                self.fix(gaps.pop())
            else:
                self.raw(f"{self.segment.lead}[{run.targets.index(place)}]")
        segment.before = place

    # --- certain ----------------------------------------------------------------------------------------------------

    def _certain(self, item: Item) -> None:
        self._prepare(item)
        self._note_written(item.op)
        self._to(item.places[0])
        if isinstance(item.op, ops.Put):
            known = self._known_text(item.op)
            if known is not None:
                self.fix(known)
            elif item.op.coding == "formatted":
                self.raw(f"{self._formatting()}({self.exact(self._put(item.op))})")
            else:
                value = self._put(item.op)
                self._free(value if value.exact else self.needed(value))
        elif isinstance(item.op, ops.Opaque):
            # Missing, it is a None among the fixed texts, which cannot be joined.
            self.raw(f"{self._receiving()}({self.exact(self.value(item.op.value))})")

    def _known_text(self, put: ops.Put) -> str | Escaped | None:
        """The escaped text of a constant."""
        if put is self.charset:
            return self.plan.encoding.charset
        if isinstance(put.value, ops.Const):
            return recipes.escaped(put.value, put.coding)
        counted = self.counted(put.value)
        value = self.value(counted) if counted is not None else ""
        return str(value) if value.isdigit() else None

    def _put(self, put: ops.Put) -> Expression:
        """The value of a leaf, as a text when it is a whole number that was counted here."""
        held = self._held.get(id(put))
        if held is not None:
            return Expression(held)
        if isinstance(put.value, ops.Call) and id(put.value) in self.limits:
            return self._call(put.value, self.source.shared("limiting", lambda: Recipe(recipes.limiting)))
        counted = self.counted(put.value)
        return self.value(put.value) if counted is None else self.printed(self.value(counted))

    def _formatting(self) -> str:
        return self.source.shared("formatted", lambda: Recipe(recipes.formatting))

    def _receiving(self) -> str:
        return self.source.shared("received", constants.receiving, self.plan.encoding)

    # --- duties -----------------------------------------------------------------------------------------------------

    def _prepare(self, item: Item) -> None:
        """Before the first leaf of a repetition whose duties look at several leaves: all of them are fetched and tested."""
        leaves = item.leaves
        if leaves is not None and item.op is leaves.puts[0]:
            self._test_duties(leaves, chosen=bool(self.segment.wrote))

    def _test_duties(self, leaves: ops.Leaves, *, chosen: bool) -> None:
        if chosen:
            unsure = [put for put in leaves.puts if not self._is_always_there(put, leaves)]
        else:
            unsure = [put for put in leaves.puts if not self._is_certain(put, leaves)]
        following = [put for put in unsure if id(put) in self.companions]
        unsure = [put for put in unsure if id(put) not in self.companions]
        looking = [put for put in unsure if put.duty.need == "any"]
        leading = len(leaves.puts) - sum(id(put) in self.companions for put in leaves.puts)
        together = leaves.duty.need in ("always", "if") and len(unsure) == leading
        if looking or together or following:
            for put in unsure:
                name = self.source.temporary()
                self.source.line(f"{name} = {self.exact(self._put(put))}")
                self._held[id(put)] = name
        if following:
            self._follow(following, unsure if len(unsure) == leading else [])
        for put in looking:
            others = " or ".join(f"{self._held[id(other)]} is not None" for other in unsure if other is not put)
            if len(unsure) < leading:
                others = "True"
            if others:
                self._refuse_if(f"{self._held[id(put)]} is None and ({others})")
        if together:
            nothing = " and ".join(f"{self._held[id(put)]} is None" for put in unsure) or "True"
            self._refuse_missing(leaves.duty, nothing)

    def _follow(self, following: Sequence[ops.Put], leading: Sequence[ops.Put]) -> None:
        """Leaves that are written only if one of the `leading` is (in any case, when there are none)."""
        there = " or ".join(f"{self._held[id(put)]} is not None" for put in leading) or "True"
        for put in following:
            name = self.source.temporary()
            self.source.line(f"{name} = {self.exact(self._put(put))}")
            if put.duty.need == "any":
                self._refuse_if(f"{name} is None and ({there})")
            else:
                self._refuse_missing(put.duty, f"{name} is None")
            if leading:
                self.source.line(f"{name} = {name} if {there} else None")
            self._held[id(put)] = name

    def _refuse_if(self, test: str) -> None:
        with self.source.block(f"if {test}:"):
            self.source.line(f"{self.segment.owed} = True" if self.segment.owed else "refuse()")

    def _refuse_missing(self, duty: ops.Duty, missing: str) -> None:
        """Refuses when something with this duty is missing."""
        if duty.need == "always":
            self._refuse_if(missing)
        elif duty.need == "if" and duty.condition is not None:
            with self.source.block(f"if {missing}:"):
                self._refuse_if(self.condition(duty.condition))

    # --- filled and chosen ------------------------------------------------------------------------------------------

    def _uncertain(self, items: Sequence[Item], closing: Place | None) -> None:
        if self._may_be_filled(items, closing):
            for item in items:
                self._prepare(item)
                self._to(item.places[0])
                test, name = self.present(self._put(item.op))  # type: ignore[arg-type]
                self._free(f"({name} if {test} else {self._empty()})")
        else:
            self.flush()
            places = tuple(place for item in items for place in item.places)
            self._runs += 1
            self.segment.run = Run(self._runs, self.segment.before, (*places, closing))
            if self.segment.before is not None:
                self.source.line(f"{self.segment.lead} = {self._gaps(self.segment.before)}")
            self.segment.before = None
            for item in items:
                self._prepare(item)
                self._choose(item.op)

    def _may_be_filled(self, items: Sequence[Item], closing: Place | None) -> bool:
        """Whether leaving out any of these parts leaves the same text as writing "" in their place."""
        before = self.segment.before
        if before is None:
            return False
        for item in items:
            if not isinstance(item.op, ops.Put) or item.op.coding != "text" or item.op.duty.need == "if":
                return False
            if self.segment.wrote and id(item.op) in self.deciding:
                return False
        places = [before, *(item.places[0] for item in items)]
        for at in range(1, len(places)):
            left_out = places[at]
            for earlier in places[:at]:
                for later in (*places[at + 1 :], closing):
                    filled = self._gap(earlier, left_out) + self._gap(left_out, later)
                    if self._gap(earlier, later) != filled:
                        return False
        return True

    def _gaps(self, before: Place) -> str:
        """The constant that leads from a place to each target of the run."""
        run = self.segment.run
        gaps = tuple(self._gap(before, target) for target in run.targets)
        return self.source.shared(("gaps", run.number, before), lambda: gaps)

    def _choose(self, op: _Part | _Block) -> None:
        """A part written only if it is there."""
        source = self.source
        match op:
            case ops.Put():
                test, name = self.present(self._put(op))
                if op.coding == "formatted":
                    empty = self._empty()
                    self._choose_if(
                        op, test, f"{self.segment.lead}[{{}}], {empty}, {self._formatting()}({name}), {empty}"
                    )
                else:
                    self._choose_if(op, test, f"{self.segment.lead}[{{}}], {name}")
            case ops.Opaque():
                text, empty = source.temporary(), self._empty()
                source.line(f"{text} = {self._receiving()}({self.exact(self.value(op.value))})")
                self._choose_if(op, f"{text} is not None", f"{self.segment.lead}[{{}}], {empty}, {text}, {empty}")
            case ops.FieldOp():
                self._choose_apart(op)
            case ops.ChooseRep():
                self._choose_rung(op)
            case ops.Fallback():
                unchanged = self._nothing_since()
                for number, content in enumerate(op.contents):
                    with source.block(f"if {unchanged}:") if number else here():
                        self._content(content)
                self._refuse_missing(op.duty, unchanged)
            case ops.EachRep():
                unchanged = self._nothing_since()
                after = Place(self._field_of(op), AFTER)
                with self.each_element(op.slot, op.source, op.where, op.order):
                    idle = self._nothing_since()
                    self._content(op.content)
                    with source.block(f"if not {idle}:"):
                        source.line(f"{self.segment.lead} = {self._gaps(after)}")
                self._refuse_missing(op.duty, unchanged)

    def _nothing_since(self) -> str:
        """Notes how much is written; gives a test whether nothing was added since. The lead does not tell: behind a repetition it
        is what it was behind the one before."""
        before = self.source.temporary()
        self.source.line(f"{before} = len({self.parts})")
        return f"(len({self.parts}) == {before})"

    def _choose_if(self, op: _Part, test: str, texts: str) -> None:
        source, segment = self.source, self.segment
        place = segment.places[id(op)]
        with source.block(f"if {test}:"):
            source.line(f"{self.parts} += ({texts.format(segment.run.targets.index(place))})")
            source.line(f"{self.segment.lead} = {self._gaps(place)}")
            self._note_written(op)
        # What only accompanies other leaves has been asked for with them.
        if op.duty.need in ("always", "if") and id(op) not in self.companions:
            with source.block("else:"):
                self._refuse_missing(op.duty, "True")

    def _note_written(self, op: ops.Op) -> None:
        if self.segment.wrote and id(op) in self.deciding:
            self.source.line(f"{self.segment.wrote} = True")

    def _choose_rung(self, op: ops.ChooseRep) -> None:
        self._first_rung(op, self._content)

    def _first_rung(self, op: ops.ChooseRep, write: Callable[[ops.Content], None]) -> None:
        source = self.source
        open_ = source.temporary()
        source.line(f"{open_} = True")
        for rung in op.rungs:
            with source.block(f"if {open_}:"):
                test = self.condition(rung.when) if rung.when is not None else "True"
                with source.block(f"if {test}:"):
                    source.line(f"{open_} = False")
                    write(rung.content)

    def _content(self, content: ops.Content) -> None:
        """A content inside a block: every part of it is chosen."""
        if isinstance(content, ops.Leaves):
            self._test_duties(content, chosen=True)
            for put in content.puts:
                self._choose(put)
        elif not isinstance(content, ops.HoldRep):
            self._choose(content)

    # --- fields made apart ------------------------------------------------------------------------------------------

    def text_apart(self, items: Callable[[], Sequence[Item]], field: int) -> str:
        """A variable with the escaped text of some parts of a field, made in a list of its own."""
        whole, outer = self.parts, self.segment
        self.parts = self.source.temporary()
        # In an echoed segment a field is made apart, and so are held repetitions within it: each has a lead of its own.
        lead = "r" if outer.lead != "r" else self.source.temporary()
        self.segment = Segment("", 0, Place(field, START), lead)
        self.segment.wrote, self.segment.owed = outer.wrote, outer.owed
        self.source.line(f"{self.parts} = []")
        self.write_items(items())
        self.flush()
        finished = self.source.shared("finished", lambda: Recipe(recipes.finishing))
        self.source.line(f"{self.parts} = {finished}({self.parts})")
        text, self.parts, self.segment = self.parts, whole, outer
        return text

    def _choose_apart(self, field: ops.FieldOp) -> None:
        """A field with held places: whether they are sent depends on what follows, so its repetitions are collected first."""
        source, place = self.source, self.segment.places[id(field)]
        found, empty = source.temporary(), self._empty()
        source.line(f"{found} = []")
        for content in field.contents:
            self._collect(content, found, field.number)
        separator = source.shared("repetition", lambda: self.delimiters.repetition)
        source.line(f"{found} = joined({found}, {separator})")
        with source.block(f"if {found} is not None:"):
            source.line(
                f"{self.parts} += ({self.segment.lead}[{self.segment.run.targets.index(place)}], {empty}, {found}, {empty})"
            )
            source.line(f"{self.segment.lead} = {self._gaps(place)}")

    def _collect(self, content: ops.Content, found: str, field: int) -> None:
        """Appends the texts of the repetitions that a content writes."""
        source = self.source
        match content:
            case ops.HoldRep():
                source.line(f"{found}.append({self._empty()})")
            case ops.Leaves() | ops.Opaque():
                text = self.text_apart(lambda: list(self._items_of(field, content)), field)
                with source.block(f"if {text}:"):
                    source.line(f"{found}.append({text})")
            case ops.ChooseRep():
                self._first_rung(content, lambda inner: self._collect(inner, found, field))
            case ops.Fallback():
                before = source.temporary()
                source.line(f"{before} = len({found})")
                for number, inner in enumerate(content.contents):
                    with source.block(f"if not any({found}[{before}:]):") if number else here():
                        source.line(f"del {found}[{before}:]") if number else None
                        self._collect(inner, found, field)
                with source.block(f"if not any({found}[{before}:]):"):
                    source.line(f"del {found}[{before}:]")
                self._refuse_missing(content.duty, f"not any({found}[{before}:])")
            case ops.EachRep():
                before = source.temporary()
                source.line(f"{before} = len({found})")
                with self.each_element(content.slot, content.source, content.where, content.order):
                    self._collect(content.content, found, field)
                self._refuse_missing(content.duty, f"not any({found}[{before}:])")

    def _field_of(self, op: ops.EachRep) -> int:
        first: ops.Content = op
        while not isinstance(first, ops.Leaves | ops.Opaque):
            first = _inner(first)[0]
        part = first.puts[0] if isinstance(first, ops.Leaves) else first
        return self.segment.places[id(part)].field


def _holds(content: ops.Content) -> bool:
    """Whether a content may hold a place."""
    return isinstance(content, ops.HoldRep) or any(_holds(one) for one in _inner(content))


def _inner(content: ops.Content) -> Sequence[ops.Content]:
    """What a block is made of."""
    match content:
        case ops.ChooseRep():
            return [rung.content for rung in content.rungs]
        case ops.Fallback():
            return content.contents
        case ops.EachRep():
            return [content.content]
        case _:
            return []
