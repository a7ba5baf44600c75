"""Lanes: who holds a connection, what goes next, what became of it.

A lane is held under a lease by the clock of the database; each new holder raises its fence, and whatever an earlier
holder still writes is refused. The attempt is committed, with every gate checked again, before its first byte leaves.
Outcomes:

    not_sent         no byte left: tried again, for as long as it takes
    uncertain        bytes left and no answer of ours came: the same bytes again, or a person decides, as the policy says
    accepted         taken (accept acknowledgement); `confirmed` when the application acknowledged it
    rejected         refused for good: its chain stops until somebody mends it or a newer revision comes
    refused_for_now  refused, to be sent unchanged later; for as long as was agreed, then it is rejected
    misconfigured    the receiver does not take such messages, or refuses our certificate: the lane stops

Locks are taken in the order lane, case, delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain, gates, line
from segwright.ledger import tables as t
from segwright.ledger.chain import Link
from segwright.ledger.execution import NOTHING, Asked, Prepared, Row
from segwright.ledger.hospital import Hospital, Policy
from segwright.ledger.settling import came_back, settle, superseded_meanwhile, taking
from segwright.ledger.store import Tx

Outcome = Literal["not_sent", "uncertain", "accepted", "confirmed", "rejected", "refused_for_now", "misconfigured"]

Answer = Literal["confirmed", "rejected"]
"""What an acknowledgement that comes on its own says of the message that it names."""

PATIENCE: Final = 3
"""Doubts about one delivery, or refusals for now, that stop its whole lane; with more, only its own chain waits for it."""


class Held(msgspec.Struct, frozen=True):
    """A lane in somebody's hand: its fence, and until when (ms by the database's clock, and how long that is from now)."""

    lane: int
    org: str
    destination: str
    fence: int
    lease: int
    holder: str


class Attempt(msgspec.Struct, frozen=True):
    """One try, written down: what to send. `again`: whether these bytes may have been sent before."""

    id: int
    delivery: int
    case: int
    lane: int
    message: str
    number: int
    control_id: str
    body: bytes
    again: bool
    ready_at: int = 0
    """Since when these bytes might go, in ms."""


class Known(msgspec.Struct, frozen=True):
    """What is known after a try. `answer`: the acknowledgement's bytes and code, if one came. `written`: bytes left
    although the outcome does not say so; `strange`: something came back that is no answer of ours."""

    outcome: Outcome
    detail: str
    code: str = ""
    answer: bytes = b""
    written: bool = False
    strange: bool = False


class Lost(Exception):
    """The lane is somebody else's by now."""


_READY: Final = sa.text(t.IS_READY)
_NEXT: Final = Prepared(
    sa.select(t.delivery)
    .where(t.delivery.c.lane_id == sa.bindparam("lane"), _READY, t.delivery.c.due_at <= sa.bindparam("now"))
    .order_by(t.delivery.c.seq)
    .limit(1)
)
_DUE: Final = Prepared(
    sa.select(t.due.c.at).where(t.due.c.lane_id == sa.bindparam("lane")).with_for_update(key_share=True)
)
_NEXT_DUE: Final = Prepared(
    sa.select(sa.func.min(t.delivery.c.due_at)).where(t.delivery.c.lane_id == sa.bindparam("lane"), _READY)
)
_AT_REST: Final = Prepared(sa.delete(t.due).where(t.due.c.lane_id == sa.bindparam("lane")))
_LIVE: Final = Prepared(
    sa.select(t.build).where(t.build.c.delivery_id == sa.bindparam("delivery"), t.build.c.live.is_(True))
)
_REFUSED: Final = Prepared(
    sa.select(sa.func.count().label("times"), sa.func.min(t.attempt.c.opened_at).label("first")).where(
        t.attempt.c.delivery_id == sa.bindparam("delivery"), t.attempt.c.opened_at >= sa.bindparam("since"),
        t.attempt.c.outcome == "refused_for_now",
    )
)  # fmt: skip
_UNCLOSED: Final = Prepared(
    sa.select(t.attempt).where(t.attempt.c.lane_id == sa.bindparam("lane"), sa.text(t.IS_UNCLOSED))
)


# --- holding -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _waiting(orgs: tuple[str, ...]) -> Prepared:
    now: Any = sa.bindparam("now")
    where = (t.due.c.at <= now, t.lane.c.next_at <= now, t.lane.c.lease_until < now, t.lane.c.paused == "")
    theirs = t.lane.c.org.in_([sa.literal(org) for org in orgs])
    waiting = sa.select(t.lane).join(t.due).where(*where, theirs).order_by(t.due.c.at).limit(sa.bindparam("most"))
    return Prepared(waiting.with_for_update(key_share=True, skip_locked=True, of=t.lane))


def acquire(tx: Tx, holder: str, lease: int, hospitals: Mapping[str, Hospital], most: int = 1) -> list[Held]:
    """Takes hold of lanes of these organisations that have work and no holder, at most so many. `lease` in ms."""
    if not hospitals:
        return []
    now = tx.now
    rows = tx.all(_waiting(tuple(hospitals)), {"now": now, "most": most})
    for row in rows:
        seen = max(now, row.seen_at)  # a clock that went back lends nothing
        values = {"holder": holder, "fence": row.fence + 1, "lease_until": seen + lease, "seen_at": seen}
        tx.set(t.lane, row.id, **values)
    for row, unclosed in [(row, tx.ask(_UNCLOSED, {"lane": row.id})) for row in rows]:
        _doubt_what_is_open(tx, hospitals[row.org], row, unclosed)
    return [Held(row.id, row.org, row.destination, row.fence + 1, lease, holder) for row in rows]


def inherit(tx: Tx) -> int:
    """Ends every lease: for a process that knows that all others are gone. Their lanes need not wait until it would have
    run out; what was in flight is in doubt for whoever takes hold of the lane next. Gives how many lanes were held."""
    return tx.run(sa.update(t.lane).where(t.lane.c.lease_until > 0).values(lease_until=0, holder=""))


def _doubt_what_is_open(tx: Tx, hospital: Hospital, lane: Row, unclosed: Asked) -> None:
    """Whoever held the lane before stopped between an attempt and its outcome: nobody knows what was sent."""
    known = Known("uncertain", "the sender stopped before the outcome was known")
    for attempt in unclosed.rows():
        _close_attempt(tx, attempt.id, known.outcome, known.detail)
        row = tx.get(t.delivery, attempt.delivery_id)
        assert row is not None
        cases.hold(tx, row.case_id)
        row = cast(Row, tx.ask_relock(t.delivery, row).first())  # its case may have become part of another meanwhile
        ahead = _said(_ask_ahead(tx, attempt.id))
        took = taking(tx, row, attempt.build_id) if ahead is not None and ahead[0] == "confirmed" else {}
        tx.journal.note(
            "uncertain", lane.org, lane=lane.id, case=row.case_id, delivery=row.id, attempt=attempt.id, why=known.detail,
            **took,
        )  # fmt: skip
        if ahead is None:
            _doubt(tx, hospital, lane, row, known, at_once=True)
        else:
            _believe(tx, hospital, row, *ahead)


class _Try(NamedTuple):
    """A try whose outcome is to be written: locked, in the order lane, case, delivery, and not waited for yet."""

    lane: Asked
    case: Asked
    delivery: Asked
    ahead: Asked


def _ask(tx: Tx, held: Held, done: Attempt | None, known: Known | None) -> _Try:
    lane = tx.ask_lock(t.lane, held.lane)
    if done is None or known is None:
        return _Try(lane, NOTHING, NOTHING, NOTHING)
    case, delivery = cases.ask_hold(tx, done.case), tx.ask_lock(t.delivery, done.delivery)
    return _Try(lane, case, delivery, _ask_ahead(tx, done.id) if known.outcome in _OVERTAKEN else NOTHING)


def _own(asked: _Try, held: Held) -> Row:
    """The lane, while it is held. Raises `Lost`."""
    row = asked.lane.first()
    if row is None or row.fence != held.fence:
        raise Lost
    return cast(Row, row)


# --- what goes next ------------------------------------------------------------------------------------------------------


def step(tx: Tx, held: Held, hospital: Hospital, done: Attempt | None, known: Known | None) -> Attempt | None:
    """Writes what became of the last try, and opens the next one; None when there is nothing to send now. The lease
    starts anew. Raises `Lost`, and then nothing is written."""
    asked = _ask(tx, held, done, known)
    lane = _own(asked, held)
    lane_values: dict[str, Any] = {
        "lease_until": max(tx.now, lane.seen_at) + held.lease,
        "seen_at": max(tx.now, lane.seen_at),
    }
    if done is not None and known is not None:
        lane_values |= _close(tx, hospital, asked, done, known)
    else:
        # Of this very holder, should it have lost count.
        _doubt_what_is_open(tx, hospital, lane, tx.ask(_UNCLOSED, {"lane": lane.id}))
    paused = lane_values.get("paused", lane.paused)
    next_at = lane_values.get("next_at", lane.next_at)
    opened = None
    if not paused and next_at <= tx.now:
        opened = _open(tx, held, hospital)
    if opened is None:
        _rest(tx, held.lane)
        lane_values |= {"holder": "", "lease_until": 0}
    tx.set(t.lane, held.lane, **lane_values)
    return opened


def finish(tx: Tx, held: Held, hospital: Hospital, done: Attempt | None, known: Known | None) -> None:
    """Writes what became of the last try and gives the lane back. Raises `Lost`."""
    asked = _ask(tx, held, done, known)
    _own(asked, held)
    values: dict[str, Any] = {"holder": "", "lease_until": 0}
    if done is not None and known is not None:
        values |= _close(tx, hospital, asked, done, known)
    _rest(tx, held.lane)
    tx.set(t.lane, held.lane, **values)


def _rest(tx: Tx, lane: int) -> None:
    """Says when the lane has work again. The row is locked first: who wakes the lane meanwhile does it after us."""
    tx.hold(_DUE, {"lane": lane})
    first = tx.scalar(_NEXT_DUE, {"lane": lane})
    if first is None:
        tx.tell(_AT_REST, {"lane": lane})
    else:
        tx.put(t.due, lane_id=lane, at=first)


def _open(tx: Tx, held: Held, hospital: Hospital) -> Attempt | None:
    """Opens the attempt for the first delivery that may go, every gate checked under the locks of lane, case and
    delivery."""
    followed = 0
    while (row := tx.first(_NEXT, {"lane": held.lane, "now": tx.now})) is not None:
        case, again = cases.ask_hold(tx, row.case_id), tx.ask_relock(t.delivery, row)
        live, asked = tx.ask(_LIVE, {"delivery": row.id}), gates.ask(tx, hospital, row)
        links = line.ask_links(tx, row.case_id, row.lane_id)
        if cases.follow(tx, case):  # what was asked was asked of the case that it is no more
            assert row.id != followed, "a delivery was left behind when its case became another"
            followed = row.id
            continue
        row = cast(Row, again.first())
        if row.state not in ("ready", "uncertain"):
            continue
        build = live.first()
        assert build is not None
        shut = gates.shut(hospital, row, build, asked)
        if shut is not None:
            _stop_at_gate(tx, hospital, row, shut)
            continue
        if row.state == "ready" and not _has_its_turn(tx, hospital, row, line.linked(links)):
            continue
        number = row.tries + 1
        made = tx.insert(
            t.attempt, build_id=build.id, delivery_id=row.id, lane_id=held.lane, number=number, fence=held.fence,
            holder=held.holder, opened_at=tx.now,
        )  # fmt: skip
        values = {"state": "sending", "tries": number, "first_try_at": row.first_try_at or tx.now}
        tx.set(t.delivery, row.id, **values)
        tx.journal.note(
            "attempt", row.org, lane=held.lane, case=row.case_id, delivery=row.id,
            attempt=made, number=number, build=build.number, fence=held.fence, again=row.doubts > 0,
        )  # fmt: skip
        return Attempt(
            made, row.id, row.case_id, held.lane, row.message, number, build.control_id, build.body, row.doubts > 0,
            build.at,
        )  # fmt: skip
    return None


def _has_its_turn(tx: Tx, hospital: Hospital, row: Row, chained: list[Link]) -> bool:
    """Whether all before it in its chain is decided, and nothing newer has left: two chains may have become one since it was made
    ready."""
    mine = chain.of_delivery(chained, row.id)
    newer = chain.overtaken(chained, mine)
    if newer is not None:
        line.apply(
            tx, row.org, row.lane_id, [mine.given_up(f"older than {newer.kind} {newer.version}, which has left")]
        )
        line.promote(tx, hospital, row.case_id, row.lane_id)
        return False
    if chain.waits_for(chained, mine) is not None:
        tx.set(t.delivery, row.id, state="waiting")
        return False
    return True


def _stop_at_gate(tx: Tx, hospital: Hospital, row: Row, why: str) -> None:
    """What is in doubt is for a person to decide; what never left is held, unless it never will: then it is given up, and nothing
    waits for it."""
    if row.doubts:
        values = {"state": "needs_decision", "reason": why}
        tx.set(t.delivery, row.id, **values)
        tx.journal.note("needs_decision", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, why=why)
    else:
        if why == gates.CANCELLED:
            mine = chain.of_delivery(line.links(tx, row.case_id, row.lane_id), row.id)
            line.apply(tx, row.org, row.lane_id, [mine.given_up(chain.ORDER_CANCELLED)])
        else:
            line.hold(tx, row, why)
        line.promote(tx, hospital, row.case_id, row.lane_id)


# --- what became of it ---------------------------------------------------------------------------------------------------


def _close_attempt(tx: Tx, attempt: int, outcome: str, detail: str) -> None:
    tx.set(t.attempt, attempt, outcome=outcome, detail=detail, closed_at=tx.now)


def _close(tx: Tx, hospital: Hospital, asked: _Try, done: Attempt, known: Known) -> dict[str, Any]:
    """Writes an outcome; gives what changes in the lane."""
    lane, row = asked.lane.first(), asked.delivery.first()
    cases.follow(tx, asked.case)
    _close_attempt(tx, done.id, known.outcome, known.detail)
    if known.answer:
        keep_answer(tx, row.org, done.id, known.code, known.answer, "in time")
    policy = hospital.policy
    ahead = _said(asked.ahead)
    if ahead is not None and ahead[0] == known.outcome:
        ahead = None  # the answer in time says more
    taken = ahead[0] == "confirmed" if ahead is not None else known.outcome in ("accepted", "confirmed")
    took: dict[str, Any] = {"took": max(0, tx.now - done.ready_at)} if taken else {}
    tx.journal.note(
        known.outcome, row.org, lane=lane.id, case=row.case_id, delivery=row.id,
        attempt=done.id, why=known.detail, code=known.code, again=done.again, **took,
    )  # fmt: skip
    healthy = {"failures": 0, "trouble": "", "next_at": _rate(tx, policy.per_minute)}
    if ahead is not None:
        _believe(tx, hospital, row, *ahead)
        return healthy
    match known.outcome:
        case "accepted" | "confirmed":
            settle(tx, hospital, row, known.outcome)
            return healthy
        case "rejected":
            _now(tx, row, "rejected", known.detail)
            superseded_meanwhile(tx, hospital, row)
            return healthy
        case "misconfigured":
            doubts = row.doubts + (1 if known.written else 0)
            _now(tx, row, "uncertain" if doubts else "ready", known.detail, due_at=tx.now, doubts=doubts)
            if doubts:
                superseded_meanwhile(tx, hospital, row)
            else:
                came_back(tx, hospital, row, done.ready_at)
            tx.journal.note("paused", row.org, lane=lane.id, why=known.detail)
            return {"paused": known.detail, "trouble": known.detail}
        case "not_sent" | "refused_for_now":
            failed = _failed(tx, lane, known, policy, done.id)
            refused, since = _refusals(tx, row) if known.outcome == "refused_for_now" else (0, tx.now)
            if done.again and _over(tx, policy.budget, row):
                _give_up(tx, hospital, row, f"{known.detail}; an earlier try is in doubt")
            elif refused and not done.again and tx.now - since >= policy.budget:
                why = f"{known.detail}; for as long as was agreed"
                _now(tx, row, "rejected", why)
                tx.journal.note("rejected", row.org, lane=lane.id, case=row.case_id, delivery=row.id, why=why)
                superseded_meanwhile(tx, hospital, row)
            else:
                # After a few refusals others have their turn before it: one message must not keep them waiting for ever.
                aside = refused >= PATIENCE
                due = failed["next_at"] + backoff(policy.first, policy.most, refused, row.id) if aside else tx.now
                # What an earlier try left in doubt is in doubt still.
                _now(tx, row, "uncertain" if done.again else "ready", known.detail, due_at=due)
                came_back(tx, hospital, row, done.ready_at)
            return failed
        case "uncertain":
            return _doubt(tx, hospital, lane, row, known)


def _refusals(tx: Tx, row: Row) -> tuple[int, int]:
    """How often a delivery was refused for now, and since when (ms), as it is written now."""
    found = tx.first(_REFUSED, {"delivery": row.id, "since": row.first_try_at})
    assert found is not None
    return int(found.times), int(found.first or tx.now)


def _failed(tx: Tx, lane: Row, known: Known, policy: Policy, salt: int) -> dict[str, Any]:
    failures = lane.failures + 1
    wait = backoff(policy.first, policy.most, failures, salt)
    return {"failures": failures, "trouble": known.detail, "next_at": tx.now + wait}


def _over(tx: Tx, budget: int, row: Row) -> bool:
    """Whether a delivery was tried for as long as was agreed."""
    return bool(tx.now - (row.first_try_at or tx.now) >= budget)


def _give_up(tx: Tx, hospital: Hospital, row: Row, why: str, **values: Any) -> None:
    """Only a person can find out what became of it."""
    _now(tx, row, "needs_decision", why, **values)
    tx.journal.note("needs_decision", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, why=why)
    superseded_meanwhile(tx, hospital, row)


def _doubt(tx: Tx, hospital: Hospital, lane: Row, row: Row, known: Known, *, at_once: bool = False) -> dict[str, Any]:
    """The outcome is not known. `at_once`: nothing speaks against the receiver, so the next try need not wait."""
    policy = hospital.policy
    doubts = row.doubts + 1
    if policy.when_uncertain == "hold":
        _give_up(tx, hospital, row, known.detail, doubts=doubts)
    elif _over(tx, policy.budget, row):
        _give_up(tx, hospital, row, f"{known.detail}; tried for as long as was agreed", doubts=doubts)
    else:
        wait = 0 if at_once else backoff(policy.first, policy.most, doubts, row.id)
        _now(tx, row, "uncertain", known.detail, doubts=doubts, due_at=tx.now + wait)
        superseded_meanwhile(tx, hospital, row)
    # One message that a receiver does not answer must not keep all others waiting for ever.
    patient = _failed(tx, lane, known, policy, row.id)
    if known.strange and patient["failures"] >= PATIENCE:
        tx.journal.note("paused", row.org, lane=lane.id, why=known.detail)
        return {**patient, "paused": f"{known.detail}, {PATIENCE} times in a row"}
    return patient if doubts <= PATIENCE else {**patient, "next_at": tx.now + policy.first}


def _now(tx: Tx, row: Row, state: str, reason: str, **values: Any) -> None:
    tx.set(t.delivery, row.id, state=state, reason=reason, **values)


def keep_answer(tx: Tx, org: str, attempt: int, code: str, body: bytes, how: str) -> None:
    """Keeps an acknowledgement with the attempt that it answers."""
    tx.add(t.answer, org=org, attempt_id=attempt, code=code, body=body, how=how, at=tx.now)


def backoff(first: int, most: int, failures: int, salt: int) -> int:
    """How long to wait after so many failures, in ms: doubled each time up to `most`, spread by a quarter either way, so
    that what failed together is not tried again together. The spread is by number, not by chance: a run can be
    repeated."""
    wait = min(most, first << min(failures - 1, 30)) if failures > 0 else 0
    spread = (salt * 2654435761 + failures * 40503) % 1000 / 1000  # Knuth's multiplicative hash
    return int(wait * (0.75 + spread / 2))


def _rate(tx: Tx, per_minute: int) -> int:
    return tx.now + 60_000 // per_minute if per_minute else 0


# --- acknowledgements that come another way ------------------------------------------------------------------------------


def answered_elsewhere(
    tx: Tx,
    hospital: Hospital,
    control_id: str,
    outcome: Answer,
    detail: str,
    code: str,
    body: bytes,
) -> int:
    """An acknowledgement that did not come as the answer to a try: later, or on another connection. It is kept with the
    last try of the message that it names; gives that delivery, 0 when no message of this organisation goes by this
    control id."""
    where = (t.build.c.org == hospital.org, t.build.c.control_id == control_id)
    build = tx.first(sa.select(t.build).where(*where))
    if build is None:
        return 0
    row = tx.get(t.delivery, build.delivery_id)
    assert row is not None
    tx.first(sa.select(t.lane.c.id).where(t.lane.c.id == row.lane_id).with_for_update(key_share=True))
    cases.hold(tx, row.case_id)
    row = cast(Row, tx.ask_relock(t.delivery, row).first())
    last = tx.scalar(sa.select(sa.func.max(t.attempt.c.id)).where(t.attempt.c.build_id == build.id))
    if last is None:
        return 0  # nothing was sent under it
    repeated = tx.scalar(sa.select(sa.func.count()).where(t.answer.c.attempt_id == last, t.answer.c.code == code)) > 0
    keep_answer(tx, row.org, last, code, body, "repeated" if repeated else "elsewhere")
    # While it is on the wire, whoever sends it finds the answer when that try is over.
    # What was refused and is confirmed after all was filed: by a repeat, or by hand.
    open_to = ("uncertain", "needs_decision", "unknown", "accepted", *(("rejected",) if outcome == "confirmed" else ()))
    believed = build.live and row.state in open_to
    took = taking(tx, row, build.id) if believed and outcome == "confirmed" else {}
    tx.journal.note(
        "answer", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, attempt=last, code=code, why=detail,
        **took,
    )  # fmt: skip
    if believed:
        # A refusal says what became of the try that it answers: of several in doubt, of one.
        answered = outcome == "rejected" and row.state != "accepted" and row.doubts > 0
        _believe(tx, hospital, row, outcome, detail, doubts=row.doubts - 1 if answered else row.doubts)
    return int(row.id)


_SENT: Final = Prepared(
    sa.select(t.attempt.c.id)
    .join(t.build, t.build.c.id == t.attempt.c.build_id)
    .where(t.build.c.org == sa.bindparam("org_"), t.build.c.control_id == sa.bindparam("control_id_"))
    .limit(1)
)


def was_sent(tx: Tx, org: str, control_id: str) -> bool:
    """Whether a message of an organisation was sent, or at least begun to be, under a control id."""
    return tx.scalar(_SENT, {"org_": org, "control_id_": control_id}) is not None


_OVERTAKEN: Final = frozenset({"accepted", "uncertain", "not_sent", "refused_for_now", "rejected"})
"""Outcomes of a try that say less than an acknowledgement of the application that came by another way meanwhile. A refusal does:
what was confirmed was filed, by an earlier try if not by this one."""


_AHEAD: Final = Prepared(
    sa.select(t.answer.c.code)
    .where(t.answer.c.attempt_id == sa.bindparam("attempt"), t.answer.c.how == "elsewhere")
    .order_by(t.answer.c.id)
)


def _ask_ahead(tx: Tx, attempt: int) -> Asked:
    """What the application said by another way while a try was under way."""
    return tx.ask(_AHEAD, {"attempt": attempt})


def _said(ahead: Asked) -> tuple[Answer, str] | None:
    """The verdict in it, and its code."""
    codes = [row.code for row in ahead.rows()]
    if not codes:
        return None
    confirming = next((code for code in codes if code in ("AA", "CA")), None)
    return ("rejected", codes[0]) if confirming is None else ("confirmed", confirming)


def _believe(tx: Tx, hospital: Hospital, row: Row, outcome: Answer, detail: str, **values: Any) -> None:
    """What the receiver's application said holds. `values`: what else is known of what it refused."""
    if outcome == "confirmed":
        settle(tx, hospital, row, "confirmed", detail)
    else:
        _now(tx, row, "rejected", detail, due_at=0, **values)
        superseded_meanwhile(tx, hospital, row)


def unconfirmed(tx: Tx) -> list[int]:
    """Deliveries that were taken and whose application acknowledgement is overdue; each is reported once."""
    where = (sa.text(t.IS_UNCONFIRMED), t.delivery.c.due_at <= tx.now)
    found = tx.all(sa.select(t.delivery).where(*where).limit(1000))
    for row in found:
        why = "taken, not confirmed in time"
        tx.set(t.delivery, row.id, reason=why, due_at=0)
        tx.journal.note("unconfirmed", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, why=why)
    return [row.id for row in found]
