"""What an answer means. Rows are those of delivery.md, section 3."""

from __future__ import annotations

from typing import Any

import pytest

from segwright.delivery.answers import described, meaning, on_its_own
from segwright.hl7.acknowledgement import Acknowledgement, Fault, read_acknowledgement
from segwright.hl7.paths import Path
from segwright.ledger.hospital import Policy
from segwright.plan.explain import Entry, Explanation, Place, Setting
from segwright.transport.sender import Answered, NotSent, Uncertain, Why

USUAL = Policy("resend", 1000, 60_000, 3_600_000)
MSH = b"MSH|^~\\&|EHR|MERCY|AI|P|20260302||ACK|1|P|2.5.1\r"


def answer(code: str, *segments: str) -> Answered:
    return Answered(MSH + "".join(f"{segment}\r" for segment in (f"MSA|{code}|C1", *segments)).encode())


def err(condition: str, place: str = "", text: str = "") -> str:
    return f"ERR||{place}|{condition}^x^HL70357|E||||{text}"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("AA", "confirmed"), ("CA", "accepted"), ("AE", "rejected"), ("CE", "rejected"), ("AR", "misconfigured")],
)
def test_codes_mean_what_chapter_2_says(code, outcome):
    assert meaning(answer(code), USUAL, again=False).outcome == outcome


@pytest.mark.parametrize("condition", ["206", "207"])
def test_row_10_a_locked_record_and_an_error_inside_are_for_later(condition):
    assert meaning(answer("AE", err(condition)), USUAL, again=False).outcome == "refused_for_now"


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [("200", "misconfigured"), ("203", "misconfigured"), ("101", "rejected"), ("207", "refused_for_now")],
)
def test_row_11_what_a_reject_means_is_decided_by_its_condition(condition, outcome):
    assert meaning(answer("AR", err(condition, "PID^1^3")), USUAL, again=False).outcome == outcome


@pytest.mark.parametrize("said", [err("205"), err("", "", "Duplicate message"), err("100", "", "already filed")])
def test_row_3_a_repeat_refused_as_a_duplicate_was_delivered_where_that_is_agreed(said):
    agreed = Policy("resend", 1000, 60_000, 3_600_000, duplicate_refusal="delivered")
    assert meaning(answer("AR", said), agreed, again=True).outcome == "accepted"
    assert meaning(answer("AR", said), USUAL, again=True).outcome == "rejected"
    assert meaning(answer("AR", said), agreed, again=False).outcome in ("rejected", "misconfigured")


@pytest.mark.parametrize(
    ("body", "strange"), [(b"<html>502</html>", True), (b"", True), (MSH, True), (MSH + b"MSA|ZZ|C1\r", True)]
)
def test_row_12_what_is_no_acknowledgement_leaves_the_outcome_unknown(body, strange):
    known = meaning(Answered(body), USUAL, again=False)
    assert (known.outcome, known.strange) == ("uncertain", strange)


@pytest.mark.parametrize("why", [Why.ANSWER_TOO_SLOW, Why.CLOSED, Why.BROKEN, Why.WRITE_TOO_SLOW, Why.STOPPED])
def test_rows_4_and_13_without_an_answer_nobody_knows(why):
    known = meaning(Uncertain(why), USUAL, again=False)
    assert (known.outcome, known.strange) == ("uncertain", False)


def test_row_5_an_answer_to_another_message_is_none_and_counts_as_strange():
    known = meaning(Uncertain(Why.FOREIGN_ANSWER, received=b"x"), USUAL, again=False)
    assert (known.outcome, known.strange, known.answer) == ("uncertain", True, b"x")


@pytest.mark.parametrize("why", [Why.NO_CONNECTION, Why.NO_ADDRESS, Why.CONNECT_TOO_SLOW, Why.FORBIDDEN, Why.LOST])
def test_what_never_left_was_not_sent(why):
    assert meaning(NotSent(why), USUAL, again=False).outcome == "not_sent"


@pytest.mark.parametrize(
    "why", [Why.CERTIFICATE_EXPIRED, Why.CERTIFICATE_NAME, Why.CERTIFICATE_UNTRUSTED, Why.UNFRAMEABLE]
)
def test_row_40_what_only_a_person_can_mend_stops_the_lane(why):
    known = meaning(NotSent(why), USUAL, again=False)
    assert (known.outcome, known.written) == ("misconfigured", False)


def test_row_41_a_certificate_refused_after_writing_stops_the_lane_and_leaves_a_doubt():
    known = meaning(Uncertain(Why.OUR_CERTIFICATE_REFUSED), USUAL, again=False)
    assert (known.outcome, known.written) == ("misconfigured", True)


def test_a_refusal_is_traced_to_the_line_and_the_setting_that_wrote_the_field():
    entry = Entry(
        "mercy",
        Place("orgs/mercy/ecg_result.seg", 12, 3),
        "PID-3.4",
        settings=(Setting("patient.authority", Place("orgs/mercy/org.yaml", 30, 5)),),
    )
    explanation = Explanation("h", (entry,), (0,))
    known = meaning(answer("AE", err("101", "PID^1^3")), USUAL, again=False, explain=lambda: explanation)
    assert known.detail == (
        "AE; 101 Required field missing at PID-3 (written at orgs/mercy/ecg_result.seg:12, patient.authority at orgs/mercy/org.yaml:30)"
    )


def test_nothing_that_the_peer_said_in_words_is_kept_in_the_detail():
    known = meaning(answer("AE", err("101", "PID^1^3", "DOE JANE is unknown")), USUAL, again=False)
    assert "DOE" not in known.detail
    assert "DOE" in known.answer.decode()
    assert described(Fault("X9", Path("PID", 1, 3), text="DOE"), None) == "a fault of its own at PID-3"


def _found(code: str) -> Acknowledgement:
    found: Any = read_acknowledgement(answer(code).answer)
    assert isinstance(found, Acknowledgement)
    return found


def test_row_7_an_accept_acknowledgement_confirms_only_where_no_other_is_awaited():
    awaiting = Policy("resend", 1, 1, 1, awaits_application=True)
    assert on_its_own(_found("CA"), awaiting) is None
    assert on_its_own(_found("CA"), USUAL) == "confirmed"
    assert on_its_own(_found("AA"), awaiting) == "confirmed"
    assert on_its_own(_found("AE"), awaiting) == "rejected"
