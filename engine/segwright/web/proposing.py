"""Proposals over the API: put to the server by `segwright propose`, their approvals fetched by `segwright approvals import`.

A proposal is about many organisations and no token of an organisation is for it: each proposer has tokens of their own
(`approvals.proposers`), which open nothing else. Both sides stand here: what the server answers, and what the commands ask.

| | |
|---|---|
| `POST /v1/proposals` | a proposal as JSON, compressed with gzip; 201 when it is taken, 200 when it is the newest one already |
| `GET /v1/proposals/N/approvals` | the signed lines so far, as `approvals import` takes them |
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from segwright.delivery import proposals, verdicts
from segwright.delivery.engine import Engine
from segwright.delivery.verdicts import Office
from segwright.ledger.store import Tx
from segwright.pages.bodies import TooLarge, received
from segwright.review.document import DocumentRefused, Proposal, decoded_proposal
from segwright.web.problems import not_there, refusal
from segwright.web.tokens import Tokens

PATH: Final = "/v1/proposals"
APPROVALS: Final = "/v1/proposals/{proposal:int}/approvals"
_WITHIN: Final = 60.0
_LARGEST_NUMBER: Final = 2**53


class Taken(msgspec.Struct, frozen=True):
    """What the server says of a proposal. `again`: it was there already; `page`: where people look at it, for each of its
    hospitals that is served here the same page."""

    proposal: int
    again: bool
    hospitals: int
    page: str = ""


# --- the server -------------------------------------------------------------------------------------------------------------


class Proposing:
    """The two operations. `tokens`: of the proposers, under the names of their accounts."""

    def __init__(self, engine: Engine, tokens: Tokens, office: Office) -> None:
        self.engine = engine
        self.tokens = tokens
        self.office = office

    async def put(self, request: Request) -> Response:
        """Takes a proposal."""
        proposer = self._who(request)
        if request.headers.get("content-encoding", "").lower() != "gzip":
            raise refusal(415, "media_type", "A proposal is JSON, compressed with gzip: `segwright propose` sends it.")
        data = await _body(request)
        try:
            digest, found = await asyncio.to_thread(_read, data)
            number, again = await self.engine.write(lambda tx: proposals.take(tx, found, digest, proposer))
        except (proposals.NotTaken, DocumentRefused) as refused:
            raise refusal(422, "proposal", "The proposal is not taken.", f"{refused}.") from None
        names = [hospital.name for hospital in found.review.hospitals]
        served = next((name for name in names if name in self.engine.lives), "")
        page = f"/o/{served}/changes/{number}" if served and self.engine.settings.pages.serve else ""
        taken = Taken(number, again, len(names), page)
        return _json(200 if again else 201, msgspec.json.encode(taken))

    async def approvals(self, request: Request) -> Response:
        """The signed lines of a proposal."""
        proposer, number = self._who(request), int(request.path_params["proposal"])

        def fetch(tx: Tx) -> str | None:
            if not 0 < number < _LARGEST_NUMBER or proposals.head(tx, number) is None:
                return None
            everyone = proposals.organisations(tx, number)
            return verdicts.export(tx, self.office, number, everyone, proposer)

        text = await self.engine.write(fetch)
        if text is None:
            raise not_there("proposal")
        return Response(text, 200, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")

    def _who(self, request: Request) -> str:
        given = request.headers.getlist("authorization")
        name = self.tokens.organisation(given[0]) if len(given) == 1 else ""
        if not name:
            challenge = {"WWW-Authenticate": 'Bearer realm="segwright"'}
            raise refusal(401, "token", "The token of somebody who may propose changes is needed.", headers=challenge)
        return name


def _read(data: bytes) -> tuple[str, Proposal]:
    text = proposals.unpacked(data)
    found = decoded_proposal(text)
    proposals.judge(found)
    return hashlib.sha256(text).hexdigest(), found


async def _body(request: Request) -> bytes:
    """What was sent, still compressed. Raises `Refusal`."""
    large = f"A proposal has at most {proposals.LARGEST_SENT:,} bytes, compressed: propose some hospitals at a time."
    try:
        return await received(request, proposals.LARGEST_SENT, _WITHIN)
    except TooLarge:
        raise refusal(413, "too_large", large, headers={"Connection": "close"}) from None
    except TimeoutError:
        raise refusal(408, "too_slow", "The body did not come in time.", headers={"Connection": "close"}) from None


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, {"Cache-Control": "no-store"}, "application/json")


# --- the commands -----------------------------------------------------------------------------------------------------------


class NotSent(Exception):
    """What a server did not do, or could not be asked. Its text says why, and never holds the token."""


def propose(server: str, token: str, proposal: bytes) -> Taken:
    """Puts a proposal to a server. Raises `NotSent`."""
    sent = gzip.compress(proposal, 6, mtime=0)
    if len(sent) > proposals.LARGEST_SENT or len(proposal) > proposals.LARGEST:
        raise NotSent(
            f"{len(proposal):,} bytes are too much for one proposal: propose some hospitals at a time, with --org."
        )
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = _asked("POST", server.rstrip("/") + PATH, token, content=sent, headers=headers)
    try:
        return msgspec.json.decode(answer.content, type=Taken)
    except msgspec.MsgspecError:
        raise NotSent(f"{server} does not answer as a server of segwright does.") from None


def fetched(url: str, token: str) -> str:
    """The signed lines behind a URL of a server. Raises `NotSent`."""
    answer = _asked("GET", url, token)
    if not answer.headers.get("content-type", "").startswith("text/plain"):
        raise NotSent(f"{url} gives no approvals: the address is that of a server, with {PATH}/NUMBER/approvals.")
    return answer.text


def _asked(method: str, url: str, token: str, **given: Any) -> httpx2.Response:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotSent(f"{url} is no address of a server, such as https://segwright.hospital.example.")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise NotSent("A token goes to another machine over TLS only: the address has to begin with https:.")
    headers = {"Authorization": f"Bearer {token}", **given.pop("headers", {})}
    try:
        answer = httpx2.request(method, url, headers=headers, timeout=_WITHIN * 2, follow_redirects=False, **given)
    except httpx2.HTTPError as error:
        raise NotSent(f"{parts.scheme}://{parts.netloc} cannot be reached ({type(error).__name__}).") from None
    if answer.status_code not in (200, 201):
        raise NotSent(f"{parts.scheme}://{parts.netloc} says no ({answer.status_code}): {_why(answer)}")
    return answer


def _why(answer: httpx2.Response) -> str:
    try:
        found = answer.json()
        return " ".join(str(found[name]) for name in ("title", "detail") if found.get(name))
    except (ValueError, AttributeError, TypeError):
        return "it does not say why."
