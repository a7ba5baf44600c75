"""Deliveries in line: enqueued, released, frozen, promoted, made void.

Takes what is owed (a revision of a result, something that happened to an order) under the lock of its case; writes the
deliveries and does what the rules of `chain` say. A delivery is frozen, its bytes made and stored, in the transaction
that makes it ready. Refuses, with `NotWritten`, what cannot be written: a trial at the time of enqueuing.

    (enqueue) ─▶ held ─▶ waiting ─▶ ready ─▶ sending …                       see `lanes`
                   └────────┴─────────┴─▶ void
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from segwright.ledger import cases, chain
from segwright.ledger import tables as t
from segwright.ledger.chain import NOT_IN_LINE, Link, Verdict
from segwright.ledger.hospital import Hospital, Material, NotWritten, Owed
from segwright.ledger.store import Tx


def links(tx: Tx, case: int, lane: int) -> list[Link]:
    """The chain of a case in a lane, in line."""
    columns = t.delivery.c
    found = tx.all(
        sa.select(
            columns.id, columns.message, columns.part, columns.kind, columns.version, columns.seq, columns.state, columns.reason
        )
        .where(columns.case_id == case, columns.lane_id == lane)
        .order_by(columns.seq)
    )  # fmt: skip
    return [Link(**row._mapping) for row in found]


def lane_of(tx: Tx, org: str, destination: str) -> int:
    """The lane of a destination, made when it is first needed."""
    where = (t.lane.c.org == org, t.lane.c.destination == destination)
    found = tx.scalar(sa.select(t.lane.c.id).where(*where))
    if found is None:
        tx.insert_new(t.lane, org=org, destination=destination)
        found = tx.scalar(sa.select(t.lane.c.id).where(*where))
    return int(found)


def enqueue(
    tx: Tx, hospital: Hospital, owed: Owed, case: int, part: int, kind: str, *, version: int = 0,
    revision: int | None = None, occurrence: int | None = None, hold: str = "",
) -> int:  # fmt: skip
    """Puts one delivery in line; gives its id, 0 when there is one already. The case is locked. Raises `NotWritten`."""
    lane = lane_of(tx, hospital.org, owed.destination)
    before = links(tx, case, lane)
    values = {
        "org": hospital.org, "lane_id": lane, "destination": owed.destination, "message": owed.message, "case_id": case,
        "part": part, "kind": kind, "version": version, "revision_id": revision, "occurrence_id": occurrence,
        "seq": _next(tx, before), "state": "held", "reason": hold or "entering", "plan": owed.plan, "at": tx.now,
    }  # fmt: skip
    if not tx.insert_new(t.delivery, **values):
        return 0
    unique = {name: values[name] for name in ("org", "destination", "message", "case_id", "part", "kind", "version")}
    key = [t.delivery.c[name] == value for name, value in unique.items()]
    delivery = tx.first(sa.select(t.delivery).where(*key))
    assert delivery is not None
    if hold not in NOT_IN_LINE:  # what it is made of may still have to come; it is tried when that comes
        trial(tx, hospital, delivery.id)
    tx.journal.note(
        "enqueued", hospital.org, lane=lane, case=case, delivery=delivery.id,
        message=owed.message, what=kind, version=version, plan=owed.plan, held=hold,
    )  # fmt: skip
    if not hold:
        release(tx, hospital, delivery.id)
    return int(delivery.id)


def _next(tx: Tx, before: Sequence[Link]) -> int:
    """A place behind everything in the chain, and about in the order of time across chains."""
    return max(tx.now * 1000, *(link.seq + 1 for link in before)) if before else tx.now * 1000


def trial(tx: Tx, hospital: Hospital, delivery: int) -> None:
    """Writes a delivery to see that it can be written. Raises `NotWritten`."""
    row = tx.first(sa.select(t.delivery).where(t.delivery.c.id == delivery))
    assert row is not None
    hospital.write(row.plan, material(tx, row), row.kind, tx.now, "TRIAL")


def material(tx: Tx, delivery: sa.Row[Any]) -> Material:
    """What a delivery is made of, as it stands now."""
    found = cases.orders(tx, delivery.case_id)
    if delivery.part:
        found = [order for order in found if order.part == delivery.part]
    if delivery.occurrence_id is not None:
        subject = tx.scalar(sa.select(t.occurrence.c.document).where(t.occurrence.c.id == delivery.occurrence_id))
    else:
        signed = signature(tx, delivery.revision_id)
        subject = (
            signed.document
            if signed is not None
            else tx.scalar(sa.select(t.revision.c.document).where(t.revision.c.id == delivery.revision_id))
        )
    return Material(tuple(order.document for order in found), found[0].patient if found else None, subject)


def signature(tx: Tx, revision: int | None) -> sa.Row[Any] | None:
    """The signature that holds under a revision."""
    if revision is None:
        return None
    where = (t.signoff.c.revision_id == revision, t.signoff.c.withdrawn_at == 0)
    return tx.first(sa.select(t.signoff).where(*where).order_by(t.signoff.c.id.desc()))


def release(tx: Tx, hospital: Hospital, delivery: int) -> None:
    """Lets a held delivery step into line, at its end; older revisions that never left are made void by it."""
    row = tx.first(sa.select(t.delivery).where(t.delivery.c.id == delivery))
    assert row is not None
    if row.state != "held":
        return
    chained = links(tx, row.case_id, row.lane_id)
    values: dict[str, Any] = {"state": "waiting", "reason": ""}
    if row.reason in NOT_IN_LINE:
        values["seq"] = _next(tx, [link for link in chained if link.id != delivery])
    tx.run(sa.update(t.delivery).where(t.delivery.c.id == delivery).values(**values))
    new = next(link for link in links(tx, row.case_id, row.lane_id) if link.id == delivery)
    apply(tx, row.org, row.lane_id, chain.superseded(chained, new))
    promote(tx, hospital, row.case_id, row.lane_id)


def apply(tx: Tx, org: str, lane: int, verdicts: Sequence[Verdict]) -> None:
    """Writes what the rules say of other deliveries."""
    for verdict in verdicts:
        values = {"state": verdict.state, "reason": verdict.reason, "decided_at": tx.now}
        tx.run(sa.update(t.delivery).where(t.delivery.c.id == verdict.id).values(**values))
        tx.journal.note(verdict.state, org, lane=lane, delivery=verdict.id, why=verdict.reason)


def promote(tx: Tx, hospital: Hospital, case: int, lane: int) -> None:
    """Freezes what may go now: the first in line, when it waits."""
    while (first := chain.first_waiting(chained := links(tx, case, lane))) is not None:
        kind = chain.sent_as(chained, first, hospital.policy.unsent_final)
        if kind is None:
            apply(tx, hospital.org, lane, [Verdict(first.id, "void", "nothing was sent that could be withdrawn")])
            continue
        row = tx.first(sa.select(t.delivery).where(t.delivery.c.id == first.id))
        assert row is not None
        try:
            freeze(tx, hospital, row, kind, "first build")
        except NotWritten as refused:
            hold(tx, row, "it cannot be written any more: " + "; ".join(refused.problems[:3]))
        return


def freeze(tx: Tx, hospital: Hospital, row: sa.Row[Any], kind: str, reason: str) -> int:
    """Makes the bytes of a delivery and makes it ready. A build before it is not live any more. Raises `NotWritten`."""
    control_id = hospital.control_id(tx.now)
    body = hospital.write(row.plan, material(tx, row), kind, tx.now, control_id)
    where = t.build.c.delivery_id == row.id
    number = tx.scalar(sa.select(sa.func.coalesce(sa.func.max(t.build.c.number), 0)).where(where)) + 1
    if number > 1:
        tx.run(sa.update(t.build).where(where).values(live=False))
    body_hash = hashlib.sha256(body).hexdigest()
    build = tx.insert(
        t.build, delivery_id=row.id, number=number, org=row.org, destination=row.destination, control_id=control_id,
        body=body, body_hash=body_hash, plan=row.plan, address=hospital.address(row.destination), reason=reason, live=True,
        at=tx.now,
    )  # fmt: skip
    values = {"state": "ready", "reason": "", "sent_as": kind, "due_at": tx.now}
    tx.run(sa.update(t.delivery).where(t.delivery.c.id == row.id).values(**values))
    wake(tx, row.lane_id)
    tx.journal.note(
        "built", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id,
        build=build, number=number, hash=body_hash, plan=row.plan, sent_as=kind, why=reason,
    )  # fmt: skip
    return build


def hold(tx: Tx, row: sa.Row[Any], reason: str, actor: str = "") -> None:
    """Holds a delivery where it stands; what follows it in its chain waits."""
    tx.run(sa.update(t.delivery).where(t.delivery.c.id == row.id).values(state="held", reason=reason))
    tx.journal.note("held", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, actor=actor, why=reason)


def wake(tx: Tx, lane: int) -> None:
    """Says that a lane has work now."""
    if not tx.run(sa.update(t.due).where(t.due.c.lane_id == lane).values(at=tx.now)):
        tx.insert_new(t.due, lane_id=lane, at=tx.now)
