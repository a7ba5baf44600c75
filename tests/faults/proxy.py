"""A TCP proxy that fails on purpose, between a client and a server on loopback.

Each connection has a `Plan`: what happens to the bytes of each direction. Nothing depends on the clock: a flow that holds its bytes
goes on when the test says so (`let_go`).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self


@dataclass(frozen=True)
class Flow:
    """One direction. `latency`: seconds before each piece; `piece`: bytes passed on at a time, at most. After `passes` bytes (None:
    never) happens `then`:

    reset    both connections end with RST
    close    what goes that way ends with FIN, the other way stays open (half-close)
    swallow  the rest is read and dropped (a lost acknowledgement; a black hole when `passes` is 0)
    stall    nothing more is read: the sender's window closes
    hold     nothing more is passed until `let_go` (a late acknowledgement)
    """

    latency: float = 0
    piece: int = 65536
    passes: int | None = None
    then: Literal["reset", "close", "swallow", "stall", "hold"] = "swallow"


@dataclass(frozen=True)
class Plan:
    """Both directions of one connection."""

    to_server: Flow = Flow()
    to_client: Flow = Flow()


SOUND = Plan()
BLACK_HOLE = Plan(Flow(passes=0), Flow(passes=0))
ONE_BYTE = Plan(Flow(piece=1), Flow(piece=1))
LOST_ANSWER = Plan(to_client=Flow(passes=0))
LATE_ANSWER = Plan(to_client=Flow(passes=0, then="hold"))
STALLED = Plan(to_server=Flow(passes=0, then="stall"))


@dataclass
class Proxy:
    """`async with Proxy(port, plans)`: connect to `.port`. The n-th connection gets the n-th plan, the others the last;
    or `plans` is a function of the connection's number (from 0)."""

    server_port: int
    plans: tuple[Plan, ...] | Callable[[int], Plan] = (SOUND,)
    connections: int = 0
    passed_to_server: int = 0
    passed_to_client: int = 0
    port: int = 0
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _connecting: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        tasks = [*self._connecting, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    def let_go(self) -> None:
        """What is held goes on."""
        self._let_go.set()

    def reset_all(self) -> None:
        """Every connection ends with RST, now."""
        for writer in self._writers:
            _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plan = self.plans(self.connections) if callable(self.plans) else self.plans[: self.connections + 1][-1]
        self.connections += 1
        self._writers.append(writer)
        connecting = asyncio.current_task()
        assert connecting is not None
        self._connecting.add(connecting)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            _reset(writer)
            return
        finally:
            self._connecting.discard(connecting)
        self._writers.append(server_writer)
        pair = (writer, server_writer)
        for flow, source, sink, count in (
            (plan.to_server, reader, server_writer, "passed_to_server"),
            (plan.to_client, server_reader, writer, "passed_to_client"),
        ):
            task = asyncio.create_task(self._pass(flow, source, sink, pair, count))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(
        self,
        flow: Flow,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        count: str,
    ) -> None:
        passed = 0
        happened = False
        try:
            while True:
                if flow.passes is not None and passed >= flow.passes and not happened:
                    happened = True
                    match flow.then:
                        case "close":
                            sink.write_eof()
                        case "stall":
                            await asyncio.Event().wait()
                        case "reset" if flow.passes:
                            for writer in pair:
                                _reset(writer)
                            return
                data = await source.read(_room(flow, passed))
                if not data:
                    if not (happened and flow.then == "close"):
                        sink.write_eof()
                    return
                if flow.latency:
                    await asyncio.sleep(flow.latency)
                match flow.then if happened else "":
                    case "swallow" | "close":
                        continue
                    case "hold":
                        await self._let_go.wait()
                    case "reset":
                        for writer in pair:
                            _reset(writer)
                        return
                sink.write(data)
                passed += len(data)
                setattr(self, count, getattr(self, count) + len(data))
                await sink.drain()
        except OSError:
            for writer in pair:
                writer.transport.abort()


def _room(flow: Flow, passed: int) -> int:
    left = flow.piece if flow.passes is None or passed >= flow.passes else min(flow.piece, flow.passes - passed)
    return max(left, 1)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST: lingering for no time does that."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
