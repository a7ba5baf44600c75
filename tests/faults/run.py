"""`make faults`: the long campaigns, and docs/faults.md with what came of them.

Takes how many runs, how large and with which seeds; prints each run as it ends; exits with 1 when any rule was broken. A run whose
rules were broken keeps its ledger and its hospitals' files.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.campaign import LEASE, MODES, ROOT, TIMES, Campaign, Outcome, Size, bundles, memory_folder
from tests.faults.history import (
    BYTES,
    GATE,
    GHOST,
    HOLD,
    JOURNAL,
    LOST,
    ORDER,
    TWICE,
    UNHEARD,
    UNSHOWN,
    Found,
    Violation,
)
from tests.faults.process import MARGIN

ORDERS_AND_RESULTS = ("new", "cancel", "submit", "sign", "amend", "withdraw")


def campaign(kind: str, server: str, compiled: Path, size: Size, seed: int) -> Outcome:
    """One run in a folder of its own."""
    from tests.postgres import new_database

    folder = Path(tempfile.mkdtemp(prefix=f"segwright-faults-{kind}-{seed}-", dir=memory_folder()))
    url = f"sqlite:///{folder}/ledger.db" if kind == "sqlite" else new_database(server)
    outcome = asyncio.run(Campaign(url, folder, compiled, size, seed, say=lambda text: print(text, flush=True)).run())
    if outcome.found.violations or outcome.failures:
        print(f"  seed {seed} on {kind}: {len(outcome.found.violations)} violations; kept in {folder}")
        for violation in outcome.found.violations[:20]:
            print(f"    {violation}")
        print(outcome.failures[-3000:])
    else:
        shutil.rmtree(folder)
    return outcome


def runs(kind: str, given: argparse.Namespace) -> list[Outcome]:
    """All runs on one database."""
    from tests.postgres import server

    found = []
    with contextlib.ExitStack() as stack:
        compiled = bundles(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        url = stack.enter_context(server()) if kind == "postgresql" else ""
        for seed in range(given.seed, given.seed + given.runs):
            size = Size(given.orders, given.kills, given.stops, given.workers if kind == "postgresql" else 0)
            outcome = campaign(kind, url, compiled, size, seed)
            found.append(outcome)
            print(
                f"{kind}, seed {seed}: {outcome.seconds:.0f} s, {sum(outcome.kills.values())} kills, {outcome.stops} stops, "
                f"{outcome.found.counts['arrivals']} arrivals, {len(outcome.found.violations)} violations",
                flush=True,
            )
    return found


def side_by_side(arguments: list[str]) -> dict[str, list[Outcome]]:
    """Both databases at the same time, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = {kind: Path(folder) / f"{kind}.json" for kind in ("sqlite", "postgresql")}
        processes = [
            subprocess.Popen([sys.executable, "-u", __file__, *arguments, "--database", kind, "--json", str(file)])
            for kind, file in files.items()
        ]
        for process in processes:
            process.wait()
        return {kind: kept(file) for kind, file in files.items() if file.exists()}


def kept(file: Path) -> list[Outcome]:
    """The outcomes that `--json` wrote."""
    out = []
    for one in msgspec.json.decode(file.read_bytes()):
        found = Found([Violation(**violation) for violation in one["violations"]], Counter(one["counts"]))
        out.append(
            Outcome(
                one["seed"],
                found,
                one["seconds"],
                Counter(one["kills"]),
                one["stops"],
                one["failures"],
                Counter(one["numbers"]),
            )
        )
    return out


def plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as `kept` reads it."""
    violations = [{"rule": v.rule, "org": v.org, "story": v.story} for v in outcome.found.violations]
    more = {name: getattr(outcome, name) for name in ("seed", "seconds", "kills", "stops", "failures", "numbers")}
    return {"violations": violations, "counts": outcome.found.counts, **more}


def main() -> int:
    parse = argparse.ArgumentParser()
    parse.add_argument("--runs", type=int, default=10)
    parse.add_argument(
        "--orders", type=int, default=3000, help="orders in each run; each makes about 3.5 orders and results"
    )
    parse.add_argument("--kills", type=int, default=100, help="in each run")
    parse.add_argument(
        "--stops", type=int, default=20, help="at random moments, in each run; named points stop some more"
    )
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--workers", type=int, default=3, help="worker processes beside the server, on PostgreSQL")
    parse.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parse.add_argument("--json", type=Path, help="write the figures there, and no page")
    parse.add_argument("--out", type=Path, default=ROOT / "docs" / "faults.md")
    given = parse.parse_args()
    found = side_by_side(sys.argv[1:]) if given.database == "both" else {given.database: runs(given.database, given)}
    if given.json:
        given.json.write_bytes(msgspec.json.encode([plain(outcome) for outcome in found[given.database]]))
    else:
        given.out.write_text(page(found, given.workers))
        print(f"written: {given.out}")
    wanted = 2 if given.database == "both" else 1
    bad = any(o.found.violations or o.failures for outcomes in found.values() for o in outcomes)
    return int(bad or len(found) < wanted)


def page(found: dict[str, list[Outcome]], workers: int) -> str:
    """docs/faults.md."""
    names = {"sqlite": "SQLite, one process", "postgresql": f"PostgreSQL, {1 + workers} processes"}
    kinds = list(found)

    def total(kind: str, *counts: str) -> int:
        return sum(outcome.found.counts[count] for outcome in found[kind] for count in counts)

    rows: list[tuple[str, list[str]]] = [
        ("runs (seeds)", [f"{len(found[k])} ({found[k][0].seed} to {found[k][-1].seed})" for k in kinds]),
        ("orders and results that were acknowledged to their senders", [str(total(k, *(f"promised {w}" for w in ORDERS_AND_RESULTS))) for k in kinds]),
        ("deliveries in the ledger", [str(total(k, "deliveries")) for k in kinds]),
        ("messages that arrived at a hospital", [str(total(k, "arrivals")) for k in kinds]),
        ("processes killed (kill -9)", [str(sum(sum(o.kills.values()) for o in found[k])) for k in kinds]),
        ("… of these at a named point", [str(sum(sum(n for p, n in o.kills.items() if p != "at a random moment") for o in found[k])) for k in kinds]),
        ("processes stopped and continued (SIGSTOP, SIGCONT)", [str(sum(o.stops for o in found[k])) for k in kinds]),
        ("repeats that the ledger shows (it may have arrived before)", [str(total(k, "repeats in the ledger")) for k in kinds]),
        ("repeats that arrived", [str(total(k, "repeats that arrived")) for k in kinds]),
        ("**lost**", [str(total(k, LOST)) for k in kinds]),
        ("**out of order in a chain**", [str(total(k, ORDER)) for k in kinds]),
        ("**filed twice where MSH-10 is honoured** (or repeats are refused)", [str(total(k, TWICE)) for k in kinds]),
        ("filed again at MSH-10-blind hospitals", [str(total(k, "filed again, MSH-10-blind")) for k in kinds]),
        ("… repeats that the ledger shows for them", [str(total(k, "repeats in the ledger, MSH-10-blind")) for k in kinds]),
        ("**… filed again without a repeat in the ledger**", [str(total(k, UNSHOWN)) for k in kinds]),
        ("**arrived again although `hold` was agreed**", [str(total(k, HOLD)) for k in kinds]),
        ("**arrived without a try that was written down first**", [str(total(k, GHOST)) for k in kinds]),
        ("**other bytes than the frozen build**", [str(total(k, BYTES)) for k in kinds]),
        ("**left although it was void**", [str(total(k, GATE)) for k in kinds]),
        ("**application acknowledgements forgotten**", [str(total(k, UNHEARD)) for k in kinds]),
        ("**broken chains of events** (of so many events)", [f"{total(k, JOURNAL)} ({total(k, 'events')})" for k in kinds]),
        ("preliminary results closed with their fate unknown", [str(total(k, "preliminary, fate unknown")) for k in kinds]),
        ("… of these, arrived after their final", [str(total(k, "preliminary, fate unknown, came after its final")) for k in kinds]),
    ]  # fmt: skip
    delivery, answer = TIMES["delivery"], TIMES["acknowledgement"]["answer"]
    points: dict[str, int] = {}
    for outcomes in found.values():
        for outcome in outcomes:
            for point, number in outcome.kills.items():
                points[point] = points.get(point, 0) + number
    lines = [
        "# Killed and held to account",
        "",
        "Written by `make faults`. Four simulated hospitals send orders and take results over real MLLP through a proxy that cuts, delays,",
        "swallows and resets; an AI platform submits, signs, amends, withdraws, each act until it is answered; meanwhile engine processes are",
        "killed and stopped, at named points and at random moments. Afterwards the hospitals' own files are held against the ledger, by",
        "`tests/faults/history.py`, which knows nothing of how the ledger works. Bold rows are rules: they have to be 0.",
        "",
        "| | " + " | ".join(names[k] for k in kinds) + " |",
        "|---|" + "---:|" * len(kinds),
        *(f"| {name} | " + " | ".join(values) + " |" for name, values in rows),
        "",
        f"Lease {LEASE:.1f} s, of which the last {MARGIN} s are never used for writing. Deadlines: connect {delivery['connect']} ms,",
        f"write {delivery['write']} ms, answer {answer} ms. Waits after failures: {delivery['first']} ms, doubled up to {delivery['most']} ms. In",
        "production the same code runs with the organisation's own deadlines; here they are short, so that a run is not mostly waiting.",
        "Stopped processes go on after 0.2 s, 0.8 s, or 0.5 and 1.5 s after their lease has run out.",
        "",
        "| Hospital | how it behaves, by weight |",
        "|---|---|",
        *(f"| {org} | {mode} |" for org, mode in MODES.items()),
        "",
        "northgate's policy is `when_uncertain: hold`: an operator looks into the hospital's file and decides. An arrival after the decision",
        "*not delivered* is his, and not counted as a repeat.",
        "",
        "| Killed | times |",
        "|---|---:|",
        *(f"| {point} | {number} |" for point, number in sorted(points.items(), key=lambda item: -item[1])),
        "",
        "A preliminary result whose fate is unknown is closed so that its final can go (delivery.md, section 2). Its bytes may still be under way",
        "then, in the network or in a stopped process: the last two rows of the first table count how often that happened.",
        "",
        f"{time.strftime('%Y-%m-%d')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, ledger in memory-backed storage.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
