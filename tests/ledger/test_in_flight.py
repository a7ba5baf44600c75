"""What happens while a message is in flight, and what its outcome means then; what is refused again and again, or after a doubt."""

from __future__ import annotations

import pytest

from segwright.ledger import lanes, operate
from segwright.ledger import tables as t
from segwright.ledger.lanes import Known
from segwright.ledger.operate import By, Impossible
from segwright.ledger.orders import Refusal
from tests.ledger.hospital import SECOND, TAKEN, FakeHospital, kinds

BY = By("ops", "because")
NOT_SENT = Known("not_sent", "no connection")
LATER = Known("refused_for_now", "AE; 207 Application internal error", "AE", b"MSA|AE")
STOPPED = Known("misconfigured", "AR", "AR", b"MSA|AR")
DOUBT = Known("uncertain", "answer too slow")
REFUSED = Known("rejected", "AE; refused as a duplicate: the earlier try may have been filed", "AE", b"MSA|AE")
HOUR = 3600 * SECOND


# --- refused after a doubt --------------------------------------------------------------------------------------------------


def _refused_after_a_doubt(world, clock, **policy):
    w = world(FakeHospital(**policy))
    w.order()
    w.result("final")
    w.send(DOUBT)
    clock.pass_(HOUR // 2)
    w.send(REFUSED)
    assert w.deliveries("state") == ["rejected"]
    return w


def test_row_31_what_was_refused_after_a_doubt_may_have_been_filed_and_can_be_withdrawn(world, clock):
    w = _refused_after_a_doubt(world, clock)
    w.result("withdrawn", 2)
    clock.pass_(HOUR)
    assert kinds(w.send()) == ["withdrawn"]
    assert w.deliveries("kind", "state") == [("final", "unknown"), ("withdrawn", "confirmed")]


def test_row_28_what_was_refused_after_a_doubt_is_followed_by_a_correction_and_not_by_a_second_final(world, clock):
    w = _refused_after_a_doubt(world, clock, unsent_final="as final")
    w.result("corrected", 2)
    clock.pass_(HOUR)
    assert kinds(w.send()) == ["corrected"]


def test_row_27_an_order_whose_result_was_refused_after_a_doubt_cannot_be_cancelled(world, clock):
    w = _refused_after_a_doubt(world, clock)
    with pytest.raises(Refusal) as refused:
        w.order("A1", "cancel")
    assert refused.value.code == "too_late"


def test_row_47_what_was_refused_after_a_doubt_is_sent_again_only_when_that_is_confirmed(world, clock):
    w = _refused_after_a_doubt(world, clock)
    (number,) = w.deliveries("id")
    with pytest.raises(
        Impossible, match="rejected after a try that is in doubt: as a new message it may be filed twice"
    ):
        w.store.write(lambda tx: operate.resend(tx, w.hospital, number, BY))
    w.store.write(lambda tx: operate.resend(tx, w.hospital, number, BY, as_new=True, confirmed=True))
    assert kinds(w.send()) == ["final"]


def test_row_27_what_was_not_delivered_after_all_leaves_out_the_order_that_was_cancelled_meanwhile(world, clock):
    w = world(FakeHospital(per="group", when_uncertain="hold"))
    w.order("G", group=2)
    w.result("preliminary", 1, placer="G.1")
    w.send(DOUBT)
    (number,) = w.deliveries("id")
    w.order("G.2", "cancel")
    w.store.write(lambda tx: operate.decide(tx, w.hospital, number, "not delivered", BY))
    clock.pass_(HOUR)
    assert w.send() == [b"mercy-2|p1|preliminary|R1 preliminary 1|order G.1"]


@pytest.mark.parametrize("tries", [1, 2])
def test_row_4_a_refusal_that_comes_later_says_what_became_of_one_try(world, clock, tries):
    """Of the only one: then nothing was filed. Of one of two: the other may have been."""
    w = world()
    w.order()
    w.result("final")
    for _ in range(tries):
        w.send(DOUBT)
        clock.pass_(60 * SECOND)
    w.store.write(lambda tx: lanes.answered_elsewhere(tx, w.hospital, "mercy-1", "rejected", "AE", "AE", b"MSA|AE"))
    w.result("withdrawn", 2)
    assert kinds(w.send()) == ([] if tries == 1 else ["withdrawn"])
    assert w.deliveries("state")[0] == ("void" if tries == 1 else "unknown")


# --- something newer, while it was in flight --------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [NOT_SENT, LATER, STOPPED], ids=lambda known: known.outcome)
@pytest.mark.parametrize(("newer", "goes"), [("corrected", ["corrected"]), ("withdrawn", [])])
def test_row_28_what_turns_out_not_to_have_left_is_void_when_something_newer_came_meanwhile(
    world, clock, outcome, newer, goes
):
    w = world()
    w.order()
    w.result("final")
    held = w.take_hold()
    attempt = w.step(held)
    w.result(newer, 2)
    w.step(held, attempt, outcome)
    assert w.deliveries("state")[0] == "void"
    clock.pass_(HOUR)
    w.store.write(lambda tx: operate.resume(tx, "mercy", 1, BY))
    assert kinds(w.send()) == goes


def test_row_29_a_preliminary_that_was_not_sent_this_time_and_is_in_doubt_is_closed_for_the_final(world, clock):
    w = world()
    w.order()
    w.result("preliminary")
    w.send(DOUBT)
    clock.pass_(60 * SECOND)
    held = w.take_hold()
    attempt = w.step(held)
    w.result("final", 2)
    w.step(held, attempt, NOT_SENT)
    clock.pass_(HOUR)
    assert kinds(w.send()) == ["final"]
    assert w.deliveries("state") == ["unknown", "confirmed"]


# --- an order cancelled, while its message was in flight --------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [NOT_SENT, LATER], ids=lambda known: known.outcome)
def test_row_27_a_preliminary_that_turns_out_not_to_have_left_its_order_cancelled_is_void_and_keeps_nothing_waiting(
    world, clock, outcome
):
    w = world(FakeHospital(status=True))
    w.order()
    w.send()
    w.result("preliminary")
    held = w.take_hold()
    attempt = w.step(held)
    w.order("A1", "cancel")
    w.step(held, attempt, outcome)
    clock.pass_(HOUR)
    assert kinds(w.send()) == ["cancelled"]
    assert w.deliveries("kind", "state", "reason")[1:] == [
        ("preliminary", "void", "the order was cancelled"),
        ("cancelled", "confirmed", ""),
    ]


@pytest.mark.parametrize("outcome", [NOT_SENT, LATER, DOUBT], ids=lambda known: known.outcome)
def test_row_27_a_message_for_a_group_leaves_out_the_order_that_was_cancelled_while_it_was_in_flight(
    world, clock, outcome
):
    """Unless it may have arrived: then only the same bytes may go again."""
    w = world(FakeHospital(per="group"))
    w.order("A", group=2)
    w.result("preliminary", placer="A.1")
    held = w.take_hold()
    attempt = w.step(held)
    w.order("A.2", "cancel")
    w.step(held, attempt, outcome)
    clock.pass_(HOUR)
    (sent,) = w.send()
    if outcome is DOUBT:
        assert sent == attempt.body
    else:
        assert b"order A.1" in sent
        assert b"order A.2" not in sent


# --- refused for now, again and again ---------------------------------------------------------------------------------------


def _refusing(w, clock, text: bytes, *, rounds: int, every: int = 30 * SECOND) -> list[bytes]:
    """Sends what is due, so often; what holds this text is refused for now. Gives what was on the wire."""
    wire = []
    for _ in range(rounds):
        while (held := w.take_hold()) is not None:
            attempt = w.step(held)
            while attempt is not None:
                wire.append(attempt.body)
                attempt = w.step(held, attempt, LATER if text in attempt.body else TAKEN)
        clock.pass_(every)
    return wire


def test_row_10_what_is_refused_for_now_again_and_again_keeps_only_its_own_chain_waiting(world, clock):
    w = world()
    for placer in ("A1", "B1"):
        w.order(placer)
        w.result("final", placer=placer, result=f"R{placer}")
        clock.pass_(1)
    wire = _refusing(w, clock, b"order A1", rounds=20, every=SECOND)
    assert w.deliveries("state") == ["ready", "confirmed"]
    assert [b"order A1" in body for body in wire[: lanes.PATIENCE + 1]] == [True] * lanes.PATIENCE + [False]
    assert len({body for body in wire if b"order A1" in body}) == 1
    w.result("corrected", 2, placer="A1", result="RA1")  # in its place, and not past it
    assert w.deliveries("state") == ["void", "confirmed", "ready"]


def test_row_10_what_is_refused_for_now_for_as_long_as_was_agreed_is_rejected_and_people_are_told(world, clock):
    w = world(FakeHospital(budget=HOUR))
    w.order()
    w.result("final")
    clock.pass_(2 * HOUR)  # of which nothing counts: it was not refused yet
    assert w.send(NOT_SENT) == []
    clock.pass_(2 * HOUR)
    _refusing(w, clock, b"order A1", rounds=100)
    assert w.deliveries("state") == ["ready"]
    _refusing(w, clock, b"order A1", rounds=30)
    assert w.deliveries("state", "reason") == [("rejected", f"{LATER.detail}; for as long as was agreed")]
    assert [event["why"] for event in w.events("rejected")] == [f"{LATER.detail}; for as long as was agreed"]
    w.store.write(lambda tx: operate.resend(tx, w.hospital, w.rows(t.delivery)[0]["id"], BY))
    assert kinds(w.send()) == ["final"]
    assert w.deliveries("state") == ["confirmed"]
