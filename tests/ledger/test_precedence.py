"""What the engine does itself goes before what visitors ask for, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from segwright.ledger import store as store_module
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import VISITORS, Store, Tx, Unavailable


@pytest.fixture
def sqlite(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    yield store
    store.close()


def named(done: list[str], name: str) -> Callable[[Tx], None]:
    def function(tx: Tx) -> None:
        tx.insert_new(t.setting, name=name, value="1")
        done.append(name)

    return function


def held_up(store: Store, *functions: tuple[Callable[[Tx], None], bool]) -> list[object]:
    """What comes of them, all of which came while the writer was busy. With each: whether it is a visitor's."""

    async def run() -> list[object]:
        gate, begun = threading.Event(), threading.Event()

        def busy(tx: Tx) -> None:
            begun.set()
            assert gate.wait(10)

        first = store.soon(busy)
        assert await asyncio.to_thread(begun.wait, 10)
        waiting = [store.soon(function, visitor=visitor) for function, visitor in functions]
        gate.set()
        await first
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)

    return asyncio.run(run())


def test_the_writer_runs_what_the_engine_writes_before_what_visitors_wrote_earlier(sqlite):
    done: list[str] = []
    visitors = [(named(done, f"visitor {number}"), True) for number in range(3)]
    assert held_up(sqlite, *visitors, (named(done, "sent"), False), (named(done, "received"), False)) == [None] * 5
    assert done == ["sent", "received", "visitor 0", "visitor 1", "visitor 2"]


def test_visitors_do_not_fill_a_commit_that_the_engine_waits_for(sqlite, monkeypatch):
    monkeypatch.setattr(store_module, "VISITORS_FOR", 0)
    commits = 0
    writer = sqlite._sole_writer

    def counted():
        nonlocal commits
        commits += 1
        return writer()

    monkeypatch.setattr(sqlite, "_sole_writer", counted)
    done: list[str] = []
    visitors = [(named(done, f"visitor {number}"), True) for number in range(4)]
    assert held_up(sqlite, *visitors, (named(done, "sent"), False)) == [None] * 5
    assert done[0] == "sent"
    assert done[1:] == [f"visitor {number}" for number in range(4)], "each is done, in order"
    assert commits == 1 + 4, "the one that was busy; then one of a visitor each, the first with what the engine wrote"
    kept = sqlite.read(lambda tx: [row.name for row in tx.all(sa.select(t.setting.c.name))])
    assert sorted(kept) == sorted(done)


def test_when_nothing_can_be_written_everybody_who_waits_is_told(sqlite, monkeypatch):
    monkeypatch.setattr(store_module, "VISITORS_FOR", 0)

    def broken(tx: Tx) -> None:
        raise sa.exc.OperationalError("", {}, Exception("the disk is full"))

    told = held_up(sqlite, *((lambda tx: None, True) for _ in range(3)), (broken, False))
    assert [type(one) for one in told] == [Unavailable] * 4
    sqlite.write(lambda tx: tx.insert_new(t.setting, name="later", value="1"))


def test_what_waits_when_the_store_is_closed_is_still_written(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "VISITORS_FOR", 0)
    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    done: list[str] = []

    async def run() -> None:
        waiting = [store.soon(named(done, f"visitor {number}"), visitor=True) for number in range(5)]
        await asyncio.to_thread(store.close)
        await asyncio.wait_for(asyncio.gather(*waiting), 30)

    asyncio.run(run())
    assert len(done) == 5


def test_visitors_who_keep_the_database_busy_leave_the_engine_its_own_way_in(store):
    """As many as may look at once, and twice as many behind them; on PostgreSQL they write, too."""

    async def run() -> None:
        gate = threading.Event()

        def looks(tx: Tx) -> None:
            tx.all(sa.select(t.setting))
            assert gate.wait(30)

        looking = [store.look(looks) for _ in range(VISITORS)]
        looking += [store.look(looks) for _ in range(VISITORS)]
        if not store.is_sqlite:
            looking += [store.soon(looks, visitor=True) for _ in range(VISITORS)]
        for number in range(3):
            await asyncio.wait_for(store.soon(named([], f"sent {number}")), 20)
        assert not any(one.done() for one in looking)
        gate.set()
        await asyncio.wait_for(asyncio.gather(*looking), 30)

    asyncio.run(run())


def test_a_transaction_knows_whether_it_gave_a_lane_something_to_send(world):
    w = world()
    w.order()
    told: list[bool] = []
    w.store.write(lambda tx: told.append(tx.woke))
    before = w.store.submit

    def watched(function):
        def then(tx: Tx):
            given = function(tx)
            told.append(tx.woke)
            return given

        return before(then)

    w.store.submit = watched
    w.result("final")
    assert told == [False, True]
