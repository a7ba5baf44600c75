"""Checks many organisations at once: from the cache what did not change, the rest compiled on several processes.

Takes a workspace; gives every finding and, for each organisation, environment and message, the plan and its hash. The same
findings and the same bytes as `compiling.compile_workspace`, without its objects. When all is cached the compiler is not loaded.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from segwright.core.diagnostic import Diagnostic, once
from segwright.core.source import Source, Span
from segwright.orgs.listeners import Listener, claimed_twice
from segwright.orgs.workspace import CASE_LIMIT, LIMITS, causes
from segwright.plan.model import Model
from segwright.service.cache import Cache, Entry
from segwright.service.inventory import SHARED, Inventory, SharedContent, engine
from segwright.service.together import InFleet, Use, all_together, use_of

if TYPE_CHECKING:
    from segwright.orgs.workspace import Workspace
    from segwright.service.compiling import CompiledOrganisation

FORMAT: Final = 2
"""Of what is kept; another one is never read."""

PARALLEL: Final = 12
"""Organisations from which on a second process is worth its start."""

_T = TypeVar("_T")
Progress = Callable[[int, int], None]
"""Told how many organisations are compiled, and how many there are to compile."""


class SharedResult(msgspec.Struct, frozen=True):
    """What compiling found in the shared files, and where every base mapping stands."""

    found: tuple[Diagnostic, ...]
    bases: dict[str, Span]


class Checked(msgspec.Struct, frozen=True):
    """One organisation: its findings, and the hash of every plan by environment and message ("" where errors keep it from having
    one). `compiled` is False when its org.yaml has errors."""

    name: str
    compiled: bool
    found: tuple[Diagnostic, ...]
    hashes: dict[str, dict[str, str]]
    layers: tuple[str, ...]
    in_fleet: InFleet
    listeners: tuple[Listener, ...]


class Plans(msgspec.Struct, frozen=True):
    """The plans of an organisation: each text once, and for each environment and message its number and what replaces what;
    and the data model they were made for."""

    texts: tuple[bytes, ...]
    plans: dict[str, dict[str, tuple[int, tuple[tuple[bytes, bytes], ...]]]]
    model: Model

    def plan(self, environment: str, message: str) -> bytes:
        """The canonical bytes of a plan. Raises KeyError."""
        number, replaced = self.plans[environment][message]
        return _filled(self.texts[number], replaced)


class FleetResult:
    """Everything found, and the plans.

    `hits` of the organisations came from the cache. `readable` is False when the folder is no workspace; `found` then says why.
    """

    def __init__(
        self,
        root: Path,
        found: tuple[Diagnostic, ...],
        organisations: dict[str, Checked],
        bodies: Mapping[str, Callable[[], bytes | None]],
        hits: int,
        *,
        readable: bool = True,
    ) -> None:
        self.root = root
        self.found = found
        self.organisations = organisations
        self.hits = hits
        self.readable = readable
        self._bodies = bodies

    @property
    def messages(self) -> int:
        """How many messages all catalogues name."""
        return sum(len(next(iter(each.hashes.values()), ())) for each in self.organisations.values())

    def plan(self, organisation: str, environment: str, message: str) -> bytes | None:
        """The canonical bytes of a plan; None where errors keep it from being, or (rarely) where the cache has lost it since."""
        wanted = self.organisations[organisation].hashes[environment][message]
        plans = self.plans(organisation) if wanted else None
        try:
            data = b"" if plans is None else plans.plan(environment, message)
        except LookupError:
            return None
        return data if hashlib.sha256(data).hexdigest() == wanted else None

    def plans(self, organisation: str) -> Plans | None:
        """All plans of an organisation; None when the cache has lost them since. Their hashes are not looked at."""
        packed = self._bodies[organisation]()
        try:
            return msgspec.msgpack.decode(zlib.decompress(packed), type=Plans) if packed else None
        except (msgspec.DecodeError, zlib.error):
            return None

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The texts that findings point into."""
        names = {span.file for found in self.found for span in (found.span, *(label.span for label in found.labels))}
        sources = {}
        for name in sorted(names):
            with contextlib.suppress(OSError, UnicodeDecodeError, ValueError):
                path = self.root / name
                if name and path.is_file() and path.stat().st_size <= LIMITS.get(path.suffix, CASE_LIMIT):
                    sources[name] = Source(name, path.read_bytes().decode("utf-8-sig"))
        return sources


def _filled(text: bytes, replaced: tuple[tuple[bytes, bytes], ...]) -> bytes:
    for mark, value in replaced:
        text = text.replace(mark, value)
    return text


def check_fleet(
    root: Path,
    only: Collection[str] | None = None,
    *,
    jobs: int | None = None,
    cache: Cache | None = None,
    progress: Progress = lambda done, of: None,
) -> FleetResult:
    """Checks the organisations of a workspace, or those named in `only`. `jobs`: processes, as many as there are processors when
    None. Without `cache` everything is compiled and nothing kept."""
    if not (root / "mappings").is_dir() or not (root / "orgs").is_dir():
        from segwright.orgs.workspace import read_workspace

        _, problems = read_workspace(root, ())
        return FleetResult(root, tuple(problems), {}, {}, 0, readable=False)
    work = _Work(root, only, jobs, cache, progress)
    return work.run()


class _Work:
    """One check of a fleet."""

    def __init__(
        self, root: Path, only: Collection[str] | None, jobs: int | None, cache: Cache | None, progress: Progress
    ) -> None:
        self.root = root
        self.only = only
        self.jobs = jobs or len(_processors())
        self.cache = cache
        self.progress = progress
        self.place = os.path.realpath(root)
        self.inventory = Inventory(root, {} if cache is None else cache.seen(self.place))
        self.names = [name for name in self.inventory.organisations if only is None or name in only]
        self.checked: dict[str, Checked] = {}
        self.bodies: dict[str, Callable[[], bytes | None]] = {}
        self.entries: dict[bytes, Entry] = {}
        self.compiler: _Compiler | None = None

    def run(self) -> FleetResult:
        """Looks up, compiles what is missing, keeps it, and judges all together."""
        shared, hits = self._known() if self.cache is not None else (None, 0)
        missing = [name for name in self.names if name not in self.checked]
        if shared is None or missing:
            shared = self._compile(missing)
        found = [*shared.found]
        for name in self.names:
            found.extend(self.checked[name].found)
        compiled = {name: self.checked[name] for name in self.names if self.checked[name].compiled}
        if self.only is None:
            fleet = [each.in_fleet for each in compiled.values()]
            found.extend(all_together(shared.bases, fleet))
            found.extend(self._unused(use_of(fleet)))
        found.extend(claimed_twice(listener for each in compiled.values() for listener in each.listeners))
        return FleetResult(self.root, tuple(once(causes(found))), compiled, self.bodies, hits)

    # --- looking up --------------------------------------------------------------------------------------------------------

    def _known(self) -> tuple[SharedResult | None, int]:
        """What the cache has: the shared findings, and how many organisations."""
        assert self.cache is not None
        content = self.inventory.shared()
        contents = {name: self.inventory.organisation(name) for name in self.names}
        layers_of = {name: _key(b"layers", name.encode(), contents[name]) for name in self.names}
        kept = self.cache.values([_key(b"shared", content.whole), *layers_of.values()])
        keys: dict[str, bytes] = {}
        for name, key in layers_of.items():
            layers = _decoded(kept.get(key), tuple[str, ...])
            if layers is not None:
                keys[name] = _organisation_key(content, name, contents[name], layers)
        values = self.cache.values(keys.values())
        for name, key in keys.items():
            checked = _decoded(values.get(key), Checked)
            if checked is not None and checked.name == name:
                self.checked[name] = checked
                self.bodies[name] = lambda key=key, cache=self.cache: cache.body(key)  # type: ignore[misc]
        return _decoded(kept.get(_key(b"shared", content.whole)), SharedResult), len(self.checked)

    # --- compiling -----------------------------------------------------------------------------------------------------------

    def _compile(self, missing: list[str]) -> SharedResult:
        """Compiles the shared files and some organisations, and keeps what comes out."""
        before = self._contents(missing)
        compiler = self.compiler = _Compiler(self.root)
        shared = compiler.shared_result()
        done = 0
        self.progress(0, len(missing))
        for results in _in_processes(compiler, missing, self.jobs):
            for name, value, body in results:
                checked = msgspec.msgpack.decode(value, type=Checked)
                self.checked[name] = checked
                self.bodies[name] = lambda body=body: body  # type: ignore[misc]
                if self.cache is not None and before is not None:
                    content, contents = before
                    key = _organisation_key(content, name, contents[name], checked.layers)
                    self.entries[key] = Entry(value, body)
                    self.entries[_key(b"layers", name.encode(), contents[name])] = Entry(
                        msgspec.msgpack.encode(checked.layers)
                    )
                done += 1
            self.progress(done, len(missing))
        if self.cache is not None and before is not None:
            self.entries[_key(b"shared", before[0].whole)] = Entry(msgspec.msgpack.encode(shared))
            # What changed while it was compiled is not kept: nobody knows what was read.
            if self.inventory.unchanged({SHARED: before[0], **before[1]}):
                self.cache.store(self.place, self.inventory.learnt, self.entries)
        return shared

    def _unused(self, use: Use) -> tuple[Diagnostic, ...]:
        """What is wrong with what nobody uses: from the cache, or compiled and kept."""
        content = None if self.cache is None else self.inventory.shared()
        key = b"" if content is None else _key(b"unused", content.whole, msgspec.json.encode(use))
        if self.cache is not None:
            kept = _decoded(self.cache.values([key]).get(key), tuple[Diagnostic, ...])
            if kept is not None:
                return kept
        compiler = self.compiler or _Compiler(self.root)
        found = compiler.unused(use)
        if self.cache is not None and content is not None and self.inventory.unchanged({SHARED: content}):
            self.cache.store(self.place, self.inventory.learnt, {key: Entry(msgspec.msgpack.encode(found))})
        return found

    def _contents(self, names: list[str]) -> tuple[SharedContent, dict[str, bytes]] | None:
        if self.cache is None:
            return None
        return self.inventory.shared(), {name: self.inventory.organisation(name) for name in names}


def _decoded(data: bytes | None, type_: type[_T]) -> _T | None:
    """What was kept; None when there is nothing or something else."""
    if data is None:
        return None
    try:
        return msgspec.msgpack.decode(data, type=type_)
    except (msgspec.DecodeError, ValueError):
        return None


def _key(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (engine(), b"%d" % FORMAT, *parts):
        digest.update(b"%d " % len(part) + part)
    return digest.digest()


def _organisation_key(shared: SharedContent, name: str, content: bytes, layers: tuple[str, ...]) -> bytes:
    """What an organisation is compiled from. A layer that there is none of is reported with all that there are."""
    known = all(layer in shared.vendors for layer in layers)
    below = [shared.vendors[layer] for layer in layers] if known else [shared.whole]
    return _key(b"organisation", name.encode(), content, shared.base, *below)


# --- compiling, in whichever process -----------------------------------------------------------------------------------------

Compiled = list[tuple[str, bytes, bytes]]
"""Of each organisation its name, its encoded `Checked`, and its packed plans."""


class _Compiler:
    """Compiles organisations of one workspace over what they share."""

    def __init__(self, root: Path) -> None:
        from segwright.lang.remembered import Memory
        from segwright.orgs.workspace import read_workspace
        from segwright.service.compiling import Shared

        self.root = root
        workspace, self.found = read_workspace(root, ())
        self.shared = None if workspace is None else Shared(workspace, Memory())

    def shared_result(self) -> SharedResult:
        """What is found whichever organisation is compiled."""
        if self.shared is None:
            return SharedResult(tuple(self.found), {})
        places = {name: mapping.span for name, mapping in self.shared.bases.items()}
        return SharedResult(tuple(dict.fromkeys([*self.found, *self.shared.found])), places)

    def unused(self, use: Use) -> tuple[Diagnostic, ...]:
        """What is wrong with what nobody uses."""
        from segwright.service.unused import unused_problems

        return () if self.shared is None else tuple(unused_problems(self.shared, use))

    def organisations(self, names: list[str]) -> Compiled:
        """Some organisations."""
        from segwright.orgs.workspace import read_workspace
        from segwright.service.compiling import without_collector

        workspace, found = read_workspace(self.root, names)
        out: Compiled = []
        with without_collector():
            for name in names:
                read = [each for each in found if each.organisation == name]
                out.append(self._organisation(workspace, name, read))
        return out

    def _organisation(
        self, workspace: Workspace | None, name: str, found: list[Diagnostic]
    ) -> tuple[str, bytes, bytes]:
        files = None if workspace is None else workspace.organisations.get(name)
        if files is None or self.shared is None:
            return name, msgspec.msgpack.encode(_not_compiled(name, found)), b""
        compiled, problems = self.shared.compile(files)
        found = [*found, *problems]
        if compiled is None:
            return name, msgspec.msgpack.encode(_not_compiled(name, found)), b""
        checked, body = _summed_up(name, compiled, found)
        return name, msgspec.msgpack.encode(checked), zlib.compress(msgspec.msgpack.encode(body), 1)


def _not_compiled(name: str, found: list[Diagnostic]) -> Checked:
    return Checked(name, False, tuple(dict.fromkeys(found)), {}, (), InFleet((), (), ()), ())


def _summed_up(name: str, compiled: CompiledOrganisation, found: list[Diagnostic]) -> tuple[Checked, Plans]:
    from segwright.orgs.load import listeners_of
    from segwright.service.together import in_fleet

    texts: list[bytes] = []
    numbers: dict[int, int] = {}
    hashes: dict[str, dict[str, str]] = {}
    plans: dict[str, dict[str, tuple[int, tuple[tuple[bytes, bytes], ...]]]] = {}
    for environment, by_name in compiled.messages.items():
        hashes[environment] = {}
        plans[environment] = {}
        for message, each in by_name.items():
            hashes[environment][message] = ""
            emitted = each.emitted
            if emitted is None:
                continue
            if id(emitted) not in numbers:
                numbers[id(emitted)] = len(texts)
                texts.append(emitted.marked)
            replaced = tuple(emitted.replacements(environment))
            plans[environment][message] = (numbers[id(emitted)], replaced)
            hashes[environment][message] = hashlib.sha256(_filled(emitted.marked, replaced)).hexdigest()
    checked = Checked(
        name,
        True,
        tuple(dict.fromkeys(found)),
        hashes,
        compiled.organisation.layers,
        in_fleet(compiled),
        tuple(listeners_of(compiled.organisation)),
    )
    return checked, Plans(tuple(texts), plans, compiled.model)


# --- processes ---------------------------------------------------------------------------------------------------------------

_compiler: _Compiler | None = None
"""Of this process, where it is a worker."""


def _in_processes(compiler: _Compiler, names: list[str], jobs: int) -> Iterator[Compiled]:
    """Compiles on several processes where that is worth it; what they leave undone, in this one."""
    from concurrent.futures.process import BrokenProcessPool

    several = jobs > 1 and len(names) >= PARALLEL
    if several:
        # What the first one loads, forked workers need not load each for itself.
        yield compiler.organisations(names[:1])
        names = names[1:]
    size = max(1, min(16, len(names) // (jobs * 4)))
    chunks = {number: names[start : start + size] for number, start in enumerate(range(0, len(names), size))}
    if several:
        with contextlib.suppress(BrokenProcessPool, OSError):
            for number, results in _pooled(compiler, chunks, jobs):
                del chunks[number]
                yield results
    for chunk in chunks.values():
        yield compiler.organisations(chunk)


def _pooled(compiler: _Compiler, chunks: Mapping[int, list[str]], jobs: int) -> Iterator[tuple[int, Compiled]]:
    import multiprocessing
    from concurrent.futures import Future, ProcessPoolExecutor, as_completed

    global _compiler
    # Only a process without threads may be forked; elsewhere each worker reads the base for itself.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    _compiler = compiler
    before = set(multiprocessing.active_children())
    given = (None if forks else compiler.root, os.getpid())
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=given)
    try:
        futures: dict[Future[Compiled], int] = {
            pool.submit(_compile_some, chunk): number for number, chunk in list(chunks.items())
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
        pool.shutdown()
    except BaseException:
        # Interrupted, or a worker died: nobody waits for the others.
        workers = set(multiprocessing.active_children()) - before
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        raise
    finally:
        _compiler = None


def _begin(root: Path | None, parent: int) -> None:
    """A worker begins: an interrupt is its parent's affair, and it does not outlive it."""
    global _compiler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if root is not None:
        _compiler = _Compiler(root)
    gc.freeze()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _compile_some(names: list[str]) -> Compiled:
    assert _compiler is not None
    return _compiler.organisations(names)


def _processors() -> Collection[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
