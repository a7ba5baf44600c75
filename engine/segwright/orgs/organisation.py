"""One organisation's configuration, checked and typed.

`load` makes it; nothing here can fail: what the accessors rely on was checked. Mappings read keys through `value`, the engine
through the typed accessors. Places are worked out when they are asked for, by reading the text again with positions.
"""

from __future__ import annotations

from collections.abc import Mapping as Read
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from segwright.core.source import Source, Span
from segwright.hl7.charset import codec_of, msh18_of
from segwright.hl7.delimiters import Delimiters
from segwright.orgs import forms
from segwright.orgs.declaration import Declaration, Key, Schema
from segwright.orgs.finding import Path, span_of
from segwright.orgs.forms import Limit
from segwright.orgs.plain import read_quickly
from segwright.orgs.tree import Mapping
from segwright.plan.manifest import Batch, Gate, Orders

Value: TypeAlias = "str | int | Decimal | bool | tuple[Value, ...] | Read[str, Value]"
"""text, integer, decimal, boolean; a list or table; a record or group of keys."""

_GROUPS: Final = (MappingProxyType, dict)
_SEGMENT_ENDS: Final = {"CR": "\r", "LF": "\n", "CRLF": "\r\n"}


class ConfigValue:
    """A value, its language type, and where it stands. `type` is "" for a group that mappings cannot read as a whole."""

    __slots__ = ("_organisation", "key", "type", "value")

    def __init__(self, value: Value, type_: str, key: Key, organisation: Organisation) -> None:
        self.value = value
        self.type = type_
        self.key = key
        self._organisation = organisation

    @property
    def span(self) -> Span:
        """The value in org.yaml."""
        return self._organisation.span(self.key)

    @property
    def key_span(self) -> Span:
        """The key in org.yaml."""
        return self._organisation.span(self.key, "key")

    def __repr__(self) -> str:
        return f"ConfigValue({self.value!r}, {self.type!r}, {'.'.join(self.key)})"


class Encoding(msgspec.Struct, frozen=True):
    """How this organisation's messages are written. `limits`: by data type or component (`HD.1`); `batch`: none, batch (BHS) or
    file (FHS and BHS), None when the organisation takes no batches; `msh18`: the charset as MSH-18 says it."""

    version: str
    charset: str
    codec: str
    msh18: str
    unencodable: dict[str, str]
    delimiters: Delimiters
    trailing: str
    segment_end: str
    batch: Batch | None
    limits: dict[str, Limit]


class CatalogueEntry(msgspec.Struct, frozen=True):
    """One message the organisation exchanges. Reading: `reads` types and which `orders`. Writing: `writes` with the gate of each
    kind; `unsolicited` and `message_per` only where results are carried; `to` names the destination, "" is `outbound`."""

    name: str
    reads: tuple[str, ...] = ()
    orders: Orders = ()
    writes: str = ""
    kinds: dict[str, Gate] = {}
    unsolicited: bool | None = None
    message_per: str | None = None
    to: str = ""


class Organisation(msgspec.Struct, frozen=True, dict=True, eq=False):
    """A checked org.yaml. `data` is read-only, typed and complete; `source` its text."""

    id: str
    name: str
    layers: tuple[str, ...]
    data: Any
    schema: Schema
    source: Source
    broken: frozenset[Key] = frozenset()
    """Keys that have findings: what stands there is not known. Empty in every organisation that may run."""

    # --- keys --------------------------------------------------------------------------------------------------------

    def value(self, key: Key, environment: str = "") -> ConfigValue | None:
        """What a key holds, None when it is absent. In an environment, what stands under its `instead` comes first, and
        `environment.K` is that environment's own K."""
        if key[:1] == ("environment",):
            return self._at(("environments", environment, *key[1:]), key) if environment else None
        if environment:
            found = self._at(("environments", environment, "instead", *key), key)
            if found is not None:
                return found if not isinstance(found.value, Read) else self._merged(found, key)
        return self._at(key, key)

    def _at(self, place: Key, key: Key) -> ConfigValue | None:
        value = self.data
        for step in place:
            if not isinstance(value, _GROUPS) or step not in value:
                return None
            value = value[step]
        declaration = self.declared(key)
        return ConfigValue(value, declaration.type if declaration else "", place, self)

    def _merged(self, found: ConfigValue, key: Key) -> ConfigValue:
        """A group given in part for an environment: the rest is as everywhere."""
        base = self._at(key, key)
        if base is not None and isinstance(base.value, Read) and isinstance(found.value, Read):
            return ConfigValue(_over(base.value, found.value), found.type, found.key, self)
        return found

    def declared(self, key: Key) -> Declaration | None:
        """What the schema says of a key, with the place of its declaration."""
        return self.schema.declared(key)

    @cached_property
    def _leaves(self) -> frozenset[Key]:
        return frozenset(_leaves(self.data, ()))

    def keys(self) -> frozenset[Key]:
        """Every key that is given a value; a list or table is one value."""
        return self._leaves

    @cached_property
    def instead(self) -> frozenset[Key]:
        """The keys that some environment gives otherwise."""
        given = (environment.get("instead") or {} for environment in self.data["environments"].values())
        return frozenset(key for values in given if values for key in _leaves(values, ()))

    def mapping_keys(self) -> frozenset[Key]:
        """Those of `keys` that mappings may read; below `environments` they are named as mappings name them. A key is listed
        too when its group is what mappings read."""
        names = set()
        for key in self.keys():
            seen = key
            if key[:1] == ("environments",):
                seen = key[3:] if key[2:3] == ("instead",) else ("environment", *key[2:])
            if any(d is not None and d.mapping for d in (self.declared(seen[:n]) for n in range(1, len(seen) + 1))):
                names.add(seen)
        return frozenset(names)

    @cached_property
    def _tree(self) -> Mapping:
        tree, _ = read_quickly(self.source)
        assert tree is not None, "an organisation is made only from a text that can be read"
        return tree

    def span(self, path: Path, at: Literal["value", "key"] = "value") -> Span:
        """Where a key or list item stands; for an absent one, the group it would belong to."""
        return span_of(self.source, self._tree, path, at)

    # --- what the engine reads ---------------------------------------------------------------------------------------

    def _get(self, *key: str) -> Any:
        found = self._at(key, key)
        return None if found is None else found.value

    def _text(self, *key: str) -> str:
        return str(self._get(*key))

    @property
    def zone(self) -> str:
        """The time zone (IANA)."""
        return self._text("times", "zone")

    @cached_property
    def encoding(self) -> Encoding:
        """How messages are written."""
        given = self._get("encoding")
        delimiters = forms.separators(given["separators"])
        assert isinstance(delimiters, Delimiters)
        limits = {name: found for name, text in given["limits"].items() if (found := forms.limit(text))}
        return Encoding(
            version=given["version"],
            charset=given["charset"],
            codec=codec_of(given["charset"]) or "",
            msh18=msh18_of(given["charset"]),
            unencodable=dict(given["unencodable"]),
            delimiters=delimiters,
            trailing=given["trailing"],
            segment_end=_SEGMENT_ENDS[given["segment_end"]],
            batch=given.get("batch"),
            limits=limits,
        )

    @cached_property
    def catalogue(self) -> dict[str, CatalogueEntry]:
        """Every message exchanged, by the name of its mapping, in the order of the file."""
        return {
            name: CatalogueEntry(
                name=name,
                reads=tuple(given.get("reads", ())),
                orders=tuple(given.get("orders", ())),
                writes=given.get("writes", ""),
                kinds=dict(given.get("kinds", {})),
                unsolicited=given.get("unsolicited"),
                message_per=given.get("message_per"),
                to=given.get("to", ""),
            )
            for name, given in self._get("catalogue").items()
        }

    @cached_property
    def mandatory(self) -> dict[str, tuple[str, ...]]:
        """The paths this hospital refuses a message without, by message."""
        return {name: tuple(paths) for name, paths in self._get("mandatory").items()}

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The names of the environments: test and production."""
        return tuple(self._get("environments"))

    def listener(self, environment: str) -> str:
        """The listener that takes its messages in an environment."""
        return self._text("environments", environment, "inbound", "listener")


def _over(base: Read[str, Any], instead: Read[str, Any]) -> Read[str, Any]:
    merged = dict(base)
    for name, value in instead.items():
        below = merged.get(name)
        merged[name] = _over(below, value) if isinstance(below, Read) and isinstance(value, Read) else value
    return MappingProxyType(merged)


def _leaves(value: Any, path: Key) -> list[Key]:
    if isinstance(value, Read) and value:
        return [leaf for name, below in value.items() for leaf in _leaves(below, (*path, name))]
    return [path]
