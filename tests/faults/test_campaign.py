"""A short campaign on each database: engines are killed and stopped, and the hospitals' files agree with the ledger."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign, Size, bundles, memory_folder, table
from tests.postgres import new_database, server


@pytest.fixture(scope="module")
def compiled() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield bundles(Path(folder))


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="segwright-faults-", dir=memory_folder()))
    yield made
    shutil.rmtree(made)


SIZE = Size(orders=300, kills=40, stops=6)
"""About 2,000 messages: 350 about orders, 700 results and signatures, 1,000 that arrive at hospitals."""


def _clean(outcome) -> None:
    print(table([outcome]))
    assert not outcome.found.violations, f"seed {outcome.seed}:\n" + "\n".join(map(str, outcome.found.violations[:20]))
    assert not outcome.failures, (
        f"seed {outcome.seed}: a process met an exception that nobody caught:\n{outcome.failures[-3000:]}"
    )
    assert sum(outcome.kills.values()) >= SIZE.kills
    assert outcome.found.counts["arrivals"] > 600


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_server_on_sqlite_loses_nothing_and_repeats_nothing_unseen(compiled, folder):
    _clean(asyncio.run(Campaign(f"sqlite:///{folder}/ledger.db", folder, compiled, SIZE, seed=2026).run()))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_killed_workers_on_postgresql_lose_nothing_and_repeat_nothing_unseen(compiled, folder):
    with server() as url:
        size = Size(SIZE.orders, SIZE.kills, SIZE.stops, workers=2)
        _clean(asyncio.run(Campaign(new_database(url), folder, compiled, size, seed=2027).run()))
