"""Overlay operations, and the file that holds everything."""

from __future__ import annotations

from typing import Literal, TypeAlias

from segwright.core.source import NOWHERE, Span
from segwright.lang.ast.declarations import (
    Enum,
    Format,
    FormatRule,
    Mapping,
    Narrative,
    NarrativeLine,
    Part,
    Record,
    Row,
    Table,
)
from segwright.lang.ast.statements import Address, Allow, Check, Limit, Loop, Reject, Segment
from segwright.lang.ast.values import Alternative, Condition, Node, Value

# --- overlays --------------------------------------------------------------------------------------------------------


class Anchor(Node, frozen=True):
    """`after A`, `before A`, `at end of A`; `each`/`all` when A stands in a loop."""

    where: Literal["after", "before", "end"]
    place: Address
    spread: Literal["", "each", "all"] = ""
    span: Span = NOWHERE


class OverrideRule(Node, frozen=True):
    """`override [label] TARGET = …`."""

    address: Address
    alternatives: tuple[Alternative, ...]
    because: str = ""
    span: Span = NOWHERE
    doc: str = ""


class AddRule(Node, frozen=True):
    """`add [label] TARGET = … [before|after [name]]`."""

    address: Address
    alternatives: tuple[Alternative, ...]
    beside: str = ""
    before: bool = False
    because: str = ""
    span: Span = NOWHERE
    doc: str = ""


class Remove(Node, frozen=True):
    """`remove measurement OBX-6, OBX-8`, `remove segment X`, `remove loop x`, `remove check|reject NAME`."""

    addresses: tuple[Address, ...]
    because: str = ""
    span: Span = NOWHERE


class Replace(Node, frozen=True):
    """`replace segment|loop|table N … end` with a whole new block."""

    address: Address
    body: Segment | Loop | Table
    because: str = ""
    span: Span = NOWHERE


class OverrideSegment(Node, frozen=True):
    """`override segment N when C`."""

    address: Address
    when: Condition
    because: str = ""
    span: Span = NOWHERE


class OverrideLoop(Node, frozen=True):
    """`override loop N [where …] [ordered by V] [at most V|first V]`."""

    address: Address
    where: Condition | None = None
    ordered_by: Value | None = None
    limit: Limit | None = None
    because: str = ""
    span: Span = NOWHERE


class Move(Node, frozen=True):
    """`move segment|loop N after|before|at end of A`."""

    address: Address
    anchor: Anchor
    because: str = ""
    span: Span = NOWHERE


class AddBlock(Node, frozen=True):
    """`add segment … after A [each|all] …` or `add loop for each … after A … end`."""

    block: Segment | Loop
    anchor: Anchor
    because: str = ""
    span: Span = NOWHERE


class AddCheck(Node, frozen=True):
    """`add check …`, `add reject …`."""

    check: Check | Reject
    because: str = ""
    span: Span = NOWHERE


class OverrideTable(Node, frozen=True):
    """`override table t … end`: rows given replace theirs; `add`/`remove` a row."""

    name: str
    rows: tuple[Row, ...]
    because: str = ""
    span: Span = NOWHERE


class OverrideFormat(Node, frozen=True):
    """`override format f … end`."""

    name: str
    rules: tuple[FormatRule, ...]
    because: str = ""
    span: Span = NOWHERE


class OverrideText(Node, frozen=True):
    """`override text t … end`: the lines replace the text, or are added/removed one by one."""

    name: str
    lines: tuple[NarrativeLine, ...]
    because: str = ""
    span: Span = NOWHERE


class OverridePart(Node, frozen=True):
    """`override part p … end`: overlay operations inside the part."""

    name: str
    operations: tuple[Operation, ...]
    because: str = ""
    span: Span = NOWHERE


Operation: TypeAlias = (
    OverrideRule
    | AddRule
    | Remove
    | Replace
    | OverrideSegment
    | OverrideLoop
    | Move
    | AddBlock
    | AddCheck
    | OverrideTable
    | OverrideFormat
    | OverrideText
    | OverridePart
    | Allow
)


class Overlay(Node, frozen=True):
    """`overlay NAME` and its operations; `for reason "…" … end` is already written onto each (`because`).

    The reserved name `organisation` means all messages of the organisation, both directions.
    """

    name: str
    operations: tuple[Operation, ...]
    span: Span = NOWHERE
    doc: str = ""


Declaration: TypeAlias = Record | Enum | Table | Format | Part | Narrative


class Comment(Node, frozen=True):
    """`# …` kept for the formatter. `own_line` tells a comment line from one behind code."""

    text: str
    own_line: bool
    span: Span = NOWHERE


class File(Node, frozen=True):
    """One parsed file: at most one of `mapping` and `overlay`, any declarations, and the comments."""

    name: str
    mapping: Mapping | None
    overlay: Overlay | None
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = ()
    span: Span = NOWHERE
