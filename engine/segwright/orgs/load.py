"""An org.yaml becomes an `Organisation`, or every reason why it cannot.

Takes the file's `Source` and the `Schema`. The text is read quickly where it is written in the ordinary way, else by ruamel; the
checks work on plain data and are the same either way. Places are looked up only for what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.orgs.coherent import coherent
from segwright.orgs.declaration import Schema
from segwright.orgs.finding import located
from segwright.orgs.listeners import Listener, claimed_twice
from segwright.orgs.organisation import Organisation
from segwright.orgs.plain import read_quickly
from segwright.orgs.schema import load_schema
from segwright.orgs.tree import plain
from segwright.orgs.typed import frozen, typed

__all__ = ["check_together", "listeners_of", "load_organisation", "load_schema"]


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
    organisation = Organisation(given["id"], given["name"], tuple(given["layers"]), frozen(values), schema, source)
    organisation.__dict__["_tree"] = tree  # what the organisation would work out by reading its text again
    return organisation, []


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
            environment.listener,
            organisation.span(("environments", name, "inbound", "listener")),
        )
        for name, environment in organisation.environments.items()
    ]


def check_together(organisations: Iterable[Organisation]) -> list[Diagnostic]:
    """What no organisation can show alone."""
    return claimed_twice(listener for organisation in organisations for listener in listeners_of(organisation))
