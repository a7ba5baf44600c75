"""The first page of the board: each lane with what is in it, and what needs a person, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segwright.delivery.engine import Engine
from segwright.delivery.live import Live
from segwright.ledger import presented, proposals, tally, views
from segwright.ledger.presented import Shown
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Page, Stream
from segwright.pages.board import plots, words
from segwright.pages.board.certificates import Seen, certificates
from segwright.pages.board.live import Feed, read_for_live
from segwright.pages.routes import Call

DAY: Final = 86_400_000


class Row(msgspec.Struct, frozen=True):
    """A lane: what is open in it by column, what was taken today and in 24 hours, what was left out in 24 hours."""

    lane: views.Lane
    standing: tuple[str, str]
    counts: Mapping[str, int]
    today: int
    day: int
    void: int


class Overview(msgspec.Struct, frozen=True):
    """What stands for an organisation."""

    rows: tuple[Row, ...]
    standing: views.Standing
    waiting: tuple[proposals.Proposal, ...]
    suppressed: int
    stops: tuple[views.Stop, ...]
    hours: tuple[tally.Figures, ...]
    shown: Mapping[str, Shown]

    def total(self, column: str) -> int:
        """Of all lanes together."""
        return sum(row.counts[column] for row in self.rows)


def overview(tx: Tx, live: Live, now: int) -> Overview:
    """Counts by indexes of open things, and figures of the tally."""
    org = live.org
    standing = views.standing(tx, org)
    start = plots.day_start(now, live.manifest.zone)
    last = (now - DAY) // tally.SLOT * tally.SLOT
    rows = []
    for lane in standing.lanes:
        today = tally.series(tx, org, lane.id, [start, max(now, start) + tally.SLOT])[0]
        day = tally.series(tx, org, lane.id, [last, now + tally.SLOT])[0]
        counts = {key: sum(lane.open.get(state, 0) for state in states) for key, _, states in words.COLUMNS}
        rows.append(Row(lane, standing_of(lane, now), counts, today.delivered, day.delivered, day.of("void")))
    suppressed = tally.series(tx, org, 0, [last, now + tally.SLOT])[0].of("suppressed")
    series = tally.series(tx, org, None, plots.hours(now))
    return Overview(
        tuple(rows), standing, proposals.waiting(tx, org), suppressed, views.stops(tx, org), series, presented.seen(tx, org)
    )  # fmt: skip


def standing_of(lane: views.Lane, now: int) -> tuple[str, str]:
    """How a lane is, in a word, with its colour."""
    if lane.paused:
        return "Paused", "bad"
    if lane.failures:
        return f"Failing, {lane.failures} in a row", "doubt"
    if lane.holder and lane.lease_until > now:
        return "Sending", "busy"
    return "Idle", "idle"


async def _values(call: Call) -> dict[str, Any]:
    async def look() -> tuple[Overview, str]:
        return await read_for_live(call, lambda tx: overview(tx, call.live, call.now))

    feed: Feed = call.parts["feed"]
    found, since = await (feed.shared(call.org, look) if call.route.passive else look())
    plot = plots.throughput(found.hours, call.live.manifest.zone, by_day=False)
    expiring = _expiring(call.engine, call.org, found.shown, call.now)
    return {"found": found, "says": words, "plot": plot, "expiring": expiring, "hours": found.hours, "since": since}


def _expiring(engine: Engine, org: str, shown: Mapping[str, Shown], now: int) -> tuple[Seen, ...]:
    return tuple(one for one in certificates(engine, org, shown, now) if one.kind != "good")


async def page(call: Call) -> Answer:
    """All of it."""
    return Page("board/overview.html", await _values(call))


async def now(call: Call) -> Answer:
    """The part that changes, for a browser that was told that something did."""
    return Page("board/now.html", await _values(call))


async def live(call: Call) -> Answer:
    """Tells a browser whenever something of the organisation changes."""
    return Stream(call.parts["feed"].follow(call.org, call.query["since"]))
