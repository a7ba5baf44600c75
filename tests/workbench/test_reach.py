"""What a plan can never do is proved, and never of anything that happens."""

from __future__ import annotations

from segwright.plan import ops
from segwright.plan.model import Attribute, Model, RecordType, Type
from segwright.plan.walk import walk
from segwright.workbench.coverage import marks_by_case
from segwright.workbench.points import points_of
from segwright.workbench.reach import (
    NEVER_BEFORE,
    NEVER_FALSE,
    NEVER_REACHED,
    NEVER_THERE,
    NEVER_TRUE,
    OTHERWISE,
    Possible,
    reach,
)

STATUS = Type("enum", "Status")
MODEL = Model(
    {
        "Result": RecordType(
            "Result",
            (
                Attribute("status", STATUS),
                Attribute("note", Type("scalar", "text"), optional=True),
                Attribute("flag", STATUS, optional=True),
            ),
        )
    },
    {"Status": ("draft", "final", "gone")},
)
ENCODING = ops.Encoding("2.5.1", "|", "^~\\&", "", "ascii")
ROW = tuple(ops.TableRow((key,), (ops.Cell("text", (key[0].upper(),)),)) for key in ("draft", "final", "gone"))


def status() -> ops.Attr:
    return ops.Attr(ops.Slot(0), 0)


def note() -> ops.Attr:
    return ops.Attr(ops.Slot(0), 1)


def text(value: str) -> ops.Const:
    return ops.Const("text", value)


def plan(*body: ops.WriteOp, tables: tuple[ops.Table, ...] = ()) -> ops.Plan:
    inputs = (ops.Input("result", Type("record", "Result")),)
    return ops.Plan("m", "writes", ("ORU^R01",), "", ENCODING, inputs, body, 9, tables=tables)


def segment(*values: ops.Value) -> ops.SegmentOp:
    fields = (ops.FieldOp(n, (ops.Leaves((ops.Put(1, 1, v),)),)) for n, v in enumerate(values, 1))
    return ops.SegmentOp("ZZZ", tuple(fields))


def never(made: ops.Plan, known: dict[tuple[str, ...], Possible] | None = None) -> dict[str, str]:
    """What is proved, by kind of operation and number."""
    operations = list(walk(made))
    found = reach(made, MODEL, known).never
    return {f"{operations[number].__struct_config__.tag} {number}": reason for number, reason in found.items()}


def test_an_else_behind_a_value_that_is_always_there_is_never_taken():
    found = never(plan(segment(ops.Coalesce((text("A"), text("B"))))))
    assert list(found.values()) == [NEVER_BEFORE]


def test_an_else_behind_an_optional_value_may_be_taken():
    assert never(plan(segment(ops.Coalesce((note(), text("B")))))) == {}


def test_a_key_that_is_not_given_never_gives_a_value():
    found = never(plan(segment(ops.Const("blank"))))
    assert list(found.values()) == [NEVER_THERE]


def test_a_kind_that_does_not_go_out_makes_its_alternative_impossible():
    ladder = ops.Choose(
        (
            ops.Rung(text("D"), ops.Equal(status(), text("draft"))),
            ops.Rung(text("F"), ops.Equal(status(), text("final"))),
            ops.Rung(text("X")),
        )
    )
    kinds: dict[tuple[str, ...], Possible] = {("result", "status"): Possible(False, True, frozenset({"final"}))}
    assert list(never(plan(segment(ladder)), kinds).values()) == [NEVER_TRUE, NEVER_REACHED]
    assert never(plan(segment(ladder))) == {}


def test_a_condition_that_holds_narrows_what_stands_in_it():
    again = ops.Choose((ops.Rung(text("A"), ops.Present(note())), ops.Rung(text("B"))))
    inside = ops.SegmentOp("ZZZ", (ops.FieldOp(1, (ops.Leaves((ops.Put(1, 1, again),)),)),), when=ops.Present(note()))
    assert list(never(plan(inside)).values()) == [NEVER_REACHED]


def test_rows_that_no_value_can_reach_are_not_among_those_looked_up():
    lookup = ops.Lookup(0, (status(),))
    when = ops.Not(ops.Equal(status(), text("gone")))
    made = plan(
        ops.SegmentOp("ZZZ", (ops.FieldOp(1, (ops.Leaves((ops.Put(1, 1, lookup),)),)),), when=when),
        tables=(ops.Table(ROW, (ops.Cell("text", ("?",)),)),),
    )
    assert reach(made, MODEL).rows == (frozenset({0, 1}),)


def test_a_text_of_any_kind_can_be_every_row_and_none():
    made = plan(segment(ops.Lookup(0, (note(),))), tables=(ops.Table(ROW, (ops.Cell("text", ("?",)),)),))
    assert reach(made, MODEL).rows == (frozenset({0, 1, 2, OTHERWISE}),)


def test_a_check_that_always_holds_never_refuses():
    found = never(plan(ops.CheckOp("c", ops.Present(status()), "s"), ops.CheckOp("d", ops.Present(note()), "s")))
    assert list(found.values()) == [NEVER_FALSE]


def test_what_a_check_refuses_is_known_everywhere_else():
    flag = ops.Attr(ops.Slot(0), 2)
    ladder = ops.Choose((ops.Rung(ops.Coalesce((flag, text("X"))), ops.Present(note())),))
    flag_again = ops.Attr(ops.Slot(0), 2)
    made = plan(
        segment(ladder), ops.CheckOp("c", ops.AnyOf((ops.Not(ops.Present(note())), ops.Present(flag_again))), "s")
    )
    assert list(never(made).values()) == [NEVER_BEFORE]


def test_nothing_that_a_case_exercises_is_called_impossible(hospitals, rehearsed):
    proved = 0
    for name, run in rehearsed.items():
        marks = marks_by_case(run)
        for point in points_of(run.running, hospitals.sources):
            if point.never:
                proved += 1
                for by_message in marks.values():
                    for message, wanted in point.marks.items():
                        assert not wanted & by_message.get(message, set()), (name, point.text, point.never)
    assert proved > 40
