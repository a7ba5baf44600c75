"""What is declared once and used by name: records, enums, tables, formats, parts, texts, mappings."""

from __future__ import annotations

from typing import Literal

from segwright.core.source import NOWHERE, Span
from segwright.lang.ast.statements import Statement
from segwright.lang.ast.values import Alternative, ComponentPath, Node, Number, Ref, Text, TypeRef, Value

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

    @property
    def key(self) -> tuple[str, ...]:
        """The keys as the runtime compares them; () for `otherwise`."""
        return tuple(
            key.value if isinstance(key, Text) else key.digits if isinstance(key, Number) else str(key)
            for key in self.keys
        )


class TableFile(Node, frozen=True):
    """`from "x.csv"` (beside the declaring file) or `from org "x.csv"` (in the organisation's folder)."""

    name: str
    organisation: bool
    span: Span = NOWHERE


class Table(Node, frozen=True):
    """`table t: K[, K] -> COL, COL [from "x.csv"] … end`. `keys` are type names. `lost`: its file cannot be read, so that
    rows are missing here which are not missing there."""

    name: str
    keys: tuple[TypeRef, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...] = ()
    file: TableFile | None = None
    span: Span = NOWHERE
    doc: str = ""
    lost: bool = False


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
