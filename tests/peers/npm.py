"""MLLP implementations from npm."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.npm import NODE, installed
from tests.ports import free_ports

HERE = Path(__file__).parent
SCRIPTS = ("client.mjs", "server.mjs")


def send(library: str, port: int, files: list[Path]) -> list[dict[str, str]]:
    """Sends messages by a client from npm, on one connection; gives code and MSA-2 of each answer."""
    command = [str(NODE), "client.mjs", library, str(port), *map(str, files)]
    done = subprocess.run(
        command, cwd=installed(HERE, *SCRIPTS), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Receiving:
    """A server from npm that runs. `filed`: control id and placer of each message it gave to its handler, as they came."""

    def __init__(self, library: str) -> None:
        (self.port,) = free_ports(1)
        self.filed: list[dict[str, str]] = []
        self._process = subprocess.Popen(
            [str(NODE), "server.mjs", library, str(self.port)],
            cwd=installed(HERE, *SCRIPTS), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        first: queue.Queue[dict[str, str]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(first,), daemon=True)
        self._reader.start()
        assert "listening" in first.get(timeout=60)

    def _read(self, first: queue.Queue[dict[str, str]]) -> None:
        assert self._process.stdout is not None
        first.put(json.loads(self._process.stdout.readline() or "{}"))
        for line in self._process.stdout:
            self.filed.append(json.loads(line))

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=30)
        self._reader.join(10)


@contextmanager
def receiving(library: str) -> Iterator[Receiving]:
    """A server from npm, as long as it is needed."""
    receiver = Receiving(library)
    try:
        yield receiver
    finally:
        receiver.close()
