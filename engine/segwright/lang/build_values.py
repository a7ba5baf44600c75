"""Reductions to values and conditions, and what all reductions share: spans, clauses, problems.

The half of the builder that knows nothing of lines and blocks; `lang.build` holds the other half.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from segwright.core.source import Span
from segwright.lang import ast


class Clause(NamedTuple):
    """`when C`, `optional`, `at most N`, `after A` …: a clause that may stand in any order."""

    kind: str
    value: Any
    start: int
    end: int


class Problem(NamedTuple):
    """Something the grammar took and the language refuses."""

    code: str
    span: Span
    facts: dict[str, str]


_PLAIN_PATH = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)+\Z")
COUNTED: Final = "Fields, components and subcomponents count from 1."
_HL7_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-([0-9]+)(?:\[([a-z0-9_]+)\])?(?:\.([0-9]+))?(?:\.([0-9]+))?")
_SAID = {"limit": "at most", "anchor": "after"}

_BRACES: Final = re.compile(r"\{\{|\}\}|[{}]")


def unquoted(literal: str) -> str:
    """The text of a literal: quotes off, `""` turned into one quote."""
    return literal[1:-1].replace('""', '"')


class ValueBuilder:
    """Makes values and conditions."""

    def __init__(self, parse_value: Callable[[str, int], ast.Value | None]) -> None:
        self.problems: list[Problem] = []
        self.parse_value = parse_value
        self.file = ""
        self.base = 0
        self.text = ""
        self.doc = ""
        self.whole = Span("", 0, 0)

    def begin(self, file: str, base: int, text: str, doc: str) -> None:
        """Say which logical line comes next."""
        self.file = file
        self.text = text
        self.base = base
        self.doc = doc
        self.whole = Span(file, base, base + len(text))

    # --- spans and small helpers

    def _at(self, token: Any) -> Span:
        return Span(self.file, self.base + token.start_pos, self.base + token.end_pos)

    def _start(self, child: Any) -> int:
        if isinstance(child, ast.Node):
            return child.span.start  # type: ignore[attr-defined, no-any-return]
        return child.start if isinstance(child, Clause) else self.base + child.start_pos

    def _end(self, child: Any) -> int:
        if isinstance(child, ast.Node):
            return child.span.end  # type: ignore[attr-defined, no-any-return]
        if isinstance(child, list):
            return self._end(child[-1])
        return child.end if isinstance(child, Clause) else self.base + child.end_pos

    def _over(self, children: list[Any]) -> Span:
        """From the first child that is there to the last."""
        there = [child for child in children if child is not None and child != []]
        return Span(self.file, self._start(there[0]), self._end(there[-1]))

    def _problem(self, code: str, span: Span, **facts: str) -> None:
        self.problems.append(Problem(code, span, facts))

    def _because(self, token: Any) -> str:
        if token is None:
            return ""
        text = unquoted(token.value).strip()
        if not text:
            self._problem("SW0151", self._at(token))
            return "?"
        return text

    def _clauses(self, children: Iterable[Clause], owner: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        """Clauses by kind; one that is not for this owner, or stands twice, is a problem."""
        found: dict[str, Any] = {}
        for clause in children:
            span = Span(self.file, clause.start, clause.end)
            said = clause.value.kind if clause.kind == "duty" else _SAID.get(clause.kind, clause.kind)
            if clause.kind not in allowed:
                self._problem("SW0153", span, clause=said, owner=owner)
            elif clause.kind in found:
                self._problem("SW0152", span, clause=said)
            else:
                found[clause.kind] = clause.value
        return found

    def _clause(self, c: list[Any]) -> Clause:
        head = c[0]
        if isinstance(head, ast.Anchor):
            return Clause("anchor", head, head.span.start, head.span.end)
        start, end = self.base + head.start_pos, self._end(c[-1])
        kind = head.value
        value = c[-1]
        if kind == "because":
            value = self._because(value)
        elif kind == "ordered":
            kind = "ordered by"
        elif kind == "at":
            kind, value = "limit", ast.Limit("at most", value, Span(self.file, start, end))
        elif kind == "first":
            kind, value = "limit", ast.Limit("first", value, Span(self.file, start, end))
        elif kind == "named":
            value = value.value
        return Clause(kind, value, start, end)

    # --- values

    def composite(self, c: list[Any]) -> ast.Composite:
        return ast.Composite(tuple(c[::2]), self._over(c))

    def as_step(self, c: list[Any]) -> ast.As:
        arguments = c[3][0] if c[3] else ()
        last = c[6] if c[6] is not None else None
        end = last.span.end if last is not None else c[3][1] if c[3] else self.base + c[2].end_pos
        return ast.As(c[0], c[2].value, arguments, last, Span(self.file, c[0].span.start, end), self._at(c[2]))

    def via_step(self, c: list[Any]) -> ast.Via:
        return ast.Via(c[0], c[2], c[5], self._over(c))

    def else_step(self, c: list[Any]) -> ast.Else:
        return ast.Else(c[0], c[2], Span(self.file, c[0].span.start, c[2].span.end))

    def parenthesised(self, c: list[Any]) -> Any:
        return c[1]

    def hold(self, c: list[Any]) -> ast.Hold:
        return ast.Hold(self._at(c[0]))

    def null(self, c: list[Any]) -> ast.Null:
        return ast.Null(self._at(c[0]))

    def blank(self, c: list[Any]) -> ast.Blank:
        return ast.Blank(self._at(c[0]))

    def position(self, c: list[Any]) -> ast.Place:
        return ast.Place(self._at(c[0]))

    def inherited(self, c: list[Any]) -> ast.Inherited:
        return ast.Inherited(self._at(c[0]))

    def each_in(self, c: list[Any]) -> ast.Each:
        return ast.Each(c[1].value, self._selection(c[3], c[4]), self._over(c))

    def each_path(self, c: list[Any]) -> ast.Each:
        return ast.Each("", self._selection(self.hl7_path([c[1]]), c[2]), self._over(c))

    def first_in(self, c: list[Any]) -> ast.First:
        return ast.First(c[1].value, self._selection(c[3], c[4]), self._over(c))

    def first_path(self, c: list[Any]) -> ast.First:
        return ast.First("", self._selection(self.hl7_path([c[1]]), c[2]), self._over(c))

    def _selection(self, source: Any, clauses: list[Clause]) -> ast.Selection:
        found = self._clauses(clauses, "a selection", ("where", "ordered by", "having"))
        end = clauses[-1].end if clauses else source.span.end
        span = Span(self.file, source.span.start, end)
        return ast.Selection(source, found.get("where"), found.get("ordered by"), found.get("having"), span)

    def selection_clauses(self, c: list[Any]) -> list[Clause]:
        return c

    def selection_clause(self, c: list[Any]) -> Clause:
        if c[0].type == "HAVING":
            component = self.component([c[1]])
            return Clause("having", component, self._start(c[0]), component.span.end)
        return self._clause(c)

    def count(self, c: list[Any]) -> ast.Count:
        since = c[3].value if c[3] else ""
        start = 1
        if c[5] is not None:
            if c[5].value.isdigit() and len(c[5].value) < 9:
                start = int(c[5].value)
            else:
                self._problem("SW0157", self._at(c[5]), found=c[5].value)
        return ast.Count(c[1].value, since, start, self._over(c))

    def count_plain(self, c: list[Any]) -> ast.Count:
        return ast.Count(c[1].value, c[3].value if c[3] else "", 1, self._over(c))

    def text_call(self, c: list[Any]) -> ast.TextCall:
        arguments, end = c[2]
        return ast.TextCall(c[1].value, arguments, Span(self.file, self._start(c[0]), end))

    def call(self, c: list[Any]) -> ast.Call:
        arguments, end = c[1]
        return ast.Call(c[0], arguments, Span(self.file, c[0].span.start, end))

    def call_arguments(self, c: list[Any]) -> tuple[tuple[ast.Argument, ...], int]:
        return c[1] or (), self.base + c[2].end_pos

    def arguments(self, c: list[Any]) -> tuple[ast.Argument, ...]:
        return tuple(c[::2])

    def argument(self, c: list[Any]) -> ast.Argument:
        if c[0] is None:
            return ast.Argument("", c[2], c[2].span)
        return ast.Argument(c[0].value, c[2], Span(self.file, self._start(c[0]), c[2].span.end))

    def path(self, c: list[Any]) -> ast.Ref:
        return ast.Ref(tuple(c[0].value.split(".")), self._at(c[0]))

    def hl7_path(self, c: list[Any]) -> ast.Hl7Path:
        token = c[0]
        found = _HL7_PATH.fullmatch(token.value)
        assert found is not None, "the terminal PATH and its reading differ"
        segment, field, repetition, component, subcomponent = found.groups()
        if any(number is not None and not number.strip("0") for number in (field, component, subcomponent)):
            self._problem("SW0119", self._at(token), found=token.value, advice=COUNTED)
        return ast.Hl7Path(
            segment,
            self._number(field, token),
            repetition or "",
            self._number(component or "0", token),
            self._number(subcomponent or "0", token),
            self._at(token),
        )

    def component(self, c: list[Any]) -> ast.ComponentPath:
        _, component, *rest = c[0].value.split(".")
        token = c[0]
        if any(not number.strip("0") for number in (component, *rest)):
            self._problem("SW0119", self._at(token), found=token.value, advice=COUNTED)
        return ast.ComponentPath(
            self._number(component, token), self._number(rest[0], token) if rest else 0, self._at(token)
        )

    def _number(self, digits: str, token: Any) -> int:
        """Numbers of fields and components: none has more than three digits, and Python refuses thousands of them."""
        if len(digits) > 3:
            self._problem("SW0158", self._at(token), found=token.value[:40])
            return 0
        return int(digits)

    def number(self, c: list[Any]) -> ast.Number:
        return ast.Number(c[0].value, self._at(c[0]))

    def raw_text(self, c: list[Any]) -> ast.Text:
        token = c[0]
        if token.value == '""':
            self._problem("SW0120", self._at(token))
        return ast.Text(unquoted(token.value), self._at(token))

    def cell_text(self, c: list[Any]) -> ast.Text:
        token = c[0]
        braces = list(_BRACES.finditer(token.value))
        single = next((found for found in braces if len(found[0]) == 1), None)
        if not braces:
            return self.raw_text(c)
        if single is not None:
            start = self._at(token).start + single.start()
            self._problem("SW0133", Span(self.file, start, start + 1), found=single[0], row="a row of a table")
        return ast.Text(unquoted(_BRACES.sub(lambda found: found[0][0], token.value)), self._at(token))

    def text_literal(self, c: list[Any]) -> ast.Text | ast.Interpolation:
        literal = c[0].value
        if "{" not in literal and "}" not in literal:
            return self.raw_text(c)
        return self._interpolation(c[0])

    def _interpolation(self, token: Any) -> ast.Text | ast.Interpolation:
        literal: str = token.value
        span = self._at(token)
        parts: list[ast.Value] = []
        text, text_start = "", 1
        at, end = 1, len(literal) - 1
        while at < end:
            char = literal[at]
            if char in "{}" and literal[at + 1 : at + 2] == char and at + 1 < end:
                text, at = text + char, at + 2
            elif char == "{":
                close = literal.find("}", at, end)
                if close < 0:
                    self._problem("SW0133", Span(self.file, span.start + at, span.start + at + 1), found="{")
                    break
                if text:
                    parts.append(ast.Text(text, Span(self.file, span.start + text_start, span.start + at)))
                value = self._between_braces(literal[at + 1 : close], span.start + at + 1)
                if value is not None:
                    parts.append(value)
                at = close + 1
                text, text_start = "", at
            elif char == "}":
                self._problem("SW0133", Span(self.file, span.start + at, span.start + at + 1), found="}")
                text, at = text + char, at + 1
            elif char == '"':
                text, at = text + '"', at + 2
            else:
                text, at = text + char, at + 1
        if text:
            parts.append(ast.Text(text, Span(self.file, span.start + text_start, span.start + at)))
        if not any(not isinstance(part, ast.Text) for part in parts):
            return ast.Text("".join(part.value for part in parts if isinstance(part, ast.Text)), span)
        return ast.Interpolation(tuple(parts), span)

    def _between_braces(self, inner: str, at: int) -> ast.Value | None:
        stripped = inner.strip()
        at += len(inner) - len(inner.lstrip())
        if _PLAIN_PATH.match(stripped):
            return ast.Ref(tuple(stripped.split(".")), Span(self.file, at, at + len(stripped)))
        if not stripped:
            self._problem("SW0134", Span(self.file, at - len(inner) - 1, at + 1))
            return None
        kept = self.base, self.text, self.doc, self.whole
        value = self.parse_value(stripped, at)
        self.base, self.text, self.doc, self.whole = kept
        return value

    # --- conditions

    def any_of(self, c: list[Any]) -> ast.AnyOf:
        return ast.AnyOf(tuple(c[::2]), self._over(c))

    def all_of(self, c: list[Any]) -> ast.AllOf:
        return ast.AllOf(tuple(c[::2]), self._over(c))

    def negation(self, c: list[Any]) -> ast.Not:
        return ast.Not(c[1], self._over(c))

    def holds(self, c: list[Any]) -> ast.Holds | ast.InheritedCondition:
        value = c[0]
        return ast.InheritedCondition(value.span) if isinstance(value, ast.Inherited) else ast.Holds(value, value.span)

    def is_equal(self, c: list[Any]) -> ast.Is | ast.State:
        if isinstance(c[3], ast.Ref) and c[3].names in (("blank",), ("empty",)):
            self._problem("SW0125", c[3].span, found=c[3].names[0])
            return ast.State(c[0], "missing", c[2] is not None, self._over(c))
        return ast.Is(c[0], c[3], c[2] is not None, self._over(c))

    def state(self, c: list[Any]) -> ast.State | ast.Is:
        word = c[3].value
        if word in ("first", "last") and not isinstance(c[0], ast.Place):
            return ast.Is(c[0], ast.Ref((word,), self._at(c[3])), c[2] is not None, self._over(c))
        return ast.State(c[0], word, c[2] is not None, self._over(c))

    def compare(self, c: list[Any]) -> ast.Compare:
        return ast.Compare(c[0], c[2].value, c[3], self._over(c))

    def compare_at(self, c: list[Any]) -> ast.Compare:
        return ast.Compare(c[0], "at least" if c[3].value == "least" else "at most", c[4], self._over(c))

    def between(self, c: list[Any]) -> ast.Between:
        return ast.Between(c[0], c[3], c[5], self._over(c))

    def in_list(self, c: list[Any]) -> ast.In:
        return ast.In(c[0], (c[3],), False, c[1] is not None, self._over(c))

    def in_listed(self, c: list[Any]) -> ast.In:
        return ast.In(c[0], tuple(c[4:-1:2]), True, c[1] is not None, self._over(c))

    def matches(self, c: list[Any]) -> ast.Matches:
        return ast.Matches(c[0], c[2], self._over(c))
