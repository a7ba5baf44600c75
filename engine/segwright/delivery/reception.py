"""The reception: messages are kept, then answered, then worked off.

Takes bytes with the organisation that their connection belongs to; gives the answers. What comes while the database is
busy with what came before is kept together, in one transaction and one commit. A message is answered from what was
committed; when nothing can be committed it is answered AE and nothing is kept. Orders are worked off after that, in the
order in which they came; only a cancellation is done before it is answered, because it may come too late."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from segwright.delivery import answers, intake
from segwright.delivery.intake import BETWEEN, Came, Judged
from segwright.delivery.live import Live
from segwright.hl7.acknowledgement import Acknowledgement, Fault, header_of
from segwright.hl7.refusal import Refused
from segwright.ledger import inbox, lanes, orders
from segwright.ledger.execution import Row
from segwright.ledger.inbox import Kept
from segwright.ledger.orders import Received
from segwright.ledger.store import Store, Tx, Unavailable, Unfit, refuses

Waiting = tuple[Live, Judged, Came, "asyncio.Future[Kept]"]


SILENCE: Final = 0.005
"""Seconds without a message after which nobody sends."""
LONGEST_PAUSE: Final = 0.25
"""Seconds that what is stored waits at most while messages come."""
MOST_WAITING: Final = 1000
"""Messages that may wait to be worked off before they take turns with those that come."""


class Answers(msgspec.Struct, frozen=True):
    """What goes back, in order; and whether the connection ends because there is no MSH to answer by."""

    frames: tuple[bytes, ...]
    close: bool


def _answers(kept: Iterable[Kept]) -> Answers:
    found = list(kept)
    frames = tuple(answer for one in found for answer in one.answer.split(BETWEEN) if answer)
    return Answers(frames, any(one.code == intake.UNANSWERABLE for one in found))


def new_id() -> str:
    """The MSH-10 of an acknowledgement of ours."""
    return f"A{secrets.token_hex(8).upper()}"


class Reception:
    """Takes messages for all organisations of a server. `stirred` is called when there may be something to deliver; `log` with
    what cannot be kept or worked off."""

    def __init__(
        self, store: Store, lives: Mapping[str, Live], stirred: Callable[[], None],
        log: Callable[..., None] = lambda event, **facts: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._lives = lives
        self._stirred = stirred
        self._log = log
        self._waiting: list[Waiting] = []
        self._last = 0.0  # when a message came last
        self._judged: dict[int, Received] = {}  # what is in messages that were kept and are not worked off
        self._keeping: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None

    async def receive(self, org: str, data: bytes, listener: str) -> Answers:
        """One frame from a connection of an organisation; gives the answers to it in order. Raises `Unavailable` when
        nothing can be kept: then the answer must not be a positive one."""
        live = self._lives[org]
        if not intake.is_batch(data):
            return _answers([await self._one(live, data, listener)])
        try:
            messages = intake.messages_of(data)
        except Refused:
            messages = [data]  # kept as it is, refused as a whole
        return _answers([await self._one(live, message, listener) for message in messages])

    async def _one(self, live: Live, data: bytes, listener: str) -> Kept:
        came = Came(data, listener, time.time_ns() // 1_000_000, new_id())
        judged = intake.judge(live, came)
        kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((live, judged, came, kept))
        self._last = time.monotonic()
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        return await kept

    async def _keep(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                try:
                    await self._keep_together(together)
                except Exception as error:  # noqa: BLE001 - each of them is told
                    if _is_gone(error):
                        _fail(together, error)
                        continue
                    await self._keep_each(together)
                self.work()
        finally:
            self._keeping = None

    async def _keep_together(self, together: list[Waiting]) -> None:
        found = await self._store.soon(lambda tx: _kept(tx, together))
        for (_, judged, _, future), kept in zip(together, found, strict=True):
            if not future.done():
                future.set_result(kept)
            if kept.how == "fresh" and judged.orders is not None and len(self._judged) < MOST_WAITING:
                self._judged[kept.id] = judged.orders

    async def _keep_each(self, waiting: list[Waiting]) -> None:
        """Something stands against one of these: each is kept by itself, and that one quarantined."""
        for number, one in enumerate(waiting):
            try:
                await self._keep_together([one])
            except Exception as error:  # noqa: BLE001 - its sender is told
                if _is_gone(error):
                    return _fail(waiting[number:], error)
                live, _, came, future = one
                self._log("reception failed", level="error", organisation=live.org, error=type(error).__name__)
                given_up = intake.given_up(live, came, _words(error))
                try:
                    await self._keep_together([(live, given_up, came, future)])
                except Exception as again:  # noqa: BLE001 - the same
                    _fail([one], again)
        return None

    # --- what was kept ---

    def work(self) -> None:
        """Starts working off what is stored, unless that is under way."""
        if self._working is None:
            self._working = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        try:
            await self._pause()
            again = True
            while again:
                judged = dict(self._judged)
                try:
                    seen, again = await self._store.soon(lambda tx, known=judged: work_off(tx, self._lives, known))  # type: ignore[misc]
                except Exception as error:  # noqa: BLE001 - it may stand against one of them only
                    self._stopped(error)
                    seen = await self._work_off_each(judged)
                    again = bool(seen)
                # When nothing is left, another process has worked off what this one has not seen again.
                for number in seen if again else judged:
                    self._judged.pop(number, None)
                self._stirred()
        except Exception as error:  # noqa: BLE001 - whoever comes next, or the clock, starts it again
            self._stopped(error)
        finally:
            self._working = None

    async def _work_off_each(self, judged: Mapping[int, Received]) -> list[int]:
        """The same, each message in a transaction of its own: what stops one organisation's stops no other's. Gives those that
        were worked off."""
        seen: list[int] = []
        for org in await self._store.soon(inbox.waiting):
            live = self._lives.get(org)
            further = live is not None
            for _ in range(inbox.MOST):
                if not further:
                    break
                try:
                    theirs, further = await self._store.soon(lambda tx, of=live: work_off_one(tx, of, judged, most=1))  # type: ignore[misc]
                except Exception as error:  # noqa: BLE001 - the others go on
                    self._stopped(error, organisation=org)
                    break
                seen += theirs
        return seen

    def _stopped(self, error: Exception, **facts: str) -> None:
        reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
        self._log("orders not worked off", level="error", error=type(error).__name__, reason=reason, **facts)

    async def _pause(self) -> None:
        """Lets whoever waits for an answer go first: until nobody sends, but not for long, and not while much is left."""
        until = time.monotonic() + LONGEST_PAUSE
        while time.monotonic() < min(until, self._last + SILENCE) and len(self._judged) < MOST_WAITING:
            await asyncio.sleep(SILENCE)

    async def stop(self) -> None:
        """Finishes what was begun."""
        while pending := [task for task in (self._keeping, self._working) if task is not None]:
            await asyncio.gather(*pending, return_exceptions=True)


def _kept(tx: Tx, together: Iterable[Waiting]) -> list[Kept]:
    taken = list(together)
    found = inbox.keep(tx, [judged.arrival for _, judged, _, _ in taken])
    decided: dict[int, Kept] = {}
    for (live, judged, came, _), kept in zip(taken, found, strict=True):
        if kept.how != "fresh":
            continue
        if judged.acknowledgement is not None:
            _acknowledged(tx, live, judged.acknowledgement, judged.arrival.body, kept.id)
        elif judged.cancels:
            decided[kept.id] = _cancelled(tx, live, judged, came, kept)
    # Whoever sent a cancellation twice hears the same twice, also when both came at once.
    return [msgspec.structs.replace(decided[kept.id], how=kept.how) if kept.id in decided else kept for kept in found]


def _acknowledged(tx: Tx, live: Live, found: Acknowledgement, body: bytes, number: int) -> None:
    """An acknowledgement that came as a message of its own."""
    verdict = answers.on_its_own(found, live.policy)
    if verdict is None:
        return
    if not lanes.answered_elsewhere(tx, live, found.control_id, verdict, found.code.value, found.code.value, body):
        inbox.quarantine(tx, live.org, number, "it acknowledges no message of ours")


def _cancelled(tx: Tx, live: Live, judged: Judged, came: Came, kept: Kept) -> Kept:
    assert judged.orders is not None
    while work_off_one(tx, live, before=kept.id)[1]:
        pass  # the order may be in a message that was just kept
    try:
        with tx.undone_alone():
            orders.take(tx, live, kept.id, judged.orders)
    except orders.Refusal as refusal:
        header = header_of(came.data)
        assert header is not None
        code, answer = intake.answers(header, "error", came, refusal.reason, (Fault("204", None, text=refusal.reason),))
        inbox.refuse(tx, kept.id, code, answer, refusal.reason)
        tx.journal.note("refused", live.org, inbox=kept.id, code=code, why=refusal.reason)
        return Kept(kept.id, "fresh", answer, code)
    inbox.done(tx, kept.id)
    return kept


def work_off(
    tx: Tx, lives: Mapping[str, Live], judged: Mapping[int, Received] = MappingProxyType({})
) -> tuple[list[int], bool]:
    """Does what stored messages ask for, so many of each organisation at most; gives which it looked at, and whether there
    are more. `judged`: what is in those that this process has judged already, under the mapping that is live."""
    seen, more = [], False
    for org in inbox.waiting(tx):
        if org in lives:
            theirs, further = work_off_one(tx, lives[org], judged)
            seen += theirs
            more = more or further
    return seen, more


def work_off_one(
    tx: Tx, live: Live, judged: Mapping[int, Received] = MappingProxyType({}), *, before: int = 0, most: int = inbox.MOST
) -> tuple[list[int], bool]:  # fmt: skip
    """The same for one organisation. `before`: only what came before this message; `most`: how many."""
    rows = inbox.stored(tx, live.org, most)
    due = [row for row in rows if not before or row.id < before]
    done = []
    for row in due:
        if why := _hindered(tx, live, row, judged.get(row.id)):
            inbox.quarantine(tx, live.org, row.id, why)
        else:
            done.append(row.id)
    inbox.done(tx, *done)
    return [row.id for row in due], len(rows) >= most and bool(due)


def _hindered(tx: Tx, live: Live, row: Row, received: Received | None) -> str:
    """Does what a stored message asks for; gives why that cannot be done, and then it is undone, "" when it is done. One message
    must not stop all that come after it; what the database cannot do for any is raised."""
    try:
        if received is None:
            again = intake.judge(live, Came(row.body, row.listener, row.at, "REPLAY"))
            if again.orders is None:
                return again.arrival.reason or "the live mapping reads no order in it any more"
            received = again.orders
        with tx.undone_alone():
            orders.take(tx, live, row.id, received)
    except orders.Refusal as refusal:
        return refusal.reason
    except Exception as error:
        if _is_gone(error):
            raise
        return _words(error)
    return ""


def _is_gone(error: Exception) -> bool:
    """Whether an error is about the database, and nothing about what it was given."""
    if isinstance(error, DBAPIError):
        return not refuses(error)
    return isinstance(error, (Unavailable, SQLAlchemyError)) and not isinstance(error, Unfit)


def _words(error: Exception) -> str:
    """What stands against a message that is no fault of its sender's; nothing of the message."""
    if isinstance(error, Unfit):
        return f"the ledger cannot hold what is in it ({error})"
    if isinstance(error, DBAPIError):
        return f"the ledger cannot hold what is in it ({type(error.orig).__name__})"
    return f"a fault of the engine ({type(error).__name__})"


def _fail(waiting: Iterable[Waiting], error: Exception) -> None:
    for *_, future in waiting:
        if not future.done():
            future.set_exception(error)
