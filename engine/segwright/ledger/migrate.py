"""Brings a database to the tables that this engine knows, and back.

Takes an open store; changes its tables by the migrations, each in one transaction. Refuses, with `WrongVersion`, to serve
a database whose tables are older or newer than the engine's: nothing is ever changed by the way."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from segwright.ledger.store import Store, Tx

_FOLDER: Final = Path(__file__).parent / "migrations"


class WrongVersion(Exception):
    """The tables of a database are not those of this engine. `found` is "" for an empty database."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"the tables are of version {found or 'none'}; this engine needs {wanted}")
        self.found = found
        self.wanted = wanted


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def newest() -> str:
    """The version of the tables that this engine knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def version(store: Store) -> str:
    """The version of a database's tables, "" when it has none."""
    with store.engine.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def seen(tx: Tx) -> str:
    """The same, as a reader sees it."""
    return MigrationContext.configure(tx.connection).get_current_revision() or ""


def upgrade(store: Store, to: str = "head") -> None:
    """Brings the tables up to a version."""
    _run(store, command.upgrade, to)


def downgrade(store: Store, to: str) -> None:
    """Brings the tables back to a version (`base`: to none)."""
    _run(store, command.downgrade, to)


def _run(store: Store, action: object, to: str) -> None:
    config = _config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        action(config, to)  # type: ignore[operator]


def ready(store: Store) -> None:
    """Raises `WrongVersion` unless the tables are this engine's."""
    found = version(store)
    if found != newest():
        raise WrongVersion(found, newest())
