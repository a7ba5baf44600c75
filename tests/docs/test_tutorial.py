"""The tutorial, followed word for word in a copy of the repository's workspace.

Every file of it is written, every command typed, and every output compared. `pytest --snapshot-update` writes the outputs anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hl7
import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
_FILE = re.compile(r"^`([^`\n]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A file to write, or commands with what they print."""

    start: int
    end: int
    file: str
    text: str


def steps(text: str) -> list[Step]:
    """Files and consoles, in order."""
    files = [Step(found.start(2), found.end(2), found[1], found[2]) for found in _FILE.finditer(text)]
    consoles = [Step(found.start(1), found.end(1), "", found[1]) for found in _CONSOLE.finditer(text)]
    return sorted(files + consoles)


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command with the output below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:.*\\\n)*.*\n", part)
        assert command is not None
        yield command[0].rstrip("\n"), part[command.end() :]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What a fresh clone holds of a workspace."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("mappings", "orgs", "snapshots"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def followed(clone, tmp_path_factory) -> tuple[Path, str, str]:
    """The tutorial done: the workspace, the text, and the text with what was really printed."""
    tools = tmp_path_factory.mktemp("bin")
    command = tools / "segwright"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from segwright.cli.main import main; main()" "$@"\n')
    command.chmod(0o755)
    variables = {
        **os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "engine"), "COLUMNS": "100",
        "XDG_CACHE_HOME": str(tools / "cache"), "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    text = TUTORIAL.read_text(encoding="utf-8")
    printed, at = [], 0
    for step in steps(text):
        printed.append(text[at : step.start])
        at = step.end
        if step.file:
            path = clone / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
            printed.append(step.text)
            continue
        for typed, _ in commands(step.text):
            done = subprocess.run(
                ["/bin/sh", "-c", f"{{ {typed}; }} 2>&1"], cwd=clone, env=variables, capture_output=True, check=False
            )
            printed.append(f"$ {typed}\n{done.stdout.decode()}")
    return clone, text, "".join(printed) + text[at:]


def test_every_command_prints_what_the_tutorial_shows(followed, request):
    _, text, printed = followed
    if request.config.getoption("update_snapshots", default=False):
        TUTORIAL.write_text(printed, encoding="utf-8")
    else:
        assert printed == text


def test_it_ends_with_a_fifth_hospital_and_the_message_of_the_tutorial(followed):
    clone, text, _ = followed
    assert len([path for path in (clone / "orgs").iterdir() if path.is_dir()]) == 5
    bytes_ = (clone / "snapshots" / "rosehill" / "final.ecg_result.hl7").read_bytes()
    shown = list(commands([step for step in steps(text) if not step.file][-1].text))[-1][1]
    assert bytes_.decode("ascii").replace("\r", "\n") == shown
    message = hl7.parse(bytes_.decode("ascii"))
    assert str(message["PID"][0][5]) == "OTTER^River"
    assert str(message["OBX"][0][3]) == "HR1^Heart rate^99RSH"
    assert [str(obx[5]) for obx in message["OBX"]] == ["84", "96", "431"]
    assert [str(segment[0]) for segment in message][3:7] == ["ORC", "OBR", "ZRS", "NTE"]


def test_it_touches_only_files_of_the_new_hospital(followed):
    clone, _, _ = followed
    for name in ("mappings", "orgs", "snapshots"):
        for path in sorted((ROOT / name).rglob("*")):
            if path.is_file():
                assert (clone / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path
    assert not list(clone.rglob("*.py"))
