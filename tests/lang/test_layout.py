"""The one layout: what a file says stays, and laying it out again changes nothing."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.alignment import WIDTH
from segwright.lang.layout import formatted
from segwright.lang.parse import parse
from segwright.lang.printer import bare, print_file
from tests.lang.strategies import files

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*(ROOT / "mappings").rglob("*.seg"), *(ROOT / "orgs").rglob("*.seg")])
OTHERS = sorted(
    path for path in (ROOT / "tests").rglob("*.seg") if "mistakes" not in path.name and "bad_" not in str(path)
)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]
_RAW = re.compile(r"\s*(?:override )?text [a-z]")
_CLOSES = re.compile(r"\s*end\b")


def fmt(text: str) -> str:
    made, found = formatted(Source("a.seg", text))
    assert made is not None, (found, text)
    return made


def mangled(text: str, chance: random.Random, *, remarks: bool) -> str:
    """The same file as somebody in a hurry types it: other indentation, other line ends inside a line, comments anywhere."""
    out: list[str] = []
    raw = False
    for line in text.split("\n"):
        if raw and not _CLOSES.match(line):
            out.append(line)
            continue
        raw = bool(_RAW.match(line))
        free = (
            not raw and " = " in line and not line.lstrip().startswith("#")
        )  # elsewhere indentation says what an `end` closes
        line = " " * chance.randrange(6) * free + line.strip()
        if remarks and chance.random() < 0.2 and "#" not in line and not (out and out[-1].lstrip().startswith("##")):
            out.append(chance.choice(["# alone", "", "## not above anything\n", "#tight"]))
        if free and '"' not in line and "(" not in line and "[" not in line:
            turns = re.split(r" (?=(?:when|required|optional|else|via|as) )", line)
            if len(turns) > 1 and chance.random() < 0.5:
                joint = f"  # {chance.randrange(9)}\n   " if remarks and chance.random() < 0.5 else "\n        "
                line = joint.join(turns)
        if remarks and chance.random() < 0.2 and line.strip() and "#" not in line:
            line += "   # behind it"
        out.append(line)
    return "\n".join(out)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(files(), st.integers(0, 2**32))
def test_however_a_file_is_typed_it_gets_one_layout(file: ast.File, seed: int) -> None:
    text = print_file(file)
    once = fmt(text)
    assert bare(parse(Source("a.seg", once))[0]) == bare(parse(Source("a.seg", text))[0])
    assert fmt(once) == once
    assert fmt(mangled(text, random.Random(seed), remarks=False)) == once


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(files(), st.integers(0, 2**32))
def test_no_comment_is_lost_and_formatting_twice_is_formatting_once(file: ast.File, seed: int) -> None:
    text = mangled(print_file(file), random.Random(seed), remarks=True)
    once = fmt(text)
    assert fmt(once) == once
    for said in ("behind it", "alone", "not above anything", "tight"):
        assert once.count(said) == text.count(said)


@pytest.mark.parametrize("path", [*SHIPPED, *OTHERS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_of_the_repository_keeps_its_meaning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    source = Source(path.name, text)
    once = fmt(text)
    assert bare(parse(Source(path.name, once))[0]) == bare(parse(source)[0])
    assert fmt(once) == once
    unbreakable = re.compile(r' *(?:because|from|saying|else|#)|.*"')
    assert [line for line in once.split("\n") if len(line) > WIDTH and not unbreakable.match(line)] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_shipped_is_formatted(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == fmt(path.read_text(encoding="utf-8")), "segwright fmt"


def test_signs_and_qualifiers_of_neighbours_stand_below_each_other() -> None:
    text = """\
mapping m writes ORU^R01
segment ORC
 ORC-1="RE" # always
 ORC-2 = order.placer_number required   # goes back as it came
 ORC-3[npi]=order.filler_number else (result.study^org.sending) optional

 ORC-4 = order.group when order.group is present
  = blank otherwise because "guide 3"
for each m in a.b named b
segment OBX measurement
OBX-1 = count OBX from 2
end
"""
    assert (
        fmt(text)
        == """\
mapping m writes ORU^R01

segment ORC
  ORC-1      = "RE"                                                             # always
  ORC-2      = order.placer_number                                    required  # goes back as it came
  ORC-3[npi] = order.filler_number else (result.study ^ org.sending)  optional

  ORC-4 = order.group  when order.group is present
        = blank        otherwise
    because "guide 3"

for each m in a.b named b
  segment OBX measurement
    OBX-1 = count OBX from 2
end
"""
    )


def test_verbs_labels_and_arrows_have_columns() -> None:
    text = """\
overlay m
for reason "guide"
remove measurement OBX-6, OBX-8
override other OBX-1 = count OBX
end
table t: A -> HL7 0123
a<->"A"
long->"B" # why
b<-"C"
end
"""
    assert (
        fmt(text)
        == """\
overlay m

for reason "guide"
  remove   measurement OBX-6, OBX-8
  override other       OBX-1 = count OBX
end

table t: A -> HL7 0123
  a    <-> "A"
  long  -> "B"  # why
  b    <-  "C"
end
"""
    )


def test_a_long_line_is_broken_at_its_loosest_joints() -> None:
    condition = " or ".join(f"order.number_{n} is present and order.other_{n} is missing" for n in range(3))
    once = fmt(f'overlay m\noverride OBR-4 = order.service when {condition} because "guide"\n')
    assert (
        once
        == """\
overlay m

override OBR-4 = order.service when (order.number_0 is present and order.other_0 is missing)
                 or (order.number_1 is present and order.other_1 is missing)
                 or (order.number_2 is present and order.other_2 is missing)
  because "guide"
"""
    )


def test_a_comment_inside_a_broken_line_stays_with_its_alternative_or_moves_above() -> None:
    text = """\
overlay m
override OBX-8   # first
  = "A" when m.flag is x   # abnormal
  # between
  = "N" otherwise   # normal
  because "guide"   # source
"""
    assert (
        fmt(text)
        == """\
overlay m

# first
# between
override OBX-8
  = "A"  when m.flag is x  # abnormal
  = "N"  otherwise         # normal
  because "guide"          # source
"""
    )


def test_a_comment_between_an_end_and_its_reason_stays_out_of_the_block() -> None:
    text = 'overlay m\noverride text t\n  Hello.\nend # behind\n# below\nbecause "guide"\n'
    assert fmt(text) == 'overlay m\n\noverride text t\n  Hello.\nend  # behind # below\n  because "guide"\n'


def test_a_text_is_indented_and_otherwise_left_alone() -> None:
    text = "text t(r: R)\n      {% if r.x is present %}\n\n        # no comment   \n      {% endif %}\nend\n"
    assert fmt(text) == "text t(r: R)\n  {% if r.x is present %}\n\n    # no comment\n  {% endif %}\nend\n"


def test_documentation_stays_above_what_it_describes() -> None:
    text = "## A sex.\nenum Sex\n\n ## Not male.\n female\n\n ## above nothing\n\n male\n # last\nend\n"
    assert fmt(text) == (
        "## A sex.\nenum Sex\n  ## Not male.\n  female\n\n  ## above nothing\n\n  male\n  # last\nend\n"
    )


def test_a_file_with_a_mistake_is_not_laid_out() -> None:
    made, found = formatted(Source("a.seg", "mapping m writes ORU^R01\nsegment OBX\n  OBX-1 == a.b\n"))
    assert made is None
    assert [one.code for one in found] == ["SW0114"]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only\n\n\n# this", '\ufeffoverlay m\r\n\r\n\r\n# x\r\nremove OBX-1 because "y"\r\n']
)
def test_files_of_little_content_have_a_layout_too(text: str) -> None:
    once = fmt(text)
    assert fmt(once) == once
    assert "\r" not in once
    assert "\n\n\n" not in once
