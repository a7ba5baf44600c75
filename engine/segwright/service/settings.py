"""An organisation's configuration as the compiler asks for it, for one environment."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from segwright.core.source import Span
from segwright.lang.settings import Declared, Setting
from segwright.orgs.organisation import Organisation
from segwright.plan import ops


class OrganisationSettings:
    """Answers `lang.settings.Settings` from an `Organisation`."""

    def __init__(self, organisation: Organisation, environment: str) -> None:
        self.organisation = organisation
        self.environment = environment
        self.environments = organisation.environments
        self._settings: dict[tuple[str, tuple[str, ...]], Setting | None] = {}
        self._declared: dict[tuple[str, ...], Declared | None] = {}

    @property
    def id(self) -> str:
        """The organisation's id."""
        return self.organisation.id

    @property
    def version(self) -> str:
        """The HL7 version it speaks."""
        return self.organisation.encoding.version

    def setting(self, key: tuple[str, ...]) -> Setting | None:
        """The value of a key in this environment."""
        return self.setting_in(self.environment, key)

    def setting_in(self, environment: str, key: tuple[str, ...]) -> Setting | None:
        """The value of a key in another environment."""
        asked = (environment, key)
        if asked not in self._settings:
            found = self.organisation.value(key, environment)
            given = found is not None and found.type
            self._settings[asked] = Setting(_frozen(found.value), found.type, found.span) if found and given else None
        return self._settings[asked]

    def items_at(self, key: tuple[str, ...]) -> tuple[Span, ...]:
        """Where each item of a list stands, in this environment."""
        found = self.organisation.value(key, self.environment)
        items = found.value if found is not None and isinstance(found.value, tuple) else ()
        return tuple(self.organisation.span((*found.key, n)) for n in range(len(items))) if found is not None else ()

    def declared(self, key: tuple[str, ...]) -> Declared | None:
        """The declaration of a key that mappings may read."""
        if key not in self._declared:
            found = self.organisation.declared(key)
            read = found is not None and found.mapping and found.type
            self._declared[key] = Declared(found.type, found.always, found.span) if found and read else None
        return self._declared[key]

    def keys(self) -> frozenset[tuple[str, ...]]:
        """Every declared key that mappings may read."""
        return self._keys

    @cached_property
    def _keys(self) -> frozenset[tuple[str, ...]]:
        return (
            frozenset(d.key for d in self.organisation.schema.root.walk() if d.mapping and d.type and "*" not in d.key)
            | self.organisation.mapping_keys()
        )

    def is_broken(self, key: tuple[str, ...]) -> bool:
        """Whether org.yaml has a finding about this key or its group."""
        if key[:1] == ("environment",):
            key = ("environments", self.environment, *key[1:])
        return any(key[: len(each)] == each or each[: len(key)] == key for each in self.organisation.broken)

    def span(self) -> Span:
        """Where org.yaml begins."""
        return self.organisation.source.span(0, 1)

    @property
    def charset(self) -> str:
        """The character set of its messages."""
        return self.organisation.encoding.charset

    def lacking(self, text: str) -> str:
        """What the character set lacks and `unencodable` does not name."""
        encoding = self.organisation.encoding
        sent = text.encode(encoding.codec, "ignore").decode(encoding.codec)
        return "".join(sign for sign in dict.fromkeys(text) if sign not in sent and sign not in encoding.unencodable)

    def limit(self, place: str) -> tuple[str, int] | None:
        """The encoding limit of a data type place."""
        found = self.organisation.encoding.limits.get(place)
        return None if found is None else (found.over, found.length)


def _frozen(value: Any) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def plan_encoding(organisation: Organisation) -> ops.Encoding:
    """The encoding a plan carries."""
    encoding = organisation.encoding
    return ops.Encoding(
        encoding.version,
        encoding.delimiters.field,
        encoding.delimiters.msh2,
        encoding.msh18,
        encoding.codec,
        encoding.unencodable,
        "full" if encoding.trailing == "full" else "trim",
        {},
        encoding.segment_end,
    )
