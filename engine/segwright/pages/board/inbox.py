"""Messages that came: the quarantine, and one message with what stands against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from segwright.delivery import intake
from segwright.delivery.live import Live
from segwright.ledger import operate, views
from segwright.ledger.operate import By, Impossible
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, Saw, not_there
from segwright.pages.board import words
from segwright.pages.board.asking import may_act, question, reason_fault
from segwright.pages.messages import Shown, shown
from segwright.pages.routes import Call, filled

ONE: Final = "/o/{org}/board/messages/{message:int}"
LIST: Final = "/o/{org}/board/quarantine"
PAGE: Final = 50


async def quarantine(call: Call) -> Answer:
    """Messages that need a person, the oldest first."""
    after = call.query.number("after") if call.query["after"] else 0
    found = await call.read(lambda tx: views.quarantined(tx, call.org, after=after, limit=PAGE + 1))
    return Page("board/quarantine.html", {"rows": found[:PAGE], "more": len(found) > PAGE, "says": words})


class Now(msgspec.Struct, frozen=True):
    """What the live mapping would say of a message: whether it would be taken, else why not."""

    taken: bool
    why: str
    orders: int


def now(live: Live, found: views.Arrived) -> Now:
    """Judges a message as if it came now. Nothing of it is kept."""
    judged = intake.judge(live, intake.Came(found.body, found.listener, 0, "LOOK"))
    count = sum(len(group) for group in judged.orders.groups) if judged.orders is not None else 0
    return Now(judged.arrival.state in ("stored", "taken"), judged.arrival.reason, count)


async def one(call: Call) -> Answer:
    """One message, masked."""
    return await _one(call, unmask=False)


async def opened(call: Call) -> Answer:
    """The same as it came, which is written down."""
    return await _one(call, unmask=True)


async def _one(call: Call, *, unmask: bool) -> Page:
    found = await _found(call)
    message: Shown = shown(found.body, call.live.charset, unmask=unmask)
    values = {
        "found": found, "message": message, "says": words, "acts": may_act(call), "opened": unmask,
        "now_": now(call.live, found) if found.state == "quarantined" else None,
    }  # fmt: skip
    return Page("board/message.html", values, saw=(Saw(message=found.id),) if unmask else ())


async def _found(call: Call) -> views.Arrived:
    found = await call.read(lambda tx: views.arrived(tx, call.org, call.number("message")))
    if found is None:
        raise not_there()
    return found


# --- decided ----------------------------------------------------------------------------------------------------------------


async def ask_release(call: Call) -> Answer:
    """What releasing a message means."""
    return await _ask(call, "release")


async def ask_discard(call: Call) -> Answer:
    """What leaving it undone means."""
    return await _ask(call, "discard")


async def _ask(call: Call, verb: str, fault: str = "") -> Page:
    found = await _found(call)
    if found.state != "quarantined":
        raise not_there()
    would = now(call.live, found)
    if verb == "release":
        said = (
            f"It would be taken now, with {would.orders} {'order' if would.orders == 1 else 'orders'} in it."
            if would.taken
            else f"It would be refused again: {would.why}."
        )
        told = ["It is read by the live mapping as if it had just come. Its sender is not answered again.", said]
    else:
        told = ["Nothing of it is done, for good. It is kept, and can be looked at."]
    return question(
        call, "Take this message as new?" if verb == "release" else "Leave this message undone?", told,
        verb="Take it" if verb == "release" else "Leave it undone", danger=verb == "discard", fault=fault,
        back=filled(ONE, call.path), action=filled(f"{ONE}/{verb}", call.path),
    )  # fmt: skip


async def release(call: Call) -> Answer:
    """Takes a message as new."""
    return await _decide(call, "release", operate.readmit)


async def discard(call: Call) -> Answer:
    """Leaves it undone."""
    return await _decide(call, "discard", operate.discard)


async def _decide(call: Call, verb: str, does: Callable[[Tx, str, int, By], None]) -> Answer:
    reason = call.form["reason"]
    if fault := reason_fault(reason):
        return await _ask(call, verb, fault)
    try:
        await call.write(lambda tx: does(tx, call.org, call.number("message"), By(call.visitor.name, reason)))
    except Impossible:
        raise not_there() from None
    if verb == "release":
        call.engine.tell(call.engine.reception.work)
    return Go(filled(ONE, call.path), f"message-{verb}d" if verb == "release" else "message-discarded")
