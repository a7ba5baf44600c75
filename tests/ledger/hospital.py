"""A hospital for tests of the ledger: it writes messages of a line, under policies that a test chooses; and short ways to act."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from segwright.ledger import lanes, orders, results
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.chain import ORDER_KINDS
from segwright.ledger.hospital import Gate, Material, NotWritten, Owed, Policy
from segwright.ledger.lanes import Attempt, Held, Known
from segwright.ledger.orders import Received, ReceivedOrder
from segwright.ledger.results import Act, Pathway, Revision, Taken
from segwright.ledger.store import Store, Tx

SECOND = 1000
LEASE = 30 * SECOND
TAKEN = Known("confirmed", "AA", "AA", b"MSA|AA")


class FakeHospital:
    """`gates`: kind of result → its gate; what is missing does not go out. `per`: what one message covers."""

    def __init__(
        self, org: str = "mercy", *, gates: dict[str, Gate] | None = None, per: str = "order", unsolicited: bool = False,
        plan: str = "p1", status: bool = False, **policy: Any,
    ) -> None:  # fmt: skip
        self.org = org
        self.gates: dict[str, Gate] = (
            {"preliminary": "yes", "final": "yes", "corrected": "yes", "withdrawn": "yes"} if gates is None else gates
        )
        self.per = per
        self.unsolicited = unsolicited
        self.plan = plan
        self.status = status
        self.where = "ehr:6661"
        self.broken: set[str] = set()
        self._numbers = itertools.count(1)
        usual: dict[str, Any] = {
            "when_uncertain": "resend",
            "first": SECOND,
            "most": 60 * SECOND,
            "budget": 3600 * SECOND,
        }
        self.policy = Policy(**{**usual, **policy})

    def owed(self, kind: str) -> tuple[Owed, ...]:
        if kind in ORDER_KINDS:
            return (Owed("status", "outbound", "yes", "order", False, self.plan),) if self.status else ()
        gate = self.gates.get(kind)
        if gate is None:
            return ()
        return (Owed("result", "outbound", gate, self.per, self.unsolicited, self.plan),)  # type: ignore[arg-type]

    def address(self, destination: str) -> str:
        return self.where

    def control_id(self, now: int) -> str:
        return f"{self.org}-{next(self._numbers)}"

    def urgency(self, order: bytes) -> int:
        return 0 if b"stat" in order else 2

    def critical(self, result: bytes) -> bool:
        return b"critical" in result

    def write(self, plan: str, material: Material, sent_as: str, now: int, control_id: str) -> bytes:
        if plan in self.broken:
            raise NotWritten(("PID-3: missing",))
        text = [control_id, plan, sent_as, material.subject.decode(), *(order.decode() for order in material.orders)]
        return "|".join(text).encode()


class World:
    """A store, its hospitals, and a clock that a test moves. Every act is a transaction of its own."""

    def __init__(self, store: Store, *hospitals: FakeHospital) -> None:
        self.store = store
        self.hospitals = {hospital.org: hospital for hospital in hospitals}
        self.hospital = hospitals[0]
        self._inbox = itertools.count(1)

    # --- in ---

    def order(
        self, placer: str = "A1", control: str = "new", org: str = "", text: str = "", group: int = 1,
        patient: bytes = b"patient", filler: str = "", kind: str = "filler",
    ) -> list[int]:  # fmt: skip
        """`group`: how many orders come under one; `placer` "A1 A1": two under one number; `kind`: what `filler` is a number of."""
        hospital = self.hospitals[org or self.hospital.org]
        numbers = placer.split() if group == 1 else [f"{placer}.{number}" for number in range(1, group + 1)]
        received = []
        for number in numbers:
            names = (Name("placer", "", number), *([Name(kind, "", filler)] if filler else []))
            received.append(ReceivedOrder(control, number, filler, names, f"order {number}{text}".encode()))  # type: ignore[arg-type]

        def take(tx: Tx) -> list[int]:
            inbox = tx.insert(
                t.inbox, org=hospital.org, listener="l", sender="s", control_id=f"M{next(self._inbox)}", type="ORM^O01",
                body_hash="-", body=b"-", state="taken", code="AA", answer=b"", reason="", at=tx.now,
            )  # fmt: skip
            return orders.take(tx, hospital, inbox, Received(patient, (tuple(received),)))

        return self.store.write(take)

    def result(
        self, kind: str = "final", version: int = 1, *, placer: str = "A1", result: str = "R1", org: str = "", text: str = "",
        pathway: Pathway = "order", study: str = "", patient: bytes = b"null",
    ) -> Taken:  # fmt: skip
        hospital = self.hospitals[org or self.hospital.org]
        document = f"{result} {kind} {version}{text}".encode()
        names = [Name("placer", "", placer)] if placer else []
        names += [Name("study", "", study)] if study else []
        content = hashlib.sha256(document).hexdigest()
        revision = Revision(result, version, kind, pathway, content, document, tuple(names), "ai", patient=patient)
        return self.store.write(lambda tx: results.submit(tx, hospital, revision, must_know_order=bool(placer)))

    def sign(self, result: str = "R1", act: Act = "sign", org: str = "", text: str = "") -> Taken:
        hospital = self.hospitals[org or self.hospital.org]

        def sign(tx: Tx) -> Taken:
            now = results.shown(tx, hospital, result, act)
            document = msgspec.json.encode({"of": now.document.decode(), "as": now.kind, "text": text})
            content = hashlib.sha256(document).hexdigest()
            return results.sign(tx, hospital, act, result, now.token, document, content, "dr")

        return self.store.write(sign)

    # --- out ---

    def take_hold(self, holder: str = "w1") -> Held | None:
        return next(iter(self.store.write(lambda tx: lanes.acquire(tx, holder, LEASE, self.hospitals))), None)

    def step(self, held: Held, done: Attempt | None = None, known: Known | None = None) -> Attempt | None:
        return self.store.write(lambda tx: lanes.step(tx, held, self.hospitals[held.org], done, known))

    def send(self, *outcomes: Known) -> list[bytes]:
        """Sends what is ready; the first tries come to these outcomes, all further ones are taken. Gives what was on the wire."""
        waiting = list(outcomes)
        wire = []
        while (held := self.take_hold()) is not None:
            attempt = self.step(held)
            while attempt is not None:
                known = waiting.pop(0) if waiting else TAKEN
                if known.outcome != "not_sent":
                    wire.append(attempt.body)
                attempt = self.step(held, attempt, known)
        return wire

    # --- looking ---

    def deliveries(self, *columns: str, org: str = "") -> list[Any]:
        wanted = [t.delivery.c[name] for name in columns or ("message", "kind", "version", "state")]
        statement = sa.select(*wanted).where(t.delivery.c.org == (org or self.hospital.org)).order_by(t.delivery.c.id)
        return [tuple(row) if len(wanted) > 1 else row[0] for row in self.store.read(lambda tx: tx.all(statement))]

    def rows(self, table: sa.Table, *where: Any) -> list[dict[str, Any]]:
        found = self.store.read(lambda tx: tx.all(sa.select(table).where(*where).order_by(*table.primary_key.columns)))
        return [dict(row._mapping) for row in found]

    def events(self, kind: str) -> list[dict[str, Any]]:
        found = self.rows(t.event, t.event.c.kind == kind)
        return [{**row, **msgspec.json.decode(row["facts"])} for row in found]

    def state(self, id_: int) -> str:
        return next(row["state"] for row in self.rows(t.delivery, t.delivery.c.id == id_))


class Clock:
    """The time that a test sets, in ms."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self, connection: sa.Connection) -> int:
        return self.now

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds


def kinds(wire: Iterable[bytes]) -> list[str]:
    """The kinds that messages on the wire were written as."""
    return [message.split(b"|")[2].decode() for message in wire]
