"""The locked outputs: `snapshots/<org>/<case>.<message>.hl7` (exact bytes), `.json` (what was read), `.txt` (a refusal).

Takes the outcomes of cases; gives what differs from the files that lie there, and writes them. Nothing here ever changes a
byte: files are read and written as bytes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec

from segwright.core.diagnostic import Diagnostic, Severity, diagnostic
from segwright.core.source import Span
from segwright.orgs.workspace import CASE_LIMIT
from segwright.service.cases import Outcome

FOLDER: Final = "snapshots"
ENDINGS: Final = (".hl7", ".json", ".txt")
_CODES: Final = {"new": "SW1061", "changed": "SW1063", "stale": "SW1062"}


class Change(msgspec.Struct, frozen=True):
    """A file that is not as it was locked: `new` (nothing is locked yet), `changed`, or `stale` (no case makes it)."""

    kind: Literal["new", "changed", "stale"]
    organisation: str
    case: str
    name: str
    before: bytes
    after: bytes

    @property
    def path(self) -> str:
        """The file in the workspace."""
        return f"{FOLDER}/{self.organisation}/{self.name}"


def unreadable(root: Path, organisation: str) -> dict[str, Diagnostic]:
    """What lies in the place of a snapshot and cannot be one, by its name: a folder, a link to nowhere, a file beyond measure."""
    found = {}
    for path in sorted((root / FOLDER / organisation).glob("*")):
        if path.suffix not in ENDINGS:
            continue
        name = path.relative_to(root).as_posix()
        if not path.is_file():
            found[path.name] = diagnostic("SW0701", Span(name, 0, 0), file=name, reason="it is no ordinary file")
        elif path.stat().st_size > CASE_LIMIT:
            size = f"{path.stat().st_size:,}"
            found[path.name] = diagnostic("SW0705", Span(name, 0, 0), file=name, size=size, limit=f"{CASE_LIMIT:,}")
    return found


def compare(root: Path, organisation: str, outcomes: Iterable[Outcome], without: Collection[str] = ()) -> list[Change]:
    """The files of one organisation that are not as its cases say. Those of a case that could not be run are left alone, and so
    are the names in `without`."""
    folder = root / FOLDER / organisation
    lying = {
        path.name: path for path in sorted(folder.glob("*")) if path.suffix in ENDINGS and path.name not in without
    }
    changes = []
    for outcome in outcomes:
        if outcome.found:
            for name in [name for name in lying if name.startswith(f"{outcome.name}.")]:
                del lying[name]
            continue
        for name, after in outcome.files.items():
            if name in without:
                continue
            path = lying.pop(name, None)
            before = b"" if path is None else path.read_bytes()
            if path is None:
                changes.append(Change("new", organisation, outcome.name, name, b"", after))
            elif before != after:
                changes.append(Change("changed", organisation, outcome.name, name, before, after))
    for name, path in lying.items():
        changes.append(Change("stale", organisation, name.partition(".")[0], name, path.read_bytes(), b""))
    return changes


def ownerless(root: Path, organisations: Iterable[str]) -> list[Change]:
    """Snapshots below a folder that is no organisation's: what is left of one that was removed."""
    folder = root / FOLDER
    known = set(organisations)
    return [
        Change("stale", path.parent.name, path.name.partition(".")[0], path.name, path.read_bytes(), b"")
        for path in sorted(folder.glob("*/*.hl7"))
        if path.parent.name not in known and path.is_file()
    ]


def findings(changes: Iterable[Change], known: Collection[str], *, updating: bool = False) -> dict[Diagnostic, Change]:
    """The changes as findings; while all is written anew they are notes and ask for nothing. `known`: the organisations
    that there are."""
    found = {}
    for change in changes:
        whose = {} if updating else {"org" if change.organisation in known else "gone": change.organisation}
        severity = Severity.NOTE if updating else Severity.ERROR
        span = Span(change.path, 0, 0)
        facts = {"case": change.case, **whose}
        found[Diagnostic(_CODES[change.kind], span, facts, (), change.organisation, severity)] = change
    return found


def write(root: Path, changes: Iterable[Change]) -> None:
    """Makes the files as the cases say. Raises OSError when the disk does."""
    for change in changes:
        path = root / change.path
        if change.kind == "stale":
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(change.after)
        os.replace(beside, path)
