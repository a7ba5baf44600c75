"""Small workspaces for tests of the compiler: the one in `clinic/`, with the files of a test in it.

A file replaces the one of its name; of an org.yaml, each section given replaces the one of its name or is added. An empty text
takes the file away.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from segwright.core.render import render_text
from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.stale import stale_overrides

CLINIC = Path(__file__).parent / "clinic"
MAIN = "main: "
_SECTION = re.compile(r"^(?=[A-Za-z])", re.MULTILINE)


class Report(NamedTuple):
    """What compiling found: the codes in the order of the text, and the text as people read it."""

    codes: tuple[str, ...]
    text: str
    workspace: CompiledWorkspace


def build(folder: Path, files: Mapping[str, str]) -> Path:
    """Writes the workspace of a test into an empty folder."""
    shutil.copytree(CLINIC, folder, dirs_exist_ok=True)
    for name, text in files.items():
        path = folder / name
        if not text.strip():
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "org.yaml":
            text = with_sections((CLINIC / "orgs/clinic/org.yaml").read_text(encoding="utf-8"), text, path.parent.name)
        path.write_text(text, encoding="utf-8", newline="")
    return folder


def with_sections(below: str, text: str, organisation: str) -> str:
    """An org.yaml with the sections of `text` in place of its own."""
    sections = {section.split(":", 1)[0]: section for section in _SECTION.split(below)}
    if organisation != "clinic":
        sections = {name: section.replace("clinic", organisation) for name, section in sections.items()}
    for section in _SECTION.split(text):
        sections[section.split(":", 1)[0]] = section.rstrip("\n") + "\n"
    return "".join(sections.values())


def report(folder: Path) -> Report:
    """Compiles the workspace in a folder."""
    compiled = compile_workspace(folder)
    text = render_text(compiled.found, compiled.sources)
    codes = re.findall(r"^(?:error|warning|note)\[(SW[0-9]{4})\]", text, re.MULTILINE)
    return Report(tuple(codes), text, compiled)


def compiled(folder: Path, files: Mapping[str, str]) -> Report:
    """Builds and compiles. Files named `main: …` are those that were other ones before, at `main`: then it is compared too."""
    former = {name.removeprefix(MAIN): text for name, text in files.items() if name.startswith(MAIN)}
    present = {name: text for name, text in files.items() if not name.startswith(MAIN)}
    found = report(build(folder, present))
    if not former:
        return found
    stale, _ = stale_overrides(folder, build(folder.parent / "main", {**present, **former}), MAIN.rstrip(": "))
    text = render_text([*found.workspace.found, *stale], found.workspace.sources)
    return Report((*found.codes, *(each.code for each in stale)), text, found.workspace)
