"""The engine: one process that listens, keeps, coordinates and sends, for the bundles of one environment.

Takes settings, a store and loaded bundles; runs until it is stopped. Several engines may share one PostgreSQL ledger;
which of them sends on a lane is for the lease to say. Stopping finishes what is in flight and leaves everything else in
the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from segwright.codes import saying
from segwright.codes.editions import Editions, NoEdition, editions
from segwright.delivery import proposals
from segwright.delivery.approved import NotRun, judged, places, signers_of
from segwright.delivery.live import Live, answer_time
from segwright.delivery.reception import Reception, new_id
from segwright.delivery.sending import Workers
from segwright.delivery.settings import ListenerSettings, SecretMissing, Settings, secret, split
from segwright.ledger import lanes, tally
from segwright.ledger import tables as t
from segwright.ledger.line import wake
from segwright.ledger.migrate import ready, upgrade, version
from segwright.ledger.presented import Shown
from segwright.ledger.store import Store, Tx, Unavailable
from segwright.plan.bundle import BundleRefused, read_bundle
from segwright.plan.manifest import Destination as Named
from segwright.transport.framing import Refused as FrameRefused
from segwright.transport.listener import Limits, Listener, Peer, Reply, Seen
from segwright.transport.listener import Settings as Listening
from segwright.transport.replies import reply_to_failure, reply_to_refused
from segwright.transport.sender import Destination
from segwright.transport.tls import (
    Certificate,
    TlsMistake,
    certificates_in,
    client_context,
    expiry_alert,
    server_context,
)

T = TypeVar("T")

HOUSEKEEPING: Final = 2.0
"""Seconds between two looks for what is overdue."""
PRUNING: Final = 3600.0
"""Seconds between two looks for what has been done with for long."""
DAY: Final = 86_400_000


class Refused(Exception):
    """A server that cannot start as it is set up, and every reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def load(
    settings: Settings, store: Store, root: Path, log: Callable[..., None] = lambda event, **facts: None
) -> dict[str, Live]:
    """The bundles of the environment. Raises `Refused` with all that is wrong with any of them. Who was revoked is left out, as
    long as anybody is left: taking back one hospital's approval stops that hospital and no other."""
    try:
        signers, found = signers_of(settings, root), places(settings, root)
    except NotRun as refused:
        raise Refused([str(refused)]) from None
    try:
        known = editions_of(settings, root)
    except NoEdition as refused:
        raise Refused([f"codes.editions: {refused}"]) from None
    lives: dict[str, Live] = {}
    faults, revoked = [], []
    for name, place in found.items():
        try:
            bundle = read_bundle(
                place.folder, organisation=name, environment=settings.environment, expected=place.expected
            )
        except BundleRefused as refused:
            faults.append(f"{name}: {refused.reason}")
            continue
        stands = judged(bundle, place.lock, signers, settings)
        if stands.standing.code == "revoked":
            revoked.append(f"{name}: {stands.standing.said}")
            log("revoked", organisation=name, reason=stands.standing.said)
            continue
        if not stands.standing.runs:
            faults.append(f"{name}: {stands.standing.said}")
            continue
        lives[name] = Live(bundle, lambda plan: _kept_plan(store, plan), stands, known)
    if not found:
        faults.append(
            f"{root / settings.bundles} holds no bundle of the environment {settings.environment}: "
            "segwright compile --out makes them"
        )
    if faults or not lives:
        raise Refused([*faults, *revoked])
    return lives


def editions_of(settings: Settings, root: Path) -> Editions:
    """The editions of ICD-10-CM that the server knows. Raises `NoEdition`."""
    if not settings.codes.editions:
        return editions()
    folder = root / settings.codes.editions
    if not folder.is_dir():
        raise NoEdition(str(folder), 0, "it is no folder")
    return editions(folder)


def _kept_plan(store: Store, plan: str) -> bytes | None:
    found = store.read(lambda tx: tx.scalar(sa.select(t.plan.c.body).where(t.plan.c.hash == plan)))
    return None if found is None else bytes(found)


def install(store: Store, environment: str, lives: Mapping[str, Live]) -> None:
    """Writes down which bundles are live, and keeps their plans. Raises `Refused` for a ledger of another environment."""

    def write(tx: Tx) -> str:
        tx.insert_new(t.setting, name="environment", value=environment)
        found = tx.scalar(sa.select(t.setting.c.value).where(t.setting.c.name == "environment"))
        if found != environment:
            return str(found)
        for org, live in lives.items():
            _install(tx, org, live)
        return ""

    other = store.write(write)
    if other:
        raise Refused([f"the ledger belongs to the environment {other}; this server is set up for {environment}"])


def _install(tx: Tx, org: str, live: Live) -> None:
    for plan, body in live.plan_bodies().items():
        tx.insert_new(t.plan, hash=plan, body=body)
    for hash_ in sorted(live.judged.revoked) if live.judged is not None else ():
        why = {"reason": "its approval was taken back", "actor": "approvals.lock", "at": tx.now}
        tx.insert_new(t.stop, org=org, what="plan", name=hash_, **why)
    values: dict[str, Any] = {
        "bundle": live.bundle.hash, "policy": live.manifest.policy_hash,
        "destinations": msgspec.json.encode({name: live.address(name) for name in live.manifest.destinations}).decode(),
        "kinds": msgspec.json.encode({entry.name: entry.kinds for entry in live.manifest.catalogue}).decode(), "at": tx.now,
    }  # fmt: skip
    before = tx.first(sa.select(t.installed).where(t.installed.c.org == org).with_for_update())
    if before is None:
        tx.insert_new(t.installed, org=org, **values)
    elif before.bundle != values["bundle"]:
        tx.run(sa.update(t.installed).where(t.installed.c.org == org).values(**values))
    else:
        return
    tx.journal.note("installed", org, bundle=values["bundle"], policy=values["policy"])
    for lane in tx.all(sa.select(t.lane.c.id).where(t.lane.c.org == org)):
        wake(tx, lane.id)


class Presented(msgspec.Struct, frozen=True):
    """A certificate of a connection. `where`: `destination outbound`, `listener main`; `whose`: ours, theirs, trusted.
    `certificate` is None where none was seen yet, or (`fault`) none can be read; `seen_at` in ms, of theirs."""

    where: str
    whose: str
    certificate: Certificate | None
    fault: str = ""
    seen_at: int = 0


class Counts:
    """What happened since the start, for metrics: names and numbers, nothing of a message."""

    def __init__(self) -> None:
        self.received: Counter[tuple[str, str]] = Counter()
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()
        self.connections: Counter[tuple[str, str]] = Counter()

    def copy(self) -> Counts:
        """As they are now."""
        return deepcopy(self)

    def sent(self, org: str, outcome: str, seconds: float) -> None:
        self.attempts[org, outcome] += 1
        self.seconds[org, outcome] += seconds  # type: ignore[assignment]


class Engine:
    """One process. `send` and `listen`: whether it has workers and listeners (a worker process has no listeners)."""

    def __init__(
        self, settings: Settings, store: Store, lives: Mapping[str, Live], *, environ: Mapping[str, str],
        send: bool = True, listen: bool = True, log: Callable[..., None] = lambda event, **facts: None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.store = store
        self.lives = dict(lives)
        self.counts = Counts()
        self._environ = environ
        self._log = log
        holder = f"{socket.gethostname()}/{os.getpid()}"
        self.workers = Workers(store, self.lives, self.resolve, holder, sent=self.counts.sent, log=log)
        self.reception = Reception(store, self.lives, self.workers.stir, log)
        self.listeners: list[Listener] = self._listeners() if listen else []
        self.listening = not self.listeners
        self._send = send
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    # --- running ---

    async def start(self) -> None:
        """Listens, takes hold of lanes, and works off what a former process left."""
        self._loop = asyncio.get_running_loop()
        for listener in self.listeners:
            await listener.start()
            self._log("listening", listener=listener.settings.name, port=listener.port)
        for name, live in self.lives.items():
            if live.judged is not None and not live.judged.standing.approved:
                self._log("unapproved", organisation=name, reason=live.judged.standing.said)
        self._tell_of_editions(date.today())
        self.listening = True
        if self._send:
            if self.store.claim():
                await self.store.soon(lanes.inherit)
            self._tasks.append(asyncio.create_task(self.workers.run()))
        self._tasks.append(asyncio.create_task(self._keep_house()))
        self.reception.work()

    def _tell_of_editions(self, today: date) -> None:
        """Says so when today's readings will be billed by codes that no edition here covers."""
        coding = next((live.coding for live in self.lives.values() if live.manifest.diagnoses is not None), None)
        if coding is not None and coding.editions.on(today) is None:
            self._log("no_edition", reason=saying.covering(coding.editions, today))

    @property
    def is_working(self) -> bool:
        """Whether what sends and what looks after everything still run; so it is said of an engine that is stopping, too."""
        sends = self._send and bool(self._tasks)
        return not any(task.done() for task in self._tasks) and not (sends and self.workers.is_stuck)

    async def stop(self, *, within: float = 30.0) -> None:
        """Finishes what is in flight and ends."""
        self.listening = False
        for listener in self.listeners:
            await listener.stop(within=within)
        tasks, self._tasks = self._tasks, []
        await self.workers.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.reception.stop()

    # --- from other threads: all that HTTP, which has a loop of its own, may ask of it ---

    async def write(self, function: Callable[[Tx], T]) -> T:
        """A transaction. Lanes that it gave something to send are looked after at once."""
        woke = False

        def writing(tx: Tx) -> T:
            nonlocal woke
            given = function(tx)
            woke = tx.woke
            return given

        given = await self.store.soon(writing, visitor=True)
        if woke:
            self.tell(self.workers.stir)
        return given

    async def read(self, function: Callable[[Tx], T]) -> T:
        """A look at the ledger."""
        return await self.store.look(function)

    def tell(self, what: Callable[[], object]) -> None:
        """Has something done in the engine's loop, soon. An engine that does not run has nothing to do."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(what)

    async def ask(self, what: Callable[[], T]) -> T:
        """What a function gives in the engine's loop; waits for as long as that loop does not come to it."""

        async def answer() -> T:
            return what()

        assert self._loop is not None, "the engine was not started"
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), self._loop))

    # --- looking after ---

    async def _keep_house(self) -> None:
        pruned = -PRUNING
        while True:
            with contextlib.suppress(Unavailable):
                if time.monotonic() - pruned >= PRUNING:
                    while await self.store.soon(self._prune):
                        await asyncio.sleep(0.05)
                    pruned = time.monotonic()
                overdue = await self.store.soon(lanes.unconfirmed)
                for delivery in overdue:
                    self._log("unconfirmed", delivery=delivery)
                self.reception.work()
                while await asyncio.wrap_future(self.store.submit(tally.advance)) >= tally.TOGETHER:
                    await asyncio.sleep(0.05)  # there is much to count: messages go first
            await asyncio.sleep(HOUSEKEEPING)

    def _prune(self, tx: Tx) -> int:
        kept = self.settings.approvals
        return proposals.prune(tx, tx.now - kept.keep_days * DAY, kept.approvers)

    # --- in ---

    async def receive(self, message: bytes, peer: Peer) -> Reply:
        """A message from a listener."""
        answers = await self.reception.receive(peer.organisation, message, peer.listener)
        self.counts.received[peer.organisation, "message"] += 1
        first, *further = answers.frames or (b"",)
        return Reply(first, close=answers.close, then=tuple(further))

    async def refuse(self, refused: FrameRefused, peer: Peer) -> Reply:
        """A frame that is no message."""
        self.counts.received[peer.organisation, "no frame"] += 1
        return reply_to_refused(refused, control_id=new_id(), time=_now())

    def failed(self, message: bytes, peer: Peer, error: Exception) -> Reply:
        """A fault of ours, or no time: never a positive answer."""
        self._log("reception failed", organisation=peer.organisation, error=type(error).__name__)
        return reply_to_failure(message, control_id=new_id(), time=_now())

    def observe(self, seen: Seen, peer: Peer, detail: str) -> None:
        """Counts what a listener sees."""
        self.counts.connections[peer.listener, seen.value] += 1

    def _listeners(self) -> list[Listener]:
        made, faults = [], []
        owners: dict[str, list[Live]] = {}
        for live in self.lives.values():
            owners.setdefault(live.manifest.listener.name, []).append(live)
        for name, theirs in owners.items():
            given = self.settings.listeners.get(name)
            if given is None:
                whose = ", ".join(live.org for live in theirs)
                faults.append(f"listeners.{name}: {whose} is reached there, but it has no address")
                continue
            try:
                made.append(Listener(self._listening(name, given, theirs), self))
            except (SecretMissing, TlsMistake, ValueError) as error:
                faults.append(f"listeners.{name}: {error}")
        faults += [
            f"listeners.{name}: no organisation is reached there"
            for name in self.settings.listeners
            if name not in owners
        ]
        if faults:
            raise Refused(faults)
        return made

    def _listening(self, name: str, given: ListenerSettings, theirs: list[Live]) -> Listening:
        host, port = split(given.address)
        tls = None
        if given.tls is not None:
            clients = secret(given.tls.clients, self._environ) if given.tls.clients else b""
            tls = server_context(identity=secret(given.tls.identity, self._environ), clients=clients)
        clients_of = {client: live.org for live in theirs for client in live.manifest.listener.clients}
        networks = {network for live in theirs for network in live.manifest.listener.networks} | set(given.networks)
        strict = any(live.manifest.intake.mllp == "strict" for live in theirs)
        largest = max((live.manifest.intake.largest or Limits().largest for live in theirs), default=Limits().largest)
        return Listening(
            name, host, port, organisation="" if clients_of else theirs[0].org, clients=clients_of,
            networks=tuple(sorted(networks)), tls=tls, profile="strict" if strict else "tolerant", limits=Limits(largest=largest),
        )  # fmt: skip

    # --- out ---

    def resolve(self, org: str, named: Named) -> Destination:
        """A destination with its credentials. Raises `SecretMissing` (an OSError of ours), `TlsMistake`."""
        live = self.lives[org]
        name = next(name for name, one in live.manifest.destinations.items() if one is named)
        instead = self.settings.instead.get(org, {}).get(name)
        if instead is not None:
            host, port = split(instead.address)
            return Destination(host, port)
        if named.tls is None:
            return Destination(named.host, named.port)
        identity = secret(named.tls.identity, self._environ)
        trust = secret(named.tls.trust, self._environ) if named.tls.trust else b""
        return Destination(
            named.host, named.port, client_context(identity=identity, trust=trust), named.tls.server_name
        )

    def expiries(self, now: datetime) -> dict[str, int]:
        """Our certificates that expire within a month: `organisation/destination` → the limit that they are within, in
        days."""
        out = {}
        for org, live in self.lives.items():
            for name, named in live.manifest.destinations.items():
                if named.tls is None or name in self.settings.instead.get(org, {}):
                    continue
                with contextlib.suppress(SecretMissing, TlsMistake):
                    alert = expiry_alert(certificates_in(secret(named.tls.identity, self._environ))[:1], now)
                    if alert is not None:
                        out[f"{org}/{name}"] = alert
        return out

    def certificates(self, org: str, seen: Mapping[str, Shown]) -> tuple[Presented, ...]:
        """The certificates of an organisation's connections: ours, those that we trust by themselves, and what receivers showed
        last (`ledger.presented.seen`), to whichever process sends to them."""
        live, out = self.lives[org], []
        for name, named in live.manifest.destinations.items():
            if named.tls is None or name in self.settings.instead.get(org, {}):
                continue
            where = f"destination {name}"
            out.append(self._presented(where, "ours", named.tls.identity))
            if named.tls.trust:
                out.append(self._presented(where, "trusted", named.tls.trust))
            out.append(theirs(where, seen.get(name), live.address(name)))
        given = self.settings.listeners.get(live.manifest.listener.name)
        if given is not None and given.tls is not None:
            where = f"listener {live.manifest.listener.name}"
            out.append(self._presented(where, "ours", given.tls.identity))
            if given.tls.clients:
                out.append(self._presented(where, "trusted", given.tls.clients))
        return tuple(out)

    def _presented(self, where: str, whose: str, reference: str) -> Presented:
        try:
            found = certificates_in(secret(reference, self._environ))
        except (SecretMissing, TlsMistake) as error:
            return Presented(where, whose, None, str(error))
        # Of an identity the first is its own; of several that are trusted the first to expire matters.
        return Presented(where, whose, found[0] if whose == "ours" else min(found, key=lambda one: one.not_after))


def theirs(where: str, shown: Shown | None, address: str) -> Presented:
    """What a receiver showed, unless that was at another address."""
    if shown is None or shown.address != address:
        return Presented(where, "theirs", None)
    begins, ends = (datetime.fromtimestamp(at / 1000, UTC) for at in (shown.begins, shown.ends))
    return Presented(where, "theirs", Certificate(shown.fingerprint, shown.names, begins, ends), seen_at=shown.at)


def _now() -> str:
    return answer_time(time.time_ns() // 1_000_000)


def open_store(url: str, *, create: bool = True) -> Store:
    """The ledger at a URL, with this engine's tables: an empty one is set up, an older one must be migrated first. Raises
    `migrate.WrongVersion`, `Unavailable`."""
    store = Store(url)
    try:
        if create and not version(store):
            upgrade(store)
        ready(store)
    except BaseException:
        store.close()
        raise
    return store
