"""The function that reads a message, generated from a plan.

Takes a reading plan, gives a function of the message's segments, delimiters and codec; it returns the records in order of their
slots, and the groups. Only segments that the plan names are split, only as far as the last field it takes, and only fields with
several components further. For the family name and the sex of a patient, both required, it is

    def read(g, d, o, k0, k1, k2):
        f, c, r, e, u, x = d                        # the delimiters of this message
        b0 = by_name(g)
        l = b0.get(k0)                              # "PID"
        z0 = l[0].split(f, 9) if l else k1          # absent and short segments have empty fields
        if len(z0) < 9:
            z0 += k1
        v0 = z0[5]
        v1 = z0[8]
        w0 = v0.split(c, 1)
        x0, x1 = leaves((v0, v1), (w0[0], v1.split(c, 1)[0]), k2, d, o)
        return ((x0 or refuse(), x1 or refuse()),), ()

Everything that could be wrong with these texts (a repeating field, a component with subcomponents, escapes, HL7 null) is looked
for by `leaves` in all of them together, and dealt with one by one only when something is found.

Names besides those of `generate`: `b` segments by name, `z` fields of a segment, `v` text of a field, `w` its components,
`x` text of a component, `y1_2` attribute 2 of the record in slot 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from segwright.hl7.paths import HEADERS
from segwright.plan import ops
from segwright.plan.walk import children
from segwright.runtime.generate import Expression, Expressions
from segwright.runtime.source import Source


class _Leaf(NamedTuple):
    """A component of the first field of that number in scope; with `first` of its first repetition."""

    segment: str
    field: int
    component: int
    subcomponent: int
    first: bool = False


class _Scope:
    """What the operations of a body see: the variables of their segments by name, their own first, and what was taken of them."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        self.fields: dict[tuple[str, int], str] = {}
        self.leaves: dict[_Leaf, str] = {}


class ReadGenerator(Expressions):
    """Generates the function of one reading plan."""

    def __init__(self, plan: ops.Plan) -> None:
        super().__init__(plan, Source("read", ("g", "d", "o")))
        self._sizes = {result.slot: result.size for result in plan.results}
        self._group = next((op for op in plan.body if isinstance(op, ops.GroupOp)), None)
        self._scope = _Scope("b0")
        self._variables = 0
        self._times_set = Counter((op.record, op.index) for op in self.operations if isinstance(op, ops.SetOp))
        # Attributes that are written where the record is made: texts of components, which nothing else reads.
        self._inline: dict[tuple[int, int], str] = {}
        # Lists of segments are needed only for `TakeAll`; else the first of each name is enough, with a look at the rest when
        # `first` finds nothing there.
        first = {id(op.source) for op in self.operations if isinstance(op, ops.First) and _first_leaf(op) is not None}
        self._all = any(isinstance(op, ops.TakeAll) and id(op) not in first for op in self.operations)
        self._seen = {
            (op.of.slot, op.index) for op in self.operations if isinstance(op, ops.Attr) and isinstance(op.of, ops.Slot)
        }

    def _named(self, segments: str) -> str:
        return f"by_name({segments})" if self._all else f"firsts({segments})"

    def generate(self) -> Source:
        """The finished source."""
        source, group = self.source, self._group
        source.line("f, c, r, e, u, x = d")
        if group is None:
            source.line(f"b0 = {self._named('g')}")
        else:
            names = f"{source.constant(group.segment)}, {source.constant(group.under)}"
            source.line(f"a, h = in_groups(g, {names})")
            source.line(f"b0 = {self._named('a')}")
            source.line("j = []")
        roots = [slot for slot in sorted(self._sizes) if group is None or slot != group.record]
        for slot in roots:
            self._clear(slot, self.plan.body)
        self._body(self.plan.body)
        records = "".join(f"{self._record(slot)}, " for slot in roots)
        source.line(f"return ({records}), {'tuple(j)' if group is not None else '()'}")
        return source

    # --- operations -------------------------------------------------------------------------------------------------

    def _body(self, body: Sequence[ops.WriteOp | ops.ReadOp]) -> None:
        scope = self._scope
        self._take(_leaves_of(body), _fields_of(body))
        for op in body:
            self._scope = scope
            match op:
                case ops.SetOp():
                    self._set(op)
                case ops.LetOp():
                    self.source.line(f"s{op.slot} = {self.exact(self.value(op.value))}")
                    self.bind(op.slot, sure=False)
                case ops.GroupOp():
                    self._each_group(op)
                case ops.RejectOp():
                    pass
                case _:
                    raise TypeError(f"{type(op).__name__} does not read")
        self._scope = scope
        for op in body:
            if isinstance(op, ops.RejectOp):
                with self.source.block(f"if {self.condition(op.condition)}:"):
                    self.source.line("refuse()")

    def _each_group(self, op: ops.GroupOp) -> None:
        """One record for each group, those under one segment together."""
        source = self.source
        with source.block("for n in h:"):
            source.line("m = []")
            with source.block("for b in n:"):
                source.line(f"b1 = {self._named('b')}")
                self._scope = _Scope("b1", "b0")
                self._clear(op.record, op.body)
                self._body(op.body)
                source.line(f"m.append({self._record(op.record)})")
            source.line("j.append(tuple(m))")

    def _clear(self, slot: int, body: Sequence[ops.Op]) -> None:
        """All attributes are missing, as far as anybody could see it before they are set."""
        set_here = {op.index for op in body if isinstance(op, ops.SetOp) and op.record == slot}
        for index in range(self._sizes[slot]):
            self._inline.pop((slot, index), None)
            if index not in set_here or (slot, index) in self._seen:
                self.source.line(f"y{slot}_{index} = None")

    def _record(self, slot: int) -> str:
        attributes = (self._inline.get((slot, index), f"y{slot}_{index}") for index in range(self._sizes[slot]))
        return f"({''.join(f'{attribute}, ' for attribute in attributes)})"

    def _set(self, op: ops.SetOp) -> None:
        place, target, value = (op.record, op.index), f"y{op.record}_{op.index}", self.value(op.value)
        alone = self._times_set[place] == 1 and place not in self._seen
        if alone and value.textual and op.duty.need in ("always", "optional"):
            self._inline[place] = self.needed(value) if op.duty.need == "always" else self.exact(value)
            return
        if op.duty.need == "always":
            self.source.line(f"{target} = {self.needed(value)}")
            return
        self.source.line(f"{target} = {self.exact(value)}")
        self._refuse_missing(op.duty, target, "")

    def _refuse_missing(self, duty: ops.Duty, name: str, others: str) -> None:
        """Refuses a missing value as its duty says; `others` tests whether what holds it has another."""
        match duty.need:
            case "always":
                test = f"{name} is None"
            case "any" if others:
                test = f"{name} is None and ({others})"
            case "any":
                test = f"{name} is None"
            case "if" if duty.condition is not None:
                with (
                    self.source.block(f"if {name} is None:"),
                    self.source.block(f"if {self.condition(duty.condition)}:"),
                ):
                    self.source.line("refuse()")
                return
            case _:
                return
        with self.source.block(f"if {test}:"):
            self.source.line("refuse()")

    # --- fields and components taken together -----------------------------------------------------------------------

    def _take(self, leaves: Sequence[_Leaf], fields: Sequence[tuple[str, int]]) -> None:
        """Splits what the operations of a body take from the first segments of a name."""
        source, scope = self.source, self._scope
        # Of each segment: its fields, whether their first repetitions are wanted alone, and what is taken of them.
        wanted: dict[str, dict[tuple[int, bool], list[_Leaf]]] = {}
        for segment, field in fields:
            wanted.setdefault(segment, {}).setdefault((field, False), [])
        for leaf in leaves:
            wanted.setdefault(leaf.segment, {}).setdefault((leaf.field, leaf.first), []).append(leaf)
        if not wanted:
            return
        single: list[str] = []
        texts: list[tuple[_Leaf, int, str]] = []
        for segment, taken in wanted.items():
            split = self._split_segment(segment, max(taken)[0])
            for (field, first), parts in sorted(taken.items()):
                text = self._variable("v")
                source.line(f"{text} = {split}[{_place(segment, field)}]")
                if first:
                    with source.block(f"if r in {text}:"):
                        source.line(f"{text} = {text}[:{text}.index(r)]")
                else:
                    scope.fields[segment, field] = text
                if parts:
                    single.append(text)
                    texts += [(leaf, len(single) - 1, part) for leaf, part in self._split_field(text, parts)]
        if not texts:
            return
        spec = source.constant(tuple((number, leaf.component, leaf.subcomponent) for leaf, number, _ in texts))
        names = []
        for leaf, _, _ in texts:
            names.append(self._variable("x"))
            scope.leaves[leaf] = names[-1]
        whole = "".join(f"{text}, " for text in single)
        parted = "".join(f"{part}, " for _, _, part in texts)
        source.line(f"{', '.join(names)}, = leaves(({whole}), ({parted}), {spec}, d, o)")

    def _split_segment(self, segment: str, last: int) -> str:
        """The variable of the fields of the first segment of that name, at least as many as are taken."""
        source = self.source
        size = _place(segment, last) + 1
        split, name = self._variable("z"), source.shared(("name", segment), lambda: segment)
        nothing = source.shared(("empty fields", size), lambda: ("",) * size)
        source.line(f"l = {' or '.join(f'{table}.get({name})' for table in self._scope.tables)}")
        first = "[0]" if self._all else ""
        source.line(f"{split} = l{first}.split(f, {size}) if l else {nothing}")
        with source.block(f"if len({split}) < {size}:"):
            source.line(f"{split} += {nothing}")
        return split

    def _split_field(self, text: str, leaves: Sequence[_Leaf]) -> Iterator[tuple[_Leaf, str]]:
        """The expressions of the components of a field."""
        source = self.source
        highest = max(leaf.component for leaf in leaves)
        if highest > 1:
            components = self._variable("w")
            nothing = source.shared(("empty fields", highest), lambda: ("",) * highest)
            source.line(f"{components} = {text}.split(c, {highest})")
            with source.block(f"if len({components}) < {highest}:"):
                source.line(f"{components} += {nothing}")
        for leaf in leaves:
            if leaf.component == 0:
                part = f"(decline() if c in {text} else {text})"
            elif highest > 1:
                part = f"{components}[{leaf.component - 1}]"
            else:
                part = f"({text}.split(c, 1)[0] if c in {text} else {text})"
            if leaf.subcomponent:
                part = f"subcomponent({part}, {leaf.subcomponent}, u)"
            yield leaf, part

    def _variable(self, letter: str) -> str:
        self._variables += 1
        return f"{letter}{self._variables}"

    # --- values -----------------------------------------------------------------------------------------------------

    def _slot(self, op: ops.Slot) -> Expression:
        # Nothing that is read is ever an empty text or list.
        return Expression(f"s{op.slot}")

    def _attribute(self, op: ops.Attr) -> Expression:
        if isinstance(op.of, ops.Slot) and op.of.slot in self._sizes:
            return Expression(f"y{op.of.slot}_{op.index}")
        return super()._attribute(op)

    def other_value(self, op: ops.Value) -> Expression:
        """Values that only reading has."""
        match op:
            case ops.Component(of=ops.Take() as take):
                leaf = _Leaf(take.segment, take.field, op.component, op.subcomponent)
                return Expression(self._scope.leaves[leaf], exact=False, textual=True)
            case ops.Component():
                return Expression(f"component({self.exact(self.value(op.of))}, {op.component}, {op.subcomponent}, o)")
            case ops.Take():
                text = self._scope.fields[op.segment, op.field]
                return Expression(f"(taken({text}, d, o, {op.single}) if {text} else None)")
            case ops.TakeAll():
                name = self.source.shared(("name", op.segment), lambda: op.segment)
                segments = ", ".join(f"{table}.get({name})" for table in self._scope.tables)
                return Expression(f"taken_all(({segments}, ), {op.field}, d, o)")
            case ops.Keep():
                names = self.source.constant(frozenset(op.segments))
                before = "a" if self._group is not None else "g"
                scopes = f"{before}, b, " if len(self._scope.tables) > 1 else f"{before}, "
                return Expression(f"all_kept(({scopes}), {names}, d, o)")
            case ops.Make():
                return self._make(op)
            case _:
                return super().other_value(op)

    def _first(self, op: ops.First) -> Expression:
        """`first PID-5.1`: nearly always it is there, in the first repetition of the first segment."""
        leaf = _first_leaf(op)
        if leaf is None:
            return super()._first(op)
        name = self.source.shared(("name", leaf.segment), lambda: leaf.segment)
        text, where = self._scope.leaves[leaf], f"{leaf.field}, {leaf.component}, {leaf.subcomponent}"
        return Expression(f"({text} or first_component(({self._segments()}), {name}, {where}, d, o))", textual=True)

    def _segments(self) -> str:
        """All segments that are seen here, those of the group first."""
        before = "a, " if self._group is not None else "g, "
        return f"b, {before}" if len(self._scope.tables) > 1 else before

    def _make(self, op: ops.Make) -> Expression:
        """A record of the parts of a field; missing when all of them are."""
        source = self.source
        made = source.temporary()
        source.line(f"s{op.slot} = {self.exact(self.value(op.of))}")
        source.line(f"{made} = None")
        with source.block(f"if s{op.slot} is not None:"):
            names = {part.index: source.temporary() for part in op.parts}
            for part in op.parts:
                source.line(f"{names[part.index]} = {self.exact(self.value(part.value))}")
            for part in op.parts:
                others = " or ".join(f"{name} is not None" for index, name in names.items() if index != part.index)
                self._refuse_missing(part.duty, names[part.index], others or "False")
            anything = " or ".join(f"{name} is not None" for name in names.values()) or "False"
            with source.block(f"if {anything}:"):
                source.line(f"{made} = ({''.join(names.get(index, 'None') + ', ' for index in range(op.size))})")
        return Expression(made)


def _place(segment: str, field: int) -> int:
    """Where a field stands after splitting: the first of a header segment is the separator itself."""
    return field - 1 if segment in HEADERS else field


def _below(op: ops.Op) -> Iterator[ops.Op]:
    yield op
    for child in children(op):
        if not isinstance(child, ops.GroupOp):
            yield from _below(child)


def _taken(body: Sequence[ops.Op]) -> Iterator[ops.Op]:
    for op in body:
        if not isinstance(op, ops.GroupOp):
            yield from _below(op)


def _first_leaf(op: ops.First) -> _Leaf | None:
    """What is taken, if an operation gives the first component of that number of all repetitions."""
    match op:
        case ops.First(source=ops.TakeAll() as take, value=ops.Component(of=ops.Slot(slot=slot)) as part):
            if slot == op.slot and op.where is None and op.order is None:
                return _Leaf(take.segment, take.field, part.component, part.subcomponent, first=True)
    return None


def _leaves_of(body: Sequence[ops.Op]) -> list[_Leaf]:
    found: dict[_Leaf, None] = {}
    for op in _taken(body):
        if isinstance(op, ops.Component) and isinstance(op.of, ops.Take):
            found[_Leaf(op.of.segment, op.of.field, op.component, op.subcomponent)] = None
        elif isinstance(op, ops.First) and (leaf := _first_leaf(op)) is not None:
            found[leaf] = None
    return list(found)


def _fields_of(body: Sequence[ops.Op]) -> list[tuple[str, int]]:
    """Fields that are taken whole."""
    whole: dict[tuple[str, int], None] = {}
    for op in _taken(body):
        if not isinstance(op, ops.Component):
            for child in children(op):
                if isinstance(child, ops.Take):
                    whole[child.segment, child.field] = None
    return list(whole)
