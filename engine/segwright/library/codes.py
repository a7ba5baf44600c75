"""Codes: ICD-10-CM with or without its dot, UCUM units, yes and no."""

from __future__ import annotations

import re
from typing import Final

from segwright.library.record import Builtin, Example, Parameter, Refusal
from segwright.library.units import is_sane

# A letter, then two characters of which at least one is a digit (I10, C7A, QA0), up to four more behind a dot.
_ICD10: Final = re.compile(r"([A-Z](?:[0-9][0-9A-Z]|[A-Z][0-9]))(?:\.?([0-9A-Z]{1,4}))?")
_MALFORMED: Final = "the text does not have the form of an ICD-10-CM code"


def _icd10_parts(subject: str) -> tuple[str, str]:
    match = _ICD10.fullmatch(subject.upper()) if subject.isascii() else None
    if match is None:
        raise Refusal(_MALFORMED)
    return match[1], match[2] or ""


def _icd10(subject: str, dots: bool) -> str:
    category, rest = _icd10_parts(subject)
    return f"{category}.{rest}" if dots and rest else category + rest


def _read_icd10(subject: str) -> str:
    return _icd10(subject, True)


def _ucum(subject: str) -> str:
    if not is_sane(subject):
        raise Refusal("the text is not written like a UCUM unit")
    return subject


def _write_yes_no(subject: bool) -> str:
    return "Y" if subject else "N"


def _read_yes_no(subject: str) -> bool:
    if subject not in ("Y", "N"):
        raise Refusal("the text is neither Y nor N")
    return subject == "Y"


_ICD10_SOURCE: Final = "ICD-10-CM Official Guidelines, section I.A; HL7 v2 chapter 6, DG1-3"

BUILTINS: Final = (
    Builtin(
        name="icd10",
        version=1,
        kind="format",
        subject=("code",),
        result="text",
        summary="An ICD-10-CM code with or without the dot after its third character, however it was held.",
        call=_icd10,
        parameters=(Parameter("dots", "boolean", "whether the hospital wants the dot"),),
        examples=(
            Example("I48.91", {"dots": True}, "I48.91"),
            Example("I48.91", {"dots": False}, "I4891"),
            Example("I4891", {"dots": True}, "I48.91"),
            Example("I10", {"dots": True}, "I10"),
            Example("C7A.00", {"dots": False}, "C7A00"),
            Example("s52.521a", {"dots": True}, "S52.521A"),
            Example("I489.1", {"dots": True}, refused=_MALFORMED),
            Example("I10.", {"dots": False}, refused=_MALFORMED),
        ),
        inverse=True,
        source=_ICD10_SOURCE,
    ),
    Builtin(
        name="icd10",
        version=1,
        kind="format",
        subject=("text",),
        result="code",
        summary="Reads an ICD-10-CM code, with its dot or without, into the form with the dot. Whether the code exists is "
        "for the diagnosis list to say.",
        call=_read_icd10,
        examples=(
            Example("I4891", {}, "I48.91"),
            Example("I48.91", {}, "I48.91"),
            Example("I10", {}, "I10"),
            Example("QA00101", {}, "QA0.0101"),
            Example("427.31", {}, refused=_MALFORMED),
            Example("I10 ", {}, refused=_MALFORMED),
        ),
        source=_ICD10_SOURCE,
    ),
    Builtin(
        name="ucum",
        version=1,
        kind="format",
        subject=("text", "code"),
        result="text",
        summary="A UCUM unit. Every unit of a literal, a table or the configuration is checked against UCUM when the "
        "mapping is compiled; one that comes with the data is checked in its form only.",
        call=_ucum,
        examples=(
            Example("ms", {}, "ms"),
            Example("{beats}/min", {}, "{beats}/min"),
            Example("mm[Hg]", {}, "mm[Hg]"),
            Example("1", {}, "1"),
            Example("beats per minute", {}, refused="the text is not written like a UCUM unit"),
            Example("mm[Hg", {}, refused="the text is not written like a UCUM unit"),
        ),
        inverse=True,
        source="UCUM 2.2; HL7 v2 chapter 7, OBX-6",
    ),
    Builtin(
        name="yes_no",
        version=1,
        kind="format",
        subject=("boolean",),
        result="text",
        summary="Y or N.",
        call=_write_yes_no,
        examples=(Example(True, {}, "Y"), Example(False, {}, "N"), Example(True, {}, "Y")),
        inverse=True,
        source="HL7 table 0136",
    ),
    Builtin(
        name="yes_no",
        version=1,
        kind="format",
        subject=("text",),
        result="boolean",
        summary="Reads Y or N.",
        call=_read_yes_no,
        examples=(
            Example("Y", {}, True),
            Example("N", {}, False),
            Example("y", {}, refused="the text is neither Y nor N"),
            Example("U", {}, refused="the text is neither Y nor N"),
        ),
        source="HL7 table 0136",
    ),
)
