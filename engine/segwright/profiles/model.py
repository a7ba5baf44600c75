"""The HL7 structure types: plain frozen structs, so that they can be cached with a compiled workspace.

Takes nothing; gives the types that `standard` fills and the compiler reads; refuses nothing. Numbers count from 1 as in
the standard (PID-5 is `segment("PID").field(5)`).
"""

from __future__ import annotations

import msgspec


class FieldType(msgspec.Struct, frozen=True):
    """One field of a segment (attribute tables, chapters 2 to 17).

    `repeats` is the most repetitions, None when unbounded. `length` counts characters of one repetition before escaping
    and is known only for primitive fields up to 2.6 (see `lengths`). `table` is four digits or "". A withdrawn field
    (also one reserved by the standard) may not be sent; its datatype is "".
    """

    number: int
    name: str
    datatype: str
    required: bool = False
    repeats: int | None = 1
    length: int | None = None
    table: str = ""
    withdrawn: bool = False


class SegmentType(msgspec.Struct, frozen=True):
    """A segment and its fields, in order and without gaps: field n stands at index n - 1."""

    name: str
    fields: tuple[FieldType, ...]

    def field(self, number: int) -> FieldType | None:
        """Field `number` (from 1), or None when this version has no such field."""
        return self.fields[number - 1] if 1 <= number <= len(self.fields) else None


class ComponentType(msgspec.Struct, frozen=True):
    """One component of a composite data type (chapter 2A); the same words as `FieldType`. Components never repeat."""

    number: int
    name: str
    datatype: str
    required: bool = False
    length: int | None = None
    table: str = ""
    withdrawn: bool = False


class DataType(msgspec.Struct, frozen=True):
    """A data type (chapter 2A). No components: it is primitive. The type `varies` (OBX-5) is primitive here too."""

    name: str
    components: tuple[ComponentType, ...] = ()

    @property
    def primitive(self) -> bool:
        """Whether it has no components."""
        return not self.components

    def component(self, number: int) -> ComponentType | None:
        """Component `number` (from 1), or None when this version has no such component."""
        return self.components[number - 1] if 1 <= number <= len(self.components) else None


class SegmentPlace(msgspec.Struct, frozen=True, tag="segment"):
    """A place for a segment in a message structure. ANY stands for any segment (problem-oriented messages use it)."""

    name: str
    required: bool
    repeats: int | None


class Group(msgspec.Struct, frozen=True, tag="group"):
    """A group of a message structure. In a `choice` exactly one of the children stands."""

    name: str
    required: bool
    repeats: int | None
    children: tuple[Group | SegmentPlace, ...]
    choice: bool = False


class Structure(msgspec.Struct, frozen=True):
    """An abstract message (chapters 3 to 17): `id` is the structure id of MSH-9.3, such as ORU_R01."""

    id: str
    children: tuple[Group | SegmentPlace, ...]
