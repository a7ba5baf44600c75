"""Narratives as they are rendered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from segwright.hl7.values import NULL, Moment, Quantity
from segwright.plan.ops import Narrative
from segwright.runtime.interpret import trace
from segwright.runtime.narrative import NarrativeRefused, render
from tests.plan.samples import WRITING, writes


def rendered(source: str, *arguments: Any, functions: tuple[str, ...] = ()) -> str:
    plan = writes(
        "x", (), (), 1, functions=functions, narratives=(Narrative(source, tuple(range(1, len(functions) + 1))),)
    )
    return render(plan, 0, arguments)


def test_blocks_leave_no_lines_and_the_edges_no_empty_ones() -> None:
    source = "\n{% for m in v0 %}\n  {{ m[0] }}: {{ m[1] }}\n{% endfor %}\n\n{% if v1 is none %}\nend\n{% endif %}\n\n"
    assert rendered(source, (("a", 1), ("b", Decimal("1.50"))), None) == "  a: 1\n  b: 1.50\n\nend"


def test_nothing_but_white_space_is_nothing() -> None:
    assert rendered(" \n{% if v0 == 'x' %}x{% endif %}\n ", "y") == ""


def test_line_ends_of_values_are_line_feeds() -> None:
    assert rendered("{{ v0 }}", "a\r\nb\rc") == "a\nb\nc"


def test_values_are_text_and_never_source() -> None:
    hostile = "{{ v0 }}{% for %}<b>&amp;"
    assert rendered("{{ v0 }}", hostile) == hostile


def test_filters_are_built_ins_and_pass_missing_values_on() -> None:
    assert rendered("{{ v0 | f0 }}", "a", functions=("upper/text@1",)) == "A"
    assert rendered("{{ 'none' if (v0 | f0) is none else 'some' }}", None, functions=("upper/text@1",)) == "none"


@pytest.mark.parametrize(
    ("source", "argument"),
    [
        ("{{ v0 }}", None),
        ("{{ v0 }}", NULL),
        ("{{ v0 }}", True),
        ("{{ v0 }}", Moment("2026", None)),
        ("{{ v0 }}", Quantity(Decimal(1), "ms", "")),
        ("{{ v0 }}", ("a",)),
        ("{{ v0 }}", Decimal("1E+99")),
        ("{{ v0[1] }}", None),
        ("{{ v0[1] }}", ("a",)),
        ("{{ v1 }}", "a"),
        ("{% for a in v0 %}{% endfor %}", None),
        ("{% for a in v0 %}{% endfor %}", 1),
        ("{% if v0 > 1 %}x{% endif %}", "a"),
        ("{{ v0 | f0 }}", "no digits"),
        ("{{ v0 | f0 }}", 1),
        ("{{ v0 | f0(1, 2, 3) }}", "1"),
    ],
)
def test_what_cannot_be_printed_is_refused_without_its_value(source: str, argument: Any) -> None:
    with pytest.raises(NarrativeRefused) as refused:
        rendered(source, argument, functions=("digits/text@1",))
    assert "no digits" not in str(refused.value)


def test_a_narrative_in_a_message() -> None:
    sample = WRITING["narrative"]
    text = trace(sample.plan, sample.inputs["impression"]).text
    assert text.split("\r")[1:3] == [
        (
            "OBX||FT|||HEART_RATE: 72\\.br\\QRS_DURATION: 98\\.br\\IMPRESSION\\.br\\Sinus rhythm \\F\\ with\\.br\\"
            "first degree block \\T\\ more\\.br\\x"
        ),
        "NTE|1||HEART_RATE: 72",
    ]
    assert text.split("\r")[-2] == "ZNO|is x"
