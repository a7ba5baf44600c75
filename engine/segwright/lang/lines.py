"""Source text to logical lines.

Takes a whole file; gives its logical lines, its comments, and what is wrong below the level of a line (an open quote, a
look-alike character). Refuses nothing.

A logical line keeps the length of what it stands for: comments, line ends and look-alike characters inside it are replaced
character by character. So its offset in the file plus an offset in the line is always the offset in the file, and every span
of the tree is exact without a map. Lines of a `text` block are raw: nothing in them is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from segwright.core.diagnostic import Diagnostic, Edit, Fix, Severity, diagnostic
from segwright.core.source import TAB, Source
from segwright.lang.ast import Comment

CONTINUES = frozenset(
    "because else via as and or required optional on saying where from when ordered having named".split()
)
"""Words that go on with the line above. No line of a file begins with them otherwise."""

LOOK_ALIKES = {
    "\u00a0": " ",
    "\u1680": " ",
    "\u2002": " ",
    "\u2003": " ",
    "\u2004": " ",
    "\u2005": " ",
    "\u2006": " ",
    "\u2007": " ",
    "\u2008": " ",
    "\u2009": " ",
    "\u200a": " ",
    "\u200b": " ",
    "\u202f": " ",
    "\u205f": " ",
    "\u2028": " ",
    "\u2029": " ",
    "\u2060": " ",
    "\u3000": " ",
    "\ufeff": " ",
    "\u0085": " ",
    "‐": "-",
    "‑": "-",
    "‒": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "－": "-",
    "﹣": "-",
    "＝": "=",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "，": ",",
    "：": ":",
    "．": ".",
    "＃": "#",
    "＾": "^",
    "ˆ": "^",
    "‘": "'",
    "’": "'",
}
"""Characters that look like ones of the language, and the one that was meant."""

QUOTES = frozenset("“”„‟«»″＂")

_CODE = re.compile(r'(?:[^"#]|"[^"]*")*+')
_FIRST = re.compile(r"[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)(?![A-Za-z0-9_.:])|([=^]))")
_ROWS = re.compile(r"[ \t]*(?:(?:(?:override|replace)[ \t]+)?table|record|enum)[ \t]+[A-Za-z_]")
_RAW = re.compile(r"([ \t]*)(override[ \t]+)?text[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]*(?:\(|$|because\b)")
_END = re.compile(r"[ \t]*end(?![A-Za-z0-9_.:])")
_FROM_FILE = re.compile(
    r'[ \t]*from[ \t]+(?:org[ \t]+)?"|.*[^A-Za-z0-9_.]from[ \t]+(?:org[ \t]+)?"(?:[^"]|"")*"[ \t]*(?:because\b.*)?$'
)
_RAW_END = re.compile(r"[ \t]*end[ \t\r]*(?:#.*|because\b.*)?$")
HEADER = re.compile(
    r"[ \t]*(?:(?:override|replace|add)[ \t]+)?"
    r"(?:mapping|overlay|segment|table|format|part|record|enum|use|for|check|reject|allow|move|text)[ \t]+[A-Za-z]"
)
"""A line that begins a statement for certain: it shows that the block of rows before it was never closed."""
_DECLARES = re.compile(
    r"([ \t]*)(?:mapping[ \t]+\w+[ \t]+(?:writes|reads)\b|overlay[ \t]+\w+[ \t]*$|(?:record|enum)[ \t]+[A-Z]\w*[ \t]*$"
    r"|table[ \t]+\w+[ \t]*:|format[ \t]+\w+[ \t]*\(|part[ \t]+\w+[ \t]*(?:\(|$)|text[ \t]+\w+[ \t]*\(.*\)[ \t]*$)"
)


class Line(msgspec.Struct, frozen=True):
    """One logical line: `text` has the length of what it stands for, from offset `start`. `doc` is the `##` comment above.

    `column` is the indentation of its first physical line. `mended`: something in it was reported and guessed, so what the
    grammar says about it would only repeat that. `raw` lines stand inside a `text` block.
    """

    start: int
    text: str
    column: int
    doc: str = ""
    raw: bool = False
    mended: bool = False


class Splitting(msgspec.Struct):
    """The logical lines of a file and what was found while cutting it."""

    lines: list[Line]
    comments: list[Comment]
    diagnostics: list[Diagnostic]


class _Open:
    """A logical line that may still go on."""

    __slots__ = ("column", "doc", "end", "mended", "pieces", "start")

    def __init__(self, start: int, column: int, doc: str) -> None:
        self.start = self.end = start
        self.column = column
        self.doc = doc
        self.mended = False
        self.pieces: list[str] = []

    def add(self, at: int, code: str, mended: bool) -> None:
        if at > self.end:
            # A line end stays one: the grammar skips it, and the builder sees where a physical line began.
            self.pieces.append("\n" + " " * (at - self.end - 1))
        self.pieces.append(code)
        self.end = at + len(code)
        self.mended |= mended


def split(source: Source) -> Splitting:
    """Cut a file into logical lines."""
    return _Splitter(source).run()


class _Splitter:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.out = Splitting([], [], [])
        self.mode: Literal["code", "rows", "raw"] = "code"
        self.open: _Open | None = None
        self.docs: list[tuple[str, Comment]] = []
        self.after_end = False
        self.raw_column = 0
        self.tab: Diagnostic | None = None
        self.tabs: list[Edit] = []

    def run(self) -> Splitting:
        for at, line in _physical(self.source.text):
            if self.mode == "raw":
                self.raw(at, line)
            else:
                self.code(at, line)
        self.close()
        self.drop_docs()
        self.out.comments.sort(key=lambda comment: comment.span)
        if self.tab is not None:
            said = msgspec.structs.replace(self.tab, fixes=(Fix(tuple(self.tabs), safe=True),))
            self.out.diagnostics[self.out.diagnostics.index(self.tab)] = said
        return self.out

    # --- one physical line

    def raw(self, at: int, line: str) -> None:
        if _RAW_END.match(line):
            self.mode = "code"
            self.code(at, line)
            return
        declares = _DECLARES.match(line)
        if declares and len(declares[1]) <= self.raw_column:
            self.mode = "code"  # the `end` was forgotten; the block pass says so
            self.code(at, line)
            return
        self.close()
        self.out.lines.append(Line(at, line.rstrip(), len(line) - len(line.lstrip()), raw=True))

    def code(self, at: int, line: str) -> None:
        mended = False
        if not line.isascii() or "\t" in line:
            line, mended = self.without_look_alikes(at, line)
        code = line
        if '"' in line or "#" in line:
            found = _CODE.match(line)
            stop = found.end() if found else 0
            code = line[:stop]
            if stop < len(line):
                if line[stop] == "#":
                    self.comment(at, line, stop)
                else:
                    code, mended = self.unclosed(at, line, stop), True
        code = code.rstrip()
        if not code or code.isspace():
            if not line.strip():
                self.drop_docs()
            return
        self.place(at, code, mended)

    def place(self, at: int, code: str, mended: bool) -> None:
        """Join the code to the open line, or begin a new one."""
        first = _FIRST.match(code)
        word = (first[1] or first[2]) if first else ""
        if self.open is not None and self.joins(word, code):
            self.open.add(at, code, mended)
            self.drop_docs()
            if self.mode == "rows" and _FROM_FILE.match(code):
                self.mode = "code"
            return
        self.close()
        indent = len(code) - len(code.lstrip())
        doc = "\n".join(text for text, _ in self.docs)
        self.docs.clear()
        self.open = _Open(at + indent, indent, doc)
        self.open.add(at + indent, code[indent:], mended)
        self.follow(code, indent)

    def joins(self, word: str, code: str) -> bool:
        if self.after_end:
            return word == "because"
        if self.mode == "rows":
            return bool(_FROM_FILE.match(code)) and word == "from"
        return word in CONTINUES or word in ("=", "^")

    def follow(self, code: str, indent: int) -> None:
        """Which lines may follow this one."""
        self.after_end = bool(_END.match(code))
        if self.mode == "rows" and (self.after_end or HEADER.match(code)):
            self.mode = "code"
        if self.mode == "code" and not self.after_end:
            if _ROWS.match(code):
                if not _FROM_FILE.match(code):
                    self.mode = "rows"
            elif _RAW.match(code):
                self.mode = "raw"
                self.raw_column = indent

    def close(self) -> None:
        if self.open is not None:
            line = self.open
            self.out.lines.append(Line(line.start, "".join(line.pieces), line.column, line.doc, mended=line.mended))
            self.open = None

    # --- comments

    def comment(self, at: int, line: str, stop: int) -> None:
        text = line[stop:].rstrip()
        own = not line[:stop].strip()
        comment = Comment(text, own, self.source.span(at + stop, at + stop + len(text)))
        if own and text.startswith("##") and not text.startswith("###"):
            self.docs.append((text[2:].removeprefix(" "), comment))
            return
        if own:
            self.drop_docs()
        self.out.comments.append(comment)

    def drop_docs(self) -> None:
        """`##` that stands above nothing is an ordinary comment."""
        self.out.comments.extend(comment for _, comment in self.docs)
        self.docs.clear()

    # --- characters

    def unclosed(self, at: int, line: str, stop: int) -> str:
        """A quote that is never closed: said, and closed at the end of the line."""
        end = len(line.rstrip())
        self.say("SW0101", at + stop, at + end)
        rest = line[stop + 1 : end]
        if at + end == len(self.source.text):
            # No character is left for the closing quote: the last one gives way, or the text is dropped.
            return f'{line[:stop]}"{rest[:-1]}"' if rest else line[:stop] + " "
        return f'{line[:stop]}"{rest}"'

    def without_look_alikes(self, at: int, line: str) -> tuple[str, bool]:
        """The line with every look-alike outside of quotes replaced by what was meant; each kind is said once a line."""
        chars = list(line)
        said: set[str] = set()
        first = len(self.out.diagnostics)
        mended = False
        quote = ""  # the character that opened the text we are in
        for i, char in enumerate(line):
            if quote:
                if quote == '"' and char == '"':
                    quote = ""
                elif char in QUOTES and (quote != '"' or '"' not in line[i:]):
                    chars[i], quote = '"', ""
                    if "quote" not in said:
                        said.add("quote")
                        self.say("SW0102", at + i, at + i + 1, found=char)
                elif quote != '"' and char == '"':
                    quote = ""
            elif char == '"':
                quote = char
            elif char == "#" or char == "＃":
                break
            elif char == "\t":
                chars[i] = " "
                wide = TAB - len(line[:i].expandtabs(TAB)) % TAB
                self.tabs.append(Edit(self.source.span(at + i, at + i + 1), "\t", " " * wide))
                if self.tab is None:
                    self.say("SW0103", at + i, at + i + 1, severity=Severity.WARNING)
                    self.tab = self.out.diagnostics[-1]
            elif char in QUOTES:
                chars[i] = '"'
                quote = char
                if "quote" not in said:
                    said.add("quote")
                    self.say("SW0102", at + i, at + i + 1, found=char)
            elif char in LOOK_ALIKES and not (char == "\ufeff" and at + i == 0):
                chars[i] = LOOK_ALIKES[char]
                if char not in said:
                    said.add(char)
                    self.say("SW0104", at + i, at + i + 1, found=_shown(char), meant=_shown(LOOK_ALIKES[char]))
            elif char == "\ufeff":
                chars[i] = " "
        self.as_read(at, line, chars, first)
        return "".join(chars), mended

    def as_read(self, at: int, line: str, chars: list[str], first: int) -> None:
        """What was said about look-alikes of a line (from finding `first` on) offers to write what was read in their place."""
        for number, found in enumerate(self.out.diagnostics[first:], first):
            if found.code not in ("SW0102", "SW0104"):
                continue
            alike = QUOTES if found.code == "SW0102" else frozenset(line[found.span.start - at])
            edits = tuple(
                Edit(self.source.span(at + i, at + i + 1), char, chars[i])
                for i, char in enumerate(line)
                if char in alike and char != chars[i]
            )
            fixes = (Fix(edits, safe=all(edit.after != "'" for edit in edits)),)
            self.out.diagnostics[number] = msgspec.structs.replace(found, fixes=fixes)

    def say(self, code: str, start: int, end: int, severity: Severity = Severity.ERROR, **facts: str) -> None:
        self.out.diagnostics.append(diagnostic(code, self.source.span(start, end), severity=severity, **facts))


def _physical(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of every physical line, without its end."""
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


_NAMES = {
    " ": "a space",
    "\u00a0": "a non-breaking space",
    "\u200b": "an invisible space",
    "\ufeff": "an invisible mark",
    "\u3000": "a wide space",
    "\u0085": "an invisible line end",
    "\u2028": "an invisible line end",
    "\u2029": "an invisible line end",
    "\u2060": "an invisible mark",
}


def _shown(char: str) -> str:
    return _NAMES.get(char) or ("a typographic space" if char.isspace() else f"`{char}`")
