"""Mending: only what can have been meant in one way, never to the worse, and once is enough."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segwright.core.diagnostic import Diagnostic, errors
from segwright.core.source import Source
from segwright.lang.mending import applied, mend
from segwright.lang.parse import parse
from segwright.lang.printer import print_file
from tests.lang.strategies import files

HERE = Path(__file__).parent
HEAD = "mapping m writes ORU^R01\nsegment OBX\n"


def read(source: Source) -> list[Diagnostic]:
    return parse(source)[1]


def mended(text: str) -> str:
    return mend(Source("a.seg", text), read).text


@pytest.mark.parametrize(("wrong", "right"), [
    ("OBX-1 == a.b", "OBX-1 = a.b"),
    ("OBX-1 := a.b", "OBX-1 = a.b"),
    ("OBX-1 => a.b", "OBX-1 = a.b"),
    ("OBX-1 -> a.b", "OBX-1 = a.b"),
    ("OBX-1 = a.b;  # why", "OBX-1 = a.b  # why"),
    ("OBX-1 = 'x'", 'OBX-1 = "x"'),
    ("OBX-1 = “x” ^ ”y“", 'OBX-1 = "x" ^ "y"'),
    ("OBX-1\u00a0=\u00a0a.b", "OBX-1 = a.b"),
    ("OBX-1 = a.b when c.d –1", "OBX-1 = a.b when c.d –1"),
    ("OBX-1 =\ta.b", "OBX-1 =   a.b"),
    ("OBX-1 = a.b when c.d||e.f", "OBX-1 = a.b when c.d or e.f"),
    ("OBX-1 = a.b when c.d && !e.f", "OBX-1 = a.b when c.d and not e.f"),
    ("OBX-1 = a.b when c.d != 3", "OBX-1 = a.b when c.d is not 3"),
    ("OBX-1 = a.b when c.d>=3", "OBX-1 = a.b when c.d is at least 3"),
    ("OBX-1 = a.b when c.d == 3", "OBX-1 = a.b when c.d is 3"),
    ("OBX-1 = a.b when c.d = 3", "OBX-1 = a.b when c.d is 3"),
    ("OBX-1 = a.b if c.d", "OBX-1 = a.b when c.d"),
    ("obx-1.2 = a.b", "OBX-1.2 = a.b"),
    ("OBX.1 = PID.3", "OBX-1 = PID-3"),
    ("OBX1 = a.b // note", "OBX-1 = a.b # note"),
    ("OBX-1-2 = a.b", "OBX-1.2 = a.b"),
])  # fmt: skip
def test_a_sign_that_can_only_mean_one_thing_is_mended(wrong: str, right: str) -> None:
    text = mended(f"{HEAD}  {wrong}\n")
    if wrong != right:
        assert text == f"{HEAD}  {right}\n"
        assert not errors(read(Source("a.seg", text)))


@pytest.mark.parametrize("wrong", [
    "OBX-1 = a.b requird", "OBX-1 = a.camelCase", 'OBX-1 = ""', "OBX-1 = a.b when c.d is blank", 'OBX-1 = "x', "OBX-1[2].3 = a.b",
    "OBX-1 = a.b + 1", "OBX-1 = f(a.b", "OBX-1 = it's", "OBX-1 = '\"'", "OBX-1 = a.b; OBX-2 = c.d",
])  # fmt: skip
def test_what_could_mean_several_things_is_left_to_people(wrong: str) -> None:
    assert mended(f"{HEAD}  {wrong}\n") == f"{HEAD}  {wrong}\n"


def test_a_mistake_that_people_decide_is_offered_as_edits() -> None:
    source = Source("a.seg", f"{HEAD}  OBX-1 = a.b requird\n")
    (found,) = read(source)
    (fix,) = found.fixes
    assert not fix.safe
    assert applied(source.text, fix) == f"{HEAD}  OBX-1 = a.b required\n"
    assert applied(source.text.replace("requird", "reqird!"), fix) is None


def test_every_offer_for_the_kept_mistakes_reads_no_worse() -> None:
    for path in (HERE / "fixtures" / "mistakes.seg", HERE / "twenty_mistakes.seg"):
        source = Source(path.name, path.read_text(encoding="utf-8"))
        before = read(source)
        assert any(fix.safe for found in before for fix in found.fixes) or "twenty" in path.name
        for found in before:
            for fix in found.fixes:
                after = applied(source.text, fix)
                assert after is not None
                if fix.safe:
                    assert len(errors(read(Source("a.seg", after)))) <= len(errors(before)), found


_SLIPS = [(" = ", " == "), (" = ", " := "), (" and ", " && "), (" or ", " || "), (" not ", " ! "), ('"', "“"), (" ", "\u00a0"),
          ("-", "."), (" when ", " if "), (" is ", " = "), ("  ", "\t"), ("\n", ";\n"), ("OBX", "obx"), ("->", "=>"), ('"', "'")]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(files(), st.integers(0, 2**32))
def test_mending_never_makes_a_file_worse_and_once_is_enough(file, seed) -> None:
    chance = random.Random(seed)
    text = print_file(file)
    for wrong, slip in chance.sample(_SLIPS, 4):
        places = [at for at in range(len(text)) if text.startswith(wrong, at)]
        for at in sorted(chance.sample(places, min(len(places), 2)), reverse=True):
            text = text[:at] + slip + text[at + len(wrong) :]
    before = read(Source("a.seg", text))
    once = mend(Source("a.seg", text), read)
    after = read(Source("a.seg", once.text))
    assert len(errors(after)) <= len(errors(before))
    assert len(after) <= len(before)
    assert mended(once.text) == once.text
    assert bool(once.done) == (once.text != text)


def test_an_end_is_offered_where_the_block_must_have_closed() -> None:
    text = "mapping m writes ORU^R01\n\nfor each a in b.c\n  use p\n"
    (found,) = read(Source("a.seg", text))
    assert applied(text, found.fixes[0]) == text + "end\n"
    text = "enum E\n  x\n\nrecord R\n  a: text\nend\n"
    (found,) = read(Source("a.seg", text))
    assert applied(text, found.fixes[0]) == "enum E\n  x\n\nend\nrecord R\n  a: text\nend\n"
