"""The accounts of a ledger: added, found, granted roles, disabled.

Functions of a transaction. What changes something is written to the chain of every organisation that it concerns, with the
account that did it; what cannot be done raises `Impossible` and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from segwright.accounts import sessions
from segwright.accounts.model import LONGEST_SHOWN, NAME, ROLES, Account, Grant, Impossible, folded
from segwright.ledger import tables as t
from segwright.ledger.execution import Row
from segwright.ledger.store import Tx

CHAIN: Final = ""
"""The organisation of events that concern an account and no organisation."""


# --- looked at --------------------------------------------------------------------------------------------------------------


def account(tx: Tx, number: int) -> Account | None:
    """An account by its id."""
    return next(iter(_found(tx, t.account.c.id == number)), None)


def named(tx: Tx, name: str) -> Account:
    """An account by its name. Raises `Impossible`."""
    found = next(iter(_found(tx, t.account.c.name == folded(name))), None)
    if found is None:
        raise Impossible("unknown", f"There is no account {folded(name)!r}.")
    return found


def every(tx: Tx) -> tuple[Account, ...]:
    """All accounts, by name."""
    return _found(tx, sa.true())


def of_organisation(tx: Tx, org: str) -> tuple[Account, ...]:
    """The accounts that hold a role for an organisation, by name."""
    holders = sa.select(t.grant_.c.account_id).where(t.grant_.c.org == org)
    return _found(tx, t.account.c.id.in_(holders))


def of_identity(tx: Tx, issuer: str, subject: str) -> Account | None:
    """The account that is bound to what a provider says."""
    number = tx.scalar(
        sa.select(t.identity.c.account_id).where(t.identity.c.issuer == issuer, t.identity.c.subject == subject)
    )
    return account(tx, number) if number else None


def _found(tx: Tx, where: sa.ColumnElement[bool]) -> tuple[Account, ...]:
    rows = tx.all(sa.select(t.account).where(where).order_by(t.account.c.name))
    numbers = [row.id for row in rows]
    grants: dict[int, list[Grant]] = {}
    for row in tx.all(sa.select(t.grant_).where(t.grant_.c.account_id.in_(numbers))):
        grants.setdefault(row.account_id, []).append(Grant(row.org, row.role))
    identities: dict[int, list[tuple[str, str]]] = {}
    for row in tx.all(sa.select(t.identity).where(t.identity.c.account_id.in_(numbers))):
        identities.setdefault(row.account_id, []).append((row.issuer, row.subject))
    return tuple(_account(row, grants.get(row.id, []), identities.get(row.id, [])) for row in rows)


def _account(row: Row, grants: list[Grant], identities: list[tuple[str, str]]) -> Account:
    return Account(
        row.id, row.name, row.shown_as, row.state, bool(row.password), bool(row.temporary), row.failures, row.locked_until,
        row.at, tuple(sorted(grants)), tuple(sorted(identities)),
    )  # fmt: skip


# --- changed ----------------------------------------------------------------------------------------------------------------


def add(
    tx: Tx, name: str, shown_as: str, password: str, grants: Iterable[Grant], actor: str, *, temporary: bool = False
) -> Account:
    """A new account. `password`: as `passwords.hashed` gives it, or "" for one that signs in by a provider only;
    `temporary`: to be changed at the first sign-in."""
    plain = may_be_added(tx, name, shown_as)
    number = tx.insert_new(
        t.account, name=plain, shown_as=shown_as.strip(), password=password, temporary=temporary, at=tx.now,
        password_at=tx.now if password else 0,
    )  # fmt: skip
    if not number:
        raise Impossible("taken", f"There is an account {plain!r} already.")
    given = tuple(grants)
    _note(tx, "account added", number, plain, actor, {grant.org for grant in given})
    for each in given:
        grant(tx, number, each, actor)
    made = account(tx, number)
    assert made is not None
    return made


def may_be_added(tx: Tx, name: str, shown_as: str) -> str:
    """The name as it will be kept. Raises `Impossible` for names that cannot be."""
    plain, shown = folded(name), shown_as.strip()
    if not NAME.fullmatch(plain):
        raise Impossible(
            "name", "A name has letters, digits and . _ - @, begins with a letter or digit, and has at most 100."
        )
    if not shown or len(shown) > LONGEST_SHOWN or not shown.isprintable():
        raise Impossible("shown_as", f"The name that people read is missing or longer than {LONGEST_SHOWN} characters.")
    if tx.first(sa.select(t.account.c.id).where(t.account.c.name == plain)) is not None:
        raise Impossible("taken", f"There is an account {plain!r} already.")
    return plain


def grant(tx: Tx, number: int, what: Grant, actor: str) -> bool:
    """Gives an account a role for an organisation. Whether it did not hold it yet."""
    _role(what.role)
    given = tx.insert_new(t.grant_, account_id=number, org=what.org, role=what.role, actor=actor, at=tx.now)
    if given:
        tx.journal.note("role granted", what.org, actor=actor, account=_name(tx, number), role=what.role)
    return bool(given)


def revoke(tx: Tx, number: int, what: Grant, actor: str) -> bool:
    """Takes a role back. Whether it was held. The last administrator of an organisation stays one: else nobody could ever
    be let in again."""
    _role(what.role)
    if what.role == "administrator":
        _not_the_last(tx, number, (what.org,))
    where = (t.grant_.c.account_id == number, t.grant_.c.org == what.org, t.grant_.c.role == what.role)
    taken = tx.run(sa.delete(t.grant_).where(*where))
    if taken:
        tx.journal.note("role taken back", what.org, actor=actor, account=_name(tx, number), role=what.role)
    return bool(taken)


def disable(tx: Tx, number: int, actor: str) -> None:
    """Ends its sessions and lets it sign in no more. What it did stays under its name."""
    found = _locked(tx, number)
    _not_the_last(tx, number, found.organisations)
    tx.set(t.account, number, state="disabled")
    sessions.end_all(tx, number)
    _note(tx, "account disabled", number, found.name, actor, set(found.organisations))


def enable(tx: Tx, number: int, actor: str) -> None:
    """Lets it sign in again, also when wrong passwords had locked it."""
    found = _locked(tx, number)
    tx.set(t.account, number, state="active", failures=0, locked_until=0)
    _note(tx, "account enabled", number, found.name, actor, set(found.organisations))


def set_password(tx: Tx, number: int, password: str, actor: str, *, temporary: bool = False, but: int = 0) -> None:
    """Another password, as `passwords.hashed` gives it. Whoever was signed in by the old one is no more, except in the
    session `but`."""
    found = _locked(tx, number)
    tx.set(t.account, number, password=password, temporary=temporary, password_at=tx.now, failures=0, locked_until=0)
    sessions.end_all(tx, number, but=but)
    _note(tx, "password set", number, found.name, actor, set(found.organisations))


def bind(tx: Tx, number: int, issuer: str, subject: str, actor: str) -> None:
    """Says that this account is who a provider calls `subject`."""
    found = _locked(tx, number)
    if not subject.strip() or len(subject) > 255 or not subject.isprintable():
        raise Impossible("subject", "The subject is what the provider calls the person: 1 to 255 printable characters.")
    if not tx.insert_new(t.identity, issuer=issuer, subject=subject, account_id=number, at=tx.now):
        raise Impossible("taken", "This subject of the provider is bound to an account already.")
    _note(tx, "identity bound", number, found.name, actor, set(found.organisations), issuer=issuer)


def unbind(tx: Tx, number: int, issuer: str, subject: str, actor: str) -> None:
    """Takes that back, and ends its sessions."""
    found = _locked(tx, number)
    where = (t.identity.c.account_id == number, t.identity.c.issuer == issuer, t.identity.c.subject == subject)
    if tx.run(sa.delete(t.identity).where(*where)):
        sessions.end_all(tx, number)
        _note(tx, "identity unbound", number, found.name, actor, set(found.organisations), issuer=issuer)


def _locked(tx: Tx, number: int) -> Account:
    tx.lock(t.account, number)
    found = account(tx, number)
    if found is None:
        raise Impossible("unknown", "There is no such account.")
    return found


def _name(tx: Tx, number: int) -> str:
    return str(tx.scalar(sa.select(t.account.c.name).where(t.account.c.id == number)))


def _role(role: str) -> None:
    if role not in ROLES:
        raise Impossible("role", f"There is no role {role!r}; there are {', '.join(ROLES)}.")


def _not_the_last(tx: Tx, number: int, orgs: Iterable[str]) -> None:
    """Raises `Impossible` if an organisation would be left without an active administrator."""
    for org in sorted(orgs):
        administrators = tx.all(
            sa.select(t.account.c.id)
            .join(t.grant_, t.grant_.c.account_id == t.account.c.id)
            .where(t.grant_.c.org == org, t.grant_.c.role == "administrator", t.account.c.state == "active")
            .with_for_update(of=t.account)
        )
        if [row.id for row in administrators] == [number]:
            raise Impossible("last", f"This is the last administrator of {org}: make somebody else one first.")


def _note(tx: Tx, kind: str, number: int, name: str, actor: str, orgs: set[str], issuer: str = "") -> None:
    for org in sorted(orgs) or [CHAIN]:
        facts: dict[str, Any] = {"issuer": issuer} if issuer else {}
        tx.journal.note(kind, org, actor=actor, account=name, account_id=number, **facts)
