"""Stores for the tests: every test of the ledger runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store
from tests.ledger.hospital import Clock, FakeHospital, World
from tests.postgres import new_database


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables in it, to be copied: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "ledger.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres: str) -> str:
    """The same in PostgreSQL: the name of a database to be used as a template."""
    url = new_database(postgres)
    _migrate(url)
    return str(sa.make_url(url).database)


def _migrate(url: str) -> None:
    store = Store(url)
    upgrade(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database with the tables in it."""
    return with_tables(request, tmp_path)


def with_tables(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new database of the kind that a fixture is asked for."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "ledger.db")
        return f"sqlite:///{folder / 'ledger.db'}"
    return new_database(request.getfixturevalue("postgres"), template=request.getfixturevalue("migrated_database"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: str, clock: Clock) -> Iterator[Store]:
    opened = Store(database, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def world(store: Store) -> Callable[..., World]:
    """`world()` is one hospital that takes everything at once; `world(hospital, …)` is these."""
    return lambda *hospitals: World(store, *(hospitals or (FakeHospital(),)))
