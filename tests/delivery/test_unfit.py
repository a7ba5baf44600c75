"""What no database holds, and what the engine stumbles over, costs nobody but its sender; on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from segwright.delivery import intake
from segwright.delivery.live import Live
from segwright.delivery.reception import Answers, Reception
from segwright.ledger import orders, prepared
from segwright.ledger import tables as t
from segwright.ledger.hospital import NotWritten
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store
from tests.delivery.conftest import case
from tests.delivery.test_reception import CANCEL, ORDER, ORG, codes, rows, with_id
from tests.postgres import new_database

OTHER = "larkspur"
OTHERS = case(OTHER, "order_new", "order.hl7")
INCOMPRESSIBLE = Random(1).randbytes(3000).hex().encode()
"""An index holds less, also when PostgreSQL compresses it."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    on_sqlite = request.param == "sqlite"
    opened = Store(f"sqlite:///{tmp_path / 'l.db'}" if on_sqlite else new_database(request.getfixturevalue("postgres")))
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def log() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def receive(store: Store, lives: dict[str, Live], log: list[dict[str, Any]]) -> Callable[..., list[Answers]]:
    """Takes messages of organisations, all at once, and works them off."""

    def take(*messages: tuple[str, bytes]) -> list[Answers]:
        async def run() -> list[Answers]:
            reception = Reception(
                store, lives, lambda: None, lambda event, **facts: log.append({"event": event, **facts})
            )
            found = await asyncio.gather(*(reception.receive(org, message, "l") for org, message in messages))
            reception.work()
            await reception.stop()
            return list(found)

        return asyncio.run(run())

    return take


def with_field(message: bytes, number: int, value: bytes) -> bytes:
    """A message with another MSH-`number`."""
    line, end, rest = message.partition(b"\r")
    fields = line.split(b"|")
    fields[number - 1] = value
    return b"|".join(fields) + end + rest


def with_placer(message: bytes, number: bytes) -> bytes:
    """A message with another ORC-2."""
    placer = next(line for line in message.split(b"\r") if line.startswith(b"ORC")).split(b"|")[2]
    return message.replace(b"|" + placer + b"|", b"|" + number + b"|")


def with_tests(message: bytes, count: int) -> bytes:
    """A message with so many OBR under its ORC, each with numbers of its own."""
    head, _, rest = with_placer(message, b"").partition(b"\rOBR|")
    fields = rest.split(b"\r")[0].split(b"|")
    tests = [
        b"|".join([b"OBR", b"%d" % number, b"P%d^LVMCEHR" % number, b"F%d^LAB" % number, *fields[3:]])
        for number in range(1, count + 1)
    ]
    return b"\r".join([head, *tests]) + b"\r"


@pytest.mark.parametrize("number", [b"A\\X00\\B", INCOMPRESSIBLE, b"A^" + INCOMPRESSIBLE])
def test_an_order_under_a_number_that_no_ledger_holds_is_refused_and_the_next_ones_are_worked_off(
    receive, store, number
):
    assert codes(receive((ORG, with_placer(ORDER, number)))) == ["AE"]
    assert codes(receive((OTHER, OTHERS), (ORG, with_id(ORDER, b"NEXT")))) == ["CA", "AA"]
    assert rows(store, t.inbox, "state") == ["refused", "taken", "taken"]
    assert len(rows(store, t.order_, "id")) == 2


def test_an_order_of_more_tests_than_one_statement_asks_for_is_taken(receive, store):
    receive((OTHER, with_tests(OTHERS, 520)))
    assert rows(store, t.inbox, "state") == ["taken"]
    assert len(rows(store, t.order_, "id")) == 520


@pytest.fixture
def poison(store: Store, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An order that is accepted, and that the database itself refuses, were we not to see it coming."""
    if store.is_sqlite:
        monkeypatch.setattr(prepared, "MOST_KEYS", 10_000)
        return with_tests(OTHERS, 520)
    monkeypatch.setattr(intake, "_fits", lambda text: True)
    return with_placer(OTHERS, INCOMPRESSIBLE)


def test_an_accepted_order_that_the_database_refuses_is_quarantined_and_stops_nobody(receive, store, poison):
    cancelled = case(OTHER, "order_cancel", "order.hl7")
    answers = receive((OTHER, poison), (ORG, ORDER), (OTHER, with_id(OTHERS, b"NEXT")), (OTHER, cancelled))
    assert codes(answers) == ["CA", "AA", "CA", "CA"]
    found = rows(store, t.inbox, "state", "reason")
    assert [state for state, _ in found] == ["quarantined", "taken", "taken", "taken"]
    name = "OperationalError" if store.is_sqlite else "ProgramLimitExceeded"
    assert found[0][1] == f"the ledger cannot hold what is in it ({name})"
    assert sorted(rows(store, t.order_, "org", "state")) == [(OTHER, "cancelled"), (ORG, "open")]


def test_a_number_with_a_nul_is_quarantined_by_the_database_that_does_not_take_it(receive, store, monkeypatch):
    monkeypatch.setattr(intake, "_fits", lambda text: True)
    receive((ORG, with_placer(ORDER, b"A\\X00\\B")), (OTHER, OTHERS))
    assert rows(store, t.inbox, "state") == ["taken" if store.is_sqlite else "quarantined", "taken"]


def test_what_the_database_cannot_do_for_one_organisation_waits_is_told_and_stops_no_other(
    receive, store, log, monkeypatch
):
    real = orders.take

    def failing(tx: Any, hospital: Any, inbox: int, received: Any) -> list[int]:
        if hospital.org == ORG:
            error = sqlite3.OperationalError("disk I/O error")
            raise OperationalError("SELECT", None, error)
        return real(tx, hospital, inbox, received)

    monkeypatch.setattr("segwright.delivery.reception.orders.take", failing)
    receive((ORG, ORDER), (OTHER, OTHERS))
    assert rows(store, t.inbox, "org", "state") == [(ORG, "stored"), (OTHER, "taken")]
    told = [each for each in log if each["event"] == "orders not worked off"]
    assert {each.get("organisation") for each in told} == {None, ORG}
    assert all(each["reason"] == "OperationalError" for each in told)
    monkeypatch.undo()
    receive((OTHER, with_id(OTHERS, b"NEXT")))
    assert rows(store, t.inbox, "state") == ["taken"] * 3


@pytest.mark.parametrize(
    ("number", "value"),
    [(3, b"NG\0LAB"), (3, b"NGLAB^^^" + INCOMPRESSIBLE), (4, b"N" * 600), (9, b"ORM\0^O01"), (10, b"A\0B"), (10, INCOMPRESSIBLE)],
)  # fmt: skip
def test_row_19_a_header_that_no_ledger_holds_is_kept_as_it_came_and_costs_nobody_else(receive, store, number, value):
    bad = with_field(ORDER, number, value)
    answers = receive((ORG, bad), (OTHER, OTHERS))
    assert codes(answers) == ["AR" if b"\0" in value else "AE", "CA"]
    assert rows(store, t.inbox, "body", "state") == [
        (bad, "refused" if b"\0" in value else "quarantined"), (OTHERS, "taken")
    ]  # fmt: skip
    assert receive((ORG, bad))[0].frames == answers[0].frames
    assert len(rows(store, t.inbox, "id")) == 2


def test_two_control_ids_that_no_index_holds_stay_two(receive, store):
    receive(*((ORG, with_field(ORDER, 10, INCOMPRESSIBLE + end)) for end in (b"1", b"2")))
    assert len(set(rows(store, t.inbox, "control_id"))) == 2
    assert rows(store, t.inbox, "reason") == ["MSH-10 is longer than 500 bytes or holds a control character"] * 2


def test_row_22_a_cancellation_that_the_engine_stumbles_over_costs_nobody_who_came_with_it(
    receive, store, log, monkeypatch
):
    real = orders.take

    def stumbling(tx: Any, hospital: Any, inbox: int, received: Any) -> list[int]:
        if received.groups[0][0].control == "cancel":
            raise NotWritten(("a fault of ours",))
        return real(tx, hospital, inbox, received)

    monkeypatch.setattr("segwright.delivery.reception.orders.take", stumbling)
    answers = receive((ORG, ORDER), (ORG, CANCEL), (OTHER, OTHERS))
    assert codes(answers) == ["AA", "AE", "CA"]
    assert rows(store, t.inbox, "state", "code", "reason") == [
        ("taken", "AA", ""), ("quarantined", "AE", "a fault of the engine (NotWritten)"), ("taken", "CA", "")
    ]  # fmt: skip
    assert [each["event"] for each in log] == ["reception failed"]
    assert receive((ORG, CANCEL))[0].frames == answers[1].frames
