"""A fleet's changes, gathered: who changes alike, and what changes for how many.

Takes the reviews of organisations; gives a `FleetReview`. Two organisations are of one group when everything that changes
for them is equal, values included: what one of a group is approved for is exactly what all of it get.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from segwright.review.change import Change, OrganisationReview, RuleChange, Severity
from segwright.review.outputs import natural


class Group(msgspec.Struct, frozen=True):
    """Organisations that change alike. `id` names the group by what changes: the same changes, the same id."""

    id: str
    organisations: tuple[OrganisationReview, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(each.name for each in self.organisations)

    @property
    def first(self) -> OrganisationReview:
        """One that stands for all."""
        return self.organisations[0]


class Line(msgspec.Struct, frozen=True):
    """A change and the organisations that have it; `where` are its places in the first of them."""

    change: Change
    organisations: tuple[str, ...]
    where: tuple[str, ...]


class Folded(msgspec.Struct, frozen=True):
    """Changes at one place of one kind, of all organisations; `lines` by value."""

    lines: tuple[Line, ...]

    @property
    def change(self) -> Change:
        """The gravest of them."""
        return self.lines[0].change

    @property
    def organisations(self) -> tuple[str, ...]:
        """All that have one of them."""
        return tuple(sorted({name for line in self.lines for name in line.organisations}))


class FleetReview(msgspec.Struct, frozen=True):
    """Everything that changes. `untouched`: how many hospitals nothing changes for. `problems`: why some cannot be compared."""

    base: str
    groups: tuple[Group, ...]
    rules: tuple[RuleChange, ...]
    untouched: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def organisations(self) -> tuple[OrganisationReview, ...]:
        """Every organisation that changes."""
        return tuple(each for group in self.groups for each in group.organisations)

    @property
    def moving(self) -> tuple[OrganisationReview, ...]:
        """Those for which anything is otherwise: not those that are told for a stale override or a case alone."""
        return tuple(each for each in self.organisations if each.moves)

    @property
    def severity(self) -> Severity | None:
        """The gravest change of all."""
        found = [each.severity for each in self.organisations if each.severity is not None]
        return min(found, key=lambda severity: severity.rank, default=None)

    @property
    def changed(self) -> bool:
        """Whether anything differs that somebody must look at."""
        return bool(self.groups or self.rules)

    def folded(self) -> tuple[Folded, ...]:
        """The changes across the fleet, those at one place together; the gravest and the widest first."""
        lines: dict[Change, tuple[list[str], tuple[str, ...]]] = {}
        for each in self.organisations:
            for seen in each.seen:
                lines.setdefault(seen.change, ([], seen.where))[0].append(each.name)
        at: dict[tuple[object, ...], list[Line]] = {}
        for change, (names, where) in lines.items():
            key = (change.view, change.message, change.place, change.kind, change.severity, change.cause)
            at.setdefault(key, []).append(Line(change, tuple(sorted(names)), where))
        folded = [
            Folded(tuple(sorted(each, key=lambda line: (-len(line.organisations), line.change.before))))
            for each in at.values()
        ]
        return tuple(
            sorted(
                folded,
                key=lambda each: (
                    each.change.severity.rank,
                    -len(each.organisations),
                    each.change.view,
                    each.change.message,
                    natural(each.change.place),
                ),
            )
        )


def grouped(reviews: Iterable[OrganisationReview]) -> tuple[Group, ...]:
    """Organisations that change alike, together; the gravest groups first, then the largest."""
    alike: dict[str, list[OrganisationReview]] = {}
    for review in reviews:
        if not review.silent:
            alike.setdefault(_signature(review), []).append(review)
    groups = [Group(id, tuple(sorted(found, key=lambda each: each.name))) for id, found in alike.items()]
    return tuple(
        sorted(groups, key=lambda group: (_rank(group.first.severity), -len(group.organisations), group.first.name))
    )


def _rank(severity: Severity | None) -> int:
    return len(Severity) if severity is None else severity.rank


def _signature(review: OrganisationReview) -> str:
    """What changes, as a short name: of equal changes the same on every machine."""
    said = (
        review.status if review.status != "added" else f"added {review.name}",  # no two new hospitals are alike
        sorted(msgspec.json.encode(change) for change in review.changes),
        [(failure.case, failure.reasons) for failure in review.failures],
        review.recovered,
        review.unmapped,
        review.lost,
        review.stale,
        review.edited_cases,
        sorted((environment, messages) for environment, messages in review.moved.items()),
    )
    return "g" + hashlib.sha256(repr(said).encode()).hexdigest()[:8]
