"""A real `segwright serve` on loopback, the hospitals it talks to, and a client for its API.

The hospitals are written here, from the standard: they frame, file and answer by themselves and import nothing of the engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from segwright.cli.main import main; main()"
DESTINATIONS = {
    "larkspur": ["outbound"], "northgate": ["outbound"], "stbrigid": ["outbound"], "tamarack": ["outbound", "billing"],
}  # fmt: skip


def eventually(found: Callable[[], Any], within: float = 30) -> Any:
    """Waits until something is so."""
    until = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < until, "it did not come to be so"
        time.sleep(0.05)
    return value


# --- hospitals --------------------------------------------------------------------------------------------------------------


def _frames(connection: socket.socket):
    kept = b""
    while data := connection.recv(65536):
        kept += data
        while b"\x1c\r" in kept:
            frame, _, kept = kept.partition(b"\x1c\r")
            yield frame.lstrip(b"\x0b")


class Hospital:
    """Files what it gets and answers: CA where an accept acknowledgement is asked for, else AA. `code`: another answer;
    `silent`: none at all."""

    def __init__(self) -> None:
        self.filed: list[bytes] = []
        self.code = ""
        self.fault = ""
        self.silent = False
        hospital = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                try:
                    for message in _frames(self.request):
                        hospital.filed.append(message)
                        if hospital.silent:
                            return
                        self.request.sendall(b"\x0b" + hospital.answer(message) + b"\x1c\r")
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, message: bytes) -> bytes:
        msh = message.split(b"\r")[0]
        fields = msh.split(msh[3:4])
        enhanced = len(fields) > 14 and fields[14] in (b"AL", b"SU")
        code = self.code.encode() or (b"CA" if enhanced else b"AA")
        bar = msh[3:4]
        lines = [
            bar.join(
                [
                    b"MSH",
                    fields[1],
                    b"H",
                    b"H",
                    fields[2],
                    fields[3],
                    b"20260302",
                    b"",
                    b"ACK",
                    b"X1",
                    fields[10],
                    fields[11],
                ]
            ),
            bar.join([b"MSA", code, fields[9]]),
        ]
        if self.fault:
            lines.append(bar.join([b"ERR", b"", self.fault.encode(), b"101", b"E"]))
        return b"\r".join(lines) + b"\r"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def statuses(self, about: str = "") -> list[str]:
        """OBR-25 of the results that were filed, of those that say something."""
        return [
            line.split(b"|")[25].decode()
            for message in self.filed
            for line in message.split(b"\r")
            if line.startswith(b"OBR") and b"|ORU" in message.split(b"\r")[0] and about.encode() in message
        ]


def send(port: int, message: bytes) -> bytes:
    """Sends one message by MLLP and gives the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"\x0b" + message + b"\x1c\r")
        return next(_frames(connection))


# --- the server -------------------------------------------------------------------------------------------------------------


class Server:
    """A process of `segwright serve` (or `worker`) with its settings in a folder. `ports`: where destinations are that are
    none of these hospitals; `listeners`: other listeners than a plain one for each, with their settings; `main`: another
    program that does the same."""

    def __init__(
        self, folder: Path, database: str, bundles: Path, *, command: str = "serve", organisations=(),
        ports: dict[tuple[str, str], int] | None = None, listeners: dict[str, str] | None = None, main: str = MAIN,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.database = database
        self.bundles = bundles
        self.command = command
        self.organisations = list(organisations) or list(DESTINATIONS)
        self.hospitals = {
            (org, name): Hospital() for org in self.organisations for name in DESTINATIONS[org]
        }  # fmt: skip
        self.destinations = {key: hospital.port for key, hospital in self.hospitals.items()} | (ports or {})
        plain = 'networks = ["127.0.0.0/8"]'
        self.listeners = listeners or {f"{org}-test": plain for org in self.organisations}
        self.main = main
        self.tokens = {org: f"{org}-{'t' * 32}" for org in self.organisations}
        self.log: list[dict] = []
        self.raw: list[str] = []
        self.ports: dict[str, int] = {}
        self.settings = folder / "settings.toml"
        self.settings.write_text(self._settings())
        self.process: subprocess.Popen[bytes] | None = None

    def _settings(self) -> str:
        lines = [
            'environment = "test"', f'bundles = "{self.bundles}"', f'database = "{self.database}"',
            f"organisations = {json.dumps(self.organisations)}", "[api]", 'address = "127.0.0.1:0"',
            'operators = ["env:OPERATORS"]', "[api.tokens]",
        ]  # fmt: skip
        lines += [f'{org} = ["env:TOKEN_{org}"]' for org in self.organisations]
        for name, how in self.listeners.items():
            lines += [f"[listeners.{name}]", 'address = "127.0.0.1:0"', how]
        for (org, name), port in self.destinations.items():
            lines += [f"[instead.{org}.{name}]", f'address = "127.0.0.1:{port}"']
        return "\n".join(lines)

    def start(self) -> Server:
        variables = {f"TOKEN_{org}": token for org, token in self.tokens.items()}
        process = self.process = subprocess.Popen(
            [sys.executable, "-c", self.main, self.command, "--settings", str(self.settings)],
            env={**os.environ, **variables, "OPERATORS": "o" * 32, "PYTHONPATH": str(ROOT / "engine")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.ports.clear()
        self.reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self.reader.start()
        wanted = "api" if self.command == "serve" else "sending"
        eventually(lambda: wanted in self.ports or process.poll() is not None, 60)
        assert process.poll() is None, "".join(self.raw)
        return self

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.raw.append(line.decode())
            event: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {"event": "no json"}
            self.log.append(event)
            if event["event"] == "listening":
                self.ports[event["listener"]] = event["port"]
            if event["event"] == "sending":
                self.ports["sending"] = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    def client(self, org: str = "") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.tokens[org]}"} if org else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30)

    def order(self, org: str, message: bytes) -> bytes:
        """Sends an order to the listener of an organisation."""
        return send(self.ports[f"{org}-test"], message)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process and gives its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGKILL)
        for hospital in self.hospitals.values():
            hospital.close()


# --- samples ----------------------------------------------------------------------------------------------------------------

PLACERS = {"larkspur": b"LV-700101", "northgate": b"NG88001", "stbrigid": b"STB-900-1", "tamarack": b"ECG-5001-1"}


def order_message(org: str, number: int = 1, *, case: str = "order_new", **replaced: str) -> bytes:
    """An order of a hospital's own sample, under a placer number and control id of its own."""
    found = (ROOT / "orgs" / org / "cases" / case / "order.hl7").read_bytes()
    msh = found.split(b"\r")[0].split(found[3:4])
    found = found.replace(msh[9], f"C{number:06}{case[6:8].upper()}".encode(), 1)
    found = found.replace(PLACERS[org], PLACERS[org] + f"-{number}".encode())
    for old, new in replaced.items():
        assert old.encode() in found
        found = found.replace(old.encode(), new.encode())
    return found


def result(org: str, number: int = 1, *, case: str = "final", **members: object) -> dict:
    """A result of a hospital's own sample."""
    found = json.loads((ROOT / "orgs" / org / "cases" / case / "result.json").read_bytes())
    found |= {"id": f"R-{org}-{number}", "study": f"ST-{org}-{number}", "version": 1}
    found |= members
    return {name: value for name, value in found.items() if value is not None}


def preliminary(org: str, number: int = 1, **members: object) -> dict:
    """The same, as the algorithm gives it."""
    given = {"status": "preliminary", "diagnoses": [], "signed_by": None, **members}
    return {name: value for name, value in (result(org, number) | given).items() if value is not None}


def signer(org: str) -> dict:
    return result(org)["signed_by"]
