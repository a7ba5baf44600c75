"""A sample workspace with its snapshots, and two ways to call segwright: in this process, and as people do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from segwright.cli.main import main; main()"


def call(*arguments: object) -> Result:
    """Runs a command here. An exception is a failed test: nothing a user gives may raise one."""
    from segwright.cli.main import cli

    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def process(
    *arguments: object, cwd: Path | None = None, stdin: bytes = b"", variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine"), **(variables or {})},
        input=stdin,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """The cache of these tests is theirs alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """What `segwright init` makes; no test changes it."""
    folder = tmp_path_factory.mktemp("made") / "workspace"
    result = call("init", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def workspace(made, tmp_path) -> Path:
    """A workspace of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "workspace"))


@pytest.fixture(scope="session")
def sample(made) -> Path:
    return made / "orgs" / "sample"
