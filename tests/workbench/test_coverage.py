"""Which lines the cases exercise; those of the reference hospitals exercise every one."""

from __future__ import annotations

import pytest

from segwright.workbench.coverage import Coverage, coverage_of, judged, last_line, marks_by_case, percent, reaches
from segwright.workbench.points import points_of
from segwright.workbench.rehearsal import Rehearsal
from segwright.workbench.told import dead_lines, point_line, untouched_lines
from tests.workbench.conftest import HOSPITALS


def without(hospitals, run: Rehearsal, *cases: str) -> Coverage:
    """Coverage as it would be without some cases."""
    name = run.running.organisation.id
    marks = {case: found for case, found in marks_by_case(run).items() if case not in cases}
    return judged(points_of(run.running, hospitals.sources), marks, name)


@pytest.mark.parametrize("name", HOSPITALS)
def test_the_cases_of_every_reference_hospital_exercise_every_line(hospitals, name):
    coverage = coverage_of(hospitals, name)
    assert list(untouched_lines(coverage.untouched, hospitals.sources)) == []
    assert len(coverage.points) > 280


def test_a_case_that_is_taken_away_leaves_what_it_alone_exercised(hospitals, rehearsed):
    coverage = without(hospitals, rehearsed["larkspur"], "final_every_flag")
    kinds = {(point.kind, point.text) for point in coverage.untouched}
    assert ("table row", 'abnormal_flag_0078: critical_high <-> "HH" (sent)') in kinds
    assert all(point.never == "" for point in coverage.untouched)


def test_only_a_case_that_is_refused_exercises_a_check(hospitals, rehearsed):
    coverage = without(hospitals, rehearsed["larkspur"], "final_signer_without_npi")
    assert [(point.kind, point.address) for point in coverage.untouched] == [("check", "check signer_npi")]
    assert "never refuses a message" in point_line(coverage.untouched[0], hospitals.sources)


def test_a_refused_case_exercises_nothing_but_what_refuses_it(rehearsed):
    marks = marks_by_case(rehearsed["larkspur"])["final_signer_without_npi"]
    assert {kind for found in marks.values() for kind, _, _ in found} == {"refused"}


def test_both_sides_of_an_else_are_points_of_their_own(hospitals, rehearsed):
    points = points_of(rehearsed["tamarack"].running, hospitals.sources)
    sides = [p.text for p in points if p.kind == "else" and p.message == "ecg_charge" and p.address == "FT1-23"]
    assert sides == ["order.filler_number", "result.study ^ org.sending.application"]


def test_a_line_that_several_messages_share_counts_once_for_the_organisation(hospitals, rehearsed):
    points = points_of(rehearsed["tamarack"].running, hospitals.sources)
    lines = [p for p in points if p.kind == "format line" and p.text == "person_name: .2 = n.given optional"]
    assert len(lines) == 1
    assert {"ecg_result", "ecg_charge", "order_status_omg"} <= set(lines[0].marks)


def test_what_is_impossible_names_the_key_that_is_not_given(hospitals, rehearsed):
    coverage = without(hospitals, rehearsed["larkspur"])
    lines = "\n".join(dead_lines(coverage.dead, hospitals.sources))
    assert (
        "MSH-3.2 = org.sending.application_id optional`: org.sending.application_id is not given in org.yaml" in lines
    )
    assert "rr_interval" in lines


def test_the_branches_of_a_text_are_points_and_one_for_a_kind_that_does_not_go_out_is_impossible(hospitals, rehearsed):
    coverage = without(hospitals, rehearsed["stbrigid"])
    branches = [each.point.text for each in coverage.points if each.point.kind == "text branch"]
    assert "text report: {% if f.confidence is present %}" in branches
    assert "text report: {% elif result.status is withdrawn %}" in branches
    (dead,) = [point for point in coverage.dead if point.kind == "text branch"]
    assert dead.text == "text report: {% if result.status is preliminary %}"
    less = without(hospitals, rehearsed["stbrigid"], "final_every_part")
    assert "text report: {% else %}" in {point.text for point in less.untouched}


def test_a_percentage_is_never_said_higher_than_it_is():
    assert percent(1999, 2000) == "99.9"
    assert percent(2000, 2000) == "100"
    assert percent(1, 3) == "33.3"
    assert percent(0, 0) == "100"


def test_the_last_line_and_the_threshold_speak_of_all_organisations_together(hospitals, rehearsed):
    whole = without(hospitals, rehearsed["larkspur"])
    less = without(hospitals, rehearsed["northgate"], "order_every_part", "order_accepted_every_part")
    count = len(whole.points) + len(less.points)
    hit = whole.hit + less.hit
    assert last_line([whole, less]) == f"coverage: {hit} of {count} ({percent(hit, count)}%)"
    assert reaches([whole], 100)
    assert not reaches([whole, less], 100)
    assert reaches([whole, less], 90)
