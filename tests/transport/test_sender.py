import asyncio
import socket
import ssl
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from segwright.transport.framing import HEAD, frame
from segwright.transport.sender import (
    CONFIGURATION,
    Answered,
    Belongs,
    Deadlines,
    Destination,
    NotSent,
    Sender,
    Uncertain,
    Why,
    by_control_id,
)
from segwright.transport.tls import client_context, server_context
from tests.faults.proxy import BLACK_HOLE, LATE_ANSWER, LOST_ANSWER, ONE_BYTE, SOUND, STALLED, Flow, Plan, Proxy
from tests.transport.network import (
    PATIENT,
    ack,
    answering,
    control_id,
    message,
    on_a_loop,
    read_frame,
    receiving,
    until,
)

PATIENT_ENOUGH = Deadlines(connect=30, handshake=30, write=30, answer=30, whole=50)
SOON = Deadlines(connect=30, handshake=30, write=0.2, answer=0.2, whole=50)
AFTER_A_WHILE = Deadlines(connect=30, handshake=30, write=30, answer=2, whole=50)


@asynccontextmanager
async def sending(port, deadlines=PATIENT_ENOUGH, **options):
    destination = Destination("127.0.0.1", port, options.pop("tls", None), options.pop("server_name", ""))
    sender = Sender(destination, deadlines, **options)
    try:
        yield sender
    finally:
        await sender.close()


async def send(sender, name, **options):
    return await sender.send(message(name, padding=options.pop("padding", 0)), judge=by_control_id(name), **options)


# --- answered ---


@on_a_loop
async def test_a_message_is_answered_and_its_connection_kept_for_the_next():
    async with receiving(answering()) as receiver, sending(receiver.port) as sender:
        assert not sender.connected
        assert await send(sender, "M1") == Answered(ack("M1"))
        assert sender.connected
        assert await send(sender, "M2") == Answered(ack("M2"))
        assert receiver.connections == 1


@on_a_loop
async def test_a_rejection_is_an_answer_too():
    async with receiving(answering(frame(ack("M1", "AE")))) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Answered(ack("M1", "AE"))
        assert sender.connected


@on_a_loop
async def test_one_byte_at_a_time_changes_nothing():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (ONE_BYTE,)) as proxy,
        sending(proxy.port) as sender,
    ):
        for name in ("M1", "M2"):
            assert await send(sender, name) == Answered(ack(name))


@on_a_loop
async def test_a_message_of_many_megabytes_is_sent_whole():
    got = []

    async def script(reader, writer):
        got.append(await read_frame(reader))
        writer.write(frame(ack("M1")))

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1", padding=2**24) == Answered(ack("M1"))
        assert got == [message("M1", padding=2**24)]


@on_a_loop
async def test_an_answer_before_the_message_was_taken_whole_ends_the_connection():
    done = asyncio.Event()

    async def script(reader, writer):
        await reader.read(1)
        writer.write(frame(ack("M1", "AR")))
        await done.wait()

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1", padding=2**26) == Answered(ack("M1", "AR"))
        assert not sender.connected
        done.set()


@on_a_loop
async def test_a_connection_that_the_receiver_closed_meanwhile_is_not_used_again():
    async def script(reader, writer):
        writer.write(frame(ack(control_id(await read_frame(reader)))))

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        for number in range(1, 4):
            assert await send(sender, f"M{number}") == Answered(ack(f"M{number}"))
            await until(lambda: not sender.connected)
            assert receiver.connections == number


# --- not sent ---


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@on_a_loop
async def test_where_nobody_listens_nothing_is_sent():
    async with sending(free_port()) as sender:
        assert await send(sender, "M1") == NotSent(Why.NO_CONNECTION, "ECONNREFUSED")


@on_a_loop
async def test_a_host_without_address_is_not_sent_to():
    sender = Sender(Destination("nowhere.invalid", 1), PATIENT_ENOUGH)
    outcome = await send(sender, "M1")
    assert (type(outcome), outcome.why) == (NotSent, Why.NO_ADDRESS)


@on_a_loop
async def test_a_connection_that_does_not_come_in_time_is_not_sent_on():
    with socket.socket() as listening, socket.socket() as one, socket.socket() as two:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for filler in (one, two):  # the queue of connections is full now
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        async with sending(listening.getsockname()[1], Deadlines(connect=0.2)) as sender:
            assert await send(sender, "M1") == NotSent(Why.CONNECT_TOO_SLOW)


@on_a_loop
async def test_row_17_a_message_that_cannot_be_framed_is_not_sent():
    async with sending(free_port()) as sender:
        outcome = await sender.send(b"MSH|\x1c\rPID|" + PATIENT.encode(), judge=by_control_id("M1"))
    assert outcome == NotSent(Why.UNFRAMEABLE, "byte 5 of the message is 0x1c, which MLLP reserves")


@on_a_loop
async def test_row_36_the_check_before_the_first_byte_can_forbid_it_and_costs_no_connection():
    received = []
    checked = []

    async def script(reader, writer):
        while content := await read_frame(reader):
            received.append(control_id(content))
            writer.write(frame(ack(control_id(content))))

    def check(says=""):
        checked.append(sender.connected)
        return says

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1", before_write=lambda: check("the lease is over")) == NotSent(
            Why.FORBIDDEN, "the lease is over"
        )
        assert await send(sender, "M2", before_write=check) == Answered(ack("M2"))
        assert (received, checked, receiver.connections) == (["M2"], [True, True], 1)


@on_a_loop
async def test_a_connection_that_ends_before_the_first_byte_is_not_sent_on():
    async def script(reader, writer):
        writer.close()

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        ended = asyncio.Event()

        async def connect(end, connect=sender._connect):
            link = await connect(end)
            await until(lambda: link.ended is not None)
            ended.set()
            return link

        sender._connect = connect
        assert await send(sender, "M1") == NotSent(Why.LOST)
        assert ended.is_set()


@on_a_loop
async def test_a_receiver_that_answers_before_it_was_asked_is_not_sent_to():
    async def script(reader, writer):
        writer.write(frame(ack("M1")))
        await reader.read()

    async with receiving(script) as receiver, sending(receiver.port) as sender:

        async def connect(end, connect=sender._connect):
            link = await connect(end)
            await until(lambda: bool(link.events))
            return link

        sender._connect = connect
        outcome = await send(sender, "M1")
        assert outcome == NotSent(Why.LOST)


@on_a_loop
async def test_a_connection_that_was_long_silent_is_not_used_again():
    async with receiving(answering()) as receiver, sending(receiver.port, Deadlines(idle=0)) as sender:
        for number in (1, 2):
            assert await send(sender, f"M{number}") == Answered(ack(f"M{number}"))
            await asyncio.sleep(0.001)
            assert receiver.connections == number


@on_a_loop
async def test_a_check_that_raises_sends_nothing():
    received = []

    async def script(reader, writer):
        received.append(await read_frame(reader))

    def check():
        raise LookupError("no lane")

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        with pytest.raises(LookupError):
            await send(sender, "M1", before_write=check)
        await until(lambda: bool(received))
        assert received == [b""]


@on_a_loop
async def test_when_the_whole_budget_is_spent_nothing_is_written():
    async with receiving(answering()) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Answered(ack("M1"))
        assert await send(sender, "M2", within=0) == NotSent(Why.NO_TIME)
        assert await send(sender, "M3") == Answered(ack("M3"))
    async with sending(free_port()) as sender:
        outcome = await send(sender, "M1", within=0)
        assert isinstance(outcome, NotSent)


# --- uncertain ---


@on_a_loop
async def test_row_3_a_lost_acknowledgement_is_uncertain_and_the_message_is_not_repeated():
    received = []

    async def script(reader, writer):
        while content := await read_frame(reader):
            received.append(control_id(content))
            writer.write(frame(ack(control_id(content))))

    async with (
        receiving(script) as receiver,
        Proxy(receiver.port, (LOST_ANSWER, SOUND)) as proxy,
        sending(proxy.port, SOON) as sender,
    ):
        assert await send(sender, "M1") == Uncertain(Why.ANSWER_TOO_SLOW)
        assert not sender.connected
        sender._deadlines = PATIENT_ENOUGH
        assert await send(sender, "M2") == Answered(ack("M2"))
        assert (received, proxy.connections) == (["M1", "M2"], 2)


@on_a_loop
async def test_row_4_a_late_acknowledgement_is_never_read_as_the_answer_to_the_next_message():
    asides: list[bytes] = []

    def aside(answer):
        asides.append(answer)
        return False

    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (LATE_ANSWER, SOUND)) as proxy,
        sending(proxy.port, SOON, aside=aside) as sender,
    ):
        assert await send(sender, "M1") == Uncertain(Why.ANSWER_TOO_SLOW)
        proxy.let_go()
        sender._deadlines = PATIENT_ENOUGH
        seen: list[bytes] = []

        def judge(answer):
            seen.append(answer)
            return Belongs.HERE

        # Even a judge that takes everything for its answer is shown only what came on the new connection.
        outcome = await sender.send(message("M2"), judge=judge)
        assert outcome == Answered(ack("M2"))
        assert (seen, asides) == ([ack("M2")], [])


@on_a_loop
async def test_row_5_an_answer_to_another_message_is_no_answer():
    async with receiving(answering(frame(ack("OTHER")))) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Uncertain(Why.FOREIGN_ANSWER, received=ack("OTHER"))
        assert not sender.connected


@on_a_loop
async def test_row_6_with_a_waiver_any_answer_counts_on_a_connection_of_its_own():
    async with (
        receiving(answering(frame(ack("CONSTANT")))) as receiver,
        sending(receiver.port, keep_open=False) as sender,
    ):
        for number in (1, 2, 3):
            outcome = await sender.send(message(f"M{number}"), judge=lambda answer: Belongs.HERE)
            assert outcome == Answered(ack("CONSTANT"))
            assert (receiver.connections, sender.connected) == (number, False)


@on_a_loop
async def test_row_7_the_second_acknowledgement_comes_on_the_same_connection_and_is_not_the_next_answer():
    go_on = asyncio.Event()

    async def script(reader, writer):
        first = control_id(await read_frame(reader))
        writer.write(frame(ack(first, "CA")))
        await go_on.wait()
        writer.write(frame(ack(first, "AA")))
        second = control_id(await read_frame(reader))
        writer.write(frame(ack(second, "CA")))
        third = control_id(await read_frame(reader))
        writer.write(frame(ack(second, "AA")) + frame(ack(third, "CA")) + frame(ack(third, "AA")))
        await read_frame(reader)

    awaited: set[str] = set()
    later: list[bytes] = []

    def aside(answer):
        later.append(answer)
        return any(answer == ack(name, "AA") for name in awaited)

    async def commit(name):
        awaited.add(name)
        return await sender.send(message(name, asks="AL/AL"), judge=by_control_id(name, aside))

    async with receiving(script) as receiver, sending(receiver.port, aside=aside) as sender:
        assert await commit("M1") == Answered(ack("M1", "CA"))
        go_on.set()
        await until(lambda: later == [ack("M1", "AA")])  # while nothing is in flight
        assert await commit("M2") == Answered(ack("M2", "CA"))
        assert await commit("M3") == Answered(ack("M3", "CA"))  # the AA of M2 came before it
        await until(lambda: len(later) == 3)
        assert later == [ack(name, "AA") for name in ("M1", "M2", "M3")]
        assert (receiver.connections, sender.connected) == (1, True)


@pytest.mark.parametrize("then", ["waits", "closes"])
@on_a_loop
async def test_row_5_whose_an_answer_is_may_be_found_out_a_little_later(then):
    """By asking the ledger: what is known there is waited behind, what is not ends the connection."""
    loop = asyncio.get_running_loop()

    def found_out(answer):
        known = loop.create_future()
        loop.call_later(0.05, known.set_result, answer == ack("M0"))
        return known

    async def script(reader, writer):
        await read_frame(reader)
        writer.write(frame(ack("M0")) + frame(ack("M1")))
        await read_frame(reader)
        writer.write(frame(ack("M0")) + frame(ack("another")))
        if then == "closes":
            writer.close()
        else:
            await read_frame(reader)

    async def commit(name):
        return await sender.send(message(name), judge=by_control_id(name, found_out))

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        assert await commit("M1") == Answered(ack("M1"))
        assert sender.connected
        assert await commit("M2") == Uncertain(Why.FOREIGN_ANSWER, received=ack("another"))
        assert not sender.connected


@pytest.mark.parametrize("known", [True, False])
@on_a_loop
async def test_row_5_what_comes_while_nothing_is_in_flight_ends_the_connection_when_it_is_found_to_be_nobodys(known):
    asked = asyncio.Event()

    def aside(answer):
        found = asyncio.get_running_loop().create_future()
        found.set_result(known)
        asked.set()
        return found

    script = answering(frame(ack("M1")) + frame(ack("M0")))
    async with receiving(script) as receiver, sending(receiver.port, aside=aside) as sender:
        assert await send(sender, "M1") == Answered(ack("M1"))
        await asked.wait()
        await asyncio.sleep(0.05)
        assert sender.connected is known


@on_a_loop
async def test_an_acknowledgement_given_twice_ends_the_connection_and_not_the_next_message():
    async with (
        receiving(answering(frame(ack("M1")) + frame(ack("M1")))) as receiver,
        sending(receiver.port) as sender,
    ):
        assert await send(sender, "M1") == Answered(ack("M1"))
        await until(lambda: not sender.connected)
        assert await send(sender, "M2") != Answered(ack("M1"))
        assert receiver.connections == 2


@pytest.mark.parametrize(
    ("answer", "why", "kept"),
    [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n<html>no</html>",
            Why.UNFRAMED_ANSWER,
            b"HTTP/1.1 400 Bad Request\r\n\r\n<html>no</html>",
        ),
        (ack("M1"), Why.UNFRAMED_ANSWER, ack("M1")),
        (b"\x0b" + ack("M1"), Why.BROKEN_ANSWER, ack("M1")),
        (b"\x0b" + ack("M1") + frame(ack("M1")), Why.BROKEN_ANSWER, ack("M1")),
        (b"\x0b" + b"x" * 2**21, Why.BROKEN_ANSWER, b"x" * HEAD),
        (frame(b""), Why.FOREIGN_ANSWER, b""),
        (frame(b"<html>"), Why.FOREIGN_ANSWER, b"<html>"),
        (frame(ack("M1")[:-6]), Why.FOREIGN_ANSWER, ack("M1")[:-6]),
        (frame(ack("M1", "OK")), Why.FOREIGN_ANSWER, ack("M1", "OK")),
        (b"\r\n", Why.CLOSED, b""),
        (b"", Why.CLOSED, b""),
    ],
)
@on_a_loop
async def test_row_12_whatever_else_comes_back_is_uncertain_and_kept(answer, why, kept):
    async def script(reader, writer):
        await read_frame(reader)
        writer.write(answer)

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        outcome = await send(sender, "M1")
        assert (type(outcome), outcome.why, outcome.received) == (Uncertain, why, kept)
        assert not sender.connected


@on_a_loop
async def test_row_12_an_unframed_answer_on_an_open_connection_ends_at_the_deadline():
    async with receiving(answering(ack("M1"))) as receiver, sending(receiver.port, AFTER_A_WHILE) as sender:
        assert await send(sender, "M1") == Uncertain(Why.UNFRAMED_ANSWER, received=ack("M1"))


@on_a_loop
async def test_row_16_an_answer_without_the_last_return_is_taken_from_a_tolerated_receiver():
    async with receiving(answering(b"\x0b" + ack("M1") + b"\x1c")) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Answered(ack("M1"))
        assert await send(sender, "M2") == Answered(ack("M2"))
        assert receiver.connections == 1
    async with (
        receiving(answering(b"\x0b" + ack("M1") + b"\x1c")) as receiver,
        sending(receiver.port, AFTER_A_WHILE, profile="strict") as sender,
    ):
        assert await send(sender, "M1") == Uncertain(Why.BROKEN_ANSWER, "cut_short", ack("M1"))


@on_a_loop
async def test_an_answer_after_stray_bytes_is_an_answer_but_the_connection_is_not_trusted_again():
    async with receiving(answering(b"junk" + frame(ack("M1")))) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Answered(ack("M1"))
        assert not sender.connected


@on_a_loop
async def test_row_13_a_receiver_that_closes_after_the_write_leaves_an_uncertain_message_sent_once():
    received = []

    async def script(reader, writer):
        received.append(control_id(await read_frame(reader)))

    async with receiving(script) as receiver, sending(receiver.port) as sender:
        assert await send(sender, "M1") == Uncertain(Why.CLOSED)
        assert await send(sender, "M2") == Uncertain(Why.CLOSED)
        assert (received, receiver.connections) == (["M1", "M2"], 2)


@on_a_loop
async def test_row_13_a_half_closed_receiver_is_uncertain():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (Plan(to_client=Flow(passes=10, then="close")),)) as proxy,
        sending(proxy.port) as sender,
    ):
        outcome = await send(sender, "M1")
        assert (outcome.why, outcome.received) == (Why.BROKEN_ANSWER, ack("M1")[:9])


@on_a_loop
async def test_a_reset_in_the_middle_of_a_message_is_uncertain():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (Plan(to_server=Flow(passes=1000, then="reset")), SOUND)) as proxy,
        sending(proxy.port) as sender,
    ):
        outcome = await send(sender, "M1", padding=2**20)
        assert (type(outcome), outcome.why) == (Uncertain, Why.BROKEN)
        assert outcome.detail in ("ECONNRESET", "EPIPE")
        assert await send(sender, "M2") == Answered(ack("M2"))


@on_a_loop
async def test_row_20_a_receiver_that_takes_no_bytes_ends_at_the_write_deadline_and_holds_up_nobody_else():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (STALLED,)) as proxy,
        sending(proxy.port, SOON) as stuck,
        sending(receiver.port) as other,
    ):
        slow = asyncio.create_task(send(stuck, "M1", padding=2**26))
        await asyncio.sleep(0)
        assert await send(other, "M2") == Answered(ack("M2"))
        assert await slow == Uncertain(Why.WRITE_TOO_SLOW, all_written=False)


@on_a_loop
async def test_a_black_hole_ends_at_the_deadline_of_the_answer_or_of_the_whole():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (BLACK_HOLE,)) as proxy,
        sending(proxy.port, SOON) as sender,
    ):
        assert await send(sender, "M1") == Uncertain(Why.ANSWER_TOO_SLOW)
        sender._deadlines = PATIENT_ENOUGH
        assert await send(sender, "M1", within=0.3) == Uncertain(Why.ANSWER_TOO_SLOW)


@on_a_loop
async def test_a_cancelled_call_ends_the_connection():
    async with (
        receiving(answering()) as receiver,
        Proxy(receiver.port, (LATE_ANSWER, SOUND)) as proxy,
        sending(proxy.port) as sender,
    ):
        task = asyncio.create_task(send(sender, "M1"))
        await until(lambda: proxy.passed_to_server == len(frame(message("M1"))))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not sender.connected
        proxy.let_go()
        assert await send(sender, "M2") == Answered(ack("M2"))


@on_a_loop
async def test_closing_while_an_answer_is_awaited_is_uncertain():
    async with receiving(answering()) as receiver, Proxy(receiver.port, (LOST_ANSWER,)) as proxy:
        sender = Sender(Destination("127.0.0.1", proxy.port), PATIENT_ENOUGH)
        task = asyncio.create_task(send(sender, "M1"))
        await until(lambda: proxy.passed_to_server > 0)
        await sender.close()
        assert await task == Uncertain(Why.STOPPED)


@on_a_loop
async def test_what_has_not_begun_when_our_side_closes_is_never_sent():
    received = []

    async def script(reader, writer):
        received.append(await read_frame(reader))

    async with receiving(script) as receiver:
        sender = Sender(Destination("127.0.0.1", receiver.port), PATIENT_ENOUGH)
        task = asyncio.create_task(send(sender, "M1"))
        await asyncio.sleep(0)
        await sender.close()
        assert await task == NotSent(Why.STOPPED)
        await until(lambda: received == [b""])
        assert not sender.connected


@on_a_loop
async def test_only_one_message_is_in_flight():
    async with receiving(answering()) as receiver, sending(receiver.port) as sender:
        task = asyncio.create_task(send(sender, "M1"))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one at a time"):
            await send(sender, "M2")
        assert await task == Answered(ack("M1"))


@on_a_loop
async def test_a_judge_that_raises_is_heard_and_ends_the_connection():
    def judge(answer):
        raise LookupError("no ledger")

    async with receiving(answering()) as receiver, sending(receiver.port) as sender:
        with pytest.raises(LookupError, match="no ledger"):
            await sender.send(message("M1"), judge=judge)
        assert not sender.connected
        assert await send(sender, "M2") == Answered(ack("M2"))


# --- TLS ---


@on_a_loop
async def test_messages_go_over_mutual_tls(authority):
    server = server_context(identity=authority.identity(), clients=authority.pem)
    client = client_context(identity=authority.identity("ai.example"), trust=authority.pem)
    async with receiving(answering(), server) as receiver, sending(receiver.port, tls=client) as sender:
        for name in ("M1", "M2"):
            assert await send(sender, name, padding=2**20) == Answered(ack(name))
        assert receiver.connections == 1
        assert sender.peer is not None
        assert sender.peer.names == ("127.0.0.1", "localhost")


@on_a_loop
async def test_the_name_in_the_certificate_may_be_another_than_the_host(authority):
    server = server_context(identity=authority.identity("ehr.example"))
    client = client_context(trust=authority.pem)
    async with receiving(answering(), server) as receiver:
        async with sending(receiver.port, tls=client) as sender:
            outcome = await send(sender, "M1")
            assert (type(outcome), outcome.why) == (NotSent, Why.CERTIFICATE_NAME)
        async with sending(receiver.port, tls=client, server_name="ehr.example") as sender:
            assert await send(sender, "M1") == Answered(ack("M1"))


@on_a_loop
async def test_the_very_certificate_of_a_receiver_can_be_trusted(authority):
    identity = authority.identity()
    leaf = identity.split(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----\n"
    server = server_context(identity=identity)
    async with (
        receiving(answering(), server) as receiver,
        sending(receiver.port, tls=client_context(trust=leaf)) as sender,
    ):
        assert await send(sender, "M1") == Answered(ack("M1"))


@on_a_loop
async def test_row_40_an_expired_certificate_is_not_sent_to(authority):
    expired = authority.identity(
        not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 2, 1, tzinfo=UTC)
    )
    client = client_context(trust=authority.pem)
    async with (
        receiving(answering(), server_context(identity=expired)) as receiver,
        sending(receiver.port, tls=client) as sender,
    ):
        assert await send(sender, "M1") == NotSent(Why.CERTIFICATE_EXPIRED, "certificate has expired")
        assert Why.CERTIFICATE_EXPIRED in CONFIGURATION


@on_a_loop
async def test_a_certificate_of_an_unknown_authority_is_not_sent_to(authority, stranger):
    server = server_context(identity=stranger.identity())
    client = client_context(trust=authority.pem)
    async with receiving(answering(), server) as receiver, sending(receiver.port, tls=client) as sender:
        outcome = await send(sender, "M1")
        assert (type(outcome), outcome.why) == (NotSent, Why.CERTIFICATE_UNTRUSTED)


@on_a_loop
async def test_a_receiver_that_speaks_no_tls_is_not_sent_to(authority):
    async def script(reader, writer):
        await reader.read(1)
        writer.write(b"220 ready\r\n")

    async with receiving(script) as receiver, sending(receiver.port, tls=client_context(trust=authority.pem)) as sender:
        outcome = await send(sender, "M1")
        assert (type(outcome), outcome.why) == (NotSent, Why.HANDSHAKE_FAILED)


@on_a_loop
async def test_a_handshake_that_does_not_end_is_not_sent_on(authority):
    async def script(reader, writer):
        await reader.read()

    tls = client_context(trust=authority.pem)
    async with receiving(script) as receiver, sending(receiver.port, Deadlines(handshake=0.2), tls=tls) as sender:
        assert await send(sender, "M1") == NotSent(Why.HANDSHAKE_TOO_SLOW)


def refusing_server(context: ssl.SSLContext) -> tuple[int, threading.Thread]:
    """A server that reads on after its handshake failed, so that its alert is not lost with the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_side=True)
            while data := connection.recv(65536):
                incoming.write(data)
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    connection.sendall(outgoing.read())
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                    return
                connection.sendall(outgoing.read())

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname()[1], thread


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("identity", ["none", "stranger's"])
@on_a_loop
async def test_row_41_a_refused_certificate_of_ours_is_a_mistake_of_configuration(
    authority, stranger, version, identity
):
    server = server_context(identity=authority.identity(), clients=authority.pem)
    server.minimum_version = server.maximum_version = ssl.TLSVersion[version]
    client = client_context(
        identity=stranger.identity("ai.example") if identity != "none" else b"", trust=authority.pem
    )
    port, thread = await asyncio.to_thread(refusing_server, server)
    async with sending(port, tls=client) as sender:
        outcome = await send(sender, "M1")
    await asyncio.to_thread(thread.join)
    if version == "TLSv1_2" and identity == "none":  # the alert is a plain handshake failure: it names no certificate
        assert (type(outcome), outcome.why) == (NotSent, Why.HANDSHAKE_FAILED)
        return
    # Only 1.2 says it before anything is written.
    assert (type(outcome), outcome.why) == (NotSent if version == "TLSv1_2" else Uncertain, Why.OUR_CERTIFICATE_REFUSED)
    assert outcome.why in CONFIGURATION
    assert "ALERT" in outcome.detail


@on_a_loop
async def test_a_reset_under_tls_is_uncertain(authority):
    tls = client_context(trust=authority.pem)
    async with (
        receiving(answering(), server_context(identity=authority.identity())) as receiver,
        Proxy(receiver.port) as proxy,
        sending(proxy.port, tls=tls) as sender,
    ):
        assert await send(sender, "M1") == Answered(ack("M1"))
        proxy.plans = (LOST_ANSWER,)

        def reset():
            proxy.reset_all()
            return ""

        outcome = await send(sender, "M2", before_write=reset)
        assert (type(outcome), outcome.why) == (Uncertain, Why.BROKEN)
