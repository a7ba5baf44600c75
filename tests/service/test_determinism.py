"""Same mappings, same input, same given values: same bytes, whichever process, machine setting or folder.

Each run is a fresh interpreter that compiles the reference hospitals and runs all their cases. What may differ between machines
is made to differ: hash seed, time zone, language, working folder, the place and the order of the files on disk.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

RUN = """
import hashlib, json, os, random, sys
from pathlib import Path

shuffle = random.Random(int(sys.argv[2])).shuffle if sys.argv[2] else None
if shuffle:
    listdir, scandir = os.listdir, os.scandir

    def mixed(path="."):
        names = listdir(path)
        shuffle(names)
        return names

    class Mixed:
        def __init__(self, path="."):
            with scandir(path) as found:
                self.entries = list(found)
            shuffle(self.entries)
        def __iter__(self): return iter(self.entries)
        def __enter__(self): return self
        def __exit__(self, *_): pass
        def close(self): pass

    os.listdir, os.scandir = mixed, Mixed

from segwright.plan.canonical import encode
from segwright.service.compiling import compile_workspace
from segwright.service.testing import run_cases

compiled = compile_workspace(Path(sys.argv[1]))
made = {}
for name, organisation in compiled.organisations.items():
    for environment, messages in organisation.messages.items():
        for message, each in messages.items():
            made[f"{name}/{environment}/{message}.plan"] = encode(each.plan)
    for outcome in run_cases(compiled, name)[0]:
        for file, data in outcome.files.items():
            made[f"{name}/{file}"] = data
        made[f"{name}/{outcome.name}.found"] = repr([(f.code, f.span, f.facts) for f in outcome.found]).encode()
made["found"] = repr([(found.code, found.span, found.facts, found.labels) for found in compiled.found]).encode()
print(json.dumps([[name, hashlib.sha256(data).hexdigest()] for name, data in made.items()]))
"""


class Surroundings(NamedTuple):
    """What differs between two runs. `place`: how the workspace is named; `shuffled`: the order in which folders list files."""

    seed: str
    zone: str
    language: str
    place: str
    shuffled: str


PLAIN = Surroundings("0", "UTC", "C.UTF-8", "absolute", "")
OTHERS = {
    "hash seed": PLAIN._replace(seed="4711"),
    "time zone": PLAIN._replace(zone="Asia/Kolkata"),
    "time zone behind UTC, of no name": PLAIN._replace(zone="XYZ+11:30"),
    "language": PLAIN._replace(language="tr_TR.ISO-8859-9"),
    "no language": PLAIN._replace(language="C"),
    "named from its parent folder": PLAIN._replace(place="relative"),
    "a copy elsewhere": PLAIN._replace(place="copied"),
    "order of files": PLAIN._replace(shuffled="1"),
    "everything": Surroundings("99", "America/St_Johns", "de_DE", "copied", "2"),
}


def run(surroundings: Surroundings, folder: Path) -> list[list[str]]:
    """Name and hash of everything that is made, in the order in which it is."""
    root, cwd, named = ROOT, folder, str(ROOT)
    if surroundings.place == "relative":
        cwd, named = ROOT.parent, ROOT.name
    elif surroundings.place == "copied":
        root = folder / "a place with spaces, é"
        for part in ("mappings", "orgs"):
            shutil.copytree(ROOT / part, root / part)
        cwd, named = root, "."
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "engine"),
        "PYTHONHASHSEED": surroundings.seed,
        "TZ": surroundings.zone,
        "LANG": surroundings.language,
        "LC_ALL": surroundings.language,
        **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if "SYSTEMROOT" in os.environ else {}),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, named, surroundings.shuffled],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made: list[list[str]] = json.loads(done.stdout)
    return made


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    return run(PLAIN, tmp_path_factory.mktemp("plain"))


def test_every_hospital_environment_and_case_is_compared(plain: list[list[str]]):
    names = [name for name, _ in plain]
    assert len(names) == len(set(names))
    hospitals = [path.parent.name for path in sorted(ROOT.glob("orgs/*/org.yaml"))]
    assert hospitals
    for hospital in hospitals:
        cases = {path.parent.name for path in ROOT.glob(f"orgs/{hospital}/cases/*/case.yaml")}
        assert cases
        assert {name.split("/")[1].split(".")[0] for name in names if name.startswith(f"{hospital}/")} >= cases
        for environment in ("test", "production"):
            assert any(name.startswith(f"{hospital}/{environment}/") for name in names)
    assert sum(name.endswith(".hl7") for name in names) >= 10 * len(hospitals)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_plans_messages_and_findings_are_the_same_bytes_wherever_they_are_made(
    other: Surroundings, plain: list[list[str]], tmp_path: Path
):
    assert run(other, tmp_path) == plain
