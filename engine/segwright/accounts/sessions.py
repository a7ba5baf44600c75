"""Who is signed in.

Takes the hash of a token; gives the account behind it, with its grants as they are now: what is revoked or disabled holds
from the next request on. A session ends when it was not used for a while, and in any case after some hours."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx

SEEN_EVERY: Final = 60_000
"""Milliseconds between two notes that a session is in use."""


class Limits(msgspec.Struct, frozen=True):
    """How long a session lasts, in ms: unused, and in all."""

    idle: int
    longest: int


class Session(msgspec.Struct, frozen=True):
    """A session that holds. `stale`: it should be noted that it was seen."""

    id: int
    account_id: int
    how: str
    at: int
    ends_at: int
    stale: bool


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(tx: Tx, token: str, account: int, how: str, limits: Limits) -> int:
    """Signs an account in. What is long over is swept away by the way."""
    tx.run(sa.delete(t.session).where(t.session.c.ends_at < tx.now))
    return tx.insert(
        t.session, token_hash=hash_of(token), account_id=account, how=how, at=tx.now, seen_at=tx.now,
        ends_at=tx.now + limits.longest,
    )  # fmt: skip


def find(tx: Tx, token: str, limits: Limits) -> Session | None:
    """The session of a token, while it holds."""
    row = tx.first(sa.select(t.session).where(t.session.c.token_hash == hash_of(token)))
    if row is None or tx.now >= row.ends_at or tx.now >= row.seen_at + limits.idle:
        return None
    return Session(row.id, row.account_id, row.how, row.at, row.ends_at, tx.now - row.seen_at >= SEEN_EVERY)


def seen(tx: Tx, session: int) -> None:
    """Notes that it is in use."""
    tx.set(t.session, session, seen_at=tx.now)


def end(tx: Tx, session: int) -> None:
    """Signs it out."""
    tx.run(sa.delete(t.session).where(t.session.c.id == session))


def end_all(tx: Tx, account: int, *, but: int = 0) -> None:
    """Signs an account out everywhere; `but`: except there."""
    tx.run(sa.delete(t.session).where(t.session.c.account_id == account, t.session.c.id != but))
