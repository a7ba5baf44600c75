"""`value as format`: built-in formats, and declared ones that read a received field into a record.

Takes the value and the format's name; gives what the format makes of it. A declared format that writes gives several components,
which is for `lang.contents`; it is used for reading when every line of it can be turned (`lang.twoway`).
"""

from __future__ import annotations

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.builtin import apply_format
from segwright.lang.context import Context
from segwright.lang.duties import duty_of, judge_value
from segwright.lang.lowering import lower
from segwright.lang.twoway import reading_rules
from segwright.lang.typed import UNKNOWN, Frame, Typed, present
from segwright.lang.values import chosen, ladder
from segwright.plan import ops
from segwright.plan.model import FIELD, TEXT, Type


def formatted(ctx: Context, frame: Frame, node: ast.As, want: Type | None) -> Typed:
    """A value through a format, whichever way messages go here."""
    if node.format == "ft":
        return apply_format(ctx, frame, node, lower(ctx, frame, node.value))
    reads = (node.format, "from") in ctx.scope.formats
    writes = (node.format, "as") in ctx.scope.formats
    if ctx.direction == "reads" and (reads or writes):
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


def read_format(ctx: Context, frame: Frame, node: ast.As, value: Typed) -> Typed:
    """`PID-5 as person_name` with a declared format that reads: a record made of the repetition at hand."""
    if value.known and value.type.of == FIELD:
        # `each ORC-12 else each OBR-16 as provider`: every repetition makes a record.
        slot = ctx.slot()
        key = (f"@{slot}",)
        element = Typed(ops.Slot(slot), FIELD, key=key, said=value.said, span=value.span)
        made = read_format(ctx, frame.knowing(present(key)), node, element)
        each = ops.Each(slot, value.op, made.op)
        ctx.note(each)
        return msgspec.structs.replace(made, op=each, type=Type("list", of=made.type), maybe=value.maybe)
    declared = ctx.scope.formats.get((node.format, "from"))
    if declared is None:
        return _read_back(ctx, frame, node, value, ctx.scope.formats[node.format, "as"])
    ctx.used_formats.add((node.format, "from"))
    wanted = ctx.type_named(declared.parameter.type.name, declared.span)
    record = ctx.model.records.get(wanted.name)
    if record is None:
        return ctx.fail(
            "SW0801", node.format_span, Label(declared.span, "declared"), format=declared.name, type=str(wanted)
        )
    if value.known and value.type != FIELD:
        return ctx.fail("SW0320", node.span, format=node.format, type=str(value.type), name=value.said, wanted="field")
    slot = ctx.slot()
    element = Typed(ops.Slot(slot), FIELD, key=(f"@{slot}",), said=value.said, span=node.span)
    inner = msgspec.structs.replace(frame.knowing(present(element.key)), element=element)
    parts: dict[int, ops.MadePart] = {}
    certain: set[int] = set()
    for rule in declared.rules:
        part = _read_line(ctx, inner, rule, declared, record.name)
        if part is None:
            continue
        index, attribute, sure = part
        if index in parts:
            ctx.report("SW0401", rule.span, target=str(rule.target))
        parts[index] = attribute
        if sure:
            certain.add(index)
    return _make(ctx, node, value, slot, parts, certain, declared, wanted)


def _make(
    ctx: Context,
    node: ast.As,
    value: Typed,
    slot: int,
    parts: dict[int, ops.MadePart],
    certain: set[int],
    declared: ast.Format,
    wanted: Type,
) -> Typed:
    record = ctx.model.records[wanted.name]
    unmade = [
        a.name for n, a in enumerate(record.attributes) if not a.optional and n not in certain and a.type.of is None
    ]
    if unmade:
        ctx.report(
            "SW0802",
            declared.span,
            format=declared.name,
            record=record.name,
            names=" and ".join(f"`{name}`" for name in unmade),
        )
    op = ops.Make(slot, value.op, len(record.attributes), tuple(parts[n] for n in sorted(parts)))
    ctx.note(op)
    return Typed(
        op, wanted, maybe=value.maybe or not certain, soft=value.soft, hint=node.format, said=value.said, span=node.span
    )


def _read_line(
    ctx: Context, frame: Frame, rule: ast.FormatRule, declared: ast.Format, record_name: str
) -> tuple[int, ops.MadePart, bool] | None:
    """One line of a format that reads, noted as such."""
    outer = ctx.at
    if outer is not None:
        ctx.at = msgspec.structs.replace(outer, format=declared.name, line=rule.span)
    part = _read_rule(ctx, frame, rule, declared, record_name)
    ctx.at = outer
    return part


def _read_rule(
    ctx: Context, frame: Frame, rule: ast.FormatRule, declared: ast.Format, record_name: str
) -> tuple[int, ops.MadePart, bool] | None:

    record = ctx.model.records[record_name]
    if (
        not isinstance(rule.target, ast.Ref)
        or len(rule.target.names) != 2
        or rule.target.names[0] != declared.parameter.name
    ):
        ctx.report("SW0803", rule.span, target=str(rule.target), parameter=declared.parameter.name)
        return None
    name = rule.target.names[1]
    index = record.index(name)
    if index < 0:
        names = [a.name for a in record.attributes]
        ctx.report(
            "SW0206",
            rule.target.span,
            name=name,
            of=declared.parameter.name,
            record=record.name,
            nearest=nearest(name, names),
            known=shown(names),
        )
        return None
    attribute = record.attributes[index]
    typed = fitted(
        ctx, ladder(ctx, frame, rule.alternatives, attribute.type), attribute.type, rule.span, str(rule.target)
    )
    first = rule.alternatives[0]
    judge_value(ctx, first, typed)
    if (
        not attribute.optional
        and typed.maybe
        and first.duty.kind != "required"
        and typed.known
        and attribute.type.of is None
    ):
        ctx.report("SW0804", rule.span, target=str(rule.target), record=record.name)
    duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=True)
    part = ops.MadePart(index, typed.op, duty)
    ctx.note(part)
    return index, part, not typed.maybe or (first.duty.kind == "required" and first.duty.condition is None)


def fitted(ctx: Context, typed: Typed, wanted: Type, span: Span, target: str) -> Typed:
    """A value for an attribute of a declared type; what came as text is taken for text and code as it is."""
    if not typed.known or typed.type == wanted or typed.hint == "blank":
        return typed
    if {typed.type.name, wanted.name} <= {"text", "code"} and typed.type.kind == wanted.kind == "scalar":
        return msgspec.structs.replace(typed, type=wanted)
    if typed.type == FIELD and wanted.name in ("text", "code") and wanted.kind == "scalar":
        op = ops.Component(typed.op, 0)
        ctx.note(op)
        return msgspec.structs.replace(typed, op=op, type=wanted)
    if typed.type == FIELD and wanted.kind == "scalar" and wanted.name in ("date", "datetime", "integer", "decimal"):
        advice = {"date": "as date", "datetime": "as dtm", "integer": "as integer", "decimal": "as number"}[wanted.name]
        return ctx.fail("SW0343", span, target=target, wanted=str(wanted), type="received text", advice=advice)
    if typed.type.of is not None and wanted.of is not None:
        of = typed.type.of
        if {of.name, wanted.of.name} <= {"text", "code"}:
            return msgspec.structs.replace(typed, type=wanted)
        if of == FIELD and wanted.of.name in ("text", "code"):
            slot = ctx.slot()
            op2 = ops.Each(slot, typed.op, ops.Component(ops.Slot(slot), 0))
            ctx.note(op2)
            return msgspec.structs.replace(typed, op=op2, type=wanted)
    advice = ""
    if typed.type == TEXT and wanted.kind == "scalar":
        advice = {"date": "as date", "datetime": "as dtm", "integer": "as integer", "decimal": "as number"}.get(
            wanted.name, ""
        )
    elif wanted.kind == "enum" and typed.type in (TEXT, FIELD):
        advice = "via …"
    return ctx.fail("SW0343", span, target=target, wanted=str(wanted), type=str(typed.type), advice=advice)


def _read_back(ctx: Context, frame: Frame, node: ast.As, value: Typed, declared: ast.Format) -> Typed:
    """Reading through a format that is declared for writing: it must be two-way in every line."""
    ctx.used_formats.add((node.format, "as"))
    rules, problems = reading_rules(ctx, declared)
    if problems:
        for span, reason in problems:
            ctx.report("SW0805", node.format_span, Label(span, "declared"), format=declared.name, reason=reason)
        return Typed(ops.Const("blank"), UNKNOWN, maybe=True, soft=True, span=node.span)
    wanted = ctx.type_named(declared.parameter.type.name, declared.span)
    slot = ctx.slot()
    element = Typed(ops.Slot(slot), FIELD, key=(f"@{slot}",), said=value.said, span=node.span)
    inner = msgspec.structs.replace(frame.knowing(present(element.key)), element=element)
    parts: dict[int, ops.MadePart] = {}
    certain: set[int] = set()
    for rule in rules:
        part = _read_line(ctx, inner, rule, declared, wanted.name)
        if part is not None:
            parts[part[0]] = part[1]
            if part[2]:
                certain.add(part[0])
    return _make(ctx, node, value, slot, parts, certain, declared, wanted)
