"""Generated programs: the compiler never crashes and never takes long; what it accepts runs the same in both ways of running.

Trees come from the strategies of the syntax tests, are printed, parsed and go through every pass. In a second form their names
are those of a real model, so that they reach deep into the passes. A typed generator writes programs that are right.
"""

from __future__ import annotations

import time
import zlib
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.core.render import render_text
from segwright.core.source import Source
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.values import Field, Moment, Quantity, Segment
from segwright.lang import ast
from segwright.lang.compile import Order, compile_message, flatten, flatten_base
from segwright.lang.flat import rewrite
from segwright.lang.flatten import Flattened
from segwright.lang.parse import parse
from segwright.lang.printer import print_file
from segwright.lang.scope import Layer, declare
from segwright.plan.model import Type
from segwright.runtime import interpret
from segwright.runtime.load import MessageRefused, Writer
from segwright.service.compiling import CompiledWorkspace
from segwright.service.settings import OrganisationSettings, plan_encoding
from tests.lang.laboratory import lab
from tests.lang.strategies import files

SLOW = list(HealthCheck)
SECONDS = 5.0
"""Far more than any of these small programs takes, even on a busy machine."""

BASE = """\
segment PID
  PID-3 = each i in patient.identifiers as identifier required
  PID-5 = patient.name
segment OBR
  OBR-2 = order.placer_number required
  OBR-4 = order.service required
segment OBX one
  OBX-2 = "ST"
  OBX-3 = result.study
  OBX-5 = result.comment else "-"
  OBX-11 = "F"
for each m in result.measurements named measurements
  segment ZEC
    ZEC-1 = position
    ZEC-2 = m.flag optional
end
"""
KNOWN = [
    ("result", "study"), ("result", "comment"), ("result", "measurements"), ("result", "comments"), ("result", "confidence"),
    ("result", "status"), ("result", "issued_at"), ("result", "urgent"), ("result", "signed_by"), ("result", "diagnoses"),
    ("patient", "name"), ("patient", "sex"), ("patient", "identifiers"), ("order", "service"), ("order", "received"),
    ("message", "control_id"), ("org", "site", "label"), ("org", "encoding", "version"), ("m", "value"), ("final",), ("control",),
]  # fmt: skip
FORMATS = ["text", "upper", "number", "dtm", "date", "ucum", "identifier", "provider", "ft", "icd10"]


@cache
def small() -> CompiledWorkspace:
    made = lab(BASE)
    assert not made.codes, made.report
    return made.workspace


def grounded(file: ast.File) -> ast.File:
    """The tree with names that exist, chosen by the names that stand there."""

    def known(node: ast.Node) -> object | None:
        if isinstance(node, ast.Ref):
            return msgspec.structs.replace(node, names=KNOWN[zlib.crc32(str(node).encode()) % len(KNOWN)])
        if isinstance(node, ast.As):
            name = FORMATS[zlib.crc32(node.format.encode()) % len(FORMATS)]
            return msgspec.structs.replace(node, format=name, value=rewrite(node.value, known))
        return None

    return rewrite(file, known)  # type: ignore[return-value]


def compiles(file: ast.File) -> None:
    """Sends the text of a file through every pass; nothing but findings may come of it."""
    text = print_file(file)
    began = time.monotonic()
    source = Source("orgs/clinic/generated.seg", text)
    parsed, found = parse(source)
    workspace = small()
    organisation = workspace.organisations["clinic"].organisation
    layer = Layer("clinic", (parsed,))
    scope, problems = declare(workspace.scope, layer)
    found = [*found, *problems]
    base = workspace.bases["result"]
    flattened: Flattened
    if parsed.mapping is not None:
        flattened = flatten_base(parsed.mapping, scope)
        if not parsed.mapping.inputs:
            inputs = msgspec.structs.replace(flattened.mapping, inputs=base.inputs)
            flattened = msgspec.structs.replace(flattened, mapping=inputs)
    else:
        overlay = parsed.overlay
        if overlay is not None:
            named = msgspec.structs.replace(parsed, overlay=msgspec.structs.replace(overlay, name="result"))
            layer = Layer("clinic", (named,))
        flattened = flatten(flatten_base(base, scope), (layer,), "result")
    order = Order("result", flattened.mapping.direction, flattened.mapping.messages or ("ORU^R01",))
    encoding = plan_encoding(organisation)
    compiled = compile_message(flattened, order, OrganisationSettings(organisation, "production"), encoding, "0" * 64)
    said = render_text([*found, *compiled.found], {**workspace.sources, source.name: source})
    assert time.monotonic() - began < SECONDS
    assert "Traceback" not in said


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(files())
def test_a_generated_program_never_crashes_the_compiler(file: ast.File) -> None:
    compiles(file)


@settings(max_examples=140, deadline=None, suppress_health_check=SLOW)
@given(files())
def test_a_generated_program_over_real_names_never_crashes_the_compiler(file: ast.File) -> None:
    compiles(grounded(file))


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=120))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    parse(Source("any.seg", text))
    parse(Source("any.seg", f"mapping m writes ORU^R01 from result: Result\nsegment ZZZ\n  ZZZ-1 = {text}\n"))


# --- programs that are right -----------------------------------------------------------------------------------------

TEXTS = [
    '"lit|eral"',
    "result.study",
    "patient.name",
    "message.control_id",
    "result.status via statuses",
    '"{result.study}/{result.version}"',
]
MAYBE_TEXTS = [
    "result.comment",
    "result.note",
    "patient.sex via sexes",
    "result.signed_by.npi",
    "result.signed_by.family",
]
CONDITIONS = [
    "result.urgent", "result.comment is present", "result.status is final", "result.status in [preliminary, corrected]",
    'result.study is "a"', "result.version is above 2", "result.version is between 1 and 3", 'result.study matches "[a-c]*"',
    "patient.sex is missing", "result.confidence is present and result.confidence is at most 0.5",
]  # fmt: skip
STEPS = [
    "as upper",
    "as text(max: 3, over: cut)",
    "as collapse",
    "via words on unmapped same",
    'via words on unmapped "?"',
    "as plain",
]
STATUSES = 'table statuses: Status -> text\n  final -> "F"\n  otherwise -> "O"\nend\n'
WORDS = 'table words: text -> text\n  "a" -> "A"\n  "b" -> blank\nend\n'
WHO = 'format who(p: Provider) as XCN\n  .1   = p.npi else p.id optional\n  .2.1 = p.family\n  .3   = p.given as upper optional\n  .9.1 = "C"\nend\n'


@st.composite
def conditions(draw: st.DrawFn) -> str:
    one = draw(st.sampled_from(CONDITIONS))
    match draw(st.integers(0, 5)):
        case 0:
            return f"not ({one})"
        case 1:
            return f"({one}) and ({draw(st.sampled_from(CONDITIONS))})"
        case 2:
            return f"({one}) or ({draw(st.sampled_from(CONDITIONS))})"
        case _:
            return one


@st.composite
def leaves(draw: st.DrawFn) -> tuple[str, bool]:
    """A text expression and whether it may be missing."""
    maybe = draw(st.booleans())
    text = draw(st.sampled_from(MAYBE_TEXTS if maybe else TEXTS))
    blank = False
    for _ in range(draw(st.integers(0, 2))):
        step = draw(st.sampled_from(STEPS))
        blank = blank or step.startswith("via")
        text = f"{text} {step}"
    maybe = maybe or blank
    if maybe and draw(st.booleans()):
        return f'{text} else "e"', False
    return text, maybe


@st.composite
def rules(draw: st.DrawFn, number: int) -> str:
    target = f"ZZZ-{number}"
    match draw(st.integers(0, 8)):
        case 0:
            return f"{target} = count ZZZ"
        case 1:
            return f"{target} = each c in result.comments as upper optional"
        case 2:
            return f"{target} = result.signed_by as who optional"
        case 3:
            first, second = draw(leaves())[0], draw(leaves())[0]
            if draw(st.booleans()):
                return f'{target} = ({first}) ^ blank ^ ({second}) ^ "S" optional'
            return f'{target} = "S" ^ ({first}) ^ blank ^ ({second}) optional'
        case 4:
            return f"{target} = order.service optional"
        case 5:
            return f"{target}[a] = hold\n  {target}[b] = result.comment optional\n  {target}[c] = result.study"
        case 6:
            return f'{target} = result.confidence as number(places: {draw(st.integers(0, 3))}) else "-"'
        case 7:
            (text, maybe), (other, also) = draw(leaves()), draw(leaves())
            duty = "optional" if maybe or also else ""
            return f"{target} = {text} {duty} when {draw(conditions())}\n    = {other} {duty} otherwise"
        case _:
            text, maybe = draw(leaves())
            duty = draw(st.sampled_from(["optional", "required", f"required if {draw(conditions())}"])) if maybe else ""
            when = f" when {draw(conditions())}" if draw(st.integers(0, 3)) == 0 else ""
            return f"{target} = {text} {duty}{when}"


@st.composite
def programs(draw: st.DrawFn) -> str:
    def segment(clauses: str) -> str:
        lines = "".join(f"  {draw(rules(number))}\n" for number in range(1, draw(st.integers(2, 6))))
        return f"segment ZZZ {clauses}\n{lines}  ZZZ-9 = message.control_id\n"

    text = segment("one " + draw(st.sampled_from(["", "optional", f"when {draw(conditions())}"])))
    limit = draw(st.sampled_from(["", " first 1", " at most 2", " where m.flag is present", " ordered by m.sub_id"]))
    text += (
        f"for each m in result.measurements{limit}\n  segment ZOB\n    ZOB-1 = position\n    ZOB-2 = m.flag optional\n"
    )
    text += "    ZOB-3 = count ZOB since ZZZ\n    ZOB-4 = m.value as number(places: 1) \n"
    text += '    ZOB-5 = "l" when position is last\n          = "n" otherwise\nend\n'
    return (
        text
        + "segment ZXX from order.received optional\n"
        + f"  ZXX-2 = inherited else ({draw(st.sampled_from(TEXTS))})\n"
    )


nasty = st.text(st.sampled_from('ab|^~\\&"é\r\n –'), min_size=1, max_size=4)


def values(run: Any, type_: Type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Run-time values of a type."""
    model = run.running.model
    if type_.kind == "list":
        assert type_.of is not None
        return st.lists(values(run, type_.of, depth + 1), min_size=0, max_size=3).map(
            lambda found: tuple(found) or None
        )
    if type_.kind == "enum":
        return st.sampled_from(model.enums[type_.name])
    if type_.kind == "record":
        parts = []
        for attribute in model.records[type_.name].attributes:
            one = values(run, attribute.type, depth + 1)
            parts.append(st.none() | one if attribute.optional else one)
        return st.tuples(*parts)
    match type_.name:
        case "integer":
            return st.integers(0, 4)
        case "decimal":
            return st.sampled_from([Decimal("0.5"), Decimal("1.25"), Decimal("-2")])
        case "boolean":
            return st.booleans()
        case "quantity":
            return st.sampled_from([Quantity(Decimal("84"), "/min", ""), Quantity(Decimal("0.5"), "s", "<")])
        case "date":
            return st.just(Moment("19800102", None))
        case "datetime":
            return st.sampled_from([Moment("20260302140409", -360), Moment("202603", None)])
        case "field":
            return st.sampled_from([Field("a^b", STANDARD), Field('""', STANDARD), Field("x\\F\\y~z", STANDARD)])
        case "segments":
            return st.sampled_from(
                [(Segment("ZXX|1||^", STANDARD),), (Segment("PV1|1", STANDARD), Segment("ZXX|a|b", STANDARD))]
            )
        case _:
            return nasty


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(programs(), st.data())
def test_what_compiles_runs_the_same_generated_and_interpreted(program: str, data: st.DataObject) -> None:
    made = lab(program, declarations=STATUSES + WORDS + WHO)
    if any(code not in ("SW0304", "SW0305", "SW0301", "SW0214", "SW0329") for code in made.codes):
        raise AssertionError(made.report)
    if made.codes:
        return
    plan = made.plan
    writer = Writer(plan)
    for _ in range(4):
        inputs = [
            data.draw(st.none() | values(made, given.type) if given.optional else values(made, given.type))
            if given.name != "message"
            else (Moment("20260302140409", -360), "C1", "final")
            for given in plan.inputs
        ]
        wanted = interpret.trace(plan, inputs)
        try:
            assert writer.render(inputs) == wanted.data
            assert not wanted.problems
        except MessageRefused as refused:
            assert refused.problems == wanted.problems
