"""Makes the bundles that the runtime loads: one for each organisation and environment.

Takes a compiled organisation; gives the manifest, the plans and their explanations. Refuses nothing: what has errors has no plan
and is not bundled by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from segwright.core.source import NOWHERE, Source, Span
from segwright.orgs.organisation import CatalogueEntry, Connection
from segwright.plan import bundle, explain
from segwright.plan.canonical import plan_hash
from segwright.plan.ops import Plan
from segwright.service.compiling import CompiledOrganisation
from segwright.service.difference import field_name, profile_of
from segwright.service.refusals import Explained


def write_bundles(folder: Path, compiled: CompiledOrganisation, sources: Mapping[str, Source]) -> dict[str, str]:
    """Writes `FOLDER/ORG/ENVIRONMENT` for each environment; gives the hash of each. Raises OSError, `bundle.BundleRefused`."""
    organisation = compiled.organisation
    hashes = {}
    for environment, messages in compiled.messages.items():
        plans = {name: message.plan for name, message in messages.items() if message.plan is not None}
        explanations = {
            name: explanation(Explained(organisation, environment, compiled.model, messages[name]), sources)
            for name in plans
        }
        made = manifest(compiled, environment, plans)
        hashes[environment] = bundle.write_bundle(folder / organisation.id / environment, made, plans, explanations)
    return hashes


def manifest(compiled: CompiledOrganisation, environment: str, plans: Mapping[str, Plan]) -> bundle.Manifest:
    """What the engine must know of an organisation in an environment."""
    organisation = compiled.organisation
    here = organisation.environments[environment]
    return bundle.Manifest(
        organisation=organisation.id,
        environment=environment,
        model=compiled.model,
        catalogue=tuple(_entry(organisation.catalogue[name], plan) for name, plan in plans.items()),
        delivery=_plain(organisation.data["delivery"]),
        destinations={to or "outbound": _destination(connection) for to, connection in here.destinations.items()},
        credentials={
            to or "outbound": found
            for to, connection in here.destinations.items()
            if (found := _credentials(connection))
        },
        acknowledgement=_plain(organisation.data["acknowledgement"]),
    )


def _entry(entry: CatalogueEntry, plan: Plan) -> bundle.Entry:
    return bundle.Entry(
        entry.name,
        plan.direction,
        plan.types,
        plan_hash(plan),
        kinds=dict(entry.kinds),  # type: ignore[arg-type]
        orders=entry.orders,
        unsolicited=bool(entry.unsolicited),
        message_per="group" if entry.message_per == "group" else "order",
    )


def _destination(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = {"host": connection.address.host, "port": connection.address.port}
    if connection.plain_because:
        found["plain_because"] = connection.plain_because
    if connection.tls is not None and connection.tls.server_name:
        found["server_name"] = connection.tls.server_name
    return found


def _credentials(connection: Connection) -> dict[str, str]:
    if connection.tls is None:
        return {}
    references = {"identity": connection.tls.identity, "trust": connection.tls.trust}
    return {name: str(reference) for name, reference in references.items() if reference is not None}


def _plain(value: Any) -> Any:
    """Configuration as JSON without floats: a decimal is its digits."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


def explanation(explained: Explained, sources: Mapping[str, Source]) -> explain.Explanation:
    """The side file of a plan."""
    entries: list[explain.Entry] = []
    numbers: dict[Any, int] = {}
    of = []
    tables = profile_of(explained.plan.encoding.version)
    for written in explained.compiled.written:
        if written is None:
            of.append(-1)
            continue
        key = (written.origin, written.address)
        if key not in numbers:
            numbers[key] = len(entries)
            settings = []
            for config in explained.rules.mentions(written).keys:
                given = explained.organisation.value(config, explained.environment)
                if given is not None:
                    settings.append(explain.Setting(".".join(config), place(given.span, sources)))
            segment, _, rest = written.address.partition("-")
            number = rest.partition(".")[0].partition("[")[0]
            entries.append(
                explain.Entry(
                    written.origin.layer, place(written.origin.span, sources), written.address,
                    label=field_name(tables, segment[-3:], int(number)) if number.isdigit() else "",
                    sentence=line_of(written.origin.span, sources), because=written.origin.because, settings=tuple(settings),
                )
            )  # fmt: skip
        of.append(numbers[key])
    return explain.Explanation(plan_hash(explained.plan), tuple(entries), tuple(of))


def place(span: Span, sources: Mapping[str, Source]) -> explain.Place:
    """A span as file, line and column."""
    source = sources.get(span.file)
    if span == NOWHERE or source is None:
        return explain.Place(span.file)
    line, column = source.position(span.start)
    return explain.Place(span.file, line, column)


def line_of(span: Span, sources: Mapping[str, Source]) -> str:
    """The source of a rule on one line, without its reason; of a block the line that opens it."""
    source = sources.get(span.file)
    if source is None:
        return ""
    text = source.text[span.start : span.end].partition(" because ")[0].partition("\n  because ")[0]
    head = text.split("\n", 1)[0].split()
    whole = (
        head[:1] != ["for"]
        and "\nend" not in text
        and not text.startswith(("segment", "loop", "add segment", "add loop"))
    )
    return " ".join(text.split()) if whole else " ".join(head)
