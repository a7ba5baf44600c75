"""What the interpreter reads, operation by operation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from segwright.hl7.delimiters import STANDARD, Delimiters
from segwright.hl7.values import NULL, Field, Segment
from segwright.hl7.wire import open_message
from segwright.plan import ops
from segwright.plan.ops import Component, Keep, Plan, Result, SetOp, Slot, Take, TakeAll
from segwright.plan.validate import problems
from segwright.runtime.fields import Unfit, component_of, field_text, is_empty, repetitions
from segwright.runtime.interpret import read
from segwright.runtime.outcome import Intake
from tests.plan.samples import ASCII, MODEL, READING, fresh

SAMPLE = READING["order"]
PATIENT, ORDER = MODEL.records["Patient"], MODEL.records["Order"]


def taken(case: str) -> Intake:
    return read(SAMPLE.plan, open_message(SAMPLE.messages[case]))


def named(declared: Any, record: tuple[Any, ...]) -> dict[str, Any]:
    """What a record holds, by attribute."""
    return {each.name: value for each, value in zip(declared.attributes, record, strict=True) if value is not None}


def patient(intake: Intake) -> dict[str, Any]:
    return named(PATIENT, intake.records["patient"])


def orders(intake: Intake) -> list[list[dict[str, Any]]]:
    return [[named(ORDER, each) for each in group] for group in intake.groups]


def kinds(intake: Intake) -> list[str]:
    assert not intake.good
    return [problem.kind for problem in intake.problems]


def test_an_order_is_read() -> None:
    intake = taken("one")
    assert intake.good
    assert intake.group == "order"
    assert patient(intake)["mrn"] == "12345678"
    assert patient(intake)["sex"] == "female"
    ((order,),) = orders(intake)
    assert order == {
        "control": "new",
        "placer_number": Field("A1^EHR", STANDARD, "ascii"),
        "filler_number": Field("F1", STANDARD, "ascii"),
        "diagnoses": (("I10", "Hypertension"),),
        "received": (Segment("PV1|1|O|ICU^3^B^MERCY&1", STANDARD, "ascii"),),
        "department": "Intensive care",
    }


def test_requests_under_one_common_order_share_it_and_what_stands_before_the_first() -> None:
    intake = taken("two under one")
    assert intake.good
    ((first, second),) = orders(intake)
    assert first["placer_number"] == second["placer_number"] == Field("A1^EHR", STANDARD, "ascii")
    assert first["note"] == second["note"] == "for both"
    assert first["provider"] == (None, "1234567893", "Welby", "Marcus")
    assert [code for code, _ in first["diagnoses"]] == ["I10", "I11"]
    assert "diagnoses" not in second
    assert second["received"] == (Segment("ZXX|local", STANDARD, "ascii"),)


def test_groups_follow_their_common_orders() -> None:
    assert [[order["control"] for order in group] for group in orders(taken("two groups"))] == [
        ["new"],
        ["change"],
        ["cancel"],
    ]


def test_a_common_order_without_request_is_noted() -> None:
    (note,) = taken("order without request").notes
    assert (note.kind, note.facts) == ("no_group", {"segment": "ORC", "position": "3"})


def test_a_request_without_common_order_stands_alone() -> None:
    intake = taken("no common order")
    assert kinds(intake) == ["missing"]
    assert orders(intake) == [[{"placer_number": Field("A1", STANDARD, "ascii")}]]


def test_what_comes_after_the_first_group_belongs_to_it() -> None:
    intake = taken("late patient")
    assert patient(intake) == {}
    assert kinds(intake) == ["missing", "missing"]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("placer missing", ["missing"]),
        ("nothing", ["missing", "missing"]),
        ("several placers", ["repetition"]),
        ("several names", ["repetition", "repetition"]),
        ("unmapped control", ["unmapped"]),
        ("structure", ["repetition", "structure"]),
        ("sex other", ["missing"]),
        ("without name", ["missing", "missing", "missing", "missing"]),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_the_rest_is_read(case: str, expected: list[str]) -> None:
    assert kinds(taken(case)) == expected


def test_a_problem_in_a_group_says_in_which() -> None:
    assert [problem.turns for problem in taken("without name").problems] == [(), (1,), (1,), (1,)]


def test_rejects_are_answered_after_all_is_set() -> None:
    intake = taken("bad mrn")
    assert intake.problems == ()
    assert [(reject.code, reject.name, reject.turns) for reject in intake.rejects] == [
        ("AR", "old_cancel", (1,)),
        ("AE", "mrn_form", ()),
    ]
    assert not intake.good


def test_null_is_read_as_null_and_not_as_text() -> None:
    found = patient(taken("nulls"))
    assert found["family"] is NULL
    assert found["given"] is NULL
    assert found["born"] is NULL
    assert found["sex"] is NULL


def test_empty_repetitions_do_not_count() -> None:
    intake = taken("empty repetitions")
    assert intake.good
    assert patient(intake)["mrn"] == "12345678"
    assert patient(intake)["given"] == "Ada"
    assert orders(intake)[0][0]["placer_number"] == Field("A1~", STANDARD, "ascii")


def test_the_messages_own_delimiters_are_read_and_kept() -> None:
    intake = taken("other delimiters")
    assert intake.good
    assert patient(intake) == {"mrn": "12345678", "family": "A", "given": "C"}
    assert orders(intake)[0][0]["placer_number"] == Field("A1$x|y", Delimiters("*", "$", "!", "\\", "%"), "ascii")


def test_escapes_are_read_in_values_and_kept_in_fields() -> None:
    intake = taken("escapes")
    assert (patient(intake)["family"], patient(intake)["given"]) == ("A&B", "C\nDA")
    assert orders(intake)[0][0]["placer_number"] == Field("A\\S\\1", STANDARD, "ascii")


def test_elements_are_read_in_order_of_a_key() -> None:
    assert patient(taken("sex other"))["aliases"] == ("y", "z")


@pytest.mark.parametrize("case", SAMPLE.messages)
def test_nothing_that_is_recorded_holds_a_value(case: str) -> None:
    intake = taken(case)
    assert intake == taken(case)
    recorded = msgspec.json.encode((intake.problems, intake.rejects, intake.notes, intake.steps)).decode()
    for value in ("12345678", "Okafor", "Welby", "A1", "Hypertension", "local"):
        assert value not in recorded


# --- without groups, and the header ------------------------------------------------------------------------------------


def one_value(value: ops.Value, *segments: str, head: str = "MSH|^~\\&|EPIC|MERCY||||X|ORM^O01|C1|P|2.5.1") -> Any:
    plan = Plan(
        "x", "reads", ("ORM^O01",), "0" * 64, ASCII, (), (SetOp(0, 0, value),), 5, results=(Result(0, "patient", "Patient", 1),)
    )  # fmt: skip
    assert problems(plan) == []
    intake = read(fresh(plan), open_message("\r".join((head, *segments)).encode()))
    return intake.records["patient"][0] if not intake.problems else intake.problems[0].kind


def test_fields_of_the_header_have_hl7s_numbers() -> None:
    assert one_value(Component(Take("MSH", 3), 1)) == "EPIC"
    assert one_value(Component(Take("MSH", 9), 2)) == "O01"
    assert one_value(Take("MSH", 50)) is None


def test_all_repetitions_of_all_segments_are_taken() -> None:
    assert one_value(TakeAll("DG1", 1), "DG1|a~b^c", "DG1|^~", "DG1", "DG1|~d") == tuple(
        Field(each, STANDARD, "ascii") for each in ("a", "b^c", "d")
    )
    assert one_value(TakeAll("DG1", 1)) is None


def test_kept_segments_stay_in_order() -> None:
    kept = one_value(Keep(("ZXX", "PV1")), "ZXX|1", "PV1|x\\T\\|", "NTE|1", "ZXX|2")
    assert [segment.text for segment in kept] == ["ZXX|1", "PV1|x\\T\\|", "ZXX|2"]
    assert one_value(Keep(("PV2",))) is None


GROUPED = """MSH|^~\\&|EPIC|MERCY||||X|ORM^O01|C1|P|2.5.1
NTE|1||before
ORC|1
NTE|1||shared
OBR|1
NTE|1||own
ORC|2"""


def test_in_a_group_its_own_segments_come_first_and_kept_ones_stay_in_order() -> None:
    group = ops.GroupOp(
        0,
        3,
        "OBR",
        "ORC",
        (
            SetOp(0, 0, Component(Take("NTE", 3), 1)),
            SetOp(0, 1, TakeAll("NTE", 3)),
            SetOp(0, 2, Keep(("NTE",))),
        ),
    )
    plan = Plan("x", "reads", ("ORM^O01",), "0" * 64, ASCII, (), (group,), 5, results=(Result(0, "order", "Order", 3),))
    assert problems(plan) == []
    intake = read(fresh(plan), open_message(GROUPED.replace("\n", "\r").encode()))
    (((first, every, kept),),) = intake.groups
    assert first == "shared"
    assert [field.text for field in every] == ["shared", "own", "before"]
    assert [segment.text.split("|")[3] for segment in kept] == ["before", "shared", "own"]
    assert [(note.kind, note.facts["position"]) for note in intake.notes] == [("no_group", "7")]


def test_a_record_is_made_of_what_is_there() -> None:
    part = Slot(1)
    make = ops.Make(
        1,
        Take("PID", 3),
        3,
        (ops.MadePart(0, Component(part, 1), ops.Duty("any")), ops.MadePart(2, Component(part, 3))),
    )
    assert one_value(make, "PID|||a^b^c") == ("a", None, "c")
    assert one_value(make, "PID|||^b") is None
    assert one_value(make, "PID") is None
    assert one_value(make, "PID|||^^c") == "missing"


# --- fields taken apart -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "component", "subcomponent", "value"),
    [
        ("a", 1, 1, "a"),
        ("a", 1, 0, "a"),
        ("a", 0, 0, "a"),
        ("a", 2, 1, None),
        ("a&b^c", 1, 2, "b"),
        ("a&b^c", 2, 1, "c"),
        ("a&b^c", 2, 2, None),
        ("a^^", 0, 0, "a"),
        ("a&&^", 1, 0, "a"),
        ("~a~", 1, 1, "a"),
        ("^&~", 1, 1, None),
        ('""', 1, 1, NULL),
        ('""', 5, 0, NULL),
        ('""', 0, 0, NULL),
        ('a^""^b', 2, 0, NULL),
        ('a^""^b', 2, 2, NULL),
        ('a&""', 1, 2, NULL),
        ('a""', 1, 1, 'a""'),
        ("a\\S\\b", 1, 1, "a^b"),
        ("\\H\\\\N\\", 1, 1, None),
    ],
)
def test_a_component_is_read(text: str, component: int, subcomponent: int, value: object) -> None:
    assert component_of(Field(text, STANDARD), component, subcomponent, "utf-8") == value


@pytest.mark.parametrize(
    ("text", "component", "subcomponent", "kind"),
    [
        ("a~b", 1, 1, "repetition"),
        ("a^b", 0, 0, "structure"),
        ("^b", 0, 0, "structure"),
        ("a&b", 1, 0, "structure"),
        ("a&b", 0, 0, "structure"),
    ],
)
def test_a_field_of_another_form_is_refused(text: str, component: int, subcomponent: int, kind: str) -> None:
    with pytest.raises(Unfit) as unfit:
        component_of(Field(text, STANDARD), component, subcomponent, "utf-8")
    assert unfit.value.kind == kind


def test_delimiters_alone_are_empty() -> None:
    assert is_empty("^&~^", STANDARD)
    assert not is_empty("\\T\\", STANDARD)
    assert repetitions(Field("a~^~b", STANDARD)) == [Field("a", STANDARD), Field("b", STANDARD)]
    assert [field_text("MSH|^~\\&|A", number, STANDARD) for number in (1, 2, 3, 4)] == ["", "", "A", ""]
