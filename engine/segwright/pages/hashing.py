"""Passwords take turns.

Comparing a password, or hashing one, keeps one core busy for a moment and takes 64 MiB (`accounts.passwords`). That is done in
threads of its own, two at a time, in the order in which they came: when a whole shift signs in at once, the last one waits, but
pages are drawn and messages go out beside it. The interpreter is free meanwhile, and whoever sends sleeps most of the time: the
system lets him have a core as soon as he wakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 2


class Does(Protocol):
    """Runs a function of passwords in a thread for them."""

    def __call__(self, function: Callable[..., T], *given: str) -> Awaitable[T]: ...


class Hashing:
    """The turns of one server, for one event loop. `at_once`: passwords that are hashed at the same time."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turn = asyncio.Semaphore(at_once)  # whoever waits for it gets it in order
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Does]:
        """Waits for one's turn: `async with hashing.turn() as does: fit = await does(fits, kept, typed)`."""
        async with self._turn:
            yield self._does

    def _does(self, function: Callable[..., T], *given: str) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *given)
