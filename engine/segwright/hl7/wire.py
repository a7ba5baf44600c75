"""Bytes as they arrived, to the segments of one message (HL7 v2 chapter 2, sections 2.5, 2.6 and 2.10.3).

Takes one message as bytes, in or out of its MLLP frame; gives a `Message`: decoded segments, nothing split further. Refuses,
with `Refused`, whatever it cannot read whole. Lenient about what carries the message (framing bytes, byte order marks, CR, LF
or both as segment ends, blank lines, leading white space, four or five encoding characters), strict about what it holds: no
line, byte or character is ever dropped or replaced.

**Charset.** MSH-18 decides when it names one (its first repetition: the others are switched to by escapes). A byte order mark,
or the byte pattern of UTF-16, decides before it. A message that declares nothing, or ASCII, but has other bytes is read
strictly as UTF-8, since text of another charset is hardly ever valid UTF-8, and else in the charset the caller says this sender
uses; without such a charset it is refused. A caller's multi-byte charset is tried first: its text can be valid UTF-8 by chance.
Latin text is therefore never guessed, and nothing is decoded with replacement characters.

**A break inside a field** splits a segment, and its rest can look like one ("ECG|||||F"). So a line begun by another line end
than the one after MSH, an indented line and a bare name are segments only under a name that HL7 defines or that begins with Z.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import Delimiters, delimiters_of, header_delimiters
from segwright.hl7.paths import HEADERS, Path, locate_in
from segwright.hl7.refusal import Code, Refused

LARGEST: Final = 32 * 2**20
"""Bytes in a message, unless the caller says otherwise: a report of 20 MB in base64 fits."""

# The segments of versions 2.1 to 2.8.2.
_DEFINED = frozenset(
    re.findall(
        "[A-Z0-9]+",
        "ABS ACC ADD ADJ AFF AIG AIL AIP AIS AL1 APR ARQ ARV AUT BHS BLC BLG BPO BPX BTS BTX BUI CDM CDO CER CM0 CM1 CM2 "
        "CNS CON CSP CSR CSS CTD CTI DB1 DG1 DMI DON DPS DRG DSC DSP ECD ECR EDU EQL EQP EQU ERQ ERR EVN FAC FHS FT1 FTS "
        "GOL GP1 GP2 GT1 IAM IAR IIM ILT IN1 IN2 IN3 INV IPC IPR ISD ITM IVC IVT LAN LCC LCH LDP LOC LRL MCP MFA MFE MFI "
        "MRG MSA MSH NCK NDS NK1 NPU NSC NST NTE OBR OBX ODS ODT OM1 OM2 OM3 OM4 OM5 OM6 OM7 OMC ORC ORG ORO OVR PAC PCE "
        "PCR PD1 PDA PDC PEO PES PID PKG PM1 PMT PR1 PRA PRB PRC PRD PRT PSG PSH PSL PSS PTH PV1 PV2 PYE QAK QID QPD QRD "
        "QRF QRI RCP RDF RDT REL RF1 RFI RGS RMI ROL RQ1 RQD RX1 RXA RXC RXD RXE RXG RXO RXR RXV SAC SCD SCH SCP SDD SFT "
        "SGH SGT SHP SID SLT SPM SPR STF STZ TCC TCD TQ1 TQ2 TXA UAC UB1 UB2 URD URS VAR VND VTQ ",
    )
)
_BATCH = frozenset({"FHS", "BHS", "BTS", "FTS"})
_SEGMENT = re.compile("[A-Z][A-Z0-9]{2}")
_LINE = re.compile("([\r\n]*)([^\r\n]+)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# What a message that needs no mending cannot hold: controls other than CR and TAB.
_UNCLEAN = bytes([*range(9), *range(10, 13), *range(14, 32), 127])
_UTF_8 = codecs.lookup("utf-8").name
_MULTI_BYTE = frozenset({"shift_jis", "iso2022_jp", "iso2022_jp_1", "gb18030", "euc_kr", "big5"})
_WIDE_STARTS = {
    codecs.BOM_UTF16_LE: ("utf-16-le", 2),
    codecs.BOM_UTF16_BE: ("utf-16-be", 2),
    b"M\x00S\x00": ("utf-16-le", 0),
    b"\x00M\x00S": ("utf-16-be", 0),
}


class Message(msgspec.Struct, frozen=True):
    """One message as read. `segments`: the text of each, still escaped, without its end. `codec`: the Python codec of its
    charset; `escapes` that of its hexadecimal escapes: the same, but `ascii` where the message declares no more (what it escapes
    is then read as UTF-8). `type`: MSH-9.1 and .2 as in "ORM^O01" whatever the delimiters, "ACK" when there is no event.
    `control_id` (MSH-10) is as it came, for echoing; `version` is MSH-12.1; either may be empty."""

    segments: list[str]
    delimiters: Delimiters
    codec: str
    type: str
    control_id: str
    version: str
    escapes: str

    def field(self, path: str | Path) -> str:
        """The text of an element as it came, still escaped; "" when it is empty or absent. ValueError for what is no path."""
        wanted = Path.parse(path) if isinstance(path, str) else path
        named = [segment for segment in self.segments if segment[:3] == wanted.segment]
        if wanted.occurrence > len(named):
            return ""
        segment = named[wanted.occurrence - 1]
        start, end = locate_in(segment, self.delimiters, wanted) or (0, 0)
        return segment[start:end]

    def fields(self) -> Iterator[FieldText]:
        """Every field of every segment in order, empty ones too, MSH-1 and MSH-2 numbered as HL7 does."""
        for index, segment in enumerate(self.segments):
            name, *texts = segment.split(self.delimiters.field)
            if name in HEADERS:
                texts.insert(0, self.delimiters.field)
            for number, text in enumerate(texts, 1):
                yield FieldText(index, name, number, text)


class FieldText(NamedTuple):
    """A field for display: index of its segment (from 0), segment name, number (from 1), text still escaped."""

    segment_index: int
    segment: str
    number: int
    text: str


def open_message(data: bytes, *, default_charset: str = "UNICODE UTF-8", largest: int = LARGEST) -> Message:
    """Read one message. `default_charset` is how this sender writes when MSH-18 is silent (a name that `codec_of` knows, else
    ValueError); `largest` is in bytes. Raises `Refused`."""
    default = _default_codec(default_charset)
    if len(data) > largest:
        raise Refused(Code.TOO_LARGE, f"byte {largest + 1}", f"the message is longer than {largest} bytes", largest)
    body = data[1:-2] if data[:1] == b"\x0b" and data[-2:] == b"\x1c\r" else data
    message = _open_quickly(body, default)
    if message is None and b"\n" in body:
        message = _open_quickly(_with_returns(body), default)
    return message or _open_slowly(data, default)


def split_batch(data: bytes) -> list[bytes]:
    """The messages of a file, in order, each ready for `open_message`: in FHS/BHS … BTS/FTS envelopes (2.10.3), in MLLP frames,
    or merely one after the other. Each header and trailer is optional, but a trailer that counts more than is there
    means a file cut short. (One that counts less loses nothing: real senders write a constant.)

    Raises `Refused` when there is no message, some are missing or text stands outside of the messages.
    """
    data, skipped = _in_one_byte_units(data)
    heads = list(_BATCH_HEAD.finditer(data))
    _refuse_between(data, 0, heads[0].start() if heads else len(data), skipped)
    messages: list[bytes] = []
    in_batch = batches = 0
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        end = following.start() if following else len(data)
        name = head[1]
        if name == b"MSH":
            messages.append(data[head.start(1) : end].rstrip(b"\x0b\x1c\r\n"))
            in_batch += 1
            continue
        line = _BATCH_LINE.match(data, head.start(1))
        line_end = line.end() if line else end
        _refuse_between(data, line_end, end, skipped)
        if name == b"BHS":
            in_batch, batches = 0, batches + 1
        elif name == b"BTS":
            _check_count(data[head.start(1) : line_end], in_batch, "messages", skipped + head.start(1))
        elif name == b"FTS":
            _check_count(data[head.start(1) : line_end], batches or 1, "batches", skipped + head.start(1))
    if not messages:
        raise _nothing()
    return messages


# The fast half


def _open_quickly(body: bytes, default: str) -> Message | None:
    """The usual message, decoded, checked and split by a handful of calls into C; None for whatever they do not vouch for,
    which is read again line by line by the slow half, the one that explains."""
    text = body.decode() if body.isascii() else _declared_text(body, default)
    if text[:3] != "MSH" or len(body.translate(None, _UNCLEAN)) != len(body):
        return None
    separator = text[3:4]
    if _no_segment(separator).search(text):
        return None
    segments = text.split("\r")
    if not segments[-1]:
        segments.pop()
    header = segments[0].split(separator)
    return _message(segments, header, "", default)


@lru_cache(maxsize=64)
def _no_segment(separator: str) -> re.Pattern[str]:
    """Finds a CR that is followed by neither a segment nor the end: a segment's name has its separator, MSH and the batch
    segments do not count."""
    if separator in ("", "\r"):
        return re.compile("")
    return re.compile(rf"\r(?!(?!MSH|[FB][HT]S)[A-Z][A-Z0-9]{{2}}{re.escape(separator)}|\Z)")


@lru_cache(maxsize=64)
def _default_codec(charset: str) -> str:
    codec = codec_of(charset)
    if codec is None:
        raise ValueError("default_charset is the name of no known character set")
    return _UTF_8 if codec == "ascii" else codec


def _declared(msh18: str, msh2: str) -> str | None:
    """The codec that MSH-18 declares, None when it is unknown. "" stands for a declaration that leaves bytes above 127
    undecided: none at all, ASCII (what many send without thought) and UTF-16 or UTF-32 (which one-byte text is not)."""
    # Japanese messages leave the first repetition empty and name what they switch to (table 0211, ISO IR87).
    names = msh18.split(msh2[1]) if len(msh2) > 1 else [msh18]
    name = next((name for name in names if name.strip()), "")
    codec = codec_of(name)
    return "" if not name or codec in ("ascii", "utf-16", "utf-32") else codec


def _declared_by(body: bytes) -> str | None:
    """As `_declared`, before the message is decoded: what declares its charset is ASCII itself. The second byte of a character
    may look like a delimiter (0x7C in Shift-JIS), so that fields are counted wrongly: a header that, read in a charset of
    several bytes, names that very charset is believed."""
    found = _FIRST_LINE.match(body)
    line = found[0] if found else b""
    declared = _declared_in(line.decode("latin-1"))
    if not declared and (not line.isascii() or b"\x1b" in line):
        for codec in sorted(_MULTI_BYTE):
            with contextlib.suppress(UnicodeDecodeError):
                if _declared_in(line.decode(codec)) == codec:
                    return codec
    return declared


def _declared_in(line: str) -> str | None:
    header = line.split(line[3:4] or "|")
    return _declared(header[17], header[1]) if len(header) > 17 else ""


_FIRST_LINE = re.compile(b"[^\r\n]*")


def _declared_text(body: bytes, default: str) -> str:
    """The text of a message with bytes above 127 when its charset is beyond doubt, "" when it needs thought."""
    declared = _declared_by(body)
    if declared is None or declared in _MULTI_BYTE or (not declared and default in _MULTI_BYTE):
        return ""
    try:
        return body.decode(declared or _UTF_8)
    except UnicodeDecodeError:
        return ""


def _with_returns(body: bytes) -> bytes:
    """A message whose segments all end in LF, or all in CRLF, with CR; others as they are, for the slow half to judge."""
    returns = body.count(b"\r")
    if not returns:
        return body.replace(b"\n", b"\r")
    return body.replace(b"\r\n", b"\r") if returns == body.count(b"\r\n") else body


class _Facts(NamedTuple):
    delimiters: Delimiters
    codec: str
    type: str
    version: str


@lru_cache(maxsize=1024)
def _facts(separator: str, msh2: str, msh9: str, msh12: str, msh18: str) -> _Facts:
    """What the header says, except for what differs from message to message: a sender's headers are all alike."""
    delimiters = delimiters_of(separator, msh2)
    code, *events = msh9.split(delimiters.component)
    if not code:
        raise Refused(Code.NO_TYPE, "MSH-9", "the message does not say what type it is")
    kind = f"{code}^{events[0]}" if events and events[0] else code
    return _Facts(delimiters, _declared(msh18, msh2) or "", kind, msh12.split(delimiters.component)[0])


_MOST_CACHED = 1000  # characters of the header


def _message(segments: list[str], header: list[str], codec: str, default: str) -> Message:
    """The message of these segments; without a `codec`, that which it declares, or else the default."""
    if len(header) < 18:
        header = [*header, *[""] * (18 - len(header))]
    # A header out of joint may hold anything at these places: nothing long is ever kept.
    find = _facts if len(segments[0]) <= _MOST_CACHED else _facts.__wrapped__
    delimiters, declared, kind, version = find(segments[0][3:4], header[1], header[8], header[11], header[17])
    read_in = codec or declared or default
    escapes = "ascii" if read_in == _UTF_8 and not declared else read_in
    return Message(segments, delimiters, read_in, kind, header[9], version, escapes)


# The slow half


def _open_slowly(data: bytes, default: str) -> Message:
    body, skipped = _unwrapped(data)
    if not body:
        raise _nothing()
    codec, mark = _wide(body)
    if codec:
        skipped += mark
        text = _decoded(body[mark:], codec, skipped)
    elif body.startswith(codecs.BOM_UTF8):
        inner = body[3:].lstrip(_WHITE)
        skipped += len(body) - len(inner)
        codec, text = _UTF_8, _decoded(inner, _UTF_8, skipped)
    else:
        _refuse_unless_message(body[:4].decode("latin-1"), skipped)
        codec, text = _decoded_as_declared(body, default, skipped)
    segments = _lines(text, codec, skipped)
    return _message(segments, segments[0].split(segments[0][3]), codec, default)


def _nothing() -> Refused:
    return Refused(Code.EMPTY, "byte 1", "there is no message in it", 0)


def _wide(body: bytes) -> tuple[str, int]:
    """The codec of UTF-16 text and the length of its byte order mark; "" for text in one-byte units."""
    return _WIDE_STARTS.get(body[:4]) or _WIDE_STARTS.get(body[:2]) or ("", 0)


_WHITE = b"\x0b \t\r\n"


def _unwrapped(data: bytes) -> tuple[bytes, int]:
    """The bytes inside MLLP's start and end block and leading white space, and how many were left out in front."""
    body = data.lstrip(_WHITE)
    skipped = len(data) - len(body)
    inside = body.rstrip(b"\r\n")
    return (inside[:-1] if inside.endswith(b"\x1c") else body), skipped


def _refuse_unless_message(start: str, skipped: int) -> None:
    if start[:3] in _BATCH:
        raise Refused(Code.SEVERAL_MESSAGES, "segment 1", "this is a batch, not one message", skipped)
    if start[:3] != "MSH":
        raise Refused(Code.NOT_HL7, "segment 1", "the message does not begin with MSH", skipped)


def _decoded(body: bytes, codec: str, skipped: int) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        offset = skipped + error.start
        cause = f"the bytes here are no text in the charset of the message ({codec})"
        # Not chained: the codec's own error holds the whole message.
        raise Refused(Code.UNDECODABLE, f"byte {offset + 1}", cause, offset) from None


def _decoded_as_declared(body: bytes, default: str, skipped: int) -> tuple[str, str]:
    """The codec and the text of a message in one-byte units, by the rules at the head of this module."""
    declared = _declared_by(body)
    # ESC is how 7-bit charsets switch: with it even bytes below 128 mean something else.
    plain = body.isascii() and b"\x1b" not in body
    if plain:
        return declared or default, body.decode(_UTF_8)
    if declared is None:
        raise Refused(Code.CHARSET, "MSH-18", "the character set named here is not known")
    if declared:
        return declared, _decoded(body, declared, skipped)
    order = [default, _UTF_8] if default in _MULTI_BYTE else [_UTF_8, default]
    try:
        return order[0], body.decode(order[0])
    except UnicodeDecodeError:
        return order[1], _decoded(body, order[1], skipped)


def _lines(text: str, codec: str, skipped: int) -> list[str]:
    """The segments of decoded text, each line of it vouched for."""
    segments: list[str] = []
    separator = usual_end = ""
    for found in _LINE.finditer(text):
        end, line = found[1], found[2].lstrip(" \t")
        if not line:
            continue
        number = len(segments) + 1
        start = found.end() - len(line)
        if number == 1:
            _refuse_unless_message(line, skipped)
            separator = header_delimiters(
                line
            ).field  # first of all: a wrong separator would make every line look wrong
        else:
            kind = end[:2] if end.startswith("\r\n") else end[:1]
            usual_end = usual_end or kind
            wrong = _wrong(line, separator, suspect=kind != usual_end or len(line) != len(found[2]))
            if wrong:
                name = f" ({line[:3]})" if _SEGMENT.fullmatch(line[:3]) and wrong[0] != Code.SEGMENT_NAME else ""
                raise Refused(wrong[0], f"segment {number}{name}", wrong[1], _offset(text, start, codec, skipped))
        control = _CONTROL.search(line)
        if control:
            at = control.start()
            cause = f"the control character U+{ord(control[0]):04X} stands at character {at + 1} of the segment"
            offset = _offset(text, start + at, codec, skipped)
            raise Refused(Code.CONTROL_CHARACTER, f"segment {number} ({line[:3]})", cause, offset)
        segments.append(line)
    if not segments:
        raise _nothing()
    return segments


def _wrong(line: str, separator: str, *, suspect: bool) -> tuple[Code, str] | None:
    """Why a line is no segment of this message. `suspect`: it could as well be the rest of a broken field."""
    name = line[:3]
    if not _SEGMENT.fullmatch(name) or line[3:4] not in ("", separator):
        return (
            Code.SEGMENT_NAME,
            "the line does not begin with a segment name: a line end inside a field leaves such a line",
        )
    if name == "MSH":
        return Code.SEVERAL_MESSAGES, "another message begins here"
    if name in _BATCH:
        return Code.SEVERAL_MESSAGES, "a header or trailer of a batch stands here"
    if (suspect or line == name) and name not in _DEFINED and name[0] != "Z":
        return (
            Code.SEGMENT_NAME,
            "HL7 defines no segment of this name and the line is set off: it may be a broken field",
        )
    return None


def _offset(text: str, index: int, codec: str, skipped: int) -> int:
    return skipped + (index if text.isascii() and "16" not in codec else len(text[:index].encode(codec)))


# Batches

_BATCH_HEAD = re.compile(rb"(?:(?<=[\r\n\x0b\x1c])|\A)(?:\xef\xbb\xbf)?[ \t]*(MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])")
_BATCH_LINE = re.compile(rb"[^\r\n]*")


def _in_one_byte_units(data: bytes) -> tuple[bytes, int]:
    """UTF-16 as UTF-8, everything else as it is; and how many bytes were left out in front."""
    body, skipped = _unwrapped(data)
    codec, mark = _wide(body)
    if not codec:
        return data, 0
    return _decoded(body[mark:], codec, skipped + mark).encode(), skipped + mark


def _refuse_between(data: bytes, start: int, end: int, skipped: int) -> None:
    between = data[start:end]
    rest = between.lstrip(_WHITE + b"\x1c")
    if rest.removeprefix(codecs.BOM_UTF8).strip(_WHITE):
        offset = skipped + end - len(rest)
        code = Code.BATCH if start else Code.NOT_HL7
        raise Refused(code, f"byte {offset + 1}", "there is text here that belongs to no message", offset)


def _check_count(trailer: bytes, found: int, what: str, offset: int) -> None:
    fields = trailer.split(trailer[3:4] or b"|")
    count = fields[1].strip() if len(fields) > 1 else b""
    if count.isdigit() and int(count) > found:
        name = trailer[:3].decode()
        cause = f"the trailer counts {int(count)} {what}, but there are only {found}"
        raise Refused(Code.BATCH, f"{name}-1", cause, offset)
