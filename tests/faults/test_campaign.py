"""A short campaign on each database: engines are killed and stopped, and the hospitals' files agree with the ledger."""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign, Outcome, Size, bundles, memory_folder, table
from tests.faults.points import POINTS
from tests.postgres import new_database


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


DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def run(compiled: Path, folder: Path, postgres: str) -> Callable[..., dict[str, Outcome]]:
    """`run(sqlite=(size, seed), postgresql=(size, seed))`: campaigns at the same time, for much of each is waiting for leases."""

    def running(**given: tuple[Size, int]) -> dict[str, Outcome]:
        async def together() -> list[Outcome]:
            campaigns = []
            for kind, (size, seed) in given.items():
                own = folder / f"{kind}-{seed}"
                own.mkdir()
                url = f"sqlite:///{own}/ledger.db" if kind == "sqlite" else new_database(postgres)
                campaigns.append(Campaign(url, own, compiled, size, seed=seed).run())
            return await asyncio.gather(*campaigns)

        return dict(zip(given, asyncio.run(together()), strict=True))

    return running


def test_a_process_may_end_at_every_named_point(run):
    size = Size(orders=100, kills=len(POINTS), stops=0, at_once=2, patient=True)
    reached: dict[str, set[str]] = {kind: set() for kind in DATABASES}
    for seed in (17, 18, 19):
        left = [kind for kind in DATABASES if reached[kind] < set(POINTS)]
        for kind, outcome in run(**dict.fromkeys(left, (size, seed))).items():
            assert not outcome.found.violations, f"{kind}: " + "\n".join(map(str, outcome.found.violations[:20]))
            assert not outcome.failures, outcome.failures[-3000:]
            reached[kind] |= set(outcome.kills)
    # A busy machine may need another story to come by all of them.
    assert reached == {kind: set(POINTS) for kind in DATABASES}


def test_killed_engines_lose_nothing_and_repeat_nothing_unseen(run):
    """On SQLite a server, on PostgreSQL a server and two workers."""
    with_workers = Size(SIZE.orders, SIZE.kills, SIZE.stops, workers=2)
    for outcome in run(sqlite=(SIZE, 2026), postgresql=(with_workers, 2027)).values():
        _clean(outcome)
