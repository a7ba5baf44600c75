from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.values import Quantity
from segwright.lang.units import is_ucum
from segwright.library import by_key, units
from segwright.library.record import Builtin, Refusal
from tests.library.test_examples import call
from tests.library.test_inverse import DECIMALS


def record(key: str) -> Builtin:
    found = by_key(key)
    assert found is not None
    return found


DECIMAL, QUANTITY, READ = (record(f"number/{subject}@1") for subject in ("decimal", "quantity", "text"))


@given(DECIMALS, st.integers(0, 15))
def test_rounding_is_half_away_from_zero(value: Decimal, places: int):
    with localcontext() as context:
        context.prec = 90
        expected = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    written = call(DECIMAL, value, {"places": places})
    assert Decimal(written) == expected
    assert "E" not in written.upper()
    assert not (written.startswith("-") and not Decimal(written))
    assert len(written.partition(".")[2]) == places


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_every_tie_goes_away_from_zero(whole: int, places: int):
    tie = Decimal(2 * whole + 1) / 2
    written = Decimal(call(DECIMAL, tie.scaleb(-places), {"places": places}))
    assert abs(written) > abs(tie.scaleb(-places))


@given(DECIMALS, st.sampled_from(sorted(units.table())), st.data())
def test_a_conversion_rounds_the_exact_product(value: Decimal, unit: str, data: st.DataObject):
    table = units.table()
    wanted = data.draw(st.sampled_from([code for code, what in table.items() if what == table[unit]]))
    places = data.draw(st.integers(0, 6))
    if abs(Fraction(value) * units.ratio(unit, wanted)) >= 10**29:
        return
    written = call(QUANTITY, Quantity(value, unit, ""), {"places": places, "unit": wanted})
    error = abs(Fraction(written) - Fraction(value) * units.ratio(unit, wanted))
    assert error <= Fraction(1, 2 * 10**places)


@given(st.text(alphabet="+-.0123456789eE _,\n٤", max_size=8))
def test_reading_takes_plain_numbers_only(text: str):
    try:
        value = call(READ, text, {})
    except Refusal:
        return
    assert value == Decimal(text)
    assert set(text) <= set("+-.0123456789")


def test_every_unit_of_the_table_is_ucum():
    for code in units.table():
        assert is_ucum(code), code
        assert units.is_sane(code), code


@pytest.mark.parametrize("code", ["bpm", "BPM", "msec", "beats/min", "degrees", "", " ms", "ms\n", "m s"])
def test_what_hospitals_write_is_not_ucum(code: str):
    assert not is_ucum(code)


@pytest.mark.parametrize("code", ["", " ", "m s", "ms\n", "[in_i", "{beats", "mm]Hg[", "µV", "a}b"])
def test_what_is_not_even_written_like_a_unit(code: str):
    assert not units.is_sane(code)


def test_ratios_agree_with_ucumvert_and_pint():
    # pint knows the millimetre of mercury to more digits than UCUM defines it with, hence the tolerance.
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    table = units.table()
    for first, second in product(table, table):
        if table[first] == table[second]:
            expected = registry.from_ucum(first).to(registry.from_ucum(second).units)
            scale = registry.from_ucum(second).magnitude
            assert float(units.ratio(first, second)) == pytest.approx(
                float(expected.magnitude) / float(scale), rel=1e-5
            )
        else:
            with pytest.raises(Refusal):
                units.ratio(first, second)


@pytest.mark.parametrize(
    ("unit", "wanted", "expected"),
    [
        ("ms", "s", Fraction(1, 1000)),
        ("/min", "Hz", Fraction(1, 60)),
        ("{beats}/min", "/min", Fraction(1)),
        ("[in_i]", "cm", Fraction("2.54")),
        ("[lb_av]", "kg", Fraction("0.45359237")),
        ("mm[Hg]", "kPa", Fraction("0.133322")),
        ("%", "1", Fraction(1, 100)),
        ("{ratio}", "%", Fraction(100)),
        ("[local]", "[local]", Fraction(1)),
    ],
)
def test_ratios_are_exact(unit: str, wanted: str, expected: Fraction):
    assert units.ratio(unit, wanted) == expected


def test_quantities_compare_whatever_unit_they_are_in():
    assert units.compare(Quantity(Decimal("0.4"), "s", ""), Quantity(Decimal(400), "ms", "")) == 0
    assert units.compare(Quantity(Decimal("0.4"), "s", ""), Quantity(Decimal(401), "ms", "")) == -1
    assert units.compare(Quantity(Decimal(61), "/min", ""), Quantity(Decimal(1), "Hz", "")) == 1
    with pytest.raises(Refusal):
        units.compare(Quantity(Decimal(5), "ms", "<"), Quantity(Decimal(6), "ms", ""))
    with pytest.raises(Refusal):
        units.compare(Quantity(Decimal(5), "ms", ""), Quantity(Decimal(6), "mV", ""))
