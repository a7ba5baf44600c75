"""What a hospital reads of a message, and whether it can file it. Pure.

Takes bytes and what the hospital's manifest agreed; gives a `Reading` with every fault and its position. Its own small reading of
HL7: segments by `hl7.wire`, elements by `hl7.paths`. It never asks how the message was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from segwright.hl7.acknowledgement import Fault, Header, header_of
from segwright.hl7.paths import Path
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.plan.manifest import Identifier, Manifest, Party

NULL: Final = '""'
"""What HL7 writes for "delete what you have": for a mandatory field as good as nothing."""


class Reading(msgspec.Struct, frozen=True):
    """A message as a hospital sees it. `header` is None when there is nothing to answer by. `about`: the order numbers in it
    (ORC-2 and OBR-2, first components); `status`: OBR-25 or ORC-5 of the first order."""

    header: Header | None
    type: str
    control_id: str
    sha256: str
    about: tuple[str, ...]
    status: str
    segments: tuple[str, ...]
    faults: tuple[Fault, ...]
    rejected: bool = False
    """Whether it is not for this hospital at all (AR), rather than wrong in its content (AE)."""


def read(manifest: Manifest, body: bytes) -> Reading:
    """Reads a message and judges it. Never raises for what came."""
    header = header_of(body)
    digest = hashlib.sha256(body).hexdigest()
    try:
        message = open_message(body, default_charset=manifest.encoding.codec)
    except Refused as refused:
        control_id = header.control_id if header else ""
        return Reading(
            header, "", control_id, digest, (), "", (), (Fault("102", None, text=str(refused)),), rejected=True
        )
    misdirected = tuple(_misdirected(manifest, message))
    faults = misdirected or tuple(_missing(manifest, message))
    status = message.field("OBR-25") or message.field("ORC-5")
    return Reading(
        header, message.type, message.control_id, digest, tuple(dict.fromkeys(_numbers(message))), status,
        tuple(message.segments), faults, rejected=bool(misdirected),
    )  # fmt: skip


def _misdirected(manifest: Manifest, message: Message) -> Iterator[Fault]:
    """Whether it comes from whom it should, to whom it should, as what was agreed."""
    for what, party, number in (("sender", manifest.parties.ours, 3), ("receiver", manifest.parties.theirs, 5)):
        if not _is(message, party, number):
            yield Fault("204", Path("MSH", 1, number), text=f"not the {what} that was agreed")
    if message.field("MSH-11.1") != manifest.processing_id:
        yield Fault("202", Path("MSH", 1, 11), text="not the processing id of this system")
    if _entry(manifest, message) is None:
        yield Fault("200", Path("MSH", 1, 9), text="messages of this type are not agreed")


def _is(message: Message, party: Party, number: int) -> bool:
    return _named(message, party.application, number) and _named(message, party.facility, number + 1)


def _named(message: Message, wanted: Identifier, number: int) -> bool:
    return message.field(Path("MSH", 1, number, 1, 1)) == wanted.namespace


def _entry(manifest: Manifest, message: Message) -> tuple[str, ...] | None:
    for entry in manifest.catalogue:
        if entry.direction == "writes" and message.type in entry.types:
            return entry.mandatory
    return None


def _missing(manifest: Manifest, message: Message) -> Iterator[Fault]:
    """The mandatory elements that are not there, in each segment that should have them."""
    for text in _entry(manifest, message) or ():
        path = Path.parse(text)
        there = sum(segment[:3] == path.segment for segment in message.segments)
        for occurrence in range(1, max(there, 1) + 1):
            place = path._replace(occurrence=occurrence)
            if message.field(place).strip() in ("", NULL):
                yield Fault("101", place, text=f"{place} is mandatory here")


def _numbers(message: Message) -> Iterator[str]:
    for name in ("ORC", "OBR"):
        for occurrence in range(1, sum(segment[:3] == name for segment in message.segments) + 1):
            number = message.field(Path(name, occurrence, 2, 1, 1))
            if number:
                yield number
