"""Where the parts of a JSON document stand."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from segwright.service.documents import line_at, lines_of

TEXT = """{
  "id": "R-1",
  "note": "a \\"quoted\\": { [ , text",
  "measurements": [
    {"kind": "heart_rate", "value": {"value": 62}},
    {
      "kind": "pr_interval"
    }
  ],
  "ids": [[1, 2],
    [3]]
}
"""


def test_every_value_has_its_line():
    found = lines_of(TEXT)
    assert found["$.id"] == 2
    assert found["$.measurements[0].value.value"] == 5
    assert found["$.measurements[1]"] == 6
    assert found["$.measurements[1].kind"] == 7
    assert (found["$.ids[0][1]"], found["$.ids[1][0]"]) == (10, 11)


def test_what_is_missing_stands_where_it_is_missing():
    assert line_at(lines_of(TEXT), "$.measurements[1].value") == 6
    assert line_at(lines_of(TEXT), "$.study") == 1


def paths(value: object, path: str = "$") -> set[str]:
    inner = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else ()
    return {path}.union(
        *(paths(held, f"{path}.{name}") for name, held in inner), *(paths(held, f"{path}[{n}]") for n, held in items)
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc_", min_size=1), inner),
    )
)
def test_every_path_of_a_document_is_found_once(value):
    assert set(lines_of(json.dumps(value, indent=1))) == paths(value)
