"""A review as JSON, for programs and pages: everything that the other reports say, the bytes before and after, and the hashes
that an approval is bound to. `document` says what each member means."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from segwright.review import words
from segwright.review.change import TITLES, Change, OrganisationReview, Seen
from segwright.review.document import (
    FORMAT,
    Binding,
    Document,
    FleetLine,
    Hospital,
    ShownCase,
    ShownChange,
    ShownFailure,
    ShownGroup,
    ValueLine,
)
from segwright.review.grouping import FleetReview, Folded, Group

Bindings = Mapping[str, Mapping[str, Binding]]
"""Of each hospital, by environment, what an approval is bound to."""


def json_report(review: FleetReview, bindings: Bindings, engine: str, revision: str) -> str:
    """The report. `engine`: the version that compared; `revision`: the commit of the state now, "" when it is not committed."""
    made = document(review, bindings, engine, revision)
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def document(review: FleetReview, bindings: Bindings, engine: str, revision: str) -> Document:
    """The review as data."""
    hospitals = [
        Hospital(each.name, group.id, each.severity, _where(group.first, each), dict(bindings.get(each.name, {})))
        for group in review.groups
        for each in group.organisations
    ]
    return Document(
        format=FORMAT,
        engine=engine,
        base=review.base,
        revision=revision,
        changed=review.changed,
        headline=words.headline(review),
        severity=review.severity,
        severities={str(severity): title for severity, title in TITLES.items()},
        total=len(review.moving) + review.untouched,
        untouched=review.untouched,
        fleet=tuple(map(_line, review.folded())),
        groups=tuple(map(_group, review.groups)),
        rules=review.rules,
        hospitals=tuple(sorted(hospitals, key=lambda each: each.name)),
        problems=review.problems,
        notes=review.notes,
    )


def _where(first: OrganisationReview, own: OrganisationReview) -> tuple[tuple[str, ...], ...]:
    """For each change of a group, in its order, where it shows in one hospital's cases."""
    places: dict[Change, tuple[str, ...]] = {seen.change: seen.where for seen in own.seen}
    return tuple(places[seen.change] for seen in first.seen)


def _line(folded: Folded) -> FleetLine:
    change = folded.change
    return FleetLine(
        message=change.message,
        place=change.place,
        title=words.title(change),
        said=words.said_folded(folded),
        kind=change.kind,
        severity=change.severity,
        repeats=any(line.change.repeats for line in folded.lines),
        cause=change.cause,
        values=tuple(
            ValueLine(line.change.before, line.change.after, words.said(line.change), line.organisations)
            for line in folded.lines
        ),
    )


def _group(group: Group) -> ShownGroup:
    first = group.first
    return ShownGroup(
        id=group.id,
        organisations=group.names,
        severity=first.severity,
        status=first.status,
        status_said=words.status(first),
        moved=first.moved,
        changes=tuple(map(_change, first.seen)),
        failures=tuple(ShownFailure(each.case, each.message, each.reasons) for each in first.failures),
        recovered=first.recovered,
        lost=first.lost,
        unmapped=first.unmapped,
        stale=first.stale,
        edited_cases=first.edited_cases,
        cases=tuple(ShownCase(case.file, _text(case.before), _text(case.after)) for case in first.cases),
    )


def _change(seen: Seen) -> ShownChange:
    change = seen.change
    return ShownChange(
        view=change.view,
        message=change.message,
        place=change.place,
        name=change.name,
        title=words.title(change),
        said=words.said(change),
        kind=change.kind,
        before=change.before,
        after=change.after,
        severity=change.severity,
        why=change.why,
        repeats=change.repeats,
        cause=change.cause,
        where=seen.where,
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("latin-1")
