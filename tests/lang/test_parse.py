"""Reading: every example of the specification, every span, any text at all."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segwright.core.source import NOWHERE, Source, Span
from segwright.lang import ast, grammar_file, lalr
from segwright.lang.parse import parse
from segwright.lang.printer import bare

FIXTURES = Path(__file__).parent / "fixtures"
GOOD = sorted(path for path in FIXTURES.glob("*.seg") if path.stem != "mistakes")


def read(text: str) -> ast.File:
    file, found = parse(Source("a.seg", text))
    assert not found, found
    return file


def body(text: str) -> tuple[ast.Statement, ...]:
    mapping = read("mapping m writes ORU^R01\n" + text).mapping
    assert mapping is not None
    return bare(mapping.body)


def value(text: str) -> ast.Value:
    (let,) = body(f"let x = {text}\n")
    assert isinstance(let, ast.Let)
    return let.value


def condition(text: str) -> ast.Condition:
    (check,) = body(f'check c that {text} else "no"\n')
    assert isinstance(check, ast.Check)
    return check.condition


def operations(text: str) -> tuple[ast.Operation, ...]:
    overlay = read("overlay m\n" + text).overlay
    assert overlay is not None
    return bare(overlay.operations)


def ref(text: str) -> ast.Ref:
    return ast.Ref(tuple(text.split(".")))


def nodes(node: object) -> Iterator[ast.Node]:
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif isinstance(node, ast.Node):
        yield node
        for name in node.__struct_fields__:
            yield from nodes(getattr(node, name))


# --- the examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_an_example_is_read_without_a_finding(path: Path) -> None:
    _, found = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert found == []


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_span_holds_its_node(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    file, _ = parse(Source(path.name, text))
    for node in nodes(file):
        span = getattr(node, "span", None)
        if span is None or (isinstance(node, ast.Duty) and not node.kind):
            continue
        assert isinstance(span, Span)
        assert span != NOWHERE, node
        assert span.file == path.name
        assert 0 <= span.start <= span.end <= len(text)
        if isinstance(node, ast.Ref | ast.Hl7Path | ast.ComponentPath):
            assert text[span.start : span.end] == str(node)
        if isinstance(node, ast.Number):
            assert text[span.start : span.end] == node.digits
        if isinstance(node, ast.As):
            assert text[node.format_span.start : node.format_span.end] == node.format
        if isinstance(node, ast.Comment):
            assert text[span.start : span.end] == node.text


def test_the_base_example_says_what_it_says() -> None:
    path = FIXTURES / "language_base_ecg_result.seg"
    file = read(path.read_text(encoding="utf-8"))
    mapping = file.mapping
    assert mapping is not None
    assert (mapping.name, mapping.direction, mapping.messages) == ("ecg_result", "writes", ("ORU^R01",))
    assert [(p.name, str(p.type)) for p in mapping.inputs] == [
        ("order", "optional Order"), ("patient", "Patient"), ("result", "Result"),
    ]  # fmt: skip
    kinds = [type(statement).__name__ for statement in mapping.body]
    assert kinds == ["Use", "Use", "Segment", "Segment", "Segment", "Loop", "Loop", "Allow"]
    loop = mapping.body[5]
    assert isinstance(loop, ast.Loop)
    assert loop.name == "measurements"
    (segment,) = loop.body
    assert isinstance(segment, ast.Segment)
    assert segment.label == "measurement"
    assert len(segment.rules) == 8
    ladder = segment.rules[6]
    assert isinstance(ladder, ast.Rule)
    assert [alternative.otherwise for alternative in ladder.alternatives] == [False, True]
    assert [declaration.name for declaration in file.declarations] == ["result_status_0123", "provider_npi"]


def test_a_reason_around_operations_becomes_the_reason_of_each() -> None:
    text = (FIXTURES / "language_mercy_ecg_result.seg").read_text(encoding="utf-8")
    overlay = read(text).overlay
    assert overlay is not None
    assert len(overlay.operations) == 11
    assert all(operation.because for operation in overlay.operations)
    assert [operation.because.startswith("Mercy interface guide") for operation in overlay.operations] == [True] * 9 + [
        False
    ] * 2


# --- values ----------------------------------------------------------------------------------------------------------------


def test_steps_act_on_all_to_their_left_and_components_bind_loosest() -> None:
    assert value('a.b as f else "x" ^ c via t') == ast.Composite(
        (ast.Else(ast.As(ref("a.b"), "f"), ast.Text("x")), ast.Via(ref("c"), ref("t")))
    )
    assert value('a as f else ("x" ^ "y")') == ast.Else(
        ast.As(ref("a"), "f"), ast.Composite((ast.Text("x"), ast.Text("y")))
    )


def test_a_step_after_a_selection_acts_on_the_whole_of_it() -> None:
    found = value("each m in l.x where m.a is present ordered by m.b as f")
    assert isinstance(found, ast.As)
    assert isinstance(found.value, ast.Each)
    assert found.value.of == ast.Selection(ref("l.x"), ast.State(ref("m.a"), "present"), ref("m.b"))


def test_unmapped_and_invalid_belong_to_their_step() -> None:
    assert value("a via t on unmapped same as f on invalid blank") == ast.As(
        ast.Via(ref("a"), ref("t"), ref("same")), "f", (), ast.Blank()
    )


def test_arguments_have_names_or_places_and_take_bare_words() -> None:
    assert value("a as dtm(second, in: org.times.zone, offset: no)") == ast.As(
        ref("a"), "dtm",
        (ast.Argument("", ref("second")), ast.Argument("in", ref("org.times.zone")), ast.Argument("offset", ref("no"))),
    )  # fmt: skip
    assert value("a as text(max: 20, over: error)") == ast.As(
        ref("a"), "text", (ast.Argument("max", ast.Number("20")), ast.Argument("over", ref("error")))
    )


def test_braces_in_a_text_hold_values_and_doubled_ones_stand_for_themselves() -> None:
    assert value('"{a.b} of {c as f(1)}, {{x}} ""q"""') == ast.Interpolation(
        (
            ref("a.b"),
            ast.Text(" of "),
            ast.As(ref("c"), "f", (ast.Argument("", ast.Number("1")),)),
            ast.Text(', {x} "q"'),
        )
    )
    assert value('"{{x}}"') == ast.Text("{x}")
    assert condition('a.b matches "[0-9]{8}"') == ast.Matches(ref("a.b"), ast.Text("[0-9]{8}"))


@pytest.mark.parametrize("word", ["order.first", "result.status", "message.control_id", "text.when", "first.x"])
def test_after_a_dot_every_word_is_a_name(word: str) -> None:
    assert value(word) == ref(word)


def test_a_keyword_is_a_whole_word() -> None:
    assert value("asprovider") == ref("asprovider")
    _, found = parse(Source("a.seg", "mapping m writes ORU^R01\nlet x = a asprovider\n"))
    assert len(found) == 1


# --- conditions ------------------------------------------------------------------------------------------------------------


def test_or_binds_loosest_then_and_then_not() -> None:
    a, b, c = (ast.Holds(ref(name)) for name in ("a.x", "b.x", "c.x"))
    assert condition("a.x or b.x and not c.x") == ast.AnyOf((a, ast.AllOf((b, ast.Not(c)))))
    assert condition("(a.x or b.x) and c.x") == ast.AllOf((ast.AnyOf((a, b)), c))


@pytest.mark.parametrize(("text", "expected"), [
    ("a is b", ast.Is(ref("a"), ref("b"))),
    ('a is not "b"', ast.Is(ref("a"), ast.Text("b"), True)),
    ("a is not missing", ast.State(ref("a"), "missing", True)),
    ("a is changed", ast.State(ref("a"), "changed")),
    ("position is last", ast.State(ast.Place(), "last")),
    ("a is at least -2.5", ast.Compare(ref("a"), "at least", ast.Number("-2.5"))),
    ("a is below t.low(a, b)", ast.Compare(
        ref("a"), "below", ast.Call(ref("t.low"), (ast.Argument("", ref("a")), ast.Argument("", ref("b")))))),
    ("a is between 1 and 2 and b.c", ast.AllOf((
        ast.Between(ref("a"), ast.Number("1"), ast.Number("2")), ast.Holds(ref("b.c"))))),
    ("a in org.list", ast.In(ref("a"), (ref("org.list"),), False)),
    ('a not in ["x", b]', ast.In(ref("a"), (ast.Text("x"), ref("b")), True, True)),
    ("PID-3.1 is present", ast.State(ast.Hl7Path("PID", 3, "", 1), "present")),
    ('.13 is not "NPI"', ast.Is(ast.ComponentPath(13), ast.Text("NPI"), True)),
    ("age(a.born, at: b) is above 17", ast.Compare(
        ast.Call(ref("age"), (ast.Argument("", ref("a.born")), ast.Argument("at", ref("b")))), "above", ast.Number("17"))),
    ("inherited and a.b", ast.AllOf((ast.InheritedCondition(), ast.Holds(ref("a.b"))))),
    ("inherited is missing", ast.State(ast.Inherited(), "missing")),
])  # fmt: skip
def test_a_comparison(text: str, expected: ast.Condition) -> None:
    assert condition(text) == expected


# --- blocks ----------------------------------------------------------------------------------------------------------------


def test_clauses_stand_in_any_order() -> None:
    one = body("segment PV1 from a.b optional when c.d is present\n")
    assert one == body("segment PV1 when c.d is present optional from a.b\n")
    rule = body("segment OBX\n  OBX-1 = a when b.c required\n")
    assert rule == body("segment OBX\n  OBX-1 = a required when b.c\n")


def test_a_segment_goes_to_the_next_line_that_is_no_rule_of_it() -> None:
    found = body('segment OBX\n  let h = "x"\n  OBX-1 = h\nuse p\nsegment PID\n')
    assert [type(statement).__name__ for statement in found] == ["Segment", "Use", "Segment"]
    assert len(found[0].rules) == 2  # type: ignore[union-attr]


def test_end_closes_the_block_around_an_open_segment_however_it_is_indented() -> None:
    found = body("for each a in b.c\nsegment OBX\nOBX-1 = a\nend\nuse p\n")
    assert [type(statement).__name__ for statement in found] == ["Loop", "Use"]


def test_a_label_of_a_removal_applies_to_all_its_fields() -> None:
    (remove,) = operations('remove measurement OBX-6, OBX-8 because "r"\n')
    assert isinstance(remove, ast.Remove)
    assert [str(address) for address in remove.addresses] == ["measurement OBX-6", "measurement OBX-8"]


def test_a_reason_below_end_belongs_to_the_block() -> None:
    (override,) = operations('override table t\n  a -> "1"\nend\n  because "r"\n')
    assert isinstance(override, ast.OverrideTable)
    assert (override.because, len(override.rows)) == ("r", 1)


def test_a_rule_under_an_added_segment_belongs_to_it() -> None:
    (added,) = operations('add segment ZEC after OBR when a.b because "r"\n  ZEC-1 = "x"\n  ZEC-2 = "y"\n')
    assert isinstance(added, ast.AddBlock)
    assert isinstance(added.block, ast.Segment)
    assert len(added.block.rules) == 2
    assert added.anchor == ast.Anchor("after", ast.Address("segment", "OBR"))


def test_declarations_stand_before_and_after_the_header() -> None:
    file = read("enum A\n  x\nend\nmapping m writes ORU^R01\nsegment OBX\nenum B\n  y\nend\nuse p\n")
    assert [declaration.name for declaration in file.declarations] == ["A", "B"]
    assert file.mapping is not None
    assert len(file.mapping.body) == 2


def test_documentation_reaches_its_node() -> None:
    file = read("## the enum\nenum A\n  ## one\n  x\n  y\nend\n")
    (enum,) = file.declarations
    assert isinstance(enum, ast.Enum)
    assert (enum.doc, [item.doc for item in enum.values]) == ("the enum", ["one", ""])


# --- any text --------------------------------------------------------------------------------------------------------------


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_text_is_read(text: str) -> None:
    file, found = parse(Source("a.seg", text))
    assert isinstance(file, ast.File)
    assert all(0 <= item.span.start <= item.span.end for item in found)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_good_file_with_anything_done_to_it_is_read(path: Path, chance: random.Random, times: int) -> None:
    text = path.read_text(encoding="utf-8")
    scraps = [
        '"',
        "end",
        "(",
        ")",
        "\n",
        "=",
        "^",
        "segment",
        "“",
        "#",
        "when",
        "{",
        "}",
        "\t",
        "table t",
        "\x00",
        "日",
        ".",
        "-",
        "[",
        "because",
    ]
    for _ in range(times):
        at = chance.randrange(len(text) + 1)
        deed = chance.randrange(3)
        if deed == 0:
            text = text[:at] + text[at + chance.randrange(12) :]
        elif deed == 1:
            text = text[:at] + chance.choice(scraps) + text[at:]
        else:
            lines = text.split("\n")
            chance.shuffle(lines[: chance.randrange(len(lines) + 1)])
            text = "\n".join(lines)[: chance.randrange(len(text) + 1)]
    parse(Source("a.seg", text))


@pytest.mark.parametrize("line", [
    "let x = " + "(" * 5000, "let x = " + "(" * 3000 + "a" + ")" * 3000, "let x = a" + " as f" * 1900,
    "check c that " + "not " * 2400 + 'a else "x"', "a" * 200_000, '"' * 9_999, "let x = a" + " ^ a" * 2000,
    "part p(a: " + "optional " * 1000 + "b)\nend", "let x = " + "f(" * 3000 + ")" * 3000, "PID-" + "9" * 6000 + " = a",
])  # fmt: skip
def test_a_line_beyond_all_measure_is_refused_and_never_breaks(line: str) -> None:
    file, found = parse(Source("a.seg", f"mapping m writes ORU^R01\n{line}\nuse p\n"))
    assert found or "^" in line
    assert file.mapping is not None
    assert any(isinstance(statement, ast.Use) for statement in file.mapping.body)
    bare(file)
    repr(file)


def test_an_empty_file_is_an_empty_tree() -> None:
    assert bare(read("")) == ast.File("a", None, None, ())


# --- the grammar -----------------------------------------------------------------------------------------------------------


def test_the_prebuilt_tables_are_those_of_the_grammar() -> None:
    tables = grammar_file.read_tables(lark.__version__)
    assert tables is not None, "the grammar or Lark changed: python -m segwright.lang.grammar_file"


def test_a_parser_built_in_memory_reads_the_same() -> None:
    prebuilt = lalr.line_parser(None)
    built = lark.Lark(grammar_file.grammar_text(), **grammar_file.OPTIONS)
    for path in GOOD:
        for line in path.read_text(encoding="utf-8").split("\n"):
            text = line.split("#")[0].strip()
            try:
                expected = built.parse(text, start="statement")
            except lark.UnexpectedInput:
                with pytest.raises(lark.UnexpectedInput):
                    prebuilt.parse(text, start="statement")
            else:
                assert _shape(prebuilt.parse(text, start="statement")) == _shape(expected)


def _shape(tree: object) -> object:
    if isinstance(tree, lark.Tree):
        return (str(tree.data), [_shape(child) for child in tree.children])
    return None if tree is None else (getattr(tree, "type", ""), str(getattr(tree, "value", "")))


def test_the_grammar_has_no_conflict_and_no_colliding_terminals() -> None:
    import_module("interegular")
    lark.Lark(grammar_file.grammar_text(), strict=True, **grammar_file.OPTIONS)


def test_tables_of_another_lark_are_not_used() -> None:
    assert grammar_file.read_tables("0.0.0") is None


def test_lark_is_imported_only_when_a_file_is_read() -> None:
    program = (
        "import sys\n"
        "from segwright.lang import ast, blocks, build, lines, parse, printer, grammar_file\n"
        "assert 'lark' not in sys.modules\n"
    )
    engine = Path(grammar_file.__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=engine, timeout=60)


@pytest.mark.parametrize("name", ["end", "end9", "end_of_study", "ended"])
def test_an_attribute_may_begin_like_the_word_that_closes(name):
    file, found = parse(Source("a.seg", f"overlay a\nrecord Study\n  {name}: text\nend\n"))
    assert found == []
    (record,) = file.declarations
    assert isinstance(record, ast.Record)
    assert [attribute.name for attribute in record.fields] == [name]
