"""Mistakes that analysts make, one at a time in a workspace that was good: each report names the place and the next step.

The reports stand in `reports.md`, in the order of the list; whoever changes one reads it aloud as an analyst who knows HL7 and
spreadsheets. `pytest --snapshot-update` writes them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from segwright.core.prose.syntax import TERMINALS
from segwright.core.render import render_text
from segwright.service.opening import check, shown_sources
from segwright.service.starting import start

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


def edits(mistake: Mistake) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """What is done, to which file, the lines taken out and those put in."""
    for part in re.split(r"\n(?=(?:in|new|away) )", "\n".join(mistake.lines)):
        head, *lines = part.split("\n")
        verb, name = head.split(" ", 1)
        yield (
            verb,
            name,
            [line[2:] for line in lines if line[:1] == "-"],
            [line[2:] for line in lines if line[:1] == "+"],
        )


def make(root: Path, mistake: Mistake) -> tuple[str, str]:
    """Makes the mistake; gives the file and the new text it is in."""
    for verb, name, out, put in edits(mistake):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        if verb == "new":
            path.write_text("\n".join(put) + "\n", encoding="utf-8")
            continue
        lines = path.read_text(encoding="utf-8").split("\n")
        if not out:
            lines = [*lines, *put, ""]
        for number, line in enumerate(out):
            at = next(i for i, have in enumerate(lines) if have.startswith(line))
            lines[at : at + 1] = put if number == 0 else []
        path.write_text("\n".join(lines), encoding="utf-8")
    return name, "\n".join(put)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "workspace"
    start(folder)
    assert check(folder, ())[1] == []
    return folder


@pytest.fixture(scope="module")
def reports(good, tmp_path_factory) -> dict[str, str]:
    made = {}
    for number, mistake in enumerate(mistakes()):
        root = Path(shutil.copytree(good, tmp_path_factory.mktemp(str(number)) / "workspace"))
        make(root, mistake)
        compiled, found = check(root, ())
        made[mistake.title] = render_text(found, shown_sources(compiled.sources))
        shutil.rmtree(root)
    return made


def test_every_report_is_the_one_that_was_read(reports, request):
    lines = ["# What fifty and more mistakes are told\n"]
    for mistake in mistakes():
        did = "\n".join(mistake.lines).rstrip()
        lines.append(f"## {mistake.title}\n\n```diff\n{did}\n```\n\n```text\n{reports[mistake.title]}```\n")
    text = "\n".join(lines)
    if request.config.getoption("update_snapshots", default=False):
        REPORTS.write_text(text, encoding="utf-8")
    assert text == REPORTS.read_text(encoding="utf-8")


def test_there_are_fifty_and_each_is_another():
    titles = [mistake.title for mistake in mistakes()]
    assert len(titles) == len(set(titles)) >= 50


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.title)
def test_a_report_names_the_place_and_the_next_step(mistake, reports):
    report = reports[mistake.title]
    *_, (_, name, _, _) = edits(mistake)
    name = {"orgs/mercy/ecg_result.seg": "orgs/mercy/org.yaml"}.get(name, name)
    assert f"--> {name}" in report or f"::: {name}" in report or "stands in org.yaml" in report, report
    assert "= help: " in report
    assert len(re.findall(r"^error\[", report, re.MULTILINE)) <= 3, (
        "one mistake is told once, and hardly anything with it"
    )


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.title)
def test_a_report_has_no_name_of_the_programs_own(mistake, reports):
    said = "\n".join(line for line in reports[mistake.title].split("\n") if not re.match(r" *[0-9]* ?\|| *-->", line))
    tokens = {"RPAR", "LPAR", "LSQB", "RSQB", "CIRCUMFLEX", "DOTTED", "LABEL", "SEG", "EQUAL", "COMMA", "COLON", "$END"}
    assert [
        name for name in TERMINALS if ("_" in name or name in tokens) and name in re.findall(r"[A-Z_$]+", said)
    ] == []
    internal = r"Traceback|NoneType|<class|object at|\bast\b|\bNone\b|\bstr\b|\bdict\b|ruamel|cerberus|lark|Errno|codec"
    assert not re.search(internal, said)
