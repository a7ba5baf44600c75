"""The encoding characters of a message (MSH-1 and MSH-2; HL7 v2 chapter 2, section 2.5.4).

Takes the beginning of a header segment, gives `Delimiters`; refuses a set that cannot keep apart what it separates.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from segwright.hl7.refusal import Code, Refused


class Delimiters(NamedTuple):
    """Field separator, then MSH-2 in its order. `truncation` is the fifth encoding character (2.7), "" when there is none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def msh2(self) -> str:
        """The text of MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


STANDARD = Delimiters()

# Two graphic characters are kept out because they mean something inside values: "" is HL7's null (2.5.3), and a dot begins
# every formatting command (2.7.6) and stands in numbers and OIDs. A dot as the escape character makes `\.br\` unreadable.
LEGAL: Final = frozenset("!#$%&'()*+,-/:;<=>?@[\\]^_`{|}~")
"""The characters that may delimit."""


def fault(delimiters: Delimiters) -> str:
    """What is wrong with a set of delimiters, as a plain sentence; "" when it is usable."""
    given = (delimiters.field, *delimiters[1:5], *([delimiters.truncation] if delimiters.truncation else []))
    if any(character not in LEGAL for character in given):
        return "every delimiter has to be one printable ASCII character that is no letter, digit, space, dot or quote"
    if len(set(given)) != len(given):
        return "the delimiters have to differ from one another"
    return ""


@lru_cache(maxsize=256)
def delimiters_of(field: str, msh2: str) -> Delimiters:
    """The delimiters that MSH-1 and MSH-2 name: four encoding characters, or five in the order of version 2.7, which is
    taken at any version because real messages of 2.5.1 have it. Raises `Refused`."""
    if len(field) != 1 or field not in LEGAL:
        raise Refused(Code.DELIMITERS, "MSH-1", "the character after MSH cannot be a field separator")
    if len(msh2) not in (4, 5):
        cause = f"MSH-2 holds {len(msh2)} characters; it has to hold the four or five encoding characters"
        raise Refused(Code.DELIMITERS, "MSH-2", cause)
    found = Delimiters(field, *msh2)
    wrong = fault(found)
    if wrong:
        raise Refused(Code.DELIMITERS, "MSH-2", wrong)
    return found


def header_delimiters(header: str) -> Delimiters:
    """The delimiters of a header segment (MSH, FHS or BHS). Raises `Refused`."""
    field = header[3:4]
    return delimiters_of(field, header[4:].split(field, 1)[0] if field else "")
