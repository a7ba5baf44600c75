"""The one way this floor says no to a message it was sent.

Takes nothing, gives `Refused` and the list of reasons. A refusal names a place and a reason; it never quotes the message, so
it may be logged, shown and put into an acknowledgement.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Why a message could not be read."""

    EMPTY = "empty"
    """No bytes besides framing and white space."""
    TOO_LARGE = "too_large"
    """More bytes than the caller takes."""
    NOT_HL7 = "not_hl7"
    """The first segment is not MSH."""
    SEVERAL_MESSAGES = "several_messages"
    """A batch, or a second MSH: `wire.split_batch` separates them."""
    BATCH = "batch"
    """A batch that lacks messages which its trailer counts, or with text outside its messages."""
    DELIMITERS = "delimiters"
    """MSH-1 and MSH-2 name no usable set of encoding characters."""
    CHARSET = "charset"
    """MSH-18 names a character set that is not known, and the bytes cannot be read without knowing it."""
    UNDECODABLE = "undecodable"
    """Bytes that the character set does not have."""
    CONTROL_CHARACTER = "control_character"
    """A C0 control or DEL among the data (HL7 leaves only the segment end and, by habit, the tabulator)."""
    SEGMENT_NAME = "segment_name"
    """A line that begins no segment, most often the rest of a field that was broken by a line end."""
    NO_TYPE = "no_type"
    """MSH-9 is empty or absent."""
    NO_MSA = "no_msa"
    """An answer without MSA: it acknowledges nothing."""
    MSA_CODE = "msa_code"
    """An answer whose MSA-1 is no acknowledgement code."""


class Refused(Exception):
    """A message that cannot be read.

    `position` is written as people write it ("MSH-18", "segment 7 (OBX)", "byte 132"; bytes and segments count from 1).
    `cause` is one plain sentence without message content. `offset` is the byte in the data as it was given, from 0, or None.
    """

    def __init__(self, code: Code, position: str, cause: str, offset: int | None = None) -> None:
        super().__init__(code, position, cause, offset)
        self.code: str = code.value
        self.position = position
        self.cause = cause
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.position}: {self.cause}"
