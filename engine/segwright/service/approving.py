"""Approvals of a workspace: what is approved, what lacks, and new words in the locks.

Takes the folder of a workspace; gives for each organisation its standing, or the line to be signed. The severity of what is
approved is that of all that changed since the state that was approved last, whatever steps it came in; where that state
cannot be found, all of it counts as new. Writes `orgs/<org>/approvals.lock`, a line more, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from segwright.plan.approval import POLICY, PRODUCTION, Entry, ItemState, Word, called_item, items_of, state_of
from segwright.plan.signers import Signers
from segwright.review.change import OrganisationReview, Severity
from segwright.review.grouping import FleetReview, Group, grouped
from segwright.service.cache import Cache, default_folder
from segwright.service.diffing import Say, review_fleet
from segwright.service.locks import add_lines, stamp, trusted, words_about
from segwright.service.lost_coverage import Lost
from segwright.service.review_policy import Policy
from segwright.service.reviewing import Compared, open_state, policy_of
from segwright.service.revision import NoSuchBase, revision_of, workspace_at
from segwright.service.signing import Key
from segwright.service.states import State
from segwright.service.unreviewed import Unreviewed

APPROVED = "approved"
"""What people call the state that was approved last."""


class Item(msgspec.Struct, frozen=True):
    """One thing that must be approved: `plan:NAME` or `policy`, its hash, who approved it and how many must."""

    item: str
    hash: str
    by: tuple[str, ...]
    needs: int
    state: Literal["approved", "lapsed", "too few", "revoked", "new"]


class Status(msgspec.Struct, frozen=True):
    """How an organisation stands in an environment. `problem`: why that cannot be told."""

    organisation: str
    environment: str
    items: tuple[Item, ...] = ()
    problem: str = ""

    @property
    def approved(self) -> bool:
        """Whether all of it may run."""
        return not self.problem and bool(self.items) and all(item.state == "approved" for item in self.items)

    @property
    def said(self) -> str:
        """In one sentence."""
        if self.problem:
            return self.problem
        if self.approved:
            names = sorted({name for item in self.items for name in item.by})
            return f"approved by {', '.join(names)}"
        lacking = [item for item in self.items if item.state != "approved"]
        if all(item.state == "new" for item in self.items):
            return "nothing of it was ever approved"
        return "; ".join(f"{called_item(item.item)} {_lacks(item)}" for item in lacking)


def _lacks(item: Item) -> str:
    return {
        "lapsed": "moved since it was approved",
        "new": "was never approved",
        "revoked": "was revoked",
        "too few": f"is approved by {len(item.by)} of {item.needs} ({', '.join(item.by)})",
        "approved": "",
    }[item.state]


# --- how things stand ------------------------------------------------------------------------------------------------------


def statuses(
    state: State, names: Collection[str], environment: str, policy: Policy, signers: Signers, now: datetime
) -> list[Status]:
    """How organisations stand."""
    return [status(state, name, environment, policy, signers, now) for name in names]


def status(state: State, name: str, environment: str, policy: Policy, signers: Signers, now: datetime) -> Status:
    """How one organisation stands."""
    if name not in state.names:
        return Status(name, environment, problem="it does not compile: `segwright check` says why")
    if environment not in state.hashes(name):
        return Status(name, environment, problem=f"it has no environment {environment}")
    try:
        said = words_about(state.root, name, signers, now)
    except Unreviewed as refused:
        return Status(name, environment, problem=str(refused))
    items = items_of(state.manifest(name, environment))
    return Status(
        name, environment, tuple(_item(each, hash_, name, environment, said, policy) for each, hash_ in items.items())
    )


def item_state(item: str, hash_: str, name: str, environment: str, said: Collection[Word], policy: Policy) -> ItemState:
    """What the words say of an item. It needs as many people as `review.yaml` says today for what they rated it as: a line that
    was written under a milder policy needs no fewer."""
    rated = [
        word.entry.rated
        for word in said
        if (word.entry.kind, word.entry.organisation, word.entry.environment) == ("approve", name, environment)
        and word.entry.items.get(item) == hash_
    ]
    return state_of(item, hash_, name, environment, said, max([1, *(policy.needed(rating(each)) for each in rated)]))


def rating(text: str) -> Severity:
    """The severity that an entry names; of a word that is none, the gravest."""
    return Severity(text) if text in tuple(Severity) else Severity.IDENTITY


def _item(item: str, hash_: str, name: str, environment: str, said: Collection[Word], policy: Policy) -> Item:
    found = item_state(item, hash_, name, environment, said, policy)
    kind: Literal["approved", "lapsed", "too few", "revoked", "new"] = "approved"
    if found.revoked:
        kind = "revoked"
    elif not found.by:
        about = [word for word in said if word.entry.environment == environment and item in word.entry.items]
        kind = "lapsed" if about else "new"
    elif not found.approved:
        kind = "too few"
    return Item(item, hash_, found.by, found.needs, kind)


# --- against what was approved -----------------------------------------------------------------------------------------------


def against_approved(
    after: State, names: Collection[str], environment: str, policy: Policy, signers: Signers, now: datetime,
    environ: Mapping[str, str], say: Say = lambda text: None, lost: Lost | None = None,
) -> FleetReview:  # fmt: skip
    """The review of organisations, each against the state of it that was approved last; what was never approved is new."""
    said = {name: words_about(after.root, name, signers, now) for name in names}
    waiting: dict[str, list[str]] = {}
    for name in names:
        items = items_of(after.manifest(name, environment)) if name in after.names else {}
        waiting.setdefault(_approved_revision(said[name], name, environment, items), []).append(name)
    cache = Cache(default_folder(environ))
    reviews: list[FleetReview] = []
    for revision, some in waiting.items():
        reviews += _against_revision(after, revision, some, environment, policy, said, cache, say, lost)
    groups = grouped(each for review in reviews for each in review.organisations)
    rules = tuple(dict.fromkeys(rule for review in reviews for rule in review.rules))
    notes = tuple(note for review in reviews for note in review.notes)
    return FleetReview(THE_APPROVED, groups, rules, sum(review.untouched for review in reviews), (), notes)


def compared_with_approved(
    root: Path, keys: Path | None, environ: Mapping[str, str], only: Collection[str], say: Say,
    environment: str = PRODUCTION, lost: Lost | None = None, *, lacking: bool = False,
) -> Compared:  # fmt: skip
    """The review of a workspace against what is approved; `lacking`: of those only that lack approval, of anything. Raises
    `Unreviewed`."""
    signers, policy = trusted(keys, root), policy_of(root)
    after = open_state(root, only, environ, say)
    looked, now = tuple(only or organisations_of(after)), datetime.now(UTC)
    names = looked
    if lacking:
        names = tuple(
            status.organisation
            for status in statuses(after, looked, environment, policy, signers, now)
            if not status.approved
        )
    review = against_approved(after, names, environment, policy, signers, now, environ, say, lost)
    untouched = review.untouched + len(looked) - len(names)
    return Compared(msgspec.structs.replace(review, untouched=untouched), after, policy, looked)


THE_APPROVED = "what is approved"


def _approved_revision(said: Collection[Word], name: str, environment: str, items: Mapping[str, str]) -> str:
    """The revision at which something else of an organisation was approved last than what it is now; "" when never."""
    entries = [
        word.entry
        for word in said
        if word.entry.kind == "approve"
        and (word.entry.organisation, word.entry.environment) == (name, environment)
        and word.entry.source
        and any(items.get(item) != hash_ for item, hash_ in word.entry.items.items())
    ]
    return max(entries, key=lambda entry: entry.on).source if entries else ""


def _against_revision(
    after: State, revision: str, names: list[str], environment: str, policy: Policy, said: Mapping[str, Collection[Word]],
    cache: Cache, say: Say, lost: Lost | None,
) -> list[FleetReview]:  # fmt: skip
    """Some organisations against a revision; as new where there is none, or where it is not what was approved."""
    if not revision:
        return [_as_new(after, names, "nothing of it was approved before")]
    try:
        with workspace_at(after.root, revision) as folder:
            before = State(folder, names, cache)
            good = [name for name in names if _was_approved(before, name, environment, said[name])]
            reviews = [review_fleet(before, after, THE_APPROVED, policy.meanings, good, say, lost)] if good else []
    except (NoSuchBase, OSError):
        return [_as_new(after, names, f"the revision {revision[:12]} that was approved is not in this repository")]
    other = [name for name in names if name not in good]
    if other:
        reviews.append(_as_new(after, other, f"at {revision[:12]} it was not what was approved"))
    return reviews


def _was_approved(state: State, name: str, environment: str, said: Collection[Word]) -> bool:
    """Whether all of an organisation was approved as it is in a state."""
    if name not in state.names or environment not in state.hashes(name):
        return False
    items = items_of(state.manifest(name, environment))
    return all(state_of(item, hash_, name, environment, said).approved for item, hash_ in items.items())


def _as_new(after: State, names: Collection[str], why: str) -> FleetReview:
    note = f"{', '.join(names)}: {why}; everything counts as new."
    return FleetReview(THE_APPROVED, new_groups(after, names), (), 0, (), (note,))


def new_groups(after: State, names: Collection[str]) -> tuple[Group, ...]:
    """Organisations of which everything is new."""
    return grouped(
        OrganisationReview(name, "added", moved={each: (*by, POLICY) for each, by in after.hashes(name).items()})
        for name in names
        if name in after.names
    )


# --- new words -----------------------------------------------------------------------------------------------------------------


def must_compile(state: State, names: Collection[str], environment: str) -> None:
    """Raises `Unreviewed` for organisations that do not compile, or have no such environment: there is nothing to sign."""
    for name in names:
        if name not in state.names:
            raise Unreviewed(f"{name} does not compile.", state.errors(name), state.fleet.sources)
        if environment not in state.hashes(name):
            known = ", ".join(state.hashes(name))
            raise Unreviewed(f"{name} has no environment {environment}; it has {known}.")


class Proposal(msgspec.Struct, frozen=True):
    """What would be signed for one organisation."""

    entry: Entry
    severity: Severity | None


def proposals(
    after: State, names: Collection[str], review: FleetReview, environment: str, because: str, key: Key, policy: Policy,
    signers: Signers, now: datetime,
) -> list[Proposal]:  # fmt: skip
    """The lines that approve organisations: what lacks approval and this person has not approved yet, rated by the review."""
    commit, clean = revision_of(after.root)
    severities = {each.name: each.severity for each in review.organisations}
    found = []
    signer = signers.of(key.public)
    me = signers.person(signer.name) if signer is not None else ""
    for name in names:
        said = words_about(after.root, name, signers, now)
        items = {}
        for item, hash_ in items_of(after.manifest(name, environment)).items():
            state = item_state(item, hash_, name, environment, said, policy)
            if not state.approved and me not in state.by:
                items[item] = hash_
        if not items:
            continue
        severity = severities.get(name)
        found.append(
            Proposal(
                Entry(
                    "approve", name, environment, items, str(severity or Severity.COSMETIC), policy.needed(severity), stamp(now),
                    because, key.public.fingerprint, commit if clean else "",
                ),
                severity,
            )
        )  # fmt: skip
    return found


def revocation(after: State, name: str, environment: str, because: str, key: Key, now: datetime) -> Entry:
    """The line that takes back every approval of what an organisation is now."""
    items = items_of(after.manifest(name, environment))
    return Entry("revoke", name, environment, items, "identity", 1, stamp(now), because, key.public.fingerprint)


def sign(root: Path, entries: Collection[Entry], key: Key) -> None:
    """Signs entries and writes them into the locks of their organisations: all, or none when one cannot be signed. Raises
    `signing.CannotSign`, `Unreviewed`, OSError."""
    signed = [msgspec.structs.replace(entry, signature=key.sign(entry.payload)) for entry in entries]
    for entry in signed:
        add_lines(root, entry.organisation, [entry])


def said_proposal(proposal: Proposal) -> str:
    """What would be signed, in one sentence."""
    entry = proposal.entry
    what = ", ".join(called_item(item) for item in entry.items)
    many = "one person" if entry.needs == 1 else f"{entry.needs} people"
    at = f", as of {entry.source[:12]}" if entry.source else ", of files that are not committed"
    return f"{entry.organisation} in {entry.environment}: {what}; rated {entry.rated}, needs {many}{at}"


def organisations_of(state: State) -> tuple[str, ...]:
    """Every organisation of a workspace, whether it compiles or not."""
    from segwright.service.opening import organisations_in

    return tuple(organisations_in(state.root))
