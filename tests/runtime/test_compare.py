"""Equality and order of values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from segwright.hl7.delimiters import STANDARD
from segwright.hl7.values import NULL, Field, Moment, Quantity
from segwright.library.record import Refusal
from segwright.runtime.compare import compare, equal


def q(value: str, unit: str, comparator: str = "") -> Quantity:
    return Quantity(Decimal(value), unit, comparator)


def m(digits: str, offset: int | None = None) -> Moment:
    return Moment(digits, offset)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (None, None, False),
        (None, "a", False),
        (NULL, NULL, True),
        (NULL, "", False),
        ("a", "a", True),
        ("a", "A", False),
        (1, Decimal("1.0"), True),
        (1, True, False),
        (True, True, True),
        ("1", 1, False),
        (q("1", "s"), q("1000", "ms"), True),
        (q("1", "s"), q("1", "ms"), False),
        (q("5", "s", "<"), q("5000", "ms", "<"), True),
        (q("5", "s", "<"), q("5", "s"), False),
        (q("5", "furlong"), q("5", "furlong"), True),
        (m("2026"), m("2026"), True),
        (m("2026"), m("202601"), False),
        (m("202601011200", 0), m("202601011300", 60), True),
        (m("202601011200", 0), m("202601011200"), False),
        (m("202601012330", -60), m("202601020030", 0), True),
        (Field("a", STANDARD), Field("a", STANDARD), True),
        (Field("a", STANDARD), "a", False),
        (("a", 1), ("a", 1), True),
    ],
)
def test_equality(left: Any, right: Any, same: bool) -> None:
    assert equal(left, right) is same
    assert equal(right, left) is same


@pytest.mark.parametrize(
    ("left", "right", "sign"),
    [
        (1, Decimal("1.5"), -1),
        (Decimal("1.50"), Decimal("1.5"), 0),
        ("a", "b", -1),
        (False, True, -1),
        (q("1", "min"), q("59", "s"), 1),
        (m("2026"), m("202603"), 0),
        (m("20260308"), m("202603081430", -300), 0),
        (m("20260307"), m("202603081430", -300), -1),
        (m("202603081430", -300), m("202603081930", 0), 0),
        (m("202603081430", -300), m("202603081900", 0), 1),
        (m("20260308143000.5", 0), m("20260308143000", 0), 0),
        (m("20260308143000.5", 0), m("20260308153000.4", 60), 1),
        (m("000101010000", 840), m("000101010000", 0), -1),
    ],
)
def test_order(left: Any, right: Any, sign: int) -> None:
    assert compare(left, right) == sign
    assert compare(right, left) == -sign


@pytest.mark.parametrize(
    ("left", "right"),
    [(q("1", "s"), q("1", "mV")), (q("1", "s", "<"), q("1", "s")), (m("202601011200", 0), m("202601011200"))],
)
def test_what_cannot_be_compared_is_refused(left: Any, right: Any) -> None:
    with pytest.raises(Refusal):
        compare(left, right)


@pytest.mark.parametrize(
    ("left", "right"), [("a", 1), (True, 1), (None, 1), ((), ()), (Field("a", STANDARD), "a"), (NULL, NULL)]
)
def test_what_never_has_an_order_is_a_type_error(left: Any, right: Any) -> None:
    with pytest.raises(TypeError):
        compare(left, right)
