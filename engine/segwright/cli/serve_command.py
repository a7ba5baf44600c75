"""`segwright serve`: everything in one process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.ledger_access import HOME, Where, placed, settings_of, stop_with
from segwright.cli.output import FOUND, Progress, refuse, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.delivery.engine import Engine
    from segwright.delivery.settings import Settings


@click.command("serve")
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="The server's settings.")
@click.option("--database", metavar="URL", help="Another ledger than the settings name.")
@workspace_option
@click.pass_context
def command(context: click.Context, settings: Path | None, database: str | None, workspace: Path | None) -> None:
    """Receive, keep, coordinate and send, and serve the API, until SIGTERM or Ctrl-C.

    With --settings: the bundles, listeners, tokens and ledger that FILE names. Without: the workspace as it is, compiled for the
    environment `test`, with one SQLite file and everything else in .segwright/; addresses and tokens are printed, and what goes
    out goes to loopback ports, never to a hospital. The log is JSON lines on stderr.
    """
    if settings is not None:
        found, folder = settings_of(Where(context, settings, database, workspace))
        run(found, folder, embedded=False)
        return
    found, folder = _embedded(workspace_of(context, workspace), database)
    run(found, folder, embedded=True)


def _embedded(root: Path, database: str | None) -> tuple[Settings, Path]:
    from segwright.cli.embedded import home_of, settings_for, write_bundles_of
    from segwright.core.diagnostic import errors
    from segwright.plan.bundle import BundleRefused
    from segwright.service.opening import check

    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(root, ())
    progress.done()
    if errors(found):
        refuse(found, compiled.sources)
    try:
        home = home_of(root)
        names = write_bundles_of(compiled, home)
        return settings_for(home, names, placed(database or "sqlite:///ledger.db", home.resolve())), home
    except (OSError, BundleRefused) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        click.echo(f"the workspace cannot be served: {reason}", err=True)
        sys.exit(FOUND)


def run(settings: Settings, folder: Path, *, embedded: bool) -> None:
    """Serves until a signal. Ends the command when it cannot."""
    import asyncio

    from sqlalchemy.exc import DBAPIError

    from segwright.delivery.engine import Engine, Refused, install, load, open_store
    from segwright.delivery.log import Log, libraries_through
    from segwright.ledger.migrate import WrongVersion
    from segwright.ledger.store import Unavailable
    from segwright.web.serving import api_of, serve

    log = Log()
    libraries_through(log)
    try:
        store = open_store(settings.database)
    except WrongVersion as wrong:
        stop_with([f"{wrong}: segwright migrate up"])
    except (Unavailable, DBAPIError) as error:
        stop_with([f"the ledger cannot be used ({type(error).__name__})"])
    try:
        lives = load(settings, store, folder, log)
        install(store, settings.environment, lives)
        engine = Engine(settings, store, lives, environ=os.environ, log=log)
        api = api_of(settings, engine, os.environ, log, folder)
        asyncio.run(serve(engine, api, log, os.environ, lambda port: _say(engine, port) if embedded else None))
    except Refused as refused:
        stop_with(refused.faults)
    except Unavailable as error:
        stop_with([f"the ledger cannot be used ({error})"])
    finally:
        store.close()


def _say(engine: Engine, port: int) -> None:
    """Where everything is, for the person who started it."""
    from segwright.cli.embedded import PROPOSING
    from segwright.delivery.settings import secret
    from segwright.ledger.store import Store

    store: Store = engine.store
    click.echo(f"environment {engine.settings.environment}, ledger {store.url.render_as_string()}")
    click.echo(f"pages  http://127.0.0.1:{port}   (accounts: segwright accounts add)")
    click.echo(
        f"review segwright propose main --because … --server http://127.0.0.1:{port} --token-file {HOME}/{PROPOSING}"
    )
    click.echo(f"API    http://127.0.0.1:{port}   (described at /openapi.json; /ready, /metrics)")
    ports = {listener.settings.name: listener.port for listener in engine.listeners}
    for name, live in engine.lives.items():
        click.echo(f"\n{click.style(name, bold=True)}")
        click.echo(f"  sends orders to      127.0.0.1:{ports[live.manifest.listener.name]}  (MLLP)")
        for destination, place in engine.settings.instead.get(name, {}).items():
            click.echo(f"  gets its messages at {place.address}  ({destination})")
        for reference in engine.settings.api.tokens.get(name, ()):
            click.echo(f"  token                {secret(reference, os.environ).decode().strip()}")
    click.echo("\nCtrl-C stops it.")
    sys.stdout.flush()
