"""Between HTTP and views: cookies, forms, headers, limits. What a view never sees.

The cookie of a session holds a random token and nothing else. A visitor who is not signed in has a token, too, in a cookie
of its own, so that the sign-in form is bound to a browser like every other form."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterable
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from segwright.delivery.settings import Settings
from segwright.pages.answer import Refused, Stream
from segwright.pages.bodies import TooLarge, received
from segwright.pages.routes import Form

LARGEST_FORM: Final = 1 << 20
MOST_FIELDS: Final = 2000
FORM_WITHIN: Final = 30.0
STREAM_FOR: Final = 300.0
"""Seconds that a stream of events lasts."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_NEXT: Final = re.compile(r"(/[A-Za-z0-9_.-]+)+|/")

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors {ancestors}; base-uri 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def new_token() -> str:
    """A token that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


class Cookies:
    """The two cookies. `secure`: people come by TLS, so the cookies go by nothing else, and their names say so."""

    def __init__(self, *, secure: bool) -> None:
        prefix = "__Host-" if secure else ""
        self._secure = secure
        self.session = f"{prefix}segwright"
        self.visit = f"{prefix}segwright-visit"

    def read(self, request: Request, name: str) -> str:
        """The token in a cookie, "" when there is none that could be one."""
        found = request.cookies.get(name, "")
        return found if _TOKEN.fullmatch(found) else ""

    def set(self, response: Response, name: str, token: str) -> None:
        """Keeps a token in the browser until it is closed; "" takes it away."""
        if token:
            response.set_cookie(name, token, secure=self._secure, httponly=True, samesite="lax", path="/")
        else:
            response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax", path="/")


def is_secure(settings: Settings) -> bool:
    """Whether people reach the pages by TLS: by their own address, else by the API's."""
    address = settings.pages.address
    return address.startswith("https:") if address else settings.api.tls is not None


def secured(response: Response, *, secure: bool, framed: bool = False) -> Response:
    """The headers of everything but static files."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Content-Security-Policy"] = CSP.format(ancestors="'self'" if framed else "'none'")
    response.headers["X-Frame-Options"] = "SAMEORIGIN" if framed else "DENY"
    if secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


async def form_of(request: Request) -> Form:
    """What was posted. Raises `Refused` for what no form of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise Refused(415, "This cannot be read", "A form of these pages was expected.")
    try:
        data = await received(request, LARGEST_FORM, FORM_WITHIN)
    except TooLarge:
        raise Refused(
            413, "This is too much", "A form has at most a megabyte.", headers={"Connection": "close"}
        ) from None
    except TimeoutError:
        raise Refused(408, "This took too long", "Send the form once more.", headers={"Connection": "close"}) from None
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused(400, "This cannot be read", "A form of these pages was expected.") from None
    return Form(pairs)


async def streamed(stream: Stream, stopping: asyncio.Event, *, within: float = STREAM_FOR) -> AsyncIterator[str]:
    """Server-sent events (HTML Standard, 9.2), until the server stops, or for some minutes: a browser then asks again and is
    looked at again."""
    stopped = asyncio.ensure_future(stopping.wait())
    until = time.monotonic() + within
    try:
        while True:
            following = asyncio.ensure_future(anext(stream.events, None))
            left = max(0.0, until - time.monotonic())
            await asyncio.wait((following, stopped), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                return
            found = following.result()
            if found is None:
                return
            event, data = found
            lines = "".join(f"data: {line}\n" for line in data.split("\n"))
            yield f"event: {event}\n{lines}\n"
    finally:
        stopped.cancel()


def from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def safe_next(text: str) -> str:
    """A path of ours to go on to, else the first page: never another site."""
    return text if len(text) <= 300 and _NEXT.fullmatch(text) else "/"


def address_of(request: Request, proxies: Iterable[str]) -> str:
    """Where a request comes from, as far as it can be believed: behind a known proxy, what that one says."""
    found = request.client.host if request.client else ""
    known = [ip_network(one) for one in proxies]
    told = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    while told and _within(found, known):
        found = told.pop()
    return found[:64]


def _within(address: str, networks: Iterable[object]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)  # type: ignore[operator]
    except ValueError:
        return False


class Tries:
    """How often something went wrong from an address lately. Only failures count: many people may share one address."""

    MOST: Final = 30
    WITHIN: Final = 600_000
    _ADDRESSES: Final = 10_000

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[int]] = OrderedDict()

    def wait(self, address: str, now: int) -> int:
        """Milliseconds until the next try is heard, 0 for at once."""
        failed = self._failed.get(address)
        if failed is None:
            return 0
        while failed and failed[0] <= now - self.WITHIN:
            failed.popleft()
        return failed[0] + self.WITHIN - now if len(failed) >= self.MOST else 0

    def failed(self, address: str, now: int) -> None:
        """One more."""
        self._failed.setdefault(address, deque(maxlen=self.MOST)).append(now)
        self._failed.move_to_end(address)
        while len(self._failed) > self._ADDRESSES:
            self._failed.popitem(last=False)
