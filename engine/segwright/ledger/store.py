"""The database: opened, locked and written to; the same on SQLite and PostgreSQL.

Takes a URL; gives a `Store`, which runs functions of a transaction: `write(f)` and `read(f)`, where `f` takes a `Tx` and
does nothing but talk to it, since it may be run again. On SQLite one thread writes, and what waits for it shares one
commit (group commit), each under its own savepoint; on PostgreSQL each function has its own transaction, which waits for
the network as seldom as its questions allow (`pipeline`), tried again when the database picks it as the victim of a
deadlock. What visitors ask for (the API, the pages) stands behind what the engine does itself: on SQLite it comes after that
in a commit, and only so much of it as does not hold up the next; on PostgreSQL it has threads and connections of its own, a
few. Refuses, with `Unavailable`, when the database is gone, full or locked for too long.

SQLite is for one host and a local disk: WAL, `synchronous=FULL`, `BEGIN IMMEDIATE`, a busy timeout.
"""

from __future__ import annotations

import asyncio
import fcntl
import queue
import re
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import IO, Any, Final, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from segwright.ledger.execution import Asked, Direct, Prepared, Row, Values
from segwright.ledger.journal import Journal
from segwright.ledger.pipeline import Pipeline, adjust
from segwright.ledger.prepared import added, added_if_new, added_once, added_row, by_id, changed, locked, put

T = TypeVar("T")
Clock = Callable[[Connection], int]

MOST_TOGETHER: Final = 256
"""Functions that share one commit on SQLite."""
VISITORS: Final = 4
"""Threads for what visitors ask for; with more of them they would only wait for each other."""
VISITORS_FOR: Final = 0.02
"""Seconds of one commit in which functions of visitors are begun."""
BUSY_MS: Final = 30_000
_AGAIN: Final = 8  # times a function is run again after a deadlock


class Unavailable(Exception):
    """The database cannot be written or read just now. Nothing of the function was kept."""


class Unfit(Unavailable):
    """The database stands, and will never take what it was given. Nothing of the function was kept."""


_UNFIT: Final = ("22", "23", "54")
"""Classes of errors of PostgreSQL: data, constraints, limits."""
_BEYOND_LIMITS: Final = re.compile(r"\btoo (large|long|many|complex|deep)\b|\boverflow\b")
"""How SQLite, which has one code for all that is wrong with a statement, says that it is more than it takes."""


def refuses(error: DBAPIError) -> bool:
    """Whether an error is about what the database was given, which it would refuse again. What it does not say for certain
    (a lock, a deadlock, a full disk, a lost connection, a missing table) is about the database."""
    if error.connection_invalidated:
        return False
    if isinstance(error, (IntegrityError, DataError)):
        return True
    if state := getattr(error.orig, "sqlstate", None):
        return str(state)[:2] in _UNFIT
    wrong = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return wrong and _BEYOND_LIMITS.search(str(error.orig)) is not None


Statement = sa.Executable | Prepared


class Tx:
    """One transaction: its time, its statements and what it reports to the journal. What is `Prepared` runs on the driver's
    cursor, everything else through SQLAlchemy, both in the same transaction, in the order in which they are asked. `ask` and
    `tell` do not wait; whoever looks at an answer does, and waits for all that was asked and told by then at once. `clock`:
    another one than the database's; `soon`: whether the time is asked with the first question."""

    __slots__ = ("_clock", "_direct", "_now", "_time", "dialect", "is_sqlite", "journal", "woke")

    def __init__(self, direct: Direct, clock: Clock | None, *, soon: bool = False) -> None:
        self.dialect = direct.connection.dialect.name
        self.is_sqlite = self.dialect == "sqlite"
        self.journal = Journal()
        self.woke = False
        """Whether a lane has something to send because of it; on SQLite, or of what shares its commit."""
        self._direct = direct
        self._clock = clock
        self._now = 0
        self._time = direct.ask_time() if soon and clock is None else None

    @property
    def connection(self) -> Connection:
        """The connection, for what only SQLAlchemy can do."""
        return self._direct.settle()

    @property
    def now(self) -> int:
        """The time of the transaction, in ms, by the clock of the database."""
        if not self._now:
            if self._clock is not None:
                self._now = self._clock(self.connection)
            else:
                self._now = int((self._time or self._direct.ask_time()).scalar())
        return self._now

    def ask(self, statement: Prepared, given: Values | None = None) -> Asked:
        """What comes of it, to be looked at later."""
        return self._direct.ask(statement, given)

    def tell(self, statement: Prepared, given: Values | Sequence[Values] | None = None) -> None:
        """Has it done, once or with each of many values. What stands against it is raised when it is sent, within its part of
        the transaction."""
        self._direct.tell(statement, given)

    def all(self, statement: Statement, given: Any = None) -> Sequence[Row]:
        """Every row."""
        if isinstance(statement, Prepared):
            return self._direct.rows(statement, given)
        return self.connection.execute(statement, given).all()

    def first(self, statement: Statement, given: Any = None) -> Row | None:
        """The first row."""
        if isinstance(statement, Prepared):
            return cast("Row | None", self._direct.ask(statement, given).first())
        return self.connection.execute(statement, given).first()

    def scalar(self, statement: Statement, given: Any = None) -> Any:
        """The first value of the first row."""
        if isinstance(statement, Prepared):
            return self._direct.ask(statement, given).scalar()
        return self.connection.execute(statement, given).scalar()

    def run(self, statement: Statement, given: Any = None) -> int:
        """How many rows were changed. Of a sequence of values, with each of them."""
        if isinstance(statement, Prepared):
            return self._direct.count(statement, given)
        return self.connection.execute(statement, given).rowcount

    def get(self, table: sa.Table, number: int) -> Row | None:
        """The row with this id."""
        return self.first(by_id(table), {"number": number})

    def lock(self, table: sa.Table, number: int) -> Row | None:
        """The same, locked until the transaction ends (on SQLite the whole database is). What refers to the row may still
        be added."""
        return cast("Row | None", self.ask_lock(table, number).first())

    def ask_lock(self, table: sa.Table, number: int) -> Asked:
        """The same, to be looked at later; what is asked after it is asked under the lock."""
        return self.ask(locked(table), {"number": number})

    def ask_relock(self, table: sa.Table, row: Row) -> Asked:
        """A row that was read in this transaction, locked, and as it stands then: on SQLite as it was read."""
        return Asked([row]) if self.is_sqlite else self.ask_lock(table, row.id)

    def hold(self, statement: Prepared, given: Any) -> None:
        """Locks rows of which nothing is needed; on SQLite the whole database is locked."""
        if not self.is_sqlite:
            self._direct.ask(statement, given)

    def set(self, table: sa.Table, number: int, **values: Any) -> None:
        """Writes values into the row with this id."""
        self.tell(changed(table), {**values, "number_": number})

    def put(self, table: sa.Table, **values: Any) -> None:
        """Writes the row with this primary key, whether it is there or not."""
        self.tell(put(table, self.dialect), values)

    def add(self, table: sa.Table, **values: Any) -> None:
        """Adds a row whose id is not needed."""
        self.tell(added(table), values)

    def insert(self, table: sa.Table, **values: Any) -> int:
        """Adds a row and gives its id."""
        return int(self.scalar(added(table), values))

    def insert_all(self, table: sa.Table, rows: Sequence[Values]) -> list[int]:
        """Adds rows of the same columns and gives their ids, in order."""
        return [int(row[0]) for row in self._direct.each(added(table), rows)]

    def insert_new(self, table: sa.Table, **values: Any) -> int:
        """Adds a row unless a unique key has it already; gives its id (1 for a table without one), 0 when it was there."""
        return int(self.ask_new(table, **values).scalar() or 0)

    def ask_new(self, table: sa.Table, **values: Any) -> Asked:
        """The same, to be looked at later: no row when it was there."""
        return self.ask(added_once(table, self.dialect), values)

    def insert_row(self, table: sa.Table, **values: Any) -> Row:
        """Adds a row and gives all of it."""
        (row,) = self._direct.rows(added_row(table), values)
        return cast(Row, row)

    def add_new(self, table: sa.Table, rows: Sequence[Values]) -> int:
        """Adds rows of the same columns, those aside that a unique key has already; gives how many are new."""
        return self._direct.count(added_if_new(table, self.dialect), rows)

    @contextmanager
    def undone_alone(self) -> Iterator[None]:
        """A part of the transaction, which may have parts itself: what it raises undoes this part and what it reported."""
        mark = self.journal.mark()
        self._direct.begin_part()
        try:
            yield
            self._direct.end_part()
        except Exception:
            self._direct.undo_part()
            self.journal.forget(mark)
            raise


class Store:
    """A database that functions of a transaction are run on. `clock`: another clock than the database's, for simulation."""

    def __init__(self, url: str, *, clock: Clock | None = None, connections: int = 8) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.clock = clock
        self._reading: Engine
        if self.is_sqlite:
            self._writing = _sqlite_engine(self.url, "BEGIN IMMEDIATE", 2)  # the writer's, and one for migrations
            self._reading = _sqlite_engine(self.url, "BEGIN", connections)
            self._kept: Direct | None = None
            self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
            self._writer = threading.Thread(target=self._write_for_ever, name="ledger-writer", daemon=True)
            self._writer.start()
        else:
            self._writing = self._reading = _postgresql_engine(self.url, connections + VISITORS)
            self._pool = ThreadPoolExecutor(connections, thread_name_prefix="ledger")
        self._visitors = ThreadPoolExecutor(VISITORS, thread_name_prefix="visitors")
        self._closed = False
        self._claim: IO[bytes] | None = None

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._writing

    def write(self, function: Callable[[Tx], T]) -> T:
        """Runs a function in a transaction that is durable when this returns."""
        return self.submit(function).result()

    def read(self, function: Callable[[Tx], T]) -> T:
        """Runs a function on one consistent state."""
        if not self.is_sqlite:
            return self._apart(function, writes=False)
        try:
            with self._reading.connect() as connection, connection.begin():
                return function(Tx(Direct(connection), self.clock))
        except (DBAPIError, sa.exc.TimeoutError) as error:
            raise Unavailable(type(error).__name__) from None

    def submit(self, function: Callable[[Tx], T]) -> Future[T]:
        """The same as `write`, without waiting. The future fails with what the function raised, or `Unavailable`."""
        if self._closed:
            raise Unavailable("closed")
        if not self.is_sqlite:
            return self._pool.submit(self._apart, function)
        job = _Job(function)
        self._waiting.put(job)
        return cast(Future[T], job.future)

    def soon(self, function: Callable[[Tx], T], *, visitor: bool = False) -> asyncio.Future[T]:
        """The same as `submit`, for the event loop that runs. What shares a commit is told to it at once, not one by one.
        `visitor`: it stands behind what the engine does itself."""
        if self._closed:
            raise Unavailable("closed")
        if not self.is_sqlite:
            return asyncio.wrap_future((self._visitors if visitor else self._pool).submit(self._apart, function))
        job = _Job(function, asyncio.get_running_loop(), visitor=visitor)
        self._waiting.put(job)
        return cast("asyncio.Future[T]", job.future)

    def look(self, function: Callable[[Tx], T]) -> asyncio.Future[T]:
        """The same as `read`, for the event loop that runs: of visitors only, the engine itself only writes."""
        return asyncio.wrap_future(self._visitors.submit(self.read, function))

    def claim(self) -> bool:
        """Whether no other process sends from this database from now until this one ends. On SQLite, which is one host, a
        lock on a file beside it says so, and the system takes it back from a process that dies. On PostgreSQL nobody can
        know."""
        if not self.is_sqlite:
            return False
        if self._claim is None and self.url.database:
            claim = open(f"{self.url.database}.sender", "ab")  # noqa: SIM115 - held as long as the store
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                claim.close()
                return False
            self._claim = claim
        return True

    def close(self) -> None:
        """Waits for what was submitted and lets go of the database."""
        if self._closed:
            return
        self._closed = True
        if self.is_sqlite:
            self._waiting.put(None)
            self._writer.join()
            if self._kept is not None:
                self._kept.close()
        else:
            self._pool.shutdown(wait=True)
        self._visitors.shutdown(wait=True)
        self._writing.dispose()
        self._reading.dispose()
        if self._claim is not None:
            self._claim.close()

    # --- PostgreSQL: a transaction each ---

    def _apart(self, function: Callable[[Tx], T], *, writes: bool = True) -> T:
        for again in range(_AGAIN):
            pipeline = None
            try:
                with self._writing.connect() as connection:
                    pipeline = Pipeline(connection)
                    tx = Tx(pipeline, self.clock, soon=writes)
                    given = function(tx)
                    if writes:
                        tx.journal.flush(tx)
                    pipeline.commit()
                return given
            except sa.exc.TimeoutError:
                raise Unavailable("no connection is free") from None
            except StopIteration as error:
                raise RuntimeError("an iterator ended") from error  # which no future of asyncio can hold
            except DBAPIError as error:
                if again + 1 == _AGAIN or not self._may_try_again(error, pipeline):
                    raise _unavailable(error) from None
        raise AssertionError("unreachable")

    def _may_try_again(self, error: DBAPIError, pipeline: Pipeline | None) -> bool:
        """Whether nothing of a transaction was kept, and it may go well if it is begun anew: after a deadlock, and on a
        connection that was found lost before it was used. Then those that lie idle are given up, too: the server was away."""
        if pipeline is not None and error.connection_invalidated and not pipeline.heard:
            self._writing.dispose()
            return True
        return getattr(error.orig, "sqlstate", "") in ("40001", "40P01")

    # --- SQLite: one thread, one commit for all that waits ---

    def _write_for_ever(self) -> None:
        visitors: deque[_Job] = deque()
        last = False
        while visitors or not last:
            own: list[_Job] = []
            for job in self._arrived(wait=not visitors):
                if job is None:
                    last = True
                else:
                    (visitors if job.visitor else own).append(job)
            if own or visitors:
                self._commit_together(own, visitors)

    def _arrived(self, *, wait: bool) -> Iterator[_Job | None]:
        """What waits to be written, so much as may share a commit. `wait`: until there is something."""
        with suppress(queue.Empty):
            for number in range(MOST_TOGETHER):
                yield self._waiting.get(block=wait and number == 0)

    @contextmanager
    def _sole_writer(self) -> Iterator[Direct]:
        """A transaction on the connection that writes, which is kept from one to the next."""
        direct = self._kept or Direct(self._writing.connect())
        self._kept = None
        try:
            direct.run("BEGIN IMMEDIATE")
            yield direct
            direct.run("COMMIT")
        except BaseException:
            direct.close()  # rolls back what there is
            raise
        if direct.connection.in_transaction():
            direct.connection.rollback()  # only SQLAlchemy's own notion of one: there is nothing left to undo
        self._kept = direct

    def _commit_together(self, jobs: list[_Job], visitors: deque[_Job]) -> None:
        """Runs these, and of the visitors' as many as there is time for, at least one. When nothing can be written, all are
        told."""
        try:
            with self._sole_writer() as direct:
                tx = Tx(direct, self.clock)
                for job in jobs:
                    job.run(tx)
                until = time.monotonic() + VISITORS_FOR
                while visitors:
                    jobs.append(visitors.popleft())
                    jobs[-1].run(tx)
                    if time.monotonic() > until or len(jobs) >= MOST_TOGETHER:
                        break
                tx.journal.flush(tx)
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told, whatever it was
            told = _unavailable(error) if isinstance(error, DBAPIError) else error
            jobs += visitors
            visitors.clear()
            for job in jobs:
                job.error = job.error or told
        _tell(jobs)


def _tell(jobs: list[_Job]) -> None:
    """Lets those who wait for these go on, each event loop with one call."""
    waiting: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        if job.loop is None:
            job.tell()
        else:
            waiting.setdefault(job.loop, []).append(job)
    for loop, theirs in waiting.items():
        with suppress(RuntimeError):  # it ended meanwhile, and nobody waits any more
            loop.call_soon_threadsafe(_tell_each, theirs)


def _tell_each(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()


class _Job:
    """A function that waits for the writer, and what came of it."""

    __slots__ = ("error", "function", "future", "given", "loop", "visitor")

    def __init__(
        self, function: Callable[[Tx], Any], loop: asyncio.AbstractEventLoop | None = None, *, visitor: bool = False
    ) -> None:
        self.function = function
        self.loop = loop
        self.visitor = visitor
        self.future: Future[Any] | asyncio.Future[Any] = Future() if loop is None else loop.create_future()
        self.error: BaseException | None = None
        self.given: Any = None

    def run(self, tx: Tx) -> None:
        """Runs it; what it raises undoes its own work only."""
        try:
            with tx.undone_alone():
                self.given = self.function(tx)
        except OperationalError as error:
            if not refuses(error):
                raise  # the database itself: nothing of the whole commit is kept
            self.error = _unavailable(error)
        except Exception as error:  # noqa: BLE001 - its caller gets it
            self.error = _unavailable(error) if isinstance(error, DBAPIError) else error
            if isinstance(error, StopIteration):  # which no future of asyncio can hold
                self.error = RuntimeError("an iterator ended")

    def tell(self) -> None:
        """Lets the caller go on."""
        if self.future.cancelled():
            return
        if self.error is None:
            self.future.set_result(self.given)
        else:
            self.future.set_exception(self.error)


def _unavailable(error: DBAPIError) -> Exception:
    """A constraint that fails is a fault of ours; everything else is the database's."""
    if isinstance(error, IntegrityError):
        # The driver's own text holds the values of the row.
        return AssertionError(f"a constraint of the ledger refused a row ({type(error.orig).__name__})")
    return (Unfit if refuses(error) else Unavailable)(type(error.orig).__name__)


def _postgresql_engine(url: sa.URL, connections: int) -> Engine:
    engine = sa.create_engine(url, pool_size=connections, max_overflow=0, pool_timeout=BUSY_MS / 1000)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        adjust(connection)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if connection.connection.driver_connection.info.transaction_status == 0:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN")

    return engine


def _sqlite_engine(url: sa.URL, begin: str, connections: int) -> Engine:
    engine = sa.create_engine(
        url, poolclass=QueuePool, pool_size=connections, max_overflow=0, pool_timeout=BUSY_MS / 1000,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # The writer begins on its own, and SQLAlchemy joins it when it is first asked something.
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql(begin)

    return engine
