"""Plans with operations exchanged or taken out, and the plain form in which plans that mean the same look alike.

Takes a plan and what is to stand in the place of some of its operations (None: nothing); gives a new plan. What loses all it held
goes as well: a repetition without leaves, a field without contents. What is not changed stays the very same object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from segwright.plan import ops
from segwright.plan.walk import walk

BLANK: Final = ops.Const("blank")
_EMPTY_GOES: Final[dict[type[Any], str]] = {
    ops.Leaves: "puts",
    ops.FieldOp: "contents",
    ops.ChooseRep: "rungs",
    ops.Fallback: "contents",
    ops.LoopOp: "body",
}
_ONE_GOES: Final[dict[type[Any], str]] = {ops.EachRep: "content", ops.RepRung: "content"}


def edited(plan: ops.Plan, changes: Mapping[int, ops.Op | None]) -> ops.Plan:
    """The plan with the operations whose `id` is a key of `changes` replaced, or taken out."""
    body = tuple(new for op in plan.body if (new := _edited(op, changes)) is not None)
    return msgspec.structs.replace(plan, body=body)


def _edited(op: Any, changes: Mapping[int, ops.Op | None]) -> Any:
    if id(op) in changes:
        return changes[id(op)]
    fields: dict[str, Any] = {}
    for name in op.__struct_fields__:
        value = getattr(op, name)
        new = _value(value, changes)
        if new is not value:
            fields[name] = new
    if not fields:
        return op
    kind = type(op)
    if (kind in _EMPTY_GOES and not fields.get(_EMPTY_GOES[kind], True)) or (
        kind in _ONE_GOES and fields.get(_ONE_GOES[kind], op) is None
    ):
        return None
    if kind is ops.Choose and not fields.get("rungs", True):
        return ops.Const("blank")
    if kind is ops.Coalesce and not fields.get("values", True):
        return ops.Const("blank")
    for name, new in fields.items():
        if new is None and name in ("value", "of", "source"):
            fields[name] = ops.Const("blank")
    return msgspec.structs.replace(op, **fields)


def _value(value: Any, changes: Mapping[int, ops.Op | None]) -> Any:
    if type(value) is tuple:
        new = tuple(_edited(each, changes) if isinstance(each, ops.Op) else each for each in value)
        if all(a is b for a, b in zip(new, value, strict=True)):
            return value
        # An argument that goes leaves its place; of everything else the rest closes up.
        return tuple(each for each, was in zip(new, value, strict=True) if each is not None or was is None)
    if isinstance(value, ops.Duty):
        if value.condition is None:
            return value
        condition = _edited(value.condition, changes)
        return value if condition is value.condition else msgspec.structs.replace(value, condition=condition)
    return _edited(value, changes) if isinstance(value, ops.Op) else value


def plain(plan: ops.Plan) -> ops.Plan:
    """The plan without what makes no difference: last alternatives that give nothing, choices of one, rows that give what
    `on unmapped` gives anyway."""
    return msgspec.structs.replace(plan, body=tuple(_plain(op) for op in plan.body), tables=tuple(_tables(plan)))


def _tables(plan: ops.Plan) -> Iterator[ops.Table]:
    lookups: dict[int, list[ops.Lookup]] = {}
    for op in walk(plan):
        if isinstance(op, ops.Lookup):
            lookups.setdefault(op.table, []).append(op)
    for number, table in enumerate(plan.tables):
        users = lookups.get(number, [])
        rows = tuple(row for row in table.rows if not users or not all(_needless(row, table, each) for each in users))
        yield msgspec.structs.replace(table, rows=rows)


def _needless(row: ops.TableRow, table: ops.Table, lookup: ops.Lookup) -> bool:
    """Whether a lookup gives the same without a row."""
    other, cell = lookup.unmapped, row.cells[lookup.column]
    return (
        table.otherwise is None
        and isinstance(other, ops.Const)
        and other.type == cell.type
        and not lookup.component
        and cell.value == (other.value,)
    )


def _plain(op: Any) -> Any:
    fields: dict[str, Any] = {}
    for name in op.__struct_fields__:
        value = getattr(op, name)
        if type(value) is tuple:
            fields[name] = tuple(_plain(each) if isinstance(each, ops.Op) else each for each in value)
        elif isinstance(value, ops.Duty):
            if value.condition is not None:
                fields[name] = msgspec.structs.replace(value, condition=_plain(value.condition))
        elif isinstance(value, ops.Op):
            fields[name] = _plain(value)
    match op:
        case ops.Choose():
            rungs = fields["rungs"]
            while rungs and _gives_nothing(rungs[-1].value):
                rungs = rungs[:-1]
            if not rungs:
                return BLANK
            if rungs[0].when is None:
                return rungs[0].value
            fields["rungs"] = rungs
        case ops.Coalesce():
            values = tuple(each for each in fields["values"] if not _gives_nothing(each))
            if len(values) < 2:
                return values[0] if values else BLANK
            fields["values"] = values
        case ops.Leaves():
            fields["puts"] = tuple(
                put for put in fields["puts"] if not (_gives_nothing(put.value) and put.duty.need == "optional")
            )
        case ops.ChooseRep():
            rungs = fields["rungs"]
            while len(rungs) > 1 and _comes_out_empty(rungs[-1].content):
                rungs = rungs[:-1]
            fields["rungs"] = rungs
    return msgspec.structs.replace(op, **fields) if fields else op


def _gives_nothing(value: ops.Op) -> bool:
    return isinstance(value, ops.Const) and value.type == "blank"


def _comes_out_empty(content: ops.Op) -> bool:
    return isinstance(content, ops.Leaves) and not content.puts and content.duty.need == "optional"
