"""The cases of an organisation, opened once so that they can be run again and again: with other plans, or to see what they did.

Takes a compiled workspace; gives scenes: of a case that writes the inputs of each of its messages, of one that reads the opened
order message. A case that is refused before a plan sees it (by the catalogue, or as no message) has no scene to run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.orgs.workspace import Workspace
from segwright.plan import ops
from segwright.runtime import interpret
from segwright.runtime.outcome import Intake, Trace
from segwright.service.cases import Case, read_case, request_of
from segwright.service.compiling import CompiledOrganisation, CompiledWorkspace
from segwright.service.reading import read_orders
from segwright.service.rendering import prepare
from segwright.service.running import Running
from segwright.workbench.texts import saying


class Scene(msgspec.Struct, frozen=True):
    """A case, ready to run. `inputs`: of each message it writes; `order`: the message that it reads or answers, and `reads` the
    catalogue's name for that. `agreed`: the catalogue takes the kinds of its orders; else the case shows nothing but that."""

    case: str
    message: str
    environment: str
    inputs: tuple[list[Any], ...]
    order: Message | None
    reads: str
    opened: Case
    agreed: bool = True


class Rehearsal:
    """The scenes of one organisation, and the plans they run on."""

    def __init__(self, running: dict[str, Running], scenes: tuple[Scene, ...]) -> None:
        self.environments = running
        self.running = next(iter(running.values()))
        self.scenes = scenes
        self._saying: dict[str, ops.Plan] = {}

    def plan(self, message: str) -> ops.Plan:
        """The plan of a message, in the environment that coverage speaks of."""
        return self.running.explained(message).plan

    def trace(self, message: str, inputs: list[Any], plan: ops.Plan | None = None) -> Trace:
        """Writes a message step by step."""
        return interpret.trace(plan or self.plan(message), inputs)

    def told(self, message: str, inputs: list[Any]) -> str:
        """A message whose texts say which branches they take."""
        if message not in self._saying:
            self._saying[message] = saying(self.plan(message))
        plan = self._saying[message]
        return interpret.trace(plan, inputs).text if plan.narratives else ""

    def read(self, message: str, order: Message, plan: ops.Plan | None = None) -> Intake:
        """Reads an order step by step."""
        return interpret.read(plan or self.plan(message), order)


def rehearsals(
    compiled: CompiledWorkspace, organisation: str, say: Callable[[str], None] = lambda text: None
) -> Rehearsal:
    """The scenes of one organisation."""
    assert compiled.workspace is not None
    return rehearsal(compiled.workspace, compiled.organisations[organisation], say)


def rehearsal(
    workspace: Workspace, joined: CompiledOrganisation, say: Callable[[str], None] = lambda text: None
) -> Rehearsal:
    """The scenes of a compiled organisation, whose files are in the workspace."""
    organisation = joined.organisation.id
    running = {environment: Running(joined, environment) for environment in joined.messages}
    scenes = []
    for files in workspace.organisations[organisation].cases:
        say(f"{organisation}: {files.name}")
        case, _, _ = read_case(workspace, organisation, files, running)
        if case is not None:
            scenes.append(scene_of(running[case.environment], case))
    return Rehearsal(running, tuple(scenes))


def scene_of(running: Running, case: Case) -> Scene:
    """A case opened. Operations have the same numbers in every environment: only values differ between them."""
    order, reads = _order(running, case)
    inputs: list[list[Any]] = []
    if running.organisation.catalogue[case.message].writes:
        inputs, found = prepare(running, request_of(case))
        inputs = [] if found else inputs
    agreed = True
    if reads and case.order is not None:
        agreed = all(refusal.code != "not_agreed" for refusal in read_orders(running, case.order)[1])
    return Scene(case.name, case.message, case.environment, tuple(inputs), order, reads, case, agreed)


def _order(running: Running, case: Case) -> tuple[Message | None, str]:
    if case.order is None:
        return None, ""
    try:
        message = open_message(case.order, default_charset=running.organisation.encoding.charset)
    except Refused:
        return None, ""
    entries = running.organisation.catalogue.values()
    return message, next((entry.name for entry in entries if message.type in entry.reads), "")
