"""The files of a workspace by what they hold: which folder is as it was, and which changed.

Takes a workspace; gives for the shared files and for each organisation a hash of everything that compiling reads. A folder
whose files have the sizes and times they had when it was last hashed is not read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from segwright.orgs.workspace import LIMITS
from segwright.service.cache import Seen

SHARED: Final = ""
"""The place of what all organisations share: `mappings/`, `codes/`, `orgs/schema.yaml`, and stray files in `orgs/`."""

CASES: Final = "cases"
"""The folder of an organisation that compiling reads nothing of but names."""

_SETTLED: Final = 2_000_000_000
"""Nanoseconds. A file changed within them before it was read could change again without a new time (file systems count in up to
two seconds), so that its time is not believed."""


class SharedContent(msgspec.Struct, frozen=True):
    """Hashes of what is shared: the base with the schema, each profile layer, and all of it with the names of stray files."""

    base: bytes
    vendors: dict[str, bytes]
    whole: bytes


class Inventory:
    """The content of a workspace as it is now. `seen`: what earlier runs know; `learnt`: what they should know of this one."""

    def __init__(self, root: Path, seen: Mapping[str, Seen]) -> None:
        self.root = str(root)
        self._seen = seen
        self.learnt: dict[str, Seen] = {}
        self._looked: dict[str, tuple[bytes, bool]] = {}
        """By place: the signature it had when it was hashed, and whether its files had settled then."""
        self.organisations: tuple[str, ...] = ()
        self._stray: tuple[str, ...] = ()
        self._list()

    def _list(self) -> None:
        folders, stray = [], []
        for name, entry in _entries(f"{self.root}/orgs"):
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            else:
                stray.append(f"{name}{os.path.realpath(entry.path) if entry.is_symlink() else ''}")
        self.organisations, self._stray = tuple(folders), tuple(stray)

    def shared(self) -> SharedContent:
        """What is shared."""
        signature, newest = self._signature(SHARED)
        seen = self._seen.get(SHARED)
        if seen is not None and seen.signature == signature:
            self._looked[SHARED] = (signature, True)
            with contextlib.suppress(msgspec.DecodeError):
                return msgspec.msgpack.decode(seen.content, type=SharedContent)
        settled = newest < time.time_ns() - _SETTLED
        content = self._shared_content()
        self._looked[SHARED] = (signature, settled)
        if settled:
            self.learnt[SHARED] = Seen(signature, msgspec.msgpack.encode(content))
        return content

    def organisation(self, name: str) -> bytes:
        """What an organisation's folder holds."""
        signature, newest = self._signature(name)
        seen = self._seen.get(name)
        if seen is not None and seen.signature == signature:
            self._looked[name] = (signature, True)
            return seen.content
        settled = newest < time.time_ns() - _SETTLED
        content = self._organisation_content(name)
        self._looked[name] = (signature, settled)
        if settled:
            self.learnt[name] = Seen(signature, content)
        return content

    def unchanged(self, places: Mapping[str, SharedContent | bytes]) -> bool:
        """Whether the files of those places still are what they were when their content was asked for."""
        fresh = Inventory(Path(self.root), {})
        if (fresh.organisations, fresh._stray) != (self.organisations, self._stray):
            return False
        for place, content in places.items():
            signature, settled = self._looked[place]
            if self._signature(place)[0] != signature:
                return False
            if not settled and content != (
                self._shared_content() if place == SHARED else self._organisation_content(place)
            ):
                return False
        return True

    # --- by size and time ------------------------------------------------------------------------------------------------

    def _signature(self, place: str) -> tuple[bytes, int]:
        """What stat says of every file, and the time of the newest change."""
        parts: list[str] = []
        newest = 0
        if place == SHARED:
            parts.extend(self._stray)
            files = self._shared_files()
        else:
            files = _tree(f"{self.root}/orgs/{place}", place, CASES)
        for path, entry in files:
            try:
                found = entry.stat()
            except OSError as error:
                parts.append(f"{path} {error.errno}")
                continue
            newest = max(newest, found.st_mtime_ns, found.st_ctime_ns)
            link = os.path.realpath(entry.path) if entry.is_symlink() else ""
            parts.append(
                f"{path} {found.st_mode} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {link}"
            )
        return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).digest(), newest

    # --- by content ------------------------------------------------------------------------------------------------------

    def _shared_files(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        yield from _tree(f"{self.root}/mappings", "mappings")
        yield from _tree(f"{self.root}/codes", "codes")
        yield from (("schema.yaml", entry) for name, entry in _entries(f"{self.root}/orgs") if name == "schema.yaml")

    def _shared_content(self) -> SharedContent:
        base, whole = hashlib.sha256(), hashlib.sha256()
        vendors: dict[str, hashlib._Hash] = {}
        for path, entry in self._shared_files():
            vendor = vendor_of(path) if path.endswith(".seg") else ""
            _add(vendors.setdefault(vendor, hashlib.sha256()) if vendor else base, path, entry)
        found = {name: digest.digest() for name, digest in sorted(vendors.items())}
        whole.update(repr((self._stray, base.digest(), sorted(found.items()))).encode("utf-8", "surrogateescape"))
        return SharedContent(base.digest(), found, whole.digest())

    def _organisation_content(self, name: str) -> bytes:
        digest = hashlib.sha256()
        for path, entry in _tree(f"{self.root}/orgs/{name}", name, CASES):
            _add(digest, path, entry)
        return digest.digest()


def vendor_of(name: str) -> str:
    """The profile layer that a file under `mappings/` belongs to, "" for the base."""
    parts = name.split("/")
    return parts[2] if len(parts) > 3 and parts[1] == "vendors" else ""


def _entries(folder: str) -> list[tuple[str, os.DirEntry[str]]]:
    """The entries of a folder that a workspace has, by name (see `orgs.workspace`)."""
    try:
        with os.scandir(folder) as found:
            return sorted(
                (
                    (entry.name, entry)
                    for entry in found
                    if not entry.name.startswith(".") and not entry.name.endswith("~") and entry.name != "__pycache__"
                ),
                key=lambda each: each[0],
            )
    except OSError:
        return []


def _tree(folder: str, name: str, names_below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder. Below its folder `names_below` only names are read; they show in the times of the folders."""
    for each, entry in _entries(folder):
        path = f"{name}/{each}"
        yield path, entry
        if not entry.is_dir(follow_symlinks=False):
            continue
        if each == names_below:
            yield from ((f"{path}/{below}", found) for below, found in _entries(entry.path))
        else:
            yield from _tree(entry.path, path)


def _add(digest: hashlib._Hash, path: str, entry: os.DirEntry[str]) -> None:
    """A file's name and bytes; of a link where it leads; of a folder what it holds, by name."""
    said = path
    data = b""
    limit = LIMITS.get(os.path.splitext(path)[1])
    try:
        if entry.is_symlink():
            said += f" -> {os.path.realpath(entry.path)}"
        if entry.is_dir():
            said += repr([(name, inner.is_dir(follow_symlinks=False)) for name, inner in _entries(entry.path)])
        elif entry.is_file() and limit is not None:
            size = entry.stat().st_size
            said += f" {size}"
            if size <= limit:
                data = Path(entry.path).read_bytes()
    except OSError as error:
        said += f" {error.errno}"
    digest.update(f"{len(said)} {len(data)} {said}".encode("utf-8", "surrogateescape") + data)


@cache
def engine() -> bytes:
    """What compiles: the interpreter, this package file by file, its grammar, and every installed distribution by version."""
    import segwright

    said = [segwright.__version__, sys.version]
    package = os.path.dirname(os.path.abspath(segwright.__file__))
    for folder in (package, os.path.join(os.path.dirname(os.path.dirname(package)), "grammar")):
        for path, entry in _tree(folder, ""):
            found = entry.stat()
            if not entry.is_dir():
                said.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    installed = {
        name for folder in sys.path for name, _ in _entries(folder) if name.endswith((".dist-info", ".egg-info"))
    }
    said.extend(sorted(installed))
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogateescape")).digest()
