"""The language reference, run: every block is compiled, and what stands below it is what it gives.

A block's second word says what it is: nothing for lines of a mapping, `overlay` for changes of the base on the front page, `order` for a
mapping that reads, `declarations` for what belongs to the block above it. `pytest --snapshot-update` writes what they give.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from segwright.core.prose import message
from segwright.core.source import Source
from segwright.lang.layout import formatted
from tests.lang.laboratory import MODEL, Run, lab

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [REFERENCE / "README.md", *sorted((REFERENCE / "language").glob("*.md"))]
_FENCE = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: where its text stands, its language, what it is, and its text."""

    start: int
    end: int
    language: str
    kind: str
    text: str


def blocks(text: str) -> list[Block]:
    return [Block(f.start(3), f.end(3), f[1], f[2] or "", f[3]) for f in _FENCE.finditer(text)]


@cache
def front() -> tuple[str, str]:
    """The base and the shared declarations of the front page."""
    found = {block.kind: block.text for block in blocks(PAGES[0].read_text(encoding="utf-8"))}
    return found["base"], found["shared"]


@cache
def base() -> tuple[str, ...]:
    made = lab(front()[0], declarations=front()[1])
    assert not made.codes, made.report
    return tuple(made.segments)


def gives(block: Block, declarations: str) -> str:
    """What a block gives: findings, segments, or an order."""
    body, shared = front()
    declarations = shared + declarations
    if block.kind == "unformatted":
        text, found = formatted(Source("a.seg", block.text))
        assert text is not None, found
        return text
    if block.kind == "order":
        made = lab(reading=block.text)
        return said(made) or msgspec.json.format(msgspec.json.encode(made.read), indent=2).decode() + "\n"
    if block.kind == "overlay":
        made = lab(body, block.text, declarations=declarations)
        return said(made) or lines([segment for segment in made.segments if segment not in base()])
    made = lab(block.text, declarations=declarations)
    return said(made) or lines(made.segments)


def lines(segments: list[str]) -> str:
    return "".join(f"{segment}\n" for segment in segments)


def said(made: Run) -> str:
    """The findings, a line each."""
    return "".join(f"{found.severity} {found.code}: {message(found)}\n" for found in made.workspace.found)


def run(text: str) -> str:
    """The page with what its blocks really give."""
    out, at = [], 0
    found = blocks(text)
    for number, block in enumerate(found):
        if block.kind == "model":
            out += [text[at : block.start], MODEL]
            at = block.end
        if block.language != "text":
            continue
        above = [each for each in found[:number] if each.language == "seg"]
        source = next(each for each in reversed(above) if each.kind not in ("declarations", "shared"))
        declared = "".join(each.text for each in above if each.kind == "declarations" and each.start > source.start)
        out += [text[at : block.start], gives(source, declared)]
        at = block.end
    return "".join(out) + text[at:]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_shows_is_what_its_blocks_give(path: Path, request) -> None:
    text = path.read_text(encoding="utf-8")
    ran = run(text)
    if request.config.getoption("update_snapshots", default=False):
        path.write_text(ran, encoding="utf-8")
    else:
        assert ran == text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_mapping_on_a_page_is_followed_by_what_it_gives(path: Path) -> None:
    found = blocks(path.read_text(encoding="utf-8"))
    for number, block in enumerate(found):
        if block.language != "seg" or block.kind in ("declarations", "shared", "model"):
            continue
        following = next((each for each in found[number + 1 :] if each.kind != "declarations"), None)
        assert following is not None, block.text
        assert following.language == "text", block.text
        assert following.text.strip(), block.text


def test_the_front_page_lists_every_page() -> None:
    listed = set(re.findall(r"\]\((language/\w+\.md)\)", PAGES[0].read_text(encoding="utf-8")))
    assert listed == {f"language/{path.name}" for path in PAGES[1:]}
