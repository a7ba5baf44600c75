"""Whether a value fits its place: there for certain, of one type with another, with one spelling as text.

Takes lowered values; gives them as the place needs them, or reports why they cannot stand there. Nothing is lowered here.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.lang.context import Context
from segwright.lang.typed import Typed
from segwright.plan import ops
from segwright.plan.model import DECIMAL, FIELD, TEXT, Type

_NUMBERS: Final = frozenset({"number", "integer", "value_of"})
_TIMES: Final = frozenset({"dtm", "date", "time"})
_SPELLINGS: Final = {
    **dict.fromkeys(_NUMBERS, re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")),
    **dict.fromkeys(_TIMES, re.compile(r"[0-9]{4,14}(?:\.[0-9]{1,4})?(?:[+-][0-9]{4})?")),
    "digits": re.compile(r"[0-9]+"),
}
"""What the built-ins on whose form a field relies write."""


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


def as_text(ctx: Context, typed: Typed) -> Typed:
    """A received field as one text, for what works on text; anything else as it is."""
    if typed.type != FIELD:
        return typed
    op = ops.Component(typed.op, 0)
    ctx.note(op)
    return msgspec.structs.replace(typed, op=op, type=TEXT)


def stand_in(ctx: Context, other: Typed, wanted: Type, span: Span) -> Typed:
    """What `on invalid` or `on unmapped` gives in place of a value of a type: it is of that type, too. Reports what is not."""
    if not other.known or other.type == wanted or other.hint in ("blank", "null"):
        return other
    if wanted.kind != "scalar" or wanted.name not in ("text", "code"):
        return ctx.fail("SW0306", span, left=str(wanted), right=str(other.type))
    if ctx.direction == "reads":
        other = as_text(ctx, other)
    written = printable(ctx, other, span)
    return msgspec.structs.replace(written, type=wanted) if written.known else written


def keeps_form(value: Typed, other: Typed) -> bool:
    """Whether `other`, where it stands in for `value`, has the form that the built-in behind `value` promises: a field that takes
    times or numbers relies on it."""
    spelling = _SPELLINGS.get(value.hint)
    if spelling is None or other.hint in (value.hint, "blank", "null"):
        return True
    if any({value.hint, other.hint} <= alike for alike in (_NUMBERS, _TIMES)):
        return True
    return other.constants is not None and all(spelling.fullmatch(text) for text in other.constants)


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
