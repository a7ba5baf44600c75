"""The ledger's questions are answered by its indexes, however long it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Store
from tests.bench import growth


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_statement_of_the_claim_or_of_a_board_reads_a_long_table_or_an_organisation_from_end_to_end(database: str):
    # SQLite's plans do not depend on how much there is: it has no statistics. PostgreSQL's are looked at by `make bench`.
    store = Store(database, clock=lambda connection: growth.LATER)
    grown = growth.Grown(store)
    grown.grow(0)
    wrong = []
    seen = set()
    for name, question in growth.questions(grown.orders).items():
        for statement, plan in growth.plans(store, question):
            seen.add(statement)
            wrong += [f"{name}: {step}" for step in growth.faults(statement, plan)]
    store.close()
    assert wrong == []
    assert len(seen) > 50


def test_a_plan_that_reads_everything_is_seen_as_such():
    for statement, step in (
        ("SELECT … FROM inbox", "SCAN inbox"),
        ("SELECT … FROM inbox", "SCAN inbox USING COVERING INDEX sqlite_autoindex_inbox_1"),
        ("SELECT … FROM delivery", "SEARCH delivery USING INDEX ix_delivery_org (org=?)"),
        ("SELECT … FROM event LIMIT 5", "  ->  Seq Scan on event  (cost=0.00..1.66 rows=1 width=8)"),
    ):
        assert growth.faults(statement, [step]) == [step.strip()]
    for statement, step in (
        ("SELECT … FROM inbox", "SCAN inbox USING INDEX ix_inbox_stored"),
        ("SELECT … FROM lane", "SCAN lane"),
        ("SELECT … FROM delivery LIMIT 50", "SEARCH delivery USING INDEX ix_delivery_org (org=?)"),
        ("SELECT … FROM delivery", "SEARCH delivery USING INDEX ix_delivery_case (case_id=?)"),
    ):
        assert growth.faults(statement, [step]) == []


def test_a_migrated_database_has_the_indexes_and_keys_that_the_tables_declare(database: str):
    engine = sa.create_engine(database)
    found, declared = _of_database(engine), _of_tables(engine.dialect.name)
    engine.dispose()
    assert found == declared


def _of_tables(dialect: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for table in t.metadata.sorted_tables:
        for index in table.indexes:
            where = index.dialect_options[dialect]["where"]
            out[str(index.name)] = (
                [column.name for column in index.columns],
                _words(str(where) if where is not None else ""),
            )
        for key in table.constraints:
            if isinstance(key, sa.UniqueConstraint):
                out[f"{table.name} {[column.name for column in key.columns]}"] = "unique"
    return out


def _of_database(engine: sa.Engine) -> dict[str, Any]:
    inspector = sa.inspect(engine)
    out: dict[str, Any] = {}
    for table in inspector.get_table_names():
        if table not in t.metadata.tables:
            continue
        for index in inspector.get_indexes(table):
            if "duplicates_constraint" not in index:
                where = index.get("dialect_options", {}).get(f"{engine.dialect.name}_where", "")
                out[str(index["name"])] = (index["column_names"], _words(str(where)))
        for key in inspector.get_unique_constraints(table):
            out[f"{table} {key['column_names']}"] = "unique"
    return out


def _words(condition: str) -> list[str]:
    """What a condition speaks of: PostgreSQL gives it back in other words (`= ANY (ARRAY[…])` for `IN (…)`)."""
    return re.findall(r"\w+", re.sub(r"::[a-z ]+(\[\])?|ANY|ARRAY|\bIN\b|\bAND\b", "", condition))
