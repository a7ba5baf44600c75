"""Results: versions of them, signatures under them, and what is owed because of them.

Takes a revision as its source sent it; writes it and puts its deliveries in line, or records why not: a twin that came by
another pathway, a version older than what is there, a preliminary one behind a final. Versions are the source's: the same
version with the same content is a duplicate, with another content it is refused, and so is a second final. Sign-off binds to
the content and to the plans that the clinician saw."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from segwright.ledger import cases, chain, line, orders, people, studies
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.chain import NO_ORDER, NOT_IN_LINE, RESULT_KINDS, UNSIGNED, Link
from segwright.ledger.execution import Row
from segwright.ledger.hospital import Hospital, NotWritten, Owed
from segwright.ledger.store import Tx

Pathway = Literal["order", "platform", "upload", "sign-off"]


class Revision(msgspec.Struct, frozen=True):
    """A version of a result. `version` 0: the source counts none, the next is taken. `content`: sha256 of the canonical
    document; `patient`: whose it says that it is, as JSON."""

    result_id: str
    version: int
    kind: str
    pathway: Pathway
    content: str
    document: bytes
    names: tuple[Name, ...]
    actor: str
    numbered: Callable[[int], bytes] | None = None
    """The document with its version in it, where the source counts none."""
    patient: bytes = b"null"


class Taken(msgspec.Struct, frozen=True):
    """What became of a submission. `outcome`: new, duplicate, stale. `deliveries`: those it owes, or the ones that stand
    for it."""

    outcome: Literal["new", "duplicate", "stale"]
    case: int
    revision: int
    version: int
    deliveries: tuple[int, ...]
    reason: str = ""


class Conflict(Exception):
    """A submission that cannot be taken. `code`: version, second_final, unknown_result, unknown_order, another_patient,
    not_shown, not_signed, withdrawn, nothing_to_sign."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def submit(tx: Tx, hospital: Hospital, revision: Revision, *, must_know_order: bool = False) -> Taken:
    """Takes a revision. Raises `Conflict`, or `NotWritten` when a message that it owes cannot be written."""
    own = Name("result", "", revision.result_id)
    if must_know_order and not cases.find(
        tx, hospital.org, [n for n in revision.names if n.kind in ("placer", "filler")]
    ):
        raise Conflict("unknown_order", "no order of this number is known")
    names, reuse_after = [own, *revision.names], hospital.policy.reuse_after
    if reuse_after and _is_of_an_aged_case(tx, hospital, own, reuse_after):
        # The id of a result is never used again; the hospital's numbers may be another order's by now.
        names, reuse_after = [own], 0
    try:
        case, new, merged = cases.opened(tx, hospital.org, names, reuse_after=reuse_after)
    except people.AnotherPatient as another:
        raise Conflict("another_patient", str(another)) from None
    # Asked of whatever comes of it: what is another patient's is no duplicate, and not older than anything.
    if not new and people.is_anothers(tx, hospital.org, case.id, revision.patient):
        raise Conflict("another_patient", "the result is of another patient than its order, or than its study so far")
    if merged:
        orders.met(tx, hospital, case.id)
        studies.settle(tx, hospital, case.id)
    everything = tx.all(
        sa.select(t.revision).where(t.revision.c.case_id == case.id).order_by(t.revision.c.version, t.revision.c.id)
    )
    before = [row for row in everything if row.result_id == revision.result_id]
    sent = [row for row in before if row.pathway != "sign-off"]
    version = revision.version or max((row.version for row in before), default=0) + 1
    twin = next(
        (row for row in sent if (row.version == version or not revision.version) and row.content == revision.content),
        None,
    )
    if twin is not None:
        return _suppressed(
            tx, hospital, case.id, revision, twin.version, "duplicate", f"version {twin.version} again", twin.id
        )
    if any(row.version == version for row in sent):
        raise Conflict("version", f"version {version} of this result is there with another content")
    newest = max(((row.version, RESULT_KINDS.index(row.kind)) for row in before), default=(0, -1))
    if newest > (version, RESULT_KINDS.index(revision.kind)):
        return _suppressed(tx, hospital, case.id, revision, version, "stale", f"version {newest[0]} is there", 0)
    rival = next((row for row in everything if (row.kind, row.version) == (revision.kind, version)), None)
    if rival is not None:  # another id, another pathway, but the same event of the same study
        return _suppressed(
            tx, hospital, case.id, revision, version, "duplicate", f"result {rival.id} of the study", rival.id
        )
    _refuse_second_final(everything, revision.kind)
    past = next((row for row in reversed(everything) if row.kind != "preliminary"), None)
    if revision.kind == "preliminary" and past is not None:
        why = f"{past.kind} {past.version} of the study is there"
        return _suppressed(tx, hospital, case.id, revision, version, "stale", why, 0)
    document = revision.document if revision.numbered is None else revision.numbered(version)
    made = tx.insert(
        t.revision, org=hospital.org, case_id=case.id, result_id=revision.result_id, version=version, kind=revision.kind,
        pathway=revision.pathway, content=revision.content, document=document, actor=revision.actor, at=tx.now,
    )  # fmt: skip
    tx.journal.note(
        "revision", hospital.org, case=case.id, actor=revision.actor,
        revision=made, version=version, what=revision.kind, pathway=revision.pathway, content=revision.content,
    )  # fmt: skip
    deliveries = owe(tx, hospital, case.id, made, revision.kind, version)
    studies.settle(tx, hospital, case.id)
    ordered = cases.orders(tx, case.id)
    if not ordered:  # no order says whose the case is: the result itself does
        people.remember(tx, hospital.org, case.id, revision.patient, new=new)
    ended = {order.state for order in ordered} == {"cancelled"}
    why = "its order is cancelled: nothing is sent" if ended and not deliveries else ""
    return Taken("new", case.id, made, version, deliveries, why)


def _is_of_an_aged_case(tx: Tx, hospital: Hospital, name: Name, reuse_after: int) -> bool:
    homes = [tx.get(t.case_, number) for number in cases.find(tx, hospital.org, [name])]
    return any(home is not None and cases.is_aged(tx, home, reuse_after) for home in homes)


def may_stand(tx: Tx, now: Shown) -> None:
    """Raises `Conflict` when what an act makes cannot stand beside what the study has already."""
    if now.new and now.kind == "final":
        _refuse_second_final(tx.all(sa.select(t.revision.c.kind).where(t.revision.c.case_id == now.case)), now.kind)


def _refuse_second_final(before: Any, kind: str) -> None:
    if kind == "final" and any(row.kind in ("final", "corrected") for row in before):
        raise Conflict("second_final", "there is a final result already: what replaces it is a correction")
    if kind in ("preliminary", "final", "corrected") and any(row.kind == "withdrawn" for row in before):
        raise Conflict("withdrawn", "the result was withdrawn")


def owe(
    tx: Tx, hospital: Hospital, case: int, revision: int, kind: str, version: int, *, signed: bool = False
) -> tuple[int, ...]:
    """Puts in line what a revision owes. The case is locked."""
    made = []
    for target in targets(tx, hospital, case, kind, version, signed=signed):
        owed = target.owed
        if target.newer is not None:
            why = f"older than {target.newer.id}"
            tx.journal.note("not enqueued", hospital.org, case=case, message=owed.message, why=why)
            continue
        number = line.enqueue(
            tx, hospital, owed, case, target.part, kind, version=version, revision=revision, hold=target.hold
        )
        if number:
            made.append(number)
    return tuple(made)


class Target(NamedTuple):
    """A message that a result of some kind and version owes: for which order, why it is held, what stands in its chain, and a
    newer one in whose favour it is left out."""

    owed: Owed
    part: int
    hold: str
    chained: list[Link]
    newer: Link | None


def targets(tx: Tx, hospital: Hospital, case: int, kind: str, version: int, *, signed: bool) -> Iterator[Target]:
    """What a result owes, as it stands when each is asked for."""
    ordered = bool(cases.orders(tx, case))
    for owed in hospital.owed(kind):
        hold = UNSIGNED if owed.gate == "after sign-off" and not signed else ""
        if not ordered and not owed.unsolicited:
            hold = NO_ORDER
        for part in orders.parts(tx, case, owed.per, kind):
            chained = line.links(tx, case, line.lane_found(tx, hospital.org, owed.destination))
            yield Target(owed, part, hold, chained, chain.stale(chained, owed.message, part, kind, version))


def _suppressed(
    tx: Tx, hospital: Hospital, case: int, revision: Revision, version: int, outcome: Literal["duplicate", "stale"],
    reason: str, twin: int,
) -> Taken:  # fmt: skip
    where = [t.delivery.c.case_id == case, t.delivery.c.revision_id == twin]
    stands = (
        [row.id for row in tx.all(sa.select(t.delivery.c.id).where(*where).order_by(t.delivery.c.id))] if twin else []
    )
    tx.insert(
        t.suppressed, org=hospital.org, case_id=case, delivery_id=stands[0] if stands else None, result_id=revision.result_id,
        version=version, kind=revision.kind, pathway=revision.pathway, content=revision.content,
        reason=f"{outcome}: {reason}", actor=revision.actor, at=tx.now,
    )  # fmt: skip
    tx.journal.note(
        "suppressed", hospital.org, case=case, delivery=stands[0] if stands else 0, actor=revision.actor,
        pathway=revision.pathway, version=version, why=f"{outcome}: {reason}",
    )  # fmt: skip
    return Taken(outcome, case, twin, version, tuple(stands), reason)


# --- signatures -----------------------------------------------------------------------------------------------------------


class Shown(msgspec.Struct, frozen=True):
    """What a clinician is asked to sign: a revision, its content, and the plans that the preview was written by.
    `version` and `kind` are those that the act makes."""

    revision: int
    result_id: str
    version: int
    kind: str
    content: str
    document: bytes
    plans: dict[str, str]
    case: int
    new: bool
    """Whether the signature makes a revision of its own."""

    @property
    def token(self) -> str:
        """What the signature is bound to."""
        return shown_token(self.content, self.plans)


def shown_token(content: str, plans: dict[str, str]) -> str:
    """sha256 of the content and of the plans by message."""
    return hashlib.sha256(msgspec.json.encode([content, sorted(plans.items())])).hexdigest()


class Intended(msgspec.Struct, frozen=True):
    """A message that a signature would send. `sent_as`: the kind it would be written as, "" when there would be nothing to send;
    `body`: its bytes, None when there are none; `problems`: why it cannot be written; `hold`: why it would be held; `waits_for`:
    the delivery that has to be decided before it, 0 when it may go at once."""

    message: str
    destination: str
    part: int
    plan: str
    sent_as: str
    body: bytes | None
    problems: tuple[str, ...]
    hold: str
    waits_for: int


TRIAL: Final = "TRIAL"
"""MSH-10 of what is written and not sent."""


def intended(tx: Tx, hospital: Hospital, now: Shown, document: bytes, at: int) -> tuple[Intended, ...]:
    """What signing would send, written at a time: the very messages that `sign` then puts in line, under another MSH-10.
    `document`: the revision as it would stand."""
    wanted = list(targets(tx, hospital, now.case, now.kind, now.version, signed=True))
    awaiting = {(row.message, row.part) for row in _awaiting(tx, now)} if not now.new else set()
    out = []
    for owed, part, hold, chained, newer in wanted:
        there = any(
            (o.message, o.part, o.kind, o.version) == (owed.message, part, now.kind, now.version) for o in chained
        )
        if newer is not None or (there and (owed.message, part) not in awaiting) or (awaiting and not there):
            continue
        before = [link for link in chained if (link.message, link.part, link.kind, link.version) != (
            owed.message, part, now.kind, now.version)]  # fmt: skip
        seq, unsent_final = line.next_in(tx, before), hospital.policy.unsent_final
        new, _, behind, sent_as = line.outlook(
            before, owed.message, part, now.kind, now.version, seq=seq, hold=hold, unsent_final=unsent_final
        )
        body: bytes | None = None
        problems: tuple[str, ...] = ()
        first = chain.waits_for(behind, new)
        if not hold and sent_as is not None:
            written_as = now.kind if first is not None else sent_as
            body, problems = _on_trial(tx, hospital, owed.plan, now, part, now.kind, written_as, document, at)
        out.append(Intended(
            owed.message, owed.destination, part, owed.plan, sent_as or "", body, problems, hold, first.id if first else 0
        ))  # fmt: skip
    for row, link in _left_behind(tx, hospital, now):
        if _goes_along(now, link):
            body, problems = _on_trial(tx, hospital, row.plan, now, row.part, row.kind, row.kind, document, at)
            others = [one for one in line.links(tx, now.case, row.lane_id) if one.id != row.id]
            released = msgspec.structs.replace(link, state="waiting", reason="", seq=line.next_in(tx, others))
            first = chain.waits_for(others, released) if row.reason == UNSIGNED else None
            hold = "" if row.reason == UNSIGNED else row.reason
            out.append(Intended(
                row.message, row.destination, row.part, row.plan, row.kind, body, problems, hold, first.id if first else 0
            ))  # fmt: skip
    return tuple(out)


def _on_trial(
    tx: Tx, hospital: Hospital, plan: str, now: Shown, part: int, kind: str, written_as: str, document: bytes, at: int
) -> tuple[bytes | None, tuple[str, ...]]:
    """A message as it would be written, or else why it cannot be."""
    try:
        return hospital.write(plan, line.about(tx, now.case, part, kind, document), written_as, at, TRIAL), ()
    except NotWritten as refused:
        return None, refused.problems


def _awaiting(tx: Tx, now: Shown) -> Sequence[Row]:
    """Deliveries of what was shown that wait for nothing but its signature."""
    c = t.delivery.c
    where = (c.case_id == now.case, c.revision_id == now.revision, c.reason == UNSIGNED)
    return tx.all(sa.select(t.delivery).where(*where).order_by(c.id))


def _left_behind(tx: Tx, hospital: Hospital, now: Shown) -> list[tuple[Row, Link]]:
    """What an older revision owes and has not sent, and no newer one takes the place of, since this kind does not owe that
    message: a charge, where corrections are not charged. It would wait for its signature for ever."""
    c = t.delivery.c
    where = [
        c.case_id == now.case, c.state == "held", c.reason.in_(NOT_IN_LINE), c.kind != "preliminary",
        c.message.not_in([owed.message for owed in hospital.owed(now.kind)]), t.revision.c.result_id == now.result_id,
    ]  # fmt: skip
    if not now.new:
        where.append(c.revision_id != now.revision)
    rows = tx.all(sa.select(t.delivery).join(t.revision, t.revision.c.id == c.revision_id).where(*where).order_by(c.id))
    links = {link.id: link for lane in {row.lane_id for row in rows} for link in line.links(tx, now.case, lane)}
    return [(row, links[row.id]) for row in rows]


def _goes_along(now: Shown, link: Link) -> bool:
    """Whether what was left behind goes out with what is signed now. What is withdrawn is owed no more, and what may have left
    under an earlier build does not leave again under another content."""
    return now.kind != "withdrawn" and not link.before


def _take_along(tx: Tx, hospital: Hospital, now: Shown, revision: int) -> tuple[int, ...]:
    """Lets what was left behind go, made of the revision that was signed: what is charged is what a clinician stands for. What
    does not go along is given up."""
    taken = []
    for row, link in _left_behind(tx, hospital, now):
        if not _goes_along(now, link):
            verdict = link.given_up(f"superseded by {now.kind} {now.version}")
            line.apply(tx, hospital.org, row.lane_id, [verdict])
            continue
        tx.set(t.delivery, row.id, revision_id=revision)
        tx.journal.note(
            "made of", hospital.org, lane=row.lane_id, case=now.case, delivery=row.id, revision=revision,
            why=f"{now.kind} {now.version} was signed",
        )  # fmt: skip
        line.trial(tx, hospital, row.id)
        if row.reason == UNSIGNED:
            line.release(tx, hospital, row.id)
        taken.append(row.id)
    return tuple(taken)


Act = Literal["sign", "amend", "withdraw"]

SIGNS: Final = {"preliminary": "final", "final": "final", "corrected": "corrected", "withdrawn": "withdrawn"}
"""What a signature makes of a revision: under a preliminary result it makes the final one."""


def made_by(act: Act, kind: str, *, signed: bool) -> tuple[str, bool]:
    """The kind that an act makes of a revision of this kind, and whether that is a new version. Raises `Conflict`."""
    if kind == "withdrawn" and (signed or act != "sign"):
        raise Conflict("withdrawn", "the result was withdrawn")
    if act == "withdraw":
        return "withdrawn", True
    if act == "amend":
        if kind == "preliminary" or not signed:
            raise Conflict(
                "not_signed", "this result is not signed yet: sign it as it should be, there is nothing to amend"
            )
        return "corrected", True
    if signed:
        raise Conflict("nothing_to_sign", "this result is signed already: what changes it is an amendment")
    return SIGNS[kind], False


def newest(tx: Tx, hospital: Hospital, result_id: str) -> Row:
    """The newest revision of a result. Raises `Conflict`."""
    where = (t.revision.c.org == hospital.org, t.revision.c.result_id == result_id)
    row = tx.first(sa.select(t.revision).where(*where).order_by(t.revision.c.version.desc(), t.revision.c.id.desc()))
    if row is None:
        raise Conflict("unknown_result", "no result of this id is known")
    return row


def shown(tx: Tx, hospital: Hospital, result_id: str, act: Act = "sign") -> Shown:
    """The newest revision of a result as it is shown for an act: with what stands now, signed or not. Raises `Conflict`."""
    row = newest(tx, hospital, result_id)
    signed = line.signature(tx, row.id)
    kind, further = made_by(act, row.kind, signed=signed is not None)
    if act == "sign" and kind == row.kind != "withdrawn" and _has_left(tx, hospital, row):
        kind, further = "corrected", True  # the signature that let it out was taken back too late
    plans = {owed.message: owed.plan for owed in hospital.owed(kind)}
    stands = row if signed is None else signed
    return Shown(
        row.id, row.result_id, row.version + further, kind, stands.content, stands.document, plans, row.case_id,
        new=kind != row.kind or further,
    )  # fmt: skip


def _has_left(tx: Tx, hospital: Hospital, row: Row) -> bool:
    """Whether something that a signature lets out has left for a revision."""
    signed = [owed.message for owed in hospital.owed(row.kind) if owed.gate == "after sign-off"]
    c = t.delivery.c
    left = c.state.in_(sorted(chain.LEFT)) | line.LEFT_BEFORE
    where = (c.revision_id == row.id, c.message.in_(signed), left)
    return tx.first(sa.select(c.id).where(*where).limit(1)) is not None


def sign(
    tx: Tx, hospital: Hospital, act: Act, result_id: str, token: str, document: bytes, content: str, actor: str, why: str = "",
) -> Taken:  # fmt: skip
    """Signs what was shown, amends it or withdraws it. `document`: the revision as it shall stand, with signer and
    diagnoses; `why`: the reason, where one was given. Raises `Conflict` when it is not what was shown any more, `NotWritten`
    when a message cannot be written from it."""
    case = cases.lock(tx, newest(tx, hospital, result_id).case_id)
    now = shown(tx, hospital, result_id, act)
    if now.token != token:
        raise Conflict("not_shown", "the result or its messages changed after they were shown: look again, then sign")
    revision = now.revision
    if now.new:
        may_stand(tx, now)
        revision = tx.insert(
            t.revision, org=hospital.org, case_id=case.id, result_id=result_id, version=now.version, kind=now.kind,
            pathway="sign-off", content=content, document=document, actor=actor, at=tx.now,
        )  # fmt: skip
    plans = msgspec.json.encode(now.plans).decode()
    signed = tx.insert(
        t.signoff,
        revision_id=revision,
        shown=token,
        content=content,
        document=document,
        plans=plans,
        actor=actor,
        at=tx.now,
    )
    tx.journal.note(
        "signed", hospital.org, case=case.id, actor=actor, act=act, revision=revision, signoff=signed, content=content,
        **_because(why),
    )  # fmt: skip
    studies.discard_all(tx, hospital.org, result_id)
    studies.settle(tx, hospital, case.id)
    waiting = [] if now.new else _awaiting(tx, now)
    made = tuple(row.id for row in waiting)
    for row in waiting:
        plan = now.plans.get(row.message, row.plan)
        tx.set(t.delivery, row.id, plan=plan)
        line.trial(tx, hospital, row.id)
        line.release(tx, hospital, row.id)
    if not waiting:
        made = owe(tx, hospital, case.id, revision, now.kind, now.version, signed=True)
    made += _take_along(tx, hospital, now, revision)
    return Taken("new", case.id, revision, now.version, made)


def _because(why: str) -> dict[str, Any]:
    return {"why": why} if why else {}


def withdraw_signature(tx: Tx, hospital: Hospital, result_id: str, actor: str, reason: str) -> tuple[int, ...]:
    """Takes a signature back: what it let out and has not left is held again; gives the deliveries that did leave (they are
    answered by a withdrawn or corrected result). Raises `Conflict`."""
    case = cases.lock(tx, newest(tx, hospital, result_id).case_id)
    row = tx.first(
        sa.select(t.signoff)
        .join(t.revision, t.revision.c.id == t.signoff.c.revision_id)
        .where(t.revision.c.org == hospital.org, t.revision.c.result_id == result_id, t.signoff.c.withdrawn_at == 0)
        .order_by(t.signoff.c.id.desc())
    )
    if row is None:
        raise Conflict("not_signed", "this result is not signed")
    tx.set(t.signoff, row.id, withdrawn_at=tx.now)
    tx.journal.note("signature withdrawn", hospital.org, case=case.id, actor=actor, signoff=row.id, why=reason)
    left = []
    lanes = set()
    where = (t.delivery.c.case_id == case.id, t.delivery.c.revision_id == row.revision_id)
    for delivery in tx.all(sa.select(t.delivery, line.LEFT_BEFORE.label("before")).where(*where)):
        lanes.add(delivery.lane_id)
        if delivery.state in ("waiting", "ready"):
            line.hold(tx, delivery, UNSIGNED, actor)
        if delivery.before or delivery.state not in ("waiting", "ready", "void", "held"):
            left.append(delivery.id)
    for lane in sorted(lanes):
        line.promote(tx, hospital, case.id, lane)
    studies.settle(tx, hospital, case.id)
    return tuple(left)
