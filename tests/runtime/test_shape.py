"""Plans of one shape share code, and nothing else: each renders what it alone says."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from segwright.plan import ops
from segwright.plan.canonical import encode_plan
from segwright.plan.pieces import Pieces
from segwright.runtime import interpret
from segwright.runtime.load import MessageRefused, Reader, Writer, load
from segwright.runtime.shape import Split
from segwright.service.compiling import compile_workspace
from tests.bench.compiled import inputs, writing
from tests.bench.samples import result
from tests.plan.samples import READING, WRITING
from tests.runtime.random_plans import INPUTS, writing_plans

ROOT = Path(__file__).parents[2]
OTHER_TEXTS = {"A": "F", "F": "x&y", "M": "A", "plain": "é", "|": "plain", "é": "|^~", "x&y": "M"}


def other_text(text: str) -> str:
    return OTHER_TEXTS.get(text, text[::-1] + "|")


def changed(value: Any) -> Any:
    """JSON of a plan with other texts in its constants and tables, and nothing else."""
    if isinstance(value, list):
        return [changed(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("op") == "const" and value["type"] == "text" and value.get("value"):
        return {**value, "value": other_text(value["value"])}
    if value.get("op") == "const" and value["type"] == "integer":
        return {**value, "value": str(int(value["value"]) + 1)}
    if value.get("op") == "cell" and value["type"] in ("text", "composite"):
        return {**value, "value": [other_text(text) if text else "" for text in value["value"]]}
    if value.get("op") == "row":
        return {**value, "cells": changed(value["cells"]), "keys": [other_text(key) for key in value["keys"]]}
    return {key: changed(one) for key, one in value.items()}


def with_other_values(plan: ops.Plan) -> ops.Plan:
    return msgspec.json.decode(msgspec.json.encode(changed(msgspec.json.decode(encode_plan(plan)))), type=ops.Plan)


def again(plan: ops.Plan) -> ops.Plan:
    return msgspec.json.decode(msgspec.json.encode(plan), type=ops.Plan)


def rendered(writer: Writer, given_: Any) -> bytes | str:
    try:
        return writer.render(given_)
    except MessageRefused:
        return "refused"


def interpreted(plan: ops.Plan, given_: Any) -> bytes | str:
    found = interpret.trace(plan, given_)
    return "refused" if found.problems else found.data


@pytest.fixture(scope="module")
def reference() -> list[ops.Plan]:
    """Every plan of the reference hospitals."""
    compiled = compile_workspace(ROOT)
    plans = {
        encode_plan(message.plan)
        for organisation in compiled.organisations.values()
        for message in organisation.compiled
        if message.plan is not None
    }
    assert len(plans) >= 13
    return [msgspec.json.decode(plan, type=ops.Plan) for plan in sorted(plans)]


def samples() -> list[ops.Plan]:
    plans = [*(sample.plan for sample in WRITING.values()), *(sample.plan for sample in READING.values())]
    # Made by hand, they spell out a default here and there; a plan that is loaded does not.
    return [msgspec.json.decode(encode_plan(plan), type=ops.Plan) for plan in plans]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(writing_plans(), INPUTS)
def test_a_plan_loaded_after_another_of_its_shape_writes_what_it_says_itself(plan, given_):
    other = with_other_values(plan)
    # The first may be either: whichever comes first gives the code.
    one, two, three = Writer(plan), Writer(other), Writer(again(plan))
    assert one._write.__code__ is three._write.__code__
    if Split(Pieces.of(plan)).key == Split(Pieces.of(other)).key:
        assert one._write.__code__ is two._write.__code__
    assert rendered(one, given_) == rendered(three, given_) == interpreted(plan, given_)
    assert rendered(two, given_) == interpreted(other, given_)


def function_of(loaded: Reader | Writer) -> Any:
    return loaded._write if isinstance(loaded, Writer) else loaded._read


def test_a_constant_that_no_charset_has_is_refused_in_a_segment_that_is_left_out_too():
    def segment(name: str, number: int, text: str, *, optional: bool) -> ops.SegmentOp:
        put = ops.Put(1, 1, ops.Const("text", text))
        return ops.SegmentOp(name, (ops.FieldOp(number, (ops.Leaves((put,)),)),), optional=optional)

    def plan(text: str) -> ops.Plan:
        body = (segment("MSH", 9, "ORU", optional=False), segment("ZZ1", 1, text, optional=True))
        return msgspec.structs.replace(writing(), body=body, functions=(), tables=(), narratives=(), patterns=())

    given_ = inputs(result("clean"))
    assert rendered(Writer(plan("plain")), given_) == interpreted(plan("plain"), given_) != "refused"
    assert rendered(Writer(plan("\u3042")), given_) == interpreted(plan("\u3042"), given_) == "refused"


def comparable(value: Any) -> Any:
    """A constant for comparing: functions by their names alone."""
    return getattr(value, "__qualname__", type(value)) if callable(value) else value


@pytest.fixture
def _only_what_is_new_is_collected():
    """Collecting looks only at what is made from here on: of everything that a long run of tests holds it would take seconds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_only_what_is_new_is_collected")
def test_other_values_in_the_reference_plans_are_filled_in_as_if_generated_afresh(reference):
    for plan in [*reference, *samples()]:
        other = with_other_values(plan)
        first = load(plan)
        second = load(other)
        assert Split(Pieces.of(plan)).key == Split(Pieces.of(other)).key
        shared, own = function_of(second), function_of(first).__defaults__
        assert function_of(first).__code__ is shared.__code__
        del first, second
        gc.collect()
        fresh = function_of(load(other))
        assert fresh.__code__.co_code == shared.__code__.co_code
        assert [*map(comparable, fresh.__defaults__)] == [*map(comparable, shared.__defaults__)]
        if any(type(one) is str for one in own) and "const" in encode_plan(plan).decode():
            assert own != shared.__defaults__


def test_a_loaded_plan_can_be_had_again_byte_for_byte(reference):
    for plan in [*reference, *samples()]:
        assert encode_plan(load(plan)._stored.plan) == encode_plan(plan)


def test_plans_that_differ_only_in_values_share_their_code():
    plan = writing()
    one, other = Writer(plan), Writer(with_other_values(plan))
    assert one._write.__code__ is other._write.__code__
    assert one._write.__defaults__ != other._write.__defaults__


def test_what_one_plan_holds_is_in_no_message_of_another():
    marked = msgspec.json.decode(encode_plan(writing()).replace(b'"LN"', b'"SECRETLN"'), type=ops.Plan)
    first, second = Writer(marked), Writer(writing())
    given_ = inputs(result("clean"))
    assert b"SECRETLN" in first.render(given_)
    assert b"SECRETLN" not in second.render(given_)
    assert b"SECRETLN" in first.render(given_)


@pytest.mark.parametrize(
    "changes",
    [
        {"field": "#"},
        {"msh2": "^~\\&#"},
        {"codec": "utf-8"},
        {"charset": ""},
        {"trailing": "full"},
        {"segment_end": "\r\n"},
        {"full_to": {"PID": 30}},
    ],
)
def test_whatever_of_the_encoding_reaches_the_code_is_of_the_shape(changes):
    plan = writing()
    other = msgspec.structs.replace(plan, encoding=msgspec.structs.replace(plan.encoding, **changes))
    assert Split(Pieces.of(plan)).key != Split(Pieces.of(other)).key


def test_replacements_of_characters_are_each_plans_own():
    plan = with_text(writing(), "C4", "é4")
    ascii_ = msgspec.structs.replace(plan.encoding, codec="ascii", charset="ASCII")
    written = []
    for unencodable in ({"é": "e"}, {"é": "E&"}):
        one = msgspec.structs.replace(plan, encoding=msgspec.structs.replace(ascii_, unencodable=unencodable))
        written.append(Writer(one).render(inputs(result("clean"))))
    assert b"^e4|" in written[0]
    assert b"^E\\T\\4|" in written[1]


def with_text(plan: ops.Plan, old: str, new: str) -> ops.Plan:
    return msgspec.json.decode(encode_plan(plan).replace(f'"{old}"'.encode(), f'"{new}"'.encode()), type=ops.Plan)


def test_a_constant_that_cannot_be_sent_refuses_the_message_and_not_the_plan():
    writer = Writer(with_text(writing(), "C4", "\\u0007"))
    with pytest.raises(MessageRefused) as refused:
        writer.render(inputs(result("clean")))
    assert [problem.kind for problem in refused.value.problems] == ["control"]


def test_cells_that_may_refuse_are_of_the_shape():
    table = ops.Table((ops.TableRow(("A",), (ops.Cell("text", ("x",)),)),))
    refusing = ops.Table((ops.TableRow(("A",), (ops.Cell("error"),)),))
    with_otherwise = msgspec.structs.replace(table, otherwise=(ops.Cell("text", ("y",)),))
    plan = msgspec.structs.replace(writing(), tables=(table,))
    others = [msgspec.structs.replace(plan, tables=(other,)) for other in (refusing, with_otherwise)]
    assert len({Split(Pieces.of(one)).key for one in (plan, *others)}) == 3
