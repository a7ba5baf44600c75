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
from segwright.lang.typed import Frame, Typed
from segwright.lang.values import ladder
from segwright.plan import ops


def field_content(ctx: Context, frame: Frame, rule: FlatRule) -> Made:
    """The content of a rule whose target is a whole field or a named repetition."""
    made = alternatives_content(ctx, frame, rule.alternatives, 0, inside=False)
    for part in rule.parts:
        made = override_part(ctx, frame, made, part, rule)
    return made


def override_part(ctx: Context, frame: Frame, made: Made, part: FlatRule, rule: FlatRule) -> Made:
    """The content with one component's value replaced, in every alternative that has it."""
    target = part.target
    if not isinstance(target, ast.Hl7Path):
        raise AssertionError("a component is addressed by an HL7 path")
    where = (target.component, target.subcomponent or 1)
    outer = ctx.at
    if outer is not None:
        ctx.at = msgspec.structs.replace(outer, origin=part.origin, address=str(target), format="", line=None)
    hit = [False]
    adding = part.origin.word == "add"
    fresh: list[Typed] = []

    def in_leaves(leaves: ops.Leaves) -> ops.Leaves:
        puts = []
        for put in leaves.puts:
            if put.component == where[0] and (put.subcomponent == where[1] or not target.subcomponent):
                if put.subcomponent != where[1]:
                    hit[0] = True
                    continue
                hit[0] = True
                if adding:
                    ctx.report("SW0503", part.origin.span, Label(rule.origin.span, "base"), address=str(target))
                new = _part_put(ctx, frame, part, where, put, fresh, sure=_sure(made, put))
                if new is not None:
                    puts.append(new)
            else:
                puts.append(put)
        if adding and not hit[0]:
            new = _part_put(ctx, frame, part, where, None, fresh)
            if new is not None:
                puts.append(new)
                puts.sort(key=lambda p: (p.component, p.subcomponent))
        result = msgspec.structs.replace(leaves, puts=tuple(puts))
        before, ctx.at = ctx.at, outer
        ctx.note_instead(result, leaves)
        ctx.at = before
        return result

    content = map_leaves(ctx, made.content, in_leaves)
    ctx.at = outer
    if not hit[0] and not adding:
        known = [f".{c}" + (f".{s}" if s > 1 else "") for c, s in sorted(made.leaves)]
        ctx.report(
            "SW0514",
            part.origin.span,
            Label(rule.origin.span, "base"),
            address=f"{outer.address.rpartition(' ')[0]} {target}".strip() if outer is not None else str(target),
            known=shown(known),
        )
        return made
    return _with_leaf(msgspec.structs.replace(made, content=content), where, fresh[-1] if fresh else None, adding)


def _with_leaf(made: Made, where: Place, leaf: Typed | None, adding: bool) -> Made:
    """What is known of a content, and of each of its branches, with one leaf changed."""
    leaves = dict(made.leaves)
    if leaf is None:
        leaves.pop(where, None)
    elif adding or where in leaves:
        leaves[where] = leaf
    branches = tuple(
        msgspec.structs.replace(branch, made=_with_leaf(branch.made, where, leaf, adding)) for branch in made.branches
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
) -> ops.Put | None:
    (first, *_) = part.alternatives
    if isinstance(first.value, ast.Blank) and len(part.alternatives) == 1 and first.when is None:
        return None
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
