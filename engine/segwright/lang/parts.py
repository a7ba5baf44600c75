"""Overrides of single components: what an overlay changes inside the value of a rule below it.

A field written through a format or a composite counts as one rule per component. `field_content` lowers a rule with such
overrides (its `parts`); each replaces, adds or takes out the leaves at its place in every alternative that has them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.core.suggest import shown
from segwright.lang import ast
from segwright.lang.contents import Made, Place, alternatives_content, make_put
from segwright.lang.context import Context
from segwright.lang.duties import duty_of, judge_value
from segwright.lang.fitting import printable
from segwright.lang.flat import FlatRule, mentions, rewrite
from segwright.lang.rules import added, removes
from segwright.lang.typed import Frame, Typed
from segwright.lang.values import ladder
from segwright.plan import ops


def field_content(ctx: Context, frame: Frame, rule: FlatRule) -> Made:
    """The content of a rule whose target is a whole field or a named repetition."""
    return with_parts(ctx, frame, alternatives_content(ctx, frame, rule.alternatives, 0, inside=False), rule)


def with_parts(ctx: Context, frame: Frame, made: Made, rule: FlatRule) -> Made:
    """What a rule's own alternatives made, with the parts of it that overlays changed."""
    for part in rule.parts:
        made = override_part(ctx, frame, made, part, rule)
    return made


def override_part(ctx: Context, frame: Frame, made: Made, part: FlatRule, rule: FlatRule) -> Made:
    """The content with one component's value replaced, in every alternative that has it. A component that has subcomponents
    gives way as a whole."""
    target = part.target
    if not isinstance(target, ast.Hl7Path):
        raise AssertionError("a component is addressed by an HL7 path")
    where = (target.component, target.subcomponent or 1)
    outer = ctx.at
    if outer is not None:
        ctx.at = msgspec.structs.replace(outer, origin=part.origin, address=str(target), format="", line=None)
    said = f"{outer.address.rpartition(' ')[0]} {target}".strip() if outer is not None else str(target)
    hit = [False]
    addition, removing = added(part), removes(part)
    fresh: list[Typed] = []

    def refuse(code: str, by: FlatRule, **facts: object) -> None:
        if not ctx.blamed(by.origin.span):
            ctx.report(code, by.origin.span, Label(rule.origin.span, "base"), address=said, **facts)  # type: ignore[arg-type]

    def in_leaves(leaves: ops.Leaves) -> ops.Leaves:
        under = [put for put in leaves.puts if _inside(target, (put.component, put.subcomponent))]
        if not under and (addition is None or removing):
            return leaves
        hit[0] = True
        below = next((put for put in under if put.subcomponent == where[1]), None)
        if under and addition is not None and not removing:
            refuse("SW0503", addition)
        elif under and _inherits(part) and (below is None or len(under) > 1):
            places = [f"`{_field(target)}.{put.component}.{put.subcomponent}`" for put in under]
            refuse("SW0512", part, rules=" and ".join(places))
            below = below or under[0]
        puts = [put for put in leaves.puts if put not in under]
        if not removing:
            sure = below is not None and _sure(made, below)
            puts.append(_part_put(ctx, frame, part, where, below, fresh, sure=sure))
            puts.sort(key=lambda put: (put.component, put.subcomponent))
        result = msgspec.structs.replace(leaves, puts=tuple(puts))
        before, ctx.at = ctx.at, outer
        ctx.note_instead(result, leaves)
        ctx.at = before
        return result

    content = map_leaves(ctx, made.content, in_leaves)
    ctx.at = outer
    if not hit[0] and made.opaque:
        refuse("SW0514", part, field=_field(target))
    elif not hit[0] and addition is None:
        known = [f".{c}" + (f".{s}" if s > 1 else "") for c, s in sorted(made.leaves)]
        refuse("SW0514", part, known=shown(known), add=said)
    if not hit[0]:
        return made
    leaf = fresh[-1] if fresh else None
    return _with_leaf(msgspec.structs.replace(made, content=content), target, leaf, addition is not None)


def _field(target: ast.Hl7Path) -> ast.Hl7Path:
    """The field, or the named repetition, in which a component is."""
    return msgspec.structs.replace(target, component=0, subcomponent=0)


def _inside(target: ast.Hl7Path, place: Place) -> bool:
    """Whether a leaf is the component that a target names, or inside it."""
    return place[0] == target.component and (not target.subcomponent or place[1] == target.subcomponent)


def _with_leaf(made: Made, target: ast.Hl7Path, leaf: Typed | None, adding: bool) -> Made:
    """What is known of a content, and of each of its branches, with one leaf in the place of what was there."""
    leaves = {place: typed for place, typed in made.leaves.items() if not _inside(target, place)}
    if leaf is not None and (adding or len(leaves) < len(made.leaves)):
        leaves[target.component, target.subcomponent or 1] = leaf
    branches = tuple(
        msgspec.structs.replace(branch, made=_with_leaf(branch.made, target, leaf, adding)) for branch in made.branches
    )
    return msgspec.structs.replace(made, leaves=leaves, branches=branches)


def _sure(made: Made, put: ops.Put) -> bool:
    """Whether a leaf is there whenever its repetition is."""
    leaf = made.leaves.get((put.component, put.subcomponent))
    return leaf is not None and not leaf.maybe


def _part_put(
    ctx: Context,
    frame: Frame,
    part: FlatRule,
    where: Place,
    put: ops.Put | None,
    fresh: list[Typed],
    *,
    sure: bool = False,
) -> ops.Put:
    (first, *_) = part.alternatives
    if put is not None and _inherits(part):
        # `inherited` in an override of a component is the operation below, whatever wrote it.
        below = Typed(
            put.value,
            ctx.type_named("text", part.origin.span),
            maybe=not sure,
            soft=True,
            hint="ft" if put.coding == "formatted" else "",
            key=("inherited",),
            said="inherited",
        )
        inner = frame.binding(inherited=below)
        alternatives = tuple(
            _rung(rung, part.origin.span, guarded=put.duty.need != "optional") for rung in part.alternatives
        )
    else:
        inner, alternatives = frame, part.alternatives
    typed = printable(ctx, ladder(ctx, inner, alternatives), part.origin.span)
    judge_value(ctx, first, typed)
    duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=True)
    if put is not None and not first.duty.kind and _inherits(part) and not isinstance(first.value, ast.Else):
        duty = put.duty  # as for a whole field: a line that says nothing keeps the duty below
    fresh.append(msgspec.structs.replace(typed, maybe=typed.maybe and duty.need != "any"))
    return make_put(ctx, where, typed, duty)


def _rung(rung: ast.Alternative, span: Span, *, guarded: bool) -> ast.Alternative:
    """A rung with the name `inherited` in place of the word. `guarded`: what stands below may be missing, and its duty says what
    then; so nothing is made of it when it is."""
    below = ast.Ref(("inherited",), span)
    value = _guarded(rung.value, below, span) if guarded else rung.value
    named = msgspec.structs.replace(rung, value=value)
    return rewrite(named, lambda node: below if isinstance(node, ast.Inherited) else None)  # type: ignore[return-value]


def _guarded(value: ast.Value, below: ast.Ref, span: Span) -> ast.Value:
    """The value where `inherited` is there. `else` and `join` say themselves what stands for what is missing."""
    if isinstance(value, ast.Else):
        return msgspec.structs.replace(value, value=_guarded(value.value, below, span))
    joins = isinstance(value, ast.Call) and value.name.names == ("join",)
    if joins or isinstance(value, ast.Inherited) or not mentions(value, ast.Inherited):
        return value
    there = ast.State(below, "present", False, span)
    return ast.Ladder((ast.Alternative(value, when=there, span=span),), span)


def _inherits(part: FlatRule) -> bool:
    return mentions(part.alternatives, ast.Inherited)


def map_leaves(ctx: Context, content: ops.Content, change: Callable[[ops.Leaves], ops.Leaves]) -> ops.Content:
    """The content with every repetition made of leaves changed."""
    new: ops.Content
    match content:
        case ops.Leaves():
            new = change(content)
        case ops.ChooseRep():
            new = ops.ChooseRep(
                tuple(msgspec.structs.replace(r, content=map_leaves(ctx, r.content, change)) for r in content.rungs)
            )
        case ops.Fallback():
            new = msgspec.structs.replace(content, contents=tuple(map_leaves(ctx, c, change) for c in content.contents))
        case ops.EachRep():
            new = msgspec.structs.replace(content, content=map_leaves(ctx, content.content, change))
        case _:
            return content
    ctx.note_instead(new, content)
    return new
