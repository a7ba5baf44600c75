"""Where the parts of a JSON document stand.

Takes the text of a document that can be read as JSON; gives the line of each of its values by its path, as the runtime names it
(`$.measurements[2].value`, items counted from 0). It is asked only when something is wrong with the document.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r'[\s,:]*(?:([{\[])|([}\]])|("(?:[^"\\]|\\.)*"(?=\s*:))|("(?:[^"\\]|\\.)*"|[^\s,:{}\[\]"]+))'
)


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, of every value by its path. Of a name that stands twice the first counts."""
    found = {"$": 1}
    open_: list[
        tuple[str, int]
    ] = []  # the path of each container that is open, and the items it had (-1: it has names)
    path, line, seen = "$", 1, 0
    for token in _TOKEN.finditer(text):
        start = token.start(token.lastindex or 0)
        line += text.count("\n", seen, start)
        seen = start
        opened, closed, name, _ = token.groups()
        if name is not None:
            path = f"{open_[-1][0]}.{name[1:-1]}" if open_ else path
            found.setdefault(path, line)
            continue
        if closed is not None:
            if open_:
                open_.pop()
            continue
        if open_ and open_[-1][1] >= 0:
            holder, count = open_[-1]
            open_[-1] = (holder, count + 1)
            path = f"{holder}[{count}]"
            found.setdefault(path, line)
        if opened is not None:
            open_.append((path, -1 if opened == "{" else 0))
    return found


def line_at(lines: dict[str, int], path: str) -> int:
    """The line of a path; of one that is not there, of what it is missing in."""
    while path not in lines and path:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)
