"""`segwright accounts`: who may sign in to the pages, and as what."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from segwright.cli.ledger_access import Where, format_option, ledger_options, opened, operator, settings_of, stop_with

if TYPE_CHECKING:
    from segwright.accounts.model import Account, Grant
    from segwright.ledger.store import Store, Tx

T = TypeVar("T")
_ROLE = click.Choice(["clinician", "operator", "analyst", "reviewer", "administrator"])
_password_option = click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE",
    help="Where the password stands, in its first line [default: it is asked for].",
)  # fmt: skip

_temporary_option = click.option("--temporary", is_flag=True, help="It has to be changed at the first sign-in.")


@click.group("accounts")
def command() -> None:
    """See and change who may sign in to the pages. A role is held for an organisation; the first administrator is made here:

    segwright accounts add anna --as "Anna Ruiz" --role administrator --org mercy
    """


@command.command("list")
@format_option
@ledger_options
def list_(form: str, where: Where) -> None:
    """Every account with its roles."""
    import msgspec

    from segwright.accounts import directory
    from segwright.cli.table import ago, table
    from segwright.core.render import visible

    found, _ = settings_of(where)
    with opened(found) as store:
        accounts, now = store.read(lambda tx: (directory.every(tx), tx.now))
    if form == "json":
        click.echo(msgspec.json.encode(accounts).decode())
        return
    cells = [
        (one.name, visible(one.shown_as), _standing(one, now), _by(one), ago(one.at, now), _roles(one))
        for one in accounts
    ]
    click.echo(
        table(
            ("NAME", "SHOWN AS", "STANDS", "SIGNS IN BY", "MADE", "ROLES"), cells,
            empty="no account yet: segwright accounts add NAME --as 'Full Name' --role administrator --org ORG",
        )
    )  # fmt: skip


def _standing(account: Account, now: int) -> str:
    if account.state == "active" and account.locked_until > now:
        return "locked"
    return account.state


def _by(account: Account) -> str:
    ways = ["password"] * account.has_password + ["provider"] * bool(account.identities)
    return ", ".join(ways) or "nothing yet"


def _roles(account: Account) -> str:
    return "; ".join(f"{org}: {', '.join(sorted(account.roles(org)))}" for org in account.organisations) or "none"


@command.command("add")
@click.argument("name")
@click.option("--as", "shown_as", metavar="TEXT", help="The name that people read [default: NAME].")
@click.option("--role", "roles", type=_ROLE, multiple=True, help="What it may do; more than once for more than one.")
@click.option("--org", "orgs", metavar="ORG", multiple=True, help="For which organisation; more than once for more.")
@click.option("--no-password", is_flag=True, help="It signs in by the provider of sign-ins only.")
@_password_option
@_temporary_option
@ledger_options
def add(
    name: str, shown_as: str | None, roles: tuple[str, ...], orgs: tuple[str, ...], no_password: bool,
    password_file: Path | None, temporary: bool, where: Where,
) -> None:  # fmt: skip
    """Make an account. Each --role is held for each --org."""
    from segwright.accounts import directory

    if bool(roles) != bool(orgs):
        raise click.UsageError("A role is held for an organisation: give --role and --org together.")
    if no_password and password_file:
        raise click.UsageError("--no-password and --password-file say opposite things.")
    found, _ = settings_of(where)
    with opened(found) as store:
        _known(store, orgs)
        grants = _grants(orgs, roles)
        # What is wrong is said before a password is asked for.
        _try(store, lambda tx: directory.may_be_added(tx, name, shown_as or name))
        kept = "" if no_password else _password(name, password_file)
        made = _try(
            store, lambda tx: directory.add(tx, name, shown_as or name, kept, grants, operator(), temporary=temporary)
        )
    click.echo(f"{made.name} may sign in; {_roles(made)}" if kept else f"{made.name} was made; {_roles(made)}")
    if no_password:
        click.echo(f"to let it sign in: segwright accounts bind {made.name} SUBJECT")


@command.command("grant")
@click.argument("name")
@click.option("--role", "roles", type=_ROLE, multiple=True, required=True, help="What it may do.")
@click.option("--org", "orgs", metavar="ORG", multiple=True, required=True, help="For which organisation.")
@ledger_options
def grant(name: str, roles: tuple[str, ...], orgs: tuple[str, ...], where: Where) -> None:
    """Give an account a role for an organisation. It holds from its next click on."""
    from segwright.accounts import directory

    _changed(
        where,
        name,
        lambda tx, number: [directory.grant(tx, number, one, operator()) for one in _grants(orgs, roles)],
        orgs,
    )


@command.command("signer")
@click.argument("name")
@click.argument("attributes", nargs=-1, required=True, metavar="ATTRIBUTE=VALUE…")
@click.option("--org", metavar="ORG", required=True, help="In whose messages.")
@ledger_options
def signer(name: str, attributes: tuple[str, ...], org: str, where: Where) -> None:
    """Say how a clinician stands in an organisation's messages when he signs, by the attributes that the model gives
    `signed_by`:

    segwright accounts signer ben --org mercy given=BEN family=OKAFOR npi=1999000031
    """
    import msgspec

    from segwright.accounts import signers

    given = dict(each.partition("=")[::2] for each in attributes)
    if not all(key.isidentifier() and value for key, value in given.items()):
        raise click.UsageError("Each is ATTRIBUTE=VALUE, such as family=OKAFOR.")
    wrong = signers.faults(given)
    if wrong:
        stop_with(list(wrong.values()))
    document = msgspec.json.encode(given)
    _changed(where, name, lambda tx, number: signers.set_signer(tx, number, org, document, operator()), (org,))


@command.command("revoke")
@click.argument("name")
@click.option("--role", "roles", type=_ROLE, multiple=True, required=True, help="What it may do no more.")
@click.option("--org", "orgs", metavar="ORG", multiple=True, required=True, help="For which organisation.")
@ledger_options
def revoke(name: str, roles: tuple[str, ...], orgs: tuple[str, ...], where: Where) -> None:
    """Take a role back. It holds from the account's next click on."""
    from segwright.accounts import directory

    _changed(
        where, name, lambda tx, number: [directory.revoke(tx, number, one, operator()) for one in _grants(orgs, roles)]
    )


@command.command("disable")
@click.argument("name")
@ledger_options
def disable(name: str, where: Where) -> None:
    """Let an account sign in no more, and end its sessions. What it did stays under its name."""
    from segwright.accounts import directory

    _changed(where, name, lambda tx, number: directory.disable(tx, number, operator()))


@command.command("enable")
@click.argument("name")
@ledger_options
def enable(name: str, where: Where) -> None:
    """Let a disabled or locked account sign in again."""
    from segwright.accounts import directory

    _changed(where, name, lambda tx, number: directory.enable(tx, number, operator()))


@command.command("password")
@click.argument("name")
@_password_option
@_temporary_option
@ledger_options
def password(name: str, password_file: Path | None, temporary: bool, where: Where) -> None:
    """Set another password, and end the sessions that the old one began."""
    from segwright.accounts import directory

    found, _ = settings_of(where)
    with opened(found) as store:
        known = _try(store, lambda tx: directory.named(tx, name))
        kept = _password(known.name, password_file)
        _change(
            store, name, lambda tx, number: directory.set_password(tx, number, kept, operator(), temporary=temporary)
        )


@command.command("bind")
@click.argument("name")
@click.argument("subject")
@click.option("--issuer", metavar="URL", help="The provider [default: pages.oidc.issuer of the settings].")
@ledger_options
def bind(name: str, subject: str, issuer: str | None, where: Where) -> None:
    """Say that an account is whom the provider of sign-ins calls SUBJECT (the claim `sub`)."""
    from segwright.accounts import directory

    found, _ = settings_of(where)
    provider = issuer or (found.pages.oidc.issuer if found.pages.oidc else "")
    if not provider:
        stop_with(["the settings name no provider of sign-ins (pages.oidc): name it with --issuer"])
    with opened(found) as store:
        _change(store, name, lambda tx, number: directory.bind(tx, number, provider, subject, operator()))


# --- shared ------------------------------------------------------------------------------------------------------------------


def _grants(orgs: tuple[str, ...], roles: tuple[str, ...]) -> list[Grant]:
    from segwright.accounts.model import Grant

    return [Grant(org, role) for org in orgs for role in roles]  # type: ignore[arg-type]


def _known(store: Store, orgs: tuple[str, ...]) -> None:
    """Ends the command when there is no such organisation."""
    from segwright.ledger import views

    known = store.read(views.organisations)
    unknown = [org for org in orgs if org not in known]
    if unknown:
        named = ", ".join(known) or "none: start segwright serve first"
        stop_with([f"the ledger knows no organisation {unknown[0]}; it knows {named}"])


def _try(store: Store, does: Callable[[Tx], T]) -> T:
    """Runs it; ends the command with the reason when it is impossible."""
    from segwright.accounts.model import Impossible

    try:
        return store.write(does)
    except Impossible as impossible:
        stop_with([impossible.reason])


def _changed(where: Where, name: str, does: Callable[[Tx, int], object], orgs: tuple[str, ...] = ()) -> None:
    """Does something to an account, for organisations that are known."""
    found, _ = settings_of(where)
    with opened(found) as store:
        if orgs:
            _known(store, orgs)
        _change(store, name, does)


def _change(store: Store, name: str, does: Callable[[Tx, int], object]) -> None:
    from segwright.accounts import directory

    def run(tx: Tx) -> Account:
        found = directory.named(tx, name)
        does(tx, found.id)
        return directory.named(tx, name)

    after = _try(store, run)
    click.echo(f"done: {after.name}, {after.state}; {_roles(after)}")


def _password(name: str, file: Path | None) -> str:
    """The password, read or asked for, as it is kept. Ends the command when there is none that is good enough."""
    from segwright.accounts.model import Impossible, folded
    from segwright.accounts.passwords import hashed

    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            stop_with([f"{file} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})"])
        typed = lines[0] if lines else ""
    elif sys.stdin.isatty():
        typed = click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt="Once more")
    else:
        stop_with(["a password is asked for on a terminal; elsewhere, name a file with --password-file"])
    try:
        return hashed(typed, folded(name))
    except Impossible as impossible:
        stop_with([impossible.reason])
