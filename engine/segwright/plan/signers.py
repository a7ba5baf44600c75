"""Whose signatures count: a file of trusted public keys, as OpenSSH's `allowed_signers`, kept outside of every workspace.

    alice@hospital.example ssh-ed25519 AAAA… alice's laptop
    bo@hospital.example,bo.lind valid-before="20271231" sk-ssh-ed25519@openssh.com AAAA…
    review.hospital.example namespaces="segwright-accounts/mercy,segwright-accounts/stluke" ssh-ed25519 AAAA…

Takes its text; gives the signer of a key. Refuses, with `SignersRefused` and the line, what it does not understand: an
option that is passed over could widen whom we trust. A key belongs to one person, or four eyes could be two; a person may
have several keys, and several names: the first is what they are called, the others are their accounts. A key for
`segwright-accounts/ORG` is a server's: it speaks for the accounts of that organisation's reviewers and never for itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

import msgspec

from segwright.plan.sshsig import PublicKey, SignatureRefused, public_key

NAMESPACE: Final = "segwright-approval"
"""What approvals are signed for by people (`ssh-keygen -Y sign -n`)."""
ACCOUNTS: Final = "segwright-accounts/"
"""What a server signs for, before the organisation: that one of its accounts approved. It is another namespace, so that no
signature of one kind is ever taken for the other."""

_LINE: Final = re.compile(
    r'(\S+)\s+(?:((?:[^\s",]|"[^"]*"|,)+)\s+)?((?:ssh|sk|ecdsa)-\S+)\s+([A-Za-z0-9+/=]+)(?:\s.*)?'
)
_OPTION: Final = re.compile(r'([a-zA-Z-]+)(?:="?([^",]*(?:,[^"=]*)?)"?)?(?:,|$)')
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_ACCOUNT: Final = re.compile(r"[^\s,*?!\"#][^\s,*?!\"]{0,299}")
_ORGANISATION: Final = re.compile(r"[a-z][a-z0-9_]{0,60}|\*")
_TIME: Final = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?Z?")


class SignersRefused(Exception):
    """A file of trusted keys that is not taken. `line`: from 1, 0 for the file as a whole."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


class Signer(msgspec.Struct, frozen=True):
    """A person and one of their keys, or a server.

    `after`, `before`: when the key counts, as YYYYMMDDHHMMSS in UTC, "" without an end. `accounts`: further names of the person.
    `vouches`: of a server the organisations for whose reviewers' accounts it speaks, "*" for all; () of a person.
    """

    name: str
    key: PublicKey
    after: str = ""
    before: str = ""
    accounts: tuple[str, ...] = ()
    vouches: tuple[str, ...] = ()

    def counts(self, now: str) -> bool:
        """Whether the key counts at a time (YYYYMMDDHHMMSS, UTC)."""
        return self.after <= now and (not self.before or now < self.before)

    def vouches_for(self, organisation: str) -> bool:
        """Whether the key speaks for accounts of an organisation."""
        return organisation in self.vouches or "*" in self.vouches


class Signers(msgspec.Struct, frozen=True):
    """The trusted signers by the fingerprint of their keys. `people`: what a person is called, by each `known` form of a name."""

    by_key: Mapping[str, Signer]
    people: Mapping[str, str] = {}

    def of(self, key: PublicKey) -> Signer | None:
        """The signer of a key; None when nobody trusts it."""
        found = self.by_key.get(key.fingerprint)
        return found if found is not None and found.key == key else None

    def person(self, name: str) -> str:
        """Who goes by a name: what the file calls them, else the name itself in the one form in which names are compared."""
        return self.people.get(known(name)) or known(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody who signs with a key of their own, each once."""
        return tuple(dict.fromkeys(self.person(each.name) for each in self.by_key.values() if not each.vouches))


def known(name: str) -> str:
    """A name as it is compared: letters of another case, or another form of the same letters, make no second person."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def read_signers(text: str) -> Signers:
    """The signers of a file. Raises `SignersRefused`."""
    found: dict[str, Signer] = {}
    people: dict[str, str] = {}
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
        if not signer.vouches:
            _introduce(signer, people, number)
    if not found:
        raise SignersRefused("it holds no trusted key")
    return Signers(found, people)


def _introduce(signer: Signer, people: dict[str, str], number: int) -> None:
    """Enters the names of a person. A name that two people have would let one of them count as the other."""
    called = people.get(known(signer.name), signer.name)
    if known(called) != known(signer.name):
        raise SignersRefused(f"{signer.name} is {called}'s name, too: {_ONE_PERSON}", number)
    for name in (signer.name, *signer.accounts):
        other = people.setdefault(known(name), called)
        if other != called:
            raise SignersRefused(f"{name} is {other}'s name, too: {_ONE_PERSON}", number)


_ONE_PERSON: Final = "every line of one person begins with the same name"


def _signer(line: str, number: int) -> Signer | None:
    """The signer of a line; None when its key is for other things."""
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise SignersRefused("it is no line of a name, options, the type of a key and the key", number)
    names, options, type_, blob = parts.groups()
    name, *accounts = names.split(",")
    if not _NAME.fullmatch(name) or not all(_ACCOUNT.fullmatch(each) for each in accounts):
        raise SignersRefused("the names must be one person's, without patterns", number)
    given = _options(options or "", number)
    try:
        key = public_key(type_, blob)
    except SignatureRefused as refused:
        raise SignersRefused(f"the key: {refused.reason}", number) from None
    spaces = given["namespaces"].split(",") if "namespaces" in given else [NAMESPACE]
    vouches = tuple(each.removeprefix(ACCOUNTS) for each in spaces if each.startswith(ACCOUNTS))
    own = NAMESPACE in spaces
    if not all(map(_ORGANISATION.fullmatch, vouches)):
        raise SignersRefused(f"behind {ACCOUNTS} stands the name of one organisation, or * for all", number)
    if vouches and (own or accounts):
        raise SignersRefused("a key that speaks for accounts is a server's, and no person's own", number)
    if not own and not vouches:
        if any("segwright" in each or each.startswith(("*", "?", "!")) for each in spaces):
            raise SignersRefused(f"segwright knows the namespaces {NAMESPACE} and {ACCOUNTS}ORG, no patterns", number)
        return None
    after, before = (_time(given.get(option, ""), number) for option in ("valid-after", "valid-before"))
    return Signer(name, key, after, before, tuple(accounts), vouches)


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
