"""Replays recorded inputs through the plans of a base and those of the workspace. Values never leave this module.

Recordings lie in a folder as cases do: `orgs/<org>/cases/<name>/` with case.yaml (when, under which number, for what),
order.hl7 and the document of the subject. Takes two states and inputs; gives a `ReplayReview`. Nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from segwright.core.prose import message
from segwright.core.source import NOWHERE
from segwright.orgs.workspace import Case as CaseFiles
from segwright.orgs.workspace import Workspace
from segwright.review.guard import Replayed, collisions
from segwright.review.meanings import Meanings
from segwright.review.outputs import Comparison, Result, compare_results
from segwright.review.replay import ReplayReview, told
from segwright.service.cases import Case, read_case
from segwright.service.diffing import Say
from segwright.service.inputs import making
from segwright.service.running import Running
from segwright.service.states import State, reads_of, result_of

if TYPE_CHECKING:
    from segwright.ledger.recorded import Recorded


class Recording(msgspec.Struct, frozen=True):
    """One recorded input: of which organisation, its name and its files."""

    organisation: str
    files: CaseFiles


def recordings(folder: Path) -> list[Recording]:
    """The recordings in a folder, by organisation and name. Raises OSError."""
    found = []
    for place in sorted((folder / "orgs").glob("*/cases/*")):
        if place.is_dir() and not place.name.startswith("."):
            organisation = place.parent.parent.name
            names = {
                path.name: path.relative_to(folder).as_posix() for path in sorted(place.iterdir()) if path.is_file()
            }
            found.append(Recording(organisation, CaseFiles(place.name, names)))
    return found


class Inputs(msgspec.Struct, frozen=True):
    """What is replayed, oldest first, by organisation; and what cannot be, with the reason."""

    cases: tuple[tuple[str, Case], ...]
    unread: tuple[tuple[str, str], ...] = ()


def replay(
    before: State, after: State, base: str, inputs: Inputs, meanings: Meanings, say: Say = lambda text: None
) -> ReplayReview:
    """Runs what was recorded."""
    compared: list[tuple[str, Comparison]] = []
    replayed: list[Replayed] = []
    running: dict[str, tuple[dict[str, Running], dict[str, Running]]] = {}
    for number, (name, case) in enumerate(inputs.cases):
        if number % 50 == 0:
            say(f"replaying … {number} of {len(inputs.cases)}")
        if name not in running:
            old = before.running(name) if name in before.names else {}
            running[name] = (old, after.running(name))
        results = [_result(each, case) for each in running[name]]
        reads = _reads(running[name][1], case)
        compared.append((name, compare_results(results[0], results[1], meanings, reads)))
        replayed.append(Replayed(name, case.name, _about(case), *results))
    return told(base, compared, collisions(replayed), inputs.unread)


def inputs_in(after: State, folder: Path, since: str = "", last: int | None = None) -> Inputs:
    """The recordings in a folder. `since`: only inputs not older than that time (digits, as recorded); `last`: only so many, the
    youngest. Raises OSError."""
    source = Workspace(folder, {}, {}, None, {})
    cases: list[tuple[str, Case]] = []
    unread: list[tuple[str, str]] = []
    running: dict[str, dict[str, Running]] = {}
    for recording in recordings(folder):
        name = recording.organisation
        if name not in after.names:
            unread.append((f"{name} {recording.files.name}", _NO_HOSPITAL))
            continue
        if name not in running:
            running[name] = after.running(name)
        case, findings, _ = read_case(source, name, recording.files, running[name])
        if case is None:
            unread.append((f"{name} {recording.files.name}", message(findings[0]) if findings else "it cannot be read"))
        else:
            cases.append((name, case))
    cases.sort(key=lambda each: _when(each[1]))
    if since:
        cases = [each for each in cases if _when(each[1]) >= since]
    return Inputs(tuple(cases[-last:] if last is not None else cases), tuple(unread))


_NO_HOSPITAL: Final = "the workspace has no such hospital, or it does not compile"


def inputs_of(after: State, environment: str, found: Iterable[Recorded]) -> Inputs:
    """What a ledger recorded, as inputs in the environment of its server."""
    cases: list[tuple[str, Case]] = []
    unread: list[tuple[str, str]] = []
    for each in sorted(found, key=lambda one: (one.at, one.id)):
        name = f"{each.way} {each.id}"
        if each.org not in after.names:
            unread.append((f"{each.org} {name}", _NO_HOSPITAL))
            continue
        called, make = each.message, None
        if each.way == "read":
            entries = after.organisation(each.org).catalogue.values()
            type_ = "^".join(each.type.split("^")[:2])
            called = next((entry.name for entry in entries if type_ in entry.reads), "")
        else:
            at = datetime.fromtimestamp(each.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
            make, _ = making(at, each.control_id)
        if called not in after.organisation(each.org).catalogue or (each.way == "written" and make is None):
            unread.append((f"{each.org} {name}", "the catalogue has no such message any more"))
            continue
        cases.append(
            (
                each.org,
                Case(each.org, name, "", called, environment, make, each.order, each.subject, None, False, NOWHERE),
            )
        )
    return Inputs(tuple(cases), tuple(unread))


def _when(case: Case) -> str:
    """The time of an input by which inputs are put in order; of an order that is read, none."""
    return case.make.at.digits if case.make is not None else ""


def _result(running: dict[str, Running], case: Case) -> Result | None:
    here = running.get(case.environment)
    if here is None or case.message not in here.organisation.catalogue or here.plan(case.message) is None:
        return None
    return result_of(here, case)


def _reads(running: dict[str, Running], case: Case) -> dict[str, tuple[str, ...]]:
    here = running.get(case.environment)
    plan = here.plan(case.message) if here is not None and case.message in here.organisation.catalogue else None
    return reads_of(plan, here) if plan is not None and here is not None and plan.direction == "reads" else {}


def _about(case: Case) -> str:
    """What tells an input from others: the order and the subject with its version, not when it was made."""
    digest = hashlib.sha256(case.order or b"")
    digest.update(b"\0" + (case.subject or b"") + b"\0" + str(case.nth).encode())
    return digest.hexdigest()
