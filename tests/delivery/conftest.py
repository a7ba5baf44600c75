"""Bundles of the reference hospitals, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.delivery.live import Live
from segwright.plan.bundle import read_bundle
from segwright.service.bundling import write_bundles
from segwright.service.compiling import compile_workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundles of every reference hospital in each environment."""
    folder = tmp_path_factory.mktemp("bundles")
    compiled = compile_workspace(ROOT)
    for organisation in compiled.organisations.values():
        write_bundles(folder, organisation, compiled.sources)
    return folder


@pytest.fixture(scope="session")
def lives(bundles: Path) -> dict[str, Live]:
    """Each hospital's test environment, live."""
    return {
        folder.name: Live(read_bundle(folder / "test", organisation=folder.name, environment="test"))
        for folder in sorted(bundles.iterdir())
    }


def case(org: str, name: str, file: str) -> bytes:
    """A file of a reference hospital's case."""
    return (ROOT / "orgs" / org / "cases" / name / file).read_bytes()
