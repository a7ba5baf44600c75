"""Bundles of the reference hospitals, and servers on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import new_database
from tests.postgres import server as postgres_server
from tests.web.servers import DESTINATIONS, ROOT, Server


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> Path:
    """The bundles of the reference hospitals."""
    from segwright.service.bundling import write_bundles
    from segwright.service.compiling import compile_workspace

    folder = tmp_path_factory.mktemp("bundles")
    compiled = compile_workspace(ROOT, list(DESTINATIONS))
    for organisation in compiled.organisations.values():
        write_bundles(folder, organisation, compiled.sources)
    return Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


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
