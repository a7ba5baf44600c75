"""Spellings become values: `4` is an integer where the schema says integer, and a text everywhere else.

Takes plain data (dict, list, str, None) and its declaration, gives new data with int, Decimal and bool in it. What is not
spelled as its type stays a text: Cerberus then says so. Nothing is refused here and nothing is guessed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from segwright.orgs.declaration import Declaration

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,27})(?:\.[0-9]{1,28})?")
_BOOLEAN: Final = {"yes": True, "true": True, "no": False, "false": False}


def typed(data: Any, declaration: Declaration | None) -> Any:
    """The data with its scalars typed; unknown keys are kept as they are."""
    if declaration is None:
        return data
    if isinstance(data, str):
        return _scalar(data, declaration.kind)
    if isinstance(data, dict):
        if declaration.kind == "keys":
            fields = declaration.fields
            return {name: typed(value, fields.get(name)) for name, value in data.items()}
        if declaration.kind == "names":
            return {name: typed(value, declaration.each) for name, value in data.items()}
        return data
    if isinstance(data, list) and declaration.kind == "list":
        return [typed(item, declaration.each) for item in data]
    return data


def _scalar(text: str, kind: str) -> Any:
    if kind == "boolean":
        return _BOOLEAN.get(text, text)
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "decimal" and _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


def frozen(data: Any) -> Any:
    """The same data that nobody can change: tuples and read-only mappings."""
    if isinstance(data, dict):
        return MappingProxyType({name: frozen(value) for name, value in data.items()})
    if isinstance(data, list):
        return tuple(frozen(item) for item in data)
    return data
