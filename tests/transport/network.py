"""What the tests of the transport share: a loop for each test, scripted receivers, messages and answers."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from segwright.transport.framing import frame

PATIENT = "CANARY"


def on_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs a test in an event loop of its own. Whatever the loop complains of fails it; so does a minute without an end."""

    @functools.wraps(test)
    def run(*args: Any, **options: Any) -> None:
        complaints: list[dict[str, Any]] = []

        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
            async with asyncio.timeout(60):
                await test(*args, **options)

        asyncio.run(whole())
        assert not complaints

    return run


def message(control_id: str, *, asks: str = "", padding: int = 0) -> bytes:
    """A result for a patient whose name must stay inside."""
    accept, _, application = asks.partition("/")
    msh = f"MSH|^~\\&|AI|US|EHR|H|20260101||ORU^R01|{control_id}|P|2.4|||{accept}|{application}"
    return f"{msh}\rPID|1||1||{PATIENT}\rOBX|1|ST|{'x' * padding}\r".encode()


def ack(control_id: str, code: str = "AA") -> bytes:
    return f"MSH|^~\\&|EHR|H|AI|US|20260101||ACK|A{control_id}|P|2.4\rMSA|{code}|{control_id}\r".encode()


def control_id(content: bytes) -> str:
    return content.split(b"|")[9].decode()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's content, b"" when the stream is over."""
    try:
        framed = await reader.readuntil(b"\x1c\r")
    except asyncio.IncompleteReadError:
        return b""
    return framed[framed.index(b"\x0b") + 1 : -2]


class Receiver:
    """A scripted receiver. `script(reader, writer)` is one connection; what raises in it is the network's doing."""

    def __init__(self, script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.script = script
        self.port = 0
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.script(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A receiver that plays its script on every connection."""
    receiver = Receiver(script)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, limit=2**26)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


def answering(*contents: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Answers each message of a connection with the next of these bytes as they are, then with an AA each."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = list(contents)
        while received := await read_frame(reader):
            writer.write(waiting.pop(0) if waiting else frame(ack(control_id(received))))
            await writer.drain()

    return script


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what will happen, however long it takes."""
    while not condition():
        await asyncio.sleep(0.005)
