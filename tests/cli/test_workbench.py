"""The analyst's commands as somebody meets them at a terminal: why, why-not, coverage, cases suggest, unused, watch."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import MAIN, ROOT, call

CASE = "orgs/sample/cases"


@pytest.fixture(scope="module")
def files(made) -> list[object]:
    return ["--order", made / CASE / "order_new" / "order.hl7", "--result", made / CASE / "final" / "result.json"]


# --- why and why-not ---


def test_why_leads_a_field_of_the_order_on_to_the_line_that_read_it(made):
    result = call("why", "sample", "ecg_result", "PID-3", "--case", "final", "--workspace", made)
    assert result.exit_code == 0
    assert "read by    patient.identifiers = each PID-3" in result.output
    assert result.output.count("rule       PID-3 = each i in patient.identifiers") == 1


def test_why_takes_files_instead_of_a_case(made, files):
    result = call("why", "sample", "ecg_result", "OBX-2", *files, "--workspace", made)
    assert result.exit_code == 0
    assert 'OBX-2 = "NM"' in " ".join(result.output.split())


def test_why_of_an_order_speaks_of_the_model_and_of_the_received_place(made):
    order = made / CASE / "order_new" / "order.hl7"
    result = call("why", "sample", "ecg_order", "patient.mrn.id", "--order", order, "--workspace", made)
    assert result.exit_code == 0
    assert "format     identifier: .1 = i.id" in result.output
    assert "source     PID-3[1].1" in result.output
    assert "10001" not in result.output


def test_why_gives_json_in_both_directions(made):
    for message, path, case in (("ecg_result", "OBX-3", "final"), ("ecg_order", "order.control", "order_new")):
        result = call("why", "sample", message, path, "--case", case, "--format", "json", "--workspace", made)
        document = json.loads(result.output)
        assert document["path"] == path
        assert document["values"][0]["why"][0]["kind"] == "rule"
        assert "▒" in document["values"][0]["value"]


def test_why_not_shows_the_condition_part_by_part(made):
    result = call("why-not", "sample", "ecg_result", "OBX(3)-8", "--case", "final", "--workspace", made)
    assert result.exit_code == 0
    assert "missing    m.flag" in result.output
    document = json.loads(
        call(
            "why-not", "sample", "ecg_result", "OBX(3)-8", "--case", "final", "--format", "json", "--workspace", made
        ).output
    )
    assert document["why_not"][0]["parts"][0]["kind"] == "missing"


def test_why_not_of_what_is_there_says_so(made):
    result = call("why-not", "sample", "ecg_result", "OBX-5", "--case", "final", "--workspace", made)
    assert result.exit_code == 1
    assert "OBX-5 is there" in result.output


def test_an_attribute_that_is_misspelt_is_offered_the_right_one(made):
    for command in ("why", "why-not"):
        result = call(command, "sample", "ecg_order", "order.prority", "--case", "order_new", "--workspace", made)
        assert result.exit_code == 2
        assert "Did you mean 'order.priority'?" in result.output


def test_no_values_at_all_is_a_wrong_call(made):
    result = call("why-not", "sample", "ecg_result", "OBX-5", "--workspace", made)
    assert result.exit_code == 2
    assert "--case C, or --order FILE" in result.output


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"MSH|^~", b"\xff\xfe\x00", b"PID|1|x"])
def test_an_order_that_is_none_gives_a_finding(made, tmp_path, data):
    path = tmp_path / "order.hl7"
    path.write_bytes(data)
    for command in ("why", "why-not"):
        result = call(command, "sample", "ecg_order", "patient.mrn", "--order", path, "--workspace", made)
        assert result.exit_code in (1, 2)
        assert "Traceback" not in result.output


def test_an_annotated_message_has_a_line_behind_each_field_and_masks_its_values(made, files):
    result = call("render", "sample", "ecg_result", *files, "--pretty", "--why", "--workspace", made)
    assert result.exit_code == 0
    assert re.search(r"PID-5 .*▒.*← mappings/shared/parts.seg:\d+  PID-5 = patient.name as person_name", result.output)
    assert "SPECIMEN" not in result.output
    shown = call("render", "sample", "ecg_result", *files, "--pretty", "--why", "--unmask", "--workspace", made)
    assert "SPECIMEN" in shown.output
    assert call("render", "sample", "ecg_result", *files, "--why", "--workspace", made).exit_code == 2


# --- coverage, mutants, suggestions ---


def test_the_last_line_of_coverage_is_its_sum_and_the_threshold_decides(made):
    result = call("test", "sample", "--coverage", "--workspace", made)
    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert re.fullmatch(r"coverage: \d+ of \d+ \(\d+(\.\d)?%\)", last)
    assert 'sex: other <-> "O" (sent)` is never looked up' in result.output
    assert call("test", "sample", "--coverage", "--threshold", "99", "--workspace", made).exit_code == 1
    assert call("test", "sample", "--coverage", "--threshold", "5", "--workspace", made).exit_code == 0
    assert call("test", "sample", "--threshold", "5", "--workspace", made).exit_code == 2


def test_what_is_impossible_is_listed_with_its_proof(made):
    result = call("test", "sample", "--coverage", "--dead", "--workspace", made)
    assert re.search(r"impossible: mappings/\S+:\d+ .*is not given in org.yaml", result.output)


def test_coverage_and_mutants_come_as_json(made):
    result = call("test", "sample", "--coverage", "--format", "json", "--workspace", made)
    (document,) = json.loads(result.output)["coverage"]
    assert document["organisation"] == "sample"
    assert document["hit"] < document["count"]
    assert {"kind", "message", "address", "text", "place"} <= set(document["untouched"][0])


@pytest.fixture
def hospital(tmp_path):
    """A workspace with one reference hospital, which lacks one case."""
    folder = tmp_path / "hospital"
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    for part in ("orgs", "snapshots"):
        shutil.copytree(ROOT / part / "larkspur", folder / part / "larkspur")
    shutil.copy(ROOT / "orgs" / "schema.yaml", folder / "orgs" / "schema.yaml")
    shutil.rmtree(folder / "orgs" / "larkspur" / "cases" / "order_sex_unlisted")
    (folder / "snapshots" / "larkspur" / "order_sex_unlisted.ecg_order.json").unlink()
    return folder


def test_suggested_cases_are_written_only_when_asked_and_are_marked(hospital):
    folder = hospital / "orgs" / "larkspur" / "cases"
    before = sorted(path.name for path in folder.iterdir())
    shown = call("cases", "suggest", "larkspur", "--workspace", hospital)
    assert (shown.exit_code, sorted(path.name for path in folder.iterdir())) == (0, before)
    assert "nothing is written without --write" in shown.output
    written = call("cases", "suggest", "larkspur", "--write", "--workspace", hospital)
    assert "1 case written; read it, then: segwright test larkspur --update" in written.output
    (fresh,) = sorted({path.name for path in folder.iterdir()} - set(before))
    assert 'note: "SUGGESTED (seed 1), not reviewed' in (folder / fresh / "case.yaml").read_text()
    tested = call("test", "larkspur", "--workspace", hospital)
    assert tested.exit_code == 1
    assert f"error[SW1061]: Case `{fresh}` has no snapshot yet." in tested.output
    again = call("cases", "suggest", "larkspur", "--workspace", hospital)
    assert "the cases reach everything; there is nothing to suggest" in again.output


def test_unused_names_things_and_never_a_value(made):
    result = call("unused", "sample", "--workspace", made)
    assert result.exit_code == 0
    assert "rows of tables that no case looks up:" in result.output
    assert "SPECIMEN" not in result.output
    (document,) = json.loads(call("unused", "sample", "--format", "json", "--workspace", made).output)
    assert set(document) == {"organisation", "fields", "attributes", "keys", "rows"}


# --- watch ---


def test_watch_once_shows_the_message_and_ends(made):
    result = call("watch", "sample", "ecg_result", "--case", "final", "--once", "--workspace", made)
    assert result.exit_code == 0
    assert result.output.startswith("sample ecg_result final  ok")
    assert "OBX-2      Value Type" in result.output


def test_watch_once_of_what_is_wrong_shows_it_and_gives_1(workspace):
    (workspace / "mappings" / "messages" / "ecg_result.seg").write_text("mapping ecg_result wri")
    result = call("watch", "sample", "ecg_result", "--case", "final", "--once", "--workspace", workspace)
    assert result.exit_code == 1
    assert "mappings/messages/ecg_result.seg:1" in result.output


def test_watch_ends_cleanly_when_it_is_interrupted(workspace):
    asked = ["watch", "sample", "ecg_result", "--case", "final", "--workspace", workspace]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", MAIN, *asked],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "engine"), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what it puts in the background with the interrupt ignored; a terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in errors
