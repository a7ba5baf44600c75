"""What stands against a signature is a function of facts; what was shown has a fingerprint that a form carries."""

from __future__ import annotations

from typing import Any

import pytest

from segwright.delivery.signing import BLOCKING, Facts, Seen, obstacles, seen_of
from segwright.ledger.results import Intended

MESSAGE = Intended("result", "outbound", 1, "p1", "final", b"MSH|", (), "", 0)


def codes(**facts: Any) -> list[str]:
    given: dict[str, Any] = {
        "act": "sign", "kind": "final", "orders": ("open",), "owed": 1, "messages": (MESSAGE,), "stops": {}, "lanes": {}, "holder": 0,
        "held_since": 0, "written": True,
    }  # fmt: skip
    return [one.code for one in obstacles(Facts(**(given | facts)))]


def message(**members: Any) -> tuple[Intended, ...]:
    values = {name: getattr(MESSAGE, name) for name in MESSAGE.__struct_fields__} | members
    return (Intended(**values),)


def test_nothing_stands_against_what_can_be_sent():
    assert codes() == []
    assert codes(orders=("cancelled", "open")) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"owed": 0, "messages": ()}, "takes_none"),
        ({"orders": ("cancelled",), "messages": ()}, "order_cancelled"),
        ({"orders": (), "messages": message(hold="no order yet", body=None)}, "no_order"),
        ({"messages": message(body=None, problems=("OBR-16: missing",))}, "not_written"),
        ({"holder": 7}, "held_by_other"),
    ],
)
def test_what_nothing_can_be_sent_for_cannot_be_signed(facts, expected):
    assert codes(**facts) == [expected]
    assert expected in BLOCKING


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"stops": {("kind", "result/final"): ("new mapping", "olga")}}, "kind_stopped"),
        ({"stops": {("plan", "p1"): ("taken back", "approvals.lock")}}, "plan_revoked"),
        ({"lanes": {"outbound": "its certificate expired"}}, "lane_stopped"),
        ({"messages": message(waits_for=12)}, "waits"),
        ({"messages": ()}, "nothing_sent"),
    ],
)
def test_what_goes_out_later_can_be_signed_and_is_told(facts, expected):
    assert codes(**facts) == [expected]
    assert expected not in BLOCKING


def test_what_is_stopped_elsewhere_does_not_concern_a_result():
    assert (
        codes(stops={("kind", "result/corrected"): ("x", "y"), ("plan", "p2"): ("x", "y")}, lanes={"billing": "x"})
        == []
    )


def test_a_withdrawal_goes_out_for_a_cancelled_order():
    assert codes(act="withdraw", kind="withdrawn", orders=("cancelled",)) == []


def test_a_fingerprint_comes_back_as_it_went():
    seen = Seen(1_700_000_000_000, *("abcde"[n] * 64 for n in range(5)))
    assert seen_of(seen.token()) == seen
    for other in ("", "1", "x" + seen.token(), seen.token() + ".a", seen.token()[:-1], "-" + seen.token()):
        assert seen_of(other) is None
