"""Generated writing code against the interpreter: the same bytes, or both refuse; and what a foreign parser reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import hl7
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.values import Segment
from segwright.plan import ops
from segwright.plan.pieces import Pieces
from segwright.runtime import interpret
from segwright.runtime.assemble import Assembler
from segwright.runtime.calls import Signal
from segwright.runtime.generate_write import WriteGenerator
from segwright.runtime.load import Disagreement, MessageRefused, Writer
from segwright.runtime.shape import Split
from tests.bench import bound, samples
from tests.bench.compiled import inputs as of_the_plan
from tests.bench.compiled import writing
from tests.plan.samples import WRITING
from tests.runtime.random_plans import INPUTS, writing_plans

CASES = [(name, case) for name, sample in WRITING.items() for case in sample.inputs]


def generated(plan: ops.Plan, inputs: Any) -> bytes | str:
    """What the generated code alone gives, without the interpreter behind it."""
    writer = Writer(plan)
    try:
        return writer._assembler.message(writer._write(inputs))
    except Exception:  # noqa: BLE001 - whatever it is, it is a refusal
        return "refused"


def interpreted(plan: ops.Plan, inputs: Any) -> bytes | str:
    found = interpret.trace(plan, inputs)
    return "refused" if found.problems else found.data


@pytest.mark.parametrize(("name", "case"), CASES)
def test_generated_code_writes_every_sample_as_the_interpreter_does(name, case):
    plan, inputs = WRITING[name].plan, WRITING[name].inputs[case]
    assert generated(plan, inputs) == interpreted(plan, inputs)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(writing_plans(), INPUTS)
def test_random_plans_write_what_the_interpreter_writes(plan, inputs):
    wanted = interpreted(plan, inputs)
    try:
        found: bytes | str = Writer(plan).render(inputs)
    except MessageRefused as refused:
        assert refused.problems == interpret.trace(plan, inputs).problems
        found = "refused"
    assert found == wanted


def leaves(text: str) -> ops.Leaves:
    return ops.Leaves((ops.Put(1, 1, ops.Const("text", text)),))


def twice(slot: int, content: ops.Content, need: Literal["optional", "always"] = "optional") -> ops.EachRep:
    """A repetition for each of the two elements of the inputs below."""
    return ops.EachRep(slot, ops.Attr(ops.Slot(0), 5), content, duty=ops.Duty(need))


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        (twice(7, leaves("a"), "always"), b"ZZ1|a~a~a~a\r"),
        (ops.Fallback((twice(7, leaves("a")), leaves("b"))), b"ZZ1|a~a~a~a\r"),
        (ops.Fallback((twice(7, leaves("a")),), duty=ops.Duty("always")), b"ZZ1|a~a~a~a\r"),
    ],
)
def test_a_repetition_within_repetitions_is_known_to_be_written_each_time(inner, wanted):
    body = (ops.SegmentOp("ZZ1", (ops.FieldOp(1, (twice(6, inner),)),)),)
    plan = msgspec.structs.replace(
        writing(), body=body, inputs=writing().inputs[:1], slots=8, functions=(), tables=(), narratives=(), patterns=()
    )
    given_ = ((None, None, None, None, None, ("A", "A")),)
    assert generated(plan, given_) == interpreted(plan, given_) == wanted


def test_a_held_repetition_of_an_echoed_field_keeps_its_place_before_one_of_components():
    value = ops.First(3, ops.Attr(ops.Slot(0), 5), ops.Const("text", "A"))
    field = ops.FieldOp(1, (ops.HoldRep(), ops.Leaves((ops.Put(1, 2, value), ops.Put(2, 1, ops.Const("text", "B"))))))
    body = (ops.EchoOp("ZZ1", ops.Attr(ops.Slot(0), 8), 2, (field,)),)
    plan = msgspec.structs.replace(
        writing(), body=body, inputs=writing().inputs[:1], slots=4, functions=(), tables=(), narratives=(), patterns=()
    )
    came = Segment("ZZ1|old|two", Delimiters("|", "^", "~", "\\", "&", ""), "")
    given_ = ((None, None, None, None, None, ("x",), None, None, (came,)),)
    assert generated(plan, given_) == interpreted(plan, given_) == b"ZZ1|~&A^B|two\r"


@pytest.mark.parametrize("kind", samples.KINDS)
@pytest.mark.parametrize("encoding", [("|", "^~\\&"), ("#", "!%$*")])
def test_hostile_values_never_change_the_structure(kind, encoding):
    plan = with_encoding(writing(), field=encoding[0], msh2=encoding[1], codec="utf-8", charset="UNICODE UTF-8")
    clean = hl7.parse(Writer(plan).render(of_the_plan(samples.result("clean"))).decode())
    found = hl7.parse(Writer(plan).render(of_the_plan(samples.result(kind))).decode())
    assert [[len(field) for field in segment] for segment in found] == [
        [len(field) for field in segment] for segment in clean
    ]
    assert [str(segment[0]) for segment in found] == [str(segment[0]) for segment in clean]


def with_encoding(plan: ops.Plan, **changed: str) -> ops.Plan:
    return msgspec.structs.replace(plan, encoding=msgspec.structs.replace(plan.encoding, **changed))


@pytest.mark.parametrize("kind", samples.KINDS)
def test_the_benchmark_plan_gives_the_bytes_of_the_hand_written_code(kind):
    result = samples.result(kind)
    assert Writer(writing()).render(of_the_plan(result)) == bound.write(result, "iso8859-1")


def test_a_value_with_the_batch_separator_refuses_and_moves_nothing():
    result = samples.result("clean")
    hostile = of_the_plan((result[0], ("A\0B", *result[1][1:]), *result[2:]))
    with pytest.raises(MessageRefused) as refused:
        Writer(writing()).render(hostile)
    assert [problem.kind for problem in refused.value.problems] == ["control"]


def test_the_number_of_values_is_counted_after_they_were_escaped_together():
    assembler = Assembler(writing().encoding)
    assert assembler._escape_all("A&\0B", 2) == ["A\\T\\", "B"]
    with pytest.raises(Signal):
        assembler._escape_all("A\0B&\0C", 2)


@pytest.mark.parametrize("count", [0, 7, 9])
def test_a_wrong_number_of_inputs_never_reaches_the_constants(count):
    with pytest.raises(ValueError, match="takes 8 inputs"):
        Writer(writing()).render(("x",) * count)


def test_every_problem_is_told_at_once():
    result = samples.result("clean")
    person: Any = (None, *result[1][1:3], "\x07", *result[1][4:])
    hostile = of_the_plan((result[0], person, *result[2:]))
    with pytest.raises(MessageRefused) as refused:
        Writer(writing()).render(hostile)
    assert [problem.kind for problem in refused.value.problems] == ["missing", "control"]


def test_a_refusal_that_the_interpreter_does_not_share_is_a_fault_and_sends_nothing():
    writer = Writer(writing())

    def broken(inputs: Any) -> list[str]:
        raise KeyError

    writer._write = broken
    with pytest.raises(Disagreement, match=r"[0-9a-f]{64}"):
        writer.render(of_the_plan(samples.result("clean")))


def test_the_source_is_the_same_whatever_the_hash_seed():
    program = (
        "from hashlib import sha256\n"
        "from segwright.runtime.generate_read import ReadGenerator\n"
        "from segwright.runtime.generate_write import WriteGenerator\n"
        "from tests.plan.samples import READING, WRITING\n"
        "from segwright.plan.pieces import Pieces\n"
        "from segwright.runtime.shape import Split\n"
        "texts = [WriteGenerator(Split(Pieces.of(one.plan)).blank).generate().text() for one in WRITING.values()]\n"
        "texts += [ReadGenerator(Split(Pieces.of(one.plan)).blank).generate().text() for one in READING.values()]\n"
        "print(sha256(''.join(texts).encode()).hexdigest())\n"
    )
    root = Path(__file__).parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root / 'engine'}:{root}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(found) == 1


def test_no_text_of_a_plan_reaches_the_source():
    for sample in WRITING.values():
        text = WriteGenerator(Split(Pieces.of(sample.plan)).blank).generate().text()
        assert '"' not in text
        assert "'" not in text
