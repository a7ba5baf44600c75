"""The log of a process: one JSON object a line, for machines; never anything of a message.

Takes an event and facts under fixed keys; writes a line. What stands under a key that is not listed here is not
said, only that it was there: what may be said is decided on this page and nowhere else. `reason` is of our own making."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, TextIO

import msgspec

KEYS: Final = (
    "organisation", "environment", "listener", "address", "port", "method", "route", "status", "ms", "delivery",
    "holder", "version", "error", "place", "signal", "count", "reason",
)  # fmt: skip


class Log:
    """Writes events to a stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._lock = threading.RLock()  # several threads write: a line is one line

    def __call__(self, event: str, *, level: str = "info", **facts: Any) -> None:
        """One line."""
        at = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"at": at, "level": level, "event": event}
        line |= {key: facts[key] for key in KEYS if key in facts}
        if unknown := sorted(facts.keys() - set(KEYS)):
            line["unsaid"] = unknown
        text = msgspec.json.encode(line).decode() + "\n"
        with self._lock:
            self._stream.write(text)
            self._stream.flush()

    def fault(self, event: str, error: BaseException, **facts: Any) -> None:
        """A fault of ours: what kind it is and where, never its text."""
        self(event, level="error", error=type(error).__name__, place=place_of(error), **facts)


def place_of(error: BaseException) -> str:
    """The line of this package in which an exception arose."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "segwright" in frame.filename:
            return f"{PurePath(frame.filename).parent.name}/{PurePath(frame.filename).name}:{frame.lineno}"
    return ""


def now() -> datetime:
    """The time of this machine: for logs and certificates, never for what is coordinated."""
    return datetime.now(UTC)


class _Through(logging.Handler):
    """What libraries log: by whom and what kind of error, never their text."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._log.fault(f"library {record.name}", error)
        else:
            place = f"{record.module}:{record.lineno}"
            self._log(f"library {record.name}", level=record.levelname.lower(), place=place)


def libraries_through(log: Log) -> None:
    """Everything that would else be written to stderr goes through this log from now on, without its text: what libraries
    log and warn of, and exceptions that nobody catches."""
    root = logging.getLogger()
    root.handlers[:] = [_Through(log)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)

    def uncaught(error: BaseException | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            log.fault("uncaught", error)

    sys.excepthook = lambda _, error, __: uncaught(error)
    sys.unraisablehook = lambda found: uncaught(found.exc_value)
    threading.excepthook = lambda found: uncaught(found.exc_value)
