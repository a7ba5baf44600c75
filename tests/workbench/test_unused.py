"""What comes and is never read, and what is there for nothing."""

from __future__ import annotations

import pytest

from segwright.workbench.told import unused_lines
from segwright.workbench.unused import unused_in


@pytest.fixture(scope="module")
def larkspur_unused(hospitals):
    return unused_in(hospitals, "larkspur")


def test_fields_that_no_rule_reads_are_named_with_how_many_orders_hold_them(larkspur_unused):
    found = {unread.path: unread for unread in larkspur_unused.fields}
    assert found["ORC-7"].name == "Quantity Timing"
    assert found["ORC-7"].cases > 5
    assert "ORC-12" not in found
    assert not any(path.startswith(("PV1", "PID-3", "PID-5.1", "ORC-12.", "MSH")) for path in found)


def test_a_field_that_is_read_in_part_names_its_other_components(hospitals):
    found = {unread.path for unread in unused_in(hospitals, "tamarack").fields}
    assert {"PID-8.2", "PID-8.3", "ORC-12.10"} <= found
    assert "PID-8" not in found


def test_attributes_that_no_message_sends_are_named_and_those_that_texts_print_are_not(larkspur_unused):
    found = {unread.path for unread in larkspur_unused.attributes}
    assert {"result.algorithm_name", "result.criteria"} <= found
    assert not found & {"result.interpretation", "result.comments", "result.findings", "result.measurements"}
    assert not any(path.startswith(("result.findings[]", "result.measurements[]", "event.")) for path in found)


def test_rows_that_nothing_looks_up_say_whether_anything_could(larkspur_unused):
    lines = list(unused_lines(larkspur_unused, {}))
    assert any("rr_interval" in point.text and point.never for point in larkspur_unused.rows)
    assert "every key of org.yaml is used" in lines


def test_no_value_is_shown(larkspur_unused):
    shown = str(larkspur_unused)
    for value in ("00417733", "JUNIPER", "PulseRead 12"):
        assert value not in shown
