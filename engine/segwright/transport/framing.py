"""MLLP (minimal lower layer protocol): bytes of a stream to frames, and a message to a frame.

A frame is VT, the message, FS, CR. `Parser` takes a stream in whatever pieces it comes and gives events; how the stream was cut
never changes them. No clock and no socket here, and at most `largest` bytes are held. Nothing is ever glued: a VT always begins
a frame, and whatever was unfinished before it is refused.

                 ┌────────────── anything else: noise ──┐
                 ▼                                      │
    ┌───▶ BETWEEN ──────────────── VT ───────────▶ INSIDE ◀── VT: what was inside is refused
    │        ▲                                      │ │
    │        │ CR: a frame                       FS │ │ more than `largest`: refused
    │        │                                      ▼ ▼
    │     AT_END ◀──────────────────────────────────┘ SKIPPING ── VT ──▶ INSIDE
    └────────┘ └── anything else: refused ───────────▶ (drops all else)

A *tolerant* parser also takes what harmless senders do: a frame that ends in FS alone, when the next frame, a line feed, NUL or
the end of the stream follows, and CR, LF, NUL or FS between frames. Any other byte after FS refuses the frame in both profiles:
it cannot be told from an FS inside the message, and a message cut short must not be taken for a whole one.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from typing import Final, Literal, TypeAlias

import msgspec

from segwright.hl7.wire import LARGEST

START: Final = 0x0B
END: Final = 0x1C
RETURN: Final = 0x0D

HEAD: Final = 4096
"""Bytes kept of a frame that is refused, and of one piece of noise: enough for its MSH."""

Profile: TypeAlias = Literal["strict", "tolerant"]

_NOT_HARMLESS = re.compile(b"[^\r\n\x00\x1c]")
_ENDS_BEFORE: Final = frozenset(b"\x0b\n\x00")


class Reason(StrEnum):
    """Why a frame was refused."""

    START_INSIDE = "start_inside"
    """A start block stood inside: the end block of this frame was lost. The next frame has begun."""
    END_INSIDE = "end_inside"
    """An end block without its CR, or FS inside the message."""
    TOO_LARGE = "too_large"
    """More bytes than are taken."""
    CUT_SHORT = "cut_short"
    """The stream ended inside the frame."""


class Frame(msgspec.Struct, frozen=True):
    """A whole message as it stood between start and end block. It may be empty."""

    content: bytes


class Refused(msgspec.Struct, frozen=True):
    """A frame that is no message. `size`: bytes of it that had come; `head`: the first of them (message content)."""

    reason: Reason
    size: int
    head: bytes


class Noise(msgspec.Struct, frozen=True):
    """Bytes outside of frames, at most `HEAD` of them: longer noise gives several events. `content` may be message content."""

    content: bytes


Event: TypeAlias = Frame | Refused | Noise


class Unframeable(ValueError):
    """A message that no frame can carry. Says where, never what."""


def frame(message: bytes) -> bytes:
    """The message in its frame. Raises `Unframeable` when a start or end block stands in it: the receiver would cut there."""
    at = _block(message, 0)
    if at >= 0:
        raise Unframeable(f"byte {at + 1} of the message is {message[at]:#04x}, which MLLP reserves")
    return b"\x0b%b\x1c\r" % message


def _block(data: bytes, at: int) -> int:
    """Where the first VT or FS stands, -1 when there is none. Two scans in C beat any pattern."""
    end = data.find(END, at)
    start = data.find(START, at, len(data) if end < 0 else end)
    return end if start < 0 else start


class _State(Enum):
    BETWEEN = "between"
    INSIDE = "inside"
    AT_END = "at end"
    SKIPPING = "skipping"


class Parser:
    """The state machine above. `feed` it, and `end` it once when the stream is over."""

    def __init__(self, *, largest: int = LARGEST, profile: Profile = "strict") -> None:
        self._largest = largest
        self._tolerant = profile == "tolerant"
        self._state = _State.BETWEEN
        self._content = bytearray()
        self._noise = bytearray()

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and is not over."""
        return self._state in (_State.INSIDE, _State.AT_END)

    @property
    def may_be_over(self) -> bool:
        """Whether the frame is over if nothing follows: a tolerant parser has seen FS and waits for what comes next. A sender
        that never writes the CR then waits for its answer: see `settle`."""
        return self._tolerant and self._state is _State.AT_END

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete, in order."""
        events: list[Event] = []
        at = 0
        while at < len(data):
            match self._state:
                case _State.BETWEEN:
                    at = self._between(data, at, events)
                case _State.INSIDE:
                    at = self._inside(data, at, events)
                case _State.AT_END:
                    at = self._at_end(data, at, events)
                case _State.SKIPPING:
                    at = self._skipping(data, at)
        return events

    def settle(self) -> list[Event]:
        """The sender has been silent for as long as the caller cares to wait: where `may_be_over`, the frame is."""
        events: list[Event] = []
        if self.may_be_over:
            self._complete(events)
        return events

    def end(self) -> list[Event]:
        """The stream is over: what was still open, as events. The parser is as new."""
        events = self.settle()
        if self.inside:
            self._refuse(Reason.CUT_SHORT, events)
        self._report_noise(events)
        self._state = _State.BETWEEN
        return events

    # Each state takes from `data` at `at` what belongs to it and gives where the next one goes on.

    def _between(self, data: bytes, at: int, events: list[Event]) -> int:
        start = data.find(START, at)
        stop = len(data) if start < 0 else start
        while at < stop:
            piece = data[at : min(stop, at + HEAD - len(self._noise))]
            self._noise += piece
            at += len(piece)
            if len(self._noise) == HEAD:
                self._report_noise(events)
        if start < 0:
            return stop
        self._report_noise(events)
        self._state = _State.INSIDE
        return stop + 1

    def _inside(self, data: bytes, at: int, events: list[Event]) -> int:
        block = _block(data, at)
        stop = len(data) if block < 0 else block
        room = self._largest - len(self._content)
        if stop - at > room:
            self._content += data[at : at + min(room, HEAD)]
            self._refuse(Reason.TOO_LARGE, events, size=self._largest + 1)
            return at + room + 1
        self._content += data[at:stop]
        if block < 0:
            return stop
        if data[stop] == END:
            self._state = _State.AT_END
        else:
            self._refuse(Reason.START_INSIDE, events)
            self._state = _State.INSIDE
        return stop + 1

    def _at_end(self, data: bytes, at: int, events: list[Event]) -> int:
        byte = data[at]
        if byte == RETURN:
            self._complete(events)
            return at + 1
        if self._tolerant and byte in _ENDS_BEFORE:
            self._complete(events)
        else:
            self._refuse(Reason.END_INSIDE, events)
        return at

    def _skipping(self, data: bytes, at: int) -> int:
        start = data.find(START, at)
        if start < 0:
            return len(data)
        self._state = _State.INSIDE
        return start + 1

    def _complete(self, events: list[Event]) -> None:
        events.append(Frame(bytes(self._content)))
        self._content = bytearray()
        self._state = _State.BETWEEN

    def _refuse(self, reason: Reason, events: list[Event], *, size: int | None = None) -> None:
        events.append(Refused(reason, len(self._content) if size is None else size, bytes(self._content[:HEAD])))
        self._content = bytearray()
        self._state = _State.SKIPPING

    def _report_noise(self, events: list[Event]) -> None:
        if self._noise and not (self._tolerant and not _NOT_HARMLESS.search(self._noise)):
            events.append(Noise(bytes(self._noise)))
        self._noise.clear()
