"""The sending side: lanes are taken hold of and emptied, each by a task of its own.

Takes the store and the live hospitals; sends what is ready. The outcome of a try and the opening of the next are one
transaction. Between them the message is on the wire, outside of any transaction, and only while the lease surely holds:
the clock that is asked just before the first byte never goes back. When an outcome cannot be written it is kept and tried
again as long as the lease lasts; after that it is for the next holder to call it uncertain."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Final

from segwright.delivery import answers
from segwright.delivery.live import Live
from segwright.delivery.log import place_of
from segwright.delivery.settings import SecretMissing
from segwright.hl7.acknowledgement import Acknowledgement, read_acknowledgement
from segwright.ledger import lanes, presented
from segwright.ledger.lanes import Attempt, Held, Known, Lost
from segwright.ledger.presented import Shown
from segwright.ledger.store import Store, Tx, Unavailable
from segwright.plan.manifest import Destination as Named
from segwright.transport.sender import Belongs, Deadlines, Destination, Judge, Ours, Sender, by_control_id
from segwright.transport.tls import Certificate

MOST_LANES: Final = 64
"""Lanes that one process holds at a time."""
AT_ONCE: Final = 8
"""Lanes that it takes in one transaction: each is a message that can be under way while others are claimed, and what it does not
take is left to other processes."""
PAUSE: Final = 1.0
"""Seconds until the next look for work after one that failed."""
STUCK: Final = 300.0
"""Seconds without a look for work after which something is wrong: the database answers or gives up long before."""
POLL: Final = 0.25
"""Seconds between two looks for work that nobody announced (another process may have made it)."""
MARGIN: Final = 5.0
"""Seconds of a lease that are never used for writing."""

Resolve = Callable[[str, Named], Destination]


class Workers:
    """Sends for the organisations of this process. `resolve` makes an address of a destination, with its credentials;
    `holder` names this process in the ledger."""

    def __init__(
        self, store: Store, lives: Mapping[str, Live], resolve: Resolve, holder: str, *, poll: float = POLL,
        sent: Callable[[str, str, float], None] = lambda org, outcome, seconds: None,
        log: Callable[..., None] = lambda event, **facts: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._lives = lives
        self._resolve = resolve
        self._holder = holder
        self._poll = poll
        self._sent = sent
        self._log = log
        self._looked = time.monotonic()
        self._senders: dict[int, tuple[str, Sender]] = {}
        self._presented: dict[int, str] = {}
        self._driving: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        self._stopping = False

    def stir(self) -> None:
        """There may be work."""
        self._stirred.set()

    @property
    def is_stuck(self) -> bool:
        """Whether it has not looked for work for so long that it never will."""
        return time.monotonic() - self._looked > STUCK

    async def run(self) -> None:
        """Takes hold of lanes that have work until `stop`. A fault of ours is told in the log, and it goes on: one lane that
        cannot be taken must not end the sending of all others."""
        while not self._stopping:
            self._looked = time.monotonic()
            self._stirred.clear()
            try:
                taken = await self._taken(min(AT_ONCE, MOST_LANES - len(self._driving)))
            except Unavailable:
                await asyncio.sleep(PAUSE)
                continue
            except Exception as error:  # noqa: BLE001 - whatever it was, others wait to be sent
                self._fault(error)
                await asyncio.sleep(PAUSE)
                continue
            for held in taken:
                task = asyncio.create_task(self._drive(held))
                self._driving.add(task)
                task.add_done_callback(self._driving.discard)
            if taken:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), self._poll)

    async def stop(self) -> None:
        """Finishes what is in flight, opens nothing new, and lets go of the lanes."""
        self._stopping = True
        self._stirred.set()
        await asyncio.gather(*self._driving, return_exceptions=True)
        for _, sender in self._senders.values():
            await sender.close()

    async def _taken(self, most: int) -> list[Held]:
        def take(tx: Tx) -> list[Held]:
            return lanes.acquire(tx, self._holder, self._lease(), self._lives, most)

        return await self._store.soon(take) if most > 0 else []

    def _lease(self) -> int:
        longest = max((deadlines(live).whole for live in self._lives.values()), default=60.0)
        return int((2 * longest + 2 * MARGIN) * 1000)

    # --- one lane ---

    async def _drive(self, held: Held) -> None:
        """Sends what is ready in a lane. After a fault of ours it is left as it is: when its lease is over, whoever takes it next
        finds what was in flight in doubt."""
        try:
            await self._empty(held)
        except Exception as error:  # noqa: BLE001 - told here, or nobody would hear of it
            self._fault(error, organisation=held.org)
            self._forget(held.lane)

    def _fault(self, error: Exception, **facts: str) -> None:
        self._log("sending failed", level="error", error=type(error).__name__, place=place_of(error), **facts)

    async def _empty(self, held: Held) -> None:
        live = self._lives[held.org]
        done: Attempt | None = None
        known: Known | None = None
        while True:
            start = time.monotonic()
            try:
                attempt = await self._step(held, live, done, known, start)
            except Lost:
                self._forget(held.lane)
                return
            except Unavailable:
                return
            if attempt is None:
                return
            until = start + held.lease / 1000 - MARGIN
            done, known = attempt, await self._try(held, live, attempt, until)
            self._sent(held.org, known.outcome, time.monotonic() - start)

    async def _step(
        self, held: Held, live: Live, done: Attempt | None, known: Known | None, start: float
    ) -> Attempt | None:
        """One step of the lane. An outcome is written again and again while the lease lasts."""

        def step(tx: Tx) -> Attempt | None:
            if self._stopping:
                lanes.finish(tx, held, live, done, known)
                return None
            return lanes.step(tx, held, live, done, known)

        while True:
            try:
                return await self._store.soon(step)
            except Unavailable:
                # Until something is in flight there is nothing to lose by letting go, unless the lane would wait for nobody.
                if (self._stopping and done is None) or time.monotonic() - start > held.lease / 1000 - MARGIN:
                    raise
                await asyncio.sleep(0.5)

    async def _try(self, held: Held, live: Live, attempt: Attempt, until: float) -> Known:
        try:
            sender = self._sender(held, live)
        except (SecretMissing, OSError, ValueError, KeyError) as error:
            return Known("misconfigured", f"the destination cannot be used ({type(error).__name__})")

        def lease_holds() -> str:
            return "" if time.monotonic() < until else "the lease is over"

        outcome = await sender.send(attempt.body, judge=self._judge(live, attempt.control_id), before_write=lease_holds)
        self._take_note(held, live, sender.peer)
        return answers.meaning(
            outcome, live.policy, again=attempt.again, explain=lambda: live.explanation(attempt.message)
        )

    def _take_note(self, held: Held, live: Live, peer: Certificate | None) -> None:
        """Writes a certificate down that this process has not seen there before, for whoever shows pages. No message waits."""
        if peer is None or self._presented.get(held.lane) == peer.fingerprint:
            return
        self._presented[held.lane] = peer.fingerprint
        shown = Shown(
            held.destination, live.address(held.destination), peer.fingerprint, peer.names, _ms(peer.not_before),
            _ms(peer.not_after),
        )  # fmt: skip

        def noted(future: Future[None]) -> None:
            if future.cancelled() or future.exception() is not None:
                self._presented.pop(held.lane, None)  # with the next message, then

        with contextlib.suppress(Unavailable):
            self._store.submit(lambda tx: presented.note(tx, held.org, shown)).add_done_callback(noted)

    def _judge(self, live: Live, control_id: str) -> Judge:
        if live.manifest.acknowledgement.other_control_id:
            return lambda answer: (
                Belongs.HERE if isinstance(read_acknowledgement(answer), Acknowledgement) else Belongs.NOWHERE
            )
        return by_control_id(control_id, lambda answer: self.aside(live, answer))

    def aside(self, live: Live, body: bytes) -> Ours:
        """An acknowledgement that answers no message in flight: whether it names an earlier one of ours, which the ledger knows
        however long ago that was sent; then it is taken note of."""
        found = read_acknowledgement(body)
        if not isinstance(found, Acknowledgement) or not found.control_id:
            return False
        verdict = answers.on_its_own(found, live.policy)

        def note(tx: Tx) -> bool:
            if verdict is None:  # it says nothing new
                return lanes.was_sent(tx, live.org, found.control_id)
            code = found.code.value
            return lanes.answered_elsewhere(tx, live, found.control_id, verdict, code, code, body) > 0

        return self._store.soon(note)

    def _sender(self, held: Held, live: Live) -> Sender:
        address = live.address(held.destination)
        known = self._senders.get(held.lane)
        if known is not None and known[0] == address:
            return known[1]
        destination = self._resolve(held.org, live.manifest.destinations[held.destination])
        keep = not live.manifest.acknowledgement.other_control_id
        sender = Sender(destination, deadlines(live), aside=lambda body: self.aside(live, body), keep_open=keep)
        self._senders[held.lane] = (address, sender)
        return sender

    def _forget(self, lane: int) -> None:
        known = self._senders.pop(lane, None)
        if known is not None:
            closing = asyncio.create_task(known[1].close())
            self._driving.add(closing)
            closing.add_done_callback(self._driving.discard)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def deadlines(live: Live) -> Deadlines:
    """How long each step of sending may take."""
    usual = Deadlines()
    delivery, acknowledgement = live.manifest.delivery, live.manifest.acknowledgement
    connect = delivery.connect / 1000 if delivery.connect else usual.connect
    write = delivery.write / 1000 if delivery.write else usual.write
    answer = acknowledgement.answer / 1000
    return Deadlines(connect=connect, handshake=connect, write=write, answer=answer, whole=2 * connect + write + answer)
