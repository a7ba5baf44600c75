"""What an operator may do about deliveries, each with a reason and in his name.

Takes a delivery's number; does it under the locks of its lane and case, or raises `Impossible`. What may file a message
twice says so first: it is refused until the operator confirms that he has seen it. Above the organisation's limit, two
people are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain, line
from segwright.ledger import tables as t
from segwright.ledger.chain import Verdict
from segwright.ledger.execution import Row
from segwright.ledger.hospital import Hospital, NotWritten
from segwright.ledger.settling import came_back, settle, taking
from segwright.ledger.store import Tx

Decision = Literal["delivered", "not delivered", "send newer"]


class Impossible(Exception):
    """An action that does not fit the state of a delivery, or lacks a confirmation. `code`: unknown, state, confirm,
    four_eyes, not_written."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class By(msgspec.Struct, frozen=True):
    """Who does something, and why. `second`: who agreed, where two are needed."""

    actor: str
    reason: str
    second: str = ""


def locked(tx: Tx, org: str, delivery: int) -> Row:
    """A delivery with its lane and case locked. Raises `Impossible`."""
    where = (t.delivery.c.id == delivery, t.delivery.c.org == org)
    row = tx.first(sa.select(t.delivery).where(*where))
    if row is None:
        raise Impossible("unknown", f"there is no delivery {delivery}")
    tx.first(sa.select(t.lane.c.id).where(t.lane.c.id == row.lane_id).with_for_update(key_share=True))
    cases.lock(tx, row.case_id)
    row = tx.first(sa.select(t.delivery).where(*where))
    assert row is not None
    return row


def _only(row: Row, action: str, *states: str) -> None:
    if row.state not in states:
        wanted = " or ".join(states)
        raise Impossible("state", f"delivery {row.id} is {row.state}; to {action} it, it has to be {wanted}")


def _note(tx: Tx, row: Row, by: By, action: str, **facts: Any) -> None:
    tx.journal.note(
        action, row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, actor=by.actor, why=by.reason,
        **({"second": by.second} if by.second else {}), **facts,
    )  # fmt: skip


def hold(tx: Tx, hospital: Hospital, delivery: int, by: By) -> None:
    """Keeps a delivery from going. What follows it in its chain waits."""
    row = locked(tx, hospital.org, delivery)
    _only(row, "hold", "waiting", "ready")
    line.hold(tx, row, f"held: {by.reason}", by.actor)


def release(tx: Tx, hospital: Hospital, delivery: int, by: By) -> None:
    """Lets a held delivery go on: it is built anew, by the live plan. Gates are asked again before it is sent."""
    row = locked(tx, hospital.org, delivery)
    _only(row, "release", "held")
    if row.reason in chain.NOT_IN_LINE:
        raise Impossible("state", f"delivery {row.id} is held ({row.reason}): nobody but what it waits for releases it")
    _live_plan(tx, hospital, row)
    _note(tx, row, by, "released")
    line.release(tx, hospital, row.id)


def _live_plan(tx: Tx, hospital: Hospital, row: Row) -> None:
    owed = next((one for one in hospital.owed(row.kind) if one.message == row.message), None)
    if owed is None:
        raise Impossible("state", "the catalogue does not let this kind out any more")
    tx.set(t.delivery, row.id, plan=owed.plan)


def cancel(tx: Tx, hospital: Hospital, delivery: int, by: By) -> None:
    """Gives a delivery up. One that may have left is decided about instead."""
    row = locked(tx, hospital.org, delivery)
    _only(row, "cancel", "held", "waiting", "ready", "rejected")
    if row.doubts and row.state != "rejected":
        raise Impossible("state", f"delivery {row.id} may have been sent: decide about it instead")
    _note(tx, row, by, "cancelled")
    mine = chain.of_delivery(line.links(tx, row.case_id, row.lane_id), row.id)
    line.apply(tx, row.org, row.lane_id, [mine.given_up(f"cancelled: {by.reason}")])
    line.promote(tx, hospital, row.case_id, row.lane_id)


def resend(tx: Tx, hospital: Hospital, delivery: int, by: By, *, as_new: bool = False, confirmed: bool = False) -> None:
    """Sends a delivery again. What is in doubt goes out again as it was; what was refused goes out as a new build, by the
    live plan and under a new control id; and so does, `as_new` and once confirmed, what was taken or is in doubt, or was refused
    after a try that is."""
    row = locked(tx, hospital.org, delivery)
    _only(row, "resend", "rejected", "uncertain", "needs_decision", "accepted", "confirmed", "unknown")
    in_doubt = row.state in ("uncertain", "needs_decision")
    new = as_new or row.state == "rejected" or not in_doubt
    if new and (row.state != "rejected" or row.doubts) and not confirmed:
        how = f"{row.state} after a try that is in doubt" if row.state == "rejected" else row.state
        raise Impossible("confirm", f"delivery {row.id} is {how}: as a new message it may be filed twice")
    if _newer(tx, row):
        raise Impossible("state", f"delivery {row.id} has a newer one behind it that went out already, or is about to")
    _note(tx, row, by, "resent", as_new=new)
    if not new:
        values = {"state": "uncertain", "due_at": tx.now, "first_try_at": tx.now, "reason": f"sent again: {by.reason}"}
        tx.set(t.delivery, row.id, **values)
        line.wake(tx, row.lane_id)
        return
    _live_plan(tx, hospital, row)
    again = tx.get(t.delivery, row.id)
    assert again is not None
    try:
        line.freeze(tx, hospital, again, row.sent_as or row.kind, f"sent again: {by.reason}")
    except NotWritten as refused:
        raise Impossible("not_written", "; ".join(refused.problems)) from None
    # A new message: no try of it is in doubt.
    tx.set(t.delivery, row.id, doubts=0, first_try_at=0, decided_at=0)


def _newer(tx: Tx, row: Row) -> bool:
    """Whether a newer revision has left, or may leave before this one is decided about: one that still waits, or is held, would
    wait for it."""
    chained = line.links(tx, row.case_id, row.lane_id)
    mine = chain.of_delivery(chained, row.id)
    # What is ready counts as what has left.
    ahead = [msgspec.structs.replace(link, before=link.before or link.state == "ready") for link in chained]
    return chain.overtaken(ahead, mine) is not None


def decide(tx: Tx, hospital: Hospital, delivery: int, decision: Decision, by: By) -> None:
    """What became of a delivery whose fate nobody knew, as found out with the hospital. That one was delivered can also be
    found out of what was refused: an earlier try was filed, or somebody filed it by hand."""
    row = locked(tx, hospital.org, delivery)
    _only(row, "decide about", "needs_decision", "uncertain", *(("rejected",) if decision == "delivered" else ()))
    build = line.ask_live(tx, row.id).first()
    assert build is not None
    took = taking(tx, row, build.id) if decision == "delivered" else {}
    _note(tx, row, by, "decided", decision=decision, **took)
    if decision == "delivered":
        settle(tx, hospital, row, "accepted", f"decided: {by.reason}")
        return
    if decision == "send newer":
        line.apply(tx, row.org, row.lane_id, [Verdict(row.id, "unknown", f"decided: {by.reason}")])
        line.promote(tx, hospital, row.case_id, row.lane_id)
        return
    values = {"state": "ready", "reason": f"decided: {by.reason}", "doubts": 0, "first_try_at": 0, "due_at": tx.now}
    tx.set(t.delivery, row.id, **values)
    line.wake(tx, row.lane_id)
    again = tx.get(t.delivery, row.id)
    assert again is not None
    came_back(tx, hospital, again, build.at)


class Preview(msgspec.Struct, frozen=True):
    """What resending these would do, before it is done: how many, in which states, and how many were taken already."""

    count: int
    states: dict[str, int]
    taken: int
    needs_second: bool


def preview(tx: Tx, hospital: Hospital, deliveries: Sequence[int]) -> Preview:
    """What an action on many deliveries would touch."""
    where = (t.delivery.c.org == hospital.org, t.delivery.c.id.in_(list(deliveries)))
    counted = tx.all(sa.select(t.delivery.c.state, sa.func.count()).where(*where).group_by(t.delivery.c.state))
    states: dict[str, int] = dict(tuple(row) for row in counted)
    limit = hospital.policy.four_eyes_above
    taken = states.get("accepted", 0) + states.get("confirmed", 0)
    return Preview(sum(states.values()), states, taken, limit is not None and len(deliveries) > limit)


def permit(found: Preview, by: By) -> None:
    """Raises `Impossible` when a second person has to agree and did not."""
    if found.needs_second and (not by.second or by.second == by.actor):
        raise Impossible("four_eyes", f"{found.count} deliveries are more than one person may send again alone")


# --- lanes and kinds -------------------------------------------------------------------------------------------------------


def pause(tx: Tx, org: str, lane: int, by: By) -> None:
    """Stops a lane. What is in flight is finished."""
    _lane(tx, org, lane, by, "paused", paused=f"{by.actor}: {by.reason}")


def resume(tx: Tx, org: str, lane: int, by: By) -> None:
    """Lets a lane go on, at once."""
    _lane(tx, org, lane, by, "resumed", paused="", next_at=0, failures=0, trouble="")
    line.wake(tx, lane)


def _lane(tx: Tx, org: str, lane: int, by: By, what: str, **values: Any) -> None:
    found = tx.run(sa.update(t.lane).where(t.lane.c.id == lane, t.lane.c.org == org).values(**values))
    if not found:
        raise Impossible("unknown", f"there is no lane {lane}")
    tx.journal.note(what, org, lane=lane, actor=by.actor, why=by.reason)


def stop(tx: Tx, org: str, what: Literal["kind", "plan"], name: str, by: By) -> None:
    """Stops a kind of message (`ecg_result/final`), or revokes a plan; what is queued is held when its turn comes."""
    tx.first(sa.select(t.installed.c.org).where(t.installed.c.org == org).with_for_update(key_share=True))
    tx.insert_new(t.stop, org=org, what=what, name=name, reason=by.reason, actor=by.actor, at=tx.now)
    tx.journal.note("stopped", org, actor=by.actor, why=by.reason, what=what, name=name)


def allow(tx: Tx, org: str, what: Literal["kind", "plan"], name: str, by: By) -> None:
    """Takes a stop back. What was held by it stays held until somebody releases it."""
    tx.first(sa.select(t.installed.c.org).where(t.installed.c.org == org).with_for_update(key_share=True))
    where = (t.stop.c.org == org, t.stop.c.what == what, t.stop.c.name == name)
    if not tx.run(sa.delete(t.stop).where(*where)):
        raise Impossible("unknown", f"{name} is not stopped")
    tx.journal.note("allowed", org, actor=by.actor, why=by.reason, what=what, name=name)


def shown(tx: Tx, org: str, actor: str, **what: int) -> None:
    """Writes down that somebody looked at a patient's data. `what`: the number of a delivery, an order or a message."""
    delivery = what.get("delivery", 0)
    tx.journal.note(
        "content shown", org, delivery=delivery, actor=actor, **{k: n for k, n in what.items() if k != "delivery"}
    )


# --- quarantine ------------------------------------------------------------------------------------------------------------


def readmit(tx: Tx, org: str, inbox: int, by: By) -> None:
    """Lets a message out of quarantine as a new one: it is read by the live mapping and done as if it had just come. Its
    sender is not answered again."""
    _quarantined(tx, org, inbox, by, "readmitted", state="stored", reason="")


def discard(tx: Tx, org: str, inbox: int, by: By) -> None:
    """Leaves a message in quarantine undone for good. It is kept."""
    _quarantined(tx, org, inbox, by, "discarded", state="refused", reason=f"discarded: {by.reason}")


def _quarantined(tx: Tx, org: str, inbox: int, by: By, what: str, **values: Any) -> None:
    c = t.inbox.c
    if not tx.run(sa.update(t.inbox).where(c.id == inbox, c.org == org, c.state == "quarantined").values(**values)):
        raise Impossible("unknown", f"there is no message {inbox} in quarantine")
    tx.journal.note(what, org, actor=by.actor, why=by.reason, inbox=inbox)
