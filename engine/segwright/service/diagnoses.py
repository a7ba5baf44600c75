"""The diagnoses that clinicians of an organisation may choose from, and those that are suggested for findings: the CSV files that
`diagnosis.codes` and `diagnosis.suggestions` name.

Takes a checked organisation, the CSV files beside its org.yaml and the editions of ICD-10-CM; gives what is wrong with the files:
not there, without their columns, with a code that no edition has or that may be billed in none, with one that stands there twice,
or with a suggestion that nobody may choose. Which edition holds is asked when a diagnosis is chosen: a list may hold codes of
several, for a result is billed by the codes of its date of service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source
from segwright.core.suggest import MOST_SHOWN, nearest, shown
from segwright.orgs.csvfile import Cell, Table, read_rows
from segwright.orgs.organisation import Organisation

if TYPE_CHECKING:
    from segwright.codes.editions import Editions

COLUMNS: Final = ("code", "display")
"""Of a list of diagnoses. It may have `synonyms` (other words, separated by `;`) and `first` (`no`: never the main one) too."""
SUGGESTION_COLUMNS: Final = ("finding", "name", "code")
"""Of a table of suggestions. It may have `confidence` (0 to 1: from which on) too."""
FOLDER: Final = "codes"
"""The folder of a workspace with further editions, as `segwright codes import` writes them."""
NONE: Final = "none"
DIAGNOSES: Final = ("codes", "suggestions")
"""The keys of `diagnosis` that name files."""

_FIRST: Final = ("", "yes", "no")
_CONFIDENCE: Final = re.compile(r"(0(\.[0-9]{1,4})?|1(\.0{1,4})?)?")


def subset_problems(organisation: Organisation, tables: Mapping[str, Source], root: Path) -> list[Diagnostic]:
    """What is wrong with an organisation's diagnoses; nothing when it has none. `root`: the workspace, whose `codes/` may
    hold further editions."""
    named = {key: organisation.value(("diagnosis", key)) for key in DIAGNOSES}
    found: list[Diagnostic] = []
    given: dict[str, Source] = {}
    for key, value in named.items():
        if value is None or value.value == NONE:
            continue
        source = tables.get(str(value.value))
        if source is None:
            close, folder = nearest(str(value.value), tables), "the organisation's folder"
            facts = {"table": f"diagnosis.{key}", "file": str(value.value), "nearest": close, "folder": folder}
            found.append(diagnostic("SW0614", value.span, organisation=organisation.id, **facts))  # type: ignore[arg-type]
        else:
            given[key] = source
    if "codes" not in given:
        return found
    suggestions = given.get("suggestions")
    if _faultless(given["codes"].text, "" if suggestions is None else suggestions.text, root):
        return found
    return [*found, *_problems(given["codes"], suggestions, organisation.id, root)]


def edition_problems(root: Path) -> list[Diagnostic]:
    """What is wrong with the workspace's own editions."""
    if not (root / FOLDER).is_dir():
        return []
    from segwright.codes.editions import NoEdition, editions

    try:
        editions(root / FOLDER)
    except NoEdition as refused:
        reason = f"{refused.reason[:1].upper()}{refused.reason[1:]}."
        at = f"{FOLDER}/{Path(refused.path).name}"
        where = f" (line {refused.line})" if refused.line else ""
        return [diagnostic("SW0759", Source(at, "").span(), reason=f"{at}{where}: {reason}")]
    return []


@lru_cache(maxsize=256)
def _faultless(codes: str, suggestions: str, root: Path) -> bool:
    """Whether files of this content have nothing wrong with them. Most hospitals of a vendor list the same. What a list lacks
    in one edition it still lacks when there are more, so that an edition that comes later needs a new look only at a fault."""
    return not _problems(Source("", codes), Source("", suggestions) if suggestions else None, "", root)


def _editions(root: Path) -> Editions:
    """The editions that a workspace knows; without its own ones where these cannot be used, which is told elsewhere."""
    from segwright.codes.editions import NoEdition, editions

    try:
        return editions(root / FOLDER)
    except NoEdition:
        return editions()


def _problems(codes: Source, suggestions: Source | None, organisation: str, root: Path) -> list[Diagnostic]:
    table, found = _table(codes, COLUMNS, "a list of diagnoses has `code` and `display`", organisation)
    if table is None:
        return found
    editions = _editions(root)
    listed = _Listed(table, organisation, editions)
    found = listed.problems()
    if suggestions is not None:
        form = "a table of suggestions has `finding`, `name` and `code`"
        rows, more = _table(suggestions, SUGGESTION_COLUMNS, form, organisation)
        found += (
            more
            if rows is None
            else _Suggestions(rows, organisation, editions, listed, codes.name, whole=not found).problems()
        )
    return found


def _table(
    source: Source, columns: tuple[str, ...], form: str, organisation: str
) -> tuple[Table | None, list[Diagnostic]]:
    table, found = read_rows(source)
    if table is None:
        return None, found
    missing = [f"`{name}`" for name in columns if name not in table.names]
    if missing:
        reason = f"There is no column {' and no column '.join(missing)}; {form}."
        header = source.span(table.columns[0].start, table.columns[-1].end)
        do = f"Write the names of the columns into the first row: {','.join(columns)}"
        return None, [diagnostic("SW0748", header, organisation=organisation, reason=reason, do=do)]
    if not table.rows:
        at = source.span(table.columns[0].start, table.columns[-1].end)
        return None, [
            diagnostic("SW0748", at, organisation=organisation, reason="No row follows the names of the columns.")
        ]
    return table, []


class _Rows:
    """The rows of one file."""

    def __init__(self, table: Table, organisation: str, editions: Editions) -> None:
        self.table = table
        self.organisation = organisation
        self.editions = editions

    def cells(self, *names: str) -> Iterator[tuple[Cell | None, ...]]:
        """Of each row the cells of these columns, None for one that the file does not have."""
        places = [self.table.names.index(name) if name in self.table.names else None for name in names]
        for row in self.table.rows:
            yield tuple(None if place is None else row[place] for place in places)

    def code(self, cell: Cell) -> list[Diagnostic]:
        """What is wrong with a code by itself."""
        from segwright.codes.icd10cm import dotted

        if self.editions.billable_somewhen(cell.text):
            return []
        facts: dict[str, object]
        newest = self.editions.newest
        edition = next((each for each in reversed(self.editions.all) if each.known(cell.text)), None)
        if edition is None:
            said, close = f"edition of {newest.begins}", newest.nearest(cell.text)
            number = not close and re.fullmatch(r"[0-9.,]+(E[+-]?[0-9]+)?", cell.text, re.IGNORECASE)
            strange = not close and not number and not re.match("[A-Za-z][0-9]", cell.text)
            facts = {
                "looks": f"`{cell.text}`" if number else "",
                "form": "a letter, then a digit, and a dot behind the third character" if strange else "",
            }
            return [self.found("SW0752", cell, code=cell.text, edition=said, nearest=close, **facts)]
        children = edition.children(cell.text)
        facts = {"children": shown(children)}
        if len(children) > MOST_SHOWN:
            facts |= {"count": len(children), "first": children[0], "last": children[-1]}
        return [self.found("SW0753", cell, code=dotted(cell.text), **facts)]

    def found(self, code: str, cell: Cell, /, *labels: Label, **facts: object) -> Diagnostic:
        """A finding at a cell."""
        return diagnostic(code, self.table.span(cell), *labels, organisation=self.organisation, **facts)  # type: ignore[arg-type]


class _Listed(_Rows):
    """The list of diagnoses. `first`: where each code stands for the first time, without its dot."""

    def __init__(self, table: Table, organisation: str, editions: Editions) -> None:
        super().__init__(table, organisation, editions)
        self.first: dict[str, Cell] = {}

    def problems(self) -> list[Diagnostic]:
        """What is wrong with it, in order."""
        out = []
        for code, display, first in self.cells("code", "display", "first"):
            assert code is not None
            assert display is not None
            for name, cell in zip(COLUMNS, (code, display), strict=True):
                if not cell.text.strip():
                    out.append(self.found("SW0748", cell, reason=f"This row has no {name}."))
            if first is not None and first.text.strip() not in _FIRST:
                reason = "`first` is `no` for a code that may not be the main diagnosis, else `yes` or empty."
                out.append(self.found("SW0748", first, reason=reason))
            if code.text.strip():
                out.extend(self._listed(code))
        return out

    def _listed(self, cell: Cell) -> list[Diagnostic]:
        from segwright.codes.icd10cm import undotted

        plain = undotted(cell.text)
        if not plain:
            return self.code(cell)
        first = self.first.setdefault(plain, cell)
        if first is cell:
            return self.code(cell)
        return [self.found("SW0754", cell, Label(self.table.span(first), "first"), code=cell.text)]


class _Suggestions(_Rows):
    """The table of suggestions, held against the list (`listed`, in `file`). `whole`: nothing is wrong with the list; else a
    code that it lacks may be the one that is wrong there, and is not told twice."""

    def __init__(
        self, table: Table, organisation: str, editions: Editions, listed: _Listed, file: str, *, whole: bool
    ) -> None:
        super().__init__(table, organisation, editions)
        self.listed = listed
        self.file = file.rpartition("/")[2]
        self.whole = whole
        self.first: dict[tuple[str, str], Cell] = {}

    def problems(self) -> list[Diagnostic]:
        """What is wrong with it, in order."""
        from segwright.codes.snomed import wrong_with

        out = []
        for finding, name, code, confidence in self.cells(*SUGGESTION_COLUMNS, "confidence"):
            assert finding is not None
            assert name is not None
            assert code is not None
            if not finding.text.strip() and not name.text.strip():
                out.append(self.found("SW0748", finding, reason="This row has neither a finding nor a name."))
            elif finding.text.strip() and (reason := wrong_with(finding.text.strip())):
                out.append(self.found("SW0757", finding, found=finding.text, reason=reason))
            if confidence is not None and not _CONFIDENCE.fullmatch(confidence.text.strip()):
                reason = "A confidence is a number from 0 to 1 with at most four decimals, such as `0.85`."
                out.append(self.found("SW0748", confidence, reason=reason))
            if not code.text.strip():
                out.append(self.found("SW0748", code, reason="This row has no code."))
            else:
                out.extend(self._suggested(finding, name, code))
        return out

    def _suggested(self, finding: Cell, name: Cell, code: Cell) -> list[Diagnostic]:
        from segwright.codes.icd10cm import dotted, undotted

        wrong = self.code(code)
        if wrong:
            return wrong
        plain = undotted(code.text)
        if plain not in self.listed.first:
            return [self.found("SW0756", code, code=dotted(plain), file=self.file)] if self.whole else []
        first = self.first.setdefault((finding.text.strip() or name.text.strip().casefold(), plain), code)
        return (
            []
            if first is code
            else [self.found("SW0758", code, Label(self.table.span(first), "first"), code=code.text)]
        )
