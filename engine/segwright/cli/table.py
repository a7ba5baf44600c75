"""Tables for people: columns that line up within the width of the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import click

from segwright.cli.output import width
from segwright.core.render import visible

GAP: Final = "  "
NARROW: Final = 45


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> str:
    """Rows under their heads. The last column takes what is left of the width and goes on below."""
    if not rows:
        return empty
    fixed = [max(len(row[number]) for row in (heads, *rows)) for number in range(len(heads) - 1)]
    left = width() - sum(fixed) - len(GAP) * len(fixed)
    # Where little is left for long texts they go on a line of their own.
    below = left < NARROW and any(len(row[-1]) > left for row in rows)
    lines = []
    for row in (heads, *rows):
        *cells, last = row
        start = GAP.join(cell.ljust(size) for cell, size in zip(cells, fixed, strict=True))
        if below:
            lines += [start.rstrip(), *wrapped(last, "    ")] if row is not heads else [start.rstrip()]
            continue
        for number, part in enumerate(wrapped(last, "", left) or [""]):
            lines.append(f"{start if not number else ' ' * len(start)}{GAP}{part}".rstrip())
    lines[0] = click.style(lines[0], bold=True)
    return "\n".join(lines)


def wrapped(text: str, indent: str, columns: int = 0) -> list[str]:
    """A text in lines of so many columns (those of the terminal), words whole."""
    return textwrap.wrap(
        text, max(16, columns or width()), initial_indent=indent, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def local(ms: int, zone: str, *, of: int = 0) -> str:
    """A time of the ledger on a hospital's clock; without its date where that is the date of `of`."""
    if not ms:
        return "-"
    at, other = (datetime.fromtimestamp(each / 1000, UTC).astimezone(ZoneInfo(zone)) for each in (ms, of))
    clock = at.strftime("%H:%M:%S.") + f"{ms % 1000:03}"
    return clock if of and at.date() == other.date() else f"{at:%Y-%m-%d} {clock} {at.tzname()}"


def ago(ms: int, now: int) -> str:
    """How long something has been so."""
    seconds = max(0, now - ms) // 1000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


_CLEAR: Final = {"MSH": 99, "MSA": 2}
"""Fields of segments that are shown masked or not: who and when, which message. What follows may be text of a person."""
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?=[^A-Za-z0-9]|$)")


def masked(message: bytes) -> str:
    """A message with its structure and without its content: letters and digits of fields become `*`."""
    lines = message.decode("utf-8", "replace").rstrip("\r\n").split("\r")
    bar = lines[0][3:4] or "|"
    shown = []
    for line in lines:
        name = line[:3] if _SEGMENT.match(line) else ""
        fields = line.split(bar)
        clear = _CLEAR.get(name, 0) + 1 if name else 0
        shown.append(bar.join(one if number < clear else _stars(one) for number, one in enumerate(fields)))
    return "\n".join(visible(line) for line in shown)


def plain(message: bytes) -> str:
    """A message as it is, a segment a line, with nothing in it that a terminal would obey."""
    return "\n".join(visible(line) for line in message.decode("utf-8", "replace").rstrip("\r\n").split("\r"))


def _stars(text: str) -> str:
    return "".join("*" if character.isalnum() or ord(character) > 126 else character for character in text)
