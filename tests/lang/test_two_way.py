"""Formats that read as well as write: read(write(p)) = p for generated ones, and a line that loses something is named."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.hl7.wire import open_message
from segwright.lang.compile import Order, compile_message, flatten_base
from segwright.lang.parse import parse
from segwright.lang.scope import Layer, declare
from segwright.plan import ops
from segwright.plan.walk import walk
from segwright.runtime.load import MessageRefused, Reader, Writer
from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.settings import OrganisationSettings, plan_encoding
from tests.lang.laboratory import ORDER, READING, Run, lab

ROOT = Path(__file__).parents[2]
SLOW = list(HealthCheck)
texts = st.text(st.sampled_from('ab|^~\\&"é #\t'), min_size=1, max_size=5).filter(
    lambda text: text != '""' and bool(text)
)


@cache
def both(lines: str) -> Run:
    """A laboratory that writes the result's signer through a format and reads it back from a provider's field."""
    declared = f"format signer(p: Provider) as XCN\n{lines}end\n"
    reading = READING.replace("first OBR-16 as provider   ", "first OBR-28 as signer     ")
    made = lab(
        "segment OBR\n  OBR-2 = order.placer_number required\n  OBR-4 = order.service required\n"
        "  OBR-28 = result.signed_by as signer optional\n",
        declarations=declared, reading=reading, order=ORDER,
        org="encoding: {version: 2.5.1, charset: UNICODE UTF-8, unencodable: {}, separators: '|^~\\&', trailing: trim, segment_end: CR, limits: {}}\n",
    )  # fmt: skip
    assert not made.codes, made.report
    return made


def returned(made: Run, provider: tuple[Any, ...]) -> Any:
    """What reading gives of what was written of a provider."""
    from segwright.service.reading import read_orders

    made.put("signed_by", provider)
    sent = Writer(made.plan).render(made.inputs).decode()
    segment = next(s for s in sent.split("\r") if s.startswith("OBR"))
    head = ORDER[0] + "||||||UNICODE UTF-8"
    data = "".join(f"{s}\r" for s in (head, *ORDER[1:4], segment)).encode()
    orders, refusals = read_orders(made.running, data)
    assert orders is not None, refusals
    record = made.running.model.records["Order"]
    return orders.orders[0][record.index("provider")]


LINES = [
    "  .1 = p.npi optional\n",
    "  .2.1 = p.family\n",
    "  .3 = p.given optional\n",
    "  .8 = p.id optional\n",
    '  .9.1 = "C"\n',
]


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(
    st.sampled_from(["".join(LINES), "".join(LINES[:4]), "".join(reversed(LINES))]),
    st.tuples(st.none() | texts, st.none() | texts, texts, st.none() | texts),
)
def test_what_a_generated_format_wrote_it_reads(lines: str, provider: tuple[Any, ...]):
    assert returned(both(lines), provider) == provider


def test_a_line_that_loses_something_is_named():
    for lossy in ("p.family as upper", "p.family as text(max: 2, over: cut)", 'p.family else "x"'):
        lines = f"  .2.1 = {lossy}\n  .3 = p.given optional\n"
        reading = READING.replace("first OBR-16 as provider   ", "first OBR-28 as signer     ")
        declared = f"format signer(p: Provider) as XCN\n{lines}end\n"
        made = lab("segment ZZZ\n  ZZZ-1 = result.study\n", declarations=declared, reading=reading)
        assert any(code.startswith("SW08") for code in made.codes), lossy
        assert lossy.split(" else")[0] in made.report


# --- the shared formats ------------------------------------------------------------------------------------------------

EXTRA = """\
record Probe
  value: optional {record}
end
"""
BACK = "mapping probing reads ORM^O01\nprobe.value = first ZZZ-1 as {name} optional\n"
FORTH = (
    "mapping sending writes ORU^R01 from value: optional {record}\nsegment ZZZ\n  ZZZ-1 = value as {name} optional\n"
)


@cache
def showcase() -> CompiledWorkspace:
    return compile_workspace(ROOT, only={"tamarack"})


def two_way_formats() -> dict[str, str]:
    """Formats of the shared mappings that write, by name, with their record."""
    return {
        name: declared.parameter.type.name
        for (name, direction), declared in showcase().scope.formats.items()
        if direction == "as" and (name, "from") not in showcase().scope.formats
    }


@cache
def probes(name: str, record: str) -> tuple[ops.Plan, ops.Plan] | tuple[str, ...]:
    """Plans that write and read one field through a format, or what stands against reading it."""
    workspace = showcase()
    organisation = workspace.organisations["tamarack"].organisation
    plans = []
    for text, message in ((FORTH, "ORU^R01"), (BACK, "ORM^O01")):
        file, found = parse(Source("probe.seg", text.format(name=name, record=record)))
        model, problems = parse(Source("model.seg", EXTRA.format(record=record)))
        assert not found
        assert not problems
        scope, problems = declare(workspace.scope, Layer("base", (model, file)))
        assert not problems
        mapping = file.mapping
        assert mapping is not None
        order = Order(mapping.name, mapping.direction, (message,))
        made = compile_message(
            flatten_base(mapping, scope),
            order,
            OrganisationSettings(organisation, "test"),
            plan_encoding(organisation),
            "0" * 64,
        )
        codes = {found.code for found in made.found} - {"SW0414"}
        if codes:
            return tuple(sorted(codes))
        if made.plan is None:  # a message of one Z-segment lacks what ORU^R01 asks for
            allowed = "".join(f'allow SW0414 on {segment}\n  because "a test"\n' for segment in ("MSH", "OBR"))
            file, _ = parse(Source("probe.seg", text.format(name=name, record=record) + allowed))
            assert file.mapping is not None
            made = compile_message(
                flatten_base(file.mapping, scope), order, OrganisationSettings(organisation, "test"),
                plan_encoding(organisation), "0" * 64,
            )  # fmt: skip
        assert made.plan is not None, made.found
        plans.append(made.plan)
    return plans[0], plans[1]


LEADING_BACK = {"identifier", "person_name", "address"}


def test_the_formats_of_identities_lead_back():
    assert set(two_way_formats()) >= LEADING_BACK
    for name, record in two_way_formats().items():
        found = probes(name, record)
        lost = isinstance(found[0], str)
        assert not (lost and name in LEADING_BACK), found
        assert not lost or all(str(code).startswith("SW0") for code in found)


@settings(max_examples=120, deadline=None, suppress_health_check=SLOW)
@given(st.data())
def test_what_a_shared_format_wrote_it_reads(data: st.DataObject):
    formats = {
        name: record for name, record in two_way_formats().items() if isinstance(probes(name, record)[0], ops.Plan)
    }
    name = data.draw(st.sampled_from(sorted(formats)))
    record = showcase().scope.model.records[formats[name]]
    writes, reads = probes(name, formats[name])
    assert isinstance(writes, ops.Plan)
    assert isinstance(reads, ops.Plan)
    made = next(op for op in walk(reads) if isinstance(op, ops.Make))
    said = {part.index for part in made.parts}
    value = tuple(
        data.draw(st.none() | texts if attribute.optional else texts) if number in said else None
        for number, attribute in enumerate(record.attributes)
    )
    inputs = [value if given.name == "value" else None for given in writes.inputs]
    try:
        wire = Writer(writes).render([(None, None, None) if one is None else one for one in inputs])
    except MessageRefused as refused:
        assert {problem.kind for problem in refused.problems} == {"missing"}  # a required component beside others
        return
    encoding = writes.encoding
    head = f"MSH{encoding.field}{encoding.msh2}|||||||ORM^O01|1|P|2.8||||||{encoding.charset}\r"
    read = Reader(reads).read(open_message(head.encode() + wire))
    assert read.good, read.problems
    assert read.records["probe"][0] == (value if any(value) else None)
