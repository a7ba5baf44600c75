"""Orders with fresh numbers: the same message otherwise, and one order the same in all that is said about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from segwright.hl7.wire import open_message
from segwright.simulation.orders import Control, NoOrders, order, samples_of
from tests.simulation.conftest import ROOT

NOW = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
CHARSETS = {"larkspur": "ascii", "northgate": "ascii", "stbrigid": "8859/1", "tamarack": "utf-8"}


def samples(org: str):
    cases = ROOT / "orgs" / org / "cases"
    return samples_of(
        [(cases / f"order_{what}" / "order.hl7").read_bytes() for what in ("new", "change", "cancel")], CHARSETS[org]
    )


@pytest.mark.parametrize("org", CHARSETS)
def test_all_that_is_said_about_an_order_bears_its_numbers_and_its_patient(org):
    controls: tuple[Control, ...] = ("new", "change", "cancel")
    made = [order(samples(org), what, 7, sent, 3, NOW) for sent, what in enumerate(controls, 1)]
    read = [open_message(one.body, default_charset=CHARSETS[org]) for one in made]
    for path in ("OBR-2", "PID-3", "PID-5", "PID-7", "PID-18"):
        first, *others = [message.field(path).split("~")[0] for message in read]
        assert first
        assert others == [first, first], path
    assert len({message.control_id for message in read}) == 3
    assert {message.field("ORC-3") + message.field("OBR-3") for message in read} == {""}
    assert read[0].field("ORC-1") == "NW"


@pytest.mark.parametrize("org", CHARSETS)
def test_two_orders_differ_in_numbers_and_nothing_else_than_what_is_said(org):
    sample = open_message(
        (ROOT / "orgs" / org / "cases" / "order_new" / "order.hl7").read_bytes(), default_charset=CHARSETS[org]
    )
    one, other = (
        open_message(order(samples(org), "new", n, n, 3, NOW).body, default_charset=CHARSETS[org]) for n in (1, 2)
    )
    assert one.field("OBR-2") != other.field("OBR-2")
    assert [segment[:3] for segment in one.segments] == [segment[:3] for segment in sample.segments]
    changed = {
        f"{a.segment}-{a.number}" for a, b in zip(sample.fields(), one.fields(), strict=True) if a.text != b.text
    }
    assert changed <= {
        "MSH-7",
        "MSH-10",
        "PID-3",
        "PID-5",
        "PID-7",
        "PID-18",
        "PV1-19",
        "ORC-2",
        "ORC-4",
        "OBR-2",
        "ORC-3",
        "OBR-3",
    }


def test_the_seed_decides():
    assert order(samples("larkspur"), "new", 1, 1, 5, NOW) == order(samples("larkspur"), "new", 1, 1, 5, NOW)
    assert (
        order(samples("larkspur"), "new", 1, 1, 5, NOW).placer != order(samples("larkspur"), "new", 1, 1, 6, NOW).placer
    )


def test_a_control_without_a_sample_is_made_of_the_new_order():
    new = samples_of([(ROOT / "orgs" / "larkspur" / "cases" / "order_new" / "order.hl7").read_bytes()], "ascii")
    assert not new.has("cancel")
    assert open_message(order(new, "cancel", 1, 2, 1, NOW).body).field("ORC-1") == "CA"


@pytest.mark.parametrize("org", ["larkspur", "northgate", "stbrigid"])
@pytest.mark.parametrize(("case", "there"), [("order_numbers_in_orc", "ORC-2"), ("order_two_numbers", "OBR-2")])
def test_an_order_is_known_by_the_number_it_has_wherever_it_stands(org, case, there):
    data = (ROOT / "orgs" / org / "cases" / case / "order.hl7").read_bytes()
    made = order(samples_of([data], CHARSETS[org]), "new", 7, 1, 3, NOW)
    assert made.placer == open_message(made.body, default_charset=CHARSETS[org]).field(f"{there}[1].1") != ""


def test_samples_without_a_new_order_are_refused():
    with pytest.raises(NoOrders, match="NW"):
        samples_of([(ROOT / "orgs" / "larkspur" / "cases" / "order_cancel" / "order.hl7").read_bytes()], "ascii")
