"""Text: lengths, letter case, white space, padding. Lengths are counted in characters, before anything is escaped."""

from __future__ import annotations

import re
from typing import Final

from segwright.library.characters import boundary
from segwright.library.record import Builtin, Example, Parameter, Refusal

_WHITE: Final = " \t\r\n\v\f\u00a0\u2007\u202f"
_WHITE_RUN: Final = re.compile(f"[{_WHITE}]+")
_CONTROL: Final = re.compile("[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]")
_NOT_DIGIT: Final = re.compile("[^0-9]+")
_BASE64: Final = re.compile("[A-Za-z0-9+/]+={0,2}")
_LONGEST_PAD: Final = 1000

_TEXT: Final = ("text", "code")
_CHAPTER: Final = "HL7 v2 chapter 2A, ST"


def _longest(longest: int) -> None:
    if longest < 1:
        raise Refusal("max must be at least 1")


def _limited(subject: str, longest: int | None, over: str) -> str:
    if longest is None or len(subject) <= longest:
        return subject
    _longest(longest)
    if over != "cut":
        raise Refusal(f"the text is {len(subject)} characters long, {longest} are allowed")
    return subject[: boundary(subject, longest)]


def _upper(subject: str) -> str:
    return subject.upper()


def _lower(subject: str) -> str:
    return subject.lower()


def _something(result: str, what: str) -> str:
    if not result:
        raise Refusal(what)
    return result


def _trim(subject: str) -> str:
    return _something(subject.strip(_WHITE), "the text holds nothing but white space")


def _collapse(subject: str) -> str:
    return _something(_WHITE_RUN.sub(" ", subject).strip(" "), "the text holds nothing but white space")


def _plain(subject: str) -> str:
    spaced = _WHITE_RUN.sub(" ", subject.replace("\u2028", "\n").replace("\u2029", "\n").replace("\u0085", "\n"))
    return _something(_CONTROL.sub("", spaced).strip(" "), "the text holds nothing that can be printed")


def _digits(subject: str) -> str:
    return _something(_NOT_DIGIT.sub("", subject), "the text holds no digit")


def _one_character(character: str) -> str:
    if len(character) != 1:
        raise Refusal(f"`with` must be one character, it has {len(character)}")
    return character


def _width(width: int) -> None:
    if not 1 <= width <= _LONGEST_PAD:
        raise Refusal(f"width must lie between 1 and {_LONGEST_PAD}")


def _pad(subject: str | int, width: int, character: str, side: str) -> str:
    text = str(subject)
    _width(width)
    fill = _one_character(character)
    if len(text) > width:
        raise Refusal(f"the text is {len(text)} characters long, the width is {width}")
    return text.ljust(width, fill) if side == "right" else text.rjust(width, fill)


def _unpad(subject: str, character: str, side: str) -> str:
    fill = _one_character(character)
    rest = subject.rstrip(fill) if side == "right" else subject.lstrip(fill)
    return _something(rest, "the text holds nothing but padding")


def _base64(subject: str) -> str:
    if "\r" in subject or "\n" in subject:
        raise Refusal("the base64 text holds a line break; it must be one unbroken line")
    if len(subject) % 4:
        raise Refusal(f"the base64 text is {len(subject)} characters long, which is no multiple of four")
    if not _BASE64.fullmatch(subject):
        raise Refusal("the text holds a character that base64 does not have")
    return subject


def _length(subject: str) -> int:
    return len(subject)


_SIDE: Final = Parameter("side", "word", "the end it works on", default="left", choices=("left", "right"))

BUILTINS: Final = (
    Builtin(
        name="text",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="The text itself, held to a length. Too long is an error unless `over: cut` says that the end may be lost; "
        "a cut never parts a letter from its accent.",
        call=_limited,
        parameters=(
            Parameter(
                "max", "integer", "the most characters allowed; no limit when not given", optional=True, holds=_longest
            ),
            Parameter("over", "word", "what happens to a longer text", default="error", choices=("error", "cut")),
        ),
        examples=(
            Example("sinus rhythm", {}, "sinus rhythm"),
            Example("sinus rhythm", {"max": 12}, "sinus rhythm"),
            Example("sinus rhythm", {"max": 5, "over": "cut"}, "sinus"),
            Example("Rene\u0301e", {"max": 4, "over": "cut"}, "Ren"),
            Example("sinus rhythm", {"max": 5}, refused="the text is 12 characters long, 5 are allowed"),
            Example(
                "e\u0301\u0323",
                {"max": 1, "over": "cut"},
                refused="a character with its marks is longer than the 1 allowed",
            ),
        ),
        inverse=True,
        source=_CHAPTER,
    ),
    Builtin(
        name="upper",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="All letters in upper case.",
        call=_upper,
        examples=(
            Example("Okafor", {}, "OKAFOR"),
            Example("Müller-Żak", {}, "MÜLLER-ŻAK"),
            Example("Groß", {}, "GROSS"),
            Example("12 b", {}, "12 B"),
        ),
        source="Unicode full case mapping, no language rules",
    ),
    Builtin(
        name="lower",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="All letters in lower case.",
        call=_lower,
        examples=(Example("OKAFOR", {}, "okafor"), Example("ÉTÉ", {}, "été"), Example("I48.91", {}, "i48.91")),
        source="Unicode full case mapping, no language rules",
    ),
    Builtin(
        name="trim",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="Without white space at either end. A text of nothing but white space is refused: nothing would be left.",
        call=_trim,
        examples=(
            Example("  F ", {}, "F"),
            Example("F\u00a0", {}, "F"),
            Example("left bundle", {}, "left bundle"),
            Example("   ", {}, refused="the text holds nothing but white space"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="collapse",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="Every run of white space becomes one space; none at either end.",
        call=_collapse,
        examples=(
            Example("left  bundle\t branch", {}, "left bundle branch"),
            Example(" one\r\ntwo ", {}, "one two"),
            Example("one", {}, "one"),
            Example(" \n ", {}, refused="the text holds nothing but white space"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="plain",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="One line of printable text: line breaks, tabs and runs of spaces become one space, control characters go.",
        call=_plain,
        examples=(
            Example("line one\r\nline two", {}, "line one line two"),
            Example("a\u0000b\u0007c", {}, "abc"),
            Example("\ufeffNormal ECG", {}, "Normal ECG"),
            Example("\u0001\u0002", {}, refused="the text holds nothing that can be printed"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="digits",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="Only the digits 0 to 9, in their order; hyphens, spaces and letters go.",
        call=_digits,
        examples=(
            Example("(412)555-1212", {}, "4125551212"),
            Example("555-44-4444", {}, "555444444"),
            Example("007", {}, "007"),
            Example("none", {}, refused="the text holds no digit"),
            Example("\u0664\u0661", {}, refused="the text holds no digit"),
        ),
        source="HL7 v2 chapter 2A, XTN",
    ),
    Builtin(
        name="pad",
        version=1,
        kind="format",
        subject=("text", "code", "integer"),
        result="text",
        summary="Filled up to a fixed width with one character. A longer text is refused, never cut.",
        call=_pad,
        parameters=(
            Parameter("width", "integer", "how many characters the result has", holds=_width),
            Parameter("with", "text", "the character to fill with", holds=_one_character),
            _SIDE,
        ),
        examples=(
            Example("4711", {"width": 8, "with": "0"}, "00004711"),
            Example(1, {"width": 3, "with": "0"}, "001"),
            Example("A", {"width": 3, "with": " ", "side": "right"}, "A  "),
            Example("12345", {"width": 5, "with": "0"}, "12345"),
            Example("123456", {"width": 5, "with": "0"}, refused="the text is 6 characters long, the width is 5"),
            Example("1", {"width": 5, "with": "00"}, refused="`with` must be one character, it has 2"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="unpad",
        version=1,
        kind="format",
        subject=_TEXT,
        result="text",
        summary="Without a filling character at one end: leading zeros of a number, a leading colon of a code.",
        call=_unpad,
        parameters=(Parameter("with", "text", "the character to take away", holds=_one_character), _SIDE),
        examples=(
            Example("00004711", {"with": "0"}, "4711"),
            Example(":8625-6", {"with": ":"}, "8625-6"),
            Example("4700", {"with": "0", "side": "right"}, "47"),
            Example("0000", {"with": "0"}, refused="the text holds nothing but padding"),
        ),
        source=_CHAPTER,
    ),
    Builtin(
        name="base64",
        version=1,
        kind="format",
        subject=("text",),
        result="text",
        summary="A document that is already base64, checked: one unbroken line, nothing but base64.",
        call=_base64,
        examples=(
            Example("JVBERi0xLjQK", {}, "JVBERi0xLjQK"),
            Example("JVBERg==", {}, "JVBERg=="),
            Example("JVBE\r\nRi0x", {}, refused="the base64 text holds a line break; it must be one unbroken line"),
            Example("JVBERg", {}, refused="the base64 text is 6 characters long, which is no multiple of four"),
            Example("JV-ERg==", {}, refused="the text holds a character that base64 does not have"),
        ),
        inverse=True,
        source="HL7 v2 chapter 2A, ED; RFC 4648 section 4",
    ),
    Builtin(
        name="length",
        version=1,
        kind="function",
        subject=_TEXT,
        result="integer",
        summary="How many characters a text has, before escaping.",
        call=_length,
        examples=(Example("ECG", {}, 3), Example("a|b", {}, 3), Example("é", {}, 1), Example("e\u0301", {}, 2)),
        source=_CHAPTER,
    ),
)
