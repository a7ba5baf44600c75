"""This organisation's length limits: `limits: {HD.1: cut 20}` in org.yaml, by data type or component.

A limit wraps the value of every put that lands in such a place with `text(max: …)`; what is a constant within it stays as it is.
"""

from __future__ import annotations

import msgspec

from segwright.lang.contents import Made
from segwright.lang.context import Context
from segwright.lang.parts import map_leaves
from segwright.plan import ops


def limited(ctx: Context, segment: str, field: int, made: Made) -> Made:
    """The content of a field under the organisation's limits."""
    declared = ctx.profile.segment(segment)
    place = declared.field(field) if declared is not None else None
    if place is None or place.withdrawn:
        return made
    datatype = place.datatype

    def change(leaves: ops.Leaves) -> ops.Leaves:
        puts = tuple(_put(ctx, put, _limit(ctx, datatype, put)) for put in leaves.puts)
        if all(a is b for a, b in zip(puts, leaves.puts, strict=True)):
            return leaves
        return msgspec.structs.replace(leaves, puts=puts)

    content = map_leaves(ctx, made.content, change)
    return made if content is made.content else msgspec.structs.replace(made, content=content)


def _limit(ctx: Context, datatype: str, put: ops.Put) -> tuple[str, int] | None:
    """The limit of a leaf's place: of its component in the type, of the type it lands in, or of the subcomponent there."""
    type_ = ctx.profile.datatype(datatype)
    if type_ is None or type_.primitive:
        return ctx.settings.limit(datatype)
    component = type_.component(put.component)
    found = ctx.settings.limit(f"{datatype}.{put.component}")
    if component is None or found is not None:
        return found
    inner = ctx.profile.datatype(component.datatype)
    if inner is None or inner.primitive:
        return ctx.settings.limit(component.datatype)
    return ctx.settings.limit(f"{component.datatype}.{put.subcomponent}")


def _put(ctx: Context, put: ops.Put, limit: tuple[str, int] | None) -> ops.Put:
    if limit is None or put.coding == "formatted":
        return put
    over, length = limit
    if isinstance(put.value, ops.Const) and (put.value.type != "text" or len(put.value.value) <= length):
        return put
    call = ops.Call(
        ctx.function("text/text@1"), (put.value, ops.Const("integer", str(length)), ops.Const("text", over))
    )
    before, ctx.at = ctx.at, ctx.written.get(id(put)) or ctx.at
    ctx.note(call)
    new = msgspec.structs.replace(put, value=call)
    ctx.note(new)
    ctx.at = before
    return new
