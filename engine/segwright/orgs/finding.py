"""What the checks of an org.yaml find, before it is known where it stands.

The checks work on plain data and name paths; `located` looks up where these stand, and only when something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import NOWHERE, Source, Span
from segwright.orgs.declaration import Declaration, Schema, dotted
from segwright.orgs.forms import PEM
from segwright.orgs.tree import Mapping, find

Path: TypeAlias = tuple[str | int, ...]

_SHOWN: Final = 40


class Finding(NamedTuple):
    """One finding, at a value or a key. A key that is missing stands for the group it would belong to."""

    code: str
    path: Path
    at: Literal["value", "key"]
    facts: dict[str, Any]
    label: tuple[Path, str] | None = None
    declared: bool = False
    """A label at the key's declaration in schema.yaml is wanted."""


def described(declaration: Declaration | None, path: Path) -> dict[str, Any]:
    """The facts about a key that most sentences use."""
    facts: dict[str, Any] = {"key": dotted(path)}
    if declaration is not None:
        facts |= {"says": declaration.says, "example": declaration.example, "known": declaration.allowed}
    return facts


def shortened(value: Any) -> str:
    """A value as a sentence shows it: short, on one line, and never a private key that got into a wrong place."""
    if PEM in str(value):
        return "(not shown)"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def located(
    findings: Iterable[Finding], source: Source, tree: Mapping, schema: Schema, organisation: str
) -> list[Diagnostic]:
    """The findings as diagnostics, in the order of the file."""
    made = []
    for finding in findings:
        labels = []
        if finding.label:
            path, role = finding.label
            labels.append(Label(span_of(source, tree, path, "value"), role))
        if finding.declared:
            declaration = schema.declared(finding.path)
            if declaration is not None and declaration.span != NOWHERE:
                labels.append(Label(declaration.span, "schema"))
        span = span_of(source, tree, finding.path, finding.at)
        made.append(diagnostic(finding.code, span, *labels, organisation=organisation, **finding.facts))
    return sorted(made, key=lambda d: (d.span, d.code, sorted(d.facts.items())))


def span_of(source: Source, tree: Mapping, path: Path, at: Literal["value", "key"]) -> Span:
    """Where a path stands. What is not there stands where its nearest group is named; at the top, at the file's beginning."""
    while path:
        found = find(tree, path)
        if found is not None:
            entry, node = found
            if at == "key" and entry is not None:
                return source.span(entry.start, entry.end)
            return source.span(node.start, node.end)
        path, at = path[:-1], "key"
    return source.span(0, 0)
