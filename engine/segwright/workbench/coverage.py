"""Which points of an organisation its cases exercise.

Takes a compiled workspace and an organisation; runs every case by the interpreter, which remembers what it did; gives each point
with whether it was exercised. What is proved dead is listed, and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from segwright.hl7.wire import Message
from segwright.runtime.outcome import Intake, Trace
from segwright.service.compiling import CompiledWorkspace
from segwright.workbench.marks import Mark, marks_of_intake, marks_of_trace
from segwright.workbench.points import Point, points_of
from segwright.workbench.rehearsal import Rehearsal, rehearsals
from segwright.workbench.texts import said


class Covered(msgspec.Struct, frozen=True):
    """A point and the cases that exercise it (none: it is untouched)."""

    point: Point
    cases: tuple[str, ...]


class Coverage(msgspec.Struct, frozen=True):
    """Of one organisation: what counts (`points`), and what is proved dead here."""

    organisation: str
    points: tuple[Covered, ...]
    dead: tuple[Point, ...]

    @property
    def hit(self) -> int:
        """How many points are exercised."""
        return sum(1 for each in self.points if each.cases)

    @property
    def untouched(self) -> list[Point]:
        """The points that no case exercises."""
        return [each.point for each in self.points if not each.cases]


def percent(hit: int, count: int) -> str:
    """Rounded down to a tenth, so that 100 % is said of nothing less."""
    tenths = 1000 * hit // count if count else 1000
    return f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"


def last_line(coverages: Iterable[Coverage]) -> str:
    """`coverage: N of M (P%)`."""
    found = list(coverages)
    hit, count = sum(each.hit for each in found), sum(len(each.points) for each in found)
    return f"coverage: {hit} of {count} ({percent(hit, count)}%)"


def reaches(coverages: Iterable[Coverage], threshold: float) -> bool:
    """Whether together they reach a percentage."""
    found = list(coverages)
    count = sum(len(each.points) for each in found)
    return 100 * sum(each.hit for each in found) >= threshold * count


def coverage_of(
    compiled: CompiledWorkspace, organisation: str, say: Callable[[str], None] = lambda text: None
) -> Coverage:
    """Runs the cases of one organisation. What is wrong with a case is `test`'s to say; such a case exercises nothing."""
    rehearsed = rehearsals(compiled, organisation, say)
    return judged(points_of(rehearsed.running, compiled.sources), marks_by_case(rehearsed), organisation)


def judged(points: Iterable[Point], marks: Mapping[str, Mapping[str, set[Mark]]], organisation: str) -> Coverage:
    """Points against the marks of cases: case → message → marks."""
    counted, dead = [], []
    for point in points:
        cases = tuple(
            case
            for case, by_message in marks.items()
            if any(wanted & by_message.get(message, set()) for message, wanted in point.marks.items())
        )
        if point.never and not cases:
            dead.append(point)
        else:
            counted.append(Covered(point, cases))
    return Coverage(organisation, tuple(counted), tuple(dead))


def marks_by_case(rehearsed: Rehearsal) -> dict[str, dict[str, set[Mark]]]:
    """What each case exercises, by message: also the order message that it answers."""
    found: dict[str, dict[str, set[Mark]]] = {}
    for scene in rehearsed.scenes:
        by_message = found.setdefault(scene.case, {})
        for inputs in scene.inputs:
            by_message.setdefault(scene.message, set()).update(_written(rehearsed, scene.message, inputs))
        if scene.order is not None and not scene.inputs and scene.reads:
            marks = _read(rehearsed, scene.reads, scene.order)
            if scene.agreed or any(kind == "refused" for kind, _, _ in marks):
                by_message.setdefault(scene.reads, set()).update(marks)
    return found


def _written(rehearsed: Rehearsal, message: str, inputs: list[Any]) -> set[Mark]:
    trace: Trace = rehearsed.trace(message, inputs)
    return marks_of_trace(trace) | (set() if trace.problems else said(rehearsed.told(message, inputs)))


def _read(rehearsed: Rehearsal, message: str, order: Message) -> set[Mark]:
    intake: Intake = rehearsed.read(message, order)
    return marks_of_intake(intake)
