"""Live figures: one look at the ledger each second for all browsers of a server, only while somebody watches.

A browser is told that something of its organisation changed, and which deliveries, by id. It then asks for its figures anew;
those are worked out once for all who ask within the same moment. A page says up to where it was read, so that what happens
before its browser listens is told too."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from segwright.delivery.engine import Engine
from segwright.ledger import feed
from segwright.ledger.feed import NOTHING, Changed
from segwright.ledger.store import Tx, Unavailable
from segwright.pages.routes import Call

T = TypeVar("T")

EVERY: Final = 1.0
"""Seconds between two looks."""
MOST: Final = 100
"""Ids that are told at a time; with more, every page that is open looks anew."""


class _Follower:
    """A browser that watches an organisation."""

    def __init__(self, org: str) -> None:
        self.org = org
        self.changed = NOTHING
        self.told = asyncio.Event()


class Feed:
    """What tells browsers that something changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._followers: set[_Follower] = set()
        self._looking: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._shared: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def shared(self, org: str, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` gives, worked out once for all who ask within the same moment."""
        now = time.monotonic()
        known = self._shared.get(org)
        if known is None or known[0] + EVERY < now:
            known = self._shared[org] = (now, asyncio.ensure_future(make()))
        found: T = await asyncio.shield(known[1])
        return found

    async def follow(self, org: str, since: str = "") -> AsyncGenerator[tuple[str, str], None]:
        """Events for a browser: `ready` once, then `changed` with the ids of deliveries (`[]`: of any), from where its page was
        read (`since`, of `read_for_live`). Ends when the records cannot be reached: a browser asks again."""
        follower = _Follower(org)
        self._followers.add(follower)
        if self._looking is None or self._looking.done():
            self._begun = asyncio.Event()
            self._looking = asyncio.create_task(self._look(self._begun))
        try:
            await self._begun.wait()
            if since:
                try:
                    missed, _ = await self._engine.read(lambda tx: feed.changes(tx, feed.read(org, since), org))
                except Unavailable:
                    return
                self._tell(missed, follower)
            yield "ready", "[]"
            while True:
                await follower.told.wait()
                follower.told.clear()
                changed, follower.changed = follower.changed, NOTHING
                ids = sorted(changed.deliveries)
                yield "changed", msgspec.json.encode([] if changed.more or len(ids) > MOST else ids or [0]).decode()
        finally:
            self._followers.discard(follower)
            if not self._followers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self, begun: asyncio.Event) -> None:
        cursors = None
        while True:
            with contextlib.suppress(Unavailable):
                if cursors is None:
                    cursors = await self._engine.read(feed.ends)
                    begun.set()
                else:
                    before = cursors
                    found, cursors = await self._engine.read(lambda tx: feed.changes(tx, before))  # noqa: B023 - asked at once
                    self._tell(found, *self._followers)
            await asyncio.sleep(EVERY)

    @staticmethod
    def _tell(found: dict[str, Changed], *followers: _Follower) -> None:
        for follower in followers:
            changed = found.get(follower.org)
            if changed is not None:
                follower.changed |= changed
                follower.told.set()


async def read_for_live(call: Call, function: Callable[[Tx], T]) -> tuple[T, str]:
    """A look at the ledger for a page that stays live, and up to where it looked."""

    def look(tx: Tx) -> tuple[T, str]:
        since = feed.written(feed.ends(tx, call.org))  # first: what commits in between is rather told twice
        return function(tx), since

    return await call.read(look)
