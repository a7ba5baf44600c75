"""The API: one Starlette application over an engine.

Every call under /v1 goes the same way: token → organisation, media type, size, body and parameters into their types, one
transaction, one JSON answer. Whatever is wrong on the way becomes a problem document. What was not foreseen is a fault of ours:
logged by kind and place, answered without a word about the content.

| path | who may ask |
|---|---|
| /v1/… | an organisation, by its token |
| /openapi.json | anybody while all organisations share one model; with a token that organisation's |
| /v1/proposals | whoever may propose changes of mappings, by a token of theirs: `proposing` |
| /health, /ready | anybody: they say nothing of organisations |
| /metrics | this machine, or whoever has the operators' token |
| everything else | people, in a browser: `segwright.pages` |
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from segwright.delivery import desk
from segwright.delivery.engine import Engine
from segwright.delivery.live import Live
from segwright.delivery.log import Log
from segwright.ledger.store import Tx
from segwright.pages.application import Pages
from segwright.pages.bodies import TooLarge, received
from segwright.web import description, health, orders, results
from segwright.web.operations import Call, Operation
from segwright.web.problems import MEDIA_TYPE, STATUSES, Refusal, not_there, refusal, refused, unreadable
from segwright.web.proposing import APPROVALS, PATH, Proposing
from segwright.web.tokens import Tokens

OPERATIONS: Final = (*results.OPERATIONS, *orders.OPERATIONS)

LARGEST_BODY: Final = 16 << 20
"""Bytes of a body: a result with its report as a document."""
BODY_WITHIN: Final = 30.0
"""Seconds for a whole body to come."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ACTOR: Final = re.compile(r"[\x21-\x7e]{1,100}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}")
_NUMBERED: Final = ("order", "delivery")  # path parameters that are ids of the ledger

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The application and what it counts. `operators`: tokens that open /metrics from anywhere; `pages`: None when none are
    served; `proposing`: what is done for those who propose changes."""

    def __init__(
        self, engine: Engine, tokens: Tokens, operators: Tokens, log: Log, pages: Pages | None = None,
        proposing: Proposing | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.tokens = tokens
        self.operators = operators
        self.log = log
        self.answered: Counter[tuple[str, int]] = Counter()
        self.stopping = False
        self._descriptions: dict[str, bytes] = {}
        routes = [Route(path, self._watched(path, self._one_of(path)), methods=_methods(path)) for path in _paths()]
        routes += [
            Route("/openapi.json", self._watched("/openapi.json", self._described), methods=["GET"]),
            Route("/health", self._watched("/health", self._healthy), methods=["GET"]),
            Route("/ready", self._watched("/ready", self._ready), methods=["GET"]),
            Route("/metrics", self._watched("/metrics", self._metrics), methods=["GET"]),
        ]
        if proposing is not None:
            routes += [
                Route(PATH, self._watched(PATH, proposing.put), methods=["POST"]),
                Route(APPROVALS, self._watched(APPROVALS, proposing.approvals), methods=["GET"]),
            ]
        if pages is not None:
            routes += [
                Route(path, self._watched(path, endpoint), methods=methods)
                for path, methods, endpoint in pages.endpoints()
            ]
        self.pages = pages
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: self._no_route})
        self.app.router.redirect_slashes = False

    # --- around every call ---

    def _watched(self, route: str, endpoint: Endpoint) -> Endpoint:
        """Counts and logs a call, under its route; never under its URL."""

        async def watched(request: Request) -> Response:
            start = time.monotonic()
            try:
                response = await endpoint(request)
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it
            except Exception as error:  # noqa: BLE001 - whoever asked gets an answer
                found = refused(error)
                if found is None:
                    self.log.fault("fault", error, route=route, method=request.method)
                    found = refusal(500, "fault", "A fault of the server; nothing was kept.")
                response = _problem(found)
            self.answered[route, response.status_code] += 1
            ms = round((time.monotonic() - start) * 1000, 1)
            organisation = getattr(request.state, "organisation", "")
            self.log(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                ms=ms,
                organisation=organisation,
            )
            return response

        return watched

    def _one_of(self, path: str) -> Endpoint:
        operations: dict[str, Operation] = {
            operation.method: operation for operation in OPERATIONS if operation.path == path
        }

        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            return await self._called(operations[method], request)

        return endpoint

    # --- one call ---

    async def _called(self, operation: Operation, request: Request) -> Response:
        live = self._whose(request)
        data = await _body(request, operation) if operation.acts else b""
        call = Call(live, _path(request), _query(request, operation), _decoded(operation, data), _actor(request))
        if not operation.acts:
            status, answer = await self.engine.read(lambda tx: operation.does(tx, call))
            return _answer(status, msgspec.json.encode(answer))
        key = request.headers.get("idempotency-key", "")
        if "idempotency-key" in request.headers and not _KEY.fullmatch(key):
            raise refusal(400, "idempotency_key", "An Idempotency-Key is 1 to 255 visible ASCII characters.")
        asked = f"{operation.name} {request.url.path}\n".encode() + data

        def act(tx: Tx) -> desk.Once:
            return desk.once(tx, live.org, key, asked, lambda tx: operation.does(tx, call))

        once = await self.engine.write(act)
        return _answer(once.status, once.body, {"Idempotency-Replayed": "true"} if once.again else None)

    def _whose(self, request: Request) -> Live:
        """The organisation of the token. Raises `Refusal`."""
        given = request.headers.getlist("authorization")
        organisation = self.tokens.organisation(given[0]) if len(given) == 1 else ""
        live = self.engine.lives.get(organisation)
        if live is None:
            challenge = 'Bearer realm="segwright"' + (', error="invalid_token"' if given else "")
            title = "This token is nobody's." if given else "A bearer token is needed."
            raise refusal(401, "token", title, headers={"WWW-Authenticate": challenge})
        request.state.organisation = organisation
        return live

    async def _no_route(self, request: Request, error: Exception) -> Response:
        """No such path, or no such method on it: a problem for programs, a page for people."""
        assert isinstance(error, HTTPException)
        if self.pages is not None and "text/html" in request.headers.get("accept", ""):
            return await self.pages.missing(request, error.status_code)
        titles = {404: "There is no such path.", 405: "This path does not take this method."}
        title = titles.get(error.status_code, "The request cannot be done.")
        return _problem(refusal(error.status_code, "route", title, headers=dict(error.headers or {})))

    # --- what monitors and programs ask ---

    async def _described(self, request: Request) -> Response:
        lives = list(self.engine.lives.values())
        if "authorization" in request.headers:
            lives = [self._whose(request)]
        elif len({msgspec.json.encode(live.model) for live in lives}) > 1:
            raise refusal(
                401, "token", "Organisations have different models here: send a token.",
                headers={"WWW-Authenticate": 'Bearer realm="segwright"'},
            )  # fmt: skip
        organisation = lives[0].org
        if organisation not in self._descriptions:
            self._descriptions[organisation] = msgspec.json.encode(description.openapi(lives[0].model, OPERATIONS))
        return _answer(200, self._descriptions[organisation])

    async def _healthy(self, request: Request) -> Response:
        if not await health.alive(self.engine):
            return _answer(503, b'{"status":"stuck"}')
        return _answer(200, b'{"status":"alive"}')

    async def _ready(self, request: Request) -> Response:
        found = await health.readiness(self.engine, stopping=self.stopping)
        return _answer(200 if found.ready else 503, msgspec.json.encode(found))

    async def _metrics(self, request: Request) -> Response:
        if not _is_here(request) and not self.operators.organisation(request.headers.get("authorization", "")):
            raise not_there("page")
        text = await health.metrics(self.engine, self.answered)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _paths() -> list[str]:
    """Every path, those without parameters first: `/v1/orders/changes` is no order."""
    found = dict.fromkeys(operation.path for operation in OPERATIONS)
    return sorted(found, key=lambda path: "{" in path.rpartition("/")[2])


def _methods(path: str) -> list[str]:
    return [operation.method for operation in OPERATIONS if operation.path == path]


def _is_here(request: Request) -> bool:
    """Whether this machine asks, and not for somebody else."""
    if request.client is None or {"forwarded", "x-forwarded-for", "via"} & set(request.headers.keys()):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _body(request: Request, operation: Operation) -> bytes:
    """The whole body. Raises `Refusal` when it is of another kind, too large or too slow."""
    if operation.body is not None and not _is_json(request.headers.get("content-type", "")):
        raise refusal(
            415, "media_type", "The body has to be application/json.", headers={"Accept-Post": "application/json"}
        )
    too_large = refusal(
        413, "too_large", f"A body has at most {LARGEST_BODY:,} bytes.", headers={"Connection": "close"}
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise too_large
    try:
        data = await received(request, LARGEST_BODY, BODY_WITHIN)
    except TooLarge:
        raise too_large from None
    except TimeoutError:
        raise refusal(408, "too_slow", STATUSES[408], headers={"Connection": "close"}) from None
    if operation.body is None and data:
        raise refusal(400, "request", "This operation takes no body.")
    return data


def _is_json(content_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    return kind == "application/json" and all(one in ("charset=utf-8", 'charset="utf-8"') for one in parameters)


def _path(request: Request) -> dict[str, Any]:
    """The ids of the URL. Raises `Refusal` for what cannot be an id of anything."""
    found: dict[str, Any] = {}
    for name, text in request.path_params.items():
        if name in _NUMBERED:
            if not _NUMBER.fullmatch(text):
                raise not_there(name)
            found[name] = int(text)
        elif not re.fullmatch(desk.PLAIN, text) or len(text) > desk.LONGEST_ID or not text.isprintable():
            raise not_there(name)
        else:
            found[name] = text
    return found


def _query(request: Request, operation: Operation) -> Any:
    pairs = request.query_params.multi_items()
    if operation.query is None:
        if pairs:
            raise refusal(400, "request", "This operation takes no parameters.")
        return None
    if len({name for name, _ in pairs}) < len(pairs):
        raise refusal(400, "request", "A parameter stands there twice.")
    try:
        return msgspec.convert(dict(pairs), operation.query, strict=False)
    except msgspec.ValidationError as error:
        raise unreadable(error, place="query") from None


def _decoded(operation: Operation, data: bytes) -> Any:
    if operation.body is None:
        return None
    try:
        body = msgspec.json.decode(data, type=operation.body)
        twice = _holds_twice(json.loads(data, object_pairs_hook=_Members, parse_int=str, parse_float=str))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, msgspec.MsgspecError):
            raise unreadable(error) from None
        raise unreadable(msgspec.DecodeError()) from None
    if twice:
        raise refusal(400, "request", "A member stands there twice.")
    return body


class _Members(NamedTuple):
    """An object as it is written."""

    pairs: list[tuple[str, Any]]


def _holds_twice(found: Any) -> bool:
    """Whether an object has a member twice: which of the two is meant is not ours to say. A result is looked at for itself, and
    its faults are listed with their places."""
    if not isinstance(found, _Members):
        return False
    names = [name for name, _ in found.pairs]
    return len(set(names)) < len(names) or any(_holds_twice(value) for name, value in found.pairs if name != "result")


def _actor(request: Request) -> str:
    """Who acts, as the caller says: kept with what is done."""
    if "segwright-actor" not in request.headers:
        return "api"
    given = request.headers["segwright-actor"]
    if not _ACTOR.fullmatch(given):
        raise refusal(400, "request", "Segwright-Actor is 1 to 100 visible ASCII characters.")
    return given


def _answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def _problem(found: Refusal) -> Response:
    body = msgspec.json.encode(found.problem)
    return Response(body, found.problem.status, {"Cache-Control": "no-store", **found.headers}, MEDIA_TYPE)
