"""The body of a request, read whole within limits: for pages as for the API."""

from __future__ import annotations

import asyncio

from starlette.requests import Request


class TooLarge(Exception):
    """There is more of it than is taken."""


async def received(request: Request, most: int, within: float) -> bytes:
    """The bytes of a body. Raises `TooLarge` when there are more than `most`, and TimeoutError when they do not come within so
    many seconds."""
    data = bytearray()
    async with asyncio.timeout(within):
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise TooLarge
    return bytes(data)
