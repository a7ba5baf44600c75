"""Servers on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import new_database
from tests.web.servers import Server


def _started(folder: Path, kind: str, request: pytest.FixtureRequest, bundles: Path) -> Server:
    """A server on a new database."""
    sqlite = kind == "sqlite"
    database = f"sqlite:///{folder / 'ledger.db'}" if sqlite else new_database(request.getfixturevalue("postgres"))
    return Server(folder, database, bundles).start()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory, bundles: Path) -> Iterator[Server]:
    """A server on each database, for tests that do not disturb each other."""
    made = _started(tmp_path_factory.mktemp("server"), request.param, request, bundles)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def own(request: pytest.FixtureRequest, tmp_path: Path, bundles: Path) -> Iterator[Server]:
    """A server of the test's own, on each database: to be stopped, killed, or to have hospitals that misbehave."""
    made = _started(tmp_path, request.param, request, bundles)
    yield made
    made.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory, request: pytest.FixtureRequest, bundles: Path) -> Iterator[Server]:
    """One server on SQLite, for what has nothing to do with the database."""
    made = _started(tmp_path_factory.mktemp("server"), "sqlite", request, bundles)
    yield made
    made.close()
