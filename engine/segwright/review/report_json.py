"""A review as JSON, for programs and pages: everything that the other reports say, the bytes before and after, and the hashes
that an approval is bound to; also as a proposal, for a server to ask people. `document` says what each member means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from segwright.hl7.refusal import Refused
from segwright.hl7.wire import open_message
from segwright.review import words
from segwright.review.change import TITLES, Case, Change, OrganisationReview, Seen
from segwright.review.difference import field_called, fields_of
from segwright.review.document import (
    FORMAT,
    Binding,
    Document,
    FleetLine,
    Hospital,
    Proposal,
    ShownCase,
    ShownChange,
    ShownFailure,
    ShownGroup,
    ValueLine,
)
from segwright.review.grouping import FleetReview, Folded, Group

Bindings = Mapping[str, Mapping[str, Binding]]
"""Of each hospital, by environment, what an approval is bound to."""


class About(msgspec.Struct, frozen=True):
    """What a report says beside the review. `engine`: the version that compared; `revision`: the commit of the state now, "" when
    it is not committed; `compared`: all hospitals that were; `approvers`: how many people must approve, by severity."""

    engine: str
    revision: str
    compared: tuple[str, ...] = ()
    approvers: Mapping[str, int] = {}


def json_report(review: FleetReview, bindings: Bindings, about: About) -> str:
    """The report."""
    made = document(review, bindings, about)
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def proposal(review: FleetReview, bindings: Bindings, about: About, environment: str, because: str) -> Proposal:
    """The review as people are asked to approve it, with the files of every hospital."""
    others = [each for group in review.groups for each in group.organisations[1:] if each.cases]
    made = document(review, bindings, about)
    fields = _fields(case for each in review.organisations for case in each.cases)
    return Proposal(
        FORMAT, environment, because, msgspec.structs.replace(made, fields=fields),
        {each.name: tuple(map(_case, each.cases)) for each in others},
    )  # fmt: skip


def document(review: FleetReview, bindings: Bindings, about: About) -> Document:
    """The review as data."""
    hospitals = [
        Hospital(each.name, group.id, each.severity, _where(group.first, each), dict(bindings.get(each.name, {})))
        for group in review.groups
        for each in group.organisations
    ]
    return Document(
        format=FORMAT,
        engine=about.engine,
        base=review.base,
        revision=about.revision,
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
        fields=_fields(case for group in review.groups for case in group.first.cases),
        compared=about.compared,
        approvers=dict(about.approvers),
    )


def _fields(cases: Iterable[Case]) -> dict[str, dict[str, str]]:
    """What HL7 calls the fields of cases, by version."""
    found: dict[str, dict[str, str]] = {}
    for data in dict.fromkeys(data for case in cases for data in (case.before, case.after) if data is not None):
        try:
            message = open_message(data)
        except Refused:
            continue
        names = found.setdefault(message.version, {})
        for segment in message.segments:
            for number in range(1, len(fields_of(segment, message)) + 1):
                place = f"{segment[:3]}-{number}"
                if place not in names:
                    names[place] = field_called(message.version, segment[:3], number)
    return {
        version: {place: name for place, name in sorted(names.items()) if name}
        for version, names in sorted(found.items())
    }


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
        cases=tuple(map(_case, first.cases)),
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


def _case(case: Case) -> ShownCase:
    return ShownCase(case.file, _text(case.before), _text(case.after))


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("latin-1")
