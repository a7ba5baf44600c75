"""A hospital that nobody knew: made only of files under orgs/ in a workspace from `segwright init`."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import hl7
import pytest

from tests.cli.conftest import call, process

FIXTURE = Path(__file__).parent / "fifth_hospital"
NAME = "quillmere"


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def fifth(tmp_path_factory) -> Path:
    """A new workspace with the fifth hospital beside the sample, its snapshots written."""
    folder = tmp_path_factory.mktemp("fifth") / "workspace"
    assert call("init", folder).exit_code == 0
    before = content(folder)
    shutil.copytree(FIXTURE, folder / "orgs" / NAME)
    checked = call("check", "--workspace", folder)
    assert checked.exit_code == 0, checked.output
    written = call("test", NAME, "--update", "--workspace", folder)
    assert written.exit_code == 0, written.output
    after = content(folder)
    assert {name: after[name] for name in before} == before
    new = [name for name in after if name not in before]
    assert all(name.startswith((f"orgs/{NAME}/", f"snapshots/{NAME}/")) for name in new)
    assert not any(name.endswith(".py") for name in after)
    return folder


def test_its_cases_are_locked_and_pass(fifth):
    result = call("test", "--workspace", fifth)
    assert result.exit_code == 0, result.output
    assert f"{NAME}: 13 cases, 13 as locked" in result.output


def test_it_gets_its_own_message(fifth):
    cases = fifth / "orgs" / NAME / "cases"
    done = process(
        "render", NAME, "ecg_result", "--order", cases / "order_new" / "order.hl7", "--result", cases / "final" / "result.json",
        "--at", "2026-03-02T10:05:00+00:00", "--control-id", "Q102", "--workspace", fifth,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == (fifth / "snapshots" / NAME / "final.ecg_result.hl7").read_bytes()
    text = done.stdout.decode("iso-8859-1")
    parsed = hl7.parse(text)
    assert str(parsed["PID"][0][5]) == "QUÎLLET^Zoë"
    assert str(parsed["MSH"][0][18]) == "8859/1"
    assert str(parsed["MSH"][0][7]) == "202603021005"
    assert str(parsed["ORC"][0][2]) == str(parsed["OBR"][0][2]) == "77001"
    assert [str(obx[3]) for obx in parsed["OBX"]][:3] == [
        "HR^Pulse rate^99QMI",
        "8625-6^P-R interval^LN",
        "QTC^QTc^99QMI",
    ]
    assert [str(obx[5]) for obx in parsed["OBX"]][:3] == ["88", "170", "431"]
    assert str(parsed["DG1"][0][3]).startswith("I4891^")
    assert str(parsed["ZQM"][0][1]) == "Exâmple"
    assert "Atrial fibrillation - rate controlled." in text


def test_a_result_without_a_request_goes_out_under_its_own_code(fifth):
    text = (fifth / "snapshots" / NAME / "walk_in.ecg_result.hl7").read_bytes().decode("iso-8859-1")
    parsed = hl7.parse(text)
    assert str(parsed["OBR"][0][2]) == ""
    assert str(parsed["OBR"][0][4]) == "ECGW^ECG without a request^99QMI"
    assert str(parsed["PID"][0][3]) == "Q99999^^^QMI^PI"


def test_where_a_field_comes_from_is_its_own_line(fifth):
    result = call("why", NAME, "ecg_result", "OBX-3", "--case", "final", "--workspace", fifth)
    assert result.exit_code == 0
    assert f"orgs/{NAME}/ecg_result.seg:" in result.output
