"""Mistakes of syntax: each is found where it is, said in words, and brings no others after it."""

from __future__ import annotations

import re
from pathlib import Path

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segwright.core.prose import help_lines, message
from segwright.core.prose.syntax import ENTRIES, TERMINALS
from segwright.core.render import render_concise, render_text
from segwright.core.source import Source
from segwright.lang import grammar_file, lalr
from segwright.lang.build import Builder
from segwright.lang.mistakes import said
from segwright.lang.parse import parse

FIXTURES = Path(__file__).parent / "fixtures"


def found(text: str) -> list[tuple[str, str]]:
    """Codes with the text they point at."""
    source = Source("a.seg", text)
    return [(item.code, text[item.span.start : item.span.end]) for item in parse(source)[1]]


def in_segment(line: str) -> list[tuple[str, str]]:
    return found(f"mapping m writes ORU^R01\nsegment OBX\n  {line}\n  OBX-99 = a.b\n")


def in_overlay(text: str) -> list[tuple[str, str]]:
    return found(f"overlay m\n{text}\n")


def advice(text: str) -> str:
    """Everything that is said about the only mistake in a text."""
    (one,) = parse(Source("a.seg", text))[1]
    return "\n".join([message(one), *help_lines(one)])


EXPECTED = """
    5:1 SW0112   6:23 SW0112  7:3 SW0118   8:3 SW0119   9:11 SW0102  12:9 SW0114  13:24 SW0117 14:11 SW0101 15:25 SW0121
    16:11 SW0120 17:9 SW0123  18:14 SW0122 19:40 SW0116 20:3 SW0143  21:16 SW0128 22:25 SW0138 23:18 SW0126 24:13 SW0133
    25:25 SW0131 26:29 SW0111 27:36 SW0125 28:6 SW0104  29:1 SW0144  30:1 SW0136  32:1 SW0140  33:10 SW0135 34:12 SW0115
    39:1 SW0141  41:1 SW0140
""".split()


def test_a_file_full_of_mistakes_is_reported_in_one_run_without_a_follow_up() -> None:
    path = FIXTURES / "mistakes.seg"
    source = Source("mistakes.seg", path.read_text(encoding="utf-8"))
    _, diagnostics = parse(source)
    places = [
        f"{source.position(d.span.start).line}:{source.position(d.span.start).column} {d.code}" for d in diagnostics
    ]
    assert places == [f"{place} {code}" for place, code in zip(EXPECTED[::2], EXPECTED[1::2], strict=True)]
    assert len({d.code for d in diagnostics}) > 20
    assert render_concise(diagnostics, {source.name: source}).count("\n") == len(diagnostics)


@pytest.mark.parametrize(("line", "code", "place"), [
    ("OBX-1 = m.value requird", "SW0112", "requird"),
    ("OBX-1 = m.value via t on unmaped same", "SW0112", "unmaped"),
    ("OBX-1 = m.value AS text", "SW0112", "AS"),
    ('OBX-1 = "x', "SW0101", '"x'),
    ("OBX-1 = “x”", "SW0102", "“"),
    ("OBX-1\u00a0= a.b", "SW0104", "\u00a0"),
    ("OBX-1 = a.b\tand", "SW0103", "\t"),
    ("OBX-1 == a.b", "SW0114", "=="),
    ("OBX-1 => a.b", "SW0115", "=>"),
    ("OBX-1 := a.b", "SW0123", ":="),
    ("OBX-1 -> a.b", "SW0135", "->"),
    ("OBX-1 = a.b;", "SW0122", ";"),
    ("OBX-1 = 'x'", "SW0124", "'"),
    ("OBX-1 = a.b when c.d || e.f", "SW0116", "||"),
    ("OBX-1 = a.b when c.d && e.f", "SW0116", "&&"),
    ("OBX-1 = a.b when !c.d", "SW0116", "!"),
    ("OBX-1 = a.b when c.d != 3", "SW0130", "!="),
    ("OBX-1 = a.b when c.d >= 3", "SW0130", ">="),
    ("OBX-1 = a.b when c.d < 3", "SW0130", "<"),
    ("OBX-1 = a.b when c.d = 3", "SW0135", "="),
    ("OBX-1 = a.b if c.d", "SW0117", "if"),
    ("OBX-1 = a.b else if c.d", "SW0121", "else if"),
    ("OBX-1 = a.b unless c.d", "SW0137", "unless"),
    ("obx-1 = a.b", "SW0118", "obx-1"),
    ("Obx-1.2 = a.b", "SW0118", "Obx-1.2"),
    ("OBX.1 = a.b", "SW0119", "OBX.1"),
    ("OBX1 = a.b", "SW0119", "OBX1"),
    ("OBX-1-2 = a.b", "SW0119", "OBX-1-2"),
    ("OBX-1[2].3 = a.b", "SW0119", "OBX-1[2].3"),
    ("OBX-1x2 = a.b", "SW0119", "OBX-1x2"),
    ("OBX-o1 = a.b", "SW0119", "OBX-o1"),
    ("OBX-5.a = a.b", "SW0119", "OBX-5.a"),
    ("OBX-1 = PID-5o", "SW0119", "PID-5o"),
    ("OBX-1 = pid-3", "SW0118", "pid-3"),
    ('OBX-1 = ""', "SW0120", '""'),
    ("OBX-1 = a.b when c.d is blank", "SW0125", "blank"),
    ("OBX-1 = a.camelCase", "SW0126", "camelCase"),
    ("OBX-1 = first-name", "SW0126", "first-name"),
    ('OBX-1 = a.b when c.d as text is "x"', "SW0127", "as"),
    ("OBX-1 = f(a.b", "SW0128", "("),
    ("OBX-1 = a.b when c.d in [e.f", "SW0128", "["),
    ("OBX-1 = a.b)", "SW0129", ")"),
    ("OBX-1 = a.b + 1", "SW0131", "+"),
    ("OBX-1 = a.b when c.d is above 1,5", "SW0162", "1,5"),
    ('OBX-1 = a.b because "x" because "y"', "SW0160", "because"),
    ("OBX-1 = a.b when c.d else if e.f", "SW0121", "else if"),
    ("OBX-1 = a.b // why", "SW0132", "//"),
    ('OBX-1 = "{a.b"', "SW0133", "{"),
    ('OBX-1 = "a}"', "SW0133", "}"),
    ('OBX-1 = "{}"', "SW0134", "{}"),
    ("OBX-1 = a.b is 3", "SW0138", "is"),
    ("OBX-1 = a.b as text(max 20)", "SW0139", "max 20"),
    ("PID-3 = a.b", "SW0143", "PID-3"),
    ("OBX-1 = a.b required required", "SW0152", "required"),
    ("OBX-1 = a.b otherwise when c.d", "SW0154", "a.b otherwise when c.d"),
    ("OBX-1 = count OBX from -1", "SW0157", "-1"),
    ("OBX-12345 = a.b", "SW0158", "OBX-12345"),
    ("OBX-1 = a.b $ 1", "SW0105", "$"),
    ('OBX-1 = "x" "y"', "SW0110", '"y"'),
    ('OBX-1 = "{a b}"', "SW0110", "b"),
])  # fmt: skip
def test_a_mistake_in_a_rule(line: str, code: str, place: str) -> None:
    reported = in_segment(line)
    if code == "SW0103":
        reported = reported[:1]
    assert reported == [(code, place)]


@pytest.mark.parametrize(("text", "code", "place"), [
    ("segment pid", "SW0118", "pid"),
    ("segmnt PID", "SW0112", "segmnt"),
    ("segment PV1 frm order.received", "SW0112", "frm"),
    ("xyzzy", "SW0113", "xyzzy"),
    ("check that a.b else \"x\"", "SW0136", "check"),
    ("reject AE when a.b saying \"x\"", "SW0136", "reject AE"),
    ("for m in a.b\n  use p\nend", "SW0137", "for"),
    ("foreach m in a.b\n  use p\nend", "SW0137", "foreach"),
    ("let X = 3", "SW0126", "X"),
    ("use p(a b)", "SW0139", "a b"),
    ("record person\n  a: text\nend", "SW0161", "person"),
    ("record Person\n  a = text\nend", "SW0135", "="),
    ("use p\nend", "SW0141", "end"),
    ("PID-3 = a.b", "SW0142", "PID-3"),
    ("override PID-3 = a.b", "SW0144", "override PID-3 = a.b"),
    ("mapping n writes ORU^R01", "SW0146", "mapping n writes ORU^R01"),
    ("for each a in b.c\n  enum E\n    x\n  end\nend", "SW0147", "enum E"),
    ("allow SW0403 on DG1", "SW0150", "allow SW0403 on DG1"),
    ('allow SW0403 on DG1 because ""', "SW0151", '""'),
    ("for each a in b.c\n  use p\nend because \"x\"", "SW0153", 'end because "x"'),
    ('segment PV1 because "x"', "SW0153", 'because "x"'),
    ("table t: A <- text\n  a <- b\nend", "SW0156", "<-"),
    ("for each a in b.c\n  use p", "SW0140", "for each a in b.c"),
    ("enum E\n  x\nsegment OBX\n  OBX-1 = a.b", "SW0140", "enum E"),
    ("text r(a: B)\n  hello", "SW0140", "text r(a: B)"),
    ("use p\nend\nelse \"x\"", "SW0141", "end"),
])  # fmt: skip
def test_a_mistake_in_a_mapping(text: str, code: str, place: str) -> None:
    assert found(f"mapping m writes ORU^R01\n{text}\n")[0] == (code, place)


@pytest.mark.parametrize(("text", "code", "place"), [
    ("OBX-1 = a.b", "SW0148", "OBX-1"),
    ("segment OBX\n  OBX-1 = a.b", "SW0149", "segment OBX"),
    ("override OBX-1 = a.b", "SW0150", "override OBX-1 = a.b"),
    ("override table t\n  a -> b\nend", "SW0150", "override table t"),
    ('add segment ZEC because "x"', "SW0155", 'add segment ZEC because "x"'),
    ('for reason "x"\n  remove OBX-1', "SW0140", 'for reason "x"'),
    ("overide OBX-1 = a.b", "SW0112", "overide"),
])  # fmt: skip
def test_a_mistake_in_an_overlay(text: str, code: str, place: str) -> None:
    assert in_overlay(text) == [(code, place)]


def test_a_line_before_any_mapping_is_said_once() -> None:
    assert found("segment OBX\n  OBX-1 = a.b\nsegment PID\n") == [("SW0145", "segment OBX")]


def test_a_line_that_goes_on_with_nothing() -> None:
    assert found('mapping m writes ORU^R01\nfor each a in b.c\n  use p\nend\nelse "x"\n') == [("SW0160", "else")]


def test_an_inner_block_without_end_is_found_by_indentation() -> None:
    text = "mapping m writes ORU^R01\nfor each a in b.c\n  for each d in e.f\n    use p\nend\nuse q\n"
    assert found(text) == [("SW0140", "for each d in e.f")]


def test_the_block_of_a_broken_line_swallows_what_stands_in_it() -> None:
    text = 'mapping m writes ORU^R01\ntabel t: A -> text\n  x -> "1"\nend\nfor eech m in a.b\n  use p\nend\nuse q\n'
    assert [code for code, _ in found(text)] == ["SW0112", "SW0112"]


def test_both_places_of_a_rule_in_the_wrong_segment_are_shown() -> None:
    (one,) = parse(Source("a.seg", "mapping m writes ORU^R01\nsegment OBX\n  PID-3 = a.b\n"))[1]
    assert [label.role for label in one.labels] == ["opened"]


def test_what_was_expected_is_said_in_words() -> None:
    text = advice("mapping m writes ORU^R01\nsegment OBX\n  OBX-1 = a.b, c\n")
    assert "a step with `as`, `via` or `else`" in text
    assert "`required`, `optional`, `when` or `otherwise`" in text
    assert advice("mapping m writes ORU^R01\nsegment OBX\n  OBX-1 =\n").endswith(
        "a word such as `and`, `else`, `when`."
    )


# --- no token name ever reaches a person ------------------------------------------------------------------------------------


def test_every_terminal_has_a_phrase_and_no_phrase_is_left_over() -> None:
    parser = lark.Lark(grammar_file.grammar_text(), **grammar_file.OPTIONS)
    terminals = {terminal.name for terminal in parser.terminals} - set(parser.ignore_tokens)
    assert terminals | {"$END"} == set(TERMINALS)


def test_no_state_of_the_parser_makes_a_phrase_with_a_token_name() -> None:
    parser = lalr.line_parser(Builder(lambda text, at: None))
    named = re.compile(
        "|".join(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])" for name in TERMINALS if len(name) > 3)
    )
    for actions in parser.parser.parser._parse_table.states.values():
        phrases = said(frozenset(name for name in actions if name in TERMINALS))
        assert not named.search(" ".join(phrases)), phrases


_TOKEN_NAMES = re.compile(
    r"\b(?:ROW_ADD|ROW_REMOVE|LPAR|RPAR|LSQB|RSQB|CIRCUMFLEX|DOTTED|ACK_CODE|MESSAGE_TYPE|SEG|LABEL)\b|\$END"
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([
    "segment", "OBX", "OBX-1", "=", "a.b", '"x"', "when", "is", "required", "as", "via", "else", "(", ")", "^", ",", "for",
    "each", "in", "override", "add", "remove", "table", ":", "->", "end", "because", "x", "3", ".1", "not", "Foo", "at", "end",
    "of", "message", "if",
]), min_size=1, max_size=7).map(" ".join))  # fmt: skip
def test_whatever_is_written_is_answered_in_words(line: str) -> None:
    source = Source("a.seg", f"mapping m writes ORU^R01\nsegment OBX\n  {line}\n")
    diagnostics = parse(source)[1]
    assert not _TOKEN_NAMES.search(render_text(diagnostics, {"a.seg": source}).replace(line, ""))
    assert len(diagnostics) <= 3


def test_every_entry_is_a_whole_one() -> None:
    for code, entry in ENTRIES.items():
        assert re.fullmatch(r"SW01[0-9]{2}", code)
        assert entry.title
        assert entry.message.endswith((".", "?"))
        assert entry.why


def test_every_code_is_made_by_some_test_of_this_file() -> None:
    text = Path(__file__).read_text(encoding="utf-8") + (Path(__file__).parent / "test_lines.py").read_text(
        encoding="utf-8"
    )
    untested = {code for code in ENTRIES if f'"{code}"' not in text and f" {code}" not in text} - {"SW0159"}
    assert untested == set()


def test_a_line_beyond_all_measure() -> None:
    assert in_segment("OBX-1 = " + "(" * 500)[0][0] == "SW0159"
