"""Opens a workspace for one use: the organisation, environment and files that somebody names.

Takes names as typed; gives what they stand for, or findings that offer the nearest right name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segwright.core.diagnostic import Diagnostic, diagnostic, errors
from segwright.core.source import NOWHERE, Source, Span
from segwright.core.suggest import nearest
from segwright.orgs.workspace import workspace_root

if TYPE_CHECKING:
    from segwright.service.compiling import CompiledWorkspace
    from segwright.service.running import Running

LARGEST: Final = 32 * 2**20
"""Bytes of a file that is read from outside of the workspace."""


def find_workspace(given: Path | None, start: Path) -> Path:
    """The folder of the workspace: the given one, else the one that `start` is in, else `start`, of which reading then says why
    it is none."""
    return given if given is not None else workspace_root(start) or start


def organisations_in(root: Path) -> list[str]:
    """The names of the folders in `orgs/`."""
    folder = root / "orgs"
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def unknown_organisations(root: Path, names: Iterable[str]) -> list[Diagnostic]:
    """A finding for each name that no organisation has."""
    known = organisations_in(root)
    if not known:
        return []
    messages = {path.stem for path in (root / "mappings").rglob("*.seg")}
    return [
        diagnostic(
            "SW1033",
            NOWHERE,
            name=name,
            nearest=nearest(name, known),
            message=name if name in messages else "",
            known=known,
        )
        for name in dict.fromkeys(names)
        if name not in known
    ]


def check(root: Path, only: Collection[str]) -> tuple[CompiledWorkspace, list[Diagnostic]]:
    """A workspace compiled (only some organisations when any are named), with everything found in it."""
    from segwright.orgs.load import check_together
    from segwright.service.compiling import compile_workspace

    found = unknown_organisations(root, only)
    compiled = compile_workspace(root, list(only) or None)
    together = check_together(c.organisation for c in compiled.organisations.values())
    return compiled, list(dict.fromkeys([*found, *compiled.found, *together]))


def open_organisation(
    root: Path, name: str, environment: str
) -> tuple[Running | None, CompiledWorkspace, list[Diagnostic]]:
    """One organisation, ready to run; not with an error anywhere in its files or in what it shares: a message without an overlay
    that could not be read would be another hospital's."""
    from segwright.service.compiling import compile_workspace
    from segwright.service.running import Running

    compiled = compile_workspace(root, [name])
    found = unknown_organisations(root, [name])
    if compiled.workspace is None:
        return None, compiled, list(compiled.found)
    organisation = compiled.organisations.get(name)
    if organisation is None:
        return None, compiled, found or [*compiled.found, diagnostic("SW1035", NOWHERE, name=name)]
    if environment not in organisation.messages:
        known = list(organisation.messages)
        facts = {"name": environment, "nearest": nearest(environment, known), "known": known}
        return None, compiled, [diagnostic("SW1034", NOWHERE, organisation=name, **facts)]  # type: ignore[arg-type]
    if errors(compiled.found):
        return None, compiled, list(compiled.found)
    return Running(organisation, environment), compiled, []


def shown_sources(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The texts as people may see them: no written-out secret of an org.yaml."""
    from segwright.orgs.shown import shown

    hidden = {name: name.startswith("orgs/") and name.endswith(".yaml") for name in sources}
    return {name: shown(source) if hidden[name] else source for name, source in sources.items()}


def read_file(path: Path, largest: int = LARGEST) -> tuple[bytes | None, list[Diagnostic]]:
    """The bytes of a file from anywhere, or why not."""
    try:
        if path.is_dir():
            return None, [_unread(path, "it is a folder")]
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        return None, [_unread(path, (error.strerror or "the disk refuses").lower())]
    except ValueError:
        return None, [_unread(path, "its name is none")]
    if len(data) > largest:
        return None, [_unread(path, f"it is longer than {largest:,} bytes")]
    return data, []


def _unread(path: Path, reason: str) -> Diagnostic:
    return diagnostic("SW1050", Span(str(path), 0, 0), file=str(path), reason=reason)
