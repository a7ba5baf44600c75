"""`segwright worker`: sends, and does nothing else."""

from __future__ import annotations

import os

import click

from segwright.cli.ledger_access import Where, ledger_options, settings_of, stop_with


@click.command("worker")
@ledger_options
def command(where: Where) -> None:
    """Send what the ledger holds, until SIGTERM or Ctrl-C.

    Any number of workers, on any number of machines, share one PostgreSQL ledger with a server; which of them holds a lane is for
    its lease to say. The log is JSON lines on stderr.
    """
    import asyncio

    from sqlalchemy.exc import DBAPIError

    from segwright.delivery.engine import Engine, Refused, load, open_store
    from segwright.delivery.log import Log, libraries_through
    from segwright.ledger import views
    from segwright.ledger.migrate import WrongVersion
    from segwright.ledger.store import Unavailable
    from segwright.web.serving import work

    found, folder = settings_of(where)
    log = Log()
    libraries_through(log)
    try:
        store = open_store(found.database, create=False)
    except WrongVersion as wrong:
        stop_with([f"{wrong}: start segwright serve first, or segwright migrate up"])
    except (Unavailable, DBAPIError) as error:
        stop_with([f"the ledger cannot be used ({type(error).__name__})"])
    try:
        lives = load(found, store, folder, log)
        for name, live in lives.items():
            installed = store.read(lambda tx, name=name: views.bundle(tx, name))  # type: ignore[misc]
            if installed != live.bundle.hash:
                stop_with(
                    [
                        f"{name}: the server runs bundle {installed[:12] or 'none'}, this worker has {live.bundle.hash[:12]}"
                    ]
                )
        asyncio.run(work(Engine(found, store, lives, environ=os.environ, listen=False, log=log), log))
    except Refused as refused:
        stop_with(refused.faults)
    except Unavailable as error:
        stop_with([f"the ledger cannot be used ({error})"])
    finally:
        store.close()
