"""Acknowledgements (HL7 v2 chapter 2, sections 2.9.2, 2.15): building one for a message, reading one that came back.

Takes the header of the message that is answered and gives bytes in that message's own delimiters, version and character set; or
takes bytes and gives an `Acknowledgement`. Reading is total: whatever comes back, an HTML page or nothing, is a value, and what
is no acknowledgement is a `Refused` with the reason. The texts written here are the caller's own and those of table 0357, never
content of the message; the texts read are the peer's and may hold anything.

Reading is lenient where it is safe. Error texts arrive with line ends in them, and a receiver's AE must not become an unknown
outcome for that. So lines that are no segment are passed over; but the code, and what it is for, have to be beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal, NamedTuple, Self, TypeAlias

import msgspec

from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import Delimiters, header_delimiters
from segwright.hl7.escape import escape, unescape
from segwright.hl7.paths import Path
from segwright.hl7.refusal import Code as Unreadable
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message


class Code(StrEnum):
    """MSA-1 (table 0008). The first three are the application's (and all there is in original mode), the others say whether
    the message is safely stored (enhanced mode)."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"

    @property
    def positive(self) -> bool:
        """Whether the message was taken."""
        return self in (Code.AA, Code.CA)

    @property
    def commit(self) -> bool:
        """Whether it is an accept acknowledgement: stored, not yet judged."""
        return self in (Code.CA, Code.CE, Code.CR)


Condition: TypeAlias = Literal["AL", "NE", "ER", "SU"]
"""Table 0155: always, never, on error or reject only, on success only."""

CONDITIONS: Final = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
"""Table 0357, message error conditions."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that stands against a message: an ERR segment.

    `condition`: a code of table 0357, as it came where it was read. `path`: the element it is about, by which the line of a
    mapping that wrote it is found; None when the message as a whole is meant. `severity`: table 0516 (E error, F fatal error,
    W warning, I information), E where nothing was said. `text`: what is said to people (ERR-8, or the text beside the code); from
    a peer it may hold anything.
    """

    condition: str
    path: Path | None = None
    severity: str = "E"
    text: str = ""


# --- the header of the message that is answered -------------------------------------------------------------------------


class Header(msgspec.Struct, frozen=True):
    """MSH of a message, as far as acknowledging needs it. Fields are as they came, still escaped; `codec` is Python's."""

    fields: tuple[str, ...]
    delimiters: Delimiters
    codec: str

    @classmethod
    def of(cls, message: Message) -> Self:
        """The header of a message that was read."""
        return cls._split(message.segments[0], message.delimiters, message.codec)

    @classmethod
    def _split(cls, segment: str, delimiters: Delimiters, codec: str) -> Self:
        return cls(("MSH", delimiters.field, *segment[4:].split(delimiters.field)), delimiters, codec)

    def field(self, number: int) -> str:
        """MSH-`number`, "" when it is absent."""
        return self.fields[number] if number < len(self.fields) else ""

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.field(10)

    @property
    def event(self) -> str:
        """MSH-9.2."""
        return self._component(9, 2)

    @property
    def version(self) -> tuple[int, ...]:
        """MSH-12.1 as numbers; empty when it is none."""
        return _numbers(self._component(12, 1))

    @property
    def accept(self) -> Condition | None:
        """MSH-15, when an accept acknowledgement is asked for. None in original mode."""
        return _condition(self.field(15)) if self.enhanced else None

    @property
    def application(self) -> Condition:
        """MSH-16, when an application acknowledgement is asked for. Always in original mode."""
        return _condition(self.field(16)) if self.enhanced else "AL"

    @property
    def enhanced(self) -> bool:
        """Whether MSH-15 or MSH-16 says something: else the original mode holds (2.9.2)."""
        return bool(self.field(15).strip() or self.field(16).strip())

    def _component(self, number: int, component: int) -> str:
        parts = self.field(number).split(self.delimiters.component)
        return parts[component - 1].strip() if component <= len(parts) else ""


@lru_cache(maxsize=64)
def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall("[0-9]{1,4}", version))


def _condition(text: str) -> Condition:
    """What is empty or unknown in enhanced mode asks for nothing (2.9.2.2)."""
    match text.strip().upper():
        case "AL" | "ER" | "SU" as known:
            return known
        case _:
            return "NE"


def header_of(data: bytes) -> Header | None:
    """The header of a message, which need not be readable as a whole, nor be whole: the first bytes do. None when no MSH can
    be made out: then there is nothing to answer by."""
    first = _FIRST_LINE.match(data)
    try:
        segments, delimiters, codec = _segments(first[1] if first else data)
    except Refused:
        return None
    return Header._split(segments[0], delimiters, codec)


class Owed(NamedTuple):
    """Which acknowledgements a message asks for, given what became of it."""

    accept: Code | None
    application: Code | None


Verdict: TypeAlias = Literal["accepted", "error", "rejected"]


def owed(header: Header, verdict: Verdict) -> Owed:
    """By MSH-15 and MSH-16 (table 0155): original mode always gets an application acknowledgement and no other. When both are
    owed, the accept acknowledgement goes first, as soon as the message is stored."""
    accept, application = _CODES[verdict]
    return Owed(
        accept if header.accept and _asked(header.accept, accept) else None,
        application if _asked(header.application, application) else None,
    )


_CODES: Final = {"accepted": (Code.CA, Code.AA), "error": (Code.CE, Code.AE), "rejected": (Code.CR, Code.AR)}


def _asked(condition: Condition, code: Code) -> bool:
    return condition == "AL" or condition == ("SU" if code.positive else "ER")


# --- building -----------------------------------------------------------------------------------------------------------

_FIRST_WITH_STRUCTURE: Final = (2, 3, 1)  # MSH-9.3
_FIRST_WITH_ERR_2: Final = (2, 5)
_FIRST_WITHOUT_MSA_3: Final = (2, 7)
_MOST_TEXT: Final = 80  # MSA-3
_OURS = re.compile("[ -~]*")


def acknowledge(
    header: Header, code: Code, *, control_id: str, time: str, text: str = "", faults: Sequence[Fault] = ()
) -> bytes:
    """The acknowledgement of the message with this header, without its frame.

    `control_id` and `time` are its own MSH-10 and MSH-7; `text` is for people (MSA-3, first 80 characters; from 2.7 on ERR-8
    alone says it). `faults` are written as ERR: up to 2.4 one segment whose ERR-1 repeats, from 2.5 on a segment each with
    location (2), condition (3), severity (4) and text (8). Sender and receiver change places; processing id, version and MSH-18
    are echoed, MSA-2 is MSH-10 exactly as it came. Raises ValueError for a text of ours that is not printable ASCII.
    """
    if not all(_OURS.fullmatch(ours) for ours in (control_id, time, text, *(fault.text for fault in faults))):
        raise ValueError("control id, time and texts of an acknowledgement are printable ASCII")
    segments = [_msh(header, control_id, time), _msa(header, code, text), *_errs(header, faults)]
    return "".join(f"{segment}\r" for segment in segments).encode(header.codec)


def _msh(header: Header, control_id: str, time: str) -> str:
    delimiters = header.delimiters
    parts = ["ACK", header.event, "ACK"] if header.version >= _FIRST_WITH_STRUCTURE else ["ACK", header.event]
    kind = delimiters.component.join(parts) if header.event else "ACK"
    fields = [
        *("MSH", header.field(2)),
        *(header.field(5), header.field(6), header.field(3), header.field(4)),
        *(escape(time, delimiters), "", kind, escape(control_id, delimiters)),
        *(header.field(11), header.field(12), "", "", "", "", "", header.field(18)),
    ]
    return _line(fields, delimiters)


def _msa(header: Header, code: Code, text: str) -> str:
    said = "" if header.version >= _FIRST_WITHOUT_MSA_3 else escape(text[:_MOST_TEXT], header.delimiters)
    return _line(["MSA", code, header.control_id, said], header.delimiters)


def _errs(header: Header, faults: Sequence[Fault]) -> list[str]:
    delimiters = header.delimiters
    if not faults:
        return []
    if header.version < _FIRST_WITH_ERR_2:
        located = [_eld(fault, delimiters) for fault in faults]
        return [_line(["ERR", delimiters.repetition.join(located)], delimiters)]
    return [
        _line(
            [
                *("ERR", "", _erl(fault.path, delimiters), _coded(fault, delimiters, delimiters.component)),
                *(fault.severity, "", "", "", escape(fault.text, delimiters)),
            ],
            delimiters,
        )
        for fault in faults
    ]


def _eld(fault: Fault, delimiters: Delimiters) -> str:
    """ERR-1: segment, its occurrence, field, condition."""
    path = fault.path
    place = [path.segment, str(path.occurrence), str(path.field or "")] if path else ["", "", ""]
    return delimiters.component.join([*place, _coded(fault, delimiters, delimiters.subcomponent)])


def _erl(path: Path | None, delimiters: Delimiters) -> str:
    """ERR-2: segment, its occurrence, field, repetition, component, subcomponent."""
    if path is None:
        return ""
    repetition = path.repetition or (1 if path.component else 0)
    numbers = [path.occurrence, path.field, repetition, path.component, path.subcomponent]
    parts = [path.segment, *(str(number or "") for number in numbers)]
    return delimiters.component.join(parts).rstrip(delimiters.component)


def _coded(fault: Fault, delimiters: Delimiters, separator: str) -> str:
    known = CONDITIONS.get(fault.condition)
    return separator.join([fault.condition, known, "HL70357"]) if known else escape(fault.condition, delimiters)


def _line(fields: list[str], delimiters: Delimiters) -> str:
    return delimiters.field.join(fields).rstrip(delimiters.field)


_CONDITION_OF: Final = {
    Unreadable.NO_TYPE: "200",
    Unreadable.SEGMENT_NAME: "100",
    Unreadable.SEVERAL_MESSAGES: "100",
    Unreadable.CHARSET: "103",
    Unreadable.TOO_LARGE: "104",
}


def fault_of(refused: Refused) -> Fault:
    """What stands against a message that could not be read. The cause names no content, so it may be sent."""
    try:
        path = Path.parse(refused.position)
    except ValueError:
        path = None
    text = refused.cause if path else str(refused)
    return Fault(_CONDITION_OF.get(Unreadable(refused.code), "102"), path, text=text)


# --- reading ------------------------------------------------------------------------------------------------------------


class Acknowledgement(msgspec.Struct, frozen=True):
    """An acknowledgement that came back. `control_id` is MSA-2 exactly as it came; `own_id` its own MSH-10; `text` MSA-3
    unescaped; `faults` from every ERR, and from MSA-6 where there is no ERR. The texts are the peer's: message content."""

    code: Code
    control_id: str
    own_id: str
    text: str
    faults: tuple[Fault, ...]

    def answers(self, control_id: str) -> bool:
        """Whether it is for the message that was sent with this MSH-10."""
        return bool(control_id) and self.control_id == control_id


def read_acknowledgement(data: bytes) -> Acknowledgement | Refused:
    """What came back, with or without its frame. Never raises. A refusal is `NO_MSA` for a message that is no acknowledgement,
    `MSA_CODE` for an MSA-1 that no table knows, `SEVERAL_MESSAGES` for more than one answer in a frame; else why it is no HL7."""
    try:
        segments, delimiters, codec = _segments(data)
    except Refused as refused:
        return refused
    named = [segment.split(delimiters.field) for segment in segments]
    answers = [fields for fields in named if fields[0] == "MSA"]
    if len(answers) > 1 or sum(fields[0] == "MSH" for fields in named) > 1:
        return Refused(Unreadable.SEVERAL_MESSAGES, "segment 2", "more than one answer stands in it")
    if not answers:
        return Refused(Unreadable.NO_MSA, "MSA", "the message has no MSA segment, so it acknowledges nothing")
    msa = answers[0]
    try:
        code = Code(_nth(msa, 1).strip().upper())
    except ValueError:
        return Refused(Unreadable.MSA_CODE, "MSA-1", "the code is none of AA, AE, AR, CA, CE and CR")
    faults = [fault for err in named if err[0] == "ERR" for fault in _faults(err, delimiters, codec)]
    if not faults and _nth(msa, 6):
        faults = [_condition_fault(_nth(msa, 6).split(delimiters.component), None, "", delimiters, codec)]
    return Acknowledgement(
        code=code,
        control_id=_nth(msa, 2),
        own_id=_nth(named[0], 9),
        text=unescape(_nth(msa, 3), delimiters, codec),
        faults=tuple(faults),
    )


_BREAK = re.compile("[\r\n]+")
_FIRST_LINE = re.compile(rb"[ \t\r\n\x0b]*(?:\xef\xbb\xbf)?(MSH[^\r\n]+)")
_NAME = re.compile("[A-Z][A-Z0-9]{2}")
_NUMBER = re.compile("[0-9]{1,6}")


def _segments(data: bytes) -> tuple[list[str], Delimiters, str]:
    """The segments of a message, its delimiters and codec: by `open_message`, and where that refuses by line, passing over what
    is no segment. Raises `Refused` when the first segment is no MSH that names delimiters."""
    try:
        message = open_message(data)
    except Refused as refused:
        first = _FIRST_LINE.match(data)
        if not first:
            raise refused from None
        text, codec = _decoded(data[first.start(1) :], first[1])
        delimiters = header_delimiters(_BREAK.split(text, maxsplit=1)[0])
        lines = _BREAK.split(text)
        return [line for line in lines if _is_segment(line, delimiters)], delimiters, codec
    return message.segments, message.delimiters, message.codec


def _is_segment(line: str, delimiters: Delimiters) -> bool:
    return bool(_NAME.fullmatch(line[:3])) and line[3:4] in ("", delimiters.field)


def _decoded(body: bytes, header: bytes) -> tuple[str, str]:
    """Text that cannot fail: by MSH-18 when that works, else one character for each byte, which gives each byte back."""
    fields = header.split(header[3:4])
    named = fields[17].split(fields[1][1:2] or b"~")[0] if len(fields) > 17 else b""
    for codec in (codec_of(named.decode("latin-1")), "utf-8"):
        if codec and not codec.startswith(("utf-16", "utf-32")):
            try:
                return body.decode(codec), codec
            except UnicodeDecodeError:
                continue
    return body.decode("latin-1"), "latin-1"


def _faults(err: list[str], delimiters: Delimiters, codec: str) -> list[Fault]:
    """The faults of one ERR segment. The form from 2.5 on is taken when it is there, whatever version the sender names."""
    if _nth(err, 2) or _nth(err, 3):
        said = _nth(err, 8) or _nth(err, 7)
        code = _nth(err, 3).split(delimiters.component)
        places = _nth(err, 2).split(delimiters.repetition)
        severity = _nth(err, 4).strip().upper() or "E"
        return [
            _condition_fault(code, _located(place.split(delimiters.component)), said, delimiters, codec, severity)
            for place in places
        ]
    found = []
    for repetition in _nth(err, 1).split(delimiters.repetition):
        place = repetition.split(delimiters.component)
        if any(place):
            code = place[3].split(delimiters.subcomponent) if len(place) > 3 else [""]
            found.append(_condition_fault(code, _located(place[:3]), "", delimiters, codec))
    return found


def _condition_fault(
    code: list[str], path: Path | None, said: str, delimiters: Delimiters, codec: str, severity: str = "E"
) -> Fault:
    text = said or (code[1] if len(code) > 1 else "")
    return Fault(code[0].strip(), path, severity, unescape(text, delimiters, codec))


def _located(parts: list[str]) -> Path | None:
    """A location as ELD and ERL have it. Some write a whole path into the first component."""
    name = parts[0].strip()
    if not _NAME.fullmatch(name):
        try:
            return Path.parse(name.replace(".", "-", 1) if "-" not in name else name)
        except ValueError:
            return None
    numbers = [int(part) if _NUMBER.fullmatch(part.strip(" ")) else 0 for part in (*parts[1:6], *[""] * 5)]
    occurrence, field, repetition, component, subcomponent = numbers[:5]
    if not field:
        return Path(name, occurrence or 1)
    if component or subcomponent:
        repetition, component = repetition or 1, component or 1
    return Path(name, occurrence or 1, field, repetition, component, subcomponent)


def _nth(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""
