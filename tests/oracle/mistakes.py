"""Mappings with a mistake in them: one node of the tree is another one, and what still compiles is a mapping like any other.

Takes a flattened mapping and its scope, gives the same with a path swapped, a fallback dropped, a condition turned round, … Nothing is
checked here: the compiler refuses what makes no sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from segwright.lang import ast
from segwright.lang.flat import FlatLoop, FlatRule, FlatSegment
from segwright.lang.rules import overlapping
from segwright.plan.model import Model

set_ = msgspec.structs.replace
OPERATORS = ("above", "below", "at least", "at most")
FORMATS = ("plain", "upper", "lower", "trim", "digits", "text", "number", "dtm", "date", "identifier", "provider_npi")


def mistaken(random: Random, model: Model, tree: Any) -> Any:
    """The tree with one mistake."""
    places = [node for node in nodes(tree) if any(True for _ in mistakes(random, model, node))]
    node = random.choice(places)
    return replaced(tree, node, random.choice(list(mistakes(random, model, node))))


def two_writers(tree: Any) -> bool:
    """Whether two rules have one place."""
    for node in nodes(tree):
        targets = [each.target for each in getattr(node, "rules", ()) if hasattr(each, "target")]
        if any(_overlap(one, other) for number, one in enumerate(targets) for other in targets[:number]):
            return True
    return False


def _overlap(one: ast.Target, other: ast.Target) -> bool:
    if isinstance(one, ast.ComponentPath) and isinstance(other, ast.ComponentPath):
        places = [(each.component, each.subcomponent or 1) for each in (one, other)]
        return places[0] == places[1]
    return overlapping(one, other)


def nodes(tree: Any) -> Iterator[Any]:
    """Every node of a tree."""
    if isinstance(tree, tuple):
        for each in tree:
            yield from nodes(each)
    elif isinstance(tree, msgspec.Struct):
        yield tree
        for name in tree.__struct_fields__:
            if name not in ("origin", "below") and "span" not in name:
                yield from nodes(getattr(tree, name))


def replaced(tree: Any, node: Any, new: Any) -> Any:
    """The tree with another node (or none) in one place."""
    if tree is node:
        return new
    if isinstance(tree, tuple):
        return tuple(made for each in tree for made in (replaced(each, node, new),) if each is made or made is not None)
    if isinstance(tree, msgspec.Struct):
        fields = {name: getattr(tree, name) for name in tree.__struct_fields__ if name not in ("origin", "below")}
        changed = {
            name: made for name, value in fields.items() for made in (replaced(value, node, new),) if made is not value
        }
        return set_(tree, **changed) if changed else tree
    return tree


def mistakes(random: Random, model: Model, node: Any) -> Iterator[Any]:
    """What could stand in place of a node."""
    match node:
        case ast.Ref():
            yield from _names(model, node)
        case ast.Text():
            yield set_(node, value=f"{node.value}|x")
        case ast.Number() if "." not in node.digits:
            yield set_(node, digits=str(int(node.digits) + 1))
        case ast.Else():
            yield node.value
            yield node.other
        case ast.As():
            yield node.value
            yield set_(node, format=random.choice(FORMATS))
            yield set_(node, on_invalid=ast.Blank())
            yield set_(node, arguments=node.arguments[1:])
        case ast.Via():
            yield node.value
            yield set_(node, on_unmapped=ast.Text("?"))
        case ast.Composite():
            yield set_(node, parts=node.parts[::-1])
            yield set_(node, parts=(*node.parts, ast.Text("more")))
            yield node.parts[0]
        case ast.Each():
            yield ast.First(node.variable, node.of, node.span)
        case ast.First():
            yield ast.Each(node.variable, node.of, node.span)
        case ast.Count():
            yield set_(node, since="" if node.since else "PID")
            yield set_(node, start=node.start + 3)
            yield ast.Place()
        case ast.Place():
            yield ast.Count("OBX")
        case ast.Selection():
            yield set_(node, where=None)
            yield set_(node, ordered_by=None)
        case ast.Limit():
            yield set_(node, kind="first" if node.kind == "at most" else "at most")
        case ast.Duty():
            yield set_(node, kind="optional" if node.kind == "required" else "required")
            yield ast.Duty()
        case ast.Is() | ast.State() | ast.In():
            yield set_(node, negated=not node.negated)
        case ast.Compare():
            yield set_(node, operator=random.choice(OPERATORS))
        case ast.AllOf():
            yield ast.AnyOf(node.conditions, node.span)
        case ast.AnyOf():
            yield ast.AllOf(node.conditions, node.span)
        case ast.Not():
            yield node.condition
        case ast.ComponentPath():
            yield set_(node, component=node.component + 1)
        case FlatRule():
            yield None
            yield set_(node, alternatives=node.alternatives[::-1])
            yield set_(node, alternatives=node.alternatives[:1])
            if isinstance(node.target, ast.Hl7Path):
                yield set_(node, target=set_(node.target, component=node.target.component + 1))
                yield set_(node, target=set_(node.target, field=node.target.field + 1))
        case FlatSegment():
            yield None
            yield set_(node, when=None)
            yield set_(node, optional=not node.optional)
            yield set_(node, rules=node.rules[::-1])
        case FlatLoop():
            yield None
            yield set_(node, when=None, limit=None)


def _names(model: Model, node: ast.Ref) -> Iterator[ast.Ref]:
    """Other attributes of a record that has this one, other values of an enum."""
    last = node.names[-1]
    for record in model.records.values():
        names = [each.name for each in record.attributes]
        if last in names and len(node.names) > 1:
            yield from (set_(node, names=(*node.names[:-1], name)) for name in names if name != last)
    for values in model.enums.values():
        if last in values and len(node.names) == 1:
            yield from (set_(node, names=(name,)) for name in values if name != last)
