"""What a server says of its reviewers: an account approved, signed with the server's key, to be carried into the workspace.

    # Approvals of review.hospital.example; into the workspace with: segwright approvals import FILE
    approve mercy production plan:ecg_result=HASH … because="…" as="dr.chen" by=SHA256:… sig=…

Takes entries of `plan.approval` that name an account; gives their lines, as locks hold them. The server never writes a
workspace: who imports them is checked by the same signatures as everybody else. Refuses, with `CannotVouch`, what an import
would refuse. Pure: the time and the account are the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from segwright.plan.approval import Entry, LockRefused, is_account, read_lock, says_why
from segwright.plan.sshsig import PrivateKey, SignatureRefused


class CannotVouch(Exception):
    """There is no entry. Its text says why."""


def server_key(text: bytes) -> PrivateKey:
    """The key of a server from its file, as OpenSSH writes it. Raises `CannotVouch`."""
    try:
        return PrivateKey(text)
    except SignatureRefused as refused:
        raise CannotVouch(f"the key that signs for accounts: {refused.reason}") from None


def vouched(entry: Entry, account: str, key: PrivateKey) -> Entry:
    """The entry as the word of an account, signed. `account`: its name, or `ISSUER#SUBJECT` of an identity provider; one person
    must always go by one of them, whichever way they signed in."""
    if not is_account(account):
        raise CannotVouch("the account has no name that can be written down")
    if not says_why(entry.because):
        raise CannotVouch("the reason must say why, on one line")
    named = msgspec.structs.replace(entry, account=account, by=key.public.fingerprint, signature="")
    signed = msgspec.structs.replace(named, signature=key.sign(named.payload.encode(), named.namespace))
    try:
        if read_lock(signed.line) == (signed,):
            return signed
    except LockRefused as refused:
        raise CannotVouch(f"it would be no line of a lock: {refused.reason}") from None
    raise CannotVouch("it would not be read back as it is written")


def exported(entries: Iterable[Entry], server: str) -> str:
    """The text that `segwright approvals import` takes. `server`: what the trusted keys call it, for people."""
    name = "".join(character if character.isprintable() else "?" for character in server)
    head = f"# Approvals of {name}; into the workspace with: segwright approvals import FILE\n"
    return head + "".join(f"{entry.line}\n" for entry in entries)
