"""The floors of the architecture: lower never imports higher, and each outside package is imported in one place only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the engine of `tree`, in a process of its own because it imports what it looks at."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "engine"), "COLUMNS": "200", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_keeps_to_its_floor() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_breaks_a_floor_is_found(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    wrong = {
        "core": "import segwright.cli",
        "plan": "import segwright.profiles",
        "runtime": "import segwright.lang, ruamel.yaml",
        "library": "import hl7apy, time",
        "service": "import lark, click",
        "codes": "import segwright.orgs",
        "transport": "import segwright.plan, logging",
    }
    for package, line in wrong.items():
        (tmp_path / "engine" / "segwright" / package / "wrong.py").write_text(line + "\n", encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = {line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")}
    assert broken == {
        "A lower floor never imports a higher one",
        "What the runtime wheel ships imports nothing that it leaves out",
        "Only profiles imports hl7apy",
        "Only lang imports lark",
        "Only orgs imports cerberus and ruamel",
        "Codes are data beside the language: nothing of mappings or organisations",
        "Only the command line imports click",
        "Below service: no clock, chance, network, process or log",
        "Transport knows the wire and the network: no mappings, no chance, process or log",
    }
