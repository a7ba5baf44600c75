"""A mapping after all its layers, line by line, each with the layer and place that wrote it; removed lines stay visible.

Takes a compiled message; gives lines. Nothing is refused: a mapping with errors is shown as far as it was flattened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.compile import Compiled
from segwright.lang.flat import (
    FlatAllow,
    FlatCheck,
    FlatGroup,
    FlatLet,
    FlatLoop,
    FlatRule,
    FlatSegment,
    FlatUse,
    Item,
    Origin,
    mentions,
)
from segwright.lang.printer import print_node
from segwright.service.bundling import line_of, place


class Line(msgspec.Struct, frozen=True):
    """One line of a flattened mapping. `kind`: block (opens one), rule, end, use (the part that follows), removed."""

    kind: str
    indent: int
    text: str
    layer: str
    word: str
    place: str
    because: str
    origin: Origin | None = None
    instead: Origin | None = None


def flattened_lines(compiled: Compiled, sources: Mapping[str, Source]) -> list[Line]:
    """The lines of a message's mapping."""
    mapping = compiled.mapping
    head = f"mapping {mapping.name} {mapping.direction} {', '.join(mapping.messages)}"
    inputs = ", ".join(f"{given.name}: {given.type}" for given in mapping.inputs)
    lines = [
        Line("block", 0, head + (f" from {inputs}" if inputs else ""), "", "", str(place(mapping.span, sources)), "")
    ]
    lines += _Shower(sources).body(mapping.body, 0)
    for removed in mapping.removed:
        text = line_of(removed.below.span, sources) or removed.title
        at = str(place(removed.origin.span, sources))
        line = Line(
            "removed", 1, f"{removed.title}: {text}" if not text.startswith(removed.title) else text,
            removed.origin.layer, "remove", at, removed.origin.because, removed.origin,
        )  # fmt: skip
        lines.insert(_place_of(lines, removed.below), line)
    return lines


def _place_of(lines: list[Line], below: Origin) -> int:
    """Behind the last line that stood before the removed one in its own file."""
    best = len(lines)
    latest = -1
    for number, line in enumerate(lines):
        for origin in (line.origin, line.instead):
            if (
                origin is not None
                and origin.span.file == below.span.file
                and latest < origin.span.start < below.span.start
            ):
                latest, best = origin.span.start, number + 1
    return best


class _Shower:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources

    def line(self, kind: str, indent: int, text: str, origin: Origin, instead: Origin | None = None) -> Line:
        at = str(place(origin.span, self.sources))
        return Line(kind, indent, text, origin.layer, origin.word, at, origin.because, origin, instead)

    def body(self, items: tuple[Item, ...], indent: int) -> Iterator[Line]:
        """The lines of a body."""
        for item in items:
            match item:
                case FlatSegment():
                    segment = ast.Segment(item.name, item.label, item.echo, item.optional, item.when, ())
                    yield self.line("block", indent, print_node(segment), item.origin)
                    yield from self.body(item.rules, indent + 1)
                case FlatLoop():
                    loop = ast.Loop(item.variable, item.of, (), item.limit, item.name, item.when)
                    yield self.line("block", indent, print_node(loop).split("\n")[0], item.origin)
                    yield from self.body(item.body, indent + 1)
                    yield Line("end", indent, "end", "", "", "", "")
                case FlatGroup():
                    under = f" under {item.under}" if item.under else ""
                    yield self.line(
                        "block", indent, f"for each {item.target} group from {item.segment}{under}", item.origin
                    )
                    yield from self.body(item.body, indent + 1)
                    yield Line("end", indent, "end", "", "", "", "")
                case FlatUse():
                    values = ", ".join(f"{parameter.name}: {print_node(value)}" for parameter, value in item.bindings)
                    yield self.line("use", indent, f"use {item.part}({values})", item.origin)
                    yield from self.body(item.body, indent)
                case FlatRule():
                    below = None if item.below is None else item.below.origin
                    yield self.line("rule", indent, self.rule(item), item.origin, below)
                    for part in item.parts:
                        yield self.line("rule", indent + 1, self.rule(part), part.origin)
                case FlatLet():
                    yield self.line("rule", indent, print_node(ast.Let(item.name, item.value)), item.origin)
                case FlatCheck():
                    yield self.line("rule", indent, _on_one_line(print_node(item.check)), item.origin)
                case FlatAllow():
                    text = f"allow {item.allow.code} on {item.allow.on}"
                    yield self.line("rule", indent, text, item.origin)

    def rule(self, rule: FlatRule) -> str:
        """A rule on one line; as it was written where flattening put a ladder into a value."""
        if mentions(rule.alternatives, ast.Ladder):
            return line_of(rule.origin.span, self.sources)
        text = print_node(ast.Rule(rule.target, rule.alternatives))
        return _on_one_line(text)


def _on_one_line(text: str) -> str:
    return " ".join(part.strip() for part in text.split("\n"))
