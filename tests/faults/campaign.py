"""A campaign: four simulated hospitals, an AI platform, engine processes that are killed and stopped, and the check of what came of it.

One seed decides what is sent, how the hospitals behave, what the network does, and where and when processes end. What the
scheduler of the machine does, it does not decide: a seed gives the same plan, not the same run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from segwright.delivery.engine import load, open_store
from segwright.delivery.live import Live
from segwright.delivery.settings import parsed
from segwright.hl7.wire import open_message
from segwright.ledger import operate
from segwright.ledger import tables as t
from segwright.ledger.store import Store, Tx, Unavailable
from segwright.simulation.hospital import Hospital
from segwright.simulation.mode import Conduct, mode_of
from segwright.simulation.orders import Samples, samples_of
from segwright.simulation.record import Event, Record, events
from segwright.transport.sender import Destination
from tests.faults.history import Found, Promise, check
from tests.faults.points import POINTS, SENDING, TAKING
from tests.faults.process import BUNDLES, Ask, Life, Told, changed, run
from tests.faults.proxy import SOUND, Flow, Plan, Proxy
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
ORGS = ("larkspur", "northgate", "stbrigid", "tamarack")
TIMES: dict[str, dict[str, Any]] = {
    "delivery": {
        "connect": 200,
        "write": 300,
        "first": 20,
        "most": 500,
        "during": 3_600_000,
        "messages_per_minute": None,
    },
    "acknowledgement": {"answer": 400},
}
"""Deadlines and waits in ms, so that a campaign is not mostly waiting. The lease follows from them: twice the longest try and twice
the margin."""
LEASE = 2 * (2 * 0.2 + 0.3 + 0.4 + 0.2)

PATIENCE = 120.0
"""Seconds until nobody asks on: what was lost shows as lost then, instead of as a campaign that never ends."""

MODES = {
    "larkspur": "honours prompt=80 lossy=4 late=1 wrong-id=1 slow=3 dead=1 transient=4 two-phase=3 two-phase-elsewhere=3 refusing=1",
    "northgate": "blind prompt=90 lossy=3 dead=1 late=1",
    "stbrigid": "averse prompt=85 lossy=5 late=1 transient=4 slow=3 down=1",
    "tamarack": "blind prompt=85 lossy=5 wrong-id=1 late=1 slow=3 transient=3 refusing=1",
}
POLICY: dict[str, dict[str, Any]] = {"stbrigid": {"duplicate_refusal": "delivered"}}
"""northgate's own policy is hold: at most once."""


@dataclass
class Size:
    """How much. `workers`: further engine processes beside the one that listens (PostgreSQL only)."""

    orders: int
    kills: int
    stops: int
    workers: int = 0
    at_once: int = 8
    patient: bool = False
    """Whether a process is killed at its named point and nowhere else, however long it takes to come to it."""


@dataclass
class Outcome:
    seed: int
    found: Found
    seconds: float
    kills: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    failures: str = ""
    numbers: Counter[str] = field(default_factory=Counter)


@lru_cache
def bundles(folder: Path) -> Path:
    """The four hospitals compiled, once."""
    from segwright.core.diagnostic import errors
    from segwright.service.bundling import write_bundles
    from segwright.service.opening import check as compile_all

    compiled, found = compile_all(ROOT, ())
    assert not errors(found)
    for organisation in compiled.organisations.values():
        write_bundles(folder / "bundles", organisation, compiled.sources)
    return folder


def memory_folder() -> Path | None:
    """Where a file costs no disk, if there is such a place. Processes are killed here, never the machine: what is in memory stays."""
    place = Path("/dev/shm")
    return place if place.is_dir() and os.access(place, os.W_OK) else None


class Campaign:
    """`await Campaign(…).run()`."""

    def __init__(
        self, database: str, folder: Path, compiled: Path, size: Size, seed: int, say: Callable[[str], None] = print
    ) -> None:
        self.database = database
        self.folder = folder
        self.compiled = compiled
        self.size = size
        self.seed = seed
        self.say = say
        self.chance = random.Random(seed)
        self.promises: list[Promise] = []
        self.outcome = Outcome(seed, Found(), 0)
        self.hospitals: dict[str, Hospital] = {}
        self.samples: dict[str, Samples] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.proxies: list[Proxy] = []
        self.arrived = 0
        self.over = False
        self.calm = False
        self.pids: dict[int, int] = {}
        self.expected = size.orders * 3.0  # arrivals, about

    # --- the scene ---

    async def run(self) -> Outcome:
        start = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            await self._set_up(stack)
            slots = [asyncio.create_task(self._supervise(slot)) for slot in range(1 + self.size.workers)]
            continuing = asyncio.create_task(self._stop_now_and_then())
            operator = asyncio.create_task(self._operate())
            flows = [asyncio.create_task(self._platform(org)) for org in ORGS]
            try:
                await self._all_of(flows, [*slots, operator, continuing])
                self.say(
                    f"  all sent after {time.monotonic() - start:.0f} s; {self.arrived} arrivals, {sum(self.outcome.kills.values())} kills"
                )
                await self._settle()
            finally:
                self.over = True
                for flow in flows:
                    flow.cancel()
                for task in (continuing, operator):
                    task.cancel()
                await asyncio.gather(*slots, continuing, operator, *flows, return_exceptions=True)
        self.store.close()
        self.outcome.found = self.judged(self.files())
        self.outcome.seconds = time.monotonic() - start
        log = self.folder / "failures.log"
        self.outcome.failures = log.read_text() if log.exists() else ""
        return self.outcome

    def files(self) -> dict[str, list[Event]]:
        """What each hospital kept."""
        return {org: list(events(self.folder / f"{org}.jsonl")) for org in ORGS}

    def judged(self, files: dict[str, list[Event]]) -> Found:
        """These files against the ledger as it is now."""
        store = Store(self.database)
        try:
            return check(
                store, files, {org: self.hospitals[org].mode.memory for org in ORGS},
                [org for org in ORGS if self.lives[org].policy.when_uncertain == "hold"], self.promises,
                {org: self.owed(org) for org in ORGS},
            )  # fmt: skip
        finally:
            store.close()

    async def _all_of(self, flows: list[asyncio.Task[None]], others: list[asyncio.Task[None]]) -> None:
        """Waits for the flows; whoever else ends has failed."""
        left = set(flows)
        while left:
            done, _ = await asyncio.wait({*left, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            assert done <= left, "a part of the campaign ended by itself"
            left -= done

    async def _set_up(self, stack: contextlib.AsyncExitStack) -> None:
        ports = free_ports(len(ORGS) + 1)
        self.door = ports.pop()
        listening = dict(zip(ORGS, ports, strict=True))
        listeners = "".join(
            f'[listeners.{org}-test]\naddress = "127.0.0.1:{port}"\nnetworks = ["127.0.0.0/8"]\n'
            for org, port in listening.items()
        )
        head = f'environment = "test"\nbundles = "bundles"\ndatabase = "{self.database}"\n'
        self.store = open_store(self.database)
        plain = load(parsed(head.encode(), "settings"), self.store, self.compiled)
        self.policy = {org: {**TIMES, "delivery": {**TIMES["delivery"], **POLICY.get(org, {})}} for org in ORGS}
        self.lives: dict[str, Live] = {org: changed(live, self.policy[org]) for org, live in plain.items()}
        instead = ""
        for number, org in enumerate(ORGS):
            mode = msgspec.structs.replace(mode_of([MODES[org]]), slow=0.15, late=0.8, down=0.5, second=0.0)
            hospital = Hospital(
                self.lives[org].manifest, Record(self.folder / f"{org}.jsonl", segments=False), mode, seed=self.seed * 10 + number,
                inbound=Destination("127.0.0.1", listening[org]), told=self._told,
            )  # fmt: skip
            await hospital.start(dict.fromkeys(hospital.manifest.destinations, ("127.0.0.1", 0)))
            stack.push_async_callback(hospital.stop)
            self.hospitals[org] = hospital
            cases = ROOT / "orgs" / org / "cases"
            self.samples[org] = samples_of(
                [(cases / f"order_{what}" / "order.hl7").read_bytes() for what in ("new", "change", "cancel")],
                self.lives[org].charset,
            )
            self.documents[org] = _document(cases)
            for name, port in hospital.ports.items():
                proxy = Proxy(port, self._network(random.Random(f"{self.seed}/{org}/{name}")))
                await stack.enter_async_context(proxy)
                self.proxies.append(proxy)
                instead += f'[instead.{org}.{name}]\naddress = "127.0.0.1:{proxy.port}"\n'
        self.settings = head + listeners + instead

    def _told(self, event: Event) -> None:
        self.arrived += event.door != "" and event.what in ("filed", "repeated", "refused", "ignored")

    def _network(self, chance: random.Random) -> Callable[[int], Plan]:
        """What each connection meets."""

        def plan(number: int) -> Plan:
            if self.calm or chance.random() < 0.7:
                return SOUND
            after = chance.randrange(200, 20_000)
            return chance.choice([
                Plan(to_server=Flow(passes=after, then="reset")), Plan(to_client=Flow(passes=chance.randrange(0, 2000), then="reset")),
                Plan(to_client=Flow(passes=chance.randrange(0, 2000), then="swallow")), Plan(to_server=Flow(passes=after, then="swallow")),
                Plan(to_server=Flow(passes=after, then="close")), Plan(to_client=Flow(passes=chance.randrange(0, 2000), then="close")),
                Plan(to_client=Flow(piece=chance.randrange(1, 40))), Plan(to_server=Flow(piece=chance.randrange(100, 400))),
                Plan(to_server=Flow(latency=0.01), to_client=Flow(latency=0.01)),
                Plan(to_server=Flow(passes=after, then="stall")),
            ])  # fmt: skip

        return plan

    # --- processes ---

    async def _supervise(self, slot: int) -> None:
        """One process after another; each is killed when the work has come so far, until enough were. The last one stays."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.process"])
        os.environ[BUNDLES] = str(self.compiled)
        chance = random.Random(f"{self.seed}/slot{slot}")
        slots = 1 + self.size.workers
        kills = self.size.kills // slots + (slot < self.size.kills % slots)
        points = _shuffled(chance, POINTS if slot == 0 else SENDING)
        if self.size.patient:
            points = _each_in_time(chance)
        for number in range(kills + 1):
            last = number == kills
            trap = (
                None if last else (next(points), 1, "kill") if self.size.patient else self._trap(chance, points, number)
            )
            life = Life(
                self.settings, str(self.compiled), self.policy, listen=slot == 0, door=self.door if slot == 0 else 0, trap=trap,
                log=str(self.folder / "failures.log"), parent=os.getpid(),
            )  # fmt: skip
            process = context.Process(target=run, args=(life,), daemon=True)
            await asyncio.to_thread(process.start)
            assert process.pid is not None
            self.pids[slot] = process.pid
            due = self.expected * (number + chance.uniform(0.5, 1.0)) / max(1, kills)
            # Who waits for its point is given time to come to it.
            least = time.monotonic() + (3.0 if trap is not None and trap[2] == "kill" else chance.uniform(0.2, 0.6))
            while process.is_alive() and not self.over:
                await asyncio.sleep(0.02)
                due_now = not (last or self.size.patient) and self.arrived >= due and time.monotonic() > least
                if due_now and _signalled(process.pid, signal.SIGKILL):
                    self.outcome.kills["at a random moment"] += 1
                    break
            else:
                if not self.over and trap is not None and process.exitcode == -signal.SIGKILL:
                    self.outcome.kills[trap[0]] += 1
                elif not self.over:
                    self.outcome.numbers[f"process ended by itself: {process.exitcode}"] += 1
            if self.over:
                _signalled(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.join)

    def _trap(self, chance: random.Random, points: Iterator[str], number: int) -> tuple[str, int, str] | None:
        if number % 5 == 4:
            return None
        return next(points), chance.randrange(1, 5), "kill" if chance.random() < 0.8 else "stop"

    @property
    def all_killed(self) -> bool:
        return sum(self.outcome.kills.values()) >= self.size.kills

    async def _stop_now_and_then(self) -> None:
        """Stops processes at random moments, and lets whoever stopped go on after a while that may be longer than a lease."""
        chance = random.Random(f"{self.seed}/stops")
        stopped: dict[int, float] = {}
        done = 0
        while True:
            now = time.monotonic()
            if (
                not self.calm
                and done < self.size.stops
                and self.arrived >= self.expected * (done + 0.5) / self.size.stops
            ):
                done += 1
                _signalled(chance.choice(list(self.pids.values())), signal.SIGSTOP)
            for pid in self.pids.values():
                if pid not in stopped and _is_stopped(pid):
                    self.outcome.stops += 1
                    stopped[pid] = now + chance.choice([0.2, 0.8, LEASE + 0.5, LEASE + 1.5])
            for pid, until in list(stopped.items()):
                if now > until:
                    del stopped[pid]
                    _signalled(pid, signal.SIGCONT)
            await asyncio.sleep(0.02)

    # --- the AI platform ---

    async def _platform(self, org: str) -> None:
        """Every order of one hospital, a few at a time."""
        count = self.size.orders // len(ORGS)
        chance = random.Random(f"{self.seed}/{org}/orders")
        gate = asyncio.Semaphore(self.size.at_once)
        lines = [_Line(self.door) for _ in range(4)]

        async def one(number: int, seed: str) -> None:
            async with gate:
                await self._order(org, number, random.Random(seed), lines[number % len(lines)])

        try:
            await asyncio.gather(*(one(n + 1, f"{chance.random()}") for n in range(count)))
        finally:
            for line in lines:
                line.close()

    async def _order(self, org: str, number: int, chance: random.Random, line: _Line) -> None:
        hospital, samples = self.hospitals[org], self.samples[org]
        made, answer = await hospital.order(samples, "new", number)
        patience = _Patience()
        while answer is None or not answer.code.positive:
            assert await patience.left(), f"order {made.placer} of {org} is not taken: {answer}"
            answer = await hospital.send(made)
        self.promises.append(Promise(org, "new", made.placer))
        placer = open_message(made.body, default_charset=samples.charset).field("OBR-2[1]")
        if chance.random() < 0.08:
            await hospital.order(samples, "change", number)
        if chance.random() < 0.05:
            await self._cancel(org, number, made.placer)
        base = {**self.documents[org], "id": f"R{self.seed % 100}-{number}", "study": f"ST{self.seed % 100}-{number}"}
        kind = "preliminary" if "preliminary" in self.owed(org) else "final"
        document = msgspec.Raw(msgspec.json.encode({**base, "status": kind, "version": 1}))
        for pathway in ("order", *(("platform",) if chance.random() < 0.3 else ())):
            await self._ask(line, Ask(org, "submit", base["id"], placer, pathway, document), 1, kind)
        if chance.random() < 0.9:
            await self._ask(line, Ask(org, "sign", base["id"]), 1, "final")
            if chance.random() < 0.05:
                await self._cancel(org, number, made.placer)
            if chance.random() < 0.2:
                await self._ask(line, Ask(org, "amend", base["id"]), 2, "corrected")
            elif chance.random() < 0.03:
                await self._ask(line, Ask(org, "withdraw", base["id"]), 2, "withdrawn")

    def owed(self, org: str) -> set[str]:
        return {kind for kind in ("preliminary", "final", "corrected", "withdrawn") if self.lives[org].owed(kind)}

    async def _cancel(self, org: str, number: int, placer: str) -> None:
        made, answer = await self.hospitals[org].order(self.samples[org], "cancel", number)
        patience = _Patience()
        while answer is None or (not answer.code.positive and _later(answer)):
            assert await patience.left(), f"the cancellation of order {placer} of {org} has no answer: {answer}"
            answer = await self.hospitals[org].send(made)
        if answer.code.positive:
            self.promises.append(Promise(org, "cancel", placer))

    async def _ask(self, line: _Line, ask: Ask, version: int, kind: str) -> Told:
        patience = _Patience()
        # An order is answered when it is kept; that it is known as an order comes a little later.
        while (told := await line.ask(ask)) is None or told.outcome == "unavailable" or told.reason == "unknown_order":
            if not await patience.left():
                break
        assert told is not None, f"nobody answers at {ask.org}"
        self.outcome.numbers[f"{ask.do}: {told.outcome} {told.reason}".strip()] += 1
        if told.outcome in ("new", "duplicate"):
            self.promises.append(Promise(ask.org, ask.do, ask.result, version, kind))
        return told

    # --- the operator ---

    async def _operate(self) -> None:
        """Lets stopped lanes go on, and decides about what is in doubt by looking into the hospital's file."""
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(Unavailable):
                await asyncio.wrap_future(self.store.submit(self._decide))

    def _decide(self, tx: Tx) -> None:
        by = operate.By("operator", "as the campaign's operator found")
        for lane in tx.all(sa.select(t.lane).where(t.lane.c.paused != "")):
            self.outcome.numbers[f"lane resumed: {lane.paused}"] += 1
            operate.resume(tx, lane.org, lane.id, by)
        # Bytes may be on their way for as long as a stopped process keeps them.
        before = tx.now - (0 if self.calm else 8000)
        stuck = sa.select(t.delivery.c.id, t.delivery.c.org, t.delivery.c.state).where(
            t.delivery.c.state.in_(("needs_decision", "rejected")),
            ~sa.exists().where(t.attempt.c.delivery_id == t.delivery.c.id, t.attempt.c.closed_at > before),
        )  # fmt: skip
        for row in tx.all(stuck):
            live = self.lives[row.org]
            builds = tx.all(sa.select(t.build.c.control_id).where(t.build.c.delivery_id == row.id))
            if any(build.control_id in self.hospitals[row.org]._filed for build in builds):
                act, does = "delivered", functools.partial(operate.decide, decision="delivered", by=by)
            elif row.state == "rejected":
                act, does = "resent as a new build", functools.partial(operate.resend, by=by)
            else:
                act, does = "not delivered", functools.partial(operate.decide, decision="not delivered", by=by)
            self.outcome.numbers[f"{row.state}: {act}"] += 1
            try:
                does(tx, live, row.id)
            except operate.Impossible:  # a newer one went out meanwhile: nothing is left to mend, so it is given up
                with contextlib.suppress(operate.Impossible):
                    operate.cancel(tx, live, row.id, by)

    # --- the end ---

    async def _settle(self) -> None:
        """The rest of the kills, then calm, then until nothing is open."""
        deadline = time.monotonic() + (20 if self.size.patient else 300)
        while not self.all_killed and time.monotonic() < deadline:
            self.arrived += 1 + int(self.expected / 400)
            await asyncio.sleep(0.05)
        self.calm = True
        for proxy in self.proxies:
            proxy.reset_all()
        for hospital in self.hospitals.values():
            hospital.mode = msgspec.structs.replace(hospital.mode, weights={Conduct.PROMPT: 1})
        # What hospitals confirm may let more go, and what goes is confirmed.
        last = await self._nothing_open()
        with contextlib.suppress(TimeoutError):  # what is still owed then will be found missing
            await asyncio.wait_for(asyncio.gather(*(one.has_confirmed() for one in self.hospitals.values())), 120)
        last = await self._nothing_open()
        self.say(f"  settled; open {last}")

    async def _nothing_open(self) -> tuple[int, ...]:
        """Waits until nothing is open, or nothing has moved for a minute; gives what is open then."""
        quiet = 0
        last: tuple[int, ...] = ()
        moved = time.monotonic()
        while quiet < 3 and time.monotonic() - moved < 60:
            await asyncio.sleep(0.3)
            now = await self.store.look(_open_counts)
            if now != last:
                last, moved = now, time.monotonic()
            quiet = quiet + 1 if not sum(now) else 0
        return last


def _shuffled(chance: random.Random, points: Sequence[str]) -> Iterator[str]:
    """All of them, and all of them again, each time in another order."""
    while True:
        yield from chance.sample(points, len(points))


def _each_in_time(chance: random.Random) -> Iterator[str]:
    """All of them for a process that waits for each: first what comes by while people act, then what comes with every message
    sent, and last what comes with few."""
    rare = "answer from elsewhere kept"
    yield from chance.sample([point for point in TAKING if point != rare], len(TAKING) - 1)
    yield from chance.sample(SENDING, len(SENDING))
    yield rare


def _open_counts(tx: Tx) -> tuple[int, ...]:
    states = ("waiting", "ready", "sending", "uncertain", "needs_decision", "rejected")
    states_of = sa.select(t.delivery.c.state, sa.func.count().label("number")).group_by(t.delivery.c.state)
    counted = {row.state: row.number for row in tx.all(states_of)}
    stored = tx.scalar(sa.select(sa.func.count()).select_from(t.inbox).where(t.inbox.c.state == "stored"))
    return (*(counted.get(state, 0) for state in states), stored)


def _later(answer: Any) -> bool:
    return any(fault.condition in ("206", "207") for fault in answer.faults)


def _document(cases: Path) -> dict[str, Any]:
    """A result to be sent again and again under other numbers."""
    path = cases / "preliminary" / "result.json"
    if not path.exists():
        path = cases / "final" / "result.json"
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    found.pop("signed_by", None)
    return {**found, "diagnoses": []}


def _signalled(pid: int, number: int) -> bool:
    """Sends a signal; False when there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


class _Patience:
    """`await left()` is a moment's wait, as long as there is any patience left."""

    def __init__(self) -> None:
        self._until = time.monotonic() + PATIENCE

    async def left(self) -> bool:
        await asyncio.sleep(0.1)
        return time.monotonic() < self._until


class _Line:
    """The AI platform's connection: asks until it is answered, whoever is killed meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, ask: Ask) -> Told | None:
        """The answer; None when there was none."""
        async with self._turn:
            try:
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
                reader, writer = self._streams
                writer.write(msgspec.json.encode(ask) + b"\n")
                line = await asyncio.wait_for(reader.readline(), 10)
                if line.endswith(b"\n"):
                    return msgspec.json.decode(line, type=Told)
            except (OSError, TimeoutError):
                pass
            self.close()
            return None

    def close(self) -> None:
        """Ends the connection; the next question opens another."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def table(outcomes: Sequence[Outcome]) -> str:
    """The figures, for people."""
    lines = []
    for outcome in outcomes:
        counts = outcome.found.counts
        lines.append(
            f"seed {outcome.seed}: {outcome.seconds:.0f} s, kills {sum(outcome.kills.values())}, stops {outcome.stops}"
        )
        lines += [f"  {name}: {counts[name]}" for name in sorted(counts)]
        lines += [f"  {name}: {number}" for name, number in sorted(outcome.numbers.items())]
        lines += [f"  killed {point}: {number}" for point, number in outcome.kills.most_common()]
    return "\n".join(lines)
