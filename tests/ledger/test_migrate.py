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


def test_migrations_go_back_to_nothing_and_up_again(empty):
    upgrade(empty)
    downgrade(empty, "base")
    with empty.engine.begin() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    upgrade(empty)
    assert version(empty) == newest()
