"""HL7 structure read from hl7apy's version tables: the one module that imports it, at the first question about a
version.

Takes a version; gives a `Profile` that answers by name and remembers its answers; refuses versions it has no tables for
(`UnknownVersion`). Names the standard does not have give None: a Z-segment is free, a wrong name is the caller's
finding.

Source: hl7apy 1.3.5 (MIT), modules v2_3 to v2_8_2, mended by `corrections`, lengths by `lengths`, codes by `tables`.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any, Final

from segwright.profiles import lengths, tables
from segwright.profiles.corrections import mend_datatype, mend_field, mend_segment
from segwright.profiles.model import (
    ComponentType,
    DataType,
    FieldType,
    Group,
    SegmentPlace,
    SegmentType,
    Structure,
)
from segwright.profiles.structures import structure_ids

VERSIONS: Final[tuple[str, ...]] = tables.ORDER

_PRIMITIVES: Final = frozenset({"ST", "NM", "ID", "IS", "SI", "DT", "TM", "FT", "TX", "varies"})
_PRIMITIVES_FROM: Final = {"DTM": "2.5", "GTS": "2.5", "SNM": "2.7"}  # chapter 2A; DTM alone replaces TS from 2.6
_PRIMITIVES_TO: Final = {"TN": "2.4"}  # chapter 2A: XTN instead
_CHOICE: Final = re.compile(r"CHOICE$|SUPPGRP$|_OBJECT$|CLINICAL_ORDER_OBJECT$")
_ACRONYMS: Final = "ID SSN DRG OBX OBR ORC PID DG1 AL1 IN1 GT1 FT1 NTE TQ1 MSH UB82 ICD CPT HCFA DNA HL7 VIP HMO CLIA"
_WORDS: Final = frozenset(_ACRONYMS.split())
_SMALL: Final = frozenset({"of", "and", "or", "the", "to", "for", "in", "on", "by", "from", "at", "with", "a", "an"})


class UnknownVersion(Exception):
    """There are no tables for this version. `known` are those there are; `reason` says more when there is more to say."""

    def __init__(self, version: str, known: tuple[str, ...] = VERSIONS) -> None:
        self.version = version
        self.known = known
        self.reason = "hl7apy has no tables for 2.7.1: use 2.7 or 2.8" if version == "2.7.1" else ""
        super().__init__(f"HL7 version {version}: {self.reason or 'known are ' + ', '.join(known)}")


class Profile:
    """The structure of one HL7 version. Answers are frozen; every one is worked out once."""

    def __init__(self, version: str, source: Any) -> None:
        self.version = version
        self._source = source
        self._segments: dict[str, SegmentType | None] = {}
        self._datatypes: dict[str, DataType | None] = {}
        self._structures: dict[str, Structure | None] = {}

    def segment(self, name: str) -> SegmentType | None:
        """The segment, or None when this version has none of that name (every Z-segment: those are free)."""
        if name not in self._segments:
            self._segments[name] = self._read_segment(name)
        return self._segments[name]

    def datatype(self, name: str) -> DataType | None:
        """The data type, or None when this version has none of that name (CE from 2.6, TS from 2.6)."""
        if name not in self._datatypes:
            self._datatypes[name] = self._read_datatype(name)
        return self._datatypes[name]

    def structure(self, message_type: str) -> Structure | None:
        """The structure of `ORU^R01`, `ORU^R01^ORU_R01`, `ORU_R01` or `ACK`; None when this version has none for it.

        Events that share a structure find it (ADT^A04 is ADT_A01, MDM^T06 is MDM_T02): HL7 table 0354.
        """
        messages: dict[str, Any] = self._source.MESSAGES
        for id in structure_ids(message_type):
            if id in messages:
                if id not in self._structures:
                    self._structures[id] = Structure(id, _children(id, messages[id]))
                return self._structures[id]
        return None

    def table(self, number: str) -> frozenset[str] | None:
        """The codes of a table, "0123"; None when it is unknown here. Ask `is_closed` before calling another code
        wrong.
        """
        known = self.codes(number)
        return None if known is None else frozenset(known)

    def codes(self, number: str) -> dict[str, str] | None:
        """Code to meaning ("" where no source gives one); None when the table is unknown here."""
        return tables.codes(number, self.version)

    def allows(self, number: str, code: str) -> bool | None:
        """Whether a table lists a code, forms such as 99ABC (0396) counted; None when the table is unknown here."""
        return tables.allows(number, self.version, code)

    def segment_names(self) -> tuple[str, ...]:
        """Every segment name of this version, for suggestions."""
        return tuple(n for n in self._source.SEGMENTS if len(n) == 3 and not n.startswith("Z") and self.segment(n))

    def datatype_names(self) -> tuple[str, ...]:
        """Every data type of this version that has components, for suggestions."""
        return tuple(self._source.DATATYPES_STRUCTS)

    def structure_names(self) -> tuple[str, ...]:
        """Every structure id of this version, for suggestions."""
        return tuple(self._source.MESSAGES)

    def _read_segment(self, name: str) -> SegmentType | None:
        reference = self._source.SEGMENTS.get(name)
        # Withdrawn segments (QRD in 2.7) are there without a row; ZXX and ANYHL7SEGMENT are hl7apy's own devices.
        if reference is None or len(reference) < 2 or not reference[1] or len(name) != 3 or name.startswith("Z"):
            return None
        fields = tuple(self._field(name, *row[:3]) for row in reference[1])
        return mend_segment(self.version, SegmentType(name, fields))

    def _field(self, segment: str, key: str, reference: Any, cardinality: tuple[int, int]) -> FieldType:
        number = int(key.rpartition("_")[2])
        _, _, datatype, name, table, _ = reference or self._source.FIELDS[key]
        least, most = cardinality
        withdrawn = most == 0 or datatype is None or datatype.upper() == "WD"
        field = FieldType(
            number,
            _said(name),
            datatype or "",
            required=least > 0,
            repeats=None if most < 0 else most,
            length=lengths.field_length(self.version, segment, number),
            table=(table or "").removeprefix("HL7"),
            withdrawn=withdrawn,
        )
        return mend_field(self.version, segment, field)

    def _read_datatype(self, name: str) -> DataType | None:
        rows = self._source.DATATYPES_STRUCTS.get(name)
        if rows is None:
            return DataType(name) if self._primitive(name) else None
        return mend_datatype(self.version, DataType(name, tuple(self._component(name, *row[:3]) for row in rows)))

    def _component(self, owner: str, key: str, reference: Any, cardinality: tuple[int, int]) -> ComponentType:
        number = int(key.rpartition("_")[2])
        _, _, datatype, name, table, _ = reference
        return ComponentType(
            number,
            _said(name),
            datatype,
            required=cardinality[0] > 0,
            length=lengths.component_length(self.version, owner, number),
            table=(table or "").removeprefix("HL7"),
            withdrawn=cardinality[1] == 0 or datatype.upper() == "WD",
        )

    def _primitive(self, name: str) -> bool:
        at = VERSIONS.index(self.version)
        since, until = _PRIMITIVES_FROM.get(name), _PRIMITIVES_TO.get(name)
        if since:
            return at >= VERSIONS.index(since)
        if until:
            return at <= VERSIONS.index(until)
        return name in _PRIMITIVES


def _children(id: str, reference: Any) -> tuple[Group | SegmentPlace, ...]:
    found: list[Group | SegmentPlace] = []
    for name, child, (least, most), kind in reference[1]:
        repeats = None if most < 0 else most
        if kind == "SEG":
            found.append(SegmentPlace("ANY" if name.startswith("ANY") else name, least > 0, repeats))
            continue
        # hl7apy calls a few plain sequences (EHC_E01, QBP_E22) a choice: only the groups that say so are one.
        choice = child[0] == "choice" and _CHOICE.search(name) is not None
        found.append(Group(name.removeprefix(id + "_"), least > 0, repeats, _children(id, child), choice))
    return tuple(found)


def _said(name: str | None) -> str:
    """ORDER_CONTROL as people read it: Order Control."""
    words = [
        word if word in _WORDS else word.lower() if word.lower() in _SMALL and at else word.capitalize()
        for at, word in enumerate((name or "").upper().split("_"))
    ]
    return " ".join(words).replace("Date Time", "Date/Time")


@cache
def profile(version: str) -> Profile:
    """The profile of a version; raises `UnknownVersion`. The first call imports hl7apy, 10 to 30 ms."""
    if version not in VERSIONS:
        raise UnknownVersion(version)
    source = importlib.import_module("hl7apy.v" + version.replace(".", "_"))
    return Profile(version, source)
