"""What came in: HL7 paths, components and kept segments as values of a reading mapping.

`PID-3` is the whole field (type `field`), `PID-3.1` a text. A field that may repeat is read with `first` or `each`: nothing is
dropped in silence. `.1` reads from the repetition at hand.
"""

from __future__ import annotations

from typing import Final

from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.places import check_place
from segwright.lang.typed import UNKNOWN, Frame, Typed
from segwright.plan import ops
from segwright.plan.model import FIELD, TEXT, Type, scalar

SEPARATORS: Final = {("MSH", 1), ("MSH", 2)}


def take(
    ctx: Context, frame: Frame, node: ast.Hl7Path | ast.ComponentPath | ast.Keep, want: Type | None = None
) -> Typed:
    """A received place as a value."""
    if isinstance(node, ast.Keep):
        if not frame.reading:
            return ctx.fail("SW0340", node.span, said="keep")
        return Typed(
            ops.Keep(node.segments),
            scalar("segments"),
            maybe=True,
            said="keep " + ", ".join(node.segments),
            span=node.span,
        )
    if isinstance(node, ast.ComponentPath):
        return _component(ctx, frame, node)
    if not frame.reading:
        return ctx.fail("SW0340", node.span, said=str(node))
    if not check_path(ctx, node):
        return Typed(ops.Const("blank"), UNKNOWN, maybe=True, soft=True, span=node.span)
    whole = ops.Take(node.segment, node.field, single=True)
    ctx.note(whole)
    key = ("hl7", str(node))
    maybe = not frame.facts.is_present(key)
    field_type = ctx.profile.segment(node.segment)
    declared = field_type.field(node.field) if field_type is not None else None
    if declared is not None and (declared.repeats is None or declared.repeats > 1):
        return ctx.fail("SW0341", node.span, path=str(node))
    if not node.component:
        return Typed(whole, FIELD, maybe=maybe, key=key, said=str(node), span=node.span)
    op = ops.Component(whole, node.component, node.subcomponent)
    return Typed(op, TEXT, maybe=maybe, key=key, said=str(node), span=node.span)


def _component(ctx: Context, frame: Frame, node: ast.ComponentPath) -> Typed:
    if frame.element is None:
        return ctx.fail("SW0342", node.span, said=str(node))
    key = (*frame.element.key, str(node))
    op = ops.Component(frame.element.op, node.component, node.subcomponent)
    return Typed(op, TEXT, maybe=not frame.facts.is_present(key), key=key, said=str(node), span=node.span)


def repetitions(ctx: Context, frame: Frame, node: ast.Hl7Path) -> Typed:
    """All repetitions of a field in all its segments, for `each PID-3` and `first PID-3`."""
    if not frame.reading:
        return ctx.fail("SW0340", node.span, said=str(node))
    if not check_path(ctx, node):
        return Typed(ops.Const("blank"), UNKNOWN, maybe=True, soft=True, span=node.span)
    op = ops.TakeAll(node.segment, node.field)
    ctx.note(op)
    if node.component:
        slot = ctx.slot()
        inner = ops.Component(ops.Slot(slot), node.component, node.subcomponent)
        each = ops.Each(slot, op, inner)
        return Typed(each, Type("list", of=TEXT), said=str(node), span=node.span)
    return Typed(op, Type("list", of=FIELD), said=str(node), span=node.span)


def check_path(ctx: Context, node: ast.Hl7Path) -> bool:
    """Whether a received path can exist in this organisation's version, and holds data; Z-segments are free."""
    if (node.segment, node.field) in SEPARATORS:
        ctx.report("SW0346", node.span, path=f"{node.segment}-{node.field}")
        return False
    return check_place(ctx, node, reading=True)
