"""Texts into lists and lists into texts. Widths and sizes are counted in characters, before anything is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from segwright.library.characters import boundary
from segwright.library.record import Builtin, Example, Parameter, Refusal

_LINE_BREAK: Final = re.compile("\r\n|\n|\r")
_EMPTY_LINE: Final = " "


def _present(texts: Iterable[str | tuple[str | None, ...] | None]) -> list[str]:
    found: list[str] = []
    for text in texts:
        if isinstance(text, str):
            found.append(text)
        elif text is not None:
            found.extend(one for one in text if one is not None)
    return found


def _join(separator: str, *texts: str | tuple[str | None, ...] | None) -> str | None:
    return separator.join(_present(texts)) or None


def _concat(first: str, *texts: str | tuple[str, ...]) -> str:
    return first + "".join(_present(texts))


def _at_least_one(number: int) -> int:
    return _positive(number, "it")


def _positive(number: int, what: str) -> int:
    if number < 1:
        raise Refusal(f"{what} must be at least 1")
    return number


def _wrapped(line: str, width: int) -> list[str]:
    end = len(line.rstrip(" "))
    if not end:
        return [_EMPTY_LINE]
    result: list[str] = []
    start = 0
    while end - start > width:
        # One character more than a line shows whether a word ends with the line.
        window = line[start : start + width + 1]
        indent = len(window) - len(window.lstrip(" "))
        space = window.rfind(" ", indent)
        place = space if space > indent else boundary(window, width)
        if place > indent:
            result.append(window[:place].rstrip(" "))
            start += place
        while line[start] == " ":
            start += 1
    result.append(line[start:end])
    return result


def _lines(subject: str, width: int) -> tuple[str, ...]:
    _positive(width, "width")
    result: list[str] = []
    for line in _LINE_BREAK.split(subject.replace("\t", " ")):
        result.extend(_wrapped(line, width))
    first, last = 0, len(result)
    while first < last and result[first] == _EMPTY_LINE:
        first += 1
    while last > first and result[last - 1] == _EMPTY_LINE:
        last -= 1
    return tuple(result[first:last])


def _chunks(subject: str, size: int) -> tuple[str, ...]:
    _positive(size, "size")
    if subject.isascii():
        return tuple(subject[start : start + size] for start in range(0, len(subject), size))
    result: list[str] = []
    start = 0
    while start < len(subject):
        # One character more than a chunk shows whether its end may be cut there.
        piece = subject[start : start + size + 1]
        place = boundary(piece, size)
        result.append(piece[:place])
        start += place
    return tuple(result)


BUILTINS: Final = (
    Builtin(
        name="join",
        version=1,
        kind="function",
        subject=("text",),
        result="optional text",
        summary="The texts of a list with a separator between them. What is missing is passed over; when all is missing, "
        "so is the result.",
        call=_join,
        parameters=(Parameter("texts", "list of optional text", "the texts, one after another or as a list"),),
        examples=(
            Example(", ", {"texts": ("sinus rhythm", "left axis")}, "sinus rhythm, left axis"),
            Example(" ", {"texts": ("Ada", None, "Okafor")}, "Ada Okafor"),
            Example(", ", {"texts": ("alone",)}, "alone"),
            Example(", ", {"texts": ()}, None),
        ),
        source="segwright",
    ),
    Builtin(
        name="concat",
        version=1,
        kind="function",
        subject=("text",),
        result="text",
        summary="Texts one after another; what an interpolated text is made with.",
        call=_concat,
        parameters=(Parameter("texts", "list of text", "the texts that follow"),),
        examples=(
            Example("AI ", {"texts": ("rhythm", " ", "2.1")}, "AI rhythm 2.1"),
            Example("a", {"texts": ("|b",)}, "a|b"),
            Example("a", {"texts": ()}, "a"),
        ),
        source="segwright",
    ),
    Builtin(
        name="lines",
        version=1,
        kind="function",
        subject=("text",),
        result="list of text",
        summary="A text in lines of at most `width` characters, broken at spaces; a longer word is broken where the line "
        "ends. Line breaks of the text stay. An empty line between others becomes one space, so that it keeps its place; "
        "empty lines at the start and the end go. A tab counts as one space.",
        call=_lines,
        parameters=(
            Parameter("width", "integer", "most characters of a line, counted before escaping", holds=_at_least_one),
        ),
        examples=(
            Example("Sinus rhythm with first degree block", {"width": 20}, ("Sinus rhythm with", "first degree block")),
            Example("one\r\n\r\ntwo\n", {"width": 20}, ("one", " ", "two")),
            Example("abcdefghij", {"width": 4}, ("abcd", "efgh", "ij")),
            Example("exact fit", {"width": 9}, ("exact fit",)),
            Example("  indented text", {"width": 10}, ("  indented", "text")),
            Example("\n \n", {"width": 9}, ()),
            Example("e\u0301e\u0301", {"width": 3}, ("e\u0301", "e\u0301")),
            Example("text", {"width": 0}, refused="width must be at least 1"),
        ),
        source="HL7 v2 chapter 7, OBX-5; chapter 2, NTE-3",
    ),
    Builtin(
        name="chunks",
        version=1,
        kind="function",
        subject=("text",),
        result="list of text",
        summary="A text in pieces of `size` characters, the last one shorter: a document split over several OBX. Joined "
        "again they give the text; a letter is never parted from its accent.",
        call=_chunks,
        parameters=(
            Parameter("size", "integer", "most characters of a piece, counted before escaping", holds=_at_least_one),
        ),
        examples=(
            Example("JVBERi0xLjQK", {"size": 5}, ("JVBER", "i0xLj", "QK")),
            Example("abcd", {"size": 2}, ("ab", "cd")),
            Example("abe\u0301d", {"size": 3}, ("ab", "e\u0301d")),
            Example("abcd", {"size": 0}, refused="size must be at least 1"),
        ),
        source="HL7 v2 chapter 7, OBX-5",
    ),
)
