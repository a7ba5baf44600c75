"""Diagnostics as SARIF 2.1.0, for code review systems. The rules are the catalogue's entries; columns count characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic, Edit, Fix
from segwright.core.fixes import offered
from segwright.core.prose import ROLES, catalogue, fix_title, help_lines, message
from segwright.core.prose.pages import page, page_text
from segwright.core.render import ordered
from segwright.core.source import Source, Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_RESERVED = re.compile(r"[^A-Za-z0-9._~/-]")


def render_sarif(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, version: str = "") -> str:
    """One run with one result for each finding; `version` is segwright's own."""
    found = ordered(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    driver: dict[str, Any] = {"name": "segwright", "rules": [_rule(code) for code in codes]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes.index(diagnostic.code), sources) for diagnostic in found],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _rule(code: str) -> dict[str, Any]:
    entry = catalogue()[code]
    rule: dict[str, Any] = {"id": code, "shortDescription": {"text": entry.title}}
    if entry.why:
        rule["fullDescription"] = {"text": entry.why}
    rule["help"] = {"text": page_text(code, 100), "markdown": page(code)}
    return rule


def _result(diagnostic: Diagnostic, rule: int, sources: Mapping[str, Source]) -> dict[str, Any]:
    text = "\n".join([message(diagnostic), *help_lines(diagnostic)])
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": str(diagnostic.severity),
        "message": {"text": text},
    }
    if diagnostic.span.file:
        result["locations"] = [_location(diagnostic.span, sources)]
    related = [
        {"id": number, "message": {"text": ROLES.get(label.role, label.role)}, **_location(label.span, sources)}
        for number, label in enumerate(diagnostic.labels)
        if label.span.file
    ]
    if related:
        result["relatedLocations"] = related
    fixes = offered(diagnostic, sources)
    if fixes:
        result["fixes"] = [_fix(fix, sources) for fix in fixes]
    if diagnostic.organisation:
        result["properties"] = {"organisation": diagnostic.organisation}
    return result


def _fix(fix: Fix, sources: Mapping[str, Source]) -> dict[str, Any]:
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.file, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": _uri(file)},
            "replacements": [
                {
                    "deletedRegion": _location(edit.span, sources)["physicalLocation"].get("region", {}),
                    "insertedContent": {"text": edit.after},
                }
                for edit in edits
            ],
        }
        for file, edits in by_file.items()
    ]
    return {"description": {"text": fix_title(fix)}, "artifactChanges": changes, "properties": {"safe": fix.safe}}


def _location(span: Span, sources: Mapping[str, Source]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(span.file)}}
    source = sources.get(span.file)
    if source is not None:
        first, last = source.position(span.start), source.position(span.end)
        physical["region"] = {
            "startLine": first.line, "startColumn": first.column, "endLine": last.line, "endColumn": last.column,
            "charOffset": span.start, "charLength": span.end - span.start,
        }  # fmt: skip
    return {"physicalLocation": physical}


def _uri(name: str) -> str:
    """A file's name as a relative URI reference (RFC 3986): what is not unreserved or a slash is percent-encoded UTF-8."""
    return _RESERVED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)
