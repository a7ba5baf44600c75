"""The row about change review: one character of a shared table, and what it does to a fleet.

What the review claims, file by file and field by field, is checked first against brute force: every case of all hospitals that it
names, and of fifty across the fleet, compiled and rendered the long way, the fields counted by python-hl7. Then it is timed with the
plans of the base cached, as it is on a branch.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from segwright.review.grouping import FleetReview
from segwright.review.meanings import Meanings
from segwright.service.cache import Cache
from segwright.service.diffing import review_fleet
from segwright.service.states import State
from tests.bench.fleet import generate, organisation
from tests.bench.whole import ORGANISATIONS, cpu
from tests.review.brute_force import claimed, edited, found

SAMPLE = 50
TABLE = "mappings/shared/tables.seg"
EVERYONE = (TABLE, '"8625-6" ^ "P-R interval"           ^ "LN"', '"8625-6" ^ "P-R interval"           ^ "LX"')
"""A row that every hospital of the fleet sends."""
SOME = (
    "mappings/vendors/pdf_report/ecg_result.seg",
    "overlay ecg_result\n",
    'overlay ecg_result\n\noverride OBR-24 = "CUS"\n  because "x"\n',
)
"""A line of a profile that a quarter of the hospitals have."""


def _reviewed(before: Path, after: Path, cache: Cache) -> tuple[FleetReview, dict[str, float]]:
    start, used = perf_counter(), cpu()
    old = State(before, None, cache)
    new = State(after, None, cache, twin=old)
    ready = perf_counter()
    review = review_fleet(old, new, "the base", Meanings())
    return review, {"median": perf_counter() - start, "compiling": ready - start, "cpu": cpu() - used}


def _checked(review: FleetReview, before: Path, after: Path, count: int) -> None:
    affected = {each.name for each in review.moving}
    sample = affected | {organisation(number) for number in range(0, count, max(1, count // SAMPLE))}
    places = claimed(review)
    if places != found(before, after, sorted(sample)) or affected != {name for name, _, _ in places}:
        raise SystemExit("review: what it claims is not what brute force finds; nothing was timed")


def reviewing() -> dict[str, Any]:
    """Two changes of a fleet, each reviewed against a base whose plans are cached."""
    count = int(os.environ.get("SEGWRIGHT_BENCH_ORGANISATIONS", ORGANISATIONS))
    figures: dict[str, Any] = {}
    print(f"\nreview of {count:,} organisations with four cases each, the plans of the base cached")
    with tempfile.TemporaryDirectory() as temporary:
        before = Path(temporary) / "before"
        generate(before, count, cases=True)
        cache = Cache(Path(temporary) / "cache")
        State(before, None, cache)
        for name, edit in (("a profile of a quarter", SOME), ("a row that all of them send", EVERYONE)):
            after = Path(temporary) / name.replace(" ", "-")
            generate(after, count, cases=True)
            edited(after, *edit)
            review, taken = _reviewed(before, after, cache)
            _checked(review, before, after, count)
            figures[f"review, {name}"] = {**taken, "affected": len(review.moving), "groups": len(review.groups)}
            print(
                f"  {name:32} {taken['median']:7.1f} s ({taken['compiling']:.1f} s of it compiling what changed; "
                f"{taken['cpu']:.0f} s of CPU): {len(review.moving):,} change, {review.untouched:,} untouched"
            )
    return figures
