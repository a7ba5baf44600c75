"""The entry point: quick, with documented exit codes, and never a traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import click
import pytest

from segwright import __version__
from segwright.cli.main import COMMANDS, EXAMPLES, cli
from tests.cli.conftest import ROOT, call, process

HEAVY = ("lark", "hl7apy", "cerberus", "ruamel", "jinja2", "msgspec", "ucumvert", "pint")


def test_the_version_is_answered_without_loading_anything_heavy():
    code = (
        "import sys\nsys.argv = ['segwright', '--version']\nfrom segwright.cli.main import cli\n"
        "cli.main(standalone_mode=False)\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
        capture_output=True,
        text=True,
    )
    said, modules = done.stdout.splitlines()
    assert said == f"segwright {__version__}"
    assert [name for name in json.loads(modules) if name.split(".")[0] in HEAVY] == []


def test_help_names_every_command_and_the_exit_codes():
    shown = call("--help").output
    assert all(name in shown for name in COMMANDS)
    assert "Exit codes: 0 all is well" in " ".join(shown.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name):
    result = call(name, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_a_commands_help_can_be_typed(name):
    assert " ".join(f"Example: segwright {EXAMPLES[name]}".split()) in " ".join(call(name, "--help").output.split())
    context = click.Context(cli, info_name="segwright")
    command, arguments = cli.get_command(context, name), shlex.split(EXAMPLES[name])[1:]
    while isinstance(command, click.Group):
        _, command, arguments = command.resolve_command(context, arguments)
    assert command is not None
    command.make_context(name, arguments, parent=context)


def test_what_is_missing_in_a_command_of_the_review_is_named():
    assert "Missing option '--because'" in call("promote", "test", "/srv/segwright").output


def test_a_misspelt_command_is_offered_the_right_one():
    result = call("rendr")
    assert result.exit_code == 2
    assert "Did you mean 'render'?" in result.output


def test_a_wrong_option_gives_2():
    assert call("check", "--fromat", "json").exit_code == 2
    assert call("read", "sample").exit_code == 2
    assert call("why", "a", "b", "PID").exit_code == 2


def test_a_fault_of_segwright_gives_3_and_says_where_but_not_on_what():
    code = (
        "import sys\nsys.argv = ['segwright', 'check']\nimport segwright.service.opening as o\n"
        "def fail(*a): raise KeyError('DOE^JOHN')\no.unknown_organisations = fail\nfrom segwright.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "KeyError in cli/check_command.py" in done.stderr
    assert "DOE" not in done.stderr
    assert "Traceback" not in done.stderr


def test_colour_stays_off_where_there_is_no_terminal(made):
    for variables in ({}, {"NO_COLOR": "1"}, {"TERM": "xterm-256color"}):
        done = process("show", "sample", "ecg_result", "--workspace", made, variables=variables)
        assert done.returncode == 0
        assert b"\x1b" not in done.stdout + done.stderr


def test_colour_comes_on_a_terminal_unless_no_color_is_set(made):
    import pty

    def shown(**variables: str) -> bytes:
        master, slave = pty.openpty()
        code = "from segwright.cli.main import main; main()"
        done = subprocess.Popen(
            [sys.executable, "-c", code, "test", "--workspace", str(made)],
            stdout=slave, stderr=slave, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT / "engine"), "TERM": "xterm", **variables},
        )  # fmt: skip
        os.close(slave)
        read = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            if not more:
                break
            read += more
        assert done.wait() == 0
        os.close(master)
        return read

    environment = dict.fromkeys(("NO_COLOR",), "")
    assert b"\x1b[32msample: 7 cases" in shown(**environment)
    assert b"\x1b[32m" not in shown(NO_COLOR="1")


def test_a_terminal_that_lacks_a_sign_gets_another_one(made):
    variables = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = process(
        "why", "sample", "ecg_result", "PID-5.1", "--case", "final", "--workspace", made, variables=variables
    )
    assert done.returncode == 0, done.stderr
    assert b"Patient Name" in done.stdout


def test_a_reader_that_goes_away_ends_it_quietly(made):
    command = [sys.executable, "-c", "from segwright.cli.main import main; main()", "schema", "--workspace", str(made)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert b"Traceback" not in done.stderr.read()


BAD = {
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "nul": b"MSH|^~\\&|\x00\x00",
    "half": b"MSH|^~\\&|A|B",
    "utf16": "MSH|^~\\&|A".encode("utf-16"),
    "deep": b"[" * 100_000,
    "segments": b"MSH|^~\\&|A|B|C|D|20260302||ORM^O01|1|T|2.5.1\rPID|1||1234567^^^SAMPLE^MR\r" + b"OBR|1\r" * 2000,
}


@pytest.fixture(params=BAD, scope="module")
def bad(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("bad") / request.param
    path.write_bytes(BAD[request.param])
    return path


def test_a_bad_file_is_refused_by_every_command_that_reads_one(bad, made):
    read = call("read", "sample", bad, "--workspace", made)
    assert read.exit_code == 1
    assert set(json.loads(read.stdout)) == {"file", "refused"}
    order = made / "orgs/sample/cases/order_new/order.hl7"
    result = made / "orgs/sample/cases/final/result.json"
    for files in (["--order", bad, "--result", result], ["--order", order, "--result", bad]):
        rendered = call("render", "sample", "ecg_result", *files, "--workspace", made)
        assert rendered.exit_code == 1
        assert rendered.stdout_bytes == b""
        assert "error[SW" in rendered.stderr


WORKSPACE_FILES = ["org.yaml", "ecg_result.seg", "icd10_subset.csv", "cases/final/case.yaml", "cases/final/result.json"]


@pytest.mark.parametrize("name", WORKSPACE_FILES)
@pytest.mark.parametrize("content", ["empty", "binary", "deep"])
def test_a_bad_file_of_the_workspace_is_a_finding_in_every_command(workspace, name, content):
    (workspace / "orgs" / "sample" / name).write_bytes(BAD[content])
    commands = [["test"], ["why", "sample", "ecg_result", "PID", "--case", "final"]]
    if not name.startswith("cases"):
        commands += [["check"], ["compile", "--out", workspace / "out"]]
    for command in commands:
        result = call(*command, "--workspace", workspace)
        assert result.exit_code == 1, (command, result.output)
        assert "error[SW" in result.output, command


def test_a_huge_file_is_refused_without_being_read_whole(made, tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(200 * 2**20)
    line = json.loads(call("read", "sample", huge, "--workspace", made).stdout)
    assert "longer than" in line["refused"]["cause"]
    result = call("render", "sample", "ecg_result", "--order", huge, "--workspace", made)
    assert (result.exit_code, "SW1050" in result.output) == (1, True)


def test_no_error_of_a_rendering_holds_data_of_the_patient(made, tmp_path):
    order = (made / "orgs/sample/cases/order_new/order.hl7").read_bytes()
    hostile = order.replace(b"SPECIMEN^TAYLOR", b"SECRETNAME^X").replace(b"1234567^^^", b"99SECRET99^^^")
    (tmp_path / "order.hl7").write_bytes(hostile)
    (tmp_path / "result.json").write_bytes(
        b'{"id": "SECRET", "status": "SECRET", "measurements": [{"kind": "SECRET", "value": "SECRET"}], "SECRET": 1}'
    )
    for files in (["--order", tmp_path / "order.hl7"], ["--result", tmp_path / "result.json"]):
        result = call("render", "sample", "ecg_result", *files, "--workspace", made)
        assert result.exit_code == 1
        assert "SECRET" not in result.output.replace("$.SECRET", "")
    line = call("read", "sample", tmp_path / "order.hl7", "--workspace", made).stdout
    assert "SECRET" not in line
