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


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def server(tmp_path: Path, database: str, bundles: Path) -> Iterator[Server]:
    """A server of the test's own, on each database."""
    made = Server(tmp_path, database, bundles).start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory, bundles: Path) -> Iterator[Server]:
    """One server on SQLite for tests that do not disturb each other."""
    folder = tmp_path_factory.mktemp("server")
    made = Server(folder, f"sqlite:///{folder / 'ledger.db'}", bundles).start()
    yield made
    made.close()
