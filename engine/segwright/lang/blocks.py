"""Logical lines to blocks: the stack pass.

Takes the lines of a file and a function that parses one of them; gives the `File`. It knows which block is open, hence which
start symbol a line has, which segment a rule belongs to, and which `end` is missing. A line that could not be parsed still
opens the block its first words announce, so that what stands in it is not reported a second time.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from segwright.core.diagnostic import Diagnostic, Label
from segwright.core.source import Source, Span
from segwright.core.suggest import nearest
from segwright.lang import ast
from segwright.lang.build import Closing, Reason
from segwright.lang.lines import HEADER, Line

ParseLine = Callable[[Line, str], Any]

_STARTS = {
    "record": "field",
    "enum": "enum_value",
    "table": "row",
    "override table": "row",
    "replace table": "row",
    "format": "component_rule",
    "override format": "component_rule",
}
_IMPLICIT = frozenset({"segment", "add segment"})
_SEGMENTS = frozenset({"segment", "add segment", "replace segment"})
_CODE = frozenset({"for each", "for each group", "part", "add loop", "replace loop"})
_OPERATIONS = frozenset({"for reason", "override part"})
_REASONED = frozenset(
    {
        "override table",
        "override format",
        "override text",
        "override part",
        "replace segment",
        "replace loop",
        "replace table",
        "add loop",
    }
)
_DECLARED = (ast.Record, ast.Enum, ast.Table, ast.Format, ast.Part, ast.Narrative)
_OPERATION = (
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
_OPENS: dict[type, str] = {
    ast.Segment: "segment",
    ast.Loop: "for each",
    ast.Group: "for each group",
    ast.Part: "part",
    ast.Record: "record",
    ast.Enum: "enum",
    ast.Format: "format",
    ast.Narrative: "text",
    Reason: "for reason",
    ast.OverrideTable: "override table",
    ast.OverrideFormat: "override format",
    ast.OverrideText: "override text",
    ast.OverridePart: "override part",
}
_FIRST_WORDS = {
    "mapping",
    "overlay",
    "segment",
    "for",
    "table",
    "format",
    "part",
    "record",
    "enum",
    "text",
    "override",
    "add",
    "replace",
    "end",
}
_CHANGE = re.compile(r'\s*(add|remove)\s+"((?:[^"]|"")*)"\s*$')
_OPENING = re.compile(r"[a-z_]{3,}(?:\s+[A-Za-z_]|\s*$)")
_WORDS = re.compile(r"[A-Za-z_]+")
_CLOSES = re.compile(r"end(?![\w.:])")  # an attribute may be named `end`, `end9` or `end_of_study`
_FROM_FILE = re.compile(r'from\s+(?:org\s+)?"')


class _Frame:
    """An open block: what opened it (None when its line was wrong), and what it holds so far."""

    __slots__ = ("children", "column", "head", "kind", "span")

    def __init__(self, kind: str, head: Any, line: Line | None, span: Span) -> None:
        self.kind = kind
        self.head = head
        self.span = span
        self.column = line.column if line else -1
        self.children: list[Any] = []


def announced(text: str) -> str:
    """The kind of block a line that could not be read would open, by its first words; "" when it opens none."""
    opening = _OPENING.match(text)
    if opening is None:
        return ""
    words = _WORDS.findall(text[:80])
    first = words[0] if words[0] in _FIRST_WORDS else nearest(words[0], _FIRST_WORDS)
    second = words[1] if len(words) > 1 else ""
    if first == "for" or words[0] == "foreach":
        return "for reason" if second == "reason" else "for each group" if "group" in words[2:5] else "for each"
    if first == "override":
        return f"override {second}" if second in ("table", "format", "text", "part") else ""
    if first == "replace":
        return f"replace {second}" if second in ("segment", "loop", "table") else ""
    if first == "add":
        return f"add {second}" if second in ("segment", "loop") else ""
    if first == "table" and _FROM_FILE.search(text):
        return ""
    return first


class Blocks:
    """The stack pass over one file."""

    def __init__(self, source: Source, parse_line: ParseLine) -> None:
        self.source = source
        self.parse_line = parse_line
        self.diagnostics: list[Diagnostic] = []
        self.header: ast.Mapping | ast.Overlay | None = None
        self.file_kind = ""  # "mapping" or "overlay" once a header was seen, even a broken one
        self.declarations: list[Any] = []
        self.outside_said = False
        self.root = _Frame("file", None, None, source.span(0, 0))
        self.stack = [self.root]

    # --- the pass

    def run(self, lines: list[Line]) -> None:
        """Take every line in turn, then close what is still open."""
        for line in lines:
            if line.raw:
                self.raw(line)
            else:
                self.line(line)
        while len(self.stack) > 1:
            if self.top.kind not in _IMPLICIT:
                self.missing_end(self.top)
            self.pop()

    @property
    def top(self) -> _Frame:
        return self.stack[-1]

    def line(self, line: Line) -> None:
        if _CLOSES.match(line.text):
            self.end(line, self.parse_line(line, "closing"))
            return
        if self.top.kind == "text" or self.top.kind == "override text":
            self.forgotten(line)  # raw lines went to `raw`; this one is code, so the `end` is missing
        if self.top.kind in _STARTS and HEADER.match(line.text):
            self.forgotten(line)
        start = _STARTS.get(self.top.kind, "statement")
        node = self.parse_line(line, start)
        if start != "statement":
            if node is not None:
                self.top.children.append(node)
        elif node is None:
            self.broken(line)
        else:
            self.statement(line, node)

    def raw(self, line: Line) -> None:
        if self.top.kind in ("text", "override text"):
            self.top.children.append(line)

    def broken(self, line: Line) -> None:
        """A line with a reported mistake: open the block it announces, silently."""
        kind = announced(line.text)
        if kind in ("mapping", "overlay"):
            self.leave_segment()
            self.file_kind = self.file_kind or kind
        elif kind and kind != "end":
            self.leave_segment()
            self.push(kind, None, line)

    def statement(self, line: Line, node: Any) -> None:
        of_segment = isinstance(node, ast.Let) or (isinstance(node, ast.Rule) and isinstance(node.target, ast.Hl7Path))
        if of_segment and self.top.kind in _SEGMENTS:
            self.in_segment(node)
            return
        if self.top.kind == "replace segment":
            self.say("SW0149", node.span, Label(self.top.span, "opened"), block="`replace segment`", opened="it")
            self.open_silently(line, node)
            return
        self.leave_segment()
        if isinstance(node, ast.Mapping | ast.Overlay):
            self.new_header(line, node)
        elif isinstance(node, _DECLARED):
            self.declaration(line, node)
        elif self.allowed_here(line, node):
            if isinstance(node, ast.Replace | ast.AddBlock):
                self.open_operation(line, node)
            elif type(node) in _OPENS:
                self.push(_OPENS[type(node)], node, line)
            else:
                self.attach(node)

    # --- what may stand where

    def in_segment(self, node: ast.Rule | ast.Let) -> None:
        head = self.top.head
        name = head.name if isinstance(head, ast.Segment) else ""
        if isinstance(head, ast.AddBlock | ast.Replace):
            name = (head.block if isinstance(head, ast.AddBlock) else head.body).name
        if isinstance(node, ast.Rule) and isinstance(node.target, ast.Hl7Path) and name and node.target.segment != name:
            self.say(
                "SW0143",
                node.target.span,
                Label(self.top.span, "opened"),
                path=node.target,
                open=name,
                segment=node.target.segment,
            )
            return
        self.top.children.append(node)

    def new_header(self, line: Line, node: ast.Mapping | ast.Overlay) -> None:
        if len(self.stack) > 1:
            self.close_all(line)
        if self.file_kind:
            labels = [Label(self.header.span, "first")] if self.header else []
            self.say("SW0146", node.span, *labels)
            return
        self.header = node
        self.file_kind = "mapping" if isinstance(node, ast.Mapping) else "overlay"

    def declaration(self, line: Line, node: Any) -> None:
        if len(self.stack) > 1 and line.column <= self.top.column:
            self.close_all(line)
        if len(self.stack) > 1 and self.top.kind != "for reason":
            self.say("SW0147", node.span, Label(self.top.span, "opened"), kind=_called(node), name=node.name)
        if isinstance(node, ast.Table):
            if node.file is not None:
                self.declarations.append(node)
            else:
                self.push("table", node, line)
        else:
            self.push(_OPENS[type(node)], node, line)

    def allowed_here(self, line: Line, node: Any) -> bool:
        """Operations belong in overlays, statements in mappings and parts; rules of HL7 fields in segments."""
        inside_part = any(frame.kind in ("part", "add loop", "replace loop") for frame in self.stack)
        operation = isinstance(node, (*_OPERATION, Reason))
        if inside_part:
            kind = "mapping"
        elif any(frame.kind in _OPERATIONS for frame in self.stack):
            kind = "overlay"
        else:
            kind = self.file_kind
        if not kind:
            if not self.outside_said:
                self.outside_said = True
                self.say("SW0145", node.span)
            self.file_kind = "overlay" if operation else "mapping"
            kind = self.file_kind
        if isinstance(node, ast.Allow):
            return True
        if operation and kind == "mapping":
            self.say("SW0144", node.span, word=self.source.text[node.span.start : node.span.end].split()[0])
        elif not operation and kind == "overlay":
            self.plain_in_overlay(node)
        elif isinstance(node, ast.Rule) and isinstance(node.target, ast.Hl7Path):
            self.say("SW0142", node.target.span, path=node.target, segment=node.target.segment)
        else:
            return True
        self.open_silently(line, node)
        return False

    def plain_in_overlay(self, node: Any) -> None:
        if isinstance(node, ast.Rule):
            self.say("SW0148", node.target.span, target=node.target)
        else:
            kinds: dict[type, str] = {
                ast.Segment: "segment",
                ast.Loop: "loop",
                ast.Check: "check",
                ast.Reject: "reject",
            }
            self.say("SW0149", node.span, block="an overlay", kind=kinds.get(type(node), ""))

    def open_silently(self, line: Line, node: Any) -> None:
        """A refused line still opens its block; what stands in it is read and dropped."""
        if isinstance(node, ast.Replace | ast.AddBlock):
            if not (isinstance(node, ast.Replace) and isinstance(node.body, ast.Table) and node.body.file):
                self.push(announced(line.text), None, line)
        elif type(node) in _OPENS:
            self.push(_OPENS[type(node)], None, line)

    def open_operation(self, line: Line, node: ast.Replace | ast.AddBlock) -> None:
        block = node.body if isinstance(node, ast.Replace) else node.block
        word = "replace" if isinstance(node, ast.Replace) else "add"
        if isinstance(block, ast.Table) and block.file is not None:
            self.attach(node)
            return
        kind = "segment" if isinstance(block, ast.Segment) else "loop" if isinstance(block, ast.Loop) else "table"
        self.push(f"{word} {kind}", node, line)

    # --- opening and closing

    def push(self, kind: str, head: Any, line: Line) -> None:
        span = self.source.span(line.start, line.start + len(line.text))
        self.stack.append(_Frame(kind, head, line, span))

    def leave_segment(self) -> None:
        if self.top.kind in _IMPLICIT:
            self.pop()

    def end(self, line: Line, closing: Closing | None) -> None:
        self.leave_segment()
        if len(self.stack) == 1:
            self.say("SW0141", self.source.span(line.start, line.start + 3))
            return
        # Where indentation says that a block further out is meant, the inner ones have lost their `end`.
        if line.column < self.top.column and any(frame.column == line.column for frame in self.stack[1:-1]):
            while self.top.column != line.column:
                if self.top.kind not in _IMPLICIT:
                    self.missing_end(self.top, line)
                self.pop()
        because = closing.because if closing else ""
        if because and self.top.kind not in _REASONED and closing is not None:
            self.say("SW0153", closing.span, clause="because", owner=f"the `end` of `{self.top.kind}`")
            because = ""
        self.pop(because)

    def forgotten(self, line: Line) -> None:
        """The open block of rows has lost its `end`: this line cannot stand in it."""
        self.missing_end(self.top, line)
        self.pop()

    def close_all(self, line: Line) -> None:
        while len(self.stack) > 1 and line.column <= self.top.column:
            if self.top.kind not in _IMPLICIT:
                self.missing_end(self.top, line)
            self.pop()

    def missing_end(self, frame: _Frame, line: Line | None = None) -> None:
        first = self.source.position(frame.span.start)
        labels = []
        if line is not None:
            labels.append(Label(self.source.span(line.start, line.start + len(line.text)), "needed"))
        self.say("SW0140", frame.span, *labels, block=frame.kind, line=str(first.line))

    def pop(self, because: str = "") -> None:
        """Close the innermost block: its node gets its children and goes to the block around it."""
        frame = self.stack.pop()
        head, children = frame.head, tuple(frame.children)
        if head is None:
            return
        if because and getattr(head, "because", ""):
            self.say("SW0152", frame.span, clause="because")
        with_reason = {"because": because} if because else {}
        set_ = msgspec.structs.replace
        if isinstance(head, Reason):
            for operation in children:
                if isinstance(operation, _DECLARED):
                    self.declarations.append(operation)
                else:
                    self.attach(_reasoned(operation, head.because))
        elif isinstance(head, ast.Segment):
            self.attach(set_(head, rules=children))
        elif isinstance(head, ast.Loop | ast.Group):
            self.attach(set_(head, body=children))
        elif isinstance(head, ast.Replace):
            self.attach(set_(head, body=_filled(head.body, children), **with_reason))
        elif isinstance(head, ast.AddBlock):
            self.attach(set_(head, block=_filled(head.block, children), **with_reason))
        elif isinstance(head, ast.OverridePart):
            reason = because or head.because
            self.attach(set_(head, operations=children, because=reason))
        elif isinstance(head, ast.OverrideTable):
            self.attach(set_(head, rows=children, **with_reason))
        elif isinstance(head, ast.OverrideFormat):
            self.attach(set_(head, rules=children, **with_reason))
        elif isinstance(head, ast.OverrideText):
            self.attach(set_(head, lines=self.narrative(children, changes=True), **with_reason))
        else:
            self.declarations.append(self.declared(head, children))

    def declared(self, head: Any, children: tuple[Any, ...]) -> Any:
        set_ = msgspec.structs.replace
        if isinstance(head, ast.Record):
            return set_(head, fields=children)
        if isinstance(head, ast.Enum):
            return set_(head, values=children)
        if isinstance(head, ast.Table):
            return set_(head, rows=children)
        if isinstance(head, ast.Format):
            return set_(head, rules=children)
        if isinstance(head, ast.Narrative):
            return set_(head, lines=self.narrative(children, changes=False))
        return set_(head, body=children)

    def narrative(self, lines: tuple[Line, ...], *, changes: bool) -> tuple[ast.NarrativeLine, ...]:
        """Raw lines without the indentation they share. In an overlay `add "…"` and `remove "…"` change single lines."""
        shared = textwrap.dedent("\n".join(line.text for line in lines)).split("\n")
        made = []
        for line, text in zip(lines, shared, strict=False):
            span = self.source.span(line.start, line.start + len(line.text))
            change = _CHANGE.match(text) if changes else None
            if change is None:
                made.append(ast.NarrativeLine(text, "", span))
            else:
                word: Literal["add", "remove"] = "add" if change[1] == "add" else "remove"
                made.append(ast.NarrativeLine(change[2].replace('""', '"'), word, span))
        return tuple(made)

    def attach(self, node: Any) -> None:
        """Give a finished node to the innermost open block. A reason of its own is asked for where none is around it."""
        unreasoned = isinstance(node, (ast.Allow, *_OPERATION)) and not getattr(node, "because", "?")
        if unreasoned and not any(frame.kind in _OPERATIONS for frame in self.stack):
            inner = node.operations if isinstance(node, ast.OverridePart) else ()
            if not inner or any(not getattr(operation, "because", "") for operation in inner):
                self.say("SW0150", node.span, what=_called(node))
        self.top.children.append(node)

    def say(self, code: str, span: Span, *labels: Label, **facts: object) -> None:
        said = {name: str(fact) for name, fact in facts.items()}
        self.diagnostics.append(Diagnostic(code, span, said, labels))


def _reasoned(operation: Any, because: str) -> Any:
    return operation if operation.because else msgspec.structs.replace(operation, because=because)


def _filled(block: Any, children: tuple[Any, ...]) -> Any:
    if isinstance(block, ast.Segment | ast.Table):
        return msgspec.structs.replace(block, **{"rules" if isinstance(block, ast.Segment) else "rows": children})
    return msgspec.structs.replace(block, body=children)


_CALLED: dict[type, str] = {
    ast.Record: "record",
    ast.Enum: "enum",
    ast.Table: "table",
    ast.Format: "format",
    ast.Part: "part",
    ast.Narrative: "text",
    ast.Allow: "allow",
    ast.Remove: "remove",
    ast.Replace: "replace",
    ast.Move: "move",
    ast.AddBlock: "add",
    ast.AddRule: "add",
    ast.AddCheck: "add",
}


def _called(node: Any) -> str:
    return _CALLED.get(type(node), "override")
