"""Deciding about what is proposed: approving, refusing, taking back, and handing out what was signed.

Whom a form names is held against the visitor's own grants, hospital by hospital, whatever the path says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from segwright.delivery import proposals, verdicts
from segwright.delivery.verdicts import Impossible, Stand
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Bytes, Go, Refused, not_there
from segwright.pages.changes.mine import DECIDE, READ, office, organisations
from segwright.pages.changes.reading import GROUP, ONE, group_page
from segwright.pages.routes import Call, Route, filled
from segwright.plan.approval import LONGEST_REASON
from segwright.plan.vouching import CannotVouch

ALL: Final = "*"
"""In a form instead of the names of hospitals: all of the group that wait, or of which the visitor said something."""


async def approve(call: Call) -> Answer:
    """The visitor approves hospitals, as the proposal has them."""

    def act(tx: Tx, orgs: tuple[str, ...]) -> None:
        verdicts.approve(tx, office(call), call.number("proposal"), orgs, call.visitor.account, call.form["because"])

    return await _said(call, act, "change-approved")


async def refuse(call: Call) -> Answer:
    """The visitor refuses hospitals."""

    def act(tx: Tx, orgs: tuple[str, ...]) -> None:
        verdicts.refuse(tx, office(call), call.number("proposal"), orgs, call.visitor.account, call.form["because"])

    return await _said(call, act, "change-refused")


async def withdraw(call: Call) -> Answer:
    """The visitor takes back what he said."""

    def act(tx: Tx, orgs: tuple[str, ...]) -> None:
        verdicts.withdraw(tx, office(call), call.number("proposal"), orgs, call.visitor.account, call.form["because"])

    return await _said(call, act, "change-withdrawn")


async def _said(call: Call, act: Callable[[Tx, tuple[str, ...]], None], said: str) -> Answer:
    mine, number, group = set(organisations(call, DECIDE)), call.number("proposal"), call.path["group"]
    asked = tuple(dict.fromkeys(call.form.every("hospital")))
    if len(call.form.exact("because")) > LONGEST_REASON:
        return await group_page(call, {"because": f"A reason has at most {LONGEST_REASON:,} characters."})

    def carried_out(tx: Tx) -> None:
        parts = [part for part in proposals.parts(tx, [number], mine) if part.group == group]
        named = asked
        if ALL in asked:
            stands = verdicts.stands(tx, office(call), parts)
            named = tuple(stand.part.org for stand in stands if _meant(stand, call, said))
        if not parts or not set(named) <= {part.org for part in parts}:
            raise not_there()  # another's, or none of this group: the two look alike
        act(tx, named)

    try:
        await call.write(carried_out)
    except Impossible as impossible:
        place = "because" if impossible.code == "reason" else "hospital" if impossible.code == "unknown" else "all"
        return await group_page(call, {place: impossible.reason})
    except CannotVouch as cannot:
        return await group_page(call, {"all": f"It cannot be signed: {cannot}."})
    return Go(filled(GROUP, {"org": call.org, "proposal": number, "group": group}), said)


def _meant(stand: Stand, call: Call, said: str) -> bool:
    """Whether "all of them" means an organisation: of what waits, or of what the visitor said something of."""
    own = stand.of(office(call).person(call.visitor.name))
    return bool(own) if said == "change-withdrawn" else stand.state == "open" and not own


async def fetch(call: Call) -> Answer:
    """What was approved of the visitor's hospitals, signed, as `segwright approvals import` takes it."""
    number, orgs = call.number("proposal"), organisations(call)

    def take(tx: Tx) -> str | None:
        if not proposals.parts(tx, [number], orgs):
            return None
        return verdicts.export(tx, office(call), number, orgs, call.visitor.name)

    text = await call.write(take)
    if text is None:
        raise not_there()
    if not any(line and not line.startswith("#") for line in text.splitlines()):
        raise Refused(
            409,
            "There is nothing to download",
            "Nobody has approved anything of it that still holds and is not refused.",
        )
    return Bytes(text.encode(), "text/plain; charset=utf-8", filename=f"approvals-{number}.txt")


ROUTES: Final = (
    Route("GET", f"{ONE}/approvals", "change-approvals", fetch, roles=READ),
    Route("POST", f"{GROUP}/approve", "change-approve", approve, roles=DECIDE),
    Route("POST", f"{GROUP}/refuse", "change-refuse", refuse, roles=DECIDE),
    Route("POST", f"{GROUP}/withdraw", "change-withdraw", withdraw, roles=DECIDE),
)
