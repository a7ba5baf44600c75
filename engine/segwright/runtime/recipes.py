"""What fills generated code: recipes by which the constants of a function are made of a plan's own data.

Generated code is shared by all plans of one shape, so a generator cannot give a constant as a value when it is one of the plan's
own: it gives a `Recipe`, a function of `Own` and numbers of what it takes from there. Everything else is a plain value, which all
plans of the shape share.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

import msgspec

from segwright.plan import ops
from segwright.plan.pieces import Shared
from segwright.runtime import constants
from segwright.runtime.assemble import Assembler
from segwright.runtime.evaluate import constant

LIST: Final = "list "
"""Precedes the number of a list of texts where a single constant has its number alone."""


class Recipe(NamedTuple):
    """`make(own, *arguments)` is the constant."""

    make: Callable[..., object]
    arguments: tuple[Any, ...] = ()


# --- tables: those of a base are the same at many hospitals -----------------------------------------------------------


class KnownTable:
    """A table of any number of plans, and its columns ready for looking up, made when first wanted."""

    __slots__ = ("__weakref__", "_columns", "_packed", "kinds")

    def __init__(self, encoded: bytes) -> None:
        self._packed = zlib.compress(encoded)
        self._columns: dict[tuple[int, int], dict[Any, object]] = {}
        table = self.table
        rows = [row.cells for row in table.rows]
        width = max(map(len, rows), default=0)
        if table.otherwise is not None:
            rows.append(table.otherwise)
            width = max(width, len(table.otherwise))
        columns = [sorted({row[column].type for row in rows if column < len(row)}) for column in range(width)]
        self.kinds: Final = (table.otherwise is not None, tuple(tuple(kinds) for kinds in columns))
        """Whether there is a row for all other keys, and what the cells of each column are: all that source depends on."""

    @property
    def table(self) -> ops.Table:
        """The table itself."""
        return msgspec.json.decode(zlib.decompress(self._packed), type=ops.Table)

    @property
    def blank(self) -> ops.Table:
        """A table with cells of the same types and nothing in them."""
        otherwise, columns = self.kinds
        cells = [
            tuple(ops.Cell(kinds[min(number, len(kinds) - 1)], ("",)) for kinds in columns)
            for number in range(max(map(len, columns), default=0))
        ]
        return ops.Table(
            tuple(ops.TableRow((), row) for row in cells), (cells[0] if cells else ()) if otherwise else None
        )

    def column(self, column: int, component: int) -> dict[Any, object]:
        """`constants.cells` of this table."""
        found = self._columns.get((column, component))
        if found is None:
            found = self._columns[column, component] = constants.cells(self.table, column, component)
        return found


_tables: WeakValueDictionary[bytes, KnownTable] = WeakValueDictionary()


def known_table(table: Shared) -> KnownTable:
    """The one object for all tables with this JSON."""
    known = _tables.get(table.key)
    if known is None:
        known = _tables[table.key] = KnownTable(table.pieces[0])
    return known


# --- what is a plan's own ---------------------------------------------------------------------------------------------


class Own:
    """A plan's own data, in the numbers of its shape. `plan` has neither body nor tables."""

    __slots__ = ("_all_plain", "plan", "tables", "values")

    def __init__(self, plan: ops.Plan, values: Sequence[Any], tables: Sequence[KnownTable]) -> None:
        self.plan = plan
        self.values = values
        self.tables = tables
        together = "".join([value for value in values if type(value) is str])
        self._all_plain = constants.is_plain(together, plan.encoding)

    def text(self, type_: str, number: int, coding: str) -> str | None:
        """A constant as it stands on the wire; None when it cannot."""
        value = self.values[number]
        if self._all_plain and type_ == "text":
            return value  # type: ignore[no-any-return]
        return constants.escaped(ops.Const(type_, value), coding, self.plan.encoding)  # type: ignore[arg-type]


class Escaped(NamedTuple):
    """In a folded text: the place of a constant."""

    type: str
    number: int
    coding: str


def _folded(own: Own, pieces: Sequence[str | Escaped]) -> str | None:
    texts = [piece if type(piece) is str else own.text(*piece) for piece in pieces]
    # A constant that cannot be sent: None cannot be joined, so the message is refused if this is written.
    return None if None in texts else "".join(texts)  # type: ignore[arg-type]


def folded(pieces: Sequence[str | Escaped]) -> object:
    """A text of separators and constants."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)  # type: ignore[arg-type]
    joined: list[str | Escaped] = []
    for piece in pieces:
        if joined and type(piece) is str and type(joined[-1]) is str:
            joined[-1] += piece
        else:
            joined.append(piece)
    return Recipe(_folded, (tuple(joined),))


def escaped(op: ops.Const, coding: str) -> str | Escaped | None:
    """A constant of a blank plan within a folded text; None when no plan of the shape could send it."""
    if op.type in ("null", "blank") or not op.value:
        return constants.escaped(op, coding, _ANY)
    return Escaped(op.type, int(op.value), coding)


_ANY: Final = ops.Encoding("", "|", "^~\\&", "", "ascii")


def value(op: ops.Const | ops.Listed) -> object:
    """A constant of a blank plan."""
    if isinstance(op, ops.Listed):
        if is_texts(op):
            return Recipe(_texts, (int(op.items[0].value.removeprefix(LIST)),))
        items = tuple(value(item) for item in op.items)
        return Recipe(_several, (items,)) if any(isinstance(item, Recipe) for item in items) else items
    if op.type in ("null", "blank") or not op.value:
        return constants.value_of(op)
    return Recipe(_value, (op.type, int(op.value)))


def is_texts(op: ops.Value) -> bool:
    """Whether a value of a blank plan is a list of texts."""
    return isinstance(op, ops.Listed) and op.items[:1] != () and op.items[0].value.startswith(LIST)


def members(op: ops.Listed) -> Recipe:
    """A list of texts as a set."""
    return Recipe(_members, (int(op.items[0].value.removeprefix(LIST)),))


def _value(own: Own, type_: str, number: int) -> object:
    return own.values[number] if type_ == "text" else constant(type_, own.values[number])


def _texts(own: Own, number: int) -> tuple[str, ...]:
    return tuple(item["value"] for item in own.values[number])


def _several(own: Own, items: Sequence[object]) -> tuple[object, ...]:
    return tuple(filled(own, item) for item in items)


def _members(own: Own, number: int) -> frozenset[str]:
    return frozenset(_texts(own, number))


def filled(own: Own, made: object) -> object:
    """A constant of the shape for this plan."""
    return made.make(own, *made.arguments) if type(made) is Recipe else made


# --- tables, patterns, texts ------------------------------------------------------------------------------------------


def cells(own: Own, table: int, column: int, component: int) -> dict[Any, object]:
    """A column of a table."""
    return own.tables[table].column(column, component)


def otherwise(own: Own, table: int, column: int, component: int) -> object:
    """What a column holds for all other keys."""
    return constants.otherwise(own.tables[table].table, column, component)


def pattern(own: Own, number: int) -> Callable[[str], bool]:
    """What tells whether a pattern matches all of a text."""
    return constants.pattern(own.plan.patterns[number])


def narrative(own: Own, number: int) -> Callable[..., str | None]:
    """What renders a narrative text."""
    found = own.plan.narratives[number]
    return constants.narrative(found, tuple(own.plan.functions[index] for index in found.filters))


def formatting(own: Own) -> Callable[[object], str]:
    """Formatted text (FT) to how it stands on the wire."""
    return constants.formatting(own.plan.encoding)


def limiting(own: Own) -> Callable[..., Any]:
    """What holds a leaf to a length."""
    return constants.limiting(own.plan.encoding)


def finishing(own: Own) -> Callable[[list[str]], str]:
    """What makes the text of a field that is made apart."""
    return assembler(own.plan.encoding).text


class _Wire(NamedTuple):
    field: str
    msh2: str
    codec: str
    unencodable: tuple[tuple[str, str], ...]


def assembler(encoding: ops.Encoding) -> Assembler:
    """The one that writes with this encoding."""
    unencodable = tuple(encoding.unencodable.items())
    return _assembler(_Wire(encoding.field, encoding.msh2, encoding.codec, unencodable))


@lru_cache(maxsize=1024)
def _assembler(wire: _Wire) -> Assembler:
    return Assembler(ops.Encoding("", wire.field, wire.msh2, "", wire.codec, dict(wire.unencodable)))
