"""Mistakes that analysts make, one at a time in a workspace that was good: each report names the place and the next step.

The reports stand in `reports.md`, in the order of the list; whoever changes one reads it aloud as an analyst who knows HL7 and
spreadsheets. `pytest --snapshot-update` writes them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from segwright.core.prose.syntax import TERMINALS
from segwright.core.render import render_text
from segwright.service.opening import check, shown_sources
from segwright.service.starting import start
from tests.edits import do, edits

HERE = Path(__file__).parent
REPORTS = HERE / "reports.md"


class Mistake(NamedTuple):
    """One mistake: its title, and the lines that make it."""

    title: str
    lines: tuple[str, ...]


def mistakes() -> list[Mistake]:
    text = (HERE / "mistakes.txt").read_text(encoding="utf-8")
    parts = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    return [Mistake(part.split("\n")[0], tuple(part.rstrip("\n").split("\n")[1:])) for part in parts]


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "workspace"
    start(folder)
    assert check(folder, ())[1] == []
    return folder


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """The sections of reports.md as they stand there, by their titles."""
    parts = re.split(r"^## ", REPORTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.split("\n")[0]: part.rstrip("\n") for part in parts}


def report_of(mistake: Mistake, good: Path, root: Path) -> str:
    """What `segwright check` says of a workspace with the mistake in it."""
    shutil.copytree(good, root)
    for edit in edits(mistake.lines):
        do(root, good, edit)
    compiled, found = check(root, ())
    return render_text(found, shown_sources(compiled.sources))


def section(mistake: Mistake, report: str) -> str:
    did = "\n".join(mistake.lines).rstrip()
    return f"{mistake.title}\n\n```diff\n{did}\n```\n\n```text\n{report}```"


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.title)
def test_a_report_is_the_one_that_was_read_and_names_the_place_and_the_next_step(
    mistake, good, kept, tmp_path, request
):
    report = report_of(mistake, good, tmp_path / "workspace")
    if request.config.getoption("update_snapshots", default=False):
        kept[mistake.title] = section(mistake, report)
        parts = [kept[each.title] for each in mistakes() if each.title in kept]
        REPORTS.write_text("\n\n## ".join(["# What a hundred mistakes are told", *parts]) + "\n", encoding="utf-8")
    assert section(mistake, report) == kept.get(mistake.title)
    *_, last = edits(mistake.lines)
    name = {"orgs/mercy/ecg_result.seg": "orgs/mercy/org.yaml"}.get(last.file, last.file)
    assert f"--> {name}" in report or f"::: {name}" in report or "stands in org.yaml" in report, report
    assert "= help: " in report
    assert len(re.findall(r"^error\[", report, re.MULTILINE)) <= 3, (
        "one mistake is told once, and hardly anything with it"
    )
    assert own_names(report) == []


def own_names(report: str) -> list[str]:
    """Names of the program's own in what is said, the lines of the analyst left out."""
    said = "\n".join(line for line in report.split("\n") if not re.match(r" *[0-9]* ?\|| *-->", line))
    tokens = {"RPAR", "LPAR", "LSQB", "RSQB", "CIRCUMFLEX", "DOTTED", "LABEL", "SEG", "EQUAL", "COMMA", "COLON", "$END"}
    words = re.findall(r"[A-Z_$]+", said)
    internal = r"Traceback|NoneType|<class|object at|\bast\b|\bNone\b|\bstr\b|\bdict\b|ruamel|cerberus|lark|Errno|codec"
    terminals = [name for name in TERMINALS if ("_" in name or name in tokens) and name in words]
    return [*terminals, *re.findall(internal, said)]


def test_there_are_fifty_and_each_is_another(kept):
    titles = [mistake.title for mistake in mistakes()]
    assert len(titles) == len(set(titles)) >= 50
    assert list(kept) == titles
