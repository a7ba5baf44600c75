"""Messages that come: what is taken, what is refused, and how it is said. Rows are those of delivery.md, section 3."""

from __future__ import annotations

import hl7 as python_hl7
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.delivery.intake import BETWEEN, Came, body_hash, is_batch, judge, messages_of
from segwright.hl7.acknowledgement import header_of
from tests.delivery.conftest import case

ORGS = ("larkspur", "northgate", "stbrigid", "tamarack")


def came(data: bytes) -> Came:
    return Came(data, "listener", 1_772_000_000_000, "A1")


def answers_of(judged) -> list[python_hl7.Message]:
    return [python_hl7.parse(one.decode("latin-1")) for one in judged.arrival.answer.split(BETWEEN)]


@pytest.mark.parametrize("org", ORGS)
def test_a_new_order_is_stored_and_acknowledged_as_it_asks(lives, org):
    data = case(org, "order_new", "order.hl7")
    judged = judge(lives[org], came(data))
    assert judged.arrival.state == "stored"
    assert judged.orders is not None
    answer = answers_of(judged)[0]
    assert str(answer["MSA"][0][1]) in ("AA", "CA")
    header = header_of(data)
    assert header is not None
    assert str(answer["MSA"][0][2]) == header.control_id
    order = judged.orders.groups[0][0]
    assert order.names[0].kind == "placer"
    assert order.names[0].value
    assert msgspec.json.decode(order.document)["control"] == "new"


@pytest.mark.parametrize("org", ORGS)
def test_row_50_a_message_of_another_organisation_is_rejected_whatever_it_says(lives, org):
    for other in ORGS:
        if other == org:
            continue
        judged = judge(lives[org], came(case(other, "order_new", "order.hl7")))
        assert judged.orders is None
        assert judged.arrival.state == "refused"
        assert judged.arrival.org == org
        assert str(answers_of(judged)[-1]["MSA"][0][1]) in ("AR", "CR", "AE", "CE")


def test_a_message_of_production_does_not_enter_the_test_system(lives):
    data = case("northgate", "order_new", "order.hl7").replace(b"|T|2.3", b"|P|2.3")
    judged = judge(lives["northgate"], came(data))
    assert judged.arrival.state == "refused"
    assert "MSH-11" in judged.arrival.reason


def test_a_message_without_a_control_id_is_refused(lives):
    judged = judge(lives["northgate"], came(case("northgate", "order_new", "order.hl7").replace(b"|NG000101|", b"||")))
    assert (judged.arrival.state, judged.arrival.reason) == ("refused", "MSH-10 is empty")


def test_a_refused_order_says_where_and_names_no_patient(lives):
    data = case("larkspur", "order_refused", "order.hl7")
    judged = judge(lives["larkspur"], came(data))
    assert judged.arrival.state == "refused"
    family = data.split(b"\rPID|")[1].split(b"|")[4].split(b"^")[0]
    assert family
    assert family not in judged.arrival.answer
    assert family.decode() not in judged.arrival.reason
    assert b"ERR|" in judged.arrival.answer


@pytest.mark.parametrize("data", [b"", b"hello", b"<html>", b"\xff\xfe\x00", b"PID|1\r"])
def test_row_22_what_has_no_header_is_kept_and_its_connection_ends(lives, data):
    judged = judge(lives["larkspur"], came(data))
    assert judged.arrival.code == "none"
    assert judged.arrival.body == data


def test_row_19_bytes_that_cannot_be_read_are_kept_for_people(lives):
    data = (
        case("stbrigid", "order_new", "order.hl7")
        .replace(b"8859/1", b"UNICODE UTF-8")
        .replace(b"\rPV1", b"\xff\xfe\rPV1")
    )
    judged = judge(lives["stbrigid"], came(data))
    assert judged.arrival.state == "quarantined"
    assert str(answers_of(judged)[-1]["MSA"][0][1]) in ("AE", "CE")


def test_row_24_the_same_message_with_another_time_is_the_same_where_that_is_agreed():
    one = b"MSH|^~\\&|A|B|C|D|20260101||ORM^O01|1|P|2.3\rPID|1\r"
    other = one.replace(b"20260101", b"20260102")
    assert body_hash(one) != body_hash(other)
    header = header_of(one)
    assert body_hash(one, header) == body_hash(other, header_of(other))
    assert body_hash(one, header) != body_hash(one.replace(b"PID|1", b"PID|2"), header)


def test_a_batch_is_told_from_a_message_and_taken_apart(lives):
    message = case("northgate", "order_new", "order.hl7")
    batch = b"BHS|^~\\&\r" + message + b"\r" + message + b"\rBTS|2\r"
    assert is_batch(batch)
    assert not is_batch(message)
    assert len(messages_of(batch)) == 2


def test_a_cancellation_is_known_as_one(lives):
    for org in ORGS:
        assert judge(lives[org], came(case(org, "order_cancel", "order.hl7"))).cancels
        assert not judge(lives[org], came(case(org, "order_new", "order.hl7"))).cancels


@pytest.mark.parametrize("number", [b'""', b" ", b'""^LAB'])
def test_a_number_that_tells_no_order_from_another_brings_no_two_together(lives, number):
    data = case("larkspur", "order_new", "order.hl7").replace(
        b"|LV-700101^LVMCEHR|", b"|LV-700101^LVMCEHR|" + number, 1
    )
    judged = judge(lives["larkspur"], came(data))
    assert judged.orders is not None
    assert [name.kind for name in judged.orders.groups[0][0].names] == ["placer"]
    data = data.replace(b"LV-700101^LVMCEHR", number)
    refused = judge(lives["larkspur"], came(data)).arrival
    assert (refused.state, refused.reason) == ("refused", "the placer order number has no number in it")


def test_a_number_is_known_again_however_its_empty_end_is_written(lives):
    data = case("larkspur", "order_new", "order.hl7")
    one, other = (
        judge(lives["larkspur"], came(data.replace(b"LV-700101^LVMCEHR", written))).orders
        for written in (b"LV-700101^LVMCEHR", b"LV-700101^LVMCEHR^^")
    )
    assert one is not None
    assert other is not None
    assert one.groups[0][0].placer == other.groups[0][0].placer == "LV-700101^LVMCEHR"


@pytest.mark.parametrize("org", ORGS)
def test_a_message_with_two_patients_is_refused(lives, org):
    data = case(org, "order_new", "order.hl7")
    lines = data.split(b"\r")
    patient = next(line for line in lines if line.startswith(b"PID"))
    orders = [line for line in lines if line[:3] in (b"ORC", b"OBR")]
    for more in ([patient], [patient, *orders], [*orders, patient, *orders]):
        judged = judge(lives[org], came(b"\r".join([*data.rstrip(b"\r").split(b"\r"), *more]) + b"\r"))
        assert judged.orders is None
        assert "PID came more than once" in judged.arrival.reason


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_row_22_nothing_that_can_be_sent_raises(lives, data):
    org = data.draw(st.sampled_from(ORGS))
    message = bytearray(case(org, "order_new", "order.hl7"))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(message) - 1))
        if data.draw(st.booleans()):
            message[at] = data.draw(st.integers(0, 255))
        else:
            del message[at : at + data.draw(st.integers(1, 40))]
        if not message:
            break
    judged = judge(lives[org], came(bytes(message)))
    assert judged.arrival.org == org
    assert (judged.orders is not None) == (judged.arrival.state == "stored")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (b"|A\\X00\\B^LVMCEHR|", b"ORC^1^2"), (b"|A^" + b"B" * 501 + b"|", b"ORC^1^2"),
        (b"|LV-700101^LVMCEHR|F\\X1B\\1^LAB", b"ORC^1^3"), (b"|LV-700101^LVMCEHR|" + b"F" * 501, b"ORC^1^3"),
    ],
)  # fmt: skip
def test_a_number_that_could_not_be_found_again_or_sent_back_is_refused_with_its_place(lives, written, place):
    data = case("larkspur", "order_new", "order.hl7").replace(b"|LV-700101^LVMCEHR|", written, 1)
    judged = judge(lives["larkspur"], came(data))
    assert judged.orders is None
    assert judged.arrival.state == "refused"
    assert judged.arrival.reason.endswith("order number is longer than 500 bytes or holds a control character")
    assert place in judged.arrival.answer


def test_a_number_may_have_what_the_standard_allows(lives):
    number = b"1" * 199 + b"^" + b"N" * 20 + b"^" + b"2" * 199 + b"^ISO"
    data = case("larkspur", "order_new", "order.hl7").replace(b"LV-700101^LVMCEHR", number)
    assert judge(lives["larkspur"], came(data)).arrival.state == "stored"
