"""Formats that read as well as write: read(write(p)) = p for generated ones, and a line that loses something is named."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.parse import parse
from segwright.runtime.load import Writer
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


def test_the_shared_mappings_hold_formats_for_both_directions():
    file, found = parse(Source("f.seg", (ROOT / "mappings/shared/formats.seg").read_text(encoding="utf-8")))
    assert not found
    names = {d.name for d in file.declarations if isinstance(d, ast.Format) and d.direction == "as"}
    assert {"identifier", "person_name", "address"} <= names
