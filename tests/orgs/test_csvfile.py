"""CSV tables."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.core.prose import message
from segwright.core.source import Source
from segwright.orgs.csvfile import read_rows


def test_cells_know_their_places() -> None:
    source = Source("orgs/x/ranges.csv", 'kind, low\r\nqrs,"1,""2"\r\n\r\nqt,\r\n')
    table, findings = read_rows(source)
    assert findings == []
    assert table is not None
    assert table.names == ("kind", "low")
    assert [[cell.text for cell in row] for row in table.rows] == [["qrs", '1,"2'], ["qt", ""]]
    span = table.span(table.rows[0][1])
    assert source.text[span.start : span.end] == '"1,""2"'
    assert source.position(span.start) == (2, 5)


@pytest.mark.parametrize(
    ("text", "line_column", "words"),
    [
        ("a,b\n1\n", (2, 1), "This row has 1 value; the first row names 2 columns"),
        ("a,b\n1,2,3\n", (2, 1), "3 values"),
        ('a,b\n1,"2\n3,4\n', (2, 3), "never closed"),
        ('a,b\n1,2"3\n', (2, 4), "quote inside doubled"),
        ('a,b\n"1"2,3\n', (2, 4), "quote inside doubled"),
        ("a,\n1,2\n", (1, 3), "Column 2 has no name"),
        ("a,a\n1,2\n", (1, 3), "Two columns are called `a`"),
        ("a;b\n1;2\n", (1, 2), "separated by semicolons"),
        ("a\tb\n1\t2\n", (1, 2), "separated by tabs"),
        ("sep=,\na,b\n1,2\n", (1, 1), "Excel's own"),
        ('a,b\n1, "2"\n', (2, 4), "Before this quote stands a space"),
        ("a,b\n1,\u201c2, 3\u201d\n", (2, 3), "typographic quote"),
        ("", (1, 1), "holds nothing"),
    ],
)
def test_what_cannot_be_trusted_is_refused(text: str, line_column: tuple[int, int], words: str) -> None:
    source = Source("orgs/x/t.csv", text)
    table, findings = read_rows(source)
    assert table is None
    assert source.position(findings[0].span.start) == line_column
    assert words in message(findings[0])


def test_rows_and_last_columns_in_which_nothing_stands_are_left_out() -> None:
    table, findings = read_rows(Source("t.csv", "a,b,,\n1,2,,\n,,,\n3,,,\n"))
    assert findings == []
    assert table is not None
    assert table.names == ("a", "b")
    assert [[cell.text for cell in row] for row in table.rows] == [["1", "2"], ["3", ""]]
    _, findings = read_rows(Source("t.csv", "a,b,,\n1,2,,x\n"))
    assert [message(found) for found in findings] == ["Column 3 has no name.", "Column 4 has no name."]


def test_every_bad_row_is_reported() -> None:
    _, findings = read_rows(Source("t.csv", 'a,b\n1\n2,3\n4,5"\n6,7,8\n'))
    assert [d.code for d in findings] == ["SW0748"] * 3


CELL = st.text('ab",; \n\ré', max_size=5)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), max_size=5)))
def test_what_pythons_csv_writes_is_read_back(rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 1
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([[f"c{n}" for n in range(width)], *rows])
    table, findings = read_rows(Source("t.csv", out.getvalue()))
    assert findings == []
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [row for row in rows if any(row)]


@given(st.text('a",\n\r;', max_size=20))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    table, findings = read_rows(Source("t.csv", text))
    assert (table is None) == bool(findings)
