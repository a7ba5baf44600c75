"""What needs two people: an action on more deliveries than the organisation lets one person touch alone.

Takes an act; keeps it until a second person, who is not the first, lets it be done or refuses it. What is done then is exactly
what was proposed; whether each delivery still allows it is asked again by the action itself. Raises `operate.Impossible`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.operate import Impossible
from segwright.ledger.store import Tx

Verb = Literal["resend", "hold", "release", "cancel", "decide"]
State = Literal["open", "done", "refused", "withdrawn"]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is done to deliveries. `as_new`: of resend; `decision`: of decide."""

    verb: Verb
    deliveries: tuple[int, ...]
    as_new: bool = False
    decision: Literal["", "delivered", "not delivered", "send newer"] = ""


class Proposal(msgspec.Struct, frozen=True):
    """An act that waits, or waited, for a second person (`second`)."""

    id: int
    act: Act
    reason: str
    actor: str
    state: State
    second: str
    at: int
    decided_at: int


def _proposal(row: Any) -> Proposal:
    act = msgspec.json.decode(bytes(row.act), type=Act)
    return Proposal(row.id, act, row.reason, row.actor, row.state, row.second, row.at, row.decided_at)


def propose(tx: Tx, org: str, act: Act, actor: str, reason: str) -> int:
    """Keeps an act for a second person; gives its number."""
    number = tx.insert(
        t.proposal, org=org, act=msgspec.json.encode(act), reason=reason, actor=actor, state="open", at=tx.now
    )
    tx.journal.note("proposed", org, actor=actor, why=reason, proposal=number, verb=act.verb, count=len(act.deliveries))
    return number


def waiting(tx: Tx, org: str) -> tuple[Proposal, ...]:
    """What waits for a second person, the oldest first."""
    where = (t.proposal.c.org == org, sa.text(t.IS_PROPOSED))
    return tuple(
        _proposal(row) for row in tx.all(sa.select(t.proposal).where(*where).order_by(t.proposal.c.id).limit(200))
    )


def proposal(tx: Tx, org: str, number: int) -> Proposal | None:
    """One of them."""
    row = tx.first(sa.select(t.proposal).where(t.proposal.c.id == number, t.proposal.c.org == org))
    return None if row is None else _proposal(row)


def settle(tx: Tx, org: str, number: int, actor: str, decision: Literal["done", "refused", "withdrawn"]) -> Proposal:
    """Decides about a proposal, once. Only its own author withdraws it, and only somebody else does or refuses it. Raises
    `Impossible`."""
    found = proposal(tx, org, number)
    if found is None:
        raise Impossible("unknown", f"there is no proposal {number}")
    if (decision == "withdrawn") != (actor == found.actor):
        raise Impossible("four_eyes", "a second person decides about it; whoever proposed it can only withdraw it")
    where = (t.proposal.c.id == number, t.proposal.c.state == "open")
    if not tx.run(sa.update(t.proposal).where(*where).values(state=decision, second=actor, decided_at=tx.now)):
        raise Impossible("state", f"proposal {number} was decided about already")
    tx.journal.note(f"proposal {decision}", org, actor=actor, proposal=number, proposed_by=found.actor)
    return msgspec.structs.replace(found, state=decision, second=actor, decided_at=tx.now)
