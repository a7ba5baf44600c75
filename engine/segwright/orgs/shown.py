"""What people may be shown of an org.yaml: the text with every written-out secret covered, character for character.

Takes a `Source`, gives one of the same length, so that every place still fits; the same object when nothing had to be covered.
Works on the letters alone, because a secret must stay hidden in a file that cannot be read, too. References (`env:NAME`,
`file:/path`) are no secrets and stay. Whoever prints lines of an org.yaml prints them from here.
"""

from __future__ import annotations

import re
from typing import Final

from segwright.core.source import Source
from segwright.orgs.forms import PEM, secret

COVER: Final = "•"

_TELLING: Final = r"passw|passphrase|secret|token|credential|(?:api|private|access)[_-]?key"
_NAME: Final = rf"(?:identity|trust|pw|pwd|pass|[\w-]*(?:{_TELLING})[\w-]*)"
_KEY: Final = re.compile(rf"(?i)(?<![\w-])[\"']?{_NAME}[\"']?[ \t]*:(?=\s)[ \t]*")
_VALUE: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,}\]\n]*""", re.DOTALL)
_PEM: Final = re.compile(rf"{PEM}.*?(?:-----END [^\n-]*-----|\Z)", re.DOTALL)
_BRACKETS: Final = {"[": "]", "{": "}"}


def shown(source: Source) -> Source:
    """The source with secrets covered; offsets, lines and columns are unchanged."""
    text = source.text
    spans = [found.span() for found in _PEM.finditer(text)] if PEM in text else []
    for found in _KEY.finditer(text):
        start, end = _extent(text, found.start(), found.end())
        value = text[start:end].strip().split(" #")[0].strip().strip("\"'")
        if value and secret(value) is None:
            spans.append((start, end))
    if not spans:
        return source
    letters = list(text)
    for start, end in spans:
        for at in range(start, end):
            if not letters[at].isspace():
                letters[at] = COVER
    return Source(source.name, "".join(letters))


def _extent(text: str, key: int, start: int) -> tuple[int, int]:
    """Where the value of a key ends: in its line, or with the lines below that are indented more than the key's line."""
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    first = text[start : start + 1]
    if first in _BRACKETS:
        close = text.find(_BRACKETS[first], start)
        return start, close + 1 if close >= 0 else len(text)
    line_start = text.rfind("\n", 0, key) + 1
    before = text[line_start:key]
    flowing = sum(before.count(sign) for sign in "{[") > sum(before.count(sign) for sign in "}]")
    if flowing and first not in {"|", ">"}:
        found = _VALUE.match(text, start)
        end = found.end() if found else line_end
        if text[end : end + 1] != "\n" and end < len(text):
            return start, end
        line_end = end
    return start, _block_end(text, line_start, line_end)


def _block_end(text: str, line_start: int, end: int) -> int:
    """The end of the lines that continue a value: those indented more than the line of its key."""
    indent = len(text[line_start:]) - len(text[line_start:].lstrip(" "))
    while end < len(text):
        line_end = text.find("\n", end + 1)
        line_end = len(text) if line_end < 0 else line_end
        line = text[end + 1 : line_end]
        if line.strip() and len(line) - len(line.lstrip(" \t")) <= indent:
            return end
        end = line_end
    return end
