"""`segwright migrate`: the tables of the ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from segwright.cli.ledger_access import Where, confirm, ledger_options, opened, settings_of, stop_with
from segwright.cli.output import FOUND

if TYPE_CHECKING:
    from segwright.ledger.store import Store


@click.group("migrate")
def command() -> None:
    """Bring the ledger's tables to the version of this engine, or back. Stop servers and workers first, and keep a backup."""


@command.command("status")
@ledger_options
def status(where: Where) -> None:
    """Which version the tables have. Exit code 1 when it is not this engine's."""
    from segwright.ledger.migrate import newest, version

    found, _ = settings_of(where)
    with opened(found, ready=False) as store:
        now = version(store)
    click.echo(f"the tables are of version {now or 'none'}; this engine needs {newest()}")
    sys.exit(0 if now == newest() else FOUND)


@command.command("up")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ledger_options
def up(yes: bool, where: Where) -> None:
    """Bring the tables up to this engine's version."""
    from segwright.ledger.migrate import newest, upgrade, version

    found, _ = settings_of(where)
    with opened(found, ready=False) as store:
        now = version(store)
        if now == newest():
            click.echo(f"the tables are of version {now} already")
            return
        confirm(f"bring the tables from version {now or 'none'} to {newest()}?", yes=yes)
        _run(lambda: upgrade(store))
    click.echo("done")


@command.command("down")
@click.argument("version_", metavar="VERSION")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ledger_options
def down(version_: str, yes: bool, where: Where) -> None:
    """Bring the tables back to VERSION; `base` removes them, with everything in them."""
    from segwright.ledger.migrate import downgrade, version

    found, _ = settings_of(where)
    with opened(found, ready=False) as store:
        now = version(store)
        if version_ == "base":
            click.echo(f"everything in the ledger is lost: {_counted(store)}")
        confirm(f"bring the tables from version {now or 'none'} back to {version_}?", yes=yes)
        _run(lambda: downgrade(store, version_))
    click.echo("done")


def _run(action: Callable[[], None]) -> None:
    from alembic.util import CommandError

    try:
        action()
    except CommandError:
        stop_with(["there is no such version"])


def _counted(store: Store) -> str:
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    from segwright.ledger import tables as t

    try:
        with store.engine.begin() as connection:
            counts = {
                what: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
                for what, table in (("orders", t.order_), ("results", t.revision), ("deliveries", t.delivery))
            }
    except DBAPIError:
        return "it has no tables"
    return ", ".join(f"{count} {what}" for what, count in counts.items())
