"""Received fields taken apart: is there anything in it, which repetitions, what does one component say.

Takes the text of a field as it came (still escaped) and its delimiters. Refuses, with `Unfit`, a field that does not have the
form that is asked for: nothing is ever dropped silently.
"""

from __future__ import annotations

from typing import Literal

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.escape import unescape
from segwright.hl7.paths import HEADERS
from segwright.hl7.values import NULL, Field, Null

NULL_TEXT = '""'
PATIENT = "PID"
"""The orders of a message are one patient's. A message that names several, or brings earlier results with their own among its
orders, is refused: whose an order is would be a guess."""


class Unfit(Exception):
    """A field that cannot be read like this."""

    def __init__(self, kind: Literal["repetition", "structure"], reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


def is_empty(text: str, delimiters: Delimiters) -> bool:
    """Whether a field, repetition or component holds nothing but delimiters."""
    return not text.strip(delimiters.component + delimiters.repetition + delimiters.subcomponent)


def field_text(segment: str, number: int, delimiters: Delimiters) -> str:
    """Field `number` of a segment, "" when it has none. In a header segment the numbers are HL7's; its first two are ""."""
    texts = segment.split(delimiters.field)
    place = number - 1 if texts[0] in HEADERS else number
    if place >= len(texts) or (texts[0] in HEADERS and number < 3):
        return ""
    return texts[place]


def repetitions(field: Field) -> list[Field]:
    """The repetitions that hold anything."""
    text, delimiters, codec = field
    return [Field(one, delimiters, codec) for one in text.split(delimiters.repetition) if not is_empty(one, delimiters)]


def component_of(field: Field, component: int, subcomponent: int, codec: str) -> str | Null | None:
    """The text of a component and subcomponent (from 1; 0 for the whole as one value), unescaped. None when empty. `codec` is
    for a field that does not know its own."""
    delimiters = field.delimiters
    text = _single(field.text, delimiters)
    if not text:
        return None
    if text == NULL_TEXT:
        return NULL
    components = _kept(text, delimiters.component, delimiters)
    if component == 0 and len(components) > 1:
        raise Unfit("structure", "the field has components, and is read as one value")
    text = _at(components, component or 1)
    if text == NULL_TEXT:
        return NULL
    subcomponents = _kept(text, delimiters.subcomponent, delimiters)
    if subcomponent == 0 and len(subcomponents) > 1:
        raise Unfit("structure", "the component has subcomponents, and is read as one value")
    text = _at(subcomponents, subcomponent or 1)
    return NULL if text == NULL_TEXT else unescape(text, delimiters, field.codec or codec) or None


def _single(text: str, delimiters: Delimiters) -> str:
    """The one repetition that holds anything, "" when none does. Raises `Unfit` for several."""
    found = [one for one in text.split(delimiters.repetition) if not is_empty(one, delimiters)]
    if len(found) > 1:
        raise Unfit("repetition", "the field came with several repetitions")
    return found[0] if found else ""


def _kept(text: str, delimiter: str, delimiters: Delimiters) -> list[str]:
    """The parts without the empty ones at the end."""
    if delimiter not in text:
        return [] if is_empty(text, delimiters) else [text]
    parts = text.split(delimiter)
    while parts and is_empty(parts[-1], delimiters):
        parts.pop()
    return parts


def _at(parts: list[str], number: int) -> str:
    return parts[number - 1] if number <= len(parts) else ""
