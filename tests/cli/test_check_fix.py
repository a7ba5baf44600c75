"""`segwright check --fix`, and the fixes that programs get."""

from __future__ import annotations

import json

import pytest

from segwright.core.source import Source
from tests.cli.conftest import call

TYPED = (
    "overlay ecg_result\n\nremove measurement OBX.7;\n  because 'guide'\noveride ORC-4 = inherited because \"guide\"\n"
)
MENDED = (
    'overlay ecg_result\n\nremove measurement OBX-7\n  because "guide"\noveride ORC-4 = inherited because "guide"\n'
)


@pytest.fixture
def overlay(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    path.write_text(TYPED)
    return path


def test_what_is_safe_is_done_and_shown_and_the_rest_is_told(workspace, overlay):
    told = call("check", "--workspace", workspace)
    assert "`segwright check --fix` mends 1 of them" in told.output
    result = call("check", "--fix", "--workspace", workspace)
    assert result.exit_code == 1
    assert "-remove measurement OBX.7;\n" in result.output
    assert "+remove measurement OBX-7\n" in result.output
    assert "mended SW0124: Single quotes" in result.output
    assert "error[SW0112]: `overide` is no word" in result.output
    assert overlay.read_text() == MENDED
    again = call("check", "--fix", "--workspace", workspace)
    assert "mended" not in again.output
    assert overlay.read_text() == MENDED


def test_only_the_files_that_are_named_are_touched(workspace, overlay):
    other = workspace / "orgs" / "other"
    other.mkdir()
    (other / "a.seg").write_text(TYPED)
    call("check", "sample", "--fix", "--workspace", workspace)
    assert overlay.read_text() == MENDED
    assert (other / "a.seg").read_text() == TYPED


def test_programs_get_the_fixes_as_edits(workspace, overlay):
    found = json.loads(call("check", "--format", "json", "--workspace", workspace).stdout)
    field = next(one for one in found if one["code"] == "SW0119")
    assert field["fixes"] == [{
        "title": "write `OBX-7` in place of `OBX.7`", "safe": True,
        "edits": [{"place": field["place"], "before": "OBX.7", "after": "OBX-7"}],
    }]  # fmt: skip
    word = next(one for one in found if one["code"] == "SW0112")
    assert [(fix["title"], fix["safe"]) for fix in word["fixes"]] == [("write `override` in place of `overide`", False)]
    log = json.loads(call("check", "--format", "sarif", "--workspace", workspace).stdout)
    rule = next(one for one in log["runs"][0]["tool"]["driver"]["rules"] if one["id"] == "SW0119")
    assert "## Prefer" in rule["help"]["markdown"]
    result = next(one for one in log["runs"][0]["results"] if one["ruleId"] == "SW0119")
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    text = Source("a", TYPED).text
    assert text[region["charOffset"] : region["charOffset"] + region["charLength"]] == "OBX.7"
    assert replacement["insertedContent"] == {"text": "OBX-7"}
    assert fix["properties"] == {"safe": True}


def test_json_stays_json_when_something_is_mended(workspace, overlay):
    result = call("check", "--fix", "--format", "json", "--workspace", workspace)
    assert [one["code"] for one in json.loads(result.stdout)] == ["SW0112"]
    assert "mended" in result.stderr


def test_a_name_with_a_nearest_right_one_is_offered_everywhere(workspace):
    overlay = workspace / "orgs" / "sample" / "ecg_result.seg"
    overlay.write_text('overlay ecg_result\n\noverride OBR-24 = result.studi because "x"\n')
    found = json.loads(call("check", "--format", "json", "--workspace", workspace).stdout)
    config = workspace / "orgs" / "sample" / "org.yaml"
    config.write_text(config.read_text().replace("narrative:", "narative:"))
    found += json.loads(call("check", "--format", "json", "--workspace", workspace).stdout)
    titles = {one["code"]: [fix["title"] for fix in one["fixes"]] for one in found}
    assert titles["SW0206"] == ["write `study` in place of `studi`"]
    assert titles["SW0720"] == ["write `narrative` in place of `narative`"]
    assert all(not fix["safe"] for one in found for fix in one["fixes"])
