"""A short campaign on each database: engines are killed and stopped, and the hospitals' files agree with the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign, Size, bundles, memory_folder, table
from tests.faults.points import POINTS
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
    gc.collect()  # what a campaign left open is told here, not in some later test


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


def _database(kind: str, folder: Path, stack: contextlib.ExitStack) -> str:
    return f"sqlite:///{folder}/ledger.db" if kind == "sqlite" else new_database(stack.enter_context(server()))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_process_may_end_at_every_named_point(compiled, folder, kind):
    size = Size(orders=100, kills=len(POINTS), stops=0, at_once=2, patient=True)
    reached: set[str] = set()
    for seed in (17, 18, 19):
        with contextlib.ExitStack() as stack:
            run = folder / str(seed)
            run.mkdir()
            outcome = asyncio.run(Campaign(_database(kind, run, stack), run, compiled, size, seed=seed).run())
        assert not outcome.found.violations, "\n".join(map(str, outcome.found.violations[:20]))
        assert not outcome.failures, outcome.failures[-3000:]
        reached |= set(outcome.kills)
        if reached >= set(POINTS):  # a busy machine may need another story to come by all of them
            break
    assert reached == set(POINTS)


def test_a_killed_server_on_sqlite_loses_nothing_and_repeats_nothing_unseen(compiled, folder):
    _clean(asyncio.run(Campaign(f"sqlite:///{folder}/ledger.db", folder, compiled, SIZE, seed=2026).run()))


def test_killed_workers_on_postgresql_lose_nothing_and_repeat_nothing_unseen(compiled, folder):
    with server() as url:
        size = Size(SIZE.orders, SIZE.kills, SIZE.stops, workers=2)
        _clean(asyncio.run(Campaign(new_database(url), folder, compiled, size, seed=2027).run()))
