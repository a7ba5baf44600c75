"""The built-in formats and functions of the mapping language: one record each, tested by its own examples.

A record's subject, parameters and result are what the compiler checks, its `call` is what the runtime runs, and its key
(`dtm/datetime@1`) is what a plan names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from segwright.library import codes, identifiers, lists, numbers, phones, text, times
from segwright.library.record import Builtin

_ALL: Final[tuple[Builtin, ...]] = (
    *text.BUILTINS,
    *phones.BUILTINS,
    *numbers.BUILTINS,
    *times.BUILTINS,
    *identifiers.BUILTINS,
    *codes.BUILTINS,
    *lists.BUILTINS,
)
_BY_KEY: Final = {record.key: record for record in _ALL}

# Which arguments keep a two-way format two-way. An argument that is not named here never loses anything.
_KEEPING: Final[dict[str, dict[str, tuple[object, ...]]]] = {
    "text/text@1": {"over": ("error",)},
    "number/decimal@1": {"places": ()},
    "date/date@1": {"precision": ("day",)},
}


def builtins() -> tuple[Builtin, ...]:
    """Every record, all versions."""
    return _ALL


@cache
def find(name: str) -> tuple[Builtin, ...]:
    """The records of a name, one for each type it works on and each version."""
    return tuple(record for record in _ALL if record.name == name)


def by_key(key: str) -> Builtin | None:
    """The record that a plan names, or None when this engine does not have it."""
    return _BY_KEY.get(key)


def undoing(record: Builtin) -> Builtin | None:
    """The record that reads what a two-way format wrote."""
    if not record.inverse:
        return None
    for other in find(record.name):
        if other.version == record.version and record.result in other.subject and other.result in record.subject:
            return other
    return None


def two_way(record: Builtin, arguments: Mapping[str, object]) -> bool:
    """Whether read(write(x)) = x holds with these arguments: constants by name, None for a value not known before run time."""
    if not record.inverse:
        return False
    keeping = _KEEPING.get(record.key, {})
    return all(name not in keeping or value in keeping[name] for name, value in arguments.items())
