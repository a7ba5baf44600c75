"""The same two jobs with the libraries that people use: python-hl7, hl7apy, and a Jinja2 template.

Each is written as its documentation shows it, and checked before it is timed: all forty fields, or the same message (trailing
separators aside, which the libraries do not trim).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.parser import parse_message
from jinja2 import Environment

from tests.bench.samples import FIELDS, Result

_MARKS = (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\"))


def _escape(text: str) -> str:
    for character, mark in _MARKS:
        text = text.replace(character, mark)
    return text


def _unescape(text: str) -> str:
    for character, mark in reversed(_MARKS):
        text = text.replace(mark, character)
    return text


# --- reading ---------------------------------------------------------------------------------------------------------


def python_hl7_reads(data: bytes) -> dict[str, str]:
    """python-hl7: parse, then one `extract_field` for each."""
    message = hl7.parse(data.decode("latin-1"))
    return {
        name: message.extract_field(segment, 1, field, 1, component, 1) for name, segment, field, component in FIELDS
    }


def hl7apy_reads(data: bytes) -> dict[str, str]:
    """hl7apy: tolerant parse without groups, then its attributes."""
    message = parse_message(data.decode("latin-1"), VALIDATION_LEVEL.TOLERANT, find_groups=False)
    found = {}
    for name, segment, number, component in FIELDS:
        field = getattr(getattr(message, segment.lower())[0], f"{segment}_{number}".lower())[0]
        part = getattr(field, f"{segment}_{number}_{component}".lower())
        found[name] = _unescape(part[0].to_er7() if len(part) else field.to_er7())
    return found


# --- writing ---------------------------------------------------------------------------------------------------------

_Assigned = list[tuple[str, list[tuple[int, int, int, str]]]]


def _assigned(result: Result) -> _Assigned:
    """Every segment with its values by field, component, subcomponent: what the object models are filled from."""
    m, p, v, o, measurements, diagnoses, notes = result

    def run(number: int, *values: str | None) -> list[tuple[int, int, int, str]]:
        return [(number, place, 1, value) for place, value in enumerate(values, 1) if value]

    return [
        (
            "MSH",
            [
                *((3 + place, 1, 1, m[place]) for place in range(5)),
                *(
                    (9, 1, 1, "ORU"),
                    (9, 2, 1, "R01"),
                    (10, 1, 1, m[5]),
                    (11, 1, 1, "P"),
                    (12, 1, 1, "2.4"),
                    (18, 1, 1, "8859/1"),
                ),
            ],
        ),
        (
            "PID",
            [
                *((1, 1, 1, "1"), (3, 1, 1, p[0]), (3, 4, 1, p[1]), (3, 5, 1, "MR"), *run(5, *p[2:5]), (7, 1, 1, p[5])),
                *((8, 1, 1, p[6]), *run(11, *p[7:12]), (13, 1, 1, p[12]), (18, 1, 1, p[13])),
            ],
        ),
        ("PV1", [(1, 1, 1, "1"), (2, 1, 1, v[0]), *run(3, *v[1:5]), *run(7, *v[5:8]), (19, 1, 1, v[8])]),
        ("ORC", [(1, 1, 1, "RE"), (2, 1, 1, o[0]), (3, 1, 1, o[1])]),
        (
            "OBR",
            [
                *((1, 1, 1, "1"), (2, 1, 1, o[0]), (3, 1, 1, o[1]), *run(4, o[2], o[3], "C4"), (7, 1, 1, o[4])),
                *((22, 1, 1, o[5]), (24, 1, 1, "ECG"), (25, 1, 1, o[6])),
                *((32, 1, part, o[6 + part]) for part in (1, 2, 3)),
            ],
        ),
        *(
            (
                "OBX",
                [
                    *((1, 1, 1, str(number)), (2, 1, 1, b[0]), *run(3, b[1], b[2], "LN"), (5, 1, 1, b[3])),
                    *((2 + place, 1, 1, b[place]) for place in (4, 5, 6) if b[place]),
                    (11, 1, 1, "F"),
                ],
            )
            for number, b in enumerate(measurements, 1)
        ),
        *(("DG1", [(1, 1, 1, str(n)), *run(3, d[0], d[1], "I10"), (6, 1, 1, "F")]) for n, d in enumerate(diagnoses, 1)),
        *(("NTE", [(1, 1, 1, str(n)), (2, 1, 1, "L"), (3, 1, 1, note)]) for n, note in enumerate(notes, 1)),
    ]


def python_hl7_writes(result: Result, codec: str) -> bytes:
    """python-hl7: segments made and fields assigned one by one."""
    message = hl7.parse("MSH|^~\\&|\r")
    for name, values in _assigned(result):
        if name == "MSH":
            segment = message[0]
        else:
            segment = message.create_segment([message.create_field([name])])
            message.append(segment)
        for field, component, subcomponent, value in values:
            # Not `message.escape`: it writes every letter beyond ASCII in hexadecimal.
            segment.assign_field(_escape(value), field, 1, component, subcomponent)
    return str(message).encode(codec)


def hl7apy_writes(result: Result, codec: str) -> bytes:
    """hl7apy: one assignment a field, tolerant, which is its fastest way."""
    message = Message("ORU_R01", version="2.4", validation_level=VALIDATION_LEVEL.TOLERANT)
    for name, values in _assigned(result):
        segment = message.msh if name == "MSH" else message.add_segment(name)
        fields: dict[int, dict[int, dict[int, str]]] = {}
        for field, component, subcomponent, value in values:
            fields.setdefault(field, {}).setdefault(component, {})[subcomponent] = _escape(value)
        for field, components in fields.items():
            texts = [
                "&".join(
                    components.get(place, {}).get(part, "")
                    for part in range(1, max(components.get(place, {1: ""})) + 1)
                )
                for place in range(1, max(components) + 1)
            ]
            setattr(segment, f"{name}_{field}".lower(), "^".join(texts))
    return str(message.to_er7()).encode(codec)


_NAMES = {
    "m": "app fac rapp rfac time id",
    "p": "mrn auth last first middle dob sex street apt city state zip phone account",
    "v": "class unit room bed fac att_id att_last att_first visit",
    "o": "placer filler code text obs_time rep_time status reader_id reader_last reader_first",
    "b": "type code text value unit range flag",
    "d": "code text",
}

_TEMPLATE = (
    r"MSH|^~\&|{{m.app}}|{{m.fac}}|{{m.rapp}}|{{m.rfac}}|{{m.time}}||ORU^R01|{{m.id}}|P|2.4||||||8859/1§"
    "PID|1||{{p.mrn}}^^^{{p.auth}}^MR||{{p.last}}^{{p.first}}^{{p.middle}}||{{p.dob}}|{{p.sex}}"
    "|||{{p.street}}^{{p.apt}}^{{p.city}}^{{p.state}}^{{p.zip}}||{{p.phone}}|||||{{p.account}}§"
    "PV1|1|{{v.class}}|{{v.unit}}^{{v.room}}^{{v.bed}}^{{v.fac}}||||{{v.att_id}}^{{v.att_last}}^{{v.att_first}}"
    "||||||||||||{{v.visit}}§"
    "ORC|RE|{{o.placer}}|{{o.filler}}§"
    "OBR|1|{{o.placer}}|{{o.filler}}|{{o.code}}^{{o.text}}^C4|||{{o.obs_time}}|||||||||||||||{{o.rep_time}}||ECG"
    "|{{o.status}}|||||||{{o.reader_id}}&{{o.reader_last}}&{{o.reader_first}}§"
    "{% for b in measurements %}OBX|{{loop.index}}|{{b.type}}|{{b.code}}^{{b.text}}^LN||{{b.value}}|{{b.unit}}|{{b.range}}"
    "|{{b.flag}}|||F§{% endfor %}"
    "{% for d in diagnoses %}DG1|{{loop.index}}||{{d.code}}^{{d.text}}^I10|||F§{% endfor %}"
    "{% for n in notes %}NTE|{{loop.index}}|L|{{n}}§{% endfor %}"
)


def by_names(result: Result) -> dict[str, Any]:
    """The result as a template is given it: dictionaries."""

    def named(kind: str, values: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(_NAMES[kind].split(), values, strict=True))

    m, p, v, o, measurements, diagnoses, notes = result
    found: dict[str, Any] = {kind: named(kind, values) for kind, values in (("m", m), ("p", p), ("v", v), ("o", o))}
    found["measurements"] = [named("b", one) for one in measurements]
    found["diagnoses"] = [named("d", one) for one in diagnoses]
    return {**found, "notes": notes}


def template_writer() -> Callable[[dict[str, Any], str], bytes]:
    """A Jinja2 template that escapes whatever it prints."""
    special = frozenset("|^~\\&")

    def finished(value: Any) -> Any:
        if value is None:
            return ""
        return _escape(value) if type(value) is str and not special.isdisjoint(value) else value

    template = Environment(finalize=finished).from_string(_TEMPLATE)

    def write(result: dict[str, Any], codec: str) -> bytes:
        return template.render(result).replace("§", "\r").encode(codec)

    return write
