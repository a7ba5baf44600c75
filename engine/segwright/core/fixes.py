"""What is offered to mend a finding: the fixes that it carries, or the nearest right name in place of the wrong one.

A finding that names the nearest right name among its facts (`nearest`) offers to write it where the wrong one (`name`, `found` or
`address`) stands in the marked text, if it stands there once. Such an offer is for people to take, never safe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from segwright.core.diagnostic import Diagnostic, Edit, Fix
from segwright.core.source import Source, Span

_WRONG = ("name", "found", "address")


def offered(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> tuple[Fix, ...]:
    """The ways to mend a finding."""
    source = sources.get(diagnostic.span.file)
    if diagnostic.fixes or source is None:
        return diagnostic.fixes
    facts, span = diagnostic.facts, diagnostic.span
    nearest = facts.get("nearest", "").strip("`")
    wrong = next((facts[name] for name in _WRONG if facts.get(name)), "")
    if not nearest or not wrong or nearest == wrong:
        return ()
    found = list(
        re.finditer(rf"(?<![A-Za-z0-9_]){re.escape(wrong)}(?![A-Za-z0-9_])", source.text[span.start : span.end])
    )
    if len(found) != 1:
        return ()
    start, end = span.start + found[0].start(), span.start + found[0].end()
    return (Fix((Edit(Span(span.file, start, end), wrong, nearest),)),)
