"""By what receivers, and our own ledger, tell one order's messages from another's: a guard against results filed twice or over
another.

Takes what recorded inputs give before and after; gives collisions (two orders that look like one now) and inputs that are
known otherwise now than before. Numbers themselves are never given out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from segwright.hl7.refusal import Refused
from segwright.hl7.wire import open_message
from segwright.review.outputs import Result


class Replayed(msgspec.Struct, frozen=True):
    """One recorded input: whose it is, what tells it from others (a hash), and what it gives before and after."""

    organisation: str
    name: str
    about: str
    before: Result | None
    after: Result | None


class Collision(msgspec.Struct, frozen=True):
    """What the guard would trip over. `merged`: two inputs about different things look like one now; `split`: a message about
    what was sent before looks like a new one, so that a repeat or correction would be filed twice; `control_id`: two messages
    have one."""

    kind: Literal["merged", "split", "control_id"]
    organisation: str
    message: str
    inputs: tuple[str, ...]


def identity(data: bytes) -> tuple[str, str]:
    """What a message is known by, and its control id, both as hashes; "" for what is no message."""
    try:
        message = open_message(data)
    except Refused:
        return "", ""
    numbers: list[str] = []
    control = ""
    for segment in message.segments:
        texts = segment.split(message.delimiters.field)
        field = {name: texts[name] if name < len(texts) else "" for name in (2, 3, 5, 25)}
        if texts[0] == "MSH":
            numbers += [texts[number] if number < len(texts) else "" for number in (4, 5, 8)]
            control = texts[9] if len(texts) > 9 else ""
        elif texts[0] == "ORC":
            numbers += ["ORC", field[2], field[3], field[5]]
        elif texts[0] == "OBR":
            numbers += ["OBR", field[2], field[3], field[25]]
    return _hash("\0".join(numbers)), _hash(control) if control else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def collisions(replayed: Iterable[Replayed]) -> list[Collision]:
    """Everything that the guard would trip over after and did not before."""
    found: list[Collision] = []
    old, new = _Known(), _Known()
    for each in replayed:
        before, after = _messages(each.before), _messages(each.after)
        old.add(each, before)
        new.add(each, after)
        if before and len(before) == len(after) and [key for key, _ in before] != [key for key, _ in after]:
            found.append(Collision("split", each.organisation, _message(each), (each.name,)))
    found += _only_new("merged", old.by_identity, new.by_identity)
    found += _only_new("control_id", old.by_control, new.by_control)
    return found


def _messages(result: Result | None) -> list[tuple[str, str]]:
    if result is None or result.refused:
        return []
    return [identity(data) for name, data in result.files.items() if name.endswith(".hl7")]


def _message(each: Replayed) -> str:
    result = each.after or each.before
    return result.message if result is not None else ""


_Key = tuple[str, str, str]


class _Known:
    """Inputs by what their messages are known by, and by their control ids."""

    def __init__(self) -> None:
        self.by_identity: dict[_Key, dict[str, str]] = {}
        self.by_control: dict[_Key, dict[str, str]] = {}

    def add(self, each: Replayed, messages: list[tuple[str, str]]) -> None:
        for key, control in messages:
            place = (each.organisation, _message(each), key)
            self.by_identity.setdefault(place, {}).setdefault(each.about, each.name)
            if control:
                self.by_control.setdefault((each.organisation, "", control), {}).setdefault(each.about, each.name)


def _only_new(
    kind: Literal["merged", "control_id"], old: dict[_Key, dict[str, str]], new: dict[_Key, dict[str, str]]
) -> list[Collision]:
    """Keys that several inputs share now, unless the same inputs shared one before."""
    before = {frozenset(names) for names in (set(each) for each in old.values()) if len(names) > 1}
    return [
        Collision(kind, key[0], key[1], tuple(sorted(inputs.values())))
        for key, inputs in new.items()
        if len(inputs) > 1 and not any(set(inputs) <= known for known in before)
    ]
