"""Rows about whole workspaces: the fleet compiled cold and from the cache, one organisation checked, the command line's start.

Everything runs as a user runs it: cold with an empty cache, each command in a process of its own. CPU seconds stand beside the
wall's, because a machine that does something else stretches only the latter.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from segwright.core.diagnostic import errors
from segwright.service.cache import Cache, default_folder
from segwright.service.fleet import check_fleet
from tests.bench.fleet import generate, organisation

ENGINE = Path(__file__).parents[2] / "engine"
ORGANISATIONS = 1000
TURNS = 7

Figures = dict[str, Any]


def _spread(job: Callable[[], object], turns: int = TURNS) -> dict[str, float]:
    taken = []
    for _ in range(turns):
        start = perf_counter()
        job()
        taken.append(perf_counter() - start)
    return {"median": median(taken), "minimum": min(taken), "maximum": max(taken)}


def cpu() -> float:
    """Seconds of CPU of this process and those it waited for."""
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in both)


def _said(what: str, figures: dict[str, float], goal: str) -> None:
    spread = f"  ({figures['minimum']:.3f} – {figures['maximum']:.3f})" if "minimum" in figures else ""
    print(f"  {what:44} {figures['median']:8.3f} s{spread}  {goal}")


def _command(environment: dict[str, str], *arguments: str) -> Callable[[], None]:
    def run() -> None:
        code = "from segwright.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"segwright {' '.join(arguments)}: {done.stdout[-500:]}{done.stderr[-500:]}")

    return run


def fleet() -> Figures:
    """The fleet cold and from the cache, and one organisation of it."""
    count = int(os.environ.get("SEGWRIGHT_BENCH_ORGANISATIONS", ORGANISATIONS))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        generate(root, count)
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "PYTHONPATH": str(ENGINE)}
        cache = Cache(default_folder(environment))
        start, before = perf_counter(), cpu()
        result = check_fleet(root, cache=cache)
        cold, used = perf_counter() - start, cpu() - before
        if errors(result.found) or len(result.organisations) != count:
            raise SystemExit(f"the fleet is wrong: {[found.code for found in errors(result.found)][:5]}")
        largest = (
            max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
        )
        cached = _spread(lambda: check_fleet(root, cache=cache))
        if check_fleet(root, cache=cache).hits != count:
            raise SystemExit("the fleet did not come from the cache")
        one = _spread(_command(environment, "check", organisation(count // 2), "--workspace", str(root)))
        whole = _spread(_command(environment, "check", "--workspace", str(root)))
        size = cache.path.stat().st_size / 2**20
    print(f"\ncompile: {count} organisations, {result.messages} messages")
    _said("cold", {"median": cold}, f"{used:.1f} s of CPU  (goal for 1,000 on two idle cores: 20 s)")
    _said("from the cache", cached, "(goal: 1 s)")
    _said("from the cache, the whole command", whole, "")
    _said("one organisation from the cache, the command", one, "(goal: 0.2 s)")
    print(f"  largest process {largest:.0f} MiB, cache {size:.1f} MiB")
    return {
        "fleet": {
            "organisations": count,
            "messages": result.messages,
            "cold_s": cold,
            "cold_cpu_s": used,
            "cached_s": cached,
            "cached_command_s": whole,
            "check_one_command_s": one,
            "largest_process_mib": largest,
            "cache_mib": size,
        }
    }


def starting() -> Figures:
    """How long the command line takes to say its version, beside the bare interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}

    def interpreter() -> None:
        subprocess.run([sys.executable, "-c", "pass"], env=environment, check=True)

    bare, version = _spread(interpreter, 15), _spread(_command(environment, "--version"), 15)
    print("\nstart of a command")
    _said("python -c pass", bare, "")
    _said("segwright --version", version, "(goal: 0.080 s)")
    return {"start": {"interpreter_s": bare, "version_s": version}}
