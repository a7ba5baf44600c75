"""`segwright fmt`, as somebody at a terminal meets it."""

from __future__ import annotations

import os
import stat

import pytest

from tests.cli.conftest import call, process

TYPED = 'overlay ecg_result\nremove   measurement   OBX-7\n because "guide"\n'
LAID = 'overlay ecg_result\n\nremove measurement OBX-7\n  because "guide"\n'
WRONG = 'overlay ecg_result\nremove measurment OBX-7 becuse "guide"\n'


@pytest.fixture
def overlay(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    path.write_text(TYPED)
    return path


def test_a_new_workspace_is_laid_out(made):
    result = call("fmt", "--check", "--workspace", made)
    assert result.exit_code == 0, result.output
    assert "0 would be changed" in result.output


def test_a_file_is_brought_into_its_layout_once(workspace, overlay):
    os.chmod(overlay, 0o640)
    result = call("fmt", "--workspace", workspace)
    assert result.exit_code == 0
    assert "orgs/sample/ecg_result.seg\n" in result.output
    assert overlay.read_text() == LAID
    assert stat.S_IMODE(overlay.stat().st_mode) == 0o640
    again = call("fmt", overlay)
    assert (again.exit_code, "1 file, 0 changed" in again.output) == (0, True)


def test_check_and_diff_write_nothing(workspace, overlay):
    for option, shown in (
        ("--check", "orgs/sample/ecg_result.seg would change"),
        ("--diff", "-remove   measurement   OBX-7"),
    ):
        result = call("fmt", option, "--workspace", workspace)
        assert result.exit_code == 1
        assert shown in result.output
        assert overlay.read_text() == TYPED


def test_a_file_with_a_mistake_is_left_and_the_others_are_done(workspace, overlay):
    other = overlay.with_name("organisation.seg")
    other.write_text(WRONG)
    result = call("fmt", "--workspace", workspace)
    assert result.exit_code == 1
    assert "error[SW0112]" in result.output
    assert "1 left as it is" in result.output
    assert other.read_text() == WRONG
    assert overlay.read_text() == LAID


def test_standard_input_goes_to_standard_output():
    done = process("fmt", "-", stdin=TYPED.encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, LAID, b"")
    wrong = process("fmt", "-", stdin=WRONG.encode())
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert b"SW0112" in wrong.stderr
    assert process("fmt", "-", "--check", stdin=TYPED.encode()).returncode == 1
    assert process("fmt", "-", "--check", stdin=LAID.encode()).returncode == 0
    assert b"-remove   measurement" in process("fmt", "-", "--diff", stdin=TYPED.encode()).stdout


def test_explain_shows_how_steps_are_grouped(tmp_path):
    path = tmp_path / "a.seg"
    path.write_text(
        'overlay m\noverride OBR-4 = a.b else c.d as upper via t ^ "x" because "y"\noverride OBR-5 = a.b as upper because "y"\n'
    )
    result = call("fmt", "--explain", path)
    assert result.exit_code == 0
    assert '  a.b else c.d as upper via t ^ "x"\n  ((a.b else c.d) as upper) via t ^ "x"\n' in result.output
    assert "OBR-5" not in result.output
    assert result.output.count(":") == 1


def test_nothing_to_do_says_so(tmp_path):
    assert call("fmt", tmp_path).exit_code == 1
    assert call("fmt", tmp_path / "nowhere.seg").exit_code == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", bytes(range(256)), b"\x00" * 10, b'overlay m\nremove OBX-1 because "x', b"(" * 100_000],
)
def test_whatever_is_given_there_is_no_traceback(data, tmp_path):
    path = tmp_path / "a.seg"
    path.write_bytes(data)
    result = call("fmt", path)
    assert result.exit_code == (1 if data else 0)
    assert path.read_bytes() == data
    assert process("fmt", "-", stdin=data).returncode == (1 if data else 0)
