"""The functions that generated code may call, by the names it calls them: all that it can see besides its arguments.

Each gives the plain meaning of an operation that is too rich to be written out in every plan. Whatever cannot be done raises;
why is for the interpreter to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key, lru_cache
from typing import Any, Final, NoReturn

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.escape import redelimit, unescape
from segwright.hl7.values import NULL, Field, Segment
from segwright.library.record import Refusal
from segwright.runtime import compare, evaluate
from segwright.runtime.fields import NULL_TEXT, PATIENT, Unfit, component_of, field_text, is_empty, repetitions

_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


_BETWEEN: Final = "\0"
"""What no text of a message holds."""


class Signal(Exception):
    """The message is refused; the interpreter says why. Never leaves `runtime.load`."""


class _Mark:
    """A value of its own, told apart by identity."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABSENT: Final = _Mark("ABSENT")
"""A key without row."""
ERROR: Final = _Mark("ERROR")
"""A cell that refuses."""
REFUSED: Final = _Mark("REFUSED")
"""What a built-in refused."""


def refuse() -> NoReturn:
    """The message is refused."""
    raise Signal


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a built-in, `REFUSED` when it refuses."""
    try:
        return function(*arguments)
    except Refusal:
        return REFUSED


class Declined(Signal):
    """Nothing speaks against the message, but its values are of a kind that only the interpreter handles."""


# --- conditions ------------------------------------------------------------------------------------------------------


def counts(value: object) -> bool:
    """Whether a value that is not true is there nevertheless: 0 and false are, an empty text or list is a missing one."""
    return value != "" and value != ()


def needed(value: object) -> object:
    """A required value that is not true: it is there nevertheless, or the message is refused."""
    if value is None or not counts(value):
        raise Signal
    return value


def equal(left: object, right: object) -> bool:
    """Both are there and equal."""
    return left != "" and left != () and compare.equal(left, right)


def is_in(value: object, members: Iterable[object] | None) -> bool:
    """`value` equals one of the members."""
    return any(equal(value, member) for member in members or ())


def is_null(value: object) -> bool:
    """HL7 null, also as a whole received field."""
    return value is NULL or (value.__class__ is Field and value.text == NULL_TEXT)


def holds(value: object) -> bool:
    """A boolean that is there and true."""
    if value is True:
        return True
    if value is False or value is NULL or value is None or value == "" or value == ():
        return False
    raise Signal


def _order(left: object, right: object) -> int | None:
    for value in (left, right):
        if value is None or value is NULL or value == "" or value == ():
            return None
    if isinstance(left, str | bool):
        raise Signal
    return compare.compare(left, right)


def above(left: object, right: object) -> bool:
    """`left` lies above `right`."""
    order = _order(left, right)
    return order is not None and order > 0


def below(left: object, right: object) -> bool:
    """`left` lies below `right`."""
    order = _order(left, right)
    return order is not None and order < 0


def at_least(left: object, right: object) -> bool:
    """`left` does not lie below `right`."""
    order = _order(left, right)
    return order is not None and order >= 0


def at_most(left: object, right: object) -> bool:
    """`left` does not lie above `right`."""
    order = _order(left, right)
    return order is not None and order <= 0


# --- lists -----------------------------------------------------------------------------------------------------------


_by_key: Final = cmp_to_key(compare.compare)


def in_order(keyed: Sequence[tuple[object, Any]]) -> list[Any]:
    """Elements by their keys, ascending; those without key last."""
    first, last = [], []
    for key, element in keyed:
        if key is None or key is NULL or key == "" or key == ():
            last.append(element)
        else:
            first.append((key, element))
    first.sort(key=lambda pair: _by_key(pair[0]))
    return [*(element for _, element in first), *last]


def limit(value: object) -> int:
    """The number of elements that a loop may have."""
    if type(value) is not int or value < 0:
        raise Signal
    return value


# --- texts -----------------------------------------------------------------------------------------------------------


def text_of(value: object) -> str:
    """A value as text to be sent, `""` for null."""
    text = NULL_TEXT if value is NULL else evaluate.printed(value)
    if text is None:
        raise Signal
    return text


def printed(number: int) -> str:
    """A whole number as text."""
    return str(number)


# --- received fields and segments ------------------------------------------------------------------------------------


def received(segment: Segment | None, number: int) -> Field | None:
    """A field of a kept segment."""
    if segment is None:
        return None
    text, delimiters = field_text(segment.text, number, segment.delimiters), segment.delimiters
    return None if is_empty(text, delimiters) else Field(text, delimiters, segment.codec)


def component(field: Field | None, number: int, part: int, codec: str) -> object:
    """A component or subcomponent of a received field as unescaped text."""
    if field is None:
        return None
    text, (_, component_, repetition, escape, subcomponent_, _), _ = field
    if not (repetition in text or escape in text or subcomponent_ in text or NULL_TEXT in text):
        if number:
            components = text.split(component_, number)
            return (components[number - 1] or None) if number <= len(components) and part < 2 else None
        if component_ not in text:
            return (text or None) if part < 2 else None
    return component_of(field, number, part, codec)


def kept(segments: Iterable[object] | None, name: str) -> list[Segment]:
    """The kept segments of that name."""
    return [segment for segment in segments or () if isinstance(segment, Segment) and segment.name == name]


def raw(text: str, of: Delimiters, codec: str, to: Delimiters, to_codec: str) -> str:
    """Received text in this organisation's delimiters and charset."""
    if _CONTROL.search(text):
        raise Signal
    return text if of == to and of.escape not in text else redelimit(text, of, to, codec, to_codec)


def echoed(segment: Segment, to: Delimiters, to_codec: str, trim: bool, fields: Sequence[tuple[int, str]]) -> str:
    """A kept segment with some fields in place of its own."""
    own = segment.text.split(segment.delimiters.field)
    replaced = dict(fields)
    texts = [
        replaced[number] if number in replaced else raw(text, segment.delimiters, segment.codec, to, to_codec)
        for number, text in enumerate(own)
    ]
    came = len(texts)
    for number in range(came, max(replaced, default=0) + 1):
        texts.append(replaced.get(number, ""))
    while len(texts) > came and not texts[-1]:
        texts.pop()
    if trim and not texts[-1] and (len(texts) > came or own[len(texts) - 1]):
        # A rule cleared the end: separators that only led up to it go too. Those that came at the end stay.
        while not texts[-1]:
            texts.pop()
    return to.field.join(texts)


def joined(repetitions: Sequence[str], separator: str) -> str | None:
    """Repetitions, some of them held empty; nothing when all are."""
    return separator.join(repetitions) if any(repetitions) else None


# --- reading a message -----------------------------------------------------------------------------------------------


def by_name(segments: Sequence[str]) -> dict[str, list[str]]:
    """All segments by their names."""
    found: dict[str, list[str]] = {}
    for segment in segments:
        name = segment[:3]
        if name in found:
            found[name].append(segment)
        else:
            found[name] = [segment]
    return found


def firsts(segments: Sequence[str]) -> dict[str, str]:
    """The first segment of each name."""
    return {segment[:3]: segment for segment in reversed(segments)}


def in_groups(segments: Sequence[str], head: str, under: str) -> tuple[Sequence[str], list[list[list[str]]]]:
    """The segments before the first group, and those of each group: its own, and what stands between the segment `under` which
    it belongs to and the first `head` there. Groups under one segment stand together."""
    names = [segment[:3] for segment in segments]
    if names.count(PATIENT) > 1:
        raise Signal
    heads = [place for place, name in enumerate(names) if name in (head, under)]
    together: list[list[list[str]]] = []
    common: list[str] = []
    for at, place in enumerate(heads):
        end = heads[at + 1] if at + 1 < len(heads) else len(segments)
        if under and names[place] == under:
            if at + 1 == len(heads) or names[heads[at + 1]] == under:
                # A segment that should head a group and heads none is noted, and only the interpreter notes.
                raise Declined
            common = [*segments[place:end]]
            together.append([])
            continue
        group = [*common, *segments[place:end]]
        if under and together:
            together[-1].append(group)
        else:
            together.append([group])
    return segments[: heads[0]] if heads else segments, together


def taken(text: str, delimiters: Delimiters, codec: str, single: bool) -> Field | None:
    """A whole field of the message that is read."""
    if is_empty(text, delimiters):
        return None
    field = Field(text, delimiters, codec)
    if single and delimiters.repetition in text and len(repetitions(field)) > 1:
        raise Signal
    return field


def taken_all(
    scopes: Iterable[list[str] | None], number: int, delimiters: Delimiters, codec: str
) -> tuple[Field, ...] | None:
    """Every repetition of a field of all segments of one name."""
    repetition = delimiters.repetition
    found: list[Field] = []
    for segments in scopes:
        for segment in segments or ():
            text = field_text(segment, number, delimiters)
            if not text:
                continue
            if repetition in text:
                found += repetitions(Field(text, delimiters, codec))
            elif not is_empty(text, delimiters):
                found.append(Field(text, delimiters, codec))
    return tuple(found) or None


def first_component(
    scopes: Iterable[Iterable[str]], name: str, number: int, component_: int, part: int, by: Delimiters, codec: str
) -> object:
    """The first component of that number that any repetition of a field has in any segment of that name."""
    for segments in scopes:
        for field in taken_all(([one for one in segments if one[:3] == name],), number, by, "") or ():
            found = component_of(field, component_, part, codec)
            if found is not None:
                return found
    return None


def all_kept(scopes: Iterable[Iterable[str]], names: frozenset[str], delimiters: Delimiters, codec: str) -> object:
    """The segments of some names, in their order."""
    return tuple(Segment(text, delimiters, codec) for scope in scopes for text in scope if text[:3] in names) or None


def subcomponent(text: str, number: int, delimiter: str) -> str:
    """A subcomponent of a component, still escaped."""
    parts = text.split(delimiter, number)
    return parts[number - 1] if number <= len(parts) else ""


def leaves(
    fields: tuple[str, ...],
    texts: tuple[str, ...],
    places: tuple[tuple[int, int, int], ...],
    by: Delimiters,
    codec: str,
) -> Sequence[object]:
    """The components `texts` of some fields, unescaped; "" or None for missing ones. `places` says of each of which field it is
    the component and subcomponent, for the careful way, which is needed only when there is more to a field than meets the eye."""
    _, _, repetition, escape, subcomponent_, _ = by
    whole = "".join(fields)
    # One character is looked for many times faster than two.
    if repetition in whole or ('"' in whole and NULL_TEXT in whole):
        return _carefully(fields, places, by, codec)
    together = _BETWEEN.join(texts)
    if subcomponent_ in together:
        return _carefully(fields, places, by, codec)
    at = together.find(escape)
    if at < 0:
        return texts
    found, letters = list(texts), _letters(by)
    while at >= 0:
        number = together.count(_BETWEEN, 0, at)
        found[number] = _plain(texts[number], letters, by, codec)
        end = together.find(_BETWEEN, at)
        at = together.find(escape, end) if end >= 0 else -1
    return found


@lru_cache(maxsize=256)
def _letters(by: Delimiters) -> dict[str, str]:
    """What the escapes of one letter stand for."""
    letters = {"E": by.escape, "F": by.field, "S": by.component, "R": by.repetition, "T": by.subcomponent}
    return letters | {"P": by.truncation} if by.truncation else letters


def _plain(text: str, letters: dict[str, str], by: Delimiters, codec: str) -> str:
    """A text without its escapes: fast when all are of one letter, and each of them is closed."""
    parts = text.split(by.escape)
    if len(parts) % 2:
        try:
            for place in range(1, len(parts), 2):
                parts[place] = letters[parts[place]]
        except KeyError:
            pass
        else:
            return "".join(parts)
    return unescape(text, by, codec)


def _carefully(
    fields: tuple[str, ...], places: tuple[tuple[int, int, int], ...], delimiters: Delimiters, codec: str
) -> Sequence[object]:
    try:
        return [component_of(Field(fields[at], delimiters), number, part, codec) for at, number, part in places]
    except Unfit:
        # Perhaps nothing asks for it: a rung above may have been taken.
        raise Declined from None


def decline() -> NoReturn:
    """Left to the interpreter."""
    raise Declined


NAMES: Final[dict[str, Any]] = {
    "__builtins__": {},
    **{
        called.__name__: called
        for called in (
            any, len, tuple, refuse, attempt, counts, needed, equal, is_in, is_null, holds, above, below, at_least, at_most,
            in_order, limit, printed, received, component, kept, echoed, joined,
            by_name, firsts, in_groups, taken, taken_all, first_component, all_kept, subcomponent, leaves, decline,
        )
    },
    "NULL": NULL,
    "ABSENT": ABSENT,
    "ERROR": ERROR,
    "REFUSED": REFUSED,
}  # fmt: skip
"""The globals of every generated function."""
