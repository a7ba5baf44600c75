"""What stands in for a value that cannot be converted, or has no row: it is checked like the value that it stands for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lang.laboratory import ORDER, READING, lab

BODY = "segment ZZZ\n{}"
OBR = "segment OBR\n  OBR-2 = order.placer_number required\n  OBR-4 = order.service required\n  {}\n"
OBX = (
    'segment OBR\n  OBR-4 = order.service required\nfor each m in result.measurements named values\n  segment OBX\n    OBX-1 = position\n    OBX-2 = "NM"\n'
    '    OBX-3 = "8867-4"\n    OBX-5 = {}\n    OBX-6 = "x"\n    OBX-11 = "F"\nend\n'
)
CODES = 'table known: text -> text\n  "a" -> "A"\nend\ntable ranks: text -> integer\n  "a" -> 1\nend\n'


def codes(rule: str, **more: Any) -> tuple[str, ...]:
    more.setdefault("declarations", CODES)
    return lab(BODY.format(f"  ZZZ-1 = {rule}\n  ZZZ-2 = result.version\n"), **more).codes


@pytest.mark.parametrize("step", ["as digits on invalid", "via known on unmapped"])
def test_a_fallback_is_written_as_a_value_is(step: str):
    assert codes(f"result.study {step} result.status") == ("SW0315",)
    assert codes(f"result.study {step} result.urgent") == ("SW0318",)
    assert codes(f"result.study {step} result.comments") == ("SW0316",)
    assert codes(f"result.study {step} order.service") == ("SW0319",)
    run = lab(BODY.format(f"  ZZZ-1 = result.study {step} result.version\n"), declarations=CODES, result={"study": "x"})
    assert run.segments == ["ZZZ|3"]
    run = lab(BODY.format(f"  ZZZ-1 = result.study {step} null\n"), declarations=CODES, result={"study": "x"})
    assert run.segments == ['ZZZ|""']


@pytest.mark.parametrize("step", ["as digits on invalid", "via known on unmapped"])
def test_a_fallback_that_may_be_missing_says_what_then(step: str):
    assert codes(f"result.study {step} result.comment") == ("SW0301",)
    run = lab(
        BODY.format(f'  ZZZ-1 = result.study {step} result.comment optional\n  ZZZ-2 = "-"\n'), declarations=CODES
    )
    assert run.segments == (["ZZZ|1|-"] if "digits" in step else ["ZZZ||-"])
    run = lab(
        BODY.format(f"  ZZZ-1 = result.study {step} result.comment required\n"),
        declarations=CODES,
        result={"study": "x"},
    )
    assert run.refused == ["missing"]


def test_a_fallback_that_may_be_missing_does_not_fill_a_mandatory_field():
    segment = (
        "segment PID\n  PID-3 = patient.mrn\n  PID-5 = patient.name as digits on invalid result.comment optional\n"
    )
    assert lab(segment).codes == ("SW0417",)


def test_a_fallback_of_another_type_is_refused_where_messages_are_read():
    date = READING.replace("PID-7.1 as date ", 'PID-7.1 as date on invalid "unknown" ')
    assert lab(reading=date).codes == ("SW0306",)
    sex = READING.replace("PID-8 via sexes ", "PID-8 via sexes on unmapped {} ")
    assert lab(reading=sex.format("PID-8.1")).codes == ("SW0306",)
    assert lab(reading=sex.format("same")).codes == ("SW0306",)
    assert lab(reading=sex.format("unheard")).codes == ("SW0204",)
    order = (ORDER[0], ORDER[1].replace("|F", "|X"), *ORDER[2:])
    run = lab("segment ZZZ\n  ZZZ-1 = result.study\n", reading=sex.format("male"), order=order)
    assert json.loads(bytes(run.read["patient"]))["sex"] == "male"


def test_a_fallback_in_a_column_of_numbers_is_a_number():
    assert codes('result.study via ranks on unmapped "x"') == ("SW0306",)
    assert codes("result.study via ranks on unmapped same") == ("SW0306",)
    run = lab(BODY.format("  ZZZ-1 = result.study via ranks on unmapped 7\n"), declarations=CODES)
    assert run.segments == ["ZZZ|7"]


@pytest.mark.parametrize(
    "value",
    [
        'result.issued_at as dtm(second) on invalid "unknown"',
        'result.observed_at as dtm(second) else "unknown"',
        'result.issued_at as dtm(second) when result.urgent\n      = "unknown" otherwise',
        "result.issued_at as dtm(second) when result.urgent\n      = result.study otherwise",
    ],
)
def test_a_time_is_a_time_whichever_value_comes(value: str):
    assert lab(OBR.format(f"OBR-7 = {value}")).codes == ("SW0409",)
    fine = value.replace('"unknown"', '"19000101"').replace("result.study", "result.issued_at as dtm(minute)")
    assert lab(OBR.format(f"OBR-7 = {fine}")).codes == ()


def test_a_measured_number_is_a_number_whichever_value_comes():
    value = "m.value as number(places: 0)"
    assert lab(OBX.format(f'{value} on invalid "n/a"')).codes == ("SW0422",)
    assert lab(OBX.format(f'{value} on invalid "0"')).codes == ()


PROCEDURES = 'table procedures: text -> CWE\n  "A" -> "930" ^ "Electrocardiogram" ^ "C4"\n  "B" -> "931"\n{}end\n'


@pytest.mark.parametrize(
    ("row", "step", "written"),
    [
        ("", ' on unmapped "OTHER"', "OTHER"),
        ("", " on unmapped same", "ST-1"),
        ("  otherwise -> same\n", "", "ST-1"),
        ('  otherwise -> "O" ^ "Other"\n', "", "O^Other"),
    ],
)
def test_one_value_for_a_code_without_a_row_fills_the_first_component_alone(row: str, step: str, written: str):
    body = BODY.format(f"  ZZZ-1 = result.study via procedures{step}\n")
    declared = PROCEDURES.format(row)
    assert lab(body, declarations=declared).segments == [f"ZZZ|{written}"]
    known = lab(body, declarations=declared, result={"study": "A"})
    assert known.segments == ["ZZZ|930^Electrocardiogram^C4"]
    assert lab(body, declarations=declared, result={"study": "B"}).segments == ["ZZZ|931"]


def test_what_is_wrong_with_that_value_is_told_once():
    body = BODY.format("  ZZZ-1 = result.study via procedures on unmapped result.status\n")
    assert lab(body, declarations=PROCEDURES.format("")).report.count("SW0315") == 1
