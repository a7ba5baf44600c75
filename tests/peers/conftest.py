"""Bundles of one reference hospital, and a server that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.servers import ROOT

ORG = "larkspur"


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> Path:
    from segwright.service.bundling import write_bundles
    from segwright.service.compiling import compile_workspace

    folder = Path(tmp_path_factory.mktemp("bundles"))
    compiled = compile_workspace(ROOT, [ORG])
    write_bundles(folder, compiled.organisations[ORG], compiled.sources)
    return folder
