"""Plans made by hand, with inputs and messages for them: what the tests of `plan` and `runtime` share.

`WRITING` and `READING` hold every sample by name. Plans are round-tripped through JSON, so that no two operations are one object.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from segwright.hl7.delimiters import STANDARD, Delimiters
from segwright.hl7.values import NULL, Field, Moment, Quantity, Segment
from segwright.plan import ops
from segwright.plan.model import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    FIELD,
    INTEGER,
    TEXT,
    Attribute,
    Model,
    RecordType,
    Type,
    scalar,
)
from segwright.plan.ops import (
    AllOf,
    AnyOf,
    Attr,
    Call,
    Cell,
    CheckOp,
    Choose,
    ChooseRep,
    Coalesce,
    Component,
    Const,
    Count,
    Duty,
    Each,
    EachRep,
    EchoOp,
    Encoding,
    Equal,
    Fallback,
    FieldOp,
    First,
    GroupOp,
    HoldRep,
    In,
    Input,
    IsLast,
    IsNull,
    Keep,
    Leaves,
    LetOp,
    Listed,
    Lookup,
    LoopOp,
    MadePart,
    Make,
    Match,
    Narrate,
    Narrative,
    Not,
    Opaque,
    Order,
    Plan,
    Present,
    Put,
    Received,
    RejectOp,
    RepRung,
    Result,
    Rung,
    SegmentOp,
    SetOp,
    Slot,
    Table,
    TableRow,
    Take,
    TakeAll,
    Truth,
)

# --- the model -------------------------------------------------------------------------------------------------------


def record(name: str, /, **attributes: Type | tuple[Type]) -> RecordType:
    """A record type; an optional attribute is written as a tuple of its type."""
    return RecordType(
        name,
        tuple(
            Attribute(key, kind[0] if isinstance(kind, tuple) else kind, isinstance(kind, tuple), f"The {key}.")
            for key, kind in attributes.items()
        ),
    )


def many(of: Type) -> Type:
    return Type("list", of=of)


def a(name: str) -> Type:
    return Type("record", name)


def one_of(name: str) -> Type:
    return Type("enum", name)


MODEL = Model(
    records={
        each.name: each
        for each in (
            record("Message", created_at=DATETIME, control_id=TEXT, purpose=(TEXT,)),
            record(
                "Patient",
                mrn=TEXT,
                family=TEXT,
                given=(TEXT,),
                sex=(one_of("Sex"),),
                born=(scalar("date"),),
                phone=(TEXT,),
                aliases=(many(TEXT),),
            ),
            record("Provider", id=(TEXT,), npi=(TEXT,), family=TEXT, given=(TEXT,)),
            record("Diagnosis", code=scalar("code"), display=TEXT),
            record(
                "Order",
                control=one_of("Control"),
                placer_number=FIELD,
                filler_number=(FIELD,),
                provider=(a("Provider"),),
                diagnoses=(many(a("Diagnosis")),),
                received=(scalar("segments"),),
                department=(TEXT,),
                note=(TEXT,),
            ),
            record(
                "Measurement",
                kind=one_of("Kind"),
                value=scalar("quantity"),
                sub_id=(INTEGER,),
                flag=(one_of("Flag"),),
            ),
            record(
                "Result",
                status=one_of("Status"),
                issued_at=DATETIME,
                measurements=many(a("Measurement")),
                diagnoses=(many(a("Diagnosis")),),
                impression=(TEXT,),
                score=(DECIMAL,),
                signed=(BOOLEAN,),
            ),
        )
    },
    enums={
        "Sex": ("female", "male", "other"),
        "Kind": ("heart_rate", "qrs_duration", "qt_interval"),
        "Flag": ("normal", "abnormal"),
        "Status": ("preliminary", "final", "corrected", "withdrawn"),
        "Control": ("new", "change", "cancel"),
    },
)


def made(kind: str, /, **given: Any) -> tuple[Any, ...]:
    """A record value: its attributes in order, None where not given."""
    declared = MODEL.records[kind]
    unknown = set(given) - {attribute.name for attribute in declared.attributes}
    assert not unknown, unknown
    return tuple(given.get(attribute.name) for attribute in declared.attributes)


def at(of: ops.Value, kind: str, name: str) -> Attr:
    """Attribute `name` of a value of record type `kind`."""
    index = MODEL.records[kind].index(name)
    assert index >= 0, name
    return Attr(of, index)


# --- short forms -----------------------------------------------------------------------------------------------------

ALWAYS = Duty("always")
ANY = Duty("any")
ASCII = Encoding("2.5.1", "|", "^~\\&", "", "ascii")
BLANK = Const("blank")


def text(value: str) -> Const:
    return Const("text", value)


def number(value: int) -> Const:
    return Const("integer", str(value))


def decimal(value: str) -> Const:
    return Const("decimal", value)


def put(value: ops.Value | str, component: int = 1, subcomponent: int = 1, duty: Duty | None = None) -> Put:
    return Put(component, subcomponent, text(value) if isinstance(value, str) else value, duty=duty or Duty())


def field(number: int, *values: ops.Value | str, duty: Duty | None = None) -> FieldOp:
    """A field of one repetition, its components in order."""
    return FieldOp(number, (Leaves(tuple(put(value, n, duty=duty) for n, value in enumerate(values, 1))),))


def msh(type_: str = "ORU", trigger: str = "R01", *more: FieldOp) -> SegmentOp:
    """MSH; slot 0 holds the `Message`."""
    return SegmentOp(
        "MSH",
        (
            field(3, "ECGAI"),
            field(4, "MERCY", "2.16.840.1.113883.19.5", "ISO"),
            field(
                7,
                Call(
                    0,
                    (
                        at(Slot(0), "Message", "created_at"),
                        text("second"),
                        text("America/Chicago"),
                        no(),
                        text("error"),
                    ),
                ),
            ),
            field(9, type_, trigger, f"{type_}_{trigger}"),
            field(10, at(Slot(0), "Message", "control_id"), duty=ALWAYS),
            field(11, "P"),
            field(12, "2.5.1"),
            *more,
        ),
    )


def no() -> Const:
    return Const("boolean", "false")


DTM = "dtm/datetime@1"


def writes(name: str, inputs: tuple[Input, ...], body: tuple[Any, ...], slots: int, **more: Any) -> Plan:
    more.setdefault("encoding", ASCII)
    more["functions"] = (DTM, *more.get("functions", ()))
    inputs = (Input("message", a("Message")), *inputs)
    return fresh(Plan(name, "writes", ("ORU^R01",), "0" * 64, inputs=inputs, body=(msh(), *body), slots=slots, **more))


def fresh(plan: Plan) -> Plan:
    """The same plan as a tree: as if it had been loaded."""
    return msgspec.json.decode(msgspec.json.encode(plan), type=Plan)


class Writing(NamedTuple):
    """A writing plan, and named inputs for it."""

    plan: Plan
    inputs: dict[str, tuple[Any, ...]]


class Reading(NamedTuple):
    """A reading plan, and named messages for it."""

    plan: Plan
    messages: dict[str, bytes]


MESSAGE = made("Message", created_at=Moment("20260308143000", -300), control_id="M1")
OTHER_DELIMITERS = Delimiters("|", "$", "~", "\\", "&")


# --- simple: one constant-heavy message, missing and required values, every kind of escape ---------------------------


def _simple() -> Writing:
    patient = Slot(1)
    plan = writes(
        "simple",
        (Input("patient", a("Patient")),),
        (
            SegmentOp(
                "PID",
                (
                    field(1, number(1)),
                    FieldOp(
                        3,
                        (
                            Leaves(
                                (
                                    put(at(patient, "Patient", "mrn"), duty=ALWAYS),
                                    put("MERCY", 4, 1),
                                    put("2.16.840.1.113883.19.5", 4, 2),
                                    put("ISO", 4, 3),
                                    put("MR", 5),
                                )
                            ),
                        ),
                    ),
                    field(5, at(patient, "Patient", "family"), at(patient, "Patient", "given")),
                    field(8, Lookup(0, (at(patient, "Patient", "sex"),))),
                    field(13, at(patient, "Patient", "phone")),
                ),
            ),
        ),
        2,
        tables=(
            Table(
                (
                    TableRow(("female",), (Cell("text", ("F",)),)),
                    TableRow(("male",), (Cell("text", ("M",)),)),
                    TableRow(("other",), (Cell("error"),)),
                )
            ),
        ),
        encoding=Encoding("2.5.1", "|", "^~\\&", "8859/1", "iso8859-1", unencodable={"–": "-", "€": "EUR"}),
    )
    patient_of = {"mrn": "12345678", "family": "Okafor", "given": "Ada", "sex": "female", "phone": "555-1212"}

    def case(**changed: Any) -> tuple[Any, ...]:
        return (MESSAGE, made("Patient", **{**patient_of, **changed}))

    return Writing(
        plan,
        {
            "clean": case(),
            "short": case(given=None, sex=None, phone=None),
            "delimiters": case(family="O|K^A~F&O\\R", given="&&", phone="\\F\\"),
            "latin": case(family="Müller", given="Zoë"),
            "replaced": case(family="Smith–Jones", phone="1 €"),
            "lines": case(phone="a\r\nb\tc\nd\re"),
            "null": case(phone=NULL, given=NULL),
            "mrn missing": case(mrn=None),
            "error row": case(sex="other"),
            "unmapped": case(sex="unheard of"),
            "not in charset": case(family="Łódź", given="日本"),
            "control": case(family="a\x00b", given="\x1f"),
            "null as text": case(phone='""'),
            "everything wrong": case(mrn=None, sex="other", family="Ł", given="\x00"),
        },
    )


# --- results: nested loops, counts, where, order, most, first, position and last, a ladder, a table with columns -----


def _results() -> Writing:
    result, limit, m = Slot(1), Slot(2), Slot(3)
    kind = at(m, "Measurement", "kind")
    quantity = at(m, "Measurement", "value")
    flag = at(m, "Measurement", "flag")
    number_of = Call(1, (quantity, Lookup(0, (kind,), 2), Lookup(0, (kind,), 1)))
    obx = SegmentOp(
        "OBX",
        (
            field(1, Count("OBX", "OBR")),
            field(2, "NM"),
            FieldOp(3, (Leaves(tuple(put(Lookup(0, (kind,), 0, n), n, duty=ANY) for n in (1, 2, 3))),)),
            field(4, Coalesce((at(m, "Measurement", "sub_id"), Slot(4)))),
            field(5, number_of, duty=ALWAYS),
            field(6, Lookup(0, (kind,), 1)),
            field(
                8,
                Choose(
                    (
                        Rung(text("HH"), Order("above", quantity, Slot(6))),
                        Rung(text("A"), Equal(flag, text("abnormal"))),
                        Rung(Const("null"), Not(Present(flag))),
                        Rung(BLANK, Equal(flag, text("normal"))),
                        Rung(text("?")),
                    )
                ),
            ),
            field(11, Choose((Rung(text("last"), IsLast(4)), Rung(text("first"), Equal(Slot(4), number(1)))))),
        ),
    )
    d = Slot(7)
    diagnoses = LoopOp(
        7,
        8,
        at(result, "Result", "diagnoses"),
        (
            SegmentOp(
                "DG1",
                (
                    field(1, Slot(8)),
                    field(3, at(d, "Diagnosis", "code"), at(d, "Diagnosis", "display"), "I10C"),
                    field(6, "F"),
                ),
            ),
            LoopOp(
                10,
                11,
                Call(2, (at(d, "Diagnosis", "display"), number(6))),
                (SegmentOp("NTE", (field(1, Count("NTE", "DG1", 5)), field(3, Slot(10)))),),
                where=Not(Equal(Slot(10), text("skip"))),
                first=number(2),
            ),
        ),
        most=limit,
        order=at(d, "Diagnosis", "code"),
    )
    plan = writes(
        "results",
        (Input("result", a("Result")), Input("limit", INTEGER, optional=True)),
        (
            SegmentOp("OBR", (field(1, Count("OBR")), field(25, Lookup(1, (at(result, "Result", "status"),))))),
            LetOp(
                6,
                Attr(
                    First(
                        13,
                        at(result, "Result", "measurements"),
                        Slot(13),
                        In(at(Slot(13), "Measurement", "kind"), Listed((text("qt_interval"), text("rr")))),
                    ),
                    1,
                ),
            ),
            LoopOp(
                3,
                4,
                at(result, "Result", "measurements"),
                (obx,),
                where=In(kind, Listed((text("heart_rate"), text("qrs_duration")))),
                order=Lookup(0, (kind,), 3),
            ),
            diagnoses,
            CheckOp(
                "scored",
                AnyOf(
                    (
                        Not(Present(at(result, "Result", "score"))),
                        AllOf(
                            (
                                Order("at least", at(result, "Result", "score"), decimal("0.5")),
                                Truth(at(result, "Result", "signed")),
                            )
                        ),
                    )
                ),
                "the score is too low",
            ),
            SegmentOp("ZSC", (field(1, at(result, "Result", "score")),), optional=True),
        ),
        14,
        functions=("number/quantity@1", "lines/text@1"),
        tables=(
            Table(
                tuple(
                    TableRow(
                        (name,),
                        (
                            Cell("composite", (code, display, "MDC")),
                            Cell("text", (unit,)),
                            Cell("integer", (places,)),
                            Cell("integer", (order,)),
                        ),
                    )
                    for name, code, display, unit, places, order in (
                        ("heart_rate", "8867-4", "Heart & rate", "/min", "0", "2"),
                        ("qrs_duration", "8633-0", "QRS", "ms", "0", "1"),
                        ("qt_interval", "8634-8", "QT", "ms", "0", "3"),
                    )
                )
            ),
            Table(
                (
                    TableRow(("corrected",), (Cell("text", ("C",)),)),
                    TableRow(("final",), (Cell("text", ("F",)),)),
                    TableRow(("preliminary",), (Cell("blank"),)),
                ),
                otherwise=(Cell("text", ("X",)),),
            ),
        ),
    )

    def measured(kind: str, value: str, unit: str, **more: Any) -> tuple[Any, ...]:
        return made("Measurement", kind=kind, value=Quantity(Decimal(value), unit, ""), **more)

    def coded(*pairs: tuple[str, str]) -> tuple[Any, ...]:
        return tuple(made("Diagnosis", code=code, display=display) for code, display in pairs)

    measurements = (
        measured("heart_rate", "71.6", "/min", sub_id=4),
        measured("qt_interval", "0.4", "s"),
        measured("qrs_duration", "0.5", "s", flag="abnormal"),
        measured("qrs_duration", "98", "ms", flag="abnormal"),
        measured("qrs_duration", "99", "ms", flag="normal"),
    )
    base: dict[str, Any] = {"status": "final", "issued_at": Moment("2026", None), "measurements": measurements}

    def case(limit: int | None = 3, **changed: Any) -> tuple[Any, ...]:
        return (MESSAGE, made("Result", **{**base, **changed}), limit)

    two = coded(("I48.91", "Atrial fibrillation | skip me not"), ("I10", "skip"))
    plain = tuple(m for m in measurements if m[1].unit != "/min" and m[0] != "qt_interval")
    return Writing(
        plan,
        {
            "full": case(measurements=plain, diagnoses=two, score=Decimal("0.50"), signed=True),
            "incomparable": case(),
            "no measurements": case(measurements=None),
            "one": case(measurements=plain[:1]),
            "withdrawn": case(status="withdrawn", measurements=plain[2:]),
            "preliminary": case(status="preliminary", measurements=plain[2:]),
            "too many": case(1, diagnoses=two, measurements=None),
            "no limit": case(None, diagnoses=two * 3, measurements=None),
            "lines dropped": case(diagnoses=coded(("I10", "one two three four five")), measurements=None),
            "low score": case(measurements=None, score=Decimal("0.1"), signed=True),
            "unsigned": case(measurements=None, score=Decimal("1E+2"), signed=False),
            "comparator": case(
                measurements=(made("Measurement", kind="heart_rate", value=Quantity(Decimal(5), "/min", "<")),)
            ),
            "wrong unit": case(measurements=(measured("heart_rate", "5", "mV"),)),
        },
    )


# --- repetitions: several of them, closing up, hold, each, fallback, ladder, opaque, duties -----------------------------


def _repetitions() -> Writing:
    patient, order, alias = Slot(1), Slot(2), Slot(3)
    provider = at(order, "Order", "provider")
    plan = writes(
        "repetitions",
        (Input("patient", a("Patient")), Input("order", a("Order"), optional=True)),
        (
            SegmentOp(
                "PID",
                (
                    FieldOp(
                        3,
                        (
                            Leaves((put(at(patient, "Patient", "mrn")), put(at(patient, "Patient", "sex"), 2)), ALWAYS),
                            HoldRep(),
                            Leaves(
                                (
                                    put(at(patient, "Patient", "phone"), 3, 2),
                                    put(at(patient, "Patient", "given"), 5, duty=ANY),
                                )
                            ),
                        ),
                    ),
                    FieldOp(
                        5,
                        (
                            EachRep(
                                3,
                                at(patient, "Patient", "aliases"),
                                Leaves((put(alias), put("A", 7))),
                                where=Match(alias, 0),
                                order=alias,
                            ),
                            Leaves((put(at(patient, "Patient", "family")),)),
                        ),
                    ),
                    FieldOp(7, (HoldRep(),)),
                    FieldOp(
                        9,
                        (
                            Fallback(
                                (
                                    Leaves((put(at(patient, "Patient", "phone")),)),
                                    Opaque(at(order, "Order", "filler_number")),
                                    ChooseRep(
                                        (RepRung(Leaves((put("none"),)), Present(at(patient, "Patient", "given"))),)
                                    ),
                                ),
                                Duty("if", Present(order)),
                            ),
                        ),
                    ),
                ),
            ),
            SegmentOp(
                "ORC",
                (
                    field(1, "RE"),
                    FieldOp(2, (Opaque(at(order, "Order", "placer_number"), ALWAYS),)),
                    FieldOp(3, (Opaque(at(order, "Order", "filler_number")),)),
                    FieldOp(
                        12,
                        (
                            ChooseRep(
                                (
                                    RepRung(
                                        Leaves(
                                            (
                                                put(at(provider, "Provider", "npi"), 1, duty=ANY),
                                                put(at(provider, "Provider", "family"), 2, 1),
                                                put(at(provider, "Provider", "given"), 3),
                                                put("NPI", 9, 1),
                                                put("NPI", 13),
                                            )
                                        ),
                                        Present(at(provider, "Provider", "npi")),
                                    ),
                                    RepRung(HoldRep(), Present(provider)),
                                )
                            ),
                            Leaves((put(at(provider, "Provider", "id")), put(at(provider, "Provider", "family"), 2))),
                        ),
                    ),
                ),
                when=Present(order),
            ),
            SegmentOp(
                "ZZZ",
                (field(1, "constant"), field(2, Count("PID")), field(3, at(order, "Order", "note"))),
                optional=True,
            ),
            SegmentOp(
                "ZZ2",
                (
                    field(1, Count("ZZZ")),
                    FieldOp(2, (EachRep(4, Listed((text("x"), text("y"))), Leaves((put(Slot(4)),))),)),
                ),
            ),
        ),
        5,
        patterns=("[A-Z][a-z]*( [A-Z])?",),
        encoding=Encoding(
            "2.5.1",
            "|",
            "^~\\&",
            "UNICODE UTF-8",
            "utf-8",
            trailing="full",
            full_to={"PID": 11, "ZZ2": 1},
            segment_end="\r\n",
        ),
    )
    order_of = {"control": "new", "placer_number": Field("12\\T\\3^EHR^1.2&x^ISO", Delimiters())}

    def case(order: dict[str, Any] | None = None, **patient: Any) -> tuple[Any, ...]:
        return (
            MESSAGE,
            made("Patient", **{"mrn": "1", "family": "Okafor", **patient}),
            made("Order", **{**order_of, **order}) if order is not None else None,
        )

    provider_of = made("Provider", id="77", npi="1234567893", family="Weiß")
    local = made("Provider", id="77", family="Weiß")
    return Writing(
        plan,
        {
            "no order": case(),
            "everything": case(
                {"filler_number": Field("A~B", Delimiters()), "provider": provider_of, "note": "n"},
                aliases=("Zed A", "lower", "Ann", "O'"),
                phone="5",
                given="G",
                sex="female",
            ),
            "local provider": case({"provider": local}, phone="1", given="x"),
            "part without given": case(phone="1"),
            "nothing for PID-3": case(mrn=None),
            "fallback missing": case({}),
            "fallback to field": case({"filler_number": Field("F1^|x".replace("|", "\\F\\"), Delimiters())}),
            "fallback to ladder": case({"note": "n"}, given="G"),
            "placer missing": case({"placer_number": None}, phone="1", given="x"),
            "placer without value": case({"placer_number": Field("^^&", Delimiters())}, phone="1", given="x"),
            "redelimited": case({"placer_number": Field("1$EHR^\\S\\&x~2", OTHER_DELIMITERS)}, phone="1", given="x"),
            "null field": case({"placer_number": Field('""', Delimiters())}, phone="1", given="x"),
        },
    )


# --- echo: kept segments, replaced, cleared and inherited fields ---------------------------------------------------------


def _echo() -> Writing:
    order = Slot(1)
    received = at(order, "Order", "received")
    plan = writes(
        "echo",
        (Input("order", a("Order")),),
        (
            EchoOp(
                "PV1",
                received,
                2,
                (
                    FieldOp(2, (Fallback((Opaque(Received(Slot(2), 2)), Leaves((put("O"),)))),)),
                    FieldOp(4, ()),
                    FieldOp(7, (Opaque(Received(Slot(2), 7)),)),
                    FieldOp(10, (Leaves((put(at(order, "Order", "department")),)),)),
                ),
                optional=True,
            ),
            EchoOp("ZXX", received, 3, when=Not(Present(at(order, "Order", "note")))),
            SegmentOp("ZCT", (field(1, Count("PV1")), field(2, Count("ZXX")))),
            EchoOp(
                "IN1",
                received,
                4,
                (FieldOp(3, (Leaves((put(Component(Received(Slot(4), 3), 1)), put("X", 2))),)),),
                when=Not(IsNull(Component(Received(Slot(4), 2), 1))),
                optional=True,
            ),
        ),
        5,
    )

    def case(*segments: str, delimiters: Delimiters = STANDARD, **more: Any) -> tuple[Any, ...]:
        kept = tuple(Segment(one, delimiters) for one in segments)
        return (MESSAGE, made("Order", received=kept or None, **more))

    return Writing(
        plan,
        {
            "as it came": case("PV1|1|I|W^3^B||x\\S\\y|", "ZXX|a~b^c|||"),
            "class filled": case("PV1|1||W", "ZXX|1", "ZXX"),
            "cleared": case("PV1|1|I||4||", "ZXX|1"),
            "cleared at the end": case("PV1|1|I||4", "ZXX|1"),
            "added": case("PV1", "ZXX|1", department="ICU & B"),
            "nothing kept": case(),
            "nothing kept, not wanted": case(note="n"),
            "redelimited": case("PV1|1|I|a$b^c", "ZXX|$^", delimiters=OTHER_DELIMITERS),
            "other field separator": case("PV1*1*I*a|b", "ZXX*1\\F\\2*", delimiters=Delimiters("*")),
            "insurance": case("ZXX|1", "IN1|1|p|c&d", "IN1|2|p|e", 'IN1|3|""|g', "IN1|4||^x"),
            "insurance without parts": case("ZXX|1", "IN1|1|p|c", "IN1|2|p|^e||x|", 'IN1|3|""|g', "IN1"),
            "not in charset": case("ZXX|Łódź"),
            "unclean": case("ZXX|a\x00"),
        },
    )


# --- narrative: jinja, formatted coding, lines over loops ---------------------------------------------------------------

REPORT = """{% for m in v0[2] %}
{{ m[0] | f0 }}: {{ m[1] | f1(0, none) }}
{% endfor %}
{% if v0[4] is not none %}
IMPRESSION
{{ v0[4] }}
{% else %}
No impression.
{% endif %}
{{ v1 }}
"""


def _narrative() -> Writing:
    result = Slot(1)
    plan = writes(
        "narrative",
        (Input("result", a("Result")), Input("closing", TEXT, optional=True)),
        (
            SegmentOp(
                "OBX",
                (
                    field(2, "FT"),
                    FieldOp(
                        5,
                        (
                            Leaves(
                                (Put(1, 1, Narrate(0, (result, Coalesce((Slot(2), text("--"))))), "formatted", ALWAYS),)
                            ),
                        ),
                    ),
                ),
            ),
            LoopOp(
                3,
                4,
                Call(3, (Narrate(0, (result, Slot(2))), number(20))),
                (SegmentOp("NTE", (field(1, Slot(4)), field(3, Slot(3)))),),
                when=Present(Slot(2)),
            ),
            SegmentOp("ZNO", (field(1, Narrate(1, (Slot(2),))),)),
        ),
        6,
        functions=("upper/text@1", "number/quantity@1", "lines/text@1"),
        narratives=(Narrative(REPORT, (1, 2)), Narrative("{% if v0 == 'x' %}is x{% endif %}")),
        libraries={"jinja2": "3.1"},
    )
    measurements = (
        made("Measurement", kind="heart_rate", value=Quantity(Decimal("71.6"), "/min", "")),
        made("Measurement", kind="qrs_duration", value=Quantity(Decimal("98"), "ms", "")),
    )

    def case(closing: str | None = None, **more: Any) -> tuple[Any, ...]:
        base = {"status": "final", "issued_at": Moment("2026", None), "measurements": measurements}
        return (MESSAGE, made("Result", **{**base, **more}), closing)

    return Writing(
        plan,
        {
            "no impression": case(),
            "impression": case("x", impression="Sinus rhythm | with\nfirst degree block & more"),
            "hostile": case("{{ v0 }}", impression="{% for %}\r\n\\.br\\ ^~"),
            "control": case(impression="\x07"),
            "refused by a filter": case(measurements=(made("Measurement", kind="heart_rate"),)),
        },
    )


WRITING: dict[str, Writing] = {
    "simple": _simple(),
    "results": _results(),
    "repetitions": _repetitions(),
    "echo": _echo(),
    "narrative": _narrative(),
}


# --- reading: groups under ORC, first and each repetition, made records, kept segments, rejects ---------------------------


def _order() -> Reading:
    """Slots: 0 patient, 1 order, then what is bound."""
    provider = MODEL.records["Provider"]
    order = MODEL.records["Order"]
    patient = MODEL.records["Patient"]

    def provider_from(of: ops.Value, slot: int) -> Make:
        part = Slot(slot)
        npi = Equal(Component(part, 13), text("NPI"))
        return Make(
            slot,
            of,
            len(provider.attributes),
            (
                MadePart(provider.index("id"), Choose((Rung(Component(part, 1), Not(npi)),))),
                MadePart(provider.index("npi"), Choose((Rung(Component(part, 1), npi),))),
                MadePart(provider.index("family"), Component(part, 2, 1), ANY),
                MadePart(provider.index("given"), Component(part, 3)),
            ),
        )

    def having_id(segment: str, number: int, slot: int) -> First:
        return First(slot, TakeAll(segment, number), Slot(slot), Present(Component(Slot(slot), 1)))

    def put_in(name: str, value: ops.Value, duty: Duty | None = None) -> SetOp:
        return SetOp(1, order.index(name), value, duty or Duty())

    diagnosis = Make(
        6, Slot(5), 2, (MadePart(0, Component(Slot(6), 1), ALWAYS), MadePart(1, Component(Slot(6), 2), ANY))
    )
    group = GroupOp(
        1,
        len(order.attributes),
        "OBR",
        "ORC",
        (
            RejectOp(
                "AR",
                "old_cancel",
                AllOf(
                    (
                        Equal(Attr(Slot(1), order.index("control")), text("cancel")),
                        Not(Present(Attr(Slot(1), order.index("filler_number")))),
                    )
                ),
                "a cancellation needs the filler's number",
            ),
            put_in("control", Lookup(0, (Component(Take("ORC", 1), 0),)), ALWAYS),
            put_in("placer_number", Coalesce((Take("ORC", 2), Take("OBR", 2))), ALWAYS),
            put_in("filler_number", Coalesce((Take("ORC", 3), Take("OBR", 3)))),
            put_in("provider", provider_from(Coalesce((having_id("ORC", 12, 2), having_id("OBR", 16, 3))), 4)),
            put_in("diagnoses", Each(5, TakeAll("DG1", 3), diagnosis)),
            put_in("received", Keep(("PV1", "IN1", "ZXX"))),
            put_in(
                "department",
                Lookup(
                    1,
                    (Component(Take("PV1", 3), 1), Component(Take("PV1", 3), 4, 1)),
                    0,
                    2,
                    unmapped=Component(Take("PV1", 3), 1),
                ),
            ),
            put_in("note", Component(First(8, TakeAll("NTE", 3), Slot(8)), 1, 1)),
        ),
    )
    mrn = First(7, TakeAll("PID", 3), Component(Slot(7), 1), Equal(Component(Slot(7), 5), text("MR")))

    def put_patient(name: str, value: ops.Value, duty: Duty | None = None) -> SetOp:
        return SetOp(0, patient.index(name), value, duty or Duty())

    plan = Plan(
        "ecg_order",
        "reads",
        ("ORM^O01", "OMG^O19"),
        "0" * 64,
        ASCII,
        (),
        (
            put_patient("mrn", mrn, ALWAYS),
            put_patient("family", Component(Take("PID", 5, single=False), 1, 1), ALWAYS),
            put_patient("given", Component(Take("PID", 5, single=False), 2)),
            put_patient("born", Call(0, (Component(Take("PID", 7), 1),), invalid=BLANK)),
            put_patient("sex", Lookup(2, (Component(Take("PID", 8), 1),), unmapped=text("other"))),
            put_patient("aliases", Each(9, TakeAll("PID", 9), Component(Slot(9), 1, 1), order=Component(Slot(9), 2))),
            LetOp(10, Component(Take("PID", 13, single=False), 0)),
            put_patient("phone", Slot(10), Duty("if", Equal(Attr(Slot(0), patient.index("sex")), text("other")))),
            group,
            RejectOp(
                "AE",
                "mrn_form",
                Not(Match(Attr(Slot(0), patient.index("mrn")), 0)),
                "the medical record number is not in this hospital's form",
            ),
        ),
        11,
        tables=(
            Table(
                (
                    TableRow(("CA",), (Cell("text", ("cancel",)),)),
                    TableRow(("NW",), (Cell("text", ("new",)),)),
                    TableRow(("XO",), (Cell("text", ("change",)),)),
                )
            ),
            Table((TableRow(("ICU", "MERCY"), (Cell("composite", ("I", "Intensive care")),)),)),
            Table((TableRow(("F",), (Cell("text", ("female",)),)), TableRow(("M",), (Cell("text", ("male",)),)))),
        ),
        patterns=("[0-9]{8}",),
        functions=("date/text@1",),
        results=(
            Result(0, "patient", "Patient", len(patient.attributes)),
            Result(1, "order", "Order", len(order.attributes)),
        ),
    )
    head = "MSH|^~\\&|EPIC|MERCY|ECGAI|MERCY|20260308||ORM^O01|C1|P|2.5.1"
    pid = "PID|1||999^^^X^PI~12345678^^^MERCY^MR||Okafor&van^Ada||19800229|F"

    def message(*segments: str, head: str = head) -> bytes:
        return "\r".join((head, *segments, "")).encode()

    return Reading(
        fresh(plan),
        {
            "one": message(
                pid,
                "PV1|1|O|ICU^3^B^MERCY&1",
                "ORC|NW|A1^EHR|F1",
                "OBR|1|||93000^ECG^C4",
                "DG1|1||I10^Hypertension^I10C",
            ),
            "two under one": message(
                pid,
                "ORC|NW|A1^EHR||||||||||1234567893^Welby^Marcus^^^^^^NPI^^^^NPI",
                "TQ1|1",
                "NTE|1||for both",
                "OBR|1|A1",
                "DG1|1||I10^Hypertension~I11^Heart",
                "OBR|2|A2||||||||||||||77^Kildare",
                "ZXX|local",
                "NTE|1||second",
            ),
            "two groups": message(pid, "ORC|NW|A1", "OBR|1", "ORC|XO|A2", "OBR|1", "ORC|CA|A3|F3", "OBR|1"),
            "no common order": message(pid, "OBR|1|A1"),
            "order without request": message(pid, "ORC|NW|A1", "ORC|NW|A2", "OBR|1"),
            "placer missing": message(pid, "ORC|NW|^^|F1", "OBR|1"),
            "nothing": message(),
            "nulls": message('PID|1||12345678^^^^MR||""||""|""', "ORC|NW|A1", 'OBR|1|""'),
            "several placers": message(pid, "ORC|NW|A1~A2", "OBR|1"),
            "empty repetitions": message("PID|1||~12345678^^^^MR~||~Okafor^Ada~", "ORC|NW|A1~", "OBR|1"),
            "several names": message("PID|1||12345678^^^^MR||A^B~C^D", "ORC|NW|A1", "OBR|1"),
            "bad mrn": message("PID|1||1^^^^MR||A", "ORC|CA|A1", "OBR|1"),
            "unmapped control": message(pid, "ORC|ZZ|A1", "OBR|1"),
            "structure": message(pid + "|||||1^2~3", "ORC|N&W|A1", "OBR|1"),
            "sex other": message("PID|1||12345678^^^^MR||A|||X|z^2~y^1~&w", "ORC|NW|A1", "OBR|1"),
            "escapes": message("PID|1||12345678^^^^MR||A\\T\\B^C\\.br\\D\\X41\\", "ORC|NW|A\\S\\1", "OBR|1"),
            "other delimiters": b"MSH*$!\\%*EPIC*M*E*M*20260308**OMG$O19*C1*P*2.5.1\r"
            b"PID*1**12345678$$$$MR**A%B$C\rORC*NW*A1$x|y\rOBR*1\r",
            "without name": message(
                "PID|1||12345678^^^^MR||^^||19800231", "ORC|NW|A1||||||||||5^~6^A^B", "OBR|1", "DG1|1||I10~^x"
            ),
            "late patient": message("ORC|NW|A1", "OBR|1", pid),
        },
    )


READING: dict[str, Reading] = {"order": _order()}
