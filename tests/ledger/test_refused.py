"""What the database refuses for what it is, is told from a database that cannot write, and fails alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from segwright.ledger import prepared
from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared
from segwright.ledger.store import Tx, Unfit

ADD = Prepared(sa.insert(t.setting))


def test_what_the_database_refuses_is_told_from_a_database_that_is_gone_and_fails_alone(store):
    """On SQLite those that share a commit share its end, too."""
    deep = Prepared(sa.select(t.setting.c.name).where(prepared.any_of((t.setting.c.name,), 2000)))

    def refused(tx: Tx) -> None:
        name = "a" if tx.is_sqlite else "a\0"
        if tx.is_sqlite:
            tx.all(deep, {f"name_{number}": "x" for number in range(2000)})
        tx.tell(ADD, {"name": name, "value": ""})

    def other(tx: Tx) -> None:
        tx.tell(ADD, {"name": "other", "value": ""})

    together = [store.submit(refused), store.submit(other)]
    with pytest.raises(Unfit):
        together[0].result()
    together[1].result()
    assert store.read(lambda tx: tx.all(sa.select(t.setting.c.name).where(t.setting.c.name.in_(["a", "other"])))) == [
        ("other",)
    ]


def test_a_part_that_the_database_refuses_is_undone_alone(store):
    def write(tx: Tx) -> None:
        tx.tell(ADD, {"name": "before", "value": ""})
        with pytest.raises(sa.exc.DBAPIError), tx.undone_alone():  # noqa: PT012 - told first, refused later
            tx.tell(ADD, {"name": "undone", "value": ""})
            tx.tell(ADD, {"name": "before" if tx.is_sqlite else "a\0", "value": ""})
        tx.tell(ADD, {"name": "after", "value": ""})

    store.write(write)
    found = store.read(lambda tx: tx.all(sa.select(t.setting.c.name).order_by(t.setting.c.name)))
    assert [row.name for row in found if row.name in ("before", "undone", "after")] == ["after", "before"]
