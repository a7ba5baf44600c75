"""The quick way to read an org.yaml: the YAML that people write there, and nothing else.

Takes a text, gives its tree, place for place what `tree.read_tree` gives; or None: not here. It takes block mappings, and on
one line flow collections, quoted texts and plain texts of harmless characters. Whatever is wrong, or might mean something else
to YAML, is left to ruamel, which is ten times slower and knows what to say about it. None is never an error.
"""

from __future__ import annotations

import re
from typing import Final

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.orgs.tree import Entry, Mapping, Node, Scalar, Sequence, read_tree

_DEPTH: Final = 20
_LONGEST: Final = 1000  # a key must stand within 1,024 characters of its colon
_NULLS: Final = frozenset({"null", "Null", "NULL"})

_STRANGE: Final = re.compile("[^\n\x20-\x7e\u00a1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_WORD: Final = r"[A-Za-z0-9_./^+*()@%&=<>~|;!?$\\'\u00a1-\u2027-]"
_PLAIN: Final = rf"(?:[A-Za-z0-9_./]|-(?=[0-9]))(?:{_WORD}|:(?={_WORD})| +(?={_WORD}))*"
_VALUE: Final = re.compile(
    rf"""(?P<plain>{_PLAIN})|'(?P<single>(?:[^'\n]|'')*)'|"(?P<double>(?:[^"\\\n]|\\["\\])*)"|(?P<open>[\[{{])"""
)
_KEY: Final = re.compile(
    r"""(?P<key>(?P<plain>[A-Za-z0-9_][A-Za-z0-9_.^-]*)|'(?P<single>[^'"\n]+)'|"(?P<double>[^'"\\\n]+)"):(?: +|(?=\n)|\Z)"""
)
_REST: Final = re.compile(r"(?: +#.*| *)(?=\n|\Z)")
_LINE: Final = re.compile(r"( *)([^\n]*)(?:\n|\Z)")
_SPACES: Final = re.compile(r" *")


class _Elsewhere(Exception):
    """This text is for ruamel."""


def read_quickly(source: Source) -> tuple[Mapping | None, list[Diagnostic]]:
    """The file's mapping as `read_tree` gives it, the quick way where that is sure."""
    tree = read_plain(source.text)
    return (tree, []) if tree is not None else read_tree(source)


def read_plain(text: str) -> Mapping | None:
    """The tree of the text, or None when ruamel must read it."""
    if _STRANGE.search(text):
        return None
    try:
        return _block(text)
    except _Elsewhere:
        return None


class _Group:
    """A block mapping that is still being read, and the key it belongs to."""

    __slots__ = ("end", "entries", "indent", "key", "start")

    def __init__(self, indent: int, key: tuple[str, int, int], start: int) -> None:
        self.indent = indent
        self.key = key
        self.start = start
        self.end = start
        self.entries: dict[str, Entry] = {}

    def add(self, key: tuple[str, int, int], node: Node) -> None:
        """A key with its value."""
        self.entries[key[0]] = Entry(key[1], key[2], node)
        self.end = node.end


def _block(text: str) -> Mapping:
    groups: list[_Group] = []
    waiting: tuple[str, int, int] | None = ("", 0, 0)
    line = 0
    while line < len(text):
        found = _LINE.match(text, line)
        if found is None:
            raise _Elsewhere
        indent, at, line = found.end(1) - line, found.end(1), found.end()
        if not found[2] or text[at] == "#":
            continue
        if line - at > _LONGEST:
            raise _Elsewhere
        if waiting is not None:
            if len(groups) == _DEPTH or indent <= (groups[-1].indent if groups else -1) or (not groups and indent):
                raise _Elsewhere  # a key without a value
            groups.append(_Group(indent, waiting, at))
            waiting = None
        _close(groups, indent)
        if groups[-1].indent != indent:
            raise _Elsewhere
        key, at = _key(text, at, groups[-1].entries)
        if text[at : at + 1] in {"", "\n", "#"}:
            waiting = key
            continue
        node, at = _value(text, at, len(groups))
        groups[-1].add(key, node)
        if not _REST.match(text, at):
            raise _Elsewhere
    if waiting is not None:
        raise _Elsewhere
    _close(groups, 0)
    return Mapping(groups[0].entries, groups[0].start, groups[0].end)


def _close(groups: list[_Group], indent: int) -> None:
    """Ends the groups that are indented more."""
    while groups[-1].indent > indent and len(groups) > 1:
        group = groups.pop()
        groups[-1].add(group.key, Mapping(group.entries, group.start, group.end))


def _key(text: str, at: int, entries: dict[str, Entry]) -> tuple[tuple[str, int, int], int]:
    found = _KEY.match(text, at)
    if found is None:
        raise _Elsewhere
    name = found["plain"] or found["single"] or found["double"]
    if name in entries or name in _NULLS:
        raise _Elsewhere
    return (name, at, found.end("key")), found.end()


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    found = _VALUE.match(text, at)
    if found is None or depth > _DEPTH:
        raise _Elsewhere
    end = found.end()
    kind = found.lastgroup
    if kind == "plain":
        if found["plain"] in _NULLS:
            raise _Elsewhere
        return Scalar(found["plain"], at, end), end
    if kind == "single":
        return Scalar(found["single"].replace("''", "'"), at, end), end
    if kind == "double":
        return Scalar(re.sub(r"\\(.)", r"\1", found["double"]), at, end), end
    return _mapping(text, at, depth + 1) if found["open"] == "{" else _sequence(text, at, depth + 1)


def _mapping(text: str, start: int, depth: int) -> tuple[Mapping, int]:
    entries: dict[str, Entry] = {}
    at = _past_spaces(text, start + 1)
    if text.startswith("}", at):
        return Mapping(entries, start, at + 1), at + 1
    while True:
        (name, key_start, key_end), at = _key(text, at, entries)
        node, at = _value(text, at, depth)
        entries[name] = Entry(key_start, key_end, node)
        at, more = _next(text, at, "}")
        if not more:
            return Mapping(entries, start, at), at


def _sequence(text: str, start: int, depth: int) -> tuple[Sequence, int]:
    items: list[Node] = []
    at = _past_spaces(text, start + 1)
    if text.startswith("]", at):
        return Sequence(items, start, at + 1), at + 1
    while True:
        item, at = _value(text, at, depth)
        items.append(item)
        at, more = _next(text, at, "]")
        if not more:
            return Sequence(items, start, at), at


def _next(text: str, at: int, close: str) -> tuple[int, bool]:
    """Past the comma to the next item, or past the closing bracket."""
    at = _past_spaces(text, at)
    if text.startswith(close, at):
        return at + 1, False
    if not text.startswith(",", at):
        raise _Elsewhere
    return _past_spaces(text, at + 1), True


def _past_spaces(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return found.end() if found else at
