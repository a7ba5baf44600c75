"""Two cases that turn out to be one: whatever both owed or sent keeps its order, goes on, and is answered for, on both databases."""

from __future__ import annotations

import pytest

from segwright.ledger import operate, orders
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


def test_row_27_a_twin_that_goes_again_leaves_out_the_order_that_was_cancelled_while_it_was_in_flight(world, clock):
    w = world(FakeHospital(per="group", unsolicited=True))
    for number in (1, 2):
        w.result("preliminary", 1, placer="", study=f"S{number}", result=f"R{number}")
    w.send(TAKEN, Known("rejected", "AE"))
    w.order("A", group=2)
    for study in ("S1", "S2"):
        w.result("preliminary", 1, placer="A.1", study=study, result="R1")
    _, twin = w.deliveries("id")
    assert w.rows(t.delivery)[1]["part"] < 0
    w.store.write(lambda tx: operate.resend(tx, w.hospital, twin, WHY))
    held = w.take_hold()
    attempt = w.step(held)
    assert b"order A.2" in attempt.body
    w.order("A.2", "cancel")
    w.step(held, attempt, AWAY)
    clock.pass_(60 * SECOND)
    (sent,) = w.send()
    assert b"order A.1" in sent
    assert b"order A.2" not in sent


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


@pytest.mark.parametrize("by", ["order", "result"])
def test_when_an_order_or_a_result_makes_two_cases_one_nothing_waits_for_nothing(world, by):
    w = world(FakeHospital(per="group", status=True))
    for placer in ("A1", "B1"):
        w.order(placer)
        w.send()
        w.result("final", 1, placer=placer, result=f"R{placer}")
        if placer == "A1":
            w.send()
    second = w.rows(t.order_, t.order_.c.placer == "B1")[0]
    w.store.write(lambda tx: orders.happened(tx, w.hospital, second["case_id"], second["part"], "in_progress"))
    assert w.deliveries("state")[-1] == "waiting"
    for placer in ("A1", "B1"):
        if by == "order":
            w.order(placer, filler="F")
        else:
            w.result("preliminary", 1, placer=placer, result="R3", study="S")
    assert kinds(w.send()) == ["in_progress"]


# --- orders that come after the result -------------------------------------------------------------------------------------------


def test_an_order_that_comes_to_a_study_after_its_result_is_answered(world):
    w = world(FakeHospital(status=True))
    w.order("A1", filler="F")
    w.result("final", 1)
    w.send()
    w.order("B1", filler="F")
    assert w.send() == [
        b"mercy-4|p1|accepted|" + w.rows(t.occurrence)[2]["document"] + b"|order B1",
        b"mercy-5|p1|final|R1 final 1|order B1",
        b"mercy-6|p1|completed|" + w.rows(t.occurrence)[3]["document"] + b"|order B1",
    ]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed", "completed"]
    assert w.rows(t.case_)[0]["closed_at"] > 0
    taken = w.result("final", 1, placer="B1")
    assert (taken.outcome, len(taken.deliveries)) == ("duplicate", 2)


def test_it_is_answered_by_what_stands(world):
    w = world(FakeHospital(unsent_final="as final"))
    w.order("A1", filler="F")
    w.result("preliminary", 1)
    w.result("final", 2)
    w.send()
    w.result("corrected", 3)
    w.send()
    w.order("B1", filler="F")
    assert kinds(w.send()) == ["final"], "the correction, to whom nothing was sent before"
    w.result("withdrawn", 4)
    assert kinds(w.send()) == ["withdrawn", "withdrawn"]
    w.order("C1", filler="F")
    assert w.send() == []


def test_it_is_answered_by_a_final_result_and_not_by_a_preliminary_one_of_a_higher_version(world):
    w = world()
    w.order("A1", filler="F")
    w.result("preliminary", 2, result="R0")
    w.result("final", 1)
    w.send()
    w.order("B1", filler="F")
    assert kinds(w.send()) == ["final"]


def test_it_waits_for_the_signature_that_the_result_waits_for(world):
    w = world(FakeHospital(gates={"preliminary": "yes", "final": "after sign-off"}))
    w.order("A1", filler="F")
    w.result("preliminary", 1)
    w.result("final", 2)
    w.send()
    w.order("B1", filler="F")
    assert w.send() == [b"mercy-2|p1|preliminary|R1 preliminary 1|order B1"]
    w.sign()
    assert kinds(w.send()) == ["final", "final"]
    w.order("C1", filler="F")
    assert kinds(w.send()) == ["final"], "it was signed"
    assert {row["state"] for row in w.rows(t.order_)} == {"completed"}


def test_what_answers_all_orders_covers_one_that_comes_before_it_left(world):
    w = world(FakeHospital(per="group"))
    w.order("A1", filler="F")
    w.result("final", 1)
    w.order("B1", filler="F")
    assert w.send() == [b"mercy-2|p1|final|R1 final 1|order A1|order B1"]
    assert w.events("incident") == []


def test_an_order_that_comes_after_what_answers_all_has_left_is_for_people(world):
    w = world(FakeHospital(per="group"))
    w.order("A1", filler="F")
    w.result("final", 1)
    w.send()
    w.order("B1", filler="F")
    assert w.send() == [], "the hospital would have it twice"
    (event,) = w.events("incident")
    assert (event["what"], event["delivery_id"]) == ("sent before an order came that it answers", w.deliveries("id")[0])
    w.store.write(lambda tx: operate.resend(tx, w.hospital, event["delivery_id"], WHY, as_new=True, confirmed=True))
    assert w.send() == [b"mercy-2|p1|final|R1 final 1|order A1|order B1"]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed", "completed"]


def test_an_order_that_comes_while_what_answers_all_is_in_flight_is_not_completed_by_it(world, clock):
    w = world(FakeHospital(per="group", status=True))
    w.order("A1", filler="F")
    w.result("final", 1)
    assert kinds(w.send(TAKEN, DOUBT)) == ["accepted", "final"]
    clock.pass_(SECOND)
    w.order("B1", filler="F")
    clock.pass_(3600 * SECOND)
    assert "final" in kinds(w.send())
    assert [(row["placer"], row["state"]) for row in w.rows(t.order_)] == [("A1", "completed"), ("B1", "open")]
    (event,) = w.events("incident")
    w.store.write(lambda tx: operate.resend(tx, w.hospital, event["delivery_id"], WHY, as_new=True, confirmed=True))
    assert kinds(w.send())[-2:] == ["final", "completed"]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed", "completed"]


@pytest.mark.parametrize("per", ["order", "group"])
def test_an_order_that_comes_after_a_result_without_one_was_filed_is_for_people(world, per):
    w = world(FakeHospital(unsolicited=True, per=per))
    w.result("final", 1, placer="", study="S7", pathway="platform")
    assert w.send() == [b"mercy-1|p1|final|R1 final 1"]
    w.order()
    w.result("final", 1, study="S7")  # names both: the cases are one
    assert w.send() == [], "the hospital would have it twice"
    (event,) = w.events("incident")
    assert (event["what"], event["delivery_id"]) == ("sent before an order came that it answers", w.deliveries("id")[0])
    w.store.write(lambda tx: operate.resend(tx, w.hospital, event["delivery_id"], WHY, as_new=True, confirmed=True))
    assert w.send() == [b"mercy-2|p1|final|R1 final 1|order A1"]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed"]


def test_an_order_that_names_the_study_of_a_result_that_was_filed_without_one_is_for_people(world):
    w = world(FakeHospital(unsolicited=True))
    w.result("final", 1, placer="", study="S7", pathway="platform")
    w.send()
    w.order(filler="S7", kind="study")
    assert w.send() == []
    assert [event["what"] for event in w.events("incident")] == ["sent before an order came that it answers"]


def test_what_was_void_because_all_its_orders_were_cancelled_answers_one_that_comes(world):
    w = world(FakeHospital(per="group"))
    w.order("A1", filler="F")
    w.result("final", 1)
    w.order("A1", "cancel")
    assert w.send() == []
    w.order("B1", filler="F")
    assert w.send() == [b"mercy-2|p1|final|R1 final 1|order B1"]


def test_an_order_whose_case_becomes_one_with_that_of_a_result_is_answered(world):
    w = world()
    w.order("A1")
    w.result("final", 1)
    w.order("B1")
    w.send()
    w.order("A1", filler="F")
    w.order("B1", filler="F")
    assert w.send() == [b"mercy-2|p1|final|R1 final 1|order B1"]


def test_each_order_has_its_own_answer_though_their_studies_turn_out_to_be_one(world):
    w = world()
    for placer in ("A1", "B1"):
        w.order(placer)
        w.result("final", 1, placer=placer, result=f"R{placer}")
    w.order("A1", filler="F")
    w.order("B1", filler="F")
    assert len(w.send()) == 2
    assert [row["state"] for row in w.rows(t.order_)] == ["completed", "completed"]


def test_an_order_whose_answer_cannot_be_written_is_taken(world):
    w = world()
    w.order("A1", filler="F")
    w.result("final", 1)
    w.send()
    w.hospital.broken.add("p1")
    w.order("B1", filler="F")
    assert [event["why"] for event in w.events("not enqueued")] == [["PID-3: missing"]]
    assert [row["state"] for row in w.rows(t.order_)] == ["completed", "open"]
