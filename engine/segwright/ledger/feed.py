"""What changed: read from the heads of the event chains, for whoever shows live figures.

Takes cursors, one for each chain; gives what happened behind them by organisation, and the new cursors. Numbers of a chain are
given under its lock, in the order of commits: nothing ever appears behind a cursor that was read. Only ids and kinds are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx

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


def ends(tx: Tx) -> dict[str, int]:
    """Where every chain ends."""
    return {row.chain: int(row.number) for row in tx.all(sa.select(t.head.c.chain, t.head.c.number))}


def changes(tx: Tx, cursors: Mapping[str, int]) -> tuple[dict[str, Changed], dict[str, int]]:
    """What happened behind these cursors, and where to go on."""
    now = ends(tx)
    found: dict[str, Changed] = {}
    c = t.event.c
    for chain, number in sorted(now.items()):
        after = cursors.get(chain, 0)
        if number <= after:
            continue
        more = number - after > MOST
        statement = sa.select(c.org, c.kind, c.delivery_id, c.case_id).where(
            c.chain == chain, c.number > max(after, number - MOST)
        )
        for row in tx.all(statement.order_by(c.number)):
            one = Changed(
                frozenset({row.kind}), frozenset({row.delivery_id} - {0}), frozenset({row.case_id} - {0}), more
            )
            found[row.org] = found.get(row.org, NOTHING) | one
    return found, now
