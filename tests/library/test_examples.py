"""Every record's own examples are run, and every record keeps the contract."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import segwright
from segwright.library import builtins, by_key, find, two_way, undoing
from segwright.library.record import Builtin, Example, Refusal

ENGINE = Path(segwright.__file__).parents[1]
TYPES = {"text", "integer", "decimal", "quantity", "date", "datetime", "boolean", "code", "word"}


def call(record: Builtin, subject: Any, given: dict[str, Any]) -> Any:
    unknown = set(given) - {parameter.name for parameter in record.parameters}
    assert not unknown
    arguments = []
    for parameter in record.parameters:
        if parameter.name in given:
            arguments.append(given[parameter.name])
        else:
            assert parameter.default is not None or parameter.optional, parameter.name
            arguments.append(parameter.default)
    return record.call(subject, *arguments)


EXAMPLES = [
    pytest.param(record, example, id=f"{record.key}-{number}")
    for record in builtins()
    for number, example in enumerate(record.examples)
]
RECORDS = [pytest.param(record, id=record.key) for record in builtins()]


@pytest.mark.parametrize(("record", "example"), EXAMPLES)
def test_example(record: Builtin, example: Example):
    if example.refused:
        with pytest.raises(Refusal) as refusal:
            call(record, example.subject, example.arguments)
        assert refusal.value.reason == example.refused
    else:
        result = call(record, example.subject, example.arguments)
        assert result == example.result
        assert type(result) is type(example.result)


@pytest.mark.parametrize("record", RECORDS)
def test_record_keeps_the_contract(record: Builtin):
    assert len(record.examples) >= 3
    assert record.kind in {"format", "function"}
    assert record.summary.endswith(".")
    assert record.source
    assert by_key(record.key) is record
    assert record in find(record.name)
    for name in (*record.subject, record.result, *(parameter.type for parameter in record.parameters)):
        assert name.removeprefix("list of ").removeprefix("optional ") in TYPES
    for parameter in record.parameters:
        assert (parameter.type == "word") == bool(parameter.choices)
        assert parameter.default is None or not parameter.choices or parameter.default in parameter.choices
        assert sum((parameter.default is not None, bool(parameter.config), parameter.optional)) <= 1


@pytest.mark.parametrize("record", RECORDS)
def test_a_two_way_format_has_its_reader(record: Builtin):
    assert (undoing(record) is not None) == record.inverse
    assert two_way(record, {}) == record.inverse


def test_refusals_never_hold_the_value():
    # `subject` is patient data: what a refusal may say of it are lengths and types.
    for record in builtins():
        for example in record.examples:
            if example.refused and isinstance(example.subject, str) and len(example.subject) > 2:
                assert example.subject not in example.refused


def test_keys_are_unique_and_unknown_ones_have_no_record():
    keys = [record.key for record in builtins()]
    assert len(keys) == len(set(keys))
    assert by_key("dtm/datetime@999") is None
    assert find("no_such_name") == ()


@pytest.mark.parametrize(
    ("key", "arguments", "expected"),
    [
        ("text/text@1", {"max": 20, "over": "error"}, True),
        ("text/text@1", {"max": 20, "over": "cut"}, False),
        ("text/text@1", {"over": None}, False),
        ("number/decimal@1", {"places": 2}, False),
        ("date/date@1", {"precision": "day"}, True),
        ("date/date@1", {"precision": "year"}, False),
        ("icd10/code@1", {"dots": None}, True),
        ("dtm/datetime@1", {}, False),
    ],
)
def test_two_way_depends_on_the_arguments(key: str, arguments: dict[str, Any], expected: bool):
    record = by_key(key)
    assert record is not None
    assert two_way(record, arguments) is expected


def test_the_runtime_needs_no_compiler_package():
    code = (
        "import sys, segwright.library as l\n"
        "from segwright.library.units import ratio; ratio('ms', 's')\n"
        "from segwright.library.zones import zone; zone('America/Chicago')\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'ucumvert', 'pint', 'lark', 'hl7apy', 'cerberus'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ENGINE)}
    )
    assert run.stdout == "[]\n"
