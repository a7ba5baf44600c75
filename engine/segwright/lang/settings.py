"""What the compiler asks of an organisation's configuration. `orgs` answers; `lang` does not know how it is kept."""

from __future__ import annotations

from typing import Protocol

import msgspec

from segwright.core.source import Span


class Setting(msgspec.Struct, frozen=True):
    """A value of org.yaml. `value`: str, int, Decimal, bool or a tuple of those; `type` as the schema says ("list of text")."""

    value: object
    type: str
    span: Span


class Declared(msgspec.Struct, frozen=True):
    """A key of orgs/schema.yaml: its type, whether every organisation must give it, where it is declared."""

    type: str
    required: bool
    span: Span


class Settings(Protocol):
    """One organisation's configuration as mappings see it (`org.K`)."""

    @property
    def id(self) -> str:
        """The organisation's id."""

    @property
    def version(self) -> str:
        """The HL7 version it speaks."""

    @property
    def environment(self) -> str:
        """The environment that is compiled for."""

    @property
    def environments(self) -> tuple[str, ...]:
        """Every environment of the organisation."""

    def setting_in(self, environment: str, key: tuple[str, ...]) -> Setting | None:
        """The value of a key in another environment."""

    def setting(self, key: tuple[str, ...]) -> Setting | None:
        """The value of a key, or None when the organisation does not give it."""

    def items_at(self, key: tuple[str, ...]) -> tuple[Span, ...]:
        """Where each item of a list stands."""

    def declared(self, key: tuple[str, ...]) -> Declared | None:
        """The declaration of a key, or None when schema.yaml has no such key for mappings."""

    def keys(self) -> frozenset[tuple[str, ...]]:
        """Every key that mappings may read, for suggestions."""

    def is_broken(self, key: tuple[str, ...]) -> bool:
        """Whether the configuration has a finding about this key, so that its absence says nothing."""

    def span(self) -> Span:
        """Where the organisation's configuration begins."""

    @property
    def charset(self) -> str:
        """The character set of its messages."""

    def lacking(self, text: str) -> str:
        """The characters of a text that its character set does not have and for which nothing is sent instead."""

    def limit(self, place: str) -> tuple[str, int] | None:
        """The encoding limit of a data type place such as `HD.1`: (`cut` or `error`, length)."""
