"""Names of places, values and conditions."""

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
