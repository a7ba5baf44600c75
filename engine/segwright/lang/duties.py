"""Rule 5: what may be missing says what happens then, and what cannot be missing says nothing.

Takes a rule's alternative and what lowering learnt of its value; gives its duty as an operation, or reports that it is lacking or
idle.
"""

from __future__ import annotations

from typing import Final

from segwright.lang import ast
from segwright.lang.conditions import condition
from segwright.lang.context import Context
from segwright.lang.fitting import lacking
from segwright.lang.typed import Frame, Typed
from segwright.plan import ops
from segwright.plan.model import FIELD

OPTIONAL: Final = ops.OPTIONAL


def duty_of(ctx: Context, frame: Frame, node: ast.Duty, typed_maybe: bool, *, inside: bool) -> ops.Duty:
    """A written duty as an operation. `inside` a format `required` means: when the composite has any value."""
    if node.kind == "required" and node.condition is not None:
        op, _, _ = condition(ctx, frame, node.condition)
        return ops.Duty("if", op)
    if node.kind == "required":
        return ops.Duty("any" if inside else "always")
    return OPTIONAL


def judge(
    ctx: Context,
    node: ast.Alternative,
    *,
    maybe: bool,
    soft: bool,
    said: str,
    absent_key: str,
    known: bool,
    blank: bool = False,
) -> None:
    """Rule 5: what may be missing says what then; what cannot be missing says nothing."""
    if not known or blank:
        return
    if maybe and not node.duty.kind:
        if absent_key:
            lacking(ctx, Typed(ops.Const("blank"), FIELD, absent_key=absent_key), node.value.span)
        elif not soft:
            ctx.report("SW0301", node.value.span, name=said)
    elif node.duty.kind and not maybe and not soft:
        ctx.report("SW0304", node.duty.span, name=said, word=node.duty.kind)


def judge_value(ctx: Context, node: ast.Alternative, typed: Typed) -> None:
    """`judge` for a rule whose alternatives are one value."""
    judge(
        ctx,
        node,
        maybe=typed.open,
        soft=typed.soft,
        said=typed.said,
        absent_key=typed.absent_key,
        known=typed.known,
        blank=isinstance(node.value, ast.Blank),
    )
