"""Generated reading code against the interpreter: the same records, or both find something against the message."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.hl7.wire import Message, open_message
from segwright.plan import ops
from segwright.runtime import interpret
from segwright.runtime.load import Disagreement, Reader
from tests.bench import bound, compiled, samples
from tests.plan.samples import READING

CASES = [(name, case) for name, reading in READING.items() for case in reading.messages]
RECORDS = 2


def without_steps(intake):
    return msgspec.structs.replace(intake, steps=())


@pytest.mark.parametrize(("name", "case"), CASES)
def test_generated_code_reads_every_sample_as_the_interpreter_does(name, case):
    plan, message = READING[name].plan, open_message(READING[name].messages[case])
    wanted = interpret.read(plan, message)
    assert without_steps(Reader(plan).read(message)) == without_steps(wanted)


@pytest.mark.parametrize("case", ["one", "two under one", "two groups", "escapes", "other delimiters"])
def test_the_usual_message_needs_no_interpreter(case, monkeypatch):
    reader = Reader(READING["order"].plan)
    monkeypatch.setattr(interpret, "read", None)
    assert reader.read(open_message(READING["order"].messages[case])).good


# --- random plans and messages ---------------------------------------------------------------------------------------

NAMES = ("PID", "ORC", "OBR", "NTE")
PIECES = st.sampled_from(["", "", "A", "B1", '""', "\\T\\", "\\.br\\", "\\", "x\\F\\y", "é"])


@st.composite
def messages(draw) -> Message:
    """Segments in any order, with components, repetitions and subcomponents anywhere."""
    field, component, repetition, escape, subcomponent = draw(st.sampled_from(["|^~\\&", "#!%$*"]))

    def text() -> str:
        drawn = draw(PIECES).replace("\\", escape)
        for separator in (subcomponent, component, repetition):
            if draw(st.integers(0, 4)) == 0:
                drawn += separator + draw(PIECES).replace("\\", escape)
        return drawn

    lines = [f"MSH{field}{component}{repetition}{escape}{subcomponent}{field * 7}ORM{component}O01"]
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=7)):
        lines.append(field.join((name, *(text() for _ in range(draw(st.integers(0, 3)))))))
    return open_message("\r".join((*lines, "")).encode())


@st.composite
def reading_plans(draw) -> ops.Plan:
    """A reading plan with a record at the top and one for each group, if it has groups."""
    slots = iter(range(RECORDS, 60))

    def taken(name: str | None = None) -> ops.Value:
        segment, number = name or draw(st.sampled_from(NAMES)), draw(st.integers(1, 4))
        return ops.Take(segment, number, draw(st.booleans()))

    def component(of: ops.Value) -> ops.Value:
        return ops.Component(of, draw(st.integers(0, 3)), draw(st.integers(0, 2)))

    def condition(value: ops.Value) -> ops.Condition:
        return draw(
            st.sampled_from(
                [
                    ops.Present(value),
                    ops.IsNull(value),
                    ops.Equal(value, ops.Const("text", "A")),
                    ops.Not(ops.Match(value, 0)),
                ]
            )
        )

    def value() -> ops.Value:
        match draw(st.integers(0, 8)):
            case 0:
                return taken()
            case 1:
                slot = next(slots)
                where = condition(component(ops.Slot(slot))) if draw(st.booleans()) else None
                listed = ops.TakeAll(draw(st.sampled_from(NAMES)), draw(st.integers(1, 3)))
                kind = ops.Each if draw(st.booleans()) else ops.First
                return kind(slot, listed, component(ops.Slot(slot)), where)
            case 2:
                return ops.Keep(tuple(draw(st.sets(st.sampled_from(NAMES), min_size=1))))
            case 3:
                slot = next(slots)
                parts = (
                    ops.MadePart(0, component(ops.Slot(slot)), draw(duties)),
                    ops.MadePart(2, component(ops.Slot(slot)), draw(duties)),
                )
                return ops.Make(slot, taken(), 3, parts)
            case 4:
                return ops.Coalesce((component(taken()), component(taken())))
            case 5:
                return ops.Lookup(
                    0, (component(taken()),), unmapped=component(taken()) if draw(st.booleans()) else None
                )
            case 6:
                return ops.Choose((ops.Rung(component(taken()), condition(component(taken()))),))
            case 7:
                return ops.Call(
                    0, (component(taken()),), invalid=ops.Const("text", "bad") if draw(st.booleans()) else None
                )
            case _:
                return component(taken())

    duties = st.sampled_from([ops.Duty(), ops.Duty(), ops.Duty("always"), ops.Duty("any")])

    def body(record: int) -> tuple[ops.ReadOp, ...]:
        found: list[ops.ReadOp] = []
        for index in range(3):
            duty = draw(st.sampled_from([ops.Duty(), ops.Duty(), ops.Duty("always")]))
            if draw(st.booleans()):
                found.append(ops.SetOp(record, index, value(), duty))
        if draw(st.integers(0, 3)) == 0:
            found.append(ops.RejectOp("AE", "one", condition(ops.Attr(ops.Slot(record), 0)), "it does"))
        return tuple(found)

    operations = list(body(0))
    results = [ops.Result(0, "top", "Top", 3)]
    if draw(st.booleans()):
        under = draw(st.sampled_from(["ORC", ""]))
        operations.append(ops.GroupOp(1, 3, "OBR", under, body(1)))
        results.append(ops.Result(1, "group", "Group", 3))
    table = ops.Table((ops.TableRow(("A",), (ops.Cell("text", ("one",)),)),))
    plan = ops.Plan(
        "random", "reads", ("ORM^O01",), "0" * 64, ops.Encoding("2.5.1", "|", "^~\\&", "", "ascii"), (),
        tuple(operations), 60, (table,), ("[A-Z]+",), (), ("digits/text@1",), results=tuple(results),
    )  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(plan), type=ops.Plan)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(reading_plans(), messages())
def test_random_plans_read_what_the_interpreter_reads(plan, message):
    assert without_steps(Reader(plan).read(message)) == without_steps(interpret.read(plan, message))


# --- the benchmark, faults -------------------------------------------------------------------------------------------


def test_the_benchmark_plan_reads_what_the_hand_written_code_reads():
    data = samples.ORDER.encode()
    found = Reader(compiled.reading()).read(open_message(data)).records["request"]
    assert dict(zip((name for name, *_ in samples.FIELDS), found, strict=True)) == bound.extractor()(data)


def test_a_message_that_only_the_generated_code_refuses_is_a_fault():
    reader = Reader(compiled.reading())

    def broken(*given: object) -> None:
        raise KeyError

    reader._read = broken
    with pytest.raises(Disagreement):
        reader.read(open_message(samples.ORDER.encode()))


def read_with(old: str, new: str):
    assert old in samples.ORDER
    return Reader(compiled.reading()).read(open_message(samples.ORDER.replace(old, new, 1).encode()))


@pytest.mark.parametrize(
    ("old", "new", "attribute", "value"),
    [
        ("OKAFOR^ADAEZE^JOY^^MS", "OKAFOR^ADAEZE^JOY^^MS~ALIAS^OTHER", "family", "OKAFOR"),
        ("OKAFOR^ADAEZE^JOY^^MS", "OKAFOR&^ADAEZE^JOY^^MS", "family", "OKAFOR"),
        ("OKAFOR^ADAEZE^JOY^^MS", "~OKAFOR^ADAEZE", "family", "OKAFOR"),
        ("OKAFOR^ADAEZE^JOY^^MS", "OKAFOR^^JOY~ALIAS^OTHER", "given", "OTHER"),
        ("NTE|1|L|Interpreter needed for consent", "NTE|1|L|", "note", "Old tracing of 2024^03 on file; wife said \\worse at night\\ "),
        ("OBX|1|NM|8302-2^BODY HEIGHT^LN||171|cm", "OBX|1|NM|8302-2^BODY HEIGHT^LN||~172&x", "height", None),
    ],
)  # fmt: skip
def test_the_first_repetition_that_has_it(old, new, attribute, value):
    found = read_with(old, new)
    if value is None:
        assert [problem.kind for problem in found.problems] == ["structure"]
    else:
        place = [name for name, *_ in samples.FIELDS].index(attribute)
        assert found.records["request"][place] == value


def test_a_component_with_subcomponents_is_refused():
    assert [problem.kind for problem in read_with("||19510307|F|", "||1951&0307|F|").problems] == ["structure"]


def test_repetitions_after_the_first_need_no_interpreter(monkeypatch):
    reader = Reader(compiled.reading())
    monkeypatch.setattr(interpret, "read", None)
    message = samples.ORDER.replace("OKAFOR^ADAEZE^JOY^^MS", "OKAFOR^ADAEZE^JOY^^MS~ALIAS^O&THER", 1)
    assert reader.read(open_message(message.encode())).good
