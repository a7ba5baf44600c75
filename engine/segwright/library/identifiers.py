"""Check digits of identifiers (chapter 2A, CX.2 and CX.3; table 0061) and the National Provider Identifier."""

from __future__ import annotations

import re
from typing import Final

from segwright.library.record import Builtin, Example, Parameter, Refusal

_DIGITS: Final = re.compile("[0-9]+")
_NPI: Final = re.compile("[12][0-9]{9}")
_NPI_STEM: Final = re.compile("[12][0-9]{8}")
_NPI_PREFIX: Final = "80840"
_LONGEST: Final = 60


def _mod10(digits: str) -> str:
    """Table 0061 M10: every second digit from the right doubled, the digits added up (Luhn)."""
    total = sum(map(int, digits[-2::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return str(-total % 10)


def _mod11(digits: str) -> str:
    """Table 0061 M11: weights 2 to 7 from the right, again and again."""
    rest = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(digits))) % 11
    return str((11 - (rest or 1)) % 10)


def _iso_11_10(digits: str) -> str:
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def _iso_11_2(digits: str) -> str:
    product = 0
    for digit in digits:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(12 - product) % 11]


def _iso_97_10(digits: str) -> str:
    return f"{98 - int(digits) * 100 % 97:02}"


def _npi(digits: str) -> str:
    if not _NPI_STEM.fullmatch(digits):
        raise Refusal("a provider identifier without its check digit has nine digits and begins with 1 or 2")
    return _mod10(_NPI_PREFIX + digits)


_SCHEMES: Final = {
    "M10": _mod10,
    "M11": _mod11,
    "NPI": _npi,
    "ISO_11_10": _iso_11_10,
    "ISO_11_2": _iso_11_2,
    "ISO_97_10": _iso_97_10,
}


def _check_digit(subject: str, scheme: str) -> str:
    calculate = _SCHEMES.get(scheme)
    if calculate is None:
        raise Refusal("the scheme is none of " + ", ".join(_SCHEMES))
    if not _DIGITS.fullmatch(subject):
        raise Refusal("the identifier is not all digits; the check digit of any other is left empty")
    if len(subject) > _LONGEST:
        raise Refusal(f"the identifier is {len(subject)} digits long, {_LONGEST} are allowed")
    return calculate(subject)


def _check_digit_valid(subject: str, digit: str, scheme: str) -> bool:
    if scheme not in _SCHEMES:
        raise Refusal("the scheme is none of " + ", ".join(_SCHEMES))
    try:
        return _check_digit(subject, scheme) == digit
    except Refusal:
        return False


def _npi_valid(subject: str) -> bool:
    return _NPI.fullmatch(subject) is not None and _mod10(_NPI_PREFIX + subject[:-1]) == subject[-1]


_SCHEME: Final = Parameter(
    "scheme",
    "word",
    "how it is calculated; HL7's code ISO names a family, so its member is said",
    choices=tuple(_SCHEMES),
)

BUILTINS: Final = (
    Builtin(
        name="check_digit",
        version=1,
        kind="format",
        subject=("text", "code"),
        result="text",
        summary="The check digit of an identifier, for CX.2; it is never appended to the identifier itself.",
        call=_check_digit,
        parameters=(_SCHEME,),
        examples=(
            Example("12345", {"scheme": "M10"}, "5"),
            Example("401", {"scheme": "M10"}, "0"),
            Example("99999999", {"scheme": "M10"}, "8"),
            Example("1234567", {"scheme": "M11"}, "4"),
            Example("0", {"scheme": "M11"}, "0"),
            Example("123456789", {"scheme": "NPI"}, "3"),
            Example("0794", {"scheme": "ISO_11_10"}, "5"),
            Example("079", {"scheme": "ISO_11_2"}, "X"),
            Example("99991234567890121414", {"scheme": "ISO_97_10"}, "90"),
            Example(
                "A1234",
                {"scheme": "M10"},
                refused="the identifier is not all digits; the check digit of any other is left empty",
            ),
            Example(
                "923456789",
                {"scheme": "NPI"},
                refused="a provider identifier without its check digit has nine digits and begins with 1 or 2",
            ),
        ),
        source="HL7 v2 chapter 2A, CX.2; table 0061; ISO 7064",
    ),
    Builtin(
        name="check_digit_valid",
        version=1,
        kind="function",
        subject=("text", "code"),
        result="boolean",
        summary="Whether a check digit belongs to an identifier. An identifier that can have none is not valid.",
        call=_check_digit_valid,
        parameters=(Parameter("digit", "text", "the check digit that came (CX.2)"), _SCHEME),
        examples=(
            Example("12345", {"digit": "5", "scheme": "M10"}, True),
            Example("12345", {"digit": "6", "scheme": "M10"}, False),
            Example("1234567", {"digit": "4", "scheme": "M11"}, True),
            Example("555-44-4444", {"digit": "4", "scheme": "M11"}, False),
        ),
        source="HL7 v2 chapter 2A, CX.2; table 0061",
    ),
    Builtin(
        name="npi_valid",
        version=1,
        kind="function",
        subject=("text", "code"),
        result="boolean",
        summary="Whether a text is a National Provider Identifier: ten digits, the first 1 or 2, the last one fitting.",
        call=_npi_valid,
        examples=(
            Example("1234567893", {}, True),
            Example("1234567890", {}, False),
            Example("5742200012", {}, False),
            Example("123456789", {}, False),
            Example("1234567893 ", {}, False),
        ),
        source="45 CFR 162.406; ISO/IEC 7812 check digit over 80840 and the number",
    ),
)
