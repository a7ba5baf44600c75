"""What stands against a choice of diagnoses, and what is suggested."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.codes import saying
from segwright.codes.judging import Found, Offer, Rules, judged, suggested
from segwright.plan.manifest import Choice, Diagnoses, Suggestion
from tests.codes.small import AFTER, DURING_FIRST, DURING_SECOND, FIRST, SECOND, two

CODES = ("I47.1", "I47.10", "I48.0", "I48.2", "I48.92", "R00.0", "Z95.0")
CHOICES = tuple(Choice(code, f"Text of {code}", first=code != "Z95.0") for code in CODES)
TABLE = (
    Suggestion("I48.92", "164890007", "Atrial flutter", "0.8"), Suggestion("I48.0", "164890007", "Atrial flutter"),
    Suggestion("R00.0", "", "Fast heart"), Suggestion("R00.0", "427084000", "Sinus tachycardia"),
)  # fmt: skip
RULES = Rules(Diagnoses(CHOICES, 3, 1, TABLE), two())


def kinds(codes: list[str], on: date | None = DURING_SECOND, rules: Rules = RULES) -> list[tuple[str, int | None]]:
    return [(fault.kind, fault.at) for fault in judged(codes, on, rules)]


def test_a_choice_that_keeps_the_rules_has_nothing_against_it():
    assert kinds(["I48.0", "z950", "I48.2"]) == []
    assert kinds(["I47.1", "I48.92"], DURING_FIRST) == []


@pytest.mark.parametrize(
    ("codes", "on", "wanted"),
    [
        (["I48.99"], DURING_SECOND, [("unknown", 0)]),
        (["I47.1"], DURING_SECOND, [("not_billable", 0)]),
        (["I48.92"], DURING_SECOND, [("retired", 0)]),
        (["I48.2"], DURING_FIRST, [("not_yet", 0)]),
        (["I48.91"], DURING_SECOND, [("not_listed", 0)]),
        (["Z95.0", "I48.0"], DURING_SECOND, [("not_first", 0)]),
        (["I48.0", "Z95.0"], DURING_SECOND, []),
        (["I48.0", "I480"], DURING_SECOND, [("twice", 1)]),
        ([], DURING_SECOND, [("too_few", None)]),
        (["I48.0", "R00.0", "Z95.0", "I48.2"], DURING_SECOND, [("too_many", None)]),
        (["I47", "I48.92", "I47"], DURING_SECOND, [("not_billable", 0), ("retired", 1), ("twice", 2)]),
        (["I48.92"], AFTER, []),
        (["I48.91"], AFTER, [("not_listed", 0)]),
        (["I48.92"], None, []),
    ],
)
def test_each_thing_that_stands_against_a_choice_is_told_at_its_code(codes: list[str], on: date | None, wanted):
    assert kinds(codes, on) == wanted


def test_of_a_heading_the_billable_codes_below_it_are_offered_the_listed_ones_first():
    (fault,) = judged(["I47.1"], DURING_SECOND, RULES)
    assert fault.offers == (
        Offer("I47.10", "Text of I47.10", True), Offer("I47.19", "Other supraventricular tachycardia", False),
    )  # fmt: skip
    assert saying.said(fault) == "I47.1 cannot be billed on 1 March 2026: there are more exact codes below it."
    assert saying.offered(fault.offers) == "Here: I47.10 (Text of I47.10)."
    assert saying.offered(fault.offers[1:]) == "Not in the list here: I47.19 (Other supraventricular tachycardia)."


def test_of_a_code_that_is_not_listed_the_nearest_that_may_be_billed_that_day_are_offered():
    (fault,) = judged(["I48.91"], DURING_FIRST, RULES)
    assert [offer.code for offer in fault.offers] == ["I48.92", "I48.0"]
    (fault,) = judged(["I48.91"], DURING_SECOND, RULES)
    assert [offer.code for offer in fault.offers] == ["I48.0", "I48.2"]


def test_dates_of_retired_and_future_codes_are_said():
    assert saying.said(judged(["I48.92"], DURING_SECOND, RULES)[0]).endswith("it was retired after 30 September 2025.")
    assert saying.said(judged(["I48.2"], DURING_FIRST, RULES)[0]).endswith("it is valid from 1 October 2025.")


def test_an_organisation_that_is_sent_no_diagnoses_takes_none():
    nothing = Rules(None, two())
    assert kinds([], rules=nothing) == []
    assert kinds(["I48.0"], rules=nothing) == [("none_sent", None)]
    assert nothing.search("I48", 5) == ()


@given(
    st.lists(st.one_of(st.sampled_from([*CODES, *FIRST, *SECOND]), st.text(max_size=12)), max_size=6),
    st.sampled_from([DURING_FIRST, DURING_SECOND, AFTER, None]),
)
def test_no_word_that_was_typed_stands_in_what_is_said_and_offers_can_be_billed(codes: list[str], on: date | None):
    known = {*FIRST, *SECOND}
    for fault in judged(codes, on, RULES):
        assert fault.code.replace(".", "") in known | {""}
        assert saying.said(fault)
        if on is not None and RULES.editions.on(on) is not None:
            assert all(
                RULES.standing(offer.code, on).kind == "billable" for offer in fault.offers if fault.kind != "not_first"
            )


def test_suggestions_follow_the_findings_and_the_table_each_code_once():
    flutter = Found("Atrial flutter", "164890007", Decimal("0.9"))
    fast, sinus = Found("fast heart"), Found("Sinus tachycardia", "427084000", Decimal("0.2"))
    found = suggested([fast, flutter, sinus], DURING_FIRST, RULES)
    assert [(one.code, one.because) for one in found] == [
        ("R00.0", (fast, sinus)),
        ("I48.92", (flutter,)),
        ("I48.0", (flutter,)),
    ]
    assert found[0].display == "Text of R00.0"


def test_what_the_algorithm_is_not_sure_of_and_what_is_not_billable_that_day_is_not_suggested():
    unsure = Found("Atrial flutter", "164890007", Decimal("0.79"))
    stated = Found("Atrial flutter", "164890007")
    assert [one.code for one in suggested([unsure], DURING_FIRST, RULES)] == ["I48.0"]
    assert [one.code for one in suggested([stated], DURING_FIRST, RULES)] == ["I48.92", "I48.0"]
    assert [one.code for one in suggested([stated], DURING_SECOND, RULES)] == ["I48.0"]
    assert suggested([Found("Other", "1")], DURING_FIRST, RULES) == ()


def test_a_whole_edition_is_searched_when_it_is_asked_for():
    found = RULES.search_everywhere("atrial", DURING_SECOND, 10)
    assert ("I48.91", False) in [(offer.code, offer.listed) for offer in found]
    assert ("I48.0", True) in [(offer.code, offer.listed) for offer in found]
    assert [offer.code for offer in RULES.search_everywhere("I48.92", DURING_SECOND, 10)] == []
    assert [choice.code for choice in RULES.search("I48.91", 5)] == []
