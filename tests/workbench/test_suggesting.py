"""Suggested cases reach what they say, are made up, marked, and the same for the same seed."""

from __future__ import annotations

import shutil

from segwright.service.compiling import compile_workspace
from segwright.workbench.coverage import coverage_of
from segwright.workbench.suggesting import MARK, suggest


def test_a_suggested_case_reaches_what_it_says_once_it_is_written(larkspur):
    cases = larkspur / "orgs" / "larkspur" / "cases"
    for gone in ("order_sex_unlisted", "order_other_authority"):
        shutil.rmtree(cases / gone)
    compiled = compile_workspace(larkspur)
    before = {point.key: point for point in coverage_of(compiled, "larkspur").untouched}
    assert {point.kind for point in before.values()} == {"on unmapped", "reject"}
    suggested = suggest(compiled, "larkspur", seed=3)
    assert suggested.left == ()
    assert {point.key for each in suggested.suggestions for point in each.reaches} == set(before)
    for each in suggested.suggestions:
        assert MARK.encode() in each.files["case.yaml"]
        assert (b"refused: yes" in each.files["case.yaml"]) == each.refused
        folder = cases / each.name
        folder.mkdir()
        for name, data in each.files.items():
            (folder / name).write_bytes(data)
    assert coverage_of(compile_workspace(larkspur), "larkspur").untouched == []


def test_the_same_seed_gives_the_same_cases(larkspur):
    shutil.rmtree(larkspur / "orgs" / "larkspur" / "cases" / "order_sex_unlisted")
    compiled = compile_workspace(larkspur)
    one, other = suggest(compiled, "larkspur", seed=5), suggest(compiled, "larkspur", seed=5)
    assert one == other
    (only,) = one.suggestions
    assert only.reaches[0].kind == "on unmapped"


def test_where_everything_is_reached_nothing_is_suggested(hospitals):
    assert suggest(hospitals, "northgate").suggestions == ()


def test_an_organisation_without_cases_gets_an_order_made_up_from_what_its_mapping_reads(larkspur):
    shutil.rmtree(larkspur / "orgs" / "larkspur" / "cases")
    (larkspur / "orgs" / "larkspur" / "cases").mkdir()
    compiled = compile_workspace(larkspur)
    import random

    from segwright.workbench.coverage import judged
    from segwright.workbench.points import points_of
    from segwright.workbench.rehearsal import rehearsals
    from segwright.workbench.suggesting import _Search  # the search alone: to suggest all would take long here

    run = rehearsals(compiled, "larkspur")
    search = _Search(run, judged(points_of(run.running, compiled.sources), {}, "larkspur"), random.Random(1))
    (start,) = search._starts("ecg_order")
    marks, refused = search._marks(start)
    assert not refused
    assert len(search._reached(marks)) > 30
