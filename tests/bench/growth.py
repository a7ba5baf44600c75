"""The row about a ledger that grows: what claiming the next message and the boards of operators cost when it holds millions of rows.

The ledger is made by SQL (`INSERT … SELECT`): twenty-two rows for each order with its result, over sixteen organisations. What is open
stays the same however long the ledger is: in each lane some messages that are ready, some that wait, are held, uncertain or
rejected; some orders that are open; some messages in quarantine. Times must then stay about the same too.

Every statement that is run is explained by the database. It must find what it wants by an index: reading a table from end to end, a
whole index of it, or all of an organisation in it is told as such (`faults`). An index of open things only (a partial index) may be
read whole. `tests/ledger/test_plans.py` fails on the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

from segwright.ledger import cases, feed, inbox, lanes, line, people, proposals, search, studies, tally, views
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Tx
from tests import statements
from tests.ledger.hospital import FakeHospital

Figures = dict[str, Any]

ROWS: Final = int(os.environ.get("SEGWRIGHT_BENCH_ROWS", "200000"))
"""Rows of the largest ledger, all tables together."""
STEPS: Final = (0.01, 0.1, 1.0)
ORGANISATIONS: Final = 16
PREFIX: Final = "hospital"
NAMES: Final = tuple(f"{PREFIX}{number}" for number in range(ORGANISATIONS))
OPEN: Final = 64
"""Open deliveries of an organisation, and its open orders."""
PIECE: Final = 100_000
"""Orders that are made in one transaction."""
EACH: Final = 22
"""Rows for each order."""
TURNS: Final = 15

SMALL: Final = frozenset({"due", "head", "installed", "lane", "plan", "setting", "stop", "tallied"})
"""Tables that have a row or a few for each organisation, however long the ledger is: they may be read whole."""
PARTIAL: Final = frozenset(
    str(index.name)
    for table in t.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)

NOW: Final = 1_772_000_000_000
LATER: Final = NOW + 10_000_000_000


class Stock(NamedTuple):
    """What a ledger is filled with: whose orders and results, what every document of a kind is, and in which states the open
    deliveries and the messages of their orders are, in turn. `sent`, `acknowledged`: the bytes of a delivery and of its answer;
    `patients`: orders that one patient has; `until`: when the last thing happened. The plain one holds nothing that anybody could
    read."""

    organisations: tuple[str, ...] = NAMES
    message: str = "result"
    plan: str = "p"
    address: str = "a"
    came: bytes = bytes(200)
    order: bytes = bytes(200)
    patient: bytes = bytes(200)
    result: bytes = bytes(200)
    signed: bytes = b"{}"
    sent: bytes = bytes(200)
    acknowledged: bytes = bytes(200)
    states: tuple[str, ...] = ("ready", "ready", "uncertain", "held", "waiting", "needs_decision", "rejected", "ready")
    arrivals: tuple[str, ...] = ("taken", "taken", "taken", "quarantined", "stored", "taken", "taken", "taken")
    studies: tuple[str, ...] = ("waiting", "signed", "waiting", "done")
    patients: int = 1
    until: int = LATER

    def blank(self) -> Stock:
        """The same with documents that nobody reads: for all but the newest, so that a long ledger fits on a disk."""
        return Stock(
            self.organisations, self.message, self.plan, self.address, patients=self.patients, until=self.until
        )


# --- making it ----------------------------------------------------------------------------------------------------------------

_NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"


def _in_turn(values: Sequence[str], of: str) -> str:
    """SQL: one of these texts, by a number."""
    if len(values) == 1:
        return f"'{values[0]}'"
    return (
        f"CASE ({of}) % {len(values)} " + " ".join(f"WHEN {at} THEN '{one}'" for at, one in enumerate(values)) + " END"
    )


def _bytes(value: bytes, *, sqlite: bool) -> str:
    """SQL: bytes."""
    return f"X'{value.hex()}'" if sqlite else f"decode('{value.hex()}', 'hex')"


def _statements(first: int, last: int, stock: Stock, *, sqlite: bool) -> Iterator[str]:
    """One `INSERT … SELECT` for each table: orders `first` to `last`, each with a result that was delivered and came a second time by
    another pathway."""
    many = len(stock.organisations)
    org, lane, message = _in_turn(stock.organisations, "i"), f"1 + i % {many}", f"'{stock.message}'"
    came, order, patient, result, signed, sent, acknowledged = (
        _bytes(one, sqlite=sqlite)
        for one in (
            stock.came, stock.order, stock.patient, stock.result, stock.signed, stock.sent, stock.acknowledged,
        )
    )  # fmt: skip
    numbers = _NUMBERS.format(first=first, last=last)
    at = f"{stock.until - (LATER - NOW)} + i"

    def into(table: str, columns: str, values: str) -> str:
        return f"INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM n"

    yield into(
        "inbox", "id, org, listener, sender, control_id, type, body_hash, body, state, code, answer, reason, at",
        f"i, {org}, 'l', 's', 'M' || i, 'ORM^O01', 'h', {came}, 'taken', 'AA', {acknowledged}, '', {at}",
    )  # fmt: skip
    yield into("case_", "id, org, opened_at, closed_at", f"i, {org}, {at}, {at}")
    yield into("alias", "org, kind, assigner, value, case_id", f"{org}, 'placer', 'HEARTEHR', 'P' || i, i")
    yield into("alias", "org, kind, assigner, value, case_id", f"{org}, 'result', '', 'R' || i, i")
    yield into("person", "org, digest, case_id", f"{org}, 'd' || (i / {stock.patients}), i")
    yield into(
        "proposal", "id, org, act, reason, actor, state, second, at",
        f"i, {org}, {acknowledged}, 'why', 'a', 'done', 'b', {at}",
    )  # fmt: skip
    yield into(
        "tally", "org, lane_id, slot, what, within, count",
        f"{org}, {lane}, {stock.until // tally.SLOT} - i / {many}, 'taken', 1000, 1",
    )  # fmt: skip
    yield into(
        "order_", "id, org, case_id, part, placer, filler, state, document, patient, inbox_id, at, changed_at",
        f"i, {org}, i, 1, 'P' || i || '^HEARTEHR', '', 'completed', {order}, {patient}, i, {at}, {at}",
    )  # fmt: skip
    yield into(
        "revision", "id, org, case_id, result_id, version, kind, pathway, content, document, actor, at",
        f"i, {org}, i, 'R' || i, 1, 'final', 'order', 'c', {result}, 'a', {at}",
    )  # fmt: skip
    yield into(
        "delivery",
        "id, org, lane_id, destination, message, case_id, part, kind, version, revision_id, seq, state, plan, tries, at, decided_at",
        f"i, {org}, {lane}, 'outbound', {message}, i, 1, 'final', 1, i, ({at}) * 1000, 'confirmed', '{stock.plan}', 1,"
        f" {at}, {at}",
    )  # fmt: skip
    yield into(
        "build", "id, delivery_id, number, org, destination, control_id, body, body_hash, plan, address, reason, live, at",
        f"i, i, 1, {org}, 'outbound', 'B' || i, {sent}, 'h', '{stock.plan}', '{stock.address}', 'first build', true, {at}",
    )  # fmt: skip
    yield into(
        "attempt", "id, build_id, delivery_id, lane_id, number, fence, holder, opened_at, closed_at, outcome",
        f"i, i, i, {lane}, 1, 1, 'h', {at}, {at}, 'confirmed'",
    )  # fmt: skip
    yield into(
        "answer", "id, org, attempt_id, code, body, how, at", f"i, {org}, i, 'AA', {acknowledged}, 'in time', {at}"
    )
    yield into(
        "suppressed", "id, org, case_id, delivery_id, result_id, version, kind, pathway, content, reason, actor, at",
        f"i, {org}, i, i, 'R' || i, 1, 'final', 'platform', 'c', 'duplicate', 'a', {at}",
    )  # fmt: skip
    yield into(
        "signoff", "id, revision_id, shown, content, document, plans, actor, at",
        f"i, i, 's', 'c', {signed}, '{{}}', 'a', {at}",
    )  # fmt: skip
    yield into(
        "study", "id, org, result_id, case_id, revision_id, state, urgency, at, signed_at, signer",
        f"i, {org}, 'R' || i, i, i, 'signed', 2, {at}, {at}, 'a'",
    )  # fmt: skip
    yield into(
        "occurrence", "id, org, case_id, part, status, document, at", f"i, {org}, i, 1, 'accepted', {order}, {at}"
    )
    for kind, number in (("stored", 0), ("order", 1), ("revision", 2)):
        yield into(
            "event", "id, chain, number, org, kind, case_id, actor, facts, at, hash",
            f"5 * i + {number}, 'org:' || {org}, 3 * (i / {many}) + {number + 1}, {org}, '{kind}', i, '',"
            f" '{{\"order\":' || i || '}}', {at}, 'h'",
        )  # fmt: skip
    for kind, number in (("attempt", 3), ("confirmed", 4)):
        yield into(
            "event", "id, chain, number, org, kind, case_id, delivery_id, actor, facts, at, hash",
            f"5 * i + {number}, 'lane:' || ({lane}), 2 * (i / {many}) + {number - 2}, {org}, '{kind}', i, i,"
            f" '', '{{}}', {at}, 'h'",
        )  # fmt: skip


def _opened(last: int, stock: Stock) -> Iterator[str]:
    """Makes the last orders of each organisation open, each in the state that its number says."""
    many = len(stock.organisations)
    where, turn = f"id > {last - OPEN * many}", f"id / {many}"
    yield f"UPDATE delivery SET state = {_in_turn(stock.states, turn)}, decided_at = 0 WHERE {where}"
    yield f"UPDATE order_ SET state = 'open' WHERE {where}"
    yield f"UPDATE case_ SET closed_at = 0 WHERE {where}"
    yield f"UPDATE study SET state = {_in_turn(stock.studies, turn)} WHERE {where}"
    yield f"UPDATE inbox SET state = {_in_turn(stock.arrivals, turn)} WHERE {where}"


def _closed(last: int, stock: Stock) -> Iterator[str]:
    """Takes that back, before the ledger grows on."""
    where = f"id > {last - OPEN * len(stock.organisations)}"
    yield f"UPDATE delivery SET state = 'confirmed', decided_at = at WHERE {where}"
    yield f"UPDATE order_ SET state = 'completed' WHERE {where}"
    yield f"UPDATE case_ SET closed_at = opened_at WHERE {where}"
    yield f"UPDATE study SET state = 'signed' WHERE {where}"
    yield f"UPDATE inbox SET state = 'taken' WHERE {where}"


def _base(stock: Stock) -> Iterator[str]:
    for number, org in enumerate(stock.organisations):
        yield f"INSERT INTO lane (id, org, destination) VALUES ({number + 1}, '{org}', 'outbound')"
        yield f"INSERT INTO due (lane_id, at) VALUES ({number + 1}, {NOW})"
        yield f"INSERT INTO installed (org, bundle, policy, destinations, kinds, at) VALUES ('{org}', 'b', 'p', '{{}}', '{{}}', 0)"


def _heads(last: int, stock: Stock) -> Iterator[str]:
    many = len(stock.organisations)
    yield "DELETE FROM head"
    yield "DELETE FROM tallied"
    for number, org in enumerate(stock.organisations):
        yield f"INSERT INTO head (chain, number, hash) VALUES ('org:{org}', {3 * (last // many + 2)}, 'h')"
        yield f"INSERT INTO head (chain, number, hash) VALUES ('lane:{number + 1}', {2 * (last // many + 2)}, 'h')"
        yield f"INSERT INTO tallied (chain, number) VALUES ('org:{org}', {3 * (last // many) - 30})"
        yield f"INSERT INTO tallied (chain, number) VALUES ('lane:{number + 1}', {2 * (last // many) - 30})"


class Grown:
    """A ledger that is made longer and longer, each order with one delivery."""

    def __init__(self, store: Store, stock: Stock | None = None) -> None:
        self.store = store
        self.stock = stock = stock or Stock()
        self.orders = 0
        self._run(_base(stock))

    def _run(self, statements: Iterator[str]) -> None:
        with self.store.engine.connect() as connection:
            if not self.store.is_sqlite:
                connection.exec_driver_sql("SET session_replication_role = replica")  # rows are right by construction
            for statement in statements:
                connection.exec_driver_sql(statement if self.store.is_sqlite else statement.replace("%", "%%"))
            connection.commit()
            if not self.store.is_sqlite:
                connection.exec_driver_sql("SET session_replication_role = origin")
                connection.commit()

    def grow(self, rows: int) -> None:
        """To so many rows, all tables together."""
        stock = self.stock
        wanted = max(rows // EACH, 2 * OPEN * len(stock.organisations))
        if self.orders:
            self._run(_closed(self.orders, stock))
        while self.orders < wanted:  # a piece at a time, so that no transaction is endless
            last = min(wanted, self.orders + PIECE)
            self._run(
                _statements(
                    self.orders + 1, last, stock if last == wanted else stock.blank(), sqlite=self.store.is_sqlite
                )
            )
            self.orders = last
        self._run(_opened(self.orders, stock))
        self._run(_heads(self.orders, stock))
        if not self.store.is_sqlite:
            self._run(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name} HAVING max(id) > 0"
                for table in t.metadata.sorted_tables
                if "id" in table.c
            )
            with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")


# --- what is asked --------------------------------------------------------------------------------------------------------------

Question = Callable[[Tx], object]


class _Undo(Exception):
    """What was written is not kept."""


def questions(orders: int) -> dict[str, Question]:
    """What is run and timed, by name, in a ledger of so many orders. Whatever writes is undone."""
    hospitals = {org: FakeHospital(org, plan="p") for org in NAMES}
    for one in hospitals.values():
        one.where = "a"
    org = f"{PREFIX}3"
    middle = orders // 2 // ORGANISATIONS * ORGANISATIONS + 3  # a delivered one of this organisation
    last = orders // ORGANISATIONS * ORGANISATIONS - ORGANISATIONS + 3  # an open one

    def claim(tx: Tx) -> object:
        return lanes.acquire(tx, "bench", 30_000, hospitals)

    def opens(tx: Tx) -> object:
        (held,) = lanes.acquire(tx, "bench", 30_000, hospitals)
        attempt = lanes.step(tx, held, hospitals[held.org], None, None)
        assert attempt is not None
        return lanes.step(tx, held, hospitals[held.org], attempt, lanes.Known("confirmed", "AA", "AA", b"MSA|AA"))

    def number_of(tx: Tx) -> views.Order:
        found = views.order(tx, org, middle)
        assert found is not None
        return found

    return {
        "claim: a lane": claim,
        "claim: a lane, its next message, the outcome, the one after it": opens,
        "claim: nothing to do for these organisations": lambda tx: lanes.acquire(
            tx, "bench", 30_000, {"elsewhere": hospitals[org]}
        ),
        "late acknowledgement": lambda tx: lanes.answered_elsewhere(
            tx, hospitals[org], f"B{middle}", "confirmed", "AA", "AA", b"MSA|AA"
        ),
        "overdue confirmations": lanes.unconfirmed,
        "stored messages: whose": inbox.waiting,
        "stored messages of an organisation": lambda tx: inbox.stored(tx, org),
        "a case by its number": lambda tx: cases.find(tx, org, [cases.Name("placer", "HEARTEHR", f"P{middle}")]),
        "a chain": lambda tx: line.links(tx, middle, 4),
        "board: lanes": lambda tx: views.lanes_of(tx, org),
        "board: what stands open (metrics)": lambda tx: views.standing(tx, org),
        "board: newest deliveries": lambda tx: views.deliveries(tx, org),
        "board: a page further down": lambda tx: views.deliveries(tx, org, before=middle),
        "board: deliveries that need a decision": lambda tx: views.deliveries(tx, org, states=["needs_decision"]),
        "board: all that is open": lambda tx: views.deliveries(tx, org, states=t.OPEN),
        "board: deliveries that were sent": lambda tx: views.deliveries(tx, org, states=["confirmed"]),
        "board: deliveries that are void (there are none)": lambda tx: views.deliveries(tx, org, states=["void"]),
        "board: a message that was never sent": lambda tx: views.deliveries(tx, org, message="ecg_charge"),
        "board: orders": lambda tx: views.orders(tx, org),
        "board: open orders": lambda tx: views.orders(tx, org, state="open"),
        "board: cancelled orders (there are none)": lambda tx: views.orders(tx, org, state="cancelled"),
        "board: quarantine": lambda tx: views.quarantined(tx, org),
        "an order with its deliveries": lambda tx: views.deliveries_of_order(tx, org, number_of(tx)),
        "a result with its deliveries": lambda tx: (
            views.revisions(tx, org, f"R{middle}"),
            views.deliveries_of_result(tx, org, f"R{middle}"),
        ),
        "what was suppressed of a result": lambda tx: views.suppressed(tx, org, f"R{middle}"),
        "board: what was suppressed lately": lambda tx: views.recently_suppressed(tx, org),
        "the story of a delivery": lambda tx: views.story(tx, hospitals[org], middle),
        "the story of one that is open": lambda tx: views.story(tx, hospitals[org], last),
        "search: an order's number": lambda tx: search.find(tx, org, f"P{middle}"),
        "search: a control id of ours": lambda tx: search.find(tx, org, f"B{middle}"),
        "search: a control id of theirs": lambda tx: search.find(tx, org, f"M{middle}"),
        "search: a patient's number": lambda tx: search.find(tx, org, "4711", patients=True),
        "the cases of a patient": lambda tx: people.cases_of_patient(tx, org, b'{"mrn":{"id":"4711"}}', 50),
        "figures: the last day, by the hour": lambda tx: tally.series(
            tx, org, None, [LATER - hour * 3_600_000 for hour in range(24, -1, -1)]
        ),
        "figures: the last month, by the day": lambda tx: tally.series(
            tx, org, None, [LATER - day * 86_400_000 for day in range(30, -1, -1)]
        ),
        "figures: what is not counted yet": tally.advance,
        "feed: what changed": lambda tx: feed.changes(
            tx, {chain: number - 30 for chain, number in feed.ends(tx).items()}
        ),
        "proposals": lambda tx: proposals.waiting(tx, org),
        "studies: what waits": lambda tx: studies.waiting(tx, org),
        "studies: what waits, a page further down": lambda tx: studies.waiting(tx, org, after=(2, middle)),
        "studies: how much waits": lambda tx: studies.how_many(tx, org),
        "studies: what an account has begun": lambda tx: studies.begun(tx, org, 1),
        "studies: what was signed": lambda tx: studies.signed(tx, org),
        "studies: one with its orders and documents": lambda tx: (
            studies.study(tx, org, middle),
            studies.orders(tx, [middle]),
            studies.documents(tx, studies.of_cases(tx, org, [middle])),
        ),
        "studies: of a patient's cases": lambda tx: studies.of_cases(tx, org, range(middle, middle + 13)),
        "studies: of a patient who has no others": lambda tx: studies.of_cases(tx, org, []),
        "studies: one is opened": lambda tx: studies.hold(tx, org, middle, 1),
        "studies: what was chosen": lambda tx: studies.draft(tx, org, f"R{middle}", 1),
        "changes of orders, at the end": lambda tx: views.order_changes(tx, org, 3 * (orders // ORGANISATIONS) - 30),
    }


def _asked(store: Store, question: Question) -> None:
    def run(tx: Tx) -> None:
        question(tx)
        tx.journal.flush(tx)
        raise _Undo

    try:
        store.write(run)
    except _Undo:
        return


# --- how it is answered -----------------------------------------------------------------------------------------------------------


_LOOKS: Final = re.compile(r"\s*(SELECT\b.*\bFROM|UPDATE|DELETE)\b", re.DOTALL)
"""A statement that looks for rows in a table."""


def plans(store: Store, question: Question) -> list[tuple[str, list[str]]]:
    """Each different statement of a question that looks for something, with the database's plan of it, a line a step."""
    with statements.heard(store) as heard:
        _asked(store, question)
    explain = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
    found = {}
    with store.engine.connect() as connection:
        for statement, parameters in heard:
            if statement in found or not _LOOKS.match(statement):
                continue
            rows = connection.exec_driver_sql(explain + statement, parameters).all()
            found[statement] = [row[3] if store.is_sqlite else row[0] for row in rows]
        connection.rollback()
    return list(found.items())


def faults(statement: str, plan: list[str]) -> list[str]:
    """The steps of a plan that read a long table, a whole index of it, or all of an organisation in it. What is read by the page, in
    the order of its index, stops when the page is full. PostgreSQL says less of its steps: there a table must not be read whole."""
    out = []
    paged = "LIMIT" in statement and not any("TEMP B-TREE" in step for step in plan)
    for step in plan:
        read = re.match(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?(.*)", step)
        if read and read[2] in t.metadata.tables and read[2] not in SMALL and read[3] not in PARTIAL:
            if read[1] == "SCAN" or (read[4].strip() == "(org=?)" and not paged):
                out.append(step)
        elif (found := re.search(r"Seq Scan on (\w+)", step)) and found[1] not in SMALL:
            out.append(step.strip())
    return out


# --- the row ----------------------------------------------------------------------------------------------------------------------


def growth() -> Figures:
    """Both databases, ever longer."""
    from tests import postgres

    figures: Figures = {}
    with TemporaryDirectory(dir=os.environ.get("SEGWRIGHT_BENCH_FOLDER")) as name:
        figures |= _grown(f"sqlite:///{Path(name) / 'grown.db'}", "SQLite")
    with postgres.server() as url:
        figures |= _grown(postgres.new_database(url), "PostgreSQL")
    return figures


def _grown(url: str, what: str) -> Figures:
    store = Store(url, clock=lambda connection: LATER)
    upgrade(store)
    grown = Grown(store)
    taken: dict[str, list[dict[str, float]]] = {}
    sizes = []
    for step in STEPS:
        grown.grow(int(ROWS * step))
        sizes.append(grown.orders * EACH)
        for name, question in questions(grown.orders).items():
            _asked(store, question)
            taken.setdefault(name, []).append(_spread(lambda q=question: _asked(store, q)))  # type: ignore[misc]
    print(
        f"\ncost in a ledger that grows, {what}: ms (least of {TURNS}) with "
        + ", ".join(f"{size:,}" for size in sizes)
        + " rows"
    )
    for name, found in taken.items():
        print(
            f"  {name:62} "
            + " ".join(f"{one['minimum']:9.2f}" for one in found)
            + f"   × {found[-1]['minimum'] / found[0]['minimum']:.1f}"
        )
    told = {}
    wrong = []
    print(f"\nplans, {what}, {sizes[-1]:,} rows")
    for name, question in questions(grown.orders).items():
        for statement, plan in plans(store, question):
            if statement in told:
                continue
            told[statement] = plan
            print(f"  {name}: {_short(statement)}")
            for line_ in plan:
                print(f"      {line_}")
            wrong += [f"{name}: {step}" for step in faults(statement, plan)]
    store.close()
    for fault in wrong:
        print(f"  READS EVERYTHING  {fault}")
    if not wrong:
        print(f"  none of {len(told)} statements reads a long table, or a whole index of it, from end to end")
    return {
        f"growing ledger, {what}": {
            "rows": sizes,
            "ms": taken,
            "reads_everything": wrong,
            "plans": {_short(statement): plan for statement, plan in told.items()},
        }
    }


def _spread(job: Callable[[], None]) -> dict[str, float]:
    taken = []
    for _ in range(TURNS):
        start = perf_counter()
        job()
        taken.append((perf_counter() - start) * 1000)
    return {"median": median(taken), "minimum": min(taken), "maximum": max(taken)}


def _short(statement: str) -> str:
    """A statement on one line, without its list of columns."""
    line_ = " ".join(statement.split())
    return re.sub(r"^SELECT .* FROM ", "SELECT … FROM ", line_)
