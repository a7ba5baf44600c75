"""From orders and documents to the inputs of a plan: whose patient, which orders, what the catalogue lets out."""

from __future__ import annotations

import json

import msgspec
import pytest

from segwright.core.prose import message as sentence
from segwright.service.inputs import Making, inputs_of, making, subject_name
from segwright.service.reading import read_orders
from segwright.service.rendering import Request, prepare, render

AT = "2026-03-02T10:05:00-05:00"


@pytest.fixture(scope="module")
def make() -> Making:
    found, problems = making(AT, "C1")
    assert found is not None, problems
    return found


@pytest.fixture(scope="module")
def order(cases) -> bytes:
    return (cases / "order_new" / "order.hl7").read_bytes()


@pytest.fixture(scope="module")
def result(cases) -> dict:
    return json.loads((cases / "final" / "result.json").read_bytes())


@pytest.fixture(scope="module")
def two_orders(order) -> bytes:
    """The order message with a second order under an ORC of its own."""
    lines = order.rstrip(b"\r").split(b"\r")
    more = [line.replace(b"A-1001", b"A-1002") for line in lines if line[:3] in (b"ORC", b"OBR")]
    return b"\r".join([*lines, *more, b""])


@pytest.fixture(scope="module")
def one_group(order) -> bytes:
    """The order message with a second OBR under the same ORC."""
    lines = order.rstrip(b"\r").split(b"\r")
    more = [line.replace(b"A-1001", b"A-1002") for line in lines if line[:3] == b"OBR"]
    return b"\r".join([*lines, *more, b""])


def said(found) -> dict[str, str]:
    return {finding.code: sentence(finding) for finding in found}


def test_a_plan_gets_its_inputs_in_their_order_with_the_patient_of_the_order(running, make, order, result):
    (inputs,), found = prepare(running, Request("ecg_result", make, order, json.dumps(result).encode()))
    assert not found
    plan = running.compiled("ecg_result").plan
    assert [given.name for given in plan.inputs] == ["order", "group", "patient", "result", "message"]
    given = dict(zip([given.name for given in plan.inputs], inputs, strict=True))
    orders, _ = read_orders(running, order)
    assert orders is not None
    assert given["order"] == orders.orders[0]
    assert given["group"] == (orders.orders[0],)
    assert given["patient"] == orders.patient
    assert given["message"] == (make.at, "C1", "final")


def test_the_subject_is_the_input_that_no_order_brings(running):
    assert subject_name(running.compiled("ecg_result").plan) == "result"
    assert subject_name(running.compiled("order_status").plan) == "event"


def test_each_order_gets_a_message_of_its_own_with_a_number_of_its_own(running, make, two_orders, result):
    messages, found = render(running, Request("ecg_result", make, two_orders, json.dumps(result).encode()))
    assert not found
    assert [b"|A-1001^EHR|" in message for message in messages] == [True, False]
    assert [b"|A-1002^EHR|" in message for message in messages] == [False, True]
    assert [message.split(b"|")[9] for message in messages] == [b"C1", b"C1-2"]


def test_one_order_of_several_can_be_asked_for(running, make, two_orders, result):
    request = Request("ecg_result", make, two_orders, json.dumps(result).encode(), nth=2)
    messages, found = render(running, request)
    assert not found
    assert len(messages) == 1
    assert b"|A-1002^EHR|" in messages[0]
    _, found = render(running, msgspec.structs.replace(request, nth=3))
    assert said(found) == {"SW1029": "Order number 3 is asked for; the message holds 2."}


def test_a_catalogue_that_says_group_gets_one_message_for_all_its_orders(running, make, one_group, result):
    entry = running.organisation.catalogue["ecg_result"]
    plan = running.compiled("ecg_result").plan
    orders, _ = read_orders(running, one_group)
    data = json.dumps(result).encode()
    for per, expected in (("order", [1, 1]), ("group", [2])):
        inputs, found = inputs_of(running, msgspec.structs.replace(entry, message_per=per), plan, orders, data, make)
        assert not found
        assert [len(each[1]) for each in inputs] == expected
    per_group = msgspec.structs.replace(entry, message_per="group")
    (inputs,), _ = inputs_of(running, per_group, plan, orders, data, make, nth=2)
    assert len(inputs[1]) == 2


def test_a_kind_that_the_catalogue_keeps_back_is_refused(running, make, order, result):
    data = json.dumps(result | {"status": "preliminary"}).encode()
    messages, found = render(running, Request("ecg_result", make, order, data))
    assert messages == []
    assert said(found) == {"SW1020": "`ecg_result` of the kind preliminary is not sent to this hospital."}
    assert found[0].span == running.organisation.span(("catalogue", "ecg_result", "kinds", "preliminary"))


def test_a_kind_that_nobody_decided_is_refused(running, make, order, result):
    entry = msgspec.structs.replace(running.organisation.catalogue["ecg_result"], kinds={"finale": "yes"})
    orders, _ = read_orders(running, order)
    plan = running.compiled("ecg_result").plan
    _, found = inputs_of(running, entry, plan, orders, json.dumps(result).encode(), make)
    assert [(finding.code, finding.facts["nearest"]) for finding in found] == [("SW1021", "finale")]


def test_a_result_without_an_order_is_refused_where_none_is_taken(running, make, result):
    _, found = render(running, Request("ecg_result", make, None, json.dumps(result).encode()))
    assert said(found) == {"SW1022": "This hospital takes no `ecg_result` without an order."}


def test_without_an_order_the_patient_is_the_documents(running, make, order, result):
    entry = msgspec.structs.replace(running.organisation.catalogue["ecg_result"], unsolicited=True)
    plan = running.compiled("ecg_result").plan
    patient = {"identifiers": [{"id": "7654321", "type": "MR"}], "mrn": {"id": "7654321"}, "name": {"family": "OTHER"}}
    (inputs,), found = inputs_of(running, entry, plan, None, json.dumps(result | {"patient": patient}).encode(), make)
    assert not found
    assert inputs[0] is None
    assert inputs[1] == ()
    assert inputs[2][1][0] == "7654321"
    _, found = inputs_of(running, entry, plan, None, json.dumps(result).encode(), make)
    assert list(said(found)) == ["SW1023"]


def test_a_mapping_that_cannot_do_without_an_order_says_so(running, make, cases):
    entry = running.organisation.catalogue["order_status"]
    event = (cases / "order_accepted" / "event.json").read_bytes()
    plan = running.compiled("order_status").plan
    needed = [msgspec.structs.replace(given, optional=False) for given in plan.inputs]
    _, found = inputs_of(running, entry, msgspec.structs.replace(plan, inputs=tuple(needed)), None, event, make)
    assert "SW1025" in said(found)


def test_a_message_without_its_document_is_refused(running, make, order):
    _, found = render(running, Request("ecg_result", make, order))
    assert said(found) == {"SW1024": "`ecg_result` is made from a Result, and none is given."}


def test_every_fault_of_a_document_is_named_by_its_place_and_never_by_its_value(running, make, order, result):
    secret = "Zaphod"
    wrong = result | {"interpretaton": secret, "version": secret, "status": "finale"}
    _, found = render(running, Request("ecg_result", make, order, json.dumps(wrong).encode()))
    assert {finding.code for finding in found} == {"SW1026"}
    assert {finding.facts["path"].split(" ")[0] for finding in found} == {"$.interpretaton", "$.version", "$.status"}
    assert not any(secret in sentence(finding) or secret in str(finding.facts) for finding in found)


@pytest.mark.parametrize("at", ["", "yesterday", "2026-03-02", "2026-03-02T10:05:00", "2026-13-02T10:05:00Z"])
def test_a_message_is_made_at_a_time_with_seconds_and_offset(at):
    found, problems = making(at, "C1")
    assert found is None
    assert [problem.code for problem in problems] == ["SW1027"]


@pytest.mark.parametrize("number", ["", "A B", "A\rB", "x" * 200])
def test_a_control_id_is_printable_and_not_long(number):
    found, problems = making(AT, number)
    assert found is None
    assert [problem.code for problem in problems] == ["SW1027"]
