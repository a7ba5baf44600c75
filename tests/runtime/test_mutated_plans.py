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


def run(runner: str, count: int, seed: int) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.runtime.mutated_plans", runner, str(count), str(seed)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'engine'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("runner", RUNNERS)
def test_ten_thousand_damaged_plans_run_no_foreign_code(runner: str) -> None:
    found = run(runner, PLANS, 20261123)
    assert found["raised"] == []
    assert found["events"] == {}
    outcomes = found["outcomes"]
    assert sum(outcomes.values()) == PLANS
    # Enough of them must come far enough to mean anything.
    assert outcomes["ran"] > PLANS / 10
    assert outcomes["refused as a plan"] > PLANS / 20


def test_what_a_plan_has_no_business_with_is_noticed() -> None:
    found = run("planted", 300, 1)
    assert any(event.startswith("open ") and "mutated_plans.py" in event for event in found["events"])
    assert any("LookupError" in trace for trace in found["raised"])
