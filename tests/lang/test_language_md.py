"""The examples of the language's description are a workspace that compiles and writes what they promise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from segwright.core.render import render_text
from segwright.service.compiling import compile_workspace
from segwright.service.inputs import making
from segwright.service.reading import read_orders
from segwright.service.rendering import Request, render
from segwright.service.running import Running

EXAMPLES = Path(__file__).parent / "fixtures" / "language_md"

ORDER = (
    "MSH|^~\\&|EHR|MERCY|ECGAI|LAB|20260302133000||ORM^O01|M1|P|2.5.1",
    "PID|||12345678^^^MERCY^MR~S-9^^^SSA^SS||GRAY^ANN||19800102|F",
    "PV1|1||WARD^3|||||||x\\T\\y",
    "ORC|NW|A1^EHR||||||||||1999000015^REED^IDA^^^^^^^^^^NPI",
    "OBR|1|A1^EHR|F1^LAB|ECG12^12 lead^LOC",
    "DG1|1||R00.2^Palpitations^I10C",
)

RESULT = {
    "status": "final",
    "issued_at": "2026-03-02T14:04:09-06:00",
    "algorithm_name": "PulseRead",
    "algorithm_version": "4.2",
    "measurements": [
        {
            "kind": "qt_interval",
            "sub_id": "1",
            "value": {"value": 0.45, "unit": "s"},
            "flag": "normal",
            "status": "final",
        },
        {
            "kind": "heart_rate",
            "sub_id": "2",
            "value": {"value": 58, "unit": "/min"},
            "flag": "abnormal",
            "status": "final",
        },
        {
            "kind": "rr_interval",
            "sub_id": "3",
            "value": {"value": 900, "unit": "ms"},
            "flag": "normal",
            "status": "final",
        },
        {"kind": "qrs_axis", "sub_id": "4", "value": {"value": 12, "unit": "deg"}, "flag": "normal", "status": "final"},
    ],
    "diagnoses": [{"code": "R002", "display": "Palpitations"}],
}

# Mercy: values as ST without units and default flags, its own ranges and axis code, no RR interval, in its own order; the
# local provider because there is no other number; the echoed PV1 with a class; diagnoses at the end; its own ZEC.
MERCY = [
    "MSH|^~\\&|ECGAI|MERCY^2.16.840.1.113883.19.5^ISO|||20260302140500||ORU^R01|C1|P|2.5.1|||AL|NE||ASCII",
    "PID|||12345678^^^MERCY^MR~S-9^^^SSA^SS||GRAY^ANN|||F",
    "PV1|1|O|WARD^3|||||||x\\T\\y",
    "ORC|RE|A1^EHR|F1^LAB||CM",
    "OBR|1|A1^EHR|F1^LAB|ECG12^12 lead^LOC||||||||||||1999000015^REED^IDA^^^^^^NPI^^^^NPI~^REED^IDA||||||20260302140409|||F",
    "ZEC|AI PulseRead 4.2",
    "OBX|1|ST|8867-4^Heart rate^LN|2|58|||L|||F",
    "OBX|2|ST|8634-8^QT interval^LN|1|450|||H|||F",
    "OBX|3|ST|99001^FRONTAL AXIS MEAN QRS^MERCY|4|12||||||F",
    "DG1|1||R00.2^Palpitations^I10C|||F",
]
BASE = [
    *MERCY[:2],
    "PV1|1||WARD^3|||||||x\\T\\y",
    MERCY[3],
    "OBR|1|A1^EHR|F1^LAB|ECG12^12 lead^LOC||||||||||||L7||||||20260302140409|||F",
    "OBX|1|NM|8634-8^QT interval^LN|1|450|ms||N|||F",
    "OBX|2|NM|8867-4^Heart rate^LN|2|58|/min||A|||F",
    "OBX|3|NM|8637-1^R-R interval^LN|3|900|ms||N|||F",
    "OBX|4|NM|8632-2^QRS axis^LN|4|12|deg||N|||F",
    MERCY[9],
]


def running(folder: Path) -> Running:
    workspace = compile_workspace(folder)
    assert workspace.found == (), render_text(workspace.found, workspace.sources)
    return Running(workspace.organisations["mercy"], "production")


def written(mercy: Running, result: dict = RESULT, order: tuple[str, ...] = ORDER) -> list[str]:
    make, _ = making("2026-03-02T14:05:00-06:00", "C1")
    assert make is not None
    data = "".join(f"{segment}\r" for segment in order).encode()
    messages, found = render(mercy, Request("ecg_result", make, data, json.dumps(result).encode()))
    assert not found, render_text(found, {})
    return messages[0].decode().removesuffix("\r").split("\r")


@pytest.fixture(scope="module")
def mercy() -> Running:
    return running(EXAMPLES)


def test_the_overlay_of_mercy_writes_what_it_says(mercy: Running):
    assert written(mercy) == MERCY


def test_the_base_alone_writes_what_it_says(tmp_path: Path):
    shutil.copytree(EXAMPLES, tmp_path / "w")
    for name in ("ecg_result.seg", "ecg_order.seg", "ranges.csv", "departments.seg"):
        (tmp_path / "w/orgs/mercy" / name).unlink()
    config = tmp_path / "w/orgs/mercy/org.yaml"
    text = config.read_text(encoding="utf-8").replace("{mrn_type: MR,", '{mrn_type: MR, mrn_pattern: "[0-9]{8}",')
    config.write_text(text, encoding="utf-8")
    plain = running(tmp_path / "w")
    local = ORDER[3].replace("1999000015^REED^IDA^^^^^^^^^^NPI", "L7")
    assert written(plain, order=(*ORDER[:3], local, *ORDER[4:])) == BASE
    data = "".join(
        f"{segment}\r" for segment in (ORDER[0], "PID|||1^^^MERCY^MR||GRAY||19800102|F", *ORDER[2:])
    ).encode()
    orders, refusals = read_orders(plain, data)
    assert orders is None
    assert [(refusal.answer, refusal.position) for refusal in refusals] == [("AE", "mrn_form")]


def test_the_order_is_read_as_it_says(mercy: Running):
    orders, refusals = read_orders(mercy, "".join(f"{segment}\r" for segment in ORDER).encode())
    assert not refusals
    assert orders is not None
    assert orders.patient is not None
    assert orders.patient[1] == ("12345678", "MERCY", "MR")
    (order,) = orders.orders
    assert order[0] == "new"
    assert order[4] == ("1999000015", None, "REED", "IDA")
    assert order[5] == "WARD"
    assert order[6] == (("R00.2", "Palpitations"),)
    assert [segment.name for segment in order[7]] == ["PV1"]
