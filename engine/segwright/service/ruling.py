"""The rules of two states of a workspace: reads and parses what differs, and compares it.

Takes two `State`s and the organisations that may differ; gives rule changes with their places. A layer whose files are the same
byte for byte is parsed only when what is in it must be known to weigh a change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from segwright.core.source import Source, Span
from segwright.lang.parse import parse
from segwright.lang.scope import Layer
from segwright.orgs.plain import read_quickly
from segwright.orgs.shown import shown
from segwright.orgs.tree import Mapping as Tree
from segwright.orgs.tree import Node, Scalar
from segwright.orgs.workspace import OrganisationFiles, Workspace
from segwright.review.change import RuleChange
from segwright.review.meanings import Meanings
from segwright.review.rules import Rule, Setting, rows_of, rule_changes, rules_of, settings_of
from segwright.service.inventory import vendor_of
from segwright.service.states import State


def workspace_rules(
    before: State, after: State, organisations: Collection[str], meanings: Meanings
) -> tuple[RuleChange, ...]:
    """Every rule that was added, removed or changed, in shared files and in those of `organisations`."""
    sides = (_Side(before), _Side(after))
    shared = sides[0].texts != sides[1].texts
    own = [name for name in organisations if sides[0].files(name) != sides[1].files(name)]
    if not shared and not own:
        return ()
    olds, news = ([*side.shared(), *(rule for name in own for rule in side.own(name))] for side in sides)
    using = _using(after)
    return rule_changes(
        olds, news, meanings, lambda span, now: sides[now].place(span), lambda layer: using.get(layer, using[""])
    )


def _using(state: State) -> dict[str, int]:
    """How many hospitals each profile is for; under "" how many there are; an organisation is one."""
    counts = {"": len(state.names)}
    for name, checked in state.fleet.organisations.items():
        counts[name] = 1
        for layer in checked.layers:
            counts[layer] = counts.get(layer, 0) + 1
    return {**counts, "base": counts[""]}


class _Side:
    """The texts of one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.sources: dict[str, Source] = dict(state.shared.sources)
        self.texts = state.shared_texts

    def files(self, name: str) -> dict[str, str]:
        """The texts of an organisation's mappings, configuration and tables."""
        files = self._organisation(name)
        return {} if files is None else {source.name: source.text for source in _texts(files)}

    def _organisation(self, name: str) -> OrganisationFiles | None:
        workspace: Workspace = self.state.workspace(name)
        return workspace.organisations.get(name)

    def shared(self) -> Iterator[Rule]:
        """The rules of base and profiles."""
        workspace = self.state.shared
        layers: dict[str, list[Source]] = {}
        for name, source in sorted(workspace.mappings.items()):
            layers.setdefault(vendor_of(name) or "base", []).append(source)
        for name, sources in layers.items():
            yield from rules_of(_layer(name, sources))
        for _, source in sorted(workspace.tables.items()):
            yield from rows_of("base", source)

    def own(self, name: str) -> Iterator[Rule]:
        """The rules of an organisation."""
        files = self._organisation(name)
        if files is None:
            return
        for source in _texts(files):
            self.sources[source.name] = source
        yield from rules_of(_layer(name, [files.mappings[each] for each in sorted(files.mappings)]))
        if files.config is not None:
            yield from settings_of(name, _settings(shown(files.config)))
        for _, source in sorted(files.tables.items()):
            yield from rows_of(name, source)

    def place(self, span: Span) -> str:
        """File and line of a span."""
        source = self.sources.get(span.file)
        return span.file if source is None else f"{span.file}:{source.position(span.start)[0]}"


def _texts(files: OrganisationFiles) -> list[Source]:
    config = [files.config] if files.config is not None else []
    return [*config, *files.mappings.values(), *files.tables.values()]


def _layer(name: str, sources: list[Source]) -> Layer:
    return Layer(name, tuple(parse(source)[0] for source in sources))


def _settings(source: Source) -> Mapping[str, Setting]:
    """The values of an org.yaml by their keys."""
    tree, _ = read_quickly(source)
    return {} if tree is None else dict(_leaves(source, tree, ""))


def _leaves(source: Source, node: Node, key: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(node, Tree) and node.entries:
        for name, entry in node.entries.items():
            yield from _leaves(source, entry.node, f"{key}.{name}" if key else name)
        return
    text = (node.text or "") if isinstance(node, Scalar) else " ".join(source.text[node.start : node.end].split())
    yield key, (text, source.span(node.start, node.end))
