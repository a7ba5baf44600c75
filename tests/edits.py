"""What is done to a workspace, written down as lines: the mistakes and the examples of the tests are made of them.

in FILE          lines below: `- LINE` is taken out (its beginning is enough), `+ LINE` is put in its place or, without a `-`, at
                 the end; `~ OLD => NEW` changes a text wherever it stands (`\\r` and `\\n` for ends of lines)
new FILE         the lines below, each behind `+ `, are the whole file; `bytes FILE` with escapes such as `\\xe9`
many FILE        the line below so often that the file has 300,000 bytes
away FILE        it is removed; `move FILE TO`, `link FILE TO` and `back FILE` (as it was in the beginning)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

VERBS = ("in", "new", "bytes", "many", "away", "move", "link", "back")


class Edit(NamedTuple):
    """One thing that is done: the verb, the file with what else stands beside it, and the lines below."""

    verb: str
    file: str
    to: str
    lines: tuple[str, ...]

    def signed(self, sign: str) -> list[str]:
        """The lines behind a sign."""
        return [line[2:] for line in self.lines if line[:1] == sign]


def edits(lines: Iterable[str]) -> Iterator[Edit]:
    """Each edit of some lines."""
    for part in re.split(rf"\n(?=(?:{'|'.join(VERBS)}) )", "\n".join(lines)):
        head, *below = part.split("\n")
        verb, file, *to = head.split(" ")
        yield Edit(verb, file, "".join(to), tuple(below))


def do(root: Path, good: Path, edit: Edit) -> None:
    """Does an edit in the workspace `root`; `good` is what it was in the beginning."""
    path = root / edit.file
    path.parent.mkdir(parents=True, exist_ok=True)
    match edit.verb:
        case "new":
            path.write_text("".join(f"{line}\n" for line in edit.signed("+")), encoding="utf-8")
        case "bytes":
            path.write_bytes("\n".join(edit.signed("+")).encode("latin-1").decode("unicode_escape").encode("latin-1"))
        case "many":
            (line,) = edit.signed("+")
            path.write_text(f"{line}\n" * (300_000 // (len(line) + 1)), encoding="utf-8")
        case "away" if path.is_dir():
            shutil.rmtree(path)
        case "away":
            path.unlink()
        case "move":
            path.rename(root / edit.to)
        case "link":
            path.unlink(missing_ok=True)
            path.symlink_to(edit.to)
        case "back":
            path.unlink(missing_ok=True)
            shutil.copy(good / edit.file, path)
        case _:
            path.write_bytes(_changed(path.read_bytes().decode("utf-8"), edit).encode("utf-8"))


def _changed(text: str, edit: Edit) -> str:
    for change in edit.signed("~"):
        old, new = (part.replace("\\r", "\r").replace("\\n", "\n") for part in change.split(" => "))
        assert old in text, f"{edit.file} does not hold {old}"
        text = text.replace(old, new)
    out, put = edit.signed("-"), edit.signed("+")
    if not out and not put:
        return text
    lines = text.split("\n")
    if not out:
        lines = [*lines, *put, ""]
    for number, line in enumerate(out):
        at = next(i for i, have in enumerate(lines) if have.startswith(line))
        lines[at : at + 1] = put if number == 0 else []
    return "\n".join(lines)
