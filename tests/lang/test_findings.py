"""What is told, and what is not: one mistake once, and no false alarm about a line that hospitals share."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.lang.flat import FlatSegment, walk
from tests.lang.workspace import Report, compiled

HEAD = "mapping result writes ORU^R01 from order: Order, patient: Patient, result: Result\nuse basis(order, patient)\n"
BECAUSE = '  because "a guide"\n'
NO_PRELIMINARY = """catalogue:
  order:  {reads: [ORM^O01], orders: [new]}
  result:
    writes:      ORU^R01
    kinds:       {preliminary: no, final: yes, corrected: yes, withdrawn: yes}
    unsolicited: no
    message_per: order
"""


@pytest.fixture
def compile_(tmp_path: Path):
    def run(files: dict[str, str]) -> Report:
        return compiled(tmp_path / "workspace", files)

    return run


def segment(report: Report, name: str) -> FlatSegment:
    plan = report.workspace.organisations["clinic"].messages["test"]["result"]
    return next(item for _, item in walk(plan.mapping.body) if isinstance(item, FlatSegment) and item.name == name)


def test_the_workspace_of_these_tests_has_no_mistake(compile_):
    assert compile_({}).text == ""


def test_what_an_allow_allows_is_written(compile_):
    overlay = f'overlay result\nadd PID-8.2 = "X"\n{BECAUSE}allow SW0408 on PID-8 because "a guide"\n'
    report = compile_({"orgs/clinic/result.seg": overlay})
    assert report.text == ""
    plan = report.workspace.organisations["clinic"].messages["test"]["result"].plan
    assert plan is not None
    pid = next(op for op in plan.body if getattr(op, "name", "") == "PID")
    assert 8 in [field.number for field in pid.fields]


def test_a_message_type_of_its_own_can_be_allowed(compile_):
    text = HEAD.replace("ORU^R01", "ORU^R99") + 'allow SW0413 on message because "theirs"\n'
    catalogue = NO_PRELIMINARY.replace("ORU^R01", "ORU^R99").replace("preliminary: no", "preliminary: yes")
    assert compile_({"mappings/result.seg": text, "orgs/clinic/org.yaml": catalogue}).text == ""


def test_a_shared_line_may_speak_of_a_kind_that_this_hospital_does_not_get(compile_):
    ladder = 'segment ZEX\n  ZEX-1 = "early" when result.status is preliminary\n        = "late" otherwise\n'
    assert compile_({"mappings/result.seg": HEAD + ladder, "orgs/clinic/org.yaml": NO_PRELIMINARY}).text == ""


def test_a_list_with_a_value_that_is_not_known_narrows_nothing(compile_):
    text = (
        HEAD + "for each m in result.measurements\n  for each n in result.measurements named others\n    segment ZEX\n"
        "      ZEX-1 = m.kind via words when m.kind in [heart_rate, n.kind]\n            = blank otherwise\n  end\nend\n"
        'table words: Kind -> text\n  heart_rate -> "HR"\nend\n'
    )
    assert compile_({"mappings/result.seg": text}).codes == ("SW0613",)


def test_an_overlay_sees_the_mapping_wherever_its_lines_land(compile_):
    overlay = (
        f"overlay result\nadd segment ZEX after OBR\n{BECAUSE}  ZEX-1 = result.study\n"
        f"override PID-5.1 = inherited else result.study\n{BECAUSE}"
    )
    report = compile_({"orgs/clinic/result.seg": overlay.replace("else result.study", "as upper")})
    assert report.text == ""
    overlay = (
        f'overlay result\nadd OBR-22 = result.issued_at as dtm\n{BECAUSE}add PID-2 = "X" when result.urgent\n{BECAUSE}'
    )
    report = compile_({"orgs/clinic/result.seg": overlay})
    assert report.text == ""
    assert segment(report, "OBR").rules[-1].origin.layer == "clinic"


def test_a_part_knows_only_what_it_is_given(compile_):
    text = HEAD + "use note(patient)\npart note(patient: Patient)\n  segment ZEX\n    ZEX-1 = result.study\nend\n"
    assert compile_({"mappings/result.seg": text}).codes == ("SW0202",)


def test_a_mistake_in_a_shared_line_is_told_once_and_names_the_hospitals(compile_):
    files = {
        "mappings/result.seg": HEAD + "segment ZEX\n  ZEX-1 = result.comment\n",
        "orgs/harbor/org.yaml": "organisation: {id: harbor, name: Harbor, layers: []}\n",
    }
    report = compile_(files)
    assert report.codes == ("SW0301",)
    assert "(organisations clinic, harbor)" in report.text


def test_a_part_cannot_be_used_where_messages_are_read(compile_):
    overlay = (
        "mapping order reads ORM^O01\nuse names\npatient.mrn = first PID-3.1 required\npatient.name = first PID-5.1 required\n"
        "part names\n  segment ZEX\nend\n"
    )
    assert "SW0215" in compile_({"mappings/order.seg": overlay}).codes


def test_what_stands_in_a_segment_is_checked_though_its_anchor_is_gone(compile_):
    overlay = f"overlay result\nadd segment ZEX after ORC\n{BECAUSE}  ZEX-1 = result.stuby\n"
    assert sorted(compile_({"orgs/clinic/result.seg": overlay}).codes) == ["SW0206", "SW0511"]


def test_a_line_of_the_same_sense_at_two_hospitals_is_no_note(compile_):
    same = f'overlay result\noverride NTE-1 = "2"\n{BECAUSE}'
    files = {
        "orgs/clinic/result.seg": same,
        "orgs/harbor/result.seg": same,
        "orgs/harbor/org.yaml": "organisation: {id: harbor, name: Harbor, layers: []}\n",
    }
    assert compile_(files).text == ""
