"""Diagnostics as a JSON list, for editors and scripts.

Lines and columns count from 1, offsets from 0; columns count characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.fixes import offered
from segwright.core.prose import ROLES, catalogue, fix_title, help_lines, message
from segwright.core.render import ordered
from segwright.core.source import Source, Span


def render_json(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One object for each finding, in the order of the text renderer."""
    found = [as_object(diagnostic, sources) for diagnostic in ordered(diagnostics)]
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def as_object(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> dict[str, Any]:
    """One finding as plain data."""
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "title": catalogue()[diagnostic.code].title,
        "message": message(diagnostic),
        "help": help_lines(diagnostic),
        "organisation": diagnostic.organisation,
        "place": place(diagnostic.span, sources),
        "labels": [
            {"role": label.role, "text": ROLES.get(label.role, label.role), "place": place(label.span, sources)}
            for label in diagnostic.labels
        ],
        "facts": dict(sorted(diagnostic.facts.items())),
        "fixes": [
            {
                "title": fix_title(fix),
                "safe": fix.safe,
                "edits": [
                    {"place": place(edit.span, sources), "before": edit.before, "after": edit.after}
                    for edit in fix.edits
                ],
            }
            for fix in offered(diagnostic, sources)
        ],
    }


def place(span: Span, sources: Mapping[str, Source]) -> dict[str, Any] | None:
    """A span as file, offsets, lines and columns; None when it points nowhere."""
    if not span.file:
        return None
    made: dict[str, Any] = {"file": span.file, "start": span.start, "end": span.end}
    source = sources.get(span.file)
    if source is not None:
        first, last = source.position(span.start), source.position(span.end)
        made |= {"line": first.line, "column": first.column, "end_line": last.line, "end_column": last.column}
    return made
