"""What lowering knows of a value: its operation, its type, whether it may be missing, and what conditions have shown.

`Typed` goes with every lowered value; `Facts` say what is certain at a place (`when P is present` narrows P in what it guards);
a `Frame` is a place: the names visible there, the facts, and what `position`, `inherited` and `.n` mean.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from segwright.core.source import NOWHERE, Span
from segwright.plan import ops
from segwright.plan.model import Type, scalar

Key: TypeAlias = tuple[str, ...]
"""The identity of a value for narrowing: what its path starts from, then attribute names."""

Literal: TypeAlias = tuple[ops.Condition, bool]
"""A condition, and whether it holds."""

UNKNOWN: Final = scalar("unknown")
"""The type of what already has a diagnostic: it fits everywhere, so that one mistake is told once."""


class Typed(msgspec.Struct, frozen=True):
    """A lowered value.

    `maybe`: may be missing here. `soft`: it is present for this organisation but another one may lack it (an optional config
    key), so an `else` or `optional` is not idle. `hint`: the built-in that made it. `constants`: the texts it can be, when
    that is known at compile time. `depends`: it depends on an input. `absent_key`: the config key whose absence makes it
    missing. `said`: how the source names it. `cases`: what it can be, each with its circumstances, where a ladder, an `else` or a
    table decides; none when there is only one.
    """

    op: ops.Value
    type: Type
    maybe: bool = False
    soft: bool = False
    hint: str = ""
    key: Key = ()
    constants: tuple[str, ...] | None = None
    depends: bool = True
    absent_key: str = ""
    said: str = ""
    span: Span = NOWHERE
    unsaid: bool | None = None
    cases: tuple[Case, ...] = ()

    @property
    def each(self) -> tuple[Case, ...]:
        """Its cases; itself when there is only one."""
        return self.cases or (Case(self),)

    @property
    def open(self) -> bool:
        """Whether a duty must still be said: missing though some alternative applies. (Missing because none applies, or
        because one says `blank`, has been said by the rule itself.)"""
        return self.maybe if self.unsaid is None else self.unsaid

    @property
    def known(self) -> bool:
        """Whether the type is known; unknown ones already have a diagnostic."""
        return self.type is not UNKNOWN


def kept_hint(*of: Typed) -> str:
    """The hint of what is made of other texts: formatted text stays formatted text, whatever it becomes a part of."""
    return "ft" if any(typed.hint == "ft" for typed in of) else ""


def broken(span: Span) -> Typed:
    """The value of something that already has a diagnostic."""
    return Typed(ops.Const("blank"), UNKNOWN, span=span, soft=True)


class Facts(msgspec.Struct, frozen=True):
    """What is certain: keys that are present, and the enum values a key can still have."""

    present: frozenset[Key] = frozenset()
    values: dict[Key, frozenset[str]] = {}

    def both(self, other: Facts) -> Facts:
        """What is certain when both hold."""
        values = dict(self.values)
        for key, allowed in other.values.items():
            values[key] = values[key] & allowed if key in values else allowed
        return Facts(self.present | other.present, values)

    def either(self, other: Facts) -> Facts:
        """What is certain when one of them holds."""
        shared = {k: v | other.values[k] for k, v in self.values.items() if k in other.values}
        return Facts(self.present & other.present, shared)

    def is_present(self, key: Key) -> bool:
        """Whether the value of that key is certainly there."""
        return key in self.present


NOTHING: Final = Facts()


class Case(msgspec.Struct, frozen=True):
    """One of the values that a value can be: what is certain where it is, and the conditions that hold there or do not."""

    value: Typed
    facts: Facts = NOTHING
    when: tuple[Literal, ...] = ()

    def under(self, facts: Facts, when: tuple[Literal, ...]) -> Case:
        """The same within narrower circumstances."""
        return Case(self.value, facts.both(self.facts), (*when, *self.when))


def present(key: Key) -> Facts:
    """That key and every value it is reached through are there."""
    return Facts(frozenset(key[:n] for n in range(1, len(key) + 1))) if key else NOTHING


class Frame(msgspec.Struct, frozen=True):
    """A place in a mapping: visible names, certain facts, and the meanings of `position`, `inherited` and `.n`.

    `position`: the slot of the innermost loop's turn, -1 outside. `echo`: the slot of the received segment being echoed, -1
    outside; `element`: the received repetition `.n` reads from. `reading`: HL7 paths are readable. `outer`: the place a part is
    used at.
    """

    names: dict[str, Typed] = {}
    facts: Facts = NOTHING
    position: int = -1
    echo: int = -1
    echo_field: int = 0
    element: Typed | None = None
    reading: bool = False
    scope: str = ""
    outer: Frame | None = None

    @property
    def widened(self) -> Frame:
        """Inside a part: the same place with the names of the mapping around it as well. An overlay addresses a message, not its
        parts; what it writes there sees what the mapping sees, and what the part calls its parameters."""
        if self.outer is None:
            return self
        outer = self.outer.widened
        names = {**outer.names, **self.names}
        return msgspec.structs.replace(self, names=names, facts=outer.facts.both(self.facts), outer=None)

    def knowing(self, facts: Facts) -> Frame:
        """The same place with more facts."""
        return msgspec.structs.replace(self, facts=self.facts.both(facts))

    def binding(self, **names: Typed) -> Frame:
        """The same place with more names."""
        return msgspec.structs.replace(self, names={**self.names, **names})
