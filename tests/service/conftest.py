"""The sample workspace that `segwright init` makes: small, whole, and no hospital's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.running import Running
from segwright.service.starting import ORGANISATION, start


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A workspace that no test changes."""
    folder = tmp_path_factory.mktemp("made") / "workspace"
    start(folder)
    return folder


@pytest.fixture(scope="session")
def compiled(made) -> CompiledWorkspace:
    found = compile_workspace(made)
    assert not found.found
    return found


@pytest.fixture(scope="session")
def running(compiled) -> Running:
    return Running(compiled.organisations[ORGANISATION], "test")


@pytest.fixture(scope="session")
def cases(made) -> Path:
    return made / "orgs" / ORGANISATION / "cases"


@pytest.fixture
def workspace(made, tmp_path) -> Path:
    """A workspace of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "workspace"))


def edit(path: Path, old: str, new: str) -> None:
    """Changes a text in a file; the text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
