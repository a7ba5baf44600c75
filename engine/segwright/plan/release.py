"""Deployments: which bundle of each organisation runs in an environment, and what ran before.

    bundles/HASH/                    every bundle once, under its hash, never changed
    ENVIRONMENT/releases/000012.json a release: who, why, and of each organisation its bundle and lock
    ENVIRONMENT/current              the number of the release that runs

Takes a folder; gives the release that runs, and its bundles. A release is put into force by replacing one small file: a
reader sees the old release or the new one, never a part. Refuses, with `Overtaken`, to replace another release than the
caller saw, and with `ReleaseRefused` what is no deployment. Imports no compiler: what delivers reads its bundles and locks
from here.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from segwright.plan.bundle import BundleRefused, read_bundle

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_ENVIRONMENT: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")


class ReleaseRefused(Exception):
    """A deployment that cannot be read or made. Its text says why."""


class Overtaken(ReleaseRefused):
    """Another release came into force since the caller looked."""


class Deployed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of an organisation is in force: the hash of its bundle, the lock that approved it, and the bundles that were compiled
    beside it for other environments."""

    bundle: str
    lock: str = ""
    beside: dict[str, str] = {}


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A release. `made_of`: the revision that it was compiled from, "" when nobody knows; `goes_back_to`: the release that it
    puts into force again, 0 otherwise."""

    number: int
    environment: str
    previous: int
    at: str
    because: str
    organisations: dict[str, Deployed]
    made_of: str = ""
    goes_back_to: int = 0
    format: int = 1


def current(folder: Path, environment: str) -> Release | None:
    """The release that runs; None when there is none yet. Raises `ReleaseRefused`."""
    place = _environment(folder, environment) / "current"
    try:
        text = place.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ReleaseRefused(f"{place} cannot be read") from None
    if not _NUMBER.fullmatch(text):
        raise ReleaseRefused(f"{place} names no release")
    return release(folder, environment, int(text))


def release(folder: Path, environment: str, number: int) -> Release:
    """A release by its number. Raises `ReleaseRefused`."""
    place = _place(folder, environment, number)
    try:
        found = msgspec.json.decode(place.read_bytes(), type=Release)
    except OSError:
        raise ReleaseRefused(f"there is no release {number} of {environment}") from None
    except (msgspec.DecodeError, ValueError):
        raise ReleaseRefused(f"release {number} of {environment} cannot be read") from None
    if (found.number, found.environment, found.format) != (number, environment, 1):
        raise ReleaseRefused(f"release {number} of {environment} is another one than its name says")
    return found


def bundle_folder(folder: Path, hash_: str) -> Path:
    """Where a bundle lies."""
    if not re.fullmatch(r"[0-9a-f]{64}", hash_):
        raise ReleaseRefused("a release names a bundle that can be none")
    return folder / "bundles" / hash_


def keep_bundle(folder: Path, made: Path, organisation: str, environment: str) -> str:
    """Takes a bundle into the deployment and gives its hash. Raises `ReleaseRefused`, OSError."""
    try:
        hash_ = read_bundle(made, organisation=organisation, environment=environment).hash
    except BundleRefused as refused:
        raise ReleaseRefused(f"the bundle of {organisation} for {environment}: {refused.reason}") from None
    place = bundle_folder(folder, hash_)
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".", dir=place.parent))
        try:
            shutil.copytree(made, building / hash_)
            (building / hash_).rename(place)
        except FileExistsError:
            pass  # somebody else kept the same
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return hash_


def put_into_force(folder: Path, made: Release) -> None:
    """Writes a release and lets it run, if `made.previous` still does (0: none). Raises `Overtaken`, OSError."""
    environment = _environment(folder, made.environment)
    (environment / "releases").mkdir(parents=True, exist_ok=True)
    lock = environment / ".being-changed"
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise Overtaken(
            f"{made.environment} is being changed by somebody else; when nobody is, remove {lock}"
        ) from None
    try:
        os.close(descriptor)
        running = current(folder, made.environment)
        number = 0 if running is None else running.number
        if number != made.previous:
            raise Overtaken(
                f"{made.environment} runs release {number} by now, not {made.previous}: look again at what would change"
            )
        _write(_place(folder, made.environment, made.number), msgspec.json.format(msgspec.json.encode(made), indent=1))
        _write(environment / "current", f"{made.number}\n".encode())
    finally:
        lock.unlink(missing_ok=True)


def next_number(folder: Path, environment: str) -> int:
    """The number of the next release: one more than any that was written, in force or not."""
    taken = [
        int(path.stem)
        for path in (_environment(folder, environment) / "releases").glob("*.json")
        if path.stem.isdigit()
    ]
    return max(taken, default=0) + 1


def _write(place: Path, data: bytes) -> None:
    beside = place.with_name(f".{place.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, place)


def _place(folder: Path, environment: str, number: int) -> Path:
    return _environment(folder, environment) / "releases" / f"{number:06}.json"


def _environment(folder: Path, environment: str) -> Path:
    if not _ENVIRONMENT.fullmatch(environment) or environment == "bundles":
        raise ReleaseRefused(f"{environment} is no name of an environment")
    return folder / environment
