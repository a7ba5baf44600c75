"""Who asks."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from segwright.accounts.model import Account, Role
from segwright.accounts.sessions import Session


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who is signed in, with the roles as they are at this moment."""

    account: Account
    session: Session

    @property
    def name(self) -> str:
        """The account's name: what events are written under."""
        return self.account.name

    @property
    def must_change_password(self) -> bool:
        """Whether he came by a password that somebody else chose."""
        return self.account.temporary and self.session.how == "password"

    def roles(self, org: str) -> frozenset[Role]:
        """What he is for an organisation."""
        return self.account.roles(org)

    def is_one_of(self, org: str, roles: tuple[Role, ...]) -> bool:
        """Whether he holds one of these roles for an organisation."""
        return bool(self.roles(org) & set(roles))

    def administers(self, account: Account) -> bool:
        """Whether he is an administrator of every organisation that an account has a role for: only then may he do what
        would let him, or keep others from, signing in as that account."""
        return all("administrator" in self.roles(org) for org in account.organisations)


def csrf_of(token: str) -> str:
    """What every form carries: made of the token in the cookie, which no other site can read."""
    return hmac.digest(token.encode(), b"segwright form", hashlib.sha256).hex()
