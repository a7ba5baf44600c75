"""The receivers' files against the ledger: what was lost, out of order, filed twice, or sent without being written down.

Takes the ledger, the events that each hospital kept in its own file, and what the ledger promised (answered orders, acknowledged
submissions). Gives `Found`: the violations, each with the smallest story that shows it, and the counts of the table.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from segwright.ledger import journal
from segwright.ledger import tables as t
from segwright.ledger.store import Store, Tx
from segwright.simulation.mode import Memory
from segwright.simulation.record import ARRIVALS, Event


@dataclass(frozen=True)
class Promise:
    """Something that was answered, so it may not be lost: an order (`placer`), or a version of a result."""

    org: str
    what: str  # new | cancel | submit | sign | amend | withdraw
    key: str
    version: int = 0
    kind: str = ""


@dataclass(frozen=True)
class Violation:
    rule: str
    org: str
    story: str

    def __str__(self) -> str:
        return f"{self.org}: {self.rule}: {self.story}"


@dataclass
class Found:
    """`counts`: rows of the table."""

    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, rule: str, org: str, story: str) -> None:
        self.violations.append(Violation(rule, org, story))
        self.counts[rule] += 1


LOST, ORDER, TWICE, GHOST, BYTES, HOLD, GATE, JOURNAL, UNSHOWN, UNHEARD = (
    "lost", "out of order in a chain", "filed twice", "arrived without a try in the ledger", "other bytes than were built",
    "repeated although hold was agreed", "left although it was void", "a broken chain of events", "repeats the ledger does not show",
    "an application acknowledgement was taken and forgotten",
)  # fmt: skip

OPEN = ("waiting", "ready", "sending", "uncertain", "needs_decision", "rejected")
"""What the campaign's operator leaves nowhere."""


@dataclass(frozen=True)
class Ledger:
    """What the checks need of the ledger, read at once."""

    deliveries: dict[int, Any]
    builds: dict[tuple[str, str], Any]
    attempts: dict[int, list[Any]]
    orders: dict[tuple[str, str], Any]
    revisions: dict[tuple[str, str, int, str], Any]
    suppressed: set[tuple[str, str, int, str]]
    decided: Counter[int]
    """How often an operator found that a delivery had not arrived, and let it go again."""
    broken: list[Any]
    events: int

    @classmethod
    def read(cls, store: Store) -> Ledger:
        def look(tx: Tx) -> Ledger:
            c = t.build.c
            attempts: dict[int, list[Any]] = defaultdict(list)
            for row in tx.all(sa.select(t.attempt).order_by(t.attempt.c.id)):
                attempts[row.build_id].append(row)
            checked = [journal.verify(tx, chain) for chain in journal.chains(tx)]
            builds = tx.all(
                sa.select(c.id, c.delivery_id, c.number, c.org, c.destination, c.control_id, c.body_hash, c.live)
            )
            return Ledger(
                {row.id: row for row in tx.all(sa.select(t.delivery))},
                {(row.org, row.control_id): row for row in builds},
                attempts,
                {(row.org, row.placer.partition("^")[0]): row for row in tx.all(sa.select(t.order_.c.org, t.order_.c.placer, t.order_.c.state, t.order_.c.case_id, t.order_.c.part))},
                {(row.org, row.result_id, row.version, row.kind): row for row in tx.all(sa.select(t.revision.c.id, t.revision.c.org, t.revision.c.result_id, t.revision.c.version, t.revision.c.kind, t.revision.c.case_id))},
                {(row.org, row.result_id, row.version, row.kind) for row in tx.all(sa.select(t.suppressed.c.org, t.suppressed.c.result_id, t.suppressed.c.version, t.suppressed.c.kind))},
                Counter(row.delivery_id for row in tx.all(sa.select(t.event.c.delivery_id, t.event.c.facts).where(t.event.c.kind == "decided")) if '"not delivered"' in row.facts),
                [broken for _, broken in checked if broken is not None],
                sum(count for count, _ in checked),
            )  # fmt: skip

        return store.read(look)


def check(
    store: Store, files: Mapping[str, Iterable[Event]], memories: Mapping[str, Memory], holding: Iterable[str],
    promises: Iterable[Promise], owes: Mapping[str, set[str]],
) -> Found:  # fmt: skip
    """Holds the files against the ledger. `holding`: the organisations with `when_uncertain: hold`; `owes`: the kinds of results
    that each organisation is sent."""
    ledger = Ledger.read(store)
    found = Found()
    for broken in ledger.broken:
        found.add(JOURNAL, broken.chain, f"event {broken.number}: {broken.reason}")
    found.counts["events"] = ledger.events
    filings: dict[int, list[tuple[int, Event]]] = defaultdict(list)  # delivery → its filings, by place in the file
    arrivals: Counter[tuple[str, str]] = Counter()
    times_filed: Counter[tuple[str, str]] = Counter()
    for org, events in files.items():
        for place, event in enumerate(events):
            if event.what in ARRIVALS:
                found.counts["arrivals"] += 1
                _arrival(found, ledger, org, event)
                arrivals[org, event.control_id] += 1
            build = ledger.builds.get((org, event.control_id))
            if event.what == "filed" and build is not None:
                times_filed[org, event.control_id] += 1
                filings[build.delivery_id].append((place, event))
    for org, events in files.items():
        _heard(found, ledger, org, events)
    _tries(found, ledger, arrivals, memories, set(holding), times_filed)
    _fates(found, ledger, filings)
    _twice(found, ledger, filings, memories)
    _in_order(found, ledger, filings)
    _promises(found, ledger, promises, owes)
    found.counts["deliveries"] = len(ledger.deliveries)
    found.counts["tries"] = sum(len(tries) for tries in ledger.attempts.values())
    for row in ledger.deliveries.values():
        found.counts[f"state {row.state}"] += 1
    return found


def _named(row: Any) -> str:
    return f"delivery {row.id} ({row.message}, {row.kind} {row.version}, case {row.case_id}, {row.state}{': ' + row.reason if row.reason else ''})"


def _arrival(found: Found, ledger: Ledger, org: str, event: Event) -> None:
    build = ledger.builds.get((org, event.control_id))
    if build is None or build.destination != event.door:
        found.add(
            GHOST,
            org,
            f"{event.control_id} {event.what} at {event.door}: no build of this destination has this control id",
        )
    elif build.body_hash != event.sha256:
        found.add(
            BYTES,
            org,
            f"{event.control_id} of delivery {build.delivery_id}: sha256 {event.sha256[:12]}, built {build.body_hash[:12]}",
        )


def _heard(found: Found, ledger: Ledger, org: str, events: Iterable[Event]) -> None:
    """What the application said on a connection of its own, and was answered for, is what the ledger says."""
    said: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.what == "confirmed" and event.conduct == "elsewhere":
            said[event.control_id].add(event.code)
    for control_id, codes in said.items():
        build = ledger.builds.get((org, control_id))
        row = ledger.deliveries[build.delivery_id] if build is not None and build.live else None
        if row is not None and "AA" in codes and row.state != "confirmed":
            found.add(UNHEARD, org, f"{_named(row)}: the hospital said {sorted(codes)}")


def _tries(
    found: Found, ledger: Ledger, arrivals: Counter[tuple[str, str]], memories: Mapping[str, Memory], holding: set[str],
    times_filed: Counter[tuple[str, str]],
) -> None:  # fmt: skip
    """Every arrival has its own try in the ledger; with hold nothing arrives twice."""
    for (org, control_id), build in ledger.builds.items():
        tries = [attempt for attempt in ledger.attempts.get(build.id, ()) if attempt.outcome != "not_sent"]
        came = arrivals[org, control_id]
        row = ledger.deliveries[build.delivery_id]
        if came > len(tries):
            said = ", ".join(f"{a.number}: {a.outcome or 'open'}" for a in ledger.attempts.get(build.id, ()))
            found.add(GHOST, org, f"{_named(row)} arrived {came} times; tries: {said}")
        if org in holding and came > 1 + ledger.decided[row.id]:
            found.add(HOLD, org, f"{_named(row)} arrived {came} times")
        found.counts["repeats in the ledger"] += max(0, len(tries) - 1)
        found.counts["repeats that arrived"] += max(0, came - 1)
        if memories[org] is Memory.BLIND:
            again = max(0, times_filed[org, control_id] - 1)
            shown = max(0, len(tries) - 1)
            found.counts["filed again, MSH-10-blind"] += again
            found.counts["repeats in the ledger, MSH-10-blind"] += shown
            if again > shown:
                found.add(UNSHOWN, org, f"{_named(row)} filed {again + 1} times, tried {shown + 1} times")


def _fates(found: Found, ledger: Ledger, filings: Mapping[int, list[tuple[int, Event]]]) -> None:
    """What the ledger calls taken was filed; what it calls void never left; nothing stays open."""
    for row in ledger.deliveries.values():
        filed = filings.get(row.id, [])
        if row.state in ("accepted", "confirmed") and not filed:
            found.add(LOST, row.org, f"{_named(row)} was never filed")
        elif row.state == "void" and filed:
            found.add(GATE, row.org, f"{_named(row)} was filed")
        elif row.state in OPEN:
            found.add(LOST, row.org, f"{_named(row)} is still open after {row.tries} tries")


def _twice(
    found: Found, ledger: Ledger, filings: Mapping[int, list[tuple[int, Event]]], memories: Mapping[str, Memory]
) -> None:
    for number, filed in filings.items():
        row = ledger.deliveries[number]
        if memories[row.org] is not Memory.BLIND and len(filed) > 1:
            found.add(
                TWICE, row.org, f"{_named(row)} filed {len(filed)} times: {[event.control_id for _, event in filed]}"
            )


def _in_order(found: Found, ledger: Ledger, filings: Mapping[int, list[tuple[int, Event]]]) -> None:
    """Within a chain the first filings follow the line. Two things may come late and are counted apart: a preliminary result that
    was closed with its fate unknown, and what was taken (CA), let the line go on, and was then refused by the application: a person
    has sent it anew."""
    chains: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for number, filed in filings.items():
        row = ledger.deliveries[number]
        if row.state != "unknown":
            chains[row.lane_id, row.case_id].append((filed[0][0], number))
    for first_filings in chains.values():
        first_filings.sort()
        newest = None
        for _, number in first_filings:
            row = ledger.deliveries[number]
            if newest is not None and row.seq < newest.seq:
                if _refused_after_it_was_taken(ledger, number):
                    found.counts["refused after it was taken, sent anew behind its line"] += 1
                    continue
                found.add(ORDER, row.org, f"{_named(row)} was filed after {_named(newest)}")
            newest = row if newest is None or row.seq > newest.seq else newest
    for number, filed in filings.items():
        row = ledger.deliveries[number]
        if row.state == "unknown":
            later = [
                n
                for _, n in chains[row.lane_id, row.case_id]
                if ledger.deliveries[n].seq > row.seq and filings[n][0][0] < filed[0][0]
            ]
            found.counts["preliminary, fate unknown"] += 1
            found.counts["preliminary, fate unknown, came after its final"] += bool(later)


def _refused_after_it_was_taken(ledger: Ledger, delivery: int) -> bool:
    builds = [build for build in ledger.builds.values() if build.delivery_id == delivery and not build.live]
    return any(one.outcome == "accepted" for build in builds for one in ledger.attempts[build.id])


def _promises(found: Found, ledger: Ledger, promises: Iterable[Promise], owes: Mapping[str, set[str]]) -> None:
    owed = {row.revision_id for row in ledger.deliveries.values()}
    for promise in promises:
        found.counts[f"promised {promise.what}"] += 1
        if promise.what in ("new", "cancel"):
            order = ledger.orders.get((promise.org, promise.key))
            if order is None:
                found.add(LOST, promise.org, f"order {promise.key} was acknowledged and is not there")
            elif promise.what == "cancel" and order.state != "cancelled":
                found.add(
                    LOST, promise.org, f"the cancellation of order {promise.key} was acknowledged; it is {order.state}"
                )
            continue
        key = (promise.org, promise.key, promise.version, promise.kind)
        revision = ledger.revisions.get(key)
        if revision is None and key not in ledger.suppressed:
            found.add(
                LOST,
                promise.org,
                f"result {promise.key} {promise.kind} {promise.version} was acknowledged and is not there",
            )
        elif revision is not None and promise.kind in owes[promise.org] and revision.id not in owed:
            case_cancelled = any(
                o.org == promise.org and o.case_id == revision.case_id and o.state == "cancelled"
                for o in ledger.orders.values()
            )
            if not case_cancelled:
                found.add(LOST, promise.org, f"result {promise.key} {promise.kind} {promise.version} owes no delivery")
