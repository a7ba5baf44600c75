from __future__ import annotations

import base64
import binascii
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.library import find
from segwright.library.characters import boundary
from segwright.library.record import Refusal
from tests.library.test_examples import call

(TEXT,) = find("text")
(BASE64,) = find("base64")
(PHONE,) = find("phone")
(PAD,) = find("pad")
(PLAIN,) = find("plain")


@given(st.text(min_size=1), st.integers(1, 20))
def test_a_cut_is_a_prefix_that_parts_no_character(text: str, longest: int):
    try:
        cut = call(TEXT, text, {"max": longest, "over": "cut"})
    except Refusal:
        # Only a first character longer than the limit: everything within the limit hangs on it.
        assert len(text) > longest
        return
    assert text.startswith(cut)
    assert 1 <= len(cut) <= longest
    rest = text[len(cut) :]
    if rest and cut != text:
        assert not unicodedata.ucd_3_2_0.combining(rest[0])


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 2, 2),
        ("ab\u0301c", 2, 1),
        ("a\U0001f468\u200d\U0001f469b", 3, 1),
        ("a\U0001f44d\U0001f3fdb", 2, 1),
        ("\U0001f1fa\U0001f1f8\U0001f1e8\U0001f1e6", 3, 2),
        ("\U0001f1fa\U0001f1f8\U0001f1e8\U0001f1e6", 2, 2),
        ("a\ud83d\ude00", 2, 1),
        ("\u0e01\u0e33\u0e01\u0e34", 3, 2),
    ],
)
def test_what_belongs_together_stays_together(text: str, limit: int, expected: int):
    assert boundary(text, limit) == expected


@given(st.binary(min_size=1), st.integers(0, 3))
def test_base64_takes_what_the_standard_library_makes(data: bytes, removed: int):
    text = base64.b64encode(data).decode()
    assert call(BASE64, text, {}) == text
    if removed:
        with pytest.raises(Refusal):
            call(BASE64, text[:-removed], {})


@given(st.text(alphabet="AB+/=-\n ", min_size=1, max_size=12))
def test_base64_accepts_nothing_that_cannot_be_decoded(text: str):
    try:
        call(BASE64, text, {})
    except Refusal:
        return
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        pytest.fail(str(error))


@given(st.from_regex(r"[0-9]{10}", fullmatch=True))
def test_a_phone_keeps_its_digits(number: str):
    written = call(PHONE, number, {"pattern": "(999)999-9999"})
    assert written == f"({number[:3]}){number[3:6]}-{number[6:]}"
    assert call(PHONE, written, {"pattern": "9999999999"}) == number


@given(st.text(min_size=1))
def test_plain_text_is_one_printable_line(text: str):
    try:
        plain = call(PLAIN, text, {})
    except Refusal:
        return
    assert plain
    assert len(plain.splitlines()) == 1
    assert not any(unicodedata.category(character) == "Cc" for character in plain)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_pad_is_zfill_for_numbers(number: int, width: int):
    if len(str(number)) > width:
        with pytest.raises(Refusal):
            call(PAD, number, {"width": width, "with": "0"})
    else:
        assert call(PAD, number, {"width": width, "with": "0"}) == str(number).zfill(width)
