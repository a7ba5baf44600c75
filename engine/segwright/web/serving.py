"""A server: the engine, its API and the pages in one process, from start to a clean stop.

Takes an engine that was not started; returns when it was told to stop and everything in flight is finished. The order matters:
the API takes no more calls, then listeners take no more messages, then lanes are let go.

The engine has the main thread and its event loop; HTTP has a thread and a loop of its own, so that a page that is being drawn
stands in nobody's way who receives or sends. What HTTP may ask of the engine stands in `Engine` (*from other threads*)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from segwright.delivery.approved import NotRun
from segwright.delivery.engine import Engine, Refused
from segwright.delivery.log import Log
from segwright.delivery.process import stop_signals
from segwright.delivery.settings import SecretMissing, Settings, secret, split
from segwright.delivery.verdicts import office_of
from segwright.pages.application import Pages
from segwright.pages.oidc import BACK
from segwright.pages.provider import Provider
from segwright.plan.vouching import CannotVouch
from segwright.transport.tls import TlsMistake, server_context
from segwright.web.api import Api
from segwright.web.proposing import Proposing
from segwright.web.tokens import BadTokens, Tokens

GRACE: Final = 20
"""Seconds for calls in flight to be answered when the server stops."""
MOST_CONNECTIONS: Final = 500
SWITCH: Final = 0.0005
"""Seconds after which a thread that computes lets another one that waits have the interpreter: who sends waits at every answer of
the network or the database for that, while a page is drawn."""
HEAD_WITHIN: Final = 15.0
"""Seconds from the first byte of a request, or from the connection, to the end of its headers."""


class _Protocol(H11Protocol):
    """HTTP, with a limit to how long the head of a request may take: slow heads would use up the connections."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            self._unwatch()  # a request is being answered
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Server(uvicorn.Server):
    """The HTTP server of an API."""

    def __init__(self, config: uvicorn.Config, api: Api) -> None:
        super().__init__(config)
        self._api = api

    def stop(self) -> None:
        """Has it end, from any thread: within a tenth of a second it takes no more calls."""
        self._api.stopping = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no more calls and answers those in flight. Streams are told to end, they would be waited for."""
        if self._api.pages is not None:
            self._api.pages.stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours to take."""
        yield


def api_of(settings: Settings, engine: Engine, environ: Mapping[str, str], log: Log, root: Path) -> Api:
    """The API of a server. `root`: the folder that the paths of its settings start from. Raises `Refused` for tokens and keys
    that cannot be used."""
    faults = [
        f"api.tokens.{name}: no bundle of this organisation is served"
        for name in settings.api.tokens
        if name not in engine.lives
    ]

    def read(references: Iterable[str]) -> list[bytes]:
        found = []
        for reference in references:
            try:
                found.append(secret(reference, environ))
            except SecretMissing as error:
                faults.append(f"api: {error}")
        return found

    given = {name: read(references) for name, references in settings.api.tokens.items()}
    operators = read(settings.api.operators)
    proposers = {name: read(references) for name, references in settings.approvals.proposers.items()}
    try:
        office = office_of(settings, root, environ)
    except (SecretMissing, CannotVouch, NotRun) as error:
        raise Refused([*faults, f"approvals: {error}"]) from None
    try:
        if not faults:
            pages = Pages(engine, log, provider_of(settings, environ), office) if settings.pages.serve else None
            Tokens(
                {**given, **{f"proposer {name}": tokens for name, tokens in proposers.items()}}
            )  # each opens one door
            proposing = Proposing(engine, Tokens(proposers), office) if proposers else None
            return Api(engine, Tokens(given), Tokens({"operators": operators}), log, pages, proposing)
    except SecretMissing as error:
        faults.append(f"pages.oidc: {error}")
    except BadTokens as bad:
        faults += [f"api: {fault}" for fault in bad.faults]
    raise Refused(faults)


def provider_of(settings: Settings, environ: Mapping[str, str]) -> Provider | None:
    """The provider of sign-ins that the settings name. Raises `SecretMissing`."""
    found = settings.pages.oidc
    if found is None:
        return None
    return Provider(found, secret(found.secret, environ).decode().strip(), settings.pages.address + BACK)


async def serve(engine: Engine, api: Api, log: Log, environ: Mapping[str, str], started: Callable[[int], None]) -> None:
    """Runs until a signal. `started` is called with the port of the API once everything listens. Raises `Refused` when an
    address cannot be had."""
    settings = engine.settings.api
    host, port = split(settings.address)
    config = uvicorn.Config(
        api.app, http=_Protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=30, timeout_graceful_shutdown=GRACE, limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=64 << 10,
    )  # fmt: skip
    config.load()
    try:
        if settings.tls is not None:
            config.ssl = server_context(identity=secret(settings.tls.identity, environ), clients=b"")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=256)
        # What is accepted inherits it. asyncio sets it only on sockets that name their protocol, which this one does not: without
        # it the second packet of an answer waits some 40 ms for the first to be acknowledged.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (SecretMissing, TlsMistake) as error:
        raise Refused([f"api: {error}"]) from None
    except OSError as error:
        raise Refused([f"api: {settings.address} cannot be listened on ({error.strerror})"]) from None
    told = stop_signals(log)
    sys.setswitchinterval(SWITCH)
    server = _Server(config, api)
    with listening:
        port = listening.getsockname()[1]
        try:
            try:
                await engine.start()
            except OSError as error:
                raise Refused([f"listeners: an address cannot be listened on ({error.strerror})"]) from None
            log("listening", listener="api", port=port)
            started(port)
            await _answered(server, listening, told)
        finally:
            await engine.stop()
    log("stopped")


async def _answered(server: _Server, listening: socket.socket, told: asyncio.Event) -> None:
    """HTTP in a thread of its own, until the server is told to stop and the calls in flight are answered."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="http")
    answering = asyncio.get_running_loop().run_in_executor(thread, asyncio.run, server.serve([listening]))
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait((answering, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        server.stop()
        try:
            await answering
        finally:
            thread.shutdown(wait=False)


async def work(engine: Engine, log: Log) -> None:
    """Sends until a signal, without listening."""
    told = stop_signals(log)
    try:
        await engine.start()
        log("sending")
        await told.wait()
    finally:
        await engine.stop()
    log("stopped")
