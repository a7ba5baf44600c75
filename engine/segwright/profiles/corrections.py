"""What hl7apy 1.3.5 loses or misstates, each row with its source.

Takes a version and a row as `standard` read it; gives the mended row; refuses nothing. A row here must name a source
other than hl7apy. Found by comparing 21 segments (MSH MSA ERR PID PV1 PV2 ORC OBR OBX NTE DG1 FT1 EVN TQ1 AL1 IN1 GT1
SPM PD1 BLG CTI) with npm hl7-dictionary 1.0.1 (HD, 2.3 to 2.7) and PyPI hl7types 0.9.5 (HT, 2.3 to 2.8.2). Where the
two disagree with one another and nothing settles it, hl7apy stands. Mended without a row here, because it is a rule:

- a field number that hl7apy skips (DG1-7..14, FT1-8/9 in 2.6 and 2.8+; ERR-1, EVN-1, PID-28, OBR-14/15/27, PV1-52,
  IN1-38/40/41 in 2.7/2.8+) is a withdrawn field: the fields after it keep their numbers;
- cardinality 0..0 is a withdrawn (or reserved, OBX-20..22 in 2.5.1) field whatever type hl7apy prints: PID-4 CX in 2.8,
  OBR-27 PRL in 2.7, IN1-40 "wd" in 2.6.
"""

from __future__ import annotations

from typing import Final

import msgspec

from segwright.profiles.model import ComponentType, DataType, FieldType, SegmentType


class Mend(msgspec.Struct, frozen=True):
    """New facts for one field in some versions; None leaves what hl7apy says. `repeats` 0 means unbounded."""

    versions: tuple[str, ...]
    source: str
    required: bool | None = None
    repeats: int | None = None
    table: str | None = None
    withdrawn: bool | None = None


_EARLY: Final = ("2.3", "2.3.1", "2.4")
_FROM_2_5_1: Final = ("2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
_FROM_2_7: Final = ("2.7", "2.8", "2.8.1", "2.8.2")
_ONCE: Final = "HT and HD do not repeat it; the attribute table of chapter 7 has no repetition mark"

FIELDS: Final[dict[str, tuple[Mend, ...]]] = {
    "OBX-2": (
        Mend(
            ("2.3.1", "2.7", "2.8"),
            "conditional: empty when OBX-11 is X (7.4.2.2); HT in all three, HD in 2.7; hl7apy in 2.4 to 2.6",
            required=False,
        ),
    ),
    "OBX-4": (
        Mend(
            ("2.3.1", "2.7", "2.8"),
            "conditional: tells equal OBX-3 under one OBR apart (7.4.2.4); HT in all three, HD in 2.7",
            required=False,
            repeats=1,
        ),
    ),
    "OBX-8": (Mend(("2.3", "2.3.1"), "at most five (HD Y/5, hl7-facts C1)", repeats=5),),
    "OBX-9": (Mend(("2.3.1", "2.4"), "at most five (HD Y/5)", repeats=5),),
    "OBX-13": (Mend(("2.8",), f"{_ONCE}; hl7apy itself in 2.7 and 2.8.1", repeats=1),),
    "OBX-23": (Mend(_FROM_2_5_1, _ONCE, repeats=1),),
    "OBX-24": (Mend(_FROM_2_5_1, _ONCE, repeats=1),),
    "OBX-25": (Mend(_FROM_2_5_1, _ONCE, repeats=1),),
    "OBX-26": (Mend(_FROM_2_7, _ONCE, repeats=1),),
    "OBX-29": (Mend(("2.8.1", "2.8.2"), "HT does not repeat it", repeats=1),),
    "OBX-30": (Mend(("2.8.2",), "HT does not repeat it", repeats=1),),
    "SPM-32": (Mend(_FROM_2_7, "HT and HD do not repeat it", repeats=1),),
    "ORC-14": (Mend(_EARLY, "at most two (HD Y/2)", repeats=2),),
    "OBR-17": (Mend(_EARLY, "at most two (HD Y/2)", repeats=2),),
    "OBR-28": (Mend(_EARLY, "at most five (HD Y/5)", repeats=5),),
    "IN1-7": (Mend(("2.3",), "at most three (HD Y/3)", repeats=3),),
    "OBR-27": (Mend(("2.3",), "optional: HT, and every other version; ORC-7 carries the same value", required=False),),
    "MSA-5": (
        Mend(("2.5",), "withdrawn with its table 0102: HT, and hl7apy has no table 0102 from 2.5 on", withdrawn=True),
    ),
    "DG1-6": (Mend(("2.7",), "table 0052 is lost: HD, HT, and hl7apy itself before and after", table="0052"),),
}

# Withdrawn fields at the end of a segment, which leave no gap to see: how many fields the segment really has.
WIDTHS: Final[dict[str, tuple[tuple[str, ...], int, str]]] = {
    "AL1": (_FROM_2_7, 6, "AL1-6 is withdrawn in 2.7 (HD opt W)"),
}

# Names of withdrawn fields whose rows hl7apy has lost (from its own earlier versions).
NAMES: Final[dict[str, str]] = {
    "AL1-6": "Identification Date",
    "DG1-7": "Major Diagnostic Category",
    "DG1-8": "Diagnostic Related Group",
    "DG1-9": "DRG Approval Indicator",
    "DG1-10": "DRG Grouper Review Code",
    "DG1-11": "Outlier Type",
    "DG1-12": "Outlier Days",
    "DG1-13": "Outlier Cost",
    "DG1-14": "Grouper Version and Type",
    "ERR-1": "Error Code and Location",
    "EVN-1": "Event Type Code",
    "FT1-8": "Transaction Description",
    "FT1-9": "Transaction Description - Alt",
    "IN1-38": "Policy Deductible",
    "IN1-40": "Room Rate - Semi-Private",
    "IN1-41": "Room Rate - Private",
    "OBR-14": "Specimen Received Date/Time",
    "OBR-15": "Specimen Source",
    "OBR-27": "Quantity/Timing",
    "PID-28": "Nationality",
    "PV1-52": "Other Healthcare Provider",
}

# Tables of components. hl7apy has none from 2.6 on and few before 2.5; these are the ones HD gives alike in 2.5 to 2.7
# (chapter 2A). A table that hl7apy names is kept.
COMPONENT_TABLES: Final[dict[str, dict[int, str]]] = {
    "CE": {3: "0396", 6: "0396"},
    "CNE": {3: "0396", 6: "0396", 12: "0396"},
    "CNN": {7: "0360", 8: "0297", 9: "0363", 11: "0301"},
    "CP": {2: "0205", 6: "0298"},
    "CWE": {3: "0396", 6: "0396", 12: "0396"},
    "CX": {3: "0061", 4: "0363", 5: "0203"},
    "DLN": {2: "0333"},
    "ED": {2: "0191", 3: "0291", 4: "0299"},
    "EI": {2: "0363", 4: "0301"},
    "ELD": {4: "0357"},
    "FC": {1: "0064"},
    "HD": {1: "0300", 3: "0301"},
    "JCC": {1: "0327", 2: "0328"},
    "MSG": {1: "0076", 2: "0003", 3: "0354"},
    "NDL": {4: "0302", 5: "0303", 6: "0304", 8: "0306", 9: "0305", 10: "0307", 11: "0308"},
    "PL": {1: "0302", 2: "0303", 3: "0304", 5: "0306", 6: "0305", 7: "0307", 8: "0308"},
    "PLN": {2: "0338"},
    "PT": {1: "0103", 2: "0207"},
    "RI": {1: "0335"},
    "RP": {3: "0191", 4: "0291"},
    "TQ": {9: "0472"},
    "TS": {2: "0529"},
    "VID": {1: "0104", 2: "0399"},
    "XAD": {6: "0399", 7: "0190", 9: "0289", 10: "0288", 11: "0465"},
    "XCN": {7: "0360", 8: "0297", 9: "0363", 10: "0200", 12: "0061", 13: "0203", 15: "0465", 18: "0444"},
    "XON": {2: "0204", 5: "0061", 6: "0363", 7: "0203", 9: "0465"},
    "XPN": {6: "0360", 7: "0200", 8: "0465", 11: "0444"},
    "XTN": {2: "0201", 3: "0202"},
}

# From 2.6 the kind of data in ED-2 and RP-3 is a MIME type (HD 2.6 and 2.7; chapter 2A of 2.6).
_MIME: Final[dict[str, int]] = {"ED": 2, "RP": 3}
_MIME_FROM: Final = ("2.6", *_FROM_2_7)


def mend_field(version: str, segment: str, field: FieldType) -> FieldType:
    """The field as the standard prints it, when hl7apy is known to differ."""
    for mend in FIELDS.get(f"{segment}-{field.number}", ()):
        if version in mend.versions:
            field = msgspec.structs.replace(
                field,
                required=field.required if mend.required is None else mend.required,
                repeats=field.repeats if mend.repeats is None else (mend.repeats or None),
                table=field.table if mend.table is None else mend.table,
                withdrawn=field.withdrawn if mend.withdrawn is None else mend.withdrawn,
            )
    if field.withdrawn:
        return FieldType(
            field.number, NAMES.get(f"{segment}-{field.number}", field.name), "", repeats=0, withdrawn=True
        )
    return field


def mend_segment(version: str, segment: SegmentType) -> SegmentType:
    """The segment with every field number present: rows hl7apy skips are withdrawn fields."""
    versions, width, _ = WIDTHS.get(segment.name, ((), 0, ""))
    have = {field.number: field for field in segment.fields}
    last = max([*have, width if version in versions else 0])
    if len(have) == last:
        return segment
    lost = (FieldType(n, "Withdrawn", "", repeats=0, withdrawn=True) for n in range(1, last + 1) if n not in have)
    have.update({field.number: mend_field(version, segment.name, field) for field in lost})
    return SegmentType(segment.name, tuple(have[n] for n in sorted(have)))


def mend_datatype(version: str, datatype: DataType) -> DataType:
    """The data type with component tables and with the component that hl7apy skips (XTN-1 in 2.6)."""
    components = {component.number: component for component in datatype.components}
    if datatype.name == "XTN" and 1 not in components:
        # HD: ST, optional in 2.6 and withdrawn in 2.7; hl7apy starts XTN at the second component in 2.6.
        components[1] = ComponentType(1, "Telephone Number", "ST")
    tables = COMPONENT_TABLES.get(datatype.name, {})
    for number, component in components.items():
        table = component.table or tables.get(number, "")
        if version in _MIME_FROM and _MIME.get(datatype.name) == number:
            table = "0834"
        if component.withdrawn:
            components[number] = ComponentType(number, component.name, "", withdrawn=True)
        elif table != component.table:
            components[number] = msgspec.structs.replace(component, table=table)
    return DataType(datatype.name, tuple(components[n] for n in sorted(components)))
