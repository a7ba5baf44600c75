"""Rules, segments, loops and the other statements of a mapping."""

from __future__ import annotations

from typing import Literal, TypeAlias

from segwright.core.source import NOWHERE, Span
from segwright.lang.ast.values import (
    Alternative,
    Argument,
    ComponentPath,
    Condition,
    Hl7Path,
    Node,
    Ref,
    Selection,
    Value,
)

# --- rules -----------------------------------------------------------------------------------------------------------


Target: TypeAlias = Hl7Path | ComponentPath | Ref


class Rule(Node, frozen=True):
    """`TARGET = VALUE …`. The target: an `Hl7Path` in a segment, a `ComponentPath` in a format that writes, else a `Ref`."""

    target: Target
    alternatives: tuple[Alternative, ...]
    because: str = ""
    span: Span = NOWHERE
    doc: str = ""


class Let(Node, frozen=True):
    """`let n = V`."""

    name: str
    value: Value
    span: Span = NOWHERE


class Segment(Node, frozen=True):
    """`segment SEG [label] [from P] [optional] [when C]` and its rules."""

    name: str
    label: str = ""
    echo: Ref | None = None
    optional: bool = False
    when: Condition | None = None
    rules: tuple[Rule | Let, ...] = ()
    span: Span = NOWHERE
    doc: str = ""


class Limit(Node, frozen=True):
    """`at most N` (more is refused) or `first N` (the rest is dropped and recorded)."""

    kind: Literal["at most", "first"]
    count: Value
    span: Span = NOWHERE


class Loop(Node, frozen=True):
    """`for each x in L [at most N] [named n] [when C] … end`. `name` is given or taken from the list."""

    variable: str
    of: Selection
    body: tuple[Statement, ...]
    limit: Limit | None = None
    name: str = ""
    when: Condition | None = None
    span: Span = NOWHERE
    doc: str = ""


class Group(Node, frozen=True):
    """`for each order group from OBR under ORC … end` (reading)."""

    target: Ref
    segment: str
    under: str
    body: tuple[Statement, ...]
    span: Span = NOWHERE
    doc: str = ""


class Use(Node, frozen=True):
    """`use part(arguments)`."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span = NOWHERE


class Check(Node, frozen=True):
    """`check NAME that C else "…"`."""

    name: str
    condition: Condition
    saying: str
    span: Span = NOWHERE


class Reject(Node, frozen=True):
    """`reject AE NAME when C saying "…"`."""

    code: str
    name: str
    condition: Condition
    saying: str
    span: Span = NOWHERE


class Address(Node, frozen=True):
    """What an overlay operation or `allow` points at.

    `kind` rule: `target` with an optional segment `label`; segment: `name` is the segment name with an optional `label`, or
    the label alone; loop, table, format, text, part, check, reject: `name`; message: the whole message.
    """

    kind: Literal["rule", "segment", "loop", "table", "format", "text", "part", "check", "reject", "message"]
    name: str = ""
    label: str = ""
    target: Hl7Path | Ref | None = None
    span: Span = NOWHERE

    def __str__(self) -> str:
        if self.kind == "rule":
            return f"{self.label} {self.target}".strip()
        if self.kind == "message":
            return "message"
        return " ".join(word for word in (self.kind, self.name, self.label) if word)


class Allow(Node, frozen=True):
    """`allow SW0403 on DG1 because "…"`."""

    code: str
    on: Address
    because: str
    span: Span = NOWHERE


Statement: TypeAlias = Segment | Rule | Let | Loop | Group | Use | Check | Reject | Allow
