"""A hospital's manifest, made of its org.yaml as a bundle has it, and a client that speaks MLLP to a simulated hospital."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
import pytest

from segwright.plan.manifest import Manifest
from segwright.service.bundling import write_bundles
from segwright.service.opening import check
from segwright.simulation.hospital import Hospital
from segwright.simulation.mode import mode_of
from segwright.simulation.record import Event, Record, events
from segwright.transport.framing import Frame, Parser, frame

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    compiled, _ = check(ROOT, ("larkspur", "tamarack"))
    for organisation in compiled.organisations.values():
        write_bundles(folder, organisation, compiled.sources)
    return folder


@pytest.fixture(scope="session")
def manifest(bundles: Path) -> Callable[[str], Manifest]:
    return lambda org: msgspec.json.decode((bundles / org / "test" / "manifest.json").read_bytes(), type=Manifest)


class Client:
    """Writes messages on one connection, and reads what comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = Parser()
        self._waiting: list[bytes] = []

    async def say(self, message: bytes) -> None:
        self._writer.write(frame(message))
        await self._writer.drain()

    async def hear(self) -> bytes | None:
        """The next answer; None when the connection ended."""
        while not self._waiting:
            data = await asyncio.wait_for(self._reader.read(65536), 20)
            if not data:
                return None
            self._waiting += [event.content for event in self._parser.feed(data) if isinstance(event, Frame)]
        return self._waiting.pop(0)

    async def ask(self, message: bytes) -> str:
        """MSA and ERR segments of the answer, "" when the connection ended instead."""
        await self.say(message)
        answer = await self.hear()
        return "" if answer is None else "\r".join(answer.decode().split("\r")[1:]).strip("\r")

    def close(self) -> None:
        self._writer.close()


class Scene:
    """A simulated hospital on a free port. `async with Scene(…) as scene`."""

    def __init__(self, manifest: Manifest, file: Path, *words: str, **more: object) -> None:
        self.manifest = manifest
        self.file = file
        self.words = words
        self.more = more
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        mode = msgspec.structs.replace(mode_of(self.words), slow=0.01, late=0.05, down=0.05, second=0.01)
        self.hospital = Hospital(self.manifest, Record(self.file), mode, seed=1, **self.more)  # type: ignore[arg-type]
        await self.hospital.start(dict.fromkeys(self.manifest.destinations, ("127.0.0.1", 0)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        await self.hospital.stop()

    async def client(self, destination: str = "outbound") -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.hospital.ports[destination]))
        self._clients.append(client)
        return client

    def events(self) -> list[Event]:
        return list(events(self.file))

    def whats(self) -> list[str]:
        return [event.what for event in self.events()]


def result(control_id: str = "M1", without: str = "") -> bytes:
    """A final result as Larkspur takes it; `without`: a field that is left empty, such as OBR-22."""
    lines = (ROOT / "snapshots" / "larkspur" / "final.ecg_result.hl7").read_bytes().decode().split("\r")
    segment, _, number = without.partition("-")
    for index, line in enumerate(lines):
        fields = line.split("|")
        if fields[0] == "MSH":
            fields[9] = control_id
        elif without and fields[0] == segment:
            fields[int(number)] = ""
        lines[index] = "|".join(fields)
    return "\r".join(lines).encode()


@pytest.fixture
def scenes(tmp_path: Path, manifest: Callable[[str], Manifest]) -> Callable[..., Scene]:
    return lambda *words, org="larkspur", **more: Scene(manifest(org), tmp_path / "hospital.jsonl", *words, **more)
