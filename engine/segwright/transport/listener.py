"""Receiving: an MLLP server that hands each message to a handler and writes back what the handler says.

Takes connections; gives the handler whole frames, with the frozen identity of who sent them, and knows nothing of what they mean.
One message at a time on a connection, answers in the order of messages, however many frames the sender pipelines. Refuses whom it
does not know, whoever holds too many connections, and frames that are too large or too slow. Whatever fails, the sender is
answered or the connection ends: it is never left hanging.

**Who is it?** The organisation comes from the credential: on a mutual TLS listener from the client's certificate, by fingerprint
or name (`clients`), else the listener belongs to one organisation. A plain listener must say from which networks it is used.

**Memory** is bounded by `connections` × (`largest` + 256 KiB): nothing is read from a connection whose message is being handled.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

import msgspec

from segwright.hl7.wire import LARGEST
from segwright.transport.framing import Frame, Noise, Parser, Profile, Reason, Refused, Unframeable, frame
from segwright.transport.link import Closed, Heard, Link
from segwright.transport.tls import Certificate, client_key, peer_certificate


class Limits(msgspec.Struct, frozen=True):
    """What a listener bears. Times in seconds, sizes in bytes.

    `handlers`: messages in the hands of the handler at once, over all connections. `idle`: between two messages; `frame`: from
    the first byte of a frame to its last; `settle`: of silence, after which a tolerated end block without CR ends a frame;
    `handle`: for the handler, waiting for its turn included; `answer`: for writing an answer. `noise`: bytes between two frames.
    `linger`: how long the last answer before closing is left to be read.
    """

    largest: int = LARGEST
    connections: int = 500
    connections_per_address: int = 50
    connections_per_organisation: int = 100
    handlers: int = 64
    handshake: float = 10
    idle: float = 3600
    frame: float = 120
    settle: float = 1
    handle: float = 30
    answer: float = 30
    noise: int = 65536
    linger: float = 2


class Settings(msgspec.Struct, frozen=True):
    """A listener. `host` "0.0.0.0" or "::" means every address of the machine; `port` 0 takes any free one.

    Either `organisation` owns it, or `clients` says whose each client certificate is: fingerprint or name → organisation; then
    `tls` must demand certificates. `networks` (such as 10.20.0.0/16): where connections may come from; without TLS there must be
    some.
    """

    name: str
    host: str
    port: int
    organisation: str = ""
    clients: Mapping[str, str] = {}
    networks: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    profile: Profile = "strict"
    limits: Limits = Limits()


class Peer(msgspec.Struct, frozen=True):
    """Who sent a message. `organisation` is "" until it is known, which it is for every message; `certificate`: the client's."""

    listener: str
    address: str
    port: int
    organisation: str = ""
    certificate: Certificate | None = None


class Reply(msgspec.Struct, frozen=True):
    """What goes back: an answer without its frame, b"" for none (MSH-15 and MSH-16 may forbid one); further ones, such as the
    application's after the accept acknowledgement; and whether the connection ends after them."""

    answer: bytes = b""
    close: bool = False
    then: tuple[bytes, ...] = ()


CLOSE = Reply(close=True)


class Seen(StrEnum):
    """What a listener tells besides messages: for counting, and for alerts."""

    CONNECTED = "connected"
    CLOSED = "closed"
    NETWORK_REFUSED = "network_refused"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    HANDSHAKE_FAILED = "handshake_failed"
    STRANGER = "stranger"
    """A certificate that no organisation is known by."""
    NOISE = "noise"
    TOO_MUCH_NOISE = "too_much_noise"
    FRAME_REFUSED = "frame_refused"
    FRAME_TOO_SLOW = "frame_too_slow"
    IDLE = "idle"
    HANDLER_FAILED = "handler_failed"
    ANSWER_NOT_TAKEN = "answer_not_taken"
    """The sender did not read its answer, or was gone: it may send the message again."""
    CANNOT_ACCEPT = "cannot_accept"
    """The system gives no more connections (out of file descriptors)."""


class Handler(Protocol):
    """Whoever takes the messages. What it raises never reaches the sender."""

    async def receive(self, message: bytes, peer: Peer) -> Reply:
        """A whole message, out of its frame. Answers after it is safely stored."""
        ...

    async def refuse(self, refused: Refused, peer: Peer) -> Reply:
        """A frame that is no message; the sender is still there."""
        ...

    def failed(self, message: bytes, peer: Peer, error: Exception) -> Reply:
        """`receive` raised, or took too long (TimeoutError): what the sender is told. It should send the message again."""
        ...

    def observe(self, seen: Seen, peer: Peer, detail: str) -> None:
        """Something to count. `detail` is a reason's or an error's name, without message content."""
        ...


class Listener:
    """One listening address. `start` it, and `stop` it once."""

    def __init__(self, settings: Settings, handler: Handler) -> None:
        _check(settings)
        self.settings = settings
        self._handler = handler
        self._networks = tuple(ip_network(network) for network in settings.networks)
        self._clients = {client_key(client): organisation for client, organisation in settings.clients.items()}
        self._slots = asyncio.Semaphore(settings.limits.handlers)
        self._addresses: Counter[str] = Counter()
        self._organisations: Counter[str] = Counter()
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._shaking_hands: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._conversations: set[_Conversation] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._socket is not None, "the listener has not been started"
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Binds and listens. Raises OSError when the address cannot be had."""
        settings = self.settings
        self._socket = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            dualstack_ipv6=settings.host == "::" and socket.has_dualstack_ipv6(),
            backlog=128,
        )
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._socket))

    async def stop(self, *, within: float) -> None:
        """Takes no more connections, lets messages that the handler has be answered, and ends; after `within` seconds at once.
        Frames that the handler has not seen get no answer: their senders send them again."""
        self._stopping = True
        if self._accepting and self._socket:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._socket.close()
        for task in self._shaking_hands:
            task.cancel()
        for conversation in self._conversations:
            conversation.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                self._handler.observe(Seen.CANNOT_ACCEPT, self._peer("", 0), type(error).__name__)
                await asyncio.sleep(0.1)
                continue
            task = asyncio.create_task(self._serve(connection, self._peer(address[0], address[1])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _peer(self, address: str, port: int) -> Peer:
        return Peer(self.settings.name, _plain(address), port)

    async def _serve(self, connection: socket.socket, peer: Peer) -> None:
        """One connection, from its acceptance to its end."""
        limits = self.settings.limits
        if self._stopping:
            connection.close()
            return
        if self._networks and not any(ip_address(peer.address) in network for network in self._networks):
            self._turn_away(connection, Seen.NETWORK_REFUSED, peer)
            return
        with (
            _counted(self._addresses, peer.address, limits.connections_per_address) as welcome,
            _counted(self._addresses, "", limits.connections) as room,
        ):
            if not (welcome and room):
                self._turn_away(connection, Seen.TOO_MANY_CONNECTIONS, peer)
                return
            conversation = _Conversation(self.settings, self._handler, self._slots, peer)
            try:
                await self._converse(conversation, connection)
            finally:
                self._conversations.discard(conversation)
                conversation.link.abort()

    def _turn_away(self, connection: socket.socket, seen: Seen, peer: Peer) -> None:
        connection.close()
        self._handler.observe(seen, peer, "")

    async def _converse(self, conversation: _Conversation, connection: socket.socket) -> None:
        if not await self._opened(conversation, connection):
            return
        peer = conversation.peer = self._identified(conversation)
        if not peer.organisation:
            self._handler.observe(Seen.STRANGER, peer, peer.certificate.fingerprint if peer.certificate else "")
            return
        most = self.settings.limits.connections_per_organisation
        with _counted(self._organisations, peer.organisation, most) as welcome:
            if not welcome:
                self._handler.observe(Seen.TOO_MANY_CONNECTIONS, peer, "")
                return
            self._conversations.add(conversation)
            self._handler.observe(Seen.CONNECTED, peer, "")
            try:
                await conversation.run()
            finally:
                self._handler.observe(Seen.CLOSED, peer, "")

    async def _opened(self, conversation: _Conversation, connection: socket.socket) -> bool:
        """Makes the connection one of asyncio's, TLS included."""
        tls = self.settings.tls
        patience = self.settings.limits.handshake if tls else None
        task = asyncio.current_task()
        assert task is not None
        self._shaking_hands.add(task)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: conversation.link,
                connection,
                ssl=tls,
                ssl_handshake_timeout=patience,
                ssl_shutdown_timeout=patience,
            )
        except OSError as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            self._handler.observe(Seen.HANDSHAKE_FAILED, conversation.peer, str(reason))
            return False
        finally:
            self._shaking_hands.discard(task)
        return True

    def _identified(self, conversation: _Conversation) -> Peer:
        """The peer with what its credential says. A certificate that two organisations are known by is nobody's."""
        peer = conversation.peer
        tls = conversation.link.info("ssl_object")
        certificate = peer_certificate(tls) if isinstance(tls, ssl.SSLObject) else None
        organisation = self.settings.organisation
        if self._clients:
            keys = (certificate.fingerprint, *certificate.names) if certificate else ()
            owners = {self._clients[key] for key in keys if key in self._clients}
            organisation = owners.pop() if len(owners) == 1 else ""
        return msgspec.structs.replace(peer, organisation=organisation, certificate=certificate)


class _Conversation:
    """The messages of one connection, one after another."""

    def __init__(self, settings: Settings, handler: Handler, slots: asyncio.Semaphore, peer: Peer) -> None:
        self.peer = peer
        self._limits = settings.limits
        self._handler = handler
        self._slots = slots
        self._parser = Parser(largest=settings.limits.largest, profile=settings.profile)
        self.link = Link(self._parser, self._stirred, pausing=True)
        self._noise = 0
        self._stopping = False
        self._wake: asyncio.Event = asyncio.Event()

    def stop(self) -> None:
        """Ends after the message that is being handled."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until one side has had enough."""
        while not self._stopping:
            heard = await self._next()
            if heard is None or not await self._met(heard):
                break
        await self.link.closed(within=self._limits.linger)

    async def _met(self, heard: Heard) -> bool:
        """What one event leads to; False ends the connection."""
        match heard:
            case Frame(content):
                self._noise = 0
                return await self._say(await self._handled(content))
            case Refused(reason):
                self._handler.observe(Seen.FRAME_REFUSED, self.peer, reason)
                return reason is Reason.CUT_SHORT or await self._say(await self._refused(heard))
            case Noise(content):
                self._noise += len(content)
                much = self._noise > self._limits.noise
                self._handler.observe(Seen.TOO_MUCH_NOISE if much else Seen.NOISE, self.peer, str(len(content)))
                return not much
            case Closed():
                return False

    # --- waiting ---

    async def _next(self) -> Heard | None:
        """The next event; None when this connection has been silent or slow for too long, or the listener stops."""
        loop = asyncio.get_running_loop()
        idle = loop.time() + self._limits.idle
        slow: float | None = None
        while not self.link.events:
            if self._stopping:
                return None
            if self._parser.inside and slow is None:
                slow = loop.time() + self._limits.frame
            until = idle if slow is None else slow
            if self._parser.may_be_over:
                until = min(until, loop.time() + self._limits.settle)
            self.link.resume()
            if not await self._changed(until):
                self.link.events += self._parser.settle()
                if not self.link.events:
                    self._handler.observe(Seen.IDLE if slow is None else Seen.FRAME_TOO_SLOW, self.peer, "")
                    return None
        return self.link.events.popleft()

    async def _changed(self, until: float) -> bool:
        """Waits until something about the connection changes; False when that did not happen in time."""
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    def _stirred(self, link: Link) -> None:
        self._wake.set()

    # --- answering ---

    async def _handled(self, content: bytes) -> Reply:
        try:
            async with asyncio.timeout(self._limits.handle), self._slots:
                return await self._handler.receive(content, self.peer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender is answered
            self._handler.observe(Seen.HANDLER_FAILED, self.peer, type(error).__name__)
            return self._excused(content, error)

    async def _refused(self, refused: Refused) -> Reply:
        try:
            async with asyncio.timeout(self._limits.handle):
                return await self._handler.refuse(refused, self.peer)
        except Exception as error:  # noqa: BLE001 - as above
            self._handler.observe(Seen.HANDLER_FAILED, self.peer, type(error).__name__)
            return CLOSE

    def _excused(self, content: bytes, error: Exception) -> Reply:
        """The reply to a failure, whose own failure closes the connection."""
        try:
            return self._handler.failed(content, self.peer, error)
        except Exception:  # noqa: BLE001 - the last resort
            return CLOSE

    async def _say(self, reply: Reply) -> bool:
        """Writes a reply. False when nothing more is to be said or heard."""
        for answer in (reply.answer, *reply.then):
            if answer and not await self._written(answer):
                return False
        if reply.answer and reply.close:
            self.link.finish()
            await self.link.gone(within=self._limits.linger)
        return not reply.close

    async def _written(self, answer: bytes) -> bool:
        try:
            framed = frame(answer)
        except Unframeable:
            self._handler.observe(Seen.HANDLER_FAILED, self.peer, Unframeable.__name__)
            return False
        until = asyncio.get_running_loop().time() + self._limits.answer
        self.link.write(framed)
        while not (self.link.flushed or self.link.over):
            if not await self._changed(until):
                break
        if self.link.over or not self.link.flushed:
            self._handler.observe(Seen.ANSWER_NOT_TAKEN, self.peer, "")
            return False
        return True


@contextmanager
def _counted(counter: Counter[str], key: str, most: int) -> Iterator[bool]:
    """Counts one more for as long as it lasts, if that is within `most`; gives whether it is."""
    welcome = counter[key] < most
    counter[key] += welcome
    try:
        yield welcome
    finally:
        counter[key] -= welcome
        if not counter[key]:
            del counter[key]


def _plain(address: str) -> str:
    """An address without zone; an IPv4 address in IPv6 clothes as IPv4."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)


def _check(settings: Settings) -> None:
    """Raises ValueError for settings that would take messages from nobody knows whom."""
    if bool(settings.organisation) == bool(settings.clients):
        raise ValueError("a listener belongs to an organisation, or knows clients by their certificates: one of both")
    demanding = settings.tls is not None and settings.tls.verify_mode is ssl.CERT_REQUIRED
    if settings.clients and not demanding:
        raise ValueError("clients are known by certificates only where TLS demands them")
    if settings.tls is None and not settings.networks:
        raise ValueError("a listener without TLS has to say from which networks it is used")
