"""The files of a workspace, found and read.

Takes a folder. Gives every mapping, the schema, and each organisation's files as `Source`s named relative to the folder with `/`;
cases are listed, their bytes are read when asked for. What cannot be read is a diagnostic, and the rest is still given. Only
names and texts are looked at here; ruamel and Cerberus are not imported.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from segwright.core.diagnostic import Diagnostic, Severity, diagnostic
from segwright.core.source import Source, undecodable
from segwright.core.suggest import nearest

LIMITS: Final = {".seg": 1 << 20, ".yaml": 1 << 18, ".csv": 1 << 24, ".lock": 1 << 20}
"""Most bytes of a file, by its ending."""

CASE_LIMIT: Final = 1 << 24
"""Most bytes of one file of a case: a message may hold a document."""

_NOTES: Final = frozenset({".md", ".txt", ".pdf", ".docx", ".xlsx"})


class Case(msgspec.Struct, frozen=True):
    """One test case: its files by their own name (`order.hl7`) → name in the workspace."""

    name: str
    files: dict[str, str]


class OrganisationFiles(msgspec.Struct, frozen=True):
    """What stands in `orgs/<org>/`. `config` is None when org.yaml is missing or cannot be read; that has been reported."""

    name: str
    config: Source | None
    mappings: dict[str, Source]
    tables: dict[str, Source]
    cases: tuple[Case, ...]
    approvals: Source | None = None


class Workspace(msgspec.Struct, frozen=True, dict=True, eq=False):
    """A workspace as read. `mappings` and `tables` are those under `mappings/`, all by their name in the workspace."""

    root: Path
    mappings: dict[str, Source]
    tables: dict[str, Source]
    schema: Source | None
    organisations: dict[str, OrganisationFiles]

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Every text that was read, by name."""
        found = {**self.mappings, **self.tables}
        if self.schema is not None:
            found[self.schema.name] = self.schema
        for organisation in self.organisations.values():
            found |= organisation.mappings | {source.name: source for source in organisation.tables.values()}
            found |= {source.name: source for source in (organisation.config, organisation.approvals) if source}
        return found

    def read_bytes(self, name: str) -> tuple[bytes | None, list[Diagnostic]]:
        """The bytes of a listed file (an order of a case: its character set is its own affair)."""
        return _Folder(self.root).content(name, CASE_LIMIT)


def workspace_root(start: Path) -> Path | None:
    """The workspace a folder is in: itself or the nearest above that holds `mappings/` and `orgs/`."""
    start = start.absolute()
    return next((folder for folder in (start, *start.parents) if not _missing(folder)), None)


def read_workspace(root: Path, only: Collection[str] | None = None) -> tuple[Workspace | None, list[Diagnostic]]:
    """The workspace in this very folder. `only`: the organisations that are read; the others are left out."""
    missing = _missing(root)
    if missing:
        above = workspace_root(root)
        facts: dict[str, Any] = {
            "folder": str(root),
            "missing": " and no folder ".join(missing),
            "nearest": str(above) if above else "",
        }
        return None, [diagnostic("SW0707", Source(".", "").span(), **facts)]
    folder = _Folder(root)
    mappings: dict[str, Source] = {}
    tables: dict[str, Source] = {}
    for name in folder.files("mappings"):
        if not name.endswith((".seg", ".csv")):
            folder.unread(name, close=_meant(name))
            continue
        source = folder.read(name)
        if source is not None:
            (mappings if name.endswith(".seg") else tables)[name] = source
    organisations = {}
    for name in folder.names("orgs"):
        path = f"orgs/{name}"
        if folder.is_folder(path):
            if only is None or name in only:
                organisations[name] = folder.organisation(name)
        elif name != "schema.yaml":
            folder.unread(path, close=nearest(name, ["schema.yaml"]))
    schema = folder.read("orgs/schema.yaml")
    return Workspace(root, mappings, tables, schema, organisations), folder.findings


def with_organisation(shared: Workspace, name: str) -> Workspace:
    """A workspace of which only what is shared was read, with the files of one organisation, if it has such a folder. In a large
    fleet this is what to ask for one at a time; what is wrong with the files, reading the workspace says."""
    folder = _Folder(shared.root)
    known = not name.startswith(".") and folder.is_folder(f"orgs/{name}")
    return msgspec.structs.replace(shared, organisations={name: folder.organisation(name)} if known else {})


def _missing(folder: Path) -> list[str]:
    return [f"`{name}/`" for name in ("mappings", "orgs") if not (folder / name).is_dir()]


class _Folder:
    """Reads below one root and collects what goes wrong."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real = os.path.realpath(root)
        self.findings: list[Diagnostic] = []

    def organisation(self, name: str) -> OrganisationFiles:
        """The files of one organisation's folder."""
        path = f"orgs/{name}"
        config, approvals = None, None
        mappings: dict[str, Source] = {}
        tables: dict[str, Source] = {}
        cases: tuple[Case, ...] = ()
        names = self.names(path)
        for file in names:
            full = f"{path}/{file}"
            if self.is_folder(full):
                if file == "cases":
                    cases = tuple(self.cases(full))
                else:
                    self.unread(full, close=nearest(file, ["cases"]))
            elif file == "org.yaml":
                config = self.read(full)
            elif file == "approvals.lock":
                approvals = self.read(full)
            elif file.endswith((".seg", ".csv")):
                source = self.read(full)
                if source is not None and file.endswith(".seg"):
                    mappings[full] = source
                elif source is not None:
                    tables[file] = source
            else:
                self.unread(full, close=_meant(file))
        if "org.yaml" not in names:
            self.found("SW0708", full=f"{path}/org.yaml", folder=path)
        return OrganisationFiles(name, config, mappings, tables, cases, approvals)

    def cases(self, path: str) -> Iterator[Case]:
        """The cases of an organisation; a case is a folder."""
        for name in self.names(path):
            full = f"{path}/{name}"
            if self.is_folder(full):
                yield Case(
                    name, {file: f"{full}/{file}" for file in self.names(full) if not self.is_folder(f"{full}/{file}")}
                )
            else:
                self.unread(full)

    def files(self, path: str) -> Iterator[str]:
        """Every file below a folder, in order of name."""
        for name in self.names(path):
            full = f"{path}/{name}"
            if self.is_folder(full):
                yield from self.files(full)
            else:
                yield full

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; hidden files and editors' backups are nobody's."""
        try:
            found = os.listdir(self.root / path)
        except OSError as error:
            self.found("SW0701", full=path, file=path, reason=_reason(error))
            return []
        return sorted(
            name for name in found if not name.startswith(".") and not name.endswith("~") and name != "__pycache__"
        )

    def is_folder(self, path: str) -> bool:
        """A real folder. A link to a folder is a finding wherever it leads, and read as a file is: not at all."""
        full = self.root / path
        return full.is_dir() and not full.is_symlink()

    def unread(self, path: str, close: str = "") -> None:
        """A file that stands where nobody looks: a warning, unless it is plainly a note for people."""
        if not path.endswith(tuple(_NOTES)):
            self.found("SW0709", full=path, severity=Severity.WARNING, file=path, nearest=close)

    def read(self, path: str) -> Source | None:
        """A text file in UTF-8; None when it cannot be had, with the reason."""
        content, findings = self.content(path, LIMITS.get(os.path.splitext(path)[1], CASE_LIMIT))
        self.findings += findings
        if content is None:
            return None
        reason = no_text(content)
        if reason:
            self.found("SW0703", full=path, file=path, reason=reason)
            return None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.found("SW0702", full=path, file=path, **undecodable(error))
            return None
        if not text.strip():
            self.found("SW0704", full=path, file=path)
            return None
        return Source(path, text)

    def content(self, path: str, limit: int) -> tuple[bytes | None, list[Diagnostic]]:
        """The bytes of a file inside the root."""
        full = self.root / path
        try:
            real = os.path.realpath(full, strict=True)
            if not Path(real).is_relative_to(self.real):
                return None, [_whole("SW0706", path, file=path, reason="leads out of the workspace")]
            if os.path.isdir(real):
                return None, [_whole("SW0706", path, file=path, reason="leads to a folder")]
            if not os.path.isfile(real):  # a pipe would never end, a device has no end
                return None, [_whole("SW0701", path, file=path, reason="it is no ordinary file")]
            size = os.path.getsize(real)
            if size > limit:
                return None, [_whole("SW0705", path, file=path, size=f"{size:,}", limit=f"{limit:,}")]
            with open(real, "rb") as file:
                return file.read(), []
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None, [_whole("SW0706", path, file=path, reason="leads in a circle")]
            if full.is_symlink():
                return None, [_whole("SW0706", path, file=path, reason="leads nowhere")]
            return None, [_whole("SW0701", path, file=path, reason=_reason(error))]

    def found(self, code: str, *, full: str, severity: Severity = Severity.ERROR, **facts: str) -> None:
        """A finding about a file as a whole."""
        self.findings.append(_whole(code, full, severity, **facts))


def causes(findings: list[Diagnostic]) -> list[Diagnostic]:
    """The findings without those that follow from another: a table's file that cannot be read is not missing as well."""
    unread = {d.span.file for d in findings if "SW0701" <= d.code <= "SW0706" and d.severity is Severity.ERROR}
    return [d for d in findings if d.code != "SW0614" or unread.isdisjoint(_places(d))]


def _places(lacking: Diagnostic) -> tuple[str, str]:
    """Where a table's file might be: in the organisation's folder, or beside the file that names it."""
    file = lacking.facts["file"]
    return f"orgs/{lacking.organisation}/{file}", f"{lacking.span.file.rpartition('/')[0]}/{file}"


def no_text(content: bytes) -> str:
    """Why some bytes are no plain text; "" when they may be."""
    if content.startswith((b"{\\rtf", b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")):
        return "a word processor or a spreadsheet wrote it in a form of its own"
    return "it holds NUL bytes" if b"\0" in content else ""


def _whole(code: str, path: str, severity: Severity = Severity.ERROR, **facts: str) -> Diagnostic:
    """A diagnostic about a file as a whole, of the organisation whose folder it stands in."""
    found = re.match(r"orgs/([^/]+)/", path)
    span = Source(path, "").span()
    return diagnostic(code, span, organisation=found[1] if found else "", severity=severity, **facts)


def _meant(file: str) -> str:
    """What a file may have been meant to be called."""
    stem, ending = os.path.splitext(file)
    if ending in {".yml", ".yaml"}:
        return "org.yaml"
    close = nearest(ending, [".seg", ".csv"]) if ending else ""
    return stem + close if close else nearest(file, ["org.yaml", "approvals.lock"])


def _reason(error: OSError) -> str:
    """Why, without the path the system would name."""
    known = {errno.EACCES: "access is denied", errno.EPERM: "access is denied", errno.ENOENT: "it is not there"}
    return known.get(error.errno or 0, (error.strerror or "the disk refuses").lower())
