"""Compares a workspace with what it was: overlays whose base changed under them while they stayed as they were.

Takes the folder of a workspace and a folder with its former state; gives a warning for each stale operation (SW0519), once for
all organisations that share its line. Refuses nothing: what is wrong in either workspace is told by checking it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic, once
from segwright.core.source import Source, Span
from segwright.lang import ast
from segwright.lang.flatten import Flattened
from segwright.lang.parse import parse
from segwright.lang.scope import Layer, overlays
from segwright.lang.stale import Stale, stale
from segwright.orgs.csvtables import fill
from segwright.orgs.load import listed
from segwright.orgs.workspace import OrganisationFiles, Workspace, read_workspace
from segwright.service.bundling import line_of
from segwright.service.compiling import Shared, without_collector

LONGEST: Final = 160
"""Most characters of a line that is quoted."""


def stale_overrides(
    root: Path, former: Path, base: str, only: Collection[str] | None = None
) -> tuple[list[Diagnostic], Mapping[str, Source]]:
    """The stale operations of the workspace in `root`, and its texts; `base` is what people call its `former` state, `only`
    the organisations that are looked at."""
    with without_collector():
        both = Former(root, former, base, only)
        return once(found for name in both.names for found in both.stale(name)), both.sources


class Former:
    """A workspace and its former state, asked about one organisation at a time."""

    def __init__(self, root: Path, former: Path, base: str, only: Collection[str] | None = None) -> None:
        self._base = base
        after, _ = read_workspace(root, only)
        before, _ = read_workspace(former, only)
        self._both = None if after is None or before is None else (_State(before), _State(after))
        both = set() if after is None or before is None else set(before.organisations) & set(after.organisations)
        self.names = tuple(sorted(both))

    @property
    def sources(self) -> Mapping[str, Source]:
        """The texts of the workspace as it is."""
        return {} if self._both is None else self._both[1].sources

    def stale(self, name: str) -> list[Diagnostic]:
        """The stale operations of one organisation, and of its profiles."""
        return [] if self._both is None else list(_stale(*self._both, name, self._base))


class _Listed(NamedTuple):
    """An organisation: its own layer, its profiles that there are, the messages of its catalogue."""

    own: Layer
    layers: tuple[str, ...]
    catalogue: tuple[str, ...]


class _State:
    """A workspace before or after."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.shared = Shared(workspace)
        self._filled: dict[tuple[str, tuple[str, ...]], Flattened] = {}
        self._operations: dict[tuple[str, str], tuple[ast.Operation, ...]] = {}

    @cached_property
    def texts(self) -> dict[str, str]:
        """Everything that organisations share."""
        sources = {**self.workspace.mappings, **self.workspace.tables}
        return {name: source.text for name, source in sources.items()}

    @property
    def sources(self) -> Mapping[str, Source]:
        """Every text by name."""
        return self.workspace.sources

    def organisation(self, name: str) -> _Listed | None:
        """An organisation; None when its configuration cannot be read."""
        files: OrganisationFiles = self.workspace.organisations[name]
        if files.config is None or self.shared.schema is None:
            return None
        found = listed(files.config, self.shared.schema)
        if found is None:
            return None
        own = Layer(name, tuple(parse(source)[0] for _, source in sorted(files.mappings.items())))
        return _Listed(own, tuple(layer for layer in found[0] if layer in self.shared.vendors), found[1])

    def below(self, message: str, layers: tuple[str, ...]) -> Flattened | None:
        """A message's base with these profiles, its tables filled from their files."""
        mapping = self.shared.bases.get(message)
        if mapping is None:
            return None
        if (message, layers) not in self._filled:
            found = self.shared.below(message, mapping, layers)
            scope, _ = fill(found.scope, self.workspace.tables, {})
            self._filled[message, layers] = Flattened(found.mapping, scope, (), ())
        return self._filled[message, layers]

    def profile(self, layer: str, message: str) -> tuple[ast.Operation, ...]:
        """What a profile changes of a message."""
        if (layer, message) not in self._operations:
            self._operations[layer, message] = tuple(_operations(self.shared.vendors[layer], message))
        return self._operations[layer, message]


def _stale(then: _State, now: _State, name: str, base: str) -> Iterator[Diagnostic]:
    """The stale operations of one organisation and of its profiles."""
    former, present = then.organisation(name), now.organisation(name)
    if former is None or present is None:
        return
    before, after = former.layers, present.layers
    if before == after and then.texts == now.texts:
        return
    for message in present.catalogue:
        for number, layer in enumerate(after):
            if layer in before:
                below = before[: before.index(layer)], after[:number]
                operations = then.profile(layer, message), now.profile(layer, message)
                yield from _between(then, now, message, below, operations, base, "")
        own = tuple(_operations(former.own, message)), tuple(_operations(present.own, message))
        yield from _between(then, now, message, (before, after), own, base, name)


def _between(
    then: _State, now: _State, message: str, layers: tuple[tuple[str, ...], tuple[str, ...]],
    operations: tuple[tuple[ast.Operation, ...], tuple[ast.Operation, ...]], base: str, organisation: str,
) -> Iterator[Diagnostic]:  # fmt: skip
    """The stale operations of one layer, over what was below it and what is."""
    if not all(operations):  # an operation that is stale stood there before, and stands there still
        return
    old, new = then.below(message, layers[0]), now.below(message, layers[1])
    if old is not None and new is not None:
        for each in stale(old, operations[0], new, operations[1]):
            yield _told(each, base, then.sources, now.sources, organisation)


def _operations(layer: Layer, message: str) -> Iterator[ast.Operation]:
    return (operation for _, overlay in overlays(layer, message) for operation in overlay.operations)


def _told(
    each: Stale, base: str, before: Mapping[str, Source], after: Mapping[str, Source], organisation: str
) -> Diagnostic:
    labels = [] if each.now is None else [Label(each.now, "changed_since")]
    more = "" if not each.more else "One more line" if each.more == 1 else f"{each.more} more lines"
    return diagnostic(
        "SW0519",
        each.span,
        *labels,
        organisation=organisation,
        severity=Severity.WARNING,
        address=each.address,
        base=base,
        name=each.name,
        was=_line(each.was, before) or "not there",
        now=_line(each.now, after) or "not there",
        more=more,
    )


def _line(span: Span | None, sources: Mapping[str, Source]) -> str:
    """A line of a mapping as it is quoted in a sentence; "" for none."""
    text = "" if span is None else line_of(span, sources)
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …"
