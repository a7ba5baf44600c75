"""How commands find the ledger: by `--settings`, or in the workspace where `segwright serve` keeps its own."""

from __future__ import annotations

import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, cast

import click

from segwright.cli.output import FOUND, workspace_of

if TYPE_CHECKING:
    from segwright.delivery.live import Live
    from segwright.delivery.settings import Settings
    from segwright.ledger.operate import By
    from segwright.ledger.store import Store

HOME = ".segwright"
"""Where `segwright serve` keeps its ledger, bundles and tokens in a workspace."""

F = TypeVar("F", bound=Callable[..., Any])


class Where(NamedTuple):
    """Which ledger a command is about, as it was called."""

    context: click.Context
    settings: Path | None
    database: str | None
    workspace: Path | None


class Action(NamedTuple):
    """Why something is done, and by whom; `yes`: without being asked."""

    reason: str
    name: str | None
    second: str
    yes: bool

    def by(self) -> By:
        """Who acts, as the ledger writes it down."""
        from segwright.ledger.operate import By

        if len(self.reason.strip()) < 3:
            raise click.UsageError("--reason has to say why.")
        return By(self.name or operator(), self.reason.strip(), self.second)


def operator() -> str:
    """Who sits at this machine."""
    return os.environ.get("SEGWRIGHT_OPERATOR") or getpass.getuser()


def note_look(store: Store, organisation: str, *, unmask: bool, **what: int) -> None:
    """Writes down, where content is going to be shown, who saw what."""
    from segwright.ledger import operate

    if unmask:
        store.write(lambda tx: operate.shown(tx, organisation, operator(), **what))


def ledger_options(function: F) -> F:
    """`--settings FILE`, `--database URL`, `--workspace DIR`; the command gets them as `where`."""
    path = click.Path(path_type=Path)
    home = f"The server's settings [default: {HOME}/settings.toml in the workspace]."

    @click.option("--settings", type=path, metavar="FILE", help=home)
    @click.option("--database", metavar="URL", help="Another ledger than the settings name.")
    @click.option("--workspace", type=path, metavar="DIR", help="The workspace [default: found from here upward].")
    @click.pass_context
    @functools.wraps(function)
    def placed(
        context: click.Context, /, settings: Path | None, database: str | None, workspace: Path | None, **given: Any
    ) -> Any:
        return function(where=Where(context, settings, database, workspace), **given)

    return cast(F, placed)


def action_options(function: F) -> F:
    """`--reason`, `--by`, `--second`, `--yes`; the command gets them as `action`."""

    @click.option("--reason", metavar="TEXT", required=True, help="Why; kept in the audit.")
    @click.option(
        "--by", metavar="NAME", help="Who does it [default: SEGWRIGHT_OPERATOR, else the user of this machine]."
    )
    @click.option("--second", metavar="NAME", default="", help="Who else agreed, where two people are needed.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(function)
    def acting(reason: str, by: str | None, second: str, yes: bool, **given: Any) -> Any:
        return function(action=Action(reason, by, second, yes), **given)

    return cast(F, acting)


def format_option(function: F) -> F:
    """`--format table|json`."""
    return click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)(
        function
    )


def stop_with(faults: list[str]) -> NoReturn:
    """Says why something cannot be done, and ends with exit code 1."""
    for fault in faults:
        click.echo(fault, err=True)
    sys.exit(FOUND)


def settings_of(where: Where) -> tuple[Settings, Path]:
    """The settings, and the folder that their paths start from. Ends the command when there are none."""
    import msgspec

    from segwright.delivery.settings import SettingsRefused, read

    file = where.settings
    if file is None:
        file = workspace_of(where.context, where.workspace) / HOME / "settings.toml"
        if not file.is_file():
            stop_with([f"there is no {file}: name the server's --settings, or start segwright serve here first"])
    try:
        settings = read(file)
    except SettingsRefused as refused:
        stop_with(refused.faults)
    folder = file.resolve().parent
    return msgspec.structs.replace(settings, database=placed(where.database or settings.database, folder)), folder


def placed(database: str, folder: Path) -> str:
    """A database URL whose SQLite file does not depend on where one stands."""
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    try:
        url = sa.make_url(database)
        known = url.get_backend_name() in ("sqlite", "postgresql")
    except ArgumentError:
        known = False
    if not known:
        raise click.UsageError("The database is sqlite:///FILE or postgresql+psycopg://… .")
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise click.UsageError("The ledger is a file: sqlite:///FILE.")
        return url.set(database=str(folder / url.database)).render_as_string(hide_password=False)
    return database


@contextmanager
def opened(settings: Settings, *, ready: bool = True) -> Iterator[Store]:
    """The ledger, which has to be there; with this engine's tables, unless `ready` is false. Ends the command when it cannot be
    used."""
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    from segwright.ledger.migrate import WrongVersion
    from segwright.ledger.migrate import ready as check
    from segwright.ledger.store import Store, Unavailable

    url = sa.make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        stop_with([f"there is no ledger at {url.database}"])
    store = Store(settings.database, connections=2)
    try:
        if ready:
            check(store)
        yield store
    except WrongVersion as wrong:
        stop_with([f"{wrong}: segwright migrate up"])
    except (Unavailable, DBAPIError) as error:
        stop_with([f"the ledger cannot be used ({type(error).__name__})"])
    finally:
        store.close()


def live_of(settings: Settings, folder: Path, store: Store, organisation: str) -> Live:
    """The bundle that is live for an organisation. Ends the command when these settings do not have it."""
    import msgspec

    from segwright.delivery.engine import Refused, load
    from segwright.ledger import views

    installed = store.read(lambda tx: views.bundle(tx, organisation))
    if not installed:
        known = store.read(views.organisations)
        stop_with([f"the ledger knows no organisation {organisation}; it knows {', '.join(known) or 'none'}"])
    try:
        lives = load(msgspec.structs.replace(settings, organisations=(organisation,)), store, folder)
    except Refused as refused:
        stop_with(refused.faults)
    live = lives[organisation]
    if live.bundle.hash != installed:
        place = folder / settings.bundles
        running, here = installed[:12], live.bundle.hash[:12]
        stop_with(
            [
                f"the server runs bundle {running} of {organisation}, {place} holds {here}: name the settings it runs with"
            ]
        )
    return live


def confirm(question: str, *, yes: bool) -> None:
    """Asks, unless that was answered already. Ends the command on no."""
    if yes:
        return
    if not sys.stdin.isatty():
        stop_with(["nothing was done: answer the question on a terminal, or give --yes"])
    if not click.confirm(question):
        stop_with(["nothing was done"])
