"""Two files side by side: nothing is lost, what differs is marked and named, what does not is not."""

from __future__ import annotations

from segwright.review.side_by_side import Row, rows

MSH = b"MSH|^~\\&|A|B|C|D|20260302||ORU^R01|1|P|2.5.1\r"


def called(version: str, segment: str, number: int) -> str:
    return {"OBX-3": "Observation Identifier", "OBX-5": "Observation Value"}.get(f"{segment}-{number}", "")


def marked(row: Row) -> tuple[list[str], list[str]]:
    return tuple([piece.text for piece in side or () if piece.changed] for side in (row.before, row.after))  # type: ignore[return-value]


def text(side) -> str:
    return "".join(piece.text for piece in side or ())


def test_only_the_component_that_differs_is_marked_under_the_name_of_its_field():
    before, after = MSH + b"OBX|1|NM|8633-0^QRS^LN||96\r", MSH + b"OBX|1|NM|8633-0^QRS^LNC||96\r"
    header, obx = rows(before, after, called)
    assert (header.changed, header.fields) == (False, ())
    assert marked(obx) == (["LN"], ["LNC"])
    assert obx.fields == ("OBX-3 Observation Identifier",)
    assert (text(obx.before), text(obx.after)) == ("OBX|1|NM|8633-0^QRS^LN||96", "OBX|1|NM|8633-0^QRS^LNC||96")


def test_components_that_came_are_marked_where_they_stand():
    (_, obx) = rows(MSH + b"OBX|1|NM|8633-0\r", MSH + b"OBX|1|NM|8633-0^QRS\r", called)
    assert marked(obx) == ([], ["QRS"])
    assert obx.changed


def test_a_field_that_was_emptied_is_marked_on_the_side_that_holds_it():
    (_, obx) = rows(MSH + b"OBX|1|NM|X||96|ms\r", MSH + b"OBX|1|NM|X|||ms\r", called)
    assert marked(obx) == (["96"], [""])
    assert obx.fields == ("OBX-5 Observation Value",)


def test_a_segment_that_is_new_stands_beside_nothing_with_every_field_named():
    found = rows(MSH, MSH + b"OBX|1|NM|X\r", called)
    assert (found[1].before, text(found[1].after)) == (None, "OBX|1|NM|X")
    assert "OBX-3 Observation Identifier" in [piece.title for piece in found[1].after or ()]


def test_a_file_that_is_no_message_is_compared_line_by_line():
    found = rows(b"one\ntwo\n", b"one\nthree\n", called)
    assert [row.changed for row in found] == [False, True]
    assert [text(row.after) for row in rows(None, b"a\nb\n", called)] == ["a", "b"]
