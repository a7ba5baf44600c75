"""Statements that the ledger runs all the time, built once: building one anew costs more than running it.

Takes a table; gives a statement whose values are bound when it runs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


@cache
def by_id(table: sa.Table) -> sa.Select[Any]:
    """A row by its id (`number`)."""
    return sa.select(table).where(table.c.id == sa.bindparam("number"))


@cache
def locked(table: sa.Table) -> sa.Select[Any]:
    """The same, locked, but not against rows that refer to it."""
    return by_id(table).with_for_update(key_share=True)


@cache
def changed(table: sa.Table) -> sa.Update:
    """The row with an id (`number_`); what is bound besides are its new values."""
    return sa.update(table).where(table.c.id == sa.bindparam("number_"))


@cache
def added(table: sa.Table) -> sa.Executable:
    """A new row; gives its id."""
    return sa.insert(table).returning(table.c.id)


@cache
def added_once(table: sa.Table, dialect: str) -> sa.Executable:
    """A new row, unless a unique key has it already; gives its id, or 1."""
    given = table.c.id if "id" in table.c else sa.literal(1)
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().returning(given)
