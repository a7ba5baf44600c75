"""What is shipped: both wheels and the sdist are built here, unpacked away from the tree, and imported by a bare interpreter.

Needs no network: the build backend is in the environment, and the interpreter (`-I -S`: no site-packages, no working folder)
is shown the unpacked wheel and a folder of links to exactly the distributions that the wheel may need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
COMPILER_ONLY = ("lark", "hl7apy", "cerberus", "ruamel", "ucumvert", "pint", "click")
RUNTIME_PARTS = {"core", "hl7", "library", "plan", "runtime"}

SERVER_ONLY = {"alembic", "argon2", "authlib", "httpx2", "joserfc", "psycopg", "sqlalchemy", "starlette", "uvicorn"}
"""What the extras `serve` and `postgres` bring."""
IMPORT_ALL = """
import importlib, json, pkgutil
import segwright
def fail(name): raise ImportError(name)
names = [m.name for m in pkgutil.walk_packages(segwright.__path__, "segwright.", onerror=fail)]
lacking = {}
for name in names:
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as missing:
            lacking[name] = missing.name.partition(".")[0]
print(json.dumps({"file": segwright.__file__, "modules": names, "loaded": sorted(sys.modules), "lacking": lacking}))
"""


def build(source: Path, target: str, out: Path) -> Path:
    """The one `target` ("wheel" or "sdist") that hatchling makes of the project in `source`."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.iterdir()
    return made


def unpack(wheel: Path, into: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return into


def described(unpacked: Path) -> Message:
    """The wheel's METADATA."""
    (path,) = unpacked.glob("*.dist-info/METADATA")
    return Parser().parsestr(path.read_text(encoding="utf-8"))


def needed(requirements: list[str]) -> set[str]:
    """Canonical names of `requirements` and of all that they need, extras left out."""
    names: set[str] = set()
    waiting = [Requirement(r) for r in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in names or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        names.add(name)
        waiting += [Requirement(r) for r in metadata.requires(name) or ()]
    return names


def links(names: set[str], folder: Path) -> Path:
    """`folder` with links to the installed files of the distributions `names`, and to nothing else."""
    folder.mkdir()
    for name in names:
        distribution = metadata.distribution(name)
        site = Path(str(distribution.locate_file("")))
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(site / top, target_is_directory=(site / top).is_dir())
    return folder


def bare_python(code: str, *paths: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `code` where only the standard library and `paths` can be imported."""
    preamble = f"import sys; sys.path[:0] = {[str(p) for p in paths]!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", preamble + code],
        cwd=cwd,
        env={"LC_ALL": "C.UTF-8", "HOME": str(cwd), "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist())}


@pytest.fixture(scope="module")
def full_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def full(full_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The unpacked wheel and the folder of its dependencies."""
    folder = tmp_path_factory.mktemp("full")
    unpacked = unpack(full_wheel, folder / "segwright")
    requirements = [r for r in described(unpacked).get_all("Requires-Dist", []) if "extra ==" not in r]
    return unpacked, links(needed(requirements), folder / "needed")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The unpacked runtime wheel and the folder of its dependencies."""
    folder = tmp_path_factory.mktemp("runtime")
    wheel = build(ROOT / "packaging" / "runtime", "wheel", folder / "built")
    unpacked = unpack(wheel, folder / "segwright")
    return unpacked, links(needed(described(unpacked).get_all("Requires-Dist", [])), folder / "needed")


def test_the_wheel_holds_the_grammar_the_licence_and_only_the_package(full: tuple[Path, Path]) -> None:
    unpacked, _ = full
    assert (unpacked / "segwright" / "_grammar" / "segwright.lark").is_file()
    assert (unpacked / "segwright" / "review" / "report.html").is_file()
    for name in ("templates/base.html", "static/pages.css", "static/htmx-LICENSE.txt"):
        assert (unpacked / "segwright" / "pages" / name).is_file(), name
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))
    assert {p.name.split("-")[0] for p in unpacked.iterdir()} == {"segwright"}
    assert not [p for p in unpacked.rglob("*") if p.name == "__pycache__"]


def test_every_module_of_the_wheel_imports_away_from_the_repository(full: tuple[Path, Path], tmp_path: Path) -> None:
    done = bare_python(IMPORT_ALL, *full, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(full[0])
    engine = ROOT / "engine" / "segwright"
    parts = {f"segwright.{p.parent.name}" for p in engine.glob("*/__init__.py")}
    assert parts <= set(found["modules"])
    assert set(found["lacking"].values()) <= SERVER_ONLY
    # What a server needs is asked for where a server runs, and by its commands.
    assert {name.split(".")[1] for name in found["lacking"]} <= {
        "accounts", "cli", "delivery", "ledger", "pages", "service", "web",
    }  # fmt: skip
    assert not {name for name in found["lacking"] if name.startswith("segwright.service") and "record" not in name}


def test_the_command_says_its_version_away_from_the_repository(full: tuple[Path, Path], tmp_path: Path) -> None:
    unpacked, _ = full
    entry = metadata.PathDistribution(next(unpacked.glob("*.dist-info"))).entry_points["segwright"]
    done = bare_python(
        f"sys.argv = ['segwright', '--version']\nfrom {entry.module} import {entry.attr}\n{entry.attr}()",
        *full,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert described(unpacked)["Version"] in done.stdout


def test_a_wheel_from_the_sdist_is_the_same_wheel(full_wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = build(source, "wheel", tmp_path / "again")
    assert contents(again) == contents(full_wheel)
    assert build(source / "packaging" / "runtime", "wheel", tmp_path / "runtime").suffix == ".whl"


def test_the_runtime_wheel_needs_three_packages_and_holds_five_parts(runtime: tuple[Path, Path]) -> None:
    unpacked, _ = runtime
    requirements = {Requirement(r).name for r in described(unpacked).get_all("Requires-Dist", [])}
    assert requirements == {"msgspec", "jinja2", "tzdata"}
    assert {p.name for p in (unpacked / "segwright").iterdir()} == {"__init__.py", *RUNTIME_PARTS}


def test_the_two_wheels_have_one_version_and_ask_for_the_same_releases(
    full: tuple[Path, Path], runtime: tuple[Path, Path]
) -> None:
    whole, part = described(full[0]), described(runtime[0])
    assert whole["Version"] == part["Version"]
    assert set(part.get_all("Requires-Dist", [])) <= set(whole.get_all("Requires-Dist", []))


def test_the_runtime_wheel_runs_without_anything_that_compiles(runtime: tuple[Path, Path], tmp_path: Path) -> None:
    assert {p.name for p in runtime[1].iterdir() if "dist-info" not in p.name} >= {
        "jinja2",
        "markupsafe",
        "msgspec",
        "tzdata",
    }
    done = bare_python(IMPORT_ALL, *runtime, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name.split(".")[1] for name in found["modules"]} == RUNTIME_PARTS
    assert found["lacking"] == {}
    assert not {name.split(".")[0] for name in found["loaded"]} & set(COMPILER_ONLY)


@pytest.mark.parametrize(
    "module", [*COMPILER_ONLY, "segwright.lang", "segwright.profiles", "segwright.orgs", "segwright.codes"]
)
def test_the_runtime_wheel_does_not_find(module: str, runtime: tuple[Path, Path], tmp_path: Path) -> None:
    code = f"import segwright.runtime, importlib.util; sys.exit(importlib.util.find_spec({module!r}) is not None)"
    done = bare_python(code, *runtime, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_runtime_has_no_sdist(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="built as a wheel only"):
        build(ROOT / "packaging" / "runtime", "sdist", tmp_path / "out")
