"""Which mutants of an organisation's messages its snapshots notice.

Takes a compiled workspace and an organisation; runs the cases on each mutant until one gives something else. A mutant that none
notices stands for a mistake that nobody would see: a case is missing. Those that cannot be noticed by any case are kept in a list
with the reason, and the list is held to the truth: an entry that is noticed, or is no mutant, is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from segwright.hl7.wire import Message
from segwright.plan import ops
from segwright.plan.walk import walk
from segwright.runtime import interpret
from segwright.runtime.outcome import Intake, Problem
from segwright.service.compiling import CompiledWorkspace
from segwright.service.inputs import inputs_of
from segwright.service.reading import Orders
from segwright.workbench.coverage import marks_by_case
from segwright.workbench.marks import Mark
from segwright.workbench.mutants import Mutant, mutants_of
from segwright.workbench.rehearsal import Rehearsal, Scene, rehearsals

Seen = tuple[object, ...]
"""What a snapshot would hold: the bytes of each message, or every reason against it."""


class Survivor(msgspec.Struct, frozen=True):
    """A mutant that no snapshot notices, and the cases that run its line all the same (none: no case runs it)."""

    mutant: Mutant
    cases: tuple[str, ...]


class Mutation(msgspec.Struct, frozen=True):
    """Of one organisation: how many mutants there are, and which survived."""

    organisation: str
    count: int
    survivors: tuple[Survivor, ...]

    @property
    def noticed(self) -> int:
        """How many some snapshot notices."""
        return self.count - len(self.survivors)


def mutation_of(
    compiled: CompiledWorkspace,
    organisation: str,
    *,
    messages: Collection[str] = (),
    every: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> Mutation:
    """Mutates the messages of one organisation (only some of them, when any are named; only each `every`th mutant)."""
    run = _Run(rehearsals(compiled, organisation))
    noticed: dict[tuple[object, ...], bool] = {}
    order: dict[tuple[object, ...], int] = {}
    unnoticed: dict[tuple[object, ...], Survivor] = {}
    for message in run.rehearsal.running.organisation.catalogue:
        if messages and message not in messages:
            continue
        for mutant in mutants_of(run.rehearsal.running, message, compiled.sources):
            if order.setdefault(mutant.key, len(order)) % every or noticed.get(mutant.key):
                continue
            if len(noticed) % 50 == 0:
                say(f"{organisation}: {message}, {len(noticed)} mutants, {len(unnoticed)} unnoticed")
            noticed[mutant.key] = run.noticed(mutant)
            if noticed[mutant.key]:
                unnoticed.pop(mutant.key, None)
            else:
                before = unnoticed[mutant.key].cases if mutant.key in unnoticed else ()
                cases = tuple(dict.fromkeys((*before, *run.cases_of(mutant))))
                unnoticed[mutant.key] = Survivor(mutant, cases)
    return Mutation(organisation, len(noticed), tuple(unnoticed.values()))


class _Run:
    """The cases of an organisation with what they give as things are."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        self.marks = marks_by_case(rehearsal)
        self.numbers: dict[str, dict[int, int]] = {}
        self.wrote: dict[tuple[str, int], Seen] = {}
        self.read: dict[tuple[str, str], Seen] = {}
        for scene in rehearsal.scenes:
            for number, inputs in enumerate(scene.inputs):
                self.wrote[scene.case, number] = self._written(scene.message, inputs, None)
            if scene.order is not None and scene.reads:
                self.read[scene.case, scene.reads] = self._taken(scene.reads, scene.order, None)

    def cases_of(self, mutant: Mutant) -> tuple[str, ...]:
        """The cases that run what a mutant touches."""
        return tuple(case for case, marks in self.marks.items() if self._runs(marks.get(mutant.message, set()), mutant))

    def _runs(self, marks: set[Mark], mutant: Mutant) -> bool:
        below = {
            inner
            for number in mutant.numbers
            for inner in self.rehearsal.running.explained(mutant.message).below(number)
        }
        return any(kind != "row" and op in below for kind, op, _ in marks)

    def noticed(self, mutant: Mutant) -> bool:
        """Whether the snapshot of any case would differ."""
        likely = set(self.cases_of(mutant))
        scenes = sorted(self.rehearsal.scenes, key=lambda scene: scene.case not in likely)
        if mutant.plan.direction == "reads":
            return any(self._reads_otherwise(scene, mutant) for scene in scenes)
        return any(
            self._written(mutant.message, inputs, mutant.plan) != self.wrote[scene.case, number]
            for scene in scenes
            if scene.message == mutant.message
            for number, inputs in enumerate(scene.inputs)
        )

    def _reads_otherwise(self, scene: Scene, mutant: Mutant) -> bool:
        if scene.order is None or scene.reads != mutant.message:
            return False
        intake = interpret.read(mutant.plan, scene.order)
        if self._of_intake(intake, mutant.plan, scene.reads) == self.read[scene.case, scene.reads]:
            return False
        if scene.message == scene.reads:
            return scene.agreed or not intake.good
        return self._writes_otherwise(scene, mutant, intake)

    def _writes_otherwise(self, scene: Scene, mutant: Mutant, intake: Intake) -> bool:
        """Whether a message differs because its order was read otherwise."""
        if not scene.inputs:
            return False
        if not intake.good or scene.order is None:
            return True
        running = self.rehearsal.environments[scene.environment]
        orders = Orders(scene.reads, scene.order, mutant.plan, intake.records, intake.group, intake.groups)
        plan = running.explained(scene.message).plan
        case = scene.opened
        assert case.make is not None
        entry = running.organisation.catalogue[scene.message]
        prepared, found = inputs_of(running, entry, plan, orders, case.subject, case.make, case.nth)
        if found or len(prepared) != len(scene.inputs):
            return True
        return any(
            self._written(scene.message, inputs, None) != self.wrote[scene.case, number]
            for number, inputs in enumerate(prepared)
        )

    def _written(self, message: str, inputs: list[Any], plan: ops.Plan | None) -> Seen:
        trace = self.rehearsal.trace(message, inputs, plan)
        if trace.problems:
            return tuple(self._problem(problem, plan, message) for problem in trace.problems)
        return (trace.data,)

    def _taken(self, message: str, order: Message, plan: ops.Plan | None) -> Seen:
        return self._of_intake(self.rehearsal.read(message, order, plan), plan, message)

    def _of_intake(self, intake: Intake, plan: ops.Plan | None, message: str) -> Seen:
        if not intake.good:
            problems = [self._problem(problem, plan, message) for problem in intake.problems]
            return (*problems, *((reject.code, reject.name, reject.saying) for reject in intake.rejects))
        return tuple(intake.records.values()), intake.groups

    def _problem(self, problem: Problem, plan: ops.Plan | None, message: str) -> Seen:
        """A reason with the operation as the unchanged plan numbers it: what was not changed is the same object in both."""
        number = problem.op
        if plan is not None:
            if message not in self.numbers:
                own = self.rehearsal.running.explained(message).operations
                self.numbers[message] = {id(op): place for place, op in enumerate(own)}
            op = next(op for place, op in enumerate(walk(plan)) if place == problem.op)
            number = self.numbers[message].get(id(op), -1)
        return problem.kind, number, tuple(sorted(problem.facts.items()))


def totals(found: Iterable[Mutation]) -> str:
    """`mutants: N of M noticed`."""
    mutations = list(found)
    noticed, count = sum(each.noticed for each in mutations), sum(each.count for each in mutations)
    return f"mutants: {noticed} of {count} noticed"
