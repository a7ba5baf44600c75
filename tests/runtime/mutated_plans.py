"""Thousands of damaged plans, decoded, checked and run under an audit hook: a program that `test_mutated_plans` starts.

    python -m tests.runtime.mutated_plans RUNNERS COUNT SEED

RUNNERS: names of what runs each plan, with a comma between them. Prints one line of JSON: for each of them how many plans were
refused at which stage and how many ran, and every event that the interpreter of Python reported and that running a plan has no
business with. Anything else that is raised is a failure too.
"""

from __future__ import annotations

import ast
import json
import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, get_args

import msgspec

from segwright.hl7.wire import open_message
from segwright.plan import ops
from segwright.plan.canonical import NotCanonical, decode_plan, encode
from segwright.plan.ops import Plan
from segwright.plan.validate import problems
from segwright.runtime.interpret import read, trace
from segwright.runtime.load import Disagreement, MessageRefused, Reader, load
from tests.plan.samples import READING, WRITING

Runner = Callable[[Plan, Any], None]


def interpret(plan: Plan, given: Any) -> None:
    """By the interpreter."""
    if plan.direction == "writes":
        trace(plan, given)
    else:
        read(plan, given)


def generate(plan: Plan, given: Any) -> None:
    """By generated code, and the interpreter where that finds something."""
    loaded = load(plan)
    if isinstance(loaded, Reader):
        loaded.read(given)
        return
    with suppress(MessageRefused):
        loaded.render(given)


RUNNERS: dict[str, Runner] = {"interpret": interpret, "generate": generate}
"""What runs a plan that was let through, on the inputs of a writing plan or the opened message of a reading one."""


def planted(plan: Plan, given: Any) -> None:
    """What must be noticed: a run that opens a file, and one that raises."""
    if plan.message == "echo":
        with open(__file__, encoding="utf-8"):
            pass
    if plan.message == "simple":
        raise LookupError


# Jinja makes a code object of a checked narrative, and another to give an error its line.
# The generator compiles what its own list of syntax lets through, under one name.
_TEMPLATES = frozenset({"<template>", "<unknown>", "<plan>"})
_HARMLESS = frozenset({"builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe", "code.__new__"})

NASTY = (
    "",
    "a",
    '""',
    "\r",
    "\u0000",
    "|",
    "^~\\&",
    "../../etc/passwd",
    "__import__('os').system('true')",
    "os.system",
    "{{ v0 }}",
    "{{ v0.__class__.__mro__ }}",
    "{% import 'os' as o %}",
    "{{ ''.__class__ }}",
    "{% for a in v0 %}{{ a }}{% endfor %}",
    "(a*)*b",
    "([a-z]+)*!",
    "text/text@1",
    "lines/text@1",
    "join/text@1",
    "MSH",
    "PID",
    "Africa/Abidjan",
    "America/Chicago",
    "utf-8",
    "utf-7",
    "rot13",
    "idna",
    "true",
    "null",
    "1",
    "-1",
    "999999999999999999",
    "1e9",
    "\ud800",
    "😀",
    "always",
    "any",
    "if",
    "writes",
    "reads",
    "composite",
)


FAMILIES = tuple(
    frozenset(str(kind.__struct_config__.tag) for kind in get_args(union))
    for union in (ops.Value, ops.Condition, ops.Content, ops.WriteOp, ops.ReadOp)
)


class Donor(NamedTuple):
    """A document to take pieces from: every container with each key of it, and what stands there by its family of operations. It
    is never changed itself."""

    places: list[tuple[Any, Any]]
    kin: dict[frozenset[str], list[Any]]


def donor_of(document: Any) -> Donor:
    every = places(document, [])
    kin: dict[frozenset[str], list[Any]] = {}
    for container, key in every:
        kin.setdefault(family(container[key]), []).append(container[key])
    return Donor(every, kin)


class Sample(NamedTuple):
    """A sound plan: its bytes, what it runs on, and what others may take from it."""

    data: bytes
    inputs: list[Any]
    donor: Donor


def samples() -> list[Sample]:
    """Every sample plan."""
    plans: list[tuple[bytes, list[Any]]] = [
        *((encode(one.plan), list(one.inputs.values())) for one in WRITING.values()),
        *((encode(one.plan), [*map(open_message, one.messages.values())]) for one in READING.values()),
    ]
    return [Sample(data, inputs, donor_of(json.loads(data))) for data, inputs in plans]


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randint(1, 20)]
            case 2:
                changed[place:place] = changed[
                    (start := chance.randrange(len(changed))) : start + chance.randint(1, 40)
                ]
            case _:
                changed[place] = chance.choice(b'0123456789"{}[]:,tfnaz-')
    return bytes(changed)


def places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every container of a document with a key or index in it."""
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found.append((value, key))
        places(value[key], found)
    return found


def family(op: Any) -> frozenset[str]:
    """The operations that may stand where this one stands; empty when it is none."""
    tag = op.get("op") if isinstance(op, dict) else None
    return next((tags for tags in FAMILIES if isinstance(tag, str) and tag in tags), frozenset())


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def damaged_structure(document: Any, donor: Donor, chance: random.Random) -> Any:
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        container, key = chance.choice(places(document, []))
        held = container[key]
        kin = family(held)
        match chance.randrange(12):
            case 0 if isinstance(container, dict):
                del container[key]
            case 1 | 2 if isinstance(held, list) and held:
                held.insert(chance.randrange(len(held)), copied(chance.choice(held)))
            case 3 if isinstance(held, list):
                chance.shuffle(held)
            case 4:
                other, other_key = chance.choice(donor.places)
                container[key] = copied(other[other_key])
            case 5 | 6 | 7 | 8 | 9 | 10 if kin:
                # One operation in the place of another is what a validator has to be good at.
                container[key] = copied(chance.choice(donor.kin.get(kin, [held])))
            case _:
                if isinstance(held, str):
                    container[key] = chance.choice(NASTY)
                elif isinstance(held, int):
                    container[key] = chance.choice(
                        (0, 1, 2, 3, 4, 5, 6, 8, 18, held + 1, held - 1, 999, 1000, -1, 2**31, 2**70)
                    )
    return document


def main(names: str, count: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    runs = {name: {**RUNNERS, "planted": planted}[name] for name in names.split(",")}
    sound = samples()
    for sample in sound:
        plan = decode_plan(sample.data)
        assert not problems(plan)
        for given in sample.inputs:
            for run in runs.values():
                if run is not planted:
                    run(plan, given)
    outcomes: dict[str, Counter[str]] = {name: Counter() for name in runs}
    events: Counter[str] = Counter()
    raised: list[str] = []
    watching = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching or event in _HARMLESS:
            return
        if event == "compile" and (arguments[1] in _TEMPLATES or isinstance(arguments[0], ast.Module)):
            return  # a tree has no name yet; what is run of it has
        if event in ("exec", "function.__new__") and arguments[0].co_filename in _TEMPLATES:
            return
        if event == "open" and "/tzdata/zoneinfo/" in str(arguments[0]):
            return
        events[f"{event} {str(arguments)[:200]}"] += 1

    sys.addaudithook(watch)
    for _ in range(count):
        sample, donor = chance.choice(sound), chance.choice(sound)
        if chance.random() < 0.2:
            mutated = damaged_bytes(sample.data, chance)
        else:
            mutated = json.dumps(
                damaged_structure(json.loads(sample.data), donor.donor, chance),
                sort_keys=True,
                separators=(",", ":"),
                ensure_ascii=False,
            ).encode("utf-8", "surrogatepass")
        given = chance.choice(sample.inputs)
        accepted: Plan | None = None
        outcome = "raised"
        watching = True
        try:
            accepted, outcome = let_in(mutated)
        except Exception:  # noqa: BLE001 - whatever it is, it is reported
            raised.append(traceback.format_exc(limit=-6))
        for name, run in runs.items():
            try:
                outcomes[name][outcome if accepted is None else done(run, accepted, given, outcome)] += 1
            except Exception:  # noqa: BLE001 - whatever it is, it is reported
                raised.append(traceback.format_exc(limit=-6))
                outcomes[name]["raised"] += 1
        watching = False
    return {"outcomes": outcomes, "events": events, "raised": raised[:5]}


def let_in(data: bytes) -> tuple[Plan | None, str]:
    """What is let in of one damaged plan, and what becomes of it."""
    outcome = "ran"
    try:
        plan = decode_plan(data)
    except NotCanonical:
        # Damage nearly always costs the canonical form; what is behind that door is tried too.
        try:
            plan = msgspec.json.decode(data, type=Plan)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None, "refused as JSON"
        outcome = "ran, though not canonical"
    return (None, "refused as a plan") if problems(plan) else (plan, outcome)


def done(run: Runner, plan: Plan, given: Any, outcome: str) -> str:
    """What becomes of a plan that is run."""
    try:
        run(plan, given)
    except Disagreement:
        return "nothing sent"
    except ValueError as error:
        if "inputs" in str(error) or "is missing" in str(error) or "a message" in str(error):
            return "refused for its inputs"
        raise
    return outcome


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))) + "\n")
