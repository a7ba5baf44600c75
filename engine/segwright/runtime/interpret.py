"""The interpreter of plans: slow, plain, and the one whose word counts.

It runs a plan operation by operation and remembers which wrote what and why. `segwright why` shows its trace; a message that the
generated code cannot write is run here again for the whole list of problems; and the generated code is tested against it.
Takes a plan that `plan.validate` lets run; refuses nothing by exception but a wrong number of inputs (ValueError).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segwright.hl7.wire import Message
from segwright.plan.ops import GroupOp, Plan
from segwright.runtime.outcome import Intake, Trace
from segwright.runtime.read import Reader
from segwright.runtime.write import Writer


def trace(plan: Plan, inputs: Sequence[Any]) -> Trace:
    """Runs a writing plan on its inputs, one for each of `plan.inputs` in their order (None for a missing one)."""
    if plan.direction != "writes" or len(inputs) != len(plan.inputs):
        raise ValueError(f"the plan {plan.direction} a message and takes {len(plan.inputs)} inputs")
    run = Writer(plan, inputs)
    for number, (declared, given) in enumerate(zip(plan.inputs, inputs, strict=True)):
        if given is None and not declared.optional:
            raise ValueError(f"input {number} ({declared.name}) is missing")
    run.run()
    problems, notes, steps = tuple(run.problems), tuple(run.notes), tuple(run.steps)
    if problems:
        return Trace((), b"", problems, notes, steps)
    parts = tuple(part for part in run.parts if part[1])
    return Trace(parts, "".join(text for _, text in parts).encode(plan.encoding.codec), (), notes, steps)


def read(plan: Plan, message: Message) -> Intake:
    """Runs a reading plan on an opened message."""
    if plan.direction != "reads":
        raise ValueError(f"the plan {plan.direction} a message")
    run = Reader(plan, message)
    run.run()
    grouped = next((op.record for op in plan.body if isinstance(op, GroupOp)), -1)
    return Intake(
        records={result.name: run.slots[result.slot] for result in plan.results if result.slot != grouped},
        group=next((result.name for result in plan.results if result.slot == grouped), ""),
        groups=tuple(run.groups),
        problems=tuple(run.problems),
        rejects=tuple(run.rejects),
        notes=tuple(run.notes),
        steps=tuple(run.steps),
    )
