"""The forms that single texts and numbers of a plan must have.

Takes a text, or a type and a text; gives what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Final

SEGMENT: Final = re.compile("[A-Z][A-Z0-9]{2}")
HIGHEST: Final = 999
"""The highest field, component and subcomponent number."""
MOST_ATTRIBUTES: Final = 500

_NAME: Final = re.compile("[a-z][a-z0-9_]{0,99}")
_TYPE_NAME: Final = re.compile("[A-Za-z][A-Za-z0-9_]{0,99}")
_FORMS: Final = {
    "integer": re.compile("-?(0|[1-9][0-9]{0,17})"),
    "decimal": re.compile("-?[0-9]{1,30}([.][0-9]{1,30})?"),
    "boolean": re.compile("true|false"),
}


def is_name(text: str) -> bool:
    """A name of the mapping language."""
    return _NAME.fullmatch(text) is not None


def is_type_name(text: str) -> bool:
    """A name of a record or enum."""
    return _TYPE_NAME.fullmatch(text) is not None


def constant_fault(type_: str, value: str) -> str:
    """What is wrong with the text of a constant or single cell; "" when nothing is."""
    if type_ in ("blank", "null", "error"):
        return "it has no value of its own" if value else ""
    form = _FORMS.get(type_)
    if form is not None and not form.fullmatch(value):
        return f"its text is no {type_}"
    return "" if value else "its text is empty"
