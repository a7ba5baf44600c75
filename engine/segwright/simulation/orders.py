"""Orders that a simulated hospital sends: its own samples, each time with fresh numbers and another patient that never lived.

Takes order messages as this hospital writes them; gives the same with their numbers changed: MSH-7, MSH-10, the placer and group
numbers (ORC-2, ORC-4, OBR-2), the patient (PID-3, PID-5, PID-7, PID-18). Everything else stays as the hospital writes it. The
n-th order has the same numbers and the same patient whenever it is new, changed or cancelled; n and the seed decide all of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from segwright.hl7.paths import HEADERS
from segwright.hl7.wire import Message, open_message

Control = Literal["new", "change", "cancel"]

_CONTROLS: Final[dict[str, Control]] = {
    "NW": "new",
    **dict.fromkeys(("XO", "XX", "RP", "RO", "RU", "SC"), "change"),
    **dict.fromkeys(("CA", "DC", "OC"), "cancel"),
}
"""ORC-1 (table 0119)."""

FAMILIES: Final = (
    "Sample",
    "Example",
    "Mockford",
    "Placeholder",
    "Fictive",
    "Testerson",
    "Nobody",
    "Invented",
    "Pretend",
    "Dummy",
)
GIVEN: Final = (
    "Alder",
    "Birch",
    "Cedar",
    "Hazel",
    "Juniper",
    "Laurel",
    "Linden",
    "Maple",
    "Olive",
    "Rowan",
    "Sorrel",
    "Willow",
)


class NoOrders(ValueError):
    """Samples that hold no order to send, and what is wrong with them."""


class Samples(msgspec.Struct, frozen=True):
    """An order message of this hospital for each control that it uses."""

    messages: dict[Control, bytes]
    charset: str

    def has(self, control: Control) -> bool:
        """Whether it can send such an order."""
        return control in self.messages


def samples_of(files: Iterable[bytes], charset: str) -> Samples:
    """The first sample of each control. `charset`: how messages are read that declare none. Raises `NoOrders`."""
    found: dict[Control, bytes] = {}
    for data in files:
        message = open_message(data, default_charset=charset)
        control = _CONTROLS.get(message.field("ORC-1"))
        alone = sum(segment.startswith("ORC") for segment in message.segments) == 1
        if control is not None and (alone or control not in found):
            found.setdefault(control, data)
    if "new" not in found:
        raise NoOrders("none of the order messages has NW in ORC-1: there is nothing to send")
    return Samples(found, charset)


class Numbered(msgspec.Struct, frozen=True):
    """An order message ready to be sent."""

    number: int
    control: Control
    control_id: str
    placer: str
    body: bytes


def order(samples: Samples, control: Control, number: int, sent: int, seed: int, now: datetime) -> Numbered:
    """The message about order `number` that asks for `control`; `sent` counts all messages of this hospital, for MSH-10. A
    control without a sample of its own is made of the new order, with XO or CA in ORC-1."""
    message = open_message(samples.messages.get(control, samples.messages["new"]), default_charset=samples.charset)
    chance = random.Random(f"{seed}/{number}")
    patient = _Patient(
        chance.choice(FAMILIES), chance.choice(GIVEN), f"{chance.randrange(1930, 2008)}{chance.randrange(1, 13):02}"
        f"{chance.randrange(1, 29):02}", [chance.randrange(10) for _ in range(24)],
    )  # fmt: skip
    control_id = f"S{seed % 10_000:04}{sent:08}"
    rewrite = _Rewrite(message, f"{seed % 100:02}{number:06}", patient, control_id, now)
    code = "" if control in samples.messages else {"change": "XO", "cancel": "CA"}.get(control, "")
    segments = [rewrite.segment(segment, code) for segment in message.segments]
    body = "".join(f"{segment}\r" for segment in segments).encode(message.codec)
    made = open_message(body, default_charset=samples.charset)
    placer = made.field("OBR-2[1].1") or made.field("ORC-2[1].1")
    return Numbered(number, control, control_id, placer, body)


class _Patient(msgspec.Struct, frozen=True):
    family: str
    given: str
    born: str
    digits: list[int]


class _Rewrite:
    """Changes the fields of one message."""

    def __init__(self, message: Message, tag: str, patient: _Patient, control_id: str, now: datetime) -> None:
        self._d = message.delimiters
        self._tag = tag
        self._patient = patient
        self._control_id = control_id
        self._at = now.strftime("%Y%m%d%H%M%S")

    def segment(self, segment: str, code: str) -> str:
        """One segment with its fields changed."""
        name = segment[:3]
        rules: dict[int, Callable[[str], str]] = {
            "MSH": {7: self._time, 10: lambda _: self._control_id},
            "PID": {
                3: self._identifiers,
                5: self._name,
                7: lambda old: self._patient.born if old else "",
                18: self._digits,
            },
            "PV1": {19: self._digits},
            # What we call the study is ours to say: a sample's number of it would join all orders in one.
            "ORC": {1: lambda old: code or old, 2: self._number, 3: lambda _: "", 4: self._number},
            "OBR": {2: self._number, 3: lambda _: ""},
        }.get(name, {})
        fields = segment.split(self._d.field)
        offset = 1 if name in HEADERS else 0
        for number, rule in rules.items():
            if number - offset < len(fields) and fields[number - offset]:
                fields[number - offset] = rule(fields[number - offset])
        return self._d.field.join(fields)

    def _time(self, old: str) -> str:
        zone = re.search(r"[+-][0-9]{4}$", old)
        digits = len(re.match("[0-9]*", old)[0])  # type: ignore[index]  # it always matches
        return self._at[: max(8, digits)] + ("+0000" if zone else "")

    def _number(self, old: str) -> str:
        """Each repetition: its first component, the digits in it replaced by the number of the order."""
        return self._d.repetition.join(
            self._first(repetition, self._numbered) for repetition in old.split(self._d.repetition)
        )

    def _first(self, repetition: str, change: Callable[[str], str]) -> str:
        first, separator, rest = repetition.partition(self._d.component)
        return change(first) + separator + rest

    def _numbered(self, value: str) -> str:
        head = re.match("[^0-9]*", value)
        tail = re.search("[^0-9][0-9]$", value)  # "-1": which test of the order it is
        return f"{head[0] if head else ''}{self._tag}{tail[0] if tail and head and tail.start() >= head.end() else ''}"

    def _identifiers(self, old: str) -> str:
        return self._d.repetition.join(
            self._first(repetition, self._shaped) for repetition in old.split(self._d.repetition)
        )

    def _digits(self, old: str) -> str:
        return self._first(old, self._shaped)

    def _shaped(self, value: str) -> str:
        """Another number of the same shape: letters stay, digits are the patient's."""
        digits = iter(self._patient.digits)
        return re.sub("[0-9]", lambda _: str(next(digits, 0)), value)

    def _name(self, old: str) -> str:
        family, given = self._patient.family, self._patient.given
        if old.upper() == old:
            family, given = family.upper(), given.upper()
        parts = old.split(self._d.component)
        parts[:2] = [family, given]
        return self._d.component.join(parts)
