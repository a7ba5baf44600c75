"""Checks on a whole written message: structure, required fields, OBX-2 against OBX-5, this hospital's mandatory fields.

They stand on what lowering learnt of every segment (`SegmentFacts`). Each deviation has a code that `allow` can name.
"""

from __future__ import annotations

from segwright.core.diagnostic import Label
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.flat import NOWHERE, FlatMapping, FlatRule, alike
from segwright.lang.habits import check_habits
from segwright.lang.places import allowed, check_place
from segwright.lang.typed import Typed
from segwright.lang.writing import Fact, LoopFacts, SegmentFacts, segments
from segwright.profiles import Loop, Problem, Seg, place, required_segments

NUMERIC = {"NM", "SN"}
SHORT_TEXTS = {"ST", "TX", "ID", "IS"}


def check_written(
    ctx: Context, mapping: FlatMapping, types: tuple[str, ...], mandatory: tuple[str, ...], facts: tuple[Fact, ...]
) -> None:
    """All whole-message checks of a writing mapping."""
    for message_type in (t for t in types if t in mapping.messages):
        _structure(ctx, mapping, message_type, facts)
    for fact in segments(facts):
        _required_fields(ctx, fact)
        _value_type(ctx, fact)
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
    from segwright.lang.hl7path import parse_path

    for text in mandatory:
        path = parse_path(text)
        if path is None or not check_place(ctx, path, reading=True):
            continue
        found = [fact for fact in segments(facts) if fact.item.name == path.segment]
        if not found:
            ctx.report("SW0418", mapping.span, path=text, segment=path.segment, message=mapping.name)
            continue
        for fact in found:
            if fact.echo:
                continue
            written = fact.fields.get(path.field)
            if written is None:
                ctx.report("SW0418", fact.item.origin.span, path=text, segment=path.segment, message=mapping.name)
                continue
            if path.component:
                where = (path.component, path.subcomponent or 1)
                sure = any(
                    not m.maybe
                    and (m.opaque or (where in m.leaves and (len(m.leaves) == 1 or not m.leaves[where].maybe)))
                    for m in written.made
                )
            else:
                sure = not written.maybe
            if not sure:
                ctx.report(
                    "SW0419",
                    written.rules[0].origin.span,
                    path=text,
                    message=mapping.name,
                    name=next((m.said for m in written.made if m.said), ""),
                )


# --- OBX-2 against OBX-5 ---------------------------------------------------------------------------------------------


def _value_type(ctx: Context, fact: SegmentFacts) -> None:
    if fact.item.name != "OBX" or 5 not in fact.fields:
        return
    if 2 not in fact.fields:
        if not allowed(ctx, "SW0420", "OBX-2"):
            ctx.report("SW0420", fact.item.origin.span)
        return
    types, values = fact.fields[2], fact.fields[5]
    type_leaf = next((m.leaves.get((1, 1)) for m in types.made if (1, 1) in m.leaves), None)
    if type_leaf is None or type_leaf.constants is None:
        if not allowed(ctx, "SW0421", "OBX-2"):
            ctx.report("SW0421", types.rules[0].origin.span)
        return
    for rung, constants in _branches(types.rules[0], type_leaf):
        for value_type in constants:
            problem = _fits(ctx, value_type, values.made[0].leaves, rung, types.rules[0], values.rules[0])
            if problem and not allowed(ctx, "SW0422", "OBX-5", "OBX-2"):
                ctx.report(
                    "SW0422",
                    values.rules[0].origin.span,
                    Label(types.rules[0].origin.span, "the_type"),
                    type=value_type,
                    problem=problem,
                )
                return


def _branches(rule: FlatRule, leaf: Typed) -> list[tuple[int, tuple[str, ...]]]:
    """The value types by rung, when OBX-2 is a ladder of literals; else all of them together."""
    texts = [a.value.value for a in rule.alternatives if isinstance(a.value, ast.Text)]
    if len(texts) == len(rule.alternatives) > 1:
        return [(n, (text,)) for n, text in enumerate(texts)]
    return [(-1, leaf.constants or ())]


def _pair(value_type: str, primitive: bool, value: ast.Value) -> str:
    """Why the value of one branch cannot be of the type of the same branch, as far as its form shows it."""
    if primitive and isinstance(value, ast.Composite):
        return f"{value_type} is one value, and OBX-5 has components there"
    wordy = isinstance(value, ast.Interpolation) or (isinstance(value, ast.Text) and not _is_number(value.value))
    if value_type == "NM" and wordy:
        return "NM holds a number, and there it is text"
    if value_type in SHORT_TEXTS and isinstance(value, ast.As) and value.format == "ft":
        return f"{value_type} is plain text, and `as ft` makes formatted text"
    return ""


def _fits(
    ctx: Context, value_type: str, leaves: dict[tuple[int, int], Typed], rung: int, types: FlatRule, values: FlatRule
) -> str:
    """Why a value of OBX-5 cannot be of a type, or ""."""
    datatype = ctx.profile.datatype(value_type)
    if datatype is None:
        return f"HL7 {ctx.profile.version} has no data type {value_type}"
    if rung >= 0 and len(values.alternatives) > 1:
        # Each branch of OBX-5 has its own form. Where both fields decide alike, branch is held against branch.
        if len(types.alternatives) == len(values.alternatives) and all(
            alike(a.when, b.when) for a, b in zip(types.alternatives, values.alternatives, strict=True)
        ):
            return _pair(value_type, datatype.primitive, values.alternatives[rung].value)
        return ""
    several = any(where != (1, 1) for where in leaves)
    if datatype.primitive and several:
        return f"{value_type} is one value, and OBX-5 has components here"
    first = leaves.get((1, 1))
    if value_type == "NM" and first is not None and first.known and first.type.name == "text":
        literal = first.constants is not None and all(_is_number(c) for c in first.constants)
        if first.hint not in ("number", "integer", "value_of") and not literal:
            return "NM holds a number, and this is text"
    if value_type in SHORT_TEXTS and first is not None and first.hint == "ft":
        return f"{value_type} is plain text, and `as ft` makes formatted text"
    if value_type in ("DT", "DTM", "TS", "TM") and first is not None and first.hint not in ("date", "dtm", "time"):
        return f"{value_type} holds a time, and this is not one"
    if value_type in ("ED", "RP") and not several:
        return f"{value_type} has components, and OBX-5 has one value here"
    return ""


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
