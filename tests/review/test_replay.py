"""A replay shows places, lengths and counts; never a value. The guard finds what would be filed twice or over another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from segwright.review.change import Change, Failure, Severity
from segwright.review.guard import Replayed, collisions
from segwright.review.outputs import Comparison, Result
from segwright.review.replay import masked, replay_report, told


def result(*messages: bytes, reasons: tuple[str, ...] = ()) -> Result:
    return Result("x", "ecg_result", "production", {f"x.{n}.hl7": data for n, data in enumerate(messages)}, reasons)


def message(control: str, placer: str, filler: str, status: str = "F") -> bytes:
    return f"MSH|^~\\&|A|B|C|D|20260302||ORU^R01|{control}|P|2.5.1\rORC|RE|{placer}|{filler}||CM\rOBR|1|{placer}|{filler}|ECG|||||||||||||||||||||{status}\r".encode()


def replayed(name: str, before: Result | None, after: Result | None, about: str = "") -> Replayed:
    return Replayed("mercy", name, about or name, before, after)


@given(st.text(min_size=3, max_size=60), st.text(min_size=3, max_size=60))
def test_no_value_of_a_change_is_in_the_report(before, after):
    before, after = f"\u2603{before}", f"\u2603{after}"
    change = Change(
        "output", "ecg_result", "PID-5.1", "Patient Name", "changed", before, after, Severity.IDENTITY, "why"
    )
    review = told("main", [("mercy", Comparison(((change, "x"),)))], ())
    text = "\n".join(replay_report(review))
    assert "\u2603" not in text
    assert "\u2603" not in repr(review)
    assert "PID-5.1 Patient Name" in text
    assert f"({len(before)} characters)" in text
    assert masked(change).place == "PID-5.1"


def test_what_is_alike_is_counted_and_not_told():
    review = told("main", [("mercy", Comparison()), ("mercy", Comparison())], ())
    assert (review.inputs, review.alike, review.changed) == (2, 2, False)
    assert replay_report(review) == ["2 recorded inputs through main and through the workspace: 2 give the same bytes."]


def test_new_failures_are_counted_by_reason():
    failure = Failure("x", "ecg_result", ("SW1001: `OBR-24` is required",))
    review = told("main", [("mercy", Comparison(failure=failure))] * 3, ())
    assert "       3  mercy ecg_result: SW1001: `OBR-24` is required" in replay_report(review)
    assert review.changed


def test_two_orders_that_look_like_one_now_collide():
    one, other = message("1", "A-1", "F-1"), message("2", "A-2", "F-2")
    inputs = [
        replayed("first", result(one), result(message("1", "A", "F-1"))),
        replayed("second", result(other), result(message("2", "A", "F-1"))),
    ]
    (found,) = [each for each in collisions(inputs) if each.kind == "merged"]
    assert (found.organisation, found.inputs) == ("mercy", ("first", "second"))


def test_an_order_known_by_other_numbers_than_before_could_be_filed_twice():
    (found,) = collisions([replayed("first", result(message("1", "A-1", "F-1")), result(message("1", "A-1", "G-1")))])
    assert found.kind == "split"


def test_one_control_id_for_two_messages_is_a_collision():
    found = collisions([
        replayed("first", result(message("1", "A-1", "F-1")), result(message("X", "A-1", "F-1"))),
        replayed("second", result(message("2", "A-2", "F-2")), result(message("X", "A-2", "F-2"))),
    ])  # fmt: skip
    assert [each.kind for each in found] == ["control_id"]


def test_what_looked_alike_before_is_no_news():
    same = result(message("1", "A-1", "F-1"))
    assert collisions([replayed("first", same, same), replayed("second", same, same)]) == []
    assert collisions([replayed("first", None, same), replayed("first again", None, same, about="first")]) == []


def test_what_is_refused_collides_with_nothing():
    refused = result(reasons=("no",))
    assert collisions([replayed("first", refused, refused), replayed("second", None, refused)]) == []
