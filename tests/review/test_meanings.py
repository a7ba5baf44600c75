"""How grave a change is follows from what its place means, whatever the values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.review.change import Severity
from segwright.review.meanings import MEANINGS, Meaning, Meanings, is_place

MEANINGS_HERE = Meanings()
VALUE = st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=20)
PLACE = st.from_regex(r"[A-Z][A-Z0-9]{2}-[1-9][0-9]?(\.[1-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("place", "severity", "repeats"),
    [
        ("MSH-5.1", "identity", False), ("MSH-10", "identity", True), ("MSH-12.1", "structure", False), ("MSH-16", "delivery", False),
        ("PID-3.1", "identity", False), ("PID-1", "structure", False), ("PID-11.1", "identity", False),
        ("PV1-3.1", "identity", False), ("PV1-36", "billing", False), ("PV1-44", "structure", False),
        ("ORC-2.1", "identity", True), ("ORC-1", "clinical", False), ("OBR-2", "identity", True), ("OBR-20", "identity", True),
        ("OBR-4.1", "clinical", False), ("OBR-16.1", "identity", False), ("OBR-25", "clinical", False), ("OBR-31", "billing", False),
        ("OBX-1", "structure", False), ("OBX-3.1", "clinical", False), ("OBX-5", "clinical", False), ("OBX-11", "clinical", False),
        ("NTE-3", "clinical", False), ("DG1-3.1", "billing", False), ("FT1-2", "billing", True), ("FT1-7.1", "billing", False),
        ("ZPS-1", "clinical", False), ("destinations.outbound.host", "identity", False), ("delivery.first", "delivery", False),
        ("delivery.when_uncertain", "delivery", True), ("catalogue.ecg_result.kinds.final", "delivery", False),
        ("catalogue.ecg_charge.to", "identity", False), ("catalogue.ecg_result.message_per", "delivery", True),
        ("something.nobody.knows", "delivery", False), ("encoding.charset", "structure", False), ("zone", "clinical", False),
    ],
)  # fmt: skip
def test_a_place_has_the_severity_that_the_rules_state(place, severity, repeats):
    rating = MEANINGS_HERE.rate(place, "changed", "a", "b")
    assert (rating.severity, rating.repeats) == (severity, repeats)
    assert rating.why


@given(PLACE, VALUE, st.sampled_from(["CE", "CWE", "CX", "ST", ""]), st.booleans())
def test_what_is_dropped_or_new_is_never_cosmetic(place, value, datatype, alone):
    for kind in ("removed", "emptied", "added", "filled"):
        rating = MEANINGS_HERE.rate(place, kind, value, "", datatype, alone=alone)
        assert rating.severity is not Severity.COSMETIC


@given(PLACE, VALUE, VALUE, st.sampled_from(["CE", "CWE", "CX", "XPN", "ST", ""]), st.booleans())
def test_only_words_beside_a_code_that_stays_are_cosmetic(place, before, after, datatype, alone):
    rating = MEANINGS_HERE.rate(place, "changed", before, after, datatype, alone=alone)
    if rating.severity is Severity.COSMETIC:
        assert datatype in ("CE", "CWE")
        assert place.partition(".")[2] in ("2", "5", "9")
        assert alone


def test_a_segment_is_as_grave_as_its_gravest_field():
    assert MEANINGS_HERE.segment("OBX|1", "|", "OBX", "removed").severity is Severity.STRUCTURE
    assert MEANINGS_HERE.segment("OBX|1|NM|8867-4", "|", "OBX", "removed").severity is Severity.CLINICAL
    assert MEANINGS_HERE.segment("PV1|1|O", "|", "PV1", "added").severity is Severity.IDENTITY
    assert MEANINGS_HERE.segment("ORC|RE|A-1", "|", "ORC", "added").repeats


def test_a_workspace_can_only_make_a_place_graver():
    own = Meanings(
        (Meaning(Severity.IDENTITY, "is theirs", "ZPS-1"), Meaning(Severity.COSMETIC, "is nothing", "OBX-5"))
    )
    assert own.rate("ZPS-1", "changed", "a", "b").severity is Severity.IDENTITY
    assert own.rate("ZPS-2", "changed", "a", "b").severity is Severity.CLINICAL
    assert own.rate("OBX-5", "changed", "a", "b").severity is Severity.CLINICAL


def test_no_place_is_rated_twice():
    seen: dict[str, str] = {}
    for meaning in MEANINGS:
        for place in meaning.places.split():
            assert seen.setdefault(place, meaning.why) == meaning.why, place


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("ZPS", True),
        ("ZPS-1", True),
        ("ZPS-1.2", True),
        ("MSH-3..6", True),
        ("zps", False),
        ("ZPS-0", False),
        ("Z", False),
    ],
)
def test_a_place_is_written_as_people_write_it(text, good):
    assert is_place(text) is good
