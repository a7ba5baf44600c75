"""Tables: `value via table.column`, `table.column(a, b)`, and a declared table as data of the plan.

A table is typed at both ends. An enum going out must find a row for every value it can still have, or an `otherwise`; what
comes in is found by the rows that point left. Every row is checked once per organisation against its key and column types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from itertools import product
from math import prod
from typing import Literal

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.core.suggest import MOST_SHOWN, nearest, shown
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.fitting import as_text, must_be_present, stand_in
from segwright.lang.lowering import lower
from segwright.lang.typed import UNKNOWN, Case, Facts, Frame, Typed
from segwright.plan import ops
from segwright.plan.model import TEXT, Model, Type, scalar
from segwright.profiles import is_closed

SCALAR_COLUMNS = {"text", "integer", "decimal", "code", "boolean"}


def lookup(ctx: Context, frame: Frame, node: ast.Via, keys: tuple[Typed, ...]) -> Typed:
    """A lookup with one component or a scalar column; a composite column as a whole belongs to `contents`."""
    found = column_of(ctx, node.table)
    if found is None or any(not key.known for key in keys):
        if found is not None:
            ctx.used_tables.add(found[0].name)
        return Typed(ops.Const("blank"), UNKNOWN, span=node.span, soft=True)
    table, column = found
    if composite(ctx, table, column):
        return ctx.fail("SW0326", node.table.span, name=str(node.table), type=table.columns[column].type)
    return lookups(ctx, frame, node, table, column, keys, 0)


def lookups(
    ctx: Context, frame: Frame, node: ast.Via, table: ast.Table, column: int, keys: tuple[Typed, ...], component: int
) -> Typed:
    """One lookup operation, with its checks."""
    keys = tuple(as_text(ctx, key) for key in keys)
    inverse = reads_back(ctx, table, keys)
    number = table_number(ctx, table, inverse)
    if len(keys) != (1 if inverse else len(table.keys)):
        return ctx.fail(
            "SW0601",
            node.span,
            Label(table.span, "table"),
            table=table.name,
            count=_count(table.keys, "key"),
            given=f"{len(keys)} {'is' if len(keys) == 1 else 'are'}",
        )
    if not inverse:
        for key, wanted in zip(keys, table.keys, strict=True):
            key_type = ctx.type_named(wanted.name, table.span)
            if key.type != key_type and not {key.type.name, key_type.name} <= {"text", "code", "field"}:
                return ctx.fail(
                    "SW0602",
                    node.span,
                    Label(table.span, "table"),
                    table=table.name,
                    wanted=str(key_type),
                    type=str(key.type),
                    name=key.said,
                )
    type_ = _column_type(ctx, table, column) if not inverse else ctx.type_named(table.keys[0].name, table.span)
    if component:
        type_ = scalar("text")
    for key in keys[1:]:
        must_be_present(ctx, key, key.span, where=f"the lookup in {table.name}")
    same, other = (node.on_unmapped is not None, None) if component > 1 else _unmapped(ctx, frame, node, keys[0], type_)
    if other is not None and not other.known:
        return other
    same = same or (other is None and not inverse and keeps_key(ctx, table))
    if component > 1 and same:
        # What stands for the whole is one value: it has no further components.
        same, other = False, Typed(ops.Const("blank"), type_, maybe=True, soft=True, constants=(), depends=False)
    data = ctx.tables[number]
    blank = _check_reach(ctx, frame, node, table, data, keys, column, covered=same or other is not None)
    unmapped = None if other is None else other.op
    op = ops.Lookup(number, tuple(key.op for key in keys), column, component, unmapped, same)
    ctx.note(op)
    cells = _cells(ctx, frame, data, keys, column, component)
    constants: tuple[str, ...] | None = tuple(dict.fromkeys(cells.values()))
    if other is not None:
        constants = None if other.constants is None or constants is None else (*constants, *other.constants)
    typed = Typed(
        op,
        type_,
        maybe=keys[0].maybe or blank or (other is not None and other.maybe),
        soft=keys[0].soft or blank or (other is not None and other.soft),
        constants=None if same else constants,
        depends=any(k.depends for k in keys) or (other is not None and other.depends),
        said=keys[0].said,
        span=node.span,
        absent_key=keys[0].absent_key or (other.absent_key if other is not None else ""),
    )
    one = len(keys) == 1 and not same and other is None and len(cells) > 1
    return msgspec.structs.replace(typed, cases=_cases(typed, keys[0], cells)) if one else typed


def column_of(ctx: Context, ref: ast.Ref) -> tuple[ast.Table, int] | None:
    """The table and column a reference names; bare names mean the first column."""
    table = ctx.scope.tables.get(ref.names[0])
    if table is None:
        ctx.report("SW0202", ref.span, kind="table", name=ref.names[0], nearest=nearest(ref.names[0], ctx.scope.tables))
        return None
    if len(ref.names) == 1:
        return table, 0
    names = [column.name for column in table.columns]
    if ref.names[1] not in names or len(ref.names) > 2:
        ctx.report(
            "SW0603",
            ref.span,
            Label(table.span, "table"),
            table=table.name,
            name=".".join(ref.names[1:]),
            nearest=nearest(ref.names[1], names),
            known=shown(n for n in names if n),
            plain="" if any(names) else table.name,
        )
        return None
    return table, names.index(ref.names[1])


def composite(ctx: Context, table: ast.Table, column: int) -> bool:
    """Whether a column holds composites: its type is an HL7 data type with components."""
    declared = table.columns[column]
    if declared.hl7_table or declared.type in SCALAR_COLUMNS or declared.type in ctx.model.enums:
        return False
    datatype = ctx.profile.datatype(declared.type)
    return datatype is None or not datatype.primitive


def reads_back(ctx: Context, table: ast.Table, keys: tuple[Typed, ...]) -> bool:
    """Whether a lookup goes from the column back to the key: a text (or code) found in a table whose key is an enum."""
    if len(keys) != 1 or len(table.keys) != 1:
        return False
    key_type = ctx.type_named(table.keys[0].name, table.span)
    return keys[0].type != key_type and key_type.kind == "enum" and keys[0].type.name in ("text", "code", "field")


def _unmapped(ctx: Context, frame: Frame, node: ast.Via, key: Typed, wanted: Type) -> tuple[bool, Typed | None]:
    """What `on unmapped` says: that the key stands for itself, or the value that does."""
    other = node.on_unmapped
    if other is None:
        return False, None
    if isinstance(other, ast.Ref) and other.names == ("same",):
        if key.type.name not in ("text", "code"):
            why = f"`{key.said}` is of type {key.type}"
            ctx.report("SW0604", other.span, why=why, instead="give the table an `otherwise` row")
        elif wanted.name not in ("text", "code"):
            return False, ctx.fail("SW0306", other.span, left=str(wanted), right=str(key.type))
        return True, None
    return False, stand_in(ctx, lower(ctx, frame, other, wanted), wanted, other.span)


def table_number(ctx: Context, table: ast.Table, inverse: bool) -> int:
    """The number of a table in this plan, made on first use."""
    return ctx.table(table, inverse, _made)


_MOST = 4096
_known: dict[tuple[int, int, str, bool], tuple[ast.Table, Model, ops.Table]] = {}
"""Tables made before, by the very objects they were made from (which are kept, so that nothing else gets their identity)."""


def made_before(ctx: Context, table: ast.Table, inverse: bool) -> ops.Table | None:
    """The table for a plan if it was made before and nothing was wrong with it."""
    known = _known.get((id(table), id(ctx.model), ctx.profile.version, inverse))
    return None if known is None else known[2]


def _made(ctx: Context, table: ast.Table, inverse: bool) -> ops.Table:
    """A table for a plan. One that is right is made once for all the messages and organisations that share its declaration."""
    before = made_before(ctx, table, inverse)
    if before is not None:
        return before
    found, allows = len(ctx.found), len(ctx.used_allows)
    data = _inverted(ctx, table) if inverse else _forward(ctx, table)
    if (
        len(ctx.found) == found
        and len(ctx.used_allows) == allows
        and ("SW0612", f"table {table.name}") not in ctx.allowed
    ):
        if len(_known) >= _MOST:
            _known.clear()
        _known[id(table), id(ctx.model), ctx.profile.version, inverse] = (table, ctx.model, data)
    return data


def keeps_key(ctx: Context, table: ast.Table) -> bool:
    """Whether a key without a row of its own stands for itself: a text, where the one column takes any."""
    last = next((row for row in table.rows if row.otherwise), None)
    return (
        last is not None
        and len(table.keys) == 1 == len(table.columns)
        and table.keys[0].name in ("text", "code")
        and _column_type(ctx, table, 0) == TEXT
        and [cell.word for cell in last.cells] == ["same"]
    )


def _forward(ctx: Context, table: ast.Table) -> ops.Table:
    rows: dict[tuple[str, ...], ops.TableRow] = {}
    spans: dict[tuple[str, ...], ast.Row] = {}
    meant: list[tuple[str, ...]] = []
    otherwise: tuple[ops.Cell, ...] | None = None
    last: ast.Row | None = None
    for row in table.rows:
        if row.arrow == "<-":
            continue
        if row.otherwise and last is not None:
            ctx.report("SW0606", row.span, Label(last.span, "first"), table=table.name, key="otherwise")
        last = row if row.otherwise else last
        if not row.otherwise:
            meant.append(_check_keys(ctx, table, row))
        if len(row.cells) != len(table.columns):
            if row.otherwise and len(row.cells) == 1 and row.cells[0].word == "error":
                otherwise = (ops.Cell("error"),) * len(table.columns)
                continue
            ctx.report(
                "SW0605",
                row.span,
                Label(table.span, "table"),
                table=table.name,
                count=_count(table.columns, "column"),
                given=_count(row.cells, "value"),
            )
            # The row is there, only not whole: that it has no code is not told again.
            broken = (ops.Cell("error"),) * len(table.columns)
            if row.otherwise:
                otherwise = broken
            else:
                rows.setdefault(row.key, ops.TableRow(row.key, broken))
                spans.setdefault(row.key, row)
            continue
        cells = tuple(_cell(ctx, table, n, cell, row) for n, cell in enumerate(row.cells))
        if row.otherwise:
            # `otherwise -> same`: the lookup itself gives its key back.
            otherwise = None if keeps_key(ctx, table) else cells
            continue
        keys = row.key
        if keys in rows:
            ctx.report("SW0606", row.span, Label(spans[keys].span, "first"), table=table.name, key=", ".join(keys))
        rows[keys], spans[keys] = ops.TableRow(keys, cells), row
    for keys in meant:  # a misspelt key has its row: that it has none is not told again
        rows.setdefault(keys, ops.TableRow(keys, (ops.Cell("error"),) * len(table.columns)))
    return ops.Table(tuple(rows[k] for k in sorted(rows)), otherwise)


def _inverted(ctx: Context, table: ast.Table) -> ops.Table:
    """The rows that point left (`<-`, `<->`), keyed by their first cell."""
    rows: dict[tuple[str, ...], ops.TableRow] = {}
    for row in table.rows:
        if row.arrow == "->" or not row.cells or row.otherwise:
            continue
        _check_keys(ctx, table, row)
        cell = _cell(ctx, table, 0, row.cells[0], row)
        if cell.type in ("blank", "error") or not cell.value:
            continue
        key = (cell.value[0],)
        if key in rows:
            ctx.report("SW0606", row.span, Label(table.span, "table"), table=table.name, key=cell.value[0])
        rows[key] = ops.TableRow(key, (ops.Cell("text", row.key),))
    return ops.Table(tuple(rows[k] for k in sorted(rows)))


def _count(things: Sized, word: str) -> str:
    return f"{len(things)} {word}" if len(things) == 1 else f"{len(things)} {word}s"


def _check_keys(ctx: Context, table: ast.Table, row: ast.Row) -> tuple[str, ...]:
    """Reports what is wrong with the keys of a row; gives the keys that it was meant for."""
    meant = list(row.key)
    if len(row.keys) != len(table.keys):
        ctx.report(
            "SW0608",
            row.span,
            Label(table.span, "table"),
            table=table.name,
            count=_count(table.keys, "key"),
            given=_count(row.keys, "key"),
        )
        return row.key
    for number, (key, wanted) in enumerate(zip(row.keys, table.keys, strict=True)):
        type_ = ctx.type_named(wanted.name, table.span)
        if type_.kind == "enum":
            values = ctx.model.enums[type_.name]
            name = str(key) if isinstance(key, ast.Ref) else ""
            if name not in values:
                said = name or (key.value if isinstance(key, ast.Text) else str(key))
                close = nearest(said, values)
                meant[number] = close or meant[number]
                ctx.report("SW0204", key.span, name=said, enum=type_.name, nearest=close, known=shown(values))
        elif not isinstance(key, ast.Text | ast.Number):
            ctx.report("SW0609", key.span, table=table.name, name=str(key), wanted=str(type_))
    return tuple(meant)


def _cell(ctx: Context, table: ast.Table, number: int, cell: ast.Cell, row: ast.Row) -> ops.Cell:
    column = table.columns[number]
    if cell.word == "error":
        return ops.Cell("error")
    if cell.word == "same":
        if row.otherwise or len(table.keys) > 1:
            return _no_key(ctx, table, column, cell, row)
        parts = row.key[:1]
    else:
        parts = tuple(_part(ctx, table, column, part) for part in cell.parts)
    if cell.parts and len(parts) == 1 and isinstance(cell.parts[0], ast.Blank):
        return ops.Cell("blank")
    if composite(ctx, table, number):
        return ops.Cell("composite", parts)
    if len(parts) > 1:
        ctx.report(
            "SW0610",
            cell.span,
            table=table.name,
            column=f"Column `{column.name}`" if column.name else "The column",
            type=column.type,
        )
        return ops.Cell("blank")
    text = parts[0] if parts else ""
    if column.hl7_table:
        allowed = ctx.profile.table(column.hl7_table)
        if allowed is not None and is_closed(column.hl7_table) and not ctx.profile.allows(column.hl7_table, text):
            _code_not_in_table(ctx, cell.span, text, column.hl7_table, tuple(sorted(allowed)), table.name)
        return ops.Cell("text", (text,))
    kinds: dict[str, Literal["integer", "decimal", "boolean"]] = {
        "integer": "integer",
        "decimal": "decimal",
        "boolean": "boolean",
    }
    if column.type in kinds:
        if column.type == "boolean":
            text = {"yes": "true", "no": "false"}.get(text, text)
        checks: dict[str, Callable[[str], bool]] = {
            "integer": lambda t: re.fullmatch(r"-?[0-9]+", t) is not None,
            "decimal": lambda t: re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", t) is not None,
            "boolean": lambda t: t in ("true", "false"),
        }
        if not checks[column.type](text):
            ctx.report(
                "SW0611",
                cell.span,
                table=table.name,
                column=f"Column `{column.name}`" if column.name else "The column",
                wanted=column.type,
                value=text,
            )
            return ops.Cell("blank")
        return ops.Cell(kinds[column.type], (text,))
    if column.type in ctx.model.enums and text not in ctx.model.enums[column.type]:
        values = ctx.model.enums[column.type]
        ctx.report("SW0204", cell.span, name=text, enum=column.type, nearest=nearest(text, values), known=shown(values))
    return ops.Cell("text", (text,))


def _no_key(ctx: Context, table: ast.Table, column: ast.Column, cell: ast.Cell, row: ast.Row) -> ops.Cell:
    """Reports a `same` that no key can stand for, unless a `same` for all keys is what the lookup itself does."""
    if not keeps_key(ctx, table) or not row.otherwise:
        key = ctx.type_named(table.keys[0].name, table.span)
        instead = "say `on unmapped same` in the rules that may pass it on"
        if len(table.keys) > 1:
            why, instead = f"table `{table.name}` has {len(table.keys)} keys", "say `error`"
        elif key.name not in ("text", "code"):
            why, instead = f"the key of table `{table.name}` is of type {key}", "give each value a row"
        elif len(table.columns) == 1:
            why = f"the column of table `{table.name}` is of type {column.type}"
        else:
            why = f"table `{table.name}` has {len(table.columns)} columns"
        ctx.report("SW0604", cell.span, why=why, instead=instead)
    return ops.Cell("error")


def _code_not_in_table(ctx: Context, span: Span, code: str, number: str, known: tuple[str, ...], table: str) -> None:
    origin = ctx.allowed.get(("SW0612", f"table {table}"))
    if origin is None:
        ctx.report(
            "SW0612",
            span,
            code=code,
            number=number,
            version=ctx.profile.version,
            known=shown(known),
            nearest=nearest(code, known),
            place=f"table {table}",
        )
    else:
        ctx.used_allows.add(("SW0612", f"table {table}"))


def _part(ctx: Context, table: ast.Table, column: ast.Column, part: ast.Value) -> str:
    match part:
        case ast.Text():
            return part.value
        case ast.Number():
            return part.digits
        case ast.Blank():
            return ""
        case ast.Ref():
            if column.type in ctx.model.enums or column.type == "boolean":
                return str(part)
            ctx.report("SW0609", part.span, table=table.name, name=str(part), wanted=column.type or "text")
            return ""
        case _:
            return ""


def _column_type(ctx: Context, table: ast.Table, column: int) -> Type:
    declared = table.columns[column]
    if declared.hl7_table:
        return scalar("text")
    if declared.type in SCALAR_COLUMNS:
        return scalar("text" if declared.type == "code" else declared.type)
    if declared.type in ctx.model.enums:
        return Type("enum", declared.type)
    return scalar("text")


def _combinations(ctx: Context, frame: Frame, keys: tuple[Typed, ...]) -> list[tuple[str, ...]] | None:
    """Every combination of values the keys can have, when that is known; a thousand are as many as anybody lists."""
    each = [ctx.possible(key, frame.facts.values.get(key.key)) for key in keys]
    sizes = [len(values) for values in each if values is not None]
    if len(sizes) < len(keys) or prod(sizes) > 1000:
        return None
    return list(product(*(values for values in each if values is not None)))


def _check_reach(
    ctx: Context,
    frame: Frame,
    node: ast.Via,
    table: ast.Table,
    data: ops.Table,
    keys: tuple[Typed, ...],
    column: int,
    *,
    covered: bool,
) -> bool:
    """Whether a cell that can be reached is blank; reports enum values without a row."""
    possible = _combinations(ctx, frame, keys)
    rows = {row.keys: row for row in data.rows}
    if possible is None:
        reached = [row.cells for row in data.rows] + ([data.otherwise] if data.otherwise else [])
        return any(column < len(cells) and cells[column].type == "blank" for cells in reached)
    missing = [values for values in possible if values not in rows]
    if missing and data.otherwise is None and not covered and not table.lost:
        ctx.report(
            "SW0613",
            node.span,
            Label(table.span, "table"),
            table=table.name,
            missing=[f"`{', '.join(values)}`" for values in missing[:MOST_SHOWN]] + ["…"] * (len(missing) > MOST_SHOWN),
            name=", ".join(key.said for key in keys),
            example=", ".join(missing[0]),
        )
    blank = any(rows[v].cells[column].type == "blank" for v in possible if v in rows and column < len(rows[v].cells))
    if missing and data.otherwise is not None and column < len(data.otherwise):
        blank = blank or data.otherwise[column].type == "blank"
    return blank


def _cells(
    ctx: Context, frame: Frame, data: ops.Table, keys: tuple[Typed, ...], column: int, component: int
) -> dict[tuple[str, ...], str]:
    """Every text the lookup can give, by the keys of its row; () is every other key."""
    possible = ctx.possible(keys[0], frame.facts.values.get(keys[0].key)) if len(keys) == 1 else None
    rows = {row.keys: row.cells for row in data.rows if possible is None or row.keys[0] in possible}
    if data.otherwise:
        rows[()] = data.otherwise
    texts: dict[tuple[str, ...], str] = {}
    for key, cells in rows.items():
        if column >= len(cells):
            continue
        value = cells[column].value
        text = value[component - 1] if 0 < component <= len(value) else value[0] if value and not component else ""
        if text:
            texts[key] = text
    return texts


def _cases(typed: Typed, key: Typed, cells: dict[tuple[str, ...], str]) -> tuple[Case, ...]:
    """What a lookup by one value of an enum gives, row by row."""
    if key.type.kind != "enum" or not key.key or () in cells:
        return ()
    return tuple(
        Case(msgspec.structs.replace(typed, constants=(text,)), Facts(values={key.key: frozenset(row)}))
        for row, text in cells.items()
    )


def composite_width(data: ops.Table, column: int) -> int:
    """How many components the widest cell of a composite column has."""
    cells = [r.cells for r in data.rows] + ([data.otherwise] if data.otherwise else [])
    return max((len(c[column].value) for c in cells if column < len(c)), default=0)
