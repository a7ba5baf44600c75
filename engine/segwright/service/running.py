"""One organisation in one environment, ready to read and to write: its plans made into functions when they are first used.

Takes a compiled organisation; refuses, with `KeyError`, a message that its catalogue does not hold and, with `NotCompiled`, one
whose plan could not be made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from segwright.lang.compile import Compiled
from segwright.orgs.organisation import Organisation
from segwright.plan import ops
from segwright.plan.model import Model
from segwright.runtime.load import Reader, Writer, load
from segwright.service.compiling import CompiledOrganisation
from segwright.service.refusals import Explained


class NotCompiled(Exception):
    """The message has no plan: its mapping has errors, which `check` shows."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Running:
    """Loaded plans of one organisation and environment."""

    def __init__(self, compiled: CompiledOrganisation, environment: str) -> None:
        self.organisation: Organisation = compiled.organisation
        self.model: Model = compiled.model
        self.environment = environment
        self._compile: Callable[[], CompiledOrganisation] = lambda: compiled
        here = compiled.messages[environment]
        self._plans: Callable[[str], ops.Plan | None] = lambda name: here[name].plan if name in here else None
        self._loaded: dict[str, Writer | Reader] = {}
        self._explained: dict[str, Explained] = {}

    @classmethod
    def of_plans(
        cls, organisation: Organisation, model: Model, environment: str, plans: Callable[[str], ops.Plan | None],
        compile: Callable[[], CompiledOrganisation],
    ) -> Running:  # fmt: skip
        """From plans that were compiled earlier. Only when something must be explained does it `compile` again."""
        running = cls.__new__(cls)
        running.organisation, running.model, running.environment = organisation, model, environment
        running._compile, running._plans = cache(compile), cache(plans)
        running._loaded, running._explained = {}, {}
        return running

    @property
    def compiled_organisation(self) -> CompiledOrganisation:
        """All of the organisation as compiled."""
        return self._compile()

    def compiled(self, name: str) -> Compiled:
        """A compiled message of the catalogue."""
        return self._compile().messages[self.environment][name]

    def plan(self, name: str) -> ops.Plan | None:
        """The plan of a message of the catalogue; None when its mapping has errors, or is not there at all."""
        return self._plans(name)

    def loaded(self, name: str) -> Writer | Reader:
        """Its plan, ready to run."""
        if name not in self._loaded:
            plan = self.plan(name)
            if plan is None:
                raise NotCompiled(name)
            self._loaded[name] = load(plan)
        return self._loaded[name]

    @property
    def shapes(self) -> set[object]:
        """What the plans that were made ready share with those of other organisations."""
        return {each.shape for each in self._loaded.values()}

    def explained(self, name: str) -> Explained:
        """Its plan with the words for what it does."""
        if name not in self._explained:
            if self.plan(name) is None:
                raise NotCompiled(name)
            self._explained[name] = Explained(self.organisation, self.environment, self.model, self.compiled(name))
        return self._explained[name]
