"""Every table of the ledger, on one page.

Times are milliseconds since 1970 by the clock of the database. No column of a unique key may be NULL: both databases let
two NULLs stand beside each other. Texts that hold a patient's data are bytes (`body`, `document`, `patient`), in tables
of their own kind, so that they can be sealed later without touching what coordinates.

    inbox ──▶ case ◀── alias            revision ──▶ delivery ──▶ build ──▶ attempt
                └──▶ order_             occurrence ──┘   │
                                                       lane        event: all of it, append-only, hash-chained

    account ◀── grant_ (an organisation, a role)        draft: what a clinician has chosen and not signed
        ▲── identity, session                           proposal: what waits for a second person
        ▲── verdict ──▶ change ◀── change_part (an organisation, what approving it is bound to)

    presented: certificates that receivers showed whoever sent to them

    person ──▶ case: whose it is, without a name        tally ◀── tallied: figures, made of events
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPEN: Final = ("held", "waiting", "ready", "sending", "uncertain", "needs_decision", "rejected")
"""Deliveries whose end is not known yet: each keeps what follows it in its chain waiting (`awaiting sign-off` excepted)."""
DECIDED: Final = ("accepted", "confirmed", "void", "unknown")
"""Deliveries that are done: taken, taken and confirmed, never to be sent, or left with their fate unknown."""

Key = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only under INTEGER


def _id() -> Column[Any]:
    return Column("id", Key, primary_key=True, autoincrement=True)


def _needs(name: str, *table: Any, **options: Any) -> Column[Any]:
    return Column(name, *table, nullable=False, **options)


def _text(name: str, **options: Any) -> Column[Any]:
    return Column(name, String, nullable=False, **options)


def _to(name: str, table: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Key, ForeignKey(f"{table}.id"), nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


IS_OPEN: Final = "state IN ({})".format(", ".join(f"'{state}'" for state in OPEN))
IS_READY: Final = "state IN ('ready', 'uncertain')"
IS_UNCONFIRMED: Final = "state = 'accepted' AND due_at > 0"
IS_STORED: Final = "state = 'stored'"
IS_QUARANTINED: Final = "state = 'quarantined'"
IS_OPEN_ORDER: Final = "state = 'open'"
IS_UNCLOSED: Final = "closed_at = 0"
IS_PROPOSED: Final = "state = 'open'"
IS_WAITING: Final = "state = 'waiting'"
IS_SIGNED: Final = "state = 'signed'"
HAS_DELIVERY: Final = "delivery_id > 0"
IS_INSTALLING: Final = "kind = 'installed'"
"""As SQL, word for word as the indexes have it: SQLite uses a partial index only for a query that repeats its condition. Where a
whole index begins with the same column, the partial one has the state as its second: else SQLite, which has no statistics, takes
either."""

# --- what the ledger belongs to -----------------------------------------------------------------------------------------

setting = Table("setting", metadata, Column("name", String, primary_key=True), _text("value"))
"""`environment`: which one this ledger serves; a server of another one is refused."""

installed = Table(
    "installed", metadata,
    Column("org", String, primary_key=True),
    _text("bundle"), _text("policy"),
    _text("destinations"),  # JSON: destination → hash of its address and credentials
    _text("kinds"),  # JSON: message → kinds that go out
    _needs("at", BigInteger),
)  # fmt: skip
"""The bundle that is live for each organisation. Its row is locked by whoever changes policy and read by every attempt."""

plan = Table("plan", metadata, Column("hash", String, primary_key=True), _needs("body", LargeBinary))
"""Plans under their hash: what was enqueued under one plan is built by it, whatever is live by then."""

stop = Table(
    "stop", metadata, _text("org"), _text("what"), _text("name"), _text("reason"), _text("actor"), _needs("at", BigInteger),
    PrimaryKeyConstraint("org", "what", "name"),
)  # fmt: skip
"""What an operator stopped: `kind` (`message/kind`, not to go out) or `plan` (a hash that was revoked)."""

# --- in -----------------------------------------------------------------------------------------------------------------

inbox = Table(
    "inbox", metadata,
    _id(), _text("org"), _text("listener"),
    _text("sender"),  # MSH-3 and MSH-4 as they came
    _text("control_id"), _text("type"),
    _text("body_hash"), _needs("body", LargeBinary),
    _text("state"),  # stored | taken | refused | quarantined
    _text("code"), _needs("answer", LargeBinary), _text("reason"),
    _needs("at", BigInteger),
    UniqueConstraint("org", "sender", "control_id", "body_hash"),
    Index("ix_inbox_control", "org", "control_id"),
    Index("ix_inbox_stored", "org", "state", "id", **_where(IS_STORED)),
    Index("ix_inbox_quarantined", "org", "state", "id", **_where(IS_QUARANTINED)),
)  # fmt: skip
"""Every message that came, with the answer that was given: written before the answer leaves."""

case_ = Table(
    "case_", metadata,
    _id(), _text("org"), _needs("opened_at", BigInteger), _needs("closed_at", BigInteger, server_default="0"),
    _to("merged_into", "case_", nullable=True),
)  # fmt: skip
"""One study of one patient. Its row is the lock of all that is decided about it. `closed_at`: 0 while open."""

alias = Table(
    "alias", metadata,
    _text("org"), _text("kind"), _text("assigner"), _text("value"), _to("case_id", "case_"),
    PrimaryKeyConstraint("org", "kind", "assigner", "value"),
    Index("ix_alias_case", "case_id"), Index("ix_alias_value", "org", "value"),
)  # fmt: skip
"""The names of a case: `placer`, `filler`, `group`, `study`, `result`."""

person = Table(
    "person", metadata,
    _text("org"), _text("digest"), _to("case_id", "case_"),
    PrimaryKeyConstraint("org", "digest", "case_id"),
    Index("ix_person_case", "case_id"),
)  # fmt: skip
"""Whose a case is, by each number that the hospital sent for the patient: only as a digest (`people.digest`). The beginning of a
digest is of the number alone."""

order_ = Table(
    "order_", metadata,
    _id(), _text("org"), _to("case_id", "case_"),
    _needs("part", Integer),  # which of the case's orders, from 1
    _text("placer"), _text("filler"),
    _text("state"),  # open | completed | cancelled
    _needs("document", LargeBinary), _needs("patient", LargeBinary),
    _to("inbox_id", "inbox"), _needs("at", BigInteger), _needs("changed_at", BigInteger),
    UniqueConstraint("case_id", "part"),
    Index("ix_order_open", "org", "state", "id", **_where(IS_OPEN_ORDER)),
    Index("ix_order_org", "org", "id"),
)  # fmt: skip
"""An order as it stands now: what its mapping read from the last message about it."""

# --- results ------------------------------------------------------------------------------------------------------------

revision = Table(
    "revision", metadata,
    _id(), _text("org"), _to("case_id", "case_"),
    _text("result_id"), _needs("version", Integer),
    _text("kind"),  # preliminary | final | corrected | withdrawn
    _text("pathway"),  # order | platform | upload | sign-off
    _text("content"), _needs("document", LargeBinary),  # sha256 of the canonical document, and the document
    _text("actor"), _needs("at", BigInteger),
    UniqueConstraint("org", "result_id", "version", "kind"),
    Index("ix_revision_case", "case_id"),
)  # fmt: skip
"""One version of a result, as its source sent it."""

signoff = Table(
    "signoff", metadata,
    _id(), _to("revision_id", "revision"),
    _text("shown"),  # sha256 of what the clinician saw: the revision's content and the plans of the preview
    _text("content"), _needs("document", LargeBinary),  # what was signed, with its diagnoses
    _text("plans"),  # JSON: message → plan hash of the preview
    _text("actor"), _needs("at", BigInteger), _needs("withdrawn_at", BigInteger, server_default="0"),
    Index("ix_signoff_revision", "revision_id"),
)  # fmt: skip
"""A clinician's signature under exactly one content."""

study = Table(
    "study", metadata,
    _id(), _text("org"), _text("result_id"), _to("case_id", "case_"), _to("revision_id", "revision"),
    _text("state"),  # waiting | signed | done
    _needs("urgency", Integer),  # 0: somebody must be told at once; then what orders say, from 1 on
    _needs("at", BigInteger),
    _needs("signed_at", BigInteger, server_default="0"), _text("signer", server_default=""),
    _needs("holder", BigInteger, server_default="0"),  # the account that has it open
    _needs("held_since", BigInteger, server_default="0"), _needs("held_at", BigInteger, server_default="0"),
    UniqueConstraint("org", "result_id"),
    Index("ix_study_waiting", "org", "state", "urgency", "id", **_where(IS_WAITING)),
    Index("ix_study_signed", "org", "state", "signed_at", "id", **_where(IS_SIGNED)),
    Index("ix_study_case", "case_id"),
)  # fmt: skip
"""A result as clinicians see it: where its newest revision stands, and who has it open."""

occurrence = Table(
    "occurrence", metadata,
    _id(), _text("org"), _to("case_id", "case_"), _needs("part", Integer), _text("status"),
    _needs("document", LargeBinary), _needs("at", BigInteger),
    UniqueConstraint("case_id", "part", "status"),
)  # fmt: skip
"""Something that happened to an order and that its hospital may want to know."""

# --- out ----------------------------------------------------------------------------------------------------------------

lane = Table(
    "lane", metadata,
    _id(), _text("org"), _text("destination"),
    _needs("fence", Integer, server_default="0"), _text("holder", server_default=""),
    _needs("lease_until", BigInteger, server_default="0"), _needs("seen_at", BigInteger, server_default="0"),
    _text("paused", server_default=""),  # why, "" while it runs
    _needs("next_at", BigInteger, server_default="0"),  # not before, after failures
    _needs("failures", Integer, server_default="0"), _text("trouble", server_default=""),
    UniqueConstraint("org", "destination"),
)  # fmt: skip
"""One connection to one hospital: one holder, one message in flight."""

presented = Table(
    "presented", metadata,
    _text("org"), _text("destination"),
    _text("address"),  # hash of the destination that it was seen at
    _text("fingerprint"), _text("names"),  # JSON: what it is for
    _needs("begins", BigInteger), _needs("ends", BigInteger), _needs("at", BigInteger),
    PrimaryKeyConstraint("org", "destination"),
)  # fmt: skip
"""The certificate that the receiver at a destination showed last, to whichever process sends there."""

due = Table(
    "due", metadata,
    Column("lane_id", Key, ForeignKey("lane.id"), primary_key=True, autoincrement=False), _needs("at", BigInteger),
    Index("ix_due_at", "at"),
)  # fmt: skip
"""Lanes that may have work, and from when. Apart from the lane, so that whoever holds a case can wake a lane that is
locked."""

delivery = Table(
    "delivery", metadata,
    _id(), _text("org"), _to("lane_id", "lane"), _text("destination"), _text("message"),
    _to("case_id", "case_"),
    _needs("part", Integer),  # the order that it answers; 0: all together; below 0: the same, sent beside the one that is 0
    _text("kind"), _needs("version", Integer),
    _to("revision_id", "revision", nullable=True), _to("occurrence_id", "occurrence", nullable=True),
    _needs("seq", BigInteger),  # its place in line
    _text("state"), _text("reason", server_default=""),
    _text("sent_as", server_default=""),  # the kind it was written as, once it was
    _text("plan"),  # by which it is built
    _needs("tries", Integer, server_default="0"), _needs("doubts", Integer, server_default="0"),
    _needs("first_try_at", BigInteger, server_default="0"), _needs("due_at", BigInteger, server_default="0"),
    _needs("at", BigInteger), _needs("decided_at", BigInteger, server_default="0"),
    UniqueConstraint("org", "destination", "message", "case_id", "part", "kind", "version"),
    Index("ix_delivery_next", "lane_id", "seq", **_where(IS_READY)),
    Index("ix_delivery_open", "case_id", "seq", **_where(IS_OPEN)),
    Index("ix_delivery_org_open", "org", "state", "id", **_where(IS_OPEN)),
    Index("ix_delivery_org", "org", "id"),
    Index("ix_delivery_case", "case_id", "seq"),
    Index("ix_delivery_unconfirmed", "due_at", **_where(IS_UNCONFIRMED)),
)  # fmt: skip
"""One business event owed to one destination; the unique key is what makes it one."""

build = Table(
    "build", metadata,
    _id(), _to("delivery_id", "delivery"), _needs("number", Integer),
    _text("org"), _text("destination"), _text("control_id"),
    _needs("body", LargeBinary), _text("body_hash"), _text("plan"),
    _text("address"),  # hash of the destination it was built for
    _text("reason"), _needs("live", Boolean), _needs("at", BigInteger),
    UniqueConstraint("delivery_id", "number"),
    UniqueConstraint("org", "control_id", "destination"),
)  # fmt: skip
"""The frozen bytes of a delivery. A further build has another control id, and a reason."""

attempt = Table(
    "attempt", metadata,
    _id(), _to("build_id", "build"), _to("delivery_id", "delivery"), _to("lane_id", "lane"),
    _needs("number", Integer), _needs("fence", Integer), _text("holder"),
    _needs("opened_at", BigInteger), _needs("closed_at", BigInteger, server_default="0"),
    _text("outcome", server_default=""),  # "" while it is open
    _text("detail", server_default=""),
    UniqueConstraint("delivery_id", "number"),
    Index("ix_attempt_open", "lane_id", **_where(IS_UNCLOSED)),
    Index("ix_attempt_build", "build_id"),
)  # fmt: skip
"""One try: its row is committed before the first byte leaves."""

answer = Table(
    "answer", metadata,
    _id(), _text("org"), _to("attempt_id", "attempt"), _text("code"), _needs("body", LargeBinary), _text("how"),
    _needs("at", BigInteger), Index("ix_answer_attempt", "attempt_id"),
)  # fmt: skip
"""Acknowledgements, each tied to its attempt. `how`: in time, second, late, elsewhere, repeated."""

suppressed = Table(
    "suppressed", metadata,
    _id(), _text("org"), _to("case_id", "case_"), _to("delivery_id", "delivery", nullable=True), _text("result_id"),
    _needs("version", Integer), _text("kind"), _text("pathway"), _text("content"), _text("reason"), _text("actor"),
    _needs("at", BigInteger), Index("ix_suppressed_delivery", "delivery_id"),
    Index("ix_suppressed_org", "org", "result_id", "id"), Index("ix_suppressed_recent", "org", "id"),
)  # fmt: skip
"""What came by a second pathway, or too late, and was not sent because of another delivery."""

# --- who asked, and what happened -----------------------------------------------------------------------------------------

request = Table(
    "request", metadata,
    _text("org"), _text("key"), _text("body_hash"), _needs("status", Integer), _needs("answer", LargeBinary),
    _needs("at", BigInteger), PrimaryKeyConstraint("org", "key"),
)  # fmt: skip
"""Answers of the API under their idempotency key."""

head = Table(
    "head", metadata, Column("chain", String, primary_key=True), _needs("number", BigInteger), _text("hash"),
)  # fmt: skip
"""The last event of each chain."""

event = Table(
    "event", metadata,
    _id(), _text("chain"), _needs("number", BigInteger), _text("org"), _text("kind"),
    _needs("case_id", BigInteger, server_default="0"), _needs("delivery_id", BigInteger, server_default="0"),
    _text("actor"), _text("facts"),  # JSON without a patient's data
    _needs("at", BigInteger), _text("hash"),
    UniqueConstraint("chain", "number"),
    Index("ix_event_delivery", "delivery_id", **_where(HAS_DELIVERY)),
    Index("ix_event_case", "case_id", **_where("case_id > 0")),
    Index("ix_event_installed", "chain", "number", **_where(IS_INSTALLING)),
)  # fmt: skip
"""All that happened. Each event holds the hash of the one before it in its chain: an organisation's or a lane's."""

# --- people -----------------------------------------------------------------------------------------------------------------

account = Table(
    "account", metadata,
    _id(), _text("name"), _text("shown_as"),
    _text("password", server_default=""),  # argon2's own text; "" signs in by a provider only
    _needs("temporary", Boolean, server_default=text("false")),  # the password: somebody else chose it
    _text("state", server_default="active"),  # active | disabled
    _needs("failures", Integer, server_default="0"), _needs("locked_until", BigInteger, server_default="0"),
    _needs("at", BigInteger), _needs("password_at", BigInteger, server_default="0"),
    UniqueConstraint("name"),
)  # fmt: skip
"""Who may sign in. `name`: what is typed, small letters; `shown_as`: what people read. `failures`: wrong passwords in a row."""

identity = Table(
    "identity", metadata,
    _text("issuer"), _text("subject"), _to("account_id", "account"), _needs("at", BigInteger),
    PrimaryKeyConstraint("issuer", "subject"),
    Index("ix_identity_account", "account_id"),
)  # fmt: skip
"""Who a provider of sign-ins (OpenID Connect) says somebody is, bound to an account by an administrator."""

grant_ = Table(
    "grant_", metadata,
    _to("account_id", "account"), _text("org"), _text("role"), _text("actor"), _needs("at", BigInteger),
    PrimaryKeyConstraint("account_id", "org", "role"),
    Index("ix_grant_org", "org", "account_id"),
)  # fmt: skip
"""A role that an account holds for an organisation."""

session = Table(
    "session", metadata,
    _id(), _text("token_hash"), _to("account_id", "account"), _text("how"),  # password | the provider's issuer
    _needs("at", BigInteger), _needs("seen_at", BigInteger), _needs("ends_at", BigInteger),
    UniqueConstraint("token_hash"), Index("ix_session_account", "account_id"), Index("ix_session_ends", "ends_at"),
)  # fmt: skip
"""Somebody who is signed in. The token itself stands in the cookie and nowhere else."""

draft = Table(
    "draft", metadata,
    _id(), _text("org"), _to("case_id", "case_"), _to("account_id", "account"),
    _text("result_id"), _text("content"),  # of the revision it was begun on
    _needs("body", LargeBinary),  # JSON: codes and texts as they were chosen
    _needs("at", BigInteger), _needs("seen_at", BigInteger),
    UniqueConstraint("org", "result_id", "account_id"), Index("ix_draft_case", "case_id"),
    Index("ix_draft_account", "account_id", "seen_at"),
)  # fmt: skip
"""What a clinician has chosen for a result and not signed yet. `seen_at`: when the page last said that it is open."""

signer = Table(
    "signer", metadata,
    _to("account_id", "account"), _text("org"), _text("document"), _text("actor"), _needs("at", BigInteger),
    PrimaryKeyConstraint("account_id", "org"),
)  # fmt: skip
"""How a clinician stands in an organisation's messages when he signs: JSON, of the type that the model gives `signed_by`."""

# --- operating --------------------------------------------------------------------------------------------------------------

proposal = Table(
    "proposal", metadata,
    _id(), _text("org"),
    _needs("act", LargeBinary),  # JSON: what is to be done, to which deliveries
    _text("reason"), _text("actor"),
    _text("state"),  # open | done | refused | withdrawn
    _text("second", server_default=""),  # who decided about it
    _needs("at", BigInteger), _needs("decided_at", BigInteger, server_default="0"),
    Index("ix_proposal_open", "org", "state", "id", **_where(IS_PROPOSED)), Index("ix_proposal_org", "org", "id"),
)  # fmt: skip
"""What an operator wants to do to more deliveries than one person may touch alone, until a second person decides."""

tally = Table(
    "tally", metadata,
    _text("org"), _needs("lane_id", BigInteger),  # 0: of the organisation as a whole
    _needs("slot", BigInteger),  # quarters of an hour since 1970
    _text("what"), _needs("within", BigInteger),  # `taken`: the upper limit of how long it took, in ms; else 0
    _needs("count", BigInteger),
    PrimaryKeyConstraint("org", "lane_id", "slot", "what", "within"),
)  # fmt: skip
"""How much happened when. Made of events and of nothing else, so that it can be made again: see `tally.py`."""

tallied = Table("tallied", metadata, Column("chain", String, primary_key=True), _needs("number", BigInteger))
"""Up to which event of each chain the tally goes."""

# --- changes of mappings ----------------------------------------------------------------------------------------------------

change = Table(
    "change", metadata,
    _id(), _text("environment"), _text("digest"),  # sha256 of what was put to us
    _text("proposer"), _text("because"), _text("base"), _text("revision"), _text("severity"),
    _needs("body", LargeBinary),  # the review as data without its hospitals, compressed
    _needs("at", BigInteger),
    _needs("pruned_at", BigInteger, server_default="0"),  # since when of the review only its rules are kept
)  # fmt: skip
"""A review that people are asked to approve, as `segwright propose` brought it. Never changed: another state is another
proposal. Long after it is done with only its rules are kept, for the history of what was approved."""

change_part = Table(
    "change_part", metadata,
    _id(), _to("change_id", "change"), _text("org"), _text("environment"),
    _text("group_", server_default=""), _text("severity", server_default=""), _needs("needs", Integer, server_default="0"),
    _text("binding", server_default=""),  # sha256 of the items; "" when nothing of it changes or nothing can be approved
    _text("items", server_default="{}"),  # JSON: the hash of each plan and of the policy
    _needs("body", LargeBinary),  # its places and its own files, compressed
    UniqueConstraint("change_id", "org"), Index("ix_change_part_org", "org", "environment", "change_id"),
)  # fmt: skip
"""An organisation that a proposal compared. `group_`: "" when nothing of it changes."""

verdict = Table(
    "verdict", metadata,
    _id(), _to("change_id", "change"), _text("org"), _text("environment"), _text("binding"),
    _text("kind"),  # approve | refuse
    _to("account_id", "account"), _text("account"), _text("because"),
    _text("line", server_default=""),  # of an approval: as locks hold it, signed by the server
    _needs("at", BigInteger),
    _needs("withdrawn_at", BigInteger, server_default="0"), _text("withdrawn", server_default=""),  # why
    _text("undone", server_default=""),  # the line that takes back what had been fetched before
    _needs("fetched_at", BigInteger, server_default="0"),
    Index("ix_verdict_org", "org", "environment", "binding"), Index("ix_verdict_change", "change_id"),
)  # fmt: skip
"""What a reviewer said of an organisation. It holds for what it is bound to, in whichever proposal that stands."""
