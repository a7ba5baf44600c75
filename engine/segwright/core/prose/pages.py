"""The page of every code: what it says, why it matters, what to avoid and what to write instead, what to do, how to allow it.

`page(code)` is Markdown, `page_text(code)` the same for a terminal. docs/findings/ holds all of them, written by
`tools/make_docs.py`; a test holds them current.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from segwright.core.prose import catalogue
from segwright.core.prose.contrasts import Piece, contrasts

_FACT = re.compile(r"\{[a-z_]+\}")
_ALLOW = re.compile(r"`allow SW[0-9]{4} on [^`]*`")

AREAS = {
    "SW01": "Writing", "SW02": "Names", "SW03": "Types and what may be missing", "SW04": "HL7 structure", "SW05": "Overlays",
    "SW06": "Tables", "SW07": "Configuration", "SW08": "Formats and texts", "SW09": "The catalogue of messages",
    "SW10": "Messages, documents and cases",
}  # fmt: skip
"""The first four characters of a code, and what such codes are about."""


def page(code: str) -> str:
    """One code as a Markdown document."""
    title, said, why, to_do, allow = _parts(code)
    contrast = contrasts()[code]
    lines = [f"# {code}: {title}\n", f"> {said}\n", f"{why}\n", "## Avoid\n", *_fenced(contrast.avoid), "## Prefer\n"]
    lines += [*_fenced(contrast.prefer), "## What to do\n"] if to_do else _fenced(contrast.prefer)
    if to_do:
        lines += ["\n".join(f"- {line}" for line in to_do) + "\n"]
    if allow:
        lines += ["## How to allow it\n", f"{allow}\n"]
    return "\n".join(lines)


def page_text(code: str, width: int, strong: Callable[[str], str] = str) -> str:
    """One code as text for a terminal, `width` columns wide; headings go through `strong`."""
    title, said, why, to_do, allow = _parts(code)
    contrast = contrasts()[code]
    lines = [strong(f"{code}: {title}"), "", *_wrapped(said, width), "", *_wrapped(why, width)]
    for heading, pieces in (("Avoid", contrast.avoid), ("Prefer", contrast.prefer)):
        lines += ["", strong(heading), ""]
        for piece in pieces:
            lines += [f"    # {piece.file}"] if piece.file else []
            lines += [f"    {line}".rstrip() for line in piece.text.split("\n")]
    if to_do:
        lines += ["", strong("What to do"), ""]
        lines += [line for each in to_do for line in _wrapped(each, width, "  - ", "    ")]
    if allow:
        lines += ["", strong("How to allow it"), "", *_wrapped(allow, width)]
    return "\n".join(lines) + "\n"


def index() -> str:
    """All codes by area, each with a link to its page."""
    out = [
        "# Findings\n",
        "Every code that `segwright` reports. `segwright explain SW0403` prints a page in the terminal. On a page, `‹name›`",
        "stands for what is named in the place at hand.\n",
    ]
    area = ""
    for code, entry in sorted(catalogue().items()):
        if code[:4] != area:
            area = code[:4]
            out += ["", f"## {AREAS[area]}\n"] if out[-1] else [f"## {AREAS[area]}\n"]
        out.append(f"- [{code}]({code}.md): {entry.title}")
    return "\n".join(out) + "\n"


def _parts(code: str) -> tuple[str, str, str, list[str], str]:
    """Title, sentence, why, what to do, and how it is allowed ("" where that is no question)."""
    entry = catalogue()[code]
    plain = [_plain(line) for line in entry.help]
    allows = [line for line in plain if _ALLOW.search(line)]
    to_do = [line for line in plain if line not in allows]
    allow = " ".join(allows)
    if not allow and code[:4] not in ("SW07", "SW10"):
        allow = "Nothing allows it: what it is about has to be put right."
    return entry.title, _plain(entry.message), _plain(entry.why), to_do, allow


def _plain(text: str) -> str:
    return _FACT.sub(lambda found: f"‹{found[0][1:-1].replace('_', ' ')}›", text).replace("{{", "{").replace("}}", "}")


def _fenced(pieces: tuple[Piece, ...]) -> list[str]:
    lines = []
    for piece in pieces:
        if piece.file:
            lines.append(f"In `{piece.file}`:\n")
        lines.append(f"```\n{piece.text}\n```\n")
    return lines


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
