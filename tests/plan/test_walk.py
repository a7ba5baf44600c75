"""The order of operations, and what inputs decide."""

from __future__ import annotations

from typing import Any

import pytest

from segwright.plan import ops
from segwright.plan.ops import Const, Duty, FieldOp, Leaves, Present, Put, SegmentOp, Slot
from segwright.plan.walk import decided_by_input, number_of, walk
from tests.plan.samples import READING, WRITING, fresh, writes


def test_operations_are_numbered_each_before_those_inside_it() -> None:
    value = ops.Coalesce((Slot(0), Const("text", "b")))
    plan = fresh(
        writes(
            "x",
            (),
            (SegmentOp("PID", (FieldOp(1, (Leaves((Put(1, 1, value, duty=Duty("if", Present(Slot(0)))),)),)),)),),
            1,
        )
    )
    tags = [op.__struct_config__.tag for op in walk(plan)][-9:]
    assert tags == ["seg", "field", "leaves", "put", "coalesce", "slot", "const", "present", "slot"]


@pytest.mark.parametrize("sample", [*WRITING.values(), *READING.values()])
def test_every_operation_has_one_number(sample: object) -> None:
    plan = sample.plan  # type: ignore[attr-defined]
    assert sorted(number_of(plan).values()) == list(range(len(list(walk(plan)))))


def test_an_operation_that_stands_at_two_places_is_refused() -> None:
    slot = Slot(0)
    encoding = WRITING["simple"].plan.encoding
    body = (ops.LetOp(0, slot), ops.LetOp(1, slot))
    with pytest.raises(ValueError, match="same object"):
        number_of(ops.Plan("x", "writes", ("ORU^R01",), "0" * 64, encoding, (), body, 2))


def decided(*contents: ops.Content, before: tuple[ops.Op, ...] = ()) -> list[ops.Value]:
    """The values of the puts in ZZZ that an input decides. Slot 0 is an input."""
    return puts((*before, SegmentOp("ZZZ", (FieldOp(1, contents),), optional=True)))


def puts(body: tuple[ops.Op, ...]) -> list[ops.Value]:
    plan = fresh(writes("x", (), body, 9))
    header: Any = plan.body[0]
    found = decided_by_input(plan) - {
        id(op) for field in header.fields for content in field.contents for op in content.puts
    }
    return [op.value for op in walk(plan) if id(op) in found and isinstance(op, ops.Put)]


def leaf(value: ops.Value) -> Leaves:
    return Leaves((Put(1, 1, value),))


A, INPUT = Const("text", "a"), Slot(0)


def test_an_input_decides_what_reads_it() -> None:
    assert len(decided(leaf(INPUT))) == 1
    assert len(decided(leaf(ops.Attr(INPUT, 1)))) == 1
    assert len(decided(leaf(ops.Choose((ops.Rung(A, Present(INPUT)),))))) == 1


def test_constants_counts_and_turns_are_no_input() -> None:
    assert decided(leaf(A)) == []
    assert decided(leaf(ops.Count("PID"))) == []
    loop = ops.LoopOp(
        1, 2, INPUT, (SegmentOp("ZZZ", (FieldOp(1, (leaf(Slot(2)),)), FieldOp(2, (leaf(Slot(1)),))), optional=True),)
    )
    assert puts((loop,)) == [Slot(1)]


def test_a_let_passes_on_what_decides_it() -> None:
    assert decided(leaf(Slot(1)), before=(ops.LetOp(1, A),)) == []
    assert len(decided(leaf(Slot(1)), before=(ops.LetOp(1, INPUT),))) == 1


def test_a_condition_around_a_constant_decides_it() -> None:
    assert len(decided(ops.ChooseRep((ops.RepRung(leaf(A), Present(INPUT)), ops.RepRung(leaf(A)))))) == 2
    assert decided(ops.ChooseRep((ops.RepRung(leaf(A), Present(A)),))) == []
    assert len(decided(ops.Fallback((leaf(INPUT), leaf(A))))) == 2
    assert decided(ops.Fallback((leaf(A), leaf(A)))) == []
    assert len(decided(ops.EachRep(1, INPUT, leaf(A)))) == 1
    assert decided(ops.EachRep(1, ops.Listed((A,)), leaf(Slot(1)))) == []
