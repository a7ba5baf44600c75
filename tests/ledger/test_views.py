"""What is looked at is found by an index, however long the ledger is, and never by another organisation's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from segwright.ledger import studies, views
from segwright.ledger import tables as t
from segwright.ledger.store import Store, Tx
from segwright.ledger.tables import DECIDED, OPEN
from tests.ledger.conftest import with_tables
from tests.statements import heard

ORG, OTHER = "mercy", "grace"
ROWS = 4000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A ledger of two organisations in which almost everything is done, as it is after a while. Tests only look at it."""

    def fill(tx: Tx) -> None:
        inbox, cases, orders, lanes, revisions, deliveries, events, worklist = ([] for _ in range(8))
        for number in range(1, ROWS + 1):
            org = ORG if number % 2 else OTHER
            open_ = number % 400 in (1, 2)
            state = OPEN[number // 400 % len(OPEN)] if open_ else DECIDED[number % 2]
            inbox.append({
                "id": number, "org": org, "listener": "l", "sender": "s", "control_id": str(number), "type": "ORM^O01", "body_hash": "h",
                "body": b"", "state": ("stored" if number % 400 == 1 and number > ROWS // 2 else "quarantined") if open_ else "taken", "code": "AA", "answer": b"", "reason": "", "at": number,
            })  # fmt: skip
            cases.append({"id": number, "org": org, "opened_at": number})
            orders.append({
                "id": number, "org": org, "case_id": number, "part": 1, "placer": f"P{number}", "filler": "",
                "state": "open" if open_ else "completed", "document": b"{}", "patient": b"{}", "inbox_id": number, "at": number,
                "changed_at": number,
            })  # fmt: skip
            revisions.append({
                "id": number, "org": org, "case_id": number, "result_id": f"R{number}", "version": 1, "kind": "final",
                "pathway": "order", "content": "c", "document": b"{}", "actor": "api", "at": number,
            })  # fmt: skip
            deliveries.append({
                "id": number, "org": org, "lane_id": 1 if org == ORG else 2, "destination": "outbound", "message": "m",
                "case_id": number, "part": 1, "kind": "final", "version": 1, "revision_id": number, "seq": number, "state": state,
                "plan": "p", "at": number,
            })  # fmt: skip
            worklist.append({
                "id": number, "org": org, "result_id": f"R{number}", "case_id": number, "revision_id": number,
                "state": "waiting" if open_ else ("signed", "done")[number // 2 % 2], "urgency": number % 3, "at": number,
                "signed_at": number,
            })  # fmt: skip
            events.append({
                "id": number, "chain": f"org:{org}", "number": (number + 1) // 2, "org": org, "kind": "order", "case_id": number,
                "delivery_id": number, "actor": "", "facts": f'{{"order":{number}}}', "at": number, "hash": "",
            })  # fmt: skip
        for number, org in enumerate((ORG, OTHER), 1):
            lanes.append({"id": number, "org": org, "destination": "outbound"})
        for table, rows in (
            (t.inbox, inbox), (t.case_, cases), (t.order_, orders), (t.lane, lanes), (t.revision, revisions),
            (t.delivery, deliveries), (t.event, events), (t.study, worklist),
        ):  # fmt: skip
            tx.run(sa.insert(table), rows)
        if tx.connection.dialect.name == "postgresql":
            tx.connection.exec_driver_sql("ANALYZE")
        else:
            tx.connection.exec_driver_sql("ANALYZE main")

    store = Store(with_tables(request, tmp_path_factory.mktemp("filled")))
    store.write(fill)
    yield store
    store.close()


def plans_of(store: Store, look) -> list[str]:
    """The query plans of every statement that a view runs, as the database explains them."""
    with heard(store) as statements:
        store.read(look)
    plans = []
    prefix = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
    with store.engine.begin() as connection:
        for statement, parameters in statements:
            if not statement.lstrip().upper().startswith("SELECT"):
                continue
            rows = connection.exec_driver_sql(prefix + statement.replace(" FOR SHARE", ""), parameters).all()
            plans.append(statement + "\n" + "\n".join(str(row[-1]) for row in rows))
    return plans


LOOKS = {
    "open deliveries": lambda tx: views.deliveries(tx, ORG, states=OPEN),
    "deliveries in one state": lambda tx: views.deliveries(tx, ORG, states=["rejected"]),
    "a page of all deliveries": lambda tx: views.deliveries(tx, ORG, before=3000),
    "one delivery": lambda tx: views.delivery(tx, ORG, 2001),
    "deliveries of a result": lambda tx: views.deliveries_of_result(tx, ORG, "R2001"),
    "deliveries of an order": lambda tx: [
        views.deliveries_of_order(tx, ORG, one) for one in views.orders(tx, ORG, after=2000, limit=1)
    ],
    "revisions": lambda tx: views.revisions(tx, ORG, "R2001"),
    "suppressed": lambda tx: views.suppressed(tx, ORG, "R2001"),
    "open orders": lambda tx: views.orders(tx, ORG, state="open"),
    "a page of orders": lambda tx: views.orders(tx, ORG, after=3000),
    "changes of orders": lambda tx: views.order_changes(tx, ORG, 1900, 10),
    "lanes": lambda tx: views.lanes_of(tx, ORG),
    "quarantine": lambda tx: views.quarantined(tx, ORG),
    "counts": lambda tx: views.standing(tx, ORG),
    "what waits for a signature": lambda tx: studies.waiting(tx, ORG, after=(1, 5)),
    "how much waits for a signature": lambda tx: studies.how_many(tx, ORG),
    "what was signed": lambda tx: studies.signed(tx, ORG, before=(3000, 0)),
    "what one has begun": lambda tx: studies.begun(tx, ORG, 1),
    "what a worklist shows": lambda tx: [studies.documents(tx, studies.waiting(tx, ORG)), studies.orders(tx, [1, 3])],
    "studies of a patient": lambda tx: studies.of_cases(tx, ORG, [1, 3, 5]),
}
SMALL = (
    "lane",
    "stop",
    "installed",
    "suppressed",
    "signoff",
    "head",
    "draft",
    "anon_1",  # what a subquery gave, not a table
)  # tables that do not grow with traffic, or are empty here


@pytest.mark.parametrize("name", LOOKS)
def test_no_view_reads_a_whole_table(filled, name):
    scan = r"\bSCAN (?!.*USING)(\w+)" if filled.is_sqlite else r"Seq Scan on (\w+)"
    for plan in plans_of(filled, LOOKS[name]):
        read = set(re.findall(scan, plan.split("\n", 1)[1])) - set(SMALL)
        assert not read, plan


ONLY_OPEN = {
    "open deliveries": ["ix_delivery_org_open"], "deliveries in one state": ["ix_delivery_org_open"],
    "open orders": ["ix_order_open"], "lanes": ["ix_delivery_org_open"], "quarantine": ["ix_inbox_quarantined"],
    "counts": ["ix_delivery_org_open", "ix_order_open", "ix_inbox_stored", "ix_inbox_quarantined"],
    "what waits for a signature": ["ix_study_waiting"], "how much waits for a signature": ["ix_study_waiting"],
    "what was signed": ["ix_study_signed"],
}  # fmt: skip
"""Views of what is open, and the indexes that hold nothing else: their cost does not grow with what is done."""


@pytest.mark.parametrize("name", ONLY_OPEN)
def test_what_is_open_is_found_without_passing_what_is_done(filled, name):
    plans = "\n".join(plans_of(filled, LOOKS[name]))
    for index in ONLY_OPEN[name]:
        assert index in plans, plans


def test_every_view_shows_only_its_organisations_rows(filled):
    def look(tx: Tx) -> None:
        assert {one.id % 2 for one in views.deliveries(tx, ORG, limit=500)} == {1}
        assert {one.id % 2 for one in views.orders(tx, ORG, limit=500)} == {1}
        assert {one.id % 2 for one in views.quarantined(tx, ORG)} == {1}
        assert {one.order.id % 2 for one in views.order_changes(tx, ORG, 0, 50)[0]} == {1}
        assert [one.id for one in views.lanes_of(tx, ORG)] == [1]
        assert [views.delivery(tx, ORG, 2), views.order(tx, ORG, 2), views.arrived(tx, ORG, 2)] == [None] * 3
        assert [*views.revisions(tx, ORG, "R2"), *views.deliveries_of_result(tx, ORG, "R2")] == []
        assert (views.standing(tx, ORG).orders, views.standing(tx, OTHER).orders) == (10, 10)

    filled.read(look)


def test_pages_hold_everything_once(filled):
    def look(tx: Tx) -> None:
        seen, after = [], 0
        while page := views.orders(tx, ORG, after=after, limit=70):
            seen += [one.id for one in page]
            after = page[-1].id
        assert seen == list(range(1, ROWS, 2))
        changed, cursor = [], 0
        while True:
            found, cursor_ = views.order_changes(tx, ORG, cursor, 70)
            changed += [one.order.id for one in found]
            if cursor_ == cursor:
                break
            cursor = cursor_
        assert changed == seen
        down, before = [], 0
        while page_ := views.deliveries(tx, ORG, before=before, limit=70):
            down += [one.id for one in page_]
            before = page_[-1].id
        assert down == seen[::-1]

    filled.read(look)
