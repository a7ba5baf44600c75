"""The rules of a compiled mapping by where they are written: what each mentions and what it replaced.

Takes a compiled message; gives for the origin of an operation the configuration keys, tables and formats that its rule names.
Read from the flattened mapping, so that it says what the analyst wrote, not what the plan was folded to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.compile import Compiled
from segwright.lang.context import Written
from segwright.lang.flat import FlatCheck, FlatGroup, FlatLet, FlatLoop, FlatRule, FlatSegment, FlatUse, Item, Origin
from segwright.library import find
from segwright.plan import ops

_Named: TypeAlias = "dict[str, tuple[Any, _Named]]"
"""What names stand for, with what the names in that stand for."""


class FormatLine(NamedTuple):
    """The line of a declared format that wrote a component."""

    format: str
    rule: ast.FormatRule


class Mentions(NamedTuple):
    """What a rule names: configuration keys, tables, formats."""

    keys: tuple[tuple[str, ...], ...]
    tables: tuple[str, ...]
    formats: tuple[str, ...]


class Rules:
    """The rules of one compiled message."""

    def __init__(self, compiled: Compiled) -> None:
        self.scope = compiled.scope
        self.plan = compiled.plan
        self._nodes: dict[Span, Any] = {}
        self._named: dict[Span, _Named] = {}
        self._below: dict[Span, Origin] = {}
        self._lines: dict[Span, FormatLine] = {}
        self._tables = compiled.emitted.tables if compiled.emitted is not None else ()
        self._body(compiled.mapping.body, {})

    def _body(self, body: tuple[Item, ...], named: _Named) -> None:
        """Every line of a body. `named`: what `let` and the parameters of a part stand for there."""
        for item in body:
            match item:
                case FlatSegment():
                    self._add(item, (item.echo, item.when), named)
                    self._body(item.rules, named)
                case FlatLoop():
                    self._add(item, (item.of, item.limit, item.when), named)
                    self._body(item.body, {name: each for name, each in named.items() if name != item.variable})
                case FlatGroup():
                    self._body(item.body, named)
                case FlatUse():
                    self._add(item, tuple(value for _, value in item.bindings), named)
                    self._body(item.body, {parameter.name: (value, named) for parameter, value in item.bindings})
                case FlatLet():
                    self._add(item, item.value, named)
                    named = {**named, item.name: (item.value, named)}
                case FlatRule():
                    self._add(item, item.alternatives, named)
                    if item.below is not None:
                        self._below.setdefault(item.origin.span, item.below.origin)
                    self._body(item.parts, named)
                case FlatCheck():
                    self._add(item, item.check, named)

    def _add(self, item: Item, node: Any, named: _Named) -> None:
        self._nodes.setdefault(item.origin.span, node)
        self._named.setdefault(item.origin.span, named)

    def below(self, written: Written) -> Origin | None:
        """What the rule of an operation replaced."""
        return self._below.get(written.origin.span)

    def mentions(self, written: Written) -> Mentions:
        """What the rule of an operation names: itself, by `let` and the parameters of a part, and in the line of its format
        for this component."""
        nodes = list(self._meant(self._nodes.get(written.origin.span), self._named.get(written.origin.span, {})))
        line = self.format_line(written)
        if line is not None:
            nodes += _nodes(line.rule.alternatives)
        keys: dict[tuple[str, ...], None] = {}
        tables: dict[str, None] = {}
        formats: dict[str, None] = {}
        for node in nodes:
            match node:
                case ast.Ref(names=("org", *rest)):
                    keys[tuple(rest)] = None
                case ast.Via():
                    tables[node.table.names[0]] = None
                case ast.Call() if node.name.names[0] in self.scope.tables:
                    tables[node.name.names[0]] = None
                case ast.As():
                    formats[node.format] = None
                    given = {argument.name for argument in node.arguments}
                    for parameter in (p for builtin in find(node.format) for p in builtin.parameters):
                        if parameter.config and parameter.name not in given:
                            keys[tuple(parameter.config.split("."))] = None
        return Mentions(tuple(keys), tuple(tables), tuple(formats))

    def _meant(self, node: Any, named: _Named) -> Iterator[Any]:
        """Every node of a tree, and of what its names stand for. No name stands for itself: each was named further up."""
        for each in _nodes(node):
            yield each
            if isinstance(each, ast.Ref) and each.names[0] in named:
                yield from self._meant(*named[each.names[0]])

    def format_line(self, written: Written) -> FormatLine | None:
        """The line of a declared format that an operation was written by."""
        if written.line is None:
            return None
        if written.line not in self._lines:
            # A writing format that is read with has its lines turned; their place is that of the line itself.
            for (name, _), declared in self.scope.formats.items():
                for rule in declared.rules:
                    self._lines.setdefault(rule.span, FormatLine(name, rule))
        return self._lines.get(written.line)

    def table_of(self, number: int) -> ast.Table | None:
        """The declared table that the plan's table `number` was made from."""
        return self.scope.tables.get(self._tables[number][0]) if 0 <= number < len(self._tables) else None

    def is_inverse(self, number: int) -> bool:
        """Whether the plan's table `number` is a declared one read from right to left: from a code to what it means."""
        return 0 <= number < len(self._tables) and self._tables[number][1]

    def row_of(self, number: int, row: str | int) -> ast.Row | None:
        """The written row of a lookup that took row `row` of the plan's table `number`."""
        table = self.table_of(number)
        if table is None or self.plan is None:
            return None
        if row == "otherwise":
            return next((r for r in table.rows if r.otherwise), None)
        if not isinstance(row, int):
            return None
        made = self.plan.tables[number].rows[row]
        if self.is_inverse(number):
            (cell,) = made.cells
            turned = [r for r in table.rows if r.arrow != "->" and r.key == cell.value]
            return next((r for r in turned if _first_text(r) == made.keys[0]), None)
        return next((r for r in table.rows if r.arrow != "<-" and r.key == made.keys), None)


def _first_text(row: ast.Row) -> str:
    part = row.cells[0].parts[0] if row.cells and row.cells[0].parts else None
    match part:
        case ast.Text():
            return part.value
        case ast.Number():
            return part.digits
        case ast.Ref():
            return str(part)
        case _:
            return ""


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)
    elif isinstance(node, msgspec.Struct) and not isinstance(node, Span | ops.Op):
        yield node
        for name in node.__struct_fields__:
            yield from _nodes(getattr(node, name))
