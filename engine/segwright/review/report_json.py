"""A review as JSON, for programs: everything that the other reports say, and the bytes before and after.

Format 1: members are added, never renamed. Bytes are text in Latin-1, one character for each byte.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from segwright.review.change import Case, OrganisationReview
from segwright.review.grouping import FleetReview, Group

FORMAT: Final = 1


def json_report(review: FleetReview) -> str:
    """The report."""
    document = {
        "format": FORMAT,
        "base": review.base,
        "changed": review.changed,
        "severity": review.severity,
        "untouched": review.untouched,
        "groups": [_group(group) for group in review.groups],
        "rules": [msgspec.to_builtins(rule) for rule in review.rules],
        "problems": review.problems,
        "notes": review.notes,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _group(group: Group) -> dict[str, Any]:
    return {"id": group.id, "organisations": group.names, "severity": group.first.severity, **_of(group.first)}


def _of(review: OrganisationReview) -> dict[str, Any]:
    """What is the same for a whole group; where it shows, and the bytes, are those of its first organisation."""
    return {
        "status": review.status,
        "moved": review.moved,
        "changes": [{**msgspec.to_builtins(seen.change), "where": seen.where} for seen in review.seen],
        "failures": [msgspec.to_builtins(failure) for failure in review.failures],
        "recovered": review.recovered,
        "lost": review.lost,
        "unmapped": review.unmapped,
        "stale": review.stale,
        "edited_cases": review.edited_cases,
        "cases": [_case(case) for case in review.cases],
    }


def _case(case: Case) -> dict[str, Any]:
    before, after = (None if data is None else data.decode("latin-1") for data in (case.before, case.after))
    return {"file": case.file, "before": before, "after": after}
