"""What monitors ask: whether a server is ready, and its figures as Prometheus reads them.

Labels are organisations, destinations, listeners, states and routes: never an id, never anything of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from segwright import __version__
from segwright.delivery.engine import Counts, Engine
from segwright.delivery.log import now
from segwright.ledger import migrate, views
from segwright.ledger.store import Tx, Unavailable
from segwright.ledger.tables import OPEN

T = TypeVar("T")

WITHIN: Final = 5.0
"""Seconds in which the ledger and the engine's loop have to answer."""

Check = Literal["yes", "no"]


class Ready(msgspec.Struct, frozen=True):
    """Whether a server may be sent work, and what speaks against it."""

    ready: bool
    database: Check
    tables: Check
    listeners: Check
    stopping: bool


async def alive(engine: Engine) -> bool:
    """Whether the loop that receives and sends still turns, and whatever runs in it for as long as it does. This one does: it
    answers."""
    return bool(await _asked(engine, lambda: engine.is_working))


async def _asked(engine: Engine, what: Callable[[], T]) -> T | None:
    """What the engine says of itself, None when it does not say it in time."""
    try:
        async with asyncio.timeout(WITHIN):
            return await engine.ask(what)
    except TimeoutError:
        return None


async def readiness(engine: Engine, *, stopping: bool) -> Ready:
    """Asks the ledger and the listeners."""
    database = tables = False
    try:
        async with asyncio.timeout(WITHIN):
            found = await engine.read(migrate.seen)
        database, tables = True, found == migrate.newest()
    except (Unavailable, TimeoutError):
        pass
    listening = bool(await _asked(engine, lambda: engine.listening))

    def said(good: bool) -> Check:
        return "yes" if good else "no"

    ready = database and tables and listening and not stopping
    return Ready(ready, said(database), said(tables), said(listening), stopping)


# --- Prometheus -----------------------------------------------------------------------------------------------------------------

Sample = tuple[Mapping[str, str], float]


def family(name: str, kind: Literal["counter", "gauge"], help_: str, samples: Iterable[Sample]) -> list[str]:
    """One metric in the text format 0.0.4."""
    lines = [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.15g}" if inside else f"{name} {value:.15g}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


async def metrics(engine: Engine, answered: Mapping[tuple[str, int], int]) -> str:
    """All figures. Those of the ledger and of the engine are left out while they cannot be had."""
    lines = family("segwright_info", "gauge", "The version of the engine.", [({"version": __version__}, 1)])
    counts = await _asked(engine, engine.counts.copy)
    lines += family(
        "segwright_engine_up", "gauge", "Whether what receives and sends answers.", [({}, float(counts is not None))]
    )
    lines += _process(counts or Counts(), answered)
    try:
        async with asyncio.timeout(WITHIN):
            standing = await engine.read(lambda tx: _standing(tx, list(engine.lives)))
        reached = True
    except (Unavailable, TimeoutError):
        standing, reached = {}, False
    lines += family("segwright_ledger_up", "gauge", "Whether the ledger answers.", [({}, float(reached))])
    lines += _ledger(standing)
    days = engine.expiries(now())
    expiring = [(_destination(*name.split("/", 1)), float(limit)) for name, limit in sorted(days.items())]
    lines += family(
        "segwright_certificate_expires_within_days", "gauge", "Certificates of ours that expire soon.", expiring
    )
    return "\n".join(lines) + "\n"


def _destination(organisation: str, destination: str) -> dict[str, str]:
    return {"organisation": organisation, "destination": destination}


def _process(counts: Counts, answered: Mapping[tuple[str, int], int]) -> list[str]:
    def samples(counted: Mapping[tuple[str, Any], float], one: str, other: str) -> list[Sample]:
        return [({one: first, other: str(second)}, value) for (first, second), value in sorted(counted.items())]

    return [
        *family("segwright_http_requests_total", "counter", "Answers of the API.", samples(answered, "route", "status")),
        *family("segwright_frames_total", "counter", "Frames received.", samples(counts.received, "organisation", "what")),
        *family(
            "segwright_connections_total", "counter", "What listeners saw.", samples(counts.connections, "listener", "what")
        ),
        *family("segwright_attempts_total", "counter", "Tries.", samples(counts.attempts, "organisation", "outcome")),
        *family(
            "segwright_attempt_seconds_total", "counter", "Time spent on tries.",
            samples(counts.seconds, "organisation", "outcome"),
        ),
    ]  # fmt: skip


def _standing(tx: Tx, organisations: list[str]) -> dict[str, tuple[views.Standing, int]]:
    return {name: (views.standing(tx, name), tx.now) for name in organisations}


def _ledger(standing: Mapping[str, tuple[views.Standing, int]]) -> list[str]:
    open_, paused, failures, age, orders, inbox = [], [], [], [], [], []
    for name, (found, at) in sorted(standing.items()):
        orders.append(({"organisation": name}, float(found.orders)))
        inbox.append(({"organisation": name, "state": "stored"}, float(found.stored)))
        inbox.append(({"organisation": name, "state": "quarantined"}, float(found.quarantined)))
        for lane in found.lanes:
            labels = _destination(name, lane.destination)
            open_ += [({**labels, "state": state}, float(lane.open.get(state, 0))) for state in OPEN]
            paused.append((labels, float(bool(lane.paused))))
            failures.append((labels, float(lane.failures)))
            age.append((labels, max(0, at - lane.oldest) / 1000 if lane.oldest else 0.0))
    return [
        *family("segwright_deliveries", "gauge", "Deliveries that are not done, by state.", open_),
        *family("segwright_oldest_delivery_seconds", "gauge", "Age of the oldest delivery that is not done.", age),
        *family("segwright_lane_paused", "gauge", "Whether a lane is paused.", paused),
        *family("segwright_lane_failures", "gauge", "Failures of a lane in a row.", failures),
        *family("segwright_orders_open", "gauge", "Orders without a signed result.", orders),
        *family("segwright_inbox", "gauge", "Messages that wait for work or for people.", inbox),
    ]
