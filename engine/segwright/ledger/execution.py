"""Running statements straight on the driver's cursor.

SQLAlchemy is the language of every statement, of the tables and of their dialects. Its way of running one costs ten times
what SQLite needs for it, so what is run for every message goes another way: a `Prepared` statement is compiled once for
each dialect and each set of names that it is given, and then run on the cursor of the same connection, in the same
transaction. Rows are light tuples whose values have names. Errors are the ones that SQLAlchemy raises.

Values are handed over and taken as they are: of the ledger's types (whole numbers, texts, bytes, truth values) only the
truth values of SQLite, which has none, are converted.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError

Values = Mapping[str, Any]


class Row(Protocol):
    """A row of either way of running a statement."""

    def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, index: int, /) -> Any: ...

    def __iter__(self) -> Any: ...

    def _asdict(self) -> dict[str, Any]: ...


class _Form(NamedTuple):
    """A statement as the driver takes it: `arguments` makes of named values what it binds, `rows` of its tuples ours."""

    sql: str
    arguments: Callable[[Values], Any]
    rows: Callable[[list[Any]], list[Any]]


class Prepared:
    """A statement that is run again and again, with values bound by name."""

    __slots__ = ("_forms", "statement")

    def __init__(self, statement: sa.Executable) -> None:
        self.statement = statement
        self._forms: dict[tuple[str, tuple[str, ...]], _Form] = {}

    def form(self, dialect: Dialect, names: tuple[str, ...]) -> _Form:
        """The statement for a dialect and for values of these names, compiled when it is first asked for."""
        key = (dialect.name, names)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = _compiled(self.statement, dialect, names)
        return found


_NONE: Values = {}


class Direct:
    """The cursor under a connection of SQLAlchemy."""

    __slots__ = ("_cursor", "_dialect", "_error", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._dialect = connection.dialect
        self._cursor: Any = connection.connection.cursor()
        self._error: type[Exception] = self._dialect.loaded_dbapi.Error

    def close(self) -> None:
        """Gives the connection back; what was not committed is undone."""
        self.connection.close()

    def rows(self, statement: Prepared, given: Values | None) -> list[Any]:
        """Runs it and gives every row."""
        values = given or _NONE
        form = statement.form(self._dialect, tuple(values))
        return form.rows(self.run(form.sql, form.arguments(values)))

    def count(self, statement: Prepared, given: Values | Sequence[Values] | None) -> int:
        """Runs it, once or with each of many values, and gives how many rows it changed."""
        many = given if isinstance(given, Sequence) else [given or _NONE]
        form = statement.form(self._dialect, tuple(many[0]))
        if len(many) > 1:
            self.run_each(form.sql, [form.arguments(values) for values in many])
        else:
            self.run(form.sql, form.arguments(many[0]))
        return int(self._cursor.rowcount)

    def each(self, statement: Prepared, many: Sequence[Values]) -> list[Any]:
        """Runs it with each of many values, and gives the one row that comes of it each time."""
        form = statement.form(self._dialect, tuple(many[0]))
        arguments = [form.arguments(values) for values in many]
        if self._dialect.name == "sqlite":
            return form.rows([row for one in arguments for row in self.run(form.sql, one)])
        return form.rows(self.run_each(form.sql, arguments, returning=True))

    def run(self, sql: str, arguments: Any = ()) -> list[Any]:
        """Runs a statement as the driver takes it; gives what comes of it, nothing where it gives no rows."""
        cursor = self._cursor
        try:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []
        except self._error as error:
            raise self._told(error, sql) from error

    def run_each(self, sql: str, arguments: list[Any], *, returning: bool = False) -> list[Any]:
        """The same with each of many arguments. `returning`: gives the first row of each; only PostgreSQL's driver can, and
        sends all of them before it waits for the first answer."""
        cursor = self._cursor
        try:
            if not returning:
                cursor.executemany(sql, arguments)
                return []
            cursor.executemany(sql, arguments, returning=True)
            found = [cursor.fetchone()]
            while cursor.nextset():
                found.append(cursor.fetchone())
            return found
        except self._error as error:
            raise self._told(error, sql) from error

    def _told(self, error: Exception, sql: str) -> BaseException:
        """The error as SQLAlchemy tells it, without the values. A connection that is lost is not used again."""
        dialect = self._dialect
        lost = dialect.is_disconnect(error, self.connection.connection.driver_connection, self._cursor)  # type: ignore[arg-type]
        if lost:
            self.connection.invalidate(error)
        return DBAPIError.instance(
            sql,
            None,
            error,
            self._error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        )


def _compiled(statement: sa.Executable, dialect: Dialect, names: tuple[str, ...]) -> _Form:
    made = statement.compile(dialect=dialect, column_keys=list(names))  # type: ignore[attr-defined]
    constants = {name: value for name, value in made.params.items() if name not in names}
    arguments: Callable[[Values], Any]
    if made.positional:
        arguments = _in_order(made.positiontup, constants)
    elif constants:
        arguments = partial(_with, constants)
    else:
        arguments = dict
    return _Form(made.string, arguments, _rows(statement, dialect))


def _in_order(names: Sequence[str], constants: Values) -> Callable[[Values], Any]:
    match names:
        case []:
            return lambda values: ()
        case [name]:
            return lambda values: (values[name] if name in values else constants[name],)
        case _ if constants:
            ordered = itemgetter(*names)
            return lambda values: ordered({**constants, **values})
        case _:
            return itemgetter(*names)


def _with(constants: Values, values: Values) -> Values:
    return {**constants, **values}


# --- rows ----------------------------------------------------------------------------------------------------------------


def _rows(statement: sa.Executable, dialect: Dialect) -> Callable[[list[Any]], list[Any]]:
    columns = _columns(statement)
    make: Any = partial(tuple.__new__, _row_class(tuple(name for name, _ in columns)))
    truths = {n for n, (_, type_) in enumerate(columns) if isinstance(type_, sa.Boolean)}
    if truths and not dialect.supports_native_boolean:
        return lambda found: [make(_true(row, truths)) for row in found]
    return lambda found: list(map(make, found))


def _true(row: Iterable[Any], truths: set[int]) -> Iterable[Any]:
    return (bool(value) if n in truths and value is not None else value for n, value in enumerate(row))


def _columns(statement: sa.Executable) -> list[tuple[str, Any]]:
    """Name and type of each value in a row."""
    if isinstance(statement, sa.Select):
        found = statement.column_descriptions
    else:
        found = getattr(statement, "returning_column_descriptions", [])
    return [(str(each["name"]), each["type"]) for each in found]


@cache
def _row_class(names: tuple[str, ...]) -> type[tuple[Any, ...]]:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - the names are only known now
