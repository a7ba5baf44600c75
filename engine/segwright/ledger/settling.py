"""What follows once more is known of a delivery: it was taken, it goes again, or something newer takes its place.

Takes a delivery whose state was just written, under the locks of its lane and case; lets what waits for it go, completes its
orders, and sees to what happened to its chain or its orders while it was in flight.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain, line, orders
from segwright.ledger import tables as t
from segwright.ledger.execution import NOTHING, Asked, Prepared, Row
from segwright.ledger.hospital import Hospital
from segwright.ledger.store import Tx
from segwright.ledger.tables import OPEN

_OF_REVISION: Final = Prepared(
    sa.select(t.delivery.c.part, t.delivery.c.state).where(
        t.delivery.c.case_id == sa.bindparam("case"), t.delivery.c.revision_id == sa.bindparam("revision")
    )
)


def taking(tx: Tx, row: Row, build: int) -> dict[str, Any]:
    """What the event that a delivery is taken by says for the figures: how long it took (ms) since these bytes might go. Nothing
    when it was taken before: each is counted once."""
    if row.state in ("accepted", "confirmed"):
        return {}
    found = tx.get(t.build, build)
    return {} if found is None else {"took": max(0, tx.now - found.at)}


def settle(tx: Tx, hospital: Hospital, row: Row, state: str, reason: str = "") -> None:
    """A delivery was taken: what waits for it may go, and a final result completes its orders once all that is owed of it is
    taken."""
    waits = hospital.policy.awaits_application and state == "accepted"
    due = tx.now + hospital.policy.application_within if waits and hospital.policy.application_within else 0
    tx.set(t.delivery, row.id, state=state, reason=reason, due_at=due, decided_at=tx.now)
    chained = line.ask_links(tx, row.case_id, row.lane_id)
    if row.revision_id is not None and row.kind in ("final", "corrected"):
        chained = _complete(tx, hospital, row, chained)
    line.promote(tx, hospital, row.case_id, row.lane_id, chained)


def _complete(tx: Tx, hospital: Hospital, row: Row, chained: Asked) -> Asked:
    """Completes the orders of a result that was taken, once nothing that is owed of it is still to come: a charge alone completes
    no order, and a message for all of them none that came after its bytes were made. Gives the chain, anew when something was
    put in line."""
    frozen = line.ask_live(tx, row.id) if row.part <= 0 else NOTHING
    of_revision = tx.ask(_OF_REVISION, {"case": row.case_id, "revision": row.revision_id})
    asked, signature = cases.ask_orders(tx, row.case_id), line.ask_signature(tx, row.revision_id)
    theirs = [one for one in of_revision.rows() if chain.akin(one.part, row.part)]
    if any(one.state in OPEN for one in theirs):
        return chained
    states = set()
    made = frozen.first()
    for order in asked.rows():
        answered = chain.akin(row.part, order.part) and (made is None or order.at <= made.at)
        if order.state == "open" and answered:
            tx.set(t.order_, order.id, state="completed", changed_at=tx.now)
            tx.journal.note("order completed", row.org, case=row.case_id, order=order.id)
            orders.happened(tx, hospital, row.case_id, order.part, "completed", _completed(tx, signature.first()))
            states.add("completed")
        else:
            states.add(order.state)
    cases.close_when_done(tx, row.case_id, states)
    return line.ask_links(tx, row.case_id, row.lane_id) if hospital.owed("completed") else chained


def _completed(tx: Tx, signed: Row | None) -> bytes:
    """The completion of an order, with the diagnoses that were signed."""
    if signed is None:
        return b""
    diagnoses = msgspec.json.decode(signed.document, type=dict[str, msgspec.Raw]).get("diagnoses")
    return orders.occurrence_document("completed", tx.now, **({} if diagnoses is None else {"diagnoses": diagnoses}))


def came_back(tx: Tx, hospital: Hospital, row: Row, since: int) -> None:
    """What was in flight and was not taken goes again, ready or in doubt as it was just written. Unless a newer revision stepped
    into line meanwhile; or it covers a group of which an order was cancelled since (ms): then it is made anew, without that one.
    When all are cancelled, a gate says so."""
    if superseded_meanwhile(tx, hospital, row) or row.doubts or row.part > 0 or row.revision_id is None:
        return
    if row.kind != "withdrawn":
        found = cases.orders(tx, row.case_id)
        gone = [order for order in found if order.state == "cancelled"]
        if any(order.changed_at >= since for order in gone) and len(gone) < len(found):
            line.refreeze(tx, hospital, row.id, "one of its orders was cancelled")


def superseded_meanwhile(tx: Tx, hospital: Hospital, row: Row) -> bool:
    """A newer revision may have stepped into line while this one was in flight; gives whether it took its place."""
    chained = line.links(tx, row.case_id, row.lane_id)
    mine = chain.of_delivery(chained, row.id)
    newer = [link for link in chained if link.in_line and link.is_result and link.seq > mine.seq]
    for link in newer:
        verdicts = [verdict for verdict in chain.superseded([mine], link) if verdict.id == row.id]
        if verdicts:
            line.apply(tx, row.org, row.lane_id, verdicts)
            line.promote(tx, hospital, row.case_id, row.lane_id)
            return True
    return False
