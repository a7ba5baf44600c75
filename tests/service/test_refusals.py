"""What the runtime found, told at the line of the mapping, all of it at once and never with a value of the patient."""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest

from segwright.core.prose import catalogue, help_lines
from segwright.core.prose import message as sentence
from segwright.core.render import render_text
from segwright.runtime.outcome import Problem, ProblemKind, Reject
from segwright.service.compiling import compile_workspace
from segwright.service.inputs import Making, making
from segwright.service.reading import read_orders, refused_document
from segwright.service.refusals import CODES
from segwright.service.rendering import Request, render
from segwright.service.running import Running
from segwright.service.starting import ORGANISATION
from tests.service.conftest import edit

EXPECTED = {
    "missing": "SW1001",
    "unmapped": "SW1002",
    "error_row": "SW1003",
    "invalid": "SW1004",
    "too_many": "SW1005",
    "check": "SW1006",
    "unencodable": "SW1007",
    "control": "SW1008",
    "null_text": "SW1009",
    "null": "SW1010",
    "repetition": "SW1011",
    "structure": "SW1012",
    "not_kept": "SW1013",
    "incomparable": "SW1014",
    "narrative": "SW1016",
}
FACTS = {
    "unmapped": {"table": "0"},
    "error_row": {"table": "0"},
    "invalid": {"function": "number/quantity@1", "reason": "the units differ"},
    "too_many": {"most": "4", "found": "5"},
    "check": {"name": "signer", "saying": "nobody signed"},
    "unencodable": {"characters": "U+0142"},
    "control": {"reason": "U+0007 at character 3"},
    "structure": {"reason": "it holds components"},
    "not_kept": {"segment": "PV1"},
    "incomparable": {"reason": "ms and mV"},
    "narrative": {"reason": "it is too long"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_kind_of_problem_has_a_sentence_that_its_facts_fill(kind, running):
    explained = running.explained("ecg_result")
    (finding,) = explained.problems([Problem(20, kind, FACTS.get(kind, {}), (2,))])
    assert finding.code == EXPECTED[kind]
    text = sentence(finding)
    assert not re.search(r"``|\{|  | \.| ,", text), text
    wanted = set(re.findall(r"\{(\w+)\}", catalogue()[finding.code].message))
    assert wanted <= set(finding.facts)
    assert help_lines(finding) is not None
    assert finding.organisation == ORGANISATION


def test_no_kind_of_problem_is_forgotten():
    assert EXPECTED == CODES
    assert {*EXPECTED, "type"} == set(get_args(ProblemKind))


def test_a_value_that_does_not_fit_its_plan_is_a_fault_of_segwright_and_no_finding(running):
    explained = running.explained("ecg_result")
    with pytest.raises(AssertionError, match="text wanted, integer found"):
        explained.problems([Problem(20, "type", {"wanted": "text", "found": "integer"}, ())])


def make() -> Making:
    found, _ = making("2026-03-02T10:05:00-05:00", "C1")
    assert found is not None
    return found


def test_every_missing_value_is_listed_at_once_with_rule_source_and_config(workspace):
    folder = workspace / "orgs" / ORGANISATION
    edit(folder / "org.yaml", "withdrawn: yes}\n    unsolicited: no", "withdrawn: yes}\n    unsolicited: yes")
    compiled = compile_workspace(workspace)
    running = Running(compiled.organisations[ORGANISATION], "test")
    result = json.loads((folder / "cases" / "final" / "result.json").read_bytes())
    patient = {"identifiers": [{"id": "7654321", "type": "MR"}], "mrn": {"id": "7654321"}, "name": {}}
    messages, found = render(
        running, Request("ecg_result", make(), None, json.dumps(result | {"patient": patient}).encode())
    )
    assert messages == []
    missing = {finding.facts["address"]: finding for finding in found if finding.code == "SW1001"}
    assert {"PID-5", "ORC-2", "OBR-2", "OBR-4"} <= set(missing)
    assert missing["ORC-2"].facts["source"] == "order.placer_number"
    assert missing["ORC-2"].span.file == "mappings/messages/ecg_result.seg"
    assert any(f.span.file == f"orgs/{ORGANISATION}/ecg_result.seg" for f in found if "OBR-16" in f.facts["address"])
    text = render_text(found, compiled.sources)
    assert "ORC-2" in text
    assert "order.placer_number" in text
    assert "7654321" not in text


def test_a_code_without_a_row_names_the_table_and_never_the_code(workspace):
    folder = workspace / "orgs" / ORGANISATION
    (folder / "organisation.seg").write_text(
        "overlay organisation\n\nadd OBR-15.1 = result.algorithm_name via houses optional\n"
        '  because "test"\n\ntable houses: text -> text\n  "Other" -> "O"\nend\n',
        encoding="utf-8",
    )
    compiled = compile_workspace(workspace)
    if compiled.organisations[ORGANISATION].messages["test"]["ecg_result"].plan is None:
        pytest.fail(render_text(compiled.found, compiled.sources))
    running = Running(compiled.organisations[ORGANISATION], "test")
    case = folder / "cases"
    request = Request(
        "ecg_result",
        make(),
        (case / "order_new" / "order.hl7").read_bytes(),
        (case / "final" / "result.json").read_bytes(),
    )
    _, (finding,) = render(running, request)
    assert finding.code == "SW1002"
    assert finding.facts["table"] == "houses"
    assert [label.role for label in finding.labels] == ["table"]
    report = render_text([finding], compiled.sources)
    assert "PulseRead" not in report
    assert "in table `houses`: `otherwise -> …`" in report


def test_a_received_code_without_a_row_is_not_said_to_be_mended_by_a_row_for_keys(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes().replace(b"ORC|NW", b"ORC|PA")
    _, (refusal,) = read_orders(running, data)
    assert refusal.finding.code == "SW1002"
    advice = " ".join(help_lines(refusal.finding))
    assert "`on unmapped …`" in advice
    assert "otherwise" not in advice


def test_an_order_against_a_rule_is_answered_as_the_rule_says_with_the_key_it_reads(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes().replace(b"1234567^^^", b"12345^^^")
    orders, refusals = read_orders(running, data)
    assert orders is None
    (refusal,) = refusals
    assert (refusal.code, refusal.answer, refusal.position) == ("rejected", "AE", "mrn_form")
    assert refusal.finding.code == "SW1042"
    assert [label.role for label in refusal.finding.labels] == ["config"]
    assert "12345" not in str(refusal.finding.facts)


def test_a_message_that_is_none_is_refused_with_code_position_and_cause(running):
    _, refusals = read_orders(running, b"\x00\x01\x02")
    assert refused_document(refusals)["code"] == "not_hl7"
    _, refusals = read_orders(running, b"")
    assert refused_document(refusals) == {
        "code": "empty", "position": "byte 1", "cause": "there is no message in it", "answer": "AR",
    }  # fmt: skip
    assert refusals[0].finding.code == "SW1040"


def test_a_type_that_the_catalogue_does_not_read_is_refused(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes().replace(b"ORM^O01^ORM_O01", b"ADT^A01")
    _, refusals = read_orders(running, data)
    assert [(refusal.code, refusal.position, refusal.finding.code) for refusal in refusals] == [
        ("type", "MSH-9", "SW1041")
    ]


def test_an_order_of_a_kind_that_is_not_agreed_is_refused(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes().replace(b"ORC|NW", b"ORC|XO")
    _, refusals = read_orders(running, data)
    assert [(refusal.code, refusal.finding.code) for refusal in refusals] == [("not_agreed", "SW1043")]


def test_a_message_without_an_order_is_refused(running, cases):
    lines = (cases / "order_new" / "order.hl7").read_bytes().split(b"\r")
    data = b"\r".join(line for line in lines if line[:3] not in (b"ORC", b"OBR"))
    _, refusals = read_orders(running, data)
    assert [(refusal.code, refusal.finding.code) for refusal in refusals] == [("no_order", "SW1044")]


def test_several_reasons_stand_beside_the_first(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes()
    data = data.replace(b"SPECIMEN^TAYLOR", b"").replace(b"A-1001^EHR", b"")
    _, refusals = read_orders(running, data)
    line = refused_document(refusals)
    assert line["code"] == "missing"
    assert {line["position"], *(other["position"] for other in line["also"])} >= {"patient.name", "order.placer_number"}


def test_two_thousand_faulty_orders_have_one_line_for_each_cause(running, cases):
    data = (cases / "order_new" / "order.hl7").read_bytes() + b"OBR|1\r" * 2000
    _, refusals = read_orders(running, data)
    assert 0 < len(refusals) < 10


def test_a_reject_of_the_plan_is_told_with_its_sentence(running):
    (finding,) = running.explained("ecg_order").rejects([Reject(0, "AR", "closed", "the ward is closed")])
    assert sentence(finding) == "AR: the ward is closed (rule `closed`)."
