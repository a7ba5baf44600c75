"""The pages: a table of routes, and the one place where it is decided who may use which.

What one may not see does not exist: a page of an organisation that the visitor has no role for is answered like one that
nobody has (404). A page of his own organisation that his roles do not allow says so (403). Looks at a patient's data are
written down before the answer leaves; if they cannot be, it does not leave. What was not foreseen is a fault of ours:
logged by kind and place, answered without a word about the content."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from segwright.accounts import directory, sessions
from segwright.delivery.engine import Engine
from segwright.delivery.live import Live
from segwright.delivery.log import Log
from segwright.delivery.verdicts import Office
from segwright.ledger.store import Tx, Unavailable
from segwright.pages import accounts_page, home, oidc, own_account, seen, signin, words
from segwright.pages.answer import Answer, Bytes, Go, Page, Refused, Stream, not_there
from segwright.pages.board import routes as board
from segwright.pages.board.live import Feed
from segwright.pages.changes import deciding, reading, running
from segwright.pages.clinical import acts, review, signers_page, worklist
from segwright.pages.drawing import Drawing, Static
from segwright.pages.gate import (
    Cookies,
    Tries,
    address_of,
    form_of,
    from_elsewhere,
    is_secure,
    new_token,
    secured,
    streamed,
)
from segwright.pages.hashing import Hashing
from segwright.pages.provider import Provider
from segwright.pages.routes import Call, Form, Route, filled
from segwright.pages.visitor import Visitor, csrf_of

ROUTES: Final[tuple[Route, ...]] = (
    *home.ROUTES,
    *signin.ROUTES,
    *oidc.ROUTES,
    *own_account.ROUTES,
    *worklist.ROUTES,
    *review.ROUTES,
    *acts.ROUTES,
    *board.ROUTES,
    *reading.ROUTES,
    *deciding.ROUTES,
    *running.ROUTES,
    *signers_page.ROUTES,
    *accounts_page.ROUTES,
)
"""Every page and every act. A further area adds its own table here."""

Endpoint = Callable[[Request], Awaitable[Response]]
_LARGEST_ID: Final = 2**53


class Pages:
    """The pages of one server. `provider`: of sign-ins, when there is one; `office`: what approvals are signed with."""

    def __init__(
        self, engine: Engine, log: Log, provider: Provider | None = None, office: Office | None = None
    ) -> None:
        self.engine = engine
        self.settings = engine.settings.pages
        self.log = log
        self.secure = is_secure(engine.settings)
        self.cookies = Cookies(secure=self.secure)
        self.limits = sessions.Limits(self.settings.idle_minutes * 60_000, self.settings.longest_hours * 3_600_000)
        self.parts: dict[str, Any] = {
            "tries": Tries(),
            "hashing": Hashing(),
            "limits": self.limits,
            "provider": provider,
            "feed": Feed(engine),
            "office": office or Office(None, "this server", None, 1, Path()),
        }
        self.stopping = asyncio.Event()
        self.static = Static()
        self._named = {route.name: route for route in ROUTES}
        assert len(self._named) == len(ROUTES), "two routes have one name"
        self.drawing = Drawing(self.static, self.url)

    def url(self, name: str, **values: Any) -> str:
        """Where a route is."""
        return filled(self._named[name].path, values)

    def endpoints(self) -> Iterator[tuple[str, list[str], Endpoint]]:
        """Path, methods and endpoint of everything, for the application that it is mounted in. Paths without parameters
        come first."""
        paths: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            paths.setdefault(route.path, {})[route.method] = route
        for path, methods in sorted(paths.items(), key=lambda item: item[0].count("{")):
            yield path, list(methods), self._endpoint(methods)
        yield "/static/{name}", ["GET"], self._static

    # --- one request ---

    def _endpoint(self, methods: Mapping[str, Route]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            route = methods["GET" if request.method == "HEAD" else request.method]
            return await self._guarded(request, route)

        return endpoint

    async def missing(self, request: Request, status: int) -> Response:
        """A path that is no route, or not with this method."""
        return await self._guarded(request, None, status)

    async def _guarded(self, request: Request, route: Route | None, status: int = 404) -> Response:
        """Whatever happens, whoever asked gets a page."""
        visitor: Visitor | None = None
        live: Live | None = None
        token = self.cookies.read(request, self.cookies.visit) or new_token()
        try:
            session_token = self.cookies.read(request, self.cookies.session)
            visitor = await self._visitor(session_token, passive=route is None or route.passive)
            if visitor is not None:
                token = session_token
            if route is None:
                title = "There is no such page" if status == 404 else "This cannot be done"
                raise Refused(status, title, "Go back to the first page and try from there.")
            live = self._organisation(request.path_params, visitor)
            response = await self._answered(request, route, visitor, token, live)
        except ClientDisconnect:
            raise
        except Refused as refused:
            response = self._refusal(request, refused, visitor, token, live)
        except Unavailable:
            sorry = Refused(503, "The records cannot be reached just now", "Nothing was kept. Try again in a moment.")
            response = self._refusal(request, sorry, visitor, token, live)
        except Exception as error:  # noqa: BLE001 - whoever asked gets an answer
            self.log.fault("fault", error, route=route.path if route else "", method=request.method)
            sorry = Refused(
                500,
                "Something went wrong on our side",
                "Nothing was kept. Our log says where; tell your operator when.",
            )
            response = self._refusal(request, sorry, visitor, token, live)
        if visitor is None and not self.cookies.read(request, self.cookies.visit):
            self.cookies.set(response, self.cookies.visit, token)
        return response

    async def _visitor(self, token: str, *, passive: bool) -> Visitor | None:
        if not token:
            return None

        def look(tx: Tx) -> Visitor | None:
            found = sessions.find(tx, token, self.limits)
            account = directory.account(tx, found.account_id) if found is not None else None
            if found is None or account is None or account.state != "active":
                return None
            return Visitor(account, found)

        visitor = await self.engine.read(look)
        if visitor is not None and visitor.session.stale and not passive:
            number = visitor.session.id
            await self.engine.write(lambda tx: sessions.seen(tx, number))
        return visitor

    async def _answered(
        self, request: Request, route: Route, visitor: Visitor | None, token: str, live: Live | None
    ) -> Response:
        if visitor is None and route.needs != "nobody":
            return self._to_sign_in(request, route)
        self._allow(route, request.path_params, visitor, live)
        if live is not None:
            request.state.organisation = live.org
        form = Form([])
        if route.method == "POST":
            form = await form_of(request)
            given = form.exact("csrf") or request.headers.get("x-csrf-token", "")
            if from_elsewhere(request) or not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
                raise Refused(
                    403, "This form is out of date", "Nothing was done. Go back, reload the page, and send it again."
                )
        if visitor is not None and visitor.must_change_password and route.name not in own_account.FREE:
            return self._go(request, Go(self.url("own-account")))
        call = Call(
            route, self.engine, self.settings, self.log, request.path_params, Form(request.query_params.multi_items()), form,
            token, "hx-request" in request.headers and "hx-boosted" not in request.headers,
            address_of(request, self.settings.proxies), time.time_ns() // 1_000_000, visitor, live, self.parts,
        )  # fmt: skip
        answer = await route.view(call)
        saw = getattr(answer, "saw", ())
        if saw:
            await self.engine.write(lambda tx: seen.note(tx, call.org, call.visitor, route.name, saw))
        return self._response(request, answer, call)

    def _organisation(self, path: Mapping[str, Any], visitor: Visitor | None) -> Live | None:
        """The organisation of the path, for who holds any role there."""
        live = self.engine.lives.get(path.get("org", ""))
        return live if live is not None and visitor is not None and visitor.roles(live.org) else None

    def _allow(self, route: Route, path: Mapping[str, Any], visitor: Visitor | None, live: Live | None) -> None:
        """Raises `Refused` unless the visitor may use a route. `live`: the organisation of the path, None for one that must look
        as if it were not there."""
        if any(isinstance(value, int) and not 0 < value < _LARGEST_ID for value in path.values()):
            raise not_there()
        if not route.of_organisation:
            return
        if visitor is None or live is None:
            raise not_there()
        if not visitor.is_one_of(live.org, route.roles):
            wanted = words.listed([words.article(role) for role in route.roles])
            raise Refused(
                403, f"You are not {wanted} here",
                f"This page of {live.manifest.name} needs that role. Its administrators can give it to you.",
            )  # fmt: skip

    # --- answers ---

    def _response(self, request: Request, answer: Answer, call: Call) -> Response:
        match answer:
            case Page():
                block = answer.fragment if call.fragment else ""
                values = self._values(answer.values, call.known, call.token, call.of, call.route, call.query["said"])
                text = self.drawing.page(answer.template, values, block)
                return secured(HTMLResponse(text, answer.status), secure=self.secure)
            case Go():
                return self._go(request, answer)
            case Bytes():
                named = {"Content-Disposition": f'attachment; filename="{answer.filename}"'} if answer.filename else {}
                response = Response(answer.body, media_type=answer.media_type, headers=named)
                return secured(response, secure=self.secure, framed=answer.framed)
            case Stream():
                streaming = StreamingResponse(streamed(answer, self.stopping), media_type="text/event-stream")
                return secured(streaming, secure=self.secure)

    def _values(
        self, values: Mapping[str, Any], visitor: Visitor | None, token: str, live: Live | None, route: Route | None = None,
        said: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """What every template gets beside its own values."""
        common = {
            "visitor": visitor, "org": live.org if live else "", "live": live, "zone": live.manifest.zone if live else "UTC",
            "now": time.time_ns() // 1_000_000, "csrf_token": csrf_of(token), "places": self._places(visitor, route),
            "words": words, "said": words.SAID.get(said, ""), "environment": self.engine.settings.environment,
        }  # fmt: skip
        return {**common, **values}

    def _places(self, visitor: Visitor | None, now: Route | None) -> list[dict[str, Any]]:
        """Where this visitor may go: his organisations that are served here, each with its pages. `now`: where he is."""
        if visitor is None:
            return []
        served = [org for org in visitor.account.organisations if org in self.engine.lives]
        return [
            {
                "org": org, "name": self.engine.lives[org].manifest.name,
                "pages": [
                    {
                        "url": filled(route.path, {"org": org}), "title": route.title, "about": route.about,
                        "current": _is_current(route, now),
                    }
                    for route in ROUTES if route.title and visitor.is_one_of(org, route.roles)
                ],
            }
            for org in served
        ]  # fmt: skip

    def _go(self, request: Request, go: Go) -> Response:
        url = f"{go.url}?said={go.said}" if go.said else go.url
        if "hx-request" in request.headers:
            response: Response = Response(status_code=204, headers={"HX-Redirect": url})
        else:
            response = RedirectResponse(url, 303)
        if go.session is not None:
            self.cookies.set(response, self.cookies.session, go.session)
        return secured(response, secure=self.secure)

    def _to_sign_in(self, request: Request, route: Route) -> Response:
        """Whoever is not signed in learns nothing about what is there. A page that is open already decides by itself whether it
        leaves (pages.js): what somebody is typing is not lost."""
        if "hx-request" in request.headers:
            return secured(Response(status_code=401), secure=self.secure)
        onward = f"?next={request.url.path}" if route.method == "GET" and request.url.path != "/" else ""
        return self._go(request, Go(self.url("sign-in") + onward))

    def _refusal(
        self, request: Request, refused: Refused, visitor: Visitor | None, token: str, live: Live | None
    ) -> Response:
        values = self._values(
            {"title": refused.title, "text": refused.text, "status": refused.status}, visitor, token, live
        )
        text = self.drawing.page("refused.html", values, "main" if "hx-request" in request.headers else "")
        return secured(HTMLResponse(text, refused.status, refused.headers), secure=self.secure)

    async def _static(self, request: Request) -> Response:
        found = self.static.body(request.path_params["name"])
        if found is None:
            return await self.missing(request, 404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(found[0], headers=headers, media_type=found[1])


def _is_current(linked: Route, now: Route | None) -> bool:
    """Whether the present page belongs to a link of the navigation."""
    if now is None:
        return False
    return linked.name in (now.name, now.part_of) or now.path == linked.path or now.path.startswith(f"{linked.path}/")
