"""Diagnostics as text for people: in full with the source and carets, or one line each.

Takes diagnostics and the sources they point into; gives one string. Columns are those of a terminal: a wide character takes two
cells, a combining mark none, a tab goes to the next multiple of four. Control characters are never passed on to the terminal.
"""

from __future__ import annotations

import textwrap
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from segwright.core.diagnostic import Diagnostic, Severity
from segwright.core.prose import ROLES, help_lines, message
from segwright.core.source import TAB, Source, Span

_ANSI = {"error": "1;31", "warning": "1;33", "note": "1;36", "frame": "34", "strong": "1", "label": "36"}
_ANSI |= {"+": "32", "-": "31", "~": "33"}


class _Mark(NamedTuple):
    """One underlined place: in which line, from which cell to which, and what is said about it."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, place and code; each finding once."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda d: (d.span.file, d.span.start, d.span.end, d.code, d.organisation, message(d)))


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, colour: bool = False, width: int = 100,
    beside: Mapping[Diagnostic, Sequence[str]] | None = None,
) -> str:  # fmt: skip
    """Every finding in full, and a line that counts them. Empty when there is nothing to say. `beside`: lines that stand where
    the source would: what differs (`~`), is new (`+`) or gone (`-`)."""
    found = ordered(diagnostics)
    if not found:
        return ""
    painter = _Painter(colour)
    lines = beside or {}
    blocks = [_block(each, sources, painter, max(width, 40), lines.get(each, ())) for each in found]
    return "\n\n".join([*blocks, summary(found)]) + "\n"


def render_concise(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One line for each finding: `file:line:column: error SW0110: message`."""
    lines = []
    for diagnostic in ordered(diagnostics):
        place = location(diagnostic.span, sources)
        organisation = f" [{diagnostic.organisation}]" if diagnostic.organisation else ""
        said = f"{diagnostic.severity} {diagnostic.code}: {visible(message(diagnostic))}{organisation}"
        lines.append(f"{place}: {said}" if place else said)
    return "".join(f"{line}\n" for line in lines)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors and 1 warning in 2 files`, and how many of them can be mended without asking."""
    found = list(diagnostics)
    counts = []
    for severity in Severity:
        number = sum(1 for diagnostic in found if diagnostic.severity is severity)
        if number:
            counts.append(f"{number} {severity}{'' if number == 1 else 's'}")
    safe = sum(1 for diagnostic in found if any(fix.safe for fix in diagnostic.fixes))
    files = len({diagnostic.span.file for diagnostic in found if diagnostic.span.file})
    said = " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
    said += f" in {files} file{'' if files == 1 else 's'}" if files else ""
    return said + (f"; `segwright check --fix` mends {_some(safe, len(found))}" if safe else "")


def _some(number: int, of: int) -> str:
    return "it" if of == 1 else f"{'all' if number == of else number} of them"


def location(span: Span, sources: Mapping[str, Source]) -> str:
    """`file:line:column`; the file alone when its text is not at hand."""
    source = sources.get(span.file)
    if not span.file or source is None:
        return visible(span.file)
    line, column = source.position(span.start)
    return f"{visible(span.file)}:{line}:{column}"


def visible(text: str) -> str:
    """The text with control characters replaced; nothing from a file may steer a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\u3000" else _stand_in(char) for char in text)


def _stand_in(char: str) -> str:
    if unicodedata.category(char) in ("Mn", "Me"):
        return char
    return " " if char.isspace() else "\ufffd"


# --- one finding ---------------------------------------------------------------------------------------------------------


def _block(
    diagnostic: Diagnostic, sources: Mapping[str, Source], painter: _Painter, width: int, beside: Sequence[str]
) -> str:
    kind = str(diagnostic.severity)
    head = f"{kind}[{diagnostic.code}]"
    first, *rest = textwrap.wrap(f"{head}: {visible(message(diagnostic))}", width, subsequent_indent="  ") or [head]
    lines = [painter(head, kind) + painter(first[len(head) :], "strong"), *(painter(line, "strong") for line in rest)]
    files = _by_file(diagnostic, sources)
    gutter = max([len(str(mark.line)) for marks in files.values() for mark in marks] or [1])
    edge = painter(" " * gutter + " |", "frame")
    place = location(diagnostic.span, sources)
    if place:
        word = "organisations" if "," in diagnostic.organisation else "organisation"
        organisation = f"  ({word} {diagnostic.organisation})" if diagnostic.organisation else ""
        lines.append(painter(" " * gutter + "--> ", "frame") + place + organisation)
    elif diagnostic.organisation:
        lines.append(painter(" " * gutter + "  = ", "frame") + f"organisation {diagnostic.organisation}")
    for file, marks in files.items():
        if file != diagnostic.span.file:
            other = next(label.span for label in diagnostic.labels if label.span.file == file)
            lines.append(painter(" " * gutter + "::: ", "frame") + location(other, sources))
        lines.append(edge)
        lines += _snippet(sources[file], marks, gutter, painter, width, kind)
    if beside:
        lines += [edge, *(f"{edge} {painter(visible(text), text[:1])}" for text in beside)]
    helped = help_lines(diagnostic)
    if helped and (files or beside):
        lines.append(edge)
    for text in helped:
        wrapped = textwrap.wrap(visible(text), width - gutter - 10, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(wrapped):
            lead = painter(" " * gutter + " = ", "frame") + "help: " if number == 0 else " " * (gutter + 9)
            lines.append(lead + line)
    return "\n".join(line.rstrip() for line in lines)


def _by_file(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> dict[str, list[_Mark]]:
    """The marks of each file; the file of the finding itself first."""
    files: dict[str, list[_Mark]] = {}
    if diagnostic.span.file in sources:
        files[diagnostic.span.file] = [_mark(diagnostic.span, sources[diagnostic.span.file], "", primary=True)]
    for label in diagnostic.labels:
        source = sources.get(label.span.file)
        if source is not None:
            said = ROLES.get(label.role, label.role.replace("_", " "))
            files.setdefault(label.span.file, []).append(_mark(label.span, source, said, primary=False))
    return files


def _mark(span: Span, source: Source, text: str, *, primary: bool) -> _Mark:
    """Where a span is underlined: in its first line, to the end of that line if it goes on."""
    line, column = source.position(span.start)
    last = source.position(max(span.end - 1, span.start)).line
    content = source.line(line)
    begin = column - 1
    end = begin + (span.end - span.start) if last == line else len(content.rstrip())
    if last > line:
        text = f"{text} (to line {last})".strip()
    cells = _cells(content)
    start = cells[min(begin, len(content))]
    return _Mark(line, start, max(cells[min(end, len(content))], start + 1), text, primary)


def _snippet(source: Source, marks: list[_Mark], gutter: int, painter: _Painter, width: int, kind: str) -> list[str]:
    lines: list[str] = []
    edge = painter(" " * gutter + " |", "frame")
    before = 0
    for number in sorted({mark.line for mark in marks}):
        if before and number > before + 2:
            lines.append(painter(" " * max(gutter - 3, 0) + "...", "frame"))
        elif before and number == before + 2:
            lines.append(_row(before + 1, _drawn(source.line(before + 1)), gutter, painter, width, 0)[0])
        before = number
        here = sorted((mark for mark in marks if mark.line == number), key=lambda mark: (not mark.primary, mark.start))
        # Of something wider than the room its beginning is shown.
        needed = min(here[0].end, here[0].start + (width - gutter) // 2)
        row, shift = _row(number, _drawn(source.line(number)), gutter, painter, width, needed)
        lines.append(row)
        for mark in here:
            lead = " " * max(mark.start - shift, 0)
            room = max(width - gutter - 3 - len(lead), 1)
            line = ("^" if mark.primary else "-") * min(mark.end - max(mark.start, shift), room)
            lines.append(f"{edge} {lead}" + painter(f"{line} {mark.text}".rstrip(), kind if mark.primary else "label"))
    return lines


def _row(number: int, text: str, gutter: int, painter: _Painter, width: int, needed: int) -> tuple[str, int]:
    """A source line, cut to the width around the cell that is needed; and by how many cells it was moved left."""
    room = width - gutter - 3
    head = painter(f"{number:>{gutter}} |", "frame") + " "
    cells = _cells(text)
    if cells[-1] <= room:
        return head + text, 0
    first = 0
    if needed > room - 4:
        first = bisect_left(cells, min(needed - room + 8, cells[-1]))
    shift = cells[first] - (3 if first else 0)
    last = bisect_right(cells, room - 3 + shift) - 1
    cut = ("..." if first else "") + text[first:last] + ("..." if last < len(text) else "")
    return head + cut, shift


# --- cells ---------------------------------------------------------------------------------------------------------------


def _wide(char: str) -> int:
    if char.isascii():
        return 1
    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _plain(text: str) -> bool:
    """Whether every character is shown as itself, in one cell."""
    return text.isascii() and text.isprintable()


def _cells(text: str) -> Sequence[int]:
    """The cell at which each character begins, and the cell after the last one."""
    if _plain(text):
        return range(len(text) + 1)
    cells = [0]
    for char in text:
        at = cells[-1]
        cells.append(at + TAB - at % TAB if char == "\t" else at + _wide(char))
    return cells


def _drawn(text: str) -> str:
    """The line as it is shown: tabs as spaces, nothing that a terminal would obey."""
    if _plain(text):
        return text
    cells = _cells(text)
    parts = []
    for i, char in enumerate(text):
        parts.append(" " * (cells[i + 1] - cells[i]) if char == "\t" else visible(char))
    return "".join(parts)


class _Painter:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, kind: str) -> str:
        return f"\x1b[{_ANSI[kind]}m{text}\x1b[0m" if self.colour and kind in _ANSI and text.strip() else text
