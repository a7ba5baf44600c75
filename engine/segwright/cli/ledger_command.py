"""`segwright ledger`: deliveries: where they stand, why, and what an operator may do about them."""

from __future__ import annotations

from collections.abc import Callable
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
    from segwright.delivery.live import Live
    from segwright.ledger.operate import By
    from segwright.ledger.store import Store, Tx


@click.group("ledger")
def command() -> None:
    """Look at deliveries and decide about them.

    A delivery is one business event owed to one destination of ORG. Messages are shown without their content unless --unmask.
    """


@command.command("list")
@click.argument("organisation", metavar="[ORG]", required=False)
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only these states; may be given again.")
@click.option("--all", "everything", is_flag=True, help="Also what is done, not only what is open.")
@click.option("--destination", default="", metavar="NAME", help="Only those to this destination.")
@click.option("--message", default="", metavar="NAME", help="Only those of this message of the catalogue.")
@click.option("--before", type=click.IntRange(1), default=None, metavar="ID", help="Go on before this delivery.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@format_option
@ledger_options
def list_(
    organisation: str | None, states: tuple[str, ...], everything: bool, destination: str, message: str, before: int | None,
    limit: int, form: str, where: Where,
) -> None:  # fmt: skip
    """Deliveries, the newest first: what is open, of ORG or of all."""
    from segwright.cli import ledger_words as words
    from segwright.core.suggest import nearest
    from segwright.ledger import views
    from segwright.ledger.tables import DECIDED, OPEN

    for state in states:
        if state not in (*OPEN, *DECIDED):
            close = nearest(state, (*OPEN, *DECIDED))
            raise click.UsageError(f"There is no state '{state}'." + (f" Did you mean '{close}'?" if close else ""))
    wanted = states or (() if everything else OPEN)
    found, _ = settings_of(where)
    with opened(found) as store:

        def look(tx: Tx) -> tuple[dict[str, tuple[views.Delivery, ...]], dict[int, str], int]:
            names = [organisation] if organisation else views.organisations(tx)
            listed = {
                name: views.deliveries(
                    tx, name, states=wanted, destination=destination, message=message, before=before or 0, limit=limit
                )
                for name in names
            }
            because = {one.id: views.because(tx, name, one) for name, many in listed.items() for one in many}
            return listed, because, tx.now

        listed, because, now = store.read(look)
    click.echo(words.deliveries(listed, because, now, form))


@command.command("show")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--build", type=click.IntRange(1), metavar="N", help="Build N [default: the live one].")
@click.option("--unmask", is_flag=True, help="Show content; it is a patient's.")
@ledger_options
def show(organisation: str, number: int, build: int | None, unmask: bool, where: Where) -> None:
    """The bytes of a delivery, as they were or will be sent."""
    from segwright.cli.table import masked, plain
    from segwright.ledger import views

    found, folder = settings_of(where)
    with opened(found) as store:
        live = live_of(found, folder, store, organisation)
        story = store.read(lambda tx: views.story(tx, live, number))
        if story is None:
            stop_with([f"{organisation} has no delivery {number}"])
        note_look(store, organisation, unmask=unmask, delivery=number)
    chosen = next((one for one in story.builds if (one.number == build if build else one.live)), None)
    if chosen is None:
        stop_with([f"there is no build {build}" if build else f"nothing was built yet: it is {story.delivery.state}"])
    click.echo(plain(chosen.body) if unmask else masked(chosen.body))


@command.command("why")
@click.argument("organisation", metavar="ORG")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--unmask", is_flag=True, help="Show content; it is a patient's.")
@format_option
@ledger_options
def why(organisation: str, number: int, unmask: bool, form: str, where: Where) -> None:
    """The whole story of a delivery: where it came from, what it waits for, builds, tries, acknowledgements.

    Times are the hospital's. What a refusal complains of is shown with the line of the mapping and the setting that wrote it.
    """
    from segwright.cli import ledger_words as words
    from segwright.ledger import views

    found, folder = settings_of(where)
    with opened(found) as store:
        live = live_of(found, folder, store, organisation)
        story, because = store.read(lambda tx: (views.story(tx, live, number), _because(tx, organisation, number)))
        if story is None:
            stop_with([f"{organisation} has no delivery {number}"])
        note_look(store, organisation, unmask=unmask, delivery=number)
    click.echo(words.story(story, because, organisation, live.manifest.zone, form, unmask=unmask))


def _because(tx: Tx, organisation: str, number: int) -> str:
    from segwright.ledger import views

    found = views.delivery(tx, organisation, number)
    return "" if found is None else views.because(tx, organisation, found)


# --- actions ----------------------------------------------------------------------------------------------------------------

Does = Callable[["Tx", "Live", int, "By"], None]


def act(organisation: str, numbers: tuple[int, ...], verb: str, does: Does, *, action: Action, where: Where) -> None:
    """Shows what an action touches, asks, and does it to each delivery; what cannot be done is said, the others are done."""
    from segwright.cli import ledger_words as words
    from segwright.ledger import operate, views
    from segwright.ledger.operate import Impossible

    who = action.by()
    found, folder = settings_of(where)
    numbers = tuple(dict.fromkeys(numbers))
    with opened(found) as store:
        live = live_of(found, folder, store, organisation)

        def look(tx: Tx) -> tuple[operate.Preview, tuple[views.Delivery, ...]]:
            known = (views.delivery(tx, organisation, number) for number in numbers)
            return operate.preview(tx, live, numbers), tuple(one for one in known if one is not None)

        preview, known = store.read(look)
        unknown = sorted(set(numbers) - {one.id for one in known})
        if unknown:
            stop_with([f"{organisation} has no delivery {number}; nothing was done" for number in unknown])
        click.echo(words.preview(preview, known, verb))
        try:
            operate.permit(preview, who)
        except Impossible as impossible:
            stop_with([f"{impossible.reason}: --second NAME, who agrees"])
        confirm(f"{verb} {len(numbers)} of {organisation}?", yes=action.yes)
        failed = _each(store, live, numbers, does, who)
    if failed:
        stop_with(failed)
    click.echo(f"done: {len(numbers)}")


def _each(store: Store, live: Live, numbers: tuple[int, ...], does: Does, who: By) -> list[str]:
    from segwright.ledger.operate import Impossible

    failed = []
    for number in numbers:
        try:
            store.write(lambda tx, number=number: does(tx, live, number, who))  # type: ignore[misc]
        except Impossible as impossible:
            hint = "; --as-new sends it again all the same" if impossible.code == "confirm" else ""
            failed.append(impossible.reason + hint)
    return failed


def _action(name: str, help_: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A command on deliveries of an organisation, with what every action takes."""

    def decorate(function: Any) -> Any:
        for option in (*options, action_options, ledger_options):
            function = option(function)
        function = click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1), metavar="ID…")(function)
        function = click.argument("organisation", metavar="ORG")(function)
        return command.command(name, help=help_)(function)

    return decorate


@_action(
    "resend",
    "Send again: what is in doubt as it was, what was refused as a new build by the live mapping.",
    click.option("--as-new", is_flag=True, help="As a new message, also what was taken or is in doubt: it may be filed twice."),
)  # fmt: skip
def resend(organisation: str, numbers: tuple[int, ...], as_new: bool, action: Action, where: Where) -> None:
    """Sends again; as a new message only after the operator was shown what was taken already."""
    from segwright.ledger import operate

    def does(tx: Tx, live: Live, number: int, who: By) -> None:
        operate.resend(tx, live, number, who, as_new=as_new, confirmed=as_new)

    act(organisation, numbers, "send again", does, action=action, where=where)


@_action("hold", "Keep deliveries from going; what follows them in their chain waits.")
def hold(organisation: str, numbers: tuple[int, ...], action: Action, where: Where) -> None:
    """Holds."""
    from segwright.ledger import operate

    act(organisation, numbers, "hold", operate.hold, action=action, where=where)


@_action("release", "Let held deliveries go on, built anew by the live mapping.")
def release(organisation: str, numbers: tuple[int, ...], action: Action, where: Where) -> None:
    """Releases."""
    from segwright.ledger import operate

    act(organisation, numbers, "release", operate.release, action=action, where=where)


@_action("cancel", "Give deliveries up that never left.")
def cancel(organisation: str, numbers: tuple[int, ...], action: Action, where: Where) -> None:
    """Cancels."""
    from segwright.ledger import operate

    act(organisation, numbers, "give up", operate.cancel, action=action, where=where)


@_action(
    "decide",
    "Say what became of deliveries whose fate nobody knew, as found out with the hospital.",
    click.option(
        "--as", "decision", required=True, type=click.Choice(["delivered", "not-delivered", "send-newer"]),
        help="It is there; it is not, so it goes out again; leave it and send what is newer.",
    ),
)  # fmt: skip
def decide(organisation: str, numbers: tuple[int, ...], decision: str, action: Action, where: Where) -> None:
    """Decides."""
    from segwright.ledger import operate

    chosen: Any = decision.replace("-", " ")

    def does(tx: Tx, live: Live, number: int, who: By) -> None:
        operate.decide(tx, live, number, chosen, who)

    verb = {"delivered": "call delivered", "not delivered": "call not delivered", "send newer": "pass over"}[chosen]
    act(organisation, numbers, verb, does, action=action, where=where)
