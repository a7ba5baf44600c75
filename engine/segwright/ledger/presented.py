"""Certificates that receivers showed: written by whichever process sends, read by those that show pages.

A row a destination: the one that was seen last, and under which address it was seen."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx


class Shown(msgspec.Struct, frozen=True):
    """A certificate as it was seen. `address`: hash of the destination; `names`: what it is for; times in ms, `at`: when it was
    seen."""

    destination: str
    address: str
    fingerprint: str
    names: tuple[str, ...]
    begins: int
    ends: int
    at: int = 0


def note(tx: Tx, org: str, shown: Shown) -> None:
    """Keeps a certificate in place of the one that was seen there before."""
    tx.put(
        t.presented, org=org, destination=shown.destination, address=shown.address, fingerprint=shown.fingerprint,
        names=msgspec.json.encode(shown.names).decode(), begins=shown.begins, ends=shown.ends, at=tx.now,
    )  # fmt: skip


def seen(tx: Tx, org: str) -> dict[str, Shown]:
    """What was seen last at each destination of an organisation."""
    rows = tx.all(sa.select(t.presented).where(t.presented.c.org == org))
    return {
        row.destination: Shown(
            row.destination, row.address, row.fingerprint, msgspec.json.decode(row.names, type=tuple[str, ...]), row.begins,
            row.ends, row.at,
        )
        for row in rows
    }  # fmt: skip
