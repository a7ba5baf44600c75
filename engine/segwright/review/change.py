"""The data of a review: what changes, how grave it is, and for whom.

A `Change` says nothing about a hospital: it is equal for all that change alike, which is how a fleet is grouped. Everything
here is frozen; `outputs`, `policies` and `rules` make changes, `grouping` gathers them, the reports show them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec


class Severity(StrEnum):
    """How grave a change is, by what it means in HL7; the gravest first."""

    IDENTITY = "identity"
    CLINICAL = "clinical"
    BILLING = "billing"
    DELIVERY = "delivery"
    STRUCTURE = "structure"
    COSMETIC = "cosmetic"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return _RANKS[self]


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}

TITLES: Final = {
    Severity.IDENTITY: "identity and routing",
    Severity.CLINICAL: "clinical",
    Severity.BILLING: "billing",
    Severity.DELIVERY: "gates and delivery",
    Severity.STRUCTURE: "structure",
    Severity.COSMETIC: "cosmetic",
}

Kind = Literal["added", "removed", "filled", "emptied", "changed", "form"]
"""added, removed: a segment, repetition, message or setting as a whole. filled, emptied: a value where nothing stood, or nothing
where one stood. form: the same values in other bytes."""

Cause = Literal["mapping", "engine"]
"""What moved the bytes: the workspace, or segwright and its libraries (the workspace of the base gives other bytes today than
those it locked)."""


class Change(msgspec.Struct, frozen=True):
    """One change of what a hospital gets, or of when and where it gets it.

    `view`: output (bytes of a message), read (what is understood of an order), policy (gates, destinations, …), plan (a rule that
    no case shows). `place`: an HL7 path without occurrences ("OBX-3.3"), an attribute ("order.placer_number"), a setting
    ("delivery.retry.first"). `why`: what the place means, by the rule that rated it. `repeats`: receivers and our own ledger tell
    repeats by this value, so that a result could be filed twice.
    """

    view: Literal["output", "read", "policy", "plan"]
    message: str
    place: str
    name: str
    kind: Kind
    before: str
    after: str
    severity: Severity
    why: str
    repeats: bool = False
    cause: Cause = "mapping"


class Seen(msgspec.Struct, frozen=True):
    """A change of one hospital, and where it shows: "final.ecg_result.hl7 OBX(2)-3.3", or an environment."""

    change: Change
    where: tuple[str, ...]


class Failure(msgspec.Struct, frozen=True):
    """A case that gave a message before and is refused now: every reason, in words."""

    case: str
    message: str
    reasons: tuple[str, ...]


class Case(msgspec.Struct, frozen=True):
    """A file that a case gives, before and after, for showing side by side. `before` or `after` is None where there was none."""

    file: str
    before: bytes | None
    after: bytes | None


class OrganisationReview(msgspec.Struct, frozen=True):
    """What changes for one hospital.

    `moved`: by environment, the messages whose plan is another ("policy" for the policy): what must be approved anew.
    `unshown`: messages whose plan moved though no case shows a difference. `recovered`: cases that were refused before.
    `lost`: what was covered by cases and is no longer. `unmapped`: values of the model that this hospital has no row for yet.
    `stale`: overrides whose base changed under them. `problems`: what could not be compared, and why.
    """

    name: str
    status: Literal["added", "removed", "changed", "broken"]
    seen: tuple[Seen, ...] = ()
    failures: tuple[Failure, ...] = ()
    recovered: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    moved: dict[str, tuple[str, ...]] = {}
    cases: tuple[Case, ...] = ()
    edited_cases: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change."""
        return tuple(each.change for each in self.seen)

    @property
    def severity(self) -> Severity | None:
        """The gravest of everything; None when nothing moved that a hospital could notice."""
        grave = [change.severity for change in self.changes]
        if self.failures:
            grave.append(Severity.CLINICAL)
        if self.status in ("added", "removed", "broken"):
            grave.append(Severity.IDENTITY)
        return min(grave, key=lambda severity: severity.rank, default=None)

    @property
    def moves(self) -> bool:
        """Whether anything that the hospital gets, or when it gets it, is otherwise."""
        return self.status != "changed" or any((self.seen, self.failures, self.recovered, self.moved))

    @property
    def silent(self) -> bool:
        """Whether there is nothing to say about it."""
        return not (self.moves or any((self.lost, self.unmapped, self.stale, self.edited_cases)))


class RuleChange(msgspec.Struct, frozen=True):
    """A rule that was added, removed or changed, in the file of one layer.

    `layer`: base, a profile, or an organisation. `within`: the mapping, overlay or declaration it stands in. `sentence`: what the
    rule does now, in English (of one that was removed: what it did). `before`, `after`: its canonical text.
    """

    kind: Literal["added", "removed", "changed"]
    layer: str
    within: str
    address: str
    before: str
    after: str
    sentence: str
    because: str
    place: str
    severity: Severity
    hospitals: int = 0
