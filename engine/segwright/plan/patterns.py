"""Patterns of `matches`: a regular language in the usual notation, matched in time linear in the text.

Takes a pattern; gives a `Matcher` for whole texts. Refuses, with a reason: look-around, back references, lazy and possessive
quantifiers, anchors (a pattern always matches all of a text), `\\d` and its like (write `[0-9]`), counts above 200 and patterns
of more than 1,000 places when their counts are written out.

    pattern  a|b          piece  x  x?  x*  x+  x{3}  x{2,5}  x{2,}
    x        a literal, `.` (anything but a line feed), `[A-Z0-9_]`, `[^-]`, `(a|b)`, `\\.` (a sign taken literally)

A pattern becomes Glushkov's automaton (one state for each place of a character), run on all states at once: no text can make
it try anything twice. Where the next character alone always decides and no group is repeated, Python's `re` gives the same
answer without ever going back more than once over a text, and is faster: it is used there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

MOST_PLACES: Final = 1000
MOST_TIMES: Final = 200
_DEEPEST: Final = 20
_MOST_REMEMBERED: Final = 4096
_MOST_CHOICES: Final = 50
_MOST_WORK: Final = 20_000
_SIGNS: Final = frozenset("|()[]{}?*+.\\^$")


class PatternRefused(Exception):
    """A pattern that is none. `reason` names what is wrong and where (characters count from 1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Set(NamedTuple):
    """Characters: those in the ranges, or all others."""

    ranges: tuple[tuple[str, str], ...]
    other: bool = False

    def holds(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) != self.other


class _Row(NamedTuple):
    """One after another."""

    items: tuple[_Node, ...]


class _Any(NamedTuple):
    """One of several."""

    items: tuple[_Node, ...]


class _Times(NamedTuple):
    """At least `least` and at most `most` (None: any number) of one thing."""

    item: _Node
    least: int
    most: int | None


_Node: TypeAlias = _Set | _Row | _Any | _Times


class _Parser:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0

    def refuse(self, reason: str) -> PatternRefused:
        return PatternRefused(f"{reason} (character {self.at + 1})")

    def next(self, ahead: int = 0) -> str:
        return self.pattern[self.at + ahead : self.at + ahead + 1]

    def whole(self) -> _Node:
        node = self.alternatives()
        if self.at < len(self.pattern):
            raise self.refuse("a closing parenthesis without an opening one")
        return node

    def alternatives(self) -> _Node:
        items = [self.row()]
        while self.next() == "|":
            self.at += 1
            items.append(self.row())
        return items[0] if len(items) == 1 else _Any(tuple(items))

    def row(self) -> _Node:
        items: list[_Node] = []
        while self.next() not in ("", "|", ")"):
            items.append(self.quantified(self.one()))
        return items[0] if len(items) == 1 else _Row(tuple(items))

    def quantified(self, node: _Node) -> _Node:
        sign = self.next()
        known: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if sign in known:
            least, most = known[sign]
            self.at += 1
        elif sign == "{":
            least, most = self.counts()
        else:
            return node
        if self.next() and self.next() in "?*+{":
            raise self.refuse("two quantifiers after one another")
        return _Times(node, least, most)

    def counts(self) -> tuple[int, int | None]:
        found = re.compile(r"\{([0-9]{1,3})(,([0-9]{1,3})?)?\}").match(self.pattern, self.at)
        if not found:
            raise self.refuse("a count is written {3}, {2,5} or {2,}")
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if max(least, most or 0) > MOST_TIMES:
            raise self.refuse(f"a count is at most {MOST_TIMES}")
        if most is not None and (most < least or most == 0):
            raise self.refuse("the second count is not above zero, or lies below the first")
        self.at = found.end()
        return least, most

    def one(self) -> _Node:
        sign = self.next()
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.characters()
        if sign == ".":
            self.at += 1
            return _Set((("\n", "\n"),), other=True)
        if sign in "^$":
            raise self.refuse("a pattern always matches all of a text; leave ^ and $ out, or write \\^ and \\$")
        if sign != "\\" and sign in _SIGNS:
            raise self.refuse(f"{sign} stands where nothing can be repeated; taken literally it is \\{sign}")
        character = self.literal()
        return _Set(((character, character),))

    def group(self) -> _Node:
        self.at += 1
        if self.next() == "?":
            if self.next(1) != ":":
                raise self.refuse("look-around and named groups are not part of patterns")
            self.at += 2
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.refuse(f"groups are nested more than {_DEEPEST} deep")
        node = self.alternatives()
        if self.next() != ")":
            raise self.refuse("an opening parenthesis without a closing one")
        self.at += 1
        self.depth -= 1
        # A group of one character stays a row, so that a quantifier after it is seen to repeat a group.
        return node if isinstance(node, _Any) else _Row((node,))

    def characters(self) -> _Node:
        self.at += 1
        other = self.next() == "^"
        self.at += other
        ranges: list[tuple[str, str]] = []
        while self.next() != "]":
            if not self.next():
                raise self.refuse("an opening [ without its closing ]")
            if self.next() == "[":
                raise self.refuse("[ inside a character class is written \\[")
            low = high = self.literal()
            if self.next() == "-" and self.next(1) not in ("]", ""):
                self.at += 1
                high = self.literal()
                if high < low:
                    raise self.refuse("a range ends before it begins")
            ranges.append((low, high))
        if not ranges:
            raise self.refuse("a character class without characters")
        self.at += 1
        return _Set(tuple(ranges), other)

    def literal(self) -> str:
        character = self.next()
        if not character:
            raise self.refuse("the pattern ends too early")
        if character == "\\":
            self.at += 1
            character = self.next()
            if not character or character.isalnum() or not character.isascii() or character <= " ":
                raise self.refuse("only signs can follow \\; write [0-9] for \\d, a number of times for \\1")
        if character < " " or "\x7f" <= character < "\xa0":
            raise self.refuse("a control character")
        self.at += 1
        return character


class _Automaton:
    """Glushkov's construction: sets of places as bits of an integer."""

    def __init__(self) -> None:
        self.sets: list[_Set] = []
        self.follow: list[int] = []
        self.work = 0

    def add(self, node: _Node) -> tuple[bool, int, int]:
        """Whether it takes the empty text, the places it can begin with, those it can end with."""
        self.work += 1
        if self.work > _MOST_WORK:
            raise PatternRefused("the pattern is too long when its counts are written out")
        if isinstance(node, _Set):
            if len(self.sets) >= MOST_PLACES:
                raise PatternRefused(f"the pattern has more than {MOST_PLACES} places when its counts are written out")
            self.sets.append(node)
            self.follow.append(0)
            place = 1 << (len(self.sets) - 1)
            return False, place, place
        if isinstance(node, _Any):
            empty, first, last = False, 0, 0
            for item in node.items:
                its = self.add(item)
                empty, first, last = empty or its[0], first | its[1], last | its[2]
            return empty, first, last
        if isinstance(node, _Row):
            return self.row([self.add(item) for item in node.items])
        return self.times(node)

    def times(self, node: _Times) -> tuple[bool, int, int]:
        """`x{2,4}` as `xx(x(x)?)?`: where a copy may be left out, those after it are left out with it."""
        can_be_empty, begin, before, ends = True, 0, 0, 0
        copies = max(node.least, 1) if node.most is None else node.most
        for number in range(1, copies + 1):
            empty, first, last = self.add(node.item)
            self.link(before, first)
            begin |= first if can_be_empty else 0
            can_be_empty = can_be_empty and empty
            before = last | (before if empty else 0)
            if number >= node.least:
                ends |= before
        if node.most is None:
            self.link(last, first)
        return can_be_empty or node.least == 0, begin, ends

    def row(self, parts: list[tuple[bool, int, int]]) -> tuple[bool, int, int]:
        empty, first, last = True, 0, 0
        for its in parts:
            self.link(last, its[1])
            first |= its[1] if empty else 0
            last = its[2] | (last if its[0] else 0)
            empty = empty and its[0]
        return empty, first, last

    def link(self, places: int, following: int) -> None:
        for place in _bits(places):
            self.follow[place] |= following


def _bits(places: int) -> list[int]:
    found = []
    while places:
        lowest = places & -places
        found.append(lowest.bit_length() - 1)
        places ^= lowest
    return found


class Matcher:
    """A compiled pattern."""

    __slots__ = ("_automaton", "_empty", "_first", "_holding", "_last", "_python", "_steps")

    def __init__(self, pattern: str) -> None:
        """Raises `PatternRefused`."""
        node = _Parser(pattern).whole()
        self._automaton = _Automaton()
        self._empty, self._first, self._last = self._automaton.add(node)
        self._holding: dict[str, int] = {}
        self._steps: dict[tuple[int, int], int] = {}
        self._python = re.compile(_python_of(node)) if self._decided_by_next() and not _repeats_a_group(node) else None

    @property
    def uses_python(self) -> bool:
        """Whether Python's `re` does the work."""
        return self._python is not None

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern matches all of a text."""
        return self._python.fullmatch(text) is not None if self._python else self.run(text)

    def run(self, text: str) -> bool:
        """The same by the automaton."""
        if not text:
            return self._empty
        places = self._first & self._holds(text[0])
        for character in text[1:]:
            if not places:
                return False
            places = self._after(places, self._holds(character))
        return bool(places & self._last)

    def _holds(self, character: str) -> int:
        """The places whose characters include this one."""
        found = self._holding.get(character)
        if found is None:
            found = sum(1 << number for number, one in enumerate(self._automaton.sets) if one.holds(character))
            if len(self._holding) < _MOST_REMEMBERED:
                self._holding[character] = found
        return found

    def _after(self, places: int, holding: int) -> int:
        found = self._steps.get((places, holding))
        if found is None:
            found = 0
            for place in _bits(places):
                found |= self._automaton.follow[place]
            found &= holding
            if len(self._steps) < _MOST_REMEMBERED:
                self._steps[places, holding] = found
        return found

    def _decided_by_next(self) -> bool:
        """No two places that may come next share a character."""
        sets = self._automaton.sets
        for choice in {self._first, *self._automaton.follow}:
            places = _bits(choice)
            if len(places) > _MOST_CHOICES:
                return False
            for number, one in enumerate(places):
                if any(_overlap(sets[one], sets[other]) for other in places[number + 1 :]):
                    return False
        return True


def _overlap(one: _Set, other: _Set) -> bool:
    if one.other and other.other:
        return True
    # Where sets begin or end is where they can begin or cease to overlap.
    edges = {low for ranges in (one.ranges, other.ranges) for low, _ in ranges}
    edges |= {chr(min(ord(high) + 1, 0x10FFFF)) for ranges in (one.ranges, other.ranges) for _, high in ranges}
    return any(one.holds(edge) and other.holds(edge) for edge in edges)


def _repeats_a_group(node: _Node) -> bool:
    if isinstance(node, _Times):
        return not isinstance(node.item, _Set)
    return not isinstance(node, _Set) and any(_repeats_a_group(item) for item in node.items)


def _python_of(node: _Node) -> str:
    if isinstance(node, _Set):
        body = "".join(
            re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}" for low, high in node.ranges
        )
        return f"[{'^' if node.other else ''}{body}]"
    if isinstance(node, _Times):
        return f"{_python_of(node.item)}{{{node.least},{'' if node.most is None else node.most}}}"
    return f"(?:{('|' if isinstance(node, _Any) else '').join(map(_python_of, node.items))})"


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Matcher:
    """The matcher of a pattern. Raises `PatternRefused`."""
    return Matcher(pattern)


def example(pattern: str) -> str:
    """A text that a pattern matches: of each choice the first, of each count the least. Raises `PatternRefused`."""
    return _example(_Parser(pattern).whole())


def _example(node: _Node) -> str:
    match node:
        case _Set(ranges, other):
            if not other:
                return ranges[0][0]
            return next((sign for sign in "A0-_ " if node.holds(sign)), "")
        case _Row(items):
            return "".join(map(_example, items))
        case _Any(items):
            return _example(items[0])
        case _Times(item, least, _):
            return _example(item) * least


def check(pattern: str) -> str | None:
    """Why a pattern is refused; None when it is not."""
    try:
        compiled(pattern)
    except PatternRefused as refused:
        return refused.reason
    return None
