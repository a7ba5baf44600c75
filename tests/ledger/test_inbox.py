"""The inbox, asked for much at once and grown long."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from segwright.ledger import inbox
from segwright.ledger.inbox import Arrival
from segwright.ledger.store import Store, Tx
from tests.statements import heard


def arrival(number: int, *, control_id: str = "SAME", constant_ids: bool = False) -> Arrival:
    body = b"body %d" % number
    return Arrival(
        org="mercy", listener="l", sender="A|B", control_id=control_id, type="ORM^O01", hash=hashlib.sha256(body).hexdigest(),
        body=body, state="taken", code="AA", answer=b"answer %d" % number, reason="", clash=lambda: b"", constant_ids=constant_ids,
    )  # fmt: skip


def keep(store: Store, arrivals: Sequence[Arrival]) -> list[str]:
    return [kept.how for kept in store.write(lambda tx: inbox.keep(tx, arrivals))]


def test_however_many_come_at_once_are_kept_together(store):
    many = [arrival(number, control_id=f"M{number}") for number in range(1200)]
    assert set(keep(store, many)) == {"fresh"}
    assert set(keep(store, many)) == {"repeated"}


def test_row_25_where_control_ids_are_constant_only_the_same_bytes_are_a_repeat(store):
    first, second = (arrival(number, constant_ids=True) for number in (1, 2))
    assert keep(store, [first, second, first]) == ["fresh", "fresh", "repeated"]
    assert keep(store, [second]) == ["repeated"]
    assert keep(store, [arrival(3)]) == ["clash"]  # once the sender's ids are said to tell one from another


def test_where_control_ids_are_constant_no_earlier_message_is_read_for_the_next(store):
    keep(store, [arrival(number, constant_ids=True) for number in range(300)])
    asked: list[tuple[str, Any]] = []

    def look(tx: Tx) -> list[str]:
        with heard(store) as statements:
            known = inbox._known(tx, [arrival(7, constant_ids=True), arrival(1000, constant_ids=True)])
        assert [len(rows) for rows in known.values()] == [1]
        asked.extend((sql, values) for sql, values in statements if "inbox" in sql)
        ((sql, values),) = asked
        explain = "EXPLAIN QUERY PLAN " if tx.is_sqlite else "EXPLAIN "
        if not tx.is_sqlite:
            tx.connection.exec_driver_sql("ANALYZE inbox")
            tx.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # three hundred are soon read
        return [str(row) for row in tx.connection.exec_driver_sql(explain + sql, values).all()]

    plan = "\n".join(store.write(look))
    assert "body_hash" in plan
    assert "ix_inbox_control" not in plan
