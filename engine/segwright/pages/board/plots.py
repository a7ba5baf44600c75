"""Plots as SVG, drawn on the server: bars over time, and lines of how long things took. Pure: figures in, shapes out.

Each plot comes with the rows of a table that says the same in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from segwright.ledger.tally import LONGER, WITHIN, Figures
from segwright.pages.board.words import limit

WIDTH: Final = 720
HEIGHT: Final = 180
LEFT, RIGHT, TOP, BOTTOM = 62, 8, 12, 28
HOUR: Final = 3_600_000


class Bar(msgspec.Struct, frozen=True):
    """A bar: where, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    says: str


class Mark(msgspec.Struct, frozen=True):
    """A mark of an axis: where, and its text."""

    at: float
    text: str


class Plot(msgspec.Struct, frozen=True):
    """A plot. `bars` or `lines` (a class of the sheet, and points as SVG writes them); `says`: the whole in a sentence."""

    says: str
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    dots: tuple[tuple[str, float, float], ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def hours(now: int) -> list[int]:
    """The bounds of the last 24 hours, the present one included."""
    end = now // HOUR * HOUR + HOUR
    return [end - n * HOUR for n in range(24, -1, -1)]


def days(now: int, zone: str, many: int = 30) -> list[int]:
    """The bounds of the last days on the hospital's clock, today included."""
    place = ZoneInfo(zone)
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone(place).date()
    starts = (today + timedelta(days=n) for n in range(1 - many, 2))
    return [int(datetime(day.year, day.month, day.day, tzinfo=place).timestamp() * 1000) for day in starts]


def day_start(now: int, zone: str) -> int:
    """When today began on the hospital's clock."""
    return days(now, zone, 1)[0]


def label(start: int, zone: str, *, by_day: bool) -> str:
    """How a stretch of time is called: `14:00`, `3 Mar`."""
    at = datetime.fromtimestamp(start / 1000, UTC).astimezone(ZoneInfo(zone))
    return at.strftime("%-d %b" if by_day else "%H:%M")


def _ceiling(most: int) -> int:
    """A round number at or above a count: 1, 2 or 5 and zeros; at least 4, so that marks are whole."""
    if most <= 4:
        return 4
    size = 10 ** int(math.log10(most))
    return int(next(step * size for step in (1, 2, 4, 5, 10) if step * size >= most))


def _across(found: Sequence[Figures], zone: str, *, by_day: bool) -> tuple[Mark, ...]:
    every = 5 if by_day else 4
    step = (WIDTH - LEFT - RIGHT) / len(found)
    return tuple(
        Mark(round(LEFT + step * (n + 0.5), 1), label(one.start, zone, by_day=by_day))
        for n, one in enumerate(found)
        if n % every == every - 1
    )


def throughput(found: Sequence[Figures], zone: str, *, by_day: bool) -> Plot:
    """How much was delivered in each stretch."""
    top = _ceiling(max(one.delivered for one in found))
    step, room = (WIDTH - LEFT - RIGHT) / len(found), HEIGHT - TOP - BOTTOM
    bars = tuple(
        Bar(
            round(LEFT + step * n + step * 0.15, 1), round(TOP + room * (1 - one.delivered / top), 1), round(step * 0.7, 1),
            round(room * one.delivered / top, 1), f"{label(one.start, zone, by_day=by_day)}: {one.delivered}",
        )
        for n, one in enumerate(found)
        if one.delivered
    )  # fmt: skip
    up = tuple(Mark(round(TOP + room * (1 - part / 2), 1), f"{top * part // 2:,}") for part in range(3))
    total = sum(one.delivered for one in found)
    most = max(found, key=lambda one: one.delivered)
    says = f"{total:,} delivered in {'30 days' if by_day else '24 hours'}"
    if total:
        says += f", most of them at {label(most.start, zone, by_day=by_day)}: {most.delivered:,}"
    return Plot(says, _across(found, zone, by_day=by_day), up, bars)


_STEPS: Final = (*WITHIN, LONGER)
_SHOWN: Final = (100, 1_000, 10_000, 60_000, 1_800_000, 86_400_000)


def _height(ms: int) -> float:
    """Where a limit stands: each limit a step, as on a logarithmic axis."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (_STEPS.index(ms) + 1) / len(_STEPS))


def latency(found: Sequence[Figures], zone: str, *, by_day: bool) -> Plot:
    """Within which time half, and 95 of 100, of what was delivered was taken."""
    step = (WIDTH - LEFT - RIGHT) / len(found)
    lines: list[tuple[str, str]] = []
    dots: list[tuple[str, float, float]] = []
    for name, share in (("half", 0.5), ("most", 0.95)):
        run: list[str] = []
        for n, one in enumerate((*found, None)):
            within = one.share_within(share) if one is not None else 0
            if within:
                x, y = round(LEFT + step * (n + 0.5), 1), round(_height(within), 1)
                run.append(f"{x},{y}")
                dots.append((name, x, y))
            elif run:  # nothing was delivered: the line ends
                if len(run) > 1:
                    lines.append((name, " ".join(run)))
                run = []
    everything: dict[int, int] = {}
    for one in found:
        for within, count in one.taken.items():
            everything[within] = everything.get(within, 0) + count
    whole = Figures(found[0].start, found[-1].end, {}, everything)
    says = "Nothing was delivered."
    if whole.delivered:
        says = f"Half were taken within {limit(whole.share_within(0.5))}, 95 of 100 within {limit(whole.share_within(0.95))}."
    up = tuple(Mark(round(_height(ms), 1), limit(ms)) for ms in _SHOWN)
    return Plot(says, _across(found, zone, by_day=by_day), up, lines=tuple(lines), dots=tuple(dots))
