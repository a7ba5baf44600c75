"""What changed: read from the heads of the event chains, for whoever shows live figures.

Takes cursors, one for each chain; gives what happened behind them by organisation, and the new cursors. Numbers of a chain are
given under its lock, in the order of commits: nothing ever appears behind a cursor that was read. Only ids and kinds are told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx

_CURSOR: Final = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
MOST: Final = 500
"""Events of a chain that are looked at; with more, only that very much changed is told."""


class Changed(msgspec.Struct, frozen=True):
    """What changed for an organisation. `kinds` of events; `deliveries` and `cases`: which; `more`: it is not all."""

    kinds: frozenset[str]
    deliveries: frozenset[int]
    cases: frozenset[int]
    more: bool = False

    def __or__(self, other: Changed) -> Changed:
        """Both."""
        return Changed(
            self.kinds | other.kinds,
            self.deliveries | other.deliveries,
            self.cases | other.cases,
            self.more or other.more,
        )


NOTHING: Final = Changed(frozenset(), frozenset(), frozenset())


def ends(tx: Tx, org: str = "") -> dict[str, int]:
    """Where every chain ends, or those of an organisation and of its lanes."""
    h = t.head.c
    statement = sa.select(h.chain, h.number)
    if org:
        lanes = sa.select(sa.literal("lane:") + sa.cast(t.lane.c.id, sa.String)).where(t.lane.c.org == org)
        statement = statement.where(sa.or_(h.chain == f"org:{org}", h.chain.in_(lanes)))
    return {row.chain: int(row.number) for row in tx.all(statement)}


def written(cursors: Mapping[str, int]) -> str:
    """The cursors of an organisation, for a URL: `0-12.7-40` is 12 events of its own and 40 of its lane 7."""
    each = (f"{chain[5:] if chain.startswith('lane:') else 0}-{number}" for chain, number in sorted(cursors.items()))
    return ".".join(each) or "0-0"


def read(org: str, text: str) -> dict[str, int]:
    """Cursors from a URL; what is not one is left out."""
    pairs = (pair.groups() for part in text.split(".") if (pair := _CURSOR.fullmatch(part)))
    return {f"lane:{lane}" if lane != "0" else f"org:{org}": int(number) for lane, number in pairs}


def changes(tx: Tx, cursors: Mapping[str, int], org: str = "") -> tuple[dict[str, Changed], dict[str, int]]:
    """What happened behind these cursors, and where to go on; of every organisation or of one. That somebody looked at something
    changes nothing."""
    now = ends(tx, org)
    found: dict[str, Changed] = {}
    c = t.event.c
    for chain, number in sorted(now.items()):
        after = cursors.get(chain, 0)
        if number <= after:
            continue
        more = number - after > MOST
        statement = sa.select(c.org, c.kind, c.delivery_id, c.case_id).where(
            c.chain == chain, c.number > max(after, number - MOST), c.kind != "viewed"
        )
        for row in tx.all(statement.order_by(c.number)):
            one = Changed(
                frozenset({row.kind}), frozenset({row.delivery_id} - {0}), frozenset({row.case_id} - {0}), more
            )
            found[row.org] = found.get(row.org, NOTHING) | one
    return found, now
