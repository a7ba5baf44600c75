"""What `stop` and `allow` share: a kind of message, or a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from segwright.cli.ledger_access import (
    Action,
    Where,
    action_options,
    confirm,
    ledger_options,
    live_of,
    opened,
    settings_of,
    stop_with,
)

if TYPE_CHECKING:
    from segwright.delivery.live import Live
    from segwright.ledger.operate import By
    from segwright.ledger.store import Tx

F = TypeVar("F", bound=Callable[..., Any])
Does = Callable[["Tx", str, Literal["kind", "plan"], str, "By"], None]


def options(function: F) -> F:
    """ORG, `--kind`, `--plan`, and what every action takes."""
    for option in (
        click.option("--plan", "plan_hash", metavar="HASH", help="A plan, by the beginning of its hash."),
        click.option("--kind", metavar="MESSAGE/KIND", help="A kind of message, such as ecg_result/final."),
        action_options,
        ledger_options,
        click.argument("organisation", metavar="ORG"),
    ):
        function = option(function)
    return function


def change(
    organisation: str, verb: str, does: Does, *, kind: str | None, plan_hash: str | None, action: Action, where: Where
) -> None:
    """Shows what is stopped, asks, and does it."""
    from segwright.core.render import visible
    from segwright.ledger import views
    from segwright.ledger.operate import Impossible

    if (kind is None) == (plan_hash is None):
        raise click.UsageError("Name either a --kind or a --plan.")
    who = action.by()
    found, folder = settings_of(where)
    with opened(found) as store:
        live = live_of(found, folder, store, organisation)
        standing = store.read(lambda tx: views.stops(tx, organisation))
        if kind is not None:
            what: Literal["kind", "plan"] = "kind"
            chosen = _kind(live, kind)
        else:
            what, chosen = "plan", _plan(live, plan_hash or "", [one.name for one in standing if one.what == "plan"])
        for one in standing:
            click.echo(f"stopped: {one.what} {one.name} by {visible(one.actor)} ({visible(one.reason)})")
        confirm(f"{verb} {what} {chosen} of {organisation}?", yes=action.yes)
        try:
            store.write(lambda tx: does(tx, organisation, what, chosen, who))
        except Impossible as impossible:
            stop_with([impossible.reason])
    click.echo("done")


def _kind(live: Live, kind: str) -> str:
    from segwright.core.suggest import nearest

    known = [f"{entry.name}/{each}" for entry in live.manifest.catalogue for each in entry.kinds]
    if kind not in known:
        close = nearest(kind, known)
        stop_with([f"{live.org} has no kind {kind}" + (f"; {close} is meant?" if close else "")])
    return kind


def _plan(live: Live, beginning: str, stopped: list[str]) -> str:
    known = dict.fromkeys([*(entry.plan for entry in live.manifest.catalogue), *stopped])
    fitting = [one for one in known if one.startswith(beginning.lower())]
    if len(beginning) < 6 or len(fitting) != 1:
        listed = ", ".join(f"{entry.name} {entry.plan[:12]}" for entry in live.manifest.catalogue)
        stop_with([f"no single plan of {live.org} begins with {beginning}: {listed}"])
    return fitting[0]
