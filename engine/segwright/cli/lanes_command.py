"""`segwright lanes`: the connections to hospitals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segwright.cli.ledger_access import (
    Action,
    Where,
    action_options,
    confirm,
    format_option,
    ledger_options,
    opened,
    settings_of,
    stop_with,
)

if TYPE_CHECKING:
    from segwright.ledger import views
    from segwright.ledger.store import Tx


@click.group("lanes")
def command() -> None:
    """See, pause and resume lanes. A lane is the one connection to a destination of ORG; one message is in flight on it."""


@command.command("list")
@click.argument("organisation", metavar="[ORG]", required=False)
@format_option
@ledger_options
def list_(organisation: str | None, form: str, where: Where) -> None:
    """Every lane with what is open in it, and what is wrong with it."""
    import msgspec

    from segwright.cli.table import ago, table
    from segwright.core.render import visible
    from segwright.ledger import views

    found, _ = settings_of(where)
    with opened(found) as store:

        def look(tx: Tx) -> tuple[dict[str, tuple[views.Lane, ...]], int]:
            names = [organisation] if organisation else views.organisations(tx)
            return {name: views.lanes_of(tx, name) for name in names}, tx.now

        listed, now = store.read(look)
    if form == "json":
        rows = [{"organisation": name, **msgspec.to_builtins(lane)} for name, lanes in listed.items() for lane in lanes]
        click.echo(msgspec.json.encode(rows).decode())
        return
    cells = [
        (
            name,
            lane.destination,
            _standing(lane, now),
            ago(lane.oldest, now) if lane.oldest else "-",
            visible(_said(lane)),
        )
        for name, lanes in listed.items()
        for lane in lanes
    ]
    heads = ("ORG", "TO", "STANDS", "OLDEST", "OPEN")
    click.echo(table(heads, cells, empty="no lane yet: one is made with the first message to a destination"))


def _standing(lane: views.Lane, now: int) -> str:
    if lane.paused:
        return "paused"
    if lane.failures:
        return f"failing ({lane.failures})"
    return "sending" if lane.holder and lane.lease_until > now else "idle"


def _said(lane: views.Lane) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in lane.open.items()) or "nothing"
    trouble = lane.paused or lane.trouble
    return f"{counts}; {trouble}" if trouble else counts


def _change(organisation: str, destination: str, verb: str, action: Action, where: Where) -> None:
    from segwright.ledger import operate, views

    who = action.by()
    found, _ = settings_of(where)
    with opened(found) as store:
        lanes = store.read(lambda tx: views.lanes_of(tx, organisation))
        lane = next((one for one in lanes if one.destination == destination), None)
        if lane is None:
            known = ", ".join(one.destination for one in lanes)
            stop_with([f"{organisation} has no lane to {destination}" + (f"; it has {known}" if known else "")])
        click.echo(f"{organisation} → {destination}: {_said(lane)}")
        confirm(f"{verb} this lane?", yes=action.yes)
        does = operate.pause if verb == "pause" else operate.resume
        store.write(lambda tx: does(tx, organisation, lane.id, who))
    click.echo("done")


@command.command("pause")
@click.argument("organisation", metavar="ORG")
@click.argument("destination", metavar="DESTINATION")
@action_options
@ledger_options
def pause(organisation: str, destination: str, action: Action, where: Where) -> None:
    """Stop a lane. What is in flight is finished."""
    _change(organisation, destination, "pause", action, where)


@command.command("resume")
@click.argument("organisation", metavar="ORG")
@click.argument("destination", metavar="DESTINATION")
@action_options
@ledger_options
def resume(organisation: str, destination: str, action: Action, where: Where) -> None:
    """Let a lane go on, at once."""
    _change(organisation, destination, "resume", action, where)
