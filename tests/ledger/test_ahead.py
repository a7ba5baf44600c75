"""An application acknowledgement that is here before the accept acknowledgement's outcome is written down: both come within one
packet on one connection, or the second overtakes on another."""

from __future__ import annotations

import pytest

from segwright.ledger import lanes, operate
from segwright.ledger import tables as t
from segwright.ledger.lanes import Answer, Known
from tests.ledger.hospital import FakeHospital

TAKEN = Known("accepted", "CA", "CA", b"MSA|CA")
DOUBT = Known("uncertain", "answer too slow")


def _in_flight(world, outcome: Answer, code: str):
    w = world(FakeHospital(awaits_application=True))
    w.order()
    w.result("final")
    held = w.take_hold("w1")
    attempt = w.step(held)
    w.store.write(
        lambda tx: lanes.answered_elsewhere(tx, w.hospital, attempt.control_id, outcome, code, code, code.encode())
    )
    return w, held, attempt


def test_a_confirmation_that_overtakes_the_accept_acknowledgement_is_not_forgotten(world):
    w, held, attempt = _in_flight(world, "confirmed", "AA")
    w.step(held, attempt, TAKEN)
    assert w.deliveries("state") == ["confirmed"]
    assert w.rows(t.delivery)[0]["due_at"] == 0


def test_a_refusal_that_overtakes_the_accept_acknowledgement_is_not_forgotten(world):
    w, held, attempt = _in_flight(world, "rejected", "AE")
    w.step(held, attempt, TAKEN)
    assert w.deliveries("state") == ["rejected"]


def test_a_confirmation_that_came_while_the_try_ended_in_doubt_ends_the_doubt(world):
    w, held, attempt = _in_flight(world, "confirmed", "AA")
    assert w.step(held, attempt, DOUBT) is None
    assert w.deliveries("state") == ["confirmed"]


def test_a_confirmation_that_came_while_the_sender_died_ends_the_doubt(world, clock):
    w, _, _ = _in_flight(world, "confirmed", "AA")
    clock.pass_(10**7)
    again = w.take_hold("w2")
    assert w.deliveries("state") == ["confirmed"]
    assert w.step(again) is None


def test_what_was_refused_and_is_confirmed_after_all_was_filed(world):
    w, held, attempt = _in_flight(world, "rejected", "AE")
    w.step(held, attempt, TAKEN)

    def note(code: str, outcome: Answer) -> None:
        w.store.write(lambda tx: lanes.answered_elsewhere(tx, w.hospital, attempt.control_id, outcome, code, code, b""))

    note("AA", "confirmed")
    assert w.deliveries("state") == ["confirmed"]
    note("AE", "rejected")
    assert w.deliveries("state") == ["confirmed"]


def test_what_was_refused_and_is_found_filed_can_be_decided_and_lets_the_next_one_go(world):
    w = world(FakeHospital(status=True))
    w.order()
    (number,) = w.deliveries("id")
    w.send(Known("rejected", "AE", "AE", b"MSA|AE"))
    by = operate.By("ops", "it is in their chart")
    for wrong in ("not delivered", "send newer"):
        with pytest.raises(operate.Impossible, match="rejected"):
            w.store.write(lambda tx, wrong=wrong: operate.decide(tx, w.hospital, number, wrong, by))
    w.result("final")
    assert w.send() == []
    w.store.write(lambda tx: operate.decide(tx, w.hospital, number, "delivered", by))
    assert w.deliveries("state")[0] == "accepted"
    assert len(w.send()) == 2  # the result, and that the order is completed
