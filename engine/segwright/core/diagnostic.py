"""The one error value.

A stage reports *facts*: a code, a place, and what it found. `core.prose` alone turns facts into sentences, `core.render`
lays them out. Facts are short texts an analyst knows (a path, a name, a type); never patient data.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from segwright.core.source import NOWHERE, Span


class Severity(StrEnum):
    """`error` stops the compilation of what it touches; `warning` does not; `note` only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Label(msgspec.Struct, frozen=True):
    """Another place that belongs to a diagnostic, possibly in another file. `role` names a phrase of `core.prose.ROLES`."""

    span: Span
    role: str


class Edit(msgspec.Struct, frozen=True):
    """A piece of text in place of another: `before` stands at `span` (nothing where something is put in), `after` replaces it."""

    span: Span
    before: str
    after: str


class Fix(msgspec.Struct, frozen=True):
    """One way to mend what was found. `safe`: nothing else can have been meant, and no message that was right changes by it.
    All other fixes are offers for a person to choose from."""

    edits: tuple[Edit, ...]
    safe: bool = False


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding: `code` (SWnnnn) names the catalogue entry whose sentences take `facts`; `fixes` are ways to mend it."""

    code: str
    span: Span = NOWHERE
    facts: dict[str, str] = {}
    labels: tuple[Label, ...] = ()
    organisation: str = ""
    severity: Severity = Severity.ERROR
    fixes: tuple[Fix, ...] = ()

    def __hash__(self) -> int:
        return hash((self.code, self.span, tuple(sorted(self.facts.items())), self.labels, self.organisation))


def diagnostic(
    code: str,
    span: Span,
    /,
    *labels: Label,
    organisation: str = "",
    severity: Severity = Severity.ERROR,
    **facts: object,
) -> Diagnostic:
    """A diagnostic from keyword facts; lists become "a, b or c", everything else its text."""
    return Diagnostic(code, span, {k: _said(v) for k, v in facts.items()}, labels, organisation, severity)


def once(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once. What is found alike for several organisations (in a line that they share) names them all."""
    alike: dict[Diagnostic, list[str]] = {}
    for each in dict.fromkeys(found):
        alike.setdefault(msgspec.structs.replace(each, organisation=""), []).append(each.organisation)
    return [
        msgspec.structs.replace(each, organisation="" if "" in names else ", ".join(names))
        for each, names in alike.items()
    ]


def _said(fact: object) -> str:
    if isinstance(fact, str):
        return fact
    if isinstance(fact, Iterable):
        items = [str(item) for item in fact]
        return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " or " + items[-1] if items else ""
    return str(fact)


def errors(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Only those that stop a compilation."""
    return [d for d in diagnostics if d.severity is Severity.ERROR]
