"""Figures: how much was taken, tried, refused and received when, and how long it took. Made of the journal's events.

Takes what stands in the event chains; gives counts by quarter of an hour, at which every hospital's hours and days begin. They
are made behind the events, in transactions of their own that move the cursor and the counts together: no message waits for a
figure, each event is counted once, and the whole can be made again from the chains. A figure is at most some seconds behind.

    what          counts
    taken         deliveries that the hospital took, each once for each build; `within`: how long it took, up to
    tries         attempts; rejected, uncertain, void, held, needs_decision: as often as it came to that
    suppressed    submissions not sent because of a twin
    received      messages that came (repeats aside); refused, quarantined: of them
    orders        new orders
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared
from segwright.ledger.store import Tx

SLOT: Final = 900_000
"""Milliseconds of a slot."""
WITHIN: Final = (
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000, 7_200_000, 86_400_000,
)  # fmt: skip
"""Upper limits of how long it took, in ms; what took longer is counted under `LONGER`."""
LONGER: Final = 2**53 - 1
TOGETHER: Final = 2000
"""Events that one transaction counts, of each chain."""

_COUNTED: Final = {
    "attempt": ("tries",), "rejected": ("rejected",), "uncertain": ("uncertain",), "void": ("void",), "held": ("held",),
    "needs_decision": ("needs_decision",), "suppressed": ("suppressed",), "stored": ("received",), "taken": ("received",),
    "refused": ("received", "refused"), "order": ("orders",),
}  # fmt: skip
_TURN: Final = "tally"


def within(took: int) -> int:
    """The limit that a duration is counted under."""
    return next((limit for limit in WITHIN if took <= limit), LONGER)


# --- counting ---------------------------------------------------------------------------------------------------------------


def advance(tx: Tx) -> int:
    """Counts the events that were not counted yet; gives how many, at most `TOGETHER` of each chain. One process at a time."""
    behind = _behind(tx)
    if not behind:
        return 0
    tx.insert_new(t.setting, name=_TURN, value="")
    turn = sa.select(t.setting.c.name).where(t.setting.c.name == _TURN)
    if tx.first(turn.with_for_update(key_share=True, skip_locked=True)) is None:
        return 0
    counts: Counter[tuple[str, int, int, str, int]] = Counter()
    counted = 0
    for chain, after in _behind(tx).items():
        events = _events(tx, chain, after)
        if not events:
            continue
        counted += len(events)
        lane = int(chain.removeprefix("lane:")) if chain.startswith("lane:") else 0
        for event in events:
            for what, limit in _what(event):
                counts[event.org, lane, event.at // SLOT, what, limit] += 1
        _move(tx, chain, events[-1].number)
    _add(tx, counts)
    return counted


def _behind(tx: Tx) -> dict[str, int]:
    """The chains with events that were not counted, and where they stand."""
    after = sa.func.coalesce(t.tallied.c.number, 0).label("after")
    statement = (
        sa.select(t.head.c.chain, after)
        .select_from(t.head.outerjoin(t.tallied, t.tallied.c.chain == t.head.c.chain))
        .where(t.head.c.number > after)
        .order_by(t.head.c.chain)
    )
    return {row.chain: int(row.after) for row in tx.all(statement)}


def _events(tx: Tx, chain: str, after: int) -> Sequence[Any]:
    c = t.event.c
    statement = (
        sa.select(c.number, c.org, c.kind, c.facts, c.at)
        .where(c.chain == chain, c.number > after)
        .order_by(c.number)
        .limit(TOGETHER)
    )
    return tx.all(statement)


def _what(event: Any) -> Iterable[tuple[str, int]]:
    for what in _COUNTED.get(event.kind, ()):
        yield what, 0
    if event.kind == "quarantined":
        yield "quarantined", 0
        if '"code":' in event.facts:  # as it came; else it was taken first, and counted then
            yield "received", 0
    if '"took":' in event.facts:
        yield "taken", within(int(msgspec.json.decode(event.facts)["took"]))


def _move(tx: Tx, chain: str, number: int) -> None:
    tx.put(t.tallied, chain=chain, number=number)


def _add(tx: Tx, counts: Counter[tuple[str, int, int, str, int]]) -> None:
    if not counts:
        return
    insert: Any = (postgresql if tx.dialect == "postgresql" else sqlite).insert(t.tally)
    statement = insert.on_conflict_do_update(
        index_elements=list(t.tally.primary_key.columns), set_={"count": t.tally.c.count + insert.excluded.count}
    )
    names = ("org", "lane_id", "slot", "what", "within")
    tx.run(statement, [dict(zip(names, key, strict=True)) | {"count": n} for key, n in sorted(counts.items())])


# --- reading ----------------------------------------------------------------------------------------------------------------


class Figures(msgspec.Struct, frozen=True):
    """What happened in a stretch of time. `counts` by what; `taken` by the limit within which it was taken."""

    start: int
    end: int
    counts: dict[str, int]
    taken: dict[int, int]

    @property
    def delivered(self) -> int:
        """How many deliveries were taken."""
        return sum(self.taken.values())

    def of(self, what: str) -> int:
        """How many of something."""
        return self.counts.get(what, 0)

    def share_within(self, share: float) -> int:
        """The limit (ms) within which this share of what was taken was taken; 0 when nothing was."""
        wanted, seen = self.delivered * share, 0
        for limit, count in sorted(self.taken.items()):
            seen += count
            if seen >= wanted:
                return limit
        return 0


def series(tx: Tx, org: str, lane: int | None, bounds: Sequence[int]) -> tuple[Figures, ...]:
    """The figures between each two of these moments (ms, rising, at quarters of an hour). `lane`: None for all of the
    organisation, 0 for what belongs to no lane."""
    lanes = [lane] if lane is not None else [0, *_lanes(tx, org)]
    counts: list[Counter[str]] = [Counter() for _ in bounds[1:]]
    taken: list[Counter[int]] = [Counter() for _ in bounds[1:]]
    of_slots: dict[str, int] = {}
    for n, (start, end) in enumerate(pairwise(bounds)):
        of_slots |= {f"n{n}": n, f"low{n}": start // SLOT, f"high{n}": -(-end // SLOT)}
    for each in lanes:
        for row in tx.all(_between(len(counts)), {"org_": org, "lane_": each, **of_slots}):
            if row.what == "taken":
                taken[row.n][row.within] += int(row.many)
            else:
                counts[row.n][row.what] += int(row.many)
    stretches = zip(pairwise(bounds), counts, taken, strict=True)
    return tuple(Figures(start, end, dict(one), dict(other)) for (start, end), one, other in stretches)


def _lanes(tx: Tx, org: str) -> list[int]:
    return [row.id for row in tx.all(sa.select(t.lane.c.id).where(t.lane.c.org == org))]


@cache
def _between(stretches: int) -> Prepared:
    """The sums of a lane (`org_`, `lane_`) in each of so many stretches of time (`n`: its slots from `low` to before `high`), by
    what and limit: a look into the key for each."""
    number, low, high = (sa.column(name, sa.BigInteger) for name in ("n", "low", "high"))
    rows = [
        tuple(sa.bindparam(f"{name}{n}", type_=sa.BigInteger) for name in ("n", "low", "high"))
        for n in range(stretches)
    ]
    bounds = sa.values(number, low, high, name="bounds").data(rows).cte("bounds")
    b, c = bounds.c, t.tally.c
    within_it = sa.and_(
        c.org == sa.bindparam("org_"), c.lane_id == sa.bindparam("lane_"), c.slot >= b.low, c.slot < b.high
    )
    return Prepared(
        sa.select(b.n, c.what, c.within, sa.func.sum(c.count).label("many"))
        .join_from(bounds, t.tally, within_it)
        .group_by(b.n, c.what, c.within)
    )
