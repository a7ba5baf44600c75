"""A compiled message with two ways to write it: the engine's and the oracle's, from the same JSON documents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from segwright.lang.compile import Compiled, Order, compile_message
from segwright.lang.flatten import Flattened
from segwright.orgs.organisation import Organisation
from segwright.plan.model import Model
from segwright.runtime.decode import decode
from segwright.runtime.encode import encode_json
from segwright.runtime.load import MessageRefused, Writer
from segwright.service.cases import read_case, request_of
from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.rendering import prepare
from segwright.service.running import Running
from segwright.service.settings import OrganisationSettings, plan_encoding
from tests.oracle.messages import Written, write
from tests.oracle.mistakes import mistaken, two_writers
from tests.oracle.values import from_json

ROOT = Path(__file__).parents[2]
Documents = dict[str, bytes]
"""A JSON document for each input of a mapping."""


class Subject:
    """One message of one hospital."""

    def __init__(self, compiled: Compiled, organisation: Organisation, model: Model, environment: str) -> None:
        assert compiled.plan is not None
        self.compiled = compiled
        self.organisation = organisation
        self.model = model
        self.environment = environment
        self.types = {each.name: each.type for each in compiled.plan.inputs}
        self.needed = {each.name for each in compiled.plan.inputs if not each.optional and each.type.kind != "list"}
        self.writer = Writer(compiled.plan)
        gates = organisation.catalogue[compiled.plan.message].kinds
        self.kinds = tuple(kind for kind, gate in gates.items() if gate != "no")

    def by_engine(self, documents: Documents) -> Written:
        """What the engine writes."""
        values = [
            decode(self.model, type_, documents[name], nulls=True) if name in documents else None
            for name, type_ in self.types.items()
        ]
        lists = [type_.kind == "list" for type_ in self.types.values()]
        values = [() if value is None and is_list else value for value, is_list in zip(values, lists, strict=True)]
        try:
            return Written(self.writer.render(values), frozenset())
        except MessageRefused as refused:
            problems = ((each.kind, self.compiled.written[each.op]) for each in refused.problems)
            return Written(b"", frozenset((kind, "" if by is None else by.address) for kind, by in problems))

    def by_oracle(self, documents: Documents) -> Written:
        """What the oracle writes."""
        inputs = {
            name: from_json(self.model, type_, documents[name]) if name in documents else None
            for name, type_ in self.types.items()
        }
        return write(self.compiled.mapping, self.compiled.scope, self.organisation, self.environment, inputs)

    def with_mistake(self, random: Random) -> Subject | None:
        """The same message by a mapping with one mistake in it, if that compiles."""
        compiled, scope = self.compiled, self.compiled.scope
        assert compiled.plan is not None
        body, *formats = mistaken(random, self.model, (compiled.mapping.body, *scope.formats.values()))
        if two_writers((body, *formats)):
            return None
        scope = msgspec.structs.replace(scope, formats=dict(zip(scope.formats, formats, strict=True)))
        mapping = msgspec.structs.replace(compiled.mapping, body=body)
        made = compile_message(
            Flattened(mapping, scope, (), ()),
            Order(compiled.plan.message, "writes", compiled.plan.types, self.kinds),
            OrganisationSettings(self.organisation, self.environment),
            plan_encoding(self.organisation),
            compiled.plan.model,
        )
        return None if made.plan is None else Subject(made, self.organisation, self.model, self.environment)

    def documents(self, inputs: list[Any]) -> Documents:
        """The engine's own inputs as documents."""
        pairs = zip(self.types.items(), inputs, strict=True)
        return {name: encode_json(self.model, type_, value) for (name, type_), value in pairs if value is not None}


@cache
def workspace() -> CompiledWorkspace:
    """The reference hospitals."""
    found = compile_workspace(ROOT)
    assert not found.found
    return found


@cache
def subject(organisation: str, message: str, environment: str = "test") -> Subject:
    """A message of a reference hospital."""
    compiled = workspace().organisations[organisation]
    return Subject(compiled.messages[environment][message], compiled.organisation, compiled.model, environment)


def cases() -> Iterator[tuple[str, str, Subject, Documents]]:
    """Every message of every case that writes: its hospital, its name and what goes in."""
    files = workspace().workspace
    assert files is not None
    for name, organisation in workspace().organisations.items():
        running = {environment: Running(organisation, environment) for environment in organisation.messages}
        for each in files.organisations[name].cases:
            case, found, _ = read_case(files, name, each, running)
            assert case is not None, found
            if case.make is None:
                continue
            here = subject(name, case.message, case.environment)
            for inputs in prepare(running[case.environment], request_of(case))[0]:
                yield name, case.name, here, here.documents(inputs)
