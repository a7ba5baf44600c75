"""Message structures and where segments stand in them (hl7-facts C2)."""

from __future__ import annotations

import pytest

from segwright.profiles import VERSIONS, Loop, Placement, Problem, Seg, Structure, place, profile, required_segments

BEFORE_2_7 = VERSIONS[:6]
FROM_2_5 = VERSIONS[3:]


def structure(version: str, message_type: str) -> Structure:
    found = profile(version).structure(message_type)
    assert found is not None
    return found


def only(placement: Placement) -> Problem:
    (problem,) = placement.problems
    return problem


@pytest.mark.parametrize(
    ("message_type", "id"),
    [
        ("ORU^R01", "ORU_R01"), ("ORU^R01^ORU_R01", "ORU_R01"), ("ORU_R01", "ORU_R01"), ("ORM^O01", "ORM_O01"),
        ("OMG^O19", "OMG_O19"), ("OML^O21", "OML_O21"), ("DFT^P03", "DFT_P03"), ("ACK", "ACK"), ("ACK^R01", "ACK"),
        ("ACK^R01^ACK", "ACK"), ("MDM^T02", "MDM_T02"), ("MDM^T06", "MDM_T02"), ("ADT^A01", "ADT_A01"),
        ("ADT^A04", "ADT_A01"), ("ADT^A08", "ADT_A01"), ("ADT^A31", "ADT_A05"), ("ORU^R32", "ORU_R30"),
        ("SIU^S14", "SIU_S12"),
    ],
)  # fmt: skip
def test_events_find_the_structure_they_share(message_type: str, id: str) -> None:
    assert structure("2.5.1", message_type).id == id


def test_a_message_type_that_a_version_lacks_has_no_structure() -> None:
    assert profile("2.5.1").structure("XYZ^Q99") is None
    assert [v for v in VERSIONS if profile(v).structure("ORM^O01")] == list(BEFORE_2_7)
    assert [v for v in VERSIONS if profile(v).structure("OML^O21")] == list(VERSIONS[2:])
    assert [v for v in VERSIONS if profile(v).structure("OMG^O19")] == list(VERSIONS[2:])


@pytest.mark.parametrize("version", VERSIONS)
def test_dg1_stands_in_no_oru_r01(version: str) -> None:
    problem = only(place(structure(version, "ORU^R01"), ["MSH", "PID", "ORC", "OBR", "OBX", "DG1", "OBX"]))
    assert (problem.path, problem.segment, problem.kind, problem.after) == ((5,), "DG1", "outside", ())
    assert problem.stood_after == ("OBX",)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_ecg_result_stands_in_every_oru_r01(version: str) -> None:
    items: list[Seg | Loop | str] = [
        "MSH", "PID", Seg("PV1", may_be_absent=True), Seg("ORC", may_be_absent=True), "OBR",
        Seg("NTE", may_be_absent=True, may_repeat=True), Loop((Seg("OBX"), Seg("NTE", may_be_absent=True))), "ZEC",
    ]  # fmt: skip
    assert place(structure(version, "ORU^R01"), items).problems == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_several_orders_and_several_patients_stand_in_one_oru_r01(version: str) -> None:
    order = Loop((Seg("ORC"), Seg("OBR"), Loop((Seg("OBX"),))), may_be_absent=False)
    assert place(structure(version, "ORU^R01"), ["MSH", Loop((Seg("PID"), order))])


@pytest.mark.parametrize("version", BEFORE_2_7)
def test_dg1_follows_obr_in_orm_o01_and_never_obx(version: str) -> None:
    orm = structure(version, "ORM^O01")
    assert place(orm, ["MSH", "PID", "PV1", "ORC", "OBR", "NTE", Loop((Seg("DG1"),)), Loop((Seg("OBX"), Seg("NTE")))])
    problem = only(place(orm, ["MSH", "PID", "ORC", "OBR", "OBX", "DG1", "OBX"]))
    assert (problem.path, problem.kind) == ((5,), "out_of_place")
    assert {"OBR", "NTE", "DG1"} <= set(problem.after)
    assert "OBX" not in problem.after


@pytest.mark.parametrize("version", VERSIONS[2:])
@pytest.mark.parametrize("message_type", ["OML^O21", "OMG^O19"])
def test_laboratory_and_clinical_orders_place_dg1_alike(version: str, message_type: str) -> None:
    order = structure(version, message_type)
    assert place(order, ["MSH", "PID", "ORC", "OBR", "NTE", "DG1", "OBX"])
    assert only(place(order, ["MSH", "PID", "OBR"])).missing == ("ORC",)


@pytest.mark.parametrize("version", FROM_2_5)
def test_timing_stands_between_orc_and_obr_of_an_order_and_after_obr_of_a_result(version: str) -> None:
    assert place(structure(version, "OML^O21"), ["MSH", "PID", "ORC", "TQ1", "OBR"])
    result = structure(version, "ORU^R01")
    assert place(result, ["MSH", "PID", "ORC", "OBR", "TQ1", "OBX"])
    assert only(place(result, ["MSH", "PID", "ORC", "TQ1", "OBR", "OBX"])).segment == "TQ1"


@pytest.mark.parametrize("version", VERSIONS)
def test_charges_follow_the_observations_of_a_result_from_2_4(version: str) -> None:
    found = place(structure(version, "ORU^R01"), ["MSH", "PID", "OBR", "OBX", "NTE", "FT1"])
    assert [p.kind for p in found.problems] == (["outside"] if version in VERSIONS[:2] else [])


@pytest.mark.parametrize("version", VERSIONS)
def test_notes_stand_after_pid_obr_and_obx_but_not_after_pv1(version: str) -> None:
    oru = structure(version, "ORU^R01")
    assert place(oru, ["MSH", "PID", "NTE", "PV1", "OBR", "NTE", "OBX", "NTE"])
    problem = only(place(oru, ["MSH", "PID", "PV1", "NTE", "OBR", "OBX"]))
    assert (problem.segment, problem.kind) == ("NTE", "out_of_place")


def test_err_repeats_in_an_acknowledgement_from_2_5_only() -> None:
    errors: list[Seg | Loop | str] = ["MSH", "MSA", Loop((Seg("ERR"),))]
    for version in VERSIONS:
        found = place(structure(version, "ACK"), errors)
        assert [(p.path, p.kind) for p in found.problems] == ([((2, 0), "repeated")] if version in VERSIONS[:3] else [])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_charge_message_needs_its_event_and_places_diagnoses_after_the_charges(version: str) -> None:
    dft = structure(version, "DFT^P03")
    assert {"MSH", "EVN", "PID", "FT1"} <= set(required_segments(dft))
    assert place(dft, ["MSH", "EVN", "PID", "PV1", Loop((Seg("FT1"),), may_be_absent=False), Loop((Seg("DG1"),))])
    assert only(place(dft, ["MSH", "PID", "FT1"])).missing == ("EVN",)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_must_have_msh_and_obr(version: str) -> None:
    assert required_segments(structure(version, "ORU^R01")) == ("MSH", "OBR")


def test_a_choice_requires_none_of_its_segments() -> None:
    assert required_segments(structure("2.5.1", "ORM^O01")) == ("MSH", "ORC")


def test_a_missing_obr_is_said_once_and_the_rest_is_judged_as_if_it_were_there() -> None:
    problem = only(place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", "ORC", Loop((Seg("OBX"), Seg("NTE")))]))
    assert (problem.path, problem.kind, problem.missing) == ((3, 0), "missing", ("OBR",))


def test_one_misplaced_segment_gives_one_problem() -> None:
    found = place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", "PV2", "ORC", "OBR", "OBX", "NTE", "PV1"])
    assert [(p.segment, p.kind) for p in found.problems] == [("PV2", "out_of_place"), ("PV1", "out_of_place")]
    assert found.problems[0].after == ("PV1",)


def test_an_optional_group_is_entered_by_its_head() -> None:
    found = place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", "OBR", "OBX", "FT1", "OBX"])
    assert [(p.path, p.kind) for p in found.problems] == [((5,), "out_of_place")]


def test_what_may_be_absent_is_never_held_against_what_follows() -> None:
    oru = structure("2.5.1", "ORU^R01")
    assert place(oru, ["MSH", "PID", Seg("PV1", may_be_absent=True), Seg("PV2", may_be_absent=True), "OBR"])


def test_a_segment_that_stands_once_may_not_stand_in_every_turn_of_a_loop() -> None:
    found = place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", "OBR", Loop((Seg("CTD"), Seg("OBX")))])
    assert [(p.path, p.kind) for p in found.problems] == [((3, 0), "repeated")]


def test_a_repeating_statement_needs_a_repeating_place() -> None:
    found = place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", Seg("PD1", may_repeat=True), "OBR"])
    assert [(p.path, p.kind) for p in found.problems] == [((2,), "repeated")]


def test_nothing_can_stand_before_msh() -> None:
    problem = only(place(structure("2.5.1", "ORU^R01"), ["PID", "MSH"]))
    assert (problem.segment, problem.kind, problem.after[0]) == ("PID", "out_of_place", "MSH")
    assert problem.stood_after == ("",)


def test_z_segments_stand_anywhere() -> None:
    assert place(structure("2.5.1", "ORU^R01"), ["MSH", "ZA1", "PID", "ZB1", "OBR", Loop((Seg("ZC1"), Seg("OBX")))])


def test_the_segments_with_a_place_are_told() -> None:
    assert place(structure("2.5.1", "ORU^R01"), ["MSH", "PID", "OBR", "DG1"]).written == {"MSH", "PID", "OBR"}
