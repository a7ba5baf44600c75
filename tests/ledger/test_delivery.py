"""What is owed, in which order it goes, and what a newer revision does to an older one. Rows are those of delivery.md, section 3."""

from __future__ import annotations

from typing import Any

import pytest

from segwright.delivery.desk import LARGEST_VERSION
from segwright.ledger import lanes, operate, orders, results, views
from segwright.ledger import tables as t
from segwright.ledger.chain import UNSIGNED
from segwright.ledger.hospital import Gate, NotWritten, Owed
from segwright.ledger.lanes import Known, Lost
from segwright.ledger.operate import By, Impossible
from segwright.ledger.results import Conflict
from tests.ledger.hospital import LEASE, SECOND, TAKEN, FakeHospital, kinds

SIGNED: dict[str, Gate] = {
    "preliminary": "yes",
    "final": "after sign-off",
    "corrected": "after sign-off",
    "withdrawn": "after sign-off",
}
REFUSED = Known("rejected", "AE", "AE", b"MSA|AE")
DOUBT = Known("uncertain", "answer too slow")
NOT_SENT = Known("not_sent", "no connection")
WHY = By("ops", "a test")


def test_a_result_is_enqueued_built_sent_and_accounted_for(world):
    w = world()
    w.order()
    w.result("final")
    assert w.send() == [b"mercy-1|p1|final|R1 final 1|order A1"]
    assert w.deliveries() == [("result", "final", 1, "confirmed")]
    assert [event["kind"] for event in w.rows(t.event)].count("attempt") == 1


def test_row_1_what_was_enqueued_before_a_crash_is_sent_once_after_it(world):
    w = world()
    w.order()
    w.result("final")
    assert len(w.send()) == 1
    assert w.send() == []


def test_row_2_an_open_attempt_of_a_dead_sender_is_uncertain_and_the_same_bytes_go_again(world, clock):
    w = world()
    w.order()
    w.result("final")
    held = w.take_hold("w1")
    first = w.step(held)
    clock.pass_(LEASE + 1)  # the sender died
    again = w.take_hold("w2")
    second = w.step(again)
    assert (second.body, second.control_id, second.again) == (first.body, first.control_id, True)
    assert not first.again
    assert [attempt["outcome"] for attempt in w.rows(t.attempt)] == ["uncertain", ""]
    assert len(w.rows(t.build)) == 1


def test_row_2_with_hold_a_person_decides_and_nothing_is_repeated(world, clock):
    w = world(FakeHospital(when_uncertain="hold"))
    w.order()
    w.result("final")
    assert len(w.send(DOUBT)) == 1
    clock.pass_(24 * 3600 * SECOND)
    assert w.send() == []
    assert w.deliveries("state") == ["needs_decision"]


def test_row_4_an_answer_that_comes_later_is_kept_with_its_attempt(world):
    w = world()
    w.order()
    w.result("final")
    w.send(DOUBT)
    noted = w.store.write(
        lambda tx: lanes.answered_elsewhere(tx, w.hospital, "mercy-1", "confirmed", "AA", "AA", b"late")
    )
    assert noted == w.deliveries("id")[0]
    assert w.deliveries("state") == ["confirmed"]
    assert [(answer["code"], answer["how"]) for answer in w.rows(t.answer)] == [("AA", "elsewhere")]
    assert w.send() == []


def test_row_8_an_answer_to_nothing_of_ours_is_not_taken_for_one(world):
    w = world()
    assert w.store.write(lambda tx: lanes.answered_elsewhere(tx, w.hospital, "X", "confirmed", "AA", "AA", b"")) == 0


def test_row_9_taken_but_never_confirmed_is_reported_once_and_not_sent_again(world, clock):
    w = world(FakeHospital(awaits_application=True, application_within=60 * SECOND))
    w.order()
    w.result("final")
    w.send(Known("accepted", "CA", "CA", b"MSA|CA"))
    assert w.deliveries("state") == ["accepted"]
    clock.pass_(61 * SECOND)
    assert len(w.store.write(lanes.unconfirmed)) == 1
    assert w.store.write(lanes.unconfirmed) == []
    assert w.send() == []


def test_row_10_a_refused_message_stops_its_chain_and_a_mended_mapping_makes_a_new_build(world):
    w = world(FakeHospital(status=True))
    w.order()
    w.send()
    w.result("final")
    w.send(REFUSED)
    assert w.deliveries("state")[-1] == "rejected"
    w.hospital.plan = "p2"
    w.store.write(lambda tx: operate.resend(tx, w.hospital, w.deliveries("id")[-1], WHY))
    wire = w.send()
    assert wire[0].startswith(b"mercy-3|p2|final")
    assert [build["live"] for build in w.rows(t.build, t.build.c.delivery_id == w.deliveries("id")[1])] == [False, True]
    assert ("result", "final", 1, "confirmed") in w.deliveries()


def test_row_11_a_lane_that_is_misconfigured_stops_until_somebody_resumes_it(world):
    w = world()
    w.order()
    w.result("final")
    w.send(Known("misconfigured", "AR 203"))
    assert w.send() == []
    assert w.rows(t.lane)[0]["paused"] == "AR 203"
    w.store.write(lambda tx: operate.resume(tx, "mercy", 1, WHY))
    assert len(w.send()) == 1


def test_row_12_garbage_again_and_again_stops_the_lane(world, clock):
    w = world()
    w.order()
    w.result("final")
    for _ in range(lanes.PATIENCE):
        w.send(Known("uncertain", "foreign answer", strange=True))
        clock.pass_(61 * SECOND)
    assert "foreign answer" in w.rows(t.lane)[0]["paused"]
    assert w.send() == []


def test_row_27_an_order_that_is_cancelled_takes_what_has_not_left_with_it(world):
    w = world()
    w.order()
    w.result("final")
    w.order(control="cancel")
    assert w.send() == []
    assert w.deliveries("state", "reason") == [("void", "the order was cancelled")]


def test_row_27_an_order_whose_result_has_left_cannot_be_cancelled(world):
    w = world()
    w.order()
    w.result("final")
    w.send()
    with pytest.raises(orders.Refusal, match="has been sent"):
        w.order(control="cancel")
    assert w.rows(t.order_)[0]["state"] == "completed"


def test_row_27_nor_one_whose_result_is_on_the_wire(world):
    w = world()
    w.order()
    w.result("final")
    w.step(w.take_hold())
    with pytest.raises(orders.Refusal):
        w.order(control="cancel")


def test_row_28_a_correction_waits_for_the_fate_of_the_final(world, clock):
    w = world()
    w.order()
    w.result("final", 1)
    w.send(DOUBT)
    w.result("corrected", 2)
    assert w.deliveries("state") == ["uncertain", "waiting"]
    clock.pass_(61 * SECOND)
    assert kinds(w.send()) == ["final", "corrected"]


def test_row_28_after_the_budget_a_person_decides_in_three_ways(world, clock):
    for decision, expected in (
        ("delivered", ["corrected"]), ("not delivered", ["final"]), ("send newer", ["corrected"]),
    ):  # fmt: skip
        w = world(FakeHospital(org=f"h{decision[:4].strip()}", budget=10 * SECOND, unsent_final="as final"))
        w.order()
        w.result("final", 1)
        w.send(DOUBT)
        w.result("corrected", 2)
        clock.pass_(11 * SECOND)
        w.send(DOUBT)
        assert w.deliveries("state") == ["needs_decision", "waiting"], decision
        clock.pass_(61 * SECOND)
        assert w.send() == []
        first = w.deliveries("id")[0]
        w.store.write(lambda tx, w=w, d=decision, f=first: operate.decide(tx, w.hospital, f, d, WHY))
        assert kinds(w.send()) == expected, decision


def test_row_29_an_unsent_preliminary_never_follows_the_final(world):
    w = world()
    w.order()
    w.result("preliminary", 1)
    w.result("final", 2)
    assert kinds(w.send()) == ["final"]
    assert w.deliveries("state", "reason")[0] == ("void", "superseded by final 2")


def test_row_29_an_uncertain_preliminary_is_closed_and_the_final_goes(world):
    w = world()
    w.order()
    w.result("preliminary", 1)
    w.send(DOUBT)
    w.result("final", 2)
    assert w.deliveries("state") == ["unknown", "ready"]


def test_row_29_a_preliminary_that_turns_uncertain_behind_the_finals_back_is_closed_too(world):
    w = world()
    w.order()
    w.result("preliminary", 1)
    held = w.take_hold()
    attempt = w.step(held)
    w.result("final", 2)
    assert w.deliveries("state") == ["sending", "waiting"]
    w.step(held, attempt, DOUBT)
    assert w.deliveries("state") == ["unknown", "ready"]


@pytest.mark.parametrize("by", ["version", "upload", "another result"])
@pytest.mark.parametrize("sent", [False, True])
def test_row_29_a_preliminary_of_whatever_version_does_nothing_to_a_final(world, by, sent):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("preliminary", 1)
    w.sign()
    wire = w.send() if sent else []
    how: dict[str, Any] = {"version": {"version": 2}, "upload": {"version": 0, "pathway": "upload", "text": "!"}}
    taken = w.result("preliminary", **how.get(by, {"version": 2, "result": "R2"}))
    assert (taken.outcome, taken.deliveries, taken.reason) == ("stale", (), "final 1 of the study is there")
    assert [row["reason"] for row in w.rows(t.suppressed)] == ["stale: final 1 of the study is there"]
    assert kinds(wire + w.send()) == ["final"]
    assert [(row["result_id"], row["state"]) for row in w.rows(t.study)] == [("R1", "signed")]
    w.sign(act="amend")
    assert kinds(w.send()) == ["corrected"]


@pytest.mark.parametrize("sent", [False, True])
def test_row_29_nor_when_two_cases_become_one(world, sent):
    w = world(FakeHospital(unsolicited=True))
    w.order()
    w.result("final", 1)
    wire = w.send() if sent else []
    w.result("preliminary", 3, placer="", study="S", result="R2")
    w.result("final", 1, study="S")  # a duplicate, which names both
    assert kinds(wire + w.send()) == ["final"]
    assert ("preliminary", "void") in w.deliveries("kind", "state")


def test_row_29_a_final_goes_out_although_another_pathway_brought_a_preliminary_of_a_higher_version(world):
    w = world()
    w.order()
    w.result("preliminary", 2, result="U1", pathway="upload")
    w.result("final", 1)
    assert kinds(w.send()) == ["final"]


def test_row_30_a_signature_that_is_taken_back_stops_what_has_not_left(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    assert w.deliveries("state", "reason") == [("held", UNSIGNED)]
    w.sign()
    w.store.write(lambda tx: results.withdraw_signature(tx, w.hospital, "R1", "dr", "looked at the wrong study"))
    assert w.send() == []
    assert w.deliveries("state", "reason") == [("held", UNSIGNED)]
    w.sign()
    assert len(w.send()) == 1


def test_row_31_a_signature_that_is_taken_back_after_sending_names_what_left(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    w.sign()
    w.send()
    left = w.store.write(lambda tx: results.withdraw_signature(tx, w.hospital, "R1", "dr", "wrong patient"))
    assert left == tuple(w.deliveries("id"))


def test_a_withdrawal_is_signed_and_follows_the_final(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    w.sign()
    w.send()
    w.sign(act="withdraw")
    assert kinds(w.send()) == ["withdrawn"]
    with pytest.raises(Conflict, match="withdrawn"):
        w.sign(act="amend")


def test_an_amendment_is_a_correction_and_only_of_what_is_signed(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    with pytest.raises(Conflict, match="not signed"):
        w.sign(act="amend")
    w.sign()
    w.send()
    assert w.sign(act="amend").version == 2
    assert kinds(w.send()) == ["corrected"]


def test_signing_a_preliminary_makes_the_final(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("preliminary", 1)
    w.send()
    w.sign()
    assert kinds(w.send()) == ["final"]
    assert w.deliveries() == [("result", "preliminary", 1, "confirmed"), ("result", "final", 1, "confirmed")]
    with pytest.raises(Conflict, match="signed already"):
        w.sign()


def test_a_signature_holds_only_for_what_was_shown(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    token = w.store.read(lambda tx: results.shown(tx, w.hospital, "R1")).token
    w.hospital.plan = "p2"
    with pytest.raises(Conflict, match="changed after they were shown"):
        w.store.write(lambda tx: results.sign(tx, w.hospital, "sign", "R1", token, b"d", "c", "dr"))
    assert w.deliveries("state") == ["held"]


def test_row_32_the_same_result_by_another_pathway_is_suppressed_and_recorded(world):
    w = world()
    w.order()
    first = w.result("final", 1)
    second = w.result("final", 1, pathway="platform")
    third = w.result("final", 1, result="U9", pathway="upload")  # another id, the same event of the same study
    assert (second.outcome, second.deliveries) == ("duplicate", first.deliveries)
    assert third.outcome == "duplicate"
    assert [(row["pathway"], row["delivery_id"]) for row in w.rows(t.suppressed)] == [
        ("platform", first.deliveries[0]), ("upload", first.deliveries[0]),
    ]  # fmt: skip
    assert len(w.send()) == 1


def test_versions_are_the_sources(world):
    w = world()
    w.order()
    w.result("preliminary", 2)
    with pytest.raises(Conflict, match="another content"):
        w.result("preliminary", 2, text="!")
    assert w.result("preliminary", 1).outcome == "stale"
    w.result("final", 3)
    with pytest.raises(Conflict, match="a correction"):
        w.result("final", 4)
    assert w.result("corrected", 4).outcome == "new"


def test_an_upload_without_a_version_takes_the_next_and_twins_are_known_by_content(world):
    w = world()
    w.order()
    assert w.result("preliminary", 0, pathway="upload").version == 1
    assert w.result("preliminary", 0, pathway="upload").outcome == "duplicate"
    assert w.result("preliminary", 0, pathway="upload", text="!").version == 2


def test_a_result_of_the_largest_version_can_be_amended_and_withdrawn(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", LARGEST_VERSION)
    w.sign()
    w.send()
    assert w.sign(act="amend").version == LARGEST_VERSION + 1
    assert w.sign(act="withdraw").version == LARGEST_VERSION + 2
    assert kinds(w.send()) == ["withdrawn"]


def test_row_34_a_kind_that_is_stopped_is_held_when_its_turn_comes(world):
    w = world()
    w.order()
    w.result("final", 1)
    w.store.write(lambda tx: operate.stop(tx, "mercy", "kind", "result/final", WHY))
    assert w.send() == []
    assert w.deliveries("state", "reason") == [("held", "this kind is stopped")]
    w.store.write(lambda tx: operate.allow(tx, "mercy", "kind", "result/final", WHY))
    assert w.send() == []  # each one is asked about
    w.store.write(lambda tx: operate.release(tx, w.hospital, w.deliveries("id")[0], WHY))
    assert len(w.send()) == 1


def test_what_is_queued_goes_on_under_another_plan_unless_its_own_was_revoked(world):
    w = world()
    for number, plan in enumerate(("lapsed", "revoked")):
        w.hospital.plan = plan
        w.order(f"A{number}")
        w.result("final", 1, placer=f"A{number}", result=f"R{number}")
    w.hospital.plan = "approved by now"
    w.store.write(
        lambda tx: tx.insert_new(
            t.stop, org="mercy", what="plan", name="revoked", reason="its approval was taken back", actor="x", at=tx.now
        )
    )
    (sent,) = w.send()
    assert b"|lapsed|" in sent
    assert w.deliveries("state", "reason")[1] == ("held", "its plan was revoked")


def test_row_35_only_one_holds_a_lane(world):
    w = world()
    w.order()
    w.result("final", 1)
    assert w.take_hold("w1") is not None
    assert w.take_hold("w2") is None


def test_row_36_what_a_holder_writes_after_its_lease_is_refused(world, clock):
    w = world()
    w.order()
    w.result("final", 1)
    held = w.take_hold("w1")
    attempt = w.step(held)
    clock.pass_(LEASE + 1)
    other = w.take_hold("w2")
    with pytest.raises(Lost):
        w.step(held, attempt, TAKEN)
    assert w.step(other).again


def test_row_37_a_clock_that_goes_back_shortens_no_lease(world, clock):
    w = world()
    w.order()
    w.result("final", 1)
    held = w.take_hold("w1")
    w.step(held)
    clock.pass_(-3600 * SECOND)
    assert w.take_hold("w2") is None


def test_row_44_what_is_queued_is_built_by_the_plan_it_was_enqueued_under(world):
    w = world()
    w.order()
    w.result("preliminary", 1)
    held = w.take_hold()
    attempt = w.step(held)
    w.result("final", 2)  # waits
    w.hospital.plan = "p2"
    assert w.step(held, attempt, TAKEN).body.startswith(b"mercy-2|p1|final")
    assert [build["plan"] for build in w.rows(t.build)] == ["p1", "p1"]


def test_row_45_a_destination_that_was_changed_is_asked_about(world):
    w = world()
    w.order()
    w.result("final", 1)
    w.hospital.where = "new-ehr:6661"
    assert w.send() == []
    assert w.deliveries("reason") == ["its destination was changed after it was built"]
    w.store.write(lambda tx: operate.release(tx, w.hospital, w.deliveries("id")[0], WHY))
    assert len(w.send()) == 1


def test_row_46_chains_go_in_the_order_in_which_they_came(world, clock):
    w = world()
    for number in range(5):
        w.order(f"A{number}")
    for number in range(5):
        clock.pass_(1)
        w.result("final", 1, placer=f"A{number}", result=f"R{number}")
    assert [message.split(b"|")[3][:2] for message in w.send()] == [b"R0", b"R1", b"R2", b"R3", b"R4"]


def test_a_message_that_is_not_answered_does_not_keep_the_others_waiting_for_ever(world, clock):
    w = world()
    for number in (1, 2):
        w.order(f"A{number}")
        w.result("final", 1, placer=f"A{number}", result=f"R{number}")
        clock.pass_(1)
    wire = []
    for _ in range(12):
        held = w.take_hold()
        attempt = w.step(held) if held else None
        while attempt is not None:
            wire.append(attempt.body.split(b"|")[3][:2])
            known = DOUBT if wire[-1] == b"R1" else TAKEN
            attempt = w.step(held, attempt, known)
        clock.pass_(20 * SECOND)
    assert b"R2" in wire
    assert wire.index(b"R2") >= lanes.PATIENCE


def test_what_waits_for_a_signature_keeps_nothing_waiting(world):
    w = world(FakeHospital(gates=SIGNED, status=True))
    w.order()
    w.result("final", 2)
    w.result("preliminary", 1)
    assert kinds(w.send()) == ["accepted"]
    w.sign()
    assert kinds(w.send()) == ["final", "completed"]


def test_a_correction_of_a_final_that_never_left_goes_as_the_policy_says(world):
    for policy, expected in (("as final", "final"), ("as corrected", "corrected"), (None, "corrected")):
        w = world(FakeHospital(org=f"o{expected}{policy is None}", unsent_final=policy))
        w.order()
        w.result("final", 1)
        w.result("corrected", 2)
        assert kinds(w.send()) == [expected]


def test_what_was_never_sent_cannot_be_withdrawn(world):
    w = world()
    w.order()
    w.result("final", 1)
    w.result("withdrawn", 2)
    assert w.send() == []
    assert w.deliveries("state") == ["void", "void"]


def test_a_result_that_comes_before_its_order_waits_for_it(world):
    w = world(FakeHospital(status=True))
    w.result("final", 1, placer="", study="S7", pathway="platform")
    assert w.send() == []
    assert w.deliveries("state", "reason") == [("held", "no order yet")]
    w.order()
    w.result("final", 1, study="S7", pathway="order")  # names both: the cases are one
    assert kinds(w.send()) == ["accepted", "final", "completed"]


def test_an_unsolicited_result_and_its_order_response_become_one_when_it_was_not_tried(world):
    w = world(FakeHospital(unsolicited=True))
    w.result("preliminary", 1, placer="", study="S7", pathway="platform")
    w.order()
    w.result("preliminary", 1, result="R2", study="", pathway="order")
    w.result("final", 2, study="S7")
    assert kinds(w.send()) == ["final"]
    assert [row["merged_into"] is None for row in w.rows(t.case_)].count(True) == 1


def test_two_cases_that_were_both_sent_are_an_incident_when_they_turn_out_to_be_one(world):
    w = world(FakeHospital(unsolicited=True))
    w.result("preliminary", 1, placer="", study="S7", pathway="platform")
    w.send()
    w.order()
    w.result("preliminary", 1, result="R2", pathway="order")
    w.send()
    w.result("final", 2, study="S7")
    assert [event["what"] for event in w.events("incident")] == ["sent twice"]


def test_each_order_of_a_group_gets_its_message_unless_one_covers_all(world):
    w = world()
    w.order("G", group=3)
    w.result("final", 1, placer="G.2")
    assert len(w.send()) == 3
    w = world(FakeHospital(org="grouped", per="group"))
    w.order("G", group=3)
    w.result("final", 1, placer="G.2")
    assert w.send() == [b"grouped-1|p1|final|R1 final 1|order G.1|order G.2|order G.3"]


def test_row_26_the_same_order_under_another_number_of_the_message_makes_no_second_order(world):
    w = world(FakeHospital(status=True))
    w.order()
    w.order()
    assert len(w.rows(t.order_)) == 1
    assert len(w.events("order repeated")) == 1
    assert kinds(w.send()) == ["accepted"]


def test_a_changed_order_is_what_later_messages_answer(world):
    w = world()
    w.order()
    w.order(control="change", text=" changed")
    w.result("final", 1)
    assert w.send() == [b"mercy-1|p1|final|R1 final 1|order A1 changed"]


def test_a_number_may_be_used_again_after_the_agreed_time(world, clock):
    w = world(FakeHospital(reuse_after=100 * SECOND))
    w.order()
    w.result("final", 1)
    w.send()
    clock.pass_(101 * SECOND)
    w.order()
    assert len(w.rows(t.case_)) == 2
    assert len(w.events("number reused")) == 1
    w.result("final", 1, result="R2")
    assert len(w.send()) == 1


def test_what_cannot_be_written_is_refused_and_nothing_of_it_stays(world):
    w = world()
    w.order()
    w.hospital.broken.add("p1")
    with pytest.raises(NotWritten):
        w.result("final", 1)
    assert w.rows(t.revision) == []
    w.hospital.broken.clear()
    assert w.result("final", 1).outcome == "new"


def test_row_47_what_was_taken_goes_out_as_new_only_when_that_is_confirmed(world):
    w = world()
    w.order()
    w.result("final", 1)
    w.send()
    number = w.deliveries("id")[0]
    with pytest.raises(Impossible, match="filed twice"):
        w.store.write(lambda tx: operate.resend(tx, w.hospital, number, WHY))
    w.store.write(lambda tx: operate.resend(tx, w.hospital, number, WHY, confirmed=True))
    assert w.send()[0].startswith(b"mercy-2|")


def test_row_47_many_at_once_need_two_people(world):
    w = world(FakeHospital(four_eyes_above=1))
    w.order()
    w.result("final", 1)
    found = w.store.read(lambda tx: operate.preview(tx, w.hospital, [1, 2]))
    with pytest.raises(Impossible, match="alone"):
        operate.permit(found, WHY)
    operate.permit(found, By("ops", "a test", second="boss"))


def test_row_48_waits_grow_and_are_spread(world):
    waits = [lanes.backoff(1000, 60_000, failures, 7) for failures in range(1, 12)]
    assert waits[0] < 1500
    assert max(waits) <= 75_000
    assert len({lanes.backoff(1000, 60_000, 5, salt) for salt in range(50)}) > 20


def test_row_48_a_dead_hospital_is_probed_with_one_message(world, clock):
    w = world()
    for number in range(20):
        w.order(f"A{number}")
        w.result("final", 1, placer=f"A{number}", result=f"R{number}")
    tries = 0
    for _ in range(50):
        if (held := w.take_hold()) is not None:
            attempt = w.step(held)
            assert attempt is not None
            tries += 1
            assert w.step(held, attempt, NOT_SENT) is None
        clock.pass_(SECOND)
    assert tries < 10
    clock.pass_(120 * SECOND)
    assert len(w.send()) == 20


def test_row_50_no_act_reaches_another_organisations_delivery(world):
    one, two = FakeHospital("one"), FakeHospital("two")
    w = world(one, two)
    w.order(org="one")
    w.result("final", 1, org="one")
    number = w.deliveries("id", org="one")[0]
    for act in (operate.hold, operate.release, operate.cancel, operate.resend):
        with pytest.raises(Impossible, match="there is no delivery"):
            w.store.write(lambda tx, act=act: act(tx, two, number, WHY))
    with pytest.raises(Conflict, match="no order"):
        w.result("final", 1, org="two")


class Charging(FakeHospital):
    """Wants a charge for each final result, at another destination."""

    def owed(self, kind: str) -> tuple[Owed, ...]:
        found = super().owed(kind)
        return (*found, Owed("charge", "billing", "yes", "order", False, self.plan)) if kind == "final" else found


def test_a_charge_alone_completes_no_order(world):
    w = world(Charging(status=True))
    w.order()
    w.send()
    w.result("final", 1)
    outbound = next(row["id"] for row in w.rows(t.lane) if row["destination"] == "outbound")
    w.store.write(lambda tx: operate.pause(tx, "mercy", outbound, WHY))
    assert len(w.send()) == 1
    assert w.rows(t.order_)[0]["state"] == "open"
    w.store.write(lambda tx: operate.resume(tx, "mercy", outbound, WHY))
    assert kinds(w.send()) == ["final", "completed"]
    assert w.rows(t.order_)[0]["state"] == "completed"


class ChargingOnce(FakeHospital):
    """Its charges are signed, and corrections are not charged: what was not charged before is withdrawn for nothing."""

    def owed(self, kind: str) -> tuple[Owed, ...]:
        found = super().owed(kind)
        return (
            (*found, Owed("charge", "billing", "after sign-off", "order", False, self.plan))
            if kind == "final"
            else found
        )


def _lane(w, destination: str) -> int:
    return next(row["id"] for row in w.rows(t.lane) if row["destination"] == destination)


def _charge(w) -> tuple[str, str]:
    return next(row[1:] for row in w.deliveries("message", "state", "reason") if row[0] == "charge")


def _result_left_and_signature_taken_back(w) -> None:
    """The result has left and the charge has not when the signature is taken back."""
    w.order()
    w.result("final", 1)
    w.sign(text="one")
    w.store.write(lambda tx: operate.pause(tx, "mercy", _lane(w, "billing"), WHY))
    assert kinds(w.send()) == ["final"]
    _taken_back(w)
    assert _charge(w) == ("held", UNSIGNED)
    w.store.write(lambda tx: operate.resume(tx, "mercy", _lane(w, "billing"), WHY))
    assert w.send() == []


def test_row_31_a_charge_that_had_not_left_goes_out_with_what_is_signed_anew(world):
    w = world(ChargingOnce(gates=SIGNED))
    _result_left_and_signature_taken_back(w)
    now = w.store.read(lambda tx: results.shown(tx, w.hospital, "R1"))
    found = w.store.read(lambda tx: results.intended(tx, w.hospital, now, b"other", 0))
    assert [(one.message, one.sent_as) for one in found] == [("result", "corrected"), ("charge", "final")]
    assert all(b"other" in one.body for one in found)
    w.sign(text="other")
    wire = w.send()
    assert sorted(kinds(wire)) == ["corrected", "final"]
    assert all(b'"other"' in message for message in wire)
    assert _charge(w)[0] == "confirmed"
    w.sign(act="amend", text="again")
    assert kinds(w.send()) == ["corrected"], "it was charged once"


def test_row_31_such_a_charge_waits_again_when_the_new_signature_is_taken_back_too(world):
    w = world(ChargingOnce(gates=SIGNED))
    _result_left_and_signature_taken_back(w)
    w.sign(text="two")
    _taken_back(w)
    assert _charge(w) == ("held", UNSIGNED)
    assert w.send() == []
    w.sign(text="three")
    wire = w.send()
    assert len(wire) == 2
    assert all(b'"three"' in message for message in wire)


def test_row_31_what_is_withdrawn_before_it_was_charged_is_not_charged(world):
    w = world(ChargingOnce(gates=SIGNED))
    _result_left_and_signature_taken_back(w)
    w.sign(act="withdraw")
    assert kinds(w.send()) == ["withdrawn"]
    assert _charge(w) == ("void", "superseded by withdrawn 2")


@pytest.mark.parametrize("ordered", [True, False])
def test_a_correction_that_comes_before_the_final_was_signed_is_charged_when_it_is_signed(world, ordered):
    w = world(ChargingOnce(gates=SIGNED, unsent_final="as final"))
    if ordered:
        w.order()
    w.result("final", 1, placer="A1" if ordered else "", study="S")
    w.result("corrected", 2, placer="A1" if ordered else "", study="S")
    w.sign(text="signed")
    if not ordered:
        assert w.send() == []
        w.order()
        w.result("corrected", 2, study="S")  # names both: the cases are one
    wire = w.send()
    assert kinds(wire) == ["final", "final"]
    assert all(b'"signed"' in message for message in wire)
    charges = [state for message, state in w.deliveries("message", "state") if message == "charge"]
    assert [state for state in charges if state != "void"] == ["confirmed"]


def test_a_result_for_a_cancelled_order_is_kept_and_says_that_nothing_is_sent(world):
    w = world()
    w.order()
    w.order(control="cancel")
    taken = w.result("final", 1)
    assert (taken.outcome, taken.deliveries, taken.reason) == ("new", (), "its order is cancelled: nothing is sent")
    assert w.send() == []


def test_who_follows_orders_hears_of_each_that_is_completed_once(world):
    w = world()
    w.order(group=2)
    w.result("final", placer="A1.1")
    assert len(w.send()) == 2
    found, cursor = w.store.read(lambda tx: views.order_changes(tx, w.hospital.org, 0))
    assert [(one.what, one.order.placer) for one in found] == [
        ("new", "A1.1"), ("new", "A1.2"), ("completed", "A1.1"), ("completed", "A1.2"),
    ]  # fmt: skip
    assert {one.order.state for one in found} == {"completed"}
    assert w.store.read(lambda tx: views.order_changes(tx, w.hospital.org, cursor)) == ((), cursor)


# --- what was found by attacking it -------------------------------------------------------------------------------------------


def _taken_back(w) -> None:
    w.store.write(lambda tx: results.withdraw_signature(tx, w.hospital, "R1", "dr", "a doubt"))


@pytest.mark.parametrize("kind", ["final", "corrected"])
def test_row_31_what_is_signed_anew_after_sending_is_a_correction(world, kind):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    w.sign(text="one")
    if kind == "corrected":
        w.sign(act="amend", text="two")
    w.send()
    _taken_back(w)
    w.sign(text="other")
    (sent,) = w.send()
    assert kinds([sent]) == ["corrected"]
    assert b"other" in sent


def test_row_31_what_is_in_doubt_does_not_go_again_under_a_signature_for_something_else(world, clock):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    w.sign(text="one")
    held = w.take_hold()
    w.step(held, w.step(held), DOUBT)
    _taken_back(w)
    w.sign(text="other")
    clock.pass_(60 * SECOND)
    assert w.send() == []
    assert w.deliveries("kind", "state") == [("final", "needs_decision"), ("corrected", "waiting")]
    w.store.write(lambda tx: operate.decide(tx, w.hospital, w.deliveries("id")[0], "delivered", WHY))
    assert kinds(w.send()) == ["corrected"]


@pytest.mark.parametrize("state", ["ready", "uncertain", "confirmed"])
def test_row_47_an_older_revision_is_not_sent_again_past_a_newer_one(world, clock, state):
    w = world()
    w.order()
    w.result("final", 1)
    w.send()
    w.result("corrected", 2)
    if state == "uncertain":
        held = w.take_hold()
        w.step(held, w.step(held), DOUBT)
    elif state == "confirmed":
        w.send()
    assert w.deliveries("state") == ["confirmed", state]
    with pytest.raises(Impossible, match="newer one"):
        w.store.write(lambda tx: operate.resend(tx, w.hospital, w.deliveries("id")[0], WHY, confirmed=True))


def test_row_47_an_older_revision_goes_again_before_a_newer_one_that_waits_for_its_signature(world):
    w = world(FakeHospital(gates=SIGNED))
    w.order()
    w.result("final", 1)
    w.sign()
    w.send()
    w.result("corrected", 2)
    w.store.write(lambda tx: operate.resend(tx, w.hospital, w.deliveries("id")[0], WHY, confirmed=True))
    assert kinds(w.send()) == ["final"]
    w.sign()
    assert kinds(w.send()) == ["corrected"]


@pytest.mark.parametrize("outcome", [TAKEN, DOUBT])
@pytest.mark.parametrize("newer", ["corrected", "withdrawn"])
def test_row_47_what_left_once_is_not_forgotten_when_it_is_sent_again_as_new(world, outcome, newer):
    w = world(FakeHospital(unsent_final="as final"))
    w.order()
    w.result("final", 1)
    held = w.take_hold()
    w.step(held, w.step(held), outcome)
    number = w.deliveries("id")[0]
    w.store.write(lambda tx: operate.resend(tx, w.hospital, number, WHY, as_new=True, confirmed=True))
    with pytest.raises(orders.Refusal, match="has been sent"):
        w.order(control="cancel")
    w.result(newer, 2)
    assert w.deliveries("state") == ["unknown", "ready"]
    w.store.write(lambda tx: tx.run(t.lane.update().values(next_at=0)))
    assert kinds(w.send()) == [newer]


def test_row_8_what_was_confirmed_elsewhere_is_not_refused_by_the_answer_to_its_repeat(world, clock):
    w = world()
    w.order()
    w.result("final", 1)
    held = w.take_hold()
    w.step(held, w.step(held), DOUBT)
    clock.pass_(60 * SECOND)
    held = w.take_hold()
    again = w.step(held)
    w.store.write(lambda tx: lanes.answered_elsewhere(tx, w.hospital, again.control_id, "confirmed", "AA", "AA", b"AA"))
    w.step(held, again, Known("rejected", "AE", "AE", b"AE"))
    assert w.deliveries("state") == ["confirmed"]


def test_row_27_a_preliminary_result_of_a_cancelled_order_can_be_withdrawn(world):
    w = world()
    w.order()
    w.result("preliminary", 1)
    w.send()
    w.order(control="cancel")
    assert w.result("withdrawn", 2).reason == ""
    assert kinds(w.send()) == ["withdrawn"]


@pytest.mark.parametrize("built", [False, True])
def test_row_27_a_message_for_a_group_leaves_out_the_order_that_was_cancelled(world, built):
    w = world(FakeHospital(per="group"))
    w.order("G", group=3)
    if built:
        w.result("final", 1, placer="G.1")
    w.order("G.2", "cancel")
    if not built:
        w.result("final", 1, placer="G.1")
    (sent,) = w.send()
    assert sent.split(b"|")[4:] == [b"order G.1", b"order G.3"]


def test_row_27_a_group_whose_orders_are_all_cancelled_is_told_only_what_is_withdrawn(world):
    w = world(FakeHospital(per="group"))
    w.order("G", group=2)
    w.result("preliminary", 1, placer="G.1")
    w.send()
    w.order("G.1", "cancel")
    w.order("G.2", "cancel")
    assert w.result("final", 2, placer="G.1").deliveries == ()
    w.result("withdrawn", 3, placer="G.1")
    assert [message.split(b"|")[2:] for message in w.send()] == [
        [b"withdrawn", b"R1 withdrawn 3", b"order G.1", b"order G.2"]
    ]


def test_row_26_several_tests_under_one_number_are_known_again_one_by_one(world):
    w = world()
    w.order("A1 A1")
    w.order("A1 A1", "change", text=" changed")
    assert len(w.events("order changed")) == 2
    assert [row["document"] for row in w.rows(t.order_)] == [b"order A1 changed", b"order A1 changed"]
    w.order("A1", "cancel")
    assert {row["state"] for row in w.rows(t.order_)} == {"cancelled"}, "the number was cancelled"
    assert w.result("final", 1).deliveries == ()


def test_row_27_a_cancelled_order_that_comes_again_is_not_taken_for_done(world):
    w = world()
    w.order()
    w.order(control="cancel")
    for control in ("new", "change"):
        with pytest.raises(orders.Refusal, match="cancelled before"):
            w.order(control=control)


@pytest.mark.parametrize("both", [False, True])
def test_what_was_given_up_does_not_keep_two_cases_from_becoming_one(world, both):
    w = world(FakeHospital(unsolicited=True))
    for number in (1, 2):
        w.result("preliminary", 1, placer="", study=f"S{number}", result=f"R{number}")
        if number == 1 or both:
            w.store.write(lambda tx: operate.cancel(tx, w.hospital, w.deliveries("id")[-1], WHY))
    w.result("final", 2, placer="", study="S2", result="R1")
    assert kinds(w.send()) == ["final"]
    assert {row["merged_into"] for row in w.rows(t.case_)} == {None, 1}


def test_what_a_case_sent_before_it_became_another_one_can_be_withdrawn(world):
    w = world(FakeHospital(per="group", unsolicited=True))
    w.order()
    w.result("final", 1)
    w.store.write(lambda tx: operate.hold(tx, w.hospital, w.deliveries("id")[0], WHY))
    w.result("final", 1, placer="", study="S", result="R2")
    assert kinds(w.send()) == ["final"]
    w.result("withdrawn", 2, placer="A1", study="S", result="R2")
    assert kinds(w.send()) == ["withdrawn"]


def test_when_two_cases_become_one_nothing_older_goes_behind_what_has_left(world):
    w = world(FakeHospital(unsolicited=True))
    w.order()
    w.result("final", 2)
    w.send()
    w.result("preliminary", 1, placer="", study="S", result="R2")
    w.result("preliminary", 1, study="S", result="R3")
    assert w.send() == []
    assert ("preliminary", "void") in w.deliveries("kind", "state")


def test_when_two_cases_become_one_what_was_ready_in_both_goes_one_after_the_other(world, clock):
    w = world(FakeHospital(per="group"))
    w.order("A1")
    w.result("final", 1, study="S")
    clock.pass_(1)
    w.order("B1")
    w.result("corrected", 2, placer="B1", result="R2")
    w.result("preliminary", 1, placer="B1", study="S", result="R3")
    assert w.deliveries("kind", "state") == [("final", "ready"), ("corrected", "ready")]
    held = w.take_hold()
    first = w.step(held)
    assert w.step(held, first, DOUBT) is None
    w.store.write(lambda tx: tx.run(t.lane.update().values(next_at=0)))
    assert w.step(w.take_hold()) is None, "the correction waits for the fate of the final"
    assert w.deliveries("state") == ["uncertain", "waiting"]
    clock.pass_(60 * SECOND)
    assert kinds(w.send()) == ["final", "corrected"]
