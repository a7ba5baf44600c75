"""Migrations: they make exactly the tables that the engine knows, and take them away again, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from segwright.ledger.migrate import WrongVersion, downgrade, newest, ready, upgrade, version
from segwright.ledger.store import Store
from segwright.ledger.tables import metadata
from tests.postgres import new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """A store on a database without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    opened = Store(url)
    yield opened
    opened.close()


def test_migrations_make_the_tables_that_the_engine_knows(empty):
    assert version(empty) == ""
    with pytest.raises(WrongVersion, match="none"):
        ready(empty)
    upgrade(empty)
    ready(empty)
    with empty.engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_what_waits_is_put_in_its_new_order_and_back(empty):
    """Version 6: a study with a critical value comes first; what orders want is counted from 1 on."""
    upgrade(empty, "0005")
    critical = b'{"measurements": [{"kind": "heart_rate"}, {"kind": "qtc_interval", "flag": "critical_high"}]}'
    documents = [
        (b'{"measurements": []}', "waiting", 0),
        (critical, "waiting", 2),
        (critical, "signed", 2),
        (b"no json", "waiting", 1),
    ]
    with empty.engine.begin() as connection:

        def run(statement: str, **values: object) -> None:
            connection.execute(sa.text(statement), values)

        for number, (document, state, urgency) in enumerate(documents, 1):
            run("INSERT INTO case_ (id, org, opened_at) VALUES (:n, 'mercy', 0)", n=number)
            run(
                "INSERT INTO revision (id, org, case_id, result_id, version, kind, pathway, content, document, actor, at)"
                " VALUES (:n, 'mercy', :n, :r, 1, 'preliminary', 'order', '', :d, '', 0)",
                n=number, r=f"R{number}", d=document,
            )  # fmt: skip
            run(
                "INSERT INTO study (org, result_id, case_id, revision_id, state, urgency, at)"
                " VALUES ('mercy', :r, :n, :n, :s, :u, 0)",
                n=number, r=f"R{number}", s=state, u=urgency,
            )  # fmt: skip

    def urgencies() -> list[int]:
        with empty.engine.begin() as connection:
            return [row.urgency for row in connection.execute(sa.text("SELECT urgency FROM study ORDER BY case_id"))]

    upgrade(empty)
    assert urgencies() == [1, 0, 3, 2]
    downgrade(empty, "0005")
    assert urgencies() == [0, 0, 2, 1]


def test_migrations_go_back_to_nothing_and_up_again(empty):
    upgrade(empty)
    downgrade(empty, "base")
    with empty.engine.begin() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    upgrade(empty)
    assert version(empty) == newest()
