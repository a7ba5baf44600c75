"""An org.yaml becomes an `Organisation`, or every reason why it cannot.

Takes the file's `Source` and the `Schema`. The text is read quickly where it is written in the ordinary way, else by ruamel; the
checks work on plain data and are the same either way. Places are looked up only for what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.orgs.coherent import coherent
from segwright.orgs.declaration import Schema
from segwright.orgs.finding import Path, located
from segwright.orgs.listeners import Listener, claimed_twice
from segwright.orgs.organisation import Organisation
from segwright.orgs.plain import read_quickly
from segwright.orgs.schema import load_schema
from segwright.orgs.tree import Mapping, find, plain
from segwright.orgs.typed import frozen, typed

__all__ = ["check_together", "listeners_of", "load_organisation", "load_schema", "load_what_holds"]


def load_organisation(
    source: Source, schema: Schema, versions: Sequence[str] | None = None
) -> tuple[Organisation | None, list[Diagnostic]]:
    """The organisation, or None with all findings in the order of the file. `versions`: the HL7 versions there are tables for,
    those of `profiles` unless given."""
    organisation, diagnostics = load_what_holds(source, schema, versions)
    return (organisation if not diagnostics else None), diagnostics


def load_what_holds(
    source: Source, schema: Schema, versions: Sequence[str] | None = None
) -> tuple[Organisation | None, list[Diagnostic]]:
    """As `load_organisation`, but with findings it still gives an organisation where enough of the file holds to check the
    mappings against: its `broken` keys are those that findings speak of. It is for finding more mistakes, never for plans."""
    from segwright.orgs.validate import validate

    if versions is None:
        from segwright.profiles import VERSIONS

        versions = VERSIONS
    tree, diagnostics = read_quickly(source)
    if tree is None:
        return None, diagnostics
    values = typed(plain(tree), schema.root)
    folder = organisation_of(source.name)
    findings = validate(values, schema, tuple(versions)) + coherent(values, schema, folder)
    hidden = {found.span.start for found in diagnostics if found.code == "SW0713"}
    findings = [each for each in findings if each.code != "SW0724" or _begins(tree, each.path) not in hidden]
    if findings:
        diagnostics = sorted(diagnostics + located(findings, source, tree, schema, folder), key=lambda d: d.span)
    broken = frozenset(tuple(step for step in finding.path if isinstance(step, str)) for finding in findings)
    for key in broken:
        _drop(values, key)
    organisation = _made(values, schema, source, broken)
    if organisation is not None:
        organisation.__dict__["_tree"] = tree  # what the organisation would work out by reading its text again
    return organisation, diagnostics


def load_what_was_checked(source: Source, schema: Schema) -> Organisation | None:
    """The organisation of a text that was found to be without an error before: it is not looked for again. None when it is no
    organisation after all."""
    tree, _ = read_quickly(source)
    if tree is None:
        return None
    organisation = _made(typed(plain(tree), schema.root), schema, source, frozenset())
    if organisation is not None:
        organisation.__dict__["_tree"] = tree
    return organisation


def listed(source: Source, schema: Schema) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The layers of an organisation and the messages of its catalogue, whatever else is wrong with its text; None when that
    cannot be told."""
    tree, _ = read_quickly(source)
    values = typed(plain(tree), schema.root) if tree is not None else {}
    given, catalogue = values.get("organisation"), values.get("catalogue")
    layers = given.get("layers") if isinstance(given, dict) else None
    if not isinstance(layers, list | tuple) or not isinstance(catalogue, dict):
        return None
    return tuple(map(str, layers)), tuple(map(str, catalogue))


def _begins(tree: Mapping, path: Path) -> int:
    """Where the value at a path begins; -1 when there is none."""
    found = find(tree, path)
    return -1 if found is None else found[1].start


def _drop(values: dict[str, Any], key: tuple[str, ...]) -> None:
    """Takes out the value of a key; groups stay, since most of what they hold may be right."""
    group: Any = values
    for step in key[:-1]:
        group = group.get(step) if isinstance(group, dict) else None
    if key and isinstance(group, dict) and not isinstance(group.get(key[-1]), dict):
        group.pop(key[-1], None)


def _made(
    values: dict[str, Any], schema: Schema, source: Source, broken: frozenset[tuple[str, ...]]
) -> Organisation | None:
    """The organisation, or None when what the engine itself reads has gone with the broken keys."""
    try:
        given = values["organisation"]
        organisation = Organisation(
            given["id"], given["name"], tuple(given["layers"]), frozen(values), schema, source, broken
        )
        if broken and not (organisation.encoding.codec and organisation.catalogue and organisation.environments):
            return None
        _ = organisation.mandatory
    except (KeyError, TypeError, AttributeError, ValueError, AssertionError):
        if not broken:
            raise
        return None
    return organisation


def organisation_of(file: str) -> str:
    """The organisation a file belongs to by its place: `orgs/mercy/org.yaml` is mercy's; "" elsewhere."""
    parts = file.split("/")
    return parts[-2] if len(parts) >= 3 and parts[-3] == "orgs" else ""


def listeners_of(organisation: Organisation) -> list[Listener]:
    """The listeners of an organisation's environments."""
    return [
        Listener(
            organisation.id,
            name,
            organisation.listener(name),
            organisation.span(("environments", name, "inbound", "listener")),
        )
        for name in organisation.environments
    ]


def check_together(organisations: Iterable[Organisation]) -> list[Diagnostic]:
    """What no organisation can show alone."""
    return claimed_twice(listener for organisation in organisations for listener in listeners_of(organisation))
