"""Whose a result is: numbers that two patients share bring their orders and results together nowhere, on both databases."""

from __future__ import annotations

import msgspec
import pytest

from segwright.ledger import orders
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.orders import Received, ReceivedOrder, Refusal
from segwright.ledger.results import Conflict
from tests.ledger.hospital import SECOND, FakeHospital


def known_by(number: str, authority: str = "") -> bytes:
    return msgspec.json.encode({"mrn": {"id": number, "authority": authority or None}})


def test_an_order_that_shares_a_number_with_another_patients_order_is_refused(world):
    w = world()
    w.order("A1", patient=known_by("P"), filler="F1")
    with pytest.raises(Refusal, match="another patient") as refused:
        w.order("B1", patient=known_by("Q"), filler="F1")
    assert refused.value.code == "another_patient"
    w.result("final", 1, placer="A1")
    assert w.send() == [b"mercy-1|p1|final|R1 final 1|order A1"]


def test_the_same_order_again_for_another_patient_is_refused(world):
    w = world()
    w.order("A1", patient=known_by("P"))
    with pytest.raises(Refusal, match="another patient"):
        w.order("A1", patient=known_by("Q"))
    assert w.order("A1", patient=known_by("p", "EHR")), "how a number is written, and who assigned it, may differ"
    assert w.order("A1", "change", patient=known_by("Q")), "a change may say whose it is"
    assert w.order("A1", patient=known_by("Q"))


def test_a_cancellation_that_names_another_patient_is_refused(world):
    w = world()
    w.order("A1", patient=known_by("P"))
    w.result("final", 1)
    with pytest.raises(Refusal, match="another patient") as refused:
        w.order("A1", "cancel", patient=known_by("Q"))
    assert refused.value.code == "another_patient"
    assert [row["state"] for row in w.rows(t.order_)] == ["open"]
    assert w.deliveries("state") == ["ready"]


@pytest.mark.parametrize("named", [known_by("p ", "EHR"), known_by(""), b"", b"patient"])
def test_a_cancellation_whose_patient_is_the_same_or_cannot_be_told_cancels(world, named):
    w = world()
    w.order("A1", patient=known_by("P"))
    w.order("B1")  # of a patient without a number
    w.order("A1", "cancel", patient=named)
    w.order("B1", "cancel", patient=known_by("Q"))
    assert [row["state"] for row in w.rows(t.order_)] == ["cancelled", "cancelled"]


def test_a_result_that_moves_to_another_patients_order_is_refused(world):
    w = world()
    w.order("A1", patient=known_by("P"))
    w.order("B1", patient=known_by("Q"))
    w.result("final", 1, placer="A1", study="S")
    with pytest.raises(Conflict, match="another patient") as refused:
        w.result("corrected", 2, placer="B1")
    assert refused.value.code == "another_patient"
    with pytest.raises(Conflict, match="another patient"):
        w.result("preliminary", 1, placer="B1", result="R2", study="S")
    assert w.send() == [b"mercy-1|p1|final|R1 final 1|order A1"]


def refused_as_anothers(w, kind: str, version: int, **how) -> bool:
    """Whether a result of Q is refused, and nothing of it is written."""
    before = [w.rows(table) for table in (t.revision, t.suppressed, t.delivery, t.person, t.event)]
    with pytest.raises(Conflict, match="another patient") as refused:
        w.result(kind, version, patient=known_by("Q"), **how)
    after = [w.rows(table) for table in (t.revision, t.suppressed, t.delivery, t.person, t.event)]
    return refused.value.code == "another_patient" and before == after


@pytest.mark.parametrize(
    ("kind", "version", "how"),
    [
        ("corrected", 3, {}),
        ("final", 2, {"result": "R2"}),  # of the same patient it would be a duplicate
        ("preliminary", 1, {}),  # and this one older than what is there
        ("final", 2, {"result": "R2", "placer": "", "pathway": "platform"}),
    ],
)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_result_of_another_patient_is_refused_whatever_would_come_of_it(world, kind, version, how, ordered):
    w = world(FakeHospital(unsolicited=True))
    if ordered:
        w.order("A1", patient=known_by("P"))
    else:
        how = {**how, "placer": ""}
    w.result("final", 2, placer="A1" if ordered else "", study="S", patient=known_by("P", "EHR"))
    assert refused_as_anothers(w, kind, version, study="S", **how)
    assert w.result("corrected", 3, placer="", study="S").outcome == "new", (
        "one that says nobody is the study's patient's"
    )
    assert w.result("corrected", 4, placer="", study="S", patient=known_by("P")).outcome == "new"


def test_an_order_for_another_patient_than_the_result_that_came_before_it_is_refused(world):
    w = world()
    w.result("final", 1, placer="", study="A1", patient=known_by("P"))
    with pytest.raises(Refusal, match="another patient"):
        w.store.write(
            lambda tx: orders.take(
                tx, w.hospital, 0,
                Received(known_by("Q"), ((ReceivedOrder("new", "A1", "", (Name("study", "", "A1"),), b"order A1"),),)),
            )
        )  # fmt: skip
    assert w.rows(t.order_) == []


def test_orders_of_one_patient_are_brought_together_as_before(world):
    w = world()
    w.order("A1", patient=known_by("P"))
    w.order("B1", patient=known_by("P"))
    w.result("final", 1, placer="A1", study="S")
    w.result("final", 1, placer="B1", study="S", result="R2")
    assert len({row["case_id"] for row in w.rows(t.order_)}) == 1


@pytest.mark.parametrize("reused", [False, True])
def test_a_correction_goes_where_its_result_went_however_long_ago_that_was(world, clock, reused):
    w = world(FakeHospital(reuse_after=100 * SECOND))
    w.order("A1", patient=known_by("P"), text=" of P")
    w.result("final", 1)
    w.send()
    clock.pass_(200 * SECOND)
    if reused:
        w.order("A1", patient=known_by("Q"), text=" of Q")
    w.result("corrected", 2)
    assert w.send() == [b"mercy-2|p1|corrected|R1 corrected 2|order A1 of P"]
    if reused:
        w.result("final", 1, result="R2")
        assert w.send() == [b"mercy-3|p1|final|R2 final 1|order A1 of Q"]
