"""Which bundles a server runs, and whether it may: what was promoted or compiled, held against its approvals.

Takes the server's settings and their folder; gives the place of each bundle with its lock, and how a bundle stands.
Production runs nothing that was not approved by enough trusted people; elsewhere it runs, and the log says so at every
start. The folder of bundles is what `segwright compile` writes, or a deployment that `segwright promote` makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from segwright.delivery.settings import Settings
from segwright.plan.approval import FILE, LockRefused, Standing, revoked_hashes, standing
from segwright.plan.bundle import Bundle
from segwright.plan.release import ReleaseRefused, bundle_folder, current
from segwright.plan.signers import Signers, SignersRefused, read_signers


class NotRun(Exception):
    """Nothing of it runs, and why."""


class Place(NamedTuple):
    """Where a bundle lies, the hash that it must have ("" when nobody says), and the text of its lock."""

    folder: Path
    expected: str
    lock: str


class Judged(msgspec.Struct, frozen=True):
    """How a bundle stands, the hashes of plans and policies that were revoked (what is queued under them stays), and the lock
    that says so."""

    standing: Standing
    revoked: frozenset[str]
    lock: str = ""


def places(settings: Settings, root: Path) -> dict[str, Place]:
    """The bundles of the environment by organisation. Raises `NotRun` for a deployment that cannot be read."""
    folder = root / settings.bundles
    try:
        running = current(folder, settings.environment)
    except ReleaseRefused as refused:
        raise NotRun(str(refused)) from None
    found = dict(_compiled(folder, settings.environment))
    if running is not None:
        found = {
            name: Place(bundle_folder(folder, deployed.bundle), deployed.bundle, deployed.lock)
            for name, deployed in running.organisations.items()
        }
    if settings.organisations:
        missing = Place(folder, "", "")
        return {
            name: found.get(name, missing._replace(folder=folder / name / settings.environment))
            for name in settings.organisations
        }
    return dict(sorted(found.items()))


def _compiled(folder: Path, environment: str) -> Iterator[tuple[str, Place]]:
    for path in folder.glob(f"*/{environment}"):
        if path.is_dir():
            lock = path.parent / FILE
            text = lock.read_bytes().decode("utf-8", "replace") if lock.is_file() else ""
            yield path.parent.name, Place(path, "", text)


def signers_of(settings: Settings, root: Path) -> Signers | None:
    """The trusted signers; None when the settings name none. Raises `NotRun`."""
    if not settings.approvals.keys:
        return None
    path = root / settings.approvals.keys
    try:
        return read_signers(path.read_text(encoding="utf-8"))
    except SignersRefused as refused:
        raise NotRun(f"approvals.keys: {path} is not taken: {refused}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotRun(f"approvals.keys: {path} cannot be read ({type(error).__name__})") from None


def judged(bundle: Bundle, lock: str, signers: Signers | None, settings: Settings) -> Judged:
    """How a bundle stands now."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    found = standing(bundle, lock, signers, now, minimum=settings.approvals.approvers)
    revoked: frozenset[str] = frozenset()
    if signers is not None and found.runs:
        try:
            revoked = revoked_hashes(lock, bundle.manifest.organisation, bundle.manifest.environment, signers, now)
        except LockRefused:
            revoked = frozenset()
    return Judged(found, revoked, lock)
