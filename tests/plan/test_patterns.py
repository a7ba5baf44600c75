"""The patterns of `matches`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.plan.patterns import Matcher, check

GOOD = (
    "[0-9]{8}",
    "MR[0-9]{6,8}",
    "(MR|MRN)[0-9]+",
    "[A-Z]?[A-Z][0-9]*",
    "a\\.b",
    "[^|~]+",
    ".*",
    "(a|b(c|)){2,}",
    "é+",
)


@pytest.mark.parametrize("pattern", GOOD)
def test_a_usual_pattern_is_taken(pattern: str) -> None:
    assert check(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "without a closing"),
        ("a)", "without an opening"),
        ("^a$", "always matches all"),
        ("a**", "two quantifiers"),
        ("a+?", "two quantifiers"),
        ("a{2}{3}", "two quantifiers"),
        ("a{3,2}", "below the first"),
        ("a{0}", "not above zero"),
        ("a{201}", "at most 200"),
        ("a{x}", "a count is written"),
        ("*a", "nothing can be repeated"),
        ("a|*", "nothing can be repeated"),
        ("]", "nothing can be repeated"),
        ("\\d+", "[0-9]"),
        ("(a)\\1", "a number of times"),
        ("(?=a)", "look-around"),
        ("(?P<n>a)", "look-around"),
        ("(?i)a", "look-around"),
        ("[]", "without characters"),
        ("[^]", "without characters"),
        ("[a", "an opening [ without its closing ]"),
        ("[[:alpha:]]", "\\["),
        ("[z-a]", "ends before"),
        ("a\\", "only signs"),
        ("a\x00", "control"),
        ("((a{200}){200}){200}", "1000 places"),
        ("(((){200}){200}){200}", "too long"),
        ("(" * 40 + "a" + ")" * 40, "nested"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_reason(pattern: str, reason: str) -> None:
    assert reason in (check(pattern) or "")


def test_a_pattern_matches_all_of_a_text() -> None:
    assert Matcher("[0-9]{8}").fullmatch("12345678")
    assert not Matcher("[0-9]{8}").fullmatch("123456789")
    assert not Matcher("[0-9]{8}").fullmatch("12345678\n")
    assert not Matcher("[0-9]{8}").fullmatch("١٢٣٤٥٦٧٨")
    assert Matcher("(a|)").fullmatch("")
    assert Matcher("MRN?|X").fullmatch("MRN")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a*)*b",
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+b",
        "a*a*a*a*a*b",
        "(.*)(.*)(.*)(.*)x",
        "([a-z]+[a-z0-9]+)+!",
        "(a?){100}a{100}b",
    ],
)
def test_no_pattern_can_be_made_to_take_long(pattern: str) -> None:
    matcher = Matcher(pattern)
    assert not matcher.uses_python
    # Anything above linear would not end within a lifetime here.
    assert not matcher.fullmatch("a" * 20_000 + "c")


@pytest.mark.parametrize(
    "pattern", ["[0-9]{8}", "[A-Z]{2,3}[0-9]+", "a*b*c*d*e*f*", "(MR|X)[0-9]{1,200}", "[^-]*-[^-]*-.", "a?b?c?"]
)
def test_where_the_next_character_decides_python_does_the_work(pattern: str) -> None:
    matcher = Matcher(pattern)
    assert matcher.uses_python
    assert not matcher.fullmatch("ab" * 20_000 + "-")


_atoms = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "\\.", "[b-d]", "[^-]"])
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,2}", "{2,}"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
        st.tuples(_atoms, st.sampled_from(["?", "*", "+", "{2}", "{1,2}", "{2,}"])).map("".join),
    ),
    max_leaves=6,
)


@given(_patterns, st.lists(st.text("abc.-\n", max_size=6), max_size=6))
def test_the_automaton_and_python_agree(pattern: str, texts: list[str]) -> None:
    matcher = Matcher(pattern)
    for text in texts:
        expected = re.fullmatch(pattern, text) is not None
        assert matcher.run(text) == expected
        assert matcher.fullmatch(text) == expected
