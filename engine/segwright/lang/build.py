"""Reductions of the grammar to nodes of the tree.

One method per rule or alias of `grammar/segwright.lark`; Lark calls them while it parses, with all children in their places
and None for what is absent. A `Builder` serves one file: `begin` tells it the logical line, so that every span it makes is in
file offsets. What the grammar lets through and the language does not is noted in `problems`, never raised.
"""

from __future__ import annotations

from typing import Any

import msgspec

from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.build_values import Clause, ValueBuilder, unquoted


class Reason(msgspec.Struct, frozen=True):
    """The line `for reason "…"`."""

    because: str
    span: Span


class Closing(msgspec.Struct, frozen=True):
    """The line `end`."""

    because: str
    span: Span


_SEGMENT_CLAUSES = {
    "segment": ("from", "optional", "when"),
    "add segment": ("from", "optional", "when", "anchor", "because"),
    "replace segment": ("from", "optional", "when", "because"),
}
_LOOP_CLAUSES = {
    "for each": ("where", "ordered by", "limit", "named", "when"),
    "add loop": ("where", "ordered by", "limit", "named", "when", "anchor", "because"),
    "replace loop": ("where", "ordered by", "limit", "named", "when", "because"),
    "override loop": ("where", "ordered by", "limit", "because"),
}


class Builder(ValueBuilder):
    """The transformer: one serves the whole process, a line at a time."""

    # --- the mapping and its statements

    def mapping(self, c: list[Any]) -> ast.Mapping:
        return ast.Mapping(c[1].value, c[2].value, c[3], c[5] or (), (), self.whole, self.doc)

    def message_types(self, c: list[Any]) -> tuple[str, ...]:
        return tuple(token.value for token in c[::2])

    def parameters(self, c: list[Any]) -> tuple[ast.Parameter, ...]:
        return tuple(c[::2])

    def parameter(self, c: list[Any]) -> ast.Parameter:
        return ast.Parameter(c[0].value, c[2], self._over(c))

    def optional_type(self, c: list[Any]) -> ast.TypeRef:
        return ast.TypeRef("optional", "", c[1], self._over(c))

    def list_type(self, c: list[Any]) -> ast.TypeRef:
        return ast.TypeRef("list", "", c[2], self._over(c))

    def named_type(self, c: list[Any]) -> ast.TypeRef:
        return ast.TypeRef("name", c[0].value, None, self._at(c[0]))

    def use(self, c: list[Any]) -> ast.Use:
        return ast.Use(c[1].value, c[2][0] if c[2] else (), self.whole)

    def let(self, c: list[Any]) -> ast.Let:
        return ast.Let(c[1].value, c[3], self.whole)

    def segment(self, c: list[Any]) -> ast.Segment:
        return self._segment(c[1], c[2], c[3], "segment")[0]

    def _segment(self, name: Any, label: Any, clauses: Any, owner: str) -> tuple[ast.Segment, dict[str, Any]]:
        found = self._clauses(clauses, owner, _SEGMENT_CLAUSES[owner])
        segment = ast.Segment(
            name.value,
            label.value if label else "",
            found.get("from"),
            "optional" in found,
            found.get("when"),
            (),
            self.whole,
            self.doc,
        )
        return segment, found

    def segment_clauses(self, c: list[Any]) -> list[Clause]:
        return c

    def segment_clause(self, c: list[Any]) -> Clause:
        return self._clause(c)

    def rule(self, c: list[Any]) -> ast.Rule:
        return ast.Rule(self._target(c[0]), c[2], self._because(c[4]), self.whole, self.doc)

    def _target(self, child: Any) -> Any:
        if isinstance(child, ast.Node):
            return child
        return self.component([child]) if child.type == "COMPONENT" else self.hl7_path([child])

    def alternatives(self, c: list[Any]) -> tuple[ast.Alternative, ...]:
        for sign in c[1::2]:
            # On one line `when a.b = 3` would be a second alternative where a comparison was meant.
            if "\n" not in self.text[: sign.start_pos][len(self.text[: sign.start_pos].rstrip()) :]:
                advice = "Conditions compare with `is`; an alternative stands on a line of its own."
                self._problem("SW0135", self._at(sign), found="=", meant="is", advice=advice)
        return tuple(c[::2])

    def alternative(self, c: list[Any]) -> ast.Alternative:
        value = c[0]
        if len(c) == 1:
            return ast.Alternative(value, ast.Duty(), None, False, value.span)
        found = self._clauses(c[1:], "a rule", ("duty", "when", "otherwise"))
        when, otherwise = found.get("when"), "otherwise" in found
        if when is not None and otherwise:
            self._problem("SW0154", self._over(c))
            otherwise = False
        return ast.Alternative(value, found.get("duty", ast.Duty()), when, otherwise, self._over(c))

    def alternative_clause(self, c: list[Any]) -> Clause:
        head = c[0]
        kind = head.value
        if kind == "when" or kind == "otherwise":
            return Clause(kind, c[-1], self.base + head.start_pos, self._end(c[-1]))
        span = self._over(c)
        condition = c[2] if kind == "required" else None
        return Clause("duty", ast.Duty(kind, condition, span), span.start, span.end)

    def keep(self, c: list[Any]) -> ast.Keep:
        return ast.Keep(tuple(token.value for token in c[1::2]), self._over(c))

    def loop(self, c: list[Any]) -> ast.Loop:
        return self._loop(c[2], c[4], c[5], "for each")[0]

    def _loop(
        self, variable: Any, source: Any, clauses: Any, owner: str, name: str = ""
    ) -> tuple[ast.Loop, dict[str, Any]]:
        found = self._clauses(clauses, owner, _LOOP_CLAUSES[owner])
        end = max([source.span.end, *(clause.end for clause in clauses if clause.kind in ("where", "ordered by"))])
        of = ast.Selection(
            source, found.get("where"), found.get("ordered by"), None, Span(self.file, source.span.start, end)
        )
        name = found.get("named") or name or loop_name(source)
        loop = ast.Loop(variable.value, of, (), found.get("limit"), name, found.get("when"), self.whole, self.doc)
        return loop, found

    def loop_clauses(self, c: list[Any]) -> list[Clause]:
        return c

    def loop_clause(self, c: list[Any]) -> Clause:
        return self._clause(c)

    def group(self, c: list[Any]) -> ast.Group:
        return ast.Group(c[2], c[5].value, c[7].value if c[7] else "", (), self.whole, self.doc)

    def check(self, c: list[Any]) -> ast.Check:
        return ast.Check(c[1].value, c[3], unquoted(c[5].value), self.whole)

    def reject(self, c: list[Any]) -> ast.Reject:
        return ast.Reject(c[1].value, c[2].value, c[4], unquoted(c[6].value), self.whole)

    def allow(self, c: list[Any]) -> ast.Allow:
        return ast.Allow(c[1].value, c[3], self._because(c[5]), self.whole)

    # --- addresses

    def place_rule(self, c: list[Any]) -> ast.Address:
        label = c[0].value if c[0] else ""
        return ast.Address("rule", "", label, self.hl7_path([c[1]]), self._over(c))

    def place_path(self, c: list[Any]) -> ast.Address:
        return ast.Address("rule", "", "", self.path(c), self._at(c[0]))

    def place_segment(self, c: list[Any]) -> ast.Address:
        return ast.Address("segment", c[1].value, c[2].value if c[2] else "", None, self._over(c))

    def place_label(self, c: list[Any]) -> ast.Address:
        return ast.Address("segment", "", c[1].value, None, self._over(c))

    def place_named(self, c: list[Any]) -> ast.Address:
        return ast.Address(c[0].value, c[1].value, "", None, self._over(c))

    def place_message(self, c: list[Any]) -> ast.Address:
        return ast.Address("message", span=self._at(c[0]))

    def _inner(self, c: list[Any]) -> Any:
        return c[0]

    segment_address = loop_address = named_address = anchor_place = allow_place = _inner

    def anchor(self, c: list[Any]) -> ast.Anchor:
        return ast.Anchor(c[0].value, c[1], c[2].value if c[2] else "", self._over(c))

    def anchor_end(self, c: list[Any]) -> ast.Anchor:
        return ast.Anchor("end", c[3], "", self._over(c))

    # --- declarations

    def table(self, c: list[Any]) -> ast.Table:
        keys, columns, file = c[3]
        return ast.Table(c[1].value, keys, columns, (), file, self.whole, self.doc)

    def table_shape(self, c: list[Any]) -> tuple[Any, ...]:
        if c[1].value != "->":
            self._problem("SW0156", self._at(c[1]), found=c[1].value)
        file = None
        if c[3] is not None:
            file = ast.TableFile(unquoted(c[5].value), c[4] is not None, self._over(c[3:]))
        return c[0], c[2], file

    def named_keys(self, c: list[Any]) -> tuple[ast.TypeRef, ...]:
        return tuple(c[::2])

    def key_type(self, c: list[Any]) -> ast.TypeRef:
        return self.named_type(c)

    def columns(self, c: list[Any]) -> tuple[ast.Column, ...]:
        return tuple(c[::2])

    def column(self, c: list[Any]) -> ast.Column:
        words = c[2]
        name = c[0].value if c[0] else ""
        span = Span(self.file, self._start(c[0] or words[0]), self._end(words[-1]))
        if len(words) == 2:
            return ast.Column(name, "code", words[1].value, span)
        return ast.Column(name, words[0].value, "", span)

    def column_type(self, c: list[Any]) -> list[Any]:
        return c

    def row(self, c: list[Any]) -> ast.Row:
        return ast.Row(c[1], c[2].value, c[3], False, "add" if c[0] else "", self.whole, self.doc)

    def row_otherwise(self, c: list[Any]) -> ast.Row:
        return ast.Row((), c[2].value, c[3], True, "add" if c[0] else "", self.whole, self.doc)

    def row_remove(self, c: list[Any]) -> ast.Row:
        return ast.Row(c[1], c[2].value if c[2] else "->", c[3] or (), False, "remove", self.whole, self.doc)

    def row_remove_otherwise(self, c: list[Any]) -> ast.Row:
        return ast.Row((), c[2].value if c[2] else "->", c[3] or (), True, "remove", self.whole, self.doc)

    def keys(self, c: list[Any]) -> tuple[ast.Value, ...]:
        return tuple(c[::2])

    def cells(self, c: list[Any]) -> tuple[ast.Cell, ...]:
        return tuple(c[::2])

    def cell(self, c: list[Any]) -> ast.Cell:
        if not isinstance(c[0], ast.Node):
            return ast.Cell((), c[0].value, self._at(c[0]))
        return ast.Cell(tuple(c[::2]), "", self._over(c))

    def format(self, c: list[Any]) -> ast.Format:
        return ast.Format(c[1].value, c[3], c[5].value, c[6].value, (), self.whole, self.doc)

    def component_rule(self, c: list[Any]) -> ast.FormatRule:
        change: Any = c[0].value if c[0] else ""
        return ast.FormatRule(self._target(c[1]), c[3], change, self._because(c[5]), self.whole, self.doc)

    def component_remove(self, c: list[Any]) -> ast.FormatRule:
        return ast.FormatRule(self._target(c[1]), (), "remove", self._because(c[3]), self.whole, self.doc)

    def part(self, c: list[Any]) -> ast.Part:
        return ast.Part(c[1].value, c[3] or (), (), self.whole, self.doc)

    def record(self, c: list[Any]) -> ast.Record:
        return ast.Record(c[1].value, (), self.whole, self.doc)

    def field(self, c: list[Any]) -> ast.FieldDecl:
        return ast.FieldDecl(c[0].value, c[2], self.whole, self.doc)

    def enum(self, c: list[Any]) -> ast.Enum:
        return ast.Enum(c[1].value, (), self.whole, self.doc)

    def enum_value(self, c: list[Any]) -> ast.EnumValue:
        return ast.EnumValue(c[0].value, self.whole, self.doc)

    def narrative(self, c: list[Any]) -> ast.Narrative:
        return ast.Narrative(c[1].value, c[3], (), self.whole, self.doc)

    def closing(self, c: list[Any]) -> Closing:
        return Closing(self._because(c[2]), self.whole)

    # --- overlays

    def overlay(self, c: list[Any]) -> ast.Overlay:
        return ast.Overlay(c[1].value, (), self.whole, self.doc)

    def reason(self, c: list[Any]) -> Reason:
        return Reason(self._because(c[2]), self.whole)

    def override_rule(self, c: list[Any]) -> ast.OverrideRule:
        return ast.OverrideRule(self.place_rule(c[1:3]), c[4], self._because(c[6]), self.whole, self.doc)

    def _path_address(self, path: ast.Ref) -> ast.Address:
        return ast.Address("rule", "", "", path, path.span)

    def override_path(self, c: list[Any]) -> ast.OverrideRule:
        return ast.OverrideRule(self._path_address(c[1]), c[3], self._because(c[5]), self.whole, self.doc)

    def override_segment(self, c: list[Any]) -> ast.OverrideSegment:
        return ast.OverrideSegment(c[1], c[3], self._because(c[5]), self.whole)

    def override_loop(self, c: list[Any]) -> ast.OverrideLoop:
        found = self._clauses(c[3], "override loop", _LOOP_CLAUSES["override loop"])
        return ast.OverrideLoop(
            self.place_named(c[1:3]),
            found.get("where"),
            found.get("ordered by"),
            found.get("limit"),
            found.get("because", ""),
            self.whole,
        )

    def override_table(self, c: list[Any]) -> ast.OverrideTable:
        return ast.OverrideTable(c[2].value, (), self._because(c[4]), self.whole)

    def override_format(self, c: list[Any]) -> ast.OverrideFormat:
        return ast.OverrideFormat(c[2].value, (), self._because(c[4]), self.whole)

    def override_text(self, c: list[Any]) -> ast.OverrideText:
        return ast.OverrideText(c[2].value, (), self._because(c[4]), self.whole)

    def override_part(self, c: list[Any]) -> ast.OverridePart:
        return ast.OverridePart(c[2].value, (), self._because(c[4]), self.whole)

    def add_rule(self, c: list[Any]) -> ast.AddRule:
        before = c[5] is not None and c[5].value == "before"
        beside = c[7].value if c[7] else ""
        because = self._because(c[10])
        return ast.AddRule(self.place_rule(c[1:3]), c[4], beside, before, because, self.whole, self.doc)

    def add_path(self, c: list[Any]) -> ast.AddRule:
        return ast.AddRule(self._path_address(c[1]), c[3], "", False, self._because(c[5]), self.whole, self.doc)

    def add_segment(self, c: list[Any]) -> ast.AddBlock:
        segment, found = self._segment(c[2], c[3], c[4], "add segment")
        return ast.AddBlock(segment, self._anchor(found, "add segment"), found.get("because", ""), self.whole)

    def add_loop(self, c: list[Any]) -> ast.AddBlock:
        loop, found = self._loop(c[4], c[6], c[7], "add loop")
        return ast.AddBlock(loop, self._anchor(found, "add loop"), found.get("because", ""), self.whole)

    def _anchor(self, found: dict[str, Any], owner: str) -> ast.Anchor:
        anchor = found.get("anchor")
        if isinstance(anchor, ast.Anchor):
            return anchor
        self._problem("SW0155", self.whole, owner=owner)
        return ast.Anchor("end", ast.Address("message", span=self.whole), "", self.whole)

    def add_check(self, c: list[Any]) -> ast.AddCheck:
        return ast.AddCheck(c[1], self._because(c[3]), self.whole)

    def remove_rules(self, c: list[Any]) -> ast.Remove:
        addresses = [self.place_rule([c[1], token]) for token in c[2:-2:2]]
        return ast.Remove(tuple(addresses), self._because(c[-1]), self.whole)

    def remove_paths(self, c: list[Any]) -> ast.Remove:
        return ast.Remove(tuple(self._path_address(path) for path in c[1:-2:2]), self._because(c[-1]), self.whole)

    def remove_named(self, c: list[Any]) -> ast.Remove:
        return ast.Remove((c[1],), self._because(c[3]), self.whole)

    def replace_segment(self, c: list[Any]) -> ast.Replace:
        segment, found = self._segment(c[2], c[3], c[4], "replace segment")
        return ast.Replace(self.place_segment(c[1:4]), segment, found.get("because", ""), self.whole)

    def replace_loop(self, c: list[Any]) -> ast.Replace:
        loop, found = self._loop(c[5], c[7], c[8], "replace loop", c[2].value)
        return ast.Replace(self.place_named(c[1:3]), loop, found.get("because", ""), self.whole)

    def replace_table(self, c: list[Any]) -> ast.Replace:
        keys, columns, file = c[4] or ((), (), None)
        table = ast.Table(c[2].value, keys, columns, (), file, self.whole, self.doc)
        return ast.Replace(self.place_named(c[1:3]), table, self._because(c[6]), self.whole)

    def move(self, c: list[Any]) -> ast.Move:
        return ast.Move(c[1], c[2], self._because(c[4]), self.whole)


def loop_name(source: Any) -> str:
    """A loop is named after its list: the last word of a path, the text of `lines(text report(…))`."""
    if isinstance(source, ast.Ref):
        return source.names[-1]
    if isinstance(source, ast.Call):
        return source.name.names[-1]
    return str(source)
