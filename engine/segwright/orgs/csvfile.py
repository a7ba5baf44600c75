"""CSV tables (RFC 4180): a first row that names the columns, then rows with a value for each.

Takes a `Source`, gives rows whose cells know their places. Refuses, with every finding of the file at once: quotes that do not
close or stand in the middle, rows longer or shorter than the first, columns without a name or with the same name. Rows and last
columns in which nothing stands are left out. Cells are given exactly as written; nothing is trimmed or converted.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source, Span

_CELL: Final = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')
_END: Final = re.compile(r"\r\n|\n|\r|\Z")
_CURLY: Final = ("\u201c", "\u201d", "\u201e", "\u2018", "\u2019")
_INSIDE: Final = "A value that holds a quote stands in quotes, with the quote inside doubled."
_COMMAS: Final = (
    "In Excel: Save As, “CSV UTF-8 (Comma delimited)”. Where Excel writes semicolons all the same, replace them by commas in "
    "an editor, and put values that hold a comma in quotes."
)


class Cell(NamedTuple):
    """A value and where it stands (with its quotes)."""

    text: str
    start: int
    end: int


class Table(msgspec.Struct, frozen=True, dict=True, eq=False):
    """Columns and rows; every row has a cell for every column."""

    source: Source
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.text for column in self.columns)

    def span(self, cell: Cell) -> Span:
        """Where a cell stands."""
        return self.source.span(cell.start, cell.end)


def read_rows(source: Source) -> tuple[Table | None, list[Diagnostic]]:
    """The table, or None when any row cannot be trusted."""
    findings: list[Diagnostic] = []
    rows = _without_empty_columns([row for row in _records(source, findings) if any(cell.text for cell in row)])
    if not rows:
        return None, findings or [diagnostic("SW0704", source.span(0, 0), file=source.name)]
    columns = tuple(Cell(cell.text.strip(), cell.start, cell.end) for cell in rows[0])
    _columns(source, columns, findings)
    for row in rows[1:]:
        if len(row) != len(columns):
            span = source.span(row[0].start, row[-1].end)
            curly = next((cell for cell in row if cell.text.strip()[:1] in _CURLY and cell.text.strip()), None)
            if curly is not None:  # no quotes for a table, so that the commas in them divide the value
                findings.append(
                    diagnostic("SW0102", source.span(curly.start, curly.start + 1), found=curly.text.strip()[0])
                )
                continue
            have = f"{len(row)} value" + ("" if len(row) == 1 else "s")
            reason = f"This row has {have}; the first row names {len(columns)} columns."
            findings.append(
                diagnostic(
                    "SW0748", span, Label(source.span(columns[0].start, columns[-1].end), "table"), reason=reason
                )
            )
    if findings:
        return None, findings
    return Table(source, columns, tuple(rows[1:])), []


def _without_empty_columns(rows: list[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """The rows without columns at the end that have neither a name nor a value, as spreadsheets leave them."""
    named = max((number for number, cell in enumerate(rows[0], 1) if cell.text), default=0) if rows else 0
    if any(cell.text for row in rows for cell in row[named:]):
        return rows
    return [row[:named] for row in rows]


def _columns(source: Source, columns: tuple[Cell, ...], findings: list[Diagnostic]) -> None:
    seen: dict[str, Cell] = {}
    if columns[0].text.startswith("sep="):
        span = source.span(columns[0].start, columns[-1].end)
        findings.append(
            diagnostic("SW0748", span, reason="This line is Excel's own, and no row of the table: take it out.")
        )
        return
    other = re.search(r"[;\t]", columns[0].text) if len(columns) == 1 else None
    if other:
        reason = f"The columns are separated by {'semicolons' if other[0] == ';' else 'tabs'}; commas are needed."
        at = columns[0].start + columns[0].text.index(other[0])
        findings.append(diagnostic("SW0748", source.span(at, at + 1), reason=reason, do=_COMMAS))
    for number, column in enumerate(columns, 1):
        span = source.span(column.start, column.end)
        if not column.text:
            findings.append(diagnostic("SW0748", span, reason=f"Column {number} has no name."))
        elif column.text in seen:
            first = seen[column.text]
            label = Label(source.span(first.start, first.end), "first")
            findings.append(diagnostic("SW0748", span, label, reason=f"Two columns are called `{column.text[:40]}`."))
        seen.setdefault(column.text, column)


def _records(source: Source, findings: list[Diagnostic]) -> list[tuple[Cell, ...]]:
    """All rows; reading goes on at the next line after a row that cannot be read."""
    text, at = source.text, 1 if source.text.startswith("\ufeff") else 0
    rows: list[tuple[Cell, ...]] = []
    while at < len(text):
        end = _END.match(text, at)
        if end is not None:  # an empty line
            at = end.end()
            continue
        row, at = _record(source, at, findings)
        if row:
            rows.append(row)
    return rows


def _record(source: Source, at: int, findings: list[Diagnostic]) -> tuple[tuple[Cell, ...], int]:
    text = source.text
    cells: list[Cell] = []
    while True:
        found = _CELL.match(text, at)
        if found is None or (found[1] is None and text.startswith('"', at)):  # a quote that opens and never closes
            findings.append(diagnostic("SW0748", source.span(at, at + 1), reason="This quote is never closed."))
            return (), len(text)
        quoted = found[1]
        cells.append(Cell(found[2] if quoted is None else quoted.replace('""', '"'), at, found.end()))
        at = found.end()
        end = _END.match(text, at)
        if end is not None:
            return tuple(cells), end.end()
        if text[at] != ",":
            spaced = text[at] == '"' and not cells[-1].text.strip()
            reason = "Before this quote stands a space: take it out." if spaced else _INSIDE
            findings.append(diagnostic("SW0748", source.span(at, at + 1), reason=reason))
            line = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)").match(text, at)
            return (), line.end() if line else len(text)
        at += 1
