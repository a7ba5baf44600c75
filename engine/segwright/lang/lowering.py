"""The one way from a written value to its operation: `lower` asks the function that `lang.dispatch` names for its kind of node.

Values hold conditions, conditions hold values, and both hold lookups, formats and texts. So that each has a module of its own and
these know only what lies below them, all of them lower what they hold through here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.typed import Frame, Typed
from segwright.plan.model import Type

Lowers: TypeAlias = Callable[[Context, Frame, Any, "Type | None"], Typed]
"""Lowers one kind of node. The last argument is the type the place expects."""

KINDS: Final[dict[type[ast.Node], Lowers]] = {}
"""Filled by `lang.dispatch`, once."""


def lower(ctx: Context, frame: Frame, node: ast.Value, want: Type | None = None) -> Typed:
    """One value; what is wrong becomes a finding and a value of unknown type, which fits everywhere. `want` is the type the place
    expects: it gives bare words (enum values, yes/no) their meaning."""
    typed = KINDS[type(node)](ctx, frame, node, want)
    ctx.note(typed.op, node.span)
    return typed
