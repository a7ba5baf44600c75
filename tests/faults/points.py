"""Named points of the engine at which a process can be killed or stopped, wrapped around its functions from outside.

    stored, not committed            a message that came, in the transaction that keeps it
    committed, not answered          … kept, its answer still unsent
    worked off, not committed        an order, in the transaction that does what it asks
    result written, not committed    a submission, in its transaction
    signed, not committed            a signature, in its transaction
    committed, not told              a submission or signature kept, its caller not told
    frozen, not committed            a message built, in the transaction that makes it ready
    lane taken                       a lease written, nothing done yet
    attempt written, not committed   the next try, in its transaction
    attempt committed, nothing sent  … the try is in the ledger, no byte has left
    before the first byte            the connection stands, the last check is passed
    half written                     half of the frame has left
    all written                      the whole frame has left
    answer come, not written down    the acknowledgement is in memory only
    outcome written, not committed   the outcome, in its transaction
    outcome committed                … kept, the sender not told
    answer from elsewhere kept       an application acknowledgement by another connection, in its transaction

Production code knows nothing of them: `install` replaces names in its modules, in a process made for that.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any, Final

from segwright.delivery import reception, sending
from segwright.ledger import inbox, lanes, line, orders, results
from segwright.transport.link import Link
from segwright.transport.sender import Sender

TAKING: Final = (
    "stored, not committed", "committed, not answered", "worked off, not committed", "result written, not committed",
    "signed, not committed", "committed, not told", "answer from elsewhere kept",
)  # fmt: skip
"""Passed by the process that listens."""
SENDING: Final = (
    "frozen, not committed", "lane taken", "attempt written, not committed", "attempt committed, nothing sent",
    "before the first byte", "half written", "all written", "answer come, not written down", "outcome written, not committed",
    "outcome committed",
)  # fmt: skip
"""Passed by every process."""
POINTS: Final = TAKING + SENDING


class Trap:
    """Ends or stops this process when it passes `point` for the n-th time."""

    def __init__(self, point: str, nth: int, action: str) -> None:
        assert point in POINTS
        self.point = point
        self.left = nth
        self.signal = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[action]

    def passes(self, point: str) -> None:
        if point == self.point and self.left:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), self.signal)


def install(passed: Callable[[str], None]) -> None:
    """Wraps the engine's functions in this process, so that `passed` hears of every point."""

    def after(owner: Any, name: str, point: str, when: Callable[[Any], bool] = lambda given: True) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            given = inner(*arguments, **named)
            if when(given):
                passed(point)
            return given

        setattr(owner, name, wrapped)

    def after_waiting(owner: Any, name: str, point: str, when: Callable[[Any], bool] = lambda given: True) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        async def wrapped(*arguments: Any, **named: Any) -> Any:
            given = await inner(*arguments, **named)
            if when(given):
                passed(point)
            return given

        setattr(owner, name, wrapped)

    after(inbox, "keep", "stored, not committed")
    after_waiting(reception.Reception, "_one", "committed, not answered")
    after(orders, "take", "worked off, not committed")
    after(results, "submit", "result written, not committed")
    after(results, "sign", "signed, not committed")
    after(line, "freeze", "frozen, not committed")
    after_waiting(sending.Workers, "_taken", "lane taken", bool)
    after(lanes, "_open", "attempt written, not committed", lambda attempt: attempt is not None)
    after(lanes, "_close", "outcome written, not committed")
    after(lanes, "answered_elsewhere", "answer from elsewhere kept", bool)
    after_waiting(sending.Workers, "_step", "outcome committed")

    send = Sender.send
    write = Link.write

    async def sending_one(
        self: Sender, message: bytes, *, judge: Any, before_write: Any = lambda: "", within: Any = None
    ) -> Any:
        passed("attempt committed, nothing sent")

        def check() -> str:
            said: str = before_write()
            passed("before the first byte")
            return said

        outcome = await send(self, message, judge=judge, before_write=check, within=within)
        passed("answer come, not written down")
        return outcome

    def writing(self: Link, data: bytes) -> None:
        if self._pausing:  # a listener's: an answer
            write(self, data)
            return
        half = len(data) // 2
        write(self, data[:half])
        passed("half written")
        write(self, data[half:])
        passed("all written")

    Sender.send = sending_one  # type: ignore[method-assign]
    Link.write = writing  # type: ignore[method-assign]
    from tests.faults import process

    process.TOLD.append(passed)
