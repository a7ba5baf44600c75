"""A cancellation against an attempt on PostgreSQL, two connections at the exact point: whoever locks the case first decides, and the
other sees it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from segwright.ledger import cases, lanes, operate, orders, results
from segwright.ledger import tables as t
from segwright.ledger.orders import Refusal
from tests.ledger.hospital import TAKEN, FakeHospital, World
from tests.postgres import new_database

WHY = operate.By("ops", "a test")


class Pause:
    """A place inside a transaction: `reached` says that one is there, `go_on` lets it commit."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.go_on.wait(20)


@pytest.fixture
def two(postgres):
    """The same ledger through two stores, with a final result that is ready."""
    from segwright.ledger.migrate import upgrade
    from segwright.ledger.store import Store

    url = new_database(postgres)
    stores = Store(url), Store(url)
    upgrade(stores[0])
    hospital = FakeHospital()
    worlds = [World(store, hospital) for store in stores]
    worlds[0].order()
    worlds[0].result("final")
    with ThreadPoolExecutor(2) as pool:
        yield *worlds, pool
    for store in stores:
        store.close()


def _cancel(w: World, pause=lambda: None):
    def cancel(tx):
        case = cases.lock(tx, w.rows(t.case_)[0]["id"])
        orders.cancel(tx, w.hospital, case.id, 1)
        pause()

    return w.store.write(cancel)


def _attempt(w: World, held, pause=lambda: None):
    def step(tx):
        opened = lanes.step(tx, held, w.hospital, None, None)
        pause()
        return opened

    return w.store.write(step)


def _is_waiting(future) -> bool:
    """Whether it waits for the other's lock (it would be done long since)."""
    try:
        future.result(timeout=0.5)
    except TimeoutError:
        return True
    return False


def test_an_attempt_that_is_being_opened_makes_the_cancellation_wait_and_come_too_late(two):
    one, other, pool = two
    held = one.take_hold()
    pause = Pause()
    attempt = pool.submit(_attempt, one, held, pause)
    assert pause.reached.wait(20)
    cancellation = pool.submit(_cancel, other)
    assert _is_waiting(cancellation)
    pause.go_on.set()
    assert attempt.result(20) is not None
    with pytest.raises(Refusal) as refused:
        cancellation.result(20)
    assert refused.value.code == "too_late"
    assert one.deliveries("state") == ["sending"]


def test_a_cancellation_that_is_being_done_makes_the_attempt_wait_and_find_nothing(two):
    one, other, pool = two
    held = one.take_hold()
    pause = Pause()
    cancellation = pool.submit(_cancel, other, pause)
    assert pause.reached.wait(20)
    attempt = pool.submit(_attempt, one, held)
    assert _is_waiting(attempt)
    pause.go_on.set()
    cancellation.result(20)
    assert attempt.result(20) is None
    assert one.deliveries("state") == ["void"]
    assert one.rows(t.attempt) == []


@pytest.mark.parametrize("what", ["signature", "hold", "stop"])
def test_whatever_shuts_a_gate_and_the_attempt_never_both_win(postgres, what):
    """A signature taken back, a delivery held, a kind stopped, each while the attempt is being opened on another connection."""
    from segwright.ledger.migrate import upgrade
    from segwright.ledger.store import Store

    url = new_database(postgres)
    first, second = Store(url), Store(url)
    upgrade(first)
    hospital = FakeHospital(gates={"preliminary": "yes", "final": "after sign-off", "corrected": "after sign-off"})
    one, other = World(first, hospital), World(second, hospital)
    one.order()
    one.result("final")
    one.sign()
    first.write(
        lambda tx: tx.insert_new(
            t.installed, org=hospital.org, bundle="", policy="", destinations="", kinds="", at=tx.now
        )
    )
    number = one.deliveries("id")[0]
    acts = {
        "signature": lambda tx: results.withdraw_signature(tx, hospital, "R1", "dr", "the wrong one"),
        "hold": lambda tx: operate.hold(tx, hospital, number, WHY),
        "stop": lambda tx: operate.stop(tx, hospital.org, "kind", "result/final", WHY),
    }
    held = one.take_hold()
    pause = Pause()

    def shut(tx):
        acts[what](tx)
        pause()

    try:
        with ThreadPoolExecutor(2) as pool:
            shutting = pool.submit(other.store.write, shut)
            assert pause.reached.wait(20)
            attempt = pool.submit(_attempt, one, held)
            assert _is_waiting(attempt)
            pause.go_on.set()
            shutting.result(20)
            assert attempt.result(20) is None
        assert one.deliveries("state") == ["held"]
        assert one.rows(t.attempt) == []
    finally:
        first.close()
        second.close()


def test_a_lane_is_claimed_while_the_case_of_what_was_in_flight_becomes_part_of_another(two):
    """Whoever claims it after its holder died waits for the case, and finds the delivery where it is by then."""
    one, other, pool = two
    one.order("B1")
    one.result("final", 2, placer="B1", result="R2")
    held = one.store.write(lambda tx: lanes.acquire(tx, "dead", 1, one.hospitals))[0]
    first = one.step(held)
    in_flight = one.step(held, first, TAKEN)  # the second case's, which is about to become part of the first
    assert in_flight is not None
    assert b"order B1" in in_flight.body
    one.store.write(lambda tx: tx.set(t.lane, held.lane, lease_until=0))
    pause = Pause()

    def merge(tx):
        kept, gone = (cases.lock(tx, row["id"]) for row in one.rows(t.case_))
        cases.merge(tx, kept, gone)
        pause()

    merging = pool.submit(one.store.write, merge)
    assert pause.reached.wait(20)
    claiming = pool.submit(other.take_hold, "w2")
    assert _is_waiting(claiming)
    pause.go_on.set()
    merging.result(20)
    assert claiming.result(20) is not None
    assert one.deliveries("case_id", "state") == [(first.case, "confirmed"), (first.case, "uncertain")]
    assert {event["case_id"] for event in one.events("uncertain")} == {first.case}
