"""Compiles a workspace: every message of every organisation in every environment.

Takes a read workspace; gives for each organisation its compiled messages and all findings of all files in one list. Bases are
flattened once with their layers and shared by the organisations that use them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source, Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.compile import Compiled, Order, compile_message, flatten, flatten_base
from segwright.lang.flat import FlatAllow, walk
from segwright.lang.flatten import Flattened
from segwright.lang.parse import parse
from segwright.lang.scope import EMPTY, Layer, Scope, declare
from segwright.orgs.csvtables import fill
from segwright.orgs.load import load_organisation, load_schema
from segwright.orgs.organisation import CatalogueEntry, Organisation
from segwright.orgs.workspace import Workspace, read_workspace
from segwright.plan.canonical import encode
from segwright.plan.model import Model
from segwright.service.settings import OrganisationSettings, plan_encoding


class CompiledOrganisation(msgspec.Struct, frozen=True, eq=False):
    """One organisation: its configuration and its messages by environment and name."""

    organisation: Organisation
    messages: dict[str, dict[str, Compiled]]
    model: Model
    found: tuple[Diagnostic, ...]

    @property
    def compiled(self) -> list[Compiled]:
        """Every message in every environment."""
        return [compiled for by_name in self.messages.values() for compiled in by_name.values()]


class CompiledWorkspace(msgspec.Struct, frozen=True, eq=False):
    """Everything compiled, and everything found."""

    workspace: Workspace | None
    organisations: dict[str, CompiledOrganisation]
    found: tuple[Diagnostic, ...]
    scope: Scope
    bases: dict[str, ast.Mapping]

    @property
    def sources(self) -> dict[str, Source]:
        """Every text, for showing findings."""
        return {} if self.workspace is None else self.workspace.sources


class _Parsed(msgspec.Struct, frozen=True):
    base: Layer
    vendors: dict[str, Layer]
    organisations: dict[str, Layer]
    found: tuple[Diagnostic, ...]


def compile_workspace(root: Path, only: Collection[str] | None = None) -> CompiledWorkspace:
    """Reads and compiles the workspace in a folder; `only` names the organisations to compile."""
    workspace, found = read_workspace(root, only)
    if workspace is None:
        return CompiledWorkspace(None, {}, tuple(found), EMPTY, {})
    parsed = _parse(workspace)
    findings = [*found, *parsed.found]
    scope, problems = declare(EMPTY, parsed.base)
    findings.extend(problems)
    bases = _bases(parsed, findings)
    _unknown_overlays(parsed, bases, findings)
    organisations: dict[str, CompiledOrganisation] = {}
    if workspace.schema is not None:
        schema, problems = load_schema(workspace.schema)
        findings.extend(problems)
        if schema is not None:
            joined = _Joined(workspace, parsed, scope, bases)
            for name in sorted(workspace.organisations):
                config = workspace.organisations[name].config
                if config is None:
                    continue
                organisation, problems = load_organisation(config, schema)
                findings.extend(problems)
                if organisation is not None:
                    compiled = joined.organisation(organisation)
                    organisations[name] = compiled
                    findings.extend(compiled.found)
            if only is None:
                findings.extend(_unused_base(joined, organisations))
                findings.extend(_idle_allows([c for o in organisations.values() for c in o.compiled]))
    return CompiledWorkspace(workspace, organisations, tuple(dict.fromkeys(findings)), scope, bases)


def _parse(workspace: Workspace) -> _Parsed:
    found: list[Diagnostic] = []

    def read(sources: Iterable[Source]) -> tuple[ast.File, ...]:
        files = []
        for source in sources:
            file, problems = parse(source)
            found.extend(problems)
            files.append(file)
        return tuple(files)

    base: list[Source] = []
    vendors: dict[str, list[Source]] = {}
    for name, source in sorted(workspace.mappings.items()):
        parts = name.split("/")
        if len(parts) > 3 and parts[1] == "vendors":
            vendors.setdefault(parts[2], []).append(source)
        else:
            base.append(source)
    layers = {name: Layer(name, read(sources)) for name, sources in sorted(vendors.items())}
    organisations = {
        name: Layer(name, read(files.mappings[n] for n in sorted(files.mappings)))
        for name, files in sorted(workspace.organisations.items())
    }
    return _Parsed(Layer("base", read(base)), layers, organisations, tuple(found))


def _bases(parsed: _Parsed, findings: list[Diagnostic]) -> dict[str, ast.Mapping]:
    bases: dict[str, ast.Mapping] = {}
    for file in parsed.base.files:
        if file.mapping is None:
            continue
        first = bases.setdefault(file.mapping.name, file.mapping)
        if first is not file.mapping:
            findings.append(diagnostic("SW0201", file.mapping.span, Label(first.span, "first"), name=first.name))
    return bases


def _unknown_overlays(parsed: _Parsed, bases: dict[str, ast.Mapping], findings: list[Diagnostic]) -> None:
    for layer in (*parsed.vendors.values(), *parsed.organisations.values()):
        own = {file.mapping.name for file in layer.files if file.mapping is not None}
        for file in layer.files:
            overlay = file.overlay
            if overlay is not None and overlay.name not in (*bases, *own, "organisation"):
                findings.append(
                    diagnostic(
                        "SW0515",
                        overlay.span,
                        name=overlay.name,
                        nearest=nearest(overlay.name, bases),
                        known=shown(sorted(bases)),
                    )
                )


class _Joined:
    """What organisations share while a workspace is compiled: flattened bases by layers."""

    def __init__(self, workspace: Workspace, parsed: _Parsed, scope: Scope, bases: dict[str, ast.Mapping]) -> None:
        self.workspace = workspace
        self.parsed = parsed
        self.scope = scope
        self.bases = bases
        self.flattened: dict[tuple[str, tuple[str, ...]], Flattened] = {}
        self.scopes: dict[tuple[str, ...], tuple[Scope, list[Diagnostic]]] = {(): (scope, [])}
        self.used_bases: set[str] = set()
        self.hashes: dict[int, tuple[Model, str]] = {}

    def model_hash(self, model: Model) -> str:
        """The hash of a data model, worked out once."""
        known = self.hashes.get(id(model))
        if known is None:
            known = (model, hashlib.sha256(encode(model)).hexdigest())
            self.hashes[id(model)] = known
        return known[1]

    def layered_scope(self, layers: tuple[str, ...]) -> tuple[Scope, list[Diagnostic]]:
        """The base scope with the declarations of profile layers."""
        if layers not in self.scopes:
            below, found = self.layered_scope(layers[:-1])
            scope, problems = declare(below, self.parsed.vendors[layers[-1]])
            self.scopes[layers] = (scope, [*found, *problems])
        return self.scopes[layers]

    def below(self, name: str, mapping: ast.Mapping, layers: tuple[str, ...]) -> Flattened:
        """A base with its profile layers, flattened once."""
        key = (name, layers)
        if key not in self.flattened:
            scope, _ = self.layered_scope(layers)
            self.flattened[key] = flatten(
                flatten_base(mapping, scope), tuple(self.parsed.vendors[layer] for layer in layers), name
            )
        return self.flattened[key]

    def organisation(self, organisation: Organisation) -> CompiledOrganisation:
        """Every message of one organisation in every environment."""
        found: list[Diagnostic] = []
        layers = self._layers(organisation, found)
        below, problems = self.layered_scope(layers)
        found.extend(problems)
        own = (
            self.parsed.organisations[organisation.id]
            if organisation.id in self.parsed.organisations
            else Layer("", ())
        )
        scope, problems = declare(below, own)
        found.extend(problems)
        files = self.workspace.organisations.get(organisation.id)
        tables = {} if files is None else files.tables
        scope, problems = fill(scope, self.workspace.tables, tables)
        found.extend(problems)
        bases = {**self.bases, **{f.mapping.name: f.mapping for f in own.files if f.mapping is not None}}
        messages: dict[str, dict[str, Compiled]] = {name: {} for name in organisation.environments}
        for name, entry in organisation.catalogue.items():
            mapping = bases.get(name)
            if mapping is None:
                span = organisation.span(("catalogue", name), "key")
                found.append(
                    diagnostic(
                        "SW0901",
                        span,
                        organisation=organisation.id,
                        name=name,
                        nearest=nearest(name, bases),
                        known=shown(sorted(bases)),
                    )
                )
                continue
            self.used_bases.add(name)
            flattened = self._flattened(name, mapping, layers, own, scope)
            found.extend(_entry_problems(organisation, entry, mapping))
            self._message(organisation, entry, flattened, messages)
        found.extend(d for by_name in messages.values() for c in by_name.values() for d in c.found)
        found.extend(_missed(messages))
        found.extend(_idle_allows([c for by_name in messages.values() for c in by_name.values()], organisation.id))
        found.extend(_unused_keys(organisation, messages))
        return CompiledOrganisation(organisation, messages, scope.model, tuple(dict.fromkeys(found)))

    def _layers(self, organisation: Organisation, found: list[Diagnostic]) -> tuple[str, ...]:
        known = []
        for number, layer in enumerate(organisation.layers):
            if layer in self.parsed.vendors:
                known.append(layer)
            else:
                found.append(
                    diagnostic(
                        "SW0516",
                        organisation.span(("organisation", "layers", number)),
                        organisation=organisation.id,
                        name=layer,
                        nearest=nearest(layer, self.parsed.vendors),
                        known=shown(sorted(self.parsed.vendors)),
                    )
                )
        return tuple(known)

    def _flattened(
        self, name: str, mapping: ast.Mapping, layers: tuple[str, ...], own: Layer, scope: Scope
    ) -> Flattened:
        below = self.below(name, mapping, layers) if self.bases.get(name) is mapping else flatten_base(mapping, scope)
        tables = {
            **scope.tables,
            **{n: t for n, t in below.scope.tables.items() if t is not self.scope.tables.get(n) and not t.file},
        }
        merged = msgspec.structs.replace(
            scope,
            tables=tables,
            formats={**scope.formats, **below.scope.formats},
            narratives={**scope.narratives, **below.scope.narratives},
        )
        return flatten(msgspec.structs.replace(below, scope=merged), (own,), name)

    def _message(
        self,
        organisation: Organisation,
        entry: CatalogueEntry,
        flattened: Flattened,
        messages: dict[str, dict[str, Compiled]],
    ) -> None:
        encoding = plan_encoding(organisation)
        model_hash = self.model_hash(flattened.scope.model)
        order = _order(organisation, entry, flattened)
        first: Compiled | None = None
        for environment in organisation.environments:
            if first is not None and not _differs(organisation, first):
                messages[environment][entry.name] = first.elsewhere(environment)
                continue
            settings = OrganisationSettings(organisation, environment)
            compiled = compile_message(flattened, order, settings, encoding, model_hash)
            first = first or compiled
            messages[environment][entry.name] = compiled


def _differs(organisation: Organisation, compiled: Compiled) -> bool:
    """Whether a message must be compiled anew for another environment."""
    instead = any(organisation.value(("environments", name, "instead")) for name in organisation.environments)
    return instead or compiled.recompile


def _order(organisation: Organisation, entry: CatalogueEntry, flattened: Flattened) -> Order:
    span = organisation.span(("catalogue", entry.name), "key")
    if entry.writes:
        kinds = tuple(kind for kind, gate in entry.kinds.items() if gate != "no")
        return Order(entry.name, "writes", (entry.writes,), kinds, organisation.mandatory.get(entry.name, ()), span)
    return Order(entry.name, "reads", entry.reads, span=span)


def _entry_problems(organisation: Organisation, entry: CatalogueEntry, mapping: ast.Mapping) -> list[Diagnostic]:
    """A catalogue entry against its mapping: direction and message types."""
    span = organisation.span(("catalogue", entry.name), "key")
    wanted = (entry.writes,) if entry.writes else entry.reads
    direction = "writes" if entry.writes else "reads"
    out = []
    if direction != mapping.direction:
        out.append(
            diagnostic(
                "SW0902",
                span,
                Label(mapping.span, "declared"),
                organisation=organisation.id,
                name=entry.name,
                direction=direction,
                other=mapping.direction,
            )
        )
    else:
        for message in wanted:
            if message not in mapping.messages:
                out.append(
                    diagnostic(
                        "SW0903",
                        span,
                        Label(mapping.span, "declared"),
                        organisation=organisation.id,
                        name=entry.name,
                        type=message,
                        known=shown(mapping.messages),
                    )
                )
    return out


def _missed(messages: dict[str, dict[str, Compiled]]) -> list[Diagnostic]:
    """Operations for all messages of an organisation that hit in none of them."""
    out: dict[Span, Diagnostic] = {}
    for by_name in messages.values():
        count: dict[Span, int] = {}
        for compiled in by_name.values():
            for span, miss in compiled.missed:
                count[span] = count.get(span, 0) + 1
                if count[span] == len(by_name):
                    out[span] = miss
        break
    return list(out.values())


ENGINE_KEYS = {
    "organisation",
    "encoding",
    "catalogue",
    "delivery",
    "mandatory",
    "environments",
    "environment",
    "acknowledgement",
    "times",
}
"""Sections the engine itself reads; everything else in org.yaml must be read by some mapping."""


def _unused_keys(organisation: Organisation, messages: dict[str, dict[str, Compiled]]) -> list[Diagnostic]:
    used = {key for by_name in messages.values() for c in by_name.values() for key in c.used_keys}
    broken = any(c.emitted is None for by_name in messages.values() for c in by_name.values())
    if broken:
        return []
    out = []
    for key in sorted(organisation.mapping_keys()):
        if key[0] in ENGINE_KEYS or any(key[: len(u)] == u or u[: len(key)] == key for u in used):
            continue
        declared = organisation.declared(key)
        if declared is not None and not declared.always:
            out.append(
                diagnostic(
                    "SW0751", organisation.span(key, "key"), organisation=organisation.id, key=".".join(("org", *key))
                )
            )
    return out


def _idle_allows(compiled: list[Compiled], layer: str = "") -> list[Diagnostic]:
    """Allows of one layer (or, without a name, of every layer) that cover nothing in any message they stand in."""
    counts: dict[Diagnostic, int] = {}
    for each in compiled:
        for of, idle in each.idle_allows:
            if of == layer or not layer:
                counts[idle] = counts.get(idle, 0) + 1
    return [idle for idle, count in counts.items() if count == sum(_has(c, idle.span) for c in compiled)]


def _has(compiled: Compiled, span: Span) -> bool:
    return any(isinstance(item, FlatAllow) and item.origin.span == span for _, item in walk(compiled.mapping.body))


def _unused_base(joined: _Joined, organisations: dict[str, CompiledOrganisation]) -> list[Diagnostic]:
    """Mappings that no organisation's catalogue names."""
    return [
        diagnostic("SW0904", mapping.span, name=name)
        for name, mapping in sorted(joined.bases.items())
        if organisations and name not in joined.used_bases
    ]
