"""Rows about memory: what a read order keeps, what eight thousand loaded plans keep, and that a million messages keep nothing.

What a process takes is asked of the operating system, in a process of its own that has imported no more than the engine that runs:

    python -m tests.bench.memory plans FOLDER TIMES      bundles of a folder loaded so often
    python -m tests.bench.memory messages PLANS COUNT    messages read and written with the plans of the benchmark
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from segwright.hl7.wire import open_message
from segwright.plan.admit import admit
from segwright.plan.bundle import read_bundle
from segwright.plan.canonical import encode_plan
from segwright.runtime.load import Reader, Writer, load
from tests.bench import samples, timing

ROOT = Path(__file__).parents[2]
MESSAGES = 1_000_000
"""Half of them read, half written. `SEGWRIGHT_BENCH_MESSAGES` makes it fewer."""
WARM = 20_000
"""After so many messages everything that is ever remembered is."""
KEPT = 200

Figures = dict[str, Any]


def _largest() -> float:
    """The most memory that this process has taken so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `resource` gives begins with what the parent had taken when it started this process.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def _alone(*arguments: object) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'engine'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


# --- read orders -----------------------------------------------------------------------------------------------------


def _order(number: int) -> bytes:
    """The order of the benchmark as that of another patient."""
    return (
        samples.ORDER.replace("20260302081500042", f"{number:017}")
        .replace("OKAFOR", f"OKAFOR{number}")
        .encode("latin-1")
    )


def _kept(read: Callable[[bytes], object]) -> float:
    """Bytes that stay of a message for as long as what was read of it is wanted."""
    messages = [_order(number) for number in range(KEPT)]
    read(messages[0])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [read(message) for message in messages]
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    tracemalloc.stop()
    return each


def read_orders() -> Figures:
    """The order of 22 segments: its forty fields, beside the whole message as the libraries keep it."""
    import hl7
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    from tests.bench import compiled

    reader = Reader(compiled.reading())
    readers: dict[str, Callable[[bytes], object]] = {
        "segwright": lambda data: reader.read(open_message(data)),
        "python-hl7": lambda data: hl7.parse(data.decode("latin-1")),
        "hl7apy": lambda data: parse_message(data.decode("latin-1"), VALIDATION_LEVEL.TOLERANT, find_groups=False),
    }
    found = {name: _kept(read) / 1024 for name, read in readers.items()}
    print("\nmemory: an order of 22 segments that was read")
    print(f"  segwright {timing.goal(found['segwright'], most=5, unit='KiB')}")
    for name in ("python-hl7", "hl7apy"):
        print(f"  {name} {found[name]:.0f} KiB, {found[name] / found['segwright']:.0f} times as much")
    return {"memory of a read order": {f"{name}_kib": kib for name, kib in found.items()}}


# --- a million messages ----------------------------------------------------------------------------------------------


def many_messages() -> Figures:
    """Whether the process grows with the messages that go through it."""
    from tests.bench import compiled

    count = int(os.environ.get("SEGWRIGHT_BENCH_MESSAGES", MESSAGES))
    with TemporaryDirectory() as folder:
        plans = Path(folder)
        (plans / "reading.json").write_bytes(encode_plan(compiled.reading()))
        (plans / "writing.json").write_bytes(encode_plan(compiled.writing()))
        found = _alone("messages", folder, count)
    print(f"\nmemory: {count:,} messages, half of them read and half written, no two alike")
    print(
        f"  after {WARM:,} messages {found['warm_mib']:.1f} MiB, at the end {found['end_mib']:.1f} MiB; growth "
        f"{timing.goal(found['end_mib'] - found['warm_mib'], most=1, unit='MiB')}"
    )
    return {"memory over many messages": {"messages": count, **found}}


def _run_messages(folder: Path, count: int) -> Figures:
    reader, writer = (load(admit((folder / name).read_bytes())) for name in ("reading.json", "writing.json"))
    assert isinstance(reader, Reader)
    assert isinstance(writer, Writer)
    warm = 0.0
    kinds = [samples.result(kind) for kind in samples.KINDS]
    for number in range(count // 2):
        if number == WARM // 2:
            warm = _largest()
        if not reader.read(open_message(_order(number))).good:
            raise SystemExit("an order was refused")
        header, person, *rest = kinds[number % len(kinds)]
        person = (f"N{number}", *person[1:2], f"OKAFOR{number}", *person[3:])
        writer.render((header, person, *rest, (None, header[5], "test")))
    return {"warm_mib": warm, "end_mib": _largest()}


# --- eight thousand plans --------------------------------------------------------------------------------------------


def loaded_plans(bundles: Path, times: int) -> Figures:
    """What a process takes that has loaded all bundles of a folder so often."""
    found: Figures = _alone("plans", bundles, times)
    return found


def _run_plans(bundles: Path, times: int) -> Figures:
    before = _largest()
    kept: list[Reader | Writer] = []
    for _ in range(times):
        for folder in sorted(bundles.iterdir()):
            plans = read_bundle(folder, organisation=folder.name, environment="production").plans
            kept += map(load, plans.values())
    return {"plans": len(kept), "process_before_mib": before, "process_mib": _largest()}


def main() -> None:
    """What a process of its own does."""
    what, folder, count = sys.argv[1:]
    run = {"plans": _run_plans, "messages": _run_messages}[what]
    sys.stdout.write(json.dumps(run(Path(folder), int(count))))


if __name__ == "__main__":
    main()
