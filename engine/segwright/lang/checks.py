"""Checks on a whole written message: structure, required fields, OBX-2 against OBX-5, this hospital's mandatory fields.

They stand on what lowering learnt of every segment (`SegmentFacts`). Each deviation has a code that `allow` can name.
"""

from __future__ import annotations

import msgspec

from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.flat import NOWHERE, FlatMapping
from segwright.lang.habits import check_habits
from segwright.lang.hl7path import parse_path
from segwright.lang.observed import check_value_type
from segwright.lang.places import allowed, check_place
from segwright.lang.writing import Fact, LoopFacts, SegmentFacts, segments
from segwright.profiles import Loop, Problem, Seg, place, required_segments


def check_written(
    ctx: Context, mapping: FlatMapping, types: tuple[str, ...], mandatory: tuple[str, ...], facts: tuple[Fact, ...]
) -> None:
    """All whole-message checks of a writing mapping."""
    for message_type in (t for t in types if t in mapping.messages):
        _structure(ctx, mapping, message_type, facts)
    for fact in segments(facts):
        _required_fields(ctx, fact)
        check_value_type(ctx, fact)
    _mandatory(ctx, mapping, mandatory, facts)
    check_habits(ctx, facts)


# --- structure -------------------------------------------------------------------------------------------------------


def _structure(ctx: Context, mapping: FlatMapping, message_type: str, facts: tuple[Fact, ...]) -> None:
    structure = ctx.profile.structure(message_type)
    if structure is None:
        if not allowed(ctx, "SW0413", "message"):
            ctx.report("SW0413", mapping.span, type=message_type, version=ctx.profile.version)
        return
    items, flat = _items(facts)
    written = {fact.item.name for fact in segments(facts)}
    missing = [name for name in required_segments(structure) if name not in written]
    for problem in place(structure, items).problems:
        fact = flat.get(problem.path)
        if problem.kind != "outside" and set(problem.after) & set(missing):
            continue  # it stands behind what is missing: that is told below
        if fact is None or fact.item.after == NOWHERE or allowed(ctx, "SW0403", problem.segment, fact.item.label):
            continue
        _misplaced(ctx, problem, fact, structure.id)
    for name in missing:
        if not allowed(ctx, "SW0414", name):
            ctx.report("SW0414", mapping.span, segment=name, structure=structure.id, version=ctx.profile.version)


def _items(
    facts: tuple[Fact, ...], path: tuple[int, ...] = ()
) -> tuple[list[Seg | Loop], dict[tuple[int, ...], SegmentFacts]]:
    items: list[Seg | Loop] = []
    flat: dict[tuple[int, ...], SegmentFacts] = {}
    for number, fact in enumerate(facts):
        here = (*path, number)
        if isinstance(fact, LoopFacts):
            inner, found = _items(fact.body, here)
            items.append(Loop(tuple(inner)))
            flat.update(found)
        else:
            items.append(Seg(fact.item.name, not fact.certain))
            flat[here] = fact
    return items, flat


def _after(segments_: tuple[str, ...]) -> str:
    names = [name for name in segments_ if name]
    return "after " + " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) if names else "first"


def _misplaced(ctx: Context, problem: Problem, fact: SegmentFacts, structure: str) -> None:
    ctx.report(
        "SW0403" if problem.kind == "outside" else "SW0415",
        fact.item.origin.span,
        segment=problem.segment,
        structure=structure,
        version=ctx.profile.version,
        path=problem.segment,
        after=_after(problem.after),
        stood=_after(problem.stood_after),
    )


# --- required fields -------------------------------------------------------------------------------------------------


def _required_fields(ctx: Context, fact: SegmentFacts) -> None:
    segment = ctx.profile.segment(fact.item.name)
    if segment is None or fact.echo:
        return
    for field in segment.fields:
        if not field.required or field.withdrawn or (fact.item.name, field.number) in (("MSH", 1), ("MSH", 2)):
            continue
        path = f"{fact.item.name}-{field.number}"
        written = fact.fields.get(field.number)
        if written is None:
            if not allowed(ctx, "SW0416", path):
                ctx.report("SW0416", fact.item.origin.span, path=path, name=field.name, version=ctx.profile.version)
        elif written.maybe and not allowed(ctx, "SW0417", path):
            ctx.report("SW0417", written.rules[0].origin.span, path=path, name=field.name, version=ctx.profile.version)


def _mandatory(ctx: Context, mapping: FlatMapping, mandatory: tuple[str, ...], facts: tuple[Fact, ...]) -> None:
    """This hospital's own mandatory fields: certain in every segment of that name."""
    for number, text in enumerate(mandatory):
        path = parse_path(text)
        before = len(ctx.found)
        if path is None or not check_place(ctx, path, reading=True):
            for each, finding in enumerate(ctx.found[before:], before):
                at = ctx.settings.items_at(("mandatory", mapping.name))
                ctx.found[each] = msgspec.structs.replace(finding, span=at[number] if at else mapping.span)
            continue
        found = [fact for fact in segments(facts) if fact.item.name == path.segment]
        if not found:
            ctx.report("SW0418", mapping.span, path=text, segment=path.segment, message=mapping.name)
            continue
        for fact in found:
            written = fact.fields.get(path.field)
            if written is None and fact.echo:
                _may_be_empty(ctx, mapping, fact.item.origin.span, text, path, came=True)
                continue
            if written is None:
                ctx.report("SW0418", fact.item.origin.span, path=text, segment=path.segment, message=mapping.name)
                continue
            if path.component:
                where = (path.component, path.subcomponent or 1)
                sure = any(
                    not m.maybe and where in m.leaves and (len(m.leaves) == 1 or not m.leaves[where].maybe)
                    for m in written.made
                )
            else:
                sure = not written.maybe
            if not sure:
                came = any(m.opaque for m in written.made)
                name = next((m.said for m in written.made if m.said), "")
                _may_be_empty(ctx, mapping, written.rules[0].origin.span, text, path, name=name, came=came)


def _may_be_empty(
    ctx: Context, mapping: FlatMapping, span: Span, text: str, path: ast.Hl7Path, *, name: str = "", came: bool = False
) -> None:
    """`came`: it is sent as it was received, so that nothing is known of its components."""
    whole = f"{path.segment}-{path.field}"
    part = text if came and path.component else ""
    ctx.report("SW0419", span, path=text, whole=whole, part=part, message=mapping.name, name=name)
