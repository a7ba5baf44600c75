"""The law of every two-way format: what was written reads back as it was."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.values import Moment
from segwright.library import builtins, undoing
from segwright.library.record import Builtin
from tests.library.test_examples import call

DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6
) | st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-(10**12), 10**12), st.integers(-8, 12)
)
ICD10 = st.builds(
    lambda category, rest: f"{category}.{rest}" if rest else category,
    st.from_regex(r"[A-Z]([0-9][0-9A-Z]|[A-Z][0-9])", fullmatch=True),
    st.from_regex(r"([0-9A-Z]{1,4})?", fullmatch=True),
)
TEXTS = st.text(min_size=1)

# The values of each record, and arguments under which the law is promised.
LAWS: dict[str, tuple[st.SearchStrategy[Any], st.SearchStrategy[dict[str, Any]]]] = {
    "text/text@1": (TEXTS, st.just({})),
    "base64/text@1": (st.binary(min_size=1).map(lambda data: base64.b64encode(data).decode()), st.just({})),
    "number/decimal@1": (DECIMALS, st.just({})),
    "integer/integer@1": (st.integers(-(10**29), 10**29), st.just({})),
    "date/date@1": (
        st.dates(min_value=date(1, 1, 1)).map(lambda day: Moment(f"{day.year:04}{day:%m%d}", None)),
        st.just({}),
    ),
    "icd10/code@1": (ICD10, st.fixed_dictionaries({"dots": st.booleans()})),
    "ucum/text@1": (st.sampled_from(["ms", "{beats}/min", "mm[Hg]", "10*3/uL", "%"]), st.just({})),
    "yes_no/boolean@1": (st.booleans(), st.just({})),
}


def test_every_two_way_format_is_tested():
    assert {record.key for record in builtins() if record.inverse} == set(LAWS)


@pytest.mark.parametrize("record", [pytest.param(r, id=r.key) for r in builtins() if r.inverse])
def test_reading_undoes_writing(record: Builtin):
    values, arguments = LAWS[record.key]
    reader = undoing(record)
    assert reader is not None

    @given(values, arguments)
    def law(value: Any, chosen: dict[str, Any]) -> None:
        written = call(record, value, chosen)
        assert isinstance(written, str)
        assert call(reader, written, {}) == value

    law()
