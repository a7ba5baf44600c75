"""Signing in by a password, and out.

Whether the name, the password or a lock was in the way, the answer is the same sentence after the same time: it tells
nobody which names exist. An address from which too many tries fail has to wait. Passwords take turns (`hashing`)."""

from __future__ import annotations

from typing import Final

from segwright.accounts import sessions, signing_in
from segwright.accounts.directory import CHAIN
from segwright.accounts.passwords import LONGEST, fits, hashed_again, is_old
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page
from segwright.pages.drawing import lasting
from segwright.pages.gate import Tries, new_token, safe_next
from segwright.pages.hashing import Hashing
from segwright.pages.routes import Call, Route

WRONG: Final = (
    "The name and the password do not belong together, or the account is locked for some minutes after too many tries. "
    "An administrator can unlock it."
)


async def shown(call: Call) -> Answer:
    """The form."""
    onward = safe_next(call.query["next"])
    return Go(onward) if call.known is not None else _form(call, onward)


async def sign_in(call: Call) -> Answer:
    """Compares, and begins a session."""
    name, password, onward = call.form["name"], call.form.exact("password"), safe_next(call.form["next"])
    tries: Tries = call.parts["tries"]
    hashing: Hashing = call.parts["hashing"]
    if not name or not password:
        return _form(call, onward, name, "Type your name and your password.", 422)
    if wait := tries.wait(call.address, call.now):
        return _too_many(call, onward, name, wait)
    async with hashing.turn() as does:
        if wait := tries.wait(call.address, call.now):  # those ahead in line failed meanwhile
            return _too_many(call, onward, name, wait)
        found = await call.read(lambda tx: signing_in.kept(tx, name))
        fit = len(password) <= LONGEST and await does(fits, found.password, password)
        if not fit:
            tries.failed(call.address, call.now)
        anew = await does(hashed_again, password) if fit and is_old(found.password) else ""
    token = new_token()
    limits: sessions.Limits = call.parts["limits"]
    if fit and await call.write(lambda tx: signing_in.enter(tx, found, token, limits, anew=anew)):
        return Go(onward, session=token)
    await call.write(lambda tx: signing_in.failed(tx, found))
    return _form(call, onward, name, WRONG, 422)


def _too_many(call: Call, onward: str, name: str, wait: int) -> Page:
    return _form(call, onward, name, f"Too many tries from this place. Try again in {lasting(wait + 1000)}.", 429)


def _form(call: Call, onward: str, name: str = "", fault: str = "", status: int = 200) -> Page:
    provider = call.settings.oidc.name if call.settings.oidc is not None else ""
    return Page("signin.html", {"name": name, "next": onward, "fault": fault, "provider": provider}, status=status)


async def sign_out(call: Call) -> Answer:
    """Ends the session."""
    visitor = call.visitor

    def end(tx: Tx) -> None:
        sessions.end(tx, visitor.session.id)
        tx.journal.note("signed out", CHAIN, actor=visitor.name, account_id=visitor.account.id)

    await call.write(end)
    return Go("/sign-in", "signed-out", session="")


ROUTES: Final = (
    Route("GET", "/sign-in", "sign-in", shown, needs="nobody"),
    Route("POST", "/sign-in", "signing-in", sign_in, needs="nobody"),
    Route("POST", "/sign-out", "sign-out", sign_out, needs="account"),
)
