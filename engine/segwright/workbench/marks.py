"""What a run of a plan has exercised, as marks that coverage points can be compared with.

Takes a trace (writing) or an intake (reading); gives the set of its marks. A message that was refused exercises only what refused
it: no snapshot holds any of its values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from segwright.plan import ops
from segwright.runtime.outcome import Intake, Step, Trace

Mark: TypeAlias = tuple[str, int, "str | int"]
"""What happened (`written`, `gave`, `took`, `row`, `branch`, `turned`, `refused`), at which operation, table or text, and which
of several."""


def marks_of_trace(trace: Trace) -> set[Mark]:
    """What a written message exercised."""
    if trace.problems:
        return {("refused", problem.op, "") for problem in trace.problems}
    return {("written", op, "") for op, _ in trace.parts} | set(_of_steps(trace.steps))


def marks_of_intake(intake: Intake) -> set[Mark]:
    """What a read message exercised."""
    if not intake.good:
        refused: set[Mark] = {("refused", problem.op, "") for problem in intake.problems}
        return refused | {("refused", reject.op, "") for reject in intake.rejects}
    return set(_of_steps(intake.steps))


def _of_steps(steps: Iterable[Step]) -> Iterable[Mark]:
    for step in steps:
        detail = step.detail
        if step.gives not in ("missing", "false"):
            yield "gave", step.op, ""
        for word in ("rung", "alternative"):
            if detail.get(word):
                yield "took", step.op, detail[word]
        if "row" in detail:
            yield "row", int(detail["table"]), detail["row"]
            if detail["row"] in ("unmapped", "same"):
                yield "took", step.op, detail["row"]
        if "refused" in detail:
            yield "took", step.op, "invalid"
        if detail.get("elements") or detail.get("written"):
            yield "turned", step.op, ""


def chosen_by(op: ops.Op) -> tuple[ops.Op, ...]:
    """The alternatives of an operation that takes one of several; none for any other. What stands alone is no alternative."""
    match op:
        case ops.Choose(rungs) | ops.ChooseRep(rungs):
            return rungs if len(rungs) > 1 else ()
        case ops.Coalesce(values):
            # The compiler's own last word for a list that must be there: an empty one.
            own = isinstance(values[-1], ops.Listed) and not values[-1].items
            shown = values[:-1] if own else values
            return shown if len(shown) > 1 else ()
        case ops.Fallback(contents):
            return contents if len(contents) > 1 else ()
        case _:
            return ()
