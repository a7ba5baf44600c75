"""Two cases that turn out to be one: whatever both owed or sent keeps its order, goes on, and is answered for, on both databases."""

from __future__ import annotations

import pytest

from segwright.ledger import operate
from segwright.ledger import tables as t
from segwright.ledger.lanes import Known
from tests.ledger.hospital import SECOND, TAKEN, Clock, FakeHospital, World, kinds

WHY = operate.By("ops", "a test")
DOUBT = Known("uncertain", "no answer")
AWAY = Known("not_sent", "nobody listens")


def sent_twice(w: World, *, last: Known) -> None:
    """A final result that went out without an order, and again for its order under another id: two cases. `last`: what became of
    the second."""
    w.result("final", 1, placer="", study="S")
    w.order("A1")
    w.result("final", 1, result="R2")
    held = w.take_hold()
    assert held is not None
    first = w.step(held)
    w.step(held, w.step(held, first, TAKEN), last)


@pytest.mark.parametrize("per", ["order", "group"])
def test_row_28_a_correction_waits_for_a_twin_that_was_sent_by_a_case_which_is_the_same(world, clock, per):
    w = world(FakeHospital(per=per, unsolicited=True))
    sent_twice(w, last=DOUBT)
    w.result("corrected", 2, study="S", result="R2")
    assert [event["what"] for event in w.events("incident")] == ["sent twice"]
    assert {row["case_id"] for row in w.rows(t.delivery)} == {1}
    w.store.write(lambda tx: operate.resume(tx, "mercy", 1, WHY))  # the lane need not wait, only the twin
    assert w.send() == []
    clock.pass_(60 * SECOND)
    assert kinds(w.send()) == ["final", "corrected"]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed"]


@pytest.mark.parametrize("per", ["order", "group"])
def test_row_29_a_twin_whose_fate_is_not_known_is_closed_when_it_was_preliminary(world, clock, per):
    w = world(FakeHospital(per=per, unsolicited=True))
    for number in (1, 2):
        w.result("preliminary", 1, placer="", study=f"S{number}", result=f"R{number}")
    w.send(TAKEN, DOUBT)
    w.result("final", 2, placer="", study="S2", result="R1")
    clock.pass_(60 * SECOND)
    assert kinds(w.send()) == ["final"]
    assert [state for _, state in w.deliveries("kind", "state")] == ["confirmed", "unknown", "confirmed"]


def test_a_twin_that_was_sent_can_be_decided_about_and_withdrawn_after_its_case_became_another(world, clock):
    w = world(FakeHospital(per="group", unsolicited=True, when_uncertain="hold"))
    w.result("final", 1, placer="", study="S1")
    w.result("final", 1, placer="", study="S2", result="R2")
    w.send(TAKEN, DOUBT)
    w.result("corrected", 2, placer="", study="S2", result="R1")
    clock.pass_(60 * SECOND)
    assert w.send() == []
    one, twin, _ = w.deliveries("id")
    w.store.write(lambda tx: operate.decide(tx, w.hospital, twin, "delivered", WHY))
    assert kinds(w.send()) == ["corrected"]
    w.order("A1")
    w.result("withdrawn", 3, study="S1")
    assert kinds(w.send()) == ["withdrawn"]
    assert [w.state(one), w.state(twin)] == ["confirmed", "accepted"]


def test_three_cases_that_all_sent_the_same_become_one(world, clock):
    w = world(FakeHospital(unsolicited=True))
    for number in (1, 2, 3):
        w.result("final", 1, placer="", study=f"S{number}", result=f"R{number}")
    w.send(TAKEN, TAKEN, DOUBT)
    w.result("corrected", 2, placer="", study="S3", result="R2")
    w.result("corrected", 3, placer="", study="S1", result="R2")
    assert len(w.events("incident")) == 3
    clock.pass_(60 * SECOND)
    assert kinds(w.send()) == ["final", "corrected"]
    assert {row["case_id"] for row in w.rows(t.delivery)} == {1}


def tried_in_vain(w: World, clock: Clock, number: int) -> None:
    """The next try comes to nothing: no byte of that delivery left."""
    w.send(AWAY)
    assert w.rows(t.delivery, t.delivery.c.id == number)[0]["tries"] == 1
    w.store.write(lambda tx: operate.hold(tx, w.hospital, number, WHY))
    clock.pass_(60 * SECOND)


def test_of_twins_that_were_tried_and_of_which_no_byte_left_one_goes(world, clock):
    w = world(FakeHospital(unsolicited=True))
    for number in (1, 2):
        w.result("final", 1, placer="", study=f"S{number}", result=f"R{number}")
        tried_in_vain(w, clock, number)
    for study in ("S2", "S1"):
        w.result("preliminary", 1, placer="", study=study, result="R3")
    w.store.write(lambda tx: operate.release(tx, w.hospital, 1, WHY))
    assert w.events("incident") == []
    assert kinds(w.send()) == ["final"]


def test_what_was_tried_and_given_up_is_no_reason_to_give_up_its_twin(world, clock):
    w = world(FakeHospital(unsolicited=True))
    w.result("final", 1, placer="", study="S1")
    w.store.write(lambda tx: operate.hold(tx, w.hospital, 1, WHY))
    w.result("final", 1, placer="", study="S2", result="R2")
    tried_in_vain(w, clock, 2)
    w.store.write(lambda tx: operate.cancel(tx, w.hospital, 2, WHY))
    w.result("preliminary", 1, placer="", study="S2", result="R3")
    w.result("preliminary", 1, placer="", study="S1", result="R3")
    w.store.write(lambda tx: operate.release(tx, w.hospital, 1, WHY))
    assert kinds(w.send()) == ["final"]
    assert w.deliveries("state")[:2] == ["confirmed", "void"]


def test_results_without_an_order_go_on_when_their_cases_become_one_and_no_order_comes(world):
    w = world(FakeHospital(unsolicited=True))
    w.result("final", 1, placer="", study="S1")
    w.result("corrected", 2, placer="", study="S2", result="R2")
    for study in ("S2", "S1"):
        w.result("preliminary", 1, placer="", study=study, result="R3")
    assert kinds(w.send())[-1] == "corrected"
    assert "held" not in w.deliveries("state")
