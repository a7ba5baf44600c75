"""What the interpreter writes, operation by operation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from segwright.hl7.delimiters import STANDARD
from segwright.hl7.values import NULL, Field, Moment, Quantity
from segwright.plan import ops
from segwright.plan.model import TEXT
from segwright.plan.ops import (
    Count,
    Duty,
    EachRep,
    Encoding,
    Equal,
    FieldOp,
    HoldRep,
    Input,
    Leaves,
    LoopOp,
    Opaque,
    Present,
    Put,
    SegmentOp,
    Slot,
)
from segwright.plan.validate import problems
from segwright.plan.walk import walk
from segwright.runtime.interpret import trace
from segwright.runtime.outcome import Trace
from tests.plan.samples import (
    ALWAYS,
    ANY,
    ASCII,
    MESSAGE,
    WRITING,
    number,
    text,
    writes,
)


def run(*body: Any, given: tuple[Any, ...] = (), **more: Any) -> Trace:
    """A message whose inputs are in slots 1, 2, …"""
    inputs = tuple(Input(f"i{place}", TEXT, optional=True) for place in range(len(given)))
    plan = writes("x", inputs, body, 30, **more)
    assert problems(plan) == []
    return trace(plan, (MESSAGE, *given))


def body(traced: Trace) -> list[str]:
    """The segments after MSH."""
    assert traced.problems == (), traced.problems
    return traced.text.removesuffix("\r").split("\r")[1:]


def kinds(traced: Trace) -> list[str]:
    assert traced.parts == ()
    assert traced.data == b""
    return [problem.kind for problem in traced.problems]


def seg(*contents: ops.Content, optional: bool = False) -> SegmentOp:
    """ZZZ with these contents in field 1."""
    return SegmentOp("ZZZ", (FieldOp(1, contents),), optional=optional)


def leaf(
    value: ops.Value | str, component: int = 1, subcomponent: int = 1, duty: Duty | None = None, coding: Any = "text"
) -> Put:
    return Put(component, subcomponent, text(value) if isinstance(value, str) else value, coding, duty or Duty())


def one(value: ops.Value | str, **more: Any) -> Leaves:
    return Leaves((leaf(value, **more),))


A = Slot(1)
B = Slot(2)


# --- every sample ---------------------------------------------------------------------------------------------------

CASES = [(name, case) for name, sample in WRITING.items() for case in sample.inputs]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_byte_belongs_to_one_operation_of_the_plan(name: str, case: str) -> None:
    plan, inputs = WRITING[name].plan, WRITING[name].inputs[case]
    traced = trace(plan, inputs)
    assert traced == trace(plan, inputs)
    if traced.problems:
        assert (traced.parts, traced.data) == ((), b"")
        return
    assert traced.data == traced.text.encode(plan.encoding.codec)
    operations = list(walk(plan))
    writing = ops.SegmentOp | ops.EchoOp | ops.FieldOp | ops.Leaves | ops.Put | ops.Opaque | ops.HoldRep
    place = 0
    for op, part in traced.parts:
        assert isinstance(operations[op], writing)
        assert part
        assert traced.op_at(place) == traced.op_at(place + len(part) - 1) == op
        place += len(part)
    with pytest.raises(IndexError):
        traced.op_at(place)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_nothing_that_is_recorded_holds_a_value(name: str, case: str) -> None:
    traced = trace(WRITING[name].plan, WRITING[name].inputs[case])
    recorded = msgspec.json.encode((traced.problems, traced.notes, traced.steps)).decode()
    for value in ("12345678", "Okafor", "Ada", "skip me not", "Sinus", "EHR^", "Łódź"):
        assert value not in recorded


def test_the_bytes_of_a_message() -> None:
    traced = trace(WRITING["simple"].plan, WRITING["simple"].inputs["clean"])
    assert traced.data == (
        b"MSH|^~\\&|ECGAI|MERCY^2.16.840.1.113883.19.5^ISO|||20260308143000||ORU^R01^ORU_R01|M1|P|2.5.1||||||8859/1\r"
        b"PID|1||12345678^^^MERCY&2.16.840.1.113883.19.5&ISO^MR||Okafor^Ada|||F|||||555-1212\r"
    )


def test_separators_belong_to_what_is_written_next() -> None:
    traced = run(SegmentOp("ZZZ", (FieldOp(2, (one("a"), Leaves((leaf("b", 2, 2),)))), FieldOp(4, ()))))
    operations = {number: op.__struct_config__.tag for number, op in enumerate(walk(writes("x", (), (), 1)))}
    first = len(operations)
    parts = [(op - first, part) for op, part in traced.parts if op >= first]
    # seg 0, field 1, leaves 2, put 3, const 4, leaves 5, put 6
    assert parts == [(0, "ZZZ"), (1, "||"), (3, "a"), (5, "~"), (6, "^&b"), (0, "\r")]


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a|b^c~d\\e&f", "a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f"),
        (0, "0"),
        (-12, "-12"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-0.0"), "-0.0"),
        (NULL, '""'),
        ('a""', 'a""'),
    ],
)
def test_a_value_is_written_by_its_digits_and_escaped(value: object, written: str) -> None:
    assert body(run(seg(one(A)), given=(value,))) == [f"ZZZ|{written}"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "type"),
        (Moment("2026", None), "type"),
        (Quantity(Decimal(1), "ms", ""), "type"),
        (Field("a", STANDARD), "type"),
        (("a", "b"), "type"),
        ('""', "null_text"),
        ("a\x00", "control"),
        ("\x1c", "control"),
        ("\x7f", "control"),
        ("é", "unencodable"),
        ("\ud800", "unencodable"),
        (Decimal("1E+500000"), "type"),
        (Decimal("1E-500000"), "type"),
        (Decimal("NaN"), "type"),
        (10**100, "type"),
    ],
)
def test_what_cannot_be_sent_is_a_problem(value: object, kind: str) -> None:
    assert kinds(run(seg(one(A)), given=(value,))) == [kind]


def test_characters_are_named_once_each_by_code_point() -> None:
    (problem,) = run(seg(one(A)), given=("żółćż",)).problems
    assert problem.facts == {"characters": "U+017C, U+00F3, U+0142, U+0107"}


def test_replacements_are_escaped_and_only_for_what_the_charset_lacks() -> None:
    encoding = msgspec.structs.replace(ASCII, unencodable={"é": "|", "a": "x", "”": '""'[:1]})
    assert body(run(seg(one(A)), given=("éa",), encoding=encoding)) == ["ZZZ|\\F\\a"]
    assert kinds(run(seg(one(A)), given=("””",), encoding=encoding)) == ["null_text"]


def test_line_ends_are_hexadecimal_in_text_and_breaks_in_formatted_text() -> None:
    lines = "a\r\nb\rc\nd\te&"
    assert body(run(seg(one(A)), given=(lines,))) == ["ZZZ|a\\X0D\\\\X0A\\b\\X0D\\c\\X0A\\d\\X09\\e\\T\\"]
    assert body(run(seg(one(A, coding="formatted")), given=(lines,))) == ["ZZZ|a\\.br\\b\\.br\\c\\.br\\d\\X09\\e\\T\\"]


def test_other_delimiters_and_segment_ends() -> None:
    encoding = Encoding("2.7", "*", "$!?%#", "UNICODE UTF-8", "utf-8", segment_end="\n")
    traced = run(seg(Leaves((leaf(A), leaf("b", 2, 2))), one("c")), given=("*$!?%#|^é",), encoding=encoding)
    assert traced.text.split("\n")[1:] == ["ZZZ*?F??S??R??E??T??P?|^é$%b!c", ""]
    assert traced.text.startswith("MSH*$!?%#*ECGAI*MERCY$2.")
    assert traced.text.split("\n")[0].split("*")[17] == "UNICODE UTF-8"


# --- components, repetitions, duties ---------------------------------------------------------------------------------


def test_separators_stand_only_before_something() -> None:
    leaves = Leaves((leaf(A), leaf("b", 3), leaf("c", 3, 3), leaf(B, 4)))
    assert body(run(seg(leaves), given=(None, "d"))) == ["ZZZ|^^b&&c^d"]
    assert body(run(seg(leaves), given=("a", None))) == ["ZZZ|a^^b&&c"]


def test_constants_only_accompany_what_an_input_gives() -> None:
    leaves = Leaves((leaf(A), leaf("b", 3)), ALWAYS)
    assert kinds(run(seg(leaves), given=(None,))) == ["missing"]
    assert body(run(seg(Leaves((leaf("a"), leaf(ops.Const("blank"), 2))), one(A)), given=(None,))) == ["ZZZ|a"]


def test_a_constant_that_cannot_be_sent_is_no_matter_when_what_it_accompanies_is_missing() -> None:
    leaves = Leaves((leaf(A), leaf("\a", 2)))
    assert body(run(seg(leaves), given=(None,))) == ["ZZZ"]
    assert kinds(run(seg(leaves), given=("a",))) == ["control"]


def test_missing_repetitions_close_up_and_held_ones_do_not() -> None:
    assert body(run(seg(one(A), one("b"), one(A), one("c")), given=(None,))) == ["ZZZ|b~c"]
    assert body(run(seg(HoldRep(), one("b"), HoldRep(), one("c"), HoldRep()))) == ["ZZZ|~b~~c~"]
    assert body(run(seg(HoldRep(), one(A), HoldRep()), given=(None,))) == ["ZZZ"]


def test_a_duty_of_any_asks_for_another_value_of_the_same_repetition() -> None:
    pair = Leaves((leaf(A, duty=ANY), leaf(B, 2)))
    assert body(run(seg(pair), given=(None, None))) == ["ZZZ"]
    assert body(run(seg(pair), given=("a", None))) == ["ZZZ|a"]
    assert kinds(run(seg(pair), given=(None, "b"))) == ["missing"]
    assert body(run(seg(Leaves((leaf(A, duty=ANY), leaf("const", 2)))), given=(None,))) == ["ZZZ"]


def test_a_duty_with_a_condition_asks_only_when_it_holds() -> None:
    wanted = one(A, duty=Duty("if", Present(B)))
    assert body(run(seg(wanted), given=(None, None))) == ["ZZZ"]
    assert kinds(run(seg(wanted), given=(None, "x"))) == ["missing"]
    assert body(run(seg(wanted), given=("a", "x"))) == ["ZZZ|a"]


def test_null_is_a_value_that_is_there() -> None:
    assert body(run(seg(one(A, duty=ALWAYS)), given=(NULL,))) == ['ZZZ|""']
    assert body(run(seg(one(ops.Coalesce((A, B)))), given=(NULL, "b"))) == ['ZZZ|""']
    assert body(run(seg(one(ops.Attr(A, 3))), given=(NULL,))) == ['ZZZ|""']
    assert body(run(seg(one(ops.Call(1, (A,)))), given=(NULL,), functions=("upper/text@1",))) == ['ZZZ|""']
    assert kinds(run(seg(one(ops.Call(1, (B, A)))), given=(NULL, "b"), functions=("text/text@1",))) == ["null"]


def test_every_problem_is_found_in_one_run() -> None:
    traced = run(
        seg(one(A, duty=ALWAYS), one(B)),
        LoopOp(4, 5, Slot(3), (seg(one(Slot(4))),), most=number(2)),
        ops.CheckOp("c", Present(A), "a is needed"),
        seg(one(ops.Lookup(0, (B,)))),
        given=(None, "\x00", ("é", "\x01", "c")),
        tables=(ops.Table((ops.TableRow(("k",), (ops.Cell("error"),)),)),),
    )
    assert kinds(traced) == ["missing", "control", "too_many", "unencodable", "control", "check", "unmapped"]
    assert [problem.turns for problem in traced.problems] == [(), (), (), (1,), (2,), (), ()]
    assert traced.problems[5].facts == {"name": "c", "saying": "a is needed"}


def test_a_failed_value_brings_no_second_problem() -> None:
    failing = ops.Call(1, (A,))
    for content in (
        one(failing, duty=ALWAYS),
        Leaves((leaf(failing), leaf(B, 2, duty=Duty())), ALWAYS),
        ops.Fallback((one(failing),), ALWAYS),
    ):
        traced = run(seg(content, optional=True), given=("x", None), functions=("digits/text@1",))
        assert kinds(traced) == ["invalid"]
        assert traced.problems[0].facts == {"function": "digits/text@1", "reason": "the text holds no digit"}
    let = run(ops.LetOp(9, failing), seg(one(Slot(9), duty=ALWAYS)), given=("x",), functions=("digits/text@1",))
    assert kinds(let) == ["invalid"]


def test_a_refused_conversion_or_code_may_have_a_stand_in() -> None:
    call = ops.Call(1, (A,), invalid=text("none"))
    assert body(run(seg(one(call)), given=("x",), functions=("digits/text@1",))) == ["ZZZ|none"]
    table = (ops.Table((ops.TableRow(("k",), (ops.Cell("blank"), ops.Cell("composite", ("", "c")))),)),)
    for lookup, written in (
        (ops.Lookup(0, (A,), unmapped=text("none")), "ZZZ|none"),
        (ops.Lookup(0, (A,), same=True), "ZZZ|x"),
        (ops.Lookup(0, (text("k"),)), "ZZZ"),
        (ops.Lookup(0, (text("k"),), 1, 1), "ZZZ"),
        (ops.Lookup(0, (text("k"),), 1, 2), "ZZZ|c"),
        (ops.Lookup(0, (text("k"),), 1, 3), "ZZZ"),
        (ops.Lookup(0, (B,)), "ZZZ"),
    ):
        assert body(run(seg(one(lookup)), given=("x", None), tables=table)) == [written]


def test_a_wrong_type_is_a_problem_and_no_exception() -> None:
    for value in (
        ops.Attr(A, 0),
        ops.Component(A, 1),
        ops.Each(9, A, Slot(9)),
        ops.Lookup(0, (number(1),)),
        ops.Call(1, (number(1),)),
        ops.Choose((ops.Rung(A, ops.Truth(A)),)),
        ops.Choose((ops.Rung(A, ops.In(A, A)),)),
        ops.Choose((ops.Rung(A, ops.Match(number(1), 0)),)),
        ops.Choose((ops.Rung(A, ops.Order("above", A, A)),)),
        ops.Choose((ops.Rung(A, ops.Order("above", number(1), A)),)),
    ):
        traced = run(
            seg(one(value)),
            given=("text",),
            tables=(ops.Table((ops.TableRow(("k",), (ops.Cell("blank"),)),)),),
            functions=("upper/text@1",),
            patterns=("a",),
        )
        assert kinds(traced) == ["type"], value


# --- loops and counts ------------------------------------------------------------------------------------------------


def test_loops_filter_then_sort_then_limit() -> None:
    loop = LoopOp(
        2,
        3,
        A,
        (SegmentOp("ZZZ", (FieldOp(1, (one(Slot(2)),)), FieldOp(2, (one(Slot(3)),)), FieldOp(3, (one(Slot(4)),)))),),
        where=ops.Not(Equal(Slot(2), text("x"))),
        order=Slot(2),
        first=number(2),
    )
    traced = run(loop, given=(("c", "x", "b", "a"),))
    assert body(traced) == ["ZZZ|a|1|2", "ZZZ|b|2|2"]
    assert [(note.kind, note.facts) for note in traced.notes] == [("dropped", {"kept": "2", "found": "3"})]
    assert body(run(loop, given=(None,))) == []


def test_sorting_is_stable_and_missing_keys_come_last() -> None:
    elements = (("b", None), ("a", 2), ("c", 1), ("d", 2), ("e", NULL))
    loop = LoopOp(2, 3, A, (seg(one(ops.Attr(Slot(2), 0))),), order=ops.Attr(Slot(2), 1))
    assert body(run(loop, given=(elements,))) == ["ZZZ|c", "ZZZ|a", "ZZZ|d", "ZZZ|b", "ZZZ|e"]
    mixed = LoopOp(2, 3, A, (), order=ops.Attr(Slot(2), 1))
    assert kinds(run(mixed, given=((("a", 1), ("b", "x")),))) == ["type"]
    units = tuple(
        (name, Quantity(Decimal(value), unit, "")) for name, value, unit in (("a", "1", "s"), ("b", "20", "ms"))
    )
    assert body(run(loop, given=(units,))) == ["ZZZ|b", "ZZZ|a"]


def test_counts_see_what_was_written() -> None:
    def counted(name: str, *counts: ops.Value) -> SegmentOp:
        return SegmentOp(name, tuple(FieldOp(place, (one(value),)) for place, value in enumerate(counts, 1)))

    dropped = SegmentOp("OBX", (FieldOp(1, (one(A),)),), optional=True)
    traced = run(
        counted("OBR", Count("OBR"), Count("OBX")),
        counted("OBX", Count("OBX"), Count("OBX", "OBR"), Count("OBX", "OBR", 5)),
        dropped,
        counted("OBX", Count("OBX"), Count("OBX", "OBR")),
        counted("OBR", Count("OBR"), Count("OBX", "OBR")),
        counted("OBX", Count("OBX"), Count("OBX", "OBR"), Count("OBX", "OBX"), Count("OBX", "ZZZ")),
        given=(None,),
    )
    assert body(traced) == ["OBR|1|0", "OBX|1|1|5", "OBX|2|2", "OBR|2|0", "OBX|3|1|1|3"]


def test_first_without_order_looks_no_further() -> None:
    first = ops.First(9, A, ops.Call(1, (Slot(9),)), ops.Match(ops.Call(1, (Slot(9),)), 0))
    given = (("a1", "b", "c"),)
    assert body(run(seg(one(first)), given=given, functions=("digits/text@1",), patterns=("[0-9]",))) == ["ZZZ|1"]
    ordered = msgspec.structs.replace(first, order=Slot(9))
    assert (
        kinds(run(seg(one(ordered)), given=given, functions=("digits/text@1",), patterns=("[0-9]",))) == ["invalid"] * 2
    )
    left_out = ops.First(9, A, ops.Attr(Slot(9), 0))
    assert body(run(seg(one(left_out)), given=(((None,), ("b",)),))) == ["ZZZ|b"]


def test_an_empty_list_is_a_missing_one() -> None:
    each = ops.Each(9, A, Slot(9), Equal(Slot(9), text("x")))
    chosen = ops.Choose((ops.Rung(text("some"), Present(each)), ops.Rung(text("none"))))
    assert body(run(seg(one(chosen)), given=(("a",),))) == ["ZZZ|none"]
    assert kinds(run(seg(EachRep(9, A, one(Slot(9)), duty=ALWAYS)), given=(None,))) == ["missing"]


# --- segments --------------------------------------------------------------------------------------------------------


def test_an_optional_segment_is_sent_when_an_input_decided_something() -> None:
    def optional(*contents: ops.Content) -> SegmentOp:
        fields = (
            FieldOp(1, (one("const"),)),
            FieldOp(2, (one(Count("ZZZ")),)),
            *(FieldOp(3 + n, (c,)) for n, c in enumerate(contents)),
        )
        return SegmentOp("ZZZ", fields, optional=True)

    assert body(run(optional(), given=("a",))) == []
    assert body(run(optional(one(A)), given=(None,))) == []
    assert body(run(optional(one(A)), given=("a",))) == ["ZZZ|const|1|a"]
    assert body(run(optional(Opaque(A)), given=(Field("a", STANDARD),))) == ["ZZZ|const|1|a"]
    assert body(run(optional(HoldRep(), one(A)), given=(None,))) == []


def test_what_an_optional_segment_requires_is_required_when_it_is_sent() -> None:
    segment = SegmentOp("ZZZ", (FieldOp(1, (one(A, duty=ALWAYS),)), FieldOp(2, (one(B),))), optional=True)
    assert body(run(segment, given=(None, None))) == []
    assert kinds(run(segment, given=(None, "b"))) == ["missing"]


def test_trailing_fields_are_trimmed_or_filled_up() -> None:
    segment = SegmentOp("ZZZ", (FieldOp(2, (one("a"),)), FieldOp(3, (one(A),))))
    assert body(run(segment, given=(None,))) == ["ZZZ||a"]
    full = msgspec.structs.replace(ASCII, trailing="full", full_to={"ZZZ": 5})
    assert body(run(segment, given=(None,), encoding=full)) == ["ZZZ||a|||"]
    assert body(run(segment, given=("b",), encoding=msgspec.structs.replace(full, full_to={"ZZZ": 1}))) == ["ZZZ||a|b"]


def test_a_segment_whose_condition_fails_is_not_written() -> None:
    segment = SegmentOp("ZZZ", (FieldOp(1, (one("a"),)),), when=Present(A))
    assert body(run(segment, given=(None,))) == []
    assert body(run(segment, given=("x",))) == ["ZZZ|a"]


# --- opaque fields ---------------------------------------------------------------------------------------------------


def test_an_opaque_field_goes_back_as_it_came() -> None:
    came = "12\\T\\3^EHR^^~\\X41\\&"
    assert body(run(seg(Opaque(A)), given=(Field(came, STANDARD),))) == [f"ZZZ|{came}"]


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (Field("a|b", STANDARD), "structure"),
        (Field("a\rPID", STANDARD), "control"),
        (Field("é", STANDARD), "unencodable"),
        (Field("a\\Zx^\\", STANDARD._replace(component="$")), "structure"),
        ("text", "type"),
    ],
)
def test_an_opaque_field_cannot_break_out(held: object, kind: str) -> None:
    encoding = msgspec.structs.replace(ASCII, unencodable={"é": "e"})
    assert kinds(run(seg(Opaque(A)), given=(held,), encoding=encoding)) == [kind]


def test_an_opaque_field_of_nothing_but_delimiters_is_missing() -> None:
    assert kinds(run(seg(Opaque(A, ALWAYS)), given=(Field("^&^~", STANDARD),))) == ["missing"]


# --- echoed segments -------------------------------------------------------------------------------------------------


def echoed(case: str) -> list[str]:
    return body(trace(WRITING["echo"].plan, WRITING["echo"].inputs[case]))


@pytest.mark.parametrize(
    ("case", "segments"),
    [
        ("as it came", ["PV1|1|I|W^3^B||x\\S\\y|", "ZXX|a~b^c|||", "ZCT|1|1"]),
        ("class filled", ["PV1|1|O|W", "ZXX|1", "ZXX", "ZCT|1|2"]),
        ("cleared", ["PV1|1|I||||", "ZXX|1", "ZCT|1|1"]),
        ("cleared at the end", ["PV1|1|I", "ZXX|1", "ZCT|1|1"]),
        ("added", ["PV1||O||||||||ICU \\T\\ B", "ZXX|1", "ZCT|1|1"]),
        ("nothing kept, not wanted", ["ZCT|0|0"]),
        ("redelimited", ["PV1|1|I|a^b\\S\\c", "ZXX|^\\S\\", "ZCT|1|1"]),
        ("other field separator", ["PV1|1|I|a\\F\\b", "ZXX|1*2|", "ZCT|1|1"]),
        ("insurance without parts", ["ZXX|1", "ZCT|0|1", "IN1|1|p|c^X", "IN1|2|p|||x|", "IN1"]),
    ],
)
def test_kept_segments_go_back_as_they_came_but_for_what_is_said(case: str, segments: list[str]) -> None:
    assert echoed(case) == segments


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("nothing kept", "not_kept"),
        ("not in charset", "unencodable"),
        ("unclean", "control"),
        ("insurance", "structure"),
    ],
)
def test_what_cannot_be_echoed_is_a_problem(case: str, kind: str) -> None:
    assert kinds(trace(WRITING["echo"].plan, WRITING["echo"].inputs[case])) == [kind]


# --- what `why` shows ------------------------------------------------------------------------------------------------


def test_steps_say_which_way_was_taken() -> None:
    plan, inputs = WRITING["results"].plan, WRITING["results"].inputs["full"]
    traced = trace(plan, inputs)
    operations = list(walk(plan))
    rungs = [step for step in traced.steps if step.kind == "choose" and isinstance(operations[step.op], ops.Choose)]
    assert [step.detail["rung"] for step in rungs] == [2, 2, 2, 0, 4, 1]
    assert [step.gives for step in rungs] == ["text", "text", "text", "missing", "missing", "text"]
    assert {step.segment for step in rungs} == {2, 3, 4}
    rows = [step.detail for step in traced.steps if step.kind == "lookup"]
    assert {"table": 1, "row": 1} in rows


def test_a_run_needs_its_inputs() -> None:
    plan = WRITING["simple"].plan
    with pytest.raises(ValueError, match="takes 2 inputs"):
        trace(plan, (MESSAGE,))
    with pytest.raises(ValueError, match=r"input 1 \(patient\) is missing"):
        trace(plan, (MESSAGE, None))
