"""What a ledger recorded is given as inputs: orders as they came, and of each message what it was built from."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.recorded import recorded
from segwright.ledger.store import Store, Tx


def put(tx: Tx, table: sa.Table, **values: Any) -> int:
    """A row in which whatever is not given is empty."""
    given = dict(values)
    for column in table.columns:
        needed = (
            column.name not in given and not column.nullable and column.server_default is None and column.name != "id"
        )
        if needed:
            given[column.name] = {"VARCHAR": "", "BLOB": b"", "BYTEA": b"", "BOOLEAN": True}.get(
                str(column.type.compile(tx.connection.dialect)), 0
            )
    found = tx.connection.execute(table.insert().values(**given))
    key = found.inserted_primary_key
    assert key is not None
    return int(key[0])


def filled(tx: Tx) -> None:
    order = put(tx, t.inbox, org="mercy", type="ORM^O01", control_id="1", body=b"MSH|order", state="taken", at=1_000)
    put(tx, t.inbox, org="mercy", type="ORM^O01", control_id="2", body=b"MSH|bad", state="refused", at=1_500)
    case = put(tx, t.case_, org="mercy", opened_at=1_000)
    put(tx, t.order_, org="mercy", case_id=case, part=1, inbox_id=order)
    lane = put(tx, t.lane, org="mercy", destination="outbound")
    for number, (version, document) in enumerate(((1, b"{1}"), (2, b"{2}")), 1):
        revision = put(
            tx, t.revision, org="mercy", case_id=case, result_id="R", version=version, kind="final", document=document
        )
        if version == 2:
            put(tx, t.signoff, revision_id=revision, document=b"{2, signed}")
            put(tx, t.signoff, revision_id=revision, document=b"{2, withdrawn}", withdrawn_at=9)
        delivery = put(
            tx, t.delivery, org="mercy", lane_id=lane, destination="outbound", message="ecg_result", case_id=case, part=1,
            kind="final", version=version, revision_id=revision,
        )  # fmt: skip
        put(
            tx,
            t.build,
            delivery_id=delivery,
            number=1,
            org="mercy",
            destination="outbound",
            control_id=f"C{number}",
            live=True,
            at=2_000 * number,
        )
        put(
            tx,
            t.build,
            delivery_id=delivery,
            number=2,
            org="mercy",
            destination="outbound",
            control_id=f"D{number}",
            live=False,
            at=2_000 * number,
        )


@pytest.fixture
def store(database: str):
    opened = Store(database)
    opened.write(filled)
    yield opened
    opened.close()


def test_orders_that_were_taken_and_messages_that_live_are_inputs_the_youngest_first(store):
    found = store.read(recorded)
    assert [
        (each.way, each.at, each.message or each.type, each.control_id, each.order, each.subject) for each in found
    ] == [
        ("written", 4_000, "ecg_result", "C2", b"MSH|order", b"{2, signed}"),
        ("written", 2_000, "ecg_result", "C1", b"MSH|order", b"{1}"),
        ("read", 1_000, "ORM^O01", "", b"MSH|order", None),
    ]


def test_only_so_many_and_none_that_are_older(store):
    assert [each.at for each in store.read(lambda tx: recorded(tx, last=1))] == [4_000]
    assert [each.at for each in store.read(lambda tx: recorded(tx, since=2_000))] == [4_000, 2_000]
