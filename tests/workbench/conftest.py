"""The four reference hospitals, compiled once; and the sample workspace for what changes files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.starting import start
from segwright.workbench.rehearsal import Rehearsal, rehearsals

ROOT = Path(__file__).resolve().parents[2]
HOSPITALS = ("larkspur", "northgate", "stbrigid", "tamarack")


@pytest.fixture(scope="session")
def hospitals() -> CompiledWorkspace:
    found = compile_workspace(ROOT)
    assert not found.found
    return found


@pytest.fixture(scope="session")
def rehearsed(hospitals) -> dict[str, Rehearsal]:
    return {name: rehearsals(hospitals, name) for name in HOSPITALS}


@pytest.fixture
def workspace(tmp_path) -> Path:
    """The workspace that `segwright init` makes."""
    start(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def larkspur(tmp_path) -> Path:
    """A workspace with one hospital, for tests that change its files."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    shutil.copytree(ROOT / "orgs" / "larkspur", folder / "orgs" / "larkspur")
    shutil.copy(ROOT / "orgs" / "schema.yaml", folder / "orgs" / "schema.yaml")
    shutil.copytree(ROOT / "snapshots" / "larkspur", folder / "snapshots" / "larkspur")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Changes a text in a file; the text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
