"""The oracle of change review: every case of two workspaces rendered the long way, and compared by bytes and by python-hl7.

Nothing of `segwright.review` decides: workspaces are compiled whole, cases run one by one, fields counted by another parser.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from functools import cache
from itertools import zip_longest
from pathlib import Path

import hl7

from segwright.review.grouping import FleetReview
from segwright.service.compiling import compile_workspace
from segwright.service.testing import run_cases

ROOT = Path(__file__).resolve().parents[2]


def copied(to: Path, *folders: str) -> Path:
    """The workspace of this repository."""
    for name in folders or ("mappings", "orgs", "snapshots"):
        shutil.copytree(ROOT / name, to / name)
    return to


def edited(root: Path, file: str, old: str, new: str) -> None:
    """Changes a text of a file once; the text must be there, in whatever columns."""
    path = root / file
    text = path.read_bytes().decode()
    found = re.search(re.sub(r"(\\ )+", " +", re.escape(old)), text)
    assert found, f"{file} has no {old!r}"
    path.write_bytes((text[: found.start()] + new + text[found.end() :]).encode())


def rendered(root: Path, only: Collection[str] | None = None) -> dict[tuple[str, str], bytes]:
    """By organisation and file what every case gives."""
    return _as_committed() if root == ROOT and only is None else _rendered(root, only)


@cache
def _as_committed() -> dict[tuple[str, str], bytes]:
    return _rendered(ROOT, None)


def _rendered(root: Path, only: Collection[str] | None) -> dict[tuple[str, str], bytes]:
    compiled = compile_workspace(root, only)
    found = {}
    for name in compiled.organisations:
        for outcome in run_cases(compiled, name)[0]:
            found.update({(name, file): data for file, data in outcome.files.items()})
            if outcome.found:
                found[name, outcome.name] = b"refused"
    return found


def moved(before: Path, after: Path, only: Collection[str] | None = None) -> dict[tuple[str, str], tuple[bytes, bytes]]:
    """By organisation and file the bytes before and after, where they differ."""
    old, new = rendered(before, only), rendered(after, only)
    return {key: (old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]}


def fields_that_differ(before: bytes, after: bytes) -> set[str]:
    """`OBX-3`, … by python-hl7, for two messages with the same segments in the same order."""
    one, other = hl7.parse(before.decode("latin-1")), hl7.parse(after.decode("latin-1"))
    assert [str(segment[0]) for segment in one] == [str(segment[0]) for segment in other]
    found = set()
    for left, right in zip(one, other, strict=True):
        for number, (first, second) in enumerate(zip_longest(left, right, fillvalue="")):
            if str(first) != str(second):
                found.add(f"{left[0]}-{number}")
    return found


Place = tuple[str, str, str]
"""An organisation, a file of one of its cases, and a field of it ("OBX-3"; "" where the file is no message)."""


def claimed(review: FleetReview) -> set[Place]:
    """Where a review says that a case gives other bytes, in the environment of the case."""
    return {
        (each.name, where.split()[0], seen.change.place.partition(".")[0] if seen.change.view == "output" else "")
        for each in review.organisations
        for seen in each.seen
        if seen.change.view in ("output", "read")
        for where in seen.where
        if not where.endswith("(production)")
    }


def found(before: Path, after: Path, only: Collection[str] | None = None) -> set[Place]:
    """Where they are others. For changes that leave the segments as they were."""
    return {
        (name, file, field)
        for (name, file), both in moved(before, after, only).items()
        for field in (fields_that_differ(*both) if file.endswith(".hl7") else {""})
    }
