"""ICD-10-CM: what exists, what may be billed, what was meant; and a file that is what its source says."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from segwright.codes.icd10cm import EDITIONS, TEXTS, dotted, edition, texts_beside, undotted
from segwright.codes.importing import written
from tools import make_icd10cm


@pytest.fixture(scope="module")
def every() -> list[str]:
    """Every code of the newest edition, undotted, in order."""
    return [undotted(code) for code in edition().codes()]


SHIPPED = [make_icd10cm.FILE, make_icd10cm.FILE.with_name("icd10cm-2027.txt")]


@pytest.mark.parametrize(
    "code", ["I10", "I48.91", "I4891", "I47.10", "R94.31", "Z95.0", "S02.0XXA", "C7A.00", "QA0.0101"]
)
def test_a_code_without_narrower_ones_may_be_billed_with_its_dot_or_without(code: str):
    assert edition().known(code)
    assert edition().billable(code)
    assert edition().children(code) == ()
    assert edition().nearest(code) == dotted(code)


def test_a_heading_is_known_and_offers_what_may_be_billed_below_it():
    newest = edition()
    assert newest.known("I47.1")
    assert not newest.billable("I47.1")
    assert newest.children("I471") == ("I47.10", "I47.11", "I47.19")
    assert newest.children("I48")[:3] == ("I48.0", "I48.11", "I48.19")
    assert newest.children("S02.0")[0] == "S02.0XXA", "placeholders stand in no code of their own"


NONE = "I I4 I48. I4.891 i48.91 I48-I49 9 S02.0X I48.99 I48.9100 É48 I４8".split()


@pytest.mark.parametrize("code", ["", "I48.91 ", " I48.91", "\nI48", *NONE])
def test_what_is_not_written_like_a_code_is_none(code: str):
    assert not edition().known(code)
    assert not edition().billable(code)
    assert edition().children(code) == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("i48.91", "I48.91"),
        ("I4.891", "I48.91"),
        (" I48.91 ", "I48.91"),
        ("I1O", "I10"),
        ("R00.O", "R00.0"),
        ("R94.310", "R94.31"),
        ("S02.0X", "S02.0XXA"),
        ("I48.99", "I48.91"),
        ("XYZ", ""),
        ("", ""),
    ],
)
def test_the_nearest_code_is_the_one_that_was_meant(typed: str, meant: str):
    assert edition().nearest(typed) == meant


def test_a_suggestion_may_always_be_billed_unless_only_its_spelling_was_wrong():
    assert edition().billable(edition().nearest("I47.17"))


def test_the_figures_are_those_of_the_edition(every: list[str]):
    assert len(every) == len(set(every)) == 98_403
    assert every == sorted(every)
    leaves = [code for code, following in pairwise([*every, ""]) if not following.startswith(code)]
    assert len(leaves) == 74_879
    some = every[::97]
    assert [edition().billable(code) for code in some] == [code in set(leaves) for code in some]


def test_the_edition_is_chosen_by_the_date_of_service():
    assert [file.begins for file in EDITIONS] == sorted(file.begins for file in EDITIONS)
    assert all(before.ends < after.begins for before, after in pairwise(EDITIONS))
    newest = edition()
    assert edition(newest.begins) is edition(date(2099, 1, 1)) is newest
    assert newest.holds_on(newest.begins)
    assert newest.holds_on(newest.ends)
    assert not newest.holds_on(date(2099, 1, 1))
    oldest = edition(date(1999, 1, 1))
    assert oldest.begins == EDITIONS[0].begins
    assert not oldest.holds_on(date(1999, 1, 1))


@pytest.mark.parametrize(
    ("path", "file"), [*zip(SHIPPED, EDITIONS, strict=True)], ids=lambda one: getattr(one, "name", "")
)
def test_a_file_says_for_which_dates_and_where_it_comes_from(path, file):
    text = path.read_text(encoding="ascii")
    head = text[: text.index("\nA00")]
    assert path.name == file.name
    assert f"from {file.begins} to {file.ends}" in head
    assert "public domain" in head
    assert ("MIT" in head) != ("icd10cm_order_addenda_2027.txt" in head)


def test_making_the_files_anew_gives_the_same_codes_and_texts():
    codes = make_icd10cm.source()
    assert (make_icd10cm.HEADER + written(codes)).encode("ascii") == make_icd10cm.FILE.read_bytes()
    assert "\n".join([*make_icd10cm.texts(codes), ""]) == texts_beside(make_icd10cm.FILE)


def test_the_edition_of_october_2026_is_the_one_before_with_the_official_addenda(tmp_path):
    made = make_icd10cm.next_year(tmp_path)
    assert made.read_bytes() == SHIPPED[1].read_bytes()
    assert texts_beside(made) == texts_beside(SHIPPED[1])
    before, now = edition(date(2026, 9, 30)), edition(date(2026, 10, 1))
    assert (before.name, now.name) == ("2026-04", "2027")
    for heading in ("I42.0", "I49.8", "D69.1", "Z68.1"):
        assert (before.billable(heading), now.billable(heading)) == (True, False)
    assert now.children("I42.0") == ("I42.00", "I42.01", "I42.09")
    assert (before.known("T52.8X1A"), now.known("T52.8X1A")) == (True, False)
    assert now.text("I47.22") == "Catecholaminergic polymorphic ventricular tachycardia [CPVT]"


def test_every_code_has_its_text(every: list[str]):
    assert edition().text("I48.91") == edition().text("I4891") == "Unspecified atrial fibrillation"
    assert edition().text("S02.0XXA") == "Fracture of vault of skull, initial encounter for closed fracture"
    assert edition().text("I48") == "Atrial fibrillation and flutter"
    assert edition().text("I48.99") == ""
    assert all(edition().text(code) for code in every)


def test_the_files_are_small():
    for path in SHIPPED:
        assert path.stat().st_size < 300_000
        assert path.with_name(f"{path.stem}{TEXTS}").stat().st_size < 600_000
