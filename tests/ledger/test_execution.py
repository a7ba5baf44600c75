"""What runs straight on the driver's cursor gives, changes and refuses the same as SQLAlchemy running the same statement."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

import segwright.ledger
from segwright.ledger import cases, inbox, journal, prepared
from segwright.ledger import tables as t
from segwright.ledger.execution import Direct, Prepared
from segwright.ledger.pipeline import Pipeline
from segwright.ledger.store import Store, Tx, Unavailable
from segwright.ledger.tables import metadata

TEXTS = ("", "one", "two", "100 %", "it's", "%(name)s :name ?", "Å\U0001f600")
BODIES = (b"", b"MSH|^~\\&|\r\x00\xff", bytes(range(256)))
VALUES: dict[type, Any] = {
    sa.Boolean: st.booleans(),
    sa.Integer: st.integers(0, 3),
    sa.String: st.sampled_from(TEXTS),
    sa.LargeBinary: st.sampled_from(BODIES),
}


def of_type(type_: Any) -> Any:
    """Values of a column's type."""
    return next(found for class_, found in VALUES.items() if isinstance(type_, class_))


def rows(table: sa.Table) -> Any:
    """Rows of a table, without their id."""
    return st.fixed_dictionaries({
        column.name: of_type(column.type) if not column.nullable else st.none() | of_type(column.type)
        for column in table.c
        if column.name != "id"
    })  # fmt: skip


def looks() -> dict[str, Prepared]:
    """Every statement that a module of the ledger has prepared, and those that are made when they are asked for."""
    found: dict[str, Prepared] = {}
    for module in pkgutil.iter_modules(segwright.ledger.__path__, "segwright.ledger."):
        if not module.ispkg:
            named = vars(importlib.import_module(module.name))
            found |= {f"{module.name}.{name}": each for name, each in named.items() if isinstance(each, Prepared)}
    for count in (1, 2, 8):
        found[f"inbox of {count}"] = inbox._of_any(count, 3)
        found[f"bytes in inbox of {count}"] = inbox._of_any(count, 4)
        found[f"cases of {count}"] = cases._of_any(count)
        found[f"heads of {count}"] = journal._last(count)
    for table in metadata.tables.values():
        if "id" in table.c:
            found[f"{table.name} by id"] = prepared.by_id(table)
            found[f"{table.name} locked"] = prepared.locked(table)
    return found


LOOKS = looks()


@pytest.fixture(scope="module")
def open_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A ledger without foreign keys, so that any row may stand anywhere."""
    store = Store(request.param(request))
    with store.engine.begin() as connection:
        metadata.create_all(connection)
        if not store.is_sqlite:
            for table, keys in sa.inspect(connection).get_multi_foreign_keys().items():
                for key in keys:
                    connection.exec_driver_sql(f'ALTER TABLE "{table[1]}" DROP CONSTRAINT "{key["name"]}"')
    yield store
    store.close()


def on_sqlite(request: pytest.FixtureRequest) -> str:
    return f"sqlite:///{request.getfixturevalue('tmp_path_factory').mktemp('execution') / 'ledger.db'}"


def on_postgresql(request: pytest.FixtureRequest) -> str:
    from tests.postgres import new_database

    return new_database(request.getfixturevalue("postgres"))


on_both = pytest.mark.parametrize(
    "open_store", [pytest.param(on_sqlite, id="sqlite"), pytest.param(on_postgresql, id="postgresql")], indirect=True
)
often = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


class _Undo(Exception):
    pass


@contextmanager
def transaction(store: Store) -> Iterator[tuple[sa.Connection, Direct]]:
    """A connection and the cursor under it; nothing is kept."""
    with store.engine.connect() as connection, connection.begin() as begun:
        if store.is_sqlite:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        yield connection, Direct(connection) if store.is_sqlite else Pipeline(connection)
        begun.rollback()


def outcome(connection: sa.Connection, act: Callable[[], Any], table: sa.Table | None) -> tuple[Any, Any]:
    """What an act gives or refuses with, and what is in the table then; undone."""
    part = connection.begin_nested()
    try:
        given_ = act()
        there = None if table is None else [tuple(row) for row in connection.execute(sa.select(table)).all()]
        return given_, there
    except DBAPIError as error:
        return type(error), str(error.orig)
    finally:
        part.rollback()


def fill(connection: sa.Connection, data: st.DataObject) -> None:
    for table in metadata.tables.values():
        for row in data.draw(st.lists(rows(table), max_size=3)):
            with connection.begin_nested() as part:
                try:
                    connection.execute(sa.insert(table).values(**row))
                except IntegrityError:
                    part.rollback()


def both(connection: sa.Connection, direct: Direct, statement: Prepared, values: Any) -> None:
    """Runs a statement that looks both ways."""
    theirs = connection.execute(statement.statement, values)
    names, wanted = tuple(theirs.keys()), [tuple(row) for row in theirs.all()]
    found = direct.rows(statement, values)
    assert [tuple(row) for row in found] == wanted
    assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in wanted]
    for row in found:
        if len(names) > 1:
            assert tuple(row._asdict()) == names
            assert [getattr(row, name) for name in names] == list(row)


@on_both
@often
@given(data=st.data())
def test_every_prepared_statement_that_looks_finds_what_sqlalchemy_finds(open_store, data):
    with transaction(open_store) as (connection, direct):
        fill(connection, data)
        for statement in LOOKS.values():
            if isinstance(statement.statement, sa.Select):
                made = statement.statement.compile(dialect=connection.dialect)
                bound = [bind for bind in made.bind_names if bind.required]
                both(
                    connection, direct, statement, {bind.key: data.draw(of_type(_or_text(bind.type))) for bind in bound}
                )


def _or_text(type_: Any) -> Any:
    return sa.Integer() if isinstance(type_, sa.types.NullType) else type_


@on_both
@often
@given(data=st.data())
def test_every_prepared_statement_that_writes_writes_what_sqlalchemy_writes(open_store, data):
    with transaction(open_store) as (connection, direct):
        fill(connection, data)
        for table in metadata.tables.values():
            adding(connection, direct, table, data)
            if "id" in table.c:
                changing(connection, direct, table, data)


def adding(connection: sa.Connection, direct: Direct, table: sa.Table, data: st.DataObject) -> None:
    dialect = connection.dialect.name
    several = [data.draw(rows(table)), data.draw(rows(table))]

    def compare(theirs: Callable[[], Any], ours: Callable[[], Any]) -> None:
        assert _kind(outcome(connection, ours, None)) == _kind(outcome(connection, theirs, None))

    def alone(made: Prepared) -> None:
        compare(
            lambda: _without_ids(connection.execute(made.statement, several[0])),
            lambda: _without_ids(direct.rows(made, several[0])),
        )

    alone(prepared.added_once(table, dialect))
    if "id" in table.c:
        alone(prepared.added(table))
        alone(prepared.added_row(table))
    together = prepared.added_if_new(table, dialect)
    compare(
        lambda: _added(connection, table, lambda: connection.execute(together.statement, several)),
        lambda: _added(connection, table, lambda: direct.count(together, several)),
    )


def changing(connection: sa.Connection, direct: Direct, table: sa.Table, data: st.DataObject) -> None:
    changed = prepared.changed(table)
    values = {**data.draw(rows(table)), "number_": data.draw(st.integers(1, 3))}
    theirs = outcome(connection, lambda: connection.execute(changed.statement, values).rowcount, table)
    ours = outcome(connection, lambda: direct.count(changed, values), table)
    assert _kind(ours) == _kind(theirs)


def _without_ids(found: Any) -> list[tuple[Any, ...]]:
    """PostgreSQL does not use a number again, even when its row is undone."""
    return [tuple(row)[1:] for row in found]


def _added(connection: sa.Connection, table: sa.Table, act: Callable[[], Any]) -> int:
    count = sa.select(sa.func.count()).select_from(table)
    before = connection.execute(count).scalar_one()
    act()
    return int(connection.execute(count).scalar_one()) - int(before)


def _kind(found: tuple[Any, Any]) -> Any:
    """The class of a refusal, else all of it: the text of one names a row that differs."""
    return found[0] if isinstance(found[0], type) else found


COLUMNS = [(table, column) for table in metadata.tables.values() for column in table.c]


@on_both
@often
@given(data=st.data())
def test_any_statement_finds_the_same_whichever_way_it_is_run(open_store, data):
    table, column = data.draw(st.sampled_from(COLUMNS))
    others = data.draw(st.lists(st.sampled_from(list(table.c)), max_size=4, unique=True))
    constant, bound = data.draw(of_type(column.type)), data.draw(of_type(column.type))
    statement = sa.select(*(others or [sa.func.count().label("many")])).where(
        data.draw(st.sampled_from([column == constant, column != constant, column.is_not(None)])),
        sa.or_(column == sa.bindparam("bound", type_=column.type), sa.literal(data.draw(st.booleans()))),
    )
    if others:
        statement = statement.order_by(*table.c).limit(data.draw(st.integers(0, 3)))
    with transaction(open_store) as (connection, direct):
        fill(connection, data)
        both(connection, direct, Prepared(statement), {"bound": bound})


@on_both
def test_refusals_are_the_ones_of_sqlalchemy_and_hold_no_value(open_store):
    row = {"name": "patient", "value": "secret"}
    with transaction(open_store) as (connection, direct):
        direct.count(prepared.added_if_new(t.setting, connection.dialect.name), [row])
        with pytest.raises(IntegrityError) as refused:
            direct.count(Prepared(sa.insert(t.setting)), row)
        assert "secret" not in str(refused.value)
    with transaction(open_store) as (_, direct), pytest.raises((OperationalError, ProgrammingError)):
        direct.run("SELECT nothing FROM nowhere")


@on_both
def test_a_part_that_fails_takes_its_reports_with_it_and_the_rest_stands(open_store):
    def write(tx: Tx) -> None:
        tx.insert_new(t.setting, name="first", value="")
        tx.journal.note("first", "org")
        with suppress(_Undo), tx.undone_alone():
            tx.insert_new(t.setting, name="second", value="")
            tx.journal.note("second", "org")
            raise _Undo

    open_store.write(write)
    kept = open_store.read(lambda tx: [row.name for row in tx.all(sa.select(t.setting.c.name))])
    told = open_store.read(lambda tx: [row.kind for row in tx.all(sa.select(t.event.c.kind))])
    assert (kept, told) == (["first"], ["first"])


@on_both
def test_a_constraint_that_refuses_a_prepared_row_is_a_fault_of_ours_and_a_lost_table_is_not(open_store):
    row = {"name": "twice", "value": ""}
    with pytest.raises(AssertionError, match="a constraint of the ledger"):
        open_store.write(lambda tx: tx.run(Prepared(sa.insert(t.setting)), [row, row]))
    nowhere = sa.Table("nowhere", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    with pytest.raises(Unavailable):
        open_store.write(lambda tx: tx.get(nowhere, 1))
    assert open_store.write(lambda tx: tx.insert_new(t.setting, name="after", value="")) == 1
