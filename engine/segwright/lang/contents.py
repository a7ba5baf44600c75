"""What a rule puts into a field: composites, formats, echoed fields, lists of repetitions.

`content(ctx, frame, alternatives, …)` gives one `ops.Content`: leaves at components, or a choice, fallback or list of them.
Overrides of single components are `lang.parts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from segwright.core.diagnostic import Label
from segwright.lang import ast
from segwright.lang.builtin import apply_format
from segwright.lang.conditions import rungs
from segwright.lang.context import Context, Written
from segwright.lang.duties import OPTIONAL, duty_of, judge, judge_value
from segwright.lang.fitting import lacking, must_be_present, printable
from segwright.lang.flat import mentions
from segwright.lang.lookup import column_of, composite, composite_width, lookups, reads_back, table_number
from segwright.lang.lowering import lower
from segwright.lang.references import type_of
from segwright.lang.typed import NOTHING, Facts, Frame, Literal, Typed, kept_hint, present
from segwright.lang.values import chosen, codings, ladder, selection
from segwright.plan import ops
from segwright.plan.model import FIELD

Place: TypeAlias = tuple[int, int]


class Leaf(msgspec.Struct, frozen=True):
    """One leaf before it becomes a `Put`: where, what, its duty, and who wrote it."""

    component: int
    subcomponent: int
    value: Typed
    duty: ops.Duty
    written: Written | None


class Made(msgspec.Struct, frozen=True):
    """A lowered content. `maybe`: it may come out empty. `leaves`: the leaf values by place, for the checks that follow; a place
    that only some alternatives fill is marked as possibly missing. `opaque`: a received field may stand there. `branches`: the
    contents of a choice or fallback, each with its circumstances."""

    content: ops.Content
    maybe: bool
    leaves: dict[Place, Typed]
    opaque: bool = False
    soft: bool = False
    said: str = ""
    absent_key: str = ""
    lists: bool = False
    branches: tuple[Branch, ...] = ()

    @property
    def each(self) -> tuple[Branch, ...]:
        """What it can be, each with its circumstances; itself when there is only one."""
        if self.branches:
            return self.branches
        if len(self.leaves) != 1:
            return (Branch(self),)
        ((where, typed),) = self.leaves.items()
        return tuple(
            Branch(msgspec.structs.replace(self, leaves={where: case.value}), case.facts, case.when)
            for case in typed.each
        )


class Branch(msgspec.Struct, frozen=True):
    """One of the contents that a content can be: what is certain where it is, and the conditions that hold there or do not."""

    made: Made
    facts: Facts = NOTHING
    when: tuple[Literal, ...] = ()

    def under(self, facts: Facts, when: tuple[Literal, ...]) -> Branch:
        """The same within narrower circumstances."""
        return Branch(self.made, facts.both(self.facts), (*when, *self.when))


def alternatives_content(
    ctx: Context, frame: Frame, alternatives: tuple[ast.Alternative, ...], component: int, *, inside: bool
) -> Made:
    """A ladder of contents. `component` 0: leaves are components; else they are subcomponents of that component."""
    one_duty = len({_duty_text(a.duty) for a in alternatives}) == 1
    if one_duty and _scalar(ctx, frame, ast.Ladder(alternatives)):
        return _leaf_content(ctx, frame, alternatives, component, inside=inside)
    out: list[tuple[ops.Condition | None, Made]] = []
    branches: list[Branch] = []
    failed: tuple[Literal, ...] = ()
    for alternative, when, inner in rungs(ctx, frame, alternatives):
        made = value_content(ctx, inner, alternative.value, component)
        blank = isinstance(alternative.value, ast.Blank | ast.Hold)
        judge(
            ctx,
            alternative,
            maybe=made.maybe,
            soft=made.soft,
            said=made.said,
            absent_key=made.absent_key,
            known=True,
            blank=blank,
        )
        duty = duty_of(ctx, inner, alternative.duty, made.maybe, inside=inside)
        out.append((when, with_duty(ctx, made, duty)))
        here = failed if when is None else (*failed, (when, True))
        branches += [branch.under(inner.facts, here) for branch in made.each]
        failed = failed if when is None else (*failed, (when, False))
    if len(out) == 1 and out[0][0] is None:
        return out[0][1]
    op = ops.ChooseRep(tuple(ops.RepRung(m.content, when) for when, m in out))
    ctx.note(op)
    closed = out[-1][0] is None
    return Made(
        op,
        maybe=not closed or any(m.maybe for _, m in out),
        leaves=_merge([m for _, m in out]),
        soft=True,
        opaque=any(m.opaque for _, m in out),
        said=out[0][1].said,
        lists=any(m.lists for _, m in out),
        branches=tuple(branches),
    )


def _duty_text(duty: ast.Duty) -> str:
    return duty.kind if duty.condition is None else f"{duty.kind} {duty.span}"


def _leaf_content(
    ctx: Context, frame: Frame, alternatives: tuple[ast.Alternative, ...], component: int, *, inside: bool
) -> Made:
    typed = ladder(ctx, frame, alternatives)
    first = alternatives[0]
    if typed.known and typed.type == FIELD:
        if component:
            typed = ctx.fail("SW0334", first.value.span, name=typed.said)
        else:
            judge(
                ctx,
                first,
                maybe=typed.open,
                soft=typed.soft or len(alternatives) > 1,
                said=typed.said,
                absent_key=typed.absent_key,
                known=typed.known,
            )
            duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=inside)
            op = ops.Opaque(typed.op, duty)
            ctx.note(op)
            return Made(op, maybe=_after(typed.maybe, duty), leaves={}, opaque=True, soft=typed.soft, said=typed.said)
    typed = printable(ctx, typed, first.value.span)
    judge_value(ctx, first, typed)
    duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=inside)
    where = (component, 1) if component else (1, 1)
    put = make_put(ctx, where, typed, duty)
    op2 = ops.Leaves((put,))
    ctx.note(op2)
    left = msgspec.structs.replace(typed, maybe=_after(typed.maybe, duty))
    return Made(op2, left.maybe, {where: left}, soft=typed.soft, said=typed.said, absent_key=typed.absent_key)


def _after(maybe: bool, duty: ops.Duty) -> bool:
    """Whether a value may still be missing on the wire once its duty is done."""
    return maybe and duty.need != "always"


def make_put(ctx: Context, where: Place, typed: Typed, duty: ops.Duty) -> ops.Put:
    """The put of a leaf. An attribute that the model says is there is written as one that must be: so the engine knows it too."""
    if duty == OPTIONAL and not typed.maybe and _is_given(typed.op):
        duty = ops.Duty("always")
    put = ops.Put(where[0], where[1], typed.op, "formatted" if typed.hint == "ft" else "text", duty)
    ctx.note(put)
    return put


def _is_given(op: ops.Value) -> bool:
    """Whether a value is an input, an element of a list, or one's attribute: nothing that works on it could make it empty."""
    while isinstance(op, ops.Attr):
        op = op.of
    return isinstance(op, ops.Slot)


def with_duty(ctx: Context, made: Made, duty: ops.Duty) -> Made:
    """The content under a duty of its own."""
    if duty.need == "optional":
        return made
    content = made.content
    new: ops.Content
    if isinstance(content, ops.Leaves | ops.Opaque | ops.EachRep | ops.Fallback):
        new = msgspec.structs.replace(content, duty=duty)
    else:
        new = ops.Fallback((content,), duty)
    ctx.note_instead(new, content)
    leaves = made.leaves
    if duty.need == "always" and len(leaves) == 1 and not made.lists:
        leaves = {k: msgspec.structs.replace(v, maybe=False) for k, v in leaves.items()}
    return msgspec.structs.replace(made, content=new, maybe=_after(made.maybe, duty), leaves=leaves)


def _merge(contents: list[Made]) -> dict[Place, Typed]:
    """Leaves of several alternatives, whichever comes out: there for certain only where every alternative has it so."""
    out: dict[Place, Typed] = {}
    for made in contents:
        for place, typed in made.leaves.items():
            if place not in out:
                out[place] = typed
                continue
            one = out[place]
            known = one.constants is not None and typed.constants is not None
            both = (*(one.constants or ()), *(typed.constants or ())) if known else None
            hint = kept_hint(one, typed) or one.hint
            out[place] = msgspec.structs.replace(one, hint=hint, constants=both, maybe=one.maybe or typed.maybe)
    for place, typed in out.items():
        if any(place not in m.leaves and not m.opaque and m.leaves for m in contents):
            out[place] = msgspec.structs.replace(typed, maybe=True)
    return out


def _scalar(ctx: Context, frame: Frame, node: ast.Value) -> bool:
    """Whether a value is one leaf (or one received field), judged from its form and the scope alone."""
    match node:
        case ast.Composite() | ast.Hold() | ast.Each():
            return False
        case ast.As():
            return (node.format, "as") not in ctx.scope.formats and _scalar(ctx, frame, node.value)
        case ast.Via():
            table = ctx.scope.tables.get(node.table.names[0])
            if table is None or len(node.table.names) > 2:
                return True
            names = [c.name for c in table.columns]
            if len(node.table.names) == 2 and node.table.names[1] not in names:
                return True
            return not composite(ctx, table, 0 if len(node.table.names) == 1 else names.index(node.table.names[1]))
        case ast.Call() if node.name.names[0] in ctx.scope.tables:
            return _scalar(ctx, frame, ast.Via(ast.Blank(node.span), node.name, None, node.span))
        case ast.Call():
            return node.name.names != ("lines",) and node.name.names != ("chunks",)
        case ast.Else():
            return (
                _scalar(ctx, frame, node.value)
                and _scalar(ctx, frame, node.other)
                and not _is_field(ctx, frame, node)
                and len(codings(frame, node)) < 2
            )
        case ast.Ladder():
            return all(_scalar(ctx, frame, a.value) for a in node.alternatives) and len(codings(frame, node)) < 2
        case ast.Ref():
            return not _is_list(ctx, frame, node)
        case _:
            return True


def _is_list(ctx: Context, frame: Frame, node: ast.Ref) -> bool:
    type_ = type_of(ctx, frame, node)
    return type_ is not None and type_.of is not None


def _is_field(ctx: Context, frame: Frame, node: ast.Else) -> bool:
    """An `else` between a received field and something of another kind becomes a fallback of contents."""
    kinds = {isinstance(side, ast.Ref) and type_of(ctx, frame, side) == FIELD for side in (node.value, node.other)}
    return kinds == {True, False} or (isinstance(node.value, ast.Inherited) and frame.echo >= 0)


def value_content(ctx: Context, frame: Frame, node: ast.Value, component: int) -> Made:
    """The content of one value, without a duty of its own."""
    made = _made(ctx, frame, node, component)
    ctx.note(made.content, node.span)
    return made


def _made(ctx: Context, frame: Frame, node: ast.Value, component: int) -> Made:
    match node:
        case ast.Composite():
            return _composite(ctx, frame, node, component)
        case ast.Hold():
            # It keeps a place among others; a field that nothing else fills is empty.
            return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True, said="hold")
        case ast.As() if (node.format, "as") in ctx.scope.formats:
            return _format(ctx, frame, node, component)
        case ast.Via() if not _scalar(ctx, frame, node):
            return _cells(ctx, frame, node, (lower(ctx, frame, node.value),), component)
        case ast.Call() if node.name.names[0] in ctx.scope.tables and not _scalar(ctx, frame, node):
            table = ctx.scope.tables[node.name.names[0]]
            keys = tuple(
                lower(ctx, frame, a.value, ctx.type_named(table.keys[min(n, len(table.keys) - 1)].name, table.span))
                for n, a in enumerate(node.arguments)
            )
            return _cells(ctx, frame, ast.Via(ast.Blank(node.span), node.name, None, node.span), keys, component)
        case ast.Else() if not _scalar(ctx, frame, node):
            return _fallback(ctx, frame, node, component)
        case ast.Ladder():
            return alternatives_content(ctx, frame, node.alternatives, component, inside=False)
        case ast.Each():
            return _each(
                ctx, frame, node, component, lambda inner, element: _element(ctx, inner, element, node, component)
            )
        case ast.As(value=ast.Each() as each):
            return _each(
                ctx,
                frame,
                each,
                component,
                lambda inner, element: _applied(ctx, inner, element, node, component),
            )
        case _:
            return _plain(ctx, frame, node, component)


def _plain(ctx: Context, frame: Frame, node: ast.Value, component: int) -> Made:
    typed = lower(ctx, frame, node)
    if typed.known and typed.type == FIELD and not component:
        op: ops.Content = ops.Opaque(typed.op)
        ctx.note(op)
        return Made(op, maybe=typed.maybe, leaves={}, opaque=True, soft=typed.soft, said=typed.said)
    if typed.known and typed.type.of is not None:
        slot = ctx.slot()
        element = Typed(ops.Slot(slot), typed.type.of, hint=typed.hint, said=typed.said, span=node.span)
        inner = _element(ctx, frame, element, node, component)
        op = ops.EachRep(slot, typed.op, inner.content)
        ctx.note(op)
        return Made(op, maybe=True, leaves=inner.leaves, said=typed.said, lists=True)
    return _leaf(ctx, typed, node, component)


def _leaf(ctx: Context, typed: Typed, node: ast.Value, component: int) -> Made:
    typed = printable(ctx, typed, node.span)
    where = (component, 1) if component else (1, 1)
    op = ops.Leaves((make_put(ctx, where, typed, OPTIONAL),))
    ctx.note(op)
    return Made(
        op, maybe=typed.maybe, leaves={where: typed}, soft=typed.soft, said=typed.said, absent_key=typed.absent_key
    )


def _element(ctx: Context, frame: Frame, element: Typed, node: ast.Value, component: int) -> Made:
    if element.known and element.type == FIELD and not component:
        op = ops.Opaque(element.op)
        ctx.note(op)
        return Made(op, maybe=False, leaves={}, opaque=True, said=element.said)
    return _leaf(ctx, element, node, component)


def _applied(ctx: Context, frame: Frame, element: Typed, node: ast.As, component: int) -> Made:
    return _leaf(ctx, apply_format(ctx, frame, node, element), node, component)


def _each(ctx: Context, frame: Frame, node: ast.Each, component: int, make: Callable[[Frame, Typed], Made]) -> Made:
    if component:
        typed = ctx.fail("SW0335", node.span)
        return _leaf(ctx, typed, node, component)
    selected = selection(ctx, frame, node.variable, node.of)
    if selected is None:
        return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True)
    source, slot, inner, element, where, order = selected
    if source.maybe:
        must_be_present(ctx, source, node.of.source.span, where="each")
    made = make(inner, element)
    op = ops.EachRep(slot, source.op, made.content, where, order)
    ctx.note(op)
    # A list may be empty, so what it gives may be missing; the rule says `required` or `optional`.
    return Made(op, maybe=True, leaves=made.leaves, said=source.said, lists=True, opaque=made.opaque)


def _composite(ctx: Context, frame: Frame, node: ast.Composite, component: int) -> Made:
    if component:
        leaves = []
        for number, part in enumerate(node.parts, start=1):
            if isinstance(part, ast.Blank):
                continue
            leaves.append(_part_leaf(ctx, frame, part, (component, number)))
        return _assemble(ctx, leaves)
    out: list[Leaf] = []
    for number, part in enumerate(node.parts, start=1):
        if isinstance(part, ast.Blank):
            continue
        if isinstance(part, ast.Composite):
            for sub, inner in enumerate(part.parts, start=1):
                if not isinstance(inner, ast.Blank):
                    out.append(_part_leaf(ctx, frame, inner, (number, sub)))
        elif isinstance(part, ast.Hold) or _scalar(ctx, frame, part):
            out.append(_part_leaf(ctx, frame, part, (number, 1)))
        else:
            made = value_content(ctx, frame, part, number)
            out.extend(_leaves_of(ctx, made, part))
    return _assemble(ctx, out)


def _part_leaf(ctx: Context, frame: Frame, node: ast.Value, where: Place) -> Leaf:
    typed = lower(ctx, frame, node)
    if typed.known and typed.type == FIELD:
        typed = ctx.fail("SW0334", node.span, name=typed.said)
    typed = printable(ctx, typed, node.span)
    if typed.absent_key and typed.maybe:
        lacking(ctx, typed, node.span)
    return Leaf(where[0], where[1], typed, OPTIONAL, ctx.at)


def _leaves_of(ctx: Context, made: Made, node: ast.Value) -> list[Leaf]:
    """The leaves of a composite that stands inside another; a choice of composites cannot stand there."""
    if not isinstance(made.content, ops.Leaves):
        if not ctx.blamed(node.span):
            ctx.report("SW0335" if made.lists else "SW0336", node.span)
        return []
    return [
        Leaf(
            put.component,
            put.subcomponent,
            made.leaves[put.component, put.subcomponent],
            put.duty,
            ctx.written.get(id(put)),
        )
        for put in made.content.puts
        if (put.component, put.subcomponent) in made.leaves
    ]


def _assemble(ctx: Context, leaves: list[Leaf]) -> Made:
    leaves = sorted(leaves, key=lambda leaf: (leaf.component, leaf.subcomponent))
    puts = []
    for leaf in leaves:
        before, ctx.at = ctx.at, leaf.written or ctx.at
        puts.append(make_put(ctx, (leaf.component, leaf.subcomponent), leaf.value, leaf.duty))
        ctx.at = before
    op = ops.Leaves(tuple(puts))
    ctx.note(op)
    depending = [leaf for leaf in leaves if leaf.value.depends]
    certain = [leaf for leaf in (depending or leaves) if not leaf.value.maybe or leaf.duty.need == "always"]
    return Made(
        op,
        maybe=not certain,
        leaves={
            (leaf.component, leaf.subcomponent): msgspec.structs.replace(
                leaf.value, maybe=leaf.value.maybe and leaf.duty.need not in ("always", "any")
            )
            for leaf in leaves
        },
        soft=not certain and any(leaf.value.soft for leaf in leaves),
        said=leaves[0].value.said if leaves else "the composite",
    )


def _format(ctx: Context, frame: Frame, node: ast.As, component: int) -> Made:
    """`value as FORMAT` of a declared format: its lines as leaves, for each element when the value is `each …`."""
    declared = ctx.scope.formats[node.format, "as"]
    ctx.used_formats.add((node.format, "as"))
    if node.arguments:
        ctx.report(
            "SW0211", node.arguments[0].span, Label(declared.span, "declared"), said="an argument", of=node.format
        )
    if isinstance(node.value, ast.Each):
        return _each(
            ctx,
            frame,
            node.value,
            component,
            lambda inner, element: _formatted(ctx, inner, element, declared, node, component),
        )
    if isinstance(node.value, ast.Else | ast.Ladder) and not _scalar(ctx, frame, node.value):
        return ctx_fail_content(ctx, node)
    if isinstance(node.value, ast.First):
        value = chosen(ctx, frame, node.value, lambda inner, element: element)
    else:
        value = lower(ctx, frame, node.value)
    if value.type.of is not None and not component:
        slot = ctx.slot()
        element = Typed(ops.Slot(slot), value.type.of, key=(f"@{slot}",), said=value.said, span=node.span)
        made = _formatted(ctx, frame.knowing(present(element.key)), element, declared, node, component)
        op = ops.EachRep(slot, value.op, made.content)
        ctx.note(op)
        return Made(op, maybe=True, leaves=made.leaves, said=value.said, lists=True)
    return _formatted(ctx, frame, value, declared, node, component)


def as_parameter(frame: Frame, value: Typed, name: str) -> tuple[Typed, Facts]:
    """A value as the parameter of a format or part, which captures nothing: what it holds is judged by its type alone, so that
    every use of it says the same. Only the values an enum can still have come along."""
    key = ("parameter", name)
    values = {
        (*key, *k[len(value.key) :]): v
        for k, v in frame.facts.values.items()
        if value.key and k[: len(value.key)] == value.key
    }
    return msgspec.structs.replace(value, key=key, said=name), Facts(values=values)


def ctx_fail_content(ctx: Context, node: ast.As) -> Made:
    """A composite cannot go through a format again."""
    ctx.report("SW0337", node.span, format=node.format)
    return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True)


def _formatted(ctx: Context, frame: Frame, value: Typed, declared: ast.Format, node: ast.As, component: int) -> Made:
    wanted = ctx.type_named(declared.parameter.type.name, declared.span)
    if value.known and value.type != wanted:
        ctx.report(
            "SW0338",
            node.format_span,
            Label(declared.span, "declared"),
            format=declared.name,
            wanted=str(wanted),
            type=str(value.type),
            name=value.said,
        )
    param = declared.parameter.name
    bound, facts = as_parameter(frame, value, param)
    bound = msgspec.structs.replace(bound, type=wanted, maybe=False)
    inner = Frame(
        {name: t for name, t in frame.names.items() if name == "message"} | {param: bound},
        facts.both(present(bound.key)),
        position=frame.position,
    )
    leaves: list[Leaf] = []
    writers: dict[Place, ast.FormatRule] = {}
    outer = ctx.at
    for rule in declared.rules:
        if not isinstance(rule.target, ast.ComponentPath):
            continue
        if outer is not None:
            address = f"{outer.address}{rule.target}"
            ctx.at = msgspec.structs.replace(outer, address=address, format=declared.name, line=rule.span)
        for leaf in _format_rule(ctx, inner, rule, component, node):
            first = writers.setdefault((leaf.component, leaf.subcomponent), rule)
            if first is rule:
                leaves.append(leaf)
            elif not ctx.blamed(rule.span):
                ctx.report("SW0401", rule.span, Label(first.span, "first"), target=str(rule.target))
    ctx.at = outer
    made = _assemble(ctx, leaves)
    if not value.maybe:
        return msgspec.structs.replace(made, said=value.said, soft=value.soft or made.soft)
    op = ops.ChooseRep((ops.RepRung(made.content, ops.Present(value.op)),))
    ctx.note(op)
    return Made(op, maybe=True, leaves=made.leaves, soft=value.soft, said=value.said, absent_key=value.absent_key)


def _format_rule(ctx: Context, frame: Frame, rule: ast.FormatRule, component: int, node: ast.As) -> list[Leaf]:
    target = rule.target
    if not isinstance(target, ast.ComponentPath):
        return []
    if component and target.subcomponent:
        ctx.report("SW0339", node.span, format=node.format)
        return []
    where = (component, target.component) if component else (target.component, target.subcomponent or 1)
    if not all(_scalar(ctx, frame, a.value) for a in rule.alternatives):
        if component or target.subcomponent or len(rule.alternatives) > 1:
            ctx.report("SW0336", rule.span)
            return []
        made = value_content(ctx, frame, rule.alternatives[0].value, target.component)
        return _leaves_of(ctx, made, rule.alternatives[0].value)
    typed = printable(ctx, ladder(ctx, frame, rule.alternatives), rule.span)
    first = rule.alternatives[0]
    judge_value(ctx, first, typed)
    return [Leaf(where[0], where[1], typed, duty_of(ctx, frame, first.duty, typed.maybe, inside=True), ctx.at)]


def _cells(ctx: Context, frame: Frame, node: ast.Via, keys: tuple[Typed, ...], component: int) -> Made:
    """A composite column: one lookup a component."""
    found = column_of(ctx, node.table)
    if found is None or any(not key.known for key in keys):
        return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True)
    table, column = found
    if component:
        ctx.report("SW0326", node.table.span, name=str(node.table), type=table.columns[column].type)
        return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True)
    width = composite_width(ctx.tables[table_number(ctx, table, reads_back(ctx, table, keys))], column)
    leaves = []
    for number in range(1, max(width, 1) + 1):
        typed = lookups(ctx, frame, node, table, column, keys, number)
        if number > 1:
            typed = msgspec.structs.replace(typed, maybe=True, soft=True)
        leaves.append(Leaf(number, 1, typed, OPTIONAL, ctx.at))
    return msgspec.structs.replace(_assemble(ctx, leaves), said=keys[0].said)


def _fallback(ctx: Context, frame: Frame, node: ast.Else, component: int) -> Made:
    first = value_content(ctx, frame, node.value, component)
    if isinstance(node.other, ast.Blank):
        return msgspec.structs.replace(first, soft=True)
    if not first.maybe and not first.soft:
        ctx.report("SW0305", node.other.span, name=first.said)
    other = value_content(ctx, frame, node.other, component)
    held = node.value if isinstance(node.value, ast.Hold) else node.other
    if mentions(held, ast.Hold) and not ctx.blamed(held.span):
        # What is looked for here is a value: the held place would be lost, and what follows would move into it.
        ctx.report("SW0311", held.span, word="hold", name=str(node.value) if isinstance(node.value, ast.Ref) else "")
        return Made(ops.HoldRep(), maybe=True, leaves={}, soft=True)
    op = ops.Fallback((first.content, other.content))
    ctx.note(op)
    return Made(
        op, maybe=other.maybe, leaves=_merge([first, other]), opaque=first.opaque or other.opaque, soft=other.soft,
        said=first.said, absent_key=other.absent_key, lists=first.lists or other.lists,
        branches=(*first.each, *(other.each if first.maybe else ())),
    )  # fmt: skip
