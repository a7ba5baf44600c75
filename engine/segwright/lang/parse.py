"""Text to tree: `parse(source)`.

Takes the text of one `.seg` file, gives its `File` and every mistake of its syntax. Total: any text at all gives a tree of what
could be read. `lang.lines` cuts the text, Lark reads each logical line alone, `lang.build` makes nodes, `lang.blocks` nests
them, `lang.mistakes` says what is wrong with a line that could not be read.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePosixPath
from threading import RLock
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.blocks import Blocks
from segwright.lang.build import Builder
from segwright.lang.lines import Line, split

MAX_LINE = 10_000
"""Characters of one logical line. A longer one is refused unread: nobody wrote it by hand."""
MAX_DEPTH = 100
"""Steps, negations and parentheses of one logical line; keeps every later pass far from Python's recursion limit."""

_DEEPER = re.compile(r"[({]|\b(?:not|as|via|else|optional|list)\b")


def parse(source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """The tree of a file and the mistakes of its syntax, in order of place."""
    splitting = split(source)
    reader = LineReader(source)
    blocks = Blocks(source, reader.line)
    blocks.run(splitting.lines)
    found = [*splitting.diagnostics, *reader.diagnostics, *blocks.diagnostics]
    if found:
        from segwright.lang.mending import offered

        found = [offered(item, source) for item in found]
        found.sort(key=lambda item: (item.span.start, item.span.end, item.code))
    body = tuple(blocks.root.children)
    mapping = overlay = None
    if isinstance(blocks.header, ast.Mapping):
        mapping = _with(blocks.header, body=body)
    elif isinstance(blocks.header, ast.Overlay):
        overlay = _with(blocks.header, operations=body)
    name = PurePosixPath(source.name).stem
    comments = tuple(splitting.comments)
    return ast.File(name, mapping, overlay, tuple(blocks.declarations), comments, source.span()), found


def _with(node: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(node, **fields)


class _Lark:
    """The one parser of the process. Its builder serves one line at a time, so threads take turns line by line."""

    def __init__(self) -> None:
        from segwright.lang.lalr import line_parser

        self.builder = Builder(self._value)
        self.parser = line_parser(self.builder)
        self.reader: LineReader | None = None
        self.lock = RLock()

    def _value(self, text: str, at: int) -> ast.Value | None:
        assert self.reader is not None
        found: ast.Value | None = self.reader.read(text, at, "value", "")
        return found


@cache
def _lark() -> _Lark:
    return _Lark()


class LineReader:
    """Parses the logical lines of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self.failed = False

    def line(self, line: Line, start: str) -> Any:
        """The node of a line, or None when it is wrong; then it has been reported."""
        text = line.text
        if len(text) > 400 and (len(text) > MAX_LINE or len(_DEEPER.findall(text)) > MAX_DEPTH):
            self.diagnostics.append(diagnostic("SW0159", self.source.span(line.start, line.start + 40)))
            return None
        before = len(self.diagnostics)
        self.failed = False
        with _lark().lock:
            node = self.read(text, line.start, start, line.doc)
        if line.mended:
            # What is wrong here was said when the line was cut; the rest would only repeat it.
            del self.diagnostics[before:]
        return None if self.failed else node

    def read(self, text: str, at: int, start: str, doc: str) -> Any:
        from lark.exceptions import UnexpectedInput

        lark = _lark()
        builder = lark.builder
        lark.reader = self
        if start != "value":
            builder.problems.clear()
        builder.begin(self.source.name, at, text, doc)
        try:
            node: Any = lark.parser.parse(text, start=start)
        except UnexpectedInput as mistake:
            from segwright.lang.mistakes import explain

            self.failed = True
            self.diagnostics.append(explain(text, at, mistake, start, self.source, lark.parser))
            node = None
        if start != "value":
            for problem in builder.problems:
                self.diagnostics.append(Diagnostic(problem.code, problem.span, problem.facts))
        return node
