"""Statements that the ledger runs all the time, built once: building one anew costs more than running it.

Takes a table; gives a statement whose values are bound when it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from segwright.ledger.execution import Prepared

_Key = TypeVar("_Key")


def _by_id(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id == sa.bindparam("number"))


@cache
def by_id(table: sa.Table) -> Prepared:
    """A row by its id (`number`)."""
    return Prepared(_by_id(table))


@cache
def locked(table: sa.Table) -> Prepared:
    """The same, locked, but not against rows that refer to it."""
    return Prepared(_by_id(table).with_for_update(key_share=True))


@cache
def changed(table: sa.Table) -> Prepared:
    """The row with an id (`number_`); what is bound besides are its new values."""
    return Prepared(sa.update(table).where(table.c.id == sa.bindparam("number_")))


@cache
def added(table: sa.Table) -> Prepared:
    """A new row; gives its id."""
    return Prepared(sa.insert(table).returning(table.c.id))


@cache
def added_once(table: sa.Table, dialect: str) -> Prepared:
    """A new row, unless a unique key has it already; gives its id, or 1."""
    given = table.c.id if "id" in table.c else sa.literal(1).label("made")
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return Prepared(insert(table).on_conflict_do_nothing().returning(given))


@cache
def added_row(table: sa.Table) -> Prepared:
    """A new row; gives all of it."""
    return Prepared(sa.insert(table).returning(*table.c))


@cache
def added_if_new(table: sa.Table, dialect: str) -> Prepared:
    """Many new rows, those aside that a unique key has already."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return Prepared(insert(table).on_conflict_do_nothing())


@cache
def put(table: sa.Table, dialect: str) -> Prepared:
    """A row under its primary key, new or in place of what is there."""
    insert: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    key = list(table.primary_key.columns)
    values = {column.name: insert.excluded[column.name] for column in table.c if column not in key}
    return Prepared(insert.on_conflict_do_update(index_elements=key, set_=values))


# --- one look for several keys ----------------------------------------------------------------------------------------------

MOST_KEYS: Final = 256
"""Keys that one statement asks for: SQLite nests a condition a thousand deep at most."""


def in_parts(keys: Sequence[_Key]) -> list[Sequence[_Key]]:
    """Keys, however many a message brings, as many together as one statement takes."""
    return [keys[at : at + MOST_KEYS] for at in range(0, len(keys), MOST_KEYS)]


def any_of(columns: Sequence[sa.ColumnElement[Any]], count: int) -> sa.ColumnElement[bool]:
    """Whether a row has one of so many keys over these columns; what `each_of` gives is bound to it."""
    one_each = (
        sa.and_(*(column == sa.bindparam(f"{column.key}_{number}") for column in columns)) for number in range(count)
    )
    return sa.or_(*one_each)


def each_of(names: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[int, dict[str, Any]]:
    """For how many keys `any_of` is to be asked, and the values for it. The last key is repeated up to a power of two, so
    that there are only so many statements."""
    count = 1 << (len(keys) - 1).bit_length()
    filled = [*keys, *[keys[-1]] * (count - len(keys))]
    return count, {
        f"{name}_{number}": value for number, key in enumerate(filled) for name, value in zip(names, key, strict=True)
    }
