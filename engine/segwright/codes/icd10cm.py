"""ICD-10-CM by its editions: which codes exist, which may be billed, and what a wrong one may have been meant to be.

An edition is two files: `icd10cm-NAME.txt` has every code, `icd10cm-NAME.texts.gz` the text of each in the same order. Some
stand beside this module, more come from `codes.importing`; `codes.editions` puts them together. The codes are read when an
edition is first asked for, a category of them when one of its codes is, the texts when one is wanted. Codes are taken with
their dot (`I48.91`) or without (`I4891`), in capitals as they are printed; they are given with it. No word here refuses
anything: what a wrong code means is for the caller to say.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Final, NamedTuple


class _File(NamedTuple):
    name: str
    begins: date
    ends: date


EDITIONS: Final = (
    _File("icd10cm-2026-04.txt", date(2026, 4, 1), date(2026, 9, 30)),
    _File("icd10cm-2027.txt", date(2026, 10, 1), date(2027, 9, 30)),
)
"""Every edition there is a file of, oldest first."""

_CODE: Final = re.compile(r"([A-Z][0-9A-Z]{2})(?:\.?([0-9A-Z]{1,4}))?")
_CATEGORY: Final = 3
"""Characters before the dot."""


class Edition:
    """One edition. `name`: what people call it; `begins` and `ends`: the first and the last date of service that it holds
    for; `texts`: gives a line for each code, in order."""

    def __init__(
        self, text: str, begins: date, ends: date, name: str = "", texts: Callable[[], str] = lambda: ""
    ) -> None:
        self.name = name or str(begins)
        self.begins = begins
        self.ends = ends
        self._text = text
        self._texts = texts
        self._codes: dict[str, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"Edition({self.begins} to {self.ends})"

    def holds_on(self, day: date) -> bool:
        """Whether this edition is the one in force on a date of service."""
        return self.begins <= day <= self.ends

    def known(self, code: str) -> bool:
        """Whether there is such a code, billable or not."""
        plain = undotted(code)
        return bool(plain) and plain in self._category(plain[:_CATEGORY])

    def billable(self, code: str) -> bool:
        """Whether a code may be billed: it exists and none below it does."""
        return self.known(code) and self.children(code) == ()

    def children(self, code: str) -> tuple[str, ...]:
        """The billable codes below a code, in order, with their dots; none when it is billable itself or unknown."""
        plain = undotted(code)
        if not plain:
            return ()
        codes = self._category(plain[:_CATEGORY])
        if plain not in codes:
            return ()
        below = [each for each in codes if each.startswith(plain)]
        # Sorted, so that what stands below a code follows it at once: one that the next does not continue has none below it.
        ends = [each for each, following in zip(below, [*below[1:], ""], strict=True) if not following.startswith(each)]
        return tuple(map(dotted, ends)) if ends != [plain] else ()

    def nearest(self, code: str) -> str:
        """The code that was probably meant, "" when none is close: the same in capitals or with its dot elsewhere, with digits
        for the letters that look like them, or else the most alike of those that may be billed and begin like it."""
        from difflib import SequenceMatcher

        plain = re.sub(r"[^0-9A-Z]", "", code.upper())
        for spelling in (plain, plain[:1] + plain[1:].translate(LOOKS_LIKE)):
            if self.known(spelling):
                return dotted(spelling)
        beginning = next((plain[:n] for n in range(len(plain), _CATEGORY - 1, -1) if self.known(plain[:n])), "")
        below = self.children(beginning) or ((dotted(beginning),) if beginning else ())
        likeness = {each: SequenceMatcher(None, each, dotted(plain)).ratio() for each in below}
        return max(below, key=likeness.__getitem__, default="")

    def text(self, code: str) -> str:
        """What a code means, in the words of the edition; "" for one that it does not have."""
        return self._meanings.get(undotted(code), "")

    @cached_property
    def _meanings(self) -> dict[str, str]:
        return dict(zip(map(undotted, self.codes()), self._texts().splitlines(), strict=False))

    def codes(self) -> Iterator[str]:
        """Every code with its dot, in order."""
        for found in _LINE.finditer(self._text):
            yield from map(dotted, self._category(found[1]))

    def _category(self, name: str) -> tuple[str, ...]:
        """Every code of a category without its dot, in order; none when there is no such category."""
        codes = self._codes.get(name)
        if codes is None:
            codes = self._read(name)
            if codes:
                self._codes[name] = codes
        return codes

    def _read(self, name: str) -> tuple[str, ...]:
        start = self._text.find(f"\n{name}") if len(name) == _CATEGORY and name.isalnum() else -1
        if start < 0:
            return ()
        line = self._text[start + 1 : self._text.index("\n", start + 1)]
        codes = [name]
        for stem, _, characters in (group.partition("_") for group in line.split()[1:]):
            codes += [f"{name}{stem}{character}" for character in characters]
        return tuple(sorted(codes))


_LINE: Final = re.compile(r"^([A-Z][0-9A-Z]{2})(?= |$)", re.MULTILINE)
LOOKS_LIKE: Final = str.maketrans("OQIL", "0011")
"""Letters that are typed for the digits they look like."""


def edition(on: date | None = None) -> Edition:
    """The edition for a date of service: the newest that had begun by then. Without a date the newest; for a date before the
    oldest, the oldest (`holds_on` tells)."""
    begun = [each for each in EDITIONS if on is None or each.begins <= on]
    return _edition(begun[-1] if begun else EDITIONS[0])


@cache
def _edition(file: _File) -> Edition:
    path = Path(__file__).with_name(file.name)
    name = path.stem.removeprefix("icd10cm-")
    return Edition(path.read_text(encoding="ascii"), file.begins, file.ends, name, lambda: texts_beside(path))


def texts_beside(path: Path) -> str:
    """The texts of the edition whose codes stand in this file. Raises OSError, and UnicodeDecodeError for what is no text."""
    return gzip.decompress(path.with_name(f"{path.stem}{TEXTS}").read_bytes()).decode()


TEXTS: Final = ".texts.gz"
"""How the file of the texts ends."""


def undotted(code: str) -> str:
    """A code as it is without its dot, "" when it is not in the form of one."""
    found = _CODE.fullmatch(code)
    return "" if found is None else found[1] + (found[2] or "")


def dotted(code: str) -> str:
    """A code as it is printed; one with its dot stays as it is."""
    plain = undotted(code) or code
    return plain if len(plain) <= _CATEGORY else f"{plain[:_CATEGORY]}.{plain[_CATEGORY:]}"
