"""The diagnoses that clinicians of an organisation may choose from: the CSV file that `diagnosis.codes` names.

Takes a checked organisation and the CSV files beside its org.yaml; gives what is wrong with the file: not there, without the
columns `code` and `display`, or with a code that ICD-10-CM does not have, that may not be billed, or that stands there twice.
Which edition holds on a date of service is asked when a diagnosis is chosen; here it is the newest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source
from segwright.core.suggest import MOST_SHOWN, nearest, shown
from segwright.orgs.csvfile import Cell, Table, read_rows
from segwright.orgs.organisation import Organisation

if TYPE_CHECKING:
    from segwright.codes.icd10cm import Edition

COLUMNS: Final = ("code", "display")


def subset_problems(organisation: Organisation, tables: Mapping[str, Source]) -> list[Diagnostic]:
    """What is wrong with an organisation's list of diagnoses; nothing when it has none."""
    named = organisation.value(("diagnosis", "codes"))
    if named is None:
        return []
    name = str(named.value)
    source = tables.get(name)
    if source is None:
        close, folder = nearest(name, tables), "the organisation's folder"
        return [
            diagnostic(
                "SW0614",
                named.span,
                organisation=organisation.id,
                table="diagnosis.codes",
                file=name,
                nearest=close,
                folder=folder,
            )
        ]
    return [] if _faultless(source.text) else _problems(source, organisation.id)


@lru_cache(maxsize=256)
def _faultless(text: str) -> bool:
    """Whether a file of this content has nothing wrong with it. Most hospitals of a vendor list the same."""
    return not _problems(Source("", text), "")


def _problems(source: Source, organisation: str) -> list[Diagnostic]:
    from segwright.codes.icd10cm import edition

    table, found = read_rows(source)
    if table is None:
        return found
    missing = [f"`{name}`" for name in COLUMNS if name not in table.names]
    if missing:
        there = f"There is no column {' and no column '.join(missing)}"
        reason = f"{there}; a list of diagnoses has `code` and `display`."
        header = source.span(table.columns[0].start, table.columns[-1].end)
        return [diagnostic("SW0748", header, organisation=organisation, reason=reason)]
    return _Rows(table, organisation, edition()).problems()


class _Rows:
    """The rows of one file."""

    def __init__(self, table: Table, organisation: str, edition: Edition) -> None:
        self.table = table
        self.organisation = organisation
        self.edition = edition
        self.first: dict[str, Cell] = {}

    def problems(self) -> list[Diagnostic]:
        """What is wrong with them, in order."""
        code, display = map(self.table.names.index, COLUMNS)
        out = []
        for row in self.table.rows:
            for name, cell in zip(COLUMNS, (row[code], row[display]), strict=True):
                if not cell.text.strip():
                    out.append(self._found("SW0748", cell, reason=f"This row has no {name}."))
            if row[code].text.strip():
                out.extend(self._code(row[code]))
        return out

    def _code(self, cell: Cell) -> list[Diagnostic]:
        from segwright.codes.icd10cm import dotted, undotted

        edition, code = self.edition, cell.text
        if not edition.known(code):
            said = f"edition of {edition.begins}"
            return [self._found("SW0752", cell, code=code, edition=said, nearest=edition.nearest(code))]
        out = []
        first = self.first.setdefault(undotted(code), cell)
        if first is not cell:
            label = Label(self.table.span(first), "first")
            out.append(self._found("SW0754", cell, label, code=code))
        children = edition.children(code)
        if first is cell and children:
            facts: dict[str, object] = {"children": shown(children)}
            if len(children) > MOST_SHOWN:
                facts |= {"count": len(children), "first": children[0], "last": children[-1]}
            out.append(self._found("SW0753", cell, code=dotted(code), **facts))
        return out

    def _found(self, code: str, cell: Cell, /, *labels: Label, **facts: object) -> Diagnostic:
        return diagnostic(code, self.table.span(cell), *labels, organisation=self.organisation, **facts)  # type: ignore[arg-type]
