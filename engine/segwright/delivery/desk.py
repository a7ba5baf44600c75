"""The desk: results submitted, uploaded, signed, amended and withdrawn; orders looked up and moved on.

Takes documents as the platform or a page sends them; gives what became of them. A document is decoded by the
organisation's declared model and stored in its canonical form, whose sha256 is its content. Refuses with `Wrong` what the
document says wrongly, with `results.Conflict` what does not fit what is there, with `NotWritten` what no message could be
made of. Under an idempotency key the answer is kept in the same transaction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from segwright.codes import saying
from segwright.codes.judging import CodeFault, Offer
from segwright.delivery import billing
from segwright.delivery.live import RESULT, Live
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.escape import unescape
from segwright.ledger import cases, orders, results
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.results import Act, Pathway, Revision, Shown, Taken
from segwright.ledger.store import Tx
from segwright.runtime.decode import DecodeProblem, DecodeRefused

T = TypeVar("T")

LARGEST_VERSION: Final = 2_000_000_000
"""What signatures count on from there still fits the ledger, which keeps 31 bits."""
LONGEST_ID: Final = 200
PLAIN: Final = r"^[^\x00-\x1f\x7f]+$(?!\n)"
"""What a number or an id may hold: anything but control characters."""
_ATTRIBUTE: Final = re.compile("[a-z][a-z0-9_]{0,60}")
Number: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID, pattern=PLAIN)]


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a document: where, and what. Never the value that stands there. Of a diagnosis also `rule`, the
    kind of the fault, and `offers`: codes to take instead."""

    path: str
    what: str
    rule: str = ""
    offers: tuple[Offer, ...] = ()


class Wrong(Exception):
    """A document that cannot be taken, with all its faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


class OrderReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which order a result is for: by our number of it, or by the hospital's placer or filler number as it stands in the
    message (`A1^EHR`)."""

    id: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None
    placer: Number | None = None
    filler: Number | None = None


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A result, and the order that it is for; none for one that the platform starts itself."""

    result: msgspec.Raw
    order: OrderReference | None = None


class _Whose(msgspec.Struct):
    """The patient of a result as he stands in its document. `Raw | None` would be read as null and nothing else."""

    patient: msgspec.Raw = msgspec.Raw(b"null")


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a clinician adds when signing. `shown`: the token of what was looked at; `diagnoses`: ICD-10-CM codes in
    billing order, of the organisation's choices; None leaves those of the result; `reason`: why a result is amended or
    withdrawn, for the audit: nothing of a patient belongs there."""

    shown: Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\n)")]
    signed_by: msgspec.Raw
    diagnoses: tuple[str, ...] | None = None
    interpretation: str | None = None
    comments: tuple[str, ...] | None = None
    reason: str = ""


def canonical(live: Live, document: bytes) -> tuple[tuple[Any, ...], bytes, str]:
    """A result as a record, in canonical form, and its content hash. Raises `Wrong`."""
    try:
        record = live.decoded(RESULT, document)
    except DecodeRefused as refused:
        raise Wrong([Fault(place_of(problem), words(problem)) for problem in refused.problems]) from None
    form = live.encoded(RESULT, record)
    return record, form, hashlib.sha256(form).hexdigest()


def place_of(problem: DecodeProblem) -> str:
    """Where a fault of a document is. An attribute that is not known is named only if it is written like one: whatever
    else stands there may be content."""
    parent, _, name = problem.path.rpartition(".")
    return f"{parent}.?" if problem.kind == "unknown" and not _ATTRIBUTE.fullmatch(name) else problem.path


def words(problem: DecodeProblem) -> str:
    """A fault of a document in words, without what was found there."""
    facts = problem.facts
    match problem.kind:
        case "unknown":
            near = facts.get("nearest")
            return "there is no such attribute" + (f"; {near} is meant?" if near else "")
        case "type":
            return f"{facts.get('wanted')} is expected, not {facts.get('found')}"
        case "enum":
            return f"it is one of {facts.get('known')}"
        case _:
            return facts.get("reason") or problem.kind.replace("_", " ")


def revision_of(
    live: Live, submission: Submission, pathway: Pathway, actor: str
) -> tuple[Revision, OrderReference | None]:
    """A submission as the ledger takes it. An upload may leave out the version: the next one is taken."""
    document = bytes(submission.result)
    numbered: Callable[[int], bytes] | None = None
    if pathway == "upload" and b'"version"' not in document:
        document = _first_version(document)

        def numbered(version: int) -> bytes:
            return canonical(live, _with(form, version=version))[1]

    record, form, content = canonical(live, document)
    _countable(live, record, pathway)
    names = [Name("study", "", live.attribute(RESULT, record, "study"))]
    order = submission.order
    for kind in ("placer", "filler"):
        given = getattr(order, kind) if order is not None else None
        if given:
            value, *assigner = (unescape(part, STANDARD, "utf-8") for part in given.split(STANDARD.component))
            names.append(Name(kind, "^".join(assigner).rstrip("^"), value))
    version = 0 if numbered is not None else live.attribute(RESULT, record, "version")
    revision = Revision(
        result_id=live.attribute(RESULT, record, "id"), version=version, kind=live.attribute(RESULT, record, "status"),
        pathway=pathway, content=content, document=form, names=tuple(names), actor=actor, numbered=numbered,
        patient=bytes(msgspec.json.decode(form, type=_Whose).patient),
    )  # fmt: skip
    return revision, order


def _countable(live: Live, record: tuple[Any, ...], pathway: Pathway) -> None:
    """Whether the ledger can keep a result under its id and version. Raises `Wrong`."""
    faults = []
    for name in ("id", "study"):
        value = live.attribute(RESULT, record, name)
        if value is not None and (len(value) > LONGEST_ID or not re.search(PLAIN, value)):
            faults.append(Fault(f"$.{name}", f"it has control characters or more than {LONGEST_ID} characters"))
    if not 1 <= live.attribute(RESULT, record, "version") <= LARGEST_VERSION:
        faults.append(Fault("$.version", f"versions are counted from 1 to {LARGEST_VERSION}"))
    if pathway == "upload" and live.attribute(RESULT, record, "status") != "preliminary":
        faults.append(Fault("$.status", "an upload is preliminary: a signature makes it final"))
    if faults:
        raise Wrong(faults)


def _first_version(document: bytes) -> bytes:
    """A document with a version before all that stands in it: what stands there twice is still refused for that."""
    if not document.lstrip().startswith(b"{"):
        raise Wrong([Fault("$", "an object is expected")])
    rest = document.lstrip()[1:].lstrip()
    return b'{"version":1' + (b"" if rest.startswith(b"}") else b",") + rest


def _with(document: bytes, **members: Any) -> bytes:
    """A document in canonical form, with other members."""
    return msgspec.json.encode({**msgspec.json.decode(document, type=dict[str, msgspec.Raw]), **members})


def submit(tx: Tx, live: Live, submission: Submission, pathway: Pathway, actor: str) -> Taken:
    """Takes a submission. Raises `Wrong`, `results.Conflict`, `NotWritten`."""
    revision, order = revision_of(live, submission, pathway, actor)
    if order is not None and order.id is not None:
        row = tx.first(sa.select(t.order_).where(t.order_.c.id == order.id, t.order_.c.org == live.org))
        if row is None:
            raise results.Conflict("unknown_order", "no order of this number is known")
        known = tx.all(
            sa.select(t.alias).where(t.alias.c.case_id == row.case_id, t.alias.c.kind.in_(("placer", "filler")))
        )
        names = (*revision.names, *(Name(alias.kind, alias.assigner, alias.value) for alias in known))
        revision = msgspec.structs.replace(revision, names=names)
    return results.submit(tx, live, revision, must_know_order=order is not None)


# --- signing ------------------------------------------------------------------------------------------------------------------


def shown(tx: Tx, live: Live, result_id: str, act: Act) -> Shown:
    """What is shown for signature."""
    return results.shown(tx, live, result_id, act)


def sign(tx: Tx, live: Live, act: Act, result_id: str, signature: Signature, actor: str) -> Taken:
    """Signs, amends or withdraws. Raises `Wrong`, `results.Conflict`, `NotWritten`."""
    now = results.shown(tx, live, result_id, act)
    record, form, content = as_signed(live, now, signature)
    codes = signature.diagnoses
    if act != "withdraw" or codes:
        billable(live, record, billing.codes_of(live, record) if codes is None else codes)
    return results.sign(tx, live, act, result_id, signature.shown, form, content, actor, signature.reason)


def as_signed(live: Live, now: Shown, signature: Signature) -> tuple[tuple[Any, ...], bytes, str]:
    """What was shown as a signature makes it stand: the record, its canonical form and its content hash. Codes that nobody may
    choose here are left out: `billable` says what is wrong with them. Raises `Wrong`."""
    members: dict[str, Any] = {"status": now.kind, "version": now.version, "signed_by": signature.signed_by}
    if signature.diagnoses is not None:
        members["diagnoses"] = chosen(live, signature.diagnoses)
    for name in ("interpretation", "comments"):
        if getattr(signature, name) is not None:
            members[name] = getattr(signature, name)
    return canonical(live, _with(now.document, **members))


def billable(live: Live, record: tuple[Any, ...], codes: Sequence[str]) -> None:
    """Raises `Wrong` with everything that stands against billing a result by these codes."""
    faults = billing.against(live, record, codes)
    if faults:
        raise Wrong([fault_of(fault) for fault in faults])


def fault_of(fault: CodeFault) -> Fault:
    """A fault of a choice of diagnoses as one of the document."""
    path = "$.diagnoses" if fault.at is None else f"$.diagnoses[{fault.at}]"
    return Fault(path, saying.said(fault), fault.kind, fault.offers)


def chosen(live: Live, codes: Sequence[str]) -> list[dict[str, str]]:
    """Diagnoses that were judged, as the document has them: with the organisation's texts, in this order."""
    found = (live.coding.choice(code) for code in codes)
    return [{"code": choice.code, "display": choice.display} for choice in found if choice is not None]


# --- orders -------------------------------------------------------------------------------------------------------------------


def move_on(
    tx: Tx, live: Live, order: int, status: Literal["in_progress", "cancelled"], actor: str, reason: str = ""
) -> bool:
    """Says what happened to an order: its ECG is being read, or we end it without a result. False when that is known
    already."""
    row = tx.first(sa.select(t.order_).where(t.order_.c.id == order, t.order_.c.org == live.org))
    if row is None:
        raise results.Conflict("unknown_order", "no order of this number is known")
    case = cases.lock(tx, row.case_id)
    row = tx.get(t.order_, order)
    assert row is not None
    if row.state != "open":
        if row.state == status:
            return False
        raise results.Conflict("order_ended", f"the order is {row.state}")
    document = orders.occurrence_document(status, tx.now, **({"reason": reason} if reason else {}))
    if status == "in_progress":
        return bool(orders.happened(tx, live, case.id, row.part, status, document).rows())
    try:
        orders.cancel(tx, live, case.id, row.part, document)
    except orders.Refusal as refusal:
        raise results.Conflict(refusal.code, refusal.reason) from None
    tx.journal.note("cancelled by us", live.org, case=case.id, actor=actor, why=reason)
    return True


# --- once -----------------------------------------------------------------------------------------------------------------------


class Once(msgspec.Struct, frozen=True):
    """An answer under an idempotency key. `again`: it was given before."""

    status: int
    body: bytes
    again: bool = False


def once(tx: Tx, org: str, key: str, body: bytes, act: Callable[[Tx], tuple[int, Any]]) -> Once:
    """Acts, and keeps the answer under the key; with the same key and body the answer that was kept. Raises
    `results.Conflict` for the same key with another body."""
    body_hash = hashlib.sha256(body).hexdigest()
    where = (t.request.c.org == org, t.request.c.key == key)
    if key:
        before = tx.first(sa.select(t.request).where(*where))
        if before is None and not tx.insert_new(
            t.request, org=org, key=key, body_hash=body_hash, status=0, answer=b"", at=tx.now
        ):
            before = tx.first(
                sa.select(t.request).where(*where)
            )  # another request had it at the same time, and is done now
        if before is not None:
            if before.body_hash != body_hash:
                raise results.Conflict("idempotency_key", "this Idempotency-Key was used for another request")
            return Once(before.status, before.answer, True)
    status, answer = act(tx)
    encoded = msgspec.json.encode(answer)
    if key:
        tx.run(sa.update(t.request).where(*where).values(status=status, answer=encoded))
    return Once(status, encoded)
