"""The syntax tree: what a `.seg` file says, nothing resolved.

`lang.parse` makes it, `lang.printer` writes it back, `lang.flatten` joins layers of it. Every node carries its span; equality
of two trees ignores nothing, so compare with `lang.printer` where layout must not count. Names follow language.md.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from segwright.core.source import NOWHERE, Span


class Node(msgspec.Struct, frozen=True, tag=True, tag_field="n", kw_only=False):
    """Base of all nodes; concrete nodes end with their span."""


# --- names of places -------------------------------------------------------------------------------------------------


class Hl7Path(Node, frozen=True):
    """`OBR-16[npi].9.1`, or `PID-3`, as written. `component`/`subcomponent` are 0 when not named, `repetition` "" likewise."""

    segment: str
    field: int
    repetition: str = ""
    component: int = 0
    subcomponent: int = 0
    span: Span = NOWHERE

    def __str__(self) -> str:
        text = f"{self.segment}-{self.field}"
        if self.repetition:
            text += f"[{self.repetition}]"
        if self.component:
            text += f".{self.component}"
        if self.subcomponent:
            text += f".{self.subcomponent}"
        return text


class ComponentPath(Node, frozen=True):
    """`.9.1` inside a format, `where` or `having`."""

    component: int
    subcomponent: int = 0
    span: Span = NOWHERE

    def __str__(self) -> str:
        return f".{self.component}" + (f".{self.subcomponent}" if self.subcomponent else "")


class Ref(Node, frozen=True):
    """A dotted name: `order.placer_number`, `org.times.zone`, `m`, an enum value or a bare word such as `second`."""

    names: tuple[str, ...]
    span: Span = NOWHERE

    def __str__(self) -> str:
        return ".".join(self.names)


class TypeRef(Node, frozen=True):
    """A type as written. `form` is `name` (built-in or declared), `list` or `optional`; the latter two have `of`."""

    form: Literal["name", "list", "optional"]
    name: str = ""
    of: TypeRef | None = None
    span: Span = NOWHERE

    def __str__(self) -> str:
        if self.of is None:
            return self.name
        return ("list of " if self.form == "list" else "optional ") + str(self.of)


# --- values ----------------------------------------------------------------------------------------------------------


class Text(Node, frozen=True):
    """`"text"` without interpolation; `value` has `""` already turned into one quote."""

    value: str
    span: Span = NOWHERE


class Interpolation(Node, frozen=True):
    """`"{order.number} of {result.study}"`: literal texts and values in turn."""

    parts: tuple[Value, ...]
    span: Span = NOWHERE


class Number(Node, frozen=True):
    """A decimal or integer literal by its digits."""

    digits: str
    span: Span = NOWHERE


class Blank(Node, frozen=True):
    """`blank`: nothing is sent."""

    span: Span = NOWHERE


class Hold(Node, frozen=True):
    """`hold`: an empty repetition that keeps its place."""

    span: Span = NOWHERE


class Null(Node, frozen=True):
    """`null`: HL7 `""`."""

    span: Span = NOWHERE


class Place(Node, frozen=True):
    """`position`: the turn of the innermost loop, from 1."""

    span: Span = NOWHERE


class Inherited(Node, frozen=True):
    """`inherited`: in an overlay, the value of the layer below."""

    span: Span = NOWHERE


class Count(Node, frozen=True):
    """`count OBX since OBR from 3`: segments of that name actually written, this one included."""

    segment: str
    since: str = ""
    start: int = 1
    span: Span = NOWHERE


class Argument(Node, frozen=True):
    """One argument; `name` is "" for a positional one."""

    name: str
    value: Value
    span: Span = NOWHERE


class Call(Node, frozen=True):
    """`join(", ", names)`, `age(patient.born, at: T)`, or a lookup `ranges.high(m.kind, patient.sex)`."""

    name: Ref
    arguments: tuple[Argument, ...]
    span: Span = NOWHERE


class TextCall(Node, frozen=True):
    """`text report(result)`: the narrative of a declared text."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span = NOWHERE


class Keep(Node, frozen=True):
    """`keep PV1, IN1, ZXX`: whole received segments (reading)."""

    segments: tuple[str, ...]
    span: Span = NOWHERE


class Selection(Node, frozen=True):
    """Which elements of a list and in what order: `L where C ordered by V`. `source` is a value or a repeating field."""

    source: Value
    where: Condition | None = None
    ordered_by: Value | None = None
    having: ComponentPath | None = None
    span: Span = NOWHERE


class Each(Node, frozen=True):
    """`each x in L …` (writing) or `each PID-3 …` (reading, variable "")."""

    variable: str
    of: Selection
    span: Span = NOWHERE


class First(Node, frozen=True):
    """`first x in L …` or `first PID-3 …`."""

    variable: str
    of: Selection
    span: Span = NOWHERE


class As(Node, frozen=True):
    """`value as format(arguments) on invalid V`."""

    value: Value
    format: str
    arguments: tuple[Argument, ...] = ()
    on_invalid: Value | None = None
    span: Span = NOWHERE
    format_span: Span = NOWHERE


class Via(Node, frozen=True):
    """`value via table.column on unmapped V`; `on_unmapped` may be `Ref(("same",))`."""

    value: Value
    table: Ref
    on_unmapped: Value | None = None
    span: Span = NOWHERE


class Else(Node, frozen=True):
    """`value else other`: `other` when `value` is missing."""

    value: Value
    other: Value
    span: Span = NOWHERE


class Composite(Node, frozen=True):
    """`"A" ^ blank ^ x`: the components of one repetition."""

    parts: tuple[Value, ...]
    span: Span = NOWHERE


class Ladder(Node, frozen=True):
    """Alternatives as one value; made by `lang.flatten` where `inherited` stands for a ladder, never by the parser."""

    alternatives: tuple[Alternative, ...]
    span: Span = NOWHERE


# --- conditions ------------------------------------------------------------------------------------------------------


class AnyOf(Node, frozen=True):
    """`a or b`."""

    conditions: tuple[Condition, ...]
    span: Span = NOWHERE


class AllOf(Node, frozen=True):
    """`a and b`."""

    conditions: tuple[Condition, ...]
    span: Span = NOWHERE


class Not(Node, frozen=True):
    """`not a`."""

    condition: Condition
    span: Span = NOWHERE


class Is(Node, frozen=True):
    """`a is b`, `a is not b`."""

    left: Value
    right: Value
    negated: bool = False
    span: Span = NOWHERE


class State(Node, frozen=True):
    """`a is present`, `a is missing`, `a is null`, `a is changed`, `position is first`, `position is last`, each with `not`."""

    value: Value
    state: Literal["present", "missing", "null", "changed", "first", "last"]
    negated: bool = False
    span: Span = NOWHERE


class Compare(Node, frozen=True):
    """`a is above|below|at least|at most b`."""

    left: Value
    operator: Literal["above", "below", "at least", "at most"]
    right: Value
    span: Span = NOWHERE


class Between(Node, frozen=True):
    """`a is between low and high`, both included."""

    value: Value
    low: Value
    high: Value
    span: Span = NOWHERE


class In(Node, frozen=True):
    """`a in org.list`, `a not in ["x", "y"]`; `members` is a tuple for the written-out form."""

    value: Value
    members: tuple[Value, ...]
    listed: bool
    negated: bool = False
    span: Span = NOWHERE


class Matches(Node, frozen=True):
    """`a matches "[0-9]{8}"` or a path to a pattern."""

    value: Value
    pattern: Value
    span: Span = NOWHERE


class Holds(Node, frozen=True):
    """A boolean value used as a condition."""

    value: Value
    span: Span = NOWHERE


class InheritedCondition(Node, frozen=True):
    """`inherited` inside `override loop … where inherited and …`."""

    span: Span = NOWHERE


Value: TypeAlias = (
    Text
    | Interpolation
    | Number
    | Blank
    | Hold
    | Null
    | Place
    | Inherited
    | Count
    | Call
    | TextCall
    | Keep
    | Each
    | First
    | As
    | Via
    | Else
    | Composite
    | Ladder
    | Ref
    | Hl7Path
    | ComponentPath
)
Condition: TypeAlias = AnyOf | AllOf | Not | Is | State | Compare | Between | In | Matches | Holds | InheritedCondition

# --- rules -----------------------------------------------------------------------------------------------------------


class Duty(Node, frozen=True):
    """`required`, `required if C`, `optional`. `kind` "" when the rule says nothing."""

    kind: Literal["", "required", "optional"] = ""
    condition: Condition | None = None
    span: Span = NOWHERE


class Alternative(Node, frozen=True):
    """One rung: a value, its duty and when it applies. `otherwise` marks the rung that always does."""

    value: Value
    duty: Duty = Duty()
    when: Condition | None = None
    otherwise: bool = False
    span: Span = NOWHERE


Target: TypeAlias = Hl7Path | ComponentPath | Ref


class Rule(Node, frozen=True):
    """`TARGET = VALUE …`. In a segment the target is an `Hl7Path`, in a format that writes a `ComponentPath`, when reading a `Ref`."""

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

# --- declarations ----------------------------------------------------------------------------------------------------


class Parameter(Node, frozen=True):
    """`name: Type` of a mapping, part, format or text."""

    name: str
    type: TypeRef
    span: Span = NOWHERE


class FieldDecl(Node, frozen=True):
    """`name: Type` in a record."""

    name: str
    type: TypeRef
    span: Span = NOWHERE
    doc: str = ""


class Record(Node, frozen=True):
    """`record R … end`."""

    name: str
    fields: tuple[FieldDecl, ...]
    span: Span = NOWHERE
    doc: str = ""


class EnumValue(Node, frozen=True):
    """One value of an enum."""

    name: str
    span: Span = NOWHERE
    doc: str = ""


class Enum(Node, frozen=True):
    """`enum E … end`."""

    name: str
    values: tuple[EnumValue, ...]
    span: Span = NOWHERE
    doc: str = ""


class Column(Node, frozen=True):
    """A column of a table: `code: CWE`, `places: integer`, `HL7 0123`. `name` is "" for the only, unnamed column.

    `type` is a type name or an HL7 data type; `hl7_table` is "0123" for a column whose cells are codes of that table.
    """

    name: str
    type: str
    hl7_table: str = ""
    span: Span = NOWHERE


class Cell(Node, frozen=True):
    """One cell: constants joined by `^`, or one of the words `same`, `error`. `parts` hold Text, Number, Blank or Ref."""

    parts: tuple[Value, ...] = ()
    word: Literal["", "same", "error"] = ""
    span: Span = NOWHERE


class Row(Node, frozen=True):
    """One row. `arrow` is `->`, `<-` or `<->`; `otherwise` rows have no keys; `change` is the overlay word in front."""

    keys: tuple[Value, ...]
    arrow: Literal["->", "<-", "<->"]
    cells: tuple[Cell, ...]
    otherwise: bool = False
    change: Literal["", "add", "remove"] = ""
    span: Span = NOWHERE
    doc: str = ""


class TableFile(Node, frozen=True):
    """`from "x.csv"` (beside the declaring file) or `from org "x.csv"` (in the organisation's folder)."""

    name: str
    organisation: bool
    span: Span = NOWHERE


class Table(Node, frozen=True):
    """`table t: K[, K] -> COL, COL [from "x.csv"] … end`. `keys` are type names."""

    name: str
    keys: tuple[TypeRef, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...] = ()
    file: TableFile | None = None
    span: Span = NOWHERE
    doc: str = ""


class FormatRule(Node, frozen=True):
    """A line of a declared format: `.1 = p.npi required` (writes) or `p.npi = .1 when …` (reads); `change` in overlays."""

    target: ComponentPath | Ref
    alternatives: tuple[Alternative, ...]
    change: Literal["", "add", "override", "remove"] = ""
    because: str = ""
    span: Span = NOWHERE
    doc: str = ""


class Format(Node, frozen=True):
    """`format f(p: R) as T … end` (direction `as`) or `format f(p: R) from T … end` (direction `from`)."""

    name: str
    parameter: Parameter
    direction: Literal["as", "from"]
    type: str
    rules: tuple[FormatRule, ...]
    span: Span = NOWHERE
    doc: str = ""


class Part(Node, frozen=True):
    """`part p(m: Measurement) … end`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    span: Span = NOWHERE
    doc: str = ""


class NarrativeLine(Node, frozen=True):
    """One raw line of a text block; `change` in overlays."""

    text: str
    change: Literal["", "add", "remove"] = ""
    span: Span = NOWHERE


class Narrative(Node, frozen=True):
    """`text report(r: Result) … end`: Jinja source, checked against a subset by the compiler."""

    name: str
    parameter: Parameter | None
    lines: tuple[NarrativeLine, ...]
    span: Span = NOWHERE
    doc: str = ""


class Mapping(Node, frozen=True):
    """`mapping NAME writes T from …` or `mapping NAME reads T, T`. `messages` are "ORU^R01" texts."""

    name: str
    direction: Literal["writes", "reads"]
    messages: tuple[str, ...]
    inputs: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    span: Span = NOWHERE
    doc: str = ""


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
