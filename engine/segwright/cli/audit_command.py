"""`segwright audit`: whether the record of what happened is whole."""

from __future__ import annotations

import sys

import click

from segwright.cli.ledger_access import Where, ledger_options, opened, settings_of
from segwright.cli.output import FOUND


@click.group("audit")
def command() -> None:
    """Events are chained by hashes, a chain for each organisation and each lane: none can be changed or taken out unseen."""


@command.command("verify")
@ledger_options
def verify(where: Where) -> None:
    """Follow every chain from its first event to its last. Exit code 1 when one is broken, with the place."""
    from segwright.ledger import journal

    found, _ = settings_of(where)
    broken = 0
    total = 0
    with opened(found) as store:
        names = store.read(journal.chains)
        for name in names:
            count, fault = store.read(lambda tx, name=name: journal.verify(tx, name))  # type: ignore[misc]
            total += count
            if fault is not None:
                broken += 1
                click.echo(f"{name}: {fault.reason} at event {fault.number}")
    click.echo(f"{len(names)} chains, {total} events, {broken} broken")
    sys.exit(FOUND if broken else 0)


@command.command("heads")
@ledger_options
def heads(where: Where) -> None:
    """The last event of each chain as JSON: kept elsewhere, it proves later that no chain was cut short."""
    import msgspec

    from segwright.ledger import journal

    found, _ = settings_of(where)
    with opened(found) as store:
        click.echo(msgspec.json.encode(store.read(journal.heads)).decode())
