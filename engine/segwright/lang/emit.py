"""From lowered operations to the plan's bytes, for each environment.

What an environment gives (`org.environment.K`) can only be a constant of the message: no condition may read it. Lowering writes
a marker in its place; here the marker becomes each environment's value, so that one lowering serves all of them.
"""

from __future__ import annotations

import json
from functools import cached_property

from segwright.core.source import Span
from segwright.lang.context import Context, Written, marker
from segwright.plan import ops
from segwright.plan.canonical import encode_plan
from segwright.plan.walk import walk


class Emitted:
    """A plan with markers, its bytes for each environment, and who wrote each operation (worked out when asked).

    `tables` are the names of the plan's tables, each with whether it is the table read from right to left; `narratives` those of
    its texts.
    """

    def __init__(self, plan: ops.Plan, ctx: Context) -> None:
        self._plan = plan
        self._written = ctx.written
        self._places = ctx.places
        self._kept = ctx.kept
        self.tables = tuple(ctx.table_numbers)
        self.narratives = tuple(ctx.narrative_numbers)
        self._values = ctx.environment_values
        self.marked = encode_plan(plan)

    def bytes_for(self, environment: str) -> bytes:
        """The canonical bytes in one environment."""
        data = self.marked
        for mark, value in self.replacements(environment):
            data = data.replace(mark, value)
        return data

    def replacements(self, environment: str) -> list[tuple[bytes, bytes]]:
        """What stands in one environment where `marked` has markers."""
        return [
            (marker(key).encode(), json.dumps(values[environment], ensure_ascii=False)[1:-1].encode())
            for key, values in self._values.items()
        ]

    @cached_property
    def written(self) -> tuple[Written | None, ...]:
        """Who wrote each operation, in walk order; what nobody noted belongs to what is around it. All None when the message was
        compiled with a memory: then nobody asks."""
        out: list[Written | None] = []
        last: Written | None = None
        for op in walk(self._plan):
            last = self._written.get(id(op), last)
            out.append(last)
        return tuple(out)

    @cached_property
    def places(self) -> tuple[Span | None, ...]:
        """The words of the source that each operation came from, in walk order; None where it came from no words of its own."""
        return tuple(self._places.get(id(op)) for op in walk(self._plan))


def emit(plan: ops.Plan, ctx: Context) -> Emitted:
    """The last pass."""
    return Emitted(plan, ctx)
