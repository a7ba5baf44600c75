"""Declarations that no message uses, checked for themselves: a mistake in a shared file is told before somebody uses it.

Takes one table, format, part or text and a context without an organisation; leaves in the context what is wrong with it, as if it
were used once with values of its declared types. Not told is what only its use can show: that a value has no row (a hospital may
never send it), and anything about configuration, which is of every type here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from segwright.core.source import NOWHERE, Span
from segwright.lang import ast
from segwright.lang.contents import value_content
from segwright.lang.context import Context, Written
from segwright.lang.expand import Expander
from segwright.lang.flat import Origin
from segwright.lang.lowering import lower
from segwright.lang.settings import Declared, Setting
from segwright.lang.typed import NOTHING, Frame, Typed, present
from segwright.lang.writing import first_frame, write_body
from segwright.plan import ops
from segwright.plan.model import FIELD, TEXT

NEEDS_A_USE: Final = frozenset({"SW0613"})
"""Findings that depend on what is looked up: not every table has to answer everything."""


class Nobody:
    """Answers `lang.settings.Settings` for no organisation: every declared key may be anything, and no value is known."""

    id = ""
    environment = ""
    environments: tuple[str, ...] = ()

    def __init__(
        self,
        version: str,
        declared: Callable[[tuple[str, ...]], Declared | None],
        keys: frozenset[tuple[str, ...]],
    ) -> None:
        self.version = version
        self._declared = declared
        self._keys = keys

    def setting(self, key: tuple[str, ...]) -> Setting | None:
        """No value."""
        return None

    def setting_in(self, environment: str, key: tuple[str, ...]) -> Setting | None:
        """No value."""
        return None

    def items_at(self, key: tuple[str, ...]) -> tuple[Span, ...]:
        """No items."""
        return ()

    def declared(self, key: tuple[str, ...]) -> Declared | None:
        """The declaration of a key."""
        return self._declared(key)

    def keys(self) -> frozenset[tuple[str, ...]]:
        """Every key that mappings may read."""
        return self._keys

    def is_broken(self, key: tuple[str, ...]) -> bool:
        """That no value is given says nothing."""
        return True

    def span(self) -> Span:
        """There is no org.yaml."""
        return NOWHERE

    charset = ""

    def lacking(self, text: str) -> str:
        """Nothing."""
        return ""

    def limit(self, place: str) -> tuple[str, int] | None:
        """No limits."""
        return None


def check_alone(ctx: Context, declaration: ast.Declaration) -> None:
    """Uses a declaration once, and forgets what came of it but the findings."""
    before = len(ctx.found)
    ctx.at = Written(Origin("base", declaration.span), declaration.name)
    match declaration:
        case ast.Table():
            _table(ctx, declaration)
        case ast.Format():
            _format(ctx, declaration)
        case ast.Part():
            _part(ctx, declaration)
        case ast.Narrative():
            frame, arguments = _given(ctx, (declaration.parameter,) if declaration.parameter is not None else ())
            lower(ctx, frame, ast.TextCall(declaration.name, arguments, declaration.span))
        case ast.Record() | ast.Enum():
            pass
    ctx.found[before:] = [found for found in ctx.found[before:] if found.code not in NEEDS_A_USE]


def _given(ctx: Context, parameters: tuple[ast.Parameter, ...]) -> tuple[Frame, tuple[ast.Argument, ...]]:
    """A place where each parameter has a value of its type under its own name, and the arguments that hand these on."""
    frame = first_frame(ctx, parameters, {})
    return frame, tuple(ast.Argument("", ast.Ref((p.name,), p.span), p.span) for p in parameters)


def _table(ctx: Context, table: ast.Table) -> None:
    span = table.span
    back = len(table.keys) == 1 and bool(table.rows) and all(row.arrow == "<-" for row in table.rows)
    names = {
        f"key {number}": Typed(
            ops.Slot(ctx.slot()), TEXT if back else ctx.type_named(str(key), span), key=(f"key {number}",), span=span
        )
        for number, key in enumerate(table.keys, 1)
    }
    facts = NOTHING
    for name in names:
        facts = facts.both(present((name,)))
    frame = Frame(names, facts)
    keys = [ast.Ref((name,), span) for name in names]
    for column in table.columns:
        asked = ast.Ref((table.name, column.name) if column.name else (table.name,), span)
        if back:
            lower(ctx, frame, ast.Via(keys[0], asked, None, span))
        elif len(keys) == 1:
            value_content(ctx, frame, ast.Via(keys[0], asked, None, span), 0)
        else:
            value_content(ctx, frame, ast.Call(asked, tuple(ast.Argument("", key, span) for key in keys), span), 0)


def _format(ctx: Context, format_: ast.Format) -> None:
    span = format_.span
    if format_.direction == "as":
        frame, (argument,) = _given(ctx, (format_.parameter,))
        value_content(ctx, frame, ast.As(argument.value, format_.name, (), None, span, span), 0)
        return
    received = Typed(ops.Slot(ctx.slot()), FIELD, key=("field",), said="the field", span=span)
    frame = Frame({"field": received}, present(("field",)), reading=True)
    lower(ctx, frame, ast.As(ast.Ref(("field",), span), format_.name, (), None, span, span))


def _part(ctx: Context, part: ast.Part) -> None:
    frame, arguments = _given(ctx, part.parameters)
    expander = Expander(ctx.scope, "base")
    items = expander.body((ast.Use(part.name, arguments, part.span),))
    ctx.found += expander.found
    write_body(ctx, frame, items)
