"""Random orders, patients, results and events: those of the cases, changed here and there.

Takes the documents that go into a message and the types they have; gives others of the same types. Nothing is drawn but from
`random.Random`, so that a seed says it all. `smaller` takes away from documents what a difference does not need.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

from segwright.plan.model import Model, Type

Tree = Any
Trees = dict[str, Tree]

TEXTS = (
    "A", "Otter", "x|y^z&a~b\\c", "\\F\\", "\\.br\\", "#", "é", "Renée Çelik", "Ł", "漢字", "–", "’quoted’", "\"", "\"\"", " ",
    "  two  spaces ", "line one\r\nline two", "line one\rPID|2", "\n", "\n\nlate\n", "tab\there", "\x01", "a\x0bb", "\x7f",
    "e\u0301\u0301", "NPI", "MR", "PI", "SS", "0", "007", "-1", "x" * 21, "word " * 12, "long " * 50, "\ufeffNormal", "null",
    "(555) 010-4477", "1999000015", "1234567893", "{", "{{ result.id }}", "{% if %}", "JVBERi0xLjQK", "JVBERg==", "\u2028", "👩‍⚕️",
    "ab\u00a0cd", "Sinus rhythm. Left axis deviation, otherwise unremarkable; compare with the tracing of last year.",
)  # fmt: skip
CODES = ("I10", "I48.91", "I4891", "r00.2", "R002", "427.31", "I10.", "S52.521A", "C7A.00", "U07.1", "x")
DATES = ("1980-01-02", "2024-02-29", "1953-02", "1953")
TIMES = (
    "2026-03-02T14:04:09.25-06:00", "2026-03-02T14:04:09Z", "2026-03-02T14:04:09", "2026-03-02T14:04", "2026-03-02T14-05:00", "2026-03-02",
    "2026-03", "2026", "2026-07-01T00:00:00.1234+05:30", "2026-03-08T02:30:00", "2026-11-01T01:30:00", "2026-11-01T01:30:00-05:00",
    "2026-11-01T08:59:59.999+00:00", "1999-12-31T23:59:59-12:00", "2026-01-01T00:30+14:00",
)  # fmt: skip
NUMBERS = tuple(
    Decimal(text)
    for text in (
        "0", "-0", "1", "72", "84.5", "0.5", "-0.5", "1.5", "-30", "0.0965", "0.12", "412.50", "99.4999", "99.5", "1E+3", "2.675",
        "1234567890123456789012345678901", "0.000000000000000000000000000000001",
    )
)  # fmt: skip
UNITS = ("ms", "s", "us", "/min", "Hz", "/s", "{beats}/min", "deg", "rad", "mV", "uV", "msec", "1")
FIELDS = (
    "A1", "A1^EHR", "A1^EHR~A2^EHR", "A^b&c&d^^e", "x\\T\\y\\F\\", "\\X0D\\", "\\X41\\\\XE9\\", "\"\"", "^B", "~C", "trailing^^", "a\\b", "#5", "é",
    "漢", "–", "\\.br\\", "\\H\\bold\\N\\", "\\Zab\\", {"text": "A1!EHR*x|y", "delimiters": "#!%$*"},
    {"text": "a$F$b!c%d", "delimiters": "#!%$*", "charset": "8859/1"}, {"text": "$XE9$", "delimiters": "#!%$*", "charset": "8859/1"},
    {"text": "p#1^\\P\\", "delimiters": "|^~\\&#"}, {"text": "\\XC3A9\\", "delimiters": "|^~\\&", "charset": "UNICODE UTF-8"},
)  # fmt: skip
SEGMENTS = (
    "PV1", "PV1|1", "PV1|1|I|WARD^3|||||||x\\T\\y|", "PV1|1||WARD", "PV1||\"\"", "ZST|1|ward 3", "ZST", "ZST|é~–", "IN1|1", "PV1|1|I||||||||||||||||||||",
    {"text": "PV1#1#I#A!b*c%d#$F$", "delimiters": "#!%$*"}, {"text": "PV1#1##x|y^z", "delimiters": "#!%$*"}, "PV1|1|E~I|漢", "PV1|1|a\\b",
)  # fmt: skip
WILD = (
    "\"\"", "427.31", "I10.", "x", "1953-02", "1953", "\n", " ", "2026-03-08T02:30:00", "2026-11-01T01:30:00", "\\XC3A9\\",
    "2026-03-02T14-05:00", *FIELDS[-4:-1],
)  # fmt: skip
"""What some hospital refuses in some place."""
NULL = {"null": True}
# A field of separators alone is not among them: reading gives none for it.


def load(document: bytes) -> Tree:
    """A document as plain data, numbers by their digits."""
    return json.loads(document, parse_float=Decimal, parse_int=Decimal)


def dump(tree: Tree) -> bytes:
    """The document of plain data."""
    if isinstance(tree, dict):
        return b"{" + b",".join(json.dumps(name).encode() + b":" + dump(value) for name, value in tree.items()) + b"}"
    if isinstance(tree, list):
        return b"[" + b",".join(map(dump, tree)) + b"]"
    return str(tree).encode() if isinstance(tree, Decimal) else json.dumps(tree).encode()


class Seen:
    """Values that stand in the cases, by record and attribute; of lists the elements."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.values: defaultdict[tuple[str, str], list[Tree]] = defaultdict(list)

    def look(self, type_: Type, tree: Tree) -> None:
        """Takes in all of a document."""
        if type_.kind == "list" and type_.of is not None:
            for each in tree:
                self.look(type_.of, each)
        elif type_.kind == "record":
            for each in self.model.records[type_.name].attributes:
                if each.name in tree:
                    value = tree[each.name]
                    self.values[type_.name, each.name] += value if each.type.kind == "list" else [value]
                    self.look(each.type, value)


class Changed:
    """Changes documents. `often`: how likely each place is to change; `tame`: nothing comes that no message could be made of;
    `nulls`: whether HL7 null may come."""

    def __init__(self, random: Random, seen: Seen, often: float, *, tame: bool) -> None:
        self.random = random
        self.seen = seen
        self.model = seen.model
        self.often = often
        self.tame = tame
        self.nulls = False

    def now(self) -> bool:
        """Whether this place changes."""
        return self.random.random() < self.often

    def value(self, type_: Type, tree: Tree, known: list[Tree]) -> Tree:
        """A value, changed perhaps."""
        if tree == NULL:
            return tree
        if type_.kind == "record":
            return self.record(type_, tree)
        if type_.kind == "list":
            assert type_.of is not None
            return self.elements(type_.of, tree, known)
        if not self.now():
            return tree
        if self.tame and type_.name == "quantity":
            return tree | {"value": self.one(NUMBERS)}
        return self.new(type_, known)

    def record(self, type_: Type, tree: Tree) -> Tree:
        """A record: what may be missing goes or comes, the rest changes in itself. What is measured has its own units."""
        made = {}
        attributes = self.model.records[type_.name].attributes
        measured = any(each.type.name == "quantity" for each in attributes)
        for each in attributes:
            if self.tame and measured and each.type.kind == "enum" and not each.optional:
                made[each.name] = tree[each.name]
                continue
            known = self.seen.values[type_.name, each.name]
            value = tree.get(each.name)
            if value is None and (not each.optional or (self.now() and known)):
                value = [] if each.type.kind == "list" else self.random.choice(known)
            elif each.optional and self.now():
                value = None
            if (
                value is not None
                and self.nulls
                and each.type.kind != "list"
                and each.type.name != "segments"
                and self.random.random() < self.often / 10
            ):
                made[each.name] = NULL
            elif value is not None:
                made[each.name] = self.value(each.type, value, known)
        return made

    def elements(self, of: Type, tree: list[Tree], known: list[Tree]) -> list[Tree]:
        """A list: shorter, longer, in another order."""
        elements = list(tree)
        if self.now():
            match self.random.randrange(5):
                case 0:
                    elements = []
                case 1:
                    elements = elements[: self.random.randint(0, 2)]
                case 2:
                    self.random.shuffle(elements)
                case 3:
                    elements += elements
                case _ if known or of.kind == "scalar":
                    count = self.random.randint(1, 9)
                    elements += [self.random.choice(known) if known else self.new(of, known) for _ in range(count)]
        return [self.value(of, each, known) for each in elements]

    def new(self, type_: Type, known: list[Tree]) -> Tree:
        """Another value."""
        if type_.kind == "enum":
            return self.random.choice(self.model.enums[type_.name])
        if known and type_.name != "segments" and self.random.randrange(3) == 0:
            return self.random.choice(known)
        match type_.name:
            case "text":
                return "".join(self.one(TEXTS) for _ in range(self.random.choice((1, 1, 1, 2, 3))))
            case "integer":
                return Decimal(self.random.randint(-3, 99))
            case "quantity":
                made = {"value": self.one(NUMBERS), "unit": self.one(UNITS)}
                return made | ({"comparator": self.one(("<", ">="))} if self.random.randrange(8) == 0 else {})
            case "segments":
                return [self.one(SEGMENTS) for _ in range(self.random.randint(0, 4))]
        choices: dict[str, Iterable[Tree]] = {
            "code": CODES, "date": DATES, "datetime": TIMES, "decimal": NUMBERS, "field": FIELDS, "boolean": (True, False),
        }  # fmt: skip
        return self.one(choices[type_.name])

    def one(self, choices: Iterable[Tree]) -> Tree:
        """One of several."""
        fitting = [each for each in choices if not self.tame or _is_tame(each)]
        return self.random.choice(fitting)


def _is_tame(value: Tree) -> bool:
    """Whether every hospital can send this, wherever it stands."""
    if isinstance(value, Decimal):
        return -20 < value.adjusted() < 20
    text = json.dumps(value, ensure_ascii=False)
    return text.isascii() and "\\u" not in text and "\x7f" not in text and value not in WILD


def smaller(trees: Trees, differs: Callable[[Trees], bool]) -> Trees:
    """The documents without whatever can go while they still differ."""
    going = True
    while going:
        going = False
        for less in _without(trees):
            if differs(less):
                trees, going = less, True
                break
    return trees


def _without(tree: Tree) -> Iterator[Tree]:
    """A tree with one thing less, every way there is."""
    if isinstance(tree, dict):
        for name in tree:
            yield {each: value for each, value in tree.items() if each != name}
        for name, value in tree.items():
            for less in _without(value):
                yield {**tree, name: less}
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield [*tree[:number], *tree[number + 1 :]]
            for less in _without(value):
                yield [*tree[:number], less, *tree[number + 1 :]]
    elif isinstance(tree, str) and len(tree) > 1:
        half = len(tree) // 2
        yield from (tree[:half], tree[half:], tree[1:], tree[:-1])
