"""A case rendered again whenever a file changes: what it gives now, what changed since it last gave something, what is wrong.

Takes a folder, an organisation, a message and a case, and how to wait; gives frames, one at once and one after each change. Files
are looked at, not watched: their names, sizes and times, until they stay the same for one look, so that a file is not read while
it is being written. What is half written all the same, or gone, is an error in the frame, and the next one mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic, errors
from segwright.core.source import NOWHERE, Source
from segwright.core.suggest import nearest
from segwright.review.difference import Difference, message_differences
from segwright.service.cases import run_case
from segwright.service.opening import open_organisation, shown_sources
from segwright.service.running import Running

Look: TypeAlias = tuple[tuple[str, int, int], ...]
"""Names, sizes and times of files."""


class View(msgspec.Struct, frozen=True):
    """What a case gives: its files by name below snapshots/ (empty with errors), and every finding."""

    files: dict[str, bytes]
    found: tuple[Diagnostic, ...]
    sources: dict[str, Source]


class Frame(msgspec.Struct, frozen=True):
    """A view, with what differs from the last view that gave something (`changes`, by file). `stale`: with errors, what is shown
    is that last view's."""

    view: View
    changes: dict[str, tuple[Difference, ...]]
    stale: bool = False


def frames(root: Path, organisation: str, message: str, case: str, wait: Callable[[], None]) -> Iterator[Frame]:
    """The first frame, then one for each change, for ever; `wait` is called between two looks."""
    last = View({}, (), {})
    seen: Look | None = None
    while True:
        seen = _settled(root, organisation, seen, wait)
        view = view_of(root, organisation, message, case)
        if errors(view.found):
            yield Frame(View(last.files, view.found, view.sources), {}, stale=bool(last.files))
            continue
        yield Frame(view, _changes(last, view))
        last = view


def _settled(root: Path, organisation: str, seen: Look | None, wait: Callable[[], None]) -> Look:
    """Waits until something differs from `seen` and then stays as it is for one look."""
    now = look(root, organisation)
    if seen is None:
        return now
    while now == seen:
        wait()
        now = look(root, organisation)
    while True:
        wait()
        again = look(root, organisation)
        if again == now:
            return now
        now = again


def look(root: Path, organisation: str) -> Look:
    """The files that can change what an organisation gets. One that goes while it is looked at is not there."""
    found = []
    for folder in (root / "mappings", root / "orgs" / organisation):
        for path in sorted(folder.rglob("*")):
            found.append(_mark(root, path))
    found.append(_mark(root, root / "orgs" / "schema.yaml"))
    return tuple(each for each in found if each is not None)


def _mark(root: Path, path: Path) -> tuple[str, int, int] | None:
    try:
        status = path.stat()
        return (str(path.relative_to(root)), status.st_size, status.st_mtime_ns) if path.is_file() else None
    except OSError:
        return None


def view_of(root: Path, organisation: str, message: str, case: str) -> View:
    """What a case gives as the files are now."""
    try:
        running, compiled, found = open_organisation(root, organisation, "test")
    except OSError as error:
        reason = (error.strerror or "the disk refuses").lower()
        return View({}, (diagnostic("SW1050", NOWHERE, file=str(root), reason=reason),), {})
    sources = shown_sources(compiled.sources)
    if running is None or compiled.workspace is None:
        return View({}, tuple(found), sources)
    cases = {files.name: files for files in compiled.workspace.organisations[organisation].cases}
    if case not in cases:
        facts = {"name": case, "nearest": nearest(case, cases), "known": list(cases)}
        return View({}, (diagnostic("SW1069", NOWHERE, organisation=organisation, **facts),), sources)  # type: ignore[arg-type]
    environments = {name: Running(running.compiled_organisation, name) for name in running.organisation.environments}
    outcome = run_case(compiled.workspace, organisation, cases[case], environments)
    if outcome.case is not None and outcome.case.message != message:
        other = outcome.case.message
        facts = {"name": case, "nearest": "", "known": [f"a case of {message} (this is one of {other})"]}
        return View({}, (diagnostic("SW1069", NOWHERE, organisation=organisation, **facts),), sources)  # type: ignore[arg-type]
    return View(outcome.files, outcome.found, {**sources, **outcome.sources})


def _changes(before: View, after: View) -> dict[str, tuple[Difference, ...]]:
    if not before.files:
        return {}
    return {
        name: tuple(message_differences(before.files.get(name, b""), data))
        for name, data in after.files.items()
        if before.files.get(name) != data
    }
