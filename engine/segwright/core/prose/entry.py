"""One entry of the catalogue."""

from __future__ import annotations

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """Title, sentence, advice and page of one diagnostic code. Templates take the diagnostic's facts as `{name}`."""

    title: str
    message: str
    help: tuple[str, ...] = ()
    why: str = ""
