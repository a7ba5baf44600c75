"""What was taken and what was sent, as inputs that can be run again: for replay before a change is approved.

Takes a transaction; gives orders as they came and, of each message that was built, the order and document it was built
from, the youngest first. Nothing is written. The bytes are a patient's: whoever asks must not let them out.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx


class Recorded(msgspec.Struct, frozen=True):
    """An input. `message` is the catalogue's name of what was written, "" of what was read; `type` what was read ("ORM^O01");
    `at` in milliseconds since 1970; `order` is None of a result without order, `subject` of what was read."""

    org: str
    way: Literal["read", "written"]
    id: int
    at: int
    message: str = ""
    type: str = ""
    control_id: str = ""
    order: bytes | None = None
    subject: bytes | None = None


def recorded(tx: Tx, since: int = 0, last: int = 1000) -> list[Recorded]:
    """The youngest inputs, at most `last` of them, none older than `since` (milliseconds)."""
    found = [*_read(tx, since, last), *_written(tx, since, last)]
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:last]


def _read(tx: Tx, since: int, last: int) -> list[Recorded]:
    asked = (
        sa.select(t.inbox.c.org, t.inbox.c.id, t.inbox.c.at, t.inbox.c.type, t.inbox.c.body)
        .where(t.inbox.c.state == "taken", t.inbox.c.at >= since)
        .order_by(t.inbox.c.id.desc())
        .limit(last)
    )
    return [Recorded(row.org, "read", row.id, row.at, type=row.type, order=bytes(row.body)) for row in tx.all(asked)]


def _written(tx: Tx, since: int, last: int) -> list[Recorded]:
    signed = sa.and_(t.signoff.c.revision_id == t.revision.c.id, t.signoff.c.withdrawn_at == 0)
    ordered = sa.and_(t.order_.c.case_id == t.delivery.c.case_id, t.order_.c.part == t.delivery.c.part)
    document = sa.func.coalesce(t.signoff.c.document, t.revision.c.document, t.occurrence.c.document)
    asked = (
        sa.select(
            t.build.c.org, t.build.c.id, t.build.c.at, t.build.c.control_id, t.delivery.c.message,
            document.label("document"), t.inbox.c.body,
        )
        .select_from(t.build)
        .join(t.delivery, t.delivery.c.id == t.build.c.delivery_id)
        .outerjoin(t.revision, t.revision.c.id == t.delivery.c.revision_id)
        .outerjoin(t.signoff, signed)
        .outerjoin(t.occurrence, t.occurrence.c.id == t.delivery.c.occurrence_id)
        .outerjoin(t.order_, ordered)
        .outerjoin(t.inbox, t.inbox.c.id == t.order_.c.inbox_id)
        .where(t.build.c.live.is_(True), t.build.c.at >= since)
        .order_by(t.build.c.id.desc())
        .limit(last)
    )  # fmt: skip
    return [
        Recorded(
            row.org, "written", row.id, row.at, row.message, control_id=row.control_id,
            order=None if row.body is None else bytes(row.body),
            subject=None if row.document is None else bytes(row.document),
        )
        for row in tx.all(asked)
    ]  # fmt: skip
