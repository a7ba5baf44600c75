"""Why a field is not there: the false condition, the missing value, the removed rule; never a value."""

from __future__ import annotations

import pytest

from segwright.hl7.paths import Path
from segwright.service.explaining import Twig
from segwright.workbench.rehearsal import Rehearsal
from segwright.workbench.why_not import WhyNot, why_not


@pytest.fixture(scope="module")
def ask(hospitals, rehearsed):
    def answer(organisation: str, case: str, path: str) -> WhyNot:
        run: Rehearsal = rehearsed[organisation]
        scene = next(scene for scene in run.scenes if scene.case == case)
        running = run.environments[scene.environment]
        return why_not(running, scene.message, scene.inputs[0], Path.parse(path), hospitals.sources)

    return answer


def flat(twigs: tuple[Twig, ...]) -> list[tuple[str, str]]:
    return [pair for twig in twigs for pair in ((twig.kind, twig.text), *flat(twig.twigs))]


def test_a_false_condition_is_shown_with_its_parts(ask):
    found = ask("stbrigid", "final", "OBX(2)-8")
    shown = flat(found.twigs)
    assert ("true", "patient.sex is present") in shown
    assert ("false", "m.value is above quantity_of(ranges.high(m.kind, patient.sex), unit: unit)") in shown
    assert ("taken", "alternative 3: blank otherwise") in shown
    assert found.sent
    assert not found.there


def test_a_missing_value_is_named_and_what_was_not_looked_at_is_said(ask):
    shown = flat(ask("larkspur", "final", "OBX(3)-7").twigs)
    assert ("missing", "m.low") in shown
    assert ("not looked at", "m.high is present") in shown


def test_a_lookup_without_a_key_says_so(ask):
    shown = flat(ask("larkspur", "final", "OBX(3)-8").twigs)
    assert ("missing", "m.flag via abnormal_flag_0078") in shown
    assert ("missing", "m.flag") in shown


def test_a_loop_without_elements_explains_a_segment_that_was_not_sent(ask):
    found = ask("larkspur", "final_no_diagnosis", "DG1-3")
    assert not found.sent
    assert flat(found.twigs)[0][0] == "loop"
    assert ("missing", "result.diagnoses") in flat(found.twigs)


def test_a_loop_whose_condition_is_false_shows_the_condition(ask):
    shown = flat(ask("larkspur", "final_sparse", "NTE-3").twigs)
    assert ("false", "remarks is present") in shown


def test_a_segment_that_never_came_cannot_go_back(ask):
    shown = flat(ask("stbrigid", "final_sparse", "ZST-1").twigs)
    assert ("missing", "order.received") in shown


def test_a_removed_rule_names_the_layer_and_its_reason(ask):
    found = ask("northgate", "final", "OBX-6")
    assert {twig.kind for twig in found.twigs} == {"removed"}
    assert "Northgate lab memo 1998-11, page 4" in found.twigs[0].text
    assert found.twigs[0].place.startswith("orgs/northgate/ecg_result.seg:")


def test_a_key_that_is_not_given_is_told(ask):
    found = ask("larkspur", "final", "MSH-5.2")
    assert found.twigs[0].text == "MSH-5.2 = org.receiving.application_id optional"
    assert ("blank", "not given in org.yaml") in flat(found.twigs)


def test_a_field_that_nobody_writes_is_told(ask):
    assert flat(ask("larkspur", "final", "OBX(2)-17").twigs)[0][0] == "no rule"
    assert flat(ask("larkspur", "final", "ZZZ-5").twigs) == [("no rule", "no rule of this mapping writes segment ZZZ")]


def test_one_more_than_there_are_is_told_with_how_many_there_are(ask):
    shown = flat(ask("larkspur", "final", "OBX(20)-5").twigs)
    assert ("sent", "it is in the message 6 times, and no more") in shown


def test_a_field_that_is_there_is_said_to_be_there(ask):
    assert ask("larkspur", "final", "OBX-5").there


def test_no_value_of_the_patient_is_ever_shown(ask, rehearsed):
    for path in ("OBX(2)-8", "OBX(3)-7", "PID-18", "PID-11", "PV1-2", "DG1-3", "OBR-32", "NTE-3"):
        shown = str(ask("stbrigid", "final_sparse", path))
        for value in ("4400127", "Mustermann", "1966"):
            assert value not in shown
