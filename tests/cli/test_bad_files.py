"""Files as they really are at times: empty, binary, half written, huge, not there. Every command that reads files meets them.

None makes a traceback; a command that needs the file says what is wrong with it and gives 1, any other does its work.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segwright.cli.main import COMMANDS
from tests.cli.conftest import call

CASES = "orgs/sample/cases"
FILES = (
    "mappings/model.seg", "mappings/messages/ecg_result.seg", "mappings/shared/tables.seg", "orgs/schema.yaml",
    "orgs/sample/org.yaml", "orgs/sample/ecg_result.seg", "orgs/sample/icd10_subset.csv", f"{CASES}/final/case.yaml",
    f"{CASES}/final/result.json", f"{CASES}/order_new/order.hl7", "snapshots/sample/final.ecg_result.hl7",
)  # fmt: skip


def _write(data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def _half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 2**20)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


KINDS: dict[str, Callable[[Path], None]] = {
    "empty": _write(b""),
    "binary": _write(bytes(range(256)) * 8),
    "utf16": _write("overlay ecg_result".encode("utf-16")),
    "half": _half,
    "huge": _huge,
    "deep": _write(b"[({" * 50_000),
    "folder": _folder,
    "link": _link,
    "pipe": _pipe,
    "away": Path.unlink,
    "rtf": _write(b"{\\rtf1\\ansi MSH|^~\\&|}"),
    "control": _write(b"\x1b[2Jmapping \x07m writes ORU^R01\n"),
}


OTHERS = frozenset("allow audit lanes ledger migrate orders quarantine serve simulate stop worker".split())
"""Commands that work on a ledger and on bundles, not on files that people write."""
REVIEW = frozenset("approvals approve promote replay rollback".split())
"""Commands that begin with what `diff` gives, and then need keys, recordings or releases: they have tests of their own."""


def arguments(name: str, root: Path) -> list[list[object]]:
    """What each command is called with."""
    cases = root / CASES
    order, result = cases / "order_new" / "order.hl7", cases / "final" / "result.json"
    calls: dict[str, list[list[object]]] = {
        "cases": [["cases", "suggest", "sample"]],
        "check": [["check"], ["check", "--fix", "--format", "sarif"]],
        "compile": [["compile", "--out", root / "out"]],
        "diff": [["diff", root]],
        "explain": [["explain", "SW0703"]],
        "fmt": [["fmt", "--check"], ["fmt", "--explain"]],
        "init": [["init", root / "other"]],
        "read": [["read", "sample", order]],
        "render": [["render", "sample", "ecg_result", "--order", order, "--result", result]],
        "schema": [["schema", "ecg_result"]],
        "show": [["show", "sample", "ecg_result"]],
        "test": [["test"], ["test", "--update"]],
        "unused": [["unused", "sample"]],
        "watch": [["watch", "sample", "ecg_result", "--case", "final", "--once"]],
        "why": [["why", "sample", "ecg_result", "PID", "--case", "final"]],
        "why-not": [["why-not", "sample", "ecg_result", "OBX-8", "--case", "final"]],
    }
    placed = () if name in ("explain", "init") else ("--workspace", root)
    return [[*line, *placed] for line in calls.get(name, [])]


GIVEN = ("order.hl7", "result.json")  # a pipe that somebody names is read, as every command does
PAIRS = [
    (kind, file)
    for n, kind in enumerate(KINDS)
    for m, file in enumerate(FILES)
    if (n + m) % 4 == 0 and not (kind == "pipe" and file.endswith(GIVEN))
]


@pytest.mark.parametrize(("kind", "file"), PAIRS)
def test_a_bad_file_makes_no_traceback_in_any_command(kind: str, file: str, workspace: Path) -> None:
    KINDS[kind](workspace / file)
    for name in COMMANDS:
        for line in arguments(name, workspace):
            result = call(*line)
            allowed = (0, 1, 2) if name == "diff" else (0, 1)  # 2: something changes
            assert result.exit_code in allowed, (line, result.output)
            assert "Traceback" not in result.output
            assert "\x1b" not in result.output
            quiet = name in (
                "test",
                "diff",
                "cases",
                "unused",
                "why-not",
            )  # these tell it in words of their own, without a code
            if result.exit_code and not quiet and "--check" not in line:
                said = result.output + result.stderr
                assert (
                    "[SW" in said or "segwright check" in said or '"SW' in said or '"refused"' in said or name == "init"
                ), (line, said)


def test_every_command_is_called() -> None:
    missing = [name for name in COMMANDS if not arguments(name, Path("workspace")) and name not in OTHERS | REVIEW]
    assert missing == [], "say in this file how the command is called"


@pytest.mark.parametrize("missing", ["mappings", "orgs", "orgs/sample", "orgs/sample/cases", "snapshots"])
def test_a_folder_that_is_gone_makes_no_traceback_either(missing: str, workspace: Path) -> None:
    shutil.rmtree(workspace / missing)
    for name in COMMANDS:
        for line in arguments(name, workspace):
            assert call(*line).exit_code in (0, 1, 2), line
