"""Mistakes that analysts make, one at a time in a workspace that was good: each report names the place and the next step.

The reports stand in `reports.md`, in the order of the list; whoever changes one reads it aloud as an analyst who knows HL7 and
spreadsheets. `pytest --snapshot-update` writes them.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from segwright.core.prose.syntax import TERMINALS
from segwright.core.render import render_text
from segwright.service.opening import check, shown_sources
from tests.cli.conftest import call
from tests.edits import do, edits

HERE = Path(__file__).parent
REPORTS = HERE / "reports.md"
MOST = {"An order without a patient": 5, "An order with the record number of another hospital": 4}
"""What has more than one cause: number, record number and name of the patient are missing; form and authority are wrong."""
NAMED = {"orgs/mercy/ecg_result.seg": "orgs/mercy/org.yaml"}
"""Where a mistake is told that is none of the file itself."""


class Mistake(NamedTuple):
    """One mistake: its title, the lines that make it, and the command that tells it."""

    title: str
    lines: tuple[str, ...]
    command: str


def mistakes(name: str = "mistakes.txt") -> list[Mistake]:
    found = []
    for part in re.split(r"^== ", (HERE / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, *lines = part.rstrip("\n").split("\n")
        command = next((line[2:] for line in lines if line.startswith("$ ")), "segwright check")
        found.append(Mistake(title, tuple(line for line in lines if not line.startswith("$ ")), command))
    return found


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "workspace"
    assert call("init", folder).exit_code == 0
    assert check(folder, ())[1] == []
    return folder


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """The sections of reports.md as they stand there, by their titles."""
    parts = re.split(r"^## ", REPORTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.split("\n")[0]: part.rstrip("\n") for part in parts}


def report_of(mistake: Mistake, good: Path, root: Path) -> str:
    """What is said of a workspace with the mistake in it."""
    shutil.copytree(good, root, dirs_exist_ok=True)
    for edit in edits(mistake.lines) if mistake.lines else ():
        do(root, good, edit)
    if mistake.command != "segwright check":
        command = mistake.command
        for word, path in (("ORDER", "order_new/order.hl7"), ("FINAL", "final/result.json")):
            command = re.sub(rf"\b{word}\b", f"orgs/sample/cases/{path}", command)
        said = call(*shlex.split(command)[1:]).output.rstrip()
        if str(root) in said:  # it has another name each time, by whose length lines are broken
            said = re.sub(r"\n {8,}", " ", said).replace(str(root), "WORKSPACE")
        return f"$ {mistake.command}\n{said}\n"
    compiled, found = check(root, ())
    return render_text(found, shown_sources(compiled.sources))


def section(mistake: Mistake, report: str) -> str:
    if not mistake.lines:
        return f"{mistake.title}\n\n```text\n{report}```"
    did = "\n".join(mistake.lines).rstrip()
    return f"{mistake.title}\n\n```diff\n{did}\n```\n\n```text\n{report}```"


@pytest.fixture
def inside(tmp_path, monkeypatch) -> Path:
    """The folder of the workspace, in which commands are run."""
    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "100")
    return root


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.title)
def test_a_report_is_the_one_that_was_read_and_names_the_place_and_the_next_step(mistake, good, kept, inside, request):
    report = report_of(mistake, good, inside)
    if request.config.getoption("update_snapshots", default=False):
        kept[mistake.title] = section(mistake, report)
        parts = [kept[each.title] for each in mistakes() if each.title in kept]
        REPORTS.write_text("\n\n## ".join(["# What mistakes are told", *parts]) + "\n", encoding="utf-8")
    assert section(mistake, report) == kept.get(mistake.title)
    assert own_names(report) == []
    assert len(re.findall(r"^error\[", report, re.MULTILINE)) <= MOST.get(mistake.title, 3), (
        "one mistake is told once, and hardly anything with it"
    )
    if mistake.command == "segwright check":
        names = [NAMED.get(edit.file, edit.file) for edit in edits(mistake.lines)]
        assert any(f"{sign} {name}" in report for name in names for sign in ("-->", ":::")) or (
            "stands in org.yaml" in report
        ), report
        assert "= help: " in report
    elif mistake.lines:
        (place,) = {edit.file.rpartition("/")[0] for edit in edits(mistake.lines)}
        assert f"--> {place}" in report or "--> mappings/" in report or "--> orgs/sample/org.yaml" in report, report


@pytest.mark.parametrize("mistake", mistakes("no_mistakes.txt"), ids=lambda mistake: mistake.title)
def test_what_is_no_mistake_is_not_told(mistake, good, inside):
    assert report_of(mistake, good, inside) == ""


def own_names(report: str) -> list[str]:
    """Names of the program's own in what is said, the lines of the analyst left out."""
    said = "\n".join(line for line in report.split("\n") if not re.match(r" *[0-9]* ?\|| *-->", line))
    tokens = {"RPAR", "LPAR", "LSQB", "RSQB", "CIRCUMFLEX", "DOTTED", "LABEL", "SEG", "EQUAL", "COMMA", "COLON", "$END"}
    words = re.findall(r"[A-Z_$]+", said)
    internal = r"Traceback|NoneType|<class|object at|\bast\b|\bNone\b|\bstr\b|\bdict\b|ruamel|cerberus|lark|Errno|codec"
    terminals = [name for name in TERMINALS if ("_" in name or name in tokens) and name in words]
    return [*terminals, *re.findall(internal, said)]


def test_there_are_two_hundred_and_each_is_another(kept):
    titles = [mistake.title for mistake in mistakes()]
    assert len(titles) == len(set(titles)) >= 200
    assert list(kept) == titles
