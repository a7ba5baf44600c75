"""How the steps of a value are grouped: `groupings(source)`.

`as`, `via` and `else` each act on everything to their left, up to a `^`. Takes a file; gives every value with more than one step,
once as it is written and once with a bracket around each step.
"""

from __future__ import annotations

from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.flat import within
from segwright.lang.inline import arguments, source_of, value
from segwright.lang.parse import parse


class Grouping(msgspec.Struct, frozen=True):
    """A value: the line it stands in, as it is written, and with its grouping shown."""

    line: int
    written: str
    grouped: str


def groupings(source: Source) -> tuple[list[Grouping], list[Diagnostic]]:
    """The values of a file that have more than one step, in their order."""
    file, found = parse(source)
    out = []
    node: Any
    for node in within(file, (ast.Composite, ast.As, ast.Via, ast.Else)):
        parts = node.parts if isinstance(node, ast.Composite) else (node,)
        if any(_steps(part) > 1 or (isinstance(node, ast.Composite) and _steps(part)) for part in parts):
            line = source.position(node.span.start).line
            out.append(Grouping(line, value(node), " ^ ".join(grouped(part) for part in parts)))
    return sorted(out, key=lambda one: one.line), found


def _steps(node: Any) -> int:
    return 1 + _steps(node.value) if isinstance(node, ast.As | ast.Via | ast.Else) else 0


def grouped(node: Any, *, inner: bool = False) -> str:
    """A value with a bracket around whatever a step acts on."""
    match node:
        case ast.Composite():
            return "(" + " ^ ".join(grouped(part) for part in node.parts) + ")"
        case ast.As():
            text = f"{grouped(node.value, inner=True)} as {node.format}"
            text += arguments(node.arguments) if node.arguments else ""
            text += f" on invalid {source_of(node.on_invalid)}" if node.on_invalid is not None else ""
        case ast.Via():
            text = f"{grouped(node.value, inner=True)} via {node.table}"
            text += f" on unmapped {source_of(node.on_unmapped)}" if node.on_unmapped is not None else ""
        case ast.Else():
            text = f"{grouped(node.value, inner=True)} else {grouped(node.other, inner=True)}"
        case _:
            text = source_of(node)
            inner = inner and isinstance(node, ast.Each | ast.First)
    return f"({text})" if inner else text
