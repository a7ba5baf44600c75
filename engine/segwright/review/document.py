"""A review as data, for programs and pages: what `diff --format json` writes. docs/review.schema.json is made of this.

Format 1: members are added, never renamed or given another meaning. Bytes are text in Latin-1, a character for each byte.
`side_by_side.rows` lays the bytes of a case out, field by field, for whoever draws them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from segwright.review.change import Cause, Kind, RuleChange, Severity

FORMAT: Final = 1


class DocumentRefused(Exception):
    """A text that is no review as data. Its text says why."""


class ShownChange(msgspec.Struct, frozen=True):
    """A change at one place, equal for all hospitals of its group."""

    view: Annotated[
        Literal["output", "read", "policy", "plan"],
        Meta(description="Bytes of a message; what is understood of an order; settings; a rule that no case shows."),
    ]
    message: Annotated[str, Meta(description="The message of the catalogue; empty for a setting.")]
    place: Annotated[str, Meta(description="An HL7 path without occurrences, an attribute of an order, or a setting.")]
    name: Annotated[str, Meta(description="What HL7 calls the place; empty where it has no name.")]
    title: Annotated[str, Meta(description="The place under its name, as people are shown it.")]
    said: Annotated[str, Meta(description="What happened to it, in words.")]
    kind: Annotated[Kind, Meta(description="`form`: the same values in other bytes.")]
    before: Annotated[str, Meta(description="The value before; a whole segment for one that is gone.")]
    after: Annotated[str, Meta(description="The value now; a whole segment for one that is new.")]
    severity: Annotated[Severity, Meta(description="By what the place means.")]
    why: Annotated[str, Meta(description="What the place means, by the rule that rated it.")]
    repeats: Annotated[bool, Meta(description="Receivers tell repeats by it: a result could be filed twice.")]
    cause: Annotated[Cause, Meta(description="`engine`: segwright or a library moved it, not the workspace.")]
    where: Annotated[tuple[str, ...], Meta(description="File and path in each case of the group's first hospital.")]


class ShownFailure(msgspec.Struct, frozen=True):
    """A case that gave a message before and is refused now."""

    case: Annotated[str, Meta(description="The name of the case.")]
    message: Annotated[str, Meta(description="The message of the catalogue.")]
    reasons: Annotated[tuple[str, ...], Meta(description="Every reason, in words.")]


class ShownCase(msgspec.Struct, frozen=True):
    """A file that a case gives, before and after."""

    file: Annotated[str, Meta(description="CASE.MESSAGE.hl7, .json for what is read, .txt for a refusal.")]
    before: Annotated[str | None, Meta(description="Its bytes before; null where there was none.")]
    after: Annotated[str | None, Meta(description="Its bytes now; null where there is none.")]


class ShownGroup(msgspec.Struct, frozen=True):
    """Hospitals for which everything that changes is equal. Places and bytes are those of the first of them."""

    id: Annotated[str, Meta(description="Made of what changes: the same changes have the same name everywhere.")]
    organisations: Annotated[tuple[str, ...], Meta(description="Their names.")]
    severity: Annotated[Severity | None, Meta(description="The gravest; null when no byte and no setting moves.")]
    status: Annotated[
        Literal["added", "removed", "changed", "broken"], Meta(description="`broken`: it compiles no more.")
    ]
    status_said: Annotated[str, Meta(description="The status in words; empty for `changed`.")]
    moved: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="By environment what must be approved anew: messages, and `policy`."),
    ]
    changes: Annotated[tuple[ShownChange, ...], Meta(description="The gravest first.")]
    failures: Annotated[tuple[ShownFailure, ...], Meta(description="What went out before and is refused now.")]
    recovered: Annotated[tuple[str, ...], Meta(description="Cases that were refused before.")]
    lost: Annotated[tuple[str, ...], Meta(description="What cases covered before and cover no longer.")]
    unmapped: Annotated[tuple[str, ...], Meta(description="New values of the model that no table has a row for yet.")]
    stale: Annotated[tuple[str, ...], Meta(description="Overrides whose base changed under them.")]
    edited_cases: Annotated[tuple[str, ...], Meta(description="Cases that put in something else than before.")]
    cases: Annotated[tuple[ShownCase, ...], Meta(description="Every file that differs.")]


class ValueLine(msgspec.Struct, frozen=True):
    """One value of a place, and the hospitals that get it."""

    before: Annotated[str, Meta(description="The value before.")]
    after: Annotated[str, Meta(description="The value now.")]
    said: Annotated[str, Meta(description="What happened, in words.")]
    organisations: Annotated[tuple[str, ...], Meta(description="Their names.")]


class FleetLine(msgspec.Struct, frozen=True):
    """One place across the fleet."""

    message: Annotated[str, Meta(description="The message of the catalogue; empty for a setting.")]
    place: Annotated[str, Meta(description="As in a change.")]
    title: Annotated[str, Meta(description="The place under its name.")]
    said: Annotated[str, Meta(description="What happened at it to all of them, in words.")]
    kind: Annotated[Kind, Meta(description="As in a change.")]
    severity: Annotated[Severity, Meta(description="As in a change.")]
    repeats: Annotated[bool, Meta(description="As in a change.")]
    cause: Annotated[Cause, Meta(description="As in a change.")]
    values: Annotated[tuple[ValueLine, ...], Meta(description="By value, the widest first.")]


class Binding(msgspec.Struct, frozen=True):
    """What an approval of one hospital in one environment is bound to."""

    items: Annotated[
        dict[str, str], Meta(description="The hash of each plan (`plan:MESSAGE`) and of the policy (`policy`), as they are now.")
    ]  # fmt: skip
    moved: Annotated[tuple[str, ...], Meta(description="Those of them that are others than at the base.")]
    needs: Annotated[int, Meta(description="How many people must approve, by review.yaml.")]


class Hospital(msgspec.Struct, frozen=True):
    """One hospital that changes."""

    name: Annotated[str, Meta(description="Its name.")]
    group: Annotated[str, Meta(description="The group it is in.")]
    severity: Annotated[Severity | None, Meta(description="The gravest change.")]
    where: Annotated[
        tuple[tuple[str, ...], ...],
        Meta(description="For each change of its group, file and path in each of its own cases."),
    ]
    environments: Annotated[
        dict[str, Binding], Meta(description="By environment; empty for one that is gone or does not compile.")
    ]


class Document(msgspec.Struct, frozen=True):
    """What changes between two states of a workspace, for whom, how grave it is, and what approving it is bound to."""

    format: Annotated[int, Meta(description="1.")]
    engine: Annotated[str, Meta(description="The version of segwright that compared.")]
    base: Annotated[str, Meta(description="What people call the state before.")]
    revision: Annotated[str, Meta(description="The commit that the state now is of; empty when it is not committed.")]
    changed: Annotated[bool, Meta(description="Whether anything differs that somebody must look at.")]
    headline: Annotated[str, Meta(description="All of it in one sentence.")]
    severity: Annotated[Severity | None, Meta(description="The gravest of all.")]
    severities: Annotated[dict[str, str], Meta(description="What each severity is called, the gravest first.")]
    total: Annotated[int, Meta(description="Hospitals that were compared.")]
    untouched: Annotated[int, Meta(description="Hospitals for which nothing moves.")]
    fleet: Annotated[tuple[FleetLine, ...], Meta(description="The fleet view: the gravest and widest first.")]
    groups: Annotated[tuple[ShownGroup, ...], Meta(description="The output view: who changes alike.")]
    rules: Annotated[tuple[RuleChange, ...], Meta(description="The rules view: added, removed, changed, by layer.")]
    hospitals: Annotated[tuple[Hospital, ...], Meta(description="Every hospital that changes.")]
    problems: Annotated[tuple[str, ...], Meta(description="Why some could not be compared.")]
    notes: Annotated[tuple[str, ...], Meta(description="What must be known to read the rest.")]
    fields: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="By version of HL7 what each field of the cases is called: `OBX-3`, `Observation Identifier`."
        ),
    ] = {}
    compared: Annotated[tuple[str, ...], Meta(description="The names of all hospitals that were compared.")] = ()
    approvers: Annotated[
        dict[str, int], Meta(description="By severity how many people must approve, by review.yaml.")
    ] = {}

    def called(self, version: str, segment: str, number: int) -> str:
        """What HL7 calls a field, as `side_by_side.rows` asks; "" where it has no name."""
        return self.fields.get(version, {}).get(f"{segment}-{number}", "")


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A review that people are asked to approve: what `segwright propose` puts to a server."""

    format: Annotated[int, Meta(description="1.")]
    environment: Annotated[str, Meta(description="Where it is to run.", pattern=r"^[a-z][a-z0-9_]{0,60}$")]
    because: Annotated[str, Meta(description="What it is for, in words.", min_length=3, max_length=2000)]
    review: Annotated[Document, Meta(description="What changes.")]
    cases: Annotated[
        dict[str, tuple[ShownCase, ...]],
        Meta(
            description="The files that differ of every hospital but the first of its group, so that each is shown its own."
        ),
    ] = {}


def decoded(text: str | bytes) -> Document:
    """A document from its text. Raises `DocumentRefused`."""
    try:
        found = msgspec.json.decode(text, type=Document)
    except (msgspec.DecodeError, ValueError) as error:
        raise DocumentRefused(f"it is no review as `segwright diff --format json` writes it: {error}") from None
    if found.format != FORMAT:
        raise DocumentRefused(f"it is of format {found.format}; this engine reads {FORMAT}")
    return found


def decoded_proposal(text: bytes) -> Proposal:
    """A proposal from its text. Raises `DocumentRefused`."""
    try:
        found = msgspec.json.decode(text, type=Proposal)
    except (msgspec.DecodeError, ValueError) as error:
        raise DocumentRefused(f"it is no proposal as `segwright propose` makes it: {error}") from None
    if found.format != FORMAT or found.review.format != FORMAT:
        raise DocumentRefused(f"it is of another format than {FORMAT}, which this engine reads")
    return found


def schema() -> str:
    """The JSON Schema of a document."""
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `segwright diff --format json` writes",
        **msgspec.json.schema(Document),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
