"""Bearer tokens: which organisation a caller speaks for.

Takes the tokens of each organisation; keeps only their hashes. The organisation of a call comes from here and from nowhere
else. Refuses, with `BadTokens`, tokens that are too short to be safe, and one token for two organisations."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

SHORTEST: Final = 24
"""Characters of a token: 32 of base 64 are 192 bits; with fewer than this it could be guessed."""


class BadTokens(Exception):
    """Tokens that may not be used, and why; never a token itself."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Tokens:
    """The tokens of a server. `given`: organisation → its tokens."""

    def __init__(self, given: Mapping[str, Sequence[bytes]]) -> None:
        self._hashes: list[tuple[bytes, str]] = []
        owners: dict[bytes, str] = {}
        faults = []
        for organisation, tokens in given.items():
            for number, token in enumerate(tokens, 1):
                plain = token.strip()
                which = f"token {number} of {organisation}"
                if len(plain) < SHORTEST or not plain.isascii() or len(plain.split()) != 1:
                    faults.append(f"{which} is no word of at least {SHORTEST} ASCII characters")
                    continue
                digest = hashlib.sha256(plain).digest()
                if owners.setdefault(digest, organisation) != organisation:
                    faults.append(f"{which} is also a token of {owners[digest]}")
                self._hashes.append((digest, organisation))
        if faults:
            raise BadTokens(faults)

    def organisation(self, authorization: str) -> str:
        """Whose token an Authorization header holds, "" for nobody's. Takes the same time whichever it is."""
        scheme, _, token = authorization.partition(" ")
        digest = hashlib.sha256(token.strip().encode("utf-8", "replace")).digest()
        found = ""
        for known, organisation in self._hashes:
            if hmac.compare_digest(known, digest):
                found = organisation
        return found if scheme.lower() == "bearer" else ""
