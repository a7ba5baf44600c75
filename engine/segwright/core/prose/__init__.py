"""The catalogue: every diagnostic code with its sentences. The only place where diagnostics become prose.

One module per range of codes. `message` and `help` are `str.format` templates over a diagnostic's facts; a fact that is
missing or empty drops the sentence of `help` that asks for it. `why` is the page's paragraph: why this matters in a hospital.
"""

from __future__ import annotations

from functools import cache

from segwright.core.diagnostic import Diagnostic, Fix
from segwright.core.prose.entry import Entry

ROLES = {
    "first": "first written here",
    "second": "written again here",
    "declared": "declared here",
    "base": "the inherited line",
    "config": "the value is set here",
    "schema": "the key is declared here",
    "layer": "this layer comes first",
    "opened": "the block begins here",
    "needed": "needed here",
    "below": "named here, further down",
    "table": "the table",
    "row": "this row",
    "anchor": "the anchor",
    "reason": "under this reason",
}


@cache
def catalogue() -> dict[str, Entry]:
    """All entries by code. Loaded on the first diagnostic that is shown, not before."""
    from segwright.core.prose import (
        config,
        data,
        delivery,
        formats,
        names,
        overlays,
        review,
        structure,
        syntax,
        tables,
        types,
    )  # fmt: skip

    entries: dict[str, Entry] = {}
    for module in (syntax, names, types, structure, overlays, tables, config, formats, delivery, data, review):
        for code, entry in module.ENTRIES.items():
            if code in entries:
                raise AssertionError(f"code {code} stands twice in the catalogue")
            entries[code] = entry
    return entries


class _Facts(dict[str, str]):
    """Facts for a template; what is asked for and absent is remembered as missing."""

    missing = False

    def __missing__(self, key: str) -> str:
        self.missing = True
        return ""


def message(diagnostic: Diagnostic) -> str:
    """The sentence that says what is wrong."""
    return catalogue()[diagnostic.code].message.format_map(_Facts(diagnostic.facts))


def help_lines(diagnostic: Diagnostic) -> list[str]:
    """What to do about it: the catalogue's help lines whose facts are all there."""
    lines = []
    given = {k: v for k, v in diagnostic.facts.items() if v}
    if given.get("known", "").strip("`") == given.get("nearest"):
        given.pop("known", None)  # the only one there is has just been named
    for template in catalogue()[diagnostic.code].help:
        facts = _Facts(given)
        line = template.format_map(facts)
        if not facts.missing:
            lines.append(line)
    return lines


def fix_title(fix: Fix) -> str:
    """What a fix does, as somebody is told before choosing it."""
    first = fix.edits[0]
    before, after = first.before.strip(), first.after.strip()
    if not before:
        said = f"put in `{after}`" if after else "put in white space"
    elif not after:
        said = f"take out `{before}`"
    else:
        said = f"write `{after}` in place of `{before}`"
    more = len(fix.edits) - 1
    return said + (f", and {more} place{'s' if more > 1 else ''} more like it" if more else "")
