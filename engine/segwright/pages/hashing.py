"""Passwords take turns.

Comparing a password, or hashing one, keeps a core busy for a moment and takes 64 MiB (`accounts.passwords`). That is done in a
thread of its own, one after the other, in the order in which they came: when a whole shift signs in at once, the last one waits,
but pages are drawn and messages go out beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Does(Protocol):
    """Runs a function of passwords in the thread for them."""

    def __call__(self, function: Callable[..., T], *given: str) -> Awaitable[T]: ...


class Hashing:
    """The turns of one server. Used by one event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)  # whoever waits for it gets it in order
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Does]:
        """Waits for one's turn: `async with hashing.turn() as does: fit = await does(fits, kept, typed)`."""
        async with self._turn:
            yield self._does

    def _does(self, function: Callable[..., T], *given: str) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *given)
