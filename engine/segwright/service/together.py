"""Checks on all organisations of a workspace at once, from the little that each adds to them.

Light on purpose: what a compiled workspace is kept as can be judged without loading the compiler.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic
from segwright.core.source import Span

if TYPE_CHECKING:
    from segwright.service.compiling import CompiledOrganisation


class Change(msgspec.Struct, frozen=True):
    """A line that an organisation changes or adds: in which overlay, at which address, what it says (a hash), and where."""

    overlay: str
    address: str
    says: str
    span: Span


class InFleet(msgspec.Struct, frozen=True):
    """What one organisation adds: the mappings its catalogue names; of each `allow`, in how many of its messages it stands; the
    allows of lower layers that cover nothing here, with the number of messages; the lines it changes."""

    names: tuple[str, ...]
    allows: tuple[tuple[Span, int], ...]
    idle: tuple[tuple[Diagnostic, int], ...]
    changes: tuple[Change, ...] = ()


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
        tuple(_changes(compiled)),
    )


def _changes(compiled: CompiledOrganisation) -> Iterator[Change]:
    """The rules that this organisation's own overlays wrote."""
    from segwright.lang.flat import FlatRule, FlatSegment, walk

    told: set[Span] = set()
    for by_name in compiled.messages.values():
        for each in by_name.values():
            for _, item in walk(each.mapping.body):
                label = item.label if isinstance(item, FlatSegment) else ""
                rules = item.rules if isinstance(item, FlatSegment) else (item,)
                for rule in rules:
                    if not isinstance(rule, FlatRule):
                        continue
                    for line in (rule, *rule.parts):
                        origin = line.origin
                        if origin.layer != compiled.organisation.id or origin.word == "replace" or origin.span in told:
                            continue
                        told.add(origin.span)
                        overlay = origin.span.file.rpartition("/")[2]
                        address = f"{label} {line.target}".strip()
                        says = hashlib.sha256(repr(_said(line.alternatives)).encode()).hexdigest()
                        yield Change(overlay, address, says, origin.span)
        break


def _said(node: object) -> object:
    """A tree without its places: equal for lines that say the same."""
    if isinstance(node, tuple):
        return tuple(map(_said, node))
    if isinstance(node, msgspec.Struct):
        fields = [
            getattr(node, name) for name in node.__struct_fields__ if name not in ("span", "format_span", "because")
        ]
        return (type(node).__name__, *map(_said, fields))
    return node


def all_together(bases: Mapping[str, Span], organisations: Iterable[InFleet]) -> list[Diagnostic]:
    """What only all organisations together show: mappings that no catalogue names, and allows that cover nothing anywhere.
    `bases`: every base mapping and where it stands."""
    names: set[str] = set()
    allows: Counter[Span] = Counter()
    idle: Counter[Diagnostic] = Counter()
    changes: list[Change] = []
    for organisation in organisations:
        changes.extend(organisation.changes)
        names.update(organisation.names)
        allows.update(dict(organisation.allows))
        idle.update(dict(organisation.idle))
    unused = [
        diagnostic("SW0904", span, name=name) for name, span in sorted(bases.items()) if names and name not in names
    ]
    idle_everywhere = [found for found, count in idle.items() if count == allows[found.span]]
    return unused + idle_everywhere + _same_changes(changes)


MANY = 3
"""From how many organisations on one change is worth a profile."""


def _same_changes(changes: Iterable[Change]) -> list[Diagnostic]:
    """Notes on lines that several organisations change alike."""
    alike: dict[tuple[str, str, str], list[Span]] = {}
    for change in changes:
        alike.setdefault((change.overlay, change.address, change.says), []).append(change.span)
    notes = []
    for (_, address, _), spans in alike.items():
        by_folder = {span.file.split("/")[1]: span for span in reversed(spans)}
        if len(by_folder) < MANY:
            continue
        names = sorted(by_folder)
        first, *others = [by_folder[name] for name in names]
        said = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= 6 else f"{len(names)} hospitals"
        labels = [Label(span, "the_same_here") for span in others[:MANY]]
        notes.append(diagnostic("SW0517", first, *labels, severity=Severity.NOTE, organisations=said, address=address))
    return notes
