"""The reference of manifest and operations in `docs/plan.md`: generated, so that it cannot differ from what the engine does.

Takes nothing; gives Markdown made of the types of `plan.manifest` and `plan.ops`: each with its meaning (its docstring) and its
JSON Schema, each operation with when it is refused. The rest of the page is written by hand.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec

from segwright.plan import manifest, ops
from segwright.plan.model import Attribute, Model, RecordType, Type
from segwright.plan.ops import Op

BEGIN: Final = "<!-- operations: written by segwright.plan.reference, do not edit -->"
END: Final = "<!-- end of operations -->"

GROUPS: Final[tuple[tuple[str, tuple[type[Op], ...]], ...]] = (
    (
        "Values",
        (
            ops.Const,
            ops.Listed,
            ops.Slot,
            ops.Attr,
            ops.Coalesce,
            ops.Choose,
            ops.Rung,
            ops.Lookup,
            ops.Call,
            ops.Each,
            ops.First,
            ops.Count,
            ops.Narrate,
            ops.Component,
            ops.Received,
            ops.Take,
            ops.TakeAll,
            ops.Keep,
            ops.Make,
            ops.MadePart,
        ),
    ),
    (
        "Conditions",
        (
            ops.Present,
            ops.IsNull,
            ops.Equal,
            ops.In,
            ops.Match,
            ops.Order,
            ops.Truth,
            ops.AllOf,
            ops.AnyOf,
            ops.Not,
            ops.IsLast,
        ),
    ),
    (
        "Writing",
        (
            ops.SegmentOp,
            ops.EchoOp,
            ops.LoopOp,
            ops.LetOp,
            ops.CheckOp,
            ops.FieldOp,
            ops.Leaves,
            ops.Put,
            ops.Opaque,
            ops.ChooseRep,
            ops.RepRung,
            ops.Fallback,
            ops.EachRep,
            ops.HoldRep,
            ops.Duty,
        ),
    ),
    ("Reading", (ops.SetOp, ops.GroupOp, ops.RejectOp)),
    ("Data", (ops.Table, ops.TableRow, ops.Cell, ops.Narrative, ops.Encoding, ops.Input, ops.Result)),
)

MANIFEST: Final[tuple[type[msgspec.Struct], ...]] = (
    manifest.Manifest,
    manifest.Entry,
    manifest.Parties,
    manifest.Party,
    manifest.Identifier,
    manifest.Listener,
    manifest.Intake,
    manifest.Destination,
    manifest.Tls,
    manifest.Delivery,
    manifest.Acknowledgement,
    manifest.Diagnoses,
    manifest.Choice,
    manifest.Suggestion,
)
"""What a manifest is made of, besides the data model and the encoding, which are those of plans."""

_SLOT: Final = "a slot that is outside of the plan or bound twice"
REFUSED: Final[dict[str, tuple[str, str]]] = {
    "const": ("a text that is empty or not of its type; a value with `blank` or `null`", ""),
    "listed": ("", ""),
    "slot": ("a slot that is not bound where it is read", ""),
    "part": ("an index below 0 or above 499", "`type`: the value is no record, or has no such attribute"),
    "coalesce": ("", ""),
    "choose": ("", ""),
    "rung": ("", ""),
    "lookup": (
        (
            "a table or column that does not exist, another number of keys, a component of a single cell or none of a "
            "composite one, `same` with several keys"
        ),
        "`unmapped`, `error_row`, `type`: a key is no text",
    ),
    "call": (
        "a function that does not exist or is not of this engine, no first value, too many arguments",
        "`invalid`: the built-in refuses, `null`: an argument after the first is null, `type`: it cannot take the values",
    ),
    "each": (_SLOT, "`type`: the source is no list, `incomparable`: keys that have no order"),
    "first": (_SLOT, "as `each`; without `order`, elements after the first taken are not looked at"),
    "count": ("reading; a name that is no segment's", ""),
    "narrative": (
        "reading; a narrative that does not exist or is no checked source",
        "`narrative`: a missing value is printed, a filter refuses",
    ),
    "component": (
        "a number above 999, a subcomponent of component 0",
        "`repetition`: the field repeats, `structure`: it has parts and is read as one value",
    ),
    "received": ("anywhere but in an echo, of any but its segment", ""),
    "take": ("writing; MSH-1 and MSH-2", "`repetition`: with `single`, the field repeats"),
    "take_all": ("writing; MSH-1 and MSH-2", ""),
    "keep": ("writing; header segments", ""),
    "make": (f"writing; {_SLOT}", ""),
    "made": ("an index outside of the record, or made twice", "`missing`, by its duty"),
    "present": ("", ""),
    "null": ("", ""),
    "eq": ("", "`incomparable`: quantities of different dimensions"),
    "in": ("", "`type`: the members are no list"),
    "match": ("a pattern that does not exist", "`type`: the value is no text"),
    "order": (
        "",
        "`incomparable`: quantities of different dimensions or with comparators, times of which one has no offset",
    ),
    "truth": ("", "`type`: the value is no boolean"),
    "and": ("", ""),
    "or": ("", ""),
    "not": ("", ""),
    "last": ("reading; a slot that is no position of an open loop", ""),
    "seg": (
        "a name that is no segment's; FHS, BHS, BTS, FTS; MSH anywhere but first and always; fields out of order",
        "a `missing` inside counts only when the segment is written",
    ),
    "echo": ("header segments; fields out of order", "`not_kept`, `control`, `structure`, `unencodable`"),
    "loop": (f"{_SLOT}; more than 8 loops inside one another", "`too_many`; `type`: a limit is no integer"),
    "let": (_SLOT, ""),
    "check": ("no name, or nothing said", "`check`"),
    "field": ("a number below 1 or above 999; MSH-1, MSH-2, MSH-18", ""),
    "leaves": ("puts out of order or twice", "`missing`, by its duty"),
    "put": (
        "a component or subcomponent below 1 or above 999",
        (
            '`missing`, by its duty; `unencodable`; `control`; `null_text`: a text that is `""`; `type`: a time, quantity, '
            "boolean or record, which only a built-in makes a text, or a number of more than 60 digits"
        ),
    ),
    "opaque": ("", "`missing`, by its duty; `control`; `structure`: what these delimiters cannot write; `unencodable`"),
    "choose_rep": ("", ""),
    "rep_rung": ("", ""),
    "fallback": ("", "`missing`, by its duty"),
    "each_rep": (_SLOT, "as `each`; `missing`, by its duty"),
    "hold": ("", ""),
    "duty": ("a condition without `if`, `if` without a condition", ""),
    "set": (
        "a slot that is no result, a group's record outside of the group, an index outside of the record",
        "`missing`",
    ),
    "group": ("a second one, one inside another, a record that is no result of its size, header segments", ""),
    "reject": ("no name, or nothing said", "the message is answered with its code"),
    "table": ("rows unsorted, twice, or of different widths", ""),
    "row": ("no key, more than three, an empty one", ""),
    "cell": ("texts that are not of its type", ""),
    "text": ("a filter that does not exist; anything but the checked part of Jinja (`plan.narratives`)", ""),
    "encoding": (
        (
            "delimiters that are equal, letters, digits, dots or quotes; a charset that is not written, or is not `codec`; a "
            "replacement that cannot be encoded"
        ),
        "",
    ),
    "input": ("reading; a name twice", "no run without an input that is not optional (ValueError)"),
    "result": ("writing; a name twice", ""),
}
"""By tag: what a plan is refused for, and what a run is."""


MANIFEST_REFUSED: Final = """\
A manifest is refused when a member does not fit its schema, and when its members contradict one another: a message or a type
that is read stands in the catalogue twice; a message that is written has no kinds, several types, orders, or a destination that
the manifest does not have; one that is read has no orders, or anything of what is written; there is no destination `outbound`;
`P` stands anywhere but in production; a destination of production has neither TLS nor a reason why not, or any has both; a
network is none; the waits are not in order; fewer diagnoses are allowed than needed, or one stands among the choices twice; the
encoding is one that a plan would be refused for."""


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each operation, of `Type`, of `Plan` and of what a manifest holds, by type name."""
    kinds: Sequence[type] = [*(kind for _, group in GROUPS for kind in group), Type, ops.Plan, *MANIFEST, Model]
    _, components = msgspec.json.schema_components(kinds, ref_template="#{name}")
    return components


_UNIONS: Final = {
    "value": ops.Value,
    "condition": ops.Condition,
    "content": ops.Content,
    "writing": ops.WriteOp,
    "reading": ops.ReadOp,
    "operation": ops.WriteOp | ops.ReadOp,
}


def _shared(schema: Any) -> Any:
    """A schema in which the choice of all values, conditions, contents or operations is one reference."""
    if isinstance(schema, list):
        return [_shared(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    choice = schema.get("anyOf", [])
    members = {each["$ref"][1:] for each in choice if "$ref" in each}
    others = [each for each in choice if "$ref" not in each]
    for name, union in _UNIONS.items():
        if members == {kind.__name__ for kind in get_args(union)}:
            shared = {"$ref": f"#{name}"}
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "discriminator")}
            return {"anyOf": [shared, *others], **rest} if others else {**shared, **rest}
    return {key: _shared(value) for key, value in schema.items()}


def _tags(text: str, tags: dict[str, str]) -> str:
    return re.sub(r'"#([A-Za-z]+)"', lambda found: f'"#{tags.get(found[1], found[1])}"', text)


def reference() -> str:
    """The generated part of the page, from `BEGIN` to `END`."""
    known = schemas()
    tags = {kind.__name__: str(kind.__struct_config__.tag) for _, kinds in GROUPS for kind in kinds}
    lines = [
        BEGIN,
        "",
        "In the schemas below `#put` is the schema of the operation `put`, and one of these stands for a choice:",
        "",
    ]
    for name, union in _UNIONS.items():
        if name != "operation":
            lines.append(f"- `#{name}`: {', '.join(f'`{tags[kind.__name__]}`' for kind in get_args(union))}")
    lines += ["- `#operation`: `#writing` or `#reading`", ""]
    for title, kinds in GROUPS:
        lines += [f"## {title}", ""]
        for kind in kinds:
            tag = str(kind.__struct_config__.tag)
            lines += [f"### `{tag}`", "", _doc(kind), ""]
            at_load, at_run = REFUSED[tag]
            if at_load:
                lines += [f"Refused when loaded: {at_load}.", ""]
            if at_run:
                lines += [f"Refused when run: {at_run}.", ""]
            lines += _schema(known[kind.__name__])
    lines += ["## The whole", "", "### Type", "", _doc(Type), "", *_schema(known["Type"])]
    lines += ["### Plan", "", _doc(ops.Plan), "", *_schema(known["Plan"])]
    lines += ["## Manifest", "", MANIFEST_REFUSED, ""]
    parts: tuple[type, ...] = (*MANIFEST, Model, RecordType, Attribute)
    for part in parts:
        lines += [f"### {part.__name__}", "", _doc(part), "", *_schema(known[part.__name__])]
    return _tags("\n".join([*lines, END, ""]), tags)


def page(written: str) -> str:
    """A page with its generated part made anew. Raises ValueError when it has no place for it."""
    head, begin, rest = written.partition(BEGIN)
    _, end, tail = rest.partition(END + "\n")
    if not begin or not end:
        raise ValueError("the page has no place for the operations")
    return head + reference() + tail


def _doc(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _schema(schema: dict[str, Any]) -> list[str]:
    shown = _shared({key: value for key, value in schema.items() if key not in ("title", "description")})
    return ["```json", json.dumps(shown, ensure_ascii=False, sort_keys=True), "```", ""]


if __name__ == "__main__":
    from pathlib import Path

    place = Path("docs/plan.md")
    place.write_text(page(place.read_text(encoding="utf-8")), encoding="utf-8")
