"""The visitor's own account: roles, password, other devices."""

from __future__ import annotations

from typing import Final

from segwright.accounts import directory, sessions, signing_in
from segwright.accounts.model import Impossible
from segwright.accounts.passwords import LONGEST, fits, hashed
from segwright.pages.answer import Answer, Go, Page
from segwright.pages.gate import Tries
from segwright.pages.hashing import Hashing
from segwright.pages.routes import Call, Route

FREE: Final = ("own-account", "own-password", "sign-out", "sign-in", "signing-in")
"""What may be used while the password is one that somebody else chose."""


async def own(call: Call) -> Answer:
    """The page."""
    return _page()


async def change_password(call: Call) -> Answer:
    """Another password, for whoever knows the present one."""
    visitor, form = call.visitor, call.form
    present, chosen = form.exact("present"), form.exact("chosen")
    tries: Tries = call.parts["tries"]
    hashing: Hashing = call.parts["hashing"]
    if tries.wait(call.address, call.now):
        return _page({"present": "Too many tries from this place. Try again later."})
    found = await call.read(lambda tx: signing_in.kept(tx, visitor.name))
    async with hashing.turn() as does:
        fit = len(present) <= LONGEST and await does(fits, found.password, present)
    if not fit:
        tries.failed(call.address, call.now)
        await call.write(lambda tx: signing_in.failed(tx, found))
        return _page({"present": "This is not your present password."})
    if chosen == present:
        return _page({"chosen": "This is the password you have already."})
    if chosen != form.exact("again"):
        return _page({"again": "This is not the same as the line above."})
    try:
        async with hashing.turn() as does:
            kept = await does(hashed, chosen, visitor.name)
    except Impossible as impossible:
        return _page({"chosen": impossible.reason})
    await call.write(
        lambda tx: directory.set_password(tx, visitor.account.id, kept, visitor.name, but=visitor.session.id)
    )
    return Go("/account", "password-changed")


async def sign_out_elsewhere(call: Call) -> Answer:
    """Ends every other session of the account."""
    visitor = call.visitor
    await call.write(lambda tx: sessions.end_all(tx, visitor.account.id, but=visitor.session.id))
    return Go("/account", "signed-out-elsewhere")


def _page(faults: dict[str, str] | None = None) -> Page:
    return Page("own_account.html", {"faults": faults or {}}, status=422 if faults else 200)


ROUTES: Final = (
    Route("GET", "/account", "own-account", own, needs="account"),
    Route("POST", "/account/password", "own-password", change_password, needs="account"),
    Route("POST", "/account/sign-out-elsewhere", "sign-out-elsewhere", sign_out_elsewhere, needs="account"),
)
