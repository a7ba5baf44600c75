"""The side file of a plan: where each operation was written and what it means, for `why`, errors and reports.

Takes and gives `Explanation`; it lies beside the plan, outside of its hash, and is read only when somebody asks. Operations are
known by their number (`plan.walk`). Refuses, with `canonical.NotCanonical`, a file of another form.
"""

from __future__ import annotations

import msgspec

from segwright.plan import canonical


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place in a file of the workspace, line and column from 1 (0: the file as a whole)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A key of the organisation's configuration that decided something, without the leading `org.`."""

    key: str
    place: Place


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the operations of one rule come from.

    `layer`: base, a profile's name, or the organisation. `address`: the rule's left-hand side, an HL7 path ("OBX-5") or a path of
    the model; `label`: what people call it ("Observation value"). `sentence`: what this part of the rule does, in plain words.
    `because`: the reason given in the source.
    """

    layer: str
    place: Place
    address: str
    label: str = ""
    sentence: str = ""
    because: str = ""
    settings: tuple[Setting, ...] = ()


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`entries`, and for each operation number the index of its entry (-1: the engine's own doing)."""

    plan: str
    entries: tuple[Entry, ...]
    of: tuple[int, ...]

    def entry(self, op: int) -> Entry | None:
        """Where operation `op` comes from."""
        index = self.of[op] if 0 <= op < len(self.of) else -1
        return self.entries[index] if 0 <= index < len(self.entries) else None


def encode(explanation: Explanation) -> bytes:
    """Its file."""
    return canonical.encode(explanation)


def decode(data: bytes) -> Explanation:
    """From its file. Raises `canonical.NotCanonical`."""
    return canonical.decode(data, Explanation)
