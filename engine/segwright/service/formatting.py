"""Changes mapping files for people: brings them into their one layout, and mends what can be mended safely.

Takes files and folders as somebody names them, or a workspace; gives for each file its text before and after, or what keeps it
from being laid out. A file with a mistake of syntax, and one that cannot be read, is left exactly as it is.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import Source, undecodable
from segwright.lang.layout import formatted
from segwright.lang.mending import Mended, mend
from segwright.lang.parse import parse
from segwright.orgs.workspace import LIMITS, no_text
from segwright.service.opening import read_file


class Laid(msgspec.Struct, frozen=True):
    """One file: its text, and its text laid out (None where `found` says why not)."""

    path: Path | None
    source: Source
    after: str | None
    found: tuple[Diagnostic, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether laying it out changes it."""
        return self.after is not None and self.after != self.source.text


def lay_out(paths: Iterable[Path], below: Path) -> Iterator[Laid]:
    """Every `.seg` file of some paths (of a folder, all that are in it), each once. Names are shown relative to `below`."""
    for path in _files(paths):
        name = _named(path, below)
        text, found = read_text(path, name)
        if text is None:
            yield Laid(path, Source(name, ""), None, tuple(found))
        else:
            yield lay_out_text(Source(name, text), path)


def lay_out_text(source: Source, path: Path | None = None) -> Laid:
    """One text. An empty file, or one that holds nothing but white space, stays as it is."""
    if not source.text.strip():
        return Laid(path, source, source.text)
    after, found = formatted(source)
    return Laid(path, source, after, tuple(found))


def read_text(path: Path, name: str) -> tuple[str | None, list[Diagnostic]]:
    """The text of a mapping file from anywhere, or why there is none."""
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would never end
        return None, [diagnostic("SW0701", Source(name, "").span(), file=name, reason="it is no ordinary file")]
    if path.is_file() and path.suffix != ".seg":
        reason = "it is no mapping file; their names end in .seg"
        return None, [diagnostic("SW1050", Source(name, "").span(), file=name, reason=reason)]
    data, found = read_file(path, LIMITS[".seg"])
    if data is None:
        return None, [msgspec.structs.replace(one, span=Source(name, "").span()) for one in found]
    return decoded(data, name)


def decoded(data: bytes, name: str) -> tuple[str | None, list[Diagnostic]]:
    """Bytes as text: UTF-8 without NUL."""
    span = Source(name, "").span()
    reason = no_text(data)
    if reason:
        return None, [diagnostic("SW0703", span, file=name, reason=reason)]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return None, [diagnostic("SW0702", span, file=name, **undecodable(error))]


def write_text(path: Path, text: str) -> None:
    """Replaces a file as a whole, so that nobody ever reads half of it. Raises OSError."""
    real = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(name, real.stat().st_mode & 0o7777)
        os.replace(name, real)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def mend_files(paths: Iterable[Path], below: Path) -> Iterator[tuple[Path, Source, Mended]]:
    """The files of some paths that safe fixes change, each with what would be done. What cannot be read is passed over: checking
    tells why."""
    for path in _files(paths):
        name = _named(path, below)
        text, _ = read_text(path, name)
        if text is None:
            continue
        source = Source(name, text)
        mended = mend(source, lambda each: parse(each)[1])
        if mended.done:
            yield path, source, mended


def _files(paths: Iterable[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        for folder, names, inside in os.walk(path):
            names[:] = sorted(name for name in names if not name.startswith(".") and name != "__pycache__")
            files |= dict.fromkeys(Path(folder, name) for name in sorted(inside) if name.endswith(".seg"))
    return list(files)


def _named(path: Path, below: Path) -> str:
    with contextlib.suppress(ValueError, OSError):
        return path.resolve().relative_to(below.resolve()).as_posix()
    return str(path)
