"""Every hospital's exact output, locked: the same cases and the same files that `segwright test` compares.

Bytes only: a text mode would turn each CR into LF, pass a wrong message and fail a right one.
"""

from __future__ import annotations

from pathlib import Path

import hl7
import pytest
from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from segwright.core.render import render_text
from segwright.service.cases import run_case
from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.opening import organisations_in, shown_sources
from segwright.service.running import Running
from segwright.service.snapshots import FOLDER, ownerless
from segwright.service.testing import compare_cases

ROOT = Path(__file__).resolve().parents[2]
ORGANISATIONS = organisations_in(ROOT)
CASES = [
    (name, case.name)
    for name in ORGANISATIONS
    for case in sorted((ROOT / "orgs" / name / "cases").iterdir())
    if case.is_dir()
]


class Locked(SingleFileSnapshotExtension):
    """A file below snapshots/ under the name it is compared by."""

    _write_mode = WriteMode.BINARY

    @classmethod
    def get_snapshot_name(cls, *, test_location, index=0):
        return str(index)

    @classmethod
    def get_location(cls, *, test_location, index):
        return str(ROOT / FOLDER / str(index))

    @classmethod
    def dirname(cls, *, test_location):
        return str(ROOT / FOLDER)

    def discover_snapshots(self, **_):
        return SnapshotCollections()  # which files belong to no case is a test below


@pytest.fixture(scope="module")
def compiled() -> CompiledWorkspace:
    return compile_workspace(ROOT)


@pytest.fixture(scope="module")
def running(compiled: CompiledWorkspace) -> dict[str, dict[str, Running]]:
    return {
        name: {environment: Running(joined, environment) for environment in joined.messages}
        for name, joined in compiled.organisations.items()
    }


@pytest.mark.parametrize(("organisation", "case"), CASES, ids=lambda value: value)
def test_a_case_gives_the_locked_bytes(organisation, case, compiled, running, snapshot):
    files = next(f for f in compiled.workspace.organisations[organisation].cases if f.name == case)
    sources = shown_sources(compiled.sources)
    outcome = run_case(compiled.workspace, organisation, files, running[organisation])
    assert not outcome.found, render_text(outcome.found, {**sources, **outcome.sources})
    assert outcome.files
    for name, data in outcome.files.items():
        assert data == snapshot(name=f"{organisation}/{name}", extension_class=Locked)


@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_every_message_and_kind_has_a_case_and_every_snapshot_belongs_to_one(organisation, compiled):
    tested = compare_cases(ROOT, compiled, organisation)
    assert not tested.found, render_text(tested.found, tested.sources)
    assert [change.path for change in tested.changes if change.kind == "stale"] == []


def test_no_snapshot_is_left_of_a_hospital_that_is_gone():
    assert [change.path for change in ownerless(ROOT, ORGANISATIONS)] == []


def test_each_hospital_has_at_least_ten_cases():
    for organisation in ORGANISATIONS:
        assert sum(1 for name, _ in CASES if name == organisation) >= 10, organisation


@pytest.mark.parametrize(
    "path", sorted((ROOT / FOLDER).glob("*/*.hl7")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_snapshot_is_a_message_with_cr_as_segment_end_that_an_independent_parser_takes(path):
    data = path.read_bytes()
    assert data.startswith(b"MSH|")
    assert data.endswith(b"\r")
    assert b"\n" not in data
    text = data.decode("iso-8859-1" if b"|8859/1" in data.split(b"\r")[0] else "utf-8")
    parsed = hl7.parse(text)
    lines = text.rstrip("\r").split("\r")
    assert [str(segment[0]) for segment in parsed] == [line[:3] for line in lines]
    assert [str(segment) for segment in parsed] == lines
