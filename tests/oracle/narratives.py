"""Texts that people read: `{{ … }}`, `{% if … %}` and `{% for … %}`, cut into pieces and run in order.

Paths and conditions are those of the mapping language, so the language's own parser reads them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.parse import parse
from tests.oracle.frames import Frame, Name
from tests.oracle.values import NULL, Fault, printed

if TYPE_CHECKING:
    from tests.oracle.evaluate import Evaluator

PLACE = "text"


def narrate(declared: ast.Narrative, frame: Frame, evaluator: Evaluator) -> str:
    """The text over its argument."""
    return _Run(_pieces("\n".join(line.text for line in declared.lines)), evaluator).block(frame, written=True)


def _pieces(text: str) -> list[str]:
    """Text, `{{ … }}` and `{% … %}`, in turn. A line of nothing but `{% … %}` leaves nothing behind."""
    pieces: list[str] = []
    for line in text.split("\n"):
        if re.fullmatch(r"\s*(\{%((?!%\}).)*%\}\s*)+", line):
            line = re.sub(r"%\}\s+", "%}", line.strip())
        else:
            line += "\n"
        pieces += [each for each in re.split(r"(\{%.*?%\}|\{\{.*?\}\})", line) if each]
    return pieces


class _Run:
    """Goes through the pieces; `at` is the next one."""

    def __init__(self, pieces: list[str], evaluator: Evaluator) -> None:
        self.pieces = pieces
        self.evaluator = evaluator
        self.at = 0

    def block(self, frame: Frame, *, written: bool) -> str:
        """Everything up to the end of the block."""
        out = ""
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            words = piece.strip("{%} ").split()
            if not piece.startswith("{%"):
                self.at += 1
                out += self.text(piece, frame) if written else ""
            elif words[0] == "if":
                out += self.branches(frame, written=written)
            elif words[0] == "for":
                out += self.turns(words, frame, written=written)
            else:
                break
        return out

    def text(self, piece: str, frame: Frame) -> str:
        """A piece of text, or a value."""
        if not piece.startswith("{{"):
            return piece
        try:
            found = self.evaluator.value(_value(piece.strip("{} ")), frame, PLACE)
        except Fault:
            raise Fault("narrative") from None
        if found is None or found is NULL:
            raise Fault("narrative")
        return printed(found)

    def branches(self, frame: Frame, *, written: bool) -> str:
        """`if`, `elif`, `else`, up to `endif`."""
        out, taken = "", False
        while True:
            words = self.pieces[self.at].strip("{%} ").split(maxsplit=1)
            self.at += 1
            if words[0] == "endif":
                return out
            holds = written and not taken
            if holds and words[0] != "else":
                holds = self.evaluator.holds(_condition(words[1]), frame, PLACE)
            taken = taken or holds
            out += self.block(frame, written=holds)

    def turns(self, words: list[str], frame: Frame, *, written: bool) -> str:
        """`for x in path`, up to `endfor`."""
        _, variable, _, path = words
        start = self.at + 1
        elements = self.evaluator.value(_value(path), frame, PLACE) if written else None
        out = ""
        for element in elements or ():
            self.at = start
            out += self.block(frame.with_(**{variable: Name(element)}), written=True)
        self.at = start
        self.block(frame, written=False)
        self.at += 1
        return out


def _segment(line: str) -> ast.Segment:
    file, found = parse(Source("a.seg", f"mapping a writes ORU^R01\nsegment ZZZ {line}\n"))
    assert not found, (line, found)
    assert file.mapping is not None
    segment = file.mapping.body[0]
    assert isinstance(segment, ast.Segment)
    return segment


@cache
def _value(text: str) -> ast.Value:
    """A path with formats behind `|`, as the language writes it: `x | number(places=2)` is `x as number(places: 2)`."""
    said = re.sub(r"\s*\|\s*", " as ", text).replace("=", ": ")
    rule = _segment(f"\n  ZZZ-1 = {said}").rules[0]
    assert isinstance(rule, ast.Rule)
    return rule.alternatives[0].value


@cache
def _condition(text: str) -> ast.Condition:
    found = _segment(f'when {text}\n  ZZZ-1 = "x"').when
    assert found is not None
    return found
