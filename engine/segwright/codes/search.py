"""Finds codes as people type them: the beginning of a code, or words in any order, half typed or with a slip in them.

Takes a list of codes with their texts and other words for them; gives, for what was typed, the codes that fit, the best first
and always in the same order. Every word that was typed must fit some word of an entry: the same word, its plural or singular,
one that begins with it, or, where nothing of the kind is there, one that is one slip away: a letter too many, too few, another,
or two changed about. Words like `of` are not asked for. Abbreviations are found where the list has them as other words; none is
known here.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final

import msgspec

from segwright.codes.icd10cm import LOOKS_LIKE, undotted

SHORTEST_WITH_A_SLIP: Final = 4
"""Letters of a word that may have a slip in it: among shorter ones everything is near to everything."""
MOST_WORDS: Final = 12
"""Words of a search that are looked at."""

_SMALL: Final = frozenset("a an and by due for from in of on or the to with".split())
_WORD: Final = re.compile(r"[a-z0-9]+")
_LIKE_A_CODE: Final = re.compile(r"[a-z][0-9][0-9a-z]?(\.?[0-9a-z]{0,4})?|[a-z]{2}[0-9](\.?[0-9a-z]{0,4})?")
_SAME, _FORM, _BEGINS, _SLIP, _SLIP_BEGINS, _OTHER = 0, 1, 2, 4, 5, 1
_TOP: Final = "\U0010ffff"
_BITS: Final = 24
_NUMBER: Final = (1 << _BITS) - 1


class Entry(msgspec.Struct, frozen=True):
    """A code that can be found: its code with the dot, its text, and other words for it."""

    code: str
    display: str
    synonyms: tuple[str, ...] = ()


class Index:
    """What can be found. Of two entries that fit as well the one with the shorter text comes first, then that of the list."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        own = [words(entry.display) for entry in self.entries]
        # Inside, an entry's number is its place by the length of its text: the smaller number is the better one.
        self._order = sorted(range(len(own)), key=lambda each: len(own[each]))
        postings: dict[str, list[int]] = {}
        others: dict[str, list[int]] = {}
        for number, place in enumerate(self._order):
            for word in dict.fromkeys(own[place]):
                postings.setdefault(word, []).append(number)
            for word in {word for synonym in self.entries[place].synonyms for word in words(synonym)} - {*own[place]}:
                others.setdefault(word, []).append(number)
        self._postings = postings
        self._others = others
        self._vocabulary = sorted({*postings, *others})
        self._letters = "".join(sorted({letter for word in self._vocabulary for letter in word}))
        self._forms: dict[str, list[str]] = {}
        for word in self._vocabulary:
            self._forms.setdefault(stem(word), []).append(word)
        codes = sorted((undotted(entry.code) or entry.code, place) for place, entry in enumerate(self.entries))
        self._codes = [code for code, _ in codes]
        self._places = [place for _, place in codes]

    def find(self, typed: str, limit: int) -> tuple[Entry, ...]:
        """The entries that fit, the best first; all in their order where nothing was typed."""
        return tuple(self.entries[place] for place in self._found(typed, limit))

    def count(self, typed: str) -> int:
        """How many fit."""
        return len(self._found(typed, len(self.entries)))

    def _found(self, typed: str, limit: int) -> Sequence[int]:
        asked = words(typed)
        if not asked:
            return range(min(limit, len(self.entries))) if not typed.strip() else ()
        by_code = self._by_code(typed)
        if len(by_code) >= limit:
            return by_code[:limit]
        already = {*by_code}
        by_words = (self._order[number] for number in self._by_words(asked, limit + len(by_code)))
        return [*by_code, *(place for place in by_words if place not in already)][:limit]

    def _by_code(self, typed: str) -> list[int]:
        """Those whose code begins like this, in the order of codes: a code that was typed in full comes first."""
        plain = typed.strip().lower().replace(" ", "").replace(",", ".")
        if not (len(plain) == 1 and plain.isalpha()) and not _LIKE_A_CODE.fullmatch(plain):
            return []
        beginning = plain.replace(".", "").upper()
        return self._beginning_codes(beginning) or self._beginning_codes(
            beginning[:1] + beginning[1:].translate(LOOKS_LIKE)
        )

    def _beginning_codes(self, beginning: str) -> list[int]:
        return self._places[bisect_left(self._codes, beginning) : bisect_right(self._codes, beginning + _TOP)]

    def _by_words(self, asked: Sequence[str], limit: int) -> list[int]:
        wanted = [word for word in dict.fromkeys(asked) if word not in _SMALL] or list(dict.fromkeys(asked))
        total, *more = sorted((self._fitting(word) for word in wanted[:MOST_WORDS]), key=len)
        for costs in more:
            total = {number: cost + costs[number] for number, cost in total.items() if number in costs}
        # A cost and a number in one integer: cheaper to compare than a pair.
        return [each & _NUMBER for each in nsmallest(limit, [cost << _BITS | number for number, cost in total.items()])]

    def _fitting(self, word: str) -> dict[int, int]:
        """The entries that a word fits, and how far it is from theirs."""
        costs: dict[int, int] = {}
        beginning = [each for each in self._beginning(word) if each != word]
        self._note(costs, beginning, _BEGINS)
        self._note(costs, self._forms.get(stem(word), ()), _FORM)
        self._note(costs, (word,), _SAME)
        if not costs and len(word) >= SHORTEST_WITH_A_SLIP:
            near = {*slips(word, self._letters)}
            self._note(costs, (found for each in near for found in self._beginning(each)), _SLIP_BEGINS)
            self._note(costs, near, _SLIP)
        return costs

    def _note(self, costs: dict[int, int], found: Iterable[str], cost: int) -> None:
        """Puts down a cost; it is called from the highest to the lowest, and what is found by another word costs more."""
        for word in found:
            for number in self._others.get(word, ()):
                costs[number] = min(costs.get(number, cost + _OTHER), cost + _OTHER)
            costs.update(dict.fromkeys(self._postings.get(word, ()), cost))

    def _beginning(self, beginning: str) -> Sequence[str]:
        start = bisect_left(self._vocabulary, beginning)
        if start == len(self._vocabulary) or not self._vocabulary[start].startswith(beginning):
            return ()
        return self._vocabulary[start : bisect_right(self._vocabulary, beginning + _TOP)]


def words(text: str) -> list[str]:
    """The words of a text in small letters, without accents and signs."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _WORD.findall(plain.lower().replace("'", ""))


def stem(word: str) -> str:
    """A word without the ending of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def slips(word: str, letters: str) -> Iterator[str]:
    """What may have been meant by a word with one slip in it: one letter taken out, put in, another one, or two changed about."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in letters)
