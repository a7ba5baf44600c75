"""Bundles of the reference hospitals, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.delivery.live import Live
from segwright.plan.bundle import read_bundle

ROOT = Path(__file__).parents[2]


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
