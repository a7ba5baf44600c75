"""The operations of a plan: everything a compiled message can do, and nothing else.

A plan is data: trees of the frozen types below, written as canonical JSON (`plan.canonical`), run by `runtime`. Operations name
slots, attributes, tables, patterns, functions and texts by number; numbers point into the plan's own tuples. No operation can
name anything of Python. An operation has no id of its own: it is known by its place in `plan.walk` order, and the side file
(`plan.explain`) tells for each place where it was written.

Slots hold run-time values (`hl7.values`): first the inputs in their order, then what `Let`, `Loop`, `Each` and `First` bind.
Each slot is bound by one operation of the plan (a loop's position by its loop); only what `Each`, `First`, `EachRep` and `Make`
bind, and forget at their end, may share a slot where they do not lie within one another.

A list is never empty: an empty one is missing, as an empty text is. HL7 null stays null through `Attr` of it, `Lookup` with it
as a key and `Call` on it; it is present, and equal to nothing but null.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from segwright.plan.model import Type


class Op(msgspec.Struct, frozen=True, tag_field="op", forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Base of all operations. They are trees: no garbage collector has to look for circles in them."""


# --- values: each gives a run-time value or None (missing) -----------------------------------------------------------


class Const(Op, frozen=True, tag="const"):
    """A constant. `type`: text, integer, decimal, boolean; `blank` (always missing) and `null` (HL7 `""`) have value ""."""

    type: Literal["text", "integer", "decimal", "boolean", "blank", "null"]
    value: str = ""


class Listed(Op, frozen=True, tag="listed"):
    """A list of constants of one type (from configuration or `[...]`)."""

    items: tuple[Const, ...]


class Slot(Op, frozen=True, tag="slot"):
    """What slot `slot` holds."""

    slot: int


class Attr(Op, frozen=True, tag="part"):
    """Attribute number `index` of a record; missing when the record is missing."""

    of: Value
    index: int


class Coalesce(Op, frozen=True, tag="coalesce"):
    """The first of `values` that is not missing."""

    values: tuple[Value, ...]


class Rung(Op, frozen=True, tag="rung"):
    """`value` when `when` holds (always, without one)."""

    value: Value
    when: Condition | None = None


class Choose(Op, frozen=True, tag="choose"):
    """The value of the first rung that applies; missing when none does."""

    rungs: tuple[Rung, ...]


class Lookup(Op, frozen=True, tag="lookup"):
    """A cell of table `table`: row by `keys`, column `column`, component `component` (from 1) of a composite cell, else 0.

    A missing key gives missing. A key without row: the table's otherwise row, else `unmapped`, else with `same` the key
    itself, else the message is refused. A blank cell gives missing, an error cell refuses.
    """

    table: int
    keys: tuple[Value, ...]
    column: int = 0
    component: int = 0
    unmapped: Value | None = None
    same: bool = False


class Call(Op, frozen=True, tag="call"):
    """Built-in `function` (index into the plan's `functions`) on `arguments` (None where an optional one is not given).

    A missing first argument gives missing. When the built-in refuses: `invalid` if given, else the message is refused.
    """

    function: int
    arguments: tuple[Value | None, ...]
    invalid: Value | None = None


class Each(Op, frozen=True, tag="each"):
    """A list: for each element of `source` (bound to `slot`) that satisfies `where`, in order of `order`, the `value`.

    Elements whose value is missing are left out; a list of none is missing. Sorting is stable and ascending; a missing sort
    key sorts last.
    """

    slot: int
    source: Value
    value: Value
    where: Condition | None = None
    order: Value | None = None


class First(Op, frozen=True, tag="first"):
    """The `value` of the first element that `Each` would take; missing when there is none."""

    slot: int
    source: Value
    value: Value
    where: Condition | None = None
    order: Value | None = None


class Count(Op, frozen=True, tag="count"):
    """How many `segment` were written so far, the open one included, since the last `since` if named; plus `start` - 1."""

    segment: str
    since: str = ""
    start: int = 1


class Narrate(Op, frozen=True, tag="narrative"):
    """Narrative text number `narrative` rendered over `arguments`; line ends are "\\n"; missing when it comes out empty."""

    narrative: int
    arguments: tuple[Value, ...]


class Component(Op, frozen=True, tag="component"):
    """From a received field or repetition (`of` gives a `Field`): component and subcomponent (from 1), unescaped text.

    `component` 0: the whole field's text as one value, refused when it holds components or repetitions. `subcomponent` 0: the
    component as one value, refused when it holds several subcomponents. Empty is missing; `""` is HL7 null. A `Field` of
    several repetitions is refused (bind one with `Each` or `First`).
    """

    of: Value
    component: int
    subcomponent: int = 0


class Received(Op, frozen=True, tag="received"):
    """Field `field` of a kept segment as a `Field`; missing when empty. `of` gives a `Segment` (the open echo's slot)."""

    of: Value
    field: int


class Take(Op, frozen=True, tag="take"):
    """Reading: field `field` of the first `segment` in scope as a `Field`; missing when segment or field is empty.

    Scope: inside a group its own segments, then those before the first group; outside, those before the first group.
    With `single` a field that came with several repetitions refuses the message (the rule must say `first` or `each`).
    """

    segment: str
    field: int
    single: bool = True


class TakeAll(Op, frozen=True, tag="take_all"):
    """Reading: every non-empty repetition of field `field` of every `segment` in scope, a list of `Field`."""

    segment: str
    field: int


class Keep(Op, frozen=True, tag="keep"):
    """Reading: the segments in scope whose name is in `segments`, in their order, as `Segment`s; missing when none."""

    segments: tuple[str, ...]


class Duty(Op, frozen=True, tag="duty"):
    """What happens when a value is missing. `need`: optional (nothing), always (refuse), any (of a leaf or an attribute:
    refuse if the composite that holds it has any other value), if (refuse when `condition` holds)."""

    need: Literal["optional", "always", "any", "if"] = "optional"
    condition: Condition | None = None


OPTIONAL: Final = Duty()
"""The duty of everything that says none. One object, so that encoders see at a glance that it is the default."""


class MadePart(Op, frozen=True, tag="made"):
    """Attribute `index` of a record being made."""

    index: int
    value: Value
    duty: Duty = OPTIONAL


class Make(Op, frozen=True, tag="make"):
    """Reading: binds `of` (a `Field`) to `slot` and makes a record of `size` attributes; missing when every part is."""

    slot: int
    of: Value
    size: int
    parts: tuple[MadePart, ...]


Value: TypeAlias = (
    Const
    | Listed
    | Slot
    | Attr
    | Coalesce
    | Choose
    | Lookup
    | Call
    | Each
    | First
    | Count
    | Narrate
    | Component
    | Received
    | Take
    | TakeAll
    | Keep
    | Make
)

# --- conditions: each gives true or false ----------------------------------------------------------------------------


class Present(Op, frozen=True, tag="present"):
    """`value` is not missing (HL7 null is present)."""

    value: Value


class IsNull(Op, frozen=True, tag="null"):
    """`value` is HL7 null."""

    value: Value


class Equal(Op, frozen=True, tag="eq"):
    """Both are present and equal; quantities by converted value, fields by their bytes."""

    left: Value
    right: Value


class In(Op, frozen=True, tag="in"):
    """`value` is present and equal to an element of the list `members`."""

    value: Value
    members: Value


class Match(Op, frozen=True, tag="match"):
    """`value` is present and pattern number `pattern` matches all of it."""

    value: Value
    pattern: int


class Order(Op, frozen=True, tag="order"):
    """`left` lies above, below, at least or at most `right` (numbers, quantities by unit, times); false if one is missing."""

    operator: Literal["above", "below", "at least", "at most"]
    left: Value
    right: Value


class Truth(Op, frozen=True, tag="truth"):
    """A boolean value that is present and true."""

    value: Value


class AllOf(Op, frozen=True, tag="and"):
    """Every one holds, tried in order."""

    conditions: tuple[Condition, ...]


class AnyOf(Op, frozen=True, tag="or"):
    """One of them holds, tried in order."""

    conditions: tuple[Condition, ...]


class Not(Op, frozen=True, tag="not"):
    """It does not hold."""

    condition: Condition


class IsLast(Op, frozen=True, tag="last"):
    """The loop whose position is in `slot` is at its last turn; the runtime keeps the number of turns in `slot` + 1."""

    slot: int


Condition: TypeAlias = Present | IsNull | Equal | In | Match | Order | Truth | AllOf | AnyOf | Not | IsLast

# --- writing ---------------------------------------------------------------------------------------------------------


class Put(Op, frozen=True, tag="put"):
    """One leaf: `value` at component and subcomponent (from 1) of its repetition.

    `coding`: text (escaped), formatted (FT: escaped, line ends as `\\.br\\`), both after the organisation's charset rules. A
    call of `text/text@1` that is the whole `value` measures what goes out: the text after `unencodable` was applied.
    """

    component: int
    subcomponent: int
    value: Value
    coding: Literal["text", "formatted"] = "text"
    duty: Duty = OPTIONAL


class Leaves(Op, frozen=True, tag="leaves"):
    """One repetition made of leaves, ordered by component and subcomponent.

    Nothing when every leaf that depends on an input is missing: constants alone do not make a repetition, unless it has
    only constants (a `Const` other than blank counts as written then).
    """

    puts: tuple[Put, ...]
    duty: Duty = OPTIONAL


class Opaque(Op, frozen=True, tag="opaque"):
    """A whole received field (all its repetitions): `value` gives a `Field`, re-delimited if its delimiters differ."""

    value: Value
    duty: Duty = OPTIONAL


class RepRung(Op, frozen=True, tag="rep_rung"):
    """`content` when `when` holds (always, without one)."""

    content: Content
    when: Condition | None = None


class ChooseRep(Op, frozen=True, tag="choose_rep"):
    """The content of the first rung that applies; nothing when none does."""

    rungs: tuple[RepRung, ...]


class Fallback(Op, frozen=True, tag="fallback"):
    """The first of `contents` that comes out with any value."""

    contents: tuple[Content, ...]
    duty: Duty = OPTIONAL


class EachRep(Op, frozen=True, tag="each_rep"):
    """A repetition (or several) for each element, as in `Each`."""

    slot: int
    source: Value
    content: Content
    where: Condition | None = None
    order: Value | None = None
    duty: Duty = OPTIONAL


class HoldRep(Op, frozen=True, tag="hold"):
    """An empty repetition that keeps its place."""


Content: TypeAlias = Leaves | Opaque | ChooseRep | Fallback | EachRep | HoldRep


class FieldOp(Op, frozen=True, tag="field"):
    """Field `number` of the open segment: its contents in order; those that come out with nothing close up."""

    number: int
    contents: tuple[Content, ...]


class SegmentOp(Op, frozen=True, tag="seg"):
    """Writes segment `name` when `when` holds. With `optional` only if a put that depends on an input wrote something.

    `fields` in ascending order. MSH-1, MSH-2 and MSH-18 are the engine's: it writes them from the plan's encoding.
    """

    name: str
    fields: tuple[FieldOp, ...]
    when: Condition | None = None
    optional: bool = False


class EchoOp(Op, frozen=True, tag="echo"):
    """Writes every kept segment `name` of the list `source`, each bound to `slot`, with `fields` in place of its own.

    None kept: nothing when `optional`, else refused. A field without contents (or that comes out empty) is cleared.
    """

    name: str
    source: Value
    slot: int
    fields: tuple[FieldOp, ...] = ()
    when: Condition | None = None
    optional: bool = False


class LoopOp(Op, frozen=True, tag="loop"):
    """`body` for each element of `source` (bound to `slot`) that satisfies `where`, in order of `order`.

    The turn (from 1) is in `position`, the number of turns in `position` + 1. `most`: more elements refuse the message;
    `first`: the rest is dropped and recorded.
    """

    slot: int
    position: int
    source: Value
    body: tuple[WriteOp, ...]
    where: Condition | None = None
    order: Value | None = None
    most: Value | None = None
    first: Value | None = None
    when: Condition | None = None


class LetOp(Op, frozen=True, tag="let"):
    """Binds `value` to `slot`."""

    slot: int
    value: Value


class CheckOp(Op, frozen=True, tag="check"):
    """Refuses the message with `saying` unless `condition` holds."""

    name: str
    condition: Condition
    saying: str


WriteOp: TypeAlias = SegmentOp | EchoOp | LoopOp | LetOp | CheckOp

# --- reading ---------------------------------------------------------------------------------------------------------


class SetOp(Op, frozen=True, tag="set"):
    """Attribute `index` of the record in slot `record` becomes `value`."""

    record: int
    index: int
    value: Value
    duty: Duty = OPTIONAL


class GroupOp(Op, frozen=True, tag="group"):
    """Runs `body` for each `segment` found; its scope: that segment, what follows up to the next `segment` or `under`, and
    the nearest `under` above with what stands between it and the first `segment` under it. Each turn makes one record of
    `size` attributes in slot `record`, appended to the result and grouped with those under the same `under` segment. At most
    one, at the top of a plan. An `under` without `segment` is noted; a message with two PID is refused (`structure`)."""

    record: int
    size: int
    segment: str
    under: str
    body: tuple[ReadOp, ...]


class RejectOp(Op, frozen=True, tag="reject"):
    """Answers `code` (AE or AR) with `saying` when `condition` holds; evaluated after the sets of its scope."""

    code: Literal["AE", "AR"]
    name: str
    condition: Condition
    saying: str


ReadOp: TypeAlias = SetOp | GroupOp | RejectOp | LetOp

# --- the plan --------------------------------------------------------------------------------------------------------


class Cell(Op, frozen=True, tag="cell"):
    """A table cell. `value` gives texts: one for a scalar column, one a component for a composite one ("" where blank).

    `type`: text, integer, decimal or composite; blank and error cells have no value.
    """

    type: Literal["text", "integer", "decimal", "boolean", "composite", "blank", "error"]
    value: tuple[str, ...] = ()


class TableRow(Op, frozen=True, tag="row"):
    """Keys as texts (enum names, codes), one cell a column."""

    keys: tuple[str, ...]
    cells: tuple[Cell, ...]


class Table(Op, frozen=True, tag="table"):
    """A table in one direction: rows sorted by keys, and the otherwise row."""

    rows: tuple[TableRow, ...]
    otherwise: tuple[Cell, ...] | None = None


class Narrative(Op, frozen=True, tag="text"):
    """A narrative: checked Jinja source whose only names are `v0`, `v1`, … (the arguments) and filters `f0`, `f1`, …

    `filters` are indexes into the plan's functions. Attributes are written as subscripts by number.
    """

    source: str
    filters: tuple[int, ...] = ()


class Encoding(Op, frozen=True, tag="encoding"):
    """How the message reaches the wire. `msh2` are the encoding characters in MSH-2 order; `charset` is MSH-18's value ("" is
    none); `codec` is Python's; `unencodable` replaces characters the charset lacks; `segment_end` is CR by the standard."""

    version: str
    field: str
    msh2: str
    charset: str
    codec: str
    unencodable: dict[str, str] = {}
    trailing: Literal["trim", "full"] = "trim"
    full_to: dict[str, int] = {}
    segment_end: str = "\r"


class Input(Op, frozen=True, tag="input"):
    """An input of a writing plan: bound to the slot of its place."""

    name: str
    type: Type
    optional: bool = False


class Result(Op, frozen=True, tag="result"):
    """A record that a reading plan makes: in slot `slot`, of `size` attributes and record type `type`, under the name `name`
    (the root of its paths). The record of a `GroupOp` is listed too."""

    slot: int
    name: str
    type: str
    size: int


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One message of one organisation, compiled.

    `body` holds write operations for `writes`, read operations for `reads`. `slots` is how many slots it uses. `results`
    (reading) are the records it makes. `libraries` pins what else decides bytes (tzdata, jinja2).
    """

    message: str
    direction: Literal["writes", "reads"]
    types: tuple[str, ...]
    model: str
    encoding: Encoding
    inputs: tuple[Input, ...]
    body: tuple[WriteOp | ReadOp, ...]
    slots: int
    tables: tuple[Table, ...] = ()
    patterns: tuple[str, ...] = ()
    narratives: tuple[Narrative, ...] = ()
    functions: tuple[str, ...] = ()
    libraries: dict[str, str] = {}
    results: tuple[Result, ...] = ()
    format: int = 1
    language: int = 1
