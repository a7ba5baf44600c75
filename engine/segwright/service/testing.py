"""Runs the cases of a workspace and compares them with their snapshots.

Takes a compiled workspace; gives for each organisation what its cases gave, what changed, and every finding. Writes nothing:
that is `snapshots.write`, once somebody has seen the changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import NOWHERE, Source
from segwright.service.cases import Outcome, run_case, told_once, uncovered
from segwright.service.compiling import CompiledWorkspace
from segwright.service.running import Running
from segwright.service.snapshots import Change, compare, unreadable


class Comparison(msgspec.Struct, frozen=True):
    """What testing one organisation gave. `found` holds everything but the changes."""

    organisation: str
    outcomes: tuple[Outcome, ...]
    changes: tuple[Change, ...]
    found: tuple[Diagnostic, ...]
    sources: dict[str, Source]


def run_cases(
    compiled: CompiledWorkspace, organisation: str, say: Callable[[str], None] = lambda text: None
) -> tuple[list[Outcome], Running]:
    """Every case of one organisation."""
    workspace = compiled.workspace
    assert workspace is not None
    joined = compiled.organisations[organisation]
    running = {environment: Running(joined, environment) for environment in joined.messages}
    outcomes = []
    for files in workspace.organisations[organisation].cases:
        say(f"{organisation}: {files.name}")
        outcomes.append(run_case(workspace, organisation, files, running))
    return outcomes, next(iter(running.values()))


def compare_cases(
    root: Path, compiled: CompiledWorkspace, organisation: str, say: Callable[[str], None] = lambda text: None
) -> Comparison:
    """Runs and compares the cases of one organisation."""
    if organisation not in compiled.organisations:
        finding = diagnostic("SW1035", NOWHERE, name=organisation)
        return Comparison(organisation, (), (), (finding,), compiled.sources)
    outcomes, running = run_cases(compiled, organisation, say)
    found = told_once(outcomes)
    if not any(finding.code == "SW1032" for finding in found):
        found += uncovered(running, outcomes)
    sources = {**compiled.sources, **{name: s for outcome in outcomes for name, s in outcome.sources.items()}}
    bad = unreadable(root, organisation)
    changes = compare(root, organisation, outcomes, bad)
    return Comparison(organisation, tuple(outcomes), tuple(changes), (*found, *bad.values()), sources)
