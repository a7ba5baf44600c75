"""What can be named at a place of a mapping, and what its values become: repetitions of components."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from segwright.lang import ast
from tests.oracle.values import Received

# --- names -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name:
    """What a name stands for: a value, or (of a `let` or a parameter) what is worked out where it is used. `came`: whether it
    depends on what came in; `place`: the address of a `let`."""

    value: Any = None
    came: bool = True
    node: ast.Value | None = None
    where: Frame | None = None
    place: str = ""


@dataclass(frozen=True)
class Frame:
    """The names at a place, the turn of the innermost loop and how many turns it has, what `inherited` is and whether it depends on
    what came in."""

    names: dict[str, Name]
    position: int = 0
    turns: int = 0
    inherited: Any = None
    inherited_came: bool = True

    def with_(self, **names: Name) -> Frame:
        """With some names more."""
        return replace(self, names={**self.names, **names})


def came_in(node: object, frame: Frame) -> bool:
    """Whether a value (or a condition) depends on what came in: it names something that does, however deep."""
    if isinstance(node, ast.Inherited):
        return frame.inherited_came
    if isinstance(node, ast.Ref):
        name = frame.names.get(node.names[0])
        return name is not None and name.came
    if isinstance(node, tuple):
        return any(came_in(each, frame) for each in node)
    if isinstance(node, msgspec.Struct):
        return any(came_in(getattr(node, each), frame) for each in node.__struct_fields__ if "span" not in each)
    return False


# --- fields ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Formatted:
    """A text whose line ends become the line breaks of formatted text (FT)."""

    text: str


@dataclass(frozen=True)
class Leaf:
    """One subcomponent: a value or None, and the address of its rule. `needed`: required when its repetition has anything,
    `broken`: it could not be had."""

    value: Any
    came: bool
    place: str
    needed: bool = False
    broken: bool = False

    @property
    def there(self) -> bool:
        """Whether something will stand here."""
        return self.value is not None or self.broken


@dataclass
class Repetition:
    """Leaves by component and subcomponent, a whole received field, or (`held`) nothing that keeps its place."""

    leaves: dict[tuple[int, int], Leaf] = field(default_factory=dict)
    received: Received | None = None
    place: str = ""
    held: bool = False

    @property
    def came(self) -> bool:
        """Whether something in it came in."""
        return self.received is not None or self.anything

    @property
    def anything(self) -> bool:
        """Whether a leaf that depends on what came in has something."""
        return any(each.came and each.there for each in self.leaves.values())

    @property
    def written(self) -> bool:
        """Constants alone make no repetition, unless there is nothing else that could stand in it."""
        if self.received is not None:
            return not empty(self.received)
        if self.held:
            return True
        depending = [each for each in self.leaves.values() if each.came]
        return any(each.there for each in depending or self.leaves.values())


def empty(received: Received) -> bool:
    """Whether a received field holds nothing but its own separators."""
    of = received.delimiters
    return not received.text.strip(of.component + of.repetition + of.subcomponent)


def missing(value: Any) -> bool:
    """Whether a value is missing: an empty list or text, a repetition or a received field with nothing in it are."""
    if isinstance(value, Received):
        return empty(value)
    if isinstance(value, Repetition):
        return not value.written
    if isinstance(value, list):
        return all(missing(each) for each in value)
    return value is None or value == ""
