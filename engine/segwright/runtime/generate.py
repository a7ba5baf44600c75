"""Values and conditions of a plan as Python expressions: what the generators of both directions share.

Takes the operations of a blank plan (`runtime.shape`), gives source text through a `Source`. Each operation is one small method
that returns an expression. Most are nothing but expressions; those that need a loop (`Each`, `First`) write statements first, and
whatever is evaluated only sometimes (`Choose`, `Coalesce`, `and`, `or`) then writes the statements of its parts under an `if`.

The generated code finds out *that* a message must be refused, never why: anything that raises makes `load` ask the interpreter
for the complete list of problems. So a required value needs no test where something later fails on None, and nothing that can
refuse may be evaluated earlier or more often than its operation says. Attributes cannot refuse: records that attributes are
taken from are fetched once, where their slot is bound (`bind`).

Names in generated source: `s3` slot, `a4` record below a slot, `t5` temporary, `k6` constant, `c7` counter of segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from segwright.plan import ops
from segwright.plan.walk import walk
from segwright.runtime import constants, recipes
from segwright.runtime.recipes import Recipe
from segwright.runtime.source import Lines, Source

_PRINTS: Final = "number/integer@1"
"""The built-in that prints a whole number."""


class Expression(str):
    """Source text of an expression. `sure`: its value is never missing. `exact`: a missing one is None, never "" or ().
    `textual`: it is a text or null, or missing, so that only a missing one is false. `again`: it may be written twice, for it
    costs and changes next to nothing."""

    __slots__ = ("again", "exact", "sure", "textual")
    again: bool
    exact: bool
    sure: bool
    textual: bool

    def __new__(
        cls, text: str, *, sure: bool = False, exact: bool = True, textual: bool = False, again: bool = False
    ) -> Self:
        made = super().__new__(cls, text)
        made.sure = sure
        made.exact = exact
        made.textual = textual
        made.again = again
        return made


_MISSING: Final = Expression("None")
_Emit = Callable[[], Expression]


def _chain(op: object) -> tuple[int, ...] | None:
    """Slot and attribute numbers of an attribute of an attribute … of a slot; None for everything else."""
    if isinstance(op, ops.Slot):
        return (op.slot,)
    if isinstance(op, ops.Attr):
        below = _chain(op.of)
        return None if below is None else (*below, op.index)
    return None


def _nothing(width: int) -> tuple[None, ...]:
    """A record whose attributes are all missing."""
    return (None,) * width


class Expressions:
    """Generates the values and conditions of one plan."""

    def __init__(self, plan: ops.Plan, source: Source) -> None:
        self.plan = plan
        self.source = source
        self._records: dict[tuple[int, ...], str] = {}
        self._widths: dict[tuple[int, ...], int] = {}
        self._whole: set[int] = set()
        self.operations = tuple(walk(plan))
        for op in self.operations:
            if isinstance(op, ops.Attr) and (chain := _chain(op.of)) is not None:
                for length in range(1, len(chain)):
                    self._widths.setdefault(chain[:length], 0)
                self._widths[chain] = max(self._widths.get(chain, 0), op.index + 1)
        for chain in list(self._widths):
            for length in range(1, len(chain)):
                self._widths[chain[:length]] = max(self._widths[chain[:length]], chain[length] + 1)

    # --- slots ------------------------------------------------------------------------------------------------------

    def bind(self, slot: int, *, sure: bool) -> None:
        """After a slot got its value: fetch the records below it that attributes are taken from, outer ones first.

        A missing record becomes one whose attributes are all missing, so that taking an attribute needs no test.
        """
        self._whole.discard(slot)
        for chain in sorted(self._widths):
            if chain[0] != slot:
                continue
            if len(chain) == 1 and sure:
                self._records[chain] = f"s{slot}"
                continue
            value = f"{self._records[chain[:-1]]}[{chain[-1]}]" if len(chain) > 1 else f"s{slot}"
            name = f"a{slot}_{'_'.join(map(str, chain[1:]))}" if len(chain) > 1 else f"a{slot}"
            self._records[chain] = name
            width = self._widths[chain]
            nothing = self.source.shared(("nothing", width), _nothing, width)
            self.source.line(f"{name} = {value} or {nothing}")

    def count(self, slot: int) -> None:
        """This slot holds a whole number from 0."""
        self._whole.add(slot)

    def is_whole(self, slot: int) -> bool:
        """Whether this slot holds a whole number that was counted here."""
        return slot in self._whole

    def is_sure(self, op: ops.Value) -> bool:
        """Whether a value is never missing, as far as the operation alone tells."""
        match op:
            case ops.Const():
                return op.type != "blank"
            case ops.Count() | ops.Listed():
                return True
            case ops.Call():
                return self.counted(op) is not None
            case ops.Slot():
                return op.slot in self._whole
            case ops.Coalesce():
                return any(self.is_sure(value) for value in op.values)
            case ops.Choose():
                return op.rungs[-1].when is None and all(self.is_sure(rung.value) for rung in op.rungs)
            case _:
                return False

    def counted(self, op: ops.Value) -> ops.Value | None:
        """What gives a number that was counted here, if a value is that, printed or not."""
        if (
            isinstance(op, ops.Call)
            and self.plan.functions[op.function] == _PRINTS
            and op.arguments[1:] in ((), (None,))
        ):
            op = op.arguments[0] or op
        return op if isinstance(op, ops.Count) or (isinstance(op, ops.Slot) and self.is_whole(op.slot)) else None

    def printed(self, number: str) -> Expression:
        """The digits of a whole number from 0 in a local variable."""
        digits = self.source.shared("digits", lambda: constants.DIGITS)
        return Expression(
            f"({digits}[{number}] if {number} < {len(constants.DIGITS)} else printed({number}))", sure=True
        )

    # --- evaluated only sometimes -----------------------------------------------------------------------------------

    def aside(self, emit: _Emit) -> tuple[Lines, Expression]:
        """An expression, and the statements that must run before it."""
        with self.source.aside() as lines:
            result = emit()
        return lines, result

    def _ladder(
        self, rungs: Sequence[tuple[ops.Condition | None, _Emit]], last: _Emit = lambda: _MISSING
    ) -> Expression:
        """The value of the first rung whose condition holds, `last` when none does."""
        parts = []
        for when, emit in rungs:
            condition = self.aside(lambda when=when: self.condition(when)) if when is not None else None  # type: ignore[misc]
            parts.append((condition, self.aside(emit)))
        rest = self.aside(last)
        needed = [rest, *(value for _, value in parts), *(condition for condition, _ in parts if condition is not None)]
        if not any(lines.lines for lines, _ in needed):
            result = rest[1]
            for condition, (_, value) in reversed(parts):
                if condition is None:
                    result = value
                else:
                    sure, exact = value.sure and result.sure, value.exact and result.exact
                    result = Expression(f"({value} if {condition[1]} else {result})", sure=sure, exact=exact)
            return result
        # One under the other with a flag, so that a long ladder does not nest deeply.
        source = self.source
        chosen, open_ = source.temporary(), source.temporary()
        source.line(f"{open_} = True")
        for condition, (lines, value) in [*parts, (None, rest)]:
            with source.block(f"if {open_}:"):
                if condition is not None:
                    source.replay(condition[0])
                with source.block(f"if {condition[1]}:") if condition is not None else here():
                    source.replay(lines)
                    source.line(f"{chosen} = {value}")
                    source.line(f"{open_} = False")
        return Expression(chosen, exact=all(value.exact for _, (_, value) in [*parts, (None, rest)]))

    def _while(self, emits: Sequence[_Emit], goes_on: str, operator: str) -> Expression:
        """The last of some expressions that was evaluated: as long as `goes_on` holds for one, the next is."""
        parts = [self.aside(emit) for emit in emits]
        source = self.source
        if operator and not any(lines.lines for lines, _ in parts):
            return Expression(f"({f' {operator} '.join(value for _, value in parts)})", sure=True)
        found = source.temporary()
        for place, (lines, value) in enumerate(parts):
            with source.block(goes_on.format(found)) if place else here():
                source.replay(lines)
                source.line(f"{found} = {value}")
        return Expression(found, sure=any(value.sure for _, value in parts))

    # --- values -----------------------------------------------------------------------------------------------------

    def value(self, op: ops.Value) -> Expression:
        """An expression for a value; statements it needs are written at the present place."""
        match op:
            case ops.Const():
                return _MISSING if op.type == "blank" else Expression(self._constant(op), sure=True)
            case ops.Listed():
                return Expression(self._constant(op), sure=True)
            case ops.Slot():
                return self._slot(op)
            case ops.Attr():
                return self._attribute(op)
            case ops.Coalesce():
                return self._coalesce(op)
            case ops.Choose():
                return self._ladder([(rung.when, self._later(rung.value)) for rung in op.rungs])
            case ops.Lookup():
                return self._lookup(op)
            case ops.Call():
                return self._call(op)
            case ops.Each():
                return self._each(op)
            case ops.First():
                return self._first(op)
            case ops.Narrate():
                narrative = self._own("narrative", recipes.narrative, op.narrative)
                return Expression(
                    f"{narrative}({', '.join(self.exact(self.value(argument)) for argument in op.arguments)})"
                )
            case _:
                return self.other_value(op)

    def other_value(self, op: ops.Value) -> Expression:
        """A value that only one direction has."""
        raise TypeError(f"{type(op).__name__} is no value of a plan that {self.plan.direction}")

    def _later(self, op: ops.Value) -> _Emit:
        return lambda: self.value(op)

    def _constant(self, op: ops.Const | ops.Listed) -> str:
        return self.source.constant(recipes.value(op))

    def _own(self, what: str, make: Callable[..., object], *numbers: int) -> str:
        """The constant for something of the plan's own that has a number."""
        return self.source.shared((what, *numbers), lambda: Recipe(make, numbers))

    def held(self, value: Expression) -> tuple[str, str]:
        """A value to be used twice: the expression to use first, and the name to use then."""
        if value.isidentifier():
            return value, value
        name = self.source.temporary()
        return f"({name} := {value})", name

    def present(self, value: Expression) -> tuple[str, str]:
        """A value to be tested and then used: an expression that is true when it is there, and the name to use then."""
        first, name = self.held(value)
        if value.sure:
            return f"{first} is not None", name
        if value.exact:
            return f"({first} is not None)", name
        if value.textual:
            return first, name
        # Most values that are there are true: the rest (0, false, and the empty text that is a missing one) is sorted out apart.
        return f"({first} or {name} is not None and counts({name}))", name

    def needed(self, value: Expression) -> str:
        """A value without which the message is refused."""
        if value.sure:
            return value
        first, again = (value, value) if value.again else self.held(value)
        return f"({first} or {'refuse()' if value.textual else f'needed({again})'})"

    def exact(self, value: Expression) -> Expression:
        """A value that is None when it is missing."""
        if value.exact:
            return value
        if value.textual:
            return Expression(f"({value} or None)")
        test, name = self.present(value)
        return Expression(f"({name} if {test} else None)")

    def _slot(self, op: ops.Slot) -> Expression:
        whole = op.slot in self._whole
        return Expression(f"s{op.slot}", sure=whole, exact=whole)

    def _attribute(self, op: ops.Attr) -> Expression:
        chain = _chain(op.of)
        if chain is not None and chain in self._records:
            return Expression(f"{self._records[chain]}[{op.index}]", exact=False, again=True)
        of = self.value(op.of)
        if of == _MISSING:
            return _MISSING
        first, record = self.held(of)
        return Expression(f"({record}[{op.index}] if {first} else None)", exact=False)

    def _coalesce(self, op: ops.Coalesce) -> Expression:
        parts = [self.aside(self._later(value)) for value in op.values]
        if any(lines.lines for lines, _ in parts[1:]):
            found = self.source.temporary()
            for place, (lines, value) in enumerate(parts):
                with self.source.block(f"if {found} is None:") if place else here():
                    self.source.replay(lines)
                    self.source.line(f"{found} = {self.exact(value)}")
            return Expression(found, sure=any(value.sure for _, value in parts))
        self.source.replay(parts[0][0])
        result = parts[-1][1]
        for _, value in reversed(parts[:-1]):
            test, name = self.present(value)
            result = Expression(f"({name} if {test} else {result})", sure=value.sure or result.sure, exact=result.exact)
        return result

    def _lookup(self, op: ops.Lookup) -> Expression:
        table = self.plan.tables[op.table]
        place = (op.table, op.column, op.component)
        cells = self._own("cells", recipes.cells, *place)
        there, names = [], []
        values = [self.value(key) for key in op.keys]
        if any(not isinstance(key, ops.Const | ops.Slot | ops.Attr) for key in op.keys[1:]):
            # A key that refuses does so even when one before it is missing.
            for number, value in enumerate(values):
                name = self.source.temporary()
                self.source.line(f"{name} = {value}")
                values[number] = Expression(name, sure=value.sure, exact=value.exact, textual=value.textual)
        for value in values:
            test, name = self.present(value)
            if not value.sure:
                there.append(test)
            elif test != f"{name} is not None":
                self.source.line(f"{name} = {value}")
            names.append(name)
        key = names[0] if len(names) == 1 else f"({', '.join(names)})"
        unmapped = self.aside(self._later(op.unmapped)) if op.unmapped is not None else None
        if table.otherwise is not None:
            other = self._own("otherwise", recipes.otherwise, *place)
            found = f"{cells}.get({key}, {other})"
        elif unmapped is not None:
            found = f"{cells}.get({key}, ABSENT)"
        elif op.same:
            found = f"{cells}.get({key}, {names[0]})"
        else:
            found = f"{cells}[{key}]"
        if len(names) > 1:
            # A single null key has a row of its own in `cells`.
            found = f"(NULL if {' or '.join(f'{name} is NULL' for name in names)} else {found})"
        if constants.may_refuse(table, op.column, op.component):
            held = self.source.temporary()
            found = f"(refuse() if ({held} := {found}) is ERROR else {held})"
        if there:
            found = f"({found} if {' and '.join(there)} else None)"
        if unmapped is None or table.otherwise is not None:
            return Expression(found)
        held = self.source.temporary()
        lines, replacement = unmapped
        if not lines.lines:
            return Expression(f"({replacement} if ({held} := {found}) is ABSENT else {held})", exact=replacement.exact)
        self.source.line(f"{held} = {found}")
        with self.source.block(f"if {held} is ABSENT:"):
            self.source.replay(lines)
            self.source.line(f"{held} = {replacement}")
        return Expression(held, exact=replacement.exact)

    def _call(self, op: ops.Call, function: str = "") -> Expression:
        if not function:
            key = self.plan.functions[op.function]
            function = self.source.shared(("function", op.function), constants.function, key)
        first = op.arguments[0]
        test, name = self.present(_MISSING if first is None else self.value(first))
        rest = [self.aside(self._argument(argument)) for argument in op.arguments[1:]]
        replaced = self.aside(self._later(op.invalid)) if op.invalid is not None else None
        arguments = ", ".join((name, *(value for _, value in rest)))
        result = self.source.temporary()
        needed = [*rest, *([replaced] if replaced is not None else [])]
        # A null goes through a conversion as it is; `or None` makes an empty text a missing one.
        there = f"{test} and {name} is not NULL"
        if not any(lines.lines for lines, _ in needed):
            if replaced is None:
                called = f"{function}({arguments})"
            else:
                called = f"({replaced[1]} if ({result} := attempt({function}, {arguments})) is REFUSED else {result})"
            return Expression(f"({called} if {there} else {name} or None)", exact=False)
        source = self.source
        with source.block(f"if {there}:"):
            for lines, _ in rest:
                source.replay(lines)
            if replaced is None:
                source.line(f"{result} = {function}({arguments})")
            else:
                source.line(f"{result} = attempt({function}, {arguments})")
                with source.block(f"if {result} is REFUSED:"):
                    source.replay(replaced[0])
                    source.line(f"{result} = {replaced[1]}")
        with source.block("else:"):
            source.line(f"{result} = {name} or None")
        return Expression(result, exact=False)

    def _argument(self, op: ops.Value | None) -> _Emit:
        return lambda: _MISSING if op is None else self.exact(self.value(op))

    # --- lists ------------------------------------------------------------------------------------------------------

    @contextmanager
    def each_element(
        self, slot: int, source_of: ops.Value, where: ops.Condition | None, order: ops.Value | None
    ) -> Iterator[None]:
        """Runs what is written inside for each element that `where` takes, in order of `order`, bound to `slot`."""
        source = self.source
        elements = self.value(source_of)
        items = elements if elements.sure else f"{elements} or ()"
        if order is None:
            with source.block(f"for s{slot} in {items}:"):
                self.bind(slot, sure=True)
                if where is None:
                    yield
                else:
                    with source.block(f"if {self.condition(where)}:"):
                        yield
            return
        keyed = source.temporary()
        source.line(f"{keyed} = []")
        with source.block(f"for s{slot} in {items}:"):
            self.bind(slot, sure=True)
            with source.block(f"if {self.condition(where)}:") if where is not None else here():
                source.line(f"{keyed}.append(({self.value(order)}, s{slot}))")
        with source.block(f"for s{slot} in in_order({keyed}):"):
            self.bind(slot, sure=True)
            yield

    def _each(self, op: ops.Each) -> Expression:
        found = self.source.temporary()
        self.source.line(f"{found} = []")
        with self.each_element(op.slot, op.source, op.where, op.order):
            value = self.value(op.value)
            if value.sure:
                self.source.line(f"{found}.append({value})")
            else:
                test, name = self.present(value)
                with self.source.block(f"if {test}:"):
                    self.source.line(f"{found}.append({name})")
        return Expression(f"(tuple({found}) or None)")

    def _first(self, op: ops.First) -> Expression:
        found = self.source.temporary()
        self.source.line(f"{found} = None")
        with self.each_element(op.slot, op.source, op.where, op.order):
            self.source.line(f"{found} = {self.exact(self.value(op.value))}")
            with self.source.block(f"if {found} is not None:"):
                self.source.line("break")
        return Expression(found)

    # --- conditions -------------------------------------------------------------------------------------------------

    def condition(self, op: ops.Condition) -> Expression:
        """An expression for a condition, true or false; statements it needs are written at the present place."""
        match op:
            case ops.Present():
                test, _ = self.present(self.value(op.value))
                return Expression(test if test.startswith("(") else f"({test})", sure=True)
            case ops.IsNull():
                return Expression(f"is_null({self.value(op.value)})", sure=True)
            case ops.Equal():
                return self._equal(op)
            case ops.In():
                return self._in(op)
            case ops.Match():
                pattern = self._own("pattern", recipes.pattern, op.pattern)
                test, name = self.present(self.value(op.value))
                return Expression(f"({test} and {pattern}({name}))", sure=True)
            case ops.Order():
                left = self.value(op.left)
                return Expression(f"{_ORDERS[op.operator]}({left}, {self.value(op.right)})", sure=True)
            case ops.Truth():
                return Expression(f"holds({self.value(op.value)})", sure=True)
            case ops.AllOf():
                return self._junction(op.conditions, "and", "if {}:")
            case ops.AnyOf():
                return self._junction(op.conditions, "or", "if not {}:")
            case ops.Not():
                return Expression(f"(not {self.condition(op.condition)})", sure=True)
            case _:
                return self.other_condition(op)

    def other_condition(self, op: ops.Condition) -> Expression:
        """A condition that only one direction has."""
        raise TypeError(f"{type(op).__name__} is no condition of a plan that {self.plan.direction}")

    def _junction(self, conditions: Sequence[ops.Condition], operator: str, goes_on: str) -> Expression:
        if not conditions:
            return Expression("True" if operator == "and" else "False", sure=True)
        return self._while([lambda one=one: self.condition(one) for one in conditions], goes_on, operator)  # type: ignore[misc]

    def _equal(self, op: ops.Equal) -> Expression:
        for one, other in ((op.left, op.right), (op.right, op.left)):
            if isinstance(one, ops.Const) and one.type == "text":
                return Expression(f"({self.value(other)} == {self._constant(one)})", sure=True)
        left = self.value(op.left)
        return Expression(f"equal({left}, {self.value(op.right)})", sure=True)

    def _in(self, op: ops.In) -> Expression:
        if isinstance(op.members, ops.Listed) and recipes.is_texts(op.members):
            members = self.source.constant(recipes.members(op.members))
            return Expression(f"({self.value(op.value)} in {members})", sure=True)
        value = self.value(op.value)
        return Expression(f"is_in({value}, {self.value(op.members)})", sure=True)


_ORDERS: Final = {"above": "above", "below": "below", "at least": "at_least", "at most": "at_most"}


@contextmanager
def here() -> Iterator[None]:
    """No block of its own."""
    yield
