"""The row of loading: the bundles of a fleet read, their plans made ready and used once, and the memory that they keep.

The plans are compiled from the repository's own mappings for many made-up hospitals (`fleet`): eight messages each, with their
tables, patterns and narratives. Their bundles are read from disk as the engine reads them, every hash compared and every plan
checked before it runs. Every one then reads an order or writes a message; nothing of them is left in memory before.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from segwright.core.diagnostic import errors
from segwright.hl7.wire import Message, open_message
from segwright.plan import admit, bundle, narratives, patterns
from segwright.runtime import constants, narrative, recipes
from segwright.runtime.load import Reader, Writer, load
from segwright.service.compiling import CompiledOrganisation, compile_workspace
from segwright.service.inputs import making
from segwright.service.manifest import manifest_of
from segwright.service.rendering import Request, prepare
from segwright.service.running import Running
from tests.bench import memory, timing
from tests.bench.fleet import ROOT, generate

HOSPITALS = 125
ENVIRONMENT = "production"
TURNS = 5
TIMES = 8
"""How often all bundles are loaded to see what a large fleet takes: code and tables are shared as in a fleet of one base."""
CASES = ROOT / "orgs" / "larkspur" / "cases"

Figures = dict[str, Any]


class Hospital(NamedTuple):
    """The folder of a bundle, whose it is, and what each of its messages is run on first."""

    folder: Path
    organisation: str
    given: dict[str, Any]


def _order(number: int) -> bytes:
    """The order of the reference hospital, as a hospital of the fleet would send it."""
    data = (CASES / "order_new" / "order.hl7").read_bytes()
    mrn = f"{number % 10}" * (6 + number % 4)
    # The fleet knows clinicians by their staff numbers.
    data = data.replace(b"1999000015^", b"S1015^").replace(b"^NPI^^^^NPI", b"")
    return data.replace(b"00417733", mrn.encode()).replace(b"LARKSPUR", f"H{number:04}".encode())


def _given(organisation: CompiledOrganisation, number: int) -> dict[str, Any]:
    running, order = Running(organisation, ENVIRONMENT), _order(number)
    make, _ = making("2026-03-02T14:05:00-06:00", "BENCH1")
    assert make is not None
    inputs: dict[str, Any] = {}
    for name, compiled in organisation.messages[ENVIRONMENT].items():
        assert compiled.plan is not None
        if compiled.plan.direction == "reads":
            inputs[name] = open_message(order)
            continue
        taken = {one.name for one in compiled.plan.inputs}
        subject = "order_completed/event.json" if "event" in taken else "final/result.json"
        request = Request(name, make, order, (CASES / subject).read_bytes())
        (inputs[name], *_), found = prepare(running, request) or ([None], [])
        if found or inputs[name] is None:
            raise SystemExit(f"load: hospital {number} cannot prepare {name}: {[one.code for one in found]}")
    return inputs


def _prepared(folder: Path) -> list[Hospital]:
    root = folder / "workspace"
    generate(root, HOSPITALS)
    compiled = compile_workspace(root)
    if errors(compiled.found) or len(compiled.organisations) != HOSPITALS:
        raise SystemExit(f"load: the fleet is wrong: {[found.code for found in errors(compiled.found)][:5]}")
    hospitals = []
    for number, (name, organisation) in enumerate(sorted(compiled.organisations.items())):
        plans = {
            message: one.plan for message, one in organisation.messages[ENVIRONMENT].items() if one.plan is not None
        }
        place = folder / "bundles" / name
        bundle.write_bundle(
            place,
            manifest_of(organisation.organisation, ENVIRONMENT, organisation.model, plans, compiled.sources),
            plans,
        )
        hospitals.append(Hospital(place, name, _given(organisation, number)))
    return hospitals


def _forget() -> None:
    """Empties what the engine remembers beside loaded plans."""
    for remembering in (
        patterns.compiled, narratives.check, constants.narrative, narrative._template, recipes._assembler,
    ):  # fmt: skip
        remembering.cache_clear()
    admit.forget()
    gc.collect()


def _loaded(hospitals: list[Hospital]) -> list[Reader | Writer]:
    loaded: list[Reader | Writer] = []
    for folder, organisation, given in hospitals:
        plans = bundle.read_bundle(folder, organisation=organisation, environment=ENVIRONMENT).plans
        loaded += (load(plans[name]) for name in given)
    return loaded


def _use(loaded: Reader | Writer, given: Any) -> bool:
    if isinstance(given, Message):
        return isinstance(loaded, Reader) and loaded.read(given).good
    return isinstance(loaded, Writer) and bool(loaded.render(given))


def loading() -> Figures:
    """Load and first use of the plans of a fleet, and the memory of one loaded plan."""
    with tempfile.TemporaryDirectory() as folder:
        hospitals = _prepared(Path(folder))
        given = [one for hospital in hospitals for one in hospital.given.values()]
        if not all(map(_use, _loaded(hospitals), given)):
            raise SystemExit("load: a plan did not do what it should; nothing was timed")
        loads, uses, used = [], [], []
        # What compiling left behind is no garbage of the engine's, which has no compiler on board.
        gc.collect()
        gc.freeze()
        for _ in range(TURNS):
            _forget()
            start, before = perf_counter(), process_time()
            loaded = _loaded(hospitals)
            between = perf_counter()
            for _ in map(_use, loaded, given):
                pass
            loads.append(between - start)
            uses.append(perf_counter() - between)
            used.append(process_time() - before)
            del loaded
        gc.unfreeze()
        _forget()
        tracemalloc.start()
        traced = tracemalloc.get_traced_memory()[0]
        loaded = _loaded(hospitals)
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - traced) / len(loaded)
        tracemalloc.stop()
        process = memory.loaded_plans(Path(folder) / "bundles", TIMES)
    together = [one + other for one, other in zip(loads, uses, strict=True)]
    print(f"\nload: {len(given)} plans in the bundles of {HOSPITALS} hospitals")
    print(f"  read, check and load {median(loads):.2f} s, first use of each {median(uses):.2f} s")
    print(
        f"  together {timing.goal(median(together), most=1.0, unit='s')}, {median(used):.2f} s of CPU; least {min(together):.2f} s"
    )
    print(
        f"  memory of a loaded plan, with its share of code and tables: {timing.goal(each / 1024, most=16, unit='KiB')}"
    )
    print(
        f"  a process with {process['plans']:,} loaded plans: {timing.goal(process['process_mib'], most=200, unit='MiB')}, "
        f"{process['process_before_mib']:.0f} of them before the first"
    )
    return {
        "load": {
            "plans": len(given),
            "load_s": median(loads),
            "first_use_s": median(uses),
            "together_s": {"median": median(together), "minimum": min(together), "maximum": max(together)},
            "together_cpu_s": {"median": median(used), "minimum": min(used), "maximum": max(used)},
            "bytes_a_plan": each,
            "process": process,
        }
    }
