"""What stands in the ledger, to be looked at: frozen structs, for the API and for operators.

Every query has the organisation in its key: what belongs to another one is not there. Lists are paged by key (the id of the
last row of a page), never by counting. Conditions of partial indexes are repeated word for word: SQLite uses them only
then. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import chain, gates, line
from segwright.ledger import tables as t
from segwright.ledger.execution import Row
from segwright.ledger.hospital import Hospital
from segwright.ledger.store import Tx

PAGE: Final = 50
MOST: Final = 500
"""Rows of the largest page."""
_WINDOW: Final = 2000  # events that one look for changes reads


class Order(msgspec.Struct, frozen=True):
    """An order as it stands. `document` and `patient` are JSON, as its mapping read them."""

    id: int
    case: int
    part: int
    placer: str
    filler: str
    state: str
    at: int
    changed_at: int
    document: bytes
    patient: bytes


class Delivery(msgspec.Struct, frozen=True):
    """A delivery, and where it stands."""

    id: int
    lane: int
    destination: str
    message: str
    case: int
    part: int
    kind: str
    version: int
    state: str
    reason: str
    sent_as: str
    plan: str
    tries: int
    doubts: int
    at: int
    due_at: int
    decided_at: int
    revision: int | None


class Revision(msgspec.Struct, frozen=True):
    """A version of a result, and the signature that holds under it. `document`: what stands, signed or not."""

    id: int
    result: str
    version: int
    kind: str
    pathway: str
    content: str
    actor: str
    at: int
    signed_by: str
    signed_at: int
    document: bytes


class Suppressed(msgspec.Struct, frozen=True):
    """What was not sent because of another delivery (`instead`, 0 when there is none)."""

    result: str
    version: int
    kind: str
    pathway: str
    reason: str
    actor: str
    at: int
    id: int = 0
    instead: int = 0


class Build(msgspec.Struct, frozen=True):
    """The frozen bytes of a delivery."""

    id: int
    number: int
    control_id: str
    hash: str
    body: bytes
    plan: str
    reason: str
    live: bool
    at: int


class Answer(msgspec.Struct, frozen=True):
    """An acknowledgement."""

    code: str
    how: str
    body: bytes
    at: int


class Attempt(msgspec.Struct, frozen=True):
    """One try, with the answers to it."""

    number: int
    build: int
    holder: str
    opened_at: int
    closed_at: int
    outcome: str
    detail: str
    answers: tuple[Answer, ...]


class Event(msgspec.Struct, frozen=True):
    """Something that happened."""

    number: int
    kind: str
    actor: str
    facts: dict[str, Any]
    at: int


class Story(msgspec.Struct, frozen=True):
    """Everything about one delivery. `goes_out`: what the catalogue says of its kind (`yes`, `after sign-off`, `no`);
    `waits_for`: the delivery that must be decided first; `gate`: why it may not go now; `left_out`: twins that were not sent."""

    delivery: Delivery
    orders: tuple[Order, ...]
    revision: Revision | None
    happened_at: int
    goes_out: str
    waits_for: Delivery | None
    gate: str
    left_out: tuple[Suppressed, ...]
    builds: tuple[Build, ...]
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]


class Lane(msgspec.Struct, frozen=True):
    """A connection. `open`: deliveries in it by state; `oldest`: since when the oldest of them is there."""

    id: int
    destination: str
    holder: str
    lease_until: int
    paused: str
    next_at: int
    failures: int
    trouble: str
    open: dict[str, int]
    oldest: int


class Arrived(msgspec.Struct, frozen=True):
    """A message of the inbox."""

    id: int
    listener: str
    sender: str
    control_id: str
    type: str
    state: str
    code: str
    reason: str
    at: int
    body: bytes


class Came(msgspec.Struct, frozen=True):
    """A message of the inbox, without its bytes."""

    id: int
    listener: str
    type: str
    control_id: str
    state: str
    code: str
    reason: str
    at: int


class Stop(msgspec.Struct, frozen=True):
    """A kind or a plan that an operator stopped."""

    what: str
    name: str
    reason: str
    actor: str
    at: int


_OPEN: Final = sa.text(f"delivery.{t.IS_OPEN}")
"""A text, not an expression: one of type Boolean becomes `… = 1` on SQLite, which then no partial index answers."""


# --- orders ---------------------------------------------------------------------------------------------------------------

OrderState = Literal["open", "completed", "cancelled"]


def _order(row: Row) -> Order:
    return Order(
        row.id, row.case_id, row.part, row.placer, row.filler, row.state, row.at, row.changed_at, bytes(row.document),
        bytes(row.patient),
    )  # fmt: skip


def orders(
    tx: Tx, org: str, *, state: OrderState | None = None, after: int = 0, limit: int = PAGE
) -> tuple[Order, ...]:
    """Orders behind the one with the id `after`, in the order in which they came."""
    statement = sa.select(t.order_).where(t.order_.c.org == org, t.order_.c.id > after)
    if state == "open":
        statement = statement.where(sa.text(f"order_.{t.IS_OPEN_ORDER}"))
    elif state is not None:
        statement = statement.where(t.order_.c.state == state)
    found = tx.all(statement.order_by(t.order_.c.id).limit(limit))
    return tuple(_order(row) for row in found)


def order(tx: Tx, org: str, number: int) -> Order | None:
    """One order."""
    row = tx.first(sa.select(t.order_).where(t.order_.c.id == number, t.order_.c.org == org))
    return None if row is None else _order(row)


def orders_of_case(tx: Tx, org: str, case: int) -> tuple[Order, ...]:
    """The orders of a study."""
    c = t.order_.c
    return tuple(
        _order(row) for row in tx.all(sa.select(t.order_).where(c.case_id == case, c.org == org).order_by(c.part))
    )


class Change(msgspec.Struct, frozen=True):
    """A change of an order. `cursor` is its place: the next look starts behind it."""

    cursor: int
    what: Literal["new", "changed", "completed", "cancelled"]
    order: Order


_CHANGES: Final[dict[str, Literal["new", "changed", "completed", "cancelled"]]] = {
    "order": "new", "order changed": "changed", "order completed": "completed", "order cancelled": "cancelled",
}  # fmt: skip


def order_changes(tx: Tx, org: str, after: int, limit: int = PAGE) -> tuple[tuple[Change, ...], int]:
    """What happened to orders behind a cursor, and the cursor to go on from. Numbers of a chain are given under its lock,
    in the order of commits: nothing ever appears behind a cursor that was read already."""
    c = t.event.c
    where = (c.chain == f"org:{org}", c.number > after)
    changes: list[Change] = []
    cursor = after
    for row in tx.all(sa.select(c.number, c.kind, c.case_id, c.facts).where(*where).order_by(c.number).limit(_WINDOW)):
        if len(changes) >= limit:
            break
        cursor = row.number
        what = _CHANGES.get(row.kind)
        if what is None:
            continue
        facts = msgspec.json.decode(row.facts)
        # By its own number where the event has it: a part may be another one after two cases were merged.
        key = t.order_.c.id == facts["order"] if "order" in facts else t.order_.c.part == facts["part"]
        if "order" not in facts:
            key = sa.and_(key, t.order_.c.case_id == row.case_id)
        found = tx.first(sa.select(t.order_).where(t.order_.c.org == org, key))
        if found is not None:
            changes.append(Change(row.number, what, _order(found)))
    return tuple(changes), cursor


# --- deliveries -----------------------------------------------------------------------------------------------------------


def _delivery(row: Row) -> Delivery:
    return Delivery(
        row.id, row.lane_id, row.destination, row.message, row.case_id, max(row.part, 0), row.kind, row.version, row.state,
        row.reason, row.sent_as, row.plan, row.tries, row.doubts, row.at, row.due_at, row.decided_at, row.revision_id,
    )  # fmt: skip


def deliveries(
    tx: Tx, org: str, *, states: Iterable[str] = (), destination: str = "", message: str = "", before: int = 0,
    limit: int = PAGE,
) -> tuple[Delivery, ...]:  # fmt: skip
    """Deliveries, the newest first. `before`: only those with a lower id."""
    wanted = list(dict.fromkeys(states))
    statement = sa.select(t.delivery).where(t.delivery.c.org == org).order_by(t.delivery.c.id.desc()).limit(limit)
    if destination:
        statement = statement.where(t.delivery.c.destination == destination)
    if message:
        statement = statement.where(t.delivery.c.message == message)
    if before:
        statement = statement.where(t.delivery.c.id < before)
    if wanted and set(wanted) <= set(t.OPEN):
        # A page of each state, by the index of what is open: asked for all of them at once, a database would rather walk
        # back through everything that was ever sent.
        pages = [tx.all(statement.where(_OPEN, t.delivery.c.state == state)) for state in wanted]
        found = sorted((row for page in pages for row in page), key=lambda row: -row.id)[:limit]
    else:
        found = list(tx.all(statement.where(t.delivery.c.state.in_(wanted)) if wanted else statement))
    return tuple(_delivery(row) for row in found)


def delivery(tx: Tx, org: str, number: int) -> Delivery | None:
    """One delivery."""
    row = tx.first(sa.select(t.delivery).where(t.delivery.c.id == number, t.delivery.c.org == org))
    return None if row is None else _delivery(row)


def deliveries_of_order(tx: Tx, org: str, found: Order) -> tuple[Delivery, ...]:
    """What is owed, or was sent, for an order: its own messages, and those that answer all orders of its case."""
    c = t.delivery.c
    where = (c.case_id == found.case, c.org == org, (c.part <= 0) | (c.part == found.part))
    return tuple(_delivery(row) for row in tx.all(sa.select(t.delivery).where(*where).order_by(c.seq)))


def deliveries_of_result(tx: Tx, org: str, result: str) -> tuple[Delivery, ...]:
    """What is owed, or was sent, for any revision of a result."""
    revisions = tx.all(
        sa.select(t.revision.c.id, t.revision.c.case_id).where(
            t.revision.c.org == org, t.revision.c.result_id == result
        )
    )
    if not revisions:
        return ()
    c = t.delivery.c
    found: list[Row] = []
    for case in sorted({row.case_id for row in revisions}):
        where = (c.case_id == case, c.org == org, c.revision_id.in_([row.id for row in revisions]))
        found += tx.all(sa.select(t.delivery).where(*where).order_by(c.seq))
    return tuple(_delivery(row) for row in sorted(found, key=lambda row: int(row.seq)))


def because(tx: Tx, org: str, found: Delivery) -> str:
    """Why a delivery stands where it stands, in one sentence; "" where its state says it all."""
    if found.state == "waiting":
        first = _waits_for(tx, org, found)
        return "" if first is None else f"waits for delivery {first.id} ({first.kind}, {first.state})"
    if found.state in ("ready", "uncertain"):
        lane = tx.first(sa.select(t.lane).where(t.lane.c.id == found.lane, t.lane.c.org == org))
        assert lane is not None
        if lane.paused:
            stands = f"the lane is paused ({lane.paused})"
        elif lane.failures:
            stands = f"the lane tries again later ({lane.trouble}, {lane.failures} times in a row)"
        else:
            stands = "it is in line" if found.state == "ready" else "the same bytes are sent again"
        return f"{found.reason}; {stands}" if found.reason else stands
    if found.state == "accepted" and found.due_at:
        return found.reason or "taken; the application's acknowledgement is still to come"
    return found.reason


def revisions(tx: Tx, org: str, result: str) -> tuple[Revision, ...]:
    """The revisions of a result, oldest first."""
    c = t.revision.c
    found = tx.all(sa.select(t.revision).where(c.org == org, c.result_id == result).order_by(c.version, c.id))
    return tuple(_revision(tx, row) for row in found)


def revisions_of_case(tx: Tx, org: str, case: int) -> tuple[Revision, ...]:
    """The revisions of every result of a study, oldest first."""
    c = t.revision.c
    found = tx.all(sa.select(t.revision).where(c.case_id == case, c.org == org).order_by(c.id))
    return tuple(_revision(tx, row) for row in found)


def events_of_case(tx: Tx, org: str, case: int) -> tuple[Event, ...]:
    """What happened to a study, oldest first."""
    c = t.event.c
    found = tx.all(
        sa.select(t.event)
        .where(c.case_id == case, sa.text("case_id > 0"), c.org == org)
        .order_by(c.at, c.chain.desc(), c.id)
    )
    return tuple(Event(one.number, one.kind, one.actor, msgspec.json.decode(one.facts), one.at) for one in found)


def _revision(tx: Tx, row: Row) -> Revision:
    signed = line.signature(tx, row.id)
    return Revision(
        row.id, row.result_id, row.version, row.kind, row.pathway, row.content, row.actor, row.at,
        "" if signed is None else signed.actor, 0 if signed is None else signed.at,
        bytes(row.document if signed is None else signed.document),
    )  # fmt: skip


def suppressed(tx: Tx, org: str, result: str) -> tuple[Suppressed, ...]:
    """Submissions of a result that were not sent because of another."""
    cases = {row.case_id for row in tx.all(
        sa.select(t.revision.c.case_id).where(t.revision.c.org == org, t.revision.c.result_id == result)
    )}  # fmt: skip
    c = t.suppressed.c
    where = (c.org == org, c.result_id == result, c.case_id.in_(cases or {0}))
    return tuple(_suppressed(row) for row in tx.all(sa.select(t.suppressed).where(*where).order_by(c.id)))


def _suppressed(row: Row) -> Suppressed:
    return Suppressed(
        row.result_id, row.version, row.kind, row.pathway, row.reason, row.actor, row.at, row.id, row.delivery_id or 0
    )


def recently_suppressed(tx: Tx, org: str, *, before: int = 0, limit: int = PAGE) -> tuple[Suppressed, ...]:
    """Submissions that were not sent because of another, the newest first. `before`: only those with a lower id."""
    c = t.suppressed.c
    where = [c.org == org, *([c.id < before] if before else [])]
    return tuple(
        _suppressed(row) for row in tx.all(sa.select(t.suppressed).where(*where).order_by(c.id.desc()).limit(limit))
    )


def story(tx: Tx, hospital: Hospital, number: int) -> Story | None:
    """Everything about one delivery of an organisation."""
    row = tx.first(sa.select(t.delivery).where(t.delivery.c.id == number, t.delivery.c.org == hospital.org))
    if row is None:
        return None
    found = _delivery(row)
    parts = [t.order_.c.part == found.part] if found.part else []
    ordered = tx.all(sa.select(t.order_).where(t.order_.c.case_id == found.case, *parts).order_by(t.order_.c.part))
    revision = tx.first(sa.select(t.revision).where(t.revision.c.id == (found.revision or 0)))
    happened = tx.scalar(sa.select(t.occurrence.c.at).where(t.occurrence.c.id == (row.occurrence_id or 0)))
    built = tx.all(sa.select(t.build).where(t.build.c.delivery_id == number).order_by(t.build.c.number))
    live = next((build for build in built if build.live), None)
    shut = None
    if live is not None and found.state in t.OPEN:
        shut = gates.shut(hospital, row, live, gates.ask(tx, hospital, row))
    owed = next((one for one in hospital.owed(found.kind) if one.message == found.message), None)
    c = t.event.c
    events = tx.all(
        sa.select(t.event)
        .where(c.delivery_id == number, sa.text(t.HAS_DELIVERY), c.org == hospital.org)
        .order_by(c.at, c.id)
    )
    twins = tx.all(sa.select(t.suppressed).where(t.suppressed.c.delivery_id == number).order_by(t.suppressed.c.id))
    return Story(
        found, tuple(_order(one) for one in ordered), None if revision is None else _revision(tx, revision),
        happened or 0, owed.gate if owed is not None else "no", _waits_for(tx, hospital.org, found), shut or "",
        tuple(_suppressed(one) for one in twins), tuple(_build(one) for one in built), _attempts(tx, number, built),
        tuple(Event(one.number, one.kind, one.actor, msgspec.json.decode(one.facts), one.at) for one in events),
    )  # fmt: skip


def _waits_for(tx: Tx, org: str, found: Delivery) -> Delivery | None:
    if found.state != "waiting":
        return None
    chained = line.links(tx, found.case, found.lane)
    first = chain.waits_for(chained, next(link for link in chained if link.id == found.id))
    return None if first is None else delivery(tx, org, first.id)


def _build(row: Row) -> Build:
    return Build(
        row.id, row.number, row.control_id, row.body_hash, bytes(row.body), row.plan, row.reason, row.live, row.at
    )


def _attempts(tx: Tx, delivery: int, built: Sequence[Row]) -> tuple[Attempt, ...]:
    numbers = {build.id: build.number for build in built}
    tries = tx.all(sa.select(t.attempt).where(t.attempt.c.delivery_id == delivery).order_by(t.attempt.c.number))
    answers: dict[int, list[Answer]] = {}
    where = t.answer.c.attempt_id.in_([row.id for row in tries])
    for row in tx.all(sa.select(t.answer).where(where).order_by(t.answer.c.id)):
        answers.setdefault(row.attempt_id, []).append(Answer(row.code, row.how, bytes(row.body), row.at))
    return tuple(
        Attempt(
            row.number, numbers[row.build_id], row.holder, row.opened_at, row.closed_at, row.outcome, row.detail,
            tuple(answers.get(row.id, ())),
        )
        for row in tries
    )  # fmt: skip


# --- what operators watch ---------------------------------------------------------------------------------------------------


def organisations(tx: Tx) -> list[str]:
    """The organisations that this ledger serves."""
    return [row.org for row in tx.all(sa.select(t.installed.c.org).order_by(t.installed.c.org))]


def bundle(tx: Tx, org: str) -> str:
    """The hash of the bundle that is live for an organisation, "" when there is none."""
    return str(tx.scalar(sa.select(t.installed.c.bundle).where(t.installed.c.org == org)) or "")


def lanes_of(tx: Tx, org: str) -> tuple[Lane, ...]:
    """The lanes of an organisation, with what is open in each."""
    c = t.delivery.c
    counted: dict[int, dict[str, int]] = {}
    oldest: dict[int, int] = {}
    statement = (
        sa.select(c.lane_id, c.state, sa.func.count().label("count"), sa.func.min(c.at).label("oldest"))
        .where(c.org == org, _OPEN)
        .group_by(c.lane_id, c.state)
        .order_by(c.lane_id, c.state)
    )
    for lane_id, state, count, at in (tuple(row) for row in tx.all(statement)):
        counted.setdefault(lane_id, {})[state] = count
        oldest[lane_id] = min(oldest.get(lane_id, at), at)
    rows = tx.all(sa.select(t.lane).where(t.lane.c.org == org).order_by(t.lane.c.destination))
    return tuple(
        Lane(
            row.id, row.destination, row.holder, row.lease_until, row.paused, row.next_at, row.failures, row.trouble,
            counted.get(row.id, {}), oldest.get(row.id, 0),
        )
        for row in rows
    )  # fmt: skip


def _arrived(row: Row) -> Arrived:
    return Arrived(
        row.id,
        row.listener,
        row.sender,
        row.control_id,
        row.type,
        row.state,
        row.code,
        row.reason,
        row.at,
        bytes(row.body),
    )


def quarantined(tx: Tx, org: str, *, after: int = 0, limit: int = PAGE) -> tuple[Arrived, ...]:
    """Messages in quarantine, oldest first."""
    c = t.inbox.c
    where = (c.org == org, sa.text(t.IS_QUARANTINED), c.id > after)
    return tuple(_arrived(row) for row in tx.all(sa.select(t.inbox).where(*where).order_by(c.id).limit(limit)))


def arrived(tx: Tx, org: str, number: int) -> Arrived | None:
    """One message of the inbox."""
    row = tx.first(sa.select(t.inbox).where(t.inbox.c.id == number, t.inbox.c.org == org))
    return None if row is None else _arrived(row)


def stops(tx: Tx, org: str) -> tuple[Stop, ...]:
    """What operators stopped."""
    c = t.stop.c
    found = tx.all(sa.select(t.stop).where(c.org == org).order_by(c.what, c.name))
    return tuple(Stop(row.what, row.name, row.reason, row.actor, row.at) for row in found)


class Standing(msgspec.Struct, frozen=True):
    """How many there are of what is not done yet, for one organisation: for metrics."""

    lanes: tuple[Lane, ...]
    orders: int
    stored: int
    quarantined: int


def standing(tx: Tx, org: str) -> Standing:
    """Counts of what is open. Each reads an index of open things only, however long the ledger is."""

    def count(table: sa.Table, condition: str) -> int:
        where = (table.c.org == org, sa.text(condition))
        return int(tx.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0)

    return Standing(
        lanes_of(tx, org),
        count(t.order_, t.IS_OPEN_ORDER),
        count(t.inbox, t.IS_STORED),
        count(t.inbox, t.IS_QUARANTINED),
    )
