"""Rendering: carets under what is meant, whatever stands in the line; nothing steers the terminal; three machine forms agree."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic
from segwright.core.render import render_concise, render_text, summary, visible
from segwright.core.render_json import render_json
from segwright.core.sarif import render_sarif
from segwright.core.source import NOWHERE, Source


def at(source: Source, text: str, code: str = "SW0122", *labels: Label, **facts: object) -> Diagnostic:
    start = source.text.index(text)
    return diagnostic(code, source.span(start, start + len(text)), *labels, **facts)  # type: ignore[arg-type]


def shown(source: Source, *found: Diagnostic, width: int = 100) -> str:
    return render_text(found, {source.name: source}, width=width)


def cells(text: str) -> int:
    wide = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return wide - sum(1 for char in text if unicodedata.category(char) in ("Mn", "Me"))


def underlined(output: str) -> tuple[int, int]:
    """The first and last cell of the carets, counted from the first cell of the source line."""
    line = next(line for line in output.split("\n") if re.match(r" *\| +\^| *\| \^", line))
    text = line.split("|", 1)[1][1:]
    return len(text) - len(text.lstrip()), len(text.rstrip()) - 1


def test_a_finding_in_full() -> None:
    source = Source("orgs/mercy/ecg.seg", "overlay ecg\n\nsegment OBX\n  OBX-1 = a.b\n  PID-3 = c.d\n")
    opened = Label(source.span(13, 24), "opened")
    found = at(source, "PID-3", "SW0143", opened, path="PID-3", segment="PID", open="OBX")
    assert shown(source, found) == (
        "error[SW0143]: `PID-3` belongs to PID, and the open segment is OBX.\n"
        " --> orgs/mercy/ecg.seg:5:3\n"
        "  |\n"
        "3 | segment OBX\n"
        "  | ----------- the block begins here\n"
        "4 |   OBX-1 = a.b\n"
        "5 |   PID-3 = c.d\n"
        "  |   ^^^^^\n"
        "  |\n"
        "  = help: Move the rule under `segment PID`, or write `OBX-…` if OBX was meant.\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_a_label_in_another_file_shows_that_file() -> None:
    one, two = Source("a.seg", "OBX-1 = a;\n"), Source("b.seg", "\nOBX-1 = b\n")
    found = at(one, ";", "SW0122", Label(two.span(1, 6), "base"))
    text = render_text([found], {"a.seg": one, "b.seg": two})
    assert " --> a.seg:1:10" in text
    assert " ::: b.seg:2:1\n  |\n2 | OBX-1 = b\n  | ----- the inherited line" in text


def test_lines_between_two_marks_are_left_out() -> None:
    source = Source("a.seg", "first\n" + "between\n" * 9 + "last;\n")
    text = shown(source, at(source, ";", "SW0122", Label(source.span(0, 5), "first")))
    assert "between" not in text
    assert "\n...\n" in text
    assert "\n 1 | first\n   | ----- first written here\n" in text


@pytest.mark.parametrize("before", [
    "", "    ", "\t", "a\t", "\t\tx\t", "日本語", "日\t本",
    "e\u0301e\u0301", "ｆｕｌｌ", "“–”", "\u200b", "\x1b[31m", "\x00", "🫀", "한국",
])  # fmt: skip
def test_carets_stand_under_what_is_meant(before: str) -> None:
    source = Source("a.seg", f"x\n{before}HERE rest\n")
    output = shown(source, at(source, "HERE"))
    row = next(line for line in output.split("\n") if "HERE" in line).split("|", 1)[1][1:]
    place = cells(row[: row.index("HERE")])
    assert underlined(output) == (place, place + 3)


def test_a_wide_character_has_wide_carets() -> None:
    source = Source("a.seg", "x 日本 y\n")
    assert underlined(shown(source, at(source, "日本"))) == (2, 5)


def test_nothing_in_a_file_steers_the_terminal() -> None:
    source = Source("a\x1b[2J.seg", "x \x1b]0;evil\x07 ;\x1b[31m\n")
    found = diagnostic("SW0105", source.span(2, 3), found="\x1b[2J")
    for text in (shown(source, found), render_concise([found], {source.name: source})):
        assert "\x1b" not in text
        assert "\x07" not in text


def test_colour_only_adds_colour() -> None:
    source = Source("a.seg", "a;\n")
    found = [at(source, ";", "SW0122", Label(source.span(0, 1), "first"))]
    plain = render_text(found, {"a.seg": source})
    painted = render_text(found, {"a.seg": source}, colour=True)
    assert painted != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("place", [0, 30, 150, 390])
def test_a_long_line_is_cut_around_the_place(width: int, place: int) -> None:
    text = "".join(f"{number:04d} " for number in range(100))
    source = Source("a.seg", text[:place] + "HERE" + text[place:] + "\n")
    output = shown(source, at(source, "HERE"), width=width)
    assert all(len(line) <= width for line in output.split("\n"))
    row = next(line for line in output.split("\n") if "HERE" in line).split("|", 1)[1][1:]
    start = row.index("HERE")
    assert underlined(output) == (start, start + 3)


def test_a_place_over_several_lines_is_marked_in_its_first() -> None:
    source = Source("a.seg", "one two\nthree\nfour\n")
    output = shown(source, diagnostic("SW0122", source.span(4, 13)))
    assert "\n  |     ^^^ (to line 2)\n" in output


@pytest.mark.parametrize("text", ["", "abc", "abc\n"])
def test_the_end_of_the_file_can_be_pointed_at(text: str) -> None:
    source = Source("a.seg", text)
    output = shown(source, diagnostic("SW0111", source.span(len(text), len(text))))
    assert "^" in output


def test_a_place_whose_text_is_not_at_hand_is_named() -> None:
    source = Source("a.seg", "x")
    assert " --> a.seg\n" in render_text([diagnostic("SW0122", source.span(0, 1))], {})
    assert render_concise([diagnostic("SW0122", source.span(0, 1))], {}).startswith("a.seg: error SW0122: ")
    assert render_text([diagnostic("SW0122", NOWHERE)], {}).startswith(
        "error[SW0122]: A line ends without a semicolon.\n"
    )


def test_findings_are_sorted_and_said_once() -> None:
    one, two = Source("a.seg", "a;b;\n"), Source("b.seg", ";\n")
    sources = {"a.seg": one, "b.seg": two}
    first, second = diagnostic("SW0122", one.span(1, 2)), diagnostic("SW0122", one.span(3, 4))
    third = diagnostic("SW0122", two.span(0, 1), organisation="mercy")
    lines = render_concise([third, second, first, second], sources).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["a.seg:1:2", "a.seg:1:4", "b.seg:1:1"]
    assert lines[2].endswith("[mercy]")


def test_the_summary_counts_each_severity() -> None:
    source = Source("a.seg", "abc")
    kinds = [Severity.ERROR, Severity.ERROR, Severity.WARNING, Severity.NOTE]
    found = [diagnostic("SW0122", source.span(i, i + 1), severity=kind) for i, kind in enumerate(kinds)]
    assert summary(found) == "2 errors, 1 warning and 1 note in 1 file"
    assert summary(found[:1]) == "1 error in 1 file"
    assert render_text([], {}) == ""


def test_json_holds_places_from_one() -> None:
    source = Source("a.seg", "x\n日;\n")
    found = at(source, ";", "SW0122", Label(source.span(0, 1), "first"))
    (item,) = json.loads(render_json([found], {"a.seg": source}))
    assert item["place"] == {
        "file": "a.seg",
        "start": 3,
        "end": 4,
        "line": 2,
        "column": 2,
        "end_line": 2,
        "end_column": 3,
    }
    assert (item["code"], item["severity"], item["labels"][0]["text"]) == ("SW0122", "error", "first written here")
    assert json.loads(render_json([], {})) == []


def test_sarif_names_its_rules_and_places() -> None:
    source = Source("orgs/a b.seg", "x;\n")
    found = at(source, ";", "SW0122", Label(source.span(0, 1), "first"), severity=Severity.WARNING)
    log = json.loads(render_sarif([found], {source.name: source}, version="1.2.3"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (result,) = run["results"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"], driver["rules"][result["ruleIndex"]]["id"]) == (
        "segwright",
        "1.2.3",
        "SW0122",
    )
    assert result["level"] == "warning"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "orgs/a%20b.seg"
    assert place["region"]["startColumn"] == 2
    assert result["relatedLocations"][0]["message"]["text"] == "first written here"


@given(st.text(), st.integers(0, 40), st.integers(0, 40), st.integers(1, 130))
def test_any_place_in_any_text_can_be_shown(text: str, start: int, length: int, width: int) -> None:
    source = Source("a.seg", text)
    found = [
        diagnostic("SW0122", source.span(start, start + length), Label(source.span(length, start + length), "first"))
    ]
    sources = {"a.seg": source}
    output = render_text(found, sources, width=width)
    assert "^" in output
    assert render_json(found, sources)
    assert render_sarif(found, sources)
    assert visible(output.replace("\n", "")) == output.replace("\n", "")
