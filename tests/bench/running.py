"""Rows about the running system: orders accepted durably, messages delivered, PostgreSQL with more workers, memory over a long run.

Both contestants, the senders and the receiver are processes of their own over loopback; the contestants take turns. SQLite lies
where `SEGWRIGHT_BENCH_FOLDER` says (the default is the folder for temporary files: name a real disk, what is measured is its fsync).
A turn is timed from the first byte to the last answer, and counts only when every message was answered as it should be.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from segwright.delivery.engine import install
from segwright.delivery.live import Live
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Tx
from tests.bench import floor, hospital, timing
from tests.bench.network import Process
from tests.bench.timing import Row

Figures = dict[str, Any]

FLOOR: Final = "hand-written"
GOAL: Final = {FLOOR: 0.8}
TURNS: Final = int(os.environ.get("SEGWRIGHT_BENCH_TURNS", "5"))
ORDERS: Final = int(os.environ.get("SEGWRIGHT_BENCH_ORDERS", "400"))
"""Orders of a turn on one connection; three times as many on several."""
MESSAGES: Final = int(os.environ.get("SEGWRIGHT_BENCH_DELIVERIES", "300"))
"""Messages of a turn to one destination; four times as many to sixteen."""
LONG: Final = int(os.environ.get("SEGWRIGHT_BENCH_LONG", "4000"))
"""Orders of the long run."""
SAMPLES: Final = 20
CONNECTIONS: Final = (1, 16, 64)
DESTINATIONS: Final = (1, 16)


class Turn(NamedTuple):
    """What one contestant did in one turn: how many messages, in how many seconds, with how many seconds of CPU."""

    messages: int
    seconds: float
    cpu: float

    @property
    def microseconds(self) -> float:
        """For each message."""
        return self.seconds / self.messages * 1e6


def cpu_us(turns: list[Turn]) -> float:
    """Of all turns together: the system counts CPU in hundredths of a second."""
    return sum(one.cpu for one in turns) / sum(one.messages for one in turns) * 1e6


def rows_of(turns: dict[str, list[Turn]]) -> list[Row]:
    base = [one.microseconds for one in next(iter(turns.values()))]
    return [
        Row(
            name,
            tuple(one.microseconds for one in found),
            tuple(b / one.microseconds for b, one in zip(base, found, strict=True)),
        )
        for name, found in turns.items()
    ]


def _said(title: str, turns: dict[str, list[Turn]]) -> Figures:
    rows = rows_of(turns)
    timing.printed(title, rows)
    cpu = {name: cpu_us(found) for name, found in turns.items()}
    print("  CPU of its process for each: " + ", ".join(f"{name} {used:,.0f} µs" for name, used in cpu.items()))
    timing.reached(rows, GOAL)
    figures = timing.summary(rows)
    return {title: {name: {**figures[name], "cpu_us": cpu[name]} for name in figures}}


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _resident(pid: int) -> float:
    """What a process has in memory, in MiB."""
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) / 1024


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    with TemporaryDirectory(dir=os.environ.get("SEGWRIGHT_BENCH_FOLDER")) as name:
        folder = Path(name)
        hospital.write(folder)
        yield folder


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def engine(folder: Path, name: str, count: int, database: str, receiver: int, what: str) -> Process:
    return Process("tests.bench.serving", "engine", folder, name, count, database, receiver, what)


# --- accept ----------------------------------------------------------------------------------------------------------------


def accepting() -> Figures:
    """Orders over MLLP, each answered after its commit; and how fast what was accepted is worked off into orders and cases."""
    turns: dict[int, dict[str, list[Turn]]] = {number: {FLOOR: [], "segwright": []} for number in CONNECTIONS}
    worked_off: dict[int, list[float]] = {number: [] for number in CONNECTIONS}
    with workplace() as folder, contextlib.ExitStack() as stack:
        ledger = folder / "engine.db"
        theirs = stack.enter_context(Process("tests.bench.serving", "accept-floor", folder / "floor.db"))
        ours = stack.enter_context(engine(folder, hospital.QUIET, 1, _url(ledger), 1, "listen"))
        senders = stack.enter_context(Process("tests.bench.network", "send"))
        contestants = {name: (one, one.hear()["ports"][0]) for name, one in ((FLOOR, theirs), ("segwright", ours))}
        number = 1
        for turn in range(-1, TURNS):
            for connections in CONNECTIONS:
                count = ORDERS if connections == 1 else 3 * ORDERS
                if turn < 0:
                    count = max(connections, 50)  # for the statements to be prepared; not counted
                for name, (process, port) in contestants.items():
                    before = cpu(process.pid)
                    told = senders.ask(port=port, connections=connections, first=number, count=count)
                    number += count
                    if name == "segwright":
                        _await_work(ledger)
                        done = time.monotonic()
                    if turn >= 0:
                        seconds = told["end"] - told["start"]
                        turns[connections][name].append(Turn(count, seconds, cpu(process.pid) - before))
                        if name == "segwright":
                            worked_off[connections].append(count / (done - told["start"]))
    figures: Figures = {}
    for connections, found in turns.items():
        title = f"durable accept, {connections} connection{'s' if connections > 1 else ''}"
        figures |= _said(title, found)
        speeds = worked_off[connections]
        print(
            f"  until worked off into orders and cases: {median(speeds):,.0f} a second ({min(speeds):,.0f} – {max(speeds):,.0f})"
        )
        figures[title]["segwright"]["worked_off_a_second"] = {
            "median": median(speeds), "minimum": min(speeds), "maximum": max(speeds),
        }  # fmt: skip
    return figures


def _await_work(ledger: Path) -> None:
    """Waits until nothing that was accepted is left to be worked off."""
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    while connection.execute(f"SELECT 1 FROM inbox WHERE {t.IS_STORED} LIMIT 1").fetchone():
        time.sleep(0.01)
    connection.close()


# --- deliver ---------------------------------------------------------------------------------------------------------------


def owe(database: str, folder: Path, organisations: int, first: int, count: int) -> list[tuple[int, str, bytes]]:
    """Puts `count` results in line, spread over so many organisations; gives their lanes, control ids and frozen bytes."""
    lives = list(hospital.lives(folder, hospital.QUIET, organisations).values())
    store = Store(database)
    upgrade(store)
    install(store, "test", {live.org: live for live in lives})
    for start in range(first, first + count, 100):
        numbers = range(start, min(start + 100, first + count))
        store.write(lambda tx, n=numbers: _owe_each(tx, lives, n))  # type: ignore[misc]
    found = store.read(
        lambda tx: tx.all(
            sa.select(t.delivery.c.lane_id, t.build.c.control_id, t.build.c.body)
            .join(t.build, t.build.c.delivery_id == t.delivery.c.id)
            .where(sa.text(t.IS_READY))
            .order_by(t.delivery.c.id)
        )
    )
    store.close()
    return [(row.lane_id, row.control_id, bytes(row.body)) for row in found]


def _owe_each(tx: Tx, lives: list[Live], numbers: range) -> None:
    for number in numbers:
        hospital.owe(tx, lives[number % len(lives)], number)


def delivered(
    receiver: Process, count: int, *senders: Process, meanwhile: AbstractContextManager[None] | None = None
) -> tuple[float, float]:
    """Lets processes send until so many messages were acknowledged; gives seconds and their CPU seconds. `meanwhile`: what
    happens just as long."""
    for sender in senders:
        sender.hear()
    receiver.ask(count=count)
    before = sum(cpu(sender.pid) for sender in senders)
    with meanwhile or contextlib.nullcontext():
        start = time.monotonic()
        for sender in senders:
            sender.tell()
        told = receiver.hear()
    used = sum(cpu(sender.pid) for sender in senders) - before
    if told["different"] != count:
        raise SystemExit(f"{count} messages were owed and {told['different']} different ones came")
    return told["end"] - start, used


def confirmed(database: str) -> int:
    store = Store(database)
    found = store.read(lambda tx: tx.scalar(sa.select(sa.func.count()).where(t.delivery.c.state == "confirmed")))
    store.close()
    return int(found)


def delivering() -> Figures:
    """Results that are ready, with their bytes frozen: claimed, written down, sent, acknowledged, written down."""
    figures: Figures = {}
    with workplace() as folder, Process("tests.bench.network", "receive") as receiver:
        port = receiver.hear()["port"]
        for destinations in DESTINATIONS:
            count = MESSAGES if destinations == 1 else 4 * MESSAGES
            turns: dict[str, list[Turn]] = {FLOOR: [], "segwright": []}
            ledger, theirs = folder / f"engine{destinations}.db", folder / f"floor{destinations}.db"
            for turn in range(TURNS):
                owed = owe(_url(ledger), folder, destinations, 1 + turn * count, count)
                floor.owe(theirs, owed)
                with Process("tests.bench.serving", "deliver-floor", theirs, port) as process:
                    turns[FLOOR].append(Turn(count, *delivered(receiver, count, process)))
                with engine(folder, hospital.QUIET, destinations, _url(ledger), port, "send") as process:
                    turns["segwright"].append(Turn(count, *delivered(receiver, count, process)))
                if confirmed(_url(ledger)) != (turn + 1) * count:
                    raise SystemExit("the ledger does not know of every message that it was acknowledged")
            figures |= _said(f"delivery, {destinations} destination{'s' if destinations > 1 else ''}", turns)
    return figures


# --- a long run --------------------------------------------------------------------------------------------------------------


def long_run() -> Figures:
    """One server that takes orders and tells their hospital of each: what its process keeps in memory."""
    chunk = max(1, LONG // SAMPLES)
    sizes: list[tuple[int, float]] = []
    with workplace() as folder, contextlib.ExitStack() as stack:
        receiver = stack.enter_context(Process("tests.bench.network", "receive"))
        port = receiver.hear()["port"]
        ours = stack.enter_context(engine(folder, hospital.TALKATIVE, 1, _url(folder / "long.db"), port, "both"))
        senders = stack.enter_context(Process("tests.bench.network", "send"))
        door = ours.hear()["ports"][0]
        for turn in range(SAMPLES):
            receiver.ask(count=chunk)
            senders.ask(port=door, connections=16, first=1 + turn * chunk, count=chunk)
            receiver.hear()
            sizes.append(((turn + 1) * chunk, _resident(ours.pid)))
    half = sizes[SAMPLES // 2 :]
    slope = _slope(half) * 1000
    print(f"\nmemory of a server over {SAMPLES * chunk:,} orders, each answered, worked off and told back")
    print(
        f"  {sizes[0][1]:.1f} MiB after {sizes[0][0]:,}, {half[0][1]:.1f} MiB after {half[0][0]:,}, {sizes[-1][1]:.1f} MiB at the end"
    )
    print(f"  slope over the second half {slope * 1024:.0f} KiB for 1,000 orders")
    return {
        "memory over a long run": {
            "orders": SAMPLES * chunk,
            "mib": {str(number): size for number, size in sizes},
            "slope_kib_for_1000_orders": slope * 1024,
        }
    }


def _slope(points: list[tuple[int, float]]) -> float:
    """Of the straight line with the least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
