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
from typing import Any, Final, NamedTuple, cast

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain
from segwright.ledger import tables as t
from segwright.ledger.chain import NOT_IN_LINE, Link, Verdict
from segwright.ledger.execution import NOTHING, Asked, Prepared, Row
from segwright.ledger.hospital import Hospital, Material, NotWritten, Owed
from segwright.ledger.store import Tx

NOTHING_TO_WITHDRAW: Final = "nothing was sent that could be withdrawn"

_EARLIER_BUILD_LEFT: Final = (
    sa.select(t.attempt.c.id)
    .join(t.build, t.build.c.id == t.attempt.c.build_id)
    .where(
        t.build.c.delivery_id == t.delivery.c.id, t.build.c.live.is_(False),
        sa.or_(*(t.attempt.c.outcome == outcome for outcome in ("accepted", "confirmed", "uncertain"))),
    )
    .correlate(t.delivery).exists()
)  # fmt: skip
LEFT_BEFORE: Final = _EARLIER_BUILD_LEFT | ((t.delivery.c.state == "rejected") & (t.delivery.c.doubts > 0))
"""Whether a delivery left, or may have, although its state does not say so: by an earlier build, or by an earlier try of what was
refused in the end. A receiver that refuses a repeat may well have filed what it repeats."""
_PART: Final = sa.case((t.delivery.c.part < 0, 0), else_=t.delivery.c.part).label("part")
_CHAIN: Final = Prepared(
    sa.select(
        t.delivery.c.id, t.delivery.c.message, _PART, t.delivery.c.kind, t.delivery.c.version, t.delivery.c.seq,
        t.delivery.c.state, t.delivery.c.reason, LEFT_BEFORE.label("before"),
    )
    .where(t.delivery.c.case_id == sa.bindparam("case"), t.delivery.c.lane_id == sa.bindparam("lane"))
    .order_by(t.delivery.c.seq)
)  # fmt: skip
_LANE: Final = Prepared(
    sa.select(t.lane.c.id).where(
        t.lane.c.org == sa.bindparam("org_"), t.lane.c.destination == sa.bindparam("destination_")
    )
)
_SIGNATURE: Final = Prepared(
    sa.select(t.signoff)
    .where(t.signoff.c.revision_id == sa.bindparam("revision"), t.signoff.c.withdrawn_at == 0)
    .order_by(t.signoff.c.id.desc())
    .limit(1)
)
_LIVE: Final = Prepared(
    sa.select(t.build.c.id, t.build.c.at).where(
        t.build.c.delivery_id == sa.bindparam("delivery_"), t.build.c.live.is_(True)
    )
)
_BUILDS: Final = Prepared(
    sa.select(sa.func.max(t.build.c.number)).where(t.build.c.delivery_id == sa.bindparam("delivery_"))
)


def links(tx: Tx, case: int, lane: int) -> list[Link]:
    """The chain of a case in a lane, in line."""
    return linked(ask_links(tx, case, lane))


def ask_links(tx: Tx, case: int, lane: int) -> Asked:
    """The same, to be looked at later by `linked`."""
    return tx.ask(_CHAIN, {"case": case, "lane": lane})


def linked(asked: Asked) -> list[Link]:
    """The chain that was asked for."""
    return [Link(*tuple(row)) for row in asked.rows()]


def lane_found(tx: Tx, org: str, destination: str) -> int:
    """The lane of a destination, 0 while there is none."""
    return int(tx.scalar(_LANE, {"org_": org, "destination_": destination}) or 0)


def lane_of(tx: Tx, org: str, destination: str) -> int:
    """The lane of a destination, made when it is first needed."""
    found = lane_found(tx, org, destination)
    if not found:
        tx.insert_new(t.lane, org=org, destination=destination)
        found = lane_found(tx, org, destination)
    return found


class Outlook(NamedTuple):
    """What a new delivery is in its chain: its link, what it does to others, the chain as that leaves it, and the kind that it
    would be written as now (None: there is nothing to send)."""

    new: Link
    verdicts: list[Verdict]
    behind: list[Link]
    sent_as: str | None


def outlook(
    before: Sequence[Link], message: str, part: int, kind: str, version: int, *, seq: int, hold: str, unsent_final: str | None
) -> Outlook:  # fmt: skip
    """What a delivery would be behind these. `hold`: why it would be held, "" when it steps into line."""
    new = Link(0, message, part, kind, version, seq, "held" if hold else "waiting", hold)
    verdicts = [] if hold else chain.superseded(before, new)
    behind = _after(before, verdicts)
    return Outlook(new, verdicts, behind, chain.sent_as(behind, new, unsent_final))


def enqueue(
    tx: Tx, hospital: Hospital, owed: Owed, case: int, part: int, kind: str, *, version: int = 0,
    revision: int | None = None, occurrence: int | None = None, hold: str = "",
) -> int:  # fmt: skip
    """Puts one delivery in line; gives its id, 0 when there is one already. What may go at once is frozen at once; what
    waits is written on trial, unless what it is made of is still to come. The case is locked. Raises `NotWritten`, and
    then nothing is enqueued."""
    lane = lane_of(tx, hospital.org, owed.destination)
    before = links(tx, case, lane)
    if any((o.message, o.part, o.kind, o.version) == (owed.message, part, kind, version) for o in before):
        return 0
    seq, unsent_final = next_in(tx, before), hospital.policy.unsent_final
    new, verdicts, behind, sent_as = outlook(
        before, owed.message, part, kind, version, seq=seq, hold=hold, unsent_final=unsent_final
    )
    state, reason, build = new.state, hold, None
    if hold not in NOT_IN_LINE:
        made_of = material(tx, case, part, kind, revision, occurrence)
        if hold or chain.waits_for(behind, new) is not None:
            hospital.write(owed.plan, made_of, kind, tx.now, "TRIAL")
        elif sent_as is None:
            state, reason = "void", NOTHING_TO_WITHDRAW
        else:
            state, build = "ready", _build(tx, hospital, owed.plan, made_of, sent_as)
    delivery = tx.insert(
        t.delivery, org=hospital.org, lane_id=lane, destination=owed.destination, message=owed.message, case_id=case, part=part,
        kind=kind, version=version, revision_id=revision, occurrence_id=occurrence, seq=new.seq, state=state, reason=reason,
        plan=owed.plan, at=tx.now, sent_as=build.sent_as if build else "", due_at=tx.now if build else 0,
        decided_at=tx.now if state == "void" else 0,
    )  # fmt: skip
    tx.journal.note(
        "enqueued", hospital.org, lane=lane, case=case, delivery=delivery,
        message=owed.message, what=kind, version=version, plan=owed.plan, **({"held": hold} if hold else {}),
    )  # fmt: skip
    apply(tx, hospital.org, lane, verdicts)
    if build is not None:
        where = Frozen(hospital.org, lane, owed.destination, case, delivery, 1, "first build")
        _keep(tx, hospital, where, build)
    return delivery


def next_in(tx: Tx, before: Sequence[Link]) -> int:
    """A place behind everything in the chain, and about in the order of time across chains."""
    return max((tx.now * 1000, *(link.seq + 1 for link in before)))


def _after(before: Sequence[Link], verdicts: Sequence[Verdict]) -> list[Link]:
    """A chain as verdicts leave it."""
    found = {verdict.id: verdict for verdict in verdicts}
    return [
        msgspec.structs.replace(link, state=found[link.id].state, reason=found[link.id].reason)
        if link.id in found
        else link
        for link in before
    ]


def trial(tx: Tx, hospital: Hospital, delivery: int) -> None:
    """Writes a delivery to see that it can be written. Raises `NotWritten`."""
    row = tx.get(t.delivery, delivery)
    assert row is not None
    hospital.write(row.plan, material_of(tx, row), row.kind, tx.now, "TRIAL")


def material_of(tx: Tx, delivery: Row) -> Material:
    """What a delivery is made of, as it stands now."""
    return material(tx, delivery.case_id, delivery.part, delivery.kind, delivery.revision_id, delivery.occurrence_id)


def material(tx: Tx, case: int, part: int, kind: str, revision: int | None, occurrence: int | None) -> Material:
    """The orders that a message of a kind answers, their patient, and its subject: what happened to an order, or a revision as
    it was signed, or else as it came."""
    subject = signature(tx, revision)
    if subject is None:
        subject = tx.get(t.revision, revision) if revision is not None else tx.get(t.occurrence, occurrence or 0)
    assert subject is not None
    return about(tx, case, part, kind, subject.document)


def about(tx: Tx, case: int, part: int, kind: str, subject: bytes) -> Material:
    """The orders that a message answers, their patient, and a subject that may stand nowhere yet. Part 0 answers all orders of
    the case, a result only those that are not cancelled; but what was sent about them before is withdrawn for all."""
    found = cases.orders(tx, case)
    if part > 0:
        found = [order for order in found if order.part == part]
    elif kind in chain.RESULT_KINDS and kind != "withdrawn":
        found = [order for order in found if order.state != "cancelled"] or found
    return Material(tuple(order.document for order in found), found[0].patient if found else None, subject)


def signature(tx: Tx, revision: int | None) -> Row | None:
    """The signature that holds under a revision."""
    return cast("Row | None", ask_signature(tx, revision).first())


def ask_signature(tx: Tx, revision: int | None) -> Asked:
    """The same, to be looked at later."""
    return NOTHING if revision is None else tx.ask(_SIGNATURE, {"revision": revision})


def ask_live(tx: Tx, delivery: int) -> Asked:
    """The build of a delivery that is sent, to be looked at later: its id, and when its bytes were made."""
    return tx.ask(_LIVE, {"delivery_": delivery})


def release(tx: Tx, hospital: Hospital, delivery: int) -> None:
    """Lets a held delivery step into line, at its end; older revisions that never left are made void by it."""
    row = tx.get(t.delivery, delivery)
    assert row is not None
    if row.state != "held":
        return
    chained = links(tx, row.case_id, row.lane_id)
    values: dict[str, Any] = {"state": "waiting", "reason": ""}
    new = msgspec.structs.replace(chain.of_delivery(chained, delivery), **values)
    if row.reason in NOT_IN_LINE:
        values["seq"] = next_in(tx, [link for link in chained if link.id != delivery])
        new = msgspec.structs.replace(new, seq=values["seq"])
    tx.set(t.delivery, delivery, **values)
    apply(tx, row.org, row.lane_id, chain.superseded(chained, new))
    promote(tx, hospital, row.case_id, row.lane_id)


def apply(tx: Tx, org: str, lane: int, verdicts: Sequence[Verdict]) -> None:
    """Writes what the rules say of other deliveries."""
    for verdict in verdicts:
        values = {"state": verdict.state, "reason": verdict.reason, "decided_at": tx.now}
        tx.set(t.delivery, verdict.id, **values)
        tx.journal.note(verdict.state, org, lane=lane, delivery=verdict.id, why=verdict.reason)


def promote(tx: Tx, hospital: Hospital, case: int, lane: int, asked: Asked | None = None) -> None:
    """Freezes what may go now: the first in line, when it waits. `asked`: the chain, as it stands by now."""
    chained = linked(asked or ask_links(tx, case, lane))
    while (first := chain.first_waiting(chained)) is not None:
        kind = chain.sent_as(chained, first, hospital.policy.unsent_final)
        if kind is None:
            verdicts = [Verdict(first.id, "void", NOTHING_TO_WITHDRAW)]
            apply(tx, hospital.org, lane, verdicts)
            chained = _after(chained, verdicts)
            continue
        row = tx.get(t.delivery, first.id)
        assert row is not None
        try:
            freeze(tx, hospital, row, kind, "first build")
        except NotWritten as refused:
            hold(tx, row, "it cannot be written any more: " + "; ".join(refused.problems[:3]))
        return


class Built(msgspec.Struct, frozen=True):
    """A message that was made: under which plan and control id, as which kind."""

    plan: str
    sent_as: str
    control_id: str
    body: bytes


class Frozen(msgspec.Struct, frozen=True):
    """Which delivery a build is of, and why it was made."""

    org: str
    lane: int
    destination: str
    case: int
    delivery: int
    number: int
    reason: str


def _build(tx: Tx, hospital: Hospital, plan: str, made_of: Material, sent_as: str) -> Built:
    control_id = hospital.control_id(tx.now)
    return Built(plan, sent_as, control_id, hospital.write(plan, made_of, sent_as, tx.now, control_id))


def _keep(tx: Tx, hospital: Hospital, of: Frozen, build: Built) -> None:
    body_hash = hashlib.sha256(build.body).hexdigest()
    made = tx.insert(
        t.build, delivery_id=of.delivery, number=of.number, org=of.org, destination=of.destination,
        control_id=build.control_id, body=build.body, body_hash=body_hash, plan=build.plan,
        address=hospital.address(of.destination), reason=of.reason, live=True, at=tx.now,
    )  # fmt: skip
    wake(tx, of.lane)
    tx.journal.note(
        "built", of.org, lane=of.lane, case=of.case, delivery=of.delivery,
        build=made, number=of.number, hash=body_hash, plan=build.plan, sent_as=build.sent_as, why=of.reason,
    )  # fmt: skip


def freeze(tx: Tx, hospital: Hospital, row: Row, kind: str, reason: str) -> None:
    """Makes the bytes of a delivery and makes it ready. A build before it is not live any more. Raises `NotWritten`."""
    build = _build(tx, hospital, row.plan, material_of(tx, row), kind)
    number = (tx.scalar(_BUILDS, {"delivery_": row.id}) or 0) + 1
    if number > 1:
        tx.run(sa.update(t.build).where(t.build.c.delivery_id == row.id).values(live=False))
    tx.set(t.delivery, row.id, state="ready", reason="", sent_as=kind, due_at=tx.now)
    _keep(tx, hospital, Frozen(row.org, row.lane_id, row.destination, row.case_id, row.id, number, reason), build)


def refreeze(tx: Tx, hospital: Hospital, delivery: int, reason: str) -> None:
    """Makes the bytes of a ready delivery anew: what they are made of is not what it was. No byte of them was taken."""
    row = tx.get(t.delivery, delivery)
    assert row is not None
    try:
        freeze(tx, hospital, row, row.sent_as, reason)
    except NotWritten as refused:
        hold(tx, row, f"{reason}, and it cannot be written any more: " + "; ".join(refused.problems[:3]))


def hold(tx: Tx, row: Row, reason: str, actor: str = "") -> None:
    """Holds a delivery where it stands; what follows it in its chain waits."""
    tx.set(t.delivery, row.id, state="held", reason=reason)
    tx.journal.note("held", row.org, lane=row.lane_id, case=row.case_id, delivery=row.id, actor=actor, why=reason)


def wake(tx: Tx, lane: int) -> None:
    """Says that a lane has work now."""
    tx.woke = True
    tx.put(t.due, lane_id=lane, at=tx.now)
