"""Reads the official yearly files of ICD-10-CM and writes an edition of them.

Takes a code description file in tabular order (`icd10cm_order_2027.txt`, by CMS), or an addenda file
(`icd10cm_order_addenda_2027.txt`) with the edition that it changes. Gives every code with its long text. Refuses, with
`NoEdition` and its line, what is not in that form or contradicts itself: nothing is left out silently, for a code that is
missing here is refused to every clinician. Columns, from 1:

    an order file       1-5 order number   7-13 code   15 billable (0 or 1)   17-76 short text   78 and on long text
    an addenda file     1-12 what to do    14 billable   16-22 code   24-83 short text   85 and on long text

A short text may fill all its sixty columns, so that one blank divides it from the long one: texts are told apart by their columns
alone. An addenda file ends with how many headers and codes there were before and are after it; one that changes nothing holds
nothing else.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Final

from segwright.codes.editions import NAME, NoEdition
from segwright.codes.icd10cm import TEXTS, Edition, undotted

LARGEST: Final = 64 * 2**20
"""Bytes of an official file; that of 2026 has 14 million."""

_CODE: Final = re.compile(r"[A-Z][0-9A-Z]{2,6}")
_ORDER: Final = re.compile(
    r"(?P<number>[0-9]{5}) (?P<code>[0-9A-Z]{3,7}) *(?P<billable>[01]) (?P<short>.{60}) (?P<long>.*)"
)
_CHANGE: Final = re.compile(
    r"(?P<action>Add|Delete|Revise from|Revise to): {1,9}(?P<billable>[01]) "
    r"(?P<code>[0-9A-Z]{3,7}) *(?P<short>.{60}) (?P<long>.*)"
)
_TOTAL: Final = re.compile(r" *(?P<count>[0-9]+) (?P<what>headers|codes) in \S+")
_SUMMARY: Final = re.compile(r"Headers|Codes|of which| *[0-9]+ (additions|deletions|revisions( to .*)?)")
_ROW: Final = re.compile(r"^[0-9]{5} ")


class Row:
    """A code of an official file: its line, whether it may be billed, and its long text."""

    __slots__ = ("billable", "line", "text")

    def __init__(self, line: int, billable: bool, text: str) -> None:
        self.line = line
        self.billable = billable
        self.text = text


def read_official(data: bytes, name: str, onto: Edition | None = None) -> dict[str, str]:
    """Every code of an official file without its dot, with its text. `onto`: the edition that an addenda file changes.
    Raises `NoEdition`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise NoEdition(name, line, "it is not UTF-8 text") from None
    lines = [(number, line.rstrip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise NoEdition(name, 0, "it is empty")
    addenda = not _ROW.match(lines[0][1])
    if addenda and not any(_CHANGE.match(line) or _TOTAL.match(line) for _, line in lines[:20]):
        reason = (
            "this is no order file: a line has order number, code, 0 or 1, short and long text, such as "
            "`00002 A000    1 Cholera due to Vibrio cholerae 01, biovar cholerae  …`"
        )
        raise NoEdition(name, lines[0][0], reason)
    if addenda and onto is None:
        raise NoEdition(name, lines[0][0], "this is an addenda file: --onto names the edition that it changes")
    if not addenda and onto is not None:
        raise NoEdition(name, lines[0][0], "this is a whole order file, which changes no edition: leave --onto out")
    rows = _changed(lines, name, onto) if onto is not None else _ordered(lines, name)
    _coherent(rows, name)
    return {code: row.text for code, row in sorted(rows.items())}


def _ordered(lines: Iterable[tuple[int, str]], name: str) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for order, (number, line) in enumerate(lines, 1):
        found = _ORDER.match(line.ljust(78))
        if found is None or not _CODE.fullmatch(found["code"]) or found.start("billable") != 14:
            raise NoEdition(
                name, number, "it has no order number, code, 0 or 1, and texts in their columns (1, 7, 15, 17, 78)"
            )
        if int(found["number"]) != order:
            reason = f"its order number is {found['number']} and should be {order:05}: lines are missing"
            raise NoEdition(name, number, reason)
        meaning = found["long"].strip() or found["short"].strip()
        if not meaning:
            raise NoEdition(name, number, f"{found['code']} has no text")
        if found["code"] in rows:
            raise NoEdition(name, number, f"{found['code']} stands in line {rows[found['code']].line} already")
        rows[found["code"]] = Row(number, found["billable"] == "1", " ".join(meaning.split()))
    return rows


class _Change:
    """A line of an addenda file."""

    __slots__ = ("action", "code", "row")

    def __init__(self, action: str, code: str, row: Row) -> None:
        self.action = action
        self.code = code
        self.row = row


def _changed(lines: Iterable[tuple[int, str]], name: str, onto: Edition) -> dict[str, Row]:
    rows = {undotted(code): Row(0, onto.billable(code), onto.text(code)) for code in onto.codes()}
    changes: list[_Change] = []
    totals: dict[str, list[tuple[int, int]]] = {}
    for number, line in lines:
        total = _TOTAL.fullmatch(line)
        if total is not None:
            totals.setdefault(total["what"], []).append((number, int(total["count"])))
        elif not _SUMMARY.fullmatch(line):
            changes.append(_change(number, line, name))
    _in_pairs(changes, name)
    before = _counted(rows)
    # What is deleted goes first: a code that becomes a heading is deleted and added, in either order.
    for change in sorted(changes, key=lambda each: each.action != "Delete"):
        code, row = change.code, change.row
        match change.action:
            case "Delete":
                if rows.pop(code, None) is None:
                    raise NoEdition(name, row.line, f"{code} is deleted, and edition {onto.name} does not have it")
            case "Add":
                if code in rows:
                    raise NoEdition(name, row.line, f"{code} is added, and is there already")
                rows[code] = row
            case _ if code not in rows:
                raise NoEdition(name, row.line, f"{code} is revised, and edition {onto.name} does not have it")
            case "Revise to":
                rows[code] = row
            case _:
                pass  # what it was before
    _agree(totals, before, _counted(rows), name, onto)
    return rows


def _change(number: int, line: str, name: str) -> _Change:
    found = _CHANGE.fullmatch(line.ljust(84))
    if (
        found is None
        or not _CODE.fullmatch(found["code"])
        or (found.start("billable"), found.start("short")) != (13, 23)
    ):
        reason = (
            f"`{line[:20]}…` is none of Add:, Delete:, Revise from:, Revise to: with 0 or 1, a code and texts in their columns "
            "(1, 14, 16, 24, 85)"
        )
        raise NoEdition(name, number, reason)
    meaning = found["long"].strip() or found["short"].strip()
    if not meaning:
        raise NoEdition(name, number, f"{found['code']} has no text")
    return _Change(found["action"], found["code"], Row(number, found["billable"] == "1", " ".join(meaning.split())))


def _in_pairs(changes: list[_Change], name: str) -> None:
    """What is revised stands in two lines, one behind the other."""
    for change, following in zip_longest(changes, changes[1:]):
        if change.action == "Revise from" and (
            following is None or (following.action, following.code) != ("Revise to", change.code)
        ):
            raise NoEdition(name, change.row.line, f"the next line does not say what {change.code} is revised to")


def _counted(rows: Mapping[str, Row]) -> dict[str, int]:
    billable = sum(row.billable for row in rows.values())
    return {"headers": len(rows) - billable, "codes": billable}


def _agree(
    totals: Mapping[str, list[tuple[int, int]]], before: Mapping[str, int], after: Mapping[str, int], name: str, onto: Edition
) -> None:  # fmt: skip
    """The file's own numbers are those of the edition it changes, and of what comes out."""
    for what, found in totals.items():
        (first, stood), (last, stands) = found[0], found[-1]
        if stood != before[what]:
            reason = f"it changes an edition with {stood} {what}, and {onto.name} has {before[what]}"
            raise NoEdition(name, first, reason)
        if stands != after[what]:
            raise NoEdition(name, last, f"after it there should be {stands} {what}, and there are {after[what]}")


def _coherent(rows: Mapping[str, Row], name: str) -> None:
    """What may be billed has nothing below it, and what has nothing below it may be billed."""
    ordered = sorted(rows)
    for code, following in zip(ordered, [*ordered[1:], ""], strict=True):
        row, heading = rows[code], following.startswith(code)
        if code[:3] not in rows:
            raise NoEdition(name, row.line, f"{code} stands below {code[:3]}, which the file does not have")
        if row.billable and heading:
            raise NoEdition(name, row.line, f"{code} is said to be billable, and {following} stands below it")
        if not row.billable and not heading:
            raise NoEdition(name, row.line, f"{code} is said to be a heading, and nothing stands below it")


def written(codes: Iterable[str]) -> str:
    """Codes without their dots as an edition's file has them, behind its header: a line is a category; `2_01` behind I48 stands
    for I48.20 and I48.21."""
    lines = []
    for category, members in groupby(sorted(set(codes)), key=lambda code: code[:3]):
        last: dict[str, str] = {}
        for code in members:
            if code != category:
                last[code[3:-1]] = last.get(code[3:-1], "") + code[-1]
        ends = (f"{stem}_{characters}" for stem, characters in sorted(last.items()))
        lines.append(" ".join((category, *ends)) + "\n")
    return "".join(lines)


def packed(texts: Iterable[str]) -> bytes:
    """Texts as an edition's second file has them, in the order of the codes."""
    return gzip.compress("".join(f"{text}\n" for text in texts).encode(), 9, mtime=0)


def write_edition(codes: Mapping[str, str], name: str, begins: date, ends: date, source: str, folder: Path) -> Path:
    """Writes an edition into a folder and gives the file of its codes. `codes`: as `read_official` gives them. Raises
    `NoEdition` for a name or dates that cannot be, OSError."""
    path = folder / f"icd10cm-{name}.txt"
    if not NAME.fullmatch(name):
        raise NoEdition(str(path), 0, "an edition's name has small letters, digits, dots and dashes, such as `2027-10`")
    if begins > ends:
        raise NoEdition(str(path), 0, f"it would end on {ends}, before it begins on {begins}")
    folder.mkdir(parents=True, exist_ok=True)
    header = (
        f"# ICD-10-CM, every code, in force from {begins} to {ends}\n"
        f"# National Center for Health Statistics (CDC) and CMS, public domain; taken from {source}\n"
        "# A line is a category; `2_01` behind it stands for its codes .20 and .21. Made by segwright codes import.\n"
    )
    # The texts first: an edition is there once its codes are.
    for target, data in (
        (path.with_name(f"{path.stem}{TEXTS}"), packed(codes[code] for code in sorted(codes))),
        (path, (header + written(codes)).encode("ascii", "replace")),
    ):
        half = target.with_name(f".{target.name}.part")
        half.write_bytes(data)
        half.replace(target)
    return path
