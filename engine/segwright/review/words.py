"""The words that every report uses for the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from segwright.review.change import TITLES, Change, OrganisationReview, RuleChange
from segwright.review.grouping import FleetReview, Folded

NAMED: Final = 6
"""Most names that a line gives."""

REPEATS: Final = "receivers tell repeats by this value: a result could be filed twice"
ENGINE: Final = "moved by segwright or a library, not by the workspace (or its snapshot was out of date)"


def hospitals(count: int) -> str:
    """`1 hospital`, `17 hospitals`."""
    return f"{count:,} hospital{'' if count == 1 else 's'}"


def named(names: Sequence[str], most: int = NAMED) -> str:
    """Some names, and how many more."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1:,} more"


def visible(text: str) -> str:
    """A text on one line, with what would move a terminal made visible."""
    return "".join(character if character.isprintable() else f"⟨{ord(character):X}⟩" for character in text)


def title(change: Change) -> str:
    """The place of a change under its name."""
    if change.place == "message":
        return "the message"
    return f"{change.place} {change.name}".strip()


def said(change: Change) -> str:
    """What happened to it."""
    before, after = visible(change.before), visible(change.after)
    if change.view == "plan":
        return "is compiled otherwise, and no case shows a difference"
    if change.place == "message":
        if change.kind == "form":
            return f"the same values in other bytes: {before} before, {after} now"
        if change.before:
            return "was refused, and is sent now"
        return "is sent now" if change.kind == "added" else "is sent no longer"
    match change.kind:
        case "added":
            return f"now there: {after}" if after else "now there"
        case "removed":
            return f"gone: {before}" if before else "gone"
        case "filled":
            return f"was empty, now {after}"
        case "emptied":
            return f"now empty, was {before}"
        case "form":
            return "the same values in other bytes"
        case _:
            return f"{before} → {after}"


def said_folded(folded: Folded) -> str:
    """What happened at one place, to all of them."""
    changes = [line.change for line in folded.lines]
    if len(changes) == 1:
        return said(changes[0])
    return f"{len(changes):,} different values, such as {said(changes[0])}"


def where(places: Sequence[str]) -> str:
    """Where it shows."""
    return places[0] + (f" and {len(places) - 1:,} more" if len(places) > 1 else "") if places else ""


def headline(review: FleetReview) -> str:
    """The review in one sentence."""
    moving = len(review.moving)
    total = moving + review.untouched
    if not review.changed:
        return f"Nothing changes for {'the' if total == 1 else 'any of'} {hospitals(total)} against {review.base}."
    if not moving:
        return f"Rules or cases change against {review.base}, and nothing for any of {hospitals(total)}."
    grave = f"; the gravest change is {TITLES[review.severity]}" if review.severity is not None else ""
    said = f"{hospitals(moving)} of {total:,}"
    return f"{said} change{'s' if moving == 1 else ''} against {review.base}{grave}."


LISTS: Final = (
    ("lost", "Covered by cases before, and no longer"),
    ("unmapped", "Not mapped yet: values of the model that a hospital has no row for"),
    ("stale", "Overrides whose base changed under them"),
    ("recovered", "Refused before, and sent now"),
    ("edited_cases", "Cases whose input was edited"),
)
"""What is listed of each hospital, by its member, and under which title."""


def listed(review: FleetReview, member: str) -> dict[str, list[str]]:
    """What stands in one of `LISTS`, each with the hospitals that it is for."""
    found: dict[str, list[str]] = {}
    for each in review.organisations:
        for what in getattr(each, member):
            found.setdefault(what, []).append(each.name)
    return found


def failing(review: FleetReview) -> dict[tuple[str, tuple[str, ...]], dict[str, list[str]]]:
    """New failures by message and reasons: of each hospital the cases."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, list[str]]] = {}
    for each in review.organisations:
        for failure in each.failures:
            found.setdefault((failure.message, failure.reasons), {}).setdefault(each.name, []).append(failure.case)
    return found


def cases_of(failing: dict[str, list[str]]) -> list[str]:
    """The cases of some hospitals, each once."""
    return list(dict.fromkeys(case for cases in failing.values() for case in cases))


def status(review: OrganisationReview) -> str:
    """What a hospital's own state says, "" when it is there before and after."""
    return {
        "added": "new: everything it gets must be approved",
        "removed": "removed: nothing is sent to it any more",
        "broken": "does not compile any more: `segwright check` says why",
        "changed": "",
    }[review.status]


def rule_title(rule: RuleChange) -> str:
    """Layer, what it stands in, and its address."""
    address = "" if rule.address in rule.within else f" · {rule.address}"
    return f"{rule.layer} · {rule.within}{address}"


def moved(review: OrganisationReview) -> str:
    """What must be approved anew: `production: ecg_result, policy`."""
    return "; ".join(f"{environment}: {', '.join(names)}" for environment, names in review.moved.items())


def joined(parts: Iterable[str]) -> str:
    """Parts of a line, those that say something."""
    return " · ".join(part for part in parts if part)
