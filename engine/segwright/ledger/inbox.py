"""The inbox: every message that came, kept before it is answered.

Takes messages as they came, many at once; writes them and says how each is answered. The same bytes get the saved answer.
Another message under a control id that is taken is quarantined, unless what was stored under it was refused: then it is
the sender's correction. What is stored is worked off afterwards, in order, also after a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared, Row
from segwright.ledger.prepared import any_of, changed, each_of, in_parts
from segwright.ledger.store import Tx


class Arrival(msgspec.Struct, frozen=True):
    """A message and how it is to be answered if it is new. `state`: stored (there is work in it), taken (there is none),
    refused or quarantined. `hash`: sha256 of the body, or of the body without MSH-7 where the organisation asks for
    that."""

    org: str
    listener: str
    sender: str
    control_id: str
    type: str
    hash: str
    body: bytes
    state: Literal["stored", "taken", "refused", "quarantined"]
    code: str
    answer: bytes
    reason: str
    clash: Callable[[], bytes]
    """Makes the answer, should another message have the same control id."""
    constant_ids: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """What there may be one message of: a control id of a sender; where that tells nothing, its very bytes."""
        return (self.org, self.sender, self.control_id, *([self.hash] if self.constant_ids else []))


class Kept(msgspec.Struct, frozen=True):
    """What was answered: `fresh`, `repeated` (the saved answer) or `clash` (quarantined)."""

    id: int
    how: Literal["fresh", "repeated", "clash"]
    answer: bytes
    code: str


def keep(tx: Tx, arrivals: Sequence[Arrival]) -> list[Kept]:
    """Keeps messages; gives their answers in the same order."""
    known = _known(tx, arrivals)
    rows: list[dict[str, Any]] = []  # one for each arrival: what is kept of it, or the row that it repeats
    how: list[Literal["fresh", "repeated", "clash"]] = []
    for arrival in arrivals:
        before = known.setdefault(arrival.key, [])
        same = next((row for row in before if row["body_hash"] == arrival.hash), None)
        if same is not None:
            rows.append(same)
            how.append("repeated")
            continue
        clash = not arrival.constant_ids and any(row["state"] in ("stored", "taken") for row in before)
        kept: dict[str, Any] = {
            "org": arrival.org, "listener": arrival.listener, "sender": arrival.sender, "control_id": arrival.control_id,
            "type": arrival.type, "body_hash": arrival.hash, "body": arrival.body, "state": arrival.state, "code": arrival.code,
            "answer": arrival.answer, "reason": arrival.reason, "at": tx.now,
        }  # fmt: skip
        if clash:
            kept |= {
                "state": "quarantined",
                "code": "AE",
                "answer": arrival.clash(),
                "reason": "another message has this control id",
            }
        before.append(kept)
        rows.append(kept)
        how.append("clash" if clash else "fresh")
    new = [row for row in rows if "id" not in row]
    new = list({id(row): row for row in new}.values())
    if new:
        for row, number in zip(new, tx.insert_all(t.inbox, new), strict=True):
            row["id"] = number
    for row, what in zip(rows, how, strict=True):
        facts = {"why": row["reason"]} if row.get("reason") and what != "repeated" else {}
        tx.journal.note(
            "repeated" if what == "repeated" else row["state"], row["org"], inbox=row["id"], code=row["code"], **facts
        )
    return [Kept(row["id"], what, row["answer"], row["code"]) for row, what in zip(rows, how, strict=True)]


_STORED: Final = Prepared(
    sa.select(t.inbox.c.id, t.inbox.c.listener, t.inbox.c.at, t.inbox.c.body)
    .where(sa.text(t.IS_STORED), t.inbox.c.org == sa.bindparam("org_"))
    .order_by(t.inbox.c.id)
    .limit(sa.bindparam("most"))
)
_WORKED_OFF: Final = Prepared(
    sa.select(t.setting.c.name).where(t.setting.c.name == sa.bindparam("name_")).with_for_update(key_share=True)
)
_WAITING: Final = Prepared(sa.select(t.inbox.c.org).where(sa.text(t.IS_STORED)).distinct())


_KEY: Final = ("org", "sender", "control_id", "body_hash")


@cache
def _of_any(count: int, length: int) -> Prepared:
    c = t.inbox.c
    columns = (c.id, c.org, c.sender, c.control_id, c.body_hash, c.state, c.code, c.answer)
    return Prepared(sa.select(*columns).where(any_of([c[name] for name in _KEY[:length]], count)))


def _known(tx: Tx, arrivals: Sequence[Arrival]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """What is kept under the keys of these messages."""
    keys = list({arrival.key for arrival in arrivals})
    asked = []
    for length in sorted({len(key) for key in keys}):
        for some in in_parts([key for key in keys if len(key) == length]):
            count, given = each_of(_KEY[:length], some)
            asked.append((length, tx.ask(_of_any(count, length), given)))
    known: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for length, found in asked:
        for row in found.rows():
            values = row._asdict()
            known.setdefault(tuple(values[name] for name in _KEY[:length]), []).append(values)
    return known


MOST: Final = 50
"""Messages that are worked off in one transaction: others wait for it."""


def stored(tx: Tx, org: str, limit: int = MOST) -> Sequence[Row]:
    """Messages of an organisation with work in them, oldest first. Only one transaction at a time works on an
    organisation's: what changes an order must not overtake what makes it."""
    name = f"intake:{org}"
    tx.insert_new(t.setting, name=name, value="")
    tx.hold(_WORKED_OFF, {"name_": name})
    return tx.all(_STORED, {"org_": org, "most": limit})


def waiting(tx: Tx) -> list[str]:
    """The organisations that have messages with work in them."""
    return sorted(row.org for row in tx.all(_WAITING))


def done(tx: Tx, *numbers: int) -> None:
    """What messages asked for is done."""
    if numbers:
        tx.run(changed(t.inbox), [{"state": "taken", "number_": number} for number in numbers])


def quarantine(tx: Tx, org: str, inbox: int, reason: str) -> None:
    """What a message asked for cannot be done, although it was answered: it is quarantined, for people."""
    tx.set(t.inbox, inbox, state="quarantined", reason=reason)
    tx.journal.note("quarantined", org, inbox=inbox, why=reason)


def refuse(tx: Tx, inbox: int, code: str, answer: bytes, reason: str) -> None:
    """A message that was kept is refused after all, before it is answered."""
    tx.set(t.inbox, inbox, state="refused", code=code, answer=answer, reason=reason)
