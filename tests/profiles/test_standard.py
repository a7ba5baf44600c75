"""Facts of the HL7 standard, version by version (hl7-facts C1 and C2 unless said otherwise)."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from segwright.profiles import VERSIONS, SegmentType, Structure, UnknownVersion, profile
from segwright.profiles.model import FieldType, Group, SegmentPlace

USED = "MSH MSA ERR PID PV1 PV2 ORC OBR OBX NTE DG1 FT1 EVN TQ1 AL1 IN1 GT1 SPM PD1 BLG CTI".split()


def since(version: str) -> list[str]:
    return list(VERSIONS[VERSIONS.index(version) :])


def until(version: str) -> list[str]:
    return list(VERSIONS[: VERSIONS.index(version) + 1])


def field(version: str, path: str) -> FieldType:
    name, _, number = path.partition("-")
    segment = profile(version).segment(name)
    assert segment is not None
    found = segment.field(int(number))
    assert found is not None
    return found


def width(version: str, name: str) -> int:
    segment = profile(version).segment(name)
    return 0 if segment is None else len(segment.fields)


def by_version(*values: object) -> list[tuple[str, object]]:
    return list(zip(VERSIONS, values, strict=True))


def test_importing_the_package_does_not_import_hl7apy() -> None:
    code = "import sys, segwright.profiles; assert 'hl7apy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_2_7_1_is_refused_by_name_with_a_way_out() -> None:
    with pytest.raises(UnknownVersion, match=r"2\.7\.1.*use 2\.7 or 2\.8") as refused:
        profile("2.7.1")
    assert refused.value.known == VERSIONS


def test_an_unknown_version_names_those_that_are_known() -> None:
    with pytest.raises(UnknownVersion, match=r"2\.5\.1"):
        profile("2.2")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_data_type_a_segment_or_type_names_resolves(version: str) -> None:
    known = profile(version)
    unresolved: list[tuple[str, int]] = []
    for name in known.segment_names():
        segment = known.segment(name)
        assert segment is not None
        unresolved += [(name, f.number) for f in segment.fields if not f.withdrawn and not known.datatype(f.datatype)]
    for name in known.datatype_names():
        datatype = known.datatype(name)
        assert datatype is not None
        parts = datatype.components
        unresolved += [(name, c.number) for c in parts if not c.withdrawn and not known.datatype(c.datatype)]
    assert unresolved == []


@pytest.mark.parametrize("version", VERSIONS)
def test_every_segment_a_structure_names_resolves(version: str) -> None:
    known = profile(version)

    def names(children: tuple[Group | SegmentPlace, ...]) -> set[str]:
        found: set[str] = set()
        for child in children:
            found |= {child.name} if isinstance(child, SegmentPlace) else names(child.children)
        return found

    withdrawn = {"QRD", "QRF", "URD", "URS"} if version in since("2.7") else set()
    for id in known.structure_names():
        structure = known.structure(id)
        assert structure is not None
        lost = {n for n in names(structure.children) - {"ANY"} - withdrawn if known.segment(n) is None}
        assert {n for n in lost if not n.startswith("Z")} == set(), id


@pytest.mark.parametrize("version", VERSIONS)
def test_fields_are_numbered_without_gaps(version: str) -> None:
    known = profile(version)
    for name in known.segment_names():
        segment = known.segment(name)
        assert segment is not None
        assert [f.number for f in segment.fields] == list(range(1, len(segment.fields) + 1)), name


@pytest.mark.parametrize(("version", "count"), by_version(43, 45, 47, 49, 50, 50, 54, 54, 54, 54))
def test_obr_grows_with_the_versions(version: str, count: int) -> None:
    assert width(version, "OBR") == count


@pytest.mark.parametrize(("version", "count"), by_version(19, 24, 25, 30, 31, 31, 33, 34, 34, 34))
def test_orc_grows_with_the_versions(version: str, count: int) -> None:
    assert width(version, "ORC") == count


@pytest.mark.parametrize(("version", "count"), by_version(17, 17, 19, 19, 25, 25, 26, 28, 29, 30))
def test_obx_grows_with_the_versions(version: str, count: int) -> None:
    assert width(version, "OBX") == count


@pytest.mark.parametrize(("version", "count"), by_version(19, 19, 19, 21, 21, 26, 26, 26, 26, 26))
def test_dg1_keeps_its_withdrawn_fields_in_the_count(version: str, count: int) -> None:
    assert width(version, "DG1") == count


@pytest.mark.parametrize(("version", "count"), by_version(1, 1, 1, 12, 12, 12, 12, 12, 12, 12))
def test_err_has_one_field_before_2_5(version: str, count: int) -> None:
    assert width(version, "ERR") == count


@pytest.mark.parametrize(("version", "count"), by_version(3, 4, 4, 4, 4, 8, 8, 8, 8, 8))
def test_nte_grows_with_the_versions(version: str, count: int) -> None:
    assert width(version, "NTE") == count


def test_pid_5_repeats_from_2_3_1() -> None:
    assert field("2.3", "PID-5").repeats == 1
    assert all(field(v, "PID-5").repeats is None for v in since("2.3.1"))


@pytest.mark.parametrize("path", ["PV1-7", "PV1-8", "PV1-17", "MSH-18"])
def test_doctors_of_a_visit_and_character_sets_repeat_from_2_3_1(path: str) -> None:
    assert field("2.3", path).repeats == 1
    assert all(field(v, path).repeats != 1 for v in since("2.3.1"))


def test_msh_12_is_a_version_id_from_2_3_1() -> None:
    assert field("2.3", "MSH-12").datatype == "ID"
    assert {field(v, "MSH-12").datatype for v in since("2.3.1")} == {"VID"}


def test_obr_4_and_obx_3_become_cwe_in_2_6() -> None:
    for path in ("OBR-4", "OBX-3", "OBX-6"):
        assert {field(v, path).datatype for v in until("2.5.1")} == {"CE"}
        assert {field(v, path).datatype for v in since("2.6")} == {"CWE"}


@pytest.mark.parametrize(
    ("version", "type_and_repeats"),
    by_version(("ID", 5), ("ID", 5), ("IS", 1), ("IS", None), ("IS", None), ("IS", None), *[("CWE", None)] * 4),
)
def test_obx_8_changes_type_and_repetition(version: str, type_and_repeats: tuple[str, int | None]) -> None:
    obx_8 = field(version, "OBX-8")
    assert (obx_8.datatype, obx_8.repeats) == type_and_repeats


def test_obx_4_is_text_until_2_8_1_and_og_in_2_8_2() -> None:
    assert {field(v, "OBX-4").datatype for v in until("2.8.1")} == {"ST"}
    assert field("2.8.2", "OBX-4").datatype == "OG"


@pytest.mark.parametrize("version", VERSIONS)
def test_obx_4_is_conditional_and_stands_once(version: str) -> None:
    assert (field(version, "OBX-4").required, field(version, "OBX-4").repeats) == (False, 1)


def test_obx_2_is_conditional_from_2_3_1() -> None:
    assert not any(field(v, "OBX-2").required for v in since("2.3.1"))


@pytest.mark.parametrize("version", VERSIONS)
def test_obx_5_takes_any_type_and_obx_11_and_obr_25_have_their_own_tables(version: str) -> None:
    assert field(version, "OBX-5").datatype == "varies"
    assert field(version, "OBX-11").table == "0085"
    assert field(version, "OBR-25").table == "0123"
    assert field(version, "OBX-11").required


def test_obx_23_to_25_do_not_repeat() -> None:
    assert {field(v, f"OBX-{n}").repeats for v in since("2.5.1") for n in (23, 24, 25)} == {1}


def test_reserved_fields_of_2_5_1_may_not_be_sent() -> None:
    assert all(field("2.5.1", f"OBX-{n}").withdrawn for n in (20, 21, 22))


def test_ce_and_ts_are_gone_from_2_6_and_cwe_is_there_from_2_3_1() -> None:
    for name in ("CE", "TS"):
        assert all(profile(v).datatype(name) for v in until("2.5.1"))
        assert not any(profile(v).datatype(name) for v in since("2.6"))
    assert profile("2.3").datatype("CWE") is None
    assert all(profile(v).datatype("CWE") for v in since("2.3.1"))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("CX", (6, 6, 8, 10, 10, 10, 12, 12, 12, 12)),
        ("XCN", (14, 15, 18, 23, 23, 23, 25, 25, 25, 25)),
        ("XTN", (9, 9, 9, 12, 12, 18, 18, 18, 18, 18)),
        ("ED", (5,) * 10),
        ("RP", (4,) * 10),
    ],
)
def test_composites_have_the_components_of_their_version(name: str, counts: tuple[int, ...]) -> None:
    types = [profile(v).datatype(name) for v in VERSIONS]
    assert tuple(len(t.components) for t in types if t) == counts


@pytest.mark.parametrize("path", ["PID-2", "PID-4", "PID-19", "ORC-7", "OBR-27", "OBR-15", "MSA-3", "MSA-6", "ERR-1"])
def test_fields_withdrawn_in_2_7_stay_withdrawn(path: str) -> None:
    assert all(field(v, path).withdrawn for v in since("2.7"))
    assert not any(field(v, path).withdrawn for v in until("2.6"))


@pytest.mark.parametrize("path", ["DG1-2", "DG1-4", "DG1-7", "DG1-14", "FT1-8"])
def test_diagnosis_fields_withdrawn_in_2_6_stay_withdrawn(path: str) -> None:
    assert [v for v in VERSIONS if not field(v, path).withdrawn] == until("2.5.1")
    assert field("2.8", path).name
    assert field("2.8", path).datatype == ""


def test_dg1_3_is_a_required_cwe_from_2_6_and_dg1_6_is_always_required_with_table_0052() -> None:
    assert {(field(v, "DG1-3").datatype, field(v, "DG1-3").required) for v in since("2.6")} == {("CWE", True)}
    assert {(field(v, "DG1-6").required, field(v, "DG1-6").table) for v in VERSIONS} == {(True, "0052")}


def test_err_3_and_4_are_required_from_2_5() -> None:
    assert all(field(v, path).required for v in since("2.5") for path in ("ERR-3", "ERR-4"))


def test_tq1_and_spm_exist_from_2_5() -> None:
    for name in ("TQ1", "SPM"):
        assert [v for v in VERSIONS if profile(v).segment(name)] == since("2.5")


def test_al1_keeps_its_last_field_as_withdrawn() -> None:
    assert all(field(v, "AL1-6").withdrawn for v in since("2.7"))


def test_withdrawn_segments_z_segments_and_the_devices_of_hl7apy_are_unknown() -> None:
    for name in ("ZEC", "ZXX", "ANYHL7SEGMENT", "QRD", "ABCD", ""):
        assert profile("2.7").segment(name) is None


def test_long_names_read_as_people_write_them() -> None:
    names = [field("2.5.1", p).name for p in ("ORC-1", "OBX-1", "MSH-7", "OBR-4", "PID-5")]
    assert names == [
        "Order Control", "Set ID OBX", "Date/Time of Message", "Universal Service Identifier", "Patient Name",
    ]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_components_name_their_tables_in_every_version(version: str) -> None:
    cx = profile(version).datatype("CX")
    assert cx is not None
    assert [c.table for c in cx.components][2:5:2] == ["0061", "0203"]
    ed = profile(version).datatype("ED")
    assert ed is not None
    assert ed.components[1].table == ("0834" if version in since("2.6") else "0191")


def test_lengths_are_known_for_primitive_fields_until_2_6_only() -> None:
    assert field("2.5.1", "MSH-10").length == 20
    assert field("2.3", "OBX-8").length == 5
    assert field("2.5.1", "OBR-4").length is None
    for version in since("2.7"):
        for name in USED:
            segment = profile(version).segment(name)
            assert segment is not None
            assert {f.length for f in segment.fields} == {None}
    hd = profile("2.5.1").datatype("HD")
    assert hd is not None
    assert hd.components[0].length == 20


def test_types_survive_encoding() -> None:
    segment, structure = profile("2.5.1").segment("PID"), profile("2.5.1").structure("ORM^O01")
    assert msgspec.json.decode(msgspec.json.encode(segment), type=SegmentType) == segment
    assert msgspec.json.decode(msgspec.json.encode(structure), type=Structure) == structure


def test_a_question_asked_twice_has_the_same_answer() -> None:
    assert profile("2.5.1") is profile("2.5.1")
    assert profile("2.5.1").segment("PID") is profile("2.5.1").segment("PID")
