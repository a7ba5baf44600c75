"""The quick reading of YAML gives what ruamel gives, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.orgs.plain import read_plain
from segwright.orgs.tree import plain, read_tree

NOISE = st.text("{}[],:'\"#\n -|>&*!%@`~\\ab01.\tnull?é", max_size=3)


def test_the_fixture_is_read_the_quick_way(text: str) -> None:
    assert read_plain(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n",
        "a: *x\n",
        "a: !!str 1\n",
        "a: 1\na: 2\n",
        "a:\n",
        "a: null\n",
        "a: ~\n",
        "a: |\n  b\n",
        "a:\tb\n",
        "a: b\r\n",
        "---\na: 1\n",
        "a: b\n  c\n",
        "a: [b,\n  c]\n",
        "a: 'b\n",
        '"a": "\\n"\n',
        "- a\n",
        "a: {b}\n",
        "a: {b: }\n",
        "null: 1\n",
        "a: b: c\n",
        "",
        "\ufeffa: 1\n",
        "a: {b: {c: 1}, b: 2}\n",
        " a: 1\nb: 2\n",
        "a: " + "x" * 2000 + "\n",
        "a: @b\n",
        "a: %b\n",
        "a:b\n",
        "a: b #c\n  d: e\n",
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_ruamel(text: str) -> None:
    assert read_plain(text) is None


@settings(max_examples=400, deadline=None)
@given(st.data())
@example(None)
def test_both_ways_give_the_same(text: str, data: st.DataObject | None) -> None:
    if data is None:
        changed = text
    else:
        lines = text.split("\n")
        start = data.draw(st.integers(0, len(lines)))
        changed = "\n".join(lines[start : start + data.draw(st.integers(1, 5))])
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(changed)))
            changed = changed[:at] + data.draw(NOISE) + changed[at + data.draw(st.integers(0, 2)) :]
    quick = read_plain(changed)
    if quick is not None:
        tree, findings = read_tree(Source("org.yaml", changed))
        assert findings == []
        assert tree is not None
        assert tree == quick


SCALARS = st.text("ab0.: -'\"\\#{}[],é^|~&", min_size=1, max_size=8)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), DATA, min_size=1, max_size=4))
def test_data_that_is_written_comes_back(data: dict[str, object]) -> None:
    def written(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f'"{k}": {written(v)}' for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(written(v) for v in value) + "]"
        return "'" + str(value).replace("'", "''") + "'"

    text = "".join(f"'{key}': {written(value)}\n" for key, value in data.items())
    quick = read_plain(text)
    assert quick is not None
    assert plain(quick) == data
    tree, findings = read_tree(Source("org.yaml", text))
    assert findings == []
    assert tree is not None
    assert tree == quick
