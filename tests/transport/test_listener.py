import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import hl7
import hl7.mllp
import pytest

from segwright.hl7.acknowledgement import Acknowledgement, Code, acknowledge, header_of, read_acknowledgement
from segwright.transport.framing import Reason, Refused, frame
from segwright.transport.listener import CLOSE, Limits, Listener, Peer, Reply, Seen, Settings
from segwright.transport.replies import reply_to_failure, reply_to_refused
from segwright.transport.sender import Answered, Destination, Sender, by_control_id
from segwright.transport.tls import certificates_in, client_context, server_context
from tests.faults.proxy import ONE_BYTE, Flow, Plan, Proxy
from tests.transport.network import PATIENT, ack, control_id, message, on_a_loop, read_frame, until

NOW: Any = {"control_id": "A1", "time": "20260101"}
LOOPBACK: Any = {"organisation": "mercy", "networks": ("127.0.0.0/8",)}


class Desk:
    """A handler that keeps what it was told. `says(message)` may be replaced; an exception in it is a failing handler."""

    def __init__(self):
        self.says: Callable[[bytes], Any] = lambda content: Reply(ack(control_id(content)))
        self.received: list[bytes] = []
        self.peers: list[Peer] = []
        self.refused = []
        self.seen: list[Seen] = []
        self.details: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.busy = self.busiest = 0

    async def receive(self, content, peer):
        self.received.append(content)
        self.peers.append(peer)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await self.gate.wait()
            return self.says(content)
        finally:
            self.busy -= 1

    async def refuse(self, refused, peer):
        self.refused.append(refused)
        return reply_to_refused(refused, **NOW)

    def failed(self, content, peer, error):
        self.failure = error
        return reply_to_failure(content, **NOW)

    def observe(self, seen, peer, detail):
        self.seen.append(seen)
        self.details.append(detail)

    @property
    def names(self):
        return [control_id(content) for content in self.received]


@asynccontextmanager
async def listening(desk, *, within=30, limits=None, **settings):
    options = {**(LOOPBACK if "tls" not in settings else {}), **settings}
    listener = Listener(Settings("front", "127.0.0.1", 0, limits=limits or Limits(), **options), desk)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(within=within)


@asynccontextmanager
async def connected(port, tls=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def read(answer) -> Acknowledgement:
    found = read_acknowledgement(answer)
    assert isinstance(found, Acknowledgement)
    return found


async def ended(reader):
    """Whether the other side ended the connection, and what came before that."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


# --- messages and answers ---


@on_a_loop
async def test_messages_are_handed_over_whole_and_answered_in_order():
    desk = Desk()
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        for name in ("M1", "M2"):
            writer.write(frame(message(name)))
            assert await read_frame(reader) == ack(name)
        assert desk.received == [message("M1"), message("M2")]
        port = writer.get_extra_info("sockname")[1]
        assert desk.peers == [Peer("front", "127.0.0.1", port, "mercy")] * 2


@on_a_loop
async def test_pipelined_messages_are_handled_one_at_a_time_in_their_order():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(b"".join(frame(message(f"M{number}")) for number in range(50)))
        await until(lambda: len(desk.received) == 1)
        await asyncio.sleep(0.05)
        assert len(desk.received) == 1
        desk.gate.set()
        for number in range(50):
            assert await read_frame(reader) == ack(f"M{number}")
        assert desk.busiest == 1


@on_a_loop
async def test_one_byte_at_a_time_changes_nothing():
    desk = Desk()
    async with (
        listening(desk) as listener,
        Proxy(listener.port, (ONE_BYTE,)) as proxy,
        connected(proxy.port) as (reader, writer),
    ):
        writer.write(frame(message("M1")) + frame(message("M2")))
        assert [await read_frame(reader), await read_frame(reader)] == [ack("M1"), ack("M2")]


@on_a_loop
async def test_our_sender_and_our_listener_understand_each_other():
    desk = Desk()
    async with listening(desk) as listener:
        sender = Sender(Destination("127.0.0.1", listener.port))
        for name in ("M1", "M2"):
            content = message(name, padding=2**22)
            assert await sender.send(content, judge=by_control_id(name)) == Answered(ack(name))
        await sender.close()
    assert [len(content) for content in desk.received] == [len(message("M1", padding=2**22))] * 2


@on_a_loop
async def test_the_client_of_python_hl7_is_served():
    desk = Desk()
    async with listening(desk) as listener:
        reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", listener.port)
        for name in ("M1", "M2"):
            writer.writemessage(hl7.parse(message(name).decode()))
            await writer.drain()
            answer = await reader.readmessage()
            assert str(answer["MSA.F2"]) == name
        writer.close()
        await writer.wait_closed()
    assert desk.names == ["M1", "M2"]


@on_a_loop
async def test_our_sender_is_served_by_python_hl7():
    async def process(reader, writer):
        try:
            while True:
                received = await reader.readmessage()
                writer.writemessage(received.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    server = await hl7.mllp.start_hl7_server(process, "127.0.0.1", 0)
    sender = Sender(Destination("127.0.0.1", server.sockets[0].getsockname()[1]))
    for name in ("M1", "M2"):
        outcome = await sender.send(message(name), judge=by_control_id(name))
        assert isinstance(outcome, Answered)
        assert read(outcome.answer).code == "AA"
    await sender.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.02)


@on_a_loop
async def test_a_message_that_wants_no_answer_gets_none_and_the_connection_stays():
    desk = Desk()
    desk.says = lambda content: Reply() if control_id(content) == "M1" else Reply(ack("M2"))
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1", asks="NE/NE")) + frame(message("M2")))
        assert await read_frame(reader) == ack("M2")


@on_a_loop
async def test_row_7_both_acknowledgements_of_a_message_go_out_before_the_next_ones():
    desk = Desk()
    desk.says = lambda content: Reply(ack(control_id(content), "CA"), then=(ack(control_id(content)),))
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1", asks="AL/AL")) + frame(message("M2", asks="AL/AL")))
        said = [await read_frame(reader) for _ in range(4)]
    assert said == [ack("M1", "CA"), ack("M1"), ack("M2", "CA"), ack("M2")]


@on_a_loop
async def test_a_last_answer_can_be_read_before_the_connection_ends():
    desk = Desk()
    desk.says = lambda content: Reply(ack("M1", "AR"), close=True)
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")) + frame(message("M2")))
        assert await ended(reader) == frame(ack("M1", "AR"))
    assert desk.names == ["M1"]


@on_a_loop
async def test_a_sender_that_has_said_all_still_gets_its_answer():
    desk = Desk()
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")))
        writer.write_eof()
        assert await ended(reader) == frame(ack("M1"))


@on_a_loop
async def test_a_tolerated_sender_that_ends_with_an_end_block_alone_gets_its_answer():
    desk = Desk()
    async with listening(desk, profile="tolerant") as listener, connected(listener.port) as (reader, writer):
        writer.write(b"\x0b" + message("M1") + b"\x1c")
        writer.write_eof()
        assert await ended(reader) == frame(ack("M1"))


# --- what goes wrong ---


@on_a_loop
async def test_while_a_message_is_handled_nothing_more_is_read():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk) as listener, connected(listener.port) as (_, writer):
        writer.write(frame(message("M1", padding=1000)) * 2**16)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.3)
        (conversation,) = listener._conversations
        assert len(conversation.link.events) < 2**10
        desk.gate.set()


@on_a_loop
async def test_noise_is_counted_anew_after_each_message():
    desk = Desk()
    async with listening(desk, limits=Limits(noise=3)) as listener, connected(listener.port) as (reader, writer):
        for number in range(5):
            writer.write(b"\r\n" + frame(message(f"M{number}")))
            assert await read_frame(reader) == ack(f"M{number}")
        writer.write(b"\r\n\r\n" + frame(message("M6")))
        assert await ended(reader) == b""
    assert Seen.TOO_MUCH_NOISE in desk.seen


@on_a_loop
async def test_row_14_a_partial_message_is_never_handed_over():
    desk = Desk()
    async with (
        listening(desk) as listener,
        Proxy(listener.port, (Plan(to_server=Flow(passes=len(message("M1")), then="close")),)) as proxy,
        connected(proxy.port) as (reader, writer),
    ):
        writer.write(frame(message("M1")))
        assert await ended(reader) == b""
    assert (desk.received, desk.refused) == ([], [])
    assert Seen.FRAME_REFUSED in desk.seen
    assert Reason.CUT_SHORT in desk.details


@on_a_loop
async def test_row_15_a_lost_end_block_ends_the_connection_without_an_answer_and_without_glueing():
    desk = Desk()
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(b"\x0b" + message("M1") + frame(message("M2")))
        assert await ended(reader) == b""
    assert desk.received == []
    assert [(refused.reason, refused.head) for refused in desk.refused] == [(Reason.START_INSIDE, message("M1"))]


@on_a_loop
async def test_row_15_a_handler_may_go_on_with_the_second_message():
    class Forgiving(Desk):
        async def refuse(self, refused, peer):
            return Reply()

    desk = Forgiving()
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(b"\x0b" + message("M1") + frame(message("M2")))
        assert await read_frame(reader) == ack("M2")
    assert desk.names == ["M2"]


@pytest.mark.parametrize("noise", [b"\r\n", b"\x00", b"\n"])
@pytest.mark.parametrize("profile", ["strict", "tolerant"])
@on_a_loop
async def test_row_16_noise_between_frames_costs_no_message(profile, noise):
    desk = Desk()
    async with listening(desk, profile=profile) as listener, connected(listener.port) as (reader, writer):
        for name in ("M1", "M2"):
            writer.write(frame(message(name)) + noise)
            assert await read_frame(reader) == ack(name)
    assert (Seen.NOISE in desk.seen) == (profile == "strict")


@on_a_loop
async def test_row_16_a_tolerated_sender_that_never_writes_the_last_return_is_answered():
    desk = Desk()
    limits = Limits(settle=0.05)
    async with (
        listening(desk, profile="tolerant", limits=limits) as listener,
        connected(listener.port) as (reader, writer),
    ):
        for name in ("M1", "M2"):
            writer.write(b"\x0b" + message(name) + b"\x1c")
            assert await read_frame(reader) == ack(name)


@on_a_loop
async def test_row_18_a_frame_of_two_gigabytes_is_rejected_early_and_its_sender_told_why():
    desk = Desk()
    async with listening(desk, limits=Limits(largest=2**20)) as listener, connected(listener.port) as (reader, writer):
        writer.write(b"\x0b" + message("M1"))
        answer = asyncio.create_task(read_frame(reader))
        sent = 0
        while sent < 2**31 and not answer.done():
            writer.write(b"x" * 2**16)
            sent += 2**16
            await writer.drain()
        said = read(await answer)
        assert (said.code, said.control_id, said.faults[0].condition) == ("AR", "M1", "104")
        assert sent < 2**31
        assert [(refused.reason, refused.size) for refused in desk.refused] == [(Reason.TOO_LARGE, 2**20 + 1)]
        assert await serves(listener)


async def serves(listener, tls=None):
    """Whether the listener still takes messages."""
    return await answered(listener.port, tls) == ack("STILL")


async def answered(port, tls=None):
    """What a message is answered, b"" when the connection ends instead."""
    try:
        async with connected(port, tls) as (reader, writer):
            writer.write(frame(message("STILL")))
            return await read_frame(reader)
    except (ssl.SSLError, ConnectionError):
        return b""


@on_a_loop
async def test_row_20_a_sender_that_never_reads_its_answers_holds_up_nobody():
    desk = Desk()
    desk.says = lambda content: Reply(ack(control_id(content)) + b"x" * 2**24)
    async with (
        listening(desk, limits=Limits(answer=0.1, linger=0.1)) as listener,
        connected(listener.port) as (reader, writer),
    ):
        reader._limit = 1  # so that asyncio stops reading
        writer.write(frame(message("M1")))
        await until(lambda: Seen.ANSWER_NOT_TAKEN in desk.seen)
        desk.says = lambda content: Reply(ack(control_id(content)))
        assert await serves(listener)


@on_a_loop
async def test_row_21_a_frame_that_never_ends_ends_the_connection():
    desk = Desk()
    async with listening(desk, limits=Limits(frame=0.1)) as listener, connected(listener.port) as (reader, writer):

        async def drip():
            writer.write(b"\x0b")
            while True:
                writer.write(b"M")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert await ended(reader) == b""
        dripping.cancel()
        assert Seen.FRAME_TOO_SLOW in desk.seen
        assert desk.received == []
        assert await serves(listener)


@on_a_loop
async def test_row_21_a_silent_connection_ends_and_so_does_one_that_only_says_nothing():
    desk = Desk()
    async with listening(desk, profile="tolerant", limits=Limits(idle=0.2)) as listener:
        async with connected(listener.port) as (silent, _), connected(listener.port) as (noisy, writer):

            async def drip():
                while True:
                    writer.write(b"\r\n")
                    await asyncio.sleep(0.01)

            dripping = asyncio.create_task(drip())
            assert [await ended(silent), await ended(noisy)] == [b"", b""]
            dripping.cancel()
        assert desk.seen.count(Seen.IDLE) == 2


@on_a_loop
async def test_row_21_connections_of_one_address_are_limited_and_freed_again():
    desk = Desk()
    async with listening(desk, limits=Limits(connections_per_address=2)) as listener:
        async with connected(listener.port), connected(listener.port):
            await until(lambda: desk.seen.count(Seen.CONNECTED) == 2)
            async with connected(listener.port) as (reader, _):
                assert await ended(reader) == b""
        assert Seen.TOO_MANY_CONNECTIONS in desk.seen
        await until(lambda: desk.seen.count(Seen.CLOSED) == 2)
        assert await serves(listener)


@pytest.mark.parametrize("limit", ["connections", "connections_per_organisation"])
@on_a_loop
async def test_row_21_connections_of_a_listener_and_of_an_organisation_are_limited(limit):
    desk = Desk()
    async with listening(desk, limits=Limits(**{limit: 1})) as listener:
        async with connected(listener.port):
            await until(lambda: Seen.CONNECTED in desk.seen)
            async with connected(listener.port) as (reader, _):
                assert await ended(reader) == b""
        assert Seen.TOO_MANY_CONNECTIONS in desk.seen


@on_a_loop
async def test_a_tls_handshake_that_never_ends_ends_the_connection(authority):
    desk = Desk()
    tls = server_context(identity=authority.identity())
    async with listening(desk, tls=tls, organisation="mercy", limits=Limits(handshake=2)) as listener:
        async with connected(listener.port) as (reader, _):
            assert await ended(reader) == b""
        await until(lambda: Seen.HANDSHAKE_FAILED in desk.seen)
        assert await serves(listener, client_context(trust=authority.pem))


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(range(256)) * 4,
        b"\x16\x03\x01\x02\x00\x01",
        b"\x0b\x0b\x0b\x1c\x1c\x1c\r\r",
        b"x" * 2**20,
    ],
)
@on_a_loop
async def test_garbage_never_gets_an_answer_and_never_hurts(garbage):
    desk = Desk()
    async with listening(desk) as listener:
        async with connected(listener.port) as (reader, writer):
            writer.write(garbage)
            writer.write_eof()
            assert await ended(reader) == b""
        assert desk.received == []
        assert await serves(listener)


@on_a_loop
async def test_row_22_a_handler_that_fails_is_an_error_for_the_sender_and_the_next_message_is_served():
    desk = Desk()

    def says(content):
        if control_id(content) == "M1":
            raise LookupError(PATIENT)
        return Reply(ack(control_id(content)))

    desk.says = says
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")) + frame(message("M2")))
        answer = await read_frame(reader)
        said = read(answer)
        assert (said.code, said.control_id, said.faults[0].condition) == ("AE", "M1", "207")
        assert PATIENT.encode() not in answer
        assert await read_frame(reader) == ack("M2")
    assert "LookupError" in desk.details
    assert not any(PATIENT in detail for detail in desk.details)


@on_a_loop
async def test_row_22_a_handler_that_never_comes_back_is_an_error_for_the_sender():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk, limits=Limits(handle=0.1)) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")))
        assert read(await read_frame(reader)).code == "AE"
        assert isinstance(desk.failure, TimeoutError)
        assert desk.busy == 0


@on_a_loop
async def test_row_22_when_even_the_excuse_fails_the_connection_ends():
    class Hopeless(Desk):
        def failed(self, content, peer, error):
            raise KeyError("no excuse")

        async def refuse(self, refused, peer):
            raise KeyError("no reason")

    desk = Hopeless()
    desk.says = lambda content: 1 / 0
    async with listening(desk) as listener:
        for sent in (frame(message("M1")), b"\x0b" + frame(message("M2"))):
            async with connected(listener.port) as (reader, writer):
                writer.write(sent)
                assert await ended(reader) == b""


@on_a_loop
async def test_an_answer_that_no_frame_can_carry_ends_the_connection():
    desk = Desk()
    desk.says = lambda content: Reply(b"MSH|\x1c\r")
    async with listening(desk) as listener, connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")))
        assert await ended(reader) == b""
    assert Seen.HANDLER_FAILED in desk.seen


@on_a_loop
async def test_the_handler_has_no_more_messages_at_once_than_agreed():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk, limits=Limits(handlers=3)) as listener:
        pairs = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(8)]
        for number, (_, writer) in enumerate(pairs):
            writer.write(frame(message(f"M{number}")))
        await until(lambda: desk.busy == 3)
        await asyncio.sleep(0.05)
        desk.gate.set()
        for number, (reader, writer) in enumerate(pairs):
            assert await read_frame(reader) == ack(f"M{number}")
            writer.close()
        assert (desk.busiest, len(desk.received)) == (3, 8)


@on_a_loop
async def test_row_23_a_sender_that_was_gone_before_its_answer_sends_again_and_is_served():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk) as listener:
        async with Proxy(listener.port) as proxy, connected(proxy.port) as (_, writer):
            writer.write(frame(message("M1")))
            await until(lambda: desk.busy == 1)
            proxy.reset_all()
        desk.gate.set()
        assert await answered(listener.port) == ack("STILL")
        await until(lambda: desk.seen.count(Seen.CLOSED) == 2)
    assert desk.names == ["M1", "STILL"]


# --- who it is ---


@pytest.mark.parametrize("spelling", ["fingerprint", "SHA256:AA:BB", "name"])
@on_a_loop
async def test_the_organisation_comes_from_the_certificate(authority, spelling):
    identity = authority.identity("ehr.mercy.example")
    fingerprint = certificates_in(identity)[0].fingerprint
    client = {
        "fingerprint": fingerprint,
        "SHA256:AA:BB": "SHA256:" + ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper(),
        "name": "EHR.mercy.example",
    }[spelling]
    tls = server_context(identity=authority.identity(), clients=authority.pem)
    desk = Desk()
    async with listening(desk, tls=tls, clients={client: "mercy", "other.example": "other"}) as listener:
        assert await serves(listener, client_context(identity=identity, trust=authority.pem))
    peer: Any = desk.peers[0]
    assert (peer.organisation, peer.certificate.names) == ("mercy", ("ehr.mercy.example",))
    with pytest.raises(AttributeError):
        peer.organisation = "other"


@on_a_loop
async def test_row_50_a_certificate_that_nobody_is_known_by_is_turned_away(authority):
    tls = server_context(identity=authority.identity(), clients=authority.pem)
    desk = Desk()
    clients = {"ehr.mercy.example": "mercy", "shared.example": "mercy", "shared2.example": "other"}
    async with listening(desk, tls=tls, clients=clients) as listener:
        for names in (["unknown.example"], ["shared.example", "shared2.example"]):
            context = client_context(identity=authority.identity(*names), trust=authority.pem)
            async with connected(listener.port, context) as (reader, writer):
                writer.write(frame(message("M1")))
                assert await ended(reader) == b""
    assert desk.received == []
    assert desk.seen.count(Seen.STRANGER) == 2


@pytest.mark.parametrize("identity", ["none", "of a stranger"])
@on_a_loop
async def test_who_shows_no_certificate_of_the_authority_is_turned_away(authority, stranger, identity):
    tls = server_context(identity=authority.identity(), clients=authority.pem)
    desk = Desk()
    context = client_context(
        identity=stranger.identity("ehr.mercy.example") if identity != "none" else b"", trust=authority.pem
    )
    async with listening(desk, tls=tls, clients={"ehr.mercy.example": "mercy"}) as listener:
        assert not await answered(listener.port, context)
        await until(lambda: Seen.HANDSHAKE_FAILED in desk.seen)
    assert desk.received == []


@on_a_loop
async def test_a_plain_listener_serves_only_its_networks():
    desk = Desk()
    async with listening(desk, networks=("10.0.0.0/8", "192.168.1.7/32")) as listener:
        assert await answered(listener.port) == b""
    assert (desk.received, desk.seen) == ([], [Seen.NETWORK_REFUSED])


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({}, "one of both"),
        ({"organisation": "mercy", "clients": {"a": "mercy"}}, "one of both"),
        ({"organisation": "mercy"}, "which networks"),
        ({"clients": {"a": "mercy"}, "networks": ("10.0.0.0/8",)}, "TLS demands them"),
        ({"organisation": "mercy", "networks": ("10.0.0.1/8",)}, "host bits"),
    ],
)
def test_a_listener_that_would_not_know_whose_messages_it_takes_is_refused(settings, mistake):
    with pytest.raises(ValueError, match=mistake):
        Listener(Settings("front", "127.0.0.1", 0, **settings), Desk())


def test_clients_are_known_only_where_certificates_are_demanded(authority):
    tls = server_context(identity=authority.identity())
    with pytest.raises(ValueError, match="TLS demands them"):
        Listener(Settings("front", "127.0.0.1", 0, clients={"a": "mercy"}, tls=tls), Desk())


# --- stopping ---


@on_a_loop
async def test_a_stop_lets_what_was_accepted_be_answered_and_takes_nothing_new():
    desk = Desk()
    desk.gate.clear()
    listener = Listener(Settings("front", "127.0.0.1", 0, **LOOPBACK), desk)
    await listener.start()
    port = listener.port
    async with (
        connected(port) as (reader, writer),
        connected(port) as (idle, _),
        connected(port) as (half, half_writer),
    ):
        writer.write(frame(message("M1")) + frame(message("M2")))
        half_writer.write(b"\x0bMSH")
        await until(lambda: desk.busy == 1 and desk.seen.count(Seen.CONNECTED) == 3)
        stopping = asyncio.create_task(listener.stop(within=30))
        assert [await ended(idle), await ended(half)] == [b"", b""]
        with pytest.raises(OSError, match=r".*"):
            await asyncio.open_connection("127.0.0.1", port)
        assert not stopping.done()
        desk.gate.set()
        assert await ended(reader) == frame(ack("M1"))
        await stopping
    assert desk.names == ["M1"]


@on_a_loop
async def test_a_stop_ends_even_if_the_handler_does_not():
    desk = Desk()
    desk.gate.clear()
    async with listening(desk, within=0.05) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(frame(message("M1")))
        await until(lambda: desk.busy == 1)
    assert await ended(reader) == b""
    assert desk.busy == 0
    writer.close()


@on_a_loop
async def test_a_stop_does_not_wait_for_handshakes(authority):
    tls = server_context(identity=authority.identity())
    desk = Desk()
    async with listening(desk, tls=tls, organisation="mercy") as listener, connected(listener.port) as (reader, _):
        await until(lambda: bool(listener._shaking_hands))
        await listener.stop(within=1000)
        assert await ended(reader) == b""


@on_a_loop
async def test_a_stopped_listeners_address_is_free_again():
    desk = Desk()
    async with listening(desk) as listener:
        port = listener.port
    again = Listener(Settings("front", "127.0.0.1", port, **LOOPBACK), desk)
    await again.start()
    assert await serves(again)
    await again.stop(within=1)


@on_a_loop
async def test_an_address_that_is_taken_is_said_at_once():
    desk = Desk()
    async with listening(desk) as listener:
        with pytest.raises(OSError, match="in use"):
            await Listener(Settings("front", "127.0.0.1", listener.port, **LOOPBACK), desk).start()


@on_a_loop
async def test_ipv4_addresses_are_the_same_in_the_clothes_of_ipv6():
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no dual-stack IPv6")
    desk = Desk()
    listener = Listener(Settings("front", "::", 0, **LOOPBACK), desk)
    await listener.start()
    async with connected(listener.port) as (reader, writer):
        writer.write(frame(message("M1")))
        assert await read_frame(reader) == ack("M1")
    assert desk.peers[0].address == "127.0.0.1"
    await listener.stop(within=1)


def test_row_18_no_answer_is_made_from_a_header_that_may_have_been_cut():
    cut = Refused(Reason.TOO_LARGE, 5000, message("M123")[:45])
    assert reply_to_refused(cut, **NOW) == CLOSE
    whole = Refused(Reason.TOO_LARGE, 5000, message("M123"))
    header = header_of(message("M123"))
    assert header
    reply = reply_to_refused(whole, **NOW)
    assert read(reply.answer).control_id == "M123"
    assert reply.close
    assert acknowledge(header, Code.AR, **NOW)[:20] == reply.answer[:20]


def test_replies_keep_to_what_the_sender_asks_for():
    assert read(reply_to_failure(message("M1", asks="AL/AL"), **NOW).answer).code == "CE"
    assert read(reply_to_failure(message("M1", asks="NE/AL"), **NOW).answer).code == "AE"
    assert reply_to_failure(message("M1", asks="NE/NE"), **NOW) == CLOSE
    assert reply_to_failure(b"no message", **NOW) == CLOSE
