"""Change review as people ask for it: a workspace against a base, told in one of four ways.

Takes the folder of a workspace and the name of a base; gives the review, or the text of a report. Refuses, with `Unreviewed`,
what cannot be compared: no such base, a workspace that is none, a policy that cannot be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from segwright import __version__
from segwright.plan.approval import POLICY, items_of
from segwright.review.change import OrganisationReview, Severity
from segwright.review.document import Binding
from segwright.review.grouping import FleetReview
from segwright.review.report_text import Paint, text_report
from segwright.service.cache import Cache, default_folder
from segwright.service.diffing import Say, files_of_new, review_fleet
from segwright.service.lost_coverage import Lost
from segwright.service.opening import unknown_organisations
from segwright.service.review_policy import Policy, read_policy
from segwright.service.revision import NoSuchBase, committed, merge_base, workspace_at
from segwright.service.states import State
from segwright.service.unreviewed import Unreviewed

if TYPE_CHECKING:
    from segwright.review.report_json import About


class Compared(NamedTuple):
    """A review, the workspace as it is, and its policy."""

    review: FleetReview
    after: State
    policy: Policy
    only: Collection[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The hospitals that were compared."""
        return tuple(sorted(self.only or {*self.after.names, *(each.name for each in self.review.organisations)}))


def compared(
    root: Path, base: str | None, environ: Mapping[str, str], only: Collection[str] = (), say: Say = lambda text: None,
    lost: Lost | None = None,
) -> Compared:  # fmt: skip
    """The review of the workspace in `root` against `base` (default: where this branch left main)."""
    policy = policy_of(root)
    with states(root, base, environ, only, say) as (before, after, name):
        return Compared(
            review_fleet(before, after, name, policy.meanings, only or None, say, lost), after, policy, only
        )


def policy_of(root: Path) -> Policy:
    """The policy of reviews. Raises `Unreviewed` when it cannot be read."""
    policy = read_policy(root)
    if policy.findings:
        raise Unreviewed("The policy of reviews cannot be read.", policy.findings, policy.sources)
    return policy


@contextmanager
def states(
    root: Path, base: str | None, environ: Mapping[str, str], only: Collection[str] = (), say: Say = lambda text: None
) -> Iterator[tuple[State, State, str]]:
    """The workspace at the base and as it is, and what the base is called."""
    cache = Cache(default_folder(environ))
    try:
        name = merge_base(root) if base is None else base
        with workspace_at(root, name) as folder:
            say("checking the base …")
            before = State(folder, only or None, cache, lambda done, of: say(f"compiling the base … {done} of {of}"))
            say("checking …")
            after = State(root, only or None, cache, lambda done, of: say(f"compiling … {done} of {of}"), before)
            if not after.fleet.readable:
                raise Unreviewed("", after.fleet.found, after.fleet.sources)
            unknown = [each for each in unknown_organisations(root, only) if each.facts["name"] not in before.names]
            if unknown:
                raise Unreviewed("", unknown)
            yield before, after, name
    except NoSuchBase as refused:
        raise Unreviewed(str(refused)) from None


def open_state(root: Path, only: Collection[str], environ: Mapping[str, str], say: Say = lambda text: None) -> State:
    """The workspace as it is. Raises `Unreviewed` for one that is none, and for hospitals that it does not have."""
    cache = Cache(default_folder(environ))
    found = State(root, only or None, cache, lambda done, of: say(f"compiling … {done} of {of}"))
    if not found.fleet.readable:
        raise Unreviewed("", found.fleet.found, found.fleet.sources)
    unknown = unknown_organisations(root, only)
    if unknown:
        raise Unreviewed("", unknown)
    return found


def group_of(root: Path, group: str, base: str | None, environ: Mapping[str, str], say: Say) -> tuple[str, ...]:
    """The hospitals of a group of a review. Raises `Unreviewed` when there is none of that name."""
    review = compared(root, base, environ, (), say).review
    for each in review.groups:
        if each.id == group:
            return each.names
    known = ", ".join(each.id for each in review.groups[:8]) or "none: nothing changes"
    raise Unreviewed(
        f"Against {review.base} there is no group {group}; there are {known}. What changed since makes another group."
    )


def bindings(found: Compared) -> dict[str, dict[str, Binding]]:
    """Of every hospital that changes, by environment, what an approval of it is bound to."""
    return {
        each.name: _bindings(found.after, each, found.policy.needed(each.severity))
        for each in found.review.organisations
        if each.name in found.after.names
    }


def _bindings(after: State, review: OrganisationReview, needs: int) -> dict[str, Binding]:
    out = {}
    for environment in after.hashes(review.name):
        items = items_of(after.manifest(review.name, environment))
        moved = review.moved.get(environment, ())
        names = (each if each == POLICY else f"plan:{each}" for each in moved)
        out[environment] = Binding(items, tuple(name for name in names if name in items), needs)
    return out


def proposed(found: Compared, environment: str, because: str) -> bytes:
    """The review as people are asked to approve it, for `segwright propose`: a new hospital with what its cases give."""
    from segwright.review.report_json import proposal

    groups = tuple(
        msgspec.structs.replace(
            group, organisations=tuple(_with_files(found.after, each) for each in group.organisations)
        )
        for group in found.review.groups
    )
    review = msgspec.structs.replace(found.review, groups=groups)
    return msgspec.json.encode(proposal(review, bindings(found), _about(found), environment, because))


def _with_files(after: State, review: OrganisationReview) -> OrganisationReview:
    if review.status != "added" or review.cases or review.name not in after.names:
        return review
    return msgspec.structs.replace(review, cases=files_of_new(after, review.name))


def _about(found: Compared) -> About:
    from segwright.review.report_json import About

    approvers = {str(severity): found.policy.needed(severity) for severity in Severity}
    return About(__version__, committed(found.after.root), found.names, approvers)


def written(found: Compared, form: str, width: int = 100, paint: Paint = lambda text, role: text) -> str:
    """A report: text, markdown, json or html."""
    review = found.review
    if form == "markdown":
        from segwright.review.report_markdown import markdown_report

        return markdown_report(review)
    if form == "json":
        from segwright.review.report_json import json_report

        return json_report(review, bindings(found), _about(found))
    if form == "html":
        from segwright.review.report_html import html_report

        return html_report(review)
    return "\n".join(text_report(review, width, paint)) + "\n"
