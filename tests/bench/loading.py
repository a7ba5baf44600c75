"""The row of loading: the plans of a fleet made ready and used once, and the memory that they keep.

The plans are compiled from the repository's own mappings for many made-up hospitals (`fleet`): eight messages each, with their
tables, patterns and narratives. Every one reads an order or writes a message; nothing of them is left in memory before.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

from segwright.core.diagnostic import errors
from segwright.hl7.wire import Message, open_message
from segwright.plan import ops, patterns
from segwright.plan.canonical import encode_plan
from segwright.runtime import constants, narrative, recipes
from segwright.runtime.load import Reader, Writer, load
from segwright.service.compiling import CompiledOrganisation, compile_workspace
from segwright.service.inputs import making
from segwright.service.rendering import Request, prepare
from segwright.service.running import Running
from tests.bench import timing
from tests.bench.fleet import ROOT, generate

HOSPITALS = 125
PLANS = 1000
TURNS = 5
CASES = ROOT / "orgs" / "larkspur" / "cases"

Figures = dict[str, Any]


class Job(NamedTuple):
    """The bytes of a plan, and what it is run on first."""

    plan: bytes
    given: Any


def _order(number: int) -> bytes:
    """The order of the reference hospital, as a hospital of the fleet would send it."""
    data = (CASES / "order_new" / "order.hl7").read_bytes()
    mrn = f"{number % 10}" * (6 + number % 4)
    # The fleet knows clinicians by their staff numbers.
    data = data.replace(b"1999000015^", b"S1015^").replace(b"^NPI^^^^NPI", b"")
    return data.replace(b"00417733", mrn.encode()).replace(b"LARKSPUR", f"H{number:04}".encode())


def _jobs_of(organisation: CompiledOrganisation, number: int) -> list[Job]:
    running, order = Running(organisation, "production"), _order(number)
    make, _ = making("2026-03-02T14:05:00-06:00", "BENCH1")
    assert make is not None
    jobs = []
    for name, compiled in organisation.messages["production"].items():
        assert compiled.plan is not None
        given: Any
        if compiled.plan.direction == "reads":
            given = open_message(order)
        else:
            taken = {one.name for one in compiled.plan.inputs}
            subject = "order_completed/event.json" if "event" in taken else "final/result.json"
            request = Request(name, make, order, (CASES / subject).read_bytes())
            (given, *_), found = prepare(running, request) or ([None], [])
            if found or given is None:
                raise SystemExit(f"load: hospital {number} cannot prepare {name}: {[one.code for one in found]}")
        jobs.append(Job(encode_plan(compiled.plan), given))
    return jobs


def _prepared() -> list[Job]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        generate(root, HOSPITALS)
        compiled = compile_workspace(root)
        organisations = sorted(compiled.organisations.items())
        if errors(compiled.found) or len(organisations) != HOSPITALS:
            raise SystemExit(f"load: the fleet is wrong: {[found.code for found in errors(compiled.found)][:5]}")
        return [job for number, (_, one) in enumerate(organisations) for job in _jobs_of(one, number)][:PLANS]


def _forget() -> None:
    """Empties what the engine remembers beside loaded plans."""
    for remembering in (patterns.compiled, constants.narrative, narrative._template, recipes._assembler):
        remembering.cache_clear()
    gc.collect()


def _loaded(jobs: list[Job]) -> list[Reader | Writer]:
    return [load(msgspec.json.decode(job.plan, type=ops.Plan)) for job in jobs]


def _use(loaded: Reader | Writer, given: Any) -> bool:
    if isinstance(given, Message):
        return isinstance(loaded, Reader) and loaded.read(given).good
    return isinstance(loaded, Writer) and bool(loaded.render(given))


def loading() -> Figures:
    """Load and first use of the plans of a fleet, and the memory of one loaded plan."""
    jobs = _prepared()
    if not all(map(_use, _loaded(jobs), (job.given for job in jobs))):
        raise SystemExit("load: a plan did not do what it should; nothing was timed")
    loads, uses = [], []
    for _ in range(TURNS):
        _forget()
        start = perf_counter()
        loaded = _loaded(jobs)
        between = perf_counter()
        for _ in map(_use, loaded, (job.given for job in jobs)):
            pass
        loads.append(between - start)
        uses.append(perf_counter() - between)
        del loaded
    _forget()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    loaded = _loaded(jobs)
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / len(loaded)
    tracemalloc.stop()
    together = [one + other for one, other in zip(loads, uses, strict=True)]
    size = sum(len(job.plan) for job in jobs) / len(jobs) / 1024
    print(f"\nload: {len(jobs)} plans of {HOSPITALS} hospitals, {size:.0f} KiB of JSON each")
    print(f"  load {median(loads):.2f} s, first use of each {median(uses):.2f} s")
    print(f"  together {timing.goal(median(together), most=1.0, unit='s')}; least {min(together):.2f} s")
    print(
        f"  memory of a loaded plan, with its share of code and tables: {timing.goal(each / 1024, most=16, unit='KiB')}"
    )
    print(f"  memory of 8,000 plans by that: {timing.goal(8000 * each / 2**20, most=200, unit='MiB')}")
    return {
        "load": {
            "plans": len(jobs),
            "load_s": median(loads),
            "first_use_s": median(uses),
            "together_s": {"median": median(together), "minimum": min(together), "maximum": max(together)},
            "bytes_a_plan": each,
        }
    }
