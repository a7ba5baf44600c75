"""What generated functions hold as constants: the strings, tables, patterns and built-ins of a plan as objects ready to use.

Takes parts of a plan when it is loaded, gives run-time values. Texts that go out unchanged are escaped here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.escape import escape, escape_formatted
from segwright.hl7.values import NULL, Field
from segwright.library import by_key
from segwright.plan import ops, patterns
from segwright.plan.walk import LIMIT
from segwright.runtime.calls import ERROR, Signal, raw, text_of
from segwright.runtime.evaluate import constant
from segwright.runtime.fields import NULL_TEXT, is_empty
from segwright.runtime.narrative import render

DIGITS: Final = tuple(str(number) for number in range(512))
"""Set identifiers and counts, already printed."""


def delimiters_of(encoding: ops.Encoding) -> Delimiters:
    """The delimiters a plan writes with."""
    return Delimiters(encoding.field, *encoding.msh2)


def value_of(op: ops.Const | ops.Listed) -> object:
    """The run-time value of a constant; None for `blank`."""
    if isinstance(op, ops.Listed):
        return tuple(value_of(item) for item in op.items)
    return constant(op.type, op.value)


def escaped(op: ops.Const, coding: str, encoding: ops.Encoding) -> str | None:
    """A constant as it stands on the wire; None when it cannot, so that the message is refused, not the plan."""
    delimiters = delimiters_of(encoding)
    try:
        text = encodable(text_of(value_of(op)), encoding)
        if text == NULL_TEXT and op.type != "null":
            return None
        return escape_formatted(text, delimiters) if coding == "formatted" else escape(text, delimiters)
    except (ValueError, OverflowError, Signal):
        return None


def is_plain(text: str, encoding: ops.Encoding) -> bool:
    """Whether nothing in a text needs care: then it, and every part of it, stands on the wire as it is."""
    return text.isascii() and text.isprintable() and _special(encoding.field, encoding.msh2).isdisjoint(text)


@lru_cache(maxsize=64)
def _special(field: str, msh2: str) -> frozenset[str]:
    return frozenset((field, *msh2, '"'))


def encodable(text: str, encoding: ops.Encoding) -> str:
    """A text with the characters that the charset lacks replaced as the organisation says. Raises UnicodeEncodeError."""
    if _lacks(encoding.codec, text):
        text = text.translate(replacements(encoding))
        text.encode(encoding.codec)
    return text


def limiting(encoding: ops.Encoding) -> Callable[..., Any]:
    """What holds a leaf to a length: as it goes out, after the replacing."""
    hold = function(LIMIT)

    def limited(subject: Any, *arguments: Any) -> Any:
        if isinstance(subject, str) and _lacks(encoding.codec, subject):
            subject = subject.translate(replacements(encoding))
        return hold(subject, *arguments)

    return limited


def replacements(encoding: ops.Encoding) -> dict[int, str]:
    """What stands for characters that the charset lacks, for `str.translate`."""
    return {
        ord(one): other for one, other in encoding.unencodable.items() if len(one) == 1 and _lacks(encoding.codec, one)
    }


def _lacks(codec: str, text: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return True
    return False


def formatting(encoding: ops.Encoding) -> Callable[[object], str]:
    """Formatted text (FT) to how it stands on the wire."""
    delimiters = delimiters_of(encoding)

    def formatted(value: object) -> str:
        text = encodable(text_of(value), encoding)
        if value is NULL:
            return NULL_TEXT
        if text == NULL_TEXT:
            raise Signal
        return escape_formatted(text, delimiters)

    return formatted


def receiving(encoding: ops.Encoding) -> Callable[[object], str | None]:
    """A received field to how it stands on the wire; None when it holds no value."""
    own = delimiters_of(encoding)

    def texted(field: object) -> str | None:
        if field is None or field is NULL:
            return None if field is None else NULL_TEXT
        if not isinstance(field, Field):
            raise Signal
        text, delimiters, codec = field
        if is_empty(text, delimiters):
            return None
        if delimiters.field in text:
            raise Signal
        return raw(text, delimiters, codec, own, encoding.codec)

    return texted


# --- tables ----------------------------------------------------------------------------------------------------------


def _cell(cell: ops.Cell, component: int) -> object:
    if cell.type == "blank":
        return None
    if cell.type == "error" or (cell.type == "composite") != bool(component):
        return ERROR
    if cell.type != "composite":
        return constant(cell.type, cell.value[0]) if cell.value[0] else None
    return (cell.value[component - 1] or None) if component <= len(cell.value) else None


def cells(table: ops.Table, column: int, component: int) -> dict[Any, object]:
    """A column of a table: key (several keys as a tuple) to value, None where blank, `ERROR` where the table refuses."""
    found: dict[Any, object] = {
        row.keys[0] if len(row.keys) == 1 else row.keys: _cell(row.cells[column], component) for row in table.rows
    }
    found[NULL] = NULL
    return found


def otherwise(table: ops.Table, column: int, component: int) -> object:
    """What a column holds for all other keys."""
    return _cell(table.otherwise[column], component) if table.otherwise is not None else None


def may_refuse(table: ops.Table, column: int, component: int) -> bool:
    """Whether a column has an error cell."""
    rows = [row.cells for row in table.rows]
    if table.otherwise is not None:
        rows.append(table.otherwise)
    return any(_cell(row[column], component) is ERROR for row in rows)


# --- functions -------------------------------------------------------------------------------------------------------


def function(key: str) -> Callable[..., Any]:
    """A built-in by its key. Raises KeyError for one that this engine does not have."""
    record = by_key(key)
    if record is None:
        raise KeyError(key)
    return record.call


def pattern(text: str) -> Callable[[str], bool]:
    """What tells whether a pattern matches all of a text."""
    return patterns.compiled(text).fullmatch


@lru_cache(maxsize=1024)
def narrative(text: ops.Narrative, filters: tuple[str, ...]) -> Callable[..., str | None]:
    """What renders a narrative text with these built-ins as filters; missing when it comes out empty."""
    numbered = msgspec.structs.replace(text, filters=tuple(range(len(filters))))
    # Only this much of its plan would it look at, and one for all plans that have it.
    alone = ops.Plan(
        "", "writes", (), "", ops.Encoding("", "|", "^~\\&", "", "ascii"), (), (), 0,
        narratives=(numbered,), functions=filters,
    )  # fmt: skip

    def rendered(*arguments: object) -> str | None:
        return render(alone, 0, arguments) or None

    return rendered
