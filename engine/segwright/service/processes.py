"""The same work for many names, on several processes where that is worth it.

Takes a function from a name to bytes, and names; gives the bytes in the order of the names. Workers are forked, so that they have
all that was read before; where a process cannot be forked (threads, another system), and for few names, the work is done here.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

MANY: Final = 16
"""Names from which on a second process is worth its start."""

_CHUNK: Final = 4

Work = Callable[[str], bytes]
_work: Work | None = None
"""Of a pool that is running."""


def in_processes(
    work: Work, names: Sequence[str], done: Callable[[int], None] = lambda number: None, jobs: int | None = None
) -> Iterator[bytes]:
    """What `work` gives for each name. `done` is told how many are ready. An exception of `work` is raised here."""
    count = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if count < 2 or len(names) < MANY or sys.platform != "linux" or threading.active_count() > 1:
        for number, name in enumerate(names):
            done(number)
            yield work(name)
        return
    # What the first one loads, forked workers need not load each for itself.
    yield work(names[0])
    yield from _pooled(work, names[1:], done, count)


def _pooled(work: Work, names: Sequence[str], done: Callable[[int], None], count: int) -> Iterator[bytes]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    global _work
    _work = work
    try:
        with ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin) as pool:
            for number, data in enumerate(pool.map(_one, names, chunksize=_CHUNK)):
                done(number)
                yield data
    finally:
        _work = None


def _begin() -> None:
    """A worker begins: an interrupt is its parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def _one(name: str) -> bytes:
    assert _work is not None
    return _work(name)
