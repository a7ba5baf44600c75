from __future__ import annotations

import warnings
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.library import find
from segwright.library.record import Refusal
from tests.library.test_examples import call

(CHECK,) = find("check_digit")
(VALID,) = find("check_digit_valid")
(NPI,) = find("npi_valid")
(ICD10_WRITE,) = (record for record in find("icd10") if record.subject == ("code",))
(ICD10_READ,) = (record for record in find("icd10") if record.subject == ("text",))

DIGITS = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
SCHEMES = ("M10", "M11", "ISO_11_10", "ISO_11_2", "ISO_97_10")


def by_the_standard_m10(digits: str) -> str:
    """Chapter 2A, word for word: the odd positions as one number, doubled, behind the even positions."""
    backwards = digits[::-1]
    joined = backwards[1::2] + str(int(backwards[::2]) * 2)
    return str(-sum(map(int, joined)) % 10)


@given(DIGITS)
def test_m10_is_what_the_standard_describes(digits: str):
    assert call(CHECK, digits, {"scheme": "M10"}) == by_the_standard_m10(digits)


def test_m11_is_what_the_standard_works_out():
    # 7*2 + 6*3 + 5*4 + 4*5 + 3*6 + 2*7 + 1*2 = 106, 106 mod 11 = 7, 11 - 7 = 4
    assert call(CHECK, "1234567", {"scheme": "M11"}) == "4"
    # The weights begin again at 2: only the seventh digit from the right is set, 1*2 = 2, 11 - 2 = 9.
    assert call(CHECK, "1000000", {"scheme": "M11"}) == "9"
    # Remainder 0 is reset to 1: (11 - 1) mod 10 = 0.
    assert call(CHECK, "0000", {"scheme": "M11"}) == "0"


@given(DIGITS)
def test_check_digits_agree_with_stdnum(digits: str):
    luhn = import_module("stdnum.luhn")
    mod_11_2, mod_11_10, mod_97_10 = (
        import_module(f"stdnum.iso7064.{name}") for name in ("mod_11_2", "mod_11_10", "mod_97_10")
    )
    assert call(CHECK, digits, {"scheme": "M10"}) == luhn.calc_check_digit(digits)
    assert call(CHECK, digits, {"scheme": "ISO_11_10"}) == mod_11_10.calc_check_digit(digits)
    assert call(CHECK, digits, {"scheme": "ISO_11_2"}) == mod_11_2.calc_check_digit(digits)
    assert call(CHECK, digits, {"scheme": "ISO_97_10"}) == mod_97_10.calc_check_digits(digits)


@given(DIGITS, st.sampled_from(SCHEMES))
def test_a_check_digit_is_valid_and_another_is_not(digits: str, scheme: str):
    digit = call(CHECK, digits, {"scheme": scheme})
    assert call(VALID, digits, {"digit": digit, "scheme": scheme})
    assert not call(VALID, digits, {"digit": digit + "0", "scheme": scheme})
    others = [other for other in "0123456789" if other != digit]
    assert not any(call(VALID, digits, {"digit": other, "scheme": scheme}) for other in others)


@given(DIGITS, st.data())
def test_m10_finds_every_single_wrong_digit(digits: str, data: st.DataObject):
    digit = call(CHECK, digits, {"scheme": "M10"})
    place = data.draw(st.integers(0, len(digits) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[place]]))
    assert not call(VALID, digits[:place] + wrong + digits[place + 1 :], {"digit": digit, "scheme": "M10"})


@given(st.from_regex(r"[0-9]{10}", fullmatch=True))
def test_npi_agrees_with_stdnum(number: str):
    luhn = import_module("stdnum.luhn")
    assert call(NPI, number, {}) == (number[0] in "12" and luhn.is_valid("80840" + number))


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True))
def test_an_npi_made_with_its_check_digit_is_valid(stem: str):
    assert call(NPI, stem + call(CHECK, stem, {"scheme": "NPI"}), {})


def test_every_code_of_icd_10_cm_has_the_form_and_keeps_its_dot():
    # The list is a package of its own; without it the form is tested by the examples only.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package opens its own files the old way
        icd = import_module("simple_icd_10_cm")
    for code in icd.get_all_codes(with_dots=True):
        if icd.is_chapter_or_block(code):
            continue
        assert call(ICD10_READ, code.replace(".", ""), {}) == code
        assert call(ICD10_WRITE, code, {"dots": False}) == code.replace(".", "")


@pytest.mark.parametrize(
    "text", ["", "I", "I4", "1I0", "I48.", ".I48", "I4.8", "I48..9", "I48.91234", "I48 91", "ı10", "I10\n"]
)
def test_malformed_diagnosis_codes_are_refused(text: str):
    with pytest.raises(Refusal):
        call(ICD10_READ, text, {})
