"""Codes are found as people type them, and nothing else is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.codes.search import Entry, Index, words

ROOT = Path(__file__).parents[2]


def listed(name: str) -> list[Entry]:
    with (ROOT / "orgs" / name / "icd10_subset.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Entry(row["code"], row["display"], tuple(row.get("synonyms", "").split(";"))) for row in rows]


ENTRIES = listed("larkspur")
INDEX = Index(ENTRIES)
LONG = sorted(
    {(entry.code, word) for entry in ENTRIES for word in words(entry.display) if len(word) >= 5 and word.isalpha()}
)


def found(typed: str) -> list[str]:
    return [entry.code for entry in INDEX.find(typed, 100)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("I48.91", "I48.91"), ("i4891", "I48.91"), ("I48,91", "I48.91"), ("r00.o", "R00.0"), ("I48", "I48.0"), ("z", "Z95.0"),
        ("atrial flutter", "I48.92"), ("flutter atrial", "I48.92"), ("fib unspec", "I48.91"), ("tachycardias", "R00.0"),
        ("pacemkaer", "Z95.0"), ("bradicardia", "R00.1"), ("hypertensoin", "I10"), ("fibrilat parox", "I48.0"),
        ("RBBB", "I45.10"), ("afib", "I48.0"), ("presence of the pacemaker", "Z95.0"), ("Éctopic", ""), ("smith", ""),
        ("infarction of site", "I21.3"),
    ],
)  # fmt: skip
def test_what_is_meant_comes_first(typed: str, first: str):
    assert [*found(typed), ""][0] == first


def test_without_anything_typed_the_list_stands_in_its_own_order():
    assert found("") == found("  ") == [entry.code for entry in ENTRIES]
    assert [entry.code for entry in INDEX.find("", 3)] == [entry.code for entry in ENTRIES[:3]]
    assert found("?!") == []


def test_a_word_that_is_there_is_never_taken_for_a_slip_of_another():
    index = Index([Entry("A00", "Cholera"), Entry("A01", "Choleras"), Entry("A02", "Cholers")])
    assert [entry.code for entry in index.find("cholers", 9)] == ["A02"]


def test_the_text_of_a_code_counts_more_than_other_words_for_it():
    index = Index([Entry("A00", "One", ("flutter",)), Entry("A01", "Flutter of two")])
    assert [entry.code for entry in index.find("flutter", 9)] == ["A01", "A00"]


@given(st.sampled_from(ENTRIES), st.booleans(), st.booleans())
def test_a_whole_code_comes_first(entry: Entry, small: bool, dot: bool):
    typed = entry.code if dot else entry.code.replace(".", "")
    assert found(typed.lower() if small else typed)[0] == entry.code


@given(st.sampled_from(LONG), st.data())
def test_one_slip_in_a_long_word_still_finds_it(where: tuple[str, str], data: st.DataObject):
    code, word = where
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    typed = data.draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
            ]
        )
    )
    vocabulary = {other for entry in ENTRIES for text in (entry.display, *entry.synonyms) for other in words(text)}
    if not any(other.startswith(typed) for other in vocabulary):  # another word was typed then
        assert code in found(typed)


@given(st.text(max_size=30), st.integers(1, 5))
def test_whatever_is_typed_gives_codes_of_the_list_each_once_and_always_the_same(typed: str, limit: int):
    every = found(typed)
    assert {*every} <= {entry.code for entry in ENTRIES}
    assert len({*every}) == len(every) == INDEX.count(typed)
    assert [entry.code for entry in INDEX.find(typed, limit)] == every[:limit]
    assert [entry.code for entry in Index(ENTRIES).find(typed, 100)] == every


@given(st.sampled_from(ENTRIES), st.randoms())
def test_the_order_of_words_does_not_matter(entry: Entry, random):
    typed = words(entry.display)
    random.shuffle(typed)
    assert entry.code in found(" ".join(typed))
