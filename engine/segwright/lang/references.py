"""Dotted names: what is bound in a place, its attributes, configuration, enum values.

Takes a `Ref` and the frame it stands in; gives its value, or why the name means nothing here with the nearest one that does.
"""

from __future__ import annotations

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.typed import Frame, Typed
from segwright.plan import ops
from segwright.plan.model import BOOLEAN, Type


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
