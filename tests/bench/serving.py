"""The contestants of the rows about the running system, each a process of its own:

    python -m tests.bench.serving engine FOLDER ORGANISATION COUNT DATABASE RECEIVER WHAT    WHAT: listen, send or both
    python -m tests.bench.serving accept-floor FILE
    python -m tests.bench.serving deliver-floor FILE RECEIVER

Each says where it listens when it is ready; one that sends waits until it is told to go. Each ends when nothing more can be said
to it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from segwright.delivery.engine import Engine, install, open_store
from segwright.web.serving import SWITCH
from tests.bench import floor, hospital, network


async def _engine(folder: Path, name: str, count: int, database: str, receiver: int, what: str) -> None:
    """What `segwright serve` runs, or `segwright worker` when it only sends."""
    sys.setswitchinterval(SWITCH)
    listen, send = what in ("listen", "both"), what in ("send", "both")
    lives = hospital.lives(folder, name, count)
    settings = hospital.settings(tuple(lives), database, receiver, listen=listen)
    store = open_store(database)
    engine = Engine(settings, store, lives, environ=os.environ, send=send, listen=listen)
    if listen or store.is_sqlite:
        install(store, "test", lives)
    loop = asyncio.get_running_loop()
    if what == "send":
        network.say(ready=True)
        if not await loop.run_in_executor(None, sys.stdin.readline):
            return
    await engine.start()
    if listen:
        network.say(ports=[listener.port for listener in engine.listeners])
    while await loop.run_in_executor(None, sys.stdin.readline):
        pass
    await engine.stop(within=10)
    store.close()


def main() -> None:
    """What a process of its own does."""
    what, *given = sys.argv[1:]
    if what == "engine":
        folder, name, count, database, receiver, how = given
        asyncio.run(_engine(Path(folder), name, int(count), database, int(receiver), how))
    elif what == "accept-floor":
        floor.accept(Path(given[0]))
    else:
        floor.deliver(Path(given[0]), int(given[1]))


if __name__ == "__main__":
    main()
