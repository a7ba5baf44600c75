"""Ports for processes that listen, end and listen again."""

from __future__ import annotations

import random
import socket


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on. They lie below those that systems give to connections going out (from 32768
    on), so that none is taken while the process that listens there is being started anew."""
    chance = random.SystemRandom()
    held: list[socket.socket] = []
    while len(held) < count:
        try:
            held.append(socket.create_server(("127.0.0.1", chance.randrange(15_000, 32_000))))
        except OSError:
            continue
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports
