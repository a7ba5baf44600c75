"""Passwords: what is asked of one, and argon2 over it.

Takes the typed text; gives argon2's own text, or says whether the two belong together. Both take some 0.15 s of a core and 64 MiB
on purpose, so they are never called inside a transaction.

The costs are those of RFC 9106's second recommendation (3 passes over 64 MiB), in one lane instead of four. Four lanes are four
threads: they take every core from whoever sends, for a hash that is no harder to guess. OWASP's lighter choice (2 passes over 19
MiB) takes an eighth of the time here, and lets whoever stole a backup guess five times as often. A person signs in a few times a
day; what many at once would take is a matter of taking turns (`pages.hashing`)."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from segwright.accounts.model import Impossible

SHORTEST: Final = 12
LONGEST: Final = 200
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)  # argon2id


def hashed(password: str, name: str = "") -> str:
    """What is kept of a password. Raises `Impossible` for one that is easily guessed."""
    if len(password) < SHORTEST:
        raise Impossible(
            "password", f"A password has at least {SHORTEST} characters; a sentence of a few words is easy to keep."
        )
    if len(password) > LONGEST:
        raise Impossible("password", f"A password has at most {LONGEST} characters.")
    if len(set(password)) < 5:
        raise Impossible("password", "This password repeats too few characters.")
    if name and name in password.lower():
        raise Impossible("password", "A password does not hold the name of its account.")
    return _HASHER.hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether a password is the one. For "" the answer is no, and takes as long."""
    try:
        _HASHER.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def is_old(kept: str) -> bool:
    """Whether it was made with other parameters than today's, and should be made anew from what was typed."""
    return _HASHER.check_needs_rehash(kept)


def hashed_again(password: str) -> str:
    """The same password with today's parameters; what was asked of it was asked when it was chosen."""
    return _HASHER.hash(password)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody signs in with this")
