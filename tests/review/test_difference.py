"""Two messages field by field, and a message as people read it."""

from __future__ import annotations

from segwright.review.difference import message_differences, said
from segwright.service.pretty import pretty_lines

BEFORE = b"MSH|^~\\&|A|B|C|D|20260302||ORU^R01|1|T|2.5.1\rPID|1||7^^^X^MR||DOE^JO\rOBX|1|NM|a||84\rOBX|2|NM|b||85\rNTE|1|L|x\r"


def lines(after: bytes) -> list[str]:
    return [said(difference) for difference in message_differences(BEFORE, after)]


def test_equal_messages_do_not_differ():
    assert lines(BEFORE) == []


def test_a_field_is_named_as_hl7_names_it_and_counted_as_paths_count():
    assert lines(BEFORE.replace(b"b||85", b"b||86")) == ["~ OBX(2)-5 Observation Value: 85 → 86"]


def test_a_field_that_came_or_went_is_shown_against_nothing():
    assert lines(BEFORE.replace(b"DOE^JO", b"DOE^JO||1980")) == ["~ PID-7 Date/Time of Birth: (nothing) → 1980"]


def test_segments_that_came_or_went_are_shown_whole():
    assert lines(BEFORE.replace(b"NTE|1|L|x\r", b"")) == ["- NTE|1|L|x"]
    assert lines(BEFORE.replace(b"NTE|1", b"ZZZ|9\rNTE|1")) == ["+ ZZZ|9"]


def test_a_segment_that_moved_left_one_place_and_came_to_another():
    moved = BEFORE.replace(b"NTE|1|L|x\r", b"").replace(b"OBX|1", b"NTE|1|L|x\rOBX|1")
    assert lines(moved) == ["+ NTE|1|L|x", "- NTE|1|L|x"]


def test_empty_fields_at_the_end_are_a_difference():
    (line,) = lines(BEFORE.replace(b"NTE|1|L|x", b"NTE|1|L|x||"))
    assert line.startswith("~ NTE empty fields at the end")


def test_other_bytes_of_the_same_fields_are_a_difference():
    (line,) = lines(BEFORE.replace(b"\r", b"\n"))
    assert line.startswith("~ the same fields in other bytes")


def test_what_is_no_message_is_compared_line_by_line():
    found = [said(difference) for difference in message_differences(b"one\ntwo\n", b"one\nthree\n")]
    assert found == ["- two", "+ three"]


def test_a_message_is_a_segment_a_line_with_its_filled_fields_by_name():
    shown = list(pretty_lines(BEFORE))
    assert shown[0] == "MSH|^~\\&|A|B|C|D|20260302||ORU^R01|1|T|2.5.1"
    assert "    PID-5      Patient Name" in "\n".join(shown)
    assert not any("PID-4" in line for line in shown)
    assert any(line.startswith("    OBX(2)-5   Observation Value") for line in shown)


def test_notes_stand_behind_their_field_and_others_are_left_out():
    shown = list(pretty_lines(BEFORE, fields=False, notes={"PID-5": "x.seg:4", "NTE": "y.seg:1"}))
    assert [line for line in shown if "←" in line] == [
        "    PID-5      Patient Name                      DOE^JO  ← x.seg:4",
        "NTE|1|L|x  ← y.seg:1",
    ]
    assert len(shown) == 6


def test_a_long_field_is_cut_and_controls_never_reach_the_terminal():
    long = BEFORE.replace(b"NTE|1|L|x", b"NTE|1|L|" + b"x" * 5000 + b"\tq")
    shown = list(pretty_lines(long))
    assert max(map(len, shown)) < 600
    assert not any("\t" in line or "\x1b" in line for line in shown)
    assert any("\x1b[1m" in line for line in pretty_lines(BEFORE, colour=True))
