"""Why an attribute of an order is what it is: back to the rule, the table and the received place."""

from __future__ import annotations

import pytest

from segwright.hl7.wire import open_message
from segwright.workbench.why_read import WhyRead, why_read


@pytest.fixture(scope="module")
def ask(hospitals, rehearsed):
    def answer(organisation: str, case: str, path: str, *, nth: int = 1, unmask: bool = False) -> WhyRead:
        run = rehearsed[organisation]
        scene = next(scene for scene in run.scenes if scene.case == case)
        return why_read(run.running, "ecg_order", scene.order, path, hospitals.sources, nth=nth, unmask=unmask)

    return answer


def kinds(branch) -> dict[str, str]:
    return {twig.kind: twig.text for twig in branch.twigs}


def test_a_record_has_a_branch_for_each_attribute_with_its_line_and_place(ask):
    branches = {branch.path: branch for branch in ask("tamarack", "order_every_part", "patient.mrn").branches}
    digit = kinds(branches["patient.mrn.check_digit"])
    assert digit["rule"].startswith("patient.mrn = first PID-3 where .5 is org.patient.mrn_type")
    assert digit["format"] == "identifier: .2 = i.check_digit optional"
    assert digit["source"] == "PID-3[1].2"
    assert digit["config"] == "org.patient.mrn_type = MR"


def test_one_attribute_of_a_record_can_be_asked_for(ask):
    (branch,) = ask("tamarack", "order_every_part", "patient.mrn.id", unmask=True).branches
    assert (branch.path, branch.value) == ("patient.mrn.id", "T-310090")


def test_the_repetition_that_was_chosen_is_named(ask):
    (branch,) = ask("larkspur", "order_new", "order.priority").branches
    found = kinds(branch)
    assert found["source"] == "OBR-27[1].6"
    assert found["table"] == 'priority: routine <-> "R"'
    assert found["layer"] == "larkspur, override"
    assert found["instead of"].startswith("order.priority = OBR-5")


def test_the_side_of_an_else_that_gave_the_value_is_named(ask):
    (branch,) = ask("larkspur", "order_every_part", "order.placer_number").branches
    assert kinds(branch)["else"] == "alternative 2 of 2: OBR-2"
    assert kinds(branch)["source"] == "OBR-2"


def test_each_order_of_a_message_has_its_own_answer(ask):
    values = [
        ask("larkspur", "order_codes", "order.priority", nth=nth, unmask=True).branches[0].value for nth in (1, 2, 3, 4)
    ]
    assert values == ["routine", "routine", "stat", "urgent"]
    tables = [kinds(ask("larkspur", "order_codes", "order.priority", nth=nth).branches[0])["table"] for nth in (2, 3)]
    assert tables == ["priority: no row of this key: `on unmapped`", 'priority: stat <- "STAT"']


def test_a_missing_attribute_says_which_places_were_empty(ask):
    (branch,) = ask("larkspur", "order_new", "order.filler_number").branches
    assert branch.value == "(missing)"
    tree = branch.twigs[-1]
    assert tree.kind == "missing"
    assert [(twig.kind, twig.text) for twig in tree.twigs] == [("missing", "ORC-3"), ("missing", "OBR-3")]


def test_values_are_masked_unless_they_are_asked_for(ask):
    masked = ask("larkspur", "order_new", "patient.name.family").branches[0].value
    assert "SAMPLE" not in masked
    assert "6 characters" in masked


def test_an_attribute_that_is_not_read_is_offered_the_nearest(ask):
    answer = ask("larkspur", "order_new", "order.prority")
    assert answer.unknown
    assert answer.nearest == "order.priority"


def test_a_message_that_is_refused_says_why_beside_the_values(ask):
    answer = ask("larkspur", "order_other_authority", "patient.mrn.authority")
    assert [finding.code for finding in answer.found] == ["SW1042"]
    assert answer.branches


@pytest.mark.parametrize(
    ("segment", "other", "path", "said"),
    [
        (b"ORC|NW", b"ORC|ZZ", "order.control", "`order.control` looks up table `order_control`, which has no row for the value of ORC-1."),
        (b"|19580314", b"|MARCH", "patient.birth_date", "`patient.birth_date`: `date` cannot take the value of PID-7.1: "),
    ],
)  # fmt: skip
def test_a_value_that_stopped_the_message_says_what_stands_against_it_and_what_to_do(
    hospitals, rehearsed, segment, other, path, said
):
    run = rehearsed["larkspur"]
    scene = next(scene for scene in run.scenes if scene.case == "order_new")
    data = "\r".join(scene.order.segments).encode()
    assert segment in data
    wrong = open_message(data.replace(segment, other, 1))
    (branch,) = why_read(run.running, "ecg_order", wrong, path, hospitals.sources).branches
    refused = branch.twigs[-1]
    assert (branch.value, refused.kind) == ("(missing)", "refused")
    assert refused.twigs[0].text.startswith(said)
    assert refused.twigs[-1].kind == "help"
