"""This organisation's length limits: `limits: {HD.1: cut 20}` in org.yaml, by data type or component.

A limit wraps the value of every put that lands in such a place with `text(max: …)`, which measures what goes out, after the
replacing of characters that the charset lacks; a constant within it stays as it is. What OBX-5 is, OBX-2 says.
"""

from __future__ import annotations

import msgspec

from segwright.lang.contents import Made
from segwright.lang.context import Context
from segwright.lang.parts import map_leaves
from segwright.plan import ops
from segwright.plan.walk import LIMIT


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


def limited_as_said(ctx: Context, types: tuple[Made, ...], values: tuple[Made, ...]) -> tuple[Made, ...]:
    """The contents of OBX-5 under the limits of the types that OBX-2 can say: of each where it says it."""
    said = [put for made in types if isinstance(made.content, ops.Leaves) for put in made.content.puts]
    leaf = types[0].leaves.get((1, 1))
    if len(types) != 1 or len(said) != 1 or leaf is None or not leaf.constants:
        return values
    names = tuple(dict.fromkeys(leaf.constants))
    changed = []
    for made in values:
        content = map_leaves(ctx, made.content, lambda leaves: _as_said(ctx, leaves, names, said[0].value))
        changed.append(made if content is made.content else msgspec.structs.replace(made, content=content))
    return tuple(changed)


def _as_said(ctx: Context, leaves: ops.Leaves, names: tuple[str, ...], said: ops.Value) -> ops.Leaves:
    puts = []
    for put in leaves.puts:
        limits = {name: _limit(ctx, name, put) for name in names}
        if len(set(limits.values())) == 1:
            puts.append(_put(ctx, put, limits[names[0]]))
            continue
        each = [
            (ops.Equal(said, ops.Const("text", name)), limit) for name, limit in limits.items() if limit is not None
        ]
        length = ops.Choose(tuple(ops.Rung(ops.Const("integer", str(limit[1])), when) for when, limit in each))
        over = ops.Choose(tuple(ops.Rung(ops.Const("text", limit[0]), when) for when, limit in each))
        puts.append(_wrapped(ctx, put, length, over))
    if all(a is b for a, b in zip(puts, leaves.puts, strict=True)):
        return leaves
    return msgspec.structs.replace(leaves, puts=tuple(puts))


def _limit(ctx: Context, datatype: str, put: ops.Put) -> tuple[str, int] | None:
    """The limit of a leaf's place: of its component in the type, else of the subcomponent there, else of the type it lands in."""
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
    subcomponent = inner.component(put.subcomponent)
    found = ctx.settings.limit(f"{component.datatype}.{put.subcomponent}")
    if subcomponent is None or found is not None:
        return found
    return ctx.settings.limit(subcomponent.datatype)


def _put(ctx: Context, put: ops.Put, limit: tuple[str, int] | None) -> ops.Put:
    if limit is None:
        return put
    over, length = limit
    if isinstance(put.value, ops.Const):
        short = len(put.value.value) <= length and put.value.value.isascii()
        if put.value.type != "text" or short:
            return put
    return _wrapped(ctx, put, ops.Const("integer", str(length)), ops.Const("text", over))


def _wrapped(ctx: Context, put: ops.Put, length: ops.Value, over: ops.Value) -> ops.Put:
    call = ops.Call(ctx.function(LIMIT), (put.value, length, over))
    before, ctx.at = ctx.at, ctx.written.get(id(put)) or ctx.at
    ctx.note(call)
    new = msgspec.structs.replace(put, value=call)
    ctx.note(new)
    ctx.at = before
    return new
