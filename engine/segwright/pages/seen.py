"""What is written down about looks at a patient's data."""

from __future__ import annotations

from typing import Any

from segwright.ledger.store import Tx
from segwright.pages.answer import Saw
from segwright.pages.visitor import Visitor


def note(tx: Tx, org: str, visitor: Visitor, page: str, saw: tuple[Saw, ...]) -> None:
    """An event `viewed` for each look, on the organisation's chain: who, which page, whose."""
    for one in saw:
        more: dict[str, Any] = {"cases": list(one.cases)} if one.cases else {}
        more |= {"inbox": one.message} if one.message else {}
        tx.journal.note(
            "viewed",
            org,
            case=one.case,
            delivery=one.delivery,
            actor=visitor.name,
            account=visitor.account.id,
            page=page,
            **more,
        )
