"""Accounts and what they may do: frozen data.

A role is held for named organisations. What is not granted does not exist for an account."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

import msgspec

Role = Literal["clinician", "operator", "analyst", "reviewer", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAY: Final[dict[Role, str]] = {
    "clinician": "reviews studies, chooses billing codes, signs",
    "operator": "watches deliveries and decides about them",
    "analyst": "sees deliveries without a patient's data, and mapping changes",
    "reviewer": "approves mapping changes",
    "administrator": "manages accounts",
}
"""Each role in a few words."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")
"""A name to sign in with: small letters, digits, `.`, `_`, `-`, `@`."""
LONGEST_SHOWN: Final = 100


class Impossible(Exception):
    """What cannot be done with an account, in a sentence that says what to do. `code`: name, shown_as, password, taken,
    unknown, role, last."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Grant(msgspec.Struct, frozen=True, order=True):
    """A role for an organisation."""

    org: str
    role: Role


class Account(msgspec.Struct, frozen=True):
    """An account with its grants. `has_password`: whether it can sign in by one; `temporary`: somebody else chose that
    password, so it has to be changed before anything else; `locked_until`: ms, 0 when it is not locked; `identities`: how
    providers of sign-ins call it, as (issuer, subject)."""

    id: int
    name: str
    shown_as: str
    state: Literal["active", "disabled"]
    has_password: bool
    temporary: bool
    failures: int
    locked_until: int
    at: int
    grants: tuple[Grant, ...]
    identities: tuple[tuple[str, str], ...] = ()

    @property
    def organisations(self) -> tuple[str, ...]:
        """Those it holds any role for, in alphabetical order."""
        return tuple(sorted({grant.org for grant in self.grants}))

    def roles(self, org: str) -> frozenset[Role]:
        """What it is for an organisation."""
        return frozenset(grant.role for grant in self.grants if grant.org == org)


def folded(name: str) -> str:
    """A name as it is kept: case and spaces around it do not count."""
    return name.strip().lower()
