"""The editions of ICD-10-CM by their dates, and how a code stands on a date of service.

Takes the editions that come with segwright and those of a folder; gives `Editions`, which says of a code on a day whether it is
billable, a heading, retired, not yet valid or unknown, each with what to offer instead. Refuses, with `NoEdition`, a folder whose
files are none. The edition of a day is the one that began last before it: an April update takes over from the October edition. A
day that no edition covers is said to be that (`not_covered`): nothing is guessed from the edition before.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import date
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from segwright.codes.icd10cm import EDITIONS, TEXTS, Edition, dotted, edition, texts_beside, undotted
from segwright.codes.search import Entry, Index

Kind: TypeAlias = Literal["billable", "heading", "retired", "not_yet", "unknown", "not_covered"]

_DATED: Final = re.compile(r"in force from (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d)$")
_LINE: Final = re.compile(r"[A-Z][0-9A-Z]{2}( [0-9A-Z]{0,3}_[0-9A-Z]+)*")
NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,40}")
"""What an edition may be called: it becomes part of a file's name."""


class NoEdition(Exception):
    """A file that cannot be used as an edition: which, its line (0 for all of it), and why."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}{f':{line}' if line else ''}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class Standing(msgspec.Struct, frozen=True):
    """How a code stands on a day. `code`: with its dot, "" when what was asked is not known in any edition; `edition`: the
    one of that day, "" when none covers it; `since`: the first day of a code that is not valid yet; `until`: the last day of a
    retired one; `offers`: billable codes to take instead, the best first. A retired code's offers are what stands beside it, for
    the files do not say what replaced it."""

    code: str
    kind: Kind
    edition: str = ""
    since: date | None = None
    until: date | None = None
    offers: tuple[str, ...] = ()


class Editions:
    """Several editions, oldest first. No two begin on one day."""

    def __init__(self, editions: Iterable[Edition]) -> None:
        self.all = tuple(sorted(editions, key=lambda each: each.begins))
        if not self.all or any(before.begins == after.begins for before, after in pairwise(self.all)):
            raise ValueError("there is at least one edition, and no two begin on the same day")
        self._indexes: dict[str, Index] = {}
        self._building = threading.Lock()
        self._begun: set[str] = set()

    @property
    def newest(self) -> Edition:
        """The one that begins last."""
        return self.all[-1]

    @cached_property
    def ends(self) -> date:
        """The last day that any edition covers."""
        return max(each.ends for each in self.all)

    def on(self, day: date) -> Edition | None:
        """The edition that holds for a date of service; None when none does."""
        begun = [each for each in self.all if each.begins <= day]
        return begun[-1] if begun and day <= begun[-1].ends else None

    def nearest_to(self, day: date) -> Edition:
        """The edition of a day, or else the last before it, or else the first."""
        begun = [each for each in self.all if each.begins <= day]
        return begun[-1] if begun else self.all[0]

    def text(self, code: str, on: date | None = None) -> str:
        """What a code means, in the words of the edition of the day, else of the newest that has it."""
        found = None if on is None else self.on(on)
        editions = [*([found] if found else []), *reversed(self.all)]
        return next((text for each in editions if (text := each.text(code))), "")

    def index(self, edition: Edition) -> Index:
        """Every code of an edition, to be searched; built when it is first asked for (a second or two, some 100 MB)."""
        with self._building:
            if edition.name not in self._indexes:
                self._indexes[edition.name] = Index(Entry(code, edition.text(code)) for code in edition.codes())
            return self._indexes[edition.name]

    def get_ready(self, day: date) -> None:
        """Begins to build, beside whatever goes on, what searching the edition of a day needs, so that nobody waits for it."""
        edition = self.nearest_to(day)
        if edition.name not in self._begun:
            self._begun.add(edition.name)
            threading.Thread(target=self.index, args=(edition,), name="codes", daemon=True).start()

    def billable_somewhen(self, code: str) -> bool:
        """Whether a code may be billed in any of the editions."""
        return any(each.billable(code) for each in self.all)

    def standing(self, code: str, on: date) -> Standing:
        """How a code stands on a date of service. Capitals and the dot are not asked for."""
        plain = undotted(code.strip().upper())
        known = [each for each in self.all if plain and each.known(plain)]
        shown = dotted(plain) if known else ""
        here = self.on(on)
        if here is None:
            return Standing(shown, "not_covered" if known else "unknown", offers=() if known else self._meant(code, on))
        if here in known:
            children = here.children(plain)
            return Standing(shown, "heading" if children else "billable", here.name, offers=children)
        before = [each for each in known if each.begins < here.begins]
        after = [each for each in known if each.begins > here.begins]
        if before:
            gone = next(each for each in self.all if each.begins > before[-1].begins)
            last = min(before[-1].ends, date.fromordinal(gone.begins.toordinal() - 1))
            return Standing(shown, "retired", here.name, until=last, offers=_beside(here, plain))
        if after:
            return Standing(shown, "not_yet", here.name, since=after[0].begins, offers=_beside(here, plain))
        return Standing("", "unknown", here.name, offers=self._meant(code, on))

    def _meant(self, code: str, on: date) -> tuple[str, ...]:
        near = self.nearest_to(on)
        meant = near.nearest(code)
        return (near.children(meant) or (meant,)) if meant else ()


def _beside(edition: Edition, plain: str) -> tuple[str, ...]:
    """The billable codes of an edition that stand nearest to a code that it does not have: below the longest beginning of it
    that the edition has."""
    for length in range(len(plain) - 1, 2, -1):
        above = plain[:length]
        if edition.known(above):
            return edition.children(above) or (dotted(above),)
    return ()


def editions(*folders: Path) -> Editions:
    """The editions that come with segwright and those of folders; one of a folder that begins on the same day as one that came
    with segwright takes its place. A folder that is not there has none. Raises `NoEdition`, OSError."""
    return _editions(tuple(_seen(path) for folder in folders for path in _files(folder)))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("icd10cm-*.txt")) if folder.is_dir() else []


def _seen(path: Path) -> tuple[Path, int, int]:
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=8)
def _editions(files: tuple[tuple[Path, int, int], ...]) -> Editions:
    own = {file.begins: edition(file.begins) for file in EDITIONS}
    given: dict[date, Edition] = {}
    for path, _, _ in files:
        found = read_edition(path)
        if found.begins in given:
            reason = f"edition {given[found.begins].name} begins on {found.begins} too; one of the two files must go"
            raise NoEdition(str(path), 0, reason)
        given[found.begins] = found
    return Editions({**own, **given}.values())


def read_edition(path: Path) -> Edition:
    """The edition in a file that `codes.importing` wrote. Raises `NoEdition`, OSError."""
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise NoEdition(str(path), 0, "it is not ASCII text") from None
    head, _, _ = text.partition("\n")
    dates = _DATED.search(head)
    try:
        begins, ends = (date.fromisoformat(each) for each in dates.groups()) if dates else (date.max, date.min)
    except ValueError:
        begins, ends = date.max, date.min
    if begins > ends:
        raise NoEdition(str(path), 1, "it does not say `in force from DATE to DATE`")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#") and not _LINE.fullmatch(line):
            raise NoEdition(str(path), number, "the line is no category with its codes")
    if not path.with_name(f"{path.stem}{TEXTS}").is_file():
        raise NoEdition(str(path), 0, f"its texts are missing: {path.stem}{TEXTS} belongs beside it")
    return Edition(text, begins, ends, path.stem.removeprefix("icd10cm-"), lambda: texts_beside(path))
