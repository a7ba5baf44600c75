"""SNOMED CT identifiers: a slip of the hand is noticed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stdnum import verhoeff

from segwright.codes.snomed import wrong_with


@given(st.integers(10**5, 10**18 - 1).map(str))
def test_the_check_digit_is_verhoeffs(text: str):
    assert ("last digit" in wrong_with(text)) == (not verhoeff.is_valid(text))


def test_what_names_a_concept_is_told_from_what_does_not():
    assert wrong_with("164889003") == ""
    assert "6 to 18 digits" in wrong_with("Atrial")
    assert "mistyped" in wrong_with("164898003")
    assert "not a concept" in wrong_with("75478601" + verhoeff.calc_check_digit("75478601"))
