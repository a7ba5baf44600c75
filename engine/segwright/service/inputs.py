"""From orders and a subject document to the inputs of a writing plan.

A mapping declares its inputs: `order`, `group` and `patient`, which orders bring, and one subject (`result: Result`,
`event: OrderEvent`, …), which comes as JSON. Besides these a plan takes `message` (when and under which number it is made, and
for what) and, when it asks what changed, `previous`. Takes these; gives the inputs of each message to be written: one for each
order or one for each group, as the catalogue says. Refuses what the catalogue does not let out.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import NOWHERE
from segwright.core.suggest import nearest
from segwright.hl7.values import Moment
from segwright.library.moments import SECOND, iso_moment
from segwright.library.record import Refusal
from segwright.orgs.organisation import CatalogueEntry
from segwright.plan import ops
from segwright.plan.model import Type
from segwright.runtime.decode import DecodeRefused, decode
from segwright.service.reading import Orders, Record
from segwright.service.refusals import document_problems
from segwright.service.running import Running

FROM_ORDERS: Final = ("order", "group", "patient")
GIVEN: Final = (*FROM_ORDERS, "message", "previous")
LONGEST_CONTROL_ID: Final = 199


class Making(msgspec.Struct, frozen=True):
    """When a message is made and under which number. Of several messages made at once the later ones carry `-2`, `-3`, …"""

    at: Moment
    control_id: str

    def number(self, index: int) -> str:
        """The control id of message `index` (from 0)."""
        return self.control_id if index == 0 else f"{self.control_id}-{index + 1}"


def making(at: str, control_id: str) -> tuple[Making | None, list[Diagnostic]]:
    """From texts: an ISO 8601 time with seconds and offset, and what goes into MSH-10."""
    found: list[Diagnostic] = []
    moment = Moment("", None)
    try:
        moment = iso_moment(at)
        if len(moment.digits.partition(".")[0]) < SECOND or moment.offset is None:
            raise Refusal("seconds and the offset from UTC belong to it")
    except Refusal as refusal:
        found.append(
            diagnostic("SW1027", NOWHERE, what="time", reason=refusal.reason, example="2026-03-02T14:05:00-06:00")
        )
    if not control_id or len(control_id) > LONGEST_CONTROL_ID or not control_id.isprintable() or " " in control_id:
        reason = f"it is 1 to {LONGEST_CONTROL_ID} printable characters without blanks"
        found.append(diagnostic("SW1027", NOWHERE, what="control id", reason=reason))
    return (None, found) if found else (Making(moment, control_id), [])


def subject_name(plan: ops.Plan) -> str:
    """The input that is decoded from JSON, "" when the plan has none."""
    return next((given.name for given in plan.inputs if given.name not in GIVEN), "")


def inputs_of(
    running: Running, entry: CatalogueEntry, plan: ops.Plan, orders: Orders | None, subject: bytes | None, make: Making,
    nth: int | None = None,
) -> tuple[list[list[Any]], list[Diagnostic]]:  # fmt: skip
    """The inputs of every message to be written, or why there is none. `nth` takes one order of several (from 1)."""
    collected = _Inputs(running, entry, plan)
    record = collected.subject(subject)
    groups = collected.groups(orders, nth)
    if collected.found:
        return [], collected.found
    status = collected.status(record)
    patient = collected.patient(orders, record)
    if collected.found:
        return [], collected.found
    shared = {collected.name: record, "patient": patient}
    messages = []
    for index, group in enumerate(groups):
        message = (make.at, make.number(index), status)
        given = {**shared, "order": group[0] if group else None, "group": group, "message": message}
        messages.append([given.get(each.name) for each in plan.inputs])
    return messages, []


class _Inputs:
    def __init__(self, running: Running, entry: CatalogueEntry, plan: ops.Plan) -> None:
        self.running = running
        self.organisation = running.organisation
        self.entry = entry
        self.plan = plan
        self.found: list[Diagnostic] = []
        self.name = subject_name(plan)
        self.type = next((given.type for given in plan.inputs if given.name == self.name), Type("record"))

    def report(self, code: str, *key: str, **facts: object) -> None:
        span = self.organisation.span(("catalogue", self.entry.name, *key)) if key else NOWHERE
        facts = {"message": self.entry.name, **facts}
        self.found.append(diagnostic(code, span, organisation=self.organisation.id, **facts))  # type: ignore[arg-type]

    def subject(self, data: bytes | None) -> Record | None:
        """The decoded subject."""
        if not self.name or data is None:
            self.report("SW1024", subject=self.name or "subject", type=str(self.type))
            return None
        try:
            record: Record = decode(self.running.model, self.type, data)
        except DecodeRefused as refused:
            self.found += document_problems(refused.problems, self.name, self.organisation.id, data)
            return None
        return record

    def attribute(self, record: Record | None, name: str) -> Any:
        if record is None or self.type.kind != "record":
            return None
        index = self.running.model.records[self.type.name].index(name)
        return None if index < 0 else record[index]

    def status(self, record: Record | None) -> str:
        """The kind of delivery, which the catalogue must let out."""
        status = self.attribute(record, "status")
        gate = self.entry.kinds.get(str(status))
        if gate is None:
            kinds = list(self.entry.kinds)
            self.report("SW1021", "kinds", kind=str(status), nearest=nearest(str(status), kinds), known=kinds)
        elif gate == "no":
            self.report("SW1020", "kinds", str(status), kind=str(status))
        return str(status)

    def groups(self, orders: Orders | None, nth: int | None) -> list[tuple[Record, ...]]:
        """The orders that each message answers; one empty group when there are none."""
        if orders is None:
            needed = any(given.name == "order" and not given.optional for given in self.plan.inputs)
            if self.entry.unsolicited is False or needed or "order" not in [g.name for g in self.plan.inputs]:
                if self.entry.unsolicited is False:
                    self.report("SW1022", "unsolicited")
                elif needed:
                    self.report("SW1025")
            return [()]
        taken = [(number, group) for number, group in enumerate(orders.groups)]
        if nth is not None:
            count = len(orders.orders)
            if not 1 <= nth <= count:
                self.report("SW1029", number=nth, count=count)
                return []
            before = 0
            for _, group in taken:
                if nth <= before + len(group):
                    return [group if self.entry.message_per == "group" else (group[nth - before - 1],)]
                before += len(group)
        if self.entry.message_per == "group":
            return [group for _, group in taken]
        return [(order,) for order in orders.orders]

    def patient(self, orders: Orders | None, record: Record | None) -> Record | None:
        """The order's patient, else the subject's."""
        if not any(given.name == "patient" for given in self.plan.inputs):
            return None
        found = orders.patient if orders is not None else self.attribute(record, "patient")
        if found is None:
            self.report("SW1023", subject=self.name)
        return found
