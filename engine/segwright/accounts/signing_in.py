"""Signing in by a password, in two halves: what is kept is read, and, after the password was compared outside of any
transaction, what came of it is written down.

After five wrong passwords in a row an account is locked for a minute, and for twice as long after each further one, up to a
quarter of an hour. Whoever signs in is told the same sentence whether the name, the password or the lock was in the way."""

from __future__ import annotations

from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.accounts import directory, sessions
from segwright.accounts.model import folded
from segwright.accounts.sessions import Limits
from segwright.ledger import tables as t
from segwright.ledger.store import Tx

FREE: Final = 5
"""Wrong passwords in a row that cost nothing."""
FIRST_LOCK: Final = 60_000
LONGEST_LOCK: Final = 900_000


class Kept(msgspec.Struct, frozen=True):
    """What a password is compared with. `account`: 0 for nobody; `password`: "" when none may fit now."""

    account: int
    password: str


def kept(tx: Tx, name: str) -> Kept:
    """What is kept under a name."""
    c = t.account.c
    row = tx.first(sa.select(c.id, c.password, c.state, c.locked_until).where(c.name == folded(name)))
    if row is None:
        return Kept(0, "")
    open_ = row.state == "active" and row.locked_until <= tx.now
    return Kept(row.id, row.password if open_ else "")


def enter(tx: Tx, found: Kept, token: str, limits: Limits, *, anew: str = "") -> bool:
    """The password fitted: signs in. Whether nothing came between the comparison and now. `anew`: the same password, hashed
    with today's parameters."""
    row = tx.lock(t.account, found.account)
    if row is None or row.password != found.password or row.state != "active" or row.locked_until > tx.now:
        return False
    tx.set(t.account, row.id, failures=0, locked_until=0, password=anew or row.password)
    sessions.start(tx, token, row.id, "password", limits)
    tx.journal.note("signed in", directory.CHAIN, actor=row.name, account_id=row.id, how="password")
    return True


def enter_by(tx: Tx, issuer: str, subject: str, token: str, limits: Limits) -> bool:
    """A provider said who it is: signs in. Whether an active account is bound to that."""
    found = directory.of_identity(tx, issuer, subject)
    if found is None or found.state != "active":
        return False
    sessions.start(tx, token, found.id, issuer, limits)
    tx.journal.note("signed in", directory.CHAIN, actor=found.name, account_id=found.id, how=issuer)
    return True


def failed(tx: Tx, found: Kept) -> None:
    """The password did not fit. Nothing is kept of names that nobody has: people type passwords there."""
    row = tx.lock(t.account, found.account) if found.account else None
    if row is None:
        return
    tx.journal.note("sign-in refused", directory.CHAIN, actor=row.name, account_id=row.id)
    if row.locked_until > tx.now:
        return  # tries while it is locked do not make it longer: else anybody could keep somebody out for ever
    failures = row.failures + 1
    lock = min(FIRST_LOCK << max(0, failures - FREE), LONGEST_LOCK) if failures >= FREE else 0
    tx.set(t.account, row.id, failures=failures, locked_until=tx.now + lock if lock else 0)
