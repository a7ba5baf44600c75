"""Habits that are mistakes in most messages, where their edges are."""

from __future__ import annotations

import pytest

from tests.lang.laboratory import lab

PID = "segment PID\n  PID-3 = each i in patient.identifiers as identifier required\n  PID-5 = patient.name\n"


def numbered(request: str, observation: str):
    """A message whose ORC-2 and OBR-2 are written so."""
    numbers = f'segment ORC\n  ORC-1 = "RE"\n  ORC-2 = {request}\n'
    return lab(f"{PID}{numbers}segment OBR\n  OBR-2 = {observation}\n  OBR-4 = order.service required\n")


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
    run = numbered(f"{request_} required", f"{observation} required")
    assert run.codes == codes, run.report


@pytest.mark.parametrize(
    ("request_", "observation", "same"),
    [
        ("required when result.urgent", "required when result.urgent", True),
        ("required when result.urgent", "required", False),
        ("required when result.urgent", "required when result.study is present", False),
        ("required", "optional", False),
    ],
)
def test_they_are_the_same_under_the_same_conditions(request_, observation, same):
    run = numbered(f"order.placer_number {request_}", f"order.placer_number {observation}")
    assert ("SW0424" not in run.codes) is same, run.report
