"""The plans of the benchmark: the mappings beside this file (`mappings/`, `orgs/`), compiled as every other workspace is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from segwright.core.render import render_text
from segwright.hl7.values import Moment
from segwright.plan import ops
from segwright.service.compiling import compile_workspace
from tests.bench.samples import Result

ROOT: Final = Path(__file__).parent
CODEC: Final = "iso8859-1"


@cache
def _plans() -> dict[str, ops.Plan]:
    compiled = compile_workspace(ROOT)
    plans = {name: message.plan for name, message in compiled.organisations["bench"].messages["production"].items()}
    if compiled.found or None in plans.values():
        raise SystemExit(render_text(compiled.found, compiled.sources))
    return plans  # type: ignore[return-value]


def reading() -> ops.Plan:
    """Forty fields of an order into one record, as `samples.FIELDS` has them."""
    return _plans()["order"]


def writing() -> ops.Plan:
    """The result of `samples.result`."""
    return _plans()["result"]


def inputs(result: Result) -> tuple[Any, ...]:
    """What the plan takes: the result, and what the engine itself says of each message (which this one does not use)."""
    message = (Moment("20260302093015", -360), result[0][5], "test")
    return (*result, message)
