"""How a mistake of syntax can be mended: `offered(diagnostic, source)`, and `mend(source)`, which does what is safe.

A fix is safe when only one thing can have been meant: a sign of another language that has one word here, a segment in small
letters, a look-alike of a character. A misspelt word is never safe: the wrong guess would change what a hospital receives.

Law: after `mend` a file has no more mistakes than before, and mending it again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from segwright.core.diagnostic import Diagnostic, Edit, Fix, errors
from segwright.core.source import Source, Span

_MOST = 500
"""Mistakes that are mended in one file; what is left is told."""

_CONDITION = re.compile(r"(?<![A-Za-z0-9_.])(?:when|where|if|that|and|or|not)(?![A-Za-z0-9_.])")
_TEXTS = re.compile(r'"(?:[^"]|"")*"?')
_SINGLE = re.compile(r"(['`])([^'\"`\n]*)(['`])")


def offered(diagnostic: Diagnostic, source: Source) -> Diagnostic:
    """The finding with the ways to mend it; as it is when it has them already or there are none."""
    offer = _OFFERS.get(diagnostic.code)
    if offer is None or diagnostic.fixes:
        return diagnostic
    fixes = tuple(offer(diagnostic, source))
    return msgspec.structs.replace(diagnostic, fixes=fixes) if fixes else diagnostic


# --- doing it --------------------------------------------------------------------------------------------------------------


class Mended(msgspec.Struct, frozen=True):
    """A text with its safe fixes done, and what was mended, in the order of doing it."""

    text: str
    done: tuple[Diagnostic, ...]


def mend(source: Source, read: Callable[[Source], list[Diagnostic]]) -> Mended:
    """Does the safe fixes of a file one after the other, each only if the file reads no worse after it. `read` gives what is
    wrong with a text."""
    text = source.text
    done: list[Diagnostic] = []
    seen = {text}
    found = read(source)
    while len(done) < _MOST:
        for one in found:
            safe = next((fix for fix in one.fixes if fix.safe), None)
            after = applied(text, safe) if safe else None
            if after is None or after in seen:
                continue
            problems = read(Source(source.name, after))
            if len(errors(problems)) <= len(errors(found)) and len(problems) <= len(found):
                seen.add(after)
                text, found = after, problems
                done.append(one)
                break
        else:
            break
    return Mended(text, tuple(done))


def applied(text: str, fix: Fix) -> str | None:
    """The text with a fix done; None when something else stands there than the fix was made for."""
    out, at = [], 0
    for edit in sorted(fix.edits, key=lambda edit: edit.span.start):
        start, end = edit.span.start, edit.span.end
        if start < at or text[start:end] != edit.before:
            return None
        out += [text[at:start], edit.after]
        at = end
    return "".join([*out, text[at:]])


# --- what is offered -------------------------------------------------------------------------------------------------------


def replacing(source: Source, span: Span, after: str, *, safe: bool = False) -> Fix:
    """One piece of text in place of what stands at a span."""
    return Fix((Edit(span, source.text[span.start : span.end], after),), safe)


def _word(source: Source, span: Span, after: str) -> str:
    """A word that replaces a sign, with spaces where the sign had none."""
    before, behind = source.text[span.start - 1 : span.start], source.text[span.end : span.end + 1]
    return (
        ("" if not before or before.isspace() or before == "(" else " ")
        + after
        + ("" if not behind or behind.isspace() else " ")
    )


def _in_condition(source: Source, at: int) -> bool:
    """Whether a condition has begun in the line before a place."""
    start = source.text.rfind("\n", 0, at) + 1
    return bool(_CONDITION.search(_TEXTS.sub("", source.text[start:at])))


def _as_meant(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """The sign or word that the finding names."""
    meant = found.facts.get("meant", "").strip("`")
    if meant:
        wordy = meant.replace(" ", "").isalpha()
        yield replacing(source, found.span, _word(source, found.span, meant) if wordy else meant, safe=True)


def _perhaps_meant(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """The name or word that the finding takes for the nearest."""
    if found.facts.get("meant"):
        yield replacing(source, found.span, found.facts["meant"])


def _field(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """`OBX.5` is `OBX-5`; a repetition by number has no other spelling."""
    meant = found.facts.get("meant", "")
    if meant and "[" not in meant:
        deeper = source.text[found.span.start : found.span.end].count(".") > 2
        yield replacing(source, found.span, meant, safe=not deeper)


def _one_sign(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """`==` and `:=`: a comparison where a condition has begun, an assignment elsewhere."""
    condition = found.code == "SW0114" and _in_condition(source, found.span.start)
    yield replacing(source, found.span, _word(source, found.span, "is") if condition else "=", safe=True)


def _arrow(found: Diagnostic, source: Source) -> Iterable[Fix]:
    start = source.text.rfind("\n", 0, found.span.start) + 1
    target = source.text[start : found.span.start].strip()
    rule = re.search(r"[A-Z][A-Z0-9]{2}-[0-9]|^\.|\.", target)
    yield replacing(
        source, found.span, "=" if rule else "->", safe=bool(rule) or not target.startswith(("let", "override", "add"))
    )


def _semicolon(found: Diagnostic, source: Source) -> Iterable[Fix]:
    stop = source.text.find("\n", found.span.end)
    rest = source.text[found.span.end : stop if stop >= 0 else len(source.text)].strip()
    yield replacing(source, found.span, "", safe=not rest or rest.startswith("#"))


def _quotes(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """Both quotes of a text, where there are two and nothing inside that would need doubling."""
    pair = _SINGLE.match(source.text, found.span.start)
    if pair and pair[1] == pair[3]:
        (first, begin), (last, end) = (pair.start(), pair.start() + 1), (pair.end() - 1, pair.end())
        edits = (Edit(source.span(first, begin), pair[1], '"'), Edit(source.span(last, end), pair[3], '"'))
        yield Fix(edits, safe=bool(pair[2].strip()))


def _comment(found: Diagnostic, source: Source) -> Iterable[Fix]:
    if found.facts.get("found") in ("//", "--"):
        yield replacing(source, found.span, "#", safe=found.facts["found"] == "//")


def _close(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """A quote where the line ends."""
    yield Fix((Edit(source.span(found.span.end, found.span.end), "", '"'),))


def _absent(found: Diagnostic, source: Source) -> Iterable[Fix]:
    yield replacing(source, found.span, "missing")
    yield replacing(source, found.span, "null")


def _nothing(found: Diagnostic, source: Source) -> Iterable[Fix]:
    for word in ("blank", "null", "hold"):
        yield replacing(source, found.span, word)


def _end(found: Diagnostic, source: Source) -> Iterable[Fix]:
    """An `end` before the line that shows it is missing, or where the file ends."""
    needed = next((label.span.start for label in found.labels if label.role == "needed"), None)
    column = found.span.start - source.text.rfind("\n", 0, found.span.start) - 1
    line = " " * column + "end\n"
    if needed is not None:
        at = source.text.rfind("\n", 0, needed) + 1
        yield Fix((Edit(source.span(at, at), "", line),))
    else:
        at = len(source.text)
        line = line if source.text.endswith("\n") else f"\n{line}"
        yield Fix((Edit(source.span(at, at), "", line),))


def _change(found: Diagnostic, source: Source) -> Iterable[Fix]:
    for verb in ("override ", "add "):
        yield Fix((Edit(source.span(found.span.start, found.span.start), "", verb),))


def _when(found: Diagnostic, source: Source) -> Iterable[Fix]:
    yield replacing(source, found.span, "when", safe=True)


_FOREIGN = {"foreach": "for each", "equals": "is", "exists": "is present", "mandatory": "required", "delete": "remove"}


def _foreign(found: Diagnostic, source: Source) -> Iterable[Fix]:
    word = _FOREIGN.get(found.facts.get("found", "").lower())
    if word:
        yield replacing(source, found.span, word)


_OFFERS: dict[str, Callable[[Diagnostic, Source], Iterable[Fix]]] = {
    "SW0101": _close,
    "SW0112": _perhaps_meant,
    "SW0114": _one_sign,
    "SW0115": _arrow,
    "SW0116": _as_meant,
    "SW0117": _when,
    "SW0118": _as_meant,
    "SW0119": _field,
    "SW0120": _nothing,
    "SW0122": _semicolon,
    "SW0123": _one_sign,
    "SW0124": _quotes,
    "SW0125": _absent,
    "SW0126": _perhaps_meant,
    "SW0130": _as_meant,
    "SW0132": _comment,
    "SW0135": _as_meant,
    "SW0137": _foreign,
    "SW0140": _end,
    "SW0148": _change,
    "SW0156": lambda found, source: [replacing(source, found.span, "->", safe=True)],
    "SW0161": _perhaps_meant,
    "SW0162": _perhaps_meant,
}
