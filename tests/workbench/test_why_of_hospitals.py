"""Why a field of a reference hospital's message is what it is: the alternative taken, the loop, the line that read its source."""

from __future__ import annotations

import pytest

from segwright.hl7.paths import Path
from segwright.service.explaining import Branch, every_rule, why
from segwright.service.refusals import Explained


@pytest.fixture(scope="module")
def ask(hospitals, rehearsed):
    def answer(organisation: str, case: str, path: str) -> tuple[Branch, ...]:
        run = rehearsed[organisation]
        scene = next(scene for scene in run.scenes if scene.case == case)
        running = run.environments[scene.environment]
        return why(running, scene.message, scene.inputs[0], Path.parse(path), hospitals.sources).branches

    return answer


def kinds(branch: Branch) -> dict[str, str]:
    return {twig.kind: twig.text for twig in branch.twigs}


def test_the_side_of_an_else_between_a_field_and_a_composite_is_named(ask):
    (given,) = ask("stbrigid", "final_every_part", "ORC-3")
    assert kinds(given)["else"] == "alternative 1 of 2: order.filler_number"
    made = ask("larkspur", "final_sex_unknown", "ORC-3")
    assert {kinds(branch)["else"] for branch in made} == {"alternative 2 of 2: result.study ^ org.sending.application"}


def test_the_alternative_of_a_ladder_is_named_with_its_condition(ask):
    (branch,) = ask("stbrigid", "final_sex_other", "OBX-8")
    assert kinds(branch)["ladder"].startswith(
        'alternative 1 of 3: "H" when patient.sex is present and m.value is above'
    )


def test_a_row_of_a_csv_file_is_named_with_its_file_and_line(ask):
    (branch,) = ask("stbrigid", "final_sex_other", "OBX(2)-7")
    places = [twig.place for twig in branch.twigs if twig.kind == "table"]
    assert places
    assert all(place.startswith("orgs/stbrigid/ranges.csv:") for place in places)


def test_a_source_in_the_order_leads_on_to_the_line_that_read_it(ask):
    (branch,) = ask("tamarack", "group_final_numbered", "OBR(2)-3")
    (source,) = [twig for twig in branch.twigs if twig.kind == "source"]
    assert source.text == "group[].filler_number"
    assert source.twigs[0].text == "override order.filler_number = OBR-3 optional"
    assert source.twigs[0].place.startswith("orgs/tamarack/ecg_order.seg:")


def test_every_field_that_a_rule_wrote_has_its_line_in_an_annotated_message(hospitals, rehearsed):
    for run in rehearsed.values():
        for scene in run.scenes[:12]:
            for inputs in scene.inputs:
                explained: Explained = run.running.explained(scene.message)
                trace = run.trace(scene.message, inputs)
                if trace.problems:
                    continue
                notes = every_rule(explained, trace, hospitals.sources)
                assert {"MSH-7", "MSH-10", "PID-3", "ORC-1" if "ORC|" in trace.text else "FT1-1"} <= set(notes)
                assert all(".seg:" in note for note in notes.values())
