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
        """The line of a declared format that stands for the component of an address such as `PID-3.4.1`."""
        field, dot, component = written.address.partition(".")
        if not dot or "-" not in field:
            return None
        for node in _nodes(self._nodes.get(written.origin.span)):
            if isinstance(node, ast.As):
                declared = self.scope.formats.get((node.format, "as"))
                for rule in declared.rules if declared is not None else ():
                    if str(rule.target) == f".{component}":
                        return FormatLine(node.format, rule)
        return None

    def table_of(self, number: int, written: Written | None) -> ast.Table | None:
        """The declared table that the plan's table `number` was made from, those that the rule names first."""
        if self.plan is None or not 0 <= number < len(self.plan.tables):
            return None
        keys = {row.keys for row in self.plan.tables[number].rows}
        mentioned = self.mentions(written).tables if written is not None else ()
        names = dict.fromkeys((*mentioned, *self.scope.tables))
        tables = [self.scope.tables[name] for name in names if name in self.scope.tables]
        exact = [table for table in tables if {row.key for row in table.rows if not row.otherwise} == keys]
        near = [self.scope.tables[name] for name in mentioned if name in self.scope.tables]
        return next(iter([*exact, *near]), None)

    def row_of(self, table: ast.Table, number: int, row: str | int) -> ast.Row | None:
        """The written row of a lookup that took row `row` of the plan's table `number`."""
        if row == "otherwise":
            return next((r for r in table.rows if r.otherwise), None)
        if self.plan is None or not isinstance(row, int):
            return None
        keys = self.plan.tables[number].rows[row].keys
        return next((r for r in table.rows if r.key == keys), None)


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)
    elif isinstance(node, msgspec.Struct) and not isinstance(node, Span | ops.Op):
        yield node
        for name in node.__struct_fields__:
            yield from _nodes(getattr(node, name))
