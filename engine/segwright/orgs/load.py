"""An org.yaml becomes an `Organisation`, or every reason why it cannot.

Takes the file's `Source` and the `Schema`. The text is read quickly where it is written in the ordinary way, else by ruamel; the
checks work on plain data and are the same either way. Places are looked up only for what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source
from segwright.orgs.coherent import coherent
from segwright.orgs.declaration import Schema
from segwright.orgs.finding import located
from segwright.orgs.organisation import Organisation
from segwright.orgs.plain import read_quickly
from segwright.orgs.schema import load_schema
from segwright.orgs.tree import plain
from segwright.orgs.typed import frozen, typed

__all__ = ["check_together", "load_organisation", "load_schema"]


def load_organisation(
    source: Source, schema: Schema, versions: Sequence[str] | None = None
) -> tuple[Organisation | None, list[Diagnostic]]:
    """The organisation, or None with all findings in the order of the file. `versions`: the HL7 versions there are tables for,
    those of `profiles` unless given."""
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
    if findings:
        diagnostics = sorted(diagnostics + located(findings, source, tree, schema, folder), key=lambda d: d.span)
    if diagnostics:
        return None, diagnostics
    given = values["organisation"]
    return Organisation(given["id"], given["name"], tuple(given["layers"]), frozen(values), schema, source), []


def organisation_of(file: str) -> str:
    """The organisation a file belongs to by its place: `orgs/mercy/org.yaml` is mercy's; "" elsewhere."""
    parts = file.split("/")
    return parts[-2] if len(parts) >= 3 and parts[-3] == "orgs" else ""


def check_together(organisations: Iterable[Organisation]) -> list[Diagnostic]:
    """What no organisation can show alone: a listener decides whose message it is, so none belongs to two."""
    found: list[Diagnostic] = []
    owners: dict[str, tuple[Organisation, str]] = {}
    for organisation in organisations:
        for name, environment in organisation.environments.items():
            owner = owners.setdefault(environment.listener, (organisation, name))
            if owner[0] is not organisation:
                place = ("environments", name, "inbound", "listener")
                first = owner[0].span(("environments", owner[1], "inbound", "listener"))
                found.append(
                    diagnostic(
                        "SW0742",
                        organisation.span(place),
                        Label(first, "first"),
                        organisation=organisation.id,
                        found=environment.listener,
                        first=f"{owner[0].id} ({owner[1]})",
                        second=f"{organisation.id} ({name})",
                    )
                )
    return found
