"""A small laboratory: a mapping of a few lines, compiled for one hospital and run on one order and one result.

Takes what a test wants to say (base lines, overlay lines, sections of org.yaml, declarations, other files); gives what was found
and the segments that were written. A refused message gives its reasons. Every message is written twice, by generated code and by
the interpreter, which must agree.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from segwright.core.render import render_text
from segwright.plan import ops
from segwright.runtime import interpret
from segwright.runtime.decode import decode
from segwright.runtime.load import MessageRefused, Writer
from segwright.service.compiling import CompiledOrganisation, CompiledWorkspace, compile_workspace
from segwright.service.inputs import making
from segwright.service.reading import Orders, document, read_orders
from segwright.service.rendering import Request, prepare
from segwright.service.running import Running
from tests.lang.workspace import CLINIC, build

MODEL = """\
enum Control
  new
  change
  cancel
end
enum Status
  preliminary
  final
  corrected
  withdrawn
end
enum Kind
  heart_rate
  qrs_duration
  qrs_axis
end
enum Sex
  female
  male
end
record Provider
  npi:    optional text
  id:     optional text
  family: text
  given:  optional text
end
record Identifier
  id:        text
  authority: optional text
  type:      optional text
end
record Measurement
  kind:   Kind
  value:  quantity
  flag:   optional text
  sub_id: optional text
end
record Diagnosis
  code:    code
  display: optional text
end
record Patient
  mrn:         text
  identifiers: list of Identifier
  name:        text
  sex:         optional Sex
  birth_date:  optional date
end
record Order
  control:       Control
  placer_number: field
  filler_number: optional field
  service:       field
  provider:      optional Provider
  providers:     list of Provider
  diagnoses:     list of Diagnosis
  received:      optional segments
end
record Result
  status:       Status
  study:        text
  version:      integer
  issued_at:    datetime
  observed_at:  optional datetime
  comment:      optional text
  note:         optional text
  confidence:   optional decimal
  urgent:       boolean
  measurements: list of Measurement
  comments:     list of text
  signed_by:    optional Provider
  diagnoses:    list of Diagnosis
end
"""

READING = """\
mapping order reads ORM^O01
patient.mrn         = first PID-3.1                     required
patient.identifiers = each PID-3 as identifier          optional
patient.name        = first PID-5.1                     required
patient.sex         = PID-8 via sexes                   optional
patient.birth_date  = PID-7.1 as date                   optional
for each order group from OBR under ORC
  order.control       = ORC-1 via control               required
  order.placer_number = ORC-2 else OBR-2                required
  order.filler_number = ORC-3 else OBR-3                optional
  order.service       = OBR-4                           required
  order.provider      = first OBR-16 as provider        optional
  order.providers     = each OBR-16 as provider         optional
  order.diagnoses     = each DG1-3 as coded             optional
  order.received      = keep PV1, ZXX, IN1              optional
end
"""

SHARED = """\
part head
  segment MSH
    MSH-7   = message.created_at as dtm(second, in: "America/Chicago", offset: no)
    MSH-9.1 = "ORU"
    MSH-9.2 = "R01"
    MSH-10  = message.control_id
    MSH-11  = org.environment.processing_id
    MSH-12  = org.encoding.version
end
table control: Control -> HL7 0119
  new    <-> "NW"
  change <-> "XO"
  cancel <-> "CA"
end
table sexes: Sex -> HL7 0001
  female <-> "F"
  male   <-> "M"
end
format identifier(i: Identifier) as CX
  .1   = i.id
  .4.1 = i.authority  optional
  .5   = i.type       optional
end
format provider(p: Provider) from XCN
  p.npi    = .1   when .13 is "NPI"        optional
  p.id     = .1   when not (.13 is "NPI")  optional
  p.family = .2.1 required
  p.given  = .3   optional
end
format coded(d: Diagnosis) from CWE
  d.code    = .1 as icd10  required
  d.display = .2           optional
end
"""

ORDER = (
    "MSH|^~\\&|EHR|CITY|ECG|LAB|20260302133000||ORM^O01|M1|P|2.5.1",
    "PID|||1001^^^CITY^MR~S-9^^^^SS||GRAY||19800102|F",
    "PV1|1|I|WARD^3|||||||x\\T\\y|",
    "ORC|NW|A1^EHR|F1^LAB",
    "OBR|1|A1^EHR|F1^LAB|ECG^12 lead&ecg^LOC||||||||||||L7^STONE^AVA~1999000015^REED^IDA^^^^^^^^^^NPI",
    "DG1|1||R00.2^Palpitations^I10",
    "ZXX|1|free|",
)

RESULT: dict[str, Any] = {
    "status": "final",
    "study": "ST-1",
    "version": 3,
    "issued_at": "2026-03-02T14:04:09.25-06:00",
    "urgent": True,
    "measurements": [
        {"kind": "heart_rate", "value": {"value": 84, "unit": "/min"}, "flag": "N"},
        {"kind": "qrs_duration", "value": {"value": 0.0965, "unit": "s"}},
    ],
    "comments": ["first", "second"],
    "diagnoses": [{"code": "R002", "display": "Palpitations"}, {"code": "I480"}],
}

AT = "2026-03-02T14:05:00-06:00"


class Run:
    """A compiled laboratory with what goes through it."""

    def __init__(self, workspace: CompiledWorkspace, given: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self.given = given

    @property
    def codes(self) -> tuple[str, ...]:
        """What was found, by code."""
        return tuple(found.code for found in self.workspace.found)

    @cached_property
    def report(self) -> str:
        """The same as people read it."""
        return render_text(self.workspace.found, self.workspace.sources)

    @property
    def organisation(self) -> CompiledOrganisation:
        """The one hospital."""
        return self.workspace.organisations["clinic"]

    @cached_property
    def running(self) -> Running:
        """It in its environment."""
        return Running(self.organisation, self.given["environment"])

    @property
    def plan(self) -> ops.Plan:
        """What writes the result."""
        assert not self.codes, self.report
        plan = self.running.compiled("result").plan
        assert plan is not None
        return plan

    @cached_property
    def inputs(self) -> list[Any]:
        """What goes into the plan."""
        make, _ = making(self.given["at"], "C1")
        assert make is not None
        request = Request("result", make, self.given["order"], self.given["result"], None)
        prepared, found = prepare(self.running, request)
        assert not found, render_text(found, self.workspace.sources)
        (inputs,) = prepared
        previous = self.given["previous"]
        if previous is not None:
            type_ = next(given.type for given in self.plan.inputs if given.name == "previous")
            inputs[-1] = decode(self.running.model, type_, previous)
        return inputs

    def put(self, name: str, value: object) -> None:
        """Gives an attribute of the result a value that no document could hold."""
        at = next(number for number, given in enumerate(self.plan.inputs) if given.name == "result")
        record = list(self.inputs[at])
        record[self.running.model.records["Result"].index(name)] = value
        self.inputs[at] = tuple(record)

    @cached_property
    def traced(self) -> Any:
        """The message as the interpreter writes it."""
        return interpret.trace(self.plan, self.inputs)

    @cached_property
    def data(self) -> bytes:
        """The message as it leaves."""
        assert not self.codes, self.report
        try:
            data = Writer(self.plan).render(self.inputs)
        except MessageRefused as refused:
            raise AssertionError([(p.kind, p.facts) for p in refused.problems]) from None
        assert data == self.traced.data
        return data

    @property
    def segments(self) -> list[str]:
        """Everything behind MSH."""
        end = self.plan.encoding.segment_end
        codec = self.plan.encoding.codec
        return self.data.decode(codec).removesuffix(end).split(end)[1:]

    @property
    def refused(self) -> list[str]:
        """The kinds of reasons why there is no message."""
        try:
            Writer(self.plan).render(self.inputs)
        except MessageRefused as refused:
            assert refused.problems == self.traced.problems
            return [problem.kind for problem in refused.problems]
        raise AssertionError("a message was written")

    @cached_property
    def orders(self) -> Orders:
        """The order as it was read."""
        assert not self.codes, self.report
        orders, refusals = read_orders(self.running, self.given["order"])
        assert orders is not None, [(r.code, r.position, r.cause) for r in refusals]
        return orders

    @property
    def read(self) -> Any:
        """The same as a document."""
        return document(self.orders, self.running)

    @property
    def rejected(self) -> list[tuple[str, str, str]]:
        """Why the order was not read: answer, code and position."""
        assert not self.codes, self.report
        orders, refusals = read_orders(self.running, self.given["order"])
        assert orders is None
        return [(refusal.answer, refusal.code, refusal.position) for refusal in refusals]


def lab(
    body: str = "",
    overlay: str = "",
    *,
    wide: str = "",
    declarations: str = "",
    org: str = "",
    reading: str = READING,
    model: str = MODEL,
    files: Mapping[str, str] | None = None,
    result: Mapping[str, Any] | None = None,
    order: Sequence[str] | bytes | None = ORDER,
    previous: Mapping[str, Any] | None = None,
    at: str = AT,
    environment: str = "production",
    head: str = "use head\n",
    takes: str = "order: optional Order, patient: Patient, result: Result",
    schema: str = "",
) -> Run:
    """Builds, compiles and gives what can be run. `wide` are lines for all messages; a `result` member None takes it away."""
    allowed = ALLOWED if head and "segment OBR" not in body + overlay else ""
    texts = {
        "mappings/model.seg": model,
        "mappings/order.seg": reading,
        "mappings/shared.seg": SHARED + declarations,
        "mappings/result.seg": f"mapping result writes ORU^R01 from {takes}\n{head}{allowed}{body}",
        "orgs/clinic/org.yaml": org or "organisation: {id: clinic, name: Clinic, layers: []}\n",
        **({"orgs/clinic/result.seg": f"overlay result\n{overlay}"} if overlay else {}),
        **({"orgs/clinic/organisation.seg": f"overlay organisation\n{wide}"} if wide else {}),
        **(files or {}),
    }
    if schema:
        texts["orgs/schema.yaml"] = with_keys(schema)
    if isinstance(order, bytes) or order is None:
        message = order
    else:
        message = "".join(f"{segment}\r" for segment in order).encode()
    document = {name: value for name, value in {**RESULT, **(result or {})}.items() if value is not None}
    folder = Path(tempfile.mkdtemp(prefix="lab"))
    try:
        workspace = compile_workspace(build(folder, texts))
    finally:
        shutil.rmtree(folder)
    earlier = None
    if previous is not None:
        earlier = json.dumps({n: v for n, v in {**RESULT, **previous}.items() if v is not None}).encode()
    given = {
        "order": message,
        "result": json.dumps(document).encode(),
        "previous": earlier,
        "at": at,
        "environment": environment,
    }
    return Run(workspace, given)


ALLOWED = """\
allow SW0414 on OBR
  because "a message of a test holds what the test is about"
"""


def with_keys(schema: str) -> str:
    """The clinic's schema with more keys of `site`."""
    below = (CLINIC / "orgs/schema.yaml").read_text(encoding="utf-8")
    mark = next(line for line in below.splitlines(keepends=True) if line.startswith("      label:"))
    return below.replace(mark, mark + "".join(f"      {line}\n" for line in schema.strip().splitlines()))
