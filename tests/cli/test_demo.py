"""`make demo` prints for every hospital what it takes and gives, and what it wants otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

from segwright.service.opening import organisations_in
from tests.cli.conftest import ROOT


def test_the_demonstration_shows_every_hospital_with_the_lines_that_differ():
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo" / "run.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    names = organisations_in(ROOT)
    assert done.stdout.count("comes in   case") >= len(names)
    for kind in ("final", "corrected", "accepted", "completed"):
        assert done.stdout.count(f" {kind} goes out") >= len(names), kind
    assert "DFT^P03 final goes out" in done.stdout
    for name in names:
        assert f"← orgs/{name}/" in done.stdout
    assert f"messages for {len(names)} hospitals in " in done.stdout
