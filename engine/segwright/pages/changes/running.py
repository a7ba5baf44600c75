"""What runs: of each organisation the bundle that is live, since when, and who approved it; and how it came to be so.

What a deployment says (`plan.release`) and the ledger's chain of events, in one history, the newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.delivery import proposals, verdicts
from segwright.delivery.approved import NotRun, places
from segwright.delivery.verdicts import Office, Verdict
from segwright.ledger import tables as t
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Page
from segwright.pages.changes.mine import READ, names, office, organisations
from segwright.pages.routes import Call, Route
from segwright.plan.approval import Entry, LockRefused, Unheard, heard, read_lock
from segwright.plan.release import Release, ReleaseRefused, current, release

RELEASES: Final = 30
"""Most releases that are looked at, from the newest back."""
EVENTS: Final = 100
"""Most events of each kind."""
TOLD: Final = 10
"""Approvals that are told with their rules, from the newest back; of older ones the proposal tells them."""


class Live(msgspec.Struct, frozen=True):
    """A bundle that is live. `said`: how it stands with its approvals, in words."""

    org: str
    bundle: str
    policy: str
    since: int
    approved: bool
    said: str


class Elsewhere(msgspec.Struct, frozen=True):
    """What a deployment lets run in another environment."""

    environment: str
    release: int
    at: int
    because: str
    bundle: str
    same: bool


class Happened(msgspec.Struct, frozen=True):
    """An entry of the history. `proposal`: its number, 0 for none; `rules`: of an approval, what it was about, in sentences."""

    at: int
    title: str
    colour: Literal["good", "busy", "doubt", "bad", "idle"]
    text: str
    by: str = ""
    because: str = ""
    proposal: int = 0
    rules: tuple[str, ...] = ()


async def running(call: Call) -> Answer:
    """What runs for the visitor's organisations, and the history of the one in the path."""
    orgs, here = organisations(call), office(call)

    def look(tx: Tx) -> tuple[list[Live], list[Happened], set[str]]:
        return _lives(tx, call, orgs), *_history(tx, here, call.org)

    lives, history, lines = await call.read(look)
    elsewhere, releases = await asyncio.to_thread(_deployed, here.folder, call.org, call.engine.settings.environment)
    judged = call.live.judged
    signed = list(_signed(judged.lock if judged is not None else "", here, lines, call.now))
    values = {
        "own": next((live for live in lives if live.org == call.org), None), "others": [x for x in lives if x.org != call.org],
        "names": names(call, orgs), "elsewhere": elsewhere, "bundle": call.live.bundle.hash,
        "read_at": here.read_at, "moved": await asyncio.to_thread(moved, call, here),
        "history": sorted([*history, *releases, *signed], key=lambda each: -each.at),
    }  # fmt: skip
    return Page("changes/running.html", values)


def moved(call: Call, here: Office) -> bool:
    """Whether the approvals that lie there now are others than those that this server read when it started."""
    judged = call.live.judged
    try:
        there = places(call.engine.settings, here.root).get(call.org)
    except (NotRun, OSError):
        return False
    return judged is not None and there is not None and there.lock != judged.lock


def _lives(tx: Tx, call: Call, orgs: tuple[str, ...]) -> list[Live]:
    rows = tx.all(sa.select(t.installed).where(t.installed.c.org.in_(orgs)).order_by(t.installed.c.org))
    found = []
    for row in rows:
        live = call.engine.lives.get(row.org)
        standing = live.judged.standing if live is not None and live.judged is not None else None
        said = standing.said if standing is not None else "not served by this server"
        approved = standing.approved if standing is not None else False
        found.append(Live(row.org, row.bundle, row.policy, row.at, approved, said))
    return found


# --- history ----------------------------------------------------------------------------------------------------------------


def _history(tx: Tx, here: Office, org: str) -> tuple[list[Happened], set[str]]:
    """What the ledger knows, and the lines that it knows as verdicts."""
    found = []
    where = (t.event.c.chain == f"org:{org}", sa.text(t.IS_INSTALLING))
    statement = sa.select(t.event).where(*where).order_by(t.event.c.number.desc()).limit(EVENTS)
    for row in tx.all(statement):
        facts = msgspec.json.decode(row.facts)
        found.append(
            Happened(row.at, "Came into force", "good", f"This server began to run bundle {facts['bundle'][:12]}.")
        )
    for head in proposals.heads(tx, [org], most=EVENTS):
        found.append(
            Happened(head.at, "Proposed", "busy", f"for {head.environment}", head.proposer, head.because, head.id)
        )
    said = verdicts.about(tx, here, org, EVENTS)
    approved = list(dict.fromkeys(each.proposal for each in said if each.kind == "approve"))
    rules = {number: _rules(tx, number, org) for number in approved[:TOLD]}
    for each in said:
        found += _told(each, rules.get(each.proposal, ()))
    return found, {line for each in said for line in (each.line, each.undone) if line}


def _rules(tx: Tx, number: int, org: str) -> tuple[str, ...]:
    """The rules of a proposal that are about an organisation, or about all."""
    found = proposals.shown(proposals.review(tx, number), [org], proposals.everybody(tx, number)).rules
    return tuple(("No longer: " if rule.kind == "removed" else "") + rule.sentence for rule in found)


def _told(each: Verdict, rules: tuple[str, ...]) -> Iterator[Happened]:
    approved = each.kind == "approve"
    title, colour = ("Approved", "good") if approved else ("Refused", "bad")
    yield Happened(
        each.at, title, colour, "on a page", each.account, each.because, each.proposal, rules if approved else ()  # type: ignore[arg-type]
    )  # fmt: skip
    if each.withdrawn_at:
        what = "the approval" if approved else "the refusal"
        yield Happened(each.withdrawn_at, "Withdrawn", "doubt", what, each.account, each.withdrawn, each.proposal)


def _signed(lock: str, here: Office, known: set[str], now: int) -> Iterator[Happened]:
    """What the lock of the running bundle says beside what was said on these pages."""
    try:
        if here.signers is None:
            entries: list[tuple[Entry, str]] = [(entry, entry.account or entry.by) for entry in read_lock(lock)]
        else:
            words = heard(lock, here.signers, datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%d%H%M%S"))
            entries = [
                (word.entry, f"{word.entry.by} (not trusted)" if isinstance(word, Unheard) else word.signer)
                for word in words
            ]
    except LockRefused:
        return
    for entry, by in entries:
        if entry.line in known:
            continue
        title, colour = ("Approved", "good") if entry.kind == "approve" else ("Revoked", "bad")
        yield Happened(_at(entry.on), title, colour, f"by signature, for {entry.environment}", by, entry.because)  # type: ignore[arg-type]


def _deployed(folder: Path, org: str, environment: str) -> tuple[list[Elsewhere], list[Happened]]:
    """What the deployment says of an organisation: other environments, and the releases that changed what runs here."""
    elsewhere: list[Elsewhere] = []
    found: list[Happened] = []
    for place in sorted(folder.glob("*/current")):
        try:
            running = current(folder, place.parent.name)
        except ReleaseRefused:
            continue
        if running is None or org not in running.organisations:
            continue
        if running.environment == environment:
            found += _releases(folder, running, org)
        else:
            there, here = running.organisations[org], _at(running.at)
            beside = there.beside.get(environment, "")
            same = bool(beside) and beside == _bundle(folder, environment, org)
            elsewhere.append(Elsewhere(running.environment, running.number, here, running.because, there.bundle, same))
    return elsewhere, found


def _bundle(folder: Path, environment: str, org: str) -> str:
    try:
        running = current(folder, environment)
    except ReleaseRefused:
        return ""
    return running.organisations[org].bundle if running is not None and org in running.organisations else ""


def _releases(folder: Path, newest: Release, org: str) -> Iterator[Happened]:
    following: Release | None = newest
    for _ in range(RELEASES):
        if following is None:
            return
        try:
            before = release(folder, newest.environment, following.previous) if following.previous else None
        except ReleaseRefused:
            before = None
        now = following.organisations.get(org)
        then = before.organisations.get(org) if before is not None else None
        if now is not None and (then is None or now.bundle != then.bundle):
            back = following.goes_back_to
            title = f"Rolled back to release {back}" if back else f"Promoted with release {following.number}"
            text = f"bundle {now.bundle[:12]}" + (f", made of {following.made_of[:12]}" if following.made_of else "")
            yield Happened(_at(following.at), title, "doubt" if back else "busy", text, "", following.because)
        following = before


def _at(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


ROUTES: Final = (
    Route(
        "GET",
        "/o/{org}/live",
        "live",
        running,
        roles=READ,
        title="Live",
        about="what runs, since when, approved by whom",
    ),
)
