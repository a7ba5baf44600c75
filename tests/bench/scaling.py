"""Row `workers`: one PostgreSQL and more and more worker processes. Does it grow, and what is the limit?

Twice: with the database on this machine, and with one that is some milliseconds away each way (`network.delay`), where a worker
waits for the network and not for the processor. Beside the rates stands what the processors did meanwhile, by whom, and what the
sessions of the database waited for (`pg_stat_activity`, looked at again and again).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import psycopg
import sqlalchemy as sa

from tests.bench import hospital, timing
from tests.bench.network import Process
from tests.bench.running import (
    MESSAGES,
    TURNS,
    Figures,
    Turn,
    confirmed,
    cpu,
    cpu_us,
    delivered,
    engine,
    owe,
    rows_of,
    workplace,
)

WORKERS: Final = (1, 2, 4)
MILLISECONDS: Final = float(os.environ.get("SEGWRIGHT_BENCH_AWAY", "1.5"))
"""How far the distant database is, one way."""
NEAR, FAR = 16, 64
"""Destinations: a lane has one message in flight, so that there have to be more of them than sessions wait at a time."""
LOOK: Final = 0.02


class Meanwhile:
    """What the machine and the database did during a turn, in seconds of CPU, and what sessions waited for, in looks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.idle = 0.0
        self.database = 0.0
        self.workers = 0.0
        self.others = 0.0
        self.waits: Counter[str] = Counter()

    def __str__(self) -> str:
        whole = self.seconds * (os.cpu_count() or 1)
        shares = {
            "workers": self.workers,
            "database": self.database,
            "receiver and network": self.others,
            "idle": self.idle,
        }
        used = ", ".join(f"{name} {part / whole:.0%}" for name, part in shares.items())
        rest = whole - sum(shares.values())
        looks = self.waits.total() or 1
        waits = ", ".join(f"{name} {count / looks:.0%}" for name, count in self.waits.most_common(5))
        return f"of the processors: {used}, anybody else {max(0.0, rest) / whole:.0%}; sessions: {waits}"


@contextlib.contextmanager
def watched(database: str, workers: list[int], others: list[int], found: Meanwhile) -> Iterator[None]:
    """Watches while something runs."""
    url = sa.make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    over = threading.Event()
    with psycopg.connect(url, autocommit=True) as connection:
        postmaster = _parent(connection.info.backend_pid)

        def look() -> None:
            while not over.wait(LOOK):
                for event, count in connection.execute(_WAITS):
                    found.waits[event] += int(count)

        watching = threading.Thread(target=look)
        before = _idle(), _family(postmaster), sum(map(cpu, workers)), sum(map(cpu, others))
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
            after = _idle(), _family(postmaster), sum(map(cpu, workers)), sum(map(cpu, others))
            idle, family, theirs, rest = (b - a for a, b in zip(before, after, strict=True))
            found.idle += idle
            found.database += family
            found.workers += theirs
            found.others += rest


_WAITS: Final = """
    SELECT CASE WHEN wait_event IS NOT NULL THEN wait_event_type || ' ' || wait_event ELSE 'running' END, count(*)
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
        AND NOT (state = 'idle')
    GROUP BY 1
"""
"""What sessions in a transaction do. `Client ClientRead`: they wait for the worker."""


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _family(postmaster: int) -> float:
    """Seconds of CPU of all processes of a PostgreSQL, also of those that have ended."""
    ticks = sum(int(n) for n in Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()[11:15])
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks += (int(fields[11]) + int(fields[12])) if int(fields[1]) == postmaster else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _idle() -> float:
    """Seconds that the processors of this machine had nothing to do, or waited for a disk."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


class Place(NamedTuple):
    """Where the database is: the URL that its owner uses, and the one that workers use."""

    title: str
    destinations: int
    database: str
    workers: str
    others: list[int]


def workers() -> Figures:
    """Results to many destinations on PostgreSQL, by one, two and four processes."""
    from tests import postgres

    figures: Figures = {}
    with (
        workplace() as home,
        Process("tests.bench.network", "receive") as receiver,
        postgres.server(durable=True) as url,
    ):
        port = receiver.hear()["port"]
        near = postgres.new_database(url)
        figures |= _grown(home, receiver, port, Place("on this machine", NEAR, near, near, [receiver.pid]))
        away = postgres.new_database(url)
        parsed = sa.make_url(away)
        socket = Path(str(parsed.query["host"])) / ".s.PGSQL.5432"
        with Process("tests.bench.network", "delay", socket, MILLISECONDS) as network:
            over = parsed.set(host="127.0.0.1", port=network.hear()["port"], query={}).render_as_string()
            title = f"{MILLISECONDS} ms away each way"
            figures |= _grown(home, receiver, port, Place(title, FAR, away, over, [receiver.pid, network.pid]))
    return figures


def _grown(home: Path, receiver: Process, port: int, place: Place) -> Figures:
    count = 4 * MESSAGES
    turns: dict[str, list[Turn]] = {_processes(number): [] for number in WORKERS}
    meanwhile = {name: Meanwhile() for name in turns}
    done = 0
    for _ in range(TURNS):
        for number in WORKERS:
            name = _processes(number)
            owe(place.database, home, place.destinations, 1 + done, count)
            with contextlib.ExitStack() as stack:
                processes = [
                    stack.enter_context(engine(home, hospital.QUIET, place.destinations, place.workers, port, "send"))
                    for _ in range(number)
                ]
                pids = [process.pid for process in processes]
                watching = watched(place.database, pids, place.others, meanwhile[name])
                seconds, used = delivered(receiver, count, *processes, meanwhile=watching)
            turns[name].append(Turn(count, seconds, used))
            meanwhile[name].seconds += seconds
            done += count
            if confirmed(place.database) != done:
                raise SystemExit("the ledger does not know of every message that it was acknowledged")
    title = f"delivery on PostgreSQL {place.title}, {place.destinations} destinations"
    found = rows_of(turns)
    timing.printed(title, found)
    for name, theirs in turns.items():
        print(f"  {name}: CPU of the workers for each {cpu_us(theirs):,.0f} µs; {meanwhile[name]}")
    return {title: {row.name: _figures(row, turns[row.name], meanwhile[row.name]) for row in found}}


def _figures(row: timing.Row, turns: list[Turn], meanwhile: Meanwhile) -> dict[str, Any]:
    return {
        "a_second": {
            "median": 1e6 / median(row.microseconds),
            "minimum": 1e6 / max(row.microseconds),
            "maximum": 1e6 / min(row.microseconds),
        },
        "times_one_worker": median(row.times),
        "cpu_us": cpu_us(turns),
        "meanwhile": str(meanwhile),
    }


def _processes(number: int) -> str:
    return f"{number} worker{'s' if number > 1 else ''}"
