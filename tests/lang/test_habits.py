"""Habits that are mistakes in most messages, where their edges are."""

from __future__ import annotations

import pytest

from tests.lang.laboratory import lab

PID = "segment PID\n  PID-3 = each i in patient.identifiers as identifier required\n  PID-5 = patient.name\n"


@pytest.mark.parametrize(
    ("request_", "observation", "codes"),
    [
        ("order.placer_number", "order.placer_number", ()),
        # OBR may begin with a number of its own …
        ("order.placer_number", "order.filler_number else order.placer_number", ()),
        ("order.filler_number else order.placer_number", "order.service else order.filler_number else order.placer_number", ()),
        # … and falls back on what stands in ORC, on nothing else; ORC has none of its own.
        ("order.filler_number else order.placer_number", "order.placer_number", ("SW0424",)),
        ("order.filler_number else order.placer_number", "order.filler_number else order.service", ("SW0424",)),
        ("order.placer_number", "order.placer_number else order.service", ("SW0424",)),
        ("order.placer_number", "order.filler_number required when result.study is present\n        = order.placer_number", ("SW0424",)),
    ],
)  # fmt: skip
def test_the_numbers_of_orc_and_obr_are_the_same_but_for_one_that_obr_had_itself(request_, observation, codes):
    numbers = f'segment ORC\n  ORC-1 = "RE"\n  ORC-2 = {request_} required\n'
    numbers += f"segment OBR\n  OBR-2 = {observation} required\n  OBR-4 = order.service required\n"
    run = lab(PID + numbers)
    assert run.codes == codes, run.report
