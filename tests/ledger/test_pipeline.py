"""What is asked and told is sent together, and still nothing is lost, nothing is kept by half and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import sqlalchemy as sa

from segwright.ledger import lanes
from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared
from segwright.ledger.pipeline import Pipeline
from segwright.ledger.store import Store, Tx, Unavailable
from tests.ledger.hospital import LEASE, TAKEN, FakeHospital, World
from tests.postgres import new_database
from tests.statements import heard

NAMES = Prepared(sa.select(t.setting.c.name).order_by(t.setting.c.name))


class _Undo(Exception):
    pass


@pytest.fixture
def postgresql(postgres: str, migrated_database: str) -> Iterator[Store]:
    store = Store(new_database(postgres, template=migrated_database), connections=3)
    yield store
    store.close()


def names(store: Store) -> list[str]:
    return store.read(lambda tx: [row.name for row in tx.all(NAMES)])


def keep(tx: Tx, name: str) -> None:
    tx.add_new(t.setting, [{"name": name, "value": ""}])


def tell(tx: Tx, name: str) -> None:
    """Not waited for; a name that is there is an error."""
    tx.tell(Prepared(sa.insert(t.setting)), {"name": name, "value": ""})


def end_sessions(store: Store) -> None:
    """What a restart of the server does to connections that lie idle."""
    url = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# --- how often it is waited ------------------------------------------------------------------------------------------------


def test_a_message_waits_seven_times_for_postgresql(postgresql):
    w = World(postgresql, FakeHospital())
    for number in range(3):
        w.order(f"A{number}")
        w.result("final", 1, placer=f"A{number}", result=f"R{number}")
    held = w.take_hold()
    assert held is not None
    attempt = w.step(held)
    with heard(postgresql) as statements:
        assert w.step(held, attempt, TAKEN) is not None
    assert statements.trips == 7
    assert statements[0][0] == "BEGIN"
    assert statements[-1][0] == "COMMIT"


def test_a_look_at_the_ledger_waits_for_it_and_for_its_end(postgresql):
    with heard(postgresql) as statements:
        assert names(postgresql) == []
    assert statements.trips == 2


def test_what_is_told_is_seen_by_what_is_asked_after_it(store):
    def write(tx: Tx) -> list[str]:
        before = tx.ask(NAMES)
        tell(tx, "told")
        after = tx.ask(NAMES)
        through_sqlalchemy = [row.name for row in tx.all(sa.select(t.setting.c.name))]
        assert (before.rows(), through_sqlalchemy) == ([], ["told"])
        return [row.name for row in after.rows()]

    assert store.write(write) == ["told"]


def test_lanes_are_taken_several_at_once_and_no_lane_by_two(store, world):
    hospitals = [FakeHospital(f"h{number}") for number in range(5)]
    w = world(*hospitals)
    for hospital in hospitals:
        w.order(org=hospital.org)
        w.result("final", org=hospital.org)

    def take(most: int) -> list[str]:
        return [held.org for held in store.write(lambda tx: lanes.acquire(tx, "w", LEASE, w.hospitals, most))]

    assert [take(2), take(8), take(8)] == [["h0", "h1"], ["h2", "h3", "h4"], []]


# --- what fails ------------------------------------------------------------------------------------------------------------


def test_what_is_told_and_fails_undoes_its_part_and_no_other(store):
    def write(tx: Tx) -> list[str]:
        tell(tx, "first")
        refused = False
        try:
            with tx.undone_alone():
                tell(tx, "second")
                tell(tx, "first")
        except sa.exc.IntegrityError:
            refused = True
        assert refused
        tell(tx, "third")
        return [row.name for row in tx.all(NAMES)]

    assert store.write(write) == ["first", "third"]
    assert names(store) == ["first", "third"]


@pytest.mark.parametrize("look", [False, True], ids=["before anything of it was sent", "after it was sent"])
def test_parts_within_parts_are_undone_one_by_one(store, look):
    def undone(tx: Tx, name: str, inner: Callable[[], None] = lambda: None) -> None:
        with suppress(_Undo), tx.undone_alone():
            tell(tx, name)
            inner()
            if look:
                tx.all(NAMES)
            raise _Undo

    def kept(tx: Tx, name: str, inner: Callable[[], None]) -> None:
        with tx.undone_alone():
            tell(tx, name)
            inner()

    def write(tx: Tx) -> None:
        tell(tx, "a")
        kept(tx, "b", lambda: undone(tx, "c"))
        undone(tx, "d", lambda: kept(tx, "e", lambda: undone(tx, "f")))
        undone(tx, "g", lambda: undone(tx, "h"))
        tell(tx, "i")

    store.write(write)
    assert names(store) == ["a", "b", "i"]


def test_a_statement_that_was_told_last_and_fails_keeps_nothing(store):
    def write(tx: Tx) -> None:
        keep(tx, "kept")
        tell(tx, "kept")

    with pytest.raises(AssertionError, match="a constraint of the ledger"):
        store.write(write)
    assert names(store) == []
    assert store.write(lambda tx: keep(tx, "after")) is None
    assert names(store) == ["after"]


def test_statements_stay_prepared_through_parts_that_are_undone(postgresql):
    def write(tx: Tx) -> None:
        for number in range(3):
            with suppress(_Undo), tx.undone_alone():
                keep(tx, f"undone {number}")
                raise _Undo
            keep(tx, f"kept {number}")

    for _ in range(2):
        postgresql.write(write)
    assert names(postgresql) == ["kept 0", "kept 1", "kept 2"]


# --- a connection that is lost ------------------------------------------------------------------------------------------------


def test_connections_that_were_lost_while_they_lay_idle_are_replaced_and_nobody_is_told(postgresql):
    blocked = [postgresql.submit(lambda tx: tx.connection.exec_driver_sql("SELECT pg_sleep(0.2)")) for _ in range(3)]
    for one in blocked:
        one.result(10)
    end_sessions(postgresql)
    for number in range(4):
        postgresql.write(lambda tx, n=number: keep(tx, f"name {n}"))
    end_sessions(postgresql)
    assert len(names(postgresql)) == 4


def test_a_transaction_that_was_begun_when_its_connection_was_lost_is_not_begun_again(postgresql):
    runs: list[int] = []

    def write(tx: Tx) -> None:
        runs.append(1)
        keep(tx, "half")
        end_sessions(postgresql)
        tell(tx, "whole")

    with pytest.raises(Unavailable):
        postgresql.write(write)
    assert (len(runs), names(postgresql)) == (1, [])


def test_a_transaction_whose_commit_was_not_answered_is_not_done_again(postgresql):
    runs: list[int] = []
    exchange = Pipeline._exchange

    def cut(self: Pipeline, sending: Any) -> None:
        exchange(self, sending)
        if sending[-1].sql == "COMMIT" and runs:
            self._driver.close()  # the answer was lost, for all that the caller can know
            raise self._error("lost")

    def write(tx: Tx) -> None:
        runs.append(1)
        tell(tx, "kept")  # nothing is asked: BEGIN and COMMIT would share one exchange

    with patch.object(Pipeline, "_exchange", cut), pytest.raises(Unavailable):
        postgresql.write(write)
    assert (len(runs), names(postgresql)) == (1, ["kept"])
