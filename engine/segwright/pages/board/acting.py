"""What an operator does about deliveries: looked at first, confirmed, with a reason, and by two people where that is the rule.

A look tries the action on each delivery in a transaction that is undone, so that it says what the ledger itself would say. What
was looked at is bound to the confirmation: if a delivery changed meanwhile, it is shown again instead of done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from segwright.delivery.live import Live
from segwright.ledger import operate, proposals, views
from segwright.ledger.operate import By, Impossible
from segwright.ledger.proposals import Act, Verb
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, Refused, not_there
from segwright.pages.board import words
from segwright.pages.board.asking import may_act, reason_fault
from segwright.pages.routes import Call, Form, filled

MOST: Final = 200
"""Deliveries of one act."""
DELIVERY: Final = "/o/{org}/board/deliveries/{delivery:int}"
LIST: Final = "/o/{org}/board/deliveries"
PROPOSAL: Final = "/o/{org}/board/proposals/{proposal:int}"


class Would(msgspec.Struct, frozen=True):
    """What an act would do to a delivery: `fault` says why it cannot, "" where it can; `only_new`: it can only be sent as a new
    message."""

    delivery: views.Delivery
    fault: str
    only_new: bool = False


class Look(msgspec.Struct, frozen=True):
    """An act, looked at. `seen`: what the confirmation is bound to; `two`: whether it needs a second person."""

    act: Act
    would: tuple[Would, ...]
    seen: str
    two: bool

    @property
    def taken(self) -> int:
        """How many of them the hospital took already."""
        return sum(1 for one in self.would if one.delivery.state in ("accepted", "confirmed"))

    @property
    def doubtful(self) -> int:
        """How many of them may have arrived."""
        return sum(1 for one in self.would if one.delivery.state in ("uncertain", "needs_decision", "unknown"))

    @property
    def possible(self) -> int:
        """To how many it can be done."""
        return sum(1 for one in self.would if not one.fault)


def act_of(form: Form) -> Act:
    """The act that a form names. Raises `Refused`."""
    verb, decision = form["verb"], form["decision"]
    numbers = tuple(dict.fromkeys(int(each) for each in form.every("delivery") if each.isascii() and each.isdigit()))
    if (
        verb not in words.VERB
        or (decision and decision not in words.DECISION)
        or any(len(str(n)) > 16 for n in numbers)
    ):
        raise not_there()
    if not numbers:
        raise Refused(422, "No delivery is chosen", "Go back and tick those that it is about.")
    if len(numbers) > MOST:
        raise Refused(422, "These are too many at once", f"Choose at most {MOST} deliveries.")
    chosen = decision if verb == "decide" else ""
    return Act(cast(Verb, verb), numbers, verb == "resend" and form["as_new"] == "yes", cast(Any, chosen))


def does(tx: Tx, live: Live, number: int, act: Act, by: By) -> None:
    """Does it to one delivery, as the command line would. Raises `Impossible`."""
    match act.verb:
        case "resend":
            operate.resend(tx, live, number, by, as_new=act.as_new, confirmed=act.as_new)
        case "hold":
            operate.hold(tx, live, number, by)
        case "release":
            operate.release(tx, live, number, by)
        case "cancel":
            operate.cancel(tx, live, number, by)
        case "decide":
            if not act.decision:
                raise Impossible("decision", "choose what became of it")
            operate.decide(tx, live, number, act.decision, by)


class _Undo(Exception):
    """It can be done; nothing of it is kept."""


async def looked(call: Call, act: Act) -> Look:
    """What an act would do. Raises `Refused` when one of the deliveries is not there."""

    def known(tx: Tx) -> tuple[list[views.Delivery | None], operate.Preview]:
        return [views.delivery(tx, call.org, number) for number in act.deliveries], operate.preview(
            tx, call.live, act.deliveries
        )

    found, preview = await call.read(known)
    there = [one for one in found if one is not None]
    if len(there) < len(act.deliveries):
        raise not_there()
    would = [await _tried(call, one, act) for one in there]
    return Look(act, tuple(would), _seen(act, there), preview.needs_second)


async def _tried(call: Call, delivery: views.Delivery, act: Act) -> Would:
    if act.verb == "decide" and not act.decision:
        return Would(delivery, "")

    def attempt(tx: Tx) -> None:
        does(tx, call.live, delivery.id, act, By("", "a look"))
        raise _Undo

    try:
        await call.write(attempt)
    except _Undo:
        return Would(delivery, "")
    except Impossible as impossible:
        only_new = impossible.code == "confirm"
        return Would(delivery, "" if only_new else impossible.reason, only_new)
    raise AssertionError("unreachable")


def _seen(act: Act, there: Sequence[views.Delivery]) -> str:
    said = [act.verb, act.as_new, act.decision, *((one.id, one.state, one.tries, one.reason) for one in there)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


async def look(call: Call) -> Answer:
    """What an act would do, before it is done."""
    return await _look(call, act_of(call.query))


async def _look(call: Call, act: Act, faults: dict[str, str] | None = None) -> Page:
    found = await looked(call, act)
    limit = call.live.policy.four_eyes_above
    values = {"look": found, "act": act, "says": words, "faults": faults or {}, "typed": call.form, "limit": limit}
    return Page("board/act.html", values, status=422 if faults else 200)


async def act(call: Call) -> Answer:
    """Does it, or keeps it for a second person."""
    wanted = act_of(call.form)
    found = await looked(call, wanted)
    reason, faults = call.form["reason"], {}
    if fault := reason_fault(reason):
        faults["reason"] = fault
    if wanted.verb == "decide" and not wanted.decision:
        faults["decision"] = "Choose what became of it."
    needs_new = wanted.verb == "resend" and any(
        one.delivery.state in ("accepted", "confirmed", "unknown") for one in found.would
    )
    if needs_new and not wanted.as_new:
        faults["as_new"] = "Some were taken already: tick this to send them as new messages, or leave them out."
    if not faults and call.form["seen"] != _seen_before(wanted, found, call.form):
        faults["seen"] = "Something changed since you looked. Nothing was done: look again, then confirm."
    if faults:
        return await _look(call, wanted, faults)
    by = By(call.visitor.name, reason)
    if found.two:
        number = await call.write(lambda tx: proposals.propose(tx, call.org, wanted, by.actor, by.reason))
        return Go(filled(PROPOSAL, {"org": call.org, "proposal": number}), "proposed")
    failed = await done(call, wanted, by)
    return _after(call, wanted, failed)


def _seen_before(act: Act, found: Look, form: Form) -> str:
    """What the page that was looked at was bound to: what is ticked and chosen on it was not yet."""
    plain = msgspec.structs.replace(act, as_new=form["as_new_seen"] == "yes", decision=cast(Any, form["decision_seen"]))
    return _seen(plain, [one.delivery for one in found.would])


async def done(call: Call, act: Act, by: By) -> dict[int, str]:
    """Does it to each delivery; gives why it could not be done, by delivery."""
    failed: dict[int, str] = {}
    for number in act.deliveries:
        try:
            await call.write(lambda tx, number=number: does(tx, call.live, number, act, by))  # type: ignore[misc]
        except Impossible as impossible:
            failed[number] = impossible.reason
    return failed


def _after(call: Call, act: Act, failed: dict[int, str]) -> Answer:
    if failed:
        return Page("board/acted.html", {"act": act, "failed": failed, "says": words}, status=200)
    if len(act.deliveries) == 1:
        return Go(filled(DELIVERY, {"org": call.org, "delivery": act.deliveries[0]}), f"done-{act.verb}")
    return Go(filled(LIST, {"org": call.org}), f"done-{act.verb}")


# --- four eyes --------------------------------------------------------------------------------------------------------------


async def proposed(call: Call) -> Answer:
    """What waits for a second person, or did."""
    return await _proposed(call)


async def _proposed(call: Call, fault: str = "") -> Page:
    found = await call.read(lambda tx: proposals.proposal(tx, call.org, call.number("proposal")))
    if found is None:
        raise not_there()
    acts = may_act(call)
    look = await looked(call, found.act) if found.state == "open" and acts else None
    values = {
        "proposal": found, "look": look, "says": words, "fault": fault, "is_own": found.actor == call.visitor.name,
        "acts": acts,
    }  # fmt: skip
    return Page("board/proposal.html", values, status=422 if fault else 200)


async def waiting(call: Call) -> Answer:
    """Everything that waits for a second person."""
    found = await call.read(lambda tx: proposals.waiting(tx, call.org))
    return Page("board/proposals.html", {"rows": found, "says": words})


async def agree(call: Call) -> Answer:
    """The second person lets it be done, in both names."""
    number, who = call.number("proposal"), call.visitor.name
    found = await call.read(lambda tx: proposals.proposal(tx, call.org, number))
    if found is None:
        raise not_there()
    try:
        if found.state == "open" and found.actor != who:
            look = await looked(call, found.act)
            if call.form["seen"] != look.seen:
                raise Impossible("seen", "something changed since you looked; nothing was done: look again, then agree")
        settled = await call.write(lambda tx: proposals.settle(tx, call.org, number, who, "done"))
    except Impossible as impossible:
        return await _proposed(call, impossible.reason)
    failed = await done(call, settled.act, By(settled.actor, settled.reason, who))
    if failed:
        return Page("board/acted.html", {"act": settled.act, "failed": failed, "says": words})
    return Go(filled(PROPOSAL, {"org": call.org, "proposal": number}), f"done-{settled.act.verb}")


async def refuse(call: Call) -> Answer:
    """The second person refuses it, or the first takes it back."""
    number, who = call.number("proposal"), call.visitor.name

    def settle(tx: Tx) -> str:
        found = proposals.proposal(tx, call.org, number)
        if found is None:
            raise not_there()
        decision = "withdrawn" if found.actor == who else "refused"
        return proposals.settle(tx, call.org, number, who, cast(Any, decision)).state

    try:
        state = await call.write(settle)
    except Impossible as impossible:
        return await _proposed(call, impossible.reason)
    return Go(filled(PROPOSAL, {"org": call.org, "proposal": number}), f"proposal-{state}")
