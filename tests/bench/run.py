"""`make bench`: how fast it is, beside what people use today and beside hand-written code for the same job.

Prints one table a job and writes `bench.json`. A row is timed only after its output was checked. Figures of a shared machine move
by a third; the ratios are taken within one turn of all contestants and move much less.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "engine"), str(ROOT)]

from segwright.hl7.wire import open_message  # noqa: E402 - the path must be set first
from segwright.runtime.load import Reader, Writer  # noqa: E402
from tests.bench import (  # noqa: E402
    bound,
    compiled,
    growth,
    loading,
    memory,
    pages,
    peers,
    reviewing,
    running,
    samples,
    scaling,
    timing,
    whole,
)

READ = {"hand-written": 0.8, "python-hl7": 60, "hl7apy": 1500}
WRITE = {"hand-written": 1.0, "Jinja2": 7, "python-hl7": 90, "hl7apy": 2500}
"""How often as fast as each peer the project is to be."""

Figures = dict[str, Any]


def _same_message(found: bytes, wanted: bytes) -> bool:
    """Equal segments, separators at their ends aside."""
    return [line.rstrip(b"|") for line in found.split(b"\r") if line] == [
        line.rstrip(b"|") for line in wanted.split(b"\r") if line
    ]


def _check(name: str, *, right: bool) -> None:
    if not right:
        raise SystemExit(f"{name}: the output is wrong; nothing was timed")


def reading() -> Figures:
    """One order of 22 segments as bytes, forty fields out of it, fifteen of them mandatory."""
    data = samples.ORDER.encode(compiled.CODEC)
    extract, reader = bound.extractor(), Reader(compiled.reading())

    def ours() -> dict[str, Any]:
        (record,) = reader.read(open_message(data)).records.values()
        return dict(zip((name for name, *_ in samples.FIELDS), record, strict=True))

    _check("bound", right=extract(data) == samples.EXPECTED)
    _check("segwright", right=ours() == samples.EXPECTED)
    _check("python-hl7", right=peers.python_hl7_reads(data) == samples.EXPECTED)
    _check("hl7apy", right=peers.hl7apy_reads(data) == samples.EXPECTED)
    rows = timing.interleaved(
        {
            "hand-written": lambda: extract(data),
            "segwright": lambda: reader.read(open_message(data)),
            "python-hl7": lambda: peers.python_hl7_reads(data),
            "hl7apy": lambda: peers.hl7apy_reads(data),
        }
    )
    timing.printed("read: 40 fields of an order (22 segments)", rows)
    timing.reached(rows, READ)
    return {"read": timing.summary(rows)}


def writing() -> Figures:
    """One result of 23 segments, with values of four kinds."""
    writer, template = Writer(compiled.writing()), peers.template_writer()
    figures: Figures = {}
    for kind in samples.KINDS:
        result = samples.result(kind)
        named, given = peers.by_names(result), compiled.inputs(result)
        wanted = bound.write(result, compiled.CODEC)
        _check(f"segwright, {kind}", right=writer.render(given) == wanted)
        _check(f"Jinja2, {kind}", right=template(named, compiled.CODEC) == wanted)
        _check(f"python-hl7, {kind}", right=_same_message(peers.python_hl7_writes(result, compiled.CODEC), wanted))
        _check(f"hl7apy, {kind}", right=_same_message(peers.hl7apy_writes(result, compiled.CODEC), wanted))
        rows = timing.interleaved(
            {
                "hand-written": lambda result=result: bound.write(result, compiled.CODEC),  # type: ignore[misc]
                "segwright": lambda given=given: writer.render(given),  # type: ignore[misc]
                "Jinja2": lambda named=named: template(named, compiled.CODEC),  # type: ignore[misc]
                "python-hl7": lambda result=result: peers.python_hl7_writes(result, compiled.CODEC),  # type: ignore[misc]
                "hl7apy": lambda result=result: peers.hl7apy_writes(result, compiled.CODEC),  # type: ignore[misc]
            }
        )
        timing.printed(f"write: a result of 23 segments, {kind}", rows)
        timing.reached(rows, WRITE)
        figures[f"write, {kind}"] = timing.summary(rows)
    return figures


ROWS: dict[str, Callable[[], Figures]] = {
    "read": reading,
    "write": writing,
    "load": loading.loading,
    "fleet": whole.fleet,
    "start": whole.starting,
    "orders": memory.read_orders,
    "messages": memory.many_messages,
    "review": reviewing.reviewing,
    "accept": running.accepting,
    "deliver": running.delivering,
    "workers": scaling.workers,
    "long": running.long_run,
    "growth": growth.growth,
    "pages": pages.pages,
}


def main() -> None:
    """Runs the rows that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="which rows; all when none is named")
    parser.add_argument("--out", type=Path, default=ROOT / "bench.json")
    given = parser.parse_args()
    figures: Figures = {}
    for name in given.rows or ROWS:
        figures |= ROWS[name]()
    timing.saved(given.out, figures)
    print(f"\nwritten to {given.out}")


if __name__ == "__main__":
    main()
