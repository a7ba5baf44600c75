"""Two at once: what happens when a cancellation meets an attempt, a worker meets a worker, a click meets a click. On PostgreSQL each of
the two has its own connection, and both are stopped at the very point where they could harm each other; on SQLite one of them waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from segwright.ledger import cases, gates, orders, results
from segwright.ledger import tables as t
from segwright.ledger.store import Store, Tx
from tests.ledger.hospital import LEASE, TAKEN, FakeHospital, World


class Meeting:
    """Lets a transaction stop where a test says, until it is let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.go = threading.Event()

    def wait(self) -> None:
        self.arrived.set()
        assert self.go.wait(10), "nobody let it go"


def at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, meeting: Meeting, thread: Callable[[], bool]) -> None:
    """Stops at the end of a function, once, in the thread that `thread` says is meant."""
    real = getattr(module, name)
    once = [True]

    def stopped(*arguments: Any, **named: Any) -> Any:
        given = real(*arguments, **named)
        if once and thread():
            once.clear()
            meeting.wait()
        return given

    monkeypatch.setattr(module, name, stopped)


@pytest.fixture
def postgres_world(postgres: str, migrated_database: str) -> Any:
    from tests.postgres import new_database

    store = Store(new_database(postgres, template=migrated_database))
    yield World(store, FakeHospital(status=False))
    store.close()


def in_thread(pool: ThreadPoolExecutor, name: str, act: Callable[[], Any]) -> Future[Any]:
    def run() -> Any:
        threading.current_thread().name = name
        return act()

    return pool.submit(run)


def outcome(future: Future[Any]) -> Any:
    try:
        return future.result(20)
    except Exception as error:  # noqa: BLE001 - whatever it was is what is asserted
        return error


def test_row_27_a_cancellation_against_an_attempt_that_is_about_to_commit(postgres_world, monkeypatch):
    w = postgres_world
    w.order()
    w.result("final")
    held = w.take_hold()
    meeting = Meeting()
    at(
        monkeypatch,
        gates,
        "shut",
        meeting,
        lambda: threading.current_thread().name.startswith("ledger") and not meeting.arrived.is_set(),
    )
    with ThreadPoolExecutor(2) as pool:
        attempt = pool.submit(lambda: w.step(held))
        assert meeting.arrived.wait(10)
        cancelled = pool.submit(lambda: w.order(control="cancel"))
        assert not cancelled.done()
        meeting.go.set()
        assert outcome(attempt) is not None
        assert isinstance(outcome(cancelled), orders.Refusal)
    assert w.deliveries("state") == ["sending"]
    assert w.rows(t.order_)[0]["state"] == "open"


def test_row_27_an_attempt_against_a_cancellation_that_is_about_to_commit(postgres_world, monkeypatch):
    w = postgres_world
    w.order()
    w.result("final")
    held = w.take_hold()
    meeting = Meeting()
    at(monkeypatch, orders, "happened", meeting, lambda: not meeting.arrived.is_set())
    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(lambda: w.order(control="cancel"))
        assert meeting.arrived.wait(10)
        attempt = pool.submit(lambda: w.step(held))
        meeting.go.set()
        assert outcome(cancelled) == [1]
        assert outcome(attempt) is None
    assert w.deliveries("state") == ["void"]
    assert w.rows(t.attempt) == []


def test_row_30_a_signature_taken_back_against_an_attempt(postgres_world, monkeypatch):
    w = postgres_world
    w.hospital.gates = {"final": "after sign-off"}
    w.order()
    w.result("final")
    w.sign()
    held = w.take_hold()
    meeting = Meeting()
    at(monkeypatch, gates, "shut", meeting, lambda: not meeting.arrived.is_set())
    with ThreadPoolExecutor(2) as pool:
        attempt = pool.submit(lambda: w.step(held))
        assert meeting.arrived.wait(10)
        taken_back = pool.submit(
            lambda: w.store.write(lambda tx: results.withdraw_signature(tx, w.hospital, "R1", "dr", "no"))
        )
        meeting.go.set()
        assert outcome(attempt) is not None
        assert outcome(taken_back) == (1,), "it is told that the result has left"


def test_row_33_two_clicks_at_once_make_one_delivery(store, world):
    w = world()
    w.order()
    with ThreadPoolExecutor(8) as pool:
        found = [future.result(20) for future in [pool.submit(w.result, "final", 1) for _ in range(16)]]
    assert sorted(taken.outcome for taken in found) == ["duplicate"] * 15 + ["new"]
    assert len(w.deliveries()) == 1
    assert len(w.send()) == 1


def test_row_35_many_workers_empty_many_lanes_and_nothing_goes_twice(store, world):
    hospitals = [FakeHospital(f"h{number}", status=True) for number in range(6)]
    w = world(*hospitals)
    for hospital in hospitals:
        for number in range(5):
            w.order(f"A{number}", org=hospital.org)
            w.result("final", 1, placer=f"A{number}", result=f"R{number}", org=hospital.org)
    wire: list[bytes] = []

    def work(name: str) -> None:
        while (held := w.take_hold(name)) is not None:
            attempt = w.step(held)
            while attempt is not None:
                wire.append(attempt.body)
                attempt = w.step(held, attempt, TAKEN)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(work, f"w{number}") for number in range(6)]:
            future.result(60)
    work("last")
    assert len(wire) == len(set(wire)) == 6 * 5 * 3
    assert {state for hospital in hospitals for state in w.deliveries("state", org=hospital.org)} == {"confirmed"}


def test_writes_that_wake_a_lane_are_never_missed_by_the_one_who_lets_go(store, world):
    """A worker that finds nothing and one who enqueues at the same moment: the lane is due afterwards."""
    w = world()
    for number in range(30):
        w.order(f"A{number}")
    sent: list[bytes] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sent.extend(w.send())

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work) for _ in range(2)]
        for number in range(30):
            w.result("final", 1, placer=f"A{number}", result=f"R{number}")
        stop.set()
        for worker in workers:
            worker.result(60)
    sent.extend(w.send())
    assert len(sent) == 30


def test_two_submissions_of_two_studies_that_are_one_end_in_one_case(store, world):
    w = world(FakeHospital(unsolicited=True))
    w.order()
    with ThreadPoolExecutor(4) as pool:
        for round_ in range(4):
            futures = [
                pool.submit(
                    w.result, "preliminary", round_ + 1, placer="", study="S1", result="RX", pathway="platform"
                ),
                pool.submit(w.result, "preliminary", round_ + 1, placer="A1", study="S1", result="RX"),
            ]
            for future in futures:
                outcome(future)
    open_cases = w.rows(t.case_, t.case_.c.merged_into.is_(None))
    assert len(open_cases) == 1
    versions = [row["version"] for row in w.rows(t.delivery, t.delivery.c.state != "void")]
    assert len(versions) == len(set(versions))


@pytest.mark.parametrize("second", ["order", "result"])
@pytest.mark.parametrize("first", ["order", "result"])
def test_two_who_open_a_case_for_the_same_new_number_open_one(postgres_world, monkeypatch, first, second):
    w = postgres_world
    w.hospital.unsolicited = True
    acts = {"order": lambda _: w.order("A1", filler="F"), "result": lambda result: by_its_filler(w, result)}
    meeting = Meeting()

    def sent(tx: Tx, *given: Any, **named: Any) -> Any:
        found = real(tx, *given, **named)
        if not meeting.arrived.is_set():
            tx.all(sa.select(t.alias.c.case_id))  # the names are in the database by now
            meeting.wait()
        return found

    real = cases.opened
    monkeypatch.setattr(cases, "opened", sent)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(acts[first], "R1")
        assert meeting.arrived.wait(10)
        other = pool.submit(acts[second], "R2")
        with pytest.raises(TimeoutError):
            other.result(0.5)
        meeting.go.set()
        one.result(20)
        other.result(20)
    live = [row["id"] for row in w.rows(t.case_, t.case_.c.merged_into.is_(None))]
    assert len(live) == 1
    assert {row["case_id"] for row in w.rows(t.alias)} == set(live)
    assert len(w.rows(t.order_)) == ("order" in (first, second))
    assert len(w.send()) == (1 if "result" in (first, second) else 0)


def by_its_filler(w: World, result: str) -> results.Taken:
    """A final result that knows its order by nothing but its filler number."""
    names = (cases.Name("filler", "", "F"),)
    revision = results.Revision(result, 1, "final", "platform", "-", b"final", names, "ai")
    return w.store.write(lambda tx: results.submit(tx, w.hospital, revision))


@pytest.mark.parametrize("aged", [False, True])
def test_whoever_uses_a_number_again_at_the_same_time_uses_it_for_the_same_case(
    postgres, migrated_database, monkeypatch, aged
):
    from tests.ledger.hospital import SECOND, Clock
    from tests.postgres import new_database

    clock = Clock()
    store = Store(new_database(postgres, template=migrated_database), clock=clock)
    w = World(store, FakeHospital(reuse_after=100 * SECOND))
    w.order("A1")
    w.result("final")
    w.send()
    clock.pass_((200 if aged else 1) * SECOND)
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(w.order, "A1") for _ in range(4)]:
            future.result(20)
    (name,) = w.rows(t.alias, t.alias.c.kind == "placer")
    assert name["case_id"] == (2 if aged else 1)
    assert [row["case_id"] for row in w.rows(t.order_)] == ([1, 2] if aged else [1])
    store.close()


def test_a_store_that_is_gone_says_so_and_nothing_is_half_done(tmp_path):
    from segwright.ledger.migrate import upgrade
    from segwright.ledger.store import Unavailable

    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    w = World(store, FakeHospital())
    w.order()
    blocker = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with blocker.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode")
    (tmp_path / "ledger.db").chmod(0o400)
    store.close()
    with pytest.raises(Unavailable):
        store.write(lambda tx: cases.find(tx, "mercy", []))


def test_what_one_function_of_a_shared_commit_raises_undoes_only_its_own_work(tmp_path):
    from segwright.ledger.migrate import upgrade

    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(store)
    gate = threading.Event()

    def slow(tx: Tx) -> None:
        gate.wait(10)

    def good(tx: Tx) -> None:
        tx.insert_new(t.setting, name="good", value="1")

    def bad(tx: Tx) -> None:
        tx.insert_new(t.setting, name="bad", value="1")
        raise KeyError("its own fault")

    first = store.submit(slow)
    together = [store.submit(function) for function in (good, bad, good)]
    gate.set()
    first.result(10)
    together[0].result(10)
    with pytest.raises(KeyError):
        together[1].result(10)
    together[2].result(10)
    assert [row.name for row in store.read(lambda tx: tx.all(sa.select(t.setting.c.name)))] == ["good"]
    store.close()
    assert LEASE > 0


def test_an_iterator_that_ends_where_nobody_expected_it_is_told_as_a_fault_and_keeps_nobody_waiting(store):
    """No future of asyncio takes a `StopIteration`: whoever waited for it would wait for ever."""

    async def ask() -> None:
        async with asyncio.timeout(10):
            with pytest.raises(RuntimeError):
                await store.soon(lambda tx: next(iter(())))
            assert await store.soon(lambda tx: 7) == 7

    asyncio.run(ask())
