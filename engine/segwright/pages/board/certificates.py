"""Certificates of an organisation's connections, and when they expire: ours, those that we trust, and theirs as last seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from segwright.delivery.engine import Engine
from segwright.ledger.presented import Shown


class Seen(msgspec.Struct, frozen=True):
    """A certificate. `where`: of which connection; `whose`: ours, theirs, or one that we trust; `until` in ms, 0 when there is
    none; `kind`: the colour of how long it holds; `seen_at`: when the hospital showed it, in ms, 0 for ours."""

    where: str
    whose: str
    names: tuple[str, ...]
    until: int
    left: int
    kind: str
    says: str
    seen_at: int = 0


def certificates(engine: Engine, org: str, shown: Mapping[str, Shown], now: int) -> tuple[Seen, ...]:
    """Those of every destination with TLS, and of the listener. `shown`: what receivers showed last."""
    at = datetime.fromtimestamp(now / 1000, UTC)
    out = []
    for found in engine.certificates(org, shown):
        if found.certificate is None:
            out.append(
                Seen(
                    found.where, found.whose, (), 0, 0, "bad" if found.fault else "idle", found.fault or "not seen yet"
                )
            )
            continue
        left = found.certificate.days_left(at)
        kind = "bad" if left < 7 else "doubt" if left < 30 else "good"
        says = "expired" if left < 0 else f"{left} days left" if left != 1 else "1 day left"
        until = int(found.certificate.not_after.timestamp() * 1000)
        names = found.certificate.names
        out.append(Seen(found.where, found.whose, names, until, left, kind, says, found.seen_at))
    return tuple(out)
