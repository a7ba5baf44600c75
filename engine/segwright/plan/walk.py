"""The operations of a plan in their order, and what can be read off them without running.

Takes a plan; gives its operations one after another (their place is their number, the key of `plan.explain`), how they nest,
which slots hold what an input decides, and which leaves only accompany others. Refuses a plan in which one object stands at two
places: its number would be two.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import cache
from typing import Any, Final, get_args, get_type_hints

from segwright.plan import ops
from segwright.plan.ops import Op, Plan

_RECEIVED: Final = (ops.Received, ops.Take, ops.TakeAll, ops.Keep)


def children(op: Op) -> Iterator[Op]:
    """The operations that stand directly in an operation, in field order; those of a duty in the place of the duty."""
    for name in _holding(type(op)):
        value = getattr(op, name)
        if type(value) is tuple:
            yield from (one for one in value if one is not None)
        elif type(value) is ops.Duty:
            if value.condition is not None:
                yield value.condition
        elif value is not None:
            yield value


@cache
def _holding(kind: type[Op]) -> tuple[str, ...]:
    """The members of an operation that hold others, in their order."""
    return tuple(name for name, annotation in get_type_hints(kind).items() if _holds_operations(annotation))


def _holds_operations(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Op):
        return True
    return any(map(_holds_operations, get_args(annotation)))


def walk(plan: Plan) -> Iterator[Op]:
    """Every operation of the body, each before those inside it. A `Duty` is no operation of its own; its condition is."""
    waiting: list[Op] = list(reversed(plan.body))
    while waiting:
        op = waiting.pop()
        yield op
        waiting.extend(reversed(list(children(op))))


def number_of(plan: Plan) -> dict[int, int]:
    """`id(op)` to its number, for as long as the plan lives. Raises ValueError when an object stands at two places, which a
    decoded plan never has."""
    numbers: dict[int, int] = {}
    for number, op in enumerate(walk(plan)):
        if numbers.setdefault(id(op), number) != number:
            raise ValueError(f"operation {number} is the same object as operation {numbers[id(op)]}")
    return numbers


def below(op: Op) -> Iterator[Op]:
    """An operation and every one inside it."""
    yield op
    for child in children(op):
        yield from below(child)


def _depends(op: Op | None, slots: set[int]) -> bool:
    """Whether an input decides a value or a condition: it reads one, or a slot that holds what came from one."""
    return op is not None and any(
        isinstance(each, _RECEIVED) or (isinstance(each, ops.Slot) and each.slot in slots) for each in below(op)
    )


def _from_inputs(plan: Plan, operations: Iterable[Op]) -> set[int]:
    """The slots that hold something of an input. The turn of a loop is not: it is counted, not given. A slot that several
    operations bind counts when one of them binds it so."""
    slots = set(range(len(plan.inputs)))
    for op in operations:
        # Loops inside `source` need no closer look: if they go over an input, `source` itself reads it.
        if isinstance(op, ops.LoopOp | ops.Each | ops.First | ops.EachRep):
            decided = _depends(op.source, slots)
        elif isinstance(op, ops.LetOp):
            decided = _depends(op.value, slots)
        else:
            continue
        if decided:
            slots.add(op.slot)
    return slots


def _counting(content: Op, slots: set[int], decided: bool) -> Iterator[Op]:
    """The puts of a content that an input decides, by their value or by what chooses them (`decided`)."""
    if isinstance(content, ops.Leaves):
        yield from (put for put in content.puts if decided or _depends(put.value, slots))
    elif isinstance(content, ops.Opaque):
        if decided or _depends(content.value, slots):
            yield content
    elif isinstance(content, ops.ChooseRep):
        decided = decided or any(_depends(rung.when, slots) for rung in content.rungs)
        for rung in content.rungs:
            yield from _counting(rung.content, slots, decided)
    elif isinstance(content, ops.Fallback):
        decided = decided or any(True for inner in content.contents for _ in _counting(inner, slots, False))
        for inner in content.contents:
            yield from _counting(inner, slots, decided)
    elif isinstance(content, ops.EachRep):
        decided = decided or _depends(content.source, slots) or _depends(content.where, slots)
        yield from _counting(content.content, slots, decided)


def decided_by_input(plan: Plan, operations: Iterable[Op] | None = None) -> frozenset[int]:
    """`id` of every `Put` and `Opaque` that counts for a segment's `optional`: an input decides its value, whether it is chosen
    (a ladder's condition, an earlier fallback), or how often it is written. Constants, counts and turns of loops are no input.
    `operations` is `walk(plan)`, for callers who have it.
    """
    operations = tuple(walk(plan)) if operations is None else operations
    slots = _from_inputs(plan, operations)
    return frozenset(
        id(put)
        for op in operations
        if isinstance(op, ops.SegmentOp)
        for field in op.fields
        for content in field.contents
        for put in _counting(content, slots, False)
    )


LIMIT: Final = "text/text@1"
"""The built-in that holds a text to a length."""


def limits(plan: Plan, operations: Iterable[Op] | None = None) -> frozenset[int]:
    """`id` of every call that holds a leaf to a length as its last step. It measures what goes out: the text after the replacing
    of characters that the charset lacks. `operations` is `walk(plan)`, for callers who have it."""
    return frozenset(
        id(op.value) for op in (walk(plan) if operations is None else operations) if isinstance(op, ops.Put)
        and isinstance(op.value, ops.Call) and plan.functions[op.value.function] == LIMIT
    )  # fmt: skip


def companions(plan: Plan, operations: Iterable[Op] | None = None) -> frozenset[int]:
    """`id` of every `Put` that makes no repetition by itself: its value reads no input (nor a slot that holds what does, nor the
    turn of a loop), and another leaf of the repetition does. It is written only beside one of those.
    `operations` is `walk(plan)`, for callers who have it."""
    constant: set[int] = set()
    found: set[int] = set()
    for op in walk(plan) if operations is None else operations:
        if isinstance(op, ops.LetOp) and not reads_input(op.value, constant):
            constant.add(op.slot)
        elif isinstance(op, ops.Leaves):
            alone = [put for put in op.puts if not reads_input(put.value, constant)]
            if len(alone) < len(op.puts):
                found.update(map(id, alone))
    return frozenset(found)


def reads_input(op: Op, constant: Container[int] = ()) -> bool:
    """Whether a value or condition reads what is given at run time: what came in, or any slot but the `constant` ones."""
    return any(
        isinstance(each, _RECEIVED) or (isinstance(each, ops.Slot) and each.slot not in constant) for each in below(op)
    )
