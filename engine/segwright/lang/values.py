"""Values: literals, texts with values in them, chains, ladders and choices from lists.

One function for each kind of node, as `lang.dispatch` lists them. None fails: what is wrong becomes a finding and a value of
unknown type, which fits everywhere. What gives several components (`^`, declared formats, composite columns) is in
`lang.contents`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from segwright.lang import ast
from segwright.lang.builtin import call_function
from segwright.lang.conditions import condition, rungs
from segwright.lang.context import Context
from segwright.lang.fitting import alike_types, keeps_form, must_be_present, printable
from segwright.lang.lookup import lookup
from segwright.lang.lowering import lower
from segwright.lang.received import repetitions
from segwright.lang.typed import NOTHING, UNKNOWN, Case, Frame, Literal, Typed, kept_hint, present
from segwright.plan import ops
from segwright.plan.model import DECIMAL, FIELD, INTEGER, TEXT, Type, scalar
from segwright.plan.walk import reads_input


def text(ctx: Context, frame: Frame, node: ast.Text, want: Type | None) -> Typed:
    """`"text"`."""
    return Typed(
        ops.Const("text", node.value), TEXT, constants=(node.value,), depends=False, said="the text", span=node.span
    )


def number(ctx: Context, frame: Frame, node: ast.Number, want: Type | None) -> Typed:
    """An integer or a decimal by its digits."""
    decimal = "." in node.digits or want == DECIMAL
    return Typed(
        ops.Const("decimal" if decimal else "integer", node.digits),
        DECIMAL if decimal else INTEGER,
        constants=(node.digits,),
        depends=False,
        said=node.digits,
        span=node.span,
    )


def blank(ctx: Context, frame: Frame, node: ast.Blank, want: Type | None) -> Typed:
    """`blank`."""
    return Typed(
        ops.Const("blank"),
        want or TEXT,
        maybe=True,
        soft=True,
        hint="blank",
        constants=(),
        depends=False,
        said="blank",
        span=node.span,
    )


def null(ctx: Context, frame: Frame, node: ast.Null, want: Type | None) -> Typed:
    """`null`."""
    return Typed(ops.Const("null"), TEXT, hint="null", constants=(), depends=False, said="null", span=node.span)


def hold(ctx: Context, frame: Frame, node: ast.Hold, want: Type | None) -> Typed:
    """`hold` is a repetition, no value."""
    return ctx.fail("SW0311", node.span, word="hold")


def position(ctx: Context, frame: Frame, node: ast.Place, want: Type | None) -> Typed:
    """`position`."""
    if frame.position < 0:
        return ctx.fail("SW0312", node.span, word="position")
    return Typed(ops.Slot(frame.position), INTEGER, hint="integer", said="position", span=node.span)


def count(ctx: Context, frame: Frame, node: ast.Count, want: Type | None) -> Typed:
    """`count SEG since SEG from n`."""
    op = ops.Count(node.segment, node.since, node.start)
    return Typed(op, INTEGER, hint="integer", depends=False, said=f"count {node.segment}", span=node.span)


def composed(ctx: Context, frame: Frame, node: ast.Composite, want: Type | None) -> Typed:
    """`a ^ b` is several components, no value."""
    return ctx.fail("SW0314", node.span)


def inherited(ctx: Context, frame: Frame, node: ast.Inherited, want: Type | None) -> Typed:
    """`inherited` in an echoed segment: the received field of the rule's own number. Elsewhere it was replaced before."""
    if frame.echo < 0:
        return ctx.fail("SW0313", node.span)
    op = ops.Received(ops.Slot(frame.echo), frame.echo_field)
    return Typed(op, FIELD, maybe=True, said="the received field", span=node.span)


def via(ctx: Context, frame: Frame, node: ast.Via, want: Type | None) -> Typed:
    """`value via table`."""
    return lookup(ctx, frame, node, (lower(ctx, frame, node.value),))


def alternatives(ctx: Context, frame: Frame, node: ast.Ladder, want: Type | None) -> Typed:
    """A ladder that stands for a value."""
    return ladder(ctx, frame, node.alternatives, want)


def element(ctx: Context, frame: Frame, node: ast.Each | ast.First, want: Type | None) -> Typed:
    """`each x in L` and `first x in L` as they are."""
    return chosen(ctx, frame, node, lambda inner, found: found)


def interpolation(ctx: Context, frame: Frame, node: ast.Interpolation, want: Type | None) -> Typed:
    """`"{a} of {b}"`."""
    parts = []
    depends = False
    hint = ""
    for part in node.parts:
        typed = printable(ctx, lower(ctx, frame, part), part.span)
        must_be_present(ctx, typed, part.span, where="a text with {…}")
        depends = depends or typed.depends
        hint = hint or kept_hint(typed)
        parts.append(typed.op)
    if all(isinstance(op, ops.Const) for op in parts):
        value = "".join(op.value for op in parts if isinstance(op, ops.Const))
        texts = ctx.in_each_environment(value)
        return Typed(
            ops.Const("text", value), TEXT, hint=hint, constants=texts, depends=False, said="the text", span=node.span
        )
    call = ops.Call(ctx.function("concat/text@1"), tuple(parts))
    return Typed(call, TEXT, hint=hint, depends=depends, said="the text", span=node.span)


def call(ctx: Context, frame: Frame, node: ast.Call, want: Type | None) -> Typed:
    """A function, or a lookup with several keys."""
    head = node.name.names[0]
    if head in ctx.scope.tables:
        table = ctx.scope.tables[head]
        values = tuple(lower(ctx, frame, a.value, _key_type(ctx, table, n)) for n, a in enumerate(node.arguments))
        via = ast.Via(ast.Blank(node.span), node.name, None, node.span)
        return lookup(ctx, frame, via, values)
    return call_function(ctx, frame, node)


def _key_type(ctx: Context, table: ast.Table, number: int) -> Type | None:
    if number >= len(table.keys):
        return None
    return ctx.type_named(table.keys[number].name, table.span)


def otherwise(ctx: Context, frame: Frame, node: ast.Else, want: Type | None) -> Typed:
    """`value else other`."""
    value = lower(ctx, frame, node.value, want)
    if isinstance(node.other, ast.Blank):
        # "else blank" says: it may be missing, and then nothing is sent.
        return msgspec.structs.replace(value, soft=True, maybe=value.maybe)
    other = lower(ctx, frame, node.other, value.type if value.known else want)
    if not value.known or not other.known:
        return msgspec.structs.replace(value if not value.known else other, type=UNKNOWN)
    if not value.maybe and not value.soft:
        ctx.report("SW0305", node.other.span, name=value.said)
    value, other = alike_types(ctx, value, other)
    if value.type != other.type and other.hint != "null":
        return ctx.fail("SW0306", node.span, left=str(value.type), right=str(other.type))
    constants = None if value.constants is None or other.constants is None else (*value.constants, *other.constants)
    return Typed(
        ops.Coalesce((value.op, other.op)),
        value.type,
        maybe=other.maybe,
        soft=other.soft,
        hint=kept_hint(value, other)
        or (value.hint if value.hint == other.hint or (not other.depends and keeps_form(value, other)) else ""),
        constants=constants,
        depends=value.depends or other.depends,
        absent_key=other.absent_key,
        said=value.said,
        span=node.span,
        cases=(
            *(case.under(NOTHING, ((ops.Present(value.op), True),)) for case in value.each),
            *(case.under(NOTHING, ((ops.Present(value.op), False),)) for case in other.each if value.maybe),
        ),
    )


def ladder(ctx: Context, frame: Frame, alternatives: tuple[ast.Alternative, ...], want: Type | None = None) -> Typed:
    """Alternatives as one value: first match wins; missing when none applies."""
    result: Typed | None = None
    out: list[ops.Rung] = []
    constants: tuple[str, ...] | None = ()
    maybe = gap = soft = depends = False
    absent_key = formatted = ""
    closed = False
    cases: list[Case] = []
    failed: tuple[Literal, ...] = ()
    for alternative, when, inner in rungs(ctx, frame, alternatives):
        typed = lower(ctx, inner, alternative.value, want)
        here = failed if when is None else (*failed, (when, True))
        cases += [case.under(inner.facts, here) for case in typed.each]
        failed = failed if when is None else (*failed, (when, False))
        if result is not None and typed.known and result.known:
            result, typed = alike_types(ctx, result, typed)
            if typed.type != result.type and "blank" not in (typed.hint, result.hint):
                ctx.report("SW0306", alternative.value.span, left=str(result.type), right=str(typed.type))
            if not keeps_form(result, typed):
                result = msgspec.structs.replace(result, hint="")
        out.append(ops.Rung(typed.op, when))
        constants = None if constants is None or typed.constants is None else (*constants, *typed.constants)
        blank = isinstance(alternative.value, ast.Blank)
        maybe = maybe or (typed.maybe and not blank)
        gap = gap or blank
        soft = soft or typed.soft
        absent_key = absent_key or typed.absent_key
        depends = depends or typed.depends or (when is not None and reads_input(when))
        formatted = formatted or kept_hint(typed)
        closed = closed or when is None
        result = typed if result is None or result.hint == "blank" else result
    if result is None:
        raise AssertionError("a ladder has a rung")
    if len(out) == 1 and out[0].when is None:
        return result
    return Typed(
        ops.Choose(tuple(out)),
        result.type,
        maybe=maybe or gap or not closed,
        soft=soft,
        hint=formatted or result.hint,
        constants=constants,
        depends=depends,
        said=result.said,
        span=result.span,
        unsaid=maybe,
        absent_key=absent_key if maybe else "",
        cases=tuple(cases),
    )


def chosen(ctx: Context, frame: Frame, node: ast.Each | ast.First, then: Callable[[Frame, Typed], Typed]) -> Typed:
    """`each x in L where C ordered by V` and `first …`, with `then(frame, element)` making the value of an element."""
    selected = selection(ctx, frame, node.variable, node.of)
    if selected is None:
        return Typed(ops.Const("blank"), UNKNOWN, span=node.span, soft=True)
    source, slot, inner, element, where, order = selected
    value = then(inner, element)
    if isinstance(node, ast.Each):
        must_be_present(ctx, source, node.of.source.span, where="each")
        op: ops.Value = ops.Each(slot, source.op, value.op, where, order)
        # Repetitions that came in may be none at all: the list is then missing, and `else` or `required` says what then.
        received = source.type.of == FIELD
        return Typed(op, Type("list", of=value.type), maybe=received, hint=value.hint, said=source.said, span=node.span)
    op = ops.First(slot, source.op, value.op, where, order)
    if isinstance(source.op, ops.Each) and value.op == ops.Slot(slot) and where is None and order is None:
        # `first PID-5.1`: later repetitions are not even looked at.
        each = source.op
        op = ops.First(each.slot, each.source, each.value, each.where, each.order)
    return Typed(op, value.type, maybe=True, hint=value.hint, said=f"first of {source.said}", span=node.span)


def selection(
    ctx: Context, frame: Frame, variable: str, of: ast.Selection
) -> tuple[Typed, int, Frame, Typed, ops.Condition | None, ops.Value | None] | None:
    """A list and what is selected of it: (list, slot of the element, frame inside, element, where, order)."""
    if isinstance(of.source, ast.Hl7Path):
        source = repetitions(ctx, frame, of.source)
    else:
        source = lower(ctx, frame, of.source)
    if ctx.is_unknown(source.type):
        return None
    if source.type.of is None:
        ctx.report("SW0307", of.source.span, name=source.said, type=str(source.type))
        return None
    slot = ctx.slot()
    key = (f"@{slot}",)
    said = variable or source.said
    element = Typed(ops.Slot(slot), source.type.of, hint=kept_hint(source), key=key, said=said, span=of.span)
    inner = frame.knowing(present(key))
    if variable:
        if variable in frame.names:
            ctx.report("SW0214", of.span, name=variable)
        inner = inner.binding(**{variable: element})
    if source.type.of == FIELD:
        inner = msgspec.structs.replace(inner, element=element)
    where: ops.Condition | None = None
    if of.where is not None:
        where, facts, _ = condition(ctx, inner, of.where)
        inner = inner.knowing(facts)
    if of.having is not None:
        has = ops.Present(lower(ctx, inner, of.having).op)
        where = has if where is None else ops.AllOf((where, has))
    order: ops.Value | None = None
    if of.ordered_by is not None:
        typed = lower(ctx, inner, of.ordered_by)
        if typed.known and typed.type.name not in ("text", "integer", "decimal", "date", "datetime", "code"):
            ctx.report("SW0308", of.ordered_by.span, name=typed.said, type=str(typed.type))
        order = typed.op
    return source, slot, inner, element, where, order


def codings(frame: Frame, node: ast.Value) -> set[bool]:
    """How the texts are coded that a value can be, True for formatted text: two ways cannot stand in one leaf. A constant is
    one line, and the same in both."""
    match node:
        case ast.Text() | ast.Number() | ast.Blank() | ast.Null():
            return set()
        case ast.As(format="ft"):
            return {True}
        case ast.Else():
            return codings(frame, node.value) | codings(frame, node.other)
        case ast.Ladder():
            return {coding for each in node.alternatives for coding in codings(frame, each.value)}
        case ast.As():
            return {True in codings(frame, node.value)}
        case ast.Interpolation():
            return {any(True in codings(frame, part) for part in node.parts)}
        case ast.Call():
            return {any(True in codings(frame, argument.value) for argument in node.arguments)}
        case ast.Ref(names=(name,)) if name in frame.names:
            return {frame.names[name].hint == "ft"}
        case _:
            return {False}


TEXT_LIST = Type("list", of=scalar("text"))
