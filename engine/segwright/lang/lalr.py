"""Lark at work: the parser of one logical line. The only module of `lang` that imports Lark; import it lazily.

`line_parser(build)` gives a Lark parser that calls `build`'s methods while it reduces, so no tree of Lark's is ever made. Its
lexer is Lark's contextual one with the bookkeeping of lines and columns left out: a logical line knows its offset in the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import Any

import lark
from lark.exceptions import UnexpectedCharacters
from lark.grammar import Rule
from lark.lexer import ContextualLexer, TerminalDef

from segwright.lang.grammar_file import OPTIONS, Tables, fingerprint, grammar_text, read_tables

_SPACE = r"[ \t\r\n\f\v]*"
_AT_END = re.compile(_SPACE + r"\Z")


class LineToken:
    """What the builder needs of a token: its kind, its text, and where it stands in the line."""

    __slots__ = ("end_pos", "start_pos", "type", "value")
    # Lark copies these from the last token to its end marker.
    line = column = end_line = end_column = 0

    def __init__(self, type_: str, value: str, start: int, end: int) -> None:
        self.type = type_
        self.value = value
        self.start_pos = start
        self.end_pos = end


class LineLexer(ContextualLexer):
    """Lark's contextual lexer (one scanner per set of accepted terminals, made when first needed), without line counting."""

    def __init__(self, conf: Any, states: dict[int, Collection[str]], always_accept: Collection[str] = ()) -> None:
        self._known = conf.terminals_by_name
        self._accepts = states
        self._scanners: dict[int, Any] = {}
        self._shared: dict[frozenset[str], Any] = {}

    def _scanner(self, state: int) -> Any:
        names = frozenset(name for name in self._accepts[state] if name in self._known)
        scanner = self._shared.get(names)
        if scanner is None:
            # Lark's own order: rank, then the longest; the name last, so that the order never depends on a hash.
            terminals = sorted(
                (self._known[name] for name in names),
                key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
            )
            choice = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals) or r"(?!)"
            scanner = self._shared[names] = re.compile(f"{_SPACE}(?:{choice})").match
        self._scanners[state] = scanner
        return scanner

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:
        text: str = lexer_state.text.text
        at, end = 0, len(text)
        scanners, stack = self._scanners, parser_state.state_stack
        while at < end:
            state = stack[-1]
            found = (scanners.get(state) or self._scanner(state))(text, at)
            if found is None:
                if _AT_END.match(text, at):
                    return
                allowed = {name for name in self._accepts[state] if name in self._known}
                raise UnexpectedCharacters(  # type: ignore[no-untyped-call]
                    text, at, 1, at + 1, allowed=allowed, state=parser_state
                )
            start, at = found.span(found.lastindex)
            yield LineToken(found.lastgroup, text[start:at], start, at)


def line_parser(build: object) -> lark.Lark:
    """A parser of logical lines whose results are `build`'s; from the prebuilt tables if they fit."""
    plugins = {"ContextualLexer": LineLexer}
    tables = read_tables(lark.__version__)
    if tables is None:
        return lark.Lark(grammar_text(), transformer=build, _plugins=plugins, **OPTIONS)
    parser: lark.Lark = lark.Lark._load_from_dict(  # type: ignore[no-untyped-call]
        _numbered(tables.data), _by_number(tables.memo), transformer=build, _plugins=plugins
    )
    return parser


def make_tables(grammar: str) -> Tables:
    """The tables of a grammar. With `interegular` installed, colliding terminals are refused as well as conflicts of rules."""
    parser = lark.Lark(grammar, strict=find_spec("interegular") is not None, **OPTIONS)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    return Tables(fingerprint(grammar), lark.__version__, data, {str(key): value for key, value in memo.items()})


def _by_number(table: dict[str, Any]) -> dict[int, Any]:
    """JSON has no numbers as keys; Lark's tables have nothing else."""
    return {int(key): value for key, value in table.items()}


def _numbered(data: dict[str, Any]) -> dict[str, Any]:
    frontend = data["parser"]
    tables = frontend["parser"]
    states = {int(state): _by_number(actions) for state, actions in tables["states"].items()}
    tables = {**tables, "tokens": _by_number(tables["tokens"]), "states": states}
    return {**data, "parser": {**frontend, "parser": tables}}
