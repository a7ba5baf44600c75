"""Operations of the API: what each takes, gives and may refuse, in one table that routes and description are both made of.

An operation is a function of a transaction and a call. Those that act run once for an Idempotency-Key. What they raise is
for `problems` to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from segwright.delivery.live import Live
from segwright.ledger.store import Tx


class Call(msgspec.Struct, frozen=True):
    """One request, read: by whom, and with what. `live` is the organisation of the token; `path`: the ids of the URL."""

    live: Live
    path: dict[str, Any]
    query: Any
    body: Any
    actor: str

    @property
    def org(self) -> str:
        """The organisation."""
        return self.live.org


Does: TypeAlias = Callable[[Tx, Call], "tuple[int, msgspec.Struct]"]


class Operation(msgspec.Struct, frozen=True):
    """One operation. `statuses`: of its good answers; `refuses`: further statuses besides those of every operation."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    summary: str
    does: Does
    answer: type[msgspec.Struct]
    statuses: tuple[int, ...] = (200,)
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    refuses: tuple[int, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether it changes something."""
        return self.method == "POST"
