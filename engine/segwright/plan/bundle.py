"""A bundle: everything that one organisation needs in one environment, as a folder of files.

    SHA256             one line for each other file, as `sha256sum` writes them; its own sha256 is the bundle's hash
    manifest.json      `plan.manifest.Manifest`
    plans/HASH.json    a plan under its hash
    explain/HASH.json  its explanation

Takes a manifest, plans and explanations to write; gives them back. Refuses a bundle, with `BundleRefused`, before decoding
anything, when a file is not what `SHA256` says or `SHA256` is not what the caller was told; then when the format is unknown,
the manifest contradicts itself, the organisation or environment is another, a plan is missing, may not run, or is not the
message that the catalogue names. All or nothing: a bundle with one bad plan is no bundle. Whether the hash was approved and
signed is asked by whoever loads it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from segwright.plan import canonical, explain
from segwright.plan.admit import admit
from segwright.plan.canonical import NotCanonical, hash_of
from segwright.plan.explain import Explanation
from segwright.plan.manifest import Entry, Manifest, faults
from segwright.plan.model import Model
from segwright.plan.ops import Plan
from segwright.plan.pieces import Pieces
from segwright.plan.validate import FORMATS as PLAN_FORMATS
from segwright.plan.validate import PlanRefused

FORMATS: Final = (1,)
"""The formats of bundles that this engine reads: its own and the one before (there is none before 1)."""
LARGEST: Final = 16 * 2**20
"""Bytes of one file."""

_SUMS: Final = "SHA256"
_MANIFEST: Final = "manifest.json"
_SUM_LINE: Final = re.compile(r"([0-9a-f]{64})  (manifest\.json|(?:plans|explain)/[0-9a-f]{64}\.json)")


class BundleRefused(Exception):
    """A bundle that is not loaded. `code`: missing, hash, form, format, manifest, organisation, environment, model, plan,
    catalogue."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Bundle(msgspec.Struct, frozen=True):
    """A bundle that may run: its hash, its manifest, the plan of each message by name, in pieces as `runtime.load` takes it."""

    hash: str
    manifest: Manifest
    plans: dict[str, Pieces]
    folder: Path

    def entry(self, message: str) -> Entry:
        """The catalogue's entry of a message. Raises KeyError."""
        for entry in self.manifest.catalogue:
            if entry.name == message:
                return entry
        raise KeyError(message)

    def explanation(self, message: str) -> Explanation | None:
        """Where the plan of a message comes from, read now; None when the bundle has no (or no sound) explanation of it."""
        name = f"explain/{self.entry(message).plan}.json"
        try:
            sums = _sums(_read(self.folder, _SUMS))
            data = _read(self.folder, name)
            return explain.decode(data) if sums.get(name) == hash_of(data) else None
        except (BundleRefused, NotCanonical):
            return None


def model_hash(model: Model) -> str:
    """What a plan calls its model."""
    return hash_of(canonical.encode_model(model))


def write_bundle(
    folder: Path, manifest: Manifest, plans: Mapping[str, Plan], explanations: Mapping[str, Explanation] | None = None
) -> str:
    """Writes a bundle and gives its hash. `plans` and `explanations` by message name, one plan for each entry of the catalogue.

    A reader sees the old folder, for an instant none, then the new one; never a part. Raises `BundleRefused` for what
    `read_bundle` would refuse, OSError when the disk does.
    """
    files = {f"plans/{canonical.plan_hash(plan)}.json": canonical.encode(plan) for plan in plans.values()}
    for name, explanation in (explanations or {}).items():
        files[f"explain/{canonical.plan_hash(plans[name])}.json"] = explain.encode(explanation)
    files[_MANIFEST] = canonical.encode(manifest)
    sums = "".join(f"{hash_of(data)}  {name}\n" for name, data in sorted(files.items())).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, data in {**files, _SUMS: sums}.items():
            path = building / name
            path.parent.mkdir(exist_ok=True)
            _write(path, data)
        read_bundle(building, organisation=manifest.organisation, environment=manifest.environment)
        building.chmod(0o755)
        _replace(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return hash_of(sums)


def read_bundle(folder: Path, *, organisation: str, environment: str, expected: str = "") -> Bundle:
    """The bundle in a folder. `expected`: the hash it must have, when the caller knows. Raises `BundleRefused`."""
    listing = _read(folder, _SUMS)
    bundle_hash = hash_of(listing)
    if expected and bundle_hash != expected:
        raise BundleRefused("hash", "the bundle is not the one that was approved")
    sums = _sums(listing)
    # All hashes first: nothing that was tampered with is decoded.
    files = {name: _verified(folder, name, sum_) for name, sum_ in sums.items() if not name.startswith("explain/")}
    if _MANIFEST not in files:
        raise BundleRefused("missing", "the bundle has no manifest")
    manifest = _manifest(files.pop(_MANIFEST))
    if manifest.organisation != organisation:
        raise BundleRefused("organisation", "the bundle belongs to another organisation")
    if manifest.environment != environment:
        raise BundleRefused("environment", "the bundle belongs to another environment")
    model = model_hash(manifest.model)
    return Bundle(
        bundle_hash, manifest, {entry.name: _plan(entry, files, model) for entry in manifest.catalogue}, folder
    )


def _manifest(data: bytes) -> Manifest:
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BundleRefused("form", "the manifest cannot be read") from None
    if head.format not in FORMATS:
        raise BundleRefused("format", f"format {head.format} of bundles is not among those this engine reads")
    try:
        manifest = canonical.decode(data, Manifest)
    except NotCanonical as refused:
        raise BundleRefused("form", f"the manifest: {refused}") from None
    wrong = faults(manifest)
    if wrong:
        raise BundleRefused("manifest", f"the manifest: {'; '.join(wrong[:5])}")
    return manifest


class _Head(msgspec.Struct):
    """What of a manifest is readable in every format."""

    format: int = 1


def _plan(entry: Entry, files: Mapping[str, bytes], model: str) -> Pieces:
    data = files.get(f"plans/{entry.plan}.json")
    if data is None:
        raise BundleRefused("missing", f"there is no plan for {entry.name}")
    if hash_of(data) != entry.plan:
        raise BundleRefused("hash", f"the plan for {entry.name} is not the one that the manifest names")
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BundleRefused("form", f"the plan for {entry.name} cannot be read") from None
    if head.format not in PLAN_FORMATS:
        raise BundleRefused("format", f"format {head.format} of plans is not among those this engine runs")
    try:
        pieces = admit(data)
    except NotCanonical as refused:
        raise BundleRefused("form", f"the plan for {entry.name}: {refused.reason}") from None
    except PlanRefused as refused:
        raise BundleRefused("plan", f"the plan for {entry.name}: {'; '.join(refused.reasons[:5])}") from None
    frame = pieces.frame
    if frame.model != model:
        raise BundleRefused("model", f"the plan for {entry.name} was made for another model")
    if (frame.message, frame.direction, frame.types) != (entry.name, entry.direction, entry.types):
        raise BundleRefused("catalogue", f"the plan for {entry.name} is another message than the catalogue says")
    return pieces


# --- files ---


def _sums(listing: bytes) -> dict[str, str]:
    sums: dict[str, str] = {}
    for line in listing.decode("ascii", "replace").splitlines():
        found = _SUM_LINE.fullmatch(line)
        if not found or found[2] in sums:
            raise BundleRefused("form", f"{_SUMS} does not list files and their sums")
        sums[found[2]] = found[1]
    return sums


def _verified(folder: Path, name: str, expected: str) -> bytes:
    data = _read(folder, name)
    if hash_of(data) != expected:
        raise BundleRefused("hash", f"{name} was changed after the bundle was made")
    return data


def _read(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BundleRefused("missing", f"{name} cannot be read ({type(error).__name__})") from None
    if len(data) > LARGEST:
        raise BundleRefused("form", f"{name} is longer than {LARGEST} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(building: Path, folder: Path) -> None:
    """Puts a finished folder into its place. A folder cannot be renamed over a full one, so the old one steps aside first."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
        folder.rename(aside / folder.name)
        try:
            building.rename(folder)
        except OSError:
            (aside / folder.name).rename(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    else:
        building.rename(folder)
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
