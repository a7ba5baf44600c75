"""Studies: results as clinicians see them, which of them wait for a signature, and who has one open.

A study is one result of whatever version. `settle` writes where the results of a case stand, in the transaction that changed
anything about them; lists read an index of what waits, so they cost the same however long the ledger is. A clinician who opens
a study holds it while the page says that it is open; another one sees that and may take it over, which is an event.

    waiting   its newest revision is to be signed, and nothing says that it need not be
    signed    a signature holds under it
    done      nobody has to sign: its hospital wants no signature, its orders were cancelled, another result of the study is final
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases
from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared, Row
from segwright.ledger.hospital import Hospital
from segwright.ledger.store import Tx

State = Literal["waiting", "signed", "done"]

CRITICAL: Final = 0
"""The urgency of a study with a value that somebody must be told at once: before all that orders ask for."""
HELD_FOR: Final = 120_000
"""Milliseconds after which a study that no page says to be open is nobody's."""
PAGE: Final = 50


class Study(msgspec.Struct, frozen=True):
    """One result. `revision`: its newest; `urgency`: `CRITICAL` or, from 1 on, how soon its orders want it; `at`: since when it
    is there; `signed_at`, `signer`: when and by whom it was signed last (0 and "" when no signature holds); `holder`: the
    account that has it open, 0 for nobody; `held_since`, `held_at`: when it was opened, and when the page said so last."""

    id: int
    org: str
    case: int
    result: str
    revision: int
    state: State
    urgency: int
    at: int
    signed_at: int
    signer: str
    holder: int
    held_since: int
    held_at: int

    def held_by_other(self, account: int, now: int) -> bool:
        """Whether somebody else has it open."""
        return self.holder not in (0, account) and now - self.held_at < HELD_FOR


def _study(row: Row) -> Study:
    return Study(
        row.id, row.org, row.case_id, row.result_id, row.revision_id, row.state, row.urgency, row.at, row.signed_at, row.signer,
        row.holder, row.held_since, row.held_at,
    )  # fmt: skip


# --- where results stand ----------------------------------------------------------------------------------------------------


def standing(
    kind: str, pathway: str, *, signed: bool, gates: Collection[str], finals: Collection[str], orders: Collection[str],
    replaced: bool,
) -> State:  # fmt: skip
    """Where a result stands. `kind`, `pathway`: of its newest revision; `gates`: of the messages that go out for this kind,
    `finals`: for a final result; `orders`: states of its orders; `replaced`: a result of the study is past being preliminary."""
    if signed:
        return "signed"
    if orders and set(orders) == {"cancelled"}:
        return "done"
    if kind == "preliminary":
        return "waiting" if finals and not replaced else "done"
    return "waiting" if "after sign-off" in gates or pathway == "sign-off" else "done"


_OF_CASE: Final = Prepared(
    sa.select(t.revision.c.id, t.revision.c.result_id, t.revision.c.kind, t.revision.c.pathway, t.revision.c.at)
    .where(t.revision.c.case_id == sa.bindparam("case"))
    .order_by(t.revision.c.version, t.revision.c.id)
)
_SIGNATURES: Final = Prepared(
    sa.select(t.signoff.c.revision_id, t.signoff.c.actor, t.signoff.c.at)
    .join(t.revision, t.revision.c.id == t.signoff.c.revision_id)
    .where(t.revision.c.case_id == sa.bindparam("case"), t.signoff.c.withdrawn_at == 0)
    .order_by(t.signoff.c.id)
)
_DOCUMENT: Final = Prepared(sa.select(t.revision.c.document).where(t.revision.c.id == sa.bindparam("revision")))
_WRITE: Final = Prepared(
    sa.update(t.study).where(t.study.c.org == sa.bindparam("org_"), t.study.c.result_id == sa.bindparam("result_"))
)


def settle(tx: Tx, hospital: Hospital, case: int) -> None:
    """Writes where the results of a case stand by now. The case is locked."""
    revisions = tx.all(_OF_CASE, {"case": case})
    if not revisions:
        return
    newest = {row.result_id: row for row in revisions}
    first: dict[str, int] = {}
    for row in revisions:
        first.setdefault(row.result_id, row.at)
    signatures = {row.revision_id: row for row in tx.all(_SIGNATURES, {"case": case})}
    orders = cases.orders(tx, case)
    wanted = min((hospital.urgency(row.document) for row in orders if row.state != "cancelled"), default=None)
    asked = 1 + (hospital.urgency(b"") if wanted is None else wanted)
    finals = [owed.gate for owed in hospital.owed("final")]
    replaced = any(row.kind != "preliminary" for row in revisions)
    for result, row in newest.items():
        signature = signatures.get(row.id)
        state = standing(
            row.kind, row.pathway, signed=signature is not None, gates=[owed.gate for owed in hospital.owed(row.kind)],
            finals=finals, orders=[order.state for order in orders], replaced=replaced,
        )  # fmt: skip
        values = {
            "case_id": case, "revision_id": row.id, "state": state,
            "urgency": CRITICAL if state == "waiting" and _critical(tx, hospital, row.id) else asked,
            "signed_at": signature.at if signature is not None else 0,
            "signer": signature.actor if signature is not None else "",
        }  # fmt: skip
        if not tx.run(_WRITE, {**values, "org_": hospital.org, "result_": result}):
            tx.insert_new(t.study, org=hospital.org, result_id=result, at=first[result], **values)


def _critical(tx: Tx, hospital: Hospital, revision: int) -> bool:
    row = tx.first(_DOCUMENT, {"revision": revision})
    return row is not None and hospital.critical(bytes(row.document))


# --- looked at --------------------------------------------------------------------------------------------------------------


def study(tx: Tx, org: str, number: int) -> Study | None:
    """One study."""
    row = tx.first(sa.select(t.study).where(t.study.c.id == number, t.study.c.org == org))
    return None if row is None else _study(row)


def of_result(tx: Tx, org: str, result: str) -> Study | None:
    """The study of a result."""
    row = tx.first(sa.select(t.study).where(t.study.c.org == org, t.study.c.result_id == result))
    return None if row is None else _study(row)


def waiting(tx: Tx, org: str, *, after: tuple[int, int] = (-1, 0), limit: int = PAGE) -> tuple[Study, ...]:
    """What waits for a signature: the most urgent first, of these what came first. `after`: urgency and id of the last one of the
    page before."""
    c = t.study.c
    behind = sa.tuple_(c.urgency, c.id) > sa.tuple_(*map(sa.literal, after))
    statement = sa.select(t.study).where(c.org == org, sa.text(f"study.{t.IS_WAITING}"), behind)
    return tuple(_study(row) for row in tx.all(statement.order_by(c.urgency, c.id).limit(limit)))


def signed(tx: Tx, org: str, *, before: tuple[int, int] = (2**62, 0), limit: int = PAGE) -> tuple[Study, ...]:
    """What was signed, the latest first. `before`: time and id of the last one of the page before."""
    c = t.study.c
    earlier = sa.tuple_(c.signed_at, c.id) < sa.tuple_(*map(sa.literal, before))
    statement = sa.select(t.study).where(c.org == org, sa.text(f"study.{t.IS_SIGNED}"), earlier)
    return tuple(_study(row) for row in tx.all(statement.order_by(c.signed_at.desc(), c.id.desc()).limit(limit)))


def begun(tx: Tx, org: str, account: int, *, limit: int = PAGE) -> tuple[Study, ...]:
    """What waits and an account has begun to review: there is a draft of its. The latest first."""
    c = t.study.c
    statement = (
        sa.select(t.study)
        .join(t.draft, sa.and_(t.draft.c.org == c.org, t.draft.c.result_id == c.result_id))
        .where(t.draft.c.account_id == account, c.org == org, c.state == "waiting")
        .order_by(t.draft.c.seen_at.desc())
        .limit(limit)
    )
    return tuple(_study(row) for row in tx.all(statement))


class Waiting(msgspec.Struct, frozen=True):
    """How much waits (counted up to a limit), and the newest of it."""

    count: int
    newest: int


MOST_COUNTED: Final = 1000


def how_many(tx: Tx, org: str) -> Waiting:
    """How much waits, without looking at any of it."""
    c = t.study.c
    some = sa.select(c.id).where(c.org == org, sa.text(f"study.{t.IS_WAITING}")).limit(MOST_COUNTED).subquery()
    row = tx.first(sa.select(sa.func.count().label("many"), sa.func.max(some.c.id).label("newest")).select_from(some))
    assert row is not None
    return Waiting(int(row.many), int(row.newest or 0))


def of_cases(tx: Tx, org: str, numbers: Collection[int]) -> tuple[Study, ...]:
    """The studies of cases."""
    if not numbers:
        return ()
    # Asked for by the case alone: of a condition on the organisation, too, SQLite would take the longer way by its index.
    found = tx.all(sa.select(t.study).where(t.study.c.case_id.in_(numbers)).order_by(t.study.c.id))
    return tuple(_study(row) for row in found if row.org == org)


def documents(tx: Tx, studies: Iterable[Study]) -> dict[int, bytes]:
    """What stands of each study, by its id: signed, or else as it came."""
    wanted = {one.revision: one.id for one in studies}
    out: dict[int, bytes] = {}
    for row in tx.all(sa.select(t.revision.c.id, t.revision.c.document).where(t.revision.c.id.in_(wanted))):
        out[wanted[row.id]] = bytes(row.document)
    c = t.signoff.c
    signoffs = sa.select(c.revision_id, c.document).where(c.revision_id.in_(wanted), c.withdrawn_at == 0).order_by(c.id)
    for row in tx.all(signoffs):
        out[wanted[row.revision_id]] = bytes(row.document)
    return out


def sent(tx: Tx, deliveries: Iterable[int]) -> dict[int, bytes]:
    """The frozen bytes of deliveries, of those that have any."""
    where = (t.build.c.delivery_id.in_(list(deliveries)), t.build.c.live)
    return {row.delivery_id: bytes(row.body) for row in tx.all(sa.select(t.build).where(*where))}


def orders(tx: Tx, numbers: Collection[int]) -> dict[int, Sequence[Row]]:
    """The orders of cases, by case."""
    out: dict[int, list[Row]] = {}
    statement = sa.select(t.order_).where(t.order_.c.case_id.in_(numbers)).order_by(t.order_.c.case_id, t.order_.c.part)
    for row in tx.all(statement):
        out.setdefault(row.case_id, []).append(row)
    return dict(out)


# --- who has it open --------------------------------------------------------------------------------------------------------


def hold(tx: Tx, org: str, number: int, account: int) -> Study | None:
    """Says that an account has a study open; gives the study as it stands then. Nobody else is put out of it."""
    row = tx.lock(t.study, number)
    if row is None or row.org != org:
        return None
    found = _study(row)
    if found.state == "waiting" and not found.held_by_other(account, tx.now):
        since = found.held_since if found.holder == account and tx.now - found.held_at < HELD_FOR else tx.now
        values = {"holder": account, "held_since": since, "held_at": tx.now}
        tx.set(t.study, number, **values)
        found = msgspec.structs.replace(found, **values)
    return found


def take_over(tx: Tx, org: str, number: int, account: int, actor: str, reason: str) -> Study | None:
    """Takes a study from whoever has it open. It is written down, with the reason."""
    row = tx.lock(t.study, number)
    if row is None or row.org != org:
        return None
    found = _study(row)
    if found.holder not in (0, account):
        other = tx.scalar(sa.select(t.account.c.name).where(t.account.c.id == found.holder))
        tx.journal.note("taken over", org, case=found.case, actor=actor, study=number, held_by=str(other), why=reason)
    values = {"holder": account, "held_since": tx.now, "held_at": tx.now}
    tx.set(t.study, number, **values)
    return msgspec.structs.replace(found, **values)


def let_go(tx: Tx, org: str, number: int, account: int) -> None:
    """Says that an account has a study open no more."""
    where = (t.study.c.id == number, t.study.c.org == org, t.study.c.holder == account)
    tx.run(sa.update(t.study).where(*where).values(holder=0, held_since=0, held_at=0))


# --- what was chosen and not signed -----------------------------------------------------------------------------------------


class Draft(msgspec.Struct, frozen=True):
    """What an account has chosen for a result and not signed. `content`: of the revision that it was chosen for."""

    content: str
    body: bytes
    at: int
    seen_at: int


def draft(tx: Tx, org: str, result: str, account: int) -> Draft | None:
    """What an account has chosen for a result."""
    row = tx.first(sa.select(t.draft).where(*_draft_of(org, result, account)))
    return None if row is None else Draft(row.content, bytes(row.body), row.at, row.seen_at)


def keep(tx: Tx, of: Study, account: int, content: str, body: bytes) -> None:
    """Keeps what an account chose for a study, in place of what it had chosen."""
    values = {"content": content, "body": body, "seen_at": tx.now, "case_id": of.case}
    if not tx.run(sa.update(t.draft).where(*_draft_of(of.org, of.result, account)).values(**values)):
        tx.insert_new(t.draft, org=of.org, account_id=account, result_id=of.result, at=tx.now, **values)


def discard(tx: Tx, of: Study, account: int) -> None:
    """Forgets what an account chose for a study."""
    tx.run(sa.delete(t.draft).where(*_draft_of(of.org, of.result, account)))


def discard_all(tx: Tx, org: str, result: str) -> None:
    """Forgets what anybody chose for a result: it was signed."""
    tx.run(sa.delete(t.draft).where(t.draft.c.org == org, t.draft.c.result_id == result))


def _draft_of(org: str, result: str, account: int) -> tuple[sa.ColumnElement[bool], ...]:
    return t.draft.c.org == org, t.draft.c.result_id == result, t.draft.c.account_id == account
