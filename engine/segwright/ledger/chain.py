"""The rules of a chain: what may go when, and what a newer revision does to older ones. Pure; no database here.

A chain is what one lane owes to one case, in line. Takes its links as frozen values; gives verdicts. The rules
(delivery.md, section 2):

- What is in line waits until everything before it is decided. What waits for a signature is not in line yet.
- A preliminary result is older than any that is final, corrected or withdrawn, whatever their versions.
- A newer revision makes an older one of the same message void if no byte of it can have been written. One whose fate is
  not known
  is waited for, unless it is preliminary: then it is closed with its fate unknown. One that was refused is void.
- A correction of a final that never left goes out as the policy says. A withdrawal of what was never sent is void.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from segwright.ledger.tables import OPEN

State = Literal[
    "held", "waiting", "ready", "sending", "uncertain", "needs_decision", "rejected",
    "accepted", "confirmed", "void", "unknown",
]  # fmt: skip

RESULT_KINDS: Final = ("preliminary", "final", "corrected", "withdrawn")
ORDER_KINDS: Final = ("accepted", "in_progress", "completed", "cancelled")

UNSIGNED: Final = "awaiting sign-off"
NO_ORDER: Final = "no order yet"
NOT_IN_LINE: Final = (UNSIGNED, NO_ORDER)
"""Why a delivery is held that others need not wait for."""

ORDER_CANCELLED: Final = "the order was cancelled"
"""Why a delivery is void whose orders were all cancelled before it left."""

_FILED: Final = frozenset({"accepted", "confirmed"})
_IN_DOUBT: Final = frozenset({"sending", "uncertain", "needs_decision", "unknown"})
LEFT: Final = _FILED | _IN_DOUBT
"""States of what has left, or may have."""


def akin(one: int, other: int) -> bool:
    """Whether the parts of two messages, or of a message and an order, are about the same order: 0, and what is below, answers
    all orders of a case together."""
    return one == other or min(one, other) <= 0


def rank_of(kind: str, version: int) -> tuple[bool, int, int]:
    """Which of two revisions is the newer: a preliminary one is never newer than one that is final, corrected or withdrawn,
    whatever its version."""
    return kind != "preliminary", version, RESULT_KINDS.index(kind)


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a delivery, and why."""

    id: int
    state: State
    reason: str


class Link(msgspec.Struct, frozen=True):
    """A delivery as its chain sees it. `version`: of the result, 0 for what happened to an order; `before`: whether an earlier
    build of it left, or an earlier try of what was refused, or may have."""

    id: int
    message: str
    part: int
    kind: str
    version: int
    seq: int
    state: State
    reason: str = ""
    before: bool = False

    def is_akin(self, message: str, part: int) -> bool:
        """Whether it is a revision of the same message for the same order. Part 0 stands for all orders, and for a result
        that went out before its order came."""
        return self.is_result and self.message == message and akin(self.part, part)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Which of two revisions is the newer."""
        return rank_of(self.kind, self.version)

    @property
    def in_line(self) -> bool:
        """Whether others wait for it."""
        return self.state in OPEN and not (self.state == "held" and self.reason in NOT_IN_LINE)

    @property
    def is_result(self) -> bool:
        return self.kind in RESULT_KINDS

    @property
    def has_left(self) -> bool:
        """Whether the hospital has it, or may have."""
        return self.state in LEFT or self.before

    def given_up(self, why: str) -> Verdict:
        """It is not sent any more. What left before is not undone by that."""
        return Verdict(self.id, "unknown" if self.before else "void", why)


def of_delivery(chain: Iterable[Link], delivery: int) -> Link:
    """The link of a delivery. Raises `LookupError` when it is in another chain."""
    found = next((link for link in chain if link.id == delivery), None)
    if found is None:
        raise LookupError(f"delivery {delivery} is not in this chain")
    return found


def stale(chain: Iterable[Link], message: str, part: int, kind: str, version: int) -> Link | None:
    """The newest link that a revision would be older than: it is not enqueued then."""
    rank = rank_of(kind, version)
    newer = [link for link in chain if link.is_akin(message, part) and link.rank > rank]
    # What was made void without a newer one in its place does not count.
    return max((link for link in newer if link.state != "void"), key=lambda link: link.rank, default=None)


def superseded(chain: Iterable[Link], new: Link) -> list[Verdict]:
    """What a revision that steps into line does to those before it."""
    if not new.is_result:
        return []
    out = []
    for link in chain:
        if link.id == new.id or not link.is_akin(new.message, new.part) or link.rank >= new.rank:
            continue
        if link.state in ("held", "waiting", "ready"):
            out.append(link.given_up(f"superseded by {new.kind} {new.version}"))
        elif link.state == "rejected":
            out.append(link.given_up(f"refused, and superseded by {new.kind} {new.version}"))
        elif link.kind == "preliminary" and link.state in ("uncertain", "needs_decision"):
            out.append(Verdict(link.id, "unknown", f"superseded by {new.kind} {new.version}, its fate unknown"))
    return out


def overtaken(chain: Iterable[Link], link: Link) -> Link | None:
    """A newer revision that the hospital has, or may have: what has not left is not sent behind it."""
    if not link.is_result:
        return None
    akin = (other for other in chain if other.is_akin(link.message, link.part))
    return next((other for other in akin if other.has_left and other.rank > link.rank), None)


def waits_for(chain: Iterable[Link], link: Link) -> Link | None:
    """The nearest link that must be decided first."""
    before = [other for other in chain if other.in_line and other.seq < link.seq and other.id != link.id]
    return max(before, key=lambda other: other.seq, default=None)


def first_waiting(chain: Iterable[Link]) -> Link | None:
    """The link that may go now: the first in line, if it waits."""
    first = min((link for link in chain if link.in_line), key=lambda link: link.seq, default=None)
    return first if first is not None and first.state == "waiting" else None


def sent_as(chain: Iterable[Link], link: Link, unsent_final: str | None) -> str | None:
    """The kind that a revision is written as, None when there is nothing to send. `unsent_final`: the policy."""
    if link.kind not in ("corrected", "withdrawn"):
        return link.kind
    before = [o for o in chain if o.is_akin(link.message, link.part) and o.seq < link.seq and o.id != link.id]
    known = [other for other in before if other.has_left]
    if link.kind == "withdrawn":
        return "withdrawn" if known else None
    if unsent_final == "as final" and not [other for other in known if other.kind != "preliminary"]:
        return "final"
    return "corrected"


def cancels(chain: Iterable[Link], part: int) -> list[Verdict]:
    """What the cancellation of an order does: results that have not left are void. Part 0 answers all orders together."""
    return [
        link.given_up(ORDER_CANCELLED)
        for link in chain
        if link.is_result and link.part in (part, 0) and link.state in ("held", "waiting", "ready")
    ]


def signed_result_left(chain: Iterable[Link], part: int) -> bool:
    """Whether a signed result of an order has left, or may have: then the order cannot be cancelled any more."""
    return any(
        link.is_result and link.kind != "preliminary" and link.part in (part, 0) and link.has_left for link in chain
    )
