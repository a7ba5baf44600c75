"""The reception: kept, answered, worked off. Rows are those of delivery.md, section 3."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from segwright.delivery import intake, reception
from segwright.delivery.live import Live
from segwright.delivery.reception import Answers, Reception, work_off
from segwright.hl7.acknowledgement import Acknowledgement, read_acknowledgement
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Unavailable
from tests.delivery.conftest import case

ORG = "northgate"
ORDER = case(ORG, "order_new", "order.hl7")
CANCEL = case(ORG, "order_cancel", "order.hl7")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "ledger.db"
    store = Store(f"sqlite:///{file}")
    upgrade(store)
    store.close()
    return file


@pytest.fixture
def store(tmp_path: Path, migrated: Path) -> Iterator[Store]:
    shutil.copy(migrated, tmp_path / "ledger.db")
    opened = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def receive(store: Store, lives: dict[str, Live]) -> Callable[..., list[Answers]]:
    """Takes messages, all at once, and works them off; gives the answers in their order."""

    def take(*messages: bytes, org: str = ORG, one_by_one: bool = False) -> list[Answers]:
        async def run() -> list[Answers]:
            reception = Reception(store, lives, lambda: None)
            if one_by_one:
                found = [await reception.receive(org, message, "l") for message in messages]
            else:
                found = await asyncio.gather(*(reception.receive(org, message, "l") for message in messages))
            await reception.stop()
            return list(found)

        return asyncio.run(run())

    return take


def codes(answers: list[Answers]) -> list[str]:
    out = []
    for one in answers:
        for frame in one.frames:
            found = read_acknowledgement(frame)
            assert isinstance(found, Acknowledgement)
            out.append(found.code.value)
    return out


def rows(store: Store, table: sa.Table, *columns: str) -> list[Any]:
    wanted = [table.c[name] for name in columns]
    found = store.read(lambda tx: tx.all(sa.select(*wanted).order_by(*table.primary_key.columns)))
    return [row[0] if len(columns) == 1 else tuple(row) for row in found]


def with_id(message: bytes, control_id: bytes) -> bytes:
    line, end, rest = message.partition(b"\r")
    fields = line.split(b"|")
    fields[9] = control_id
    return b"|".join(fields) + end + rest


def test_an_order_is_kept_answered_and_worked_off(receive, store):
    assert codes(receive(ORDER)) == ["AA"]
    assert rows(store, t.inbox, "state") == ["taken"]
    assert rows(store, t.order_, "state") == ["open"]


def test_row_24_the_same_bytes_get_the_saved_answer_and_no_second_order(receive, store):
    first, second = receive(ORDER, one_by_one=True), receive(ORDER)
    assert first == second
    assert len(rows(store, t.inbox, "id")) == 1
    assert len(rows(store, t.order_, "id")) == 1


def test_row_24_twins_that_come_in_the_same_moment_too(receive, store):
    found = receive(*[ORDER] * 10)
    assert len({answer.frames for answer in found}) == 1
    assert len(rows(store, t.order_, "id")) == 1


def test_row_23_a_sender_that_lost_its_answer_gets_the_very_same_one(receive):
    lost = receive(ORDER)
    assert receive(ORDER) == lost


def test_row_25_another_message_under_the_same_control_id_is_quarantined(receive, store):
    other = ORDER.replace(b"ECG", b"EKG", 1) if b"ECG" in ORDER.split(b"\r", 1)[1] else ORDER + b"NTE|1||x\r"
    other = other if other.split(b"|")[9] == ORDER.split(b"|")[9] else ORDER + b"NTE|1||x\r"
    assert codes(receive(ORDER)) + codes(receive(other)) == ["AA", "AE"]
    assert rows(store, t.inbox, "state") == ["taken", "quarantined"]
    assert len(rows(store, t.order_, "id")) == 1
    assert codes(receive(other)) == ["AE"]  # the saved answer


def test_row_25_unless_what_was_stored_under_it_was_refused(receive, store):
    bad = ORDER.replace(b"\rPID|", b"\rPIX|", 1)
    assert codes(receive(bad))[0] in ("AE", "AR")
    assert codes(receive(ORDER)) == ["AA"]
    assert rows(store, t.inbox, "state") == ["refused", "taken"]


def test_row_26_the_same_order_under_another_control_id_is_no_second_order(receive, store):
    assert codes(receive(ORDER, with_id(ORDER, b"OTHER1"))) == ["AA", "AA"]
    assert len(rows(store, t.order_, "id")) == 1


def test_row_27_a_cancellation_right_behind_its_order_finds_it(receive, store):
    assert codes(receive(ORDER, CANCEL)) == ["AA", "AA"]
    assert rows(store, t.order_, "state") == ["cancelled"]


def test_row_27_a_cancellation_of_nothing_is_refused_before_it_is_answered(receive, store):
    assert codes(receive(CANCEL)) == ["AE"]
    assert rows(store, t.inbox, "state") == ["refused"]
    assert codes(receive(ORDER, with_id(CANCEL, b"AGAIN"), one_by_one=True)) == ["AA", "AA"]


def test_row_27_a_cancellation_that_names_another_patient_is_refused(receive, store):
    assert codes(receive(ORDER)) == ["AA"]
    anothers = CANCEL.replace(b"N0012345", b"N9999999")
    assert anothers != CANCEL
    (answer,) = receive(anothers)
    assert codes([answer]) == ["AE"]
    assert b"another patient" in answer.frames[0]
    assert rows(store, t.order_, "state") == ["open"]
    assert codes(receive(with_id(CANCEL, b"AGAIN"))) == ["AA"]
    assert rows(store, t.order_, "state") == ["cancelled"]


def test_row_27_a_refused_cancellation_that_comes_twice_at_once_is_refused_twice(receive, store):
    """A sender whose connection ended sends again, and both are kept in one transaction."""
    answers = receive(CANCEL, CANCEL)
    assert codes(answers) == ["AE", "AE"]
    assert answers[0].frames == answers[1].frames == receive(CANCEL)[0].frames
    assert rows(store, t.inbox, "state", "code") == [("refused", "AE")]


def test_row_1_what_was_stored_is_worked_off_by_whoever_starts_next(receive, store, lives, monkeypatch):
    monkeypatch.setattr(Reception, "work", lambda self: None)  # the process dies right after its answer
    assert codes(receive(ORDER)) == ["AA"]
    assert rows(store, t.order_, "id") == []
    monkeypatch.undo()

    async def next_one() -> None:
        reception = Reception(store, lives, lambda: None)
        reception.work()
        await reception.stop()

    asyncio.run(next_one())
    assert rows(store, t.order_, "state") == ["open"]
    assert rows(store, t.inbox, "state") == ["taken"]


def test_row_39_on_a_full_disk_nothing_is_kept_and_nothing_is_acknowledged(receive, store):
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def full(connection, _record, _proxy):  # each connection has a limit of its own
        connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(store.engine, "checkout", full)
    many = [with_id(ORDER, b"N%d" % number) for number in range(200)]
    with pytest.raises(Unavailable):
        receive(*many, one_by_one=True)
    kept = rows(store, t.inbox, "control_id")
    pages = 1_000_000
    assert codes(receive(with_id(ORDER, b"N%d" % len(kept)))) == ["AA"]
    assert rows(store, t.inbox, "control_id") == [*kept, f"N{len(kept)}"]


def test_row_8_an_application_acknowledgement_of_nothing_of_ours_is_quarantined_and_answered(receive, store):
    header = ORDER.split(b"\r")[0].split(b"|")
    header[8], header[9] = b"ACK", b"X77"
    ack = b"|".join(header) + b"\rMSA|AA|NOBODY\r"
    assert codes(receive(ack)) == ["CA"]
    assert rows(store, t.inbox, "state") == ["quarantined"]


def test_a_batch_is_answered_message_by_message(receive, store):
    batch = b"BHS|^~\\&\r" + ORDER + b"\r" + with_id(ORDER, b"B2") + b"\rBTS|2\r"
    assert codes(receive(batch)) == ["AA", "AA"]
    assert len(rows(store, t.inbox, "id")) == 2


def test_what_cannot_be_told_from_garbage_ends_the_connection(receive, store):
    (answer,) = receive(b"GET / HTTP/1.1")
    assert answer == Answers((), True)
    assert rows(store, t.inbox, "state") == ["refused"]


def test_one_message_that_the_engine_stumbles_over_stops_no_other(receive, store, monkeypatch):
    from segwright.ledger import orders

    real = orders.take

    def stumbling(tx: Any, hospital: Any, inbox: int, received: Any) -> list[int]:
        if inbox == 1:
            raise TypeError("a fault of ours")
        return real(tx, hospital, inbox, received)

    monkeypatch.setattr("segwright.delivery.reception.orders.take", stumbling)
    receive(ORDER, with_id(ORDER, b"SECOND"))
    assert rows(store, t.inbox, "state", "reason") == [
        ("quarantined", "a fault of the engine (TypeError)"), ("taken", ""),
    ]  # fmt: skip


def test_a_message_is_judged_once_by_whoever_kept_it(receive, store, monkeypatch):
    judged: list[bytes] = []
    real = intake.judge

    def judge(live: Live, came: intake.Came) -> intake.Judged:
        judged.append(came.data)
        return real(live, came)

    monkeypatch.setattr(intake, "judge", judge)
    receive(*(with_id(ORDER, b"J%d" % number) for number in range(3)))
    assert len(judged) == 3
    assert rows(store, t.inbox, "state") == ["taken"] * 3


def test_nothing_is_remembered_of_what_another_process_worked_off(store, lives):
    async def run() -> tuple[int, int]:
        reception = Reception(store, lives, lambda: None)
        await reception.receive(ORG, ORDER, "l")
        kept = len(reception._judged)
        store.write(lambda tx: work_off(tx, lives))
        await reception.stop()
        return kept, len(reception._judged)

    assert asyncio.run(run()) == (1, 0)


def test_senders_go_before_what_is_stored_but_not_for_ever(store, lives, monkeypatch):
    monkeypatch.setattr(reception, "LONGEST_PAUSE", 0.05)

    async def run() -> list[str]:
        own = Reception(store, lives, lambda: None)
        for number in range(1000):
            await own.receive(ORG, with_id(ORDER, b"S%d" % number), "l")
            if "taken" in (found := rows(store, t.inbox, "state")):
                break
        await own.stop()
        return found

    assert "taken" in asyncio.run(run())
