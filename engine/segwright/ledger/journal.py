"""The journal: append-only events in hash chains, one chain for each organisation and one for each lane.

Takes what a transaction reports; writes it, at the end of the transaction, behind the last event of its chain. Each
event's hash covers the hash before it, so that nothing can be taken out or changed unseen; `verify` finds where a chain
is broken. One chain for everything would make all workers wait for each other. Facts are names, numbers and codes, never
a patient's data."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared
from segwright.ledger.prepared import any_of, each_of

if TYPE_CHECKING:
    from segwright.ledger.store import Tx

START: Final = "0" * 64
"""What the first event of a chain follows."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@cache
def _last(count: int) -> Prepared:
    wanted = any_of((t.head.c.chain,), count)
    return Prepared(sa.select(t.head).where(wanted).order_by(t.head.c.chain).with_for_update(key_share=True))


_MOVE_HEAD: Final = Prepared(sa.update(t.head).where(t.head.c.chain == sa.bindparam("chain_")))
_ADD: Final = Prepared(sa.insert(t.event))


class Event(msgspec.Struct, frozen=True):
    """Something that happened."""

    chain: str
    org: str
    kind: str
    case_id: int
    delivery_id: int
    actor: str
    facts: dict[str, Any]


class Journal:
    """What one transaction reports."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events: list[Event] = []

    def note(
        self, kind: str, org: str, *, lane: int = 0, case: int = 0, delivery: int = 0, actor: str = "", **facts: Any
    ) -> None:
        """Reports an event to the chain of its lane, or else of its organisation."""
        chain = f"lane:{lane}" if lane else f"org:{org}"
        self._events.append(Event(chain, org, kind, case, delivery, actor, facts))

    def mark(self) -> int:
        """How much was reported."""
        return len(self._events)

    def forget(self, mark: int) -> None:
        """Takes back what was reported since: it did not happen."""
        del self._events[mark:]

    def flush(self, tx: Tx) -> None:
        """Writes what was reported."""
        if not self._events:
            return
        now = tx.now
        by_chain: dict[str, list[Event]] = {}
        for event in self._events:
            by_chain.setdefault(event.chain, []).append(event)
        # Chains in order of their names: two transactions that report to two chains never wait for each other in a circle.
        names = sorted(by_chain)
        last = _heads(tx, names)
        rows, moved = [], []
        for chain in names:
            number, before = last[chain]
            for event in by_chain[chain]:
                number += 1
                facts = _encode(event.facts).decode()
                row = {
                    "chain": chain, "number": number, "org": event.org, "kind": event.kind, "case_id": event.case_id,
                    "delivery_id": event.delivery_id, "actor": event.actor, "facts": facts, "at": now,
                }  # fmt: skip
                before = row["hash"] = linked(before, row)
                rows.append(row)
            moved.append({"chain_": chain, "number": number, "hash": before})
        tx.tell(_MOVE_HEAD, moved)
        tx.tell(_ADD, rows)
        self._events.clear()


def _heads(tx: Tx, names: list[str]) -> dict[str, tuple[int, str]]:
    """Number and hash of the last event of chains, locked one after the other in this order; a chain begins when it is first
    reported to."""
    count, given = each_of(("chain",), [(name,) for name in names])
    found = {row.chain: (row.number, row.hash) for row in tx.all(_last(count), given)}
    missing = [{"chain": name, "number": 0, "hash": START} for name in names if name not in found]
    if missing:
        tx.add_new(t.head, missing)
        return _heads(tx, names)
    return found


def linked(before: str, row: dict[str, Any]) -> str:
    """The hash of an event that follows the event with the hash `before`."""
    said = [before] + [
        row[name] for name in ("chain", "number", "org", "kind", "case_id", "delivery_id", "actor", "facts", "at")
    ]
    return hashlib.sha256(_encode(said)).hexdigest()


class Break(msgspec.Struct, frozen=True):
    """Where a chain is broken: at which event, and how."""

    chain: str
    number: int
    reason: str


def verify(tx: Tx, chain: str) -> tuple[int, Break | None]:
    """How many events of a chain follow each other, and where the first does not."""
    before, count = START, 0
    statement = sa.select(t.event).where(t.event.c.chain == chain).order_by(t.event.c.number)
    with tx.connection.execute(statement, execution_options={"yield_per": 1000}) as rows:
        for row in rows.mappings():
            if row["number"] != count + 1:
                return count, Break(chain, count + 1, "an event is missing")
            if row["hash"] != linked(before, dict(row)):
                return count, Break(chain, row["number"], "an event was changed")
            before, count = row["hash"], count + 1
    last = tx.first(sa.select(t.head.c.number, t.head.c.hash).where(t.head.c.chain == chain))
    if last is None or (last.number, last.hash) != (count, before):
        return count, Break(chain, count + 1, "the end is missing")
    return count, None


def chains(tx: Tx) -> list[str]:
    """Every chain."""
    return [row.chain for row in tx.all(sa.select(t.head.c.chain).order_by(t.head.c.chain))]


class Head(msgspec.Struct, frozen=True):
    """The last event of a chain."""

    chain: str
    number: int
    hash: str


def heads(tx: Tx) -> list[Head]:
    """The end of every chain: kept elsewhere, they anchor what is before them."""
    return [Head(row.chain, row.number, row.hash) for row in tx.all(sa.select(t.head).order_by(t.head.c.chain))]
