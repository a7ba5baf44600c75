"""Laying files out never changes a plan: not of a generated program, and of no hospital whichever way its files are typed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from segwright.core.source import Source
from segwright.lang.layout import formatted
from segwright.service.fleet import check_fleet
from tests.lang.laboratory import ALLOWED, lab
from tests.lang.test_generated_programs import STATUSES, WHO, WORDS, programs
from tests.lang.test_layout import fmt, mangled

ROOT = Path(__file__).parents[2]


def hashes(root: Path) -> dict[str, dict[str, dict[str, str]]]:
    """The hash of every plan of a workspace."""
    result = check_fleet(root, jobs=1)
    assert not result.found
    return {name: checked.hashes for name, checked in result.organisations.items()}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_generated_program_gives_the_same_plan_laid_out(program: str) -> None:
    head = "mapping result writes ORU^R01 from order: optional Order, patient: Patient, result: Result\nuse head\n"
    text = head + (ALLOWED if "segment OBR" not in program else "") + program
    plans = []
    for written in (text, fmt(text)):
        made = lab(files={"mappings/result.seg": written}, declarations=STATUSES + WORDS + WHO)
        messages = made.workspace.organisations["clinic"].messages if made.workspace.organisations else {}
        plans.append((
            [one.code for one in made.workspace.found],
            [message.emitted and message.emitted.marked for by_name in messages.values() for message in by_name.values()],
        ))  # fmt: skip
    assert plans[0] == plans[1]


def test_every_plan_of_the_repository_stays_however_its_files_are_typed(tmp_path: Path) -> None:
    before = hashes(ROOT)
    assert sum(len(names) for of in before.values() for names in of.values()) > 20
    workspace = tmp_path / "workspace"
    for name in ("mappings", "orgs"):
        shutil.copytree(ROOT / name, workspace / name)
    chance = random.Random(5)
    for path in sorted(workspace.rglob("*.seg")):
        typed = mangled(path.read_text(encoding="utf-8"), chance, remarks=True)
        path.write_text(typed, encoding="utf-8")
    assert hashes(workspace) == before
    for path in sorted(workspace.rglob("*.seg")):
        text, found = formatted(Source(path.name, path.read_text(encoding="utf-8")))
        assert text is not None, found
        path.write_text(text, encoding="utf-8")
    assert hashes(workspace) == before
