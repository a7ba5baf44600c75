"""Thousands of damaged plans, decoded, checked and run under an audit hook: a program that `test_mutated_plans` starts.

    python -m tests.runtime.mutated_plans RUNNER COUNT SEED

Prints one line of JSON: how many plans were refused at which stage, how many ran, and every event that the interpreter of Python
reported and that running a plan has no business with. Anything else that is raised is a failure too.
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
from typing import Any, get_args

import msgspec

from segwright.hl7.wire import open_message
from segwright.plan import ops
from segwright.plan.canonical import NotCanonical, decode_plan, encode
from segwright.plan.ops import Plan
from segwright.plan.validate import problems
from segwright.runtime.interpret import read, trace
from segwright.runtime.load import MessageRefused, Reader, load
from tests.plan.samples import READING, WRITING

Runner = Callable[[Plan, Any], None]


def interpret(plan: Plan, given: Any) -> None:
    """By the interpreter."""
    if plan.direction == "writes":
        trace(plan, given)
    else:
        read(plan, given)


def generate(plan: Plan, given: Any) -> None:
    """By generated code. Where it and the interpreter differ, `Disagreement` is raised, and reported."""
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


def cases() -> list[tuple[bytes, list[Any]]]:
    """The bytes of every sample plan, and what it runs on."""
    writing = [(encode(sample.plan), list(sample.inputs.values())) for sample in WRITING.values()]
    reading = [
        (encode(sample.plan), [open_message(data) for data in sample.messages.values()]) for sample in READING.values()
    ]
    return [*writing, *reading]


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


def damaged_structure(document: Any, donor: Any, chance: random.Random) -> Any:
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        container, key = chance.choice(places(document, []))
        held = container[key]
        kin = family(held)
        match chance.randrange(12):
            case 0 if isinstance(container, dict):
                del container[key]
            case 1 | 2 if isinstance(held, list) and held:
                held.insert(chance.randrange(len(held)), json.loads(json.dumps(chance.choice(held))))
            case 3 if isinstance(held, list):
                chance.shuffle(held)
            case 4:
                other, other_key = chance.choice(places(donor, []))
                container[key] = json.loads(json.dumps(other[other_key]))
            case 5 | 6 | 7 | 8 | 9 | 10 if kin:
                # One operation in the place of another is what a validator has to be good at.
                kindred = [c[k] for c, k in places(donor, []) if family(c[k]) == kin]
                container[key] = json.loads(json.dumps(chance.choice(kindred or [held])))
            case _:
                if isinstance(held, str):
                    container[key] = chance.choice(NASTY)
                elif isinstance(held, int):
                    container[key] = chance.choice(
                        (0, 1, 2, 3, 4, 5, 6, 8, 18, held + 1, held - 1, 999, 1000, -1, 2**31, 2**70)
                    )
    return document


def main(runner: str, count: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    run = {**RUNNERS, "planted": planted}[runner]
    samples = cases()
    for data, inputs in samples:
        plan = decode_plan(data)
        assert not problems(plan)
        for given in inputs:
            if run is not planted:
                run(plan, given)
    outcomes: Counter[str] = Counter()
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
    while sum(outcomes.values()) < count:
        data, inputs = chance.choice(samples)
        donor, _ = chance.choice(samples)
        if chance.random() < 0.2:
            mutated = damaged_bytes(data, chance)
        else:
            mutated = json.dumps(
                damaged_structure(json.loads(data), json.loads(donor), chance),
                sort_keys=True,
                separators=(",", ":"),
                ensure_ascii=False,
            ).encode("utf-8", "surrogatepass")
        given = chance.choice(inputs)
        watching = True
        try:
            outcomes[one(mutated, given, run)] += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is reported
            raised.append(traceback.format_exc(limit=-6))
            outcomes["raised"] += 1
        finally:
            watching = False
    return {"outcomes": outcomes, "events": events, "raised": raised[:5]}


def one(data: bytes, given: Any, run: Runner) -> str:
    """What becomes of one damaged plan."""
    outcome = "ran"
    try:
        plan = decode_plan(data)
    except NotCanonical:
        # Damage nearly always costs the canonical form; what is behind that door is tried too.
        try:
            plan = msgspec.json.decode(data, type=Plan)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return "refused as JSON"
        outcome = "ran, though not canonical"
    if problems(plan):
        return "refused as a plan"
    try:
        run(plan, given)
    except ValueError as error:
        if "inputs" in str(error) or "is missing" in str(error) or "a message" in str(error):
            return "refused for its inputs"
        raise
    return outcome


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))) + "\n")
