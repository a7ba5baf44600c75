"""Promotion and rollback: from the workspace to test, from test to production, and back.

Takes a folder of deployments (`plan.release`); gives what would change, and puts it into force when told to. To production
goes only what ran in test, as it was compiled then, and is approved; all of it or nothing. What production runs is never
undone by accident: a promotion that was made of an older revision is refused, and so is one that was looked at before
another came into force.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from segwright.plan.approval import PRODUCTION, LockRefused, read_lock, standing
from segwright.plan.bundle import Bundle, BundleRefused, read_bundle
from segwright.plan.release import (
    Deployed,
    Release,
    ReleaseRefused,
    bundle_folder,
    current,
    keep_bundle,
    next_number,
    put_into_force,
    release,
)
from segwright.plan.signers import Signers
from segwright.review.meanings import Meanings
from segwright.review.plans import moved_places
from segwright.review.policies import policy_changes
from segwright.review.words import said, title
from segwright.service.bundling import write_bundles
from segwright.service.locks import digits, lock_text, stamp
from segwright.service.opening import check
from segwright.service.revision import git, revision_of
from segwright.service.unreviewed import Unreviewed

TEST = "test"


class Step(msgspec.Struct, frozen=True):
    """What a promotion or rollback would do: the release that it makes, and in words what changes for whom."""

    release: Release
    lines: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether it would change anything."""
        return bool(self.lines)


# --- to test ----------------------------------------------------------------------------------------------------------


def from_workspace(root: Path, folder: Path, names: Collection[str], because: str, now: datetime) -> Step:
    """Compiles organisations and keeps their bundles for every environment: the release that puts them into test."""
    from segwright.core.diagnostic import errors

    compiled, found = check(root, names)
    if errors(found):
        raise Unreviewed("Nothing is promoted while there are errors.", errors(found), compiled.sources)
    commit, clean = revision_of(root)
    running = current(folder, TEST)
    organisations = dict(running.organisations) if running is not None else {}
    with tempfile.TemporaryDirectory(prefix="segwright-promote-") as made:
        for name, organisation in compiled.organisations.items():
            write_bundles(Path(made), organisation, compiled.sources)
            hashes = {each: keep_bundle(folder, Path(made) / name / each, name, each) for each in organisation.messages}
            beside = {each: hash_ for each, hash_ in hashes.items() if each != TEST}
            organisations[name] = Deployed(hashes[TEST], lock_text(root, name), beside)
    return _step(folder, TEST, running, organisations, because, now, commit if clean else "")


# --- to production ----------------------------------------------------------------------------------------------------


def from_test(
    root: Path, folder: Path, names: Collection[str], because: str, now: datetime, signers: Signers, minimum: int = 1
) -> Step:
    """The release that puts into production what runs in test, with the locks of the workspace. Raises `Unreviewed` with every
    organisation that is not approved."""
    tested = current(folder, TEST)
    if tested is None:
        raise Unreviewed("Nothing runs in test: promote to test first.")
    unknown = [name for name in names if name not in tested.organisations]
    if unknown:
        raise Unreviewed(f"{', '.join(unknown)} does not run in test: promote to test first.")
    running = current(folder, PRODUCTION)
    organisations = dict(running.organisations) if running is not None else {}
    refused = []
    for name, deployed in tested.organisations.items():
        hash_ = deployed.beside.get(PRODUCTION)
        if (names and name not in names) or hash_ is None:
            continue
        lock = lock_text(root, name) or deployed.lock
        found = standing(_bundle(folder, name, PRODUCTION, hash_), lock, signers, digits(now), minimum=minimum)
        if not found.runs:
            refused.append(f"{name}: {found.said}")
        organisations[name] = Deployed(hash_, lock)
    if refused:
        raise Unreviewed(
            "\n".join(
                ["Nothing is promoted: production runs only what was approved.", *(f"  {each}" for each in refused)]
            )
        )
    step = _step(folder, PRODUCTION, running, organisations, because, now, tested.made_of)
    if running is not None and step.changes:
        _not_older(root, running, tested)
    return step


def _not_older(root: Path, running: Release, tested: Release) -> None:
    """Raises `Unreviewed` when what runs was made of a revision that is not part of what would replace it."""
    if not running.made_of or not tested.made_of or running.made_of == tested.made_of:
        return
    base = git(root, "merge-base", running.made_of, tested.made_of)
    if base != running.made_of:
        raise Unreviewed(
            f"Production runs what was made of {running.made_of[:12]}, which is not part of {tested.made_of[:12]}: promoting "
            "would undo it. Merge it and promote to test again; or go back on purpose: segwright rollback."
        )


# --- words alone ------------------------------------------------------------------------------------------------------


def with_locks(root: Path, folder: Path, environment: str, names: Collection[str], because: str, now: datetime) -> Step:
    """The release that runs the same bundles with what the locks of the workspace say by now: how an approval that was taken back
    reaches a server. No line that a release has is ever left out."""
    running = current(folder, environment)
    if running is None:
        raise Unreviewed(f"Nothing runs in {environment}.")
    unknown = [name for name in names if name not in running.organisations]
    if unknown:
        raise Unreviewed(f"{', '.join(unknown)} does not run in {environment}.")
    organisations, lines = {}, []
    for name, deployed in running.organisations.items():
        lock = deployed.lock if names and name not in names else _joined(deployed.lock, lock_text(root, name))
        organisations[name] = msgspec.structs.replace(deployed, lock=lock)
        new = _entries(name, lock) - _entries(name, deployed.lock)
        if new:
            kinds = [sum(1 for entry in new if entry.startswith(kind)) for kind in ("approve", "revoke")]
            said = [f"{count} {word}" for count, word in zip(kinds, ("approved", "revoked"), strict=True) if count]
            lines.append(f"{name}: the same bundle, with entries that are new: {', '.join(said)}")
    made = _release(folder, environment, running, organisations, because, now, running.made_of)
    return Step(made, tuple(lines))


def _entries(name: str, lock: str) -> set[str]:
    """The entries of a lock as written. Raises `Unreviewed` for one that was tampered with."""
    try:
        return {entry.line for entry in read_lock(lock)}
    except LockRefused as refused:
        raise Unreviewed(f"the lock of {name} was tampered with or damaged: {refused}") from None


# --- back -------------------------------------------------------------------------------------------------------------


def back(
    root: Path | None, folder: Path, environment: str, to: int | None, because: str, now: datetime, signers: Signers | None,
    minimum: int = 1,
) -> Step:  # fmt: skip
    """The release that puts an earlier one into force again (the one before, when `to` is None). Production goes back only to
    what is approved still: what was revoked since stays where it is."""
    running = current(folder, environment)
    if running is None:
        raise Unreviewed(f"Nothing runs in {environment}.")
    number = to if to is not None else running.previous
    if not number or number == running.number:
        raise Unreviewed(f"There is nothing to go back to: {environment} runs release {running.number}.")
    target = release(folder, environment, number)
    refused = []
    organisations = {}
    for name, deployed in target.organisations.items():
        now_here = running.organisations.get(name)
        lock = _joined(
            deployed.lock, now_here.lock if now_here is not None else "", lock_text(root, name) if root else ""
        )
        organisations[name] = msgspec.structs.replace(deployed, lock=lock)
        found = standing(
            _bundle(folder, name, environment, deployed.bundle), lock, signers, digits(now), minimum=minimum
        )
        if not found.runs:
            refused.append(f"{name}: {found.said}")
    if refused:
        raise Unreviewed("\n".join([f"Release {number} must not run any more:", *(f"  {each}" for each in refused)]))
    return _step(folder, environment, running, organisations, because, now, target.made_of, number)


def _joined(*locks: str) -> str:
    """All lines of several locks: a revocation counts wherever it stands."""
    return "".join(f"{line}\n" for line in dict.fromkeys(line for lock in locks for line in lock.splitlines()))


# --- what changes -----------------------------------------------------------------------------------------------------


def _step(
    folder: Path, environment: str, running: Release | None, organisations: Mapping[str, Deployed], because: str, now: datetime,
    made_of: str, goes_back_to: int = 0,
) -> Step:  # fmt: skip
    made = _release(folder, environment, running, organisations, because, now, made_of, goes_back_to)
    return Step(
        made, tuple(_differences(folder, environment, {} if running is None else running.organisations, organisations))
    )


def _release(
    folder: Path, environment: str, running: Release | None, organisations: Mapping[str, Deployed], because: str, now: datetime,
    made_of: str, goes_back_to: int = 0,
) -> Release:  # fmt: skip
    return Release(
        next_number(folder, environment), environment, 0 if running is None else running.number, stamp(now), because,
        dict(sorted(organisations.items())), made_of, goes_back_to,
    )  # fmt: skip


def _differences(
    folder: Path, environment: str, old: Mapping[str, Deployed], new: Mapping[str, Deployed]
) -> Iterator[str]:
    """In words what changes for whom."""
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        if one is not None and other is not None and one.bundle == other.bundle:
            continue
        if other is None:
            yield f"{name}: no longer served"
        elif one is None:
            yield f"{name}: served for the first time"
        else:
            before, after = (_bundle(folder, name, environment, each.bundle) for each in (one, other))
            yield f"{name}: {'; '.join(_moves(before, after)) or 'the same plans and policy, explained anew'}"


def _moves(before: Bundle, after: Bundle) -> Iterator[str]:
    """What moves between two bundles of one organisation."""
    for message in dict.fromkeys((*before.plans, *after.plans)):
        old, new = before.plans.get(message), after.plans.get(message)
        if old is None or new is None:
            yield f"{message} {'is new' if old is None else 'is gone'}"
        elif before.entry(message).plan != after.entry(message).plan:
            places = moved_places(old.plan, new.plan, lambda op: "what is read", lambda op: "what is read")
            shown = ", ".join(dict.fromkeys(places[:6])) + (f" and {len(places) - 6} more" if len(places) > 6 else "")
            yield f"{message} ({shown or 'the data model'})"
    for change in policy_changes(before.manifest, after.manifest, Meanings()):
        if not change.place.startswith("model."):
            yield f"{title(change)} {said(change)}"


def _bundle(folder: Path, name: str, environment: str, hash_: str) -> Bundle:
    """A bundle of the deployment. Raises `ReleaseRefused` when it is not what it was."""
    try:
        return read_bundle(bundle_folder(folder, hash_), organisation=name, environment=environment, expected=hash_)
    except BundleRefused as refused:
        raise ReleaseRefused(f"the bundle of {name} for {environment}: {refused.reason}") from None


def carry_out(folder: Path, step: Step) -> None:
    """Puts a step into force. Raises `plan.release.Overtaken` when another one came first."""
    put_into_force(folder, step.release)
