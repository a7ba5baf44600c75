"""The messages and values that the benchmarks work on, made here: one order of 22 segments, one result of 23.

Nothing of a real person. `result` gives the same record with clean values, with one special character in one value, with special
characters in every text, and with letters beyond ASCII.
"""

from __future__ import annotations

from typing import Any, Final

DELIMITERS: Final = "|^~\\&"

ORDER: Final = "\r".join(  # noqa: FLY002 - a line is a segment
    (
        r"MSH|^~\&|HEARTEHR|NORTHSIDE|ECGAI|READING|20260302081500||ORM^O01|ORD20260302081500042|P|2.4|||AL|NE|USA|8859/1",
        (
            "PID|1||N5500417^^^NORTHSIDE^MR~811002244^^^SSA^SS||OKAFOR^ADAEZE^JOY^^MS||19510307|F||2054-5"
            r"|77 HARBOR RD \T\ 9TH ST^UNIT 12^PORTVILLE^OR^97201^USA^H||(503)555-0117^PRN^PH|(503)555-0188^WPN^PH"
            "|ENG|M|MET|A9913020^^^NORTHSIDE^AN|811-00-2244"
        ),
        "PD1||||007733^ABELARD^INES^^^DR^MD",
        "NTE|1|L|Interpreter needed for consent",
        (
            "PV1|1|I|CCU^21^A^NORTHSIDE||||004410^LINDQVIST^ERIK^P^^DR^MD|005520^MWANGI^GRACE^^^DR^MD"
            "|006630^DUBOIS^PAUL^^^DR^MD|CAR||||2|||004410^LINDQVIST^ERIK^P^^DR^MD|IP|V8100551^^^NORTHSIDE^VN"
            "|||||||||||||||||||||||||20260301220400"
        ),
        "PV2|||I48.91^ATRIAL FIBRILLATION^I10",
        "IN1|1|HMO200|PAC07|PACIFIC MUTUAL HEALTH|PO BOX 88^^SALEM^OR^97301|||GRP0093",
        "AL1|1|DA|SUL^SULFA|MO|RASH",
        "AL1|2|MA|IOD^IODINE CONTRAST|SV|ANAPHYLAXIS",
        (
            "ORC|NW|P7740019^HEARTEHR|||||1^ONCE^^20260302081000^^S||20260302081012|NRS410^HALE^ROSA"
            "||004410^LINDQVIST^ERIK^P^^DR^MD|CCU|(503)555-0290|20260302081000"
        ),
        (
            r"OBR|1|P7740019^HEARTEHR||93005^ELECTROCARDIOGRAM, TRACING^C4|S|20260302081000|20260302082200||||||SYNCOPE \F\ "
            r"R/O HEART BLOCK \T\ ISCHEMIA|||004410^LINDQVIST^ERIK^P^^DR^MD||||||||ECG|||1^ONCE^^20260302081000^^S"
            "||||R55^SYNCOPE^I10|||||20260302082200"
        ),
        r"NTE|1|P|Old tracing of 2024\S\03 on file; wife said \E\worse at night\E\ ",
        "NTE|2|P|Takes metoprolol 25 mg twice daily",
        "DG1|1||R55^SYNCOPE AND COLLAPSE^I10||20260302|A",
        "DG1|2||I48.91^ATRIAL FIBRILLATION, UNSPECIFIED^I10||20260301|W",
        "DG1|3||R00.1^BRADYCARDIA, UNSPECIFIED^I10||20260301|W",
        "OBX|1|NM|8302-2^BODY HEIGHT^LN||171|cm|||||F",
        "OBX|2|NM|29463-7^BODY WEIGHT^LN||66.0|kg|||||F",
        "OBX|3|NM|8480-6^SYSTOLIC BP^LN||104|mm[Hg]|90-140||||F",
        "OBX|4|NM|8462-4^DIASTOLIC BP^LN||58|mm[Hg]|60-90|L|||F",
        "OBX|5|ST|PACER^PACEMAKER PRESENT^L||YES||||||F",
        r"OBX|6|TX|MEDS^CURRENT MEDS^L||METOPROLOL\R\APIXABAN||||||F",
        "",
    )
)

FIELDS: Final = tuple(
    (name, segment, int(field), int(component))
    for name, segment, field, component in (
        line.split()
        for line in """
        sending_application MSH 3 1
        sending_facility MSH 4 1
        receiving_application MSH 5 1
        sent_at MSH 7 1
        trigger MSH 9 2
        control_id MSH 10 1
        version MSH 12 1
        family PID 5 1
        given PID 5 2
        middle PID 5 3
        born PID 7 1
        sex PID 8 1
        race PID 10 1
        street PID 11 1
        city PID 11 3
        state PID 11 4
        zip PID 11 5
        phone PID 13 1
        language PID 15 1
        account PID 18 1
        class PV1 2 1
        unit PV1 3 1
        room PV1 3 2
        bed PV1 3 3
        attending PV1 7 1
        attending_family PV1 7 2
        visit PV1 19 1
        control ORC 1 1
        placer ORC 2 1
        ordered_at ORC 9 1
        provider ORC 12 1
        code OBR 4 1
        display OBR 4 2
        priority OBR 5 1
        clinical OBR 13 1
        reason OBR 31 1
        note NTE 3 1
        diagnosis DG1 3 1
        diagnosis_text DG1 3 2
        height OBX 5 1
        """.strip().splitlines()
    )
)
"""What is read: name, segment (its first), field, component."""

REQUIRED: Final = frozenset(
    "control_id family given born sex visit placer code control sent_at trigger provider ordered_at class account".split()
)
"""Those of them without which an order is refused."""

EXPECTED: Final = {
    "sending_application": "HEARTEHR", "sending_facility": "NORTHSIDE", "receiving_application": "ECGAI",
    "sent_at": "20260302081500", "trigger": "O01", "control_id": "ORD20260302081500042", "version": "2.4",
    "family": "OKAFOR", "given": "ADAEZE", "middle": "JOY", "born": "19510307", "sex": "F", "race": "2054-5",
    "street": "77 HARBOR RD & 9TH ST", "city": "PORTVILLE", "state": "OR", "zip": "97201", "phone": "(503)555-0117",
    "language": "ENG", "account": "A9913020", "class": "I", "unit": "CCU", "room": "21", "bed": "A",
    "attending": "004410", "attending_family": "LINDQVIST", "visit": "V8100551", "control": "NW", "placer": "P7740019",
    "ordered_at": "20260302081012", "provider": "004410", "code": "93005", "display": "ELECTROCARDIOGRAM, TRACING",
    "priority": "S", "clinical": "SYNCOPE | R/O HEART BLOCK & ISCHEMIA", "reason": "R55",
    "note": "Interpreter needed for consent", "diagnosis": "R55", "diagnosis_text": "SYNCOPE AND COLLAPSE",
    "height": "171",
}  # fmt: skip

KINDS: Final = ("clean", "one special", "all special", "non-ASCII")

Result = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], Any, Any, Any]


def result(kind: str) -> Result:
    """Header, patient, visit, order, measurements, diagnoses and notes of a result, as records."""

    def text(value: str) -> str:
        match kind:
            case "all special":
                return f"{value[:3]}&{value[3:]}|"
            case "non-ASCII":
                return value.replace("A", "Ä").replace("O", "ø")
            case _:
                return value

    def record(*values: str) -> tuple[str, ...]:
        return tuple(text(value) for value in values)

    def measured(kind_: str, code: str, name: str, value: str, unit: str = "", range_: str = "", flag: str = "") -> Any:
        rest = tuple(one or None for one in (unit, range_, flag))
        return (kind_, code, text(name), text(value) if kind_ == "ST" else value, *rest)

    one = "CONDUCTION & REPOLARIZATION NORMAL" if kind == "one special" else "CONDUCTION AND REPOLARIZATION NORMAL"
    return (
        record("ECGAI", "READING", "HEARTEHR", "NORTHSIDE", "20260302093015", "RES20260302093015118"),
        record(
            "N5500417", "NORTHSIDE", "OKAFOR", "ADAEZE", "JOY", "19510307", "F", "77 HARBOR RD AND 9TH ST", "UNIT 12",
            "PORTVILLE", "OR", "97201", "(503)555-0117", "A9913020",
        ),
        record("I", "CCU", "21", "A", "NORTHSIDE", "004410", "LINDQVIST", "ERIK", "V8100551"),
        record(
            "P7740019", "ECG5520881", "93005", "ELECTROCARDIOGRAM, TRACING", "20260302082212", "20260302093015", "F",
            "005520", "MWANGI", "GRACE",
        ),
        (
            measured("NM", "8867-4", "HEART RATE", "47", "/min", "60-100", "L"),
            measured("NM", "8625-6", "PR INTERVAL", "212", "ms", "120-200", "H"),
            measured("NM", "8633-0", "QRS DURATION", "98", "ms", "80-120"),
            measured("NM", "8634-8", "QT INTERVAL", "452", "ms"),
            measured("NM", "8636-3", "QTC BAZETT", "400", "ms", "350-450"),
            measured("NM", "8626-4", "P AXIS", "44", "deg"),
            measured("NM", "8632-2", "QRS AXIS", "-21", "deg", "-30-90"),
            measured("NM", "8638-9", "T AXIS", "63", "deg"),
            measured("ST", "18844-1", "RHYTHM", "SINUS BRADYCARDIA", flag="A"),
            measured("ST", "8601-7", "INTERPRETATION", one, flag="A"),
            measured("ST", "CONF", "CONFIRMATION", "CONFIRMED BY MWANGI, GRACE"),
            measured("ST", "LINK", "TRACING LINK", "https://ecg.example/2026/03/5520881"),
        ),
        (
            ("R00.1", text("BRADYCARDIA, UNSPECIFIED")),
            ("I44.0", text("ATRIOVENTRICULAR BLOCK, FIRST DEGREE")),
            ("R94.31", text("ABNORMAL ELECTROCARDIOGRAM")),
        ),
        tuple(
            text(line)
            for line in (
                "Abnormal ECG. Slower than in the tracing of 2024.",
                "PR interval prolonged by 12 ms; review metoprolol and digoxin.",
                "Electronically confirmed.",
            )
        ),
    )  # fmt: skip
