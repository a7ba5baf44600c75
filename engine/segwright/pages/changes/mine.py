"""What of a proposal a visitor may see: organisations that he is an analyst or reviewer of, and nothing of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec

from segwright.accounts.model import Role
from segwright.delivery import proposals, verdicts
from segwright.delivery.proposals import Head
from segwright.delivery.verdicts import Office, Stand
from segwright.ledger.store import Tx
from segwright.pages.answer import not_there
from segwright.pages.routes import Call
from segwright.review.document import Document, ShownGroup

READ: Final[tuple[Role, ...]] = ("reviewer", "analyst")
DECIDE: Final[tuple[Role, ...]] = ("reviewer",)

STATE: Final = {
    "open": ("waiting", "busy"), "approved": ("approved", "good"), "refused": ("refused", "bad"), "lapsed": ("lapsed", "doubt"),
    "superseded": ("superseded", "idle"), "nothing": ("nothing to do", "idle"),
}  # fmt: skip
"""How an organisation of a proposal stands, as a word and its colour."""
ORDER: Final = tuple(STATE)


def office(call: Call) -> Office:
    """The server's."""
    return cast(Office, call.parts["office"])


def organisations(call: Call, roles: tuple[Role, ...] = READ) -> tuple[str, ...]:
    """The visitor's organisations by role; the one of the path first."""
    found = [org for org in call.visitor.account.organisations if call.visitor.is_one_of(org, roles)]
    return tuple(sorted(found, key=lambda org: (org != call.org, org)))


def names(call: Call, orgs: Iterable[str]) -> dict[str, str]:
    """What people call organisations: as their own manifest does, where one is served here."""
    lives = call.engine.lives
    return {org: lives[org].manifest.name if org in lives else org for org in orgs}


class Seen(msgspec.Struct, frozen=True):
    """A proposal as a visitor sees it. `others`: how many hospitals it is about that are not his."""

    head: Head
    review: Document
    stands: dict[str, Stand]
    others: int

    def of(self, group: ShownGroup) -> tuple[Stand, ...]:
        """How the hospitals of a group stand, what waits first."""
        found = [self.stands[org] for org in group.organisations if org in self.stands]
        return tuple(sorted(found, key=lambda stand: (ORDER.index(stand.state), stand.part.org)))

    @property
    def counts(self) -> dict[str, int]:
        """How many hospitals stand how."""
        return counted(self.stands.values())


def counted(stands: Iterable[Stand]) -> dict[str, int]:
    """How many stand how, in the order of states."""
    found = Counter(stand.state for stand in stands)
    return {state: found[cast(Any, state)] for state in ORDER if found[cast(Any, state)]}


async def seen(call: Call) -> Seen:
    """The proposal of the path. Raises `Refused` (404) for one that is about none of the visitor's organisations."""
    number, orgs, here = call.number("proposal"), organisations(call), office(call)

    def look(tx: Tx) -> Seen | None:
        head = proposals.head(tx, number)
        found = proposals.parts(tx, [number], orgs)
        if head is None or not found:
            return None
        whole = proposals.review(tx, number)
        review = proposals.shown(whole, [part.org for part in found], proposals.everybody(tx, number))
        stands = {stand.part.org: stand for stand in verdicts.stands(tx, here, found)}
        total = sum(len(group.organisations) for group in whole.groups)
        return Seen(head, review, stands, total - len(found))

    given = await call.read(look)
    if given is None:
        raise not_there()
    return given
