"""Rows of tables: what a cell may hold, which row counts, and what a hospital changes of them."""

from __future__ import annotations

from typing import Any

import pytest

from segwright.core.source import Source
from segwright.lang.parse import parse
from segwright.lang.printer import print_file
from tests.lang.laboratory import Run, lab

BODY = "segment ZZZ\n  ZZZ-1 = {}\n"


def looked_up(rows: str, shape: str = "Status -> text", value: str = "result.status via t", **more: Any) -> Run:
    return lab(BODY.format(value), declarations=f"table t: {shape}\n{rows}end\n", **more)


def test_two_rows_for_all_other_keys_are_one_too_many():
    run = looked_up('  final -> "F"\n  otherwise -> "O"\n  otherwise -> "P"\n')
    assert run.codes == ("SW0606",)
    assert "two rows for `otherwise`" in run.report


@pytest.mark.parametrize("row", ['final -> "{result.study}"', 'final -> "a}"', '"{" -> "a"'])
def test_a_single_brace_in_a_row_is_refused(row: str):
    run = looked_up(f"  {row}\n", "text -> text", "result.study via t")
    assert "SW0133" in run.codes
    assert "In a row of a table nothing is put into a text" in run.report


def test_a_brace_in_a_row_is_written_twice_as_in_every_text():
    run = looked_up('  final -> "a{{b}}"\n  otherwise -> "O"\n')
    assert run.segments == ["ZZZ|a{b}"]
    run = looked_up('  "{{1}}" -> "{{" ^ "}}"\n', "text -> CWE", "result.study via t", result={"study": "{1}"})
    assert run.segments == ["ZZZ|{^}"]
    text = 'table t: text -> text\n  "{{1}}" -> "a{{b}}"\nend\n'
    file, found = parse(Source("t.seg", text))
    assert not found
    assert print_file(file) == text


def test_what_a_file_holds_is_data_and_its_braces_stand_for_themselves():
    table = 'table t: text -> text from "t.csv"\n'
    files = {"mappings/t.csv": "key,value\nST-1,{a}{{b}}\n"}
    assert lab(BODY.format("result.study via t"), declarations=table, files=files).segments == ["ZZZ|{a}{{b}}"]


@pytest.mark.parametrize("cell", ['"²"', '"--5"', '"٣"', '"-"', '"1.5"', '"1_0"', '" 1"'])
def test_a_cell_of_a_column_of_integers_is_one(cell: str):
    assert looked_up(f"  otherwise -> {cell}\n", "Status -> integer").codes == ("SW0611",)


@pytest.mark.parametrize("cell", ['"²"', '"--5"', '"."', '".5"', '"1."', '"1e3"'])
def test_a_cell_of_a_column_of_decimals_is_one(cell: str):
    assert looked_up(f"  otherwise -> {cell}\n", "Status -> decimal").codes == ("SW0611",)
    assert looked_up('  otherwise -> "-0.50"\n', "Status -> decimal").segments == ["ZZZ|-0.50"]


@pytest.mark.parametrize(
    ("shape", "cells", "value"),
    [
        ("Status -> text", "same", "result.status via t"),
        ("text -> code: text, said: text", 'same, "other"', "result.study via t.code"),
        ("text, Status -> text", "same", "t(result.study, result.status)"),
        ("text -> integer", "same", "result.study via t"),
        ("text -> Status", "same", "result.study via t via words"),
    ],
)
def test_a_same_for_all_other_keys_that_no_key_can_stand_for_is_refused(shape: str, cells: str, value: str):
    words = 'end\ntable words: Status -> text\n  otherwise -> "w"\n' if "words" in value else ""
    run = looked_up(f"  otherwise -> {cells}\n{words}", shape, value)
    assert run.codes == ("SW0604",)


def test_a_same_in_a_row_is_checked_as_if_the_key_were_written_there():
    assert looked_up('  "ST-1" -> same\n', "text -> integer", "result.study via t").codes == ("SW0611",)
    assert looked_up('  "ST-1" -> same\n', "text -> HL7 0085", "result.study via t").codes == ("SW0612",)
    two = looked_up('  "ST-1", final -> same\n', "text, Status -> text", "t(result.study, result.status)")
    assert two.codes == ("SW0604",)
    assert looked_up('  "ST-1" -> same\n', "text -> CWE", "result.study via t").segments == ["ZZZ|ST-1"]


def test_a_hospital_adds_and_removes_the_row_for_all_other_keys():
    every = '  preliminary -> "P"\n  final -> "F"\n  corrected -> "C"\n'

    def under(rows: str, row: str) -> Run:
        overlay = f'override table t\n  {row}\nend because "a test"\n'
        return looked_up(rows, overlay=overlay, result={"status": "withdrawn"})

    assert under(f'{every}  withdrawn -> "W"\n', 'add otherwise -> "O"').segments == ["ZZZ|W"]
    assert under(f'{every}  withdrawn -> "W"\n  otherwise -> "?"\n', "remove otherwise").segments == ["ZZZ|W"]
    assert under(f'{every}  otherwise -> "?"\n', "remove otherwise").codes == ("SW0613",)
    assert under(f'{every}  otherwise -> "?"\n', 'add otherwise -> "O"').codes == ("SW0503",)
    assert under(f'{every}  withdrawn -> "W"\n', "remove otherwise").codes == ("SW0501",)
