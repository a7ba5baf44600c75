"""What a narrative may hold."""

from __future__ import annotations

import pytest

from segwright.plan.narratives import check


@pytest.mark.parametrize(
    "source",
    [
        "plain text {# remark #} with } and {",
        "{{ v0 }} {{ v1[3][0] }}",
        "{% for m in v0[2] %}{{ m[0] | f0 }}{% else %}none{% endfor %}",
        "{% for m in v0 if m[1] is not none %}{% for n in m[2] %}{{ n | f1(1, 'a', none, v1) }}{% endfor %}{% endfor %}",
        "{% if v0 == 'x' and not (v1 in ['a', 'b'] or v1[0] is none) %}a{% elif v1 > 3 %}b{% else %}c{% endif %}",
        "{{ v0[1] if v0[1] is not none else 'unknown' }}",
        "{% raw %}{{ anything }}{% endraw %}",
    ],
)
def test_the_checked_part_of_jinja_is_taken(source: str) -> None:
    assert check(source, 2, 2) is None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ v2 }}", "neither an argument"),
        ("{{ request }}", "neither an argument"),
        ("{{ loop }}", "neither an argument"),
        ("{{ v0.__class__ }}", "Getattr"),
        ("{{ v0['__class__'] }}", "a subscript is a number"),
        ("{{ v0[-1] }}", "a subscript"),
        ("{{ v0[v1] }}", "a subscript"),
        ("{{ v0[1:] }}", "a subscript"),
        ("{{ v0[true] }}", "a subscript"),
        ("{{ v0() }}", "Call"),
        ("{{ v0 * 1000000000 }}", "Mul"),
        ("{{ 'a' ~ v0 }}", "Concat"),
        ("{{ 1 + 1 }}", "Add"),
        ("{{ 2 ** 100000 }}", "Pow"),
        ("{{ -v0 }}", "Neg"),
        ("{{ 1.5 }}", "constants"),
        ("{{ {'a': 1} }}", "Dict"),
        ("{{ v0 | upper }}", "a filter that"),
        ("{{ v0 | f2 }}", "a filter that"),
        ("{{ v0 | f0(a=1) }}", "by place"),
        ("{{ v0 | f0(*v1) }}", "by place"),
        ("{{ v0 | f0(v1.x) }}", "Getattr"),
        ("{{ v0 is defined }}", "the only test"),
        ("{{ v0 if v1 }}", "needs its `else`"),
        ("{% set a = 1 %}", "Assign"),
        ("{% include 'x' %}", "Include"),
        ("{% import 'x' as y %}", "Import"),
        ("{% extends 'x' %}", "Extends"),
        ("{% macro m() %}{% endmacro %}", "Macro"),
        ("{% block b %}{% endblock %}", "Block"),
        ("{% call v0() %}{% endcall %}", "CallBlock"),
        ("{% filter f0 %}{% endfilter %}", "FilterBlock"),
        ("{% with %}{% endwith %}", "With"),
        ("{% autoescape true %}{% endautoescape %}", "Scope"),
        ("{% for a, b in v0 %}{% endfor %}", "one name"),
        ("{% for a in v0 recursive %}{% endfor %}", "one name"),
        ("{% for v1 in v0 %}{% endfor %}", "cannot be bound"),
        ("{% for loop in v0 %}{% endfor %}", "cannot be"),
        ("{% for __a in v0 %}{% endfor %}", "cannot be bound"),
        ("{% for a in v0 %}{{ loop.index }}{% endfor %}", "Getattr"),
        ("{% for a in v0 %}{% endfor %}{{ a }}", "neither an argument"),
        ("{% for a in range(9) %}{% endfor %}", "Call"),
        ("{% if v0 %}", "line 1 cannot be read"),
        ("\n{{ v0 ", "line 2 cannot be read"),
        ("{% import os %}", "cannot be read"),
        ("{{ " + "(" * 5000 + "v0" + ")" * 5000 + " }}", "nested too deeply"),
        ("{{ " + "not " * 100 + "v0 }}", "nested too deeply"),
        ("{% if v0 %}" * 100 + "{% endif %}" * 100, "nested too deeply"),
        ("x" * 20_000, "longer than"),
    ],
)
def test_everything_else_is_refused(source: str, reason: str) -> None:
    assert reason in (check(source, 2, 2) or "")
