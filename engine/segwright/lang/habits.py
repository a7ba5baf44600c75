"""Habits that are mistakes in most messages: each is an error that `allow` can name where it is meant.

A segment that says the same in every message, order numbers written twice and differently, sub-ids that move between two
versions of a result, and defaults that stand in silently for an identity, code or status.
"""

from __future__ import annotations

from typing import Final

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.suggest import nearest
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.flat import FlatRule, alike, mentions, within
from segwright.lang.places import allowed
from segwright.lang.writing import Fact, LoopFacts, SegmentFacts, segments

IDENTIFYING: Final = {
    ("PID", 3),
    ("PID", 18),
    ("PV1", 19),
    ("ORC", 2),
    ("ORC", 3),
    ("OBR", 2),
    ("OBR", 3),
    ("OBR", 4),
    ("OBR", 25),
    ("OBX", 3),
    ("OBX", 11),
    ("DG1", 3),
    ("FT1", 7),
    ("FT1", 19),
    ("MSH", 10),
}
"""Fields by which a receiver files a message: identity, code and status. A default there files it under the wrong one."""


def check_habits(ctx: Context, facts: tuple[Fact, ...]) -> None:
    """All of them."""
    for fact in segments(facts):
        _constant_only(ctx, fact)
        _defaults(ctx, fact)
    _counts(ctx, facts)
    _twins(ctx, facts)
    _moving_sub_ids(ctx, facts, in_loop=None)


def _constant_only(ctx: Context, fact: SegmentFacts) -> None:
    """A segment that depends on nothing says the same in every message: most often a value was forgotten. Without
    lines it says nothing, whenever it is sent."""
    item = fact.item
    if fact.depends or fact.echo or item.name == "MSH" or (fact.fields and item.when is not None):
        return
    lines = [rule.origin.span for rule in item.rules]
    if any(ctx.blamed(line) for line in (lines if fact.fields else [item.origin.span, *lines])):
        return
    if not allowed(ctx, "SW0423", item.name, item.label):
        bare = "" if fact.fields else item.name
        constant = "" if bare else item.title
        ctx.report("SW0423", item.origin.span, segment=item.title, constant=constant, bare=bare)


def _counts(ctx: Context, facts: tuple[Fact, ...]) -> None:
    """`count OBX since OBR` where one of the two is never written: the number is always 0, or never begins anew."""
    written = tuple(dict.fromkeys(fact.item.name for fact in segments(facts)))
    for fact in segments(facts):
        for number, field in fact.fields.items():
            path = f"{fact.item.name}-{number}"
            for count in within(tuple(rule.alternatives for rule in field.rules), ast.Count):
                missing = [name for name in (count.segment, count.since) if name and name not in written]
                if missing and not allowed(ctx, "SW0429", path):
                    ctx.report(
                        "SW0429",
                        count.span,
                        path=path,
                        segment=missing[0],
                        effect="this count never moves"
                        if missing[0] == count.segment
                        else "this count never begins anew",
                        nearest=nearest(missing[0], written),
                    )


def _twins(ctx: Context, facts: tuple[Fact, ...]) -> None:
    """ORC-2/3 and OBR-2/3 carry the same numbers (HL7 chapter 4): written differently, one of them is wrong. OBR may begin with
    the number that the order had there. It is compared with the ORC above it; one that a loop repeats without an ORC of its
    own stands under an order of several tests."""
    above: SegmentFacts | None = None
    for fact in facts:
        if isinstance(fact, LoopFacts):
            _twins(ctx, fact.body)
        elif fact.item.name == "ORC":
            above = fact
        elif fact.item.name == "OBR" and above is not None:
            _compare_numbers(ctx, above, fact)


def _compare_numbers(ctx: Context, request: SegmentFacts, observation: SegmentFacts) -> None:
    for number in (2, 3):
        left, right = request.fields.get(number), observation.fields.get(number)
        if left is None or right is None:
            continue
        if not _same_number(left.rules, right.rules) and not allowed(ctx, "SW0424", f"OBR-{number}", f"ORC-{number}"):
            ctx.report(
                "SW0424",
                right.rules[0].origin.span,
                Label(left.rules[0].origin.span, "the_other_one"),
                left=f"ORC-{number}",
                right=f"OBR-{number}",
            )


def _same_number(request: tuple[FlatRule, ...], observation: tuple[FlatRule, ...]) -> bool:
    left, right = (tuple(rule.alternatives for rule in rules) for rules in (request, observation))
    match left, right:
        case ((one,),), ((other,),):
            first, last = _in_turn(one.value), _in_turn(other.value)
            rest_is_alike = alike(msgspec.structs.replace(one, value=other.value), other)
            return rest_is_alike and alike(first, last[-len(first) :])
    return alike(left, right)


def _in_turn(value: ast.Value) -> tuple[ast.Value, ...]:
    """The values of `a else b else c`."""
    return (*_in_turn(value.value), value.other) if isinstance(value, ast.Else) else (value,)


def _defaults(ctx: Context, fact: SegmentFacts) -> None:
    """A constant that stands in where an identity, code or status is missing or unknown (language rule 7)."""
    for number, field in fact.fields.items():
        path = f"{fact.item.name}-{number}"
        if (fact.item.name, number) not in IDENTIFYING:
            continue
        for rule in field.rules:
            place = next((p for p in (_default(a.value) for a in rule.alternatives) if p is not None), None)
            if place is not None and not ctx.blamed(place.span) and not allowed(ctx, "SW0425", path):
                ctx.report("SW0425", place.span, path=path)


def _default(value: ast.Value) -> ast.Value | None:
    """The constant a value falls back to, if it does."""
    match value:
        case ast.Else(other=ast.Text() | ast.Number() as other):
            return other
        case ast.Via(on_unmapped=ast.Text() | ast.Number() as other):
            return other
        case ast.As(on_invalid=ast.Text() | ast.Number() as other):
            return other
        case ast.Else() | ast.Via() | ast.As():
            return _default(value.value)
        case _:
            return None


def _moving_sub_ids(ctx: Context, facts: tuple[Fact, ...], in_loop: LoopFacts | None) -> None:
    """OBX-4 must stay the same from preliminary to final to corrected (HL7 chapter 7): a running number over a list of the
    result moves as soon as one element comes or goes. Lines of a text are always sent anew as a whole."""
    for fact in facts:
        if isinstance(fact, LoopFacts):
            _moving_sub_ids(ctx, fact.body, fact if isinstance(fact.item.of.source, ast.Ref) else None)
        elif in_loop is not None and fact.item.name == "OBX" and 4 in fact.fields:
            rule = fact.fields[4].rules[0]
            if _running(rule) and not allowed(ctx, "SW0426", "OBX-4", fact.item.label):
                ctx.report(
                    "SW0426", rule.origin.span, Label(in_loop.item.origin.span, "the_list"), loop=in_loop.item.name
                )


def _running(rule: FlatRule) -> bool:
    return mentions(rule.alternatives, ast.Place) or mentions(rule.alternatives, ast.Count)
