"""The administrator's page: who may do what for his organisation.

He sees accounts with a role for it and their roles there, and nothing of other organisations. What would let him sign in as
somebody, or keep somebody from signing in at all (password, disabling, binding to the provider), he may do only to accounts
whose every organisation he administers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from segwright.accounts import directory
from segwright.accounts.model import ROLES, Account, Grant, Impossible, Role, folded
from segwright.accounts.passwords import hashed
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, Refused, not_there
from segwright.pages.hashing import Hashing
from segwright.pages.routes import Call, Route, filled

LIST: Final = "/o/{org}/accounts"
ONE: Final = "/o/{org}/accounts/{account:int}"
_BY: Final[tuple[Role, ...]] = ("administrator",)


# --- looked at --------------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """An account as this organisation sees it."""

    account: Account
    roles: tuple[Role, ...]
    standing: str


def _row(account: Account, org: str, now: int) -> Row:
    held = account.roles(org)
    standing = "locked" if account.state == "active" and account.locked_until > now else account.state
    return Row(account, tuple(role for role in ROLES if role in held), standing)


async def listed(call: Call) -> Answer:
    """Everybody with a role here."""
    return await _list(call)


async def _list(call: Call, faults: dict[str, str] | None = None) -> Page:
    accounts = await call.read(lambda tx: directory.of_organisation(tx, call.org))
    form = call.form
    values = {
        "rows": [_row(one, call.org, call.now) for one in accounts], "roles": ROLES, "faults": faults or {},
        "typed": {"name": form["name"], "shown_as": form["shown_as"], "roles": form.every("role"), "known": form["known"]},
        "has_provider": call.settings.oidc is not None,
    }  # fmt: skip
    return Page("accounts.html", values, status=422 if faults else 200)


async def one(call: Call) -> Answer:
    """One account."""
    account = await call.read(lambda tx: _theirs(tx, call))
    return _one(call, account)


def _one(call: Call, account: Account, faults: dict[str, str] | None = None) -> Page:
    values = {
        "row": _row(account, call.org, call.now), "roles": ROLES, "whole": call.visitor.administers(account),
        "faults": faults or {},
        "is_self": account.id == call.visitor.account.id, "provider": call.settings.oidc,
    }  # fmt: skip
    return Page("account.html", values, status=422 if faults else 200)


def _theirs(tx: Tx, call: Call) -> Account:
    """The account of the path, if it has a role here. Raises `Refused`."""
    found = directory.account(tx, call.number("account"))
    if found is None or not found.roles(call.org):
        raise not_there()
    return found


# --- changed ----------------------------------------------------------------------------------------------------------------


async def add(call: Call) -> Answer:
    """A new account."""
    form, grants = call.form, _ticked(call)
    if not grants:
        return await _list(call, {"role": "Choose at least one role."})
    try:
        await call.read(lambda tx: directory.may_be_added(tx, form["name"], form["shown_as"]))
        typed = form.exact("password")
        kept = await _hashed(call, typed, form["name"]) if typed or call.settings.oidc is None else ""
        await call.write(
            lambda tx: directory.add(
                tx, form["name"], form["shown_as"], kept, grants, call.visitor.name, temporary=bool(kept)
            )
        )
    except Impossible as impossible:
        if impossible.code == "taken":
            return await _list(call, {"name": f"{impossible.reason} If it is the same person, use the form below."})
        return await _list(call, {impossible.code: impossible.reason})
    return _to_list(call, "account-added")


async def let_in(call: Call) -> Answer:
    """Roles for an account that there is already, of another organisation or of this one."""
    grants = _ticked(call)
    if not grants:
        return await _list(call, {"known_role": "Choose at least one role."})

    def change(tx: Tx) -> None:
        account = directory.named(tx, call.form["known"])
        for each in grants:
            directory.grant(tx, account.id, each, call.visitor.name)

    try:
        await call.write(change)
    except Impossible as impossible:
        return await _list(call, {"known": impossible.reason})
    return _to_list(call, "roles-changed")


def _ticked(call: Call) -> list[Grant]:
    return [Grant(call.org, role) for role in ROLES if role in call.form.every("role")]


async def _changed(call: Call, change: Callable[[Tx], Account], said: str, place: str) -> Answer:
    """Changes an account and shows it. What does not go is said at `place` of its page."""
    try:
        account = await call.write(change)
    except Impossible as impossible:
        return _one(call, await call.read(lambda tx: _theirs(tx, call)), {place: impossible.reason})
    return _to_one(call, account, said) if account.roles(call.org) else _to_list(call, said)


async def set_roles(call: Call) -> Answer:
    """The roles here, as they are ticked. Without any it is no account of this organisation any more."""
    wanted = {role for role in ROLES if role in call.form.every("role")}

    def change(tx: Tx) -> Account:
        account = _theirs(tx, call)
        held = account.roles(call.org)
        for role in ROLES:
            if role in wanted - held:
                directory.grant(tx, account.id, Grant(call.org, role), call.visitor.name)
            elif role in held - wanted:
                directory.revoke(tx, account.id, Grant(call.org, role), call.visitor.name)
        return directory.account(tx, account.id) or account

    return await _changed(call, change, "roles-changed", "roles")


async def disable(call: Call) -> Answer:
    """No more sign-ins."""

    def change(tx: Tx) -> Account:
        account = _wholly(tx, call)
        if account.id == call.visitor.account.id:
            raise Impossible("last", "You cannot disable yourself.")
        directory.disable(tx, account.id, call.visitor.name)
        return account

    return await _changed(call, change, "account-disabled", "state")


async def enable(call: Call) -> Answer:
    """Sign-ins again, also after too many wrong passwords."""

    def change(tx: Tx) -> Account:
        account = _wholly(tx, call)
        directory.enable(tx, account.id, call.visitor.name)
        return account

    return await _changed(call, change, "account-enabled", "state")


async def reset(call: Call) -> Answer:
    """Another password, to be changed at the next sign-in."""
    account = await call.read(lambda tx: _wholly(tx, call))
    if account.id == call.visitor.account.id:
        return Go("/account")
    try:
        kept = await _hashed(call, call.form.exact("password"), account.name)
    except Impossible as impossible:
        return _one(call, account, {"password": impossible.reason})

    def change(tx: Tx) -> None:
        directory.set_password(tx, _wholly(tx, call).id, kept, call.visitor.name, temporary=True)

    await call.write(change)
    return _to_one(call, account, "password-reset")


async def bind(call: Call) -> Answer:
    """Whom the provider of sign-ins means by its subject."""
    provider = call.settings.oidc
    if provider is None:
        raise not_there()
    issuer, subject = provider.issuer, call.form["subject"]

    def change(tx: Tx) -> Account:
        account = _wholly(tx, call)
        directory.bind(tx, account.id, issuer, subject, call.visitor.name)
        return account

    return await _changed(call, change, "identity-bound", "subject")


async def unbind(call: Call) -> Answer:
    """Takes that back."""

    def change(tx: Tx) -> Account:
        account = _wholly(tx, call)
        for issuer, subject in account.identities:
            if subject == call.form["subject"] and issuer == call.form["issuer"]:
                directory.unbind(tx, account.id, issuer, subject, call.visitor.name)
        return account

    return await _changed(call, change, "identity-unbound", "subject")


def _wholly(tx: Tx, call: Call) -> Account:
    """The account of the path, if the visitor administers every organisation of it. Raises `Refused`."""
    account = _theirs(tx, call)
    if not call.visitor.administers(account):
        raise Refused(
            403, "This account is not yours alone",
            "It has roles for another organisation too. Its password and whether it may sign in are for somebody who "
            "administers all of them; its roles here are yours to give and take.",
        )  # fmt: skip
    return account


async def _hashed(call: Call, password: str, name: str) -> str:
    hashing: Hashing = call.parts["hashing"]
    async with hashing.turn() as does:
        return await does(hashed, password, folded(name))


def _to_list(call: Call, said: str) -> Go:
    return Go(filled(LIST, {"org": call.org}), said)


def _to_one(call: Call, account: Account, said: str) -> Go:
    return Go(filled(ONE, {"org": call.org, "account": account.id}), said)


ROUTES: Final = (
    Route("GET", LIST, "accounts", listed, roles=_BY, title="Accounts", about="who may sign in, and as what"),
    Route("POST", LIST, "account-add", add, roles=_BY),
    Route("POST", f"{LIST}/let-in", "account-let-in", let_in, roles=_BY),
    Route("GET", ONE, "account", one, roles=_BY),
    Route("POST", f"{ONE}/roles", "account-roles", set_roles, roles=_BY),
    Route("POST", f"{ONE}/disable", "account-disable", disable, roles=_BY),
    Route("POST", f"{ONE}/enable", "account-enable", enable, roles=_BY),
    Route("POST", f"{ONE}/password", "account-password", reset, roles=_BY),
    Route("POST", f"{ONE}/bind", "account-bind", bind, roles=_BY),
    Route("POST", f"{ONE}/unbind", "account-unbind", unbind, roles=_BY),
)
