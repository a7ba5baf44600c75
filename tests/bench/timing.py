"""Timing that bears a noisy machine: everything that is compared runs in turns, and ratios are taken within a turn."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

Job = Callable[[], object]


class Row(NamedTuple):
    """One contestant of one table. `microseconds` and `times` (how often as fast as the first contestant) per turn."""

    name: str
    microseconds: tuple[float, ...]
    times: tuple[float, ...]


def interleaved(jobs: Mapping[str, Job], *, turns: int = 15, seconds: float = 0.03) -> list[Row]:
    """Runs every job for about `seconds` in each turn, at least once. The first one is what the others are compared with."""
    counts = {name: _calibrated(job, seconds) for name, job in jobs.items()}
    measured: dict[str, list[float]] = {name: [] for name in jobs}
    gc.collect()
    for _ in range(turns):
        for name, job in jobs.items():
            repeats = range(counts[name])
            start = perf_counter()
            for _ in repeats:
                job()
            measured[name].append((perf_counter() - start) / counts[name] * 1e6)
    first = measured[next(iter(jobs))]
    return [
        Row(name, tuple(found), tuple(base / one for base, one in zip(first, found, strict=True)))
        for name, found in measured.items()
    ]


def _calibrated(job: Job, seconds: float) -> int:
    job()
    start = perf_counter()
    job()
    once = perf_counter() - start
    if once > seconds:
        return 1
    start, count = perf_counter(), 0
    while perf_counter() - start < seconds:
        job()
        count += 1
    return count


def printed(title: str, rows: list[Row]) -> None:
    """A table: operations a second (median, slowest and fastest turn), and how often as fast as the first row."""
    print(f"\n{title}")
    print(f"  {'':44} {'a second':>10}  {'from':>9} {'to':>9}   times {rows[0].name}")
    for row in rows:
        speeds = sorted(1e6 / one for one in row.microseconds)
        ratio = f"{median(row.times):8.3f}  ({min(row.times):.3f} – {max(row.times):.3f})"
        print(f"  {row.name:44} {median(speeds):10,.0f}  {speeds[0]:9,.0f} {speeds[-1]:9,.0f}  {ratio}")


def reached(rows: list[Row], goals: Mapping[str, float]) -> None:
    """Says of each peer how often as fast the project is, what the goal is, and whether it is reached."""
    own = _own(rows)
    for row in rows:
        if row.name in goals:
            times = median(other / mine for other, mine in zip(row.microseconds, own.microseconds, strict=True))
            print(
                f"  segwright is {times:8.2f} times {row.name:14} {_said(goals[row.name], reached_=times >= goals[row.name])}"
            )


def goal(figure: float, *, most: float, unit: str) -> str:
    """A figure beside the most it should be."""
    return f"{figure:.2f} {unit} {_said(most, reached_=figure <= most)}"


def _said(wanted: float, *, reached_: bool) -> str:
    return f"(goal {wanted:g}: {'reached' if reached_ else 'NOT reached'})"


def _own(rows: list[Row]) -> Row:
    return next((row for row in rows if row.name == "segwright"), rows[0])


def summary(rows: list[Row]) -> dict[str, Any]:
    """The same for `bench.json`; `ratios` says how often as fast as each other row the project is."""
    own = _own(rows)
    return {
        row.name: {
            "a_second": {
                "median": 1e6 / median(row.microseconds),
                "minimum": 1e6 / max(row.microseconds),
                "maximum": 1e6 / min(row.microseconds),
            },
            "segwright_times": median(
                other / mine for other, mine in zip(row.microseconds, own.microseconds, strict=True)
            ),
        }
        for row in rows
    }


def saved(path: Path, figures: Mapping[str, Any]) -> None:
    """Writes `bench.json`."""
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
