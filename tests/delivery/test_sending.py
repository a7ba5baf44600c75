"""The sending side, over loopback. Rows are those of delivery.md, section 3."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
import trustme

from segwright.delivery import desk, sending
from segwright.delivery.engine import theirs
from segwright.delivery.live import Live
from segwright.delivery.reception import Reception
from segwright.delivery.sending import Workers
from segwright.hl7.acknowledgement import Code, acknowledge, header_of, owed
from segwright.ledger import lanes, presented
from segwright.ledger import tables as t
from segwright.ledger.lanes import PATIENCE
from segwright.ledger.migrate import upgrade
from segwright.ledger.presented import Shown
from segwright.ledger.store import Store, Unavailable
from segwright.transport.framing import Refused
from segwright.transport.listener import CLOSE, Listener, Peer, Reply, Seen, Settings
from segwright.transport.sender import Destination
from segwright.transport.tls import client_context, server_context
from tests.delivery.conftest import case

ORG = "northgate"


class Ehr:
    """Files what comes and answers as its header asks."""

    def __init__(self) -> None:
        self.filed: list[bytes] = []
        self.answers = True

    async def receive(self, message: bytes, peer: Peer) -> Reply:
        self.filed.append(message)
        if not self.answers:
            return CLOSE
        header = header_of(message)
        assert header is not None
        asked = owed(header, "accepted")
        code = asked.accept or asked.application
        assert code is not None
        return Reply(acknowledge(header, code, control_id="E1", time="20260302"))

    async def refuse(self, refused: Refused, peer: Peer) -> Reply:
        return CLOSE

    def failed(self, message: bytes, peer: Peer, error: Exception) -> Reply:
        return CLOSE

    def observe(self, seen: Seen, peer: Peer, detail: str) -> None:
        pass


@pytest.fixture
def story(tmp_path: Path, lives: dict[str, Live]) -> Callable[[Callable[..., Any]], Any]:
    """Runs a story: `story(tell)`, where `tell` takes the store, an EHR that listens, and workers that have an order's
    acknowledgement to send."""

    def run(tell: Callable[..., Any]) -> Any:
        async def told() -> Any:
            store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
            upgrade(store)
            ehr = Ehr()
            listener = Listener(Settings("ehr", "127.0.0.1", 0, organisation=ORG, networks=("127.0.0.0/8",)), ehr)
            await listener.start()
            live = Live(lives[ORG].bundle)
            live.policy = msgspec.structs.replace(live.policy, when_uncertain="resend", first=20, most=40, per_minute=0)
            workers = Workers(
                store, {ORG: live}, lambda org, named: Destination("127.0.0.1", listener.port), "w1", poll=0.02
            )
            reception = Reception(store, lives, workers.stir)
            await reception.receive(ORG, case(ORG, "order_new", "order.hl7"), "l")
            await reception.stop()
            try:
                return await tell(store, ehr, workers)
            finally:
                await workers.stop()
                await listener.stop(within=5)
                store.close()

        return asyncio.run(told())

    return run


def states(store: Store) -> list[str]:
    return [row.state for row in store.read(lambda tx: tx.all(sa.select(t.delivery.c.state).order_by(t.delivery.c.id)))]


def outcomes(store: Store) -> list[str]:
    return [row.outcome for row in store.read(lambda tx: tx.all(sa.select(t.attempt.c.outcome)))]


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not found():
            await asyncio.sleep(0.02)


def test_what_is_ready_is_sent_and_its_answer_kept(story):
    async def tell(store, ehr, workers):
        running = asyncio.create_task(workers.run())
        await until(lambda: states(store) == ["confirmed"])
        await workers.stop()
        await running
        assert len(ehr.filed) == 1
        kept = store.read(lambda tx: tx.all(sa.select(t.answer.c.code, t.answer.c.how)))
        assert [tuple(row) for row in kept] == [("AA", "in time")]

    story(tell)


def test_the_certificate_that_a_receiver_shows_is_written_down_for_whoever_shows_pages(tmp_path, lives):
    """Also from a process of workers, which has no pages; another one takes its place, and at another address it counts no more."""

    async def tell() -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("ehr.example")
        identity = b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))
        ours = b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))
        store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
        upgrade(store)
        settings = Settings(
            "ehr", "127.0.0.1", 0, organisation=ORG, networks=("127.0.0.0/8",), tls=server_context(identity=identity)
        )
        listener = Listener(settings, Ehr())
        await listener.start()
        live = Live(lives[ORG].bundle)
        context = client_context(identity=ours, trust=authority.cert_pem.bytes())

        def resolve(org: str, named: object) -> Destination:
            return Destination("127.0.0.1", listener.port, context, "ehr.example")

        workers = Workers(store, {ORG: live}, resolve, "w1", poll=0.02)
        reception = Reception(store, lives, workers.stir)
        await reception.receive(ORG, case(ORG, "order_new", "order.hl7"), "l")
        await reception.stop()
        running = asyncio.create_task(workers.run())
        try:
            await until(lambda: bool(store.read(lambda tx: presented.seen(tx, ORG))))
        finally:
            await workers.stop()
            await running
            await listener.stop(within=5)
        (shown,) = store.read(lambda tx: presented.seen(tx, ORG)).values()
        assert (shown.names, shown.address) == (("ehr.example",), live.address("outbound"))
        assert shown.begins < shown.at < shown.ends
        found = theirs("destination outbound", shown, live.address("outbound"))
        assert found.certificate is not None
        assert (found.certificate.names, found.seen_at) == (("ehr.example",), shown.at)
        assert theirs("destination outbound", shown, "another address").certificate is None
        again = Shown("outbound", "a", "f" * 64, ("new.example",), 1, 2)
        store.write(lambda tx: presented.note(tx, ORG, again))
        assert store.read(lambda tx: presented.seen(tx, ORG))["outbound"].names == ("new.example",)
        store.close()

    asyncio.run(tell())


def test_row_13_a_receiver_that_closes_without_a_word_leaves_a_doubt_and_gets_the_same_bytes_again(story):
    async def tell(store, ehr, workers):
        ehr.answers = False
        running = asyncio.create_task(workers.run())
        await until(lambda: states(store) == ["uncertain"])
        ehr.answers = True
        await until(lambda: states(store) == ["confirmed"])
        await workers.stop()
        await running
        assert len(ehr.filed) >= 2
        assert len(set(ehr.filed)) == 1

    story(tell)


def answering_to(ehr: Ehr, named: Callable[[bytes], bytes]) -> None:
    """Has an EHR name another message in its acknowledgements than the one that it answers."""
    real = ehr.receive

    async def receive(message: bytes, peer: Peer) -> Reply:
        reply = await real(message, peer)
        header = header_of(message)
        assert header is not None
        return Reply(reply.answer.replace(header.control_id.encode(), named(message)))

    ehr.receive = receive  # type: ignore[method-assign]


def test_row_5_a_receiver_that_always_names_another_message_stops_its_lane_and_what_it_said_is_kept(story):
    async def tell(store, ehr, workers):
        answering_to(ehr, lambda message: b"CONSTANT")
        running = asyncio.create_task(workers.run())
        await until(lambda: bool(store.read(lambda tx: tx.scalar(sa.select(t.lane.c.paused)))))
        await asyncio.sleep(0.2)
        await workers.stop()
        await running
        assert len(ehr.filed) == PATIENCE
        assert len(set(ehr.filed)) == 1
        assert outcomes(store) == ["uncertain"] * PATIENCE
        assert states(store) == ["uncertain"]
        kept = store.read(lambda tx: tx.all(sa.select(t.answer.c.body)))
        assert ["CONSTANT" in bytes(row.body).decode() for row in kept] == [True] * PATIENCE

    story(tell)


def test_row_4_an_answer_to_what_was_sent_by_a_process_that_is_gone_is_known_for_ours(story):
    """What was sent when is asked of the ledger: no process needs to remember it."""

    async def tell(store, ehr, workers):
        ehr.answers = False
        running = asyncio.create_task(workers.run())
        await until(lambda: outcomes(store)[:1] == ["uncertain"])
        await workers.stop()
        await running
        live = workers._lives[ORG]
        later = Workers(store, workers._lives, workers._resolve, "w2")
        header = header_of(ehr.filed[0])
        assert header is not None

        def answer(to: str) -> bytes:
            body = acknowledge(header, Code.AA, control_id="E9", time="20260302")
            return body.replace(header.control_id.encode(), to.encode())

        async def is_ours(body: bytes) -> bool:
            said = later.aside(live, body)
            return said if isinstance(said, bool) else await said

        assert not await is_ours(answer("CONSTANT"))
        assert states(store) == ["uncertain"]
        assert await is_ours(answer(header.control_id))
        assert states(store) == ["confirmed"]

    story(tell)


def test_row_38_an_outcome_that_cannot_be_written_is_kept_and_written_later(story):
    async def tell(store, ehr, workers):
        real = store.soon
        gone: list[int] = []

        def submit(function):
            if ehr.filed and len(gone) < 2:
                gone.append(1)
                raise Unavailable("gone")
            return real(function)

        store.soon = submit
        running = asyncio.create_task(workers.run())
        await until(lambda: states(store) == ["confirmed"])
        store.soon = real
        await workers.stop()
        await running
        assert len(ehr.filed) == 1
        assert len(gone) == 2

    story(tell)


def test_a_stop_finishes_what_is_in_flight_and_opens_nothing_new(story):
    async def tell(store, ehr, workers):
        running = asyncio.create_task(workers.run())
        await until(lambda: bool(ehr.filed))
        await workers.stop()
        await running
        assert states(store) == ["confirmed"]
        lane = store.read(lambda tx: tx.first(sa.select(t.lane)))
        assert (lane.holder, lane.lease_until) == ("", 0)

    story(tell)


def test_row_36_when_the_lease_is_over_nothing_is_written(story, monkeypatch):
    async def tell(store, ehr, workers):
        monkeypatch.setattr(Workers, "_lease", lambda self: 1000)  # less than what is never used for writing
        running = asyncio.create_task(workers.run())
        await until(lambda: "not_sent" in outcomes(store))
        await workers.stop()
        await running
        assert ehr.filed == []

    story(tell)


def test_a_document_that_is_wrong_is_refused_with_every_place(lives):
    with pytest.raises(desk.Wrong) as wrong:
        desk.canonical(lives[ORG], b'{"id": 7, "colour": "red"}')
    paths = {fault.path for fault in wrong.value.faults}
    assert {"$.id", "$.colour"} <= paths


@pytest.mark.parametrize("where", ["acquire", "step"])
def test_a_fault_of_ours_is_told_and_does_not_end_the_sending(story, monkeypatch, where):
    """Neither in taking lanes nor in a lane that was taken: a lane that is left like that is taken again after its lease."""
    told: list[dict[str, Any]] = []
    real = getattr(lanes, where)

    def fails_once(tx: Any, *given: Any) -> Any:
        if not told:
            tx.run(sa.update(t.lane).values(lease_until=0))
            raise KeyError("a name")
        return real(tx, *given)

    async def tell(store, ehr, workers):
        workers._log = lambda event, **facts: told.append({"event": event, **facts})
        monkeypatch.setattr(sending, "PAUSE", 0.02)
        monkeypatch.setattr(lanes, where, fails_once)
        monkeypatch.setattr(workers, "_lease", lambda: 500)
        monkeypatch.setattr(sending, "MARGIN", 0.0)
        running = asyncio.create_task(workers.run())
        await until(lambda: states(store) == ["confirmed"])
        assert not running.done()
        await workers.stop()
        await running

    story(tell)
    assert [(one["event"], one["error"]) for one in told] == [("sending failed", "KeyError")]
    assert "a name" not in str(told)
