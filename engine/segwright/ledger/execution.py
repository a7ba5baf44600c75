"""Running statements straight on the driver's cursor.

SQLAlchemy is the language of every statement, of the tables and of their dialects. Its way of running one costs ten times
what SQLite needs for it, so what is run for every message goes another way: a `Prepared` statement is compiled once for
each dialect and each set of names that it is given, and then run on the cursor of the same connection, in the same
transaction. Rows are light tuples whose values have names. Errors are the ones that SQLAlchemy raises.

Values are handed over and taken as they are: of the ledger's types (whole numbers, texts, bytes, truth values) only the
truth values of SQLite, which has none, are converted.

There are four ways to run a statement. `ask` gives an `Asked`, which is looked at later; `tell` gives nothing; `rows` and
`count` wait. On SQLite, which is a part of this process, all of them run it at once. PostgreSQL is a network away, and there
what was asked and told is collected, and sent in one go when somebody looks (`pipeline`).
"""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

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


class Asked:
    """What comes of a statement. Looking at it waits for it, where it is not there yet."""

    __slots__ = ("_found", "_wait")

    def __init__(self, found: list[Any] | None = None, wait: Callable[[], list[Any]] | None = None) -> None:
        self._found = found
        self._wait = wait

    def rows(self) -> list[Any]:
        """Every row."""
        if self._found is None:
            assert self._wait is not None
            self._found = self._wait()
        return self._found

    def first(self) -> Any:
        """The first row, None when there is none."""
        return next(iter(self.rows()), None)

    def scalar(self) -> Any:
        """The first value of the first row, None when there is none."""
        return next((row[0] for row in self.rows()), None)


NOTHING: Final = Asked([])
"""The answer to what need not be asked."""


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

    def ask(self, statement: Prepared, given: Values | None) -> Asked:
        """Runs it; its rows are looked at later."""
        values = given or _NONE
        form = statement.form(self._dialect, tuple(values))
        return Asked(form.rows(self.run(form.sql, form.arguments(values))))

    def tell(self, statement: Prepared, given: Values | Sequence[Values] | None) -> None:
        """Runs it, once or with each of many values, for whoever needs no answer."""
        self.count(statement, given)

    def rows(self, statement: Prepared, given: Values | None) -> list[Any]:
        """Runs it and gives every row."""
        return self.ask(statement, given).rows()

    def count(self, statement: Prepared, given: Values | Sequence[Values] | None) -> int:
        """Runs it, once or with each of many values, and gives how many rows it changed."""
        many = given if isinstance(given, Sequence) else [given or _NONE]
        form = statement.form(self._dialect, tuple(many[0]))
        if len(many) > 1:
            self._run_each(form.sql, [form.arguments(values) for values in many])
        else:
            self.run(form.sql, form.arguments(many[0]))
        return int(self._cursor.rowcount)

    def each(self, statement: Prepared, many: Sequence[Values]) -> list[Any]:
        """Runs it with each of many values, and gives the one row that comes of it each time."""
        answers = [self.ask(statement, values) for values in many]
        return [answer.first() for answer in answers]

    def ask_time(self) -> Asked:
        """The time, in ms, by the clock of the database. An embedded one has no other than this host's."""
        return Asked([(time.time_ns() // 1_000_000,)])

    def begin_part(self) -> None:
        """Begins a part of the transaction, which can be undone alone."""
        self.run("SAVEPOINT part")

    def end_part(self) -> None:
        """Ends it; whatever stands against it is raised here at the latest."""
        self.run("RELEASE part")

    def undo_part(self) -> None:
        """Undoes it and ends it."""
        self.run("ROLLBACK TO part")
        self.run("RELEASE part")

    def run(self, sql: str, arguments: Any = ()) -> list[Any]:
        """Runs a statement as the driver takes it; gives what comes of it, nothing where it gives no rows."""
        cursor = self._cursor
        try:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []
        except self._error as error:
            raise self._told(error, sql) from error

    def _run_each(self, sql: str, arguments: list[Any]) -> None:
        try:
            self._cursor.executemany(sql, arguments)
        except self._error as error:
            raise self._told(error, sql) from error

    def settle(self) -> Connection:
        """The connection, for a statement that SQLAlchemy is to run after everything that was asked and told."""
        return self.connection

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
