"""What the ledger asks of an organisation's live bundle. The bundle itself, plans and rendering are above this floor.

`Hospital` is a protocol: the ledger decides when something is built, the hospital builds it.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Gate = Literal["yes", "after sign-off"]


class Owed(msgspec.Struct, frozen=True):
    """A message that the catalogue lets out for a kind. `per`: what one message covers; `plan`: the hash of the live
    plan."""

    message: str
    destination: str
    gate: Gate
    per: Literal["order", "group"]
    unsolicited: bool
    plan: str


class Policy(msgspec.Struct, frozen=True):
    """How an organisation wants deliveries to go. Times in ms; `reuse_after`: 0 for never."""

    when_uncertain: Literal["resend", "hold"]
    first: int
    most: int
    budget: int
    unsent_final: str | None = None
    duplicate_refusal: Literal["delivered", "rejected"] | None = None
    reuse_after: int = 0
    four_eyes_above: int | None = None
    awaits_application: bool = False
    application_within: int = 0
    per_minute: int = 0


class Material(msgspec.Struct, frozen=True):
    """What a message is made of, as stored JSON: the orders it answers, their patient, and its subject."""

    orders: tuple[bytes, ...]
    patient: bytes | None
    subject: bytes


class NotWritten(Exception):
    """There is no message. `problems` say why, without a patient's data."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class Hospital(Protocol):
    """One organisation in the environment of this ledger."""

    @property
    def org(self) -> str:
        """Its id."""

    @property
    def policy(self) -> Policy:
        """How deliveries go."""

    def owed(self, kind: str) -> tuple[Owed, ...]:
        """The messages that go out for a kind of result or of what happened to an order."""

    def address(self, destination: str) -> str:
        """The hash of where a destination is and of the credentials' references; "" when there is none of this name."""

    def control_id(self, now: int) -> str:
        """A new MSH-10."""

    def urgency(self, order: bytes) -> int:
        """How soon an order wants its result: 0 for what comes first. Without an order (b""), as one that does not say."""

    def critical(self, result: bytes) -> bool:
        """Whether a result has a value by its own flags that somebody must be told at once."""

    def write(self, plan: str, material: Material, sent_as: str, now: int, control_id: str) -> bytes:
        """The message, by the plan with this hash. Raises `NotWritten`."""
