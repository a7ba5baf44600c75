"""Checks on all organisations of a workspace at once, from the little that each adds to them.

Light on purpose: what a compiled workspace is kept as can be judged without loading the compiler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import Span
from segwright.service.changes import Change, own_changes, same_changes

if TYPE_CHECKING:
    from segwright.service.compiling import CompiledOrganisation


class InFleet(msgspec.Struct, frozen=True):
    """What one organisation adds: the mappings its catalogue names; of each `allow`, in how many of its messages it stands; the
    allows of lower layers that cover nothing here, with the number of messages; the lines it changes; the declarations it uses;
    its profiles; the HL7 version it speaks."""

    names: tuple[str, ...]
    allows: tuple[tuple[Span, int], ...]
    idle: tuple[tuple[Diagnostic, int], ...]
    changes: tuple[Change, ...] = ()
    used: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    version: str = ""


class Use(msgspec.Struct, frozen=True):
    """What all organisations use of what they share, each in order: messages, declarations, profiles; and the versions spoken."""

    messages: tuple[str, ...]
    names: tuple[str, ...]
    layers: tuple[str, ...]
    versions: tuple[str, ...]


def use_of(organisations: Iterable[InFleet]) -> Use:
    """What they use together."""
    every = list(organisations)

    def together(of: Callable[[InFleet], Iterable[str]]) -> tuple[str, ...]:
        return tuple(sorted({each for organisation in every for each in of(organisation) if each}))

    return Use(
        together(lambda each: each.names),
        together(lambda each: each.used),
        together(lambda each: each.layers),
        together(lambda each: (each.version,)),
    )


def in_fleet(compiled: CompiledOrganisation) -> InFleet:
    """What the checks on all organisations need of this one."""
    allows: Counter[Span] = Counter()
    idle: Counter[Diagnostic] = Counter()
    for each in compiled.compiled:
        allows.update(each.allows)
        idle.update(found for layer, found in each.idle_allows if layer != compiled.organisation.id)
    misspelt = [found.facts["nearest"] for found in compiled.found if found.code == "SW0901"]
    return InFleet(
        (*compiled.organisation.catalogue, *misspelt),
        tuple(allows.items()),
        tuple(idle.items()),
        tuple(own_changes(compiled.own)),
        tuple(sorted({name for each in compiled.compiled for name in each.used})),
        compiled.organisation.layers,
        compiled.organisation.encoding.version,
    )


def all_together(bases: Mapping[str, Span], organisations: Iterable[InFleet]) -> list[Diagnostic]:
    """What only all organisations together show: mappings that no catalogue names, and allows that cover nothing anywhere.
    `bases`: every base mapping and where it stands."""
    names: set[str] = set()
    allows: Counter[Span] = Counter()
    idle: Counter[Diagnostic] = Counter()
    changes: list[tuple[Change, ...]] = []
    for organisation in organisations:
        changes.append(organisation.changes)
        names.update(organisation.names)
        allows.update(dict(organisation.allows))
        idle.update(dict(organisation.idle))
    unused = [
        diagnostic("SW0904", span, name=name) for name, span in sorted(bases.items()) if names and name not in names
    ]
    idle_everywhere = [found for found, count in idle.items() if count == allows[found.span]]
    return unused + idle_everywhere + same_changes(changes)
