"""Two plans differ at the places that do something else: not where numbers moved, and wherever meaning did."""

from __future__ import annotations

import msgspec
import pytest

from segwright.plan import ops
from segwright.plan.model import TEXT, Attribute, Model, RecordType, Type
from segwright.review.plans import moved_places, not_mapped


def plan(*body: ops.WriteOp, **changes: object) -> ops.Plan:
    found = ops.Plan(
        "result", "writes", ("ORU^R01",), "0" * 64, ops.Encoding("2.5.1", "|", "^~\\&", "ASCII", "ascii"),
        (ops.Input("order", TEXT), ops.Input("result", TEXT)), body, 4,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def field(number: int, *values: ops.Value) -> ops.FieldOp:
    puts = tuple(ops.Put(component, 0, value) for component, value in enumerate(values, 1))
    return ops.FieldOp(number, (ops.Leaves(puts),))


def segment(name: str, *fields: ops.FieldOp, **more: object) -> ops.SegmentOp:
    return ops.SegmentOp(name, fields, **more)  # type: ignore[arg-type]


def moved(before: ops.Plan, after: ops.Plan) -> list[str]:
    return moved_places(before, after, lambda op: "", lambda op: "")


A, B = ops.Const("text", "A"), ops.Const("text", "B")


def test_equal_plans_have_no_place_that_moved():
    assert moved(plan(segment("OBR", field(4, A))), plan(segment("OBR", field(4, A)))) == []


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ((field(4, A), field(5, A)), (field(4, A), field(5, B)), ["OBR-5"]),
        ((field(4, A, B),), (field(4, B, A),), ["OBR-4"]),
        ((field(4, A),), (field(4, A), field(9, B)), ["OBR-9"]),
        ((field(4, A), field(9, B)), (field(4, A),), ["OBR-9"]),
    ],
)
def test_a_field_that_does_something_else_is_named(before, after, places):
    assert moved(plan(segment("OBR", *before)), plan(segment("OBR", *after))) == places


def test_a_condition_moves_every_field_of_its_segment():
    when = ops.Present(ops.Slot(0))
    assert moved(
        plan(segment("OBR", field(1, A), field(2, B))), plan(segment("OBR", field(1, A), field(2, B), when=when))
    ) == ["OBR-1", "OBR-2"]


def test_slots_and_tables_that_are_only_numbered_otherwise_move_nothing():
    table, other = (
        ops.Table((ops.TableRow(("x",), (ops.Cell("text", ("1",)),)),)),
        ops.Table((ops.TableRow(("y",), (ops.Cell("text", ("2",)),)),)),
    )
    looked_up = segment("OBX", field(3, ops.Lookup(0, (ops.Slot(2),))))
    before = plan(ops.LetOp(2, ops.Slot(1)), looked_up, tables=(table,))
    after = plan(
        ops.LetOp(2, ops.Slot(0)), ops.LetOp(3, ops.Slot(1)), segment("OBX", field(3, ops.Lookup(1, (ops.Slot(3),)))),
        tables=(other, table),
    )  # fmt: skip
    assert moved(before, after) == []
    assert moved(before, plan(ops.LetOp(2, ops.Slot(0)), looked_up, tables=(table,))) == ["OBX-3"]


def test_a_column_of_a_table_moves_only_what_looks_it_up():
    def table(code: str) -> ops.Table:
        return ops.Table((ops.TableRow(("x",), (ops.Cell("text", (code,)), ops.Cell("integer", ("0",)))),))

    body = (segment("OBX", field(3, ops.Lookup(0, (ops.Slot(1),))), field(5, ops.Lookup(0, (ops.Slot(1),), 1))),)
    assert moved(plan(*body, tables=(table("a"),)), plan(*body, tables=(table("b"),))) == ["OBX-3"]


def test_another_order_of_segments_is_the_message_s():
    one, other = segment("PID", field(3, A)), segment("PV1", field(2, B))
    assert moved(plan(one, other), plan(other, one)) == ["message"]


def test_a_value_without_a_row_is_not_mapped_yet():
    kind = Type("enum", "Kind")
    model = Model({"Result": RecordType("Result", (Attribute("kind", kind),))}, {"Kind": ("a", "b", "c")})
    rows = tuple(ops.TableRow((key,), (ops.Cell("text", (key,)),)) for key in ("a", "b"))
    lookup = ops.Lookup(0, (ops.Attr(ops.Slot(1), 0),))
    inputs = (ops.Input("order", TEXT), ops.Input("result", Type("record", "Result")))

    def asked(lookup: ops.Lookup, otherwise: tuple[ops.Cell, ...] | None = None) -> list[str]:
        found = plan(segment("OBX", field(3, lookup)), tables=(ops.Table(rows, otherwise),), inputs=inputs)
        return not_mapped(found, model, {"Kind": frozenset({"c"})})

    assert asked(lookup) == ["Kind.c"]
    assert asked(lookup, (ops.Cell("text", ("?",)),)) == []
    assert asked(msgspec.structs.replace(lookup, unmapped=A)) == []
