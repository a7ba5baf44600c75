"""The other ends of the wire, each a process of its own so that they cost both contestants the same:

    python -m tests.bench.network send        hospitals that send orders, each the next when the last is answered
    python -m tests.bench.network receive     a hospital that takes whatever comes and acknowledges it at once
    python -m tests.bench.network delay SOCKET MS    a network between a program and a server: each way takes so long

Plain sockets and one `select`: they must never be what is measured. Both are told what to do by lines of JSON and answer with
lines of JSON. Times are those of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, Self, cast

ROOT: Final = Path(__file__).parents[2]
BEGIN, END = b"\x0b", b"\x1c\r"
FROM_ONE_ADDRESS: Final = 40
"""Connections that come from one loopback address: a listener takes fifty of one address, as it should."""
PATIENCE: Final = 120.0


class Process:
    """A process of the benchmark: `ask` it, and `end` it."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'engine'}{os.pathsep}{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def tell(self, **what: Any) -> None:
        """Says something, without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next thing that it says. Ends the benchmark when it has nothing more to say."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a process of the benchmark ended: {self._process.args!r}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **what: Any) -> dict[str, Any]:
        """Says something and waits for the answer."""
        self.tell(**what)
        return self.hear()

    def end(self) -> None:
        """Lets it finish, and waits for that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def say(**what: Any) -> None:
    """One line to whoever started this process."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def field(message: bytes, number: int) -> bytes:
    """A field of the first segment of a message whose field separator is `|`."""
    return message.split(b"\r", 1)[0].split(b"|")[number - 1]


# --- sending -------------------------------------------------------------------------------------------------------------


def send(port: int, connections: int, first: int, count: int) -> dict[str, float]:
    """Sends orders number `first` and following; gives when it began and ended. Every answer is looked at."""
    from tests.bench import hospital

    ready = [BEGIN + hospital.order(first + number) + END for number in range(count)]
    awaited: dict[socket.socket, bytes] = {}
    heard: dict[socket.socket, bytes] = {}
    selector = selectors.DefaultSelector()
    sockets = []
    for number in range(min(connections, count)):
        own = socket.create_connection(
            ("127.0.0.1", port), source_address=(f"127.0.0.{2 + number // FROM_ONE_ADDRESS}", 0)
        )
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(own, selectors.EVENT_READ)
        heard[own] = b""
        sockets.append(own)
    sent = answered = 0

    def following(own: socket.socket) -> None:
        nonlocal sent
        if sent < count:
            awaited[own] = hospital.control_id(first + sent)
            own.sendall(ready[sent])
            sent += 1

    start = time.monotonic()
    for own in sockets:
        following(own)
    while answered < count:
        events = selector.select(PATIENCE)
        if not events:
            raise SystemExit("no order was answered any more")
        for key, _ in events:
            own = key.fileobj  # type: ignore[assignment]
            data = own.recv(65536)
            if not data:
                raise SystemExit("the receiver of orders closed a connection")
            heard[own] += data
            if heard[own].endswith(END):
                if b"\rMSA|AA|%b" % awaited[own] not in heard[own] and b"\rMSA|CA|%b" % awaited[own] not in heard[own]:
                    raise SystemExit(f"an order was not accepted: {heard[own]!r}")
                heard[own] = b""
                answered += 1
                following(own)
    end = time.monotonic()
    for own in sockets:
        own.close()
    return {"start": start, "end": end}


def _send() -> None:
    for line in sys.stdin:
        say(**send(**json.loads(line)))


# --- receiving -----------------------------------------------------------------------------------------------------------


def _receive() -> None:
    """Says its port; then, told a `count`, that it waits for them, and when so many messages were acknowledged and how many
    different ones there were."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ, "told")
    say(port=listening.getsockname()[1])
    heard: dict[socket.socket, bytes] = {}
    seen: list[bytes] = []
    wanted = 0
    while True:
        for key, _ in selector.select():
            own = key.fileobj
            if key.data == "told":
                line = sys.stdin.readline()
                if not line:
                    return
                wanted = json.loads(line)["count"]
                seen = []
                say(waiting=wanted)
            elif own is listening:
                one, _ = listening.accept()
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                heard[one] = b""
                selector.register(one, selectors.EVENT_READ)
            else:
                assert isinstance(own, socket.socket)
                data = own.recv(65536)
                if not data:
                    selector.unregister(own)
                    own.close()
                    continue
                *messages, heard[own] = (heard[own] + data).split(END)
                for message in messages:
                    control_id = field(message, 10)
                    own.sendall(
                        b"\x0bMSH|^~\\&|EHR|H|ECGAI|READING|20260302||ACK|E%b|T|2.4\rMSA|AA|%b\r\x1c\r"
                        % (control_id, control_id)
                    )
                    seen.append(control_id)
        if wanted and len(seen) >= wanted:
            say(end=time.monotonic(), different=len(set(seen)))
            wanted = 0


# --- a network -----------------------------------------------------------------------------------------------------------


class _Way(asyncio.Protocol):
    """One end of a connection: what it hears comes out at the other end some time later, in order, however much is under way."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.other: _Way | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._arrived, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other and self.other.transport:
            self.other.transport.close()

    def _arrived(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:  # the connection to the server is still being made
            asyncio.get_running_loop().call_later(self._seconds, self._arrived, data)


async def _delay(server: str, milliseconds: str) -> None:
    """Says its port; passes connections on to a server at a Unix socket."""
    loop = asyncio.get_running_loop()
    seconds = float(milliseconds) / 1000

    def accepted() -> _Way:
        near = _Way(seconds)

        async def connect() -> None:
            _, far = await loop.create_unix_connection(lambda: _Way(seconds), server)
            near.other, far.other = far, near

        connecting.append(loop.create_task(connect()))
        return near

    connecting: list[asyncio.Task[None]] = []
    listening = await loop.create_server(accepted, "127.0.0.1", 0)
    say(port=listening.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1] == "delay":
        asyncio.run(_delay(*sys.argv[2:]))
    else:
        {"send": _send, "receive": _receive}[sys.argv[1]]()
