"""Editing the rules of one segment: what `override`, `add` and `remove` of an HL7 path mean.

An address may name a whole field, a named repetition, a component or a subcomponent. It *hits* the rule written for exactly
that place; a rule for the field around it (then only that component of its value changes); or the rules for the components
inside it (then they all give way). In an echoed segment every field is there to be hit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.flat import FlatLet, FlatRule, FlatSegment, Origin, Removed, alike, mentions, rewrite


class Rules(msgspec.Struct, frozen=True):
    """The new rules of a segment, and what was taken out."""

    rules: tuple[FlatRule | FlatLet, ...]
    removed: tuple[Removed, ...] = ()


def _key(path: ast.Target) -> tuple[int, str, int, int]:
    if not isinstance(path, ast.Hl7Path):
        raise AssertionError("rules of a segment have HL7 paths")
    return path.field, path.repetition, path.component, path.subcomponent


def holds(outer: ast.Target, inner: ast.Target) -> bool:
    """Whether the place `inner` is `outer` or lies inside it."""
    of, orep, oc, osub = _key(outer)
    nf, nrep, nc, nsub = _key(inner)
    if of != nf or (orep and orep != nrep):
        return False
    if not orep and nrep:
        return not oc
    return (not oc or oc == nc) and (not osub or osub == nsub)


def overlapping(left: ast.Target, right: ast.Target) -> bool:
    """Whether two places share anything: two rules for them would be two writers."""
    if not isinstance(left, ast.Hl7Path) or not isinstance(right, ast.Hl7Path):
        return str(left) == str(right)
    return holds(left, right) or holds(right, left)


def written_in(segment: FlatSegment, target: ast.Hl7Path) -> list[FlatRule]:
    """What the segment has for a place or anything that it shares with another: the rules, and the changed parts of the rule
    around it. The rule around it is not listed itself when only other parts of it are meant."""
    found = []
    for rule in _rules(segment):
        if not overlapping(rule.target, target):
            continue
        parts = [part for part in rule.parts if overlapping(part.target, target)]
        found += [msgspec.structs.replace(rule, parts=()), *parts]
    return found


def edit_rules(
    segment: FlatSegment, op: ast.OverrideRule | ast.AddRule | tuple[ast.Remove, ast.Hl7Path], origin: Origin
) -> Rules | Diagnostic:
    """The segment's rules after one operation, or why it does not apply (SW0501 when it hits nothing)."""
    if isinstance(op, tuple):
        return _remove(segment, op[1], origin)
    target = op.address.target
    if not isinstance(target, ast.Hl7Path):
        raise AssertionError("a segment's rule is addressed by an HL7 path")
    if isinstance(op, ast.AddRule):
        return _add(segment, op, target, origin)
    return _override(segment, op, target, origin)


def _rules(segment: FlatSegment) -> list[FlatRule]:
    return [rule for rule in segment.rules if isinstance(rule, FlatRule)]


def _miss(segment: FlatSegment, target: ast.Hl7Path, add: str = "") -> Diagnostic:
    known = [str(rule.target) for rule in _rules(segment)]
    return diagnostic(
        "SW0501",
        target.span,
        Label(segment.origin.span, "base"),
        what="rule",
        address=str(target),
        message=segment.title,
        nearest=next((str(r.target) for r in _rules(segment) if _key(r.target)[0] == target.field), ""),
        known=shown(known),
        add=add,
    )


def _override(segment: FlatSegment, op: ast.OverrideRule, target: ast.Hl7Path, origin: Origin) -> Rules | Diagnostic:
    rules = _rules(segment)
    exact = next((r for r in rules if _key(r.target) == _key(target)), None)
    if exact is not None:
        inherits = mentions(op.alternatives, ast.Inherited)
        if inherits and exact.parts and not all(isinstance(rung.value, ast.Inherited) for rung in op.alternatives):
            return _several(op, (exact, *exact.parts))
        alternatives = inherit(op.alternatives, exact.alternatives)
        parts = tuple(_handed_on(part, op.alternatives) for part in exact.parts) if inherits else ()
        if alike(alternatives, exact.alternatives) and alike(parts, exact.parts):
            return diagnostic("SW0504", op.span, Label(exact.origin.span, "base"), address=str(op.address))
        new = FlatRule(exact.target, alternatives, origin, below=exact, parts=parts, doc=op.doc)
        return Rules(tuple(new if r is exact else r for r in segment.rules))
    around = next((r for r in rules if holds(r.target, target)), None)
    if around is not None:
        below = next((p for p in around.parts if _key(p.target) == _key(target)), None)
        if below is not None:
            alternatives = inherit(op.alternatives, below.alternatives)
            if alike(alternatives, below.alternatives):
                return diagnostic("SW0504", op.span, Label(below.origin.span, "base"), address=str(op.address))
            part = FlatRule(target, alternatives, origin, below=below, doc=op.doc)
            parts = tuple(part if p is below else p for p in around.parts)
        else:
            parts = (*around.parts, FlatRule(target, op.alternatives, origin, doc=op.doc))
        new = msgspec.structs.replace(around, parts=parts)
        return Rules(tuple(new if r is around else r for r in segment.rules))
    inside = [r for r in rules if holds(target, r.target)]
    if inside:
        if mentions(op.alternatives, ast.Inherited):
            return _several(op, inside)
        new = FlatRule(target, op.alternatives, origin, below=inside[0], doc=op.doc)
        out: list[FlatRule | FlatLet] = []
        for rule in segment.rules:
            if rule is inside[0]:
                out.append(new)
            elif rule not in inside:
                out.append(rule)
        return Rules(tuple(out))
    if segment.echo is not None:
        return Rules((*segment.rules, FlatRule(target, op.alternatives, origin, doc=op.doc)))
    return _miss(segment, target, add=f"{op.address} = …")


def _several(op: ast.OverrideRule, rules: Sequence[FlatRule]) -> Diagnostic:
    """`inherited` that would have to be several rules at once."""
    return diagnostic(
        "SW0512",
        op.span,
        Label(rules[0].origin.span, "base"),
        address=str(op.address),
        rules=" and ".join(f"`{r.target}`" for r in rules),
    )


def _handed_on(part: FlatRule, alternatives: tuple[ast.Alternative, ...]) -> FlatRule:
    """A changed part of a rule, where a layer above inherits the rule as it is: the part under the same conditions. What the
    whole value must be there for is no duty of a part."""
    if removes(part) or all(rung.when is None for rung in alternatives):
        return part
    bare = tuple(msgspec.structs.replace(rung, duty=ast.Duty()) for rung in alternatives)
    return msgspec.structs.replace(part, alternatives=inherit(bare, part.alternatives))


def removes(part: FlatRule) -> bool:
    """Whether a changed part of a rule only takes something out."""
    (first, *more) = part.alternatives
    return isinstance(first.value, ast.Blank) and first.when is None and not more


def added(part: FlatRule) -> FlatRule | None:
    """The `add` by which a changed part of a rule came to be, if the value below does not have its place."""
    while part.origin.word != "add":
        if part.below is None:
            return None
        part = part.below
    return part


def _add(segment: FlatSegment, op: ast.AddRule, target: ast.Hl7Path, origin: Origin) -> Rules | Diagnostic:
    rules = _rules(segment)
    twin = next((r for r in rules if overlapping(r.target, target)), None)
    new = FlatRule(target, op.alternatives, origin, doc=op.doc)
    if twin is not None:
        deeper = (
            holds(twin.target, target)
            and _key(twin.target) != _key(target)
            and not (target.repetition and not _key(twin.target)[1])
        )
        if deeper and not any(overlapping(p.target, target) for p in twin.parts):
            changed = msgspec.structs.replace(twin, parts=(*twin.parts, new))
            return Rules(tuple(changed if r is twin else r for r in segment.rules))
        return diagnostic("SW0503", op.span, Label(twin.origin.span, "base"), address=str(op.address))
    if segment.echo is not None:
        return diagnostic("SW0513", op.span, Label(segment.origin.span, "base"), address=str(op.address))
    if not op.beside:
        return Rules((*segment.rules, new))
    beside = next(
        (
            i
            for i, r in enumerate(segment.rules)
            if isinstance(r, FlatRule)
            and isinstance(r.target, ast.Hl7Path)
            and r.target.field == target.field
            and r.target.repetition == op.beside
        ),
        None,
    )
    if beside is None:
        known = [
            r.target.repetition for r in rules if isinstance(r.target, ast.Hl7Path) and r.target.field == target.field
        ]
        return diagnostic(
            "SW0511",
            op.span,
            what="repetition",
            address=f"[{op.beside}]",
            message=segment.title,
            nearest=nearest(op.beside, known),
            known=shown(known),
        )
    at = beside if op.before else beside + 1
    return Rules((*segment.rules[:at], new, *segment.rules[at:]))


def _remove(segment: FlatSegment, target: ast.Hl7Path, origin: Origin) -> Rules | Diagnostic:
    rules = _rules(segment)
    inside = [r for r in rules if holds(target, r.target)]
    if inside:
        kept = tuple(r for r in segment.rules if r not in inside)
        return Rules(kept, tuple(Removed(str(r.target), origin, r.origin) for r in inside))
    around = next((r for r in rules if holds(r.target, target)), None)
    blank = (ast.Alternative(ast.Blank(target.span)),)
    if around is not None:
        gone = [p for p in around.parts if holds(target, p.target)]
        parts = tuple(p for p in around.parts if p not in gone)
        extra = [p for p in gone if added(p) is not None]
        taken: tuple[Removed, ...] = ()
        if any(_key(p.target) == _key(target) for p in extra):  # the value itself has nothing there
            taken = tuple(Removed(str(p.target), origin, p.origin) for p in gone)
        else:
            parts = (*parts, FlatRule(target, blank, origin, below=extra[0] if extra else None))
        new = msgspec.structs.replace(around, parts=parts)
        return Rules(tuple(new if r is around else r for r in segment.rules), taken)
    if segment.echo is not None:
        return Rules((*segment.rules, FlatRule(target, blank, origin)))
    return _miss(segment, target)


def inherit(
    alternatives: tuple[ast.Alternative, ...], below: tuple[ast.Alternative, ...]
) -> tuple[ast.Alternative, ...]:
    """`alternatives` with `inherited` replaced by the value below; a rung that says no duty keeps the duty below.

    One plain rung below is its value; several are a `Ladder`, whose rungs keep their own conditions.
    """
    if not mentions(alternatives, ast.Inherited):
        return alternatives
    single = len(below) == 1 and below[0].when is None
    value: ast.Value = below[0].value if single else ast.Ladder(below, below[0].span)
    duty = next((a.duty for a in below if a.duty.kind), ast.Duty())
    out = []
    for rung in alternatives:
        if not mentions(rung.value, ast.Inherited):
            out.append(rung)
            continue
        new = rewrite(rung.value, lambda n: value if isinstance(n, ast.Inherited) else None)
        out.append(
            msgspec.structs.replace(
                rung, value=new, duty=rung.duty if rung.duty.kind or isinstance(new, ast.Else) else duty
            )
        )
    return tuple(out)
