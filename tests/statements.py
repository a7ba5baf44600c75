"""The statements that a store runs, as its driver gets them: through SQLAlchemy and straight on the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from segwright.ledger.execution import Direct
from segwright.ledger.store import Store

Statement = tuple[str, Any]


@contextmanager
def heard(store: Store) -> Iterator[list[Statement]]:
    """What is run meanwhile, each with its values (the first of many)."""
    found: list[Statement] = []
    run, run_each = Direct.run, Direct.run_each

    def told(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found.append((statement, parameters[0] if many and isinstance(parameters, list) else parameters))

    def ran(self: Direct, sql: str, arguments: Any = ()) -> list[Any]:
        found.append((sql, arguments))
        return run(self, sql, arguments)

    def ran_each(self: Direct, sql: str, arguments: list[Any], **how: bool) -> list[Any]:
        found.append((sql, arguments[0]))
        return run_each(self, sql, arguments, **how)

    engines = {id(engine): engine for engine in (store._writing, store._reading)}.values()
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", told)
    try:
        with patch.object(Direct, "run", ran), patch.object(Direct, "run_each", ran_each):
            yield found
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", told)
