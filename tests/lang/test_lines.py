"""Cutting a file into logical lines: joined, commented, raw, mended, and always of the length of what they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.lang.lines import Splitting, split

PIECES = [
    "segment OBX", "  OBX-1 = ", '"a # b"', '"say ""yes"""', "# note", "## doc", "because", "  = blank otherwise", "end",
    "\n", "\n", "\n", "text report(r: R)", "  {{ raw }}", "enum E", "  from", "  required", "table t: A -> B",
    '  from org "x.csv"', "“", "”", '"', "–", "\t", "\r\n", "\u00a0", " ", "日本", "for each x in y", "override text t",
]  # fmt: skip


def cut(text: str) -> Splitting:
    return split(Source("a.seg", text))


def texts(text: str) -> list[str]:
    return [" ".join(line.text.split()) for line in cut(text).lines]


def test_a_line_goes_on_when_the_next_begins_with_a_word_of_continuation() -> None:
    assert texts("OBX-8\n  = a when b is c\n  = d otherwise\n  because \"x\"\nOBX-9 = e\n") == [
        'OBX-8 = a when b is c = d otherwise because "x"', "OBX-9 = e",
    ]  # fmt: skip


def test_comments_between_the_joined_lines_are_kept_and_do_not_part_them() -> None:
    out = cut("OBX-8   # one\n  # two\n  = a\n")
    assert [line.text.split() for line in out.lines] == [["OBX-8", "=", "a"]]
    assert [(comment.text, comment.own_line) for comment in out.comments] == [("# one", False), ("# two", True)]


def test_a_number_sign_in_a_text_begins_no_comment() -> None:
    out = cut('OBX-1 = "a # b" # real\n')
    assert out.lines[0].text == 'OBX-1 = "a # b"'
    assert [comment.text for comment in out.comments] == ["# real"]


def test_documentation_stands_directly_above_its_line() -> None:
    out = cut("## first\n## second\nsegment OBX\n\n## lost\n\nsegment PID\n")
    assert [line.doc for line in out.lines] == ["first\nsecond", ""]
    assert [comment.text for comment in out.comments] == ["## lost"]


def test_in_a_block_of_rows_words_of_continuation_are_names() -> None:
    assert texts("enum E\n  from\n  required\n  when\nend\n") == ["enum E", "from", "required", "when", "end"]
    assert texts('record R\n  from: text\n  end_at: text\nend\n  because "x"\n') == [
        "record R", "from: text", "end_at: text", 'end because "x"',
    ]  # fmt: skip


def test_a_table_from_a_file_has_no_rows() -> None:
    assert texts('table t: A -> B\n  from org "x.csv"\nsegment OBX\n  OBX-1\n  = a\n') == [
        'table t: A -> B from org "x.csv"', "segment OBX", "OBX-1 = a",
    ]  # fmt: skip


def test_only_a_reason_goes_on_after_end() -> None:
    assert texts('end\n  because "x"\n') == ['end because "x"']
    assert texts("end\n  as x\n") == ["end", "as x"]


def test_lines_of_a_text_are_raw() -> None:
    out = cut('text report(r: R)\n  because "open # no comment\n\n  {{ x }}\nend\nsegment OBX\n')
    assert [(line.text, line.raw) for line in out.lines] == [
        ("text report(r: R)", False), ('  because "open # no comment', True), ("", True), ("  {{ x }}", True), ("end", False),
        ("segment OBX", False),
    ]  # fmt: skip
    assert not out.comments
    assert not out.diagnostics


def test_a_text_without_end_stops_at_the_next_declaration() -> None:
    out = cut("text report(r: R)\n  hello\nrecord Person\n  a: text\nend\n")
    assert [line.text for line in out.lines if not line.raw] == ["text report(r: R)", "record Person", "a: text", "end"]


def test_an_open_quote_is_closed_at_the_end_of_its_line_and_said() -> None:
    out = cut('OBX-1 = "abc\nOBX-2 = a\n')
    assert [line.text for line in out.lines] == ['OBX-1 = "abc"', "OBX-2 = a"]
    assert out.lines[0].mended
    assert [(item.code, item.span.start, item.span.end) for item in out.diagnostics] == [("SW0101", 8, 12)]


@pytest.mark.parametrize(("text", "code", "mended"), [
    ("a = “x”", "SW0102", 'a = "x"'), ("a = „x“", "SW0102", 'a = "x"'), ('a = "x”', "SW0102", 'a = "x"'),
    ("a\u00a0= b", "SW0104", "a = b"), ("a ＝ b", "SW0104", "a = b"), ("PID–3 = b", "SW0104", "PID-3 = b"),
    ("a =\tb", "SW0103", "a = b"),
])  # fmt: skip
def test_a_look_alike_is_said_once_and_read_as_what_was_meant(text: str, code: str, mended: str) -> None:
    out = cut(text)
    assert [item.code for item in out.diagnostics] == [code]
    assert [line.text for line in out.lines] == [mended]


def test_inside_quotes_every_character_is_itself() -> None:
    out = cut('a = "“x” – × 日本\u00a0"')
    assert not out.diagnostics
    assert out.lines[0].text == 'a = "“x” – × 日本\u00a0"'


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes() -> None:
    out = cut("\ufeffsegment OBX\r\n  OBX-1 = a\r\n    = b\r\n")
    assert not out.diagnostics
    assert [line.text.split() for line in out.lines] == [["segment", "OBX"], ["OBX-1", "=", "a", "=", "b"]]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_a_logical_line_has_the_length_of_what_it_stands_for(text: str) -> None:
    out = cut(text)
    end = 0
    for line in out.lines:
        assert line.start >= end
        end = line.start + len(line.text)
        assert end <= len(text)
        for made, there in zip(line.text, text[line.start : end], strict=True):
            assert made == there or made in "\n \"-=,:.()[]^#'"
    for comment in out.comments:
        assert text[comment.span.start : comment.span.end] == comment.text


@given(st.text())
def test_any_text_is_cut(text: str) -> None:
    for line in cut(text).lines:
        assert line.start + len(line.text) <= len(text)
