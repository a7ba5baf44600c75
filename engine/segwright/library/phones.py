"""Telephone numbers as the hospital's interface spells them (XTN, chapter 2A)."""

from __future__ import annotations

import re
from typing import Final

from segwright.library.record import Builtin, Example, Parameter, Refusal

_SPELLING: Final = re.compile(r"\+?[0-9 ()./\u00a0\u2010-\u2013-]+")
_NOT_DIGIT: Final = re.compile("[^0-9]+")
_NATIONAL: Final = 10


def _number(subject: str) -> str:
    if not _SPELLING.fullmatch(subject):
        raise Refusal("the text holds something other than a telephone number")
    digits = _NOT_DIGIT.sub("", subject)
    if not digits:
        raise Refusal("the text holds no digit")
    return digits


def _phone(subject: str, pattern: str) -> str:
    places = pattern.count("9")
    digits = _number(subject)
    if places == _NATIONAL and len(digits) == places + 1 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != places:
        raise Refusal(f"the number has {len(digits)} digits, the pattern has places for {places}")
    rest = iter(digits)
    return "".join(next(rest) if character == "9" else character for character in pattern)


def _phone_part(subject: str, part: str) -> str:
    digits = _number(subject)
    if len(digits) == _NATIONAL + 1 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != _NATIONAL:
        raise Refusal(f"the number has {len(digits)} digits, a North American number has {_NATIONAL}")
    return digits[:3] if part == "area" else digits[3:]


BUILTINS: Final = (
    Builtin(
        name="phone",
        version=1,
        kind="format",
        subject=("text",),
        result="text",
        summary="A telephone number written to a pattern: each 9 takes one digit, the rest stands as it is. The count of "
        "digits must fit; only the country code 1 in front of ten digits may fall away.",
        call=_phone,
        parameters=(Parameter("pattern", "text", 'how the hospital spells it, as in "(999)999-9999"'),),
        examples=(
            Example("412-555-1212", {"pattern": "(999)999-9999"}, "(412)555-1212"),
            Example("+1 412 555 1212", {"pattern": "(999)999-9999"}, "(412)555-1212"),
            Example("4125551212", {"pattern": "999-999-9999"}, "412-555-1212"),
            Example(
                "555-1212",
                {"pattern": "(999)999-9999"},
                refused="the number has 7 digits, the pattern has places for 10",
            ),
            Example(
                "1-412-555-1212",
                {"pattern": "999-9999"},
                refused="the number has 11 digits, the pattern has places for 7",
            ),
            Example(
                "412-555-1212 ext. 7",
                {"pattern": "(999)999-9999"},
                refused="the text holds something other than a telephone number",
            ),
        ),
        source="HL7 v2 chapter 2A, XTN and TN",
    ),
    Builtin(
        name="phone_part",
        version=1,
        kind="format",
        subject=("text",),
        result="text",
        summary="One part of a North American number: the area code (XTN.6) or the local number (XTN.7).",
        call=_phone_part,
        parameters=(Parameter("part", "word", "which part", choices=("area", "local")),),
        examples=(
            Example("(412)555-1212", {"part": "area"}, "412"),
            Example("(412)555-1212", {"part": "local"}, "5551212"),
            Example("+1 412 555 1212", {"part": "area"}, "412"),
            Example(
                "+44 20 7946 0958",
                {"part": "area"},
                refused="the number has 12 digits, a North American number has 10",
            ),
        ),
        source="HL7 v2 chapter 2A, XTN.6 and XTN.7",
    ),
)
