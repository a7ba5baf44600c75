"""One row of the table of routes, and what a view is given.

    ROUTES = (
        Route("GET", "/o/{org}/worklist", "worklist", worklist, roles=("clinician",), title="Worklist", about="…"),
        Route("POST", "/o/{org}/cases/{case:int}/sign", "sign", sign, roles=("clinician",)),
    )

    async def worklist(call: Call) -> Answer:
        found = await call.read(lambda tx: studies(tx, call.org))
        return Page("clinical/worklist.html", {"found": found}, saw=(Saw(cases=tuple(one.case for one in found)),))

A route with `{org}` in its path asks for a role there; `title` puts it into the navigation of those who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from segwright.accounts.model import Role
from segwright.delivery.engine import Engine
from segwright.delivery.live import Live
from segwright.delivery.log import Log
from segwright.delivery.settings import PagesSettings
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, not_there
from segwright.pages.visitor import Visitor

T = TypeVar("T")


class Form:
    """What was typed. A field that is not there is ""."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        """The last value of a field, without spaces around it."""
        return next((value.strip() for key, value in reversed(self._pairs) if key == name), "")

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def exact(self, name: str) -> str:
        """The last value of a field, as it was typed."""
        return next((value for key, value in reversed(self._pairs) if key == name), "")

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a field, in their order."""
        return tuple(value.strip() for key, value in self._pairs if key == name)

    def number(self, name: str) -> int:
        """A field that holds an id of the ledger. Raises `Refused` (404) for what cannot be one."""
        text = self[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            raise not_there()
        return int(text)


class Call(msgspec.Struct, frozen=True):
    """A request that may be answered: access was decided. `path`: parameters of the path, `query`: those of the URL (never
    anything of a patient), `form`: what was posted, `token`: of the cookie, `fragment`: whether htmx asks, `address`: where
    from, `now`: ms."""

    route: Route
    engine: Engine
    settings: PagesSettings
    log: Log
    path: Mapping[str, Any]
    query: Form
    form: Form
    token: str
    fragment: bool
    address: str
    now: int
    known: Visitor | None = None
    of: Live | None = None
    parts: Mapping[str, Any] = {}
    """What views of a kind share while the server runs, such as the limit of wrong passwords; by name."""

    @property
    def visitor(self) -> Visitor:
        """Who asks; on a route that anybody may use there may be nobody (`known`)."""
        assert self.known is not None, "this route may be used by nobody in particular"
        return self.known

    @property
    def live(self) -> Live:
        """The bundle of the organisation in the path."""
        assert self.of is not None, "this route is about no organisation"
        return self.of

    @property
    def org(self) -> str:
        """The organisation in the path."""
        return self.live.org

    def number(self, name: str) -> int:
        """An id of the path."""
        return int(self.path[name])

    async def read(self, function: Callable[[Tx], T]) -> T:
        """A look at the ledger."""
        return await self.engine.read(function)

    async def write(self, function: Callable[[Tx], T]) -> T:
        """A transaction that is durable when this returns; lanes look for new work afterwards."""
        return await self.engine.write(function)


View = Callable[[Call], Awaitable[Answer]]


class Route(msgspec.Struct, frozen=True):
    """A page, or something that is done. `needs`: whom it is for; with an organisation in the path it is for those who hold
    one of `roles` there. `title`, `about`: how the navigation and the first page call it, "" to leave it out. `passive`: a
    browser asks by itself (live figures): that keeps no session from ending. `part_of`: the route whose link in the
    navigation is marked while this page is shown, where the path does not say so."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    view: View
    roles: tuple[Role, ...] = ()
    needs: Literal["role", "account", "nobody"] = "role"
    title: str = ""
    about: str = ""
    passive: bool = False
    part_of: str = ""

    def __post_init__(self) -> None:
        """A role is held for an organisation: one without the other would let nobody in, or everybody."""
        if (self.needs == "role") != self.of_organisation or bool(self.roles) != self.of_organisation:
            raise ValueError(
                f"{self.name}: a route has {{org}} in its path, needs a role and names the roles, or none of these"
            )

    @property
    def of_organisation(self) -> bool:
        """Whether it is about an organisation."""
        return "{org}" in self.path


def filled(path: str, values: Mapping[str, Any]) -> str:
    """A route's path with its parameters."""
    out = []
    for part in path.split("/"):
        if part.startswith("{"):
            out.append(str(values[part[1:-1].partition(":")[0]]))
        else:
            out.append(part)
    return "/".join(out)
