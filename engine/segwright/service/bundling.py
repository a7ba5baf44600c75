"""Makes the bundles that the runtime loads: one for each organisation and environment.

Takes a compiled organisation; gives the manifest, the plans and their explanations. Refuses nothing: what has errors has no plan
and is not bundled by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segwright.core.source import NOWHERE, Source, Span
from segwright.plan import bundle, explain
from segwright.plan.canonical import plan_hash
from segwright.review.difference import field_name, profile_of
from segwright.service.compiling import CompiledOrganisation
from segwright.service.manifest import manifest_of
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
        made = manifest_of(organisation, environment, compiled.model, plans, sources)
        hashes[environment] = bundle.write_bundle(folder / organisation.id / environment, made, plans, explanations)
    return hashes


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
