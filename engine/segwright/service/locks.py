"""The locks of a workspace and the file of trusted keys, as files: read, and written a line at a time.

Takes paths; gives texts, trusted signers, and the words that count. Refuses, with `Unreviewed` and a sentence, what cannot be
read, is no text, or was tampered with. Writes `orgs/<org>/approvals.lock` and nothing else, always as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from segwright.core.prose import message
from segwright.plan.approval import FILE, Entry, LockRefused, Word, words
from segwright.plan.signers import Signer, Signers, SignersRefused, read_signers
from segwright.plan.sshsig import PublicKey
from segwright.service.opening import read_file
from segwright.service.unreviewed import Unreviewed

LARGEST: Final = 4 * 2**20
"""Bytes of a lock, or of a file of keys: thousands of lines."""


def stamp(now: datetime) -> str:
    """A time as locks write it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digits(now: datetime) -> str:
    """A time as signers compare it."""
    return now.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def text_of(path: Path) -> str:
    """The text of a file from anywhere. Raises `Unreviewed` when there is none."""
    data, found = read_file(path, LARGEST)
    if data is None:
        raise Unreviewed(message(found[0]))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreviewed(f"{path} is no text: its byte {error.start + 1:,} is none of UTF-8.") from None


# --- trusted keys ----------------------------------------------------------------------------------------------------------


def trusted(path: Path | None, root: Path) -> Signers:
    """The trusted signers of a file. Raises `Unreviewed`: also for a file in the workspace, which a change could edit."""
    if path is None:
        raise Unreviewed("Whose signatures count? Name the file of trusted keys: --keys FILE, or SEGWRIGHT_KEYS.")
    if path.resolve().is_relative_to(root.resolve()):
        raise Unreviewed(f"{path} lies in the workspace: whoever edits mappings could edit it, too. Keep it elsewhere.")
    try:
        return read_signers(text_of(path))
    except SignersRefused as refused:
        raise Unreviewed(f"{path} is not taken: {refused}.") from None


def own_signer(signers: Signers, key: PublicKey, called: Path) -> Signer:
    """The person whose key it is. Raises `Unreviewed` for a key whose signature would count for nothing."""
    found = signers.of(key)
    if found is None:
        raise Unreviewed(
            f"Your key {called} ({key.fingerprint}) is not among the trusted ones: it would count for nothing."
        )
    if found.vouches:
        raise Unreviewed(f"The key {called} is a server's ({found.name}): it speaks for accounts, not for you.")
    return found


# --- locks -----------------------------------------------------------------------------------------------------------------


def lock_path(root: Path, organisation: str) -> Path:
    """Where the lock of an organisation lies."""
    return root / "orgs" / organisation / FILE


def lock_text(root: Path, organisation: str) -> str:
    """The lock of an organisation; "" without one. Raises `Unreviewed` for what lies there and is no text."""
    path = lock_path(root, organisation)
    return text_of(path) if os.path.lexists(path) else ""


def words_about(root: Path, name: str, signers: Signers, now: datetime) -> tuple[Word, ...]:
    """The words about an organisation. Raises `Unreviewed` for a lock that was tampered with."""
    try:
        return words(lock_text(root, name), signers, digits(now))
    except LockRefused as refused:
        raise Unreviewed(f"orgs/{name}/{FILE} was tampered with or damaged: {refused}") from None


def add_lines(root: Path, organisation: str, entries: Iterable[Entry]) -> None:
    """Writes signed entries into the lock of their organisation. Raises OSError, `Unreviewed`."""
    path = lock_path(root, organisation)
    text = (
        lock_text(root, organisation) or f"# Who approved what of {organisation}; written by segwright, a line each.\n"
    )
    beside = path.with_name(f".{path.name}.new")
    whole = text if text.endswith("\n") else f"{text}\n"
    beside.write_bytes((whole + "".join(f"{entry.line}\n" for entry in entries)).encode())
    os.replace(beside, path)
