"""Which values make a difference to an organisation's messages: what its plans compare with, look up and match.

Takes plans; gives for each path of the model (`result.measurements[].flag`) or of the order message (`PID-8.1`) the texts worth
trying: keys of tables, constants of comparisons, a text that a pattern matches and one that it does not, and one that no table
has. All of it is read off the plan, so that nothing real is ever needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from segwright.plan import ops
from segwright.plan.model import Model
from segwright.plan.patterns import example
from segwright.plan.walk import walk
from segwright.service.naming import Names

PLAIN: Final = "SAMPLE"
NUMBER: Final = "1"
FOREIGN: Final = "ZZ9"
"""A code that no table has."""

_HL7: Final = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)(?:\[\])?(?:\.(\d+))?(?:\.(\d+))?")


class Part(NamedTuple):
    """A place of an order message; component 0 is the whole field."""

    segment: str
    field: int
    component: int = 0
    subcomponent: int = 0


def part_of(path: str) -> Part | None:
    """A path of an order message as the plans name it, None for any other."""
    found = _HL7.fullmatch(path)
    return None if found is None else Part(found[1], *(int(number or 0) for number in found.groups()[1:]))


def texts_of(plan: ops.Plan, model: Model) -> dict[str, tuple[str, ...]]:
    """The texts worth trying at each path that a plan reads."""
    names = Names(plan, model)
    found: dict[str, dict[str, None]] = {}

    def add(value: ops.Value, texts: Iterable[str]) -> None:
        for given in _given(value):
            path = names.path(given)
            if path:
                found.setdefault(path, {}).update(dict.fromkeys(text for text in texts if text))

    for op in walk(plan):
        match op:
            case ops.Lookup(table=number, keys=keys):
                for place, key in enumerate(keys):
                    add(key, [*(row.keys[place] for row in plan.tables[number].rows), FOREIGN])
            case ops.Equal(left, right) | ops.In(left, right):
                add(left, (*_constants(right), FOREIGN))
                add(right, (*_constants(left), FOREIGN))
            case ops.Match(value, pattern):
                add(value, (example(plan.patterns[pattern]), FOREIGN))
            case ops.Call(function=function, arguments=arguments) if arguments and arguments[0] is not None:
                add(arguments[0], _for_function(plan.functions[function]))
            case ops.Take() | ops.TakeAll() | ops.Component() | ops.Received():
                add(op, (PLAIN, NUMBER))
    for attribute, received in _received(plan, names).items():
        # What is compared once it is read is worth trying where it is read.
        found.setdefault(received, {}).update(found.get(attribute, {}))
    return {path: tuple(texts) for path, texts in found.items() if texts}


def _received(plan: ops.Plan, names: Names) -> dict[str, str]:
    """For each attribute that a reading plan sets (`patient.mrn.id`) the place it is read from (`PID-3[].1`)."""
    found: dict[str, str] = {}
    for op in walk(plan):
        if not isinstance(op, ops.SetOp):
            continue
        attribute = names.attribute(op.record, op.index)
        record = names.record(names.attribute_type(op.record, op.index))
        for value in _given(op.value):
            if isinstance(value, ops.Make) and record is not None:
                for part in value.parts:
                    for inner in _given(part.value):
                        found.setdefault(f"{attribute}.{record.attributes[part.index].name}", names.path(inner))
            else:
                found.setdefault(attribute, names.path(value))
    return {attribute: path for attribute, path in found.items() if part_of(path) is not None}


def _given(value: ops.Value) -> Iterator[ops.Value]:
    """The values that a value is one of: what a list gives, each side of an `else`."""
    match value:
        case ops.First(value=inner) | ops.Each(value=inner):
            yield from _given(inner)
        case ops.Coalesce(values):
            for each in values:
                yield from _given(each)
        case ops.Choose(rungs):
            for rung in rungs:
                yield from _given(rung.value)
        case _:
            yield value


def _constants(value: ops.Value) -> Iterator[str]:
    match value:
        case ops.Const("text", text):
            yield text
        case ops.Listed(items):
            yield from (item.value for item in items)


def _for_function(key: str) -> tuple[str, ...]:
    """What a built-in takes as text, and what it does not."""
    name = key.partition("/")[0]
    if name in ("dtm", "time"):
        return ("20260302133000-0600",)
    if name == "date":
        return ("19700101",)
    if name in ("digits", "integer", "number"):
        return ("555", PLAIN)
    return ()
