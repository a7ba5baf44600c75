"""Failing examples of codes that no single file shows: what is done to the sample workspace, the command that then tells the code,
and how it is put right.

They stand in examples.txt; `example()` runs one and gives it as Markdown with everything that was printed.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

from tests.cli.conftest import call
from tests.edits import VERBS, do, edits

HERE = Path(__file__).parent
MOST = (24, 4)
"""Lines of an output that are shown: of what is wrong, and of what is right."""

SHORT = {
    "ORDER": "orgs/sample/cases/order_new/order.hl7",
    "FINAL": "orgs/sample/cases/final/result.json",
    "WHEN": "--at 2026-03-02T10:05:00-05:00 --control-id S1",
}


class Side(NamedTuple):
    """What is done, and the commands after it."""

    edits: tuple[str, ...]
    commands: tuple[str, ...]


class Example(NamedTuple):
    """The wrong way and the right way."""

    code: str
    wrong: Side
    right: Side


def examples() -> list[Example]:
    """Every example of examples.txt."""
    parts = re.split(r"^== ", (HERE / "examples.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        code, rest = part.split("\n", 1)
        wrong, right = (_side(lines) for lines in rest.rstrip("\n").split("\nright\n"))
        found.append(Example(code, wrong, right if right.commands else right._replace(commands=wrong.commands)))
    return found


def _side(text: str) -> Side:
    lines = text.split("\n")
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    for word, path in SHORT.items():
        commands = [re.sub(rf"\b{word}\b", path, command) for command in commands]
    return Side(tuple(line for line in lines if line and not line.startswith("$ ")), tuple(commands))


def written(code: str, good: Path, root: Path, title: str) -> tuple[str, str, str]:
    """One example as Markdown, and what the last command of each side printed. The folder that commands are run in is `root`, and is the
    current one."""
    found = next(each for each in examples() if each.code == code)
    shutil.copytree(good, root, dirs_exist_ok=True)
    parts, printed = [f"# {code}: {title}\n"], []
    for number, side in enumerate((found.wrong, found.right)):
        for edit in edits(side.edits) if side.edits else ():
            do(root, good, edit)
        if number:
            parts.append("Put right:\n")
        if side.edits:
            parts.append("```diff\n" + "\n".join(_shown(side.edits)) + "\n```\n")
        said = [call(*shlex.split(command)[1:]).output for command in side.commands]
        shown = "".join(
            f"$ {_broken(one)}\n{_short(text, MOST[number])}" for one, text in zip(side.commands, said, strict=True)
        )
        parts.append(f"```console\n{shown}```\n")
        printed.append(said[-1])
    return "\n".join(parts), printed[0], printed[1]


def _shown(lines: tuple[str, ...]) -> list[str]:
    """Edits as a reader sees them: `in` a file, lines out and in; a text in the place of another is both."""
    out = []
    for line in lines:
        verb, _, rest = line.partition(" ")
        if verb in VERBS:
            out.append(f"{'in' if verb == 'bytes' else verb} {rest}")
        elif verb == "~":
            out += [f"{sign} {text}" for sign, text in zip("-+", rest.split(" => "), strict=True)]
        else:
            out.append(line)
    return out


def _broken(command: str) -> str:
    """A long command on several lines."""
    return command if len(command) < 100 else command.replace(" --", " \\\n    --")


def _short(output: str, most: int) -> str:
    lines = output.replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > most:
        lines = [*lines[: most - 1], f"… {len(lines) - most + 1} more lines"]
    return "".join(f"{line}\n" for line in lines if output)
