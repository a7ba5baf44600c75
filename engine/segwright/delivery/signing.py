"""What a clinician is about to sign: which messages would go out, what stands against it, and whether it is still what was seen.

`prepare` takes a study, an act and what the clinician chose; gives the document as it would stand, the very messages that signing
would send (by the functions that then build them), every obstacle, and the fingerprint of all of it. `sign` does the act in one
transaction under the lock of the case, and only if the fingerprint is still the one that was shown: else it raises `Moved`, which
says what moved. Obstacles are facts; their words are for a page to say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.codes.judging import CodeFault
from segwright.delivery import billing, desk
from segwright.delivery.desk import Signature, Wrong
from segwright.delivery.live import RESULT, Live
from segwright.ledger import cases, results, studies
from segwright.ledger import tables as t
from segwright.ledger.results import Act, Conflict, Intended, Shown, Taken
from segwright.ledger.store import Tx
from segwright.ledger.studies import Study

Code = Literal[
    "signed", "withdrawn", "not_signed", "second_final",  # what is there already
    "takes_none", "order_cancelled", "no_order", "not_written",  # nothing can be sent
    "codes", "document", "no_signer", "held_by_other",  # to be mended by the clinician, or by another person
    "kind_stopped", "plan_revoked", "lane_stopped", "waits", "nothing_sent",  # it can be signed, and goes out later or not at all
]  # fmt: skip

BLOCKING: Final = frozenset({
    "signed", "withdrawn", "not_signed", "second_final", "takes_none", "order_cancelled", "no_order", "not_written", "codes",
    "document", "no_signer", "held_by_other",
})  # fmt: skip
_OF_CONFLICT: Final[dict[str, Code]] = {
    "nothing_to_sign": "signed", "withdrawn": "withdrawn", "not_signed": "not_signed", "second_final": "second_final",
}  # fmt: skip
OLDEST: Final = 24 * 3_600_000
"""Milliseconds that something shown may be signed after."""


class Obstacle(msgspec.Struct, frozen=True):
    """Something that stands against an act, or that its clinician should know. `facts`: by name, nothing of a patient."""

    code: Code
    facts: dict[str, Any] = {}

    @property
    def blocks(self) -> bool:
        """Whether it cannot be signed like this."""
        return self.code in BLOCKING


class Chosen(msgspec.Struct, frozen=True):
    """What a clinician chose: codes in billing order, and texts; None leaves what the result says."""

    codes: tuple[str, ...] | None = None
    interpretation: str | None = None
    comments: tuple[str, ...] | None = None


class Seen(msgspec.Struct, frozen=True):
    """The fingerprint of what was shown, in parts, so that it can be said which of them moved. `at`: when it was shown (ms): what
    is written for it is written as of then."""

    at: int
    result: str
    orders: str
    plans: str
    chosen: str
    messages: str

    def token(self) -> str:
        """As a form carries it."""
        return ".".join((str(self.at), self.result, self.orders, self.plans, self.chosen, self.messages))


def seen_of(token: str) -> Seen | None:
    """A fingerprint that a form brought back; None for what is none."""
    at, *parts = token.split(".")
    if not (at.isascii() and at.isdigit() and len(at) < 16) or len(parts) != 5 or not all(len(p) == 64 for p in parts):
        return None
    return Seen(int(at), *parts)


MOVED: Final = ("result", "orders", "plans", "chosen", "messages")


class Moved(Exception):
    """It is not what was shown any more. `parts`: which of `MOVED`; "time" for what was shown too long ago."""

    def __init__(self, parts: tuple[str, ...]) -> None:
        super().__init__(", ".join(parts))
        self.parts = parts


class Blocked(Exception):
    """It cannot be signed like this."""

    def __init__(self, obstacles: tuple[Obstacle, ...]) -> None:
        super().__init__(", ".join(obstacle.code for obstacle in obstacles))
        self.obstacles = obstacles


class Prepared(msgspec.Struct, frozen=True):
    """What an act would do. `shown`: None when the act cannot be done at all; `document`: as it would stand, `base`: as it
    stands; `faults`: of the codes; `plain`: the messages as they would be without what the clinician chose."""

    act: Act
    shown: Shown | None
    document: bytes
    base: bytes
    messages: tuple[Intended, ...]
    plain: tuple[Intended, ...]
    faults: tuple[CodeFault, ...]
    obstacles: tuple[Obstacle, ...]
    seen: Seen

    @property
    def may(self) -> bool:
        """Whether nothing stands against it."""
        return not any(obstacle.blocks for obstacle in self.obstacles)


def prepare(
    tx: Tx, live: Live, study: Study, act: Act, chosen: Chosen, *, account: int, signer: bytes | None, at: int
) -> Prepared:  # fmt: skip
    """What an act would do now, written as of `at`."""
    found: list[Obstacle] = []
    try:
        shown = results.shown(tx, live, study.result, act)
        results.may_stand(tx, shown)
    except Conflict as conflict:
        code = _OF_CONFLICT[conflict.code]
        facts = {"signer": study.signer, "at": study.signed_at} if code == "signed" else {}
        found.append(Obstacle(code, facts))
        return Prepared(act, None, b"", b"", (), (), (), tuple(found), _seen(tx, study, None, chosen, (), at))
    faults: tuple[CodeFault, ...] = ()
    if chosen.codes is not None and act != "withdraw":
        faults = billing.against(live, live.decoded(RESULT, shown.document), chosen.codes)
    if signer is None:
        found.append(Obstacle("no_signer"))
    if faults:
        found.append(Obstacle("codes", {"count": len(faults)}))
    document = shown.document
    messages: tuple[Intended, ...] = ()
    plain: tuple[Intended, ...] = ()
    if signer is not None:
        own = Signature(shown.token, msgspec.Raw(signer), chosen.codes, chosen.interpretation, chosen.comments)
        bare = Signature(shown.token, msgspec.Raw(signer))
        try:
            document = desk.as_signed(live, shown, own)[1]
            messages = results.intended(tx, live, shown, document, at)
            plain = results.intended(tx, live, shown, desk.as_signed(live, shown, bare)[1], at)
        except Wrong as wrong:
            found.append(Obstacle("document", {"faults": [(fault.path, fault.what) for fault in wrong.faults]}))
    found += obstacles(_facts(tx, live, study, act, shown, messages, account, written=signer is not None))
    return Prepared(
        act, shown, document, shown.document, messages, plain, faults, tuple(found),
        _seen(tx, study, shown, chosen, messages, at),
    )  # fmt: skip


# --- what stands against it -------------------------------------------------------------------------------------------------


class Facts(msgspec.Struct, frozen=True):
    """What decides whether a study can be signed, and whether something goes out then. `orders`: their states; `owed`: how many
    messages go out for this kind at all; `stops`: kinds and plans that are stopped, with reason and by whom; `lanes`: why
    those connections stand still that do; `holder`, `held_since`: who else has it open; `written`: whether messages were
    tried."""

    act: Act
    kind: str
    orders: tuple[str, ...]
    owed: int
    messages: tuple[Intended, ...]
    stops: Mapping[tuple[str, str], tuple[str, str]]
    lanes: Mapping[str, str]
    holder: int
    held_since: int
    written: bool


def obstacles(facts: Facts) -> Iterator[Obstacle]:
    """Everything that stands against an act, and everything that keeps its messages from going out at once. Pure."""
    if facts.holder:
        yield Obstacle("held_by_other", {"holder": facts.holder, "since": facts.held_since})
    if not facts.owed:
        yield Obstacle("takes_none", {"kind": facts.kind})
        return
    if facts.orders and set(facts.orders) == {"cancelled"} and facts.act != "withdraw":
        yield Obstacle("order_cancelled")
        return
    if any(one.hold for one in facts.messages):
        yield Obstacle("no_order")
    for one in facts.messages:
        if one.problems:
            yield Obstacle("not_written", {"message": one.message, "problems": one.problems})
        stopped = facts.stops.get(("kind", f"{one.message}/{facts.kind}"))
        if stopped is not None:
            yield Obstacle("kind_stopped", {"message": one.message, "reason": stopped[0], "by": stopped[1]})
        revoked = facts.stops.get(("plan", one.plan))
        if revoked is not None:
            yield Obstacle("plan_revoked", {"message": one.message, "reason": revoked[0], "by": revoked[1]})
        if facts.lanes.get(one.destination):
            yield Obstacle("lane_stopped", {"destination": one.destination, "reason": facts.lanes[one.destination]})
        if one.waits_for:
            yield Obstacle("waits", {"message": one.message, "delivery": one.waits_for})
    if facts.written and not any(one.sent_as or one.hold for one in facts.messages):
        yield Obstacle("nothing_sent", {"act": facts.act})


def _facts(
    tx: Tx, live: Live, study: Study, act: Act, shown: Shown, messages: tuple[Intended, ...], account: int, *, written: bool
) -> Facts:  # fmt: skip
    stops = {
        (row.what, row.name): (row.reason, row.actor)
        for row in tx.all(sa.select(t.stop).where(t.stop.c.org == live.org))
    }
    lanes = {
        row.destination: row.paused
        for row in tx.all(sa.select(t.lane.c.destination, t.lane.c.paused).where(t.lane.c.org == live.org))
    }
    other = study.held_by_other(account, tx.now)
    return Facts(
        act, shown.kind,
        tuple(order.state for order in cases.orders(tx, shown.case)), len(live.owed(shown.kind)), messages, stops, lanes,
        study.holder if other else 0, study.held_since if other else 0, written,
    )  # fmt: skip


# --- what was seen ----------------------------------------------------------------------------------------------------------


def _hash(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()


def _seen(tx: Tx, study: Study, shown: Shown | None, chosen: Chosen, messages: tuple[Intended, ...], at: int) -> Seen:
    orders = cases.orders(tx, study.case)
    return Seen(
        at,
        _hash([shown.content, shown.kind, shown.version] if shown is not None else [study.state, study.revision]),
        _hash([(order.id, order.state, bytes(order.document), bytes(order.patient)) for order in orders]),
        _hash(sorted(shown.plans.items()) if shown is not None else []),
        _hash(chosen),
        _hash([(one.message, one.part, one.sent_as, one.hold, one.body, one.problems) for one in messages]),
    )


def sign(
    tx: Tx, live: Live, number: int, act: Act, chosen: Chosen, seen: Seen, *, account: int, signer: bytes | None, actor: str,
    reason: str = "",
) -> Taken:  # fmt: skip
    """Signs, amends or withdraws what was seen, and nothing else. Raises `Moved`, `Blocked`, and what `desk.sign` raises."""
    found = studies.study(tx, live.org, number)
    if found is None:
        raise Conflict("unknown_result", "no result of this number is known")
    cases.lock(tx, found.case)
    study = studies.study(tx, live.org, number)  # as it stands under the lock
    assert study is not None
    if not tx.now - OLDEST <= seen.at <= tx.now + 60_000:
        raise Moved(("time",))
    now = prepare(tx, live, study, act, chosen, account=account, signer=signer, at=seen.at)
    blocking = tuple(one for one in now.obstacles if one.blocks)
    gone = any(one.code in ("signed", "withdrawn", "held_by_other") for one in blocking)
    parts = tuple(part for part in MOVED if getattr(seen, part) != getattr(now.seen, part))
    if parts and not gone:
        raise Moved(parts)
    if blocking or now.shown is None or signer is None:
        raise Blocked(blocking)
    signature = Signature(
        now.shown.token, msgspec.Raw(signer), chosen.codes, chosen.interpretation, chosen.comments, reason
    )
    if act == "withdraw":
        signature = Signature(now.shown.token, msgspec.Raw(signer), reason=reason)
    taken = desk.sign(tx, live, act, study.result, signature, actor)
    studies.let_go(tx, live.org, number, account)
    return taken
