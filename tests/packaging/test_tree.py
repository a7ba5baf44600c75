"""House rules that a file listing and a reading of every module can check."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine"
LONGEST = 600

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# A home or working folder of whoever wrote the file, and the hosts that packages are fetched from.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(work|root|home|Users)/\w")
REGISTRY_HOST = re.compile(r"\b(pypi\.org|pythonhosted\.org|npmjs\.(org|com)|debian\.org|crates\.io)\b")


def tracked() -> list[Path]:
    """Every file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in sorted(set(listed.split("\0")) - {""}) if (path := ROOT / name).is_file()]


def places(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    """Where `pattern` occurs, as "path:line"."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


MODULES = [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ENGINE)]


def named(path: Path) -> str:
    return str(path.relative_to(ENGINE))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_what_it_is_and_is_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert len(text.splitlines()) <= LONGEST, f"more than {LONGEST} lines"


def test_every_package_has_an_init_module() -> None:
    packages = {path.parent for path in MODULES}
    assert [named(p) for p in sorted(packages) if not (p / "__init__.py").is_file()] == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert [
        str(p.relative_to(ROOT))
        for p in tracked()
        if drawers & {part.split(".")[0] for part in p.relative_to(ROOT).parts}
    ] == []


def test_nothing_in_the_engine_or_the_grammar_is_marked_unfinished() -> None:
    assert places(UNFINISHED, [p for p in tracked() if p.relative_to(ROOT).parts[0] in {"engine", "grammar"}]) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert places(MACHINE_PATH, tracked()) == []


def test_no_file_names_a_package_registry() -> None:
    assert places(REGISTRY_HOST, tracked()) == []


def test_the_run_lock_is_a_part_of_the_development_lock() -> None:
    run, dev = (pinned(ROOT / "requirements" / f"{name}.lock") for name in ("run", "dev"))
    assert run
    assert run.items() <= dev.items()


def pinned(lock: Path) -> dict[str, tuple[str, ...]]:
    """Each pinned release of a lock with its hashes; any other kind of line is refused."""
    releases: dict[str, list[str]] = {}
    current = ""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if pin := re.fullmatch(r"([a-z0-9-]+==[\w.]+)( ;.*)? \\", line):
            current = pin[1]
            releases[current] = []
        elif hashed := re.fullmatch(r"    --hash=(sha256:[0-9a-f]{64})( \\)?", line):
            releases[current].append(hashed[1])
        else:
            assert re.match(r"    # ", line), f"{lock.name}: {line}"
    return {release: tuple(hashes) for release, hashes in releases.items()}
