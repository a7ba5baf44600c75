"""Built-in formats and functions: `x as dtm(second)` and `join(", ", names)` checked against their records."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from segwright import library
from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.fitting import must_be_present, printable
from segwright.lang.lookup import as_text
from segwright.lang.lowering import lower
from segwright.lang.typed import Frame, Typed, kept_hint
from segwright.lang.units import is_ucum
from segwright.library.record import Builtin, Parameter
from segwright.plan import ops
from segwright.plan.model import BOOLEAN, DECIMAL, TEXT, Type


def apply_format(ctx: Context, frame: Frame, node: ast.As, value: Typed) -> Typed:
    """`value as FORMAT(arguments)`; over a list it applies to each element."""
    if node.format == "ft":
        if value.known and value.type != TEXT:
            return ctx.fail("SW0320", node.span, format="ft", type=str(value.type), name=value.said, wanted="text")
        return msgspec.structs.replace(value, hint="ft", span=node.span)
    records = [r for r in library.find(node.format) if r.kind == "format"]
    if not records:
        known = {r.name for r in library.builtins() if r.kind == "format"} | {n for n, _ in ctx.scope.formats} | {"ft"}
        facts = {"kind": "format", "name": node.format, "nearest": nearest(node.format, known)}
        if library.find(node.format):
            facts |= {"nearest": "", "function": f"{node.format}({value.said or '…'}, …)"}
        return ctx.fail("SW0202", node.format_span, **facts)
    if ctx.is_unknown(value.type):
        return value
    if value.type.of is not None:
        slot = ctx.slot()
        element = Typed(ops.Slot(slot), value.type.of, hint=kept_hint(value), said=value.said, span=value.span)
        made = apply_format(ctx, frame, node, element)
        each = ops.Each(slot, value.op, made.op)
        return msgspec.structs.replace(value, op=each, type=Type("list", of=made.type), hint=made.hint, constants=None)
    value = as_text(ctx, value)
    record = _fitting(records, value.type)
    if record is None:
        return ctx.fail(
            "SW0320",
            node.format_span,
            format=node.format,
            type=str(value.type),
            name=value.said,
            wanted=sorted({s for r in records for s in r.subject}),
        )
    taking = [r for r in records if r.parameters]
    if node.arguments and not record.parameters and taking:
        # `study as dtm(second)`: what is meant is the format that writes a time, and this is no time.
        return ctx.fail(
            "SW0320",
            node.format_span,
            format=node.format,
            type=str(value.type),
            name=value.said,
            wanted=sorted({s for r in taking for s in r.subject}),
        )
    arguments = _arguments(ctx, frame, record, node.arguments, node.format_span)
    invalid: ops.Value | None = None
    if node.on_invalid is not None:
        other = lower(ctx, frame, node.on_invalid)
        invalid = other.op
        if not isinstance(node.on_invalid, ast.Blank):
            ctx.note(invalid)
    key = record.key
    constants = None
    if record.name == "ucum":
        constants = value.constants
        _check_units(ctx, node.span, constants)
    call = ops.Call(ctx.function(key), (value.op, *arguments), invalid)
    result = ctx.type_named(record.result.removeprefix("optional "), node.span)
    maybe = value.maybe or record.result.startswith("optional ") or isinstance(node.on_invalid, ast.Blank)
    return Typed(
        call,
        result,
        maybe=maybe,
        soft=value.soft or isinstance(node.on_invalid, ast.Blank),
        hint=(kept_hint(value) if result == TEXT else "") or node.format,
        constants=constants,
        depends=value.depends,
        absent_key=value.absent_key,
        said=value.said,
        span=node.span,
    )


USUAL_UNITS = {
    "msec": "ms", "msecs": "ms", "millisecond": "ms", "milliseconds": "ms", "sec": "s", "secs": "s", "seconds": "s",
    "bpm": "/min",
    "beats/min": "/min", "1/min": "/min", "degree": "deg", "degrees": "deg", "degr": "deg", "°": "deg", "mmhg": "mm[Hg]",
    "mcv": "uV", "µv": "uV", "μv": "uV", "millivolt": "mV",
}  # fmt: skip
"""What devices and hospitals call the units of an ECG, and their UCUM codes."""


def _check_units(ctx: Context, span: Span, constants: tuple[str, ...] | None) -> None:
    for unit in constants or ():
        if not is_ucum(unit):
            labels = [Label(cell.span, "row") for cell in _cells(ctx, unit)][:1]
            ctx.report("SW0607", span, *labels, unit=unit, nearest=USUAL_UNITS.get(unit.casefold(), ""))


def _cells(ctx: Context, text: str) -> Iterator[ast.Text]:
    """The cells of all tables that hold a text."""
    for table in ctx.scope.tables.values():
        for row in table.rows:
            for cell in row.cells:
                yield from (part for part in cell.parts if isinstance(part, ast.Text) and part.value == text)


def call_function(ctx: Context, frame: Frame, node: ast.Call) -> Typed:
    """`NAME(first, more…)`: a built-in function."""
    name = str(node.name)
    records = [r for r in library.find(name) if r.kind == "function" and r.name != "concat"]
    if not records:
        known = {r.name for r in library.builtins() if r.kind == "function"} | set(ctx.scope.tables)
        facts = {"kind": "function or table", "name": name, "nearest": nearest(name, known)}
        if library.find(name) or any(format_ == name for format_, _ in ctx.scope.formats):
            facts |= {"nearest": "", "format": f"… as {name}"}
        return ctx.fail("SW0202", node.name.span, **facts)
    if not node.arguments or node.arguments[0].name:
        return ctx.fail("SW0323", node.span, name=name)
    subject = node.arguments[0].value
    whole = isinstance(subject, ast.Number) and not any("integer" in r.subject for r in records)
    first = lower(ctx, frame, subject, DECIMAL if whole else None)
    record = _fitting(records, first.type) if first.known else records[0]
    if record is None:
        return ctx.fail(
            "SW0320",
            node.span,
            format=name,
            type=str(first.type),
            name=first.said,
            wanted=sorted({s for r in records for s in r.subject}),
        )
    if name == "join":
        joined = [first]
        for argument in node.arguments[1:]:
            typed = lower(ctx, frame, argument.value)
            listed = typed.type.of is not None
            joined.append(typed if listed else printable(ctx, typed, argument.span))
        call = ops.Call(ctx.function(record.key), tuple(typed.op for typed in joined))
        hint = kept_hint(*joined) or name
        return Typed(call, TEXT, maybe=True, hint=hint, said=f"{name}(…)", span=node.span)
    if first.absent_key:
        must_be_present(ctx, first, node.arguments[0].span, where=f"{name}(…)")
    arguments = _arguments(ctx, frame, record, node.arguments[1:], node.span)
    call = ops.Call(ctx.function(record.key), (first.op, *arguments))
    result = ctx.type_named(record.result.removeprefix("optional "), node.span)
    # A narrative that comes out empty has no lines: a loop over them simply does not turn.
    maybe = (first.maybe and first.hint != "narrative") or record.result.startswith("optional ")
    keeps = TEXT in (result, result.of) and name != "lines"
    hint = (kept_hint(first) if keeps else "") or name
    return Typed(
        call, result, maybe=maybe, hint=hint, depends=first.depends, said=f"{name}({first.said})", span=node.span
    )


def _fitting(records: list[Builtin], type_: Type) -> Builtin | None:
    """The newest record that works on a type."""
    name = type_.name if type_.kind == "scalar" else ""
    fitting = [r for r in records if name in r.subject]
    return max(fitting, key=lambda r: r.version) if fitting else None


def _arguments(
    ctx: Context, frame: Frame, record: Builtin, given: tuple[ast.Argument, ...], span: Span
) -> tuple[ops.Value | None, ...]:
    """Arguments in the order of the record's parameters, defaults and configuration filled in."""
    names = [p.name for p in record.parameters]
    by_name: dict[str, ast.Argument] = {}
    for number, argument in enumerate(given):
        name = argument.name
        if not name:
            name = names[number] if number < len(names) else ""
            # A bare word may stand for the parameter that has it among its choices: `dtm(second)`.
            if isinstance(argument.value, ast.Ref) and len(argument.value.names) == 1:
                word = argument.value.names[0]
                name = next((p.name for p in record.parameters if word in p.choices), name)
        if name not in names:
            ctx.report(
                "SW0211",
                argument.span,
                said=f"an argument `{argument.name}`" if argument.name else "one more argument",
                of=record.name,
                nearest=nearest(argument.name, names),
                known=shown(names),
            )
        elif name in by_name:
            ctx.report("SW0212", argument.span, name=name)
        else:
            by_name[name] = argument
    out = [_argument(ctx, frame, record, p, by_name.get(p.name), span) for p in record.parameters]
    while out and out[-1] is None:
        out.pop()
    out += [None] * (len(record.parameters) - len(out))
    return tuple(out)


def _argument(
    ctx: Context, frame: Frame, record: Builtin, parameter: Parameter, given: ast.Argument | None, span: Span
) -> ops.Value | None:
    if given is None:
        if parameter.config:
            typed = ctx.config(ast.Ref(("org", *parameter.config.split(".")), span))
            must_be_present(ctx, typed, span, where=f"{record.name}(…)")
            return typed.op
        if parameter.default is not None:
            return _constant(parameter.default)
        if not parameter.optional:
            ctx.report("SW0213", span, names=f"`{parameter.name}`", of=record.name)
        return None
    node = given.value
    if parameter.choices and isinstance(node, ast.Ref) and len(node.names) == 1 and node.names[0] not in frame.names:
        word = node.names[0]
        if word not in parameter.choices:
            ctx.report(
                "SW0324",
                given.span,
                name=word,
                parameter=parameter.name,
                of=record.name,
                nearest=nearest(word, parameter.choices),
                known=shown(parameter.choices),
            )
        return ops.Const("text", word)
    want = (
        BOOLEAN
        if parameter.type == "boolean"
        else ctx.type_named("text" if parameter.type == "word" else parameter.type, span)
    )
    typed = lower(ctx, frame, node, want)
    if (
        typed.known
        and typed.type != want
        and not {typed.type.name, want.name} <= {"text", "code"}
        and not ({typed.type.name, want.name} <= {"date", "datetime"})
    ):
        ctx.report(
            "SW0325",
            given.span,
            parameter=parameter.name,
            of=f"`{record.name}`",
            wanted=str(want),
            type=str(typed.type),
        )
        return typed.op
    if parameter.choices and typed.constants is not None:
        for word in typed.constants:
            if word not in parameter.choices:
                ctx.report(
                    "SW0324",
                    given.span,
                    name=word,
                    parameter=parameter.name,
                    of=record.name,
                    nearest=nearest(word, parameter.choices),
                    known=shown(parameter.choices),
                )
    if not parameter.optional:
        must_be_present(ctx, typed, given.span, where=f"{record.name}(…)")
    return typed.op


def _constant(value: str | int | bool) -> ops.Const:
    if isinstance(value, bool):
        return ops.Const("boolean", "true" if value else "false")
    return ops.Const("integer" if isinstance(value, int) else "text", str(value))
