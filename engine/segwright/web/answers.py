"""What the API takes and gives: the shape of every body, from which the OpenAPI description is made.

Times are RFC 3339 in UTC. `Raw` members are documents of the organisation's declared model."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from segwright.delivery.desk import OrderReference
from segwright.ledger import views
from segwright.ledger.chain import State
from segwright.ledger.store import Tx

Time: TypeAlias = Annotated[str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})]
Cursor: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=views.MOST)]
Reason: TypeAlias = Annotated[str, Meta(min_length=3, max_length=500)]


def time(ms: int) -> str:
    """A time of the ledger."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


# --- asked ------------------------------------------------------------------------------------------------------------------


class ResultSubmission(_Body, frozen=True):
    """A result or a revision of it. `order`: the order that it is for; without one the platform starts it itself."""

    result: msgspec.Raw
    order: OrderReference | None = None


class Upload(_Body, frozen=True):
    """A preliminary result that a person uploads. Without `version` it takes the next one."""

    result: msgspec.Raw
    order: OrderReference | None = None


class Signing(_Body, frozen=True):
    """A signature. `shown`: the token of what the clinician looked at; `signed_by`: who it is; `diagnoses`: ICD-10-CM codes in
    billing order, of the organisation's choices. What is left out stays as it was shown."""

    shown: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    signed_by: msgspec.Raw
    diagnoses: tuple[Annotated[str, Meta(max_length=20)], ...] | None = None
    interpretation: Annotated[str, Meta(min_length=1)] | None = None
    comments: tuple[Annotated[str, Meta(min_length=1)], ...] | None = None


class Because(_Body, frozen=True):
    """Why something is done; kept in the audit, so nothing of a patient belongs here."""

    reason: Reason


class Page(_Body, frozen=True):
    """Which part of a list."""

    after: Cursor = 0
    limit: Limit = views.PAGE


class OrderPage(_Body, frozen=True):
    """Which orders."""

    state: views.OrderState | msgspec.UnsetType = msgspec.UNSET
    after: Cursor = 0
    limit: Limit = views.PAGE


class ShownFor(_Body, frozen=True):
    """What it is shown for."""

    act: Literal["sign", "amend", "withdraw"] = "sign"


class Search(_Body, frozen=True):
    """What to look for: the beginning of a code, with or without its dot, or words of its text. `everywhere`: in a whole
    edition of ICD-10-CM, of which most cannot be chosen here; `on`: the date of service whose edition is meant, else the
    newest."""

    q: Annotated[str, Meta(max_length=200)] = ""
    everywhere: bool = False
    on: date | None = None
    limit: Limit = views.PAGE


# --- given ------------------------------------------------------------------------------------------------------------------


class DeliveryAnswer(msgspec.Struct, frozen=True):
    """One business event owed to one destination. `because`: why it stands where it stands; `sent_as`: the kind it was
    written as, once it was; `order_part`: which order of the case it answers, 0 for all of them together."""

    id: int
    destination: str
    message: str
    kind: str
    version: int
    order_part: int
    state: State
    because: str
    sent_as: str
    tries: int
    at: Time
    decided_at: Time | None


class AttemptAnswer(msgspec.Struct, frozen=True):
    """One try. `outcome` is "" while it is open; `answers`: codes of the acknowledgements that came."""

    number: int
    control_id: str
    opened_at: Time
    closed_at: Time | None
    outcome: str
    detail: str
    answers: tuple[str, ...]


class DeliveryStory(msgspec.Struct, frozen=True):
    """A delivery with its tries."""

    delivery: DeliveryAnswer
    attempts: tuple[AttemptAnswer, ...]


class SubmissionAnswer(msgspec.Struct, frozen=True):
    """What became of a submission or signature. `outcome`: new; duplicate, of what came before or by another pathway; stale,
    when a newer version is there. `deliveries`: what it owes, or what stands for it."""

    outcome: Literal["new", "duplicate", "stale"]
    result: str
    version: int
    case: int
    reason: str
    deliveries: tuple[DeliveryAnswer, ...]


class OrderAnswer(msgspec.Struct, frozen=True):
    """An order as it stands."""

    id: int
    state: Literal["open", "completed", "cancelled"]
    placer: str
    filler: str
    case: int
    part: int
    at: Time
    changed_at: Time
    order: msgspec.Raw
    patient: msgspec.Raw


class OrderWithDeliveries(msgspec.Struct, frozen=True):
    """An order, and what is owed or was sent for it."""

    order: OrderAnswer
    deliveries: tuple[DeliveryAnswer, ...]


class OrderList(msgspec.Struct, frozen=True):
    """A page of orders. `next`: the `after` of the next page, null on the last."""

    orders: tuple[OrderAnswer, ...]
    next: int | None


class OrderChange(msgspec.Struct, frozen=True):
    """What happened to an order, and how it stands now."""

    what: Literal["new", "changed", "completed", "cancelled"]
    order: OrderAnswer


class OrderChanges(msgspec.Struct, frozen=True):
    """What happened since. `next`: the `after` to ask with next time."""

    changes: tuple[OrderChange, ...]
    next: int


class SuppressedAnswer(msgspec.Struct, frozen=True):
    """A submission that was not sent because of another."""

    version: int
    kind: str
    pathway: str
    reason: str
    at: Time


class RevisionAnswer(msgspec.Struct, frozen=True):
    """A version of a result. `result`: its document as it stands, signed or not."""

    version: int
    kind: str
    pathway: str
    content: str
    at: Time
    signed_at: Time | None
    result: msgspec.Raw


class ResultAnswer(msgspec.Struct, frozen=True):
    """A result with its revisions, oldest first, and all that went or goes out for it."""

    result: str
    revisions: tuple[RevisionAnswer, ...]
    deliveries: tuple[DeliveryAnswer, ...]
    suppressed: tuple[SuppressedAnswer, ...]


class DeliveryList(msgspec.Struct, frozen=True):
    """Deliveries in their order."""

    deliveries: tuple[DeliveryAnswer, ...]


class MessageShown(msgspec.Struct, frozen=True):
    """A message that goes out: where to, and the plan that writes it."""

    message: str
    destination: str
    plan: str


class HowMany(msgspec.Struct, frozen=True):
    """How many diagnoses a signed result carries. `on`: the date of service, null when it is not known to the day; `edition`:
    the edition of ICD-10-CM by which they are judged, null when none covers it; `said`: the same in words."""

    minimum: int
    maximum: int
    on: str | None
    edition: str | None
    said: str


class ShownAnswer(msgspec.Struct, frozen=True):
    """What is shown for a signature. `shown`: the token to sign with; `version` and `kind`: what the signature makes of the
    result; `diagnoses`: null where none are sent; `suggested`: those that the organisation's table has for its findings."""

    shown: str
    act: Literal["sign", "amend", "withdraw"]
    kind: str
    version: int
    result: msgspec.Raw
    messages: tuple[MessageShown, ...]
    diagnoses: HowMany | None
    suggested: tuple[SuggestedDiagnosis, ...]


class SignatureWithdrawn(msgspec.Struct, frozen=True):
    """A signature was taken back. `left`: what had gone out, or may have: to be answered by an amendment or withdrawal."""

    left: tuple[DeliveryAnswer, ...]


class Diagnosis(msgspec.Struct, frozen=True, omit_defaults=True):
    """A diagnosis to choose from. `listed`: false for one that is not among the organisation's; `first`: false for one that
    may not be the main diagnosis."""

    code: str
    display: str
    listed: bool = True
    first: bool = True


class SuggestedDiagnosis(msgspec.Struct, frozen=True):
    """A diagnosis that the organisation suggests for findings of a result; `because`: their names."""

    code: str
    display: str
    because: tuple[str, ...]


class DiagnosisList(msgspec.Struct, frozen=True):
    """Diagnoses, the best first; the organisation's own order where nothing was asked for. `found`: how many fit in all, or as
    many as were asked for of a whole edition."""

    minimum: int
    maximum: int
    found: int
    diagnoses: tuple[Diagnosis, ...]


# --- from views -----------------------------------------------------------------------------------------------------------------


def delivery(tx: Tx, org: str, found: views.Delivery) -> DeliveryAnswer:
    """A delivery, with the reason for its state."""
    return DeliveryAnswer(
        found.id, found.destination, found.message, found.kind, found.version, found.part, found.state,  # type: ignore[arg-type]
        views.because(tx, org, found), found.sent_as, found.tries, time(found.at),
        time(found.decided_at) if found.decided_at else None,
    )  # fmt: skip


def deliveries(tx: Tx, org: str, numbers: tuple[int, ...]) -> tuple[DeliveryAnswer, ...]:
    """The deliveries with these ids."""
    found = (views.delivery(tx, org, number) for number in numbers)
    return tuple(delivery(tx, org, one) for one in found if one is not None)


def order(found: views.Order) -> OrderAnswer:
    """An order."""
    state: Any = found.state
    return OrderAnswer(
        found.id, state, found.placer, found.filler, found.case, found.part, time(found.at), time(found.changed_at),
        msgspec.Raw(found.document), msgspec.Raw(found.patient),
    )  # fmt: skip
