"""The commands, as somebody at a terminal or a script meets them."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from segwright import __version__
from tests.cli.conftest import call, process

CASE = "orgs/sample/cases"


def inputs(made, case: str = "final") -> list[object]:
    return ["--order", made / CASE / "order_new" / "order.hl7", "--result", made / CASE / case / "result.json"]


FIXED = ["--at", "2026-03-02T10:05:00-05:00", "--control-id", "SAMPLE1001"]


# --- check ---


def test_check_of_a_good_workspace_says_so(made):
    result = call("check", "--workspace", made)
    assert result.exit_code == 0
    assert result.output == "1 organisation, 5 messages: nothing is wrong\n"


def test_check_shows_every_mistake_and_gives_1(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    path.write_text(path.read_text().replace("OBR-16[npi]", "OBR-61") + '\nremove ORC-99 because "x"\n')
    result = call("check", "sample", "--workspace", workspace)
    assert result.exit_code == 1
    assert "orgs/sample/ecg_result.seg:" in result.output
    assert "OBR-61" in result.output
    assert "ORC-99" in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("form", ["text", "concise", "json", "sarif"])
def test_check_speaks_every_format(workspace, form):
    path = workspace / "orgs" / "sample" / "org.yaml"
    path.write_text(path.read_text().replace("trailing:    trim", "trailing:    trimm"))
    result = call("check", "--workspace", workspace, "--format", form)
    assert result.exit_code == 1
    if form == "concise":
        assert re.match(r"orgs/sample/org\.yaml:\d+:\d+: error SW\d{4}: ", result.stdout)
    elif form == "json":
        assert json.loads(result.stdout)[0]["place"]["file"] == "orgs/sample/org.yaml"
    elif form == "sarif":
        log = json.loads(result.stdout)
        assert log["runs"][0]["tool"]["driver"]["version"] == __version__
        assert log["runs"][0]["results"]


@pytest.mark.parametrize("form", ["text", "concise", "json", "sarif"])
def test_check_since_names_a_change_whose_base_changed_under_it_and_gives_0(workspace, tmp_path, form):
    overlay, base = workspace / "orgs/sample/ecg_result.seg", workspace / "mappings/messages/ecg_result.seg"
    overlay.write_text(overlay.read_text() + '\noverride ORC-4 = order.placer_number optional because "guide"\n')
    shutil.copytree(workspace, tmp_path / "former")
    before, after = "= order.group_number ", "= order.group_number else order.filler_number "
    assert before in base.read_text()
    base.write_text(base.read_text().replace(before, after, 1))
    result = call("check", "--workspace", workspace, "--since", tmp_path / "former", "--format", form)
    assert result.exit_code == 0, result.output
    for said in ("SW0519", "override ORC-4", "orgs/sample/ecg_result.seg", "`ORC-4`"):
        assert said in result.output


def test_check_since_nothing_that_is_there_is_wrong_usage(workspace):
    result = call("check", "--workspace", workspace, "--since", "mian")
    assert result.exit_code == 2
    assert "mian is no folder" in " ".join(result.output.split())


def test_a_written_out_secret_is_never_printed(workspace):
    path = workspace / "orgs" / "sample" / "org.yaml"
    path.write_text(path.read_text().replace("identity: env:SAMPLE_TLS", "identity: hunter2hunter2"))
    for form in ("text", "json", "sarif", "concise"):
        result = call("check", "--workspace", workspace, "--format", form)
        assert result.exit_code == 1
        assert "hunter2" not in result.output


def test_an_unknown_organisation_is_offered_the_right_one(made):
    for command in (
        ["check", "smaple"],
        ["test", "smaple"],
        ["show", "smaple", "ecg_result"],
        ["read", "smaple", made],
    ):
        result = call(*command, "--workspace", made)
        assert result.exit_code == 1
        assert "SW1033" in result.output
        assert "Did you mean sample?" in result.output


def test_the_workspace_is_found_from_below_and_one_that_is_none_says_so(made, tmp_path):
    below = process("check", cwd=made / "orgs" / "sample" / "cases" / "final")
    assert (below.returncode, below.stdout) == (0, b"1 organisation, 5 messages: nothing is wrong\n")
    result = call("check", "--workspace", tmp_path)
    assert result.exit_code == 1
    assert "SW0707" in result.output
    assert call("--workspace", made, "check").exit_code == 0


# --- read ---


def test_read_gives_a_json_line_for_each_file_in_order(made):
    good = made / CASE / "order_new" / "order.hl7"
    result = call("read", "sample", good, made, made / CASE / "order_cancel" / "order.hl7", "--workspace", made)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [line["file"] for line in lines] == [str(good), str(made), str(made / CASE / "order_cancel" / "order.hl7")]
    assert lines[0]["orders"][0]["placer_number"] == "A-1001^EHR"
    assert lines[1]["refused"] == {"code": "file", "position": "file", "cause": "it is a folder"}
    assert lines[2]["orders"][0]["control"] == "cancel"


def test_read_of_good_files_gives_0_and_takes_standard_input(made):
    data = (made / CASE / "order_new" / "order.hl7").read_bytes()
    done = process("read", "sample", "-", "--workspace", made, stdin=data)
    assert done.returncode == 0
    assert json.loads(done.stdout)["message"] == "ORM^O01"


# --- render ---


def test_render_gives_the_exact_bytes_of_the_snapshot(made):
    done = process("render", "sample", "ecg_result", *inputs(made), *FIXED, "--workspace", made)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (made / "snapshots" / "sample" / "final.ecg_result.hl7").read_bytes()
    assert done.stderr == b""


def test_render_in_production_is_for_production(made):
    done = process("render", "sample", "ecg_result", *inputs(made), *FIXED, "--env", "production", "--workspace", made)
    assert b"|SAMPLE1001|P|2.5.1" in done.stdout


def test_render_makes_up_time_and_number_only_when_they_are_not_given(made):
    numbers = set()
    for _ in range(2):
        result = call("render", "sample", "ecg_result", *inputs(made), "--workspace", made)
        header = result.stdout_bytes.split(b"\r")[0].split(b"|")
        assert re.fullmatch(rb"SW[0-9A-F]{16}", header[9])
        assert re.fullmatch(rb"20\d{12}-0[45]00", header[6])
        numbers.add(header[9])
    assert len(numbers) == 2


def test_render_for_people_names_the_fields(made):
    result = call("render", "sample", "ecg_result", *inputs(made), *FIXED, "--pretty", "--workspace", made)
    assert "PID|1||1234567^^^SAMPLE^MR||SPECIMEN^TAYLOR||19700101|F\n" in result.output
    assert re.search(r"^    PID-5 +Patient Name +SPECIMEN\^TAYLOR$", result.output, re.MULTILINE)
    assert "\x1b" not in result.output


def test_render_says_everything_that_stands_against_a_message_and_nothing_on_stdout(made):
    done = process("render", "sample", "ecg_result", *inputs(made, "preliminary_refused"), *FIXED, "--workspace", made)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"SW1020" in done.stderr
    done = process("render", "sample", "ecg_result", "--at", "noon", "--order", made / "nowhere", "--workspace", made)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"SW1027" in done.stderr
    assert b"SW1050" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sample", "ecg_results"], "SW1030"),
        (["sample", "ecg_order"], "SW1031"),
        (["sample", "ecg_result", "--env", "tset"], "SW1034"),
    ],
)
def test_render_of_what_is_not_there_names_what_is(made, arguments, code):
    result = call("render", *arguments, *inputs(made), "--workspace", made)
    assert result.exit_code == 1
    assert code in result.output


def test_render_of_a_mapping_with_errors_shows_them(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    path.write_text(path.read_text().replace("OBR-16[npi]", "OBR-61"))
    result = call("render", "sample", "ecg_result", *inputs(workspace), "--workspace", workspace)
    assert result.exit_code == 1
    assert "OBR-61" in result.output


def test_an_organisation_whose_configuration_cannot_be_used_says_why(workspace):
    path = workspace / "orgs" / "sample" / "org.yaml"
    path.write_text(path.read_text().replace("zone: America/New_York, ", ""))
    for command in (["render", "sample", "ecg_result"], ["why", "sample", "ecg_result", "PID", "--case", "final"]):
        result = call(*command, "--workspace", workspace)
        assert result.exit_code == 1
        assert "SW1035" in result.output
        assert "zone" in result.output


# --- why, show, schema, compile ---


def test_why_is_a_short_tree_that_masks_the_value(made):
    result = call("why", "sample", "ecg_result", "PID-5.1", "--case", "final", "--workspace", made)
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert first.startswith("PID-5.1  Patient Name")
    assert "SPECIMEN" not in result.output
    assert [line[:2] for line in rest] == ["├─"] * (len(rest) - 2) + ["└─", "  "]
    assert "read by    patient.name = first PID-5 as person_name" in rest[-1]
    assert "mappings/shared/parts.seg:" in result.output
    shown = call("why", "sample", "ecg_result", "PID-5.1", "--case", "final", "--unmask", "--workspace", made)
    assert "SPECIMEN" in shown.output


def test_nothing_is_rendered_or_locked_without_an_overlay_that_cannot_be_read(workspace):
    (workspace / "orgs" / "sample" / "ecg_result.seg").write_bytes(b"\xff\xfe")
    result = call("render", "sample", "ecg_result", *inputs(workspace), *FIXED, "--workspace", workspace)
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    before = {path.name: path.read_bytes() for path in (workspace / "snapshots" / "sample").iterdir()}
    result = call("test", "--update", "--workspace", workspace)
    assert (result.exit_code, "nothing is written while there are errors" in result.output) == (1, True)
    assert {path.name: path.read_bytes() for path in (workspace / "snapshots" / "sample").iterdir()} == before


def test_why_of_what_cannot_be_asked_says_so(made):
    assert call("why", "sample", "ecg_result", "PIDX", "--case", "final", "--workspace", made).exit_code == 2
    assert call("why", "sample", "order_status", "PID", "--case", "final", "--workspace", made).exit_code == 2
    assert (
        call("why", "sample", "ecg_result", "PID", "--case", "final", "--nth", "2", "--workspace", made).exit_code == 2
    )
    result = call("why", "sample", "ecg_result", "PID", "--case", "finale", "--workspace", made)
    assert (result.exit_code, "SW1069" in result.output) == (1, True)
    result = call("why", "sample", "ecg_result", "PID", "--case", "preliminary_refused", "--workspace", made)
    assert (result.exit_code, "SW1020" in result.output) == (1, True)


def test_show_prints_layers_places_and_reasons(made):
    result = call("show", "sample", "ecg_result", "--workspace", made)
    assert result.exit_code == 0
    line = next(line for line in result.output.splitlines() if "OBR-16[npi]" in line)
    assert line.startswith("~ ")
    assert line.endswith("sample orgs/sample/ecg_result.seg:5")
    assert "because interface specification" in result.output
    changed = call("show", "sample", "ecg_result", "--changed", "--workspace", made).output
    assert "OBR-16[npi]" in changed
    assert "PID-5" not in changed


def test_show_prints_orders_too_and_refuses_what_is_not_there(made):
    assert "for each order group from OBR under ORC" in call("show", "sample", "ecg_order", "--workspace", made).output
    result = call("show", "sample", "ecg_odrer", "--workspace", made)
    assert (result.exit_code, "Did you mean ecg_order?" in result.output) == (1, True)


def test_schema_is_that_of_the_document_of_a_message(made):
    schema = json.loads(call("schema", "ecg_result", "--workspace", made).stdout)
    assert schema["$ref"] == "#/$defs/Result"
    assert json.loads(call("schema", "Flag", "--workspace", made).stdout)["$defs"]["Flag"]["enum"]
    every = json.loads(call("schema", "--workspace", made).stdout)["$defs"]
    assert {"Result", "OrderEvent", "Patient", "ResultStatus"} <= set(every)
    result = call("schema", "Resutl", "--workspace", made)
    assert "SW1036" in result.stderr
    assert (result.exit_code, "Did you mean Result?" in result.output) == (1, True)


def test_compile_writes_a_bundle_for_each_environment_and_the_same_one_again(made, tmp_path):
    first = call("compile", "--out", tmp_path / "one", "--workspace", made)
    again = call("compile", "sample", "--out", tmp_path / "two", "--workspace", made)
    assert first.exit_code == 0, first.output
    hashes = [line.split("  ")[0] for line in first.stdout.splitlines()]
    assert hashes == [line.split("  ")[0] for line in again.stdout.splitlines()]
    assert len(hashes) == 2
    assert (tmp_path / "one" / "sample" / "production" / "manifest.json").is_file()


def test_compile_writes_nothing_when_anything_is_wrong(workspace, tmp_path):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    path.write_text(path.read_text().replace("OBR-16[npi]", "OBR-61"))
    result = call("compile", "--out", tmp_path / "out", "--workspace", workspace)
    assert result.exit_code == 1
    assert not (tmp_path / "out").exists()


def test_compile_to_a_place_that_takes_nothing_says_so(made, tmp_path):
    (tmp_path / "file").write_text("")
    result = call("compile", "--out", tmp_path / "file", "--workspace", made)
    assert result.exit_code == 1
    assert "cannot be written" in result.output


# --- test ---


def test_test_of_locked_cases_gives_0(made):
    result = call("test", "--workspace", made)
    assert (result.exit_code, result.output) == (0, "sample: 7 cases, 7 as locked\n")


def test_test_shows_what_changed_field_by_field_before_it_is_written(workspace):
    path = workspace / "orgs" / "sample" / "org.yaml"
    path.write_text(path.read_text().replace("application: ECGAI", "application: OTHER"))
    result = call("test", "--workspace", workspace)
    assert result.exit_code == 1
    assert "--> snapshots/sample/final.ecg_result.hl7" in result.output
    assert "~ MSH-3 Sending Application: ECGAI → OTHER" in result.output
    updated = call("test", "--update", "--workspace", workspace)
    assert updated.exit_code == 0
    assert "~ MSH-3 Sending Application: ECGAI → OTHER" in updated.output
    assert "4 snapshots written" in updated.output
    assert call("test", "--workspace", workspace).exit_code == 0


def test_test_fails_for_a_missing_and_for_a_stale_snapshot(workspace):
    folder = workspace / "snapshots" / "sample"
    (folder / "final.ecg_result.hl7").rename(folder / "finale.ecg_result.hl7")
    result = call("test", "sample", "--workspace", workspace)
    assert result.exit_code == 1
    assert "error[SW1061]: Case `final` has no snapshot yet." in result.output
    assert "error[SW1062]: This snapshot belongs to no case." in result.output


def test_test_fails_for_a_message_without_a_case_even_when_it_updates(workspace):
    path = workspace / "orgs" / "sample" / "org.yaml"
    path.write_text(path.read_text().replace("{accepted: yes, in_progress: no", "{accepted: yes, in_progress: yes"))
    result = call("test", "--update", "--workspace", workspace)
    assert result.exit_code == 1
    assert "SW1060" in result.output


# --- init ---


def test_init_makes_a_workspace_that_passes_check_and_test(made):
    assert (made / "mappings" / "model.seg").is_file()
    assert (made / "orgs" / "schema.yaml").is_file()
    assert (made / "README.md").is_file()
    assert call("check", "--workspace", made).exit_code == 0
    assert call("test", "--workspace", made).exit_code == 0


def test_init_touches_nothing_that_is_there(made, tmp_path):
    result = call("init", made)
    assert (result.exit_code, "holds something already" in result.output) == (1, True)
    (tmp_path / "file").write_text("x")
    assert call("init", tmp_path / "file").exit_code == 1
    assert call("init", tmp_path / "file" / "below").exit_code == 1
    assert (tmp_path / "file").read_text() == "x"
