"""Orders and documents that are made up and changed a little at a time: the material that suggested cases are cut from.

Takes what an organisation's plans read; gives an order message and documents of the model with nothing of a real person in them,
and the small changes (edits) that are worth trying on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.values import Field, Moment, Quantity, Segment
from segwright.plan import ops
from segwright.plan.model import Model, Type
from segwright.plan.walk import walk
from segwright.workbench.domains import FOREIGN, NUMBER, PLAIN, Part, part_of

Order: TypeAlias = tuple[tuple[str, ...], ...]
"""The segments of an order message, each with its name and fields, in the standard's delimiters."""
Steps: TypeAlias = tuple[int, ...]
"""Where in a document: numbers of attributes and elements."""

_BEHIND: Final = {"PID": "MSH", "PV1": "PID", "ORC": "PV1"}


class OrderEdit(msgspec.Struct, frozen=True):
    """A change of an order. `put` writes `text` at `part`, `again` adds a repetition with it, `clear` empties the field, `leave`
    leaves the segment out, `group` adds another order with `text` as its number."""

    kind: str
    part: Part
    text: str = ""


class DocumentEdit(msgspec.Struct, frozen=True):
    """A change of a document: `put` a value, `clear` an attribute, `add` an element to a list."""

    kind: str
    steps: Steps
    value: Any = None


# --- orders ---


def made_up_order(
    plan: ops.Plan, texts: Mapping[str, tuple[str, ...]], type_: str, version: str, control: str
) -> Order:
    """An order that holds something at every place that a plan reads: of each place the first text that means something."""
    segments: dict[str, dict[int, str]] = {}
    for name in ("PID", "PV1", "ORC", "OBR"):
        segments[name] = {}
    for op in walk(plan):
        if isinstance(op, ops.Keep):
            for name in op.segments:
                segments.setdefault(name, {})[2 if name == "PV1" else 1] = "O"
    order: Order = (
        ("MSH", "^~\\&", PLAIN, PLAIN, PLAIN, PLAIN, "20260302133000-0600", "", type_, control, "T", version),
        *((name, *_cells(cells)) for name, cells in segments.items()),
    )
    parts = [(part, candidates) for path, candidates in texts.items() if (part := part_of(path)) is not None]
    narrow = {(part.segment, part.field) for part, _ in parts if part.component}
    for part, candidates in parts:
        if part.segment != "MSH" and (part.component or (part.segment, part.field) not in narrow):
            meant = [text for text in candidates if text not in (PLAIN, NUMBER, FOREIGN)]
            order = changed_order(order, OrderEdit("put", part, (meant or [PLAIN])[0]))
    return order


def _cells(cells: Mapping[int, str]) -> list[str]:
    return [cells.get(number, "") for number in range(1, max(cells, default=0) + 1)]


def changed_order(order: Order, edit: OrderEdit) -> Order:
    """An order with one change."""
    part = edit.part
    if edit.kind == "leave":
        return tuple(segment for segment in order if segment[0] != part.segment)
    if edit.kind == "group":
        start = next((n for n, segment in enumerate(order) if segment[0] in ("ORC", "OBR")), len(order))
        again = [_put(s, Part(s[0], 2 if s[0] in ("ORC", "OBR") else 0), edit.text) for s in order[start:]]
        return (*order, *again)
    if not any(segment[0] == part.segment for segment in order):
        return changed_order(_with_segment(order, part.segment), edit) if edit.kind != "clear" else order
    done = False
    out = []
    for segment in order:
        if segment[0] == part.segment and not done:
            done = True
            segment = _changed_segment(segment, edit)
        out.append(segment)
    return tuple(out)


def _with_segment(order: Order, name: str) -> Order:
    """A segment where none is: behind the one it stands behind, else at the end."""
    behind = _BEHIND.get(name, "")
    place = max((n for n, segment in enumerate(order) if segment[0] == behind), default=len(order) - 1)
    return (*order[: place + 1], (name,), *order[place + 1 :])


def _changed_segment(segment: tuple[str, ...], edit: OrderEdit) -> tuple[str, ...]:
    if edit.kind == "clear":
        return _with_field(segment, edit.part.field, "")
    if edit.kind == "again":
        text = segment[edit.part.field] if edit.part.field < len(segment) else ""
        first = text.split("~")[0]
        more = _with_part(first, edit.part, edit.text)
        return _with_field(segment, edit.part.field, f"{text}~{more}" if text else more)
    return _put(segment, edit.part, edit.text)


def _put(segment: tuple[str, ...], part: Part, text: str) -> tuple[str, ...]:
    if not part.field:
        return segment
    old = segment[part.field] if part.field < len(segment) else ""
    first, tilde, rest = old.partition("~")
    return _with_field(segment, part.field, _with_part(first, part, text) + tilde + rest)


def _with_field(segment: tuple[str, ...], number: int, text: str) -> tuple[str, ...]:
    padded = [*segment, *([""] * (number + 1 - len(segment)))]
    padded[number] = text
    return tuple(padded)


def _with_part(field: str, part: Part, text: str) -> str:
    if not part.component:
        return text
    components = field.split("^")
    components += [""] * (part.component - len(components))
    if part.subcomponent:
        pieces = components[part.component - 1].split("&")
        pieces += [""] * (part.subcomponent - len(pieces))
        pieces[part.subcomponent - 1] = text
        text = "&".join(pieces)
    components[part.component - 1] = text
    return "^".join(components).rstrip("^")


def order_bytes(order: Order, default: str) -> bytes:
    """Its bytes in the charset that its header names, else in the codec `default`."""
    named = order[0][17].partition("~")[0] if len(order[0]) > 17 else ""
    codec = codec_of(named) if named else default
    return "".join("|".join(segment).rstrip("|") + "\r" for segment in order).encode(codec or default, "replace")


def order_from(segments: Iterable[str]) -> Order:
    """An order in the standard's delimiters."""
    return tuple(tuple(segment.split("|")) for segment in segments)


def order_edits(order: Order, texts: Mapping[str, tuple[str, ...]]) -> Iterator[OrderEdit]:
    """Every change worth trying, the smallest first."""
    parts = [(part, candidates) for path, candidates in texts.items() if (part := part_of(path)) is not None]
    for part, candidates in parts:
        for text in candidates:
            yield OrderEdit("put", part, text)
    for field in dict.fromkeys((part.segment, part.field) for part, _ in parts):
        yield OrderEdit("clear", Part(*field))
    for part, candidates in parts:
        if part.component:
            yield OrderEdit("put", part, "")
        for text in candidates[:3]:
            yield OrderEdit("again", part, text)
    for name in dict.fromkeys(segment[0] for segment in order):
        if name not in ("MSH", "PID", "OBR"):
            yield OrderEdit("leave", Part(name, 0))
    yield OrderEdit("group", Part("OBR", 2), f"{PLAIN}2")


# --- documents ---


class Documents:
    """Made-up documents of the model's types. `units`: those that quantities may be tried in; `codes`: diagnoses."""

    def __init__(
        self, model: Model, texts: Mapping[str, tuple[str, ...]], units: tuple[str, ...], codes: tuple[str, ...]
    ) -> None:
        self.model = model
        self.texts = texts
        self.units = units or ("1",)
        self.codes = codes or (PLAIN,)

    def full(self, type_: Type, path: str) -> Any:
        """A value with everything in it."""
        return self._values(type_, path, deep=True)[0]

    def edits(self, value: Any, type_: Type, path: str, steps: Steps = ()) -> Iterator[DocumentEdit]:
        """Every change worth trying inside a value."""
        if type_.kind == "record":
            for index, attribute in enumerate(self.model.records[type_.name].attributes):
                inner = f"{path}.{attribute.name}"
                here = (*steps, index)
                held = value[index] if value is not None else None
                if held is not None and attribute.optional:
                    yield DocumentEdit("clear", here)
                if attribute.type.of is not None:
                    yield from self._of_list(held, attribute.type.of, inner, here)
                    continue
                if held is None or attribute.type.kind != "record":
                    for other in self._values(attribute.type, inner, deep=True):
                        yield DocumentEdit("put", here, other)
                if held is not None:
                    yield from self.edits(held, attribute.type, inner, here)

    def _of_list(self, held: Any, of: Type, path: str, steps: Steps) -> Iterator[DocumentEdit]:
        if held:
            yield DocumentEdit("clear", steps)
            yield from self.edits(held[0], of, f"{path}[]", (*steps, 0))
        for element in self._values(of, f"{path}[]", deep=True):
            yield DocumentEdit("add", steps, element)

    def _values(self, type_: Type, path: str, *, deep: bool) -> list[Any]:
        """Values worth trying, the plainest first."""
        if type_.kind == "enum":
            return list(self.model.enums[type_.name])
        if type_.kind == "list":
            assert type_.of is not None
            return [(self._values(type_.of, f"{path}[]", deep=deep)[0],)]
        if type_.kind == "record":
            return list(self._records(type_, path, deep=deep))
        match type_.name:
            case "text":
                return [PLAIN, *self.texts.get(path, ())]
            case "code":
                return list(self.codes)
            case "integer":
                return [1]
            case "decimal":
                return [Decimal("0.5")]
            case "boolean":
                return [True, False]
            case "date":
                return [Moment("19700101", None)]
            case "datetime":
                return [Moment("20260302133000", -360)]
            case "quantity":
                return [Quantity(Decimal(n), unit, "") for unit in self.units for n in ("80", "1", "40", "120", "900")]
            case "field":
                return [Field(PLAIN, STANDARD)]
            case _:
                return [(Segment(f"PV1|1|O|{PLAIN}", STANDARD),)]

    def _records(self, type_: Type, path: str, *, deep: bool) -> Iterator[Any]:
        """A full record, then one with each other value of each enum in it, in each unit."""
        attributes = self.model.records[type_.name].attributes
        first = [
            self._values(each.type, f"{path}.{each.name}", deep=False)[0] if deep or not each.optional else None
            for each in attributes
        ]
        yield tuple(first)
        for index, each in enumerate(attributes):
            if each.type.kind == "enum" or each.type.name == "quantity":
                for other in self._values(each.type, f"{path}.{each.name}", deep=False)[1:]:
                    changed = [*first[:index], other, *first[index + 1 :]]
                    yield tuple(changed)
                    if each.type.kind == "enum":
                        yield from self._in_other_units(attributes, changed)
            if deep and each.optional:
                yield (*first[:index], None, *first[index + 1 :])

    def _in_other_units(self, attributes: Iterable[Any], record: list[Any]) -> Iterator[Any]:
        places = [n for n, each in enumerate(attributes) if each.type.name == "quantity"]
        for unit in self.units[1:] if places else ():
            yield tuple(
                Quantity(Decimal("80"), unit, "") if n in places and v is not None else v for n, v in enumerate(record)
            )


def changed_document(value: Any, edit: DocumentEdit, steps: Steps | None = None) -> Any:
    """A document with one change."""
    way = edit.steps if steps is None else steps
    if not way:
        if edit.kind == "clear":
            return None
        return (*(value or ()), edit.value) if edit.kind == "add" else edit.value
    if value is None or way[0] >= len(value):
        return value
    inner = changed_document(value[way[0]], edit, way[1:])
    return (*value[: way[0]], inner, *value[way[0] + 1 :])
