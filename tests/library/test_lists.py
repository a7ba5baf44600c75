from __future__ import annotations

import textwrap
import time

from hypothesis import assume, given
from hypothesis import strategies as st

from segwright.library import find
from segwright.library.record import Refusal
from tests.library.test_examples import call

(LINES,) = find("lines")
(CHUNKS,) = find("chunks")
(JOIN,) = find("join")
(CONCAT,) = find("concat")

WORDS = st.lists(st.text(alphabet="abé-.", min_size=1, max_size=8), min_size=1, max_size=30)


@given(WORDS, st.integers(8, 30), st.integers(1, 2))
def test_lines_break_as_textwrap_does(words: list[str], width: int, spaces: int):
    text = (" " * spaces).join(words)
    expected = textwrap.wrap(text, width, break_on_hyphens=False, expand_tabs=False, replace_whitespace=False)
    assert list(call(LINES, text, {"width": width})) == expected


@given(st.lists(WORDS, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_breaks_stay(paragraphs: list[list[str]], line_break: str):
    text = line_break.join(" ".join(words) for words in paragraphs)
    assert list(call(LINES, text, {"width": 1000})) == text.split(line_break if text else None)


@given(st.text(alphabet="ab é\u0301\n\t", max_size=80), st.integers(2, 12))
def test_no_line_is_too_long_and_no_letter_is_lost(text: str, width: int):
    try:
        lines = call(LINES, text, {"width": width})
    except Refusal:
        assume(False)  # a letter with more marks than a line has places
    assert all(1 <= len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(alphabet="ab \u0301\U0001f1fa\U0001f469\u200d", max_size=60), st.integers(1, 12))
def test_chunks_joined_are_the_text(text: str, size: int):
    try:
        chunks = call(CHUNKS, text, {"size": size})
    except Refusal:
        assume(False)  # a letter with more marks than a line has places
    assert "".join(chunks) == text
    assert all(1 <= len(chunk) <= size for chunk in chunks)


def test_a_long_text_takes_time_in_proportion():
    text = "word " * 400_000
    started = time.process_time()
    assert len(call(LINES, text, {"width": 70})) > 20_000
    assert len(call(CHUNKS, text + "é", {"size": 200})) > 5_000
    assert time.process_time() - started < 10


def test_join_takes_texts_and_lists_alike():
    assert JOIN.call(", ", "a", None, ("b", None, "c")) == "a, b, c"
    assert JOIN.call(", ", None, ()) is None
    assert CONCAT.call("a", "b", ("c",)) == "abc"
