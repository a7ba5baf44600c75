"""Cases and their names: which study a number belongs to.

Takes the names that came with an order or a result; gives the case, locked. Numbers that name two cases prove that they
are one: they are merged in the same transaction. A number of a case that was closed longer than the organisation's reuse
period ago opens a new case, and that is reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

import sqlalchemy as sa

from segwright.ledger import people
from segwright.ledger import tables as t
from segwright.ledger.chain import NO_ORDER, akin
from segwright.ledger.execution import NOTHING, Asked, Prepared, Row
from segwright.ledger.prepared import any_of, each_of, in_parts
from segwright.ledger.store import Tx


class Name(NamedTuple):
    """A name of a case. `kind`: placer, filler, group, study or result; `assigner` is "" where the number says none."""

    kind: str
    assigner: str
    value: str


def lock(tx: Tx, case: int) -> Row:
    """Locks a case, following merges. Whatever is decided about a case is decided under this lock."""
    while True:
        row = tx.lock(t.case_, case)
        assert row is not None
        if row.merged_into is None:
            return row
        case = row.merged_into


def hold(tx: Tx, case: int) -> None:
    """The same, for whoever needs nothing of its row."""
    follow(tx, ask_hold(tx, case))


def ask_hold(tx: Tx, case: int) -> Asked:
    """The same, without waiting for it: what is asked next is asked under the lock of this case. `follow` has to see whether it
    became another. On SQLite a transaction that writes has locked the whole database."""
    return NOTHING if tx.is_sqlite else tx.ask_lock(t.case_, case)


def follow(tx: Tx, asked: Asked) -> bool:
    """Locks the case that a case became part of, if it did; gives whether it did. What was asked for meanwhile is locked before
    it then: should that end in a deadlock, the whole transaction is tried again."""
    row = asked.first()
    if row is None or row.merged_into is None:
        return False
    lock(tx, row.merged_into)
    return True


@cache
def _of_any(count: int) -> Prepared:
    c = t.alias.c
    return Prepared(sa.select(c.case_id).where(any_of((c.org, c.kind, c.assigner, c.value), count)))


def find(tx: Tx, org: str, names: Iterable[Name]) -> list[int]:
    """The cases that go by any of these names, oldest first, not locked."""
    wanted = [name for name in dict.fromkeys(names) if name.value]
    asked = []
    for some in in_parts(wanted):
        count, given = each_of(("org", "kind", "assigner", "value"), [(org, *name) for name in some])
        asked.append(tx.ask(_of_any(count), given))
    return sorted({row.case_id for each in asked for row in each.rows()})


class Opened(NamedTuple):
    """A case, locked; whether it is new, and whether other cases became one with it."""

    case: Row
    new: bool
    merged: bool


def is_aged(tx: Tx, case: Row, reuse_after: int) -> bool:
    """Whether a case was closed so long ago that its hospital may use its numbers for something else."""
    return bool(case.closed_at and reuse_after and tx.now - case.closed_at > reuse_after)


def opened(tx: Tx, org: str, names: Sequence[Name], *, reuse_after: int = 0, ordered: bool = False) -> Opened:
    """The case of these names. All the names are its names from now on. `ordered`: whether it gets an order now. Raises
    `people.AnotherPatient` when they name cases of two patients."""
    case, new, merged = None, False, False
    aged: list[int] = []
    found: Sequence[int] = find(tx, org, names)
    while True:
        for row in [lock(tx, number) for number in found]:
            if is_aged(tx, row, reuse_after):
                if row.id not in aged:
                    tx.journal.note("number reused", org, case=row.id)
                    aged.append(row.id)
            elif case is None:
                case = row
            elif row.id != case.id:
                # One that somebody else opened meanwhile is there already; ours is not, and nothing is in it.
                kept, gone = (row, case) if new else (case, row)
                merge(tx, kept, gone, ordered=ordered)
                case, new, merged = kept, False, True
        if case is None:
            case, new = tx.insert_row(t.case_, org=org, opened_at=tx.now), True
        found = _name(tx, org, case.id, names, aged)
        if not found:
            return Opened(case, new, merged)


_RENAME: Final = Prepared(
    sa.update(t.alias)
    .where(
        t.alias.c.org == sa.bindparam("org_"), t.alias.c.kind == sa.bindparam("kind_"),
        t.alias.c.assigner == sa.bindparam("assigner_"), t.alias.c.value == sa.bindparam("value_"),
        t.alias.c.case_id == sa.bindparam("aged"),
    )
    .values(case_id=sa.bindparam("case"))
)  # fmt: skip


def _name(tx: Tx, org: str, case: int, names: Iterable[Name], aged: Sequence[int]) -> list[int]:
    """Gives names to a case, also those of aged ones; gives the other cases that go by any of them. They were opened or named
    meanwhile: whoever adds a name waits for who is adding it, and then it is theirs."""
    wanted = [name for name in dict.fromkeys(names) if name.value]
    rows = [
        {"org": org, "kind": name.kind, "assigner": name.assigner, "value": name.value, "case_id": case}
        for name in wanted
    ]
    if not rows or tx.add_new(t.alias, rows) == len(rows):
        return []
    for number in aged:
        for kind, assigner, value in wanted:
            given = {"org_": org, "kind_": kind, "assigner_": assigner, "value_": value, "aged": number, "case": case}
            tx.run(_RENAME, given)
    return [number for number in find(tx, org, wanted) if number != case]


def merge(tx: Tx, kept: Row, gone: Row, *, ordered: bool = False) -> None:
    """Two cases turn out to be one. Twins of which at most one was sent become one; of two that were both sent it is known
    that the hospital may have the result twice: that is an incident, for people. Whatever was sent goes along: what comes
    after it has to wait for its fate. `ordered`: whether it gets an order now."""
    without = [one.id for one in (kept, gone) if not orders(tx, one.id)]
    if ordered or len(without) == 1:
        for number in without:
            _await_order(tx, number)
    parts = tx.scalar(sa.select(sa.func.coalesce(sa.func.max(t.order_.c.part), 0)).where(t.order_.c.case_id == kept.id))
    moved = {0: 0}
    for order in orders(tx, gone.id):
        parts += 1
        moved[order.part] = parts
        tx.set(t.order_, order.id, case_id=kept.id, part=parts)
    for old, new in moved.items():
        where = (t.occurrence.c.case_id == gone.id, t.occurrence.c.part == old)
        tx.run(sa.update(t.occurrence).where(*where).values(case_id=kept.id, part=new))
    for table in (t.revision, t.study, t.draft):
        tx.run(sa.update(table).where(table.c.case_id == gone.id).values(case_id=kept.id))
    tx.run(sa.update(t.alias).where(t.alias.c.case_id == gone.id).values(case_id=kept.id))
    people.merged(tx, kept.org, kept.id, gone.id)
    for delivery in _deliveries(tx, gone.id):
        part = moved.get(delivery.part, delivery.part)
        twins = [other for other in _deliveries(tx, kept.id) if _twins(delivery, part, other)]
        if twins and not _was_sent(tx, delivery):
            _suppress(tx, delivery, twins[0])
            continue
        sent = [twin for twin in twins if _was_sent(tx, twin)]
        for twin in twins:
            if twin not in sent:
                _suppress(tx, twin, delivery)
        if sent:
            facts = {"delivery": delivery.id, "twin": sent[0].id, "what": "sent twice"}
            tx.journal.note("incident", kept.org, case=kept.id, **facts)
        _move(tx, delivery, kept.id, part)
    tx.set(t.case_, gone.id, merged_into=kept.id)
    tx.journal.note("merged", kept.org, case=kept.id, gone=gone.id)


def _await_order(tx: Tx, case: int) -> None:
    """A case without an order is about to get one: what has not left is enqueued anew, for that order."""
    waits = t.delivery.c.state.in_(("held", "waiting", "ready"))
    where = (t.delivery.c.case_id == case, waits, t.delivery.c.tries == 0, t.delivery.c.revision_id.is_not(None))
    tx.run(sa.update(t.delivery).where(*where).values(state="held", reason=NO_ORDER))


def _move(tx: Tx, delivery: Row, case: int, part: int) -> None:
    """Takes a delivery into a case. Where its place there is taken, one that is void gives way to one that is not: what was never
    sent must not keep out what was, or may be. One that was sent beside the one that has the place gets a place of its own."""
    key = (delivery.destination, delivery.message, delivery.kind, delivery.version, part)
    there = next(
        (one for one in _deliveries(tx, case) if (one.destination, one.message, one.kind, one.version, one.part) == key), None
    )  # fmt: skip
    if there is None:
        tx.set(t.delivery, delivery.id, case_id=case, part=part)
    elif delivery.state == "void":
        return
    elif there.state == "void":
        tx.set(t.delivery, there.id, part=-there.id)  # for a moment nobody's place
        tx.set(t.delivery, delivery.id, case_id=case, part=part)
        tx.set(t.delivery, there.id, case_id=delivery.case_id, part=delivery.part)
    else:
        tx.set(t.delivery, delivery.id, case_id=case, part=-delivery.id)


def _deliveries(tx: Tx, case: int) -> Sequence[Row]:
    return tx.all(sa.select(t.delivery).where(t.delivery.c.case_id == case).order_by(t.delivery.c.seq))


def _twins(one: Row, part: int, other: Row) -> bool:
    """Whether two are the same event, neither of them given up. `part`: of the first in the case of the other. It may differ,
    since a result without an order answers part 0."""
    same = (one.destination, one.message, one.kind, one.version) == (
        other.destination, other.message, other.kind, other.version,
    )  # fmt: skip
    return same and akin(part, other.part) and "void" not in (one.state, other.state)


def _was_sent(tx: Tx, delivery: Row) -> bool:
    """Whether a hospital has a delivery, may have it or refused it. A try of which no byte left, or that the hospital was not
    ready for, has told it nothing."""
    nothing = t.attempt.c.outcome.in_(("not_sent", "refused_for_now", "misconfigured"))
    tries = sa.select(t.attempt.c.id).where(t.attempt.c.delivery_id == delivery.id, sa.not_(nothing))
    return bool(delivery.tries) and (delivery.doubts > 0 or tx.first(tries.limit(1)) is not None)


def _suppress(tx: Tx, delivery: Row, twin: Row) -> None:
    reason = f"duplicate of delivery {twin.id}"
    values = {"state": "void", "reason": reason, "decided_at": tx.now}
    tx.set(t.delivery, delivery.id, **values)
    tx.journal.note(
        "void", delivery.org, lane=delivery.lane_id, delivery=delivery.id, case=delivery.case_id, why=reason
    )
    revision = tx.first(sa.select(t.revision).where(t.revision.c.id == (delivery.revision_id or 0)))
    if revision is not None:
        tx.insert(
            t.suppressed, org=delivery.org, case_id=twin.case_id, delivery_id=twin.id, result_id=revision.result_id,
            version=revision.version, kind=revision.kind, pathway=revision.pathway, content=revision.content,
            reason=reason, actor=revision.actor, at=tx.now,
        )  # fmt: skip


_ORDERS: Final = Prepared(
    sa.select(t.order_).where(t.order_.c.case_id == sa.bindparam("case")).order_by(t.order_.c.part)
)


def orders(tx: Tx, case: int) -> Sequence[Row]:
    """The orders of a case, in their order."""
    return ask_orders(tx, case).rows()


def ask_orders(tx: Tx, case: int) -> Asked:
    """The same, to be looked at later."""
    return tx.ask(_ORDERS, {"case": case})


def close_when_done(tx: Tx, case: int, states: Collection[str]) -> None:
    """Closes a case whose orders are in these states and have all ended: from then on its numbers age."""
    tx.set(t.case_, case, closed_at=tx.now if states and "open" not in states else 0)
