"""Cases: read with every fault at its line and column, run to exact bytes, compared with their snapshots."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from segwright.core.diagnostic import errors
from segwright.core.prose import help_lines
from segwright.core.prose import message as sentence
from segwright.service import snapshots
from segwright.service.cases import Outcome
from segwright.service.compiling import compile_workspace
from segwright.service.starting import ORGANISATION
from segwright.service.testing import Comparison, compare_cases
from tests.service.conftest import edit


def run(root: Path) -> Comparison:
    return compare_cases(root, compile_workspace(root), ORGANISATION)


def outcome(root: Path, name: str) -> Outcome:
    return next(o for o in run(root).outcomes if o.name == name)


def case(root: Path, name: str) -> Path:
    return root / "orgs" / ORGANISATION / "cases" / name / "case.yaml"


@pytest.fixture
def locked(workspace) -> Path:
    """A workspace whose snapshots are written."""
    snapshots.write(workspace, run(workspace).changes)
    return workspace


def test_every_case_of_the_sample_gives_what_it_says(made):
    found = run(made)
    assert not found.found
    assert {o.name: sorted(o.files) for o in found.outcomes} == {
        "corrected": ["corrected.ecg_result.hl7"],
        "final": ["final.ecg_result.hl7"],
        "order_accepted": ["order_accepted.order_status.hl7"],
        "order_cancel": ["order_cancel.ecg_order.json"],
        "order_new": ["order_new.ecg_order.json"],
        "preliminary_refused": ["preliminary_refused.ecg_result.txt"],
        "withdrawn": ["withdrawn.ecg_result.hl7"],
    }
    assert {kind for o in found.outcomes for kind in o.kinds} == {
        "new", "cancel", "final", "corrected", "withdrawn", "accepted",
    }  # fmt: skip


def test_a_message_is_exact_bytes_with_cr_behind_every_segment(made):
    (data,) = outcome(made, "final").files.values()
    assert data.startswith(
        b"MSH|^~\\&|ECGAI|PLATFORM|EHR|SAMPLE|20260302100500-0500||ORU^R01^ORU_R01|SAMPLE1001|T|2.5.1"
    )
    assert data.endswith(b"\r")
    assert b"\n" not in data


def test_what_was_read_is_json_with_its_groups(made):
    (data,) = outcome(made, "order_new").files.values()
    read = msgspec.json.decode(data)
    assert read["patient"]["mrn"]["id"] == "1234567"
    assert read["orders"][0]["placer_number"] == "A-1001^EHR"
    assert read["groups"] == [[1]]


def test_a_refusal_is_its_report(made):
    (data,) = outcome(made, "preliminary_refused").files.values()
    assert data.startswith(
        b"SW1020 in orgs/sample/org.yaml\n  `ecg_result` of the kind preliminary is not sent to this hospital.\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("message:", "mesage:", "SW1064", 2, "`mesage` has no meaning in a case."),
        ("environment: test", "environmental: test", "SW1064", 3, "`environmental` has no meaning in a case."),
        ("control_id:", "nothing: x\ncontrol_id:", "SW1064", 5, "`nothing` has no meaning in a case of `ecg_result`."),
        ("message: ecg_result", "message: ecg_results", "SW1030", 2, None),
        ("environment: test", "environment: tset", "SW1034", 3, "This organisation has no environment `tset`."),
        ("2026-03-02T10:05:00-05:00", "2026-03-02", "SW1027", 4, None),
        ("SAMPLE1001", "SAMPLE 1", "SW1027", 5, None),
        ("SAMPLE1001\"", "S1\"\nnth: two", "SW1064", 6, "`nth` must be a number from 1."),
        ("SAMPLE1001\"", "S1\"\nrefused: maybe", "SW1064", 6, "`refused` must be yes or no."),
        ("SAMPLE1001\"", "S1\"\nevent: x.json", "SW1064", 6, "`event` has no meaning in a case of `ecg_result`."),
        ("../order_new/order.hl7", "../order_old/order.hl7", "SW1065", 6, None),
        ('"2026-03-02T10:05:00-05:00"', "[x]", "SW1064", 4, "`at` must be a text."),
        ("message: ecg_result", "message: ecg_result\nmessage: ecg_result", "SW0712", 3, None),
    ],
)  # fmt: skip
def test_a_fault_of_case_yaml_is_found_at_its_line(workspace, old, new, code, line, said):
    edit(case(workspace, "final"), old, new)
    found = outcome(workspace, "final")
    assert not found.files
    finding = next(f for f in found.found if f.code == code)
    source = found.sources.get(finding.span.file)
    assert source is None or source.position(finding.span.start).line == line
    assert said is None or sentence(finding) == said


def test_a_case_reads_nothing_outside_of_the_workspace(workspace):
    (workspace.parent / "outside.hl7").write_bytes(b"MSH|")
    edit(case(workspace, "final"), "../order_new/order.hl7", "../../../../../outside.hl7")
    assert [f.code for f in outcome(workspace, "final").found] == ["SW0706"]


def test_a_misspelt_key_is_offered_the_right_one(workspace):
    edit(case(workspace, "final"), "control_id:", "controlid: x\ncontrol_id:")
    (finding,) = outcome(workspace, "final").found
    assert finding.facts["nearest"] == "control_id"


def test_a_case_without_case_yaml_is_a_finding(workspace):
    case(workspace, "final").unlink()
    assert [f.code for f in outcome(workspace, "final").found] == ["SW1068"]


def test_a_case_yaml_in_another_encoding_is_a_finding(workspace):
    case(workspace, "final").write_bytes(b"note: \xff")
    assert [f.code for f in outcome(workspace, "final").found] == ["SW0702"]


def test_a_reading_case_needs_an_order(workspace):
    case(workspace, "order_new").with_name("order.hl7").unlink()
    assert "SW1065" in [f.code for f in outcome(workspace, "order_new").found]


def test_a_case_that_should_be_refused_and_is_not_is_a_finding(workspace):
    edit(case(workspace, "final"), "order:", "refused: yes\norder:")
    assert [f.code for f in outcome(workspace, "final").found] == ["SW1066"]


def test_a_case_that_is_refused_and_should_not_be_is_a_finding_beside_its_reasons(workspace):
    edit(case(workspace, "preliminary_refused"), "refused: yes\n", "")
    assert [f.code for f in outcome(workspace, "preliminary_refused").found] == ["SW1020", "SW1067"]


def test_a_case_of_a_message_with_errors_says_so(workspace):
    edit(workspace / "orgs" / ORGANISATION / "ecg_result.seg", "OBR-16[npi]", "OBR-61[npi]")
    assert [f.code for f in outcome(workspace, "final").found] == ["SW1032"]


def test_a_kind_that_goes_out_and_has_no_case_is_a_finding_in_the_catalogue(workspace):
    edit(
        workspace / "orgs" / ORGANISATION / "org.yaml",
        "accepted: yes, in_progress: no",
        "accepted: yes, in_progress: yes",
    )
    (finding,) = run(workspace).found
    assert finding.code == "SW1060"
    assert finding.facts["what"] == "`order_status` of the kind in_progress"


def test_an_order_kind_that_is_read_and_has_no_case_is_a_finding(workspace):
    edit(workspace / "orgs" / ORGANISATION / "org.yaml", "orders: [new, cancel]", "orders: [new, change, cancel]")
    assert [f.facts["what"] for f in run(workspace).found] == ["`ecg_order` of the kind change"]


def test_a_message_without_any_case_is_a_finding(workspace):
    for path in (workspace / "orgs" / ORGANISATION / "cases" / "order_accepted").iterdir():
        path.unlink()
    path.parent.rmdir()
    assert [f.facts["what"] for f in run(workspace).found] == ["`order_status`"]


def test_new_changed_and_stale_snapshots_are_told_apart(locked):
    assert run(locked).changes == ()
    folder = locked / "snapshots" / ORGANISATION
    (folder / "final.ecg_result.hl7").unlink()
    (folder / "gone.ecg_result.hl7").write_bytes(b"MSH")
    path = folder / "corrected.ecg_result.hl7"
    path.write_bytes(path.read_bytes().replace(b"\r", b"\n"))
    changes = run(locked).changes
    assert {(change.kind, change.name) for change in changes} == {
        ("new", "final.ecg_result.hl7"),
        ("stale", "gone.ecg_result.hl7"),
        ("changed", "corrected.ecg_result.hl7"),
    }
    told = snapshots.findings(changes, [ORGANISATION])
    assert {f.code for f in told} == {"SW1061", "SW1062", "SW1063"}
    assert all(sentence(f) and "segwright test sample --update" in help_lines(f)[0] for f in told)
    while_updating = snapshots.findings(changes, [ORGANISATION], updating=True)
    assert not any(help_lines(f) for f in while_updating)
    assert errors(while_updating) == []
    snapshots.write(locked, changes)
    assert run(locked).changes == ()
    assert not (folder / "gone.ecg_result.hl7").exists()


def test_the_snapshots_of_a_case_that_cannot_run_are_left_alone(locked):
    edit(case(locked, "final"), "message:", "mesage:")
    assert [change.name for change in run(locked).changes] == []


def test_a_snapshot_of_a_hospital_that_is_gone_is_found(locked):
    folder = locked / "snapshots" / "gone"
    folder.mkdir()
    (folder / "a.b.hl7").write_bytes(b"MSH")
    (folder / "notes.md").write_text("kept")
    assert [change.path for change in snapshots.ownerless(locked, [ORGANISATION])] == ["snapshots/gone/a.b.hl7"]
