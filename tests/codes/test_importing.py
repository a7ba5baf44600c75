"""The official yearly files: what is taken of them, and each way they can be wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from segwright.codes.editions import NoEdition, editions, read_edition
from segwright.codes.importing import read_official, write_edition
from tests.codes.small import DURING_FIRST, FIRST, SECOND, two

EDITION = two().all[0]


def row(number: int, code: str, billable: int, text: str) -> str:
    """A line of an order file: columns 1-5, 7-13, 15, 17-76, 78 and on."""
    return f"{number:05} {code:<7} {int(billable)} {text[:60]:<60} {text}"


def order_file(codes: dict[str, str]) -> list[str]:
    ordered = sorted(codes)
    headings = {a for a, b in zip(ordered, [*ordered[1:], ""], strict=True) if b.startswith(a)}
    return [row(number, code, code not in headings, codes[code]) for number, code in enumerate(ordered, 1)]


def data(lines: list[str], end: str = "\r\n") -> bytes:
    return "".join(line + end for line in lines).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_code_of_an_order_file_is_taken_with_its_long_text(end: str):
    long = {
        **FIRST,
        "R000": "Tachycardia, unspecified, with a text that is much longer than the sixty characters of the short one",
    }
    assert read_official(data(order_file(long), end), "f") == dict(sorted(long.items()))


def test_what_was_imported_is_read_as_it_was(tmp_path: Path):
    codes = read_official(data(order_file(SECOND)), "f")
    path = write_edition(codes, "2030", date(2029, 10, 1), date(2030, 9, 30), "icd10cm_order_2030.txt", tmp_path)
    found = read_edition(path)
    assert (found.name, found.begins, found.ends) == ("2030", date(2029, 10, 1), date(2030, 9, 30))
    assert {code.replace(".", ""): found.text(code) for code in found.codes()} == SECOND
    assert sorted(each.name for each in tmp_path.iterdir()) == ["icd10cm-2030.texts.gz", "icd10cm-2030.txt"]
    assert "icd10cm_order_2030.txt" in path.read_text().splitlines()[1]
    assert editions(tmp_path).on(date(2030, 1, 1)).name == "2030"  # type: ignore[union-attr]


def swapped(at: int, line: str) -> list[str]:
    lines = order_file(FIRST)
    return [*lines[: at - 1], line, *lines[at:]]


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ([], 0, "it is empty"),
        (["code,display", "I10,Hypertension"], 1, "this is no order file"),
        (swapped(3, "00003 I48     x Atrial"), 3, "in their columns"),
        (swapped(3, "00003 I48    0 Atrial fibrillation and flutter"), 3, "in their columns"),
        (swapped(3, row(3, "i48", 0, "Atrial")), 3, "in their columns"),
        (swapped(3, row(4, "I48", 0, "Atrial")), 3, "lines are missing"),
        (swapped(3, row(3, "I48", 0, "")), 3, "has no text"),
        (swapped(3, row(3, "I471", 1, "Twice")), 3, "I471 stands in line 2 already"),
        (swapped(3, row(3, "I48", 1, "Atrial")), 3, "I48 is said to be billable, and I480 stands below it"),
        (swapped(4, row(4, "I480", 0, "Atrial")), 4, "I480 is said to be a heading, and nothing stands below it"),
        (swapped(3, row(3, "I49", 1, "Other")), 4, "I480 stands below I48, which the file does not have"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_with_its_line(lines: list[str], line: int, reason: str):
    with pytest.raises(NoEdition) as refused:
        read_official(data(lines), "f.txt")
    assert refused.value.line == line
    assert reason in refused.value.reason


def test_a_file_that_is_no_text_is_refused_with_its_line():
    lines = data(order_file(FIRST)).replace(b"R000    1 Tachy", b"R000    1 T\xffchy")
    with pytest.raises(NoEdition, match=r"f:9: it is not UTF-8"):
        read_official(lines, "f")


def change(action: str, billable: int, code: str, short: str, long: str = "") -> str:
    """A line of an addenda file: columns 1-12, 14, 16-22, 24-83, 85 and on."""
    return f"{action + ':':<12} {billable} {code:<7} {short[:60]:<60} {long or short}"


ADDENDA = [
    change("Delete", 1, "I471", "Supraventricular tachycardia"),
    change("Add", 0, "I471", "Supraventricular tachycardia"),
    change("Add", 1, "I4710", "Supraventricular tachycardia, unspecified"),
    change("Add", 1, "I4719", "Other supraventricular tachycardia"),
    change("Add", 1, "I482", "Chronic atrial fibrillation, unspecified"),
    change("Delete", 1, "I4892", "Unspecified atrial flutter"),
    change("Revise from", 1, "Z950", "Presence of cardiac pacemaker"),
    change("Revise to", 1, "Z950", "Presence of a cardiac pacemaker"),
]


def summary(headers: tuple[int, int], codes: tuple[int, int]) -> list[str]:
    """How an addenda file ends."""
    lines = []
    for what, (before, after) in (("headers", headers), ("codes", codes)):
        lines += [
            "", what.capitalize(), f"  {before} {what} in icd10cm_order_2025.txt", f"  {after} {what} in icd10cm_order_2026.txt",
            "     63 additions", "      6 deletions", "      0 revisions", "of which",
            "      0 revisions to both long and short titles", "      0 revisions to long title only",
            "      0 revisions to short title only",
        ]  # fmt: skip
    return lines


BEFORE, AFTER = (5, 6), (6, 7)
"""Headings and billable codes of the two small editions: I47, I48, I48.9, R00, Z95; then I47.1 is a heading, too."""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("ending", [[], summary((BEFORE[0], AFTER[0]), (BEFORE[1], AFTER[1]))])
def test_addenda_change_the_edition_they_are_for(ending: list[str], end: str):
    assert read_official(data([*ADDENDA, *ending], end), "f", EDITION) == dict(
        sorted({**SECOND, "Z950": "Presence of a cardiac pacemaker"}.items())
    )


def test_addenda_that_change_nothing_give_the_edition_they_are_for():
    assert read_official(data(summary((5, 5), (6, 6))), "f", EDITION) == FIRST


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("Left interstit ectopic pregnancy with intrauterine pregnancy",
         "Left interstitial ectopic pregnancy with intrauterine pregnancy"),
        ("Catecholaminergic polymorphic ventricular tachycardia [CPVT]",
         "Catecholaminergic polymorphic ventricular tachycardia [CPVT]"),
    ],
)  # fmt: skip
def test_a_short_text_that_fills_its_columns_is_no_part_of_the_long_one(short: str, long: str):
    assert len(short) == 60
    assert read_official(data([change("Add", 1, "I482", short, long)]), "f", EDITION)["I482"] == long


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ([change("Add", 1, "I480", "Paroxysmal")], 9, "I480 is added, and is there already"),
        ([change("Delete", 1, "I499", "Other")], 9, "I499 is deleted, and edition 2025 does not have it"),
        ([change("Revise to", 1, "I499", "Other")], 9, "I499 is revised, and edition 2025 does not have it"),
        ([change("No change", 1, "I480", "Other")], 9, "is none of Add:"),
        (["Add:         1 I499   Other"], 9, "is none of Add:"),
        (["Add:        00004 I499    1 Other"], 9, "is none of Add:"),
        ([change("Add", 1, "i499", "Other")], 9, "is none of Add:"),
        ([change("Add", 1, "I483", "", " ")], 9, "I483 has no text"),
        ([change("Revise from", 1, "I480", "Other")], 9, "the next line does not say what I480 is revised to"),
        ([change("Revise from", 1, "I480", "A"), change("Revise to", 1, "R000", "B")], 9, "does not say what I480"),
        (summary((4, 6), (6, 7)), 11, "it changes an edition with 4 headers, and 2025 has 5"),
        (summary((5, 6), (6, 8)), 23, "after it there should be 8 codes, and there are 7"),
        (["     12 surprises"], 9, "is none of Add:"),
    ],
)
def test_addenda_that_do_not_fit_the_edition_are_refused_with_their_line(lines: list[str], line: int, reason: str):
    with pytest.raises(NoEdition) as refused:
        read_official(data([*ADDENDA, *lines]), "f", EDITION)
    assert (refused.value.line, reason in refused.value.reason) == (line, True), (
        refused.value.line,
        refused.value.reason,
    )


def test_addenda_need_an_edition_and_a_whole_file_none():
    with pytest.raises(NoEdition, match="--onto names the edition"):
        read_official(data(ADDENDA), "f")
    with pytest.raises(NoEdition, match="leave --onto out"):
        read_official(data(order_file(FIRST)), "f", EDITION)
    assert EDITION.holds_on(DURING_FIRST)


@pytest.mark.parametrize(
    ("name", "ends"), [("../x", date(2030, 1, 1)), ("", date(2030, 1, 1)), ("x", date(2020, 1, 1))]
)
def test_a_name_or_dates_that_cannot_be_are_refused(name: str, ends: date, tmp_path: Path):
    with pytest.raises(NoEdition):
        write_edition(FIRST, name, date(2029, 10, 1), ends, "f", tmp_path)
    assert list(tmp_path.iterdir()) == []
