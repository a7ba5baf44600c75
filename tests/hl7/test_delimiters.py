import pytest
from hypothesis import given

from segwright.hl7.delimiters import STANDARD, Delimiters, delimiters_of, fault, header_delimiters
from segwright.hl7.refusal import Refused
from tests.hl7.strategies import delimiters


def test_the_standard_delimiters_are_legal():
    assert fault(STANDARD) == ""
    assert fault(Delimiters(truncation="#")) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        Delimiters(field="a"),
        Delimiters(component="1"),
        Delimiters(escape=" "),
        Delimiters(escape="."),
        Delimiters(field='"'),
        Delimiters(field="\r"),
        Delimiters(field="é"),
        Delimiters(field=""),
        Delimiters(component="^^"),
        Delimiters(component="|"),
        Delimiters(truncation="&"),
    ],
)
def test_a_set_that_cannot_separate_is_faulty(wrong):
    assert fault(wrong)


@given(delimiters)
def test_a_header_gives_the_delimiters_it_was_written_with(given_set):
    assert header_delimiters(f"MSH{given_set.field}{given_set.msh2}{given_set.field}APP") == given_set
    assert header_delimiters(f"BHS{given_set.field}{given_set.msh2}") == given_set


@pytest.mark.parametrize(
    ("header", "position"),
    [
        ("MSH", "MSH-1"),
        ("MSHA^~\\&A", "MSH-1"),
        ("MSH|", "MSH-2"),
        ("MSH|^~|", "MSH-2"),
        ("MSH|^~\\&amp;|", "MSH-2"),
        ("MSH|^~\\\\&|", "MSH-2"),
    ],
)
def test_a_header_without_usable_delimiters_is_refused(header, position):
    with pytest.raises(Refused) as refused:
        header_delimiters(header)
    assert (refused.value.code, refused.value.position) == ("delimiters", position)


def test_the_fifth_encoding_character_is_the_truncation_character():
    assert delimiters_of("|", "^~\\&#").truncation == "#"
    assert delimiters_of("|", "^~\\&#").msh2 == "^~\\&#"
