"""Compiles a workspace: every message of every organisation in every environment.

Takes a read workspace; gives for each organisation its compiled messages and all findings of all files in one list. Bases are
flattened once with their layers and shared by the organisations that use them.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic, once
from segwright.core.source import Source, Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.compile import Compiled, Order, compile_message, flatten, flatten_base, kinds_of, used_as
from segwright.lang.flatten import Flattened
from segwright.lang.parse import parse
from segwright.lang.remembered import Memory
from segwright.lang.scope import EMPTY, Layer, Scope, declare
from segwright.orgs.csvtables import fill
from segwright.orgs.declaration import Schema
from segwright.orgs.load import load_schema, load_what_holds
from segwright.orgs.organisation import CatalogueEntry, Organisation
from segwright.orgs.workspace import OrganisationFiles, Workspace, causes, read_workspace
from segwright.plan.canonical import encode
from segwright.plan.model import Model
from segwright.service.diagnoses import DIAGNOSES, edition_problems, subset_problems
from segwright.service.inventory import vendor_of
from segwright.service.settings import OrganisationSettings, plan_encoding
from segwright.service.together import all_together, in_fleet, use_of


class CompiledOrganisation(msgspec.Struct, frozen=True, eq=False):
    """One organisation: its configuration, its messages by environment and name, and its own files as parsed."""

    organisation: Organisation
    messages: dict[str, dict[str, Compiled]]
    model: Model
    found: tuple[Diagnostic, ...]
    own: tuple[ast.File, ...] = ()

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


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Compiling makes many objects and hardly a cycle: looking for cycles would take a third of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def compile_workspace(root: Path, only: Collection[str] | None = None) -> CompiledWorkspace:
    """Reads and compiles the workspace in a folder; `only` names the organisations to compile."""
    with without_collector():
        return _compiled(root, only)


def _compiled(root: Path, only: Collection[str] | None) -> CompiledWorkspace:
    workspace, found = read_workspace(root, only)
    if workspace is None:
        return CompiledWorkspace(None, {}, tuple(found), EMPTY, {})
    shared = Shared(workspace)
    findings = [*found, *shared.found]
    organisations: dict[str, CompiledOrganisation] = {}
    for name, files in sorted(workspace.organisations.items()):
        compiled, problems = shared.compile(files)
        findings.extend(problems)
        if compiled is not None:
            organisations[name] = compiled
    if only is None:
        from segwright.service.unused import unused_problems

        places = {name: mapping.span for name, mapping in shared.bases.items()}
        fleet = [in_fleet(each) for each in organisations.values()]
        findings.extend(all_together(places, fleet))
        findings.extend(unused_problems(shared, use_of(fleet)))
    return CompiledWorkspace(workspace, organisations, tuple(once(causes(findings))), shared.scope, shared.bases)


def _read(sources: Iterable[Source], found: list[Diagnostic]) -> tuple[ast.File, ...]:
    files = []
    for source in sources:
        file, problems = parse(source)
        found.extend(problems)
        files.append(file)
    return tuple(files)


def _bases(base: Layer, findings: list[Diagnostic]) -> dict[str, ast.Mapping]:
    bases: dict[str, ast.Mapping] = {}
    for file in base.files:
        if file.mapping is None:
            continue
        first = bases.setdefault(file.mapping.name, file.mapping)
        if first is not file.mapping:
            findings.append(diagnostic("SW0201", file.mapping.span, Label(first.span, "first"), name=first.name))
    return bases


def _unknown_overlays(layer: Layer, bases: dict[str, ast.Mapping]) -> list[Diagnostic]:
    own = {file.mapping.name for file in layer.files if file.mapping is not None}
    return [
        diagnostic(
            "SW0515", overlay.span, name=overlay.name, nearest=nearest(overlay.name, bases), known=shown(sorted(bases))
        )
        for file in layer.files
        for overlay in (file.overlay,)
        if overlay is not None and overlay.name not in (*bases, *own, "organisation")
    ]


class Shared:
    """What organisations share: the parsed base and profiles, the schema, and bases flattened with their profiles.

    `found` is what is wrong with all that, whichever organisation is compiled.
    """

    def __init__(self, workspace: Workspace, memory: Memory | None = None) -> None:
        self.memory = memory
        self.workspace = workspace
        self.found: list[Diagnostic] = []
        base: list[Source] = []
        vendors: dict[str, list[Source]] = {}
        for name, source in sorted(workspace.mappings.items()):
            vendor = vendor_of(name)
            (vendors.setdefault(vendor, []) if vendor else base).append(source)
        self.vendors = {name: Layer(name, _read(sources, self.found)) for name, sources in sorted(vendors.items())}
        self.base = Layer("base", _read(base, self.found))
        self.scope, problems = declare(EMPTY, self.base)
        self.found += problems
        self.bases = _bases(self.base, self.found)
        for layer in self.vendors.values():
            self.found += _unknown_overlays(layer, self.bases)
        self.schema: Schema | None = None
        if workspace.schema is not None:
            self.schema, problems = load_schema(workspace.schema)
            self.found += problems
        self.found += edition_problems(workspace.root)
        self.flattened: dict[tuple[str, tuple[str, ...]], Flattened] = {}
        self.scopes: dict[tuple[str, ...], tuple[Scope, list[Diagnostic]]] = {(): (self.scope, [])}
        self.hashes: dict[int, tuple[Model, str]] = {}

    def compile(self, files: OrganisationFiles) -> tuple[CompiledOrganisation | None, list[Diagnostic]]:
        """One organisation from its files, or None when its org.yaml has errors; with everything found in it."""
        found: list[Diagnostic] = []
        own = Layer(files.name, _read((files.mappings[name] for name in sorted(files.mappings)), found))
        found += _unknown_overlays(own, self.bases)
        if files.config is None or self.schema is None:
            return None, found
        organisation, problems = load_what_holds(files.config, self.schema)
        found += problems
        if organisation is None:
            return None, found
        compiled = self.organisation(organisation, own, files.tables)
        # With a finding in org.yaml the mappings are still checked, but nothing of it may run. What a misspelt key would have
        # given is not told as missing.
        misspelt = {each.facts.get("nearest") for each in problems if each.code == "SW0720"}
        follows = [d for d in compiled.found if d.code == "SW0303" and misspelt & {*d.facts["key"].split(".")}]
        meant = {d.facts["nearest"] for d in compiled.found if d.code == "SW0614"}
        follows += [d for d in compiled.found if d.code == "SW0518" and d.facts.get("file") in meant]
        # A segment whose lines could not be read has none only for that reason.
        unread = {each.span.file for each in (*self.found, *found) if each.code < "SW02"}
        follows += [d for d in compiled.found if d.code == "SW0423" and d.facts["bare"] and d.span.file in unread]
        return (None if problems else compiled), [*found, *(d for d in compiled.found if d not in follows)]

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
            scope, problems = declare(below, self.vendors[layers[-1]])
            self.scopes[layers] = (scope, [*found, *problems])
        return self.scopes[layers]

    def below(self, name: str, mapping: ast.Mapping, layers: tuple[str, ...]) -> Flattened:
        """A base with its profile layers, flattened once."""
        key = (name, layers)
        if key not in self.flattened:
            scope, _ = self.layered_scope(layers)
            self.flattened[key] = flatten(
                flatten_base(mapping, scope), tuple(self.vendors[layer] for layer in layers), name
            )
        return self.flattened[key]

    def organisation(
        self, organisation: Organisation, own: Layer, tables: Mapping[str, Source]
    ) -> CompiledOrganisation:
        """Every message of one organisation in every environment."""
        found: list[Diagnostic] = []
        layers = self._layers(organisation, found)
        below, problems = self.layered_scope(layers)
        found.extend(problems)
        scope, problems = declare(below, own)
        found.extend(problems)
        scope, problems = fill(scope, self.workspace.tables, tables)
        found.extend(problems)
        found.extend(subset_problems(organisation, tables, self.workspace.root))
        bases = {**self.bases, **{f.mapping.name: f.mapping for f in own.files if f.mapping is not None}}
        messages: dict[str, dict[str, Compiled]] = {name: {} for name in organisation.environments}
        settings = {name: OrganisationSettings(organisation, name) for name in organisation.environments}
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
            flattened = self._flattened(name, mapping, layers, own, scope)
            found.extend(_entry_problems(organisation, entry, mapping, scope.model))
            self._message(organisation, entry, flattened, settings, messages)
        found.extend(d for by_name in messages.values() for c in by_name.values() for d in c.found)
        found.extend(_missed(messages))
        found.extend(_idle_allows([c for by_name in messages.values() for c in by_name.values()], organisation.id))
        found.extend(_unused_keys(organisation, messages))
        found.extend(_unused_names(organisation, own, messages))
        found.extend(_unused_files(organisation, tables, messages))
        return CompiledOrganisation(organisation, messages, scope.model, tuple(dict.fromkeys(found)), own.files)

    def _layers(self, organisation: Organisation, found: list[Diagnostic]) -> tuple[str, ...]:
        known = []
        for number, layer in enumerate(organisation.layers):
            if layer in self.vendors:
                known.append(layer)
            else:
                found.append(
                    diagnostic(
                        "SW0516",
                        organisation.span(("organisation", "layers", number)),
                        organisation=organisation.id,
                        name=layer,
                        nearest=nearest(layer, self.vendors),
                        known=shown(sorted(self.vendors)),
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
        settings: Mapping[str, OrganisationSettings],
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
            compiled = compile_message(flattened, order, settings[environment], encoding, model_hash, self.memory)
            first = first or compiled
            messages[environment][entry.name] = compiled


def _differs(organisation: Organisation, compiled: Compiled) -> bool:
    """Whether a message must be compiled anew for another environment: it reads what an environment gives instead."""
    return compiled.recompile or any(_touches(key, compiled.used_keys) for key in organisation.instead)


def _touches(key: tuple[str, ...], used: frozenset[tuple[str, ...]]) -> bool:
    return any(key[: len(u)] == u or u[: len(key)] == key for u in used)


def _order(organisation: Organisation, entry: CatalogueEntry, flattened: Flattened) -> Order:
    span = organisation.span(("catalogue", entry.name), "key")
    if entry.writes:
        kinds = tuple(kind for kind, gate in entry.kinds.items() if gate != "no")
        return Order(entry.name, "writes", (entry.writes,), kinds, organisation.mandatory.get(entry.name, ()), span)
    return Order(entry.name, "reads", entry.reads, span=span)


def _entry_problems(
    organisation: Organisation, entry: CatalogueEntry, mapping: ast.Mapping, model: Model
) -> list[Diagnostic]:
    """A catalogue entry against its mapping: direction, message types, and the kinds that its document can be of."""
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
        possible = kinds_of(mapping.inputs, model)
        never = [kind for kind in entry.kinds if possible and kind not in possible]
        if never:
            out.append(
                diagnostic(
                    "SW0905",
                    organisation.span(("catalogue", entry.name, "kinds", never[0]), "key"),
                    organisation=organisation.id,
                    name=entry.name,
                    kinds=shown(never),
                    nearest=nearest(never[0], possible) if len(never) == 1 else "",
                    known=shown(possible),
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


def _unused_names(organisation: Organisation, own: Layer, messages: dict[str, dict[str, Compiled]]) -> list[Diagnostic]:
    """Tables, formats, texts and parts of an organisation's own files that none of its messages uses."""
    every = [compiled for by_name in messages.values() for compiled in by_name.values()]
    if any(compiled.emitted is None for compiled in every):
        return []
    used = {name for compiled in every for name in compiled.used}
    kinds = {ast.Table: "table", ast.Format: "format", ast.Narrative: "text", ast.Part: "part"}
    return [
        diagnostic(
            "SW0518",
            found.span,
            organisation=organisation.id,
            kind=kinds[type(found)],
            name=found.name,
            override=f"{kinds[type(found)]} {found.name}",
        )
        for file in own.files
        for found in file.declarations
        if type(found) in kinds and used_as(found) not in used
    ]


def _unused_files(
    organisation: Organisation, files: Mapping[str, Source], messages: dict[str, dict[str, Compiled]]
) -> list[Diagnostic]:
    """CSV files of an organisation that no table and no key of its org.yaml names: a warning, for their table may be to come."""
    every = [compiled for by_name in messages.values() for compiled in by_name.values()]
    if not every or any(compiled.emitted is None for compiled in every):
        return []
    named = {table.file.name for compiled in every for table in compiled.scope.tables.values() if table.file}
    named |= {str(given.value) for key in DIAGNOSES if (given := organisation.value(("diagnosis", key))) is not None}
    return [
        diagnostic(
            "SW0518",
            source.span(0, len(source.line(1))),
            organisation=organisation.id,
            severity=Severity.WARNING,
            kind="file",
            name=name,
            file=name,
        )
        for name, source in files.items()
        if name not in named
    ]


def _idle_allows(compiled: list[Compiled], layer: str) -> list[Diagnostic]:
    """Allows of one layer that cover nothing in any message they stand in."""
    idle = Counter(found for each in compiled for of, found in each.idle_allows if of == layer)
    if not idle:
        return []
    allows = Counter(span for each in compiled for span in each.allows)
    return [found for found, count in idle.items() if count == allows[found.span]]
