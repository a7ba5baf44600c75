"""Orders: new, changed, cancelled, and what happened to them.

Takes what the mapping read from one message (`Received`), under the locks of its cases; writes orders and occurrences and
does what they mean for deliveries. An order that is there already is not made again, whatever MSH-10 it came under.
Refuses, with `Refusal`, the cancellation of an order that is not known, is another patient's or whose signed result has left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain, line, people, studies
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.chain import NO_ORDER, ORDER_KINDS, UNSIGNED, Link
from segwright.ledger.execution import Asked, Prepared, Row
from segwright.ledger.hospital import Hospital, NotWritten, Owed
from segwright.ledger.store import Tx

Control = Literal["new", "change", "cancel"]


class ReceivedOrder(msgspec.Struct, frozen=True):
    """One order of a message. `placer`: the number that it is known again by, written in one way however it came; `filler` as it
    came, for people; `names`: all numbers it goes by."""

    control: Control
    placer: str
    filler: str
    names: tuple[Name, ...]
    document: bytes


class Received(msgspec.Struct, frozen=True):
    """The orders of one message, in their groups, and their patient."""

    patient: bytes
    groups: tuple[tuple[ReceivedOrder, ...], ...]


class Refusal(Exception):
    """An order that cannot be done. `code`: unknown_order, too_late, another_patient, cancelled."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def take(tx: Tx, hospital: Hospital, inbox: int, received: Received) -> list[int]:
    """Does what the orders of a message ask for; gives their cases. Raises `Refusal`, and then nothing is done."""
    taken = []
    seen: Counter[str] = Counter()
    for group in received.groups:
        cancelling = [order for order in group if order.control == "cancel"]
        for order in cancelling:
            taken.append(_cancel(tx, hospital, received.patient, order))
        others = [order for order in group if order.control != "cancel"]
        if others:
            taken.append(_order(tx, hospital, inbox, received.patient, others, seen))
    return list(dict.fromkeys(taken))


_HasPlacer = TypeVar("_HasPlacer", ReceivedOrder, Row)


def _numbered(orders: Iterable[_HasPlacer], seen: Counter[str]) -> Iterator[tuple[tuple[str, int], _HasPlacer]]:
    """Orders with what they are known again by: their number, and which of those under it they are (from 1), since some hospitals
    send several tests under one. `seen`: how many there were of each number before."""
    for order in orders:
        seen[order.placer] += 1
        yield (order.placer, seen[order.placer]), order


def _order(
    tx: Tx, hospital: Hospital, inbox: int, patient: bytes, group: list[ReceivedOrder], seen: Counter[str]
) -> int:  # fmt: skip
    names = [name for order in group for name in order.names]
    try:
        case, new, merged = cases.opened(tx, hospital.org, names, reuse_after=hospital.policy.reuse_after, ordered=True)
    except people.AnotherPatient as another:
        raise Refusal("another_patient", str(another)) from None
    there = () if new else cases.orders(tx, case.id)
    known = dict(_numbered(there, Counter()))
    part = highest = max((order.part for order in there), default=0)
    found = [(order, known.get(key)) for key, order in _numbered(group, seen)]
    changes = [before is not None and order.control == "change" for order, before in found]
    # Only a change may say that an order is another patient's than was thought.
    if not new and not all(changes) and people.is_anothers(tx, hospital.org, case.id, patient):
        raise Refusal("another_patient", str(people.AnotherPatient()))
    if any(before is None for _, before in found) or any(changes):
        people.remember(tx, hospital.org, case.id, patient, new=new)
    for order, before in found:
        if before is not None and before.state == "cancelled":
            raise Refusal("cancelled", "the order was cancelled before: it needs another number")
        if before is None:
            part += 1
            _add(tx, hospital, inbox, patient, case.id, part, order)
        elif order.control == "change":
            values = {"document": order.document, "patient": patient, "filler": order.filler, "changed_at": tx.now}
            tx.set(t.order_, before.id, **values)
            tx.journal.note("order changed", hospital.org, case=case.id, order=before.id, inbox=inbox)
        else:
            tx.journal.note("order repeated", hospital.org, case=case.id, order=before.id, inbox=inbox)
    if merged or not (new or known):
        met(tx, hospital, case.id)
    elif known and part > highest:
        _answer_what_joined(tx, hospital, case.id, range(highest + 1, part + 1))
    if not new:
        studies.settle(tx, hospital, case.id)
    if merged or case.closed_at:
        cases.close_when_done(tx, case.id, {order.state for order in cases.orders(tx, case.id)})
    return int(case.id)


def _add(tx: Tx, hospital: Hospital, inbox: int, patient: bytes, case: int, part: int, order: ReceivedOrder) -> None:
    made = tx.insert(
        t.order_, org=hospital.org, case_id=case, part=part, placer=order.placer, filler=order.filler, state="open",
        document=order.document, patient=patient, inbox_id=inbox, at=tx.now, changed_at=tx.now,
    )  # fmt: skip
    tx.journal.note("order", hospital.org, case=case, order=made, inbox=inbox, asked=order.control)
    happened(tx, hospital, case, part, "accepted")


_AWAITING_ORDER: Final = Prepared(
    sa.select(t.delivery)
    .where(t.delivery.c.case_id == sa.bindparam("case"), t.delivery.c.state == "held", t.delivery.c.reason == NO_ORDER)
    .order_by(t.delivery.c.seq)
)


def _join_results(tx: Tx, hospital: Hospital, case: int) -> None:
    """Results that came before their order, once it is there: those that have not left are enqueued for each order as the
    catalogue says. The case is locked."""
    if not cases.orders(tx, case):
        return
    for row in tx.all(_AWAITING_ORDER, {"case": case}):
        owed = next((one for one in hospital.owed(row.kind) if one.message == row.message), None)
        tx.set(t.delivery, row.id, state="void", reason="its order came")
        tx.journal.note("void", hospital.org, lane=row.lane_id, case=case, delivery=row.id, why="its order came")
        if owed is None:
            continue
        unsigned = owed.gate == "after sign-off" and line.signature(tx, row.revision_id) is None
        for part in parts(tx, case, owed.per, row.kind):
            # For a group the held delivery has the very key of the new one: it goes on itself.
            if part == row.part:
                values = {"state": "held", "reason": UNSIGNED if unsigned else NO_ORDER}
                tx.set(t.delivery, row.id, **values)
                if not unsigned:
                    line.release(tx, hospital, row.id)
            else:
                line.enqueue(
                    tx, hospital, owed, case, part, row.kind, version=row.version, revision=row.revision_id,
                    hold=UNSIGNED if unsigned else "",
                )  # fmt: skip


def met(tx: Tx, hospital: Hospital, case: int) -> None:
    """Two cases became one, or the first orders came to results: the results of either answer the orders of both, and what waited
    for something that is given up now goes on. The case is locked."""
    _join_results(tx, hospital, case)
    _answer_what_joined(tx, hospital, case, [order.part for order in cases.orders(tx, case)])
    lanes = tx.all(sa.select(t.delivery.c.lane_id).where(t.delivery.c.case_id == case).distinct())
    for lane in sorted(row.lane_id for row in lanes):
        line.promote(tx, hospital, case, lane)


_REVISIONS: Final = Prepared(
    sa.select(t.revision.c.id, t.revision.c.kind, t.revision.c.version).where(
        t.revision.c.case_id == sa.bindparam("case")
    )
)


class _Standing(NamedTuple):
    """A revision that stands, a message that it owes, and why that would be held ("": it is in line)."""

    revision: Row
    owed: Owed
    hold: str


def _standing(tx: Tx, hospital: Hospital, case: int) -> dict[str, list[_Standing]]:
    """What a study has to say now, by message, oldest first: its newest revision, and what goes out while that awaits its
    signature."""
    found: dict[str, list[_Standing]] = {}
    rows = tx.all(_REVISIONS, {"case": case})
    for row in sorted(rows, key=lambda row: chain.rank_of(row.kind, row.version), reverse=True):
        if row.kind == "withdrawn":
            return {}
        for owed in hospital.owed(row.kind):
            theirs = found.setdefault(owed.message, [])
            if theirs and not theirs[0].hold:
                continue
            unsigned = owed.gate == "after sign-off" and line.signature(tx, row.id) is None
            theirs.insert(0, _Standing(row, owed, UNSIGNED if unsigned else ""))
    return found


def _answer_what_joined(tx: Tx, hospital: Hospital, case: int, joined: Collection[int]) -> None:
    """Orders came to a study that has a result: those of them that nothing answers, or will, are answered by what stands. What
    answers all orders together is made anew while no byte of it left; after that only a person may send it again, since the
    hospital would have it twice. `joined`: the parts of these orders. The case is locked."""
    still_open = [order.part for order in cases.orders(tx, case) if order.state == "open" and order.part in joined]
    if not still_open:
        return
    for message, standing in _standing(tx, hospital, case).items():
        owed = standing[-1].owed
        chained = line.links(tx, case, line.lane_of(tx, hospital.org, owed.destination))
        theirs = [link for link in chained if link.is_result and link.message == message and link.state != "void"]
        together = [link for link in theirs if link.part == 0]
        if not together:
            for part in still_open if owed.per == "order" else [0]:
                if not any(link.is_akin(message, part) for link in theirs):
                    for one in standing:
                        _owe(tx, hospital, case, part, one)
            continue
        if owed.per == "group":
            for link in together:
                if link.state == "ready":
                    line.refreeze(tx, hospital, link.id, "another order came to its study")
        if not {link.part for link in theirs}.issuperset(still_open):
            _tell_that_it_left(tx, hospital, case, together)


def _tell_that_it_left(tx: Tx, hospital: Hospital, case: int, together: Sequence[Link]) -> None:
    """Messages that answer all orders together, or none since there was none, and an order that came after they left."""
    newest = max(together, key=lambda link: link.rank)
    left = [link for link in together if link.rank == newest.rank and link.has_left]
    # Twins that were both sent are an incident already, and a final result is still to come behind a preliminary one.
    if len(left) == 1 and newest.kind in ("final", "corrected"):
        what = "sent before an order came that it answers"
        tx.journal.note("incident", hospital.org, case=case, delivery=newest.id, what=what)


def _owe(tx: Tx, hospital: Hospital, case: int, part: int, standing: _Standing) -> None:
    revision, owed, hold = standing
    try:
        made = line.enqueue(
            tx, hospital, owed, case, part, revision.kind, version=revision.version, revision=revision.id, hold=hold
        )
    except NotWritten as refused:
        tx.journal.note(
            "not enqueued", hospital.org, case=case, message=owed.message, what=revision.kind, why=refused.problems
        )
        return
    if made:
        return
    # It is there and was given up. All orders that it answered were cancelled: now there is one, and it goes on itself.
    there = line.links(tx, case, line.lane_of(tx, hospital.org, owed.destination))
    key = (owed.message, part, revision.kind, revision.version)
    for link in there:
        if (link.message, link.part, link.kind, link.version) == key and link.reason == chain.ORDER_CANCELLED:
            tx.set(t.delivery, link.id, state="held", reason=hold or NO_ORDER, decided_at=0)
            if not hold:
                line.release(tx, hospital, link.id)


def parts(tx: Tx, case: int, per: str, kind: str) -> list[int]:
    """What messages about a case answer: all its orders together (0), or each; those that are cancelled only with the withdrawal
    of what they were told before."""
    found = cases.orders(tx, case)
    if not found:
        return [0]
    answered = [order.part for order in found if order.state != "cancelled" or kind == "withdrawn"]
    return answered if per == "order" else [0] if answered else []


def _cancel(tx: Tx, hospital: Hospital, patient: bytes, order: ReceivedOrder) -> int:
    found = cases.find(tx, hospital.org, [name for name in order.names if name.kind == "placer"] or order.names)
    for number in found:
        case = cases.lock(tx, number)
        rows = [one for one in cases.orders(tx, case.id) if one.placer == order.placer]
        if rows and people.is_anothers(tx, hospital.org, case.id, patient):
            raise Refusal("another_patient", str(people.AnotherPatient()))
        for row in rows:
            if row.state != "cancelled":
                cancel(tx, hospital, case.id, row.part)
        if rows:
            return int(case.id)
    raise Refusal("unknown_order", "no order of this number is known")


def cancel(tx: Tx, hospital: Hospital, case: int, part: int, document: bytes = b"") -> None:
    """Cancels an order whose case is locked: what has not left is void. Raises `Refusal` when a signed result has left."""
    lanes = {row.lane_id for row in tx.all(sa.select(t.delivery.c.lane_id).where(t.delivery.c.case_id == case))}
    chains = {lane: line.links(tx, case, lane) for lane in sorted(lanes)}
    if any(chain.signed_result_left(links, part) for links in chains.values()):
        raise Refusal("too_late", "the result of this order has been sent")
    tx.run(
        sa.update(t.order_)
        .where(t.order_.c.case_id == case, t.order_.c.part == part)
        .values(state="cancelled", changed_at=tx.now)
    )
    tx.journal.note("order cancelled", hospital.org, case=case, part=part)
    states = {order.state for order in cases.orders(tx, case)}
    for lane, links in chains.items():
        gone = chain.cancels(links, part)
        if states != {"cancelled"}:  # what answers all orders together still answers the others
            together = {link.id for link in links if link.part == 0}
            gone = [verdict for verdict in gone if verdict.id not in together]
        line.apply(tx, hospital.org, lane, gone)
        if states != {"cancelled"}:
            for link in links:
                if link.part == 0 and link.is_result and link.kind != "withdrawn" and link.state == "ready":
                    line.refreeze(tx, hospital, link.id, "one of its orders was cancelled")
        line.promote(tx, hospital, case, lane)
    happened(tx, hospital, case, part, "cancelled", document)
    studies.settle(tx, hospital, case)
    cases.close_when_done(tx, case, states)


def happened(tx: Tx, hospital: Hospital, case: int, part: int, status: str, document: bytes = b"") -> Asked:
    """Something happened to an order: it is told to the hospital if its catalogue says so. The answer has no row when it is known
    already. `document`: the event as JSON; without one, the status and the time."""
    assert status in ORDER_KINDS
    body = document or occurrence_document(status, tx.now)
    made = tx.ask_new(t.occurrence, org=hospital.org, case_id=case, part=part, status=status, document=body, at=tx.now)
    for owed in hospital.owed(status):
        occurrence = made.scalar()
        if occurrence is None:
            break
        try:
            line.enqueue(tx, hospital, owed, case, 0 if owed.per == "group" else part, status, occurrence=occurrence)
        except NotWritten as refused:
            # The order itself stands; that its hospital cannot be told is for an operator to see.
            tx.journal.note(
                "not enqueued", hospital.org, case=case, message=owed.message, what=status, why=refused.problems
            )
    return made


def occurrence_document(status: str, now: int, **more: Any) -> bytes:
    """The event as its model declares it."""
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.json.encode({"status": status, "at": at, "diagnoses": [], **more})
