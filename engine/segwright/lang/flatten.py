"""Layers into one: a base mapping and the overlays above it become a `FlatMapping`.

Takes the mapping, the scope below and the overlays layer by layer; gives the flat mapping, the scope with overridden tables,
formats and narratives, and what is wrong with the overlays. Every operation must hit: plain assignment to nothing, an override
of nothing, a vanished anchor or an operation that changes nothing is an error with the nearest right name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.expand import Expander
from segwright.lang.flat import (
    FlatAllow,
    FlatLoop,
    FlatMapping,
    FlatRule,
    FlatSegment,
    Item,
    place_of,
    places,
    walk,
    written,
)
from segwright.lang.overlaying import Overlaying
from segwright.lang.scope import Scope

N = TypeVar("N")


class Flattened(msgspec.Struct, frozen=True):
    """The result of flattening: the mapping, its scope, the findings, and the operations that hit nothing.

    Operations of an organisation-wide overlay may miss in one message and hit in another: they come back in `missed` (with the
    diagnostic to show if they miss everywhere) rather than in `found`.
    """

    mapping: FlatMapping
    scope: Scope
    found: tuple[Diagnostic, ...]
    missed: tuple[tuple[Span, Diagnostic], ...]


class Applied(msgspec.Struct, frozen=True):
    """One overlay with the layer it belongs to; `wide` for an organisation-wide one."""

    layer: str
    overlay: ast.Overlay
    wide: bool


def base(mapping: ast.Mapping, scope: Scope, layer: str = "base") -> Flattened:
    """The mapping alone: parts expanded, nothing overlaid."""
    expander = Expander(scope, layer)
    body = expander.body(mapping.body)
    flat = FlatMapping(mapping.name, mapping.direction, mapping.messages, mapping.inputs, body, (), mapping.span)
    return Flattened(flat, scope, (*expander.found, *_unlabelled(body)), ())


def overlay(below: Flattened, applied: Iterable[Applied]) -> Flattened:
    """`below` with overlays applied in order."""
    layers = tuple(applied)
    if not layers:
        return below
    work = Overlaying(below, layers)
    for each in layers:
        work.apply(each)
    work.conflicts()
    excused = below.mapping.excused | _excused(below.mapping.body, work.body)
    flat = msgspec.structs.replace(below.mapping, body=work.body, removed=tuple(work.removed), excused=excused)
    return Flattened(
        flat, work.scope, (*below.found, *work.found, *_unlabelled(work.body)), (*below.missed, *work.missed)
    )


def _excused(below: tuple[Item, ...], body: tuple[Item, ...]) -> set[Span]:
    """The allows below for places that are gone, or that are written anew."""
    before = {id(item) for _, item in walk(below)}
    touched = places(below) - places(body)
    for _, item in walk(body):
        if isinstance(item, FlatSegment) and id(item) not in before:
            for rule in item.rules:
                if isinstance(rule, FlatRule) and (rule.below is not None or rule.parts or rule.origin.word != "base"):
                    touched |= written(rule)
    return {
        item.origin.span
        for _, item in walk(below)
        if isinstance(item, FlatAllow) and place_of(item.allow.on) in touched
    }


def _unlabelled(body: tuple[Item, ...]) -> list[Diagnostic]:
    """Segments and loops of one name need labels, or names of their own, to be told apart; copies of one part are one line and
    need none."""
    seen: dict[str, FlatSegment | FlatLoop] = {}
    found = []
    for _, item in walk(body):
        if isinstance(item, FlatSegment | FlatLoop):
            first = seen.setdefault(item.title, item)
            if first.origin.span != item.origin.span:
                names = (item.name, "") if isinstance(item, FlatSegment) else ("", item.name)
                label = Label(first.origin.span, "first")
                found.append(
                    diagnostic("SW0210", item.origin.span, label, title=item.title, segment=names[0], loop=names[1])
                )
    return found
