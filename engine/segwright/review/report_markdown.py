"""A review for a pull request: what a reviewer must know first, the rest folded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from segwright.review import words
from segwright.review.change import TITLES, RuleChange
from segwright.review.grouping import FleetReview, Folded, Group

_ROWS: Final = 60
"""Most rows of a table: hosts cut comments at 65,536 characters."""


def markdown_report(review: FleetReview) -> str:
    """The report."""
    return "\n".join(_lines(review)) + "\n"


def _lines(review: FleetReview) -> Iterator[str]:
    yield f"### {_text(words.headline(review))}"
    yield from _failures(review)
    folded = review.folded()
    if folded:
        yield from ("", "| severity | hospitals | where | what |", "|---|---:|---|---|")
        yield from (_row(each) for each in folded[:_ROWS])
        if len(folded) > _ROWS:
            yield f"| | | | … and {len(folded) - _ROWS:,} places more |"
    if review.rules:
        yield from ("", f"<details><summary>Rules: {len(review.rules):,} changed</summary>", "")
        for rule in review.rules[:_ROWS]:
            yield from _rule(rule)
        yield from ("", "</details>")
    yield from _coverage(review)
    yield from _groups(review.groups, review.untouched)
    for note in (*review.problems, *review.notes):
        yield from ("", f"> {_text(note)}")


def _row(folded: Folded) -> str:
    change = folded.change
    said = words.said_folded(folded)
    if any(line.change.repeats for line in folded.lines):
        said += f" ⚠ {words.REPEATS}"
    if change.cause == "engine":
        said += f" ⚠ {words.ENGINE}"
    names = words.named(folded.organisations, 4)
    message = f"{change.message}: " if change.message else ""
    return (
        f"| **{TITLES[change.severity]}** | {len(folded.organisations):,} <sub>{_text(names)}</sub> "
        f"| {_text(message + words.title(change))} | {_text(said[:400])} |"
    )


def _failures(review: FleetReview) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for each in review.organisations:
        if each.status == "broken":
            found.setdefault("does not compile any more", []).append(each.name)
        for failure in each.failures:
            found.setdefault(f"{failure.message}: {failure.reasons[0]}", []).append(each.name)
    if found:
        yield from ("", "**New failures: what went out before is refused now**", "")
    for what, names in found.items():
        unique = list(dict.fromkeys(names))
        yield f"- {words.hospitals(len(unique))} ({_text(words.named(unique, 4))}): {_prose(what)}"


def _rule(rule: RuleChange) -> Iterator[str]:
    sign = {"added": "added", "removed": "removed", "changed": "changed"}[rule.kind]
    yield f"- **{sign}** {_text(words.rule_title(rule))} ({TITLES[rule.severity]}, `{rule.place}`)  "
    yield f"  {_prose(rule.sentence)}" + (f" _because {_text(rule.because)}_" if rule.because else "")


def _coverage(review: FleetReview) -> Iterator[str]:
    for member, title in words.LISTS:
        found = words.listed(review, member)
        if found:
            yield from ("", f"**{title}**", "")
        for what, names in found.items():
            yield f"- {_prose(what)}: {words.hospitals(len(names))} ({_text(words.named(names, 4))})"


def _groups(groups: tuple[Group, ...], untouched: int) -> Iterator[str]:
    if not groups:
        return
    yield from ("", "| group | severity | hospitals | to be approved |", "|---|---|---|---|")
    for group in groups[:_ROWS]:
        severity = TITLES[group.first.severity] if group.first.severity is not None else "no bytes"
        moved = words.joined((words.status(group.first), words.moved(group.first)))
        yield f"| `{group.id}` | {severity} | {_text(words.named(group.names))} | {_text(moved)} |"
    yield from (
        "",
        f'{words.hospitals(untouched)} untouched. To approve one: `segwright approve --group ID --because "…"`',
    )


def _prose(text: str) -> str:
    """A sentence whose `names` stay code."""
    return "".join(f"`{part}`" if number % 2 else _text(part) for number, part in enumerate(text.split("`")))


def _text(text: str) -> str:
    """A text that Markdown and HTML leave alone."""
    for sign in "\\`*_{}[]<>|#":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;"}.get(sign, f"\\{sign}"))
    return text
