"""Whose signatures count: a file of trusted public keys, as OpenSSH's `allowed_signers`, kept outside of every workspace.

    alice@hospital.example ssh-ed25519 AAAA… alice's laptop
    bo@hospital.example valid-before="20271231" sk-ssh-ed25519@openssh.com AAAA…

Takes its text; gives the signer of a key. Refuses, with `SignersRefused` and the line, what it does not understand: an
option that is passed over could widen whom we trust. A person is one name before the key, and may have several keys; a key
belongs to one person, or four eyes could be two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from segwright.plan.sshsig import PublicKey, SignatureRefused, public_key

NAMESPACE: Final = "segwright-approval"
"""What approvals are signed for (`ssh-keygen -Y sign -n`)."""

_LINE: Final = re.compile(
    r'(\S+)\s+(?:((?:[^\s",]|"[^"]*"|,)+)\s+)?((?:ssh|sk|ecdsa)-\S+)\s+([A-Za-z0-9+/=]+)(?:\s.*)?'
)
_OPTION: Final = re.compile(r'([a-zA-Z-]+)(?:="?([^",]*(?:,[^"=]*)?)"?)?(?:,|$)')
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_TIME: Final = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?Z?")


class SignersRefused(Exception):
    """A file of trusted keys that is not taken. `line`: from 1, 0 for the file as a whole."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


class Signer(msgspec.Struct, frozen=True):
    """A person and one of their keys. `after`, `before`: when the key counts, as YYYYMMDDHHMMSS in UTC, "" without an end."""

    name: str
    key: PublicKey
    after: str = ""
    before: str = ""

    def counts(self, now: str) -> bool:
        """Whether the key counts at a time (YYYYMMDDHHMMSS, UTC)."""
        return self.after <= now and (not self.before or now < self.before)


class Signers(msgspec.Struct, frozen=True):
    """The trusted signers by the fingerprint of their keys."""

    by_key: Mapping[str, Signer]

    def of(self, key: PublicKey) -> Signer | None:
        """The signer of a key; None when nobody trusts it."""
        found = self.by_key.get(key.fingerprint)
        return found if found is not None and found.key == key else None

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody, each once."""
        return tuple(dict.fromkeys(signer.name for signer in self.by_key.values()))


def read_signers(text: str) -> Signers:
    """The signers of a file. Raises `SignersRefused`."""
    found: dict[str, Signer] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        signer = _signer(line, number)
        if signer is None:
            continue
        other = found.get(signer.key.fingerprint)
        if other is not None:
            raise SignersRefused(f"the key stands there twice, also as {other.name}'s", number)
        found[signer.key.fingerprint] = signer
    if not found:
        raise SignersRefused("it holds no trusted key")
    return Signers(found)


def _signer(line: str, number: int) -> Signer | None:
    """The signer of a line; None when its key is for other things."""
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise SignersRefused("it is no line of a name, options, the type of a key and the key", number)
    name, options, type_, blob = parts.groups()
    if not _NAME.fullmatch(name):
        raise SignersRefused("the name must be one person's, without patterns or commas", number)
    given = _options(options or "", number)
    try:
        key = public_key(type_, blob)
    except SignatureRefused as refused:
        raise SignersRefused(f"the key: {refused.reason}", number) from None
    if "namespaces" in given and NAMESPACE not in given["namespaces"].split(","):
        return None
    return Signer(name, key, _time(given.get("valid-after", ""), number), _time(given.get("valid-before", ""), number))


def _options(text: str, number: int) -> dict[str, str]:
    given: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _OPTION.match(text, position)
        if found is None or found.end() == position:
            raise SignersRefused("its options cannot be read", number)
        name = found[1].lower()
        if name not in ("namespaces", "valid-after", "valid-before") or found[2] is None or name in given:
            raise SignersRefused(f"the option {name} is not taken here", number)
        given[name] = found[2]
        position = found.end()
    return given


def _time(text: str, number: int) -> str:
    if not text:
        return ""
    found = _TIME.fullmatch(text)
    if found is None:
        raise SignersRefused("a time is written YYYYMMDD or YYYYMMDDHHMMSSZ", number)
    return "".join(part or "00" for part in found.groups())
