"""YAML with places: a file's text becomes a tree of mappings, sequences and scalars that know where they stand.

Takes a `Source`. Gives the tree, every scalar by its source spelling: no tag, no type is guessed, so facility `0123` stays
`0123` and `no` stays `no`. Refuses what is not YAML and what would let one value hide another: keys written twice, anchors and
aliases, tags, directives, several documents. Refusals are diagnostics; nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, Final, NamedTuple, TypeAlias

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source, Span

DEPTH: Final = 24
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_CURLY: Final = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb")


class Scalar(NamedTuple):
    """A value by its spelling; `text` is None for a key without a value (also a bare `null` or `~`)."""

    text: str | None
    start: int
    end: int


class Sequence(NamedTuple):
    """A list."""

    items: list[Node]
    start: int
    end: int


class Entry(NamedTuple):
    """A key of a mapping and what it holds."""

    start: int
    end: int
    node: Node


class Mapping(NamedTuple):
    """Keys in written order."""

    entries: dict[str, Entry]
    start: int
    end: int


Node: TypeAlias = Scalar | Sequence | Mapping


class _Unreadable(Exception):
    """Reading cannot go on; the finding says why."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.code)
        self.finding = finding


def read_tree(source: Source) -> tuple[Mapping | None, list[Diagnostic]]:
    """The file's one mapping, or None with the reason. Of a key that stands twice the first counts; all such are reported."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not source.text.strip():
        return None, [diagnostic("SW0704", source.span(0, 0), file=source.name)]
    reader = _Reader(source)
    try:
        return reader.document(YAML(typ="safe", pure=True).parse(StringIO(source.text))), reader.findings
    except _Unreadable as stop:
        return None, [*reader.findings, stop.finding]
    except YAMLError as error:
        return None, [*reader.findings, _syntax(source, error)]
    except (ValueError, OverflowError, IndexError, AttributeError, TypeError, AssertionError, NotImplementedError):
        # ruamel's own slips on hostile text (`"\UFFFFFFFF"` reaches chr()): as unreadable as any other.
        where = reader.at
        return None, [*reader.findings, diagnostic("SW0710", source.span(where, where), reason=_GENERIC)]


def plain(node: Node) -> Any:
    """The data of a node alone: dict, list, str and None."""
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text


def find(root: Node, path: tuple[str | int, ...]) -> tuple[Entry | None, Node] | None:
    """The node at a path of keys and list indexes, with its entry when it stands under a key; None when nothing is there."""
    node, entry = root, None
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            entry = node.entries[step]
            node = entry.node
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            entry, node = None, node.items[step]
        else:
            return None
    return entry, node


class _Reader:
    """Builds the tree from ruamel's events: the composer would resolve aliases silently and keep no place of a key."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Diagnostic] = []
        self.at = 0

    def document(self, events: Iterator[Any]) -> Mapping | None:
        """The first document's mapping; a second document is refused."""
        root: Node | None = None
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                self._document_start(event, second=root is not None)
            elif kind not in {"StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"}:
                root = self._node(event, events, 0)
        if isinstance(root, Mapping):
            return root
        if root is None or (isinstance(root, Scalar) and root.text is None):
            self._found("SW0704", 0, 0, file=self.source.name)
        else:
            self._found("SW0715", root.start, root.end, what="a list" if isinstance(root, Sequence) else "one value")
        return None

    def _document_start(self, event: Any, *, second: bool) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if second:
            raise _Unreadable(diagnostic("SW0714", self.source.span(start, max(end, start))))
        if event.version or event.tags:
            self._found("SW0713", start, start, what="A directive")

    def _found(self, code: str, start: int, end: int, *labels: Label, **facts: Any) -> None:
        self.findings.append(diagnostic(code, self.source.span(start, end), *labels, **facts))

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        self.at = start
        kind = type(event).__name__
        if kind == "AliasEvent":
            self._found("SW0713", start, end, what="An alias (`*`)")
            return Scalar(None, start, end)
        if event.anchor:
            self._found("SW0713", start, self._word(start), what="An anchor (`&`)")
        if event.tag:
            self._found("SW0713", start, self._word(start), what="A tag (`!`)")
        if kind == "ScalarEvent":
            bare, value = event.implicit[0] and not event.style, event.value
            if bare and value[:1] in _CURLY and value[-1:] in _CURLY and len(value) > 1:
                self._found("SW0102", start, start + 1, found=value[0])
                value = value[1:-1]  # as it was meant, so that it is told once
            text = None if bare and value in _NULLS else value
            return Scalar(text, start, start + len(self.source.text[start:end].rstrip()))
        if depth == DEPTH:
            raise _Unreadable(diagnostic("SW0710", self.source.span(start, start), reason=_DEEP))
        if kind == "SequenceStartEvent":
            return self._sequence(start, events, depth)
        return self._mapping(start, events, depth)

    def _sequence(self, start: int, events: Iterator[Any], depth: int) -> Sequence:
        items: list[Node] = []
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                return Sequence(items, start, self._close(event, items[-1].end if items else start))
            items.append(self._node(event, events, depth + 1))
        raise AssertionError("ruamel ended a list without its end")

    def _mapping(self, start: int, events: Iterator[Any], depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        last = start
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                return Mapping(entries, start, self._close(event, last))
            key = self._node(event, events, depth + 1)
            node = self._node(next(events), events, depth + 1)
            last = max(last, node.end)
            if not isinstance(key, Scalar) or not key.text:
                self._found("SW0715", key.start, key.end, what="a key that is not a name")
            elif key.text in entries:
                first = entries[key.text]
                label = Label(self.source.span(first.start, first.end), "first")
                self._found("SW0712", key.start, key.end, label, key=key.text)
            else:
                entries[key.text] = Entry(key.start, key.end, node)
        raise AssertionError("ruamel ended a mapping without its end")

    def _close(self, event: Any, last: int) -> int:
        """Where a collection ends: its bracket, or its last item (ruamel ends a block only where the next one begins)."""
        start, end = event.start_mark.index, event.end_mark.index
        return int(end) if end > start and self.source.text[start:end] in {"}", "]"} else last

    def _word(self, start: int) -> int:
        """The end of the word at an offset."""
        found = re.compile(r"\S*").match(self.source.text, start)
        return found.end() if found else start


_GENERIC: Final = "This is not YAML."
_DEEP: Final = "Keys are nested too deeply."
_DEEPER: Final = "This line is indented deeper than the key above it, which has its value already."
_QUOTE: Final = "A `{0}` inside `{0}…{0}` is written `{1}`."

# ruamel's words (left) and an analyst's (right). `{0}` is the character in question: never a value.
_WORDS: Final = (
    (r"mapping values are not allowed", "A second `: ` on one line: a value that holds `: ` stands in quotes."),
    (r"expected <block end>", "This line is indented differently from the lines it belongs to."),
    (r"expected ',' or '\}'", "A `,` or the closing `}}` is missing before this."),
    (r"expected ',' or '\]'", "A `,` or the closing `]` is missing before this."),
    (
        r"found unknown escape character '(.)'",
        "In double quotes `\\` begins an escape, and `\\{0}` is none: use single quotes.",
    ),
    (
        r"escape sequence of|found unknown escape",
        "In double quotes `\\` begins an escape, and this is none: use single quotes.",
    ),
    (r"character '(.)' that cannot start", "A value cannot begin with `{0}`: put it in quotes."),
    (r"special characters are not allowed|unacceptable character", "A character that no text file should hold."),
    (r"sequence entries are not allowed", "A list item cannot begin here: put it on a line of its own."),
    (r"did not find expected|expected the node content", "A value is missing here."),
    (r"alphabetic or numeric character", "An `&` or `*` begins the value: put it in quotes."),
    (r"chomping or indentation|expected a comment or a line break", "`|` or `>` begins the value: put it in quotes."),
)


def _syntax(source: Source, error: Exception) -> Diagnostic:
    """What ruamel says, in an analyst's words and at the character it is about."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "")
    mark = getattr(error, "problem_mark", None)
    at = int(mark.index) if mark is not None else int(getattr(error, "position", 0) or 0)
    at = min(at, len(source.text))
    tab = _tab(source, at)
    if tab is not None:
        return diagnostic("SW0711", source.span(tab, tab + 1))
    context = getattr(error, "context_mark", None)
    if context is not None and "end of stream" in problem and "quoted" in str(getattr(error, "context", "")):
        return diagnostic("SW0710", _mark(source, context), reason="This quote is never closed.")
    if context is not None and "<stream end>" in problem:
        return diagnostic("SW0710", _mark(source, context), reason="This bracket is never closed.")
    if "could not find expected ':'" in problem and context is not None:
        line = source.line(source.position(int(context.index)).line)
        glued = re.match(r"\s*[\w-]+:(?=\S)", line)
        reason = (
            f"Behind the colon of a key stands a space: `{glued[0].strip()} …`." if glued else "A key without its `:`."
        )
        return diagnostic("SW0710", _mark(source, context), reason=reason)
    if "mapping values are not allowed" in problem:
        number, column = source.position(at)
        before = source.line(number)[: column - 1]
        if ": " not in before and number > 1:  # the line above has its value already, and this one goes on with it
            start = at - len(before.lstrip())
            return diagnostic("SW0710", _character(source, start), reason=_DEEPER)
    if (
        "expected <block end>" in problem
        and source.text[at - 1 : at] in ("'", '"')
        and source.text[at : at + 1].isalnum()
    ):
        quote = source.text[at - 1]
        return diagnostic(
            "SW0710", _character(source, at - 1), reason=_QUOTE.format(quote, quote * 2 if quote == "'" else '\\"')
        )
    for pattern, words in _WORDS:
        found = re.search(pattern, problem)
        if found:
            return diagnostic("SW0710", _character(source, at), reason=words.format(*found.groups()))
    return diagnostic("SW0710", _character(source, at), reason=_GENERIC)


def _mark(source: Source, mark: Any) -> Span:
    return _character(source, int(mark.index))


def _character(source: Source, at: int) -> Span:
    return source.span(min(at, len(source.text)), min(at + 1, len(source.text)))


def _tab(source: Source, at: int) -> int | None:
    """A tab in the indentation of the line at an offset, or of the line above it."""
    number = source.position(at).line
    for line in (number, number - 1):
        text = source.line(line)
        indent = text[: len(text) - len(text.lstrip())]
        if "\t" in indent:
            return source.span_at(line, indent.index("\t") + 1).start
    return None
