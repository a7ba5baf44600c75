"""The points of an organisation's messages: everything that a case can exercise or leave untouched.

Takes compiled messages; gives for each rule, alternative, `else`, `on unmapped`, `on invalid`, check, reject, segment and loop of
a message, and for each format line and table row of the organisation, where it stands, the marks that show that it was
exercised, and, where that is proved, why it can never be.

Rules count once for each message; what is declared once (lines of formats, rows of tables, branches of texts) counts once for the
organisation, a table's row once for each way it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from segwright.core.source import Source, Span
from segwright.lang import ast
from segwright.lang.context import Written
from segwright.orgs.organisation import CatalogueEntry
from segwright.plan import ops
from segwright.service.bundling import line_of
from segwright.service.refusals import Explained
from segwright.service.running import Running
from segwright.workbench.marks import Mark, chosen_by
from segwright.workbench.reach import NEVER_THERE, NEVER_TRUE, OTHERWISE, Possible, Reach, everything_below, reach
from segwright.workbench.texts import tags

Kind: TypeAlias = Literal[
    "rule",
    "alternative",
    "else",
    "on unmapped",
    "on invalid",
    "check",
    "reject",
    "segment",
    "loop",
    "format line",
    "table row",
    "text branch",
]
Key: TypeAlias = tuple[str, Kind, Span, str]

WHAT: dict[Kind, str] = {
    "rule": "never gives a value",
    "alternative": "is never the one that applies",
    "else": "is never the one that is there",
    "on unmapped": "no code is ever unmapped",
    "on invalid": "no value is ever invalid",
    "check": "never refuses a message",
    "reject": "never refuses an order",
    "segment": "is never sent",
    "loop": "never has a turn",
    "format line": "never gives a value",
    "table row": "is never looked up",
    "text branch": "is never taken",
}
"""What an untouched point of each kind is said to be."""


class Point(msgspec.Struct, frozen=True):
    """Something that cases exercise. `message` is "" for what belongs to the whole organisation; `marks`, by message, of which
    any one is enough; `never`: why it can never be exercised, "" when it can."""

    kind: Kind
    organisation: str
    message: str
    span: Span
    text: str
    address: str
    marks: dict[str, frozenset[Mark]]
    never: str = ""

    @property
    def key(self) -> Key:
        """What makes it one point: two operations of one line are."""
        return self.message, self.kind, self.span, self.text


def given(running: Running, entry: CatalogueEntry) -> dict[tuple[str, ...], Possible]:
    """What the catalogue says of a message's inputs: the kinds that go out, and whether there is always an order."""
    plan = running.explained(entry.name).plan
    known: dict[tuple[str, ...], Possible] = {}
    kinds = frozenset(kind for kind, gate in entry.kinds.items() if gate != "no")
    for each in plan.inputs:
        if each.name not in ("order", "group", "patient", "message", "previous") and kinds:
            known[each.name, "status"] = Possible(False, True, kinds)
        if each.name in ("order", "group") and entry.unsolicited is False:
            known[(each.name,)] = Possible(missing=False)
    return known


def never_goes_out(entry: CatalogueEntry) -> bool:
    """Whether a message is listed and every kind of it forbidden."""
    return bool(entry.kinds) and all(gate == "no" for gate in entry.kinds.values())


def not_agreed(running: Running, name: str) -> frozenset[tuple[int, int]]:
    """The rows, by table and number, that read an order as of a kind which the catalogue does not take: it is refused then."""
    entry, explained = running.organisation.catalogue[name], running.explained(name)
    return frozenset(
        (lookup.table, number)
        for op in explained.operations
        if entry.reads and isinstance(op, ops.SetOp)
        if explained.names.attribute(op.record, op.index).endswith(".control")
        for place in explained.below(explained.number(op))
        if isinstance(lookup := explained.operations[place], ops.Lookup)
        for number, row in enumerate(explained.plan.tables[lookup.table].rows)
        if row.cells[lookup.column].value[:1] and row.cells[lookup.column].value[0] not in entry.orders
    )


def points_of(running: Running, sources: Mapping[str, Source]) -> list[Point]:
    """The points of every message of an organisation, in the order of their files."""
    found: dict[Key, Point] = {}
    for name, entry in running.organisation.catalogue.items():
        explained = running.explained(name)
        possible = reach(explained.plan, running.model, given(running, entry))
        refused = not_agreed(running, name)
        for point in _Points(running.organisation.id, name, explained, possible, sources, refused).all():
            if never_goes_out(entry):
                point = msgspec.structs.replace(point, never="the catalogue lets out no kind of this message")
            before = found.get(point.key)
            found[point.key] = point if before is None else _together(before, point)
    return sorted(
        found.values(), key=lambda p: (p.message == "", p.span.file, p.span.start, p.span.end, p.kind, p.text)
    )


def _together(one: Point, other: Point) -> Point:
    """Two operations of one point: it is exercised if one of them is, and dead if both are."""
    marks = dict(one.marks)
    for message, more in other.marks.items():
        marks[message] = marks.get(message, frozenset()) | more
    never = one.never if one.never and other.never else ""
    return msgspec.structs.replace(one, marks=marks, never=never)


class _Points:
    """The points of one message."""

    def __init__(
        self, organisation: str, message: str, explained: Explained, possible: Reach, sources: Mapping[str, Source],
        refused: frozenset[tuple[int, int]],
    ) -> None:  # fmt: skip
        self.refused = refused
        self.organisation = organisation
        self.message = message
        self.explained = explained
        self.possible = possible
        self.sources = sources
        self.dead = everything_below(explained.plan, possible.never)
        self.numbers = {id(op): number for number, op in enumerate(explained.operations)}

    def all(self) -> Iterator[Point]:
        """Every point, some of them more than once."""
        for number, op in enumerate(self.explained.operations):
            written = self.explained.written(number)
            if written is None:
                continue
            yield from self._leaf(number, op, written)
            yield from self._alternatives(number, op, written)
            match op:
                case ops.SegmentOp() | ops.EchoOp():
                    yield self._point("segment", number, written, written.origin.span, {("turned", number, "")})
                case ops.LoopOp():
                    yield self._point("loop", number, written, written.origin.span, {("turned", number, "")})
                case ops.CheckOp():
                    yield self._point("check", number, written, written.origin.span, {("refused", number, "")})
                case ops.RejectOp():
                    yield self._point("reject", number, written, written.origin.span, {("refused", number, "")})
        yield from self._rows()
        yield from self._branches()

    def _leaf(self, number: int, op: ops.Op, written: Written) -> Iterator[Point]:
        """The rule, or the line of a format, that a leaf or an attribute was written by."""
        match op:
            case ops.Put() | ops.Opaque():
                marks: set[Mark] = {("written", number, "")}
            case ops.SetOp(value=value) | ops.MadePart(value=value) | ops.LetOp(value=value):
                marks = {("gave", self.numbers[id(value)], "")}
            case _:
                return
        if written.line is not None:
            way = " (read)" if isinstance(op, ops.MadePart) else ""
            text = f"{written.format}: {self._text(written.line)}{way}"
            yield self._point("format line", number, written, written.line, marks, text=text, shared=True)
        if written.line is None or isinstance(op, ops.Put):
            yield self._point("rule", number, written, written.origin.span, marks)

    def _alternatives(self, number: int, op: ops.Op, written: Written) -> Iterator[Point]:
        alternatives = chosen_by(op)
        shared = written.line is not None
        for place, alternative in enumerate(alternatives, 1):
            kind: Kind = "alternative" if isinstance(op, ops.Choose | ops.ChooseRep) else "else"
            inner = self.numbers[id(alternative)]
            span, text = self.explained.words(alternative, self.sources)
            yield self._point(kind, inner, written, span, {("took", number, place)}, text=text, shared=shared)
        if isinstance(op, ops.Lookup) and (op.unmapped is not None or op.same):
            inner = self.numbers[id(op.unmapped)] if op.unmapped is not None else number
            took: set[Mark] = {("took", number, "unmapped"), ("took", number, "same")}
            span = self.explained.place(inner)
            yield self._point("on unmapped", inner, written, span, took, text=self._text(span), shared=shared)
        if isinstance(op, ops.Call) and op.invalid is not None:
            inner = self.numbers[id(op.invalid)]
            span = self.explained.place(inner)
            took = {("took", number, "invalid")}
            # `blank` behind several lines is one word each: the line tells them apart.
            yield self._point("on invalid", inner, written, span, took, text=self._text(span), shared=shared)

    def _rows(self) -> Iterator[Point]:
        for number, table in enumerate(self.explained.plan.tables):
            declared = self.explained.rules.table_of(number)
            if declared is None:
                continue
            reached = self.possible.rows[number]
            rows: list[int | str] = [*range(len(table.rows)), *([OTHERWISE] if table.otherwise is not None else [])]
            for row in rows:
                written = self.explained.rules.row_of(number, row)
                if written is None:
                    continue
                never = "" if row in reached else "no value that is looked up here has this key"
                if (number, row) in self.refused:
                    never = "the catalogue takes no orders of this kind"
                way = "read" if self.explained.rules.is_inverse(number) else "sent" if self._both(declared) else ""
                text = f"{declared.name}: {self._row_text(written)}" + (f" ({way})" if way else "")
                marks = {self.message: frozenset({("row", number, row)})}
                yield Point("table row", self.organisation, "", written.span, text, declared.name, marks, never)

    def _branches(self) -> Iterator[Point]:
        """The branches of the texts that the message uses, where they stand in the mapping."""
        assert self.explained.compiled.emitted is not None
        for number, name in enumerate(self.explained.compiled.emitted.narratives):
            declared = self.explained.compiled.scope.narratives[name]
            places = [
                (line.span, line.text[tag.start : tag.end].strip())
                for line in declared.lines
                for tag in tags(line.text)
            ]
            for tag, (span, words) in enumerate(places):
                never = NEVER_TRUE if (number, tag) in self.possible.untold else ""
                text = f"text {name}: {words}"
                marks: dict[str, frozenset[Mark]] = {self.message: frozenset({("branch", number, tag)})}
                yield Point("text branch", self.organisation, "", span, text, f"text {name}", marks, never)

    def _both(self, table: ast.Table) -> bool:
        return any(row.arrow == "<->" for row in table.rows)

    def _row_text(self, row: ast.Row) -> str:
        text = self._text(row.span)
        if row.span.file.endswith(".csv"):
            return ", ".join(str(key.value if isinstance(key, ast.Text) else key) for key in row.keys)
        return text

    def _text(self, span: Span) -> str:
        return line_of(span, self.sources)

    def _point(
        self, kind: Kind, number: int, written: Written, span: Span, marks: set[Mark], *, text: str = "", shared: bool = False
    ) -> Point:  # fmt: skip
        never = ""
        if number in self.dead:
            never = next((self.possible.never[op] for op in self._above(number) if op in self.possible.never), "")
            lacking = self._lacking(written) if never == NEVER_THERE else []
            if lacking:
                never = f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not given in org.yaml"
        return Point(
            kind, self.organisation, "" if shared else self.message, span, text or self._text(span), written.address,
            {self.message: frozenset(marks)}, never,
        )  # fmt: skip

    def _lacking(self, written: Written) -> list[str]:
        """The keys that a rule reads and org.yaml does not give."""
        organisation, environment = self.explained.organisation, self.explained.environment
        keys = self.explained.rules.mentions(written).keys
        return [f"org.{'.'.join(key)}" for key in keys if organisation.value(key, environment) is None]

    def _above(self, number: int) -> Iterator[int]:
        """An operation and those around it, from the inside out."""
        for op in range(number, -1, -1):
            if number in self.explained.below(op):
                yield op
