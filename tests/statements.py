"""The statements that a store runs, as its driver gets them: through SQLAlchemy and straight on the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from segwright.ledger.execution import Direct
from segwright.ledger.pipeline import Pipeline
from segwright.ledger.store import Store

Statement = tuple[str, Any]


class Heard(list[Statement]):
    """Statements in their order. `trips`: how often PostgreSQL was waited for."""

    trips = 0


@contextmanager
def heard(store: Store) -> Iterator[Heard]:
    """What is run meanwhile, each with its values (the first of many)."""
    found = Heard()
    run, run_each, exchange = Direct.run, Direct._run_each, Pipeline._exchange

    def told(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found.append((statement, parameters[0] if many and isinstance(parameters, list) else parameters))
        found.trips += 1

    def ran(self: Direct, sql: str, arguments: Any = ()) -> list[Any]:
        found.append((sql, arguments))
        return run(self, sql, arguments)

    def ran_each(self: Direct, sql: str, arguments: list[Any]) -> None:
        found.append((sql, arguments[0]))
        run_each(self, sql, arguments)

    def exchanged(self: Pipeline, sending: Any) -> None:
        found.extend((one.sql, one.arguments or {}) for one in sending)
        found.trips += 1
        exchange(self, sending)

    engines = {id(engine): engine for engine in (store._writing, store._reading)}.values()
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", told)
    try:
        with (
            patch.object(Direct, "run", ran),
            patch.object(Direct, "_run_each", ran_each),
            patch.object(Pipeline, "_exchange", exchanged),
        ):
            yield found
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", told)
