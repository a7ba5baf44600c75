"""Statements for PostgreSQL, sent together: waiting for the network costs more than everything else.

What is asked and told is collected, and goes out in one go, with one wait for all of it (the driver's pipeline mode), when an
answer is looked at, when SQLAlchemy is to run something, or when the transaction is committed; the server runs it in the order
in which it was asked. BEGIN leaves with the first statements and COMMIT with the last ones. Each statement is prepared by the
server when it first comes. An error is raised when its statement is sent, which may be later than it was told, but never after
the part of the transaction that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection

from segwright.ledger.execution import Asked, Direct, Prepared, Values

MOST_PREPARED: Final = 400
"""Statements that a connection keeps prepared. Those that are run for every message are far fewer."""
_TIME: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_PART: Final = "SAVEPOINT part"
_UNDO: Final = b"ROLLBACK TO part; RELEASE part"


def adjust(driver: Any) -> None:
    """Sets a new connection up: we begin and commit ourselves; a whole number is of one type, however large, so that a statement
    is prepared once; and the server compiles nothing: it does that with what it guesses to be long, tens of ms for statements
    that look into an index and take one."""
    from psycopg.types.numeric import Int8Dumper

    driver.autocommit = True
    driver.prepared_max = MOST_PREPARED
    driver.adapters.register_dumper(int, Int8Dumper)
    driver.execute("SET jit = off")


class _Sent:
    """A statement that waits to be sent, and what came of it."""

    __slots__ = ("arguments", "changed", "found", "sql")

    def __init__(self, sql: str, arguments: Any = None) -> None:
        self.sql = sql
        self.arguments = arguments
        self.found: list[Any] | None = None
        self.changed = 0

    def take(self, cursor: Any) -> None:
        """Takes what came of it from the cursor that it was run on."""
        self.found = cursor.fetchall() if cursor.description else []
        self.changed = cursor.rowcount


class Pipeline(Direct):
    """A transaction on a connection of SQLAlchemy. `heard`: whether the server has answered anything in it."""

    __slots__ = ("_cursors", "_driver", "_waiting", "heard")

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._cursors: list[Any] = connection.info.setdefault("cursors", [])  # one for each statement that is under way
        self._waiting: list[_Sent] = []
        self.heard = False
        if driver.info.transaction_status == 0:  # idle
            self._later("BEGIN")

    def ask(self, statement: Prepared, given: Values | None) -> Asked:
        values = given or {}
        form = statement.form(self._dialect, tuple(values))
        sent = self._later(form.sql, form.arguments(values))
        return Asked(wait=lambda: form.rows(self._found(sent)))

    def tell(self, statement: Prepared, given: Values | Sequence[Values] | None) -> None:
        self._each_later(statement, given)

    def count(self, statement: Prepared, given: Values | Sequence[Values] | None) -> int:
        sent = self._each_later(statement, given)
        self.send()
        return sum(one.changed for one in sent)

    def run(self, sql: str, arguments: Any = ()) -> list[Any]:
        return self._found(self._later(sql, arguments))

    def settle(self) -> Connection:
        self.send()
        return self.connection

    def commit(self) -> None:
        """Keeps everything. A connection that was lost before the server had heard of the transaction is then known not to have
        kept it."""
        if not self.heard:
            self.send()
        self._later("COMMIT")
        self.send()

    def ask_time(self) -> Asked:
        sent = self._later(_TIME)
        return Asked(wait=lambda: self._found(sent))

    # --- parts ---

    def begin_part(self) -> None:
        self.send()  # what fails of that is no fault of the part
        self._later(_PART)

    def end_part(self) -> None:
        self._later("RELEASE part")
        self.send()

    def undo_part(self) -> None:
        begun = not (self._waiting and self._waiting[0].sql == _PART)
        self._waiting.clear()  # all that waits belongs to the part
        if begun:
            self._undo()

    def _undo(self) -> None:
        # Not by a cursor: the driver would take it for the end of the transaction and forget all that is prepared.
        from psycopg import errors, pq

        try:
            done = self._driver.pgconn.exec_(_UNDO)
            if done.status != pq.ExecStatus.COMMAND_OK:
                raise errors.error_from_result(done)
        except self._error as error:
            raise self._told(error, _UNDO.decode()) from error

    # --- sending ---

    def _later(self, sql: str, arguments: Any = None) -> _Sent:
        sent = _Sent(sql, arguments)
        self._waiting.append(sent)
        return sent

    def _each_later(self, statement: Prepared, given: Values | Sequence[Values] | None) -> list[_Sent]:
        many = given if isinstance(given, Sequence) else [given or {}]
        form = statement.form(self._dialect, tuple(many[0]))
        return [self._later(form.sql, form.arguments(values)) for values in many]

    def _found(self, sent: _Sent) -> list[Any]:
        if sent.found is None:
            self.send()
        assert sent.found is not None, "its statement failed"
        return sent.found

    def send(self) -> None:
        """Sends what waits, and waits until all of it is answered."""
        sending, self._waiting = self._waiting, []
        if not sending:
            return
        while len(self._cursors) < len(sending):
            self._cursors.append(self._driver.cursor())
        try:
            self._exchange(sending)
        except self._error as error:
            failed = next((one for one in sending if one.found is None), sending[-1])
            raise self._told(error, failed.sql) from error
        self.heard = True

    def _exchange(self, sending: list[_Sent]) -> None:
        pairs = list(zip(sending, self._cursors, strict=False))
        if len(pairs) == 1:
            ((one, cursor),) = pairs
            cursor.execute(one.sql, one.arguments, prepare=True)
        else:
            with self._driver.pipeline() as pipeline:
                try:
                    for one, cursor in pairs:
                        cursor.execute(one.sql, one.arguments, prepare=True)
                except self._error:
                    with suppress(self._error):
                        pipeline.sync()  # what comes after the error, so that the connection can be used again
                    raise
        for one, cursor in pairs:
            one.take(cursor)
