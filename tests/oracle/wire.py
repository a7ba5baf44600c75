"""Repetitions, fields and segments as they stand in the message.

Takes what `messages` put together; gives texts. Refuses, with `Fault`, what cannot be written. Received fields go through
`hl7.escape.redelimit`, which has laws and tests of its own; everything else is spelt out here.
"""

from __future__ import annotations

from typing import Any

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.escape import redelimit
from segwright.orgs.organisation import Organisation
from segwright.profiles import profile
from tests.oracle import formats
from tests.oracle.frames import Formatted, Repetition
from tests.oracle.values import NULL, Fault, Received, printed

LINE_ENDS = {"\r": "X0D", "\n": "X0A", "\t": "X09"}


class Wire:
    """Writes as an organisation wants it: delimiters, charset, limits."""

    def __init__(self, organisation: Organisation) -> None:
        self.encoding = organisation.encoding
        self.profile = profile(self.encoding.version)
        self.delimiters: Delimiters = self.encoding.delimiters

    # --- values ------------------------------------------------------------------------------------------------------

    def charset(self, text: str) -> str:
        """The text in characters that the charset has."""
        out = ""
        for each in text:
            try:
                each.encode(self.encoding.codec)
            except UnicodeEncodeError:
                if each not in self.encoding.unencodable:
                    raise Fault("unencodable") from None
                each = self.encoding.unencodable[each]
            out += each
        return out

    def escaped(self, text: str) -> str:
        """Delimiters and line ends as escape sequences; no other control character can be sent."""
        of = self.delimiters
        letters = {of.escape: "E", of.field: "F", of.component: "S", of.repetition: "R", of.subcomponent: "T"}
        if of.truncation:
            letters[of.truncation] = "P"
        letters |= LINE_ENDS
        out = ""
        for each in self.charset(text):
            if (each < " " or each == "\x7f") and each not in LINE_ENDS:
                raise Fault("control")
            out += f"{of.escape}{letters[each]}{of.escape}" if each in letters else each
        return out

    def leaf(self, value: Any, limit: tuple[str, int] | None) -> str:
        """One subcomponent."""
        if value is None:
            return ""
        if value is NULL:
            return '""'
        if isinstance(value, Formatted):
            text = value.text.replace("\r\n", "\n").replace("\r", "\n")
            line_break = f"{self.delimiters.escape}.br{self.delimiters.escape}"
            return line_break.join(self.escaped(line) for line in _held(text, limit).split("\n"))
        text = _held(printed(value), limit)
        if text == '""':
            raise Fault("null_text")
        return self.escaped(text)

    def received(self, received: Received) -> str:
        """A field or segment as it came, in our delimiters and charset. Nothing stands in for a character of it."""
        if any(each < " " or each == "\x7f" for each in received.text):
            raise Fault("control")
        try:
            text = redelimit(received.text, received.delimiters, self.delimiters, received.codec, self.encoding.codec)
        except ValueError:
            raise Fault("structure") from None
        if not text.encode(self.encoding.codec, "ignore").decode(self.encoding.codec) == text:
            raise Fault("unencodable")
        return text

    def limit(self, segment: str, field: int, component: int, subcomponent: int) -> tuple[str, int] | None:
        """This receiver's limit for a place: of the component or of its type, else of the subcomponent or of its type."""
        declared = self.profile.segment(segment)
        place = declared.field(field) if declared is not None else None
        if place is None:
            return None
        names = [place.datatype]
        type_ = self.profile.datatype(place.datatype)
        for number in (component, subcomponent):
            if type_ is None or type_.primitive:
                break
            below = type_.component(number)
            if below is None:
                return None
            names += [f"{type_.name}.{number}", below.datatype]
            type_ = self.profile.datatype(below.datatype)
        for name in names[1:] or names:
            if name in self.encoding.limits:
                limit = self.encoding.limits[name]
                return limit.over, limit.length
        return None

    # --- fields and segments -----------------------------------------------------------------------------------------

    def components(self, made: Repetition, texts: dict[tuple[int, int], str]) -> str:
        """A repetition from the texts of its leaves; nothing stands behind the last one that is there."""
        if made.held:
            return ""
        components = []
        for number in range(1, max((c for c, _ in texts), default=0) + 1):
            inner = {s: text for (c, s), text in texts.items() if c == number}
            subs = [inner.get(s, "") for s in range(1, max(inner, default=0) + 1)]
            components.append(_trimmed(subs, self.delimiters.subcomponent))
        return _trimmed(components, self.delimiters.component)

    def segment(self, name: str, fields: dict[int, str]) -> str:
        """A segment from the texts of its fields."""
        texts = [fields.get(number, "") for number in range(1, max(fields, default=0) + 1)]
        if self.encoding.trailing == "full":
            declared = self.profile.segment(name)
            known = len(declared.fields) if declared is not None else 0
            texts += [""] * (known - len(texts))
        else:
            texts = _without_end(texts)
        if name == "MSH":  # MSH-1 is the separator that stands before MSH-2
            texts = [self.delimiters.msh2, *texts[2:]]
        return self.delimiters.field.join([name, *texts])


def _held(text: str, limit: tuple[str, int] | None) -> str:
    return text if limit is None else formats.held(text, limit[1], limit[0])


def _without_end(texts: list[str]) -> list[str]:
    while texts and not texts[-1]:
        texts = texts[:-1]
    return texts


def _trimmed(texts: list[str], separator: str) -> str:
    return separator.join(_without_end(texts))
