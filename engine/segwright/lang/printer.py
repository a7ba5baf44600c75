"""Tree to text: `print_file`.

Law: parsing what is printed gives the same tree again, spans and comments apart (`bare` takes both off). Documentation comments
(`##`) belong to the tree and are printed; other comments, and lining lines up, are the formatter's business (`lang.layout`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

from segwright.core.source import NOWHERE
from segwright.lang import ast
from segwright.lang.build import Closing
from segwright.lang.inline import condition, quoted, value
from segwright.lang.said import Said, said

_STEP = "  "


def print_file(file: ast.File) -> str:
    """The whole file: its header and body first, then its declarations."""
    lines: list[str] = []
    if file.mapping is not None:
        lines += [*_doc(file.mapping), *_plain(said(file.mapping)), "", *_lines(file.mapping.body)]
    if file.overlay is not None:
        lines += [*_doc(file.overlay), *_plain(said(file.overlay)), "", *_lines(file.overlay.operations)]
    for declaration in file.declarations:
        if lines and lines[-1]:
            lines.append("")
        lines += _node(declaration)
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


def print_node(node: Any) -> str:
    """One value, condition or type as it stands in a line; a statement, operation or declaration as its lines."""
    if isinstance(node, ast.TypeRef | ast.Hl7Path | ast.ComponentPath | ast.Ref | ast.Address):
        return str(node)
    if isinstance(node, _CONDITIONS):
        return condition(node)
    if isinstance(node, _LINES):
        return "\n".join(_node(node))
    return value(node)


# --- comparing trees ---------------------------------------------------------------------------------------------------


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__)  # type: ignore[attr-defined]


def bare(node: Any) -> Any:
    """The tree without its spans and comments: what is equal when only the layout differs."""
    if isinstance(node, tuple):
        return tuple(bare(item) for item in node)
    if not isinstance(node, ast.Node):
        return node
    changed: dict[str, Any] = {}
    for name in _fields(type(node)):
        if name in ("span", "format_span"):
            changed[name] = NOWHERE
        elif name == "comments":
            changed[name] = ()
        else:
            changed[name] = bare(getattr(node, name))
    return type(node)(**changed)


# --- lines and blocks ----------------------------------------------------------------------------------------------------


def _doc(node: Any) -> list[str]:
    inside = getattr(node, "block", None) or getattr(node, "body", None)
    doc: str = getattr(node, "doc", "") or getattr(inside, "doc", "")
    return doc_lines(doc)


def doc_lines(doc: str) -> list[str]:
    """The `##` lines of a documentation comment."""
    return [f"## {line}".rstrip() for line in doc.split("\n")] if doc else []


def _plain(line: Said) -> list[str]:
    """A line below the other, nothing lined up."""
    head = " ".join(word for word in line.head if word)
    if line.kind == "field":
        return [f"{head}: {line.alternatives[0][0]}"]
    if line.kind == "row":
        keys, cells = ", ".join(line.head), ", ".join(" ^ ".join(cell) for cell in line.cells)
        return [f"{keys} {line.sign} {cells}" if line.sign else keys]
    lines = [head]
    for number, (text, qualified) in enumerate(line.alternatives):
        lines[-1 if number == 0 else len(lines) :] = [
            f"{head if number == 0 else ' ' * len(head)} = {text} {qualified}".rstrip()
        ]
    if line.end:
        lines[-1] += f" {line.end}"
    return lines + [_STEP + more for more in (line.below, line.because) if more]


def _lines(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        yield from _node(node)


def _node(node: Any) -> list[str]:
    """A line with its documentation, and what stands in the block that it opens."""
    inside, closed = _held(node)
    reason: str = getattr(node, "because", "") if closed else ""
    if reason:
        head = said(msgspec.structs.replace(node, because=""))
    else:
        head = said(node)
    lines = [*_doc(node), *_plain(head), *(_STEP + line if line else "" for line in inside)]
    return [*lines, *_plain(said(Closing(reason, NOWHERE)))] if closed else lines


def _held(node: Any) -> tuple[Iterable[str], bool]:
    """The lines in a block, and whether it has an `end`."""
    block = node.block if isinstance(node, ast.AddBlock) else node.body if isinstance(node, ast.Replace) else node
    match block:
        case ast.Segment():
            return _lines(block.rules), isinstance(node, ast.Replace)
        case ast.Loop() | ast.Group() | ast.Part():
            return _lines(block.body), True
        case ast.Record():
            return _lines(block.fields), True
        case ast.Enum():
            return _lines(block.values), True
        case ast.Table() | ast.OverrideTable():
            return _lines(block.rows), not (isinstance(block, ast.Table) and block.file)
        case ast.Format() | ast.OverrideFormat():
            return _lines(block.rules), True
        case ast.Narrative() | ast.OverrideText():
            return (f"{line.change} {quoted(line.text)}" if line.change else line.text for line in block.lines), True
        case ast.OverridePart():
            return _lines(block.operations), True
    return (), False


_CONDITIONS = (
    ast.AnyOf,
    ast.AllOf,
    ast.Not,
    ast.Is,
    ast.State,
    ast.Compare,
    ast.Between,
    ast.In,
    ast.Matches,
    ast.Holds,
    ast.InheritedCondition,
)
_LINES = (
    ast.Segment,
    ast.Rule,
    ast.Let,
    ast.Loop,
    ast.Group,
    ast.Use,
    ast.Check,
    ast.Reject,
    ast.Allow,
    ast.Record,
    ast.Enum,
    ast.Table,
    ast.Format,
    ast.Part,
    ast.Narrative,
    ast.OverrideRule,
    ast.AddRule,
    ast.Remove,
    ast.Replace,
    ast.OverrideSegment,
    ast.OverrideLoop,
    ast.Move,
    ast.AddBlock,
    ast.AddCheck,
    ast.OverrideTable,
    ast.OverrideFormat,
    ast.OverrideText,
    ast.OverridePart,
)
