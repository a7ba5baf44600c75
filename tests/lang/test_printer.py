"""Printing: what is printed is read back as the same tree, and printing that changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.parse import parse
from segwright.lang.printer import bare, print_file, print_node
from tests.lang.strategies import conditions, files, values

FIXTURES = sorted(path for path in (Path(__file__).parent / "fixtures").glob("*.seg") if path.stem != "mistakes")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]


def read(text: str) -> ast.File:
    file, found = parse(Source("generated.seg", text))
    assert not found, (found, text)
    return file


@settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
@given(files())
def test_a_printed_tree_is_read_back_as_itself(file: ast.File) -> None:
    text = print_file(file)
    again = read(text)
    assert bare(again) == bare(file), text
    assert print_file(again) == text


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(values())
def test_a_printed_value_is_read_back_as_itself(value: ast.Value) -> None:
    file = read(f"part p\nlet x = {print_node(value)}\nend\n")
    part = file.declarations[0]
    assert isinstance(part, ast.Part)
    assert bare(part.body) == (ast.Let("x", bare(value)),)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(conditions())
def test_a_printed_condition_is_read_back_as_itself(condition: ast.Condition) -> None:
    file = read(f'part p\ncheck c that {print_node(condition)} else "no"\nend\n')
    part = file.declarations[0]
    assert isinstance(part, ast.Part)
    assert bare(part.body) == (ast.Check("c", bare(condition), "no"),)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_printed_keeps_its_meaning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    file = read(text)
    assert bare(read(print_file(file))) == bare(file)


def test_binding_is_printed_with_as_few_parentheses_as_it_needs() -> None:
    head = "mapping m writes ORU^R01\n\nsegment OBX\n"
    text = head + '  OBX-1 = (a.b else ("x" ^ "y")) as f ^ blank when not (a.c or a.d) and a.e\n'
    expected = 'OBX-1 = a.b else ("x" ^ "y") as f ^ blank when not (a.c or a.d) and a.e'
    assert expected in print_file(read(text))
