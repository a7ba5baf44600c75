"""One state of a workspace, ready to run its cases: plans from the cache, configuration when it is asked for.

Takes the folder of a workspace and what checking its fleet gave; gives for an organisation its manifests, its cases and what they
come to. Nothing is compiled again except to explain a refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from segwright.core.diagnostic import Diagnostic, errors
from segwright.core.prose import message
from segwright.core.source import Source
from segwright.orgs.declaration import Schema
from segwright.orgs.load import load_schema, load_what_was_checked
from segwright.orgs.organisation import Organisation
from segwright.orgs.workspace import Case as CaseFiles
from segwright.orgs.workspace import Workspace, read_workspace, with_organisation
from segwright.plan import ops
from segwright.plan.manifest import Manifest
from segwright.plan.walk import walk
from segwright.review.outputs import Result
from segwright.service.cache import Cache
from segwright.service.cases import Case, outputs_of, read_case
from segwright.service.fleet import FleetResult, Plans, Progress, check_fleet
from segwright.service.manifest import manifest_of
from segwright.service.naming import Names
from segwright.service.running import Running

if TYPE_CHECKING:
    from segwright.service.compiling import CompiledOrganisation, Shared


class State:
    """A workspace as it is in one folder. `only`: the organisations it is asked about, all when None. `twin`: the same
    workspace at another time; configuration that is the same in both is read once."""

    def __init__(
        self,
        root: Path,
        only: Collection[str] | None = None,
        cache: Cache | None = None,
        progress: Progress = lambda done, of: None,
        twin: State | None = None,
    ) -> None:
        self._twin = twin
        self.root = root
        self.fleet: FleetResult = check_fleet(root, only, cache=cache, progress=progress)
        self._read: dict[str, Workspace] = {}
        self._organisations: dict[str, Organisation | None] = {}
        self._plans: dict[str, Plans | None] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The organisations that compile."""
        return tuple(name for name, checked in self.fleet.organisations.items() if self.good(name) and checked.compiled)

    def good(self, name: str) -> bool:
        """Whether every message of an organisation has a plan."""
        checked = self.fleet.organisations.get(name)
        return checked is not None and all(all(by.values()) for by in checked.hashes.values())

    def hashes(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """The hash of every plan, by environment and message."""
        return self.fleet.organisations[name].hashes

    def errors(self, name: str) -> list[Diagnostic]:
        """What keeps an organisation from being compiled."""
        return [
            found
            for found in errors(self.fleet.found)
            if name in found.organisation.split(", ") or not found.organisation
        ]

    # --- files -----------------------------------------------------------------------------------------------------------

    def workspace(self, name: str) -> Workspace:
        """The workspace with the files of an organisation."""
        if name not in self._read:
            self._read[name] = with_organisation(self.shared, name)
        return self._read[name]

    @cached_property
    def shared(self) -> Workspace:
        """The workspace without its organisations."""
        workspace, _ = read_workspace(self.root, ())
        assert workspace is not None
        return workspace

    @cached_property
    def shared_texts(self) -> dict[str, str]:
        """The texts of what is shared, by name."""
        return {name: source.text for name, source in self.shared.sources.items()}

    @property
    def schema_text(self) -> str:
        """What declares the configuration."""
        return "" if self.shared.schema is None else self.shared.schema.text

    @cached_property
    def _schema(self) -> Schema | None:
        return None if self.shared.schema is None else load_schema(self.shared.schema)[0]

    def config_text(self, name: str) -> str:
        """The org.yaml of an organisation."""
        config = self.workspace(name).organisations[name].config
        return "" if config is None else config.text

    def organisation(self, name: str) -> Organisation:
        """The configuration of an organisation that compiles."""
        twin = self._twin
        if (
            name not in self._organisations
            and twin is not None
            and name in twin.names
            and (self.config_text(name), self.schema_text) == (twin.config_text(name), twin.schema_text)
        ):
            self._organisations[name] = twin.organisation(name)
        if name not in self._organisations:
            config = self.workspace(name).organisations[name].config
            assert config is not None
            assert self._schema is not None
            self._organisations[name] = load_what_was_checked(config, self._schema)
        found = self._organisations[name]
        assert found is not None
        return found

    # --- plans -----------------------------------------------------------------------------------------------------------

    def plans(self, name: str) -> Plans:
        """The plans of an organisation."""
        if name not in self._plans:
            self._plans[name] = self.fleet.plans(name)
        found = self._plans[name]
        if found is None:  # the cache lost them since it was asked
            found = self._plans[name] = check_fleet(self.root, [name], jobs=1).plans(name)
            assert found is not None
        return found

    def plan(self, name: str, environment: str, message: str) -> ops.Plan | None:
        """One plan; None when the catalogue does not hold the message."""
        if not self.hashes(name).get(environment, {}).get(message):
            return None
        return msgspec.json.decode(self.plans(name).plan(environment, message), type=ops.Plan)

    def manifest(self, name: str, environment: str) -> Manifest:
        """All but the plans that decides what an organisation gets in an environment."""
        plans = {
            message: plan
            for message in self.hashes(name)[environment]
            if (plan := self.plan(name, environment, message)) is not None
        }
        sources: Mapping[str, Source] = self.workspace(name).sources
        return manifest_of(self.organisation(name), environment, self.plans(name).model, plans, sources)

    def running(self, name: str) -> dict[str, Running]:
        """An organisation in each of its environments, made from its plans."""
        organisation, model = self.organisation(name), self.plans(name).model

        return {
            environment: Running.of_plans(
                organisation, model, environment,
                lambda message, environment=environment: self.plan(name, environment, message),  # type: ignore[misc]
                lambda: self.compiled(name),
            )
            for environment in self.hashes(name)
        }  # fmt: skip

    def compiled(self, name: str) -> CompiledOrganisation:
        """An organisation that compiles, compiled again: with what explains its plans."""
        found, _ = self._compiler.compile(self.workspace(name).organisations[name])
        assert found is not None
        return found

    @cached_property
    def _compiler(self) -> Shared:
        from segwright.service.compiling import Shared

        return Shared(self.shared)

    def forget(self, name: str) -> None:
        """Lets go of what was read and decoded of an organisation."""
        for kept in (self._read, self._organisations, self._plans):
            kept.pop(name, None)

    # --- cases -----------------------------------------------------------------------------------------------------------

    def cases(self, name: str) -> dict[str, CaseFiles]:
        """The cases of an organisation by name."""
        return {case.name: case for case in self.workspace(name).organisations[name].cases}


def result_of(running: Running, case: Case) -> Result:
    """What the input of a case gives an organisation in an environment; its `refused:` is not judged."""
    outputs, kinds, findings, _ = outputs_of(running, case)
    reasons = tuple(f"{finding.code}: {message(finding)}" for finding in findings)
    return Result(case.name, case.message, running.environment, outputs, reasons, kinds)


def case_of(
    state: State, name: str, files: CaseFiles, running: dict[str, Running]
) -> tuple[Case | None, list[Diagnostic]]:
    """A case as read, or what is wrong with it."""
    case, found, _ = read_case(state.workspace(name), name, files, running)
    return case, found


def reads_of(plan: ops.Plan, running: Running) -> dict[str, tuple[str, ...]]:
    """Of each attribute that a reading plan gives, the places of the message that it is read from."""
    names = Names(plan, running.model)
    found: dict[str, tuple[str, ...]] = {}
    for op in walk(plan):
        if isinstance(op, ops.SetOp):
            attribute = names.attribute(op.record, op.index)
            found[attribute] = (*found.get(attribute, ()), *names.paths(op.value))
    return found
