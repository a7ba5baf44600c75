"""One engine as a process of its own, to be killed: what `segwright serve` runs, with a door through which the test speaks as the
AI platform, and with named fault points.

The door is a line of JSON each way on a loopback port: the request names what is done, the answer says what became of it. It is
answered after the transaction is durable, like the API's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from segwright.delivery import desk, sending
from segwright.delivery.engine import Engine, install, load, open_store
from segwright.delivery.live import Live
from segwright.delivery.settings import parsed
from segwright.ledger.hospital import NotWritten
from segwright.ledger.results import Conflict
from segwright.ledger.store import Store, Tx, Unavailable
from segwright.plan.bundle import Bundle, read_bundle
from tests.faults import points

MARGIN = 0.2
"""Seconds of a lease that are never used for writing: the engine's 5 would make every kill cost a quarter of a minute."""


class Life(msgspec.Struct, frozen=True):
    """How one process lives. `settings`: the server's TOML; `policy`: changes of each organisation's manifest, by member;
    `door`: the port of the door, 0 for none; `trap`: point, pass and action."""

    settings: str
    root: str
    policy: dict[str, dict[str, dict[str, Any]]] = {}
    listen: bool = True
    door: int = 0
    trap: tuple[str, int, str] | None = None
    log: str = ""
    parent: int = 0
    """The campaign's process: this one ends when it is gone."""


class Ask(msgspec.Struct, frozen=True):
    """A request through the door."""

    org: str
    do: str  # submit | sign | amend | withdraw
    result: str = ""
    order: str = ""  # the placer number
    pathway: str = "order"
    document: msgspec.Raw = msgspec.Raw(b"null")


class Told(msgspec.Struct, frozen=True):
    """The answer. `outcome`: new, duplicate, stale, conflict, refused, unavailable."""

    outcome: str
    reason: str = ""


TOLD: list[Callable[[str], None]] = []
"""Called before a caller is told."""

SIGNER = msgspec.Raw(b'{"npi":"1999000072","id":"D12","family":"Imaginary","given":"Soren","degree":"MD"}')


BUNDLES = "SEGWRIGHT_FAULTS_BUNDLES"
"""Names the folder whose bundles the server of forks loads before it forks: a process then lives at once."""


def changed(live: Live, policy: dict[str, dict[str, Any]]) -> Live:
    """The organisation with another policy: short waits, for instance."""
    manifest = live.manifest
    members = {name: msgspec.structs.replace(getattr(manifest, name), **values) for name, values in policy.items()}
    manifest = msgspec.structs.replace(manifest, **members)
    bundle: Bundle = msgspec.structs.replace(live.bundle, manifest=manifest)
    other = Live(bundle, live._plans)
    other._loaded = live._loaded  # compiled already
    return other


def run(life: Life) -> None:
    """The process's whole life."""
    sending.MARGIN = MARGIN  # type: ignore[misc]
    if life.trap is not None:
        points.install(points.Trap(*life.trap).passes)
    asyncio.run(_run(life))


async def _run(life: Life) -> None:
    settings = parsed(life.settings.encode(), "settings")
    store = open_store(settings.database)
    lives = _READY if os.environ.get(BUNDLES) == life.root else load(settings, store, Path(life.root))
    lives = {org: changed(live, life.policy.get(org, {})) for org, live in lives.items()}
    install(store, settings.environment, lives)
    engine = Engine(settings, store, lives, environ=os.environ, listen=life.listen)
    _tell_failures(engine, life.log)
    watching = asyncio.create_task(_end_with(life.parent))
    await engine.start()
    if life.door:
        server = await asyncio.start_server(
            lambda r, w: _door(engine, store, r, w), "127.0.0.1", life.door, limit=1 << 22
        )
        async with server:
            await watching
    await watching


async def _end_with(parent: int) -> None:
    """Ends this process when the campaign was ended itself."""
    while True:
        await asyncio.sleep(1)
        try:
            os.kill(parent or os.getpid(), 0)
        except ProcessLookupError:
            os._exit(1)


def _tell_failures(engine: Engine, path: str) -> None:
    """What no process should have to say: exceptions that nobody caught."""

    def say(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        import traceback

        error = context.get("exception")
        text = "".join(traceback.format_exception(error)) if error else str(context.get("message"))
        with open(path, "a") as file:
            file.write(text + "\n")

    if path:
        asyncio.get_running_loop().set_exception_handler(say)
        failed = engine.failed

        def failing(message: bytes, peer: Any, error: Exception) -> Any:
            say(asyncio.get_running_loop(), {"exception": error})
            return failed(message, peer, error)

        engine.failed = failing  # type: ignore[method-assign]


async def _door(engine: Engine, store: Store, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        ask = msgspec.json.decode(line, type=Ask)
        try:
            told = await engine.write(lambda tx, ask=ask: _done(tx, engine.lives[ask.org], ask))  # type: ignore[misc]
        except Conflict as conflict:
            told = Told("conflict", conflict.code)
        except NotWritten as refused:
            told = Told("refused", "; ".join(refused.problems))
        except desk.Wrong as wrong:
            told = Told("refused", "; ".join(f"{fault.path} {fault.what}" for fault in wrong.faults))
        except Unavailable as gone:
            told = Told("unavailable", str(gone))
        for passed in TOLD:
            passed("committed, not told")
        writer.write(msgspec.json.encode(told) + b"\n")
        await writer.drain()


def _done(tx: Tx, live: Live, ask: Ask) -> Told:
    if ask.do == "submit":
        submission = desk.Submission(ask.document, desk.OrderReference(placer=ask.order) if ask.order else None)
        return Told(desk.submit(tx, live, submission, ask.pathway, "platform").outcome)  # type: ignore[arg-type]
    assert ask.do in ("sign", "amend", "withdraw")
    shown = desk.shown(tx, live, ask.result, ask.do)  # type: ignore[arg-type]
    diagnoses = live.manifest.diagnoses
    codes = tuple(choice.code for choice in diagnoses.choices[: max(1, diagnoses.minimum)]) if diagnoses else None
    signature = desk.Signature(shown.token, SIGNER, codes, interpretation=f"Signed as version {shown.version}.")
    return Told(desk.sign(tx, live, ask.do, ask.result, signature, "clinician").outcome)  # type: ignore[arg-type]


def _loaded_before() -> dict[str, Live]:
    root = os.environ.get(BUNDLES)
    if not root or not Path(root).is_dir():
        return {}
    lives = {}
    for folder in sorted(Path(root).glob("bundles/*/test")):
        lives[folder.parent.name] = live = Live(
            read_bundle(folder, organisation=folder.parent.name, environment="test")
        )
        for entry in live.manifest.catalogue:
            live.plan(entry.plan)
    return lives


_READY = _loaded_before()
