"""The manifest of a bundle: all that is not in a plan and that receiving, deciding, sending and acknowledging need.

Takes and gives nothing but data: `service.bundling` makes it of a checked org.yaml, `plan.bundle` writes and reads it. Refuses,
through `faults`, what each member may hold and all together may not; what a member may hold stands in its type. Times are whole
milliseconds. A member that is None (or empty) was left open by the organisation: what happens then is the engine's to say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from segwright.plan import canonical
from segwright.plan.canonical import hash_of
from segwright.plan.model import Model
from segwright.plan.ops import Encoding
from segwright.plan.validate_frame import encoding_problems

Gate: TypeAlias = Literal["yes", "no", "after sign-off"]
Orders: TypeAlias = tuple[Literal["new", "change", "cancel"], ...]
Batch: TypeAlias = Literal["batch", "file"]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=1)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Reference: TypeAlias = Annotated[str, Meta(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\x00-\x1f\\]+)$(?!\n)")]
"""Where a secret is kept: an environment variable or a file. Never the secret."""

OUTBOUND: Final = "outbound"
"""The destination of what the catalogue sends nowhere else."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message of the catalogue. `plan` is the hash of its plan.

    Reading: `orders` are those the organisation sends. Writing: `kinds` says of each kind of result, order status or charge
    whether it goes out, `to` names the destination, `unsolicited` whether results without an order go out, `message_per` what
    one message covers, `mandatory` the paths that the organisation refuses a message without.
    """

    name: Name
    direction: Literal["writes", "reads"]
    types: Annotated[tuple[Name, ...], Meta(min_length=1)]
    plan: str
    kinds: dict[str, Gate] = {}
    orders: Orders = ()
    to: str = ""
    unsolicited: bool = False
    message_per: Literal["order", "group"] = "order"
    mandatory: tuple[str, ...] = ()


class Identifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An application or facility as HD names it: local name, universal id and its type (MSH-3 to MSH-6)."""

    namespace: Name
    id: str = ""
    type: str = ""


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One end of the interface."""

    application: Identifier
    facility: Identifier


class Parties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who speaks to whom: a message to the organisation has `ours` in MSH-3 and MSH-4 and `theirs` in MSH-5 and MSH-6."""

    ours: Party
    theirs: Party


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """TLS of a connection. `identity`: our certificate and key; `trust`: whom we believe, "" for the usual authorities;
    `server_name`: the name in the other certificate, "" for the host."""

    identity: Reference
    trust: Reference | Literal[""] = ""
    server_name: str = ""


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where messages go by MLLP. Without `tls`, `plain_because` may say why; in production it must."""

    host: Name
    port: Annotated[int, Meta(ge=1, le=65535)]
    tls: Tls | None = None
    plain_because: str = ""


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the organisation's messages arrive: the name of a listener, whose address is the server's to know. `senders`: one of
    them stands in MSH-3 and MSH-4 of every message, and `Parties.ours` in MSH-5 and MSH-6; `clients`: certificates it may
    present, by SHA-256 fingerprint or name; `networks`: where it may come from (CIDR)."""

    name: Name
    senders: Annotated[tuple[Party, ...], Meta(min_length=1)]
    clients: tuple[Name, ...] = ()
    networks: tuple[Name, ...] = ()


class Intake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the organisation's messages are taken. `mllp`: how exactly it frames; `constant_ids`: its MSH-10 tells no message from
    another; `ignore_time`: two messages that differ only in MSH-7 are one; `largest`: bytes of a message."""

    mllp: Literal["strict", "tolerant"] | None = None
    constant_ids: bool = False
    ignore_time: bool = False
    largest: Annotated[int, Meta(ge=1)] | None = None


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The policy of sending. `first`, `most`, `during`: the wait before the second try, the longest wait, and when an operator
    must decide; `connect`, `write`: deadlines; `duplicate_refusal`: what the refusal of a repeat as a duplicate means;
    `unsent_final`: how a correction goes out when the final never left; `reuse_after`: when an order number may mean another
    order; `four_eyes_above`: how many messages one operator may send again alone."""

    when_uncertain: Literal["resend", "hold"]
    first: Milliseconds
    most: Milliseconds
    during: Milliseconds
    connect: Milliseconds | None = None
    write: Milliseconds | None = None
    messages_per_minute: Annotated[int, Meta(ge=1)] | None = None
    duplicate_refusal: Literal["delivered", "rejected"] | None = None
    unsent_final: Literal["as final", "as corrected"] | None = None
    reuse_after: Milliseconds | None = None
    four_eyes_above: Annotated[int, Meta(ge=0)] | None = None


Condition: TypeAlias = Literal["AL", "NE", "ER", "SU"]


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked of the receiver in MSH-15 and MSH-16 (table 0155), and waited for. `answer`: when a missing answer counts as
    unknown; `confirmation`, `confirmation_on`: when a missing application acknowledgement is reported, and on which
    connection it comes; `other_control_id`: answers whose MSA-2 is not our MSH-10 are taken, an exception it asked for."""

    accept: Condition
    application: Condition
    answer: Milliseconds
    confirmation: Milliseconds | None = None
    confirmation_on: Literal["same", "other"] | None = None
    other_control_id: bool = False


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A diagnosis that clinicians of the organisation may choose: its ICD-10-CM code with the dot, and its text. `synonyms`:
    other words by which it is found; `first`: whether it may be the main diagnosis, which stands first."""

    code: Name
    display: Name
    synonyms: tuple[Name, ...] = ()
    first: bool = True


class Suggestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A diagnosis that the organisation suggests for a finding. `finding`: its SNOMED CT code, "" for one that is known by its
    `name` alone; `code`: of the choices; `least`: the confidence, 0 to 1, from which on it is suggested, "" for any."""

    code: Name
    finding: str = ""
    name: str = ""
    least: Annotated[str, Meta(pattern=r"^((0(\.[0-9]{1,4})?|1(\.0{1,4})?))?$(?!\n)")] = ""


class Diagnoses(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The diagnoses for billing: which, how many a signed result carries, and which are suggested for what was found."""

    choices: tuple[Choice, ...]
    maximum: Annotated[int, Meta(ge=0)]
    minimum: Annotated[int, Meta(ge=0)] = 0
    suggestions: tuple[Suggestion, ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the engine must know of an organisation in an environment.

    `encoding`, `zone` and `processing_id` are those of messages to the organisation, also of acknowledgements; its charset is
    the one in which a message without MSH-18 is read. `batch`: messages go out in batches (BHS, BTS), or these in files (FHS,
    FTS); None is one by one. `diagnoses` is None where no diagnoses are sent.
    """

    organisation: Name
    name: Name
    environment: Name
    model: Model
    parties: Parties
    encoding: Encoding
    zone: Name
    processing_id: Literal["P", "T", "D"]
    catalogue: Annotated[tuple[Entry, ...], Meta(min_length=1)]
    destinations: dict[str, Destination]
    listener: Listener
    delivery: Delivery
    acknowledgement: Acknowledgement
    intake: Intake = Intake()
    batch: Batch | None = None
    diagnoses: Diagnoses | None = None
    format: int = 1

    @property
    def policy_hash(self) -> str:
        """sha256 of all that decides when, where, from whom and whether a message is taken or goes out: of everything but the
        data model and the plans. It is approved apart from the plans."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__ if name != "model"}
        plain["catalogue"] = tuple(msgspec.structs.replace(entry, plan="") for entry in self.catalogue)
        return hash_of(canonical.encode(plain))

    def destination(self, message: str) -> Destination:
        """Where a message goes. Raises KeyError for one that the catalogue does not write."""
        for entry in self.catalogue:
            if entry.name == message and entry.direction == "writes":
                return self.destinations[entry.to]
        raise KeyError(message)


def faults(manifest: Manifest) -> list[str]:
    """What its members may not say together, as plain sentences; none when the engine may rely on it."""
    return [
        *_catalogue(manifest),
        *_connections(manifest),
        *_policy(manifest),
        *(f"encoding: {fault}" for fault in encoding_problems(manifest.encoding)),
    ]


def _catalogue(manifest: Manifest) -> Iterator[str]:
    names = [entry.name for entry in manifest.catalogue]
    if len(set(names)) != len(names):
        yield "a message stands in the catalogue twice"
    taken = [type_ for entry in manifest.catalogue if entry.direction == "reads" for type_ in entry.types]
    if len(set(taken)) != len(taken):
        yield "a message type is read twice"
    for entry in manifest.catalogue:
        if entry.direction == "writes":
            if not entry.kinds or entry.orders or len(entry.types) != 1:
                yield f"{entry.name} writes: it has one type, kinds, and no orders"
            if entry.to not in manifest.destinations:
                yield f"{entry.name} goes to a destination that the manifest does not have"
        elif not entry.orders or entry.kinds or entry.to or entry.unsolicited or entry.mandatory:
            yield f"{entry.name} reads: it has orders, and nothing of what is written"


def _connections(manifest: Manifest) -> Iterator[str]:
    if OUTBOUND not in manifest.destinations:
        yield f"there is no destination `{OUTBOUND}`"
    production = manifest.environment == "production"
    if production != (manifest.processing_id == "P"):
        yield "processing id P belongs to production, and production to it"
    for name, destination in manifest.destinations.items():
        if destination.tls is not None and destination.plain_because:
            yield f"destination {name} has TLS and a reason why not"
        if production and destination.tls is None and not destination.plain_because:
            yield f"destination {name} of production has neither TLS nor a reason why not"
    for network in manifest.listener.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield "the listener names a network that is none"


def _policy(manifest: Manifest) -> Iterator[str]:
    delivery, diagnoses = manifest.delivery, manifest.diagnoses
    if not delivery.first <= delivery.most <= delivery.during:
        yield "the waits of delivery are not in order: first, most, during"
    if diagnoses is not None:
        if diagnoses.minimum > diagnoses.maximum:
            yield "fewer diagnoses are allowed than needed"
        if len({choice.code for choice in diagnoses.choices}) != len(diagnoses.choices):
            yield "a diagnosis stands among the choices twice"
        if not {suggestion.code for suggestion in diagnoses.suggestions} <= {
            choice.code for choice in diagnoses.choices
        }:
            yield "a diagnosis is suggested that is not among the choices"
        if not all(suggestion.finding or suggestion.name for suggestion in diagnoses.suggestions):
            yield "a diagnosis is suggested for no finding"
