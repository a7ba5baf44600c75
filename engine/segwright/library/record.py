"""What a built-in is: one record that holds its specification, its function and the examples that test it.

The compiler reads the specification, the runtime calls `call`, the documentation prints all of it, and every example is run.
A name may have several records, one for each type it works on (`dtm` writes a datetime and reads a text). The bytes of a
version never change: a correction is a new version, the old one stays while a live plan names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class Refusal(Exception):
    """A built-in cannot convert this value. `reason` says why in plain words, never with the value itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Parameter(msgspec.Struct, frozen=True):
    """A named argument. Without `default` (None) and `config` it must be given; with `config` (a key below `org.`) the
    organisation's value stands in; with `choices` it is one of those bare words. `holds` raises `Refusal` for a value that no
    subject can be worked on with: a mapping that says such a value is told."""

    name: str
    type: str
    summary: str
    default: str | int | bool | None = None
    config: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    holds: Callable[[Any], object] | None = None


class Example(msgspec.Struct, frozen=True):
    """`subject` through the built-in with `arguments` gives `result`, or is refused with `refused` as the reason."""

    subject: Any
    arguments: dict[str, Any] = {}
    result: Any = None
    refused: str = ""


class Builtin(msgspec.Struct, frozen=True):
    """A format (`x as NAME(…)`) or a function (`NAME(x, …)`).

    `subject`: the type names of the first value ("text", "decimal", …; several are alternatives). `result`: the type name it
    gives. `call(subject, *arguments)` takes the arguments in the order of `parameters` and raises `Refusal`. `inverse` names
    the record that undoes it when reading (same name, other subject), "" when the format loses something. `cuts`: may lose data.
    """

    name: str
    version: int
    kind: str
    subject: tuple[str, ...]
    result: str
    summary: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    examples: tuple[Example, ...] = ()
    inverse: bool = False
    source: str = ""

    @property
    def key(self) -> str:
        """What a plan writes: name, subject and version, as in `dtm/datetime@1`."""
        return f"{self.name}/{self.subject[0]}@{self.version}"
