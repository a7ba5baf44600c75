"""Small mistakes in a mapping are noticed by a snapshot; where one is not, a case is missing."""

from __future__ import annotations

import pytest

from segwright.plan import ops
from segwright.plan.canonical import plan_hash
from segwright.workbench.edit import edited, plain
from segwright.workbench.mutants import mutants_of
from segwright.workbench.mutation import Survivor, _Run, mutation_of
from segwright.workbench.rehearsal import Rehearsal
from segwright.workbench.told import survivor_lines
from tests.workbench.conftest import HOSPITALS
from tests.workbench.test_reach import note, plan, segment, text

EVERY = 23
"""Each how many-th mutant is tried here; `make mutants` tries all."""


@pytest.mark.parametrize("name", HOSPITALS)
def test_every_mutant_of_a_reference_hospital_is_noticed(hospitals, name):
    mutation = mutation_of(hospitals, name, every=EVERY)
    assert ["\n".join(survivor_lines(each, hospitals.sources)) for each in mutation.survivors] == []
    assert mutation.count > 500 // EVERY // 2


def test_an_order_that_is_no_longer_refused_is_noticed(hospitals, rehearsed):
    run = rehearsed["larkspur"]
    dropped = [
        mutant
        for mutant in mutants_of(run.running, "ecg_order", hospitals.sources)
        if mutant.sort == "drop" and mutant.address.startswith("reject ")
    ]
    assert [mutant.address for mutant in dropped] == ["reject mrn_form", "reject mrn_authority"]
    assert all(_Run(run).noticed(mutant) for mutant in dropped)


def test_a_text_that_says_less_is_noticed(hospitals, rehearsed):
    run = rehearsed["stbrigid"]
    told = [
        mutant
        for mutant in mutants_of(run.running, "ecg_result", hospitals.sources)
        if mutant.address in ("text report", "text comments")
    ]
    assert {mutant.said for mutant in told} == {
        "`if` never taken", "`elif` never taken", "`else` left out", "the list left out", "what it prints left out",
    }  # fmt: skip
    trial = _Run(run)
    assert [mutant.said for mutant in told if not trial.noticed(mutant)] == []


def survivors(hospitals, run: Rehearsal, message: str, *without: str) -> list[Survivor]:
    """What is not noticed in one message without some cases."""
    less = Rehearsal(run.environments, tuple(scene for scene in run.scenes if scene.case not in without))
    trial = _Run(less)
    return [
        Survivor(mutant, trial.cases_of(mutant))
        for mutant in mutants_of(run.running, message, hospitals.sources)
        if mutant.sort == "unmap" and not trial.noticed(mutant)
    ]


def test_without_the_case_that_shows_it_a_mistake_goes_unnoticed_and_is_told_with_its_place(hospitals, rehearsed):
    run = rehearsed["larkspur"]
    assert survivors(hospitals, run, "ecg_result") == []
    lines = [
        line
        for survivor in survivors(hospitals, run, "ecg_result", "final_every_flag")
        for line in survivor_lines(survivor, hospitals.sources)
    ]
    assert "mappings/shared/tables.seg:80  ecg_result table abnormal_flag_0078: critical_high unmapped" in lines
    assert any("add a case in which critical_high comes" in line for line in lines)


def test_every_sort_of_mistake_is_made(hospitals, rehearsed):
    run = rehearsed["northgate"].running
    found = list(mutants_of(run, "ecg_result", hospitals.sources))
    assert {mutant.sort for mutant in found} == {"drop", "flip", "swap", "unmap", "shift"}
    assert len({plan_hash(mutant.plan) for mutant in found}) == len(found)
    assert all(mutant.span.file for mutant in found)


def test_what_is_proved_impossible_has_no_mutants(hospitals, rehearsed):
    run = rehearsed["larkspur"].running
    texts = [mutant.text for mutant in mutants_of(run, "ecg_result", hospitals.sources)]
    assert not any("org.sending.application_id" in each for each in texts)
    assert not any(each.startswith("rr_interval") for each in texts)


def fields(made: ops.Plan, number: int) -> tuple[ops.FieldOp, ...]:
    op = made.body[number]
    assert isinstance(op, ops.SegmentOp)
    return op.fields


def test_what_is_not_changed_stays_the_same_object():
    made = plan(segment(note(), text("A")), segment(text("B")))
    first = fields(made, 0)
    new = edited(made, {id(first[0]): None})
    assert new.body[1] is made.body[1]
    assert [field.number for field in fields(new, 0)] == [2]
    assert fields(new, 0)[0] is first[1]


def test_what_loses_all_it_held_goes_as_well():
    made = plan(segment(note()))
    (content,) = fields(made, 0)[0].contents
    assert isinstance(content, ops.Leaves)
    assert fields(edited(made, {id(content.puts[0]): None}), 0) == ()


def test_a_last_alternative_that_gives_nothing_makes_no_difference():
    rung = ops.Rung(text("A"), ops.Present(note()))
    with_it = plan(segment(ops.Choose((rung, ops.Rung(ops.Const("blank"))))))
    without_it = plan(segment(ops.Choose((ops.Rung(text("A"), ops.Present(note())),))))
    assert plan_hash(with_it) != plan_hash(without_it)
    assert plan_hash(plain(with_it)) == plan_hash(plain(without_it))


def test_a_row_that_gives_what_on_unmapped_gives_makes_no_difference():
    rows = tuple(ops.TableRow((key,), (ops.Cell("text", (value,)),)) for key, value in (("A", "1"), ("B", "2")))

    def with_rows(*kept: ops.TableRow) -> ops.Plan:
        return plan(segment(ops.Lookup(0, (note(),), unmapped=text("2"))), tables=(ops.Table(kept),))

    assert plan_hash(plain(with_rows(*rows))) == plan_hash(plain(with_rows(rows[0])))
    assert plan_hash(plain(with_rows(*rows))) != plan_hash(plain(with_rows(rows[1])))
