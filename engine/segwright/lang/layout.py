"""The one layout of a file: `formatted(source)`.

Takes the text of a `.seg` file; gives the same mapping in the form that every file has: two columns for each open block, signs
of neighbouring lines below each other, what qualifies a value in a column of its own, a reason on its own line, no line longer
than `WIDTH` that can be broken. All comments stay: one behind a line goes with that line, one between the lines of a broken line
moves above it. Single blank lines stay where they are. Refuses a file with a mistake of syntax: nothing is guessed.

Law: the tree of what comes out is the tree of what went in, and formatting it again changes nothing. The first half is checked
each time, before anything is given back.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic, errors
from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.alignment import STEP, Printed, print_run
from segwright.lang.blocks import Blocks
from segwright.lang.lines import Line, split
from segwright.lang.parse import LineReader, parse
from segwright.lang.printer import bare, doc_lines
from segwright.lang.said import Said, said

_BLANK = re.compile(r"\n[ \t\r]*\n")
_NAMED = re.compile(r"\A(?:add\s+loop\s+|replace\s+loop\s+\w+\s+)?for\s+each\b.*\snamed\s", re.DOTALL)
"""A loop whose name is written out keeps it, also where its list would give it the same one: overlays call it by that name."""
_ALIKE = {"rule": "rule", "operation": "rule", "row": "row", "field": "field"}
"""Kinds of lines that are lined up with neighbours of the same kind."""


class Changed(Exception):
    """Laying a file out would have changed what it says. A fault of this module; the file is left as it is."""


def formatted(source: Source) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file in its one layout, and None where it has mistakes of syntax, with these."""
    before, found = parse(source)
    if errors(found):
        return None, found
    text = _Layout(source).text()
    after, problems = parse(Source(source.name, text))
    if errors(problems) or bare(after) != bare(before) or _remarks(after) != _remarks(before):
        raise Changed(source.name)
    return text, []


def _remarks(file: ast.File) -> list[str]:
    """The words of a file's comments, wherever each of them went."""
    return sorted(" ".join(comment.text for comment in file.comments).replace("#", " ").split())


class _Placed(msgspec.Struct, frozen=True):
    """A logical line, its node, how deep it stands, and whether it opens a block."""

    line: Line
    node: Any
    depth: int
    opens: bool


class _Recorder(Blocks):
    """The stack pass, keeping where every line stands."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, self._read)
        self.reader = LineReader(source)
        self.placed: list[_Placed] = []
        self.node: Any = None

    def _read(self, line: Line, start: str) -> Any:
        self.node = self.reader.line(line, start)
        return self.node

    def line(self, line: Line) -> None:
        super().line(line)
        opens = len(self.stack) > 1 and self.top.span.start == line.start
        self.placed.append(_Placed(line, self.node, len(self.stack) - 1 - opens, opens))

    def raw(self, line: Line) -> None:
        super().raw(line)
        self.placed.append(_Placed(line, None, len(self.stack) - 1, False))


class _Entry:
    """What stands between two line ends of the result: a logical line, or a comment of its own."""

    __slots__ = ("above", "behind", "blank", "comment", "depth", "inside", "placed", "printed", "said", "start")

    def __init__(self, start: int, placed: _Placed | None, comment: str) -> None:
        self.start = start
        self.placed = placed
        self.comment = comment
        self.depth = placed.depth if placed else 0
        self.blank = False  # a blank line comes before it
        self.behind = ""  # the comment behind its end
        self.inside: list[ast.Comment] = []  # comments between its physical lines
        self.above: list[str] = []  # comments that had to leave its inside
        self.said: Said | None = None
        if placed is not None and not placed.line.raw:
            self.said = said(placed.node, named=bool(_NAMED.search(placed.line.text)))
        self.printed: list[Printed] = []

    @property
    def raw(self) -> bool:
        return self.placed is not None and self.placed.line.raw

    @property
    def opens(self) -> bool:
        return self.placed is not None and self.placed.opens

    @property
    def kind(self) -> str:
        return self.said.kind if self.said else ""


class _Layout:
    def __init__(self, source: Source) -> None:
        self.source = source
        cut = split(source)
        recorder = _Recorder(source)
        recorder.run(cut.lines)
        self.entries = [_Entry(placed.line.start, placed, "") for placed in recorder.placed]
        self.remarks(cut.comments)
        self.entries.sort(key=lambda entry: entry.start)
        self.depths()
        self.blanks()

    def text(self) -> str:
        """The whole file."""
        self.print()
        out: list[str] = []
        for number, entry in enumerate(self.entries):
            if entry.blank and out:
                out.append("")
            lead = STEP * entry.depth
            if entry.comment:
                out.append(lead + entry.comment)
            elif entry.raw:
                if number == 0 or not self.entries[number - 1].raw:
                    out += self.narrative(number)
            else:
                assert entry.placed is not None
                inside = (
                    lead + STEP if entry.kind == "end" else lead
                )  # what stands before an `end` belongs into the block
                out += [inside + text for text in (*entry.above, *doc_lines(entry.placed.line.doc))]
                out += [printed.whole() for printed in entry.printed]
        return "\n".join(out) + "\n" if out else ""

    def narrative(self, number: int) -> Iterator[str]:
        """The raw lines of a text from an entry on, without the indentation they share."""
        lines: list[str] = []
        for entry in self.entries[number:]:
            if not entry.raw:
                break
            assert entry.placed is not None
            start = entry.placed.line.start
            lines.append(self.source.text[start : start + len(entry.placed.line.text)])
        lead = STEP * self.entries[number].depth
        return (lead + line if line else "" for line in textwrap.dedent("\n".join(lines)).split("\n"))

    # --- where comments belong

    def remarks(self, comments: list[ast.Comment]) -> None:
        """Comments behind a line go with it; those of their own are entries."""
        lines = iter(list(self.entries))
        entry = next(lines, None)
        following = next(lines, None)
        for comment in comments:
            while following is not None and following.start <= comment.span.start:
                entry, following = following, next(lines, None)
            if entry is None or entry.start > comment.span.start or entry.placed is None:
                self.entries.append(_Entry(comment.span.start, None, comment.text))
                continue
            end = entry.start + len(entry.placed.line.text)
            if comment.span.start < end:
                entry.inside.append(comment)
            elif comment.own_line:
                self.entries.append(_Entry(comment.span.start, None, comment.text))
            else:
                entry.behind = comment.text

    def depths(self) -> None:
        """A comment stands as deep as what follows it."""
        depth = 0
        for entry in reversed(self.entries):
            if entry.placed is None:
                entry.depth = depth
            else:
                depth = entry.depth + (entry.kind == "end")

    # --- blank lines

    def blanks(self) -> None:
        """Those of the source, at most one at a place; none at the edges of a block, one before each block."""
        before: _Entry | None = None
        for entry in self.entries:
            if before is not None and not entry.raw:
                gap = self.source.text[self.end(before) : entry.start]
                hanging = before.comment.startswith("##")  # without the blank line it would describe what follows
                edge = (before.opens and entry.depth > before.depth) or entry.kind == "end"
                entry.blank = bool(_BLANK.search(gap)) and (hanging or not edge)
            before = entry
        for number, entry in enumerate(self.entries):
            first = number
            while first and not self.entries[first].blank and self.entries[first - 1].comment:
                first -= 1
            above = self.entries[first - 1] if first else None
            if above is None or not entry.placed or entry.raw:
                continue
            first_inside = above.opens and above.depth < entry.depth
            if above.kind == "header" or (entry.kind in ("declaration", "block") and not first_inside):
                self.entries[first].blank = True

    def end(self, entry: _Entry) -> int:
        """Where an entry ends in the source, a comment behind it included."""
        stop = entry.start + len(entry.placed.line.text if entry.placed else entry.comment)
        return self.source.text.find("\n", stop) if entry.behind else stop

    # --- printing

    def print(self) -> None:
        """Every line, in runs of those that are lined up with each other."""
        run: list[_Entry] = []
        for entry in self.entries:
            if entry.blank:
                self.close(run)
            if entry.said is None:
                continue
            family = _ALIKE.get(entry.kind, "")
            if run and (entry.depth != run[-1].depth or family != _ALIKE.get(run[-1].kind, "")):
                self.close(run)
            if not family or entry.said.because:
                self.close(run)
            run.append(entry)
            if not family or entry.said.because:
                self.close(run)
        self.close(run)

    def close(self, run: list[_Entry]) -> None:
        """Print a run and begin a new one."""
        if not run:
            return
        lines = [entry.said for entry in run if entry.said is not None]
        for entry, printed in zip(run, print_run(lines, STEP * run[0].depth), strict=True):
            entry.printed = printed
            self.attach(entry)
        lined = [line for entry in run for line in entry.printed if line.comment]
        column = max((len(line.text) for line in lined), default=0)
        for line in lined:
            line.column = column
        run.clear()

    def attach(self, entry: _Entry) -> None:
        """Comments of a line to the printed lines; what finds no place stands above."""
        if entry.kind == "end" and entry.inside:
            # Above it would be inside the block, which may be a text: the reason gives way to the next line.
            lead = STEP * entry.depth
            entry.printed = [Printed(f"{lead}end"), Printed(f"{lead}{STEP}{entry.said.because if entry.said else ''}")]
            entry.printed[0].comment = " ".join(comment.text for comment in entry.inside)
            entry.inside = []
        entry.printed[-1].comment = entry.behind
        starts = [
            alternative.span.start for alternative in getattr(entry.placed and entry.placed.node, "alternatives", ())
        ]
        for comment in entry.inside:
            number = sum(1 for start in starts if start < comment.span.start) - 1 if starts else 0
            place = next((line for line in entry.printed if line.closes == number >= 0), None)
            if comment.own_line or place is None or place.comment:
                entry.above.append("#" + comment.text.lstrip("#"))
            else:
                place.comment = comment.text
