"""HL7 tables by version (hl7-facts B4, C1, C3, C4; chapters as in tables.txt)."""

from __future__ import annotations

import re

import pytest

from segwright.profiles import VERSIONS, is_closed, profile, why_open
from segwright.profiles.tables import tables


def codes(version: str, number: str) -> frozenset[str]:
    found = profile(version).table(number)
    assert found is not None
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_result_status_and_observation_status_are_two_tables(version: str) -> None:
    assert codes(version, "0123") == set("OISAPCRFXYZ")
    expected = set("CDFINOPRSUWX") | (set("ABV") if version in VERSIONS[7:] else set())
    assert codes(version, "0085") == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_small_closed_tables_do_not_change(version: str) -> None:
    assert codes(version, "0038") == {"A", "CA", "CM", "DC", "ER", "HD", "IP", "RP", "SC"}
    assert codes(version, "0103") == {"D", "P", "T"}
    assert codes(version, "0136") == {"Y", "N"}
    assert codes(version, "0155") == {"AL", "NE", "ER", "SU"}
    assert codes(version, "0299") == {"A", "Hex", "Base64"}
    assert codes(version, "0008") == {"AA", "AE", "AR", "CA", "CE", "CR"}
    assert codes(version, "0516") == {"E", "F", "I", "W"}
    assert {"AP", "AU", "IM", "TEXT"} <= codes(version, "0191")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_names_itself(version: str) -> None:
    listed = codes(version, "0104")
    assert version in listed
    assert listed.isdisjoint(VERSIONS[VERSIONS.index(version) + 1 :])


def test_order_control_is_there_in_2_4_too() -> None:
    assert codes("2.4", "0119") == codes("2.3.1", "0119")
    assert {"NW", "CA", "XO", "SC", "SN", "NA", "RE", "OK", "UA"} <= codes("2.4", "0119")


def test_ce_is_a_value_type_until_2_5_1_and_cwe_from_2_3_1() -> None:
    assert [v for v in VERSIONS if "CE" in codes(v, "0125")] == list(VERSIONS[:5])
    assert [v for v in VERSIONS if "CWE" in codes(v, "0125")] == list(VERSIONS[1:])


@pytest.mark.parametrize("version", VERSIONS)
def test_value_types_that_are_still_listed_have_a_type(version: str) -> None:
    known = profile(version)
    without = {code for code in codes(version, "0125") if known.datatype(code) is None}
    # Printed in 0125 long after their types went (chapter 7 keeps them for old senders), or only planned.
    assert without <= {"AD", "CK", "CN", "PN", "TN", "MO", "CF", "CNE", "DDI", "QIP", "QSC", "RCD", "LA1", "LA2", "SRT"}


def test_check_digit_schemes_gain_bcv_in_2_7() -> None:
    assert codes("2.5.1", "0061") == {"M10", "M11", "ISO", "NPI"}
    assert codes("2.7", "0061") == {"M10", "M11", "ISO", "NPI", "BCV"}


def test_mrn_is_no_identifier_type_and_national_numbers_carry_a_country() -> None:
    known = profile("2.5.1")
    assert known.allows("0203", "MR") is True
    assert known.allows("0203", "MRN") is False
    assert known.allows("0203", "NNCAN") is True


def test_the_coding_system_table_is_open_and_knows_the_live_codes() -> None:
    known = profile("2.5.1")
    assert not is_closed("0396")
    assert "UTG" in why_open("0396")
    assert all(known.allows("0396", code) for code in ("I10", "I9C", "I10C", "LN", "SCT", "UCUM", "L", "C4", "99ABC"))
    assert known.allows("0396", "ICD-10") is False


def test_user_defined_and_unknown_tables_are_not_closed() -> None:
    assert is_closed("0123")
    assert is_closed("0119")
    assert not is_closed("0078")
    assert not is_closed("9999")
    assert profile("2.5.1").table("9999") is None
    assert profile("2.5.1").codes("9999") is None
    assert profile("2.5.1").allows("9999", "X") is None
    assert why_open("0123") == ""


def test_codes_have_meanings() -> None:
    meanings = profile("2.5.1").codes("0085")
    assert meanings is not None
    assert meanings["W"].startswith("Post original as wrong")
    assert all(meanings.values())


def test_table_lines_hold_codes_and_no_remarks() -> None:
    for table in tables().values():
        assert re.fullmatch(r"[0-9]{4}", table.number)
        assert table.chapter in {"2", "2A", "3", "4", "6", "7"}
        assert table.codes.keys().isdisjoint({"", "...", "…", "null", "<null>", "not present"})
        assert all(code.since <= code.until for code in table.codes.values())
