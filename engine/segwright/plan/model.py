"""The data model as the engine sees it: what `mappings/model.seg` declares, resolved.

Part of every bundle, so that the runtime decodes results and stores orders without the compiler.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCALARS: Final = (
    "text",
    "integer",
    "decimal",
    "quantity",
    "date",
    "datetime",
    "boolean",
    "code",
    "field",
    "segments",
)


class Type(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A resolved type. `kind` scalar: `name` is one of `SCALARS`; enum, record: `name` is declared; list: `of` is its element.

    Whether a value may be missing is not part of its type; it is said beside it.
    """

    kind: Literal["scalar", "enum", "record", "list"]
    name: str = ""
    of: Type | None = None

    def __str__(self) -> str:
        return f"list of {self.of}" if self.of is not None else self.name


def scalar(name: str) -> Type:
    """The built-in type of that name."""
    return Type("scalar", name)


TEXT: Final = scalar("text")
INTEGER: Final = scalar("integer")
DECIMAL: Final = scalar("decimal")
BOOLEAN: Final = scalar("boolean")
FIELD: Final = scalar("field")
DATETIME: Final = scalar("datetime")


class Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One attribute of a record; `optional` ones may be missing."""

    name: str
    type: Type
    optional: bool = False
    doc: str = ""


class RecordType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A declared record. At run time a record is the tuple of its attributes in this order."""

    name: str
    attributes: tuple[Attribute, ...]

    def index(self, name: str) -> int:
        """Place of an attribute, or -1."""
        for number, attribute in enumerate(self.attributes):
            if attribute.name == name:
                return number
        return -1


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All declared records and enums by name; an enum is its values in declared order."""

    records: dict[str, RecordType]
    enums: dict[str, tuple[str, ...]]
