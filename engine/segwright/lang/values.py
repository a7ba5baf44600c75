"""Values: from syntax to operations that give one run-time value, with their types.

`lower(ctx, frame, node, want)` never fails: what is wrong becomes a finding and a value of unknown type, which fits
everywhere. What gives several components (`^`, declared formats, composite columns) is in `lang.contents`.
"""

from __future__ import annotations

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.builtin import apply_format, call_function
from segwright.lang.context import Context
from segwright.lang.lookup import lookup
from segwright.lang.typed import NOTHING, UNKNOWN, Case, Frame, Literal, Typed, present
from segwright.plan import ops
from segwright.plan.model import BOOLEAN, DECIMAL, FIELD, INTEGER, TEXT, Type, scalar
from segwright.plan.walk import reads_input


def lower(ctx: Context, frame: Frame, node: ast.Value, want: Type | None = None) -> Typed:
    """One value. `want` is the type the place expects: it gives bare words (enum values, yes/no) their meaning."""
    typed = _lower(ctx, frame, node, want)
    ctx.note(typed.op)
    return typed


def _lower(ctx: Context, frame: Frame, node: ast.Value, want: Type | None) -> Typed:
    if type(node) is ast.Ref:  # by far the most frequent
        return reference(ctx, frame, node, want)
    match node:
        case ast.Text():
            return Typed(
                ops.Const("text", node.value),
                TEXT,
                constants=(node.value,),
                depends=False,
                said="the text",
                span=node.span,
            )
        case ast.Interpolation():
            return _interpolation(ctx, frame, node)
        case ast.Number():
            decimal = "." in node.digits or want == DECIMAL
            kind = ops.Const("decimal" if decimal else "integer", node.digits)
            return Typed(
                kind,
                DECIMAL if decimal else INTEGER,
                constants=(node.digits,),
                depends=False,
                said=node.digits,
                span=node.span,
            )
        case ast.Blank():
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
        case ast.Null():
            return Typed(ops.Const("null"), TEXT, hint="null", constants=(), depends=False, said="null", span=node.span)
        case ast.Hold():
            return ctx.fail("SW0311", node.span, word="hold")
        case ast.Place():
            if frame.position < 0:
                return ctx.fail("SW0312", node.span, word="position")
            return Typed(ops.Slot(frame.position), INTEGER, hint="integer", said="position", span=node.span)
        case ast.Count():
            return Typed(
                ops.Count(node.segment, node.since, node.start),
                INTEGER,
                hint="integer",
                depends=False,
                said=f"count {node.segment}",
                span=node.span,
            )
        case ast.Inherited():
            if frame.echo >= 0:
                return _received(frame, node)
            return ctx.fail("SW0313", node.span)
        case ast.Ref():
            return reference(ctx, frame, node, want)
        case ast.Call():
            return _call(ctx, frame, node)
        case ast.TextCall():
            from segwright.lang.narrative import narrate

            return narrate(ctx, frame, node)
        case ast.As():
            return _as(ctx, frame, node)
        case ast.Via():
            value = lower(ctx, frame, node.value)
            return lookup(ctx, frame, node, (value,))
        case ast.Else():
            return _else(ctx, frame, node, want)
        case ast.Ladder():
            return ladder(ctx, frame, node.alternatives, want)
        case ast.Each() | ast.First():
            return chosen(ctx, frame, node, lambda inner, element: element)
        case ast.Composite():
            return ctx.fail("SW0314", node.span)
        case ast.Hl7Path() | ast.ComponentPath() | ast.Keep():
            from segwright.lang.received import take

            return take(ctx, frame, node)


def _received(frame: Frame, node: ast.Inherited) -> Typed:
    """`inherited` in an echoed segment: the received field of the rule's own number."""
    op = ops.Received(ops.Slot(frame.echo), frame.echo_field)
    return Typed(op, FIELD, maybe=True, said="the received field", span=node.span)


def reference(ctx: Context, frame: Frame, node: ast.Ref, want: Type | None = None) -> Typed:
    """A dotted name: a bound name and its attributes, configuration, an enum value, or yes/no."""
    head = node.names[0]
    if head in frame.names:
        return attributes(ctx, frame, frame.names[head], node, 1)
    if head == "org":
        return ctx.config(node)
    if len(node.names) == 1:
        if want is not None and want.kind == "enum":
            values = ctx.model.enums.get(want.name, ())
            if head in values:
                return Typed(ops.Const("text", head), want, constants=(head,), depends=False, said=head, span=node.span)
            return ctx.fail(
                "SW0204", node.span, name=head, enum=want.name, nearest=nearest(head, values), known=shown(values)
            )
        if want == BOOLEAN and head in ("yes", "no", "true", "false"):
            truth = "true" if head in ("yes", "true") else "false"
            return Typed(ops.Const("boolean", truth), BOOLEAN, depends=False, said=head, span=node.span)
    known = sorted({*frame.names, "org"} - {"previous"})
    below = ctx.below.get(head)
    return ctx.fail(
        "SW0202",
        node.span,
        *((Label(below, "below"),) if below is not None else ()),
        kind="value",
        name=str(node),
        nearest=".".join(part for part in (near, *node.names[1:]) if part) if (near := nearest(head, known)) else "",
        known=[f"`{name}`" for name in known],
        text=head if len(node.names) == 1 and below is None else "",
        below=head if below is not None else "",
        part=ctx.part if len(node.names) > 1 else "",
    )


def attributes(ctx: Context, frame: Frame, base: Typed, node: ast.Ref, start: int) -> Typed:
    """`base` followed by the names of `node` from `start` on."""
    op, type_, key = base.op, base.type, base.key
    maybe = base.maybe and not (key and frame.facts.is_present(key))
    if start >= len(node.names) or ctx.is_unknown(type_):
        said = str(node) if start >= len(node.names) else base.said
        return msgspec.structs.replace(base, span=node.span, maybe=maybe, said=said)
    for depth in range(start, len(node.names)):
        name = node.names[depth]
        record = ctx.model.records.get(type_.name) if type_.kind == "record" else None
        if record is None:
            said = ".".join(node.names[:depth])
            listed = said if type_.of is not None else ""
            return ctx.fail("SW0205", node.span, name=name, of=said, type=str(type_), listed=listed)
        index = record.index(name)
        if index < 0:
            names = [attribute.name for attribute in record.attributes]
            return ctx.fail(
                "SW0206",
                node.span,
                name=name,
                of=".".join(node.names[:depth]),
                record=record.name,
                nearest=nearest(name, names),
                known=shown(names),
            )
        attribute = record.attributes[index]
        key = (*key, name) if key else ()
        maybe = (maybe or attribute.optional) and not (key and frame.facts.is_present(key))
        op, type_ = ops.Attr(op, index), attribute.type
    return Typed(op, type_, maybe=maybe, key=key, said=str(node), span=node.span)


def type_of(ctx: Context, frame: Frame, node: ast.Ref) -> Type | None:
    """The type of a name that is bound here, without lowering it; None for any other and for what is wrong."""
    base = frame.names.get(node.names[0])
    if base is None:
        return None
    type_ = base.type
    for name in node.names[1:]:
        record = ctx.model.records.get(type_.name) if type_.kind == "record" else None
        index = record.index(name) if record is not None else -1
        if record is None or index < 0:
            return None
        type_ = record.attributes[index].type
    return type_


def printable(ctx: Context, typed: Typed, span: Span) -> Typed:
    """A value as text that can stand in a message: integers and decimals by their digits, codes as they are.

    Refuses what has no one spelling: times, quantities, booleans, enums, records and lists say how they are written.
    """
    name = typed.type.name
    if ctx.is_unknown(typed.type) or (name in ("text", "code") and typed.type.kind == "scalar"):
        return typed
    if typed.type.kind == "scalar" and name in ("integer", "decimal"):
        if isinstance(typed.op, ops.Const) and typed.op.type != "blank":
            return msgspec.structs.replace(typed, op=ops.Const("text", typed.op.value), type=TEXT, hint="number")
        if isinstance(typed.op, ops.Const):
            return msgspec.structs.replace(typed, type=TEXT)
        call = ops.Call(ctx.function(f"number/{name}@1"), (typed.op, None))
        ctx.note(call)
        return msgspec.structs.replace(typed, op=call, type=TEXT, hint="number")
    if typed.type.kind == "enum":
        tables = [
            f"`{name}`" for name, table in sorted(ctx.scope.tables.items()) if table.keys[0].name == typed.type.name
        ]
        return ctx.fail("SW0315", span, name=typed.said, enum=typed.type.name, tables=tables)
    if typed.type.kind == "list":
        return ctx.fail("SW0316", span, name=typed.said, type=str(typed.type))
    if typed.type.kind == "record":
        return ctx.fail("SW0317", span, name=typed.said, type=str(typed.type), known=_formats_for(ctx, typed.type))
    advice = {
        "datetime": "as dtm",
        "date": "as date",
        "quantity": "as number(places: 1)",
        "boolean": "as yes_no",
        "field": "",
        "segments": "",
    }
    code = "SW0319" if name in ("field", "segments") else "SW0318"
    return ctx.fail(code, span, name=typed.said, type=name, advice=advice.get(name, ""))


def _formats_for(ctx: Context, type_: Type) -> list[str]:
    return sorted(
        f"`{name}`"
        for (name, direction), declared in ctx.scope.formats.items()
        if direction == "as" and declared.parameter.type.name == type_.name
    )


def must_be_present(ctx: Context, typed: Typed, span: Span, *, where: str) -> None:
    """Reports a value that may be missing where nothing else can be said about it."""
    if not typed.maybe or ctx.is_unknown(typed.type):
        return
    if typed.absent_key:
        lacking(ctx, typed, span)
    else:
        ctx.report("SW0302", span, name=typed.said, where=where)


def lacking(ctx: Context, typed: Typed, span: Span) -> None:
    """A config value that a mapping needs and this organisation lacks: shows both files."""
    key = tuple(typed.absent_key.split(".")[1:])
    declared = ctx.settings.declared(key)
    labels = []
    if declared is not None:
        labels.append(Label(declared.span, "schema"))
    ctx.report(
        "SW0303",
        span,
        *labels,
        key=typed.absent_key,
        organisation_id=ctx.settings.id,
        section=".".join(key[:-1]) or key[0],
    )


def _interpolation(ctx: Context, frame: Frame, node: ast.Interpolation) -> Typed:
    parts = []
    depends = False
    for part in node.parts:
        typed = printable(ctx, lower(ctx, frame, part), part.span)
        must_be_present(ctx, typed, part.span, where="a text with {…}")
        depends = depends or typed.depends
        parts.append(typed.op)
    if all(isinstance(op, ops.Const) for op in parts):
        value = "".join(op.value for op in parts if isinstance(op, ops.Const))
        return Typed(ops.Const("text", value), TEXT, constants=(value,), depends=False, said="the text", span=node.span)
    call = ops.Call(ctx.function("concat/text@1"), tuple(parts))
    return Typed(call, TEXT, depends=depends, said="the text", span=node.span)


def _call(ctx: Context, frame: Frame, node: ast.Call) -> Typed:
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


def _as(ctx: Context, frame: Frame, node: ast.As) -> Typed:
    if node.format == "ft":
        value = lower(ctx, frame, node.value)
        if value.known and value.type != TEXT:
            return ctx.fail("SW0320", node.span, format="ft", type=str(value.type), name=value.said, wanted="text")
        return msgspec.structs.replace(value, hint="ft", span=node.span)
    reads = (node.format, "from") in ctx.scope.formats
    writes = (node.format, "as") in ctx.scope.formats
    if ctx.direction == "reads" and (reads or writes):
        from segwright.lang.received import read_format

        if isinstance(node.value, ast.Each | ast.First):
            return chosen(ctx, frame, node.value, lambda inner, element: read_format(ctx, inner, node, element))
        return read_format(ctx, frame, node, lower(ctx, frame, node.value))
    if writes:
        return ctx.fail("SW0321", node.format_span, format=node.format)
    if reads:
        return ctx.fail("SW0322", node.format_span, format=node.format)
    if isinstance(node.value, ast.Each | ast.First):
        return chosen(ctx, frame, node.value, lambda inner, element: apply_format(ctx, inner, node, element))
    return apply_format(ctx, frame, node, lower(ctx, frame, node.value))


def _else(ctx: Context, frame: Frame, node: ast.Else, want: Type | None) -> Typed:
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
        hint=value.hint if value.hint == other.hint or not other.depends else "",
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


def alike_types(ctx: Context, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """Brings two values to one type where that loses nothing: code and text, numbers beside text by their digits."""
    if left.type == right.type:
        return left, right
    names = {left.type.name, right.type.name}
    if names == {"text", "code"}:
        return msgspec.structs.replace(left, type=TEXT), msgspec.structs.replace(right, type=TEXT)
    if names == {"integer", "decimal"}:
        return msgspec.structs.replace(left, type=DECIMAL), msgspec.structs.replace(right, type=DECIMAL)
    if "text" in names and names & {"integer", "decimal"}:
        return printable(ctx, left, left.span), printable(ctx, right, right.span)
    return left, right


def ladder(ctx: Context, frame: Frame, alternatives: tuple[ast.Alternative, ...], want: Type | None = None) -> Typed:
    """Alternatives as one value: first match wins; missing when none applies."""
    from segwright.lang.conditions import rungs

    result: Typed | None = None
    out: list[ops.Rung] = []
    constants: tuple[str, ...] | None = ()
    maybe = gap = soft = depends = False
    absent_key = ""
    closed = False
    cases: list[Case] = []
    failed: tuple[Literal, ...] = ()
    for alternative, condition, inner in rungs(ctx, frame, alternatives):
        typed = lower(ctx, inner, alternative.value, want)
        here = failed if condition is None else (*failed, (condition, True))
        cases += [case.under(inner.facts, here) for case in typed.each]
        failed = failed if condition is None else (*failed, (condition, False))
        if result is not None and typed.known and result.known:
            result, typed = alike_types(ctx, result, typed)
            if typed.type != result.type and "blank" not in (typed.hint, result.hint):
                ctx.report("SW0306", alternative.value.span, left=str(result.type), right=str(typed.type))
        out.append(ops.Rung(typed.op, condition))
        constants = None if constants is None or typed.constants is None else (*constants, *typed.constants)
        blank = isinstance(alternative.value, ast.Blank)
        maybe = maybe or (typed.maybe and not blank)
        gap = gap or blank
        soft = soft or typed.soft
        absent_key = absent_key or typed.absent_key
        depends = depends or typed.depends or (condition is not None and reads_input(condition))
        closed = closed or condition is None
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
        hint=result.hint,
        constants=constants,
        depends=depends,
        said=result.said,
        span=result.span,
        unsaid=maybe,
        absent_key=absent_key if maybe else "",
        cases=tuple(cases),
    )


def chosen(ctx: Context, frame: Frame, node: ast.Each | ast.First, then: object) -> Typed:
    """`each x in L where C ordered by V` and `first …`, with `then(frame, element)` making the value of an element."""
    from collections.abc import Callable
    from typing import cast

    make = cast(Callable[[Frame, Typed], Typed], then)
    selected = selection(ctx, frame, node.variable, node.of)
    if selected is None:
        return Typed(ops.Const("blank"), UNKNOWN, span=node.span, soft=True)
    source, slot, inner, element, where, order = selected
    value = make(inner, element)
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
    from segwright.lang.conditions import condition

    if isinstance(of.source, ast.Hl7Path):
        from segwright.lang.received import repetitions

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
    element = Typed(ops.Slot(slot), source.type.of, key=key, said=variable or source.said, span=of.span)
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
        from segwright.lang.received import take

        has = ops.Present(take(ctx, inner, of.having).op)
        where = has if where is None else ops.AllOf((where, has))
    order: ops.Value | None = None
    if of.ordered_by is not None:
        typed = lower(ctx, inner, of.ordered_by)
        if typed.known and typed.type.name not in ("text", "integer", "decimal", "date", "datetime", "code"):
            ctx.report("SW0308", of.ordered_by.span, name=typed.said, type=str(typed.type))
        order = typed.op
    return source, slot, inner, element, where, order


def boolean(ctx: Context, frame: Frame, node: ast.Value) -> Typed:
    """A value that must be a boolean."""
    typed = lower(ctx, frame, node, BOOLEAN)
    if typed.known and typed.type != BOOLEAN:
        return ctx.fail("SW0309", node.span, name=typed.said, type=str(typed.type))
    return typed


TEXT_LIST = Type("list", of=scalar("text"))
