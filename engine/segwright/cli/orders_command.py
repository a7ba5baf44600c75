"""`segwright orders`: orders, and what was sent for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segwright.cli.ledger_access import (
    Action,
    Where,
    action_options,
    confirm,
    format_option,
    ledger_options,
    live_of,
    note_look,
    opened,
    settings_of,
    stop_with,
)

if TYPE_CHECKING:
    from segwright.ledger import views
    from segwright.ledger.store import Tx


@click.group("orders")
def command() -> None:
    """See orders of ORG. Who they are for is shown only with --unmask."""


@command.command("list")
@click.argument("organisation", metavar="[ORG]", required=False)
@click.option("--state", type=click.Choice(["open", "completed", "cancelled"]), help="Only these.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="ID", help="Go on after this order.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@format_option
@ledger_options
def list_(organisation: str | None, state: Any, after: int, limit: int, form: str, where: Where) -> None:
    """Orders in the order in which they came, of ORG or of all."""
    import msgspec

    from segwright.cli.table import ago, table
    from segwright.core.render import visible
    from segwright.ledger import views

    found, _ = settings_of(where)
    with opened(found) as store:

        def look(tx: Tx) -> tuple[dict[str, tuple[views.Order, ...]], int]:
            names = [organisation] if organisation else views.organisations(tx)
            return {name: views.orders(tx, name, state=state, after=after, limit=limit) for name in names}, tx.now

        listed, now = store.read(look)
    if form == "json":
        rows = [{"organisation": name, **_plain(one)} for name, many in listed.items() for one in many]
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [
        (str(one.id), name, one.state, ago(one.at, now), visible(one.placer), visible(one.filler))
        for name, many in listed.items()
        for one in many
    ]
    click.echo(table(("ID", "ORG", "STATE", "AGE", "PLACER", "FILLER"), cells, empty="no order is like that"))


def _plain(order: views.Order) -> dict[str, Any]:
    import msgspec

    return {name: value for name, value in msgspec.structs.asdict(order).items() if name not in ("document", "patient")}


@command.command("show")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--unmask", is_flag=True, help="Show the order and whose it is.")
@ledger_options
def show(organisation: str, number: int, unmask: bool, where: Where) -> None:
    """An order and its deliveries."""
    from segwright.cli import ledger_words as words
    from segwright.core.render import visible
    from segwright.ledger import views

    found, _ = settings_of(where)
    with opened(found) as store:

        def look(tx: Tx) -> tuple[views.Order | None, tuple[views.Delivery, ...], dict[int, str], int]:
            order = views.order(tx, organisation, number)
            many = () if order is None else views.deliveries_of_order(tx, organisation, order)
            return order, many, {one.id: views.because(tx, organisation, one) for one in many}, tx.now

        order, many, because, now = store.read(look)
        if order is None:
            stop_with([f"{organisation} has no order {number}"])
        note_look(store, organisation, unmask=unmask, order=number)
    click.echo(f"order {order.id}  {visible(order.placer)}  {visible(order.filler)}  {order.state}")
    if unmask:
        click.echo(visible(order.patient.decode()))
        click.echo(visible(order.document.decode()))
    click.echo(words.deliveries({organisation: many}, because, now, "table"))


@command.command("cancel")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@action_options
@ledger_options
def cancel(organisation: str, number: int, action: Action, where: Where) -> None:
    """End an order without a result; its hospital is told if its catalogue says so."""
    from segwright.delivery import desk
    from segwright.ledger import views
    from segwright.ledger.results import Conflict

    who = action.by()
    found, folder = settings_of(where)
    with opened(found) as store:
        live = live_of(found, folder, store, organisation)
        order = store.read(lambda tx: views.order(tx, organisation, number))
        if order is None:
            stop_with([f"{organisation} has no order {number}"])
        click.echo(f"order {order.id} is {order.state}")
        confirm("end it without a result?", yes=action.yes)
        try:
            done = store.write(lambda tx: desk.move_on(tx, live, number, "cancelled", who.actor, who.reason))
        except Conflict as conflict:
            stop_with([conflict.reason])
    click.echo("done" if done else "it was cancelled already")
