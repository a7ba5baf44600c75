"""`segwright quarantine`: messages that came and could not be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from segwright.cli.ledger_access import (
    Action,
    Where,
    action_options,
    confirm,
    format_option,
    ledger_options,
    note_look,
    opened,
    settings_of,
    stop_with,
)

if TYPE_CHECKING:
    from segwright.ledger import views
    from segwright.ledger.operate import By
    from segwright.ledger.store import Tx


@click.group("quarantine")
def command() -> None:
    """See messages to ORG's listener that need a person, and decide about them."""


@command.command("list")
@click.argument("organisation", metavar="[ORG]", required=False)
@click.option("--after", type=click.IntRange(0), default=0, metavar="ID", help="Go on after this message.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@format_option
@ledger_options
def list_(organisation: str | None, after: int, limit: int, form: str, where: Where) -> None:
    """Messages in quarantine, oldest first, with the reason."""
    import msgspec

    from segwright.cli.table import ago, table
    from segwright.core.render import visible
    from segwright.ledger import views

    found, _ = settings_of(where)
    with opened(found) as store:

        def look(tx: Tx) -> tuple[dict[str, tuple[views.Arrived, ...]], int]:
            names = [organisation] if organisation else views.organisations(tx)
            return {name: views.quarantined(tx, name, after=after, limit=limit) for name in names}, tx.now

        listed, now = store.read(look)
    if form == "json":
        rows = [
            {
                "organisation": name,
                **{key: value for key, value in msgspec.structs.asdict(one).items() if key != "body"},
            }
            for name, many in listed.items()
            for one in many
        ]
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [
        (
            str(one.id), name, visible(one.type)[:12], visible(one.control_id)[:20], f"{len(one.body)} B", ago(one.at, now),
            visible(one.reason),
        )
        for name, many in listed.items()
        for one in many
    ]  # fmt: skip
    heads = ("ID", "ORG", "TYPE", "CONTROL ID", "SIZE", "AGE", "BECAUSE")
    click.echo(table(heads, cells, empty="nothing is in quarantine"))


@command.command("show")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--unmask", is_flag=True, help="Show content; it is a patient's.")
@ledger_options
def show(organisation: str, number: int, unmask: bool, where: Where) -> None:
    """One message, and why it is there."""
    from segwright.cli.table import masked, plain
    from segwright.core.render import visible
    from segwright.ledger import views

    found, _ = settings_of(where)
    with opened(found) as store:
        one = store.read(lambda tx: views.arrived(tx, organisation, number))
        if one is None:
            stop_with([f"{organisation} has no message {number}"])
        note_look(store, organisation, unmask=unmask, inbox=number)
    click.echo(f"message {one.id}, by listener {one.listener}: {one.state}, answered {one.code}")
    if one.reason:
        click.echo(visible(one.reason))
    click.echo(plain(one.body) if unmask else masked(one.body))


def _decide(
    organisation: str, number: int, verb: str, does: Callable[[Tx, str, int, By], None], action: Action, where: Where
) -> None:
    from segwright.core.render import visible
    from segwright.ledger import views
    from segwright.ledger.operate import Impossible

    who = action.by()
    found, _ = settings_of(where)
    with opened(found) as store:
        one: views.Arrived | None = store.read(lambda tx: views.arrived(tx, organisation, number))
        if one is None or one.state != "quarantined":
            stop_with([f"{organisation} has no message {number} in quarantine"])
        click.echo(f"message {one.id}, answered {one.code}: {visible(one.reason)}")
        confirm(f"{verb} it?", yes=action.yes)
        try:
            store.write(lambda tx: does(tx, organisation, number, who))
        except Impossible as impossible:
            stop_with([impossible.reason])
    click.echo("done")


@command.command("release")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@action_options
@ledger_options
def release(organisation: str, number: int, action: Action, where: Where) -> None:
    """Take a message as new: it is read by the live mapping as if it had just come. Its sender is not answered again."""
    from segwright.ledger import operate

    _decide(organisation, number, "take", operate.readmit, action, where)


@command.command("discard")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@action_options
@ledger_options
def discard(organisation: str, number: int, action: Action, where: Where) -> None:
    """Leave a message undone for good. It is kept."""
    from segwright.ledger import operate

    _decide(organisation, number, "discard", operate.discard, action, where)
