"""What running a plan gives: a message or an order, and everything that stood against it.

All of it names operations by number (`plan.walk`), so that `plan.explain` can say where each was written. Nothing here but the
message itself, the records and the parts holds a value of the patient: facts are names, numbers, reasons and code points.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ProblemKind = Literal[
    "missing",
    "unmapped",
    "error_row",
    "invalid",
    "too_many",
    "check",
    "unencodable",
    "control",
    "null_text",
    "null",
    "repetition",
    "structure",
    "not_kept",
    "incomparable",
    "narrative",
    "type",
]


class Problem(msgspec.Struct, frozen=True):
    """One reason why there is no message (or no order).

    `turns`: where in loops it happened, the turn of each from the outermost. Kinds and their facts:
    missing (a required value) · unmapped (`table`: a key without row) · error_row (`table`) · invalid (`function`, `reason`: a
    built-in refused) · too_many (`most`, `found`) · check (`name`, `saying`) · unencodable (`characters`: code points that the
    charset lacks) · control (`reason`) · null_text (a text of two quotes, which a receiver would take for "delete") · null (HL7
    null where a conversion needs a value) · repetition (a field repeats and the rule reads one) · structure (`reason`: a field
    does not have the form that is read, or cannot be written in these delimiters) · not_kept (`segment`: the segment to echo
    never came) · incomparable (`reason`) · narrative (`reason`) · type (`wanted`, `found`: the plan and
    the value do not fit; a fault of the compiler or of whoever gave the value, never of what people write).
    """

    op: int
    kind: ProblemKind
    facts: dict[str, str] = {}
    turns: tuple[int, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """Something that was left out as the plan says: `dropped` (`kept`, `found`: elements beyond `first N`), `no_group`
    (`segment`, `position`: a segment that should head a group heads none)."""

    op: int
    kind: Literal["dropped", "no_group"]
    facts: dict[str, str] = {}
    turns: tuple[int, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One operation as it was evaluated. `kind` is its tag in the plan; `gives` says what came out ("missing", "null", "text",
    "true", …), never the value; `detail` holds what was decided: `rung` or `alternative` taken (from 1; 0 for none), `table` and
    `row` (from 0, or "otherwise", "unmapped", "same"), `function`, `refused` (why a built-in did, where `on invalid` says what
    then), `written`, `elements` (turns of a loop), `element` (the first that fits, from 1). `segment`: how many segments stood
    before the one being written or read, -1 outside of one. `turns`: where in loops, as in `Problem`."""

    op: int
    kind: str
    gives: str
    segment: int
    detail: dict[str, str | int] = {}
    turns: tuple[int, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """A writing plan as it ran. The texts of `parts` make up the message; each belongs to the operation before it. With problems
    there is no message: `parts` and `data` are empty."""

    parts: tuple[tuple[int, str], ...]
    data: bytes
    problems: tuple[Problem, ...]
    notes: tuple[Note, ...]
    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        """The message."""
        return "".join(text for _, text in self.parts)

    def op_at(self, place: int) -> int:
        """The operation that wrote the character at `place` (from 0) of `text`. Raises IndexError beyond the end."""
        end = 0
        for op, text in self.parts:
            end += len(text)
            if 0 <= place < end:
                return op
        raise IndexError("there is no such character")


class Reject(msgspec.Struct, frozen=True):
    """A rule of the mapping that refuses the message: the answer's code, the rule's name and its sentence."""

    op: int
    code: Literal["AE", "AR"]
    name: str
    saying: str
    turns: tuple[int, ...] = ()


class Intake(msgspec.Struct, frozen=True):
    """A reading plan as it ran. `records`: what the message holds once, by name; `groups`: what it holds in groups, named
    `group` ("" when the plan has none), those under one `under` segment together. Good only without problems and rejects."""

    records: dict[str, tuple[Any, ...]]
    group: str
    groups: tuple[tuple[tuple[Any, ...], ...], ...]
    problems: tuple[Problem, ...] = ()
    rejects: tuple[Reject, ...] = ()
    notes: tuple[Note, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing stands against the message."""
        return not self.problems and not self.rejects
