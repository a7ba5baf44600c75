"""What a schema declares: every key of an org.yaml with its type, its sentence and where it is declared.

Frozen data, no YAML, no Cerberus: kept with a compiled workspace and read by the compiler, the editor and the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from segwright.core.source import Span

Key: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal["text", "integer", "decimal", "boolean", "list", "keys", "names"]

ANY = "*"
"""Stands in a declared key for a name that the organisation chooses (`catalogue.*.writes`)."""


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people write it; list items count from 1: `catalogue.ecg_order.reads[1]`."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


class Declaration(msgspec.Struct, frozen=True):
    """One declared key.

    `kind`: how it is written (`keys`: a group with the declared `fields`; `names`: a group whose names are free and whose
    values are all like `each`; `list`: items like `each`). `type`: the language type mappings see (`text`, `list of text`,
    `table`, a record or enum of the model), "" for a group that is no value. `mapping`: a `.seg` may read it as `org.KEY`.
    `required`: it is there whenever the group it belongs to is; `always`: it is there in every organisation.
    `checks` name forms of `forms.CHECKS`. `together`: names of which all or none are decided.
    """

    key: Key
    kind: Kind
    type: str
    span: Span
    says: str = ""
    example: str = ""
    required: bool = False
    always: bool = False
    mapping: bool = False
    allowed: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    fields: dict[str, Declaration] = {}
    each: Declaration | None = None

    def child(self, name: str) -> Declaration | None:
        """What is declared for a name below this key."""
        return self.fields.get(name) if self.kind == "keys" else self.each if self.kind == "names" else None

    def walk(self) -> Iterator[Declaration]:
        """This declaration and all below it, in declared order; items of lists are not keys and left out."""
        yield self
        for field in self.fields.values():
            yield from field.walk()
        if self.kind == "names" and self.each is not None:
            yield from self.each.walk()


class Schema(msgspec.Struct, frozen=True, eq=False):
    """A read schema.yaml: its declarations, and the same as Cerberus rules."""

    file: str
    root: Declaration
    rules: dict[str, Any]

    def __repr__(self) -> str:
        return f"Schema({self.file!r})"

    def declared(self, path: tuple[str | int, ...]) -> Declaration | None:
        """The declaration of a key; an int stands for an item of a list. `environment.K` is that of any environment:
        all are declared alike."""
        if path[:1] == ("environment",):
            path = ("environments", "production", *path[1:])
        found: Declaration | None = self.root
        for step in path:
            if found is None:
                return None
            found = found.child(step) if isinstance(step, str) else found.each if found.kind == "list" else None
        return found

    def values(self) -> list[Declaration]:
        """Every declared key that holds a value, in the order of the file."""
        return [d for d in self.root.walk() if d.kind not in {"keys", "names"} or d.type]


_SCALARS = {
    "integer": "a whole number",
    "decimal": "a number",
    "boolean": "yes or no",
    "text": "a text",
    "list": "a list [ … ]",
    "keys": "a group of keys",
    "names": "a group of names with values",
}


def said(kind: Kind) -> str:
    """A kind of value in an analyst's words."""
    return _SCALARS[kind]
