"""The plans of the benchmark, made by hand until its mappings are compiled: the same content as `samples` and `bound`.

Attributes that the model declares as present are required here, as a compiler would have them.
"""

from __future__ import annotations

import msgspec

from segwright.plan import ops
from segwright.plan.model import Type
from tests.bench.samples import FIELDS, REQUIRED

_ALWAYS = ops.Duty("always")
_RECORD = Type("record", "R")


def _text(value: str) -> ops.Const:
    return ops.Const("text", value)


def _put(component: int, value: ops.Value | str, subcomponent: int = 1, *, optional: bool = False) -> ops.Put:
    if isinstance(value, str):
        return ops.Put(component, subcomponent, _text(value))
    return ops.Put(component, subcomponent, value, duty=ops.Duty() if optional else _ALWAYS)


def _field(number: int, *puts: ops.Put) -> ops.FieldOp:
    return ops.FieldOp(number, (ops.Leaves(puts),))


def _at(slot: int, index: int) -> ops.Attr:
    return ops.Attr(ops.Slot(slot), index)


def _components(slot: int, *indexes: int, optional: int = -1) -> tuple[ops.Put, ...]:
    return tuple(_put(n, _at(slot, index), optional=index == optional) for n, index in enumerate(indexes, 1))


def _fresh(plan: ops.Plan) -> ops.Plan:
    """As if it had been loaded: no operation stands at two places."""
    return msgspec.json.decode(msgspec.json.encode(plan), type=ops.Plan)


def writing(charset: str = "", codec: str = "iso8859-1", facility: str = "ORU", unit: str = "ECG") -> ops.Plan:
    """The result message. Slots: 0 header, 1 patient, 2 visit, 3 order, 4 measurements, 5 diagnoses, 6 notes, 7… loops.
    `facility` and `unit` stand for what differs between hospitals."""
    body = (
        ops.SegmentOp(
            "MSH",
            (
                *(_field(3 + index, _put(1, _at(0, index))) for index in range(5)),
                _field(9, _put(1, facility), _put(2, "R01")),
                _field(10, _put(1, _at(0, 5))),
                _field(11, _put(1, "P")),
                _field(12, _put(1, "2.4")),
            ),
        ),
        ops.SegmentOp(
            "PID",
            (
                _field(1, _put(1, "1")),
                _field(3, _put(1, _at(1, 0)), _put(4, _at(1, 1)), _put(5, "MR")),
                _field(5, *_components(1, 2, 3, 4, optional=4)),
                _field(7, _put(1, _at(1, 5))),
                _field(8, _put(1, _at(1, 6))),
                _field(11, *_components(1, 7, 8, 9, 10, 11, optional=8)),
                _field(13, _put(1, _at(1, 12))),
                _field(18, _put(1, _at(1, 13))),
            ),
        ),
        ops.SegmentOp(
            "PV1",
            (
                _field(1, _put(1, "1")),
                _field(2, _put(1, _at(2, 0))),
                _field(3, *_components(2, 1, 2, 3, 4)),
                _field(7, *_components(2, 5, 6, 7)),
                _field(19, _put(1, _at(2, 8))),
            ),
        ),
        ops.SegmentOp("ORC", (_field(1, _put(1, "RE")), _field(2, _put(1, _at(3, 0))), _field(3, _put(1, _at(3, 1))))),
        ops.SegmentOp(
            "OBR",
            (
                _field(1, _put(1, ops.Count("OBR"))),
                _field(2, _put(1, _at(3, 0))),
                _field(3, _put(1, _at(3, 1))),
                _field(4, *_components(3, 2, 3), _put(3, "C4")),
                _field(7, _put(1, _at(3, 4))),
                _field(22, _put(1, _at(3, 5))),
                _field(24, _put(1, unit)),
                _field(25, _put(1, _at(3, 6))),
                _field(32, *(_put(1, _at(3, 6 + part), part) for part in (1, 2, 3))),
            ),
        ),
        ops.LoopOp(
            7,
            8,
            ops.Slot(4),
            (
                ops.SegmentOp(
                    "OBX",
                    (
                        _field(1, _put(1, ops.Count("OBX", "OBR"))),
                        _field(2, _put(1, _at(7, 0))),
                        _field(3, *_components(7, 1, 2), _put(3, "LN")),
                        _field(5, _put(1, _at(7, 3))),
                        *(_field(2 + index, _put(1, _at(7, index), optional=True)) for index in (4, 5, 6)),
                        _field(11, _put(1, "F")),
                    ),
                ),
            ),
        ),
        ops.LoopOp(
            10,
            11,
            ops.Slot(5),
            (
                ops.SegmentOp(
                    "DG1",
                    (
                        _field(1, _put(1, ops.Slot(11))),
                        _field(3, *_components(10, 0, 1), _put(3, "I10")),
                        _field(6, _put(1, "F")),
                    ),
                ),
            ),
        ),
        ops.LoopOp(
            13,
            14,
            ops.Slot(6),
            (
                ops.SegmentOp(
                    "NTE",
                    (_field(1, _put(1, ops.Slot(14))), _field(2, _put(1, "L")), _field(3, _put(1, ops.Slot(13)))),
                ),
            ),
        ),
    )
    names = ("header", "patient", "visit", "order", "measurements", "diagnoses", "notes")
    return _fresh(
        ops.Plan(
            "result",
            "writes",
            ("ORU^R01",),
            "0" * 64,
            ops.Encoding("2.4", "|", "^~\\&", charset, codec),
            tuple(ops.Input(name, _RECORD) for name in names),
            body,
            16,
        )
    )


def reading() -> ops.Plan:
    """Forty fields of an order into one record."""
    return _fresh(
        ops.Plan(
            "order",
            "reads",
            ("ORM^O01",),
            "0" * 64,
            ops.Encoding("2.4", "|", "^~\\&", "", "ascii"),
            (),
            tuple(
                ops.SetOp(
                    0,
                    index,
                    ops.Component(ops.Take(segment, field), component),
                    _ALWAYS if name in REQUIRED else ops.Duty(),
                )
                for index, (name, segment, field, component) in enumerate(FIELDS)
            ),
            1,
            results=(ops.Result(0, "order", "Order", len(FIELDS)),),
        )
    )
