"""One connection as a queue of events, for sender and listener alike.

Takes what asyncio says about a connection; keeps what has come and not been looked at (`events`), whether all that was written
has left (`flushed`), how the other side ended it (`ended`) and whether it can still be written to (`over`: not), and calls
`stirred` whenever something changed. No deadline and no decision here.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, cast

import msgspec

from segwright.transport.framing import Event, Parser


class Closed(msgspec.Struct, frozen=True):
    """The other side ended the connection, or the network did (`error`). What was open in the stream was reported before."""

    error: Exception | None


Heard: TypeAlias = Event | Closed


class Link(asyncio.Protocol):
    """`pausing`: nothing is read from the network while an event is waiting, so that no peer fills our memory."""

    def __init__(self, parser: Parser, stirred: Callable[[Link], None], *, pausing: bool = False) -> None:
        self.parser = parser
        self.events: deque[Heard] = deque()
        self.flushed = True
        self.over = False
        self.ended: Closed | None = None
        self._stirred = stirred
        self._pausing = pausing
        self._deaf = False
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- what its owner does ---

    def adopt(self, transport: asyncio.Transport) -> None:
        """The transport to use from now on: a TLS handshake makes a new one."""
        self._transport = transport
        # `flushed` is to mean every byte. asyncio's TLS takes a limit of 0 for "always too much".
        transport.set_write_buffer_limits(high=1 if transport.get_extra_info("ssl_object") else 0, low=0)
        _watch(transport.get_extra_info("socket"))

    def info(self, name: str) -> object:
        """What asyncio knows about the transport, such as `ssl_object`."""
        return self._transport.get_extra_info(name) if self._transport else None

    def write(self, data: bytes) -> None:
        """Hands bytes to the network; `flushed` says when the last has left this process."""
        if self._transport and not self.over:
            self._transport.write(data)

    def resume(self) -> None:
        """Reads on, once `events` has been emptied."""
        if self._transport and not self.over and not self.events:
            self._transport.resume_reading()

    def finish(self) -> None:
        """Says that no more will be written, and forgets what still comes. The other side can then read our last words: closing
        while it writes would take them away."""
        self._deaf = True
        self.events.clear()
        if self._transport and not self.over:
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._transport.resume_reading()

    def close(self) -> None:
        """Ends the connection in good order."""
        self.over = True
        if self._transport:
            self._transport.close()

    async def closed(self, *, within: float) -> None:
        """As `close`, and waits until it has ended; after `within` seconds it is ended at once."""
        self.close()
        if self._transport:
            await asyncio.wait([self._gone], timeout=within)
            self._transport.abort()
            await asyncio.wait([self._gone], timeout=within)

    async def gone(self, *, within: float) -> None:
        """Waits until the other side has ended the connection, `within` seconds at most."""
        await asyncio.wait([self._gone], timeout=within)

    def abort(self) -> None:
        """Ends the connection at once; bytes that have not left are dropped."""
        self.over = True
        if self._transport:
            self._transport.abort()

    # --- what asyncio says ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.adopt(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        if self.over or self._deaf:
            return
        self.events += self.parser.feed(data)
        if self._pausing and self.events and self._transport:
            self._transport.pause_reading()
        self._stirred(self)

    def eof_received(self) -> bool:
        self._end(None)
        # A peer that has said all may still wait for an answer to what only its end completed. TLS knows no such half.
        return self.info("ssl_object") is None and not (self.over or self._deaf)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self._end(exc)
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self.flushed = False

    def resume_writing(self) -> None:
        self.flushed = True
        self._stirred(self)

    def _end(self, error: Exception | None) -> None:
        if self.ended is None:
            self.ended = Closed(error)
            if not self._deaf:
                self.events += (*self.parser.end(), self.ended)
        self._stirred(self)


_PROBES: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))


def _watch(connection: socket.socket) -> None:
    """Has the system ask every minute whether the other side is still there: firewalls forget connections that are silent, and a
    forgotten one would count among a listener's for an hour."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
