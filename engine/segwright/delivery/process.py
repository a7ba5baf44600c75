"""A process that runs until it is told to stop.

SIGTERM and SIGINT ask it to finish: what is in flight is finished, what was accepted is answered. A second signal ends it at
once; the ledger is none the worse for it."""

from __future__ import annotations

import asyncio
import os
import signal

from segwright.delivery.log import Log


def stop_signals(log: Log) -> asyncio.Event:
    """An event that is set by the first signal."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        log("stopping" if not told.is_set() else "stopped at once", signal=number.name)
        if told.is_set():
            os._exit(128 + number)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    return told
