"""What a simulated hospital did, as a plain file: one JSON object a line, appended and flushed to the disk before it is answered.

Takes events; gives them back after any end of the process, a kill in the middle of a line included. The file is the hospital's
word, to be held against the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

What = Literal["filed", "repeated", "refused", "ignored", "confirmed", "sent", "answered", "unanswered"]
"""An arrival is `filed` (again, with `again`), `repeated` (known, filed before, not again), `refused` or `ignored`. `confirmed`:
the application acknowledgement of an arrival has left. `sent`, then `answered` or `unanswered`: an order of its own."""

ARRIVALS: frozenset[str] = frozenset({"filed", "repeated", "refused", "ignored"})


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened. `door`: the destination it came to, "" for what the hospital sent; `owes`: the application
    acknowledgement that is still to be sent on its own (bytes as text in `codec`, so that a restart can send it); `number`: of
    an order of its own."""

    at: str
    what: What
    control_id: str
    type: str = ""
    door: str = ""
    sha256: str = ""
    code: str = ""
    conduct: str = ""
    about: tuple[str, ...] = ()
    status: str = ""
    again: bool = False
    faults: tuple[str, ...] = ()
    number: int = 0
    control: str = ""
    owes: bytes = b""
    segments: tuple[str, ...] = ()


class Record:
    """The file of one hospital. `segments`: whether the messages themselves are kept in it."""

    def __init__(self, path: Path, *, segments: bool = True) -> None:
        self.path = path
        self._segments = segments
        self._encode = msgspec.json.Encoder().encode
        path.parent.mkdir(parents=True, exist_ok=True)
        self.before = list(events(path)) if path.exists() else []
        self._file = open(path, "ab")  # noqa: SIM115 - it stays open as long as the hospital
        self._file.truncate(_whole(path))

    def add(self, event: Event) -> None:
        """Appends an event; it is on the disk when this returns."""
        if not self._segments and event.segments:
            event = msgspec.structs.replace(event, segments=())
        self._file.write(self._encode(event) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()


def events(path: Path) -> Iterator[Event]:
    """The events of a file, in order. A last line that was cut short did not happen."""
    decode = msgspec.json.Decoder(Event).decode
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield decode(line)


def _whole(path: Path) -> int:
    """The length of a file up to its last whole line."""
    data = path.read_bytes()
    return data.rfind(b"\n") + 1
