"""How a code stands on a date of service: by the edition of that day, and by what the others know."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.codes import saying
from segwright.codes.editions import Editions, NoEdition, Standing, editions
from segwright.codes.importing import write_edition
from tests.codes.small import AFTER, DURING_FIRST, DURING_SECOND, FIRST, SECOND, small, two

BOTH = two()


@pytest.mark.parametrize(
    ("code", "on", "wanted"),
    [
        ("I48.91", DURING_FIRST, Standing("I48.91", "billable", "2025")),
        ("i4891", DURING_SECOND, Standing("I48.91", "billable", "2026")),
        ("I47.1", DURING_FIRST, Standing("I47.1", "billable", "2025")),
        ("I47.1", DURING_SECOND, Standing("I47.1", "heading", "2026", offers=("I47.10", "I47.19"))),
        ("I47.10", DURING_FIRST, Standing("I47.10", "not_yet", "2025", since=date(2025, 10, 1), offers=("I47.1",))),
        ("I48.2", DURING_FIRST, Standing("I48.2", "not_yet", "2025", since=date(2025, 10, 1), offers=("I48.0", "I48.91", "I48.92"))),
        ("I48.92", DURING_SECOND, Standing("I48.92", "retired", "2026", until=date(2025, 9, 30), offers=("I48.91",))),
        ("I48.99", DURING_SECOND, Standing("", "unknown", "2026", offers=("I48.91",))),
        ("Smith, John", DURING_SECOND, Standing("", "unknown", "2026")),
        ("I48.91", AFTER, Standing("I48.91", "not_covered")),
        ("I48.99", AFTER, Standing("", "unknown", offers=("I48.91",))),
    ],
)  # fmt: skip
def test_a_code_stands_as_the_edition_of_the_day_says(code: str, on: date, wanted: Standing):
    assert BOTH.standing(code, on) == wanted


def test_the_first_and_the_last_day_belong_to_an_edition_and_the_days_beside_them_do_not():
    first, second = BOTH.all
    assert [BOTH.on(day) for day in (first.begins, first.ends, second.begins, second.ends)] == [
        first,
        first,
        second,
        second,
    ]
    assert BOTH.on(first.begins - timedelta(days=1)) is None
    assert BOTH.on(second.ends + timedelta(days=1)) is None


def test_an_update_takes_over_from_the_edition_of_the_year_and_its_codes_retire_the_day_before():
    update = small(
        {code: text for code, text in FIRST.items() if code != "R000"} | {"R001": "Bradycardia"},
        date(2025, 4, 1),
        date(2025, 9, 30),
        "2025-04",
    )
    three = Editions([*BOTH.all, update])
    assert three.on(date(2025, 3, 31)) is BOTH.all[0]
    assert three.on(date(2025, 4, 1)) is update
    found = three.standing("R00.0", date(2025, 5, 1))
    assert (found.kind, found.until, found.offers) == ("retired", date(2025, 3, 31), ("R00.1",))


@given(st.sampled_from(sorted({*FIRST, *SECOND})), st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_what_is_offered_may_be_billed_on_that_day(code: str, on: date):
    found = BOTH.standing(code, on)
    assert all(BOTH.standing(offer, on).kind == "billable" for offer in found.offers)
    assert (BOTH.on(on) is None) == (found.kind == "not_covered")
    assert saying.stands(found, on)


def test_what_is_beyond_the_last_edition_is_said_and_not_guessed():
    said = saying.covering(BOTH, AFTER)
    assert said.startswith(
        "No edition of ICD-10-CM here covers 1 November 2026: the last one ended on 30 September 2026."
    )
    assert "the first one begins on 1 October 2024" in saying.covering(BOTH, date(2020, 1, 1))
    assert saying.covering(BOTH, DURING_FIRST) == "ICD-10-CM 2025, valid from 1 October 2024 to 30 September 2025."


def test_a_folder_adds_its_editions_and_replaces_one_that_begins_on_the_same_day(tmp_path: Path):
    own = editions()
    write_edition(SECOND, "2028", date(2027, 10, 1), date(2028, 9, 30), "x", tmp_path)
    assert [each.name for each in editions(tmp_path).all] == [*(each.name for each in own.all), "2028"]
    write_edition(FIRST, "april", date(2026, 4, 1), date(2026, 9, 30), "x", tmp_path)
    found = editions(tmp_path)
    assert [each.name for each in found.all] == ["april", "2027", "2028"]
    assert found.text("Z95.0") == "Presence of cardiac pacemaker"
    assert editions(tmp_path / "nothing").all == own.all


def test_two_files_of_one_day_are_refused(tmp_path: Path):
    for name in ("a", "b"):
        write_edition(FIRST, name, date(2027, 10, 1), date(2028, 9, 30), "x", tmp_path)
    with pytest.raises(NoEdition, match="edition a begins on 2027-10-01 too"):
        editions(tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("in force from", "of"), "icd10cm-x.txt:1: it does not say"),
        (lambda text: text.replace("2028-09-30", "2027-09-30"), "icd10cm-x.txt:1: it does not say"),
        (lambda text: text.replace("2028-09-30", "2028-09-31"), "icd10cm-x.txt:1: it does not say"),
        (lambda text: text.replace("I47 ", "I47; "), "icd10cm-x.txt:4: the line is no category"),
        (lambda text: text + "é\n", "it is not ASCII"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_line(damage, said: str, tmp_path: Path):
    path = write_edition(FIRST, "x", date(2027, 10, 1), date(2028, 9, 30), "x", tmp_path)
    path.write_text(damage(path.read_text()), encoding="utf-8")
    with pytest.raises(NoEdition) as refused:
        editions(tmp_path)
    assert said in str(refused.value)


def test_codes_without_their_texts_are_refused(tmp_path: Path):
    path = write_edition(FIRST, "x", date(2027, 10, 1), date(2028, 9, 30), "x", tmp_path)
    path.with_name("icd10cm-x.texts.gz").unlink()
    with pytest.raises(NoEdition, match=r"icd10cm-x\.texts\.gz belongs beside it"):
        editions(tmp_path)
