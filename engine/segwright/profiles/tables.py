"""HL7 tables: which codes a version has, what they mean, and whether a code outside them is an error.

Takes a table number and a version; gives codes, meanings, closed or open; an unknown table gives None. The contents are
in `tables.txt` beside this file, read at the first question.

Sources: chapter of each table in `tables.txt`; codes by version from hl7apy 1.3.5, meanings from hl7-dictionary 1.0.1.
Mended there: 0119 lost in 2.4; 0104 without its own version in 2.6, 2.8.1 and 2.8.2; 0125 without CWE although the type
exists from 2.3.1, and with CE and TS after their types went; 0301 `L,M,N` as one code; 0357 with three headings as
codes (2.4); 0191 with words (`Image`) as codes (2.3.1); 0078, 0200, 0207, 0291, 0356, 0396 with remarks (`null`, `...`,
`not present`) as codes. 0516 has F in every version (hl7-facts C7; hl7apy lists it from 2.7 only).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

ORDER: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")

# Open: the standard lets a site add codes, or the field is user-defined in some version (IS, CWE) with suggested
# values.
_OPEN: Final = {
    "0001": "user-defined table (chapter 3)",
    "0004": "user-defined table (chapter 3)",
    "0052": "user-defined table (chapter 6)",
    "0078": "user-defined in 2.4 to 2.6, CWE from 2.7 (chapter 7)",
    "0105": "may be extended locally (chapter 2, NTE-2)",
    "0291": "any MIME subtype (RFC 2046) is allowed (chapter 2A)",
    "0396": "grows outside the printed standard: I10C is in the live UTG table only (chapter 2C)",
}

# Codes with a part that the sender fills in.
_PATTERNS: Final = {
    "0203": (re.compile(r"NN[A-Z]{3}"),),
    "0396": (
        re.compile(r"99[A-Z0-9-]{3,4}"),
        re.compile(r"HL7[0-9]{4}"),
        re.compile(r"ISO[0-9]{4}"),
        re.compile(r"IBT[0-9]{4}"),
        re.compile(r"I10G[0-9]{4}"),
    ),
}

# Codes of 0396 for every version. I10C is in the live UTG table and in no printed one (hl7-facts C3); SCT, UCUM and MDC
# are printed from 2.7 and sent with earlier versions too (the table is open); L and 99zzz are printed as remarks in
# between.
_LIVE: Final = {
    "0396": {
        "L": "Local general code",
        "99zzz": "Local code of a site; zzz is three or four characters",
        "I10C": "International Classification of Diseases, Clinical Modification (ICD-10-CM)",
        "SCT": "SNOMED Clinical Terms",
        "UCUM": "Unified Code for Units of Measure",
        "MDC": "ISO/IEEE 11073 medical device nomenclature",
    }
}


class Code(msgspec.Struct, frozen=True):
    """One code: its meaning ("" where no source gives it) and the first and last version that has it."""

    meaning: str
    since: int
    until: int


class Table(msgspec.Struct, frozen=True):
    """A table with the chapter of the standard that prints it, and every code of every version."""

    number: str
    chapter: str
    name: str
    codes: dict[str, Code]


@cache
def tables() -> dict[str, Table]:
    """All tables that this floor knows, by four-digit number."""
    found: dict[str, Table] = {}
    codes: dict[str, Code] = {}
    for line in Path(__file__).with_name("tables.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            number, chapter, name = line.split(" ", 2)
            codes = {code: Code(meaning, 0, len(ORDER) - 1) for code, meaning in _LIVE.get(number, {}).items()}
            found[number] = Table(number, chapter, name, codes)
            continue
        code, span, meaning = (line[1:] + "\t").split("\t")[:3]
        since, until = span.split("-")
        first = ORDER.index(since) if since else 0
        last = ORDER.index(until) if until else len(ORDER) - 1
        codes.setdefault(code, Code(meaning, first, last))
    return found


def codes(number: str, version: str) -> dict[str, str] | None:
    """Code to meaning for a table in a version; None for a table that is unknown or user-defined without suggestions."""
    table = tables().get(number)
    if table is None:
        return None
    at = ORDER.index(version)
    return {code: row.meaning for code, row in table.codes.items() if row.since <= at <= row.until}


def allows(number: str, version: str, code: str) -> bool | None:
    """Whether the table lists the code, or a form of it such as 99ABC; None when the table is unknown."""
    table = tables().get(number)
    if table is None:
        return None
    row = table.codes.get(code)
    listed = row is not None and row.since <= ORDER.index(version) <= row.until
    return listed or any(form.fullmatch(code) for form in _PATTERNS.get(number, ()))


def is_closed(number: str) -> bool:
    """Whether a code outside the table is wrong. False for open and for unknown tables: then it may be only unusual."""
    return number in tables() and number not in _OPEN


def why_open(number: str) -> str:
    """Why codes outside the table are allowed, with the chapter; "" for a closed or an unknown table."""
    return _OPEN.get(number, "")
