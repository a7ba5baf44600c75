"""A simulated hospital at work: it listens for results, files or refuses them, and sends orders.

Takes a manifest, a `Mode` and a `Record`; keeps every decision in the record before the other side can know of it. After a
restart it knows what it filed, and sends the application acknowledgements that it still owes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from segwright.hl7.acknowledgement import (
    Acknowledgement,
    Code,
    Fault,
    Header,
    acknowledge,
    header_of,
    owed,
    read_acknowledgement,
)  # fmt: skip
from segwright.hl7.paths import Path
from segwright.plan.manifest import Manifest
from segwright.simulation.judge import Reading, read
from segwright.simulation.mode import Conduct, Memory, Mode
from segwright.simulation.orders import Control, Numbered, Samples, order
from segwright.simulation.record import Event, Record
from segwright.transport.framing import Frame, Parser, frame
from segwright.transport.sender import Answered, Deadlines, Destination, Sender, by_control_id

PATIENCE: Final = Deadlines(connect=5, handshake=5, write=10, answer=30, whole=45)

_NO_FIELD: Final = "PID-3.1"  # what is "missing" when a refusing hospital agreed on nothing mandatory


class Hospital:
    """One organisation's EHR. `inbound`: where its orders go; `told`: is called with every event, after it is kept."""

    def __init__(
        self, manifest: Manifest, record: Record, mode: Mode | None = None, *, seed: int = 0,
        inbound: Destination | None = None, told: Callable[[Event], None] = lambda event: None,
    ) -> None:  # fmt: skip
        self.manifest = manifest
        self.record = record
        self.mode = mode or Mode()
        self.seed = seed
        self._chance = random.Random(seed)
        self._told = told
        self._doors: dict[str, _Door] = {}
        self._inbound = inbound
        self._sender = Sender(inbound, PATIENCE) if inbound else None
        self._second: Sender | None = Sender(inbound, PATIENCE) if inbound else None
        self._sending = asyncio.Lock()
        self._confirming: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._filed: dict[str, str] = {}
        self._seen: set[str] = set()
        self._last = ""
        self._script: list[Conduct] = []
        self._sent = itertools.count(1)
        self._own = itertools.count(1)
        self.orders = 0
        self._remember()

    def _remember(self) -> None:
        owing: dict[str, Event] = {}
        sent = 0
        for event in self.record.before:
            self._seen.add(event.control_id)
            match event.what:
                case "filed":
                    self._filed[event.control_id] = event.sha256
                case "sent":
                    sent += 1
                    self.orders = max(self.orders, event.number)
                case "confirmed":
                    owing.pop(event.control_id, None)
            if event.owes:
                owing[event.control_id] = event
        self._sent = itertools.count(sent + 1)
        self._own = itertools.count(len(self.record.before) + 1)
        for event in owing.values():
            self._confirming.put_nowait(event)

    # --- running ---

    async def start(self, addresses: Mapping[str, tuple[str, int]]) -> None:
        """Listens, at an address for each destination (port 0: any). Raises OSError when an address cannot be had."""
        for name, (host, port) in addresses.items():
            door = _Door(name, host, port, self._converse)
            await door.open()
            self._doors[name] = door
        if self._second is not None:
            self._task(self._confirm_for_ever(self._second))

    @property
    def ports(self) -> dict[str, int]:
        """Where it listens, by destination."""
        return {name: door.port for name, door in self._doors.items()}

    async def stop(self) -> None:
        """Ends. What it owes it will send when it is started again."""
        for door in self._doors.values():
            await door.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sender in (self._sender, self._second):
            if sender is not None:
                await sender.close()
        self.record.close()

    async def go_down(self) -> None:
        """Accepts no connection, and ends those that there are, until `come_up`."""
        for door in self._doors.values():
            await door.close()

    async def come_up(self) -> None:
        """Listens again where it did."""
        for door in self._doors.values():
            await door.open()

    async def has_confirmed(self) -> None:
        """Waits until it owes no application acknowledgement any more."""
        await self._confirming.join()

    def next(self, *conducts: Conduct) -> None:
        """What the next messages meet, whatever the mode says."""
        self._script += conducts

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep(self, event: Event) -> None:
        self.record.add(event)
        self._told(event)

    # --- what it sends ---

    async def order(
        self, samples: Samples, control: Control = "new", number: int = 0
    ) -> tuple[Numbered, Acknowledgement | None]:
        """Sends an order, a new one or a word about an earlier one; gives the answer, None when none came."""
        if not number:
            self.orders += 1
            number = self.orders
        made = order(samples, control, number, next(self._sent), self.seed, datetime.now(UTC))
        return made, await self.send(made)

    async def send(self, made: Numbered) -> Acknowledgement | None:
        """Sends an order message (again); gives the answer, None when none came. Two calls take turns."""
        if self._sender is None:
            raise ValueError("this hospital was not told where to send orders")
        header = header_of(made.body)
        event = Event(
            _now(), "sent", made.control_id, type=header.field(9) if header else "", about=(made.placer,),
            number=made.number, control=made.control,
        )  # fmt: skip
        async with self._sending:
            self._keep(event)
            outcome = await self._sender.send(made.body, judge=by_control_id(made.control_id))
        found = read_acknowledgement(outcome.answer) if isinstance(outcome, Answered) else None
        if not isinstance(found, Acknowledgement):
            self._keep(replace(event, at=_now(), what="unanswered"))
            return None
        said = tuple(_said(fault) for fault in found.faults)
        self._keep(replace(event, at=_now(), what="answered", code=found.code, faults=said))
        return found

    # --- what comes ---

    async def _converse(self, door: _Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The messages of one connection, one after another."""
        parser = Parser(profile="tolerant")
        while data := await reader.read(65536):
            for event in parser.feed(data):
                if isinstance(event, Frame) and not await self._take(door, event.content, reader, writer):
                    return

    async def _take(self, door: _Door, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One message, treated as the mode says; False ends the connection."""
        reading = read(self.manifest, body)
        conduct = self._script.pop(0) if self._script else self.mode.draw(self._chance)
        known = reading.control_id in self._seen
        self._seen.add(reading.control_id)
        if reading.header is None:
            self._keep(self._event("ignored", door, reading, conduct))
            return False
        match conduct:
            case Conduct.DEAD:
                self._keep(self._event("ignored", door, reading, conduct))
                while await reader.read(65536):
                    pass
                return False
            case Conduct.DOWN:
                self._keep(self._event("ignored", door, reading, conduct))
                self._task(self._be_down())
                return False
            case Conduct.REFUSING:
                await self._refuse(door, reading, conduct, writer, Code.AE, (self._made_up(reading),))
                return True
            case Conduct.TRANSIENT if not known:
                await self._refuse(
                    door, reading, conduct, writer, Code.AE, (Fault("207", None, text="try again later"),), now=True
                )
                return True
            case Conduct.SLOW:
                await asyncio.sleep(self.mode.slow)
        return await self._judged(door, reading, conduct, writer)

    async def _judged(self, door: _Door, reading: Reading, conduct: Conduct, writer: asyncio.StreamWriter) -> bool:
        if reading.faults:
            code = Code.AR if reading.rejected else Code.AE
            await self._refuse(door, reading, conduct, writer, code, reading.faults)
            return True
        before = self._filed.get(reading.control_id)
        again = before is not None
        if before not in (None, reading.sha256):
            fault = Fault("205", _MSH_10, text="another message has this control id")
            await self._refuse(door, reading, conduct, writer, Code.AR, (fault,), now=True)
            return True
        if again and self.mode.memory is Memory.AVERSE:
            fault = Fault("205", _MSH_10, text="this message has been received already")
            await self._refuse(door, reading, conduct, writer, Code.AR, (fault,), now=True)
            return True
        what = "repeated" if again and self.mode.memory is Memory.HONOURS else "filed"
        return await self._file(door, reading, conduct, writer, what, again=again)

    async def _file(
        self, door: _Door, reading: Reading, conduct: Conduct, writer: asyncio.StreamWriter, what: str, *, again: bool
    ) -> bool:
        header = reading.header
        assert header is not None
        first, second, elsewhere = self._codes(header, conduct)
        own = f"H{next(self._own):07}"
        later = self._answer(header, second, f"{own}-2") if second is not None else b""
        event = self._event(
            what, door, reading, conduct, again=again, code=first or "", owes=later if elsewhere else b""
        )
        self._keep(event)
        self._filed[reading.control_id] = reading.sha256
        previous, self._last = self._last, reading.control_id
        match conduct:
            case Conduct.LOSSY:
                return False
            case Conduct.LATE:
                await asyncio.sleep(self.mode.late)
            case Conduct.WRONG_ID:
                header = _answering(
                    header, previous if previous not in ("", reading.control_id) else f"{reading.control_id}0"[-20:]
                )
        if first is not None:
            await self._write(writer, self._answer(header, first, own))
        if later and elsewhere:
            self._confirming.put_nowait(event)
        elif later:
            await asyncio.sleep(self.mode.second)
            await self._write(writer, later)
            self._keep(Event(_now(), "confirmed", reading.control_id, door=door.name, code=second or ""))
        return True

    def _codes(self, header: Header, conduct: Conduct) -> tuple[Code | None, Code | None, bool]:
        """What is answered at once, what later, and whether that goes by a connection of its own."""
        if conduct in (Conduct.TWO_PHASE, Conduct.TWO_PHASE_ELSEWHERE):
            return Code.CA, Code.AA, conduct is Conduct.TWO_PHASE_ELSEWHERE and self._second is not None
        asked = owed(header, "accepted")
        if asked.accept is None:
            return asked.application, None, False
        elsewhere = self.manifest.acknowledgement.confirmation_on == "other" and self._second is not None
        return asked.accept, asked.application, elsewhere

    async def _refuse(
        self, door: _Door, reading: Reading, conduct: Conduct, writer: asyncio.StreamWriter, code: Code,
        faults: tuple[Fault, ...], *, now: bool = False,
    ) -> None:  # fmt: skip
        """Refuses: at once, or by the application after the accept acknowledgement where both are asked for (unless `now`)."""
        header = reading.header
        assert header is not None
        asked = owed(header, "error" if code is Code.AE else "rejected")
        accept = asked.accept is not None
        at_once = _COMMIT[code] if accept else code
        own = f"H{next(self._own):07}"
        if accept and asked.application is not None and not now:
            later = self._answer(header, code, f"{own}-2", faults)
            elsewhere = self.manifest.acknowledgement.confirmation_on == "other" and self._second is not None
            event = self._event(
                "refused", door, reading, conduct, code=code, faults=faults, owes=later if elsewhere else b""
            )
            self._keep(event)
            await self._write(writer, self._answer(header, Code.CA, own))
            if elsewhere:
                self._confirming.put_nowait(event)
            else:
                await self._write(writer, later)
            return
        self._keep(self._event("refused", door, reading, conduct, code=at_once, faults=faults))
        await self._write(writer, self._answer(header, at_once, own, faults))

    def _answer(self, header: Header, code: Code, own: str, faults: tuple[Fault, ...] = ()) -> bytes:
        return acknowledge(header, code, control_id=own, time=_stamp(), faults=faults)

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        """What the other side does not stay to read is lost, as it is in life."""
        with contextlib.suppress(OSError):
            writer.write(frame(answer))
            await writer.drain()

    def _event(self, what: str, door: _Door, reading: Reading, conduct: Conduct, *, code: str = "", again: bool = False,
               faults: tuple[Fault, ...] = (), owes: bytes = b"") -> Event:  # fmt: skip
        return Event(
            _now(), what, reading.control_id, type=reading.type, door=door.name, sha256=reading.sha256, code=code,  # type: ignore[arg-type]
            conduct=conduct, about=reading.about, status=reading.status, again=again,
            faults=tuple(_said(fault) for fault in faults), owes=owes, segments=reading.segments,
        )  # fmt: skip

    def _made_up(self, reading: Reading) -> Fault:
        mandatory = [path for e in self.manifest.catalogue if reading.type in e.types for path in e.mandatory]
        path = Path.parse(self._chance.choice(mandatory or [_NO_FIELD]))
        return Fault("101", path, text=f"{path} is not as it is wanted here")

    async def _be_down(self) -> None:
        await self.go_down()
        await asyncio.sleep(self.mode.down)
        await self.come_up()

    # --- what it owes ---

    async def _confirm_for_ever(self, sender: Sender) -> None:
        """Application acknowledgements that go by a connection of their own, each until it is answered."""
        while True:
            event = await self._confirming.get()
            await asyncio.sleep(self.mode.second)
            found = read_acknowledgement(event.owes)
            assert isinstance(found, Acknowledgement)
            while not isinstance(await sender.send(event.owes, judge=by_control_id(found.own_id)), Answered):
                await asyncio.sleep(0.5)
            self._keep(
                Event(_now(), "confirmed", event.control_id, door=event.door, code=found.code, conduct="elsewhere")
            )
            self._confirming.task_done()


class _Door:
    """One listening address, closed and opened again at will."""

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        converse: Callable[[_Door, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self._converse = converse
        self._server: asyncio.Server | None = None
        self._talking: set[asyncio.Task[object]] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._entered, self.host, self.port, family=socket.AF_INET6 if ":" in self.host else socket.AF_INET
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._talking):
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)

    async def _entered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talking.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._converse(self, reader, writer)
        finally:
            self._talking.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()


_MSH_10: Final = Path("MSH", 1, 10)
_NOT_NOW: Final = Fault("207", None, text="try again later")
_COMMIT: Final = {Code.AE: Code.CE, Code.AR: Code.CR}


def _answering(header: Header, control_id: str) -> Header:
    """The header with another MSH-10, so that the answer names another message."""
    fields = list(header.fields)
    fields[10] = control_id
    return replace(header, fields=tuple(fields))


def _said(fault: Fault) -> str:
    return f"{fault.condition} at {fault.path}" if fault.path else fault.condition


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
