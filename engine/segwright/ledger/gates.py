"""Whether a delivery may go now: asked when an attempt is opened, under its locks, and by whoever wants to know why it waits.

Takes a delivery, its build and the hospital as its bundle is; gives the reason that stands against it, or None. Bytes that are
frozen are not judged once and for all: a kind is stopped, a plan revoked, a destination moved, a signature taken back, an order
cancelled while they wait.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from segwright.ledger import chain, line
from segwright.ledger import tables as t
from segwright.ledger.execution import NOTHING, Asked, Prepared, Row
from segwright.ledger.hospital import Hospital, Owed
from segwright.ledger.store import Tx

CANCELLED: Final = "the order is cancelled"
"""The gate that never opens again."""
_POLICY: Final = Prepared(
    sa.select(t.installed.c.org).where(t.installed.c.org == sa.bindparam("org")).with_for_update(read=True)
)
_STOPS: Final = Prepared(sa.select(t.stop.c.what, t.stop.c.name).where(t.stop.c.org == sa.bindparam("org")))
_ORDER_STATES: Final = Prepared(
    sa.select(t.order_.c.part, t.order_.c.state).where(t.order_.c.case_id == sa.bindparam("case"))
)


class Gates(NamedTuple):
    """What decides whether a delivery may go, asked for and not waited for yet."""

    owed: Owed | None
    stops: Asked
    signature: Asked
    orders: Asked


def ask(tx: Tx, hospital: Hospital, row: Row) -> Gates:
    """Asks for what `shut` judges by, the policy locked against change. Of an attempt it is asked under its locks."""
    tx.hold(_POLICY, {"org": row.org})
    owed = next((one for one in hospital.owed(row.kind) if one.message == row.message), None)
    of_result = row.revision_id is not None
    signed = owed is not None and owed.gate == "after sign-off"
    return Gates(
        owed,
        tx.ask(_STOPS, {"org": row.org}),
        line.ask_signature(tx, row.revision_id) if of_result and signed else NOTHING,
        tx.ask(_ORDER_STATES, {"case": row.case_id}) if of_result else NOTHING,
    )


def shut(hospital: Hospital, row: Row, build: Row, asked: Gates) -> str | None:
    """Why a delivery may not go now. Asked under the locks, right before its attempt is written; and by whoever wants to
    know."""
    stops = [tuple(stop) for stop in asked.stops.rows()]
    if ("kind", f"{row.message}/{row.kind}") in stops:
        return "this kind is stopped"
    if ("plan", build.plan) in stops:
        return "its plan was revoked"
    if asked.owed is None:
        return "the catalogue does not let this kind out any more"
    if hospital.address(row.destination) != build.address:
        return "its destination was changed after it was built"
    if row.revision_id is not None:
        if asked.owed.gate == "after sign-off" and asked.signature.first() is None:
            return chain.UNSIGNED
        if not row.doubts and row.kind != "withdrawn":
            answered = {order.state for order in asked.orders.rows() if chain.akin(row.part, order.part)}
            if answered == {"cancelled"}:
                return CANCELLED
    return None
