"""A review for the terminal, at most 100 columns by default: the gravest first, identical changes together.

Takes a `FleetReview`; gives lines. `paint` colours a text by its role (severity names, "bold", "dim", "added", "removed").
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from segwright.review import words
from segwright.review.change import TITLES, RuleChange
from segwright.review.grouping import FleetReview, Folded, Group

Paint = Callable[[str, str], str]

_IN: Final = 16
"""Columns before what is said."""
_LINES: Final = 30
"""Most places of one severity that are told one by one."""


def text_report(review: FleetReview, width: int = 100, paint: Paint = lambda text, role: text) -> list[str]:
    """The report."""
    report = _Report(review, width, paint)
    return list(report.lines())


class _Report:
    def __init__(self, review: FleetReview, width: int, paint: Paint) -> None:
        self.review, self.width, self.paint = review, width, paint

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield self.paint(words.headline(self.review), "bold")
        yield from self.failures()
        yield from self.outputs()
        yield from self.rules()
        yield from self.coverage()
        yield from self.groups()
        for note in (*self.review.problems, *self.review.notes):
            yield ""
            yield from self.wrapped(note, 0)

    def heading(self, text: str) -> Iterator[str]:
        """A blank line and a title."""
        yield ""
        yield self.paint(text, "bold")

    def wrapped(self, text: str, indent: int, role: str = "", first: str = "") -> Iterator[str]:
        """A text within the width. `first` stands before it on the first line."""
        lead = first.ljust(indent) if first else " " * indent
        lines = textwrap.wrap(
            text, max(self.width - indent, 20), break_long_words=True, break_on_hyphens=False, max_lines=4, placeholder=" …"
        ) or [""]  # fmt: skip
        for number, line in enumerate(lines):
            painted = self.paint(line, role) if role else line
            yield (lead if number == 0 else " " * indent) + painted

    # --- sections ----------------------------------------------------------------------------------------------------------

    def failures(self) -> Iterator[str]:
        """Cases that are refused now."""
        found = words.failing(self.review)
        broken = [each.name for each in self.review.organisations if each.status == "broken"]
        if not found and not broken:
            return
        yield from self.heading("New failures: what went out before is refused now")
        for (message, reasons), where in found.items():
            names, cases = list(where), words.cases_of(where)
            yield from self.wrapped(
                f"{message} of {words.named(cases, 4)}", _IN, "clinical", f"  {words.hospitals(len(names))}"
            )
            for reason in reasons[:4]:
                yield from self.wrapped(reason, _IN)
            yield from self.wrapped(words.named(names), _IN, "dim")
        if broken:
            said = "does not compile any more; `segwright check` says why"
            yield from self.wrapped(said, _IN, "identity", f"  {words.hospitals(len(broken))}")
            yield from self.wrapped(words.named(broken), _IN, "dim")

    def outputs(self) -> Iterator[str]:
        """Changes by severity."""
        folded = self.review.folded()
        for severity, each in groupby(folded, key=lambda one: one.change.severity):
            places = list(each)
            yield from self.heading(TITLES[severity].capitalize())
            for one in places[:_LINES]:
                yield from self.place(one)
            if len(places) > _LINES:
                yield from self.wrapped(
                    f"and {len(places) - _LINES:,} places more; --format html shows all", _IN, "dim"
                )

    def place(self, folded: Folded) -> Iterator[str]:
        """One place."""
        change = folded.change
        first = f"  {words.hospitals(len(folded.organisations))}"
        yield from self.wrapped(words.title(change), _IN, str(change.severity), first)
        shown = folded.lines[:3] if len(folded.lines) <= 3 else ()
        if shown:
            for line in shown:
                many = f" ({words.hospitals(len(line.organisations))})" if len(shown) > 1 else ""
                yield from self.wrapped(words.said(line.change) + many, _IN)
        else:
            yield from self.wrapped(words.said_folded(folded), _IN)
        if any(line.change.repeats for line in folded.lines):
            yield from self.wrapped(f"! {words.REPEATS}", _IN, "identity")
        if change.cause == "engine":
            yield from self.wrapped(f"! {words.ENGINE}", _IN, "identity")
        yield from self.wrapped(
            words.joined((change.message, words.named(folded.organisations), words.where(folded.lines[0].where))),
            _IN,
            "dim",
        )

    def rules(self) -> Iterator[str]:
        """Rules that were added, removed, changed."""
        rules = self.review.rules
        if not rules:
            return
        yield from self.heading("Rules")
        for rule in rules[: 2 * _LINES]:
            yield from self.rule(rule)
        if len(rules) > 2 * _LINES:
            yield f"  and {len(rules) - 2 * _LINES:,} rules more; --format html shows all"

    def rule(self, rule: RuleChange) -> Iterator[str]:
        """One rule."""
        sign = {"added": "+", "removed": "-", "changed": "~"}[rule.kind]
        yield from self.wrapped(words.rule_title(rule), 4, str(rule.severity), f"  {sign} ")
        said = rule.sentence if rule.kind != "removed" else f"No longer: {rule.sentence}"
        yield from self.wrapped(said, 6)
        if rule.kind == "changed" and rule.before != rule.after:
            yield from self.wrapped(f"- {words.visible(rule.before)}", 6, "removed")
            yield from self.wrapped(f"+ {words.visible(rule.after)}", 6, "added")
        because = f"because “{rule.because}”" if rule.because else ""
        many = f"for {words.hospitals(rule.hospitals)}" if rule.hospitals != 1 else ""
        yield from self.wrapped(words.joined((because, many, rule.place)), 6, "dim")

    def coverage(self) -> Iterator[str]:
        """What cases no longer cover, values without a row, overrides whose base changed."""
        for member, title in words.LISTS:
            found = words.listed(self.review, member)
            if found:
                yield from self.heading(title)
            for what, names in found.items():
                yield from self.wrapped(what, _IN, "", f"  {words.hospitals(len(names))}")
                yield from self.wrapped(words.named(names), _IN, "dim")

    def groups(self) -> Iterator[str]:
        """Who changes alike: what one approves at a time."""
        if not self.review.groups:
            return
        yield from self.heading("Groups that change alike")
        for group in self.review.groups[:_LINES]:
            yield from self.group(group)
        if len(self.review.groups) > _LINES:
            yield f"  and {len(self.review.groups) - _LINES:,} groups more"
        yield f"  {words.hospitals(self.review.untouched)} untouched"

    def group(self, group: Group) -> Iterator[str]:
        """One group."""
        severity = TITLES[group.first.severity] if group.first.severity is not None else "no bytes"
        yield from self.wrapped(
            words.joined((severity, words.hospitals(len(group.names)), words.named(group.names))),
            _IN,
            "",
            f"  {group.id}",
        )
        yield from self.wrapped(words.joined((words.status(group.first), words.moved(group.first))), _IN, "dim")
