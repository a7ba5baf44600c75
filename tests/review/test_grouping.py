"""Hospitals are of one group exactly when everything that changes for them is equal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from segwright.review.change import Change, Failure, OrganisationReview, Seen, Severity
from segwright.review.grouping import FleetReview, grouped
from segwright.review.words import headline, named, said_folded


def change(place: str = "OBX-3.3", after: str = "LNC", severity: Severity = Severity.CLINICAL) -> Change:
    return Change("output", "ecg_result", place, "name", "changed", "LN", after, severity, "why")


def review(name: str, *changes: Change, **more: object) -> OrganisationReview:
    return OrganisationReview(name, "changed", tuple(Seen(each, (f"{name}.hl7",)) for each in changes), **more)  # type: ignore[arg-type]


CHANGES = [change(place, after) for place in ("OBX-3.3", "OBX-5", "PID-3.1") for after in ("A", "B")]


@given(st.lists(st.sets(st.sampled_from(range(6)), max_size=4), min_size=1, max_size=12))
def test_a_group_is_all_that_change_alike_and_nobody_else(picked):
    reviews = [review(f"h{number}", *(CHANGES[each] for each in sorted(some))) for number, some in enumerate(picked)]
    groups = grouped(reviews)
    for group in groups:
        assert len({frozenset(each.changes) for each in group.organisations}) == 1
    assert len({frozenset(group.first.changes) for group in groups}) == len(groups)
    assert sorted(name for group in groups for name in group.names) == sorted(
        each.name for each in reviews if each.changes
    )


def test_a_group_has_the_same_name_whoever_is_in_it_and_another_when_a_value_is():
    (one,) = grouped([review("a", change())])
    (two,) = grouped([review("b", change()), review("c", change())])
    (other,) = grouped([review("a", change(after="LND"))])
    (failing,) = grouped([review("a", change(), failures=(Failure("x", "m", ("no",)),))])
    assert one.id == two.id
    assert len({one.id, other.id, failing.id}) == 3


def test_the_gravest_group_comes_first_then_the_largest():
    grave = review("z", change("PID-3.1", severity=Severity.IDENTITY))
    many = [review(f"m{number}", change("OBX-5")) for number in range(3)]
    assert [group.names for group in grouped([review("a", change()), *many, grave])] == [
        ("z",),
        ("m0", "m1", "m2"),
        ("a",),
    ]


def test_one_place_of_the_fleet_is_one_line_with_its_values():
    fleet = FleetReview(
        "main", grouped([review("a", change()), review("b", change()), review("c", change(after="LND"))]), (), 7
    )
    (folded,) = fleet.folded()
    assert [(line.change.after, line.organisations) for line in folded.lines] == [("LNC", ("a", "b")), ("LND", ("c",))]
    assert folded.organisations == ("a", "b", "c")
    assert said_folded(folded) == "2 different values, such as LN → LNC"
    assert headline(fleet) == "3 hospitals of 10 change against main; the gravest change is clinical."


def test_names_are_cut_where_there_are_many():
    assert named([f"h{number}" for number in range(20)]) == "h0, h1, h2, h3, h4 and 15 more"
    assert named(["a", "b"]) == "a, b"
