"""Damaged plans run nothing of anybody else's, and never break the engine: they are refused, or they do what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.mutated_plans import RUNNERS

ROOT = Path(__file__).resolve().parents[2]
PLANS = 10_000


def run(runners: str, count: int, seed: int) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.runtime.mutated_plans", runners, str(count), str(seed)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'engine'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [20261123, 20261124])
def test_ten_thousand_damaged_plans_run_no_foreign_code(seed: int) -> None:
    share = PLANS // 2  # of each seed, so that two processes can share the work
    found = run(",".join(RUNNERS), share, seed)
    assert found["raised"] == []
    assert found["events"] == {}
    assert set(found["outcomes"]) == set(RUNNERS)
    for outcomes in found["outcomes"].values():
        assert sum(outcomes.values()) == share
        # Enough of them must come far enough to mean anything.
        assert outcomes["ran"] > share / 10
        assert outcomes["refused as a plan"] > share / 20
        # A value taken for what it is not: the interpreter may pass it by, the generated code looks at it, so nothing goes out.
        assert outcomes.get("nothing sent", 0) < share / 1000


def test_what_a_plan_has_no_business_with_is_noticed() -> None:
    found = run("planted", 300, 1)
    assert any(event.startswith("open ") and "mutated_plans.py" in event for event in found["events"])
    assert any("LookupError" in trace for trace in found["raised"])
