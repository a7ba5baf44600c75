"""What HTTP says of the engine, which runs in a thread of its own: asked there, never guessed from the fact that HTTP answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from segwright.delivery.engine import Engine
from segwright.delivery.settings import Settings
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Tx
from segwright.web import health


class Running:
    """An engine in a thread of its own, as HTTP has it before it."""

    def __init__(self, store: Store) -> None:
        self.engine = Engine(Settings("test", "", ""), store, {}, environ={}, send=False, listen=False)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.do(self.engine.start())

    def do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(30)

    def close(self) -> None:
        self.do(self.engine.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
        self.loop.close()


@pytest.fixture
def running(tmp_path) -> Iterator[Running]:
    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    made = Running(store)
    yield made
    made.close()
    store.close()


def test_an_engine_whose_loop_stands_still_is_neither_alive_nor_ready_and_is_again_when_it_turns(running, monkeypatch):
    async def look() -> tuple[bool, health.Ready, str]:
        alive, ready = await health.alive(running.engine), await health.readiness(running.engine, stopping=False)
        return alive, ready, await health.metrics(running.engine, {})

    alive, ready, metrics = asyncio.run(look())
    assert (alive, ready.ready, ready.listeners) == (True, True, "yes")
    assert "segwright_engine_up 1" in metrics
    stands, go = threading.Event(), threading.Event()

    def stand_still() -> None:
        stands.set()
        go.wait(30)

    running.engine.tell(stand_still)
    assert stands.wait(10)
    monkeypatch.setattr(health, "WITHIN", 0.2)
    alive, ready, metrics = asyncio.run(look())
    go.set()
    assert (alive, ready.ready, ready.listeners) == (False, False, "no")
    assert "segwright_engine_up 0" in metrics
    monkeypatch.undo()
    alive, ready, _ = asyncio.run(look())
    assert (alive, ready.ready) == (True, True)


def test_what_is_asked_of_the_engine_is_done_in_its_loop_and_its_faults_come_back(running):
    async def ask() -> int:
        there: dict[str, str] = {}
        with pytest.raises(KeyError, match="not there"):
            await running.engine.ask(lambda: there["not there"])
        return await running.engine.ask(threading.get_ident)

    assert asyncio.run(ask()) == running.thread.ident != threading.get_ident()


def test_what_counts_says_is_as_it_was_when_it_was_asked(running):
    running.engine.counts.received["mercy", "message"] += 2
    copy = asyncio.run(running.engine.ask(running.engine.counts.copy))
    running.engine.counts.received["mercy", "message"] += 1
    assert copy.received["mercy", "message"] == 2


def test_a_write_of_http_stirs_the_senders_when_it_gave_a_lane_something_to_send_and_else_not(running, monkeypatch):
    stirred: list[int] = []
    monkeypatch.setattr(running.engine.workers, "stir", lambda: stirred.append(threading.get_ident()))

    async def write(woke: bool) -> int:
        def function(tx: Any) -> int:
            tx.woke = tx.woke or woke
            return 7

        given = await running.engine.write(function)
        await running.engine.ask(lambda: None)  # behind what was told before
        return given

    assert asyncio.run(write(False)) == 7
    assert stirred == []
    assert asyncio.run(write(True)) == 7
    assert stirred == [running.thread.ident]


def test_an_engine_that_has_ended_is_told_things_in_vain_and_nobody_fails(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    made = Running(store)
    made.close()
    made.engine.tell(lambda: None)

    def woke(tx: Tx) -> int:
        tx.woke = True
        return 3

    async def write() -> int:
        return await made.engine.write(woke)

    assert asyncio.run(write()) == 3
    store.close()


def test_an_engine_in_which_something_ended_that_should_run_is_not_alive(running):
    async def ends() -> None:
        running.engine._tasks.append(asyncio.ensure_future(asyncio.sleep(0)))
        await asyncio.sleep(0.05)

    assert asyncio.run(health.alive(running.engine))
    running.do(ends())
    assert not asyncio.run(health.alive(running.engine))


def test_an_engine_that_has_not_looked_for_work_for_long_is_not_alive(running, monkeypatch):
    monkeypatch.setattr(running.engine, "_send", True)
    assert asyncio.run(health.alive(running.engine))
    monkeypatch.setattr("segwright.delivery.sending.STUCK", -1.0)
    assert not asyncio.run(health.alive(running.engine))
