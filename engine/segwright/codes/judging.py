"""Judges the diagnoses that a clinician chooses for billing, and suggests some.

Takes codes in billing order, the date of service and an organisation's rules; gives everything that stands against them, each
with codes to take instead. The page and the API ask the same function, so that they refuse alike. What a fault says to a person
is `codes.saying`'s. Rules between codes (Excludes1 and the like) are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal, TypeAlias

import msgspec

from segwright.codes.editions import Editions, Standing
from segwright.codes.icd10cm import dotted, undotted
from segwright.codes.search import Entry, Index
from segwright.plan.manifest import Choice, Diagnoses

FaultKind: TypeAlias = Literal[
    "none_sent",
    "unknown",
    "not_billable",
    "retired",
    "not_yet",
    "not_listed",
    "not_first",
    "twice",
    "too_many",
    "too_few",
]

MOST_OFFERED: Final = 12
_OF_STANDING: Final[dict[str, FaultKind]] = {
    "unknown": "unknown", "heading": "not_billable", "retired": "retired", "not_yet": "not_yet",
}  # fmt: skip


class Offer(msgspec.Struct, frozen=True):
    """A code to take instead. `listed`: whether it is among the organisation's choices, so that it can be taken here."""

    code: str
    display: str
    listed: bool


class CodeFault(msgspec.Struct, frozen=True):
    """One thing that stands against a choice. `at`: the place of the code in it, from 0, None for the whole; `code`: with its
    dot, "" for one that no edition has (whatever was typed there may be anything); `on`: the date of service; `day`: the last day
    of a retired code, the first of one that is not valid yet; `count` and `limit`: how many there are, and may be."""

    kind: FaultKind
    at: int | None = None
    code: str = ""
    display: str = ""
    on: date | None = None
    day: date | None = None
    count: int = 0
    limit: int = 0
    offers: tuple[Offer, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """A finding of a result: its name, its SNOMED CT code, and how sure the algorithm is (None: a clinician stated it)."""

    name: str
    code: str = ""
    confidence: Decimal | None = None


class Suggested(msgspec.Struct, frozen=True):
    """A diagnosis that the organisation's table suggests, and the findings for which it does."""

    code: str
    display: str
    because: tuple[Found, ...]


class Rules:
    """What an organisation lets its clinicians choose, and the editions to judge by. `diagnoses` is None where none are sent."""

    def __init__(self, diagnoses: Diagnoses | None, editions: Editions) -> None:
        self.diagnoses = diagnoses
        self.editions = editions

    @property
    def minimum(self) -> int:
        """Fewest diagnoses of a signed result."""
        return 0 if self.diagnoses is None else self.diagnoses.minimum

    @property
    def maximum(self) -> int:
        """Most diagnoses of a signed result."""
        return 0 if self.diagnoses is None else self.diagnoses.maximum

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """The organisation's choices in its own order, by their codes without dots."""
        given = () if self.diagnoses is None else self.diagnoses.choices
        return {undotted(choice.code) or choice.code: choice for choice in given}

    def choice(self, code: str) -> Choice | None:
        """The choice of a code, however its capitals and its dot are written."""
        return self.choices.get(_plain(code))

    @cached_property
    def index(self) -> Index:
        """The organisation's choices, to be searched."""
        return Index(Entry(choice.code, choice.display, choice.synonyms) for choice in self.choices.values())

    def search(self, typed: str, limit: int) -> tuple[Choice, ...]:
        """The organisation's choices that fit what was typed, the best first; all where nothing was."""
        return tuple(self.choices[_plain(entry.code)] for entry in self.index.find(typed, limit))

    def search_everywhere(self, typed: str, on: date | None, limit: int) -> tuple[Offer, ...]:
        """The codes of the whole edition of a day (or the nearest to it) that fit, headings too; `listed` tells which of them
        can be taken here. The first search of an edition builds its index, which takes a second or two."""
        edition = self.editions.newest if on is None else self.editions.nearest_to(on)
        return tuple(
            self._offer(entry.code, entry.display) for entry in self.editions.index(edition).find(typed, limit)
        )

    def standing(self, code: str, on: date | None) -> Standing:
        """How a code stands on a date of service; None is a date that is not known to the day."""
        if on is not None:
            return self.editions.standing(code, on)
        found = self.editions.standing(code, self.editions.newest.begins)
        return found if found.kind == "unknown" else Standing(found.code, "not_covered")

    def offers(self, codes: Iterable[str], on: date | None) -> tuple[Offer, ...]:
        """Codes to take instead: those that the organisation lists first, and of them no more than a person reads."""
        offered = [self._offer(code, self.editions.text(code, on)) for code in dict.fromkeys(codes)]
        return tuple(sorted(offered, key=lambda each: not each.listed)[:MOST_OFFERED])

    def _offer(self, code: str, text: str) -> Offer:
        choice = self.choice(code)
        return Offer(code, text if choice is None else choice.display, choice is not None)


def _plain(code: str) -> str:
    return code.strip().upper().replace(".", "")


def judged(choice: Sequence[str], on: date | None, rules: Rules) -> tuple[CodeFault, ...]:
    """Everything that stands against a choice of codes, in billing order, on a date of service (None: not known to the day);
    nothing when it may be signed. On a day that no edition covers a code is held to the organisation's list alone."""
    if rules.diagnoses is None:
        return (CodeFault("none_sent", count=len(choice)),) if choice else ()
    return (*_each(choice, on, rules), *_number(len(choice), rules))


def _each(choice: Sequence[str], on: date | None, rules: Rules) -> Iterator[CodeFault]:
    seen: set[str] = set()
    for at, typed in enumerate(choice):
        plain = _plain(typed)
        standing = rules.standing(typed, on)
        listed = rules.choice(typed)
        code = standing.code or ("" if listed is None else listed.code)
        display = listed.display if listed is not None else rules.editions.text(code, on)
        if plain in seen:
            yield CodeFault("twice", at, code, display, on)
            continue
        seen.add(plain)
        kind = _OF_STANDING.get(standing.kind)
        if kind is not None and not (kind == "unknown" and listed is not None):
            offers = rules.offers(standing.offers, on)
            yield CodeFault(kind, at, code, display, on, standing.until or standing.since, offers=offers)
        elif listed is None:
            yield CodeFault("not_listed", at, code, display, on, offers=rules.offers(_listed_near(code, on, rules), on))
        elif at == 0 and not listed.first:
            others = [found.code for each in choice[1:] if (found := rules.choice(each)) is not None and found.first]
            yield CodeFault("not_first", at, code, display, on, offers=rules.offers(others, on))


def _listed_near(code: str, on: date | None, rules: Rules) -> list[str]:
    """The choices of the same category, those that share the longest beginning with a code first, and that may be billed."""
    plain = undotted(code)
    near = [each for each in rules.choices if each[:3] == plain[:3]]
    near.sort(
        key=lambda each: -next((n for n, (a, b) in enumerate(zip(each, plain, strict=False)) if a != b), len(each))
    )
    return [dotted(each) for each in near if rules.standing(each, on).kind in ("billable", "not_covered")]


def _number(count: int, rules: Rules) -> Iterator[CodeFault]:
    if count > rules.maximum:
        yield CodeFault("too_many", count=count, limit=rules.maximum)
    if count < rules.minimum:
        yield CodeFault("too_few", count=count, limit=rules.minimum)


def suggested(findings: Iterable[Found], on: date | None, rules: Rules) -> tuple[Suggested, ...]:
    """What the organisation's table suggests for findings, in their order and then in the table's; each code once. Left out
    is what may not be billed on the day, and a finding of which the algorithm is not sure enough. A finding is known by its
    SNOMED CT code, or by its name where it has none."""
    table = () if rules.diagnoses is None else rules.diagnoses.suggestions
    because: dict[str, list[Found]] = {}
    for found in findings:
        for row in table:
            same = (
                row.finding == found.code
                if found.code and row.finding
                else row.name.casefold() == found.name.casefold()
            )
            sure = not row.least or found.confidence is None or found.confidence >= Decimal(row.least)
            if same and sure and found not in because.setdefault(row.code, []):
                because[row.code].append(found)
    out = []
    for code, reasons in because.items():
        choice = rules.choice(code)
        if reasons and choice is not None and rules.standing(code, on).kind in ("billable", "not_covered"):
            out.append(Suggested(choice.code, choice.display, tuple(reasons)))
    return tuple(out)
