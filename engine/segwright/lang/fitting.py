"""Whether a value fits its place: there for certain, of one type with another, with one spelling as text.

Takes lowered values; gives them as the place needs them, or reports why they cannot stand there. Nothing is lowered here.
"""

from __future__ import annotations

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.lang.context import Context
from segwright.lang.typed import Typed
from segwright.plan import ops
from segwright.plan.model import DECIMAL, TEXT, Type


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
