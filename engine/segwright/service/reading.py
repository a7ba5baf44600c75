"""Reads an order message as its organisation's mapping says.

Takes bytes; gives the orders in their groups with the patient they are for, or every reason against them. Nothing half read is
ever given.
"""

from __future__ import annotations

from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import NOWHERE
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import Message, open_message
from segwright.orgs.organisation import CatalogueEntry
from segwright.plan import ops
from segwright.plan.model import Type
from segwright.runtime.encode import encode_json
from segwright.runtime.load import Reader
from segwright.runtime.outcome import Intake
from segwright.service.refusals import distinct, unreadable
from segwright.service.running import Running

Record = tuple[Any, ...]


class Refusal(msgspec.Struct, frozen=True):
    """One reason why a message was not read: a short code, where, the cause in words, the answer (AE or AR) it calls for."""

    code: str
    position: str
    cause: str
    answer: str
    finding: Diagnostic


class Orders(msgspec.Struct, frozen=True):
    """What one message held: what it says once (`records`, by name: `patient`) and its orders in their groups."""

    entry: str
    message: Message
    plan: ops.Plan
    records: dict[str, Record]
    group: str
    groups: tuple[tuple[Record, ...], ...]

    @property
    def patient(self) -> Record | None:
        """Whom the orders are for."""
        return self.records.get("patient")

    @property
    def orders(self) -> tuple[Record, ...]:
        """Every order of the message, in its order."""
        return tuple(order for group in self.groups for order in group)


def read_orders(running: Running, data: bytes) -> tuple[Orders | None, list[Refusal]]:
    """The orders of one message."""
    organisation = running.organisation
    try:
        message = open_message(data, default_charset=organisation.encoding.charset)
    except Refused as refused:
        finding = unreadable(refused, organisation.id)
        return None, [Refusal(refused.code, refused.position, refused.cause, "AR", finding)]
    entry = _entry(running, message)
    if isinstance(entry, Refusal):
        return None, [entry]
    plan = running.plan(entry.name)
    if plan is None:
        finding = diagnostic("SW1032", NOWHERE, organisation=organisation.id, name=entry.name)
        return None, [Refusal("mapping", "message", "the mapping that reads this message has errors", "AE", finding)]
    reader = running.loaded(entry.name)
    assert isinstance(reader, Reader)
    intake = reader.read(message)
    if not intake.good:
        # Only the interpreter knows every reason.
        intake = reader.trace(message)
    refusals = _refusals(running, entry, intake)
    if not refusals:
        refusals = _not_agreed(running, entry, intake, plan)
    if refusals:
        return None, refusals
    return Orders(entry.name, message, plan, intake.records, intake.group, intake.groups), []


def _refusals(running: Running, entry: CatalogueEntry, intake: Intake) -> list[Refusal]:
    """What the mapping says against a message."""
    if not intake.problems and not intake.rejects:
        return []
    explained = running.explained(entry.name)
    refusals = [
        Refusal(problem.kind, finding.facts["address"], _cause(finding), "AE", finding)
        for problem, finding in zip(distinct(intake.problems), explained.problems(intake.problems), strict=True)
    ]
    grounded = explained.grounded(intake.rejects, intake.problems)
    rejects = list({(reject.op, reject.name): reject for reject in grounded}.values())
    refusals += [
        Refusal("rejected", reject.name, reject.saying, reject.code, finding)
        for reject, finding in zip(rejects, explained.rejects(rejects), strict=True)
    ]
    return refusals


def _cause(finding: Diagnostic) -> str:
    from segwright.core.prose import message

    return message(finding)


def _entry(running: Running, message: Message) -> CatalogueEntry | Refusal:
    entries = [entry for entry in running.organisation.catalogue.values() if entry.reads]
    for entry in entries:
        if message.type in entry.reads:
            return entry
    known = [type_ for entry in entries for type_ in entry.reads]
    finding = diagnostic("SW1041", NOWHERE, organisation=running.organisation.id, known=known)
    return Refusal("type", "MSH-9", "this hospital's catalogue has no message of this type", "AR", finding)


def _not_agreed(running: Running, entry: CatalogueEntry, intake: Intake, plan: ops.Plan) -> list[Refusal]:
    """Messages without an order, and orders of a kind that the catalogue does not list."""
    organisation = running.organisation.id
    grouped = any(isinstance(op, ops.GroupOp) for op in plan.body)
    if grouped and not intake.groups:
        finding = diagnostic("SW1044", NOWHERE, organisation=organisation, name=entry.name)
        return [Refusal("no_order", "ORC", "the message holds no order", "AE", finding)]
    type_ = next((result.type for result in plan.results if result.name == intake.group), "")
    control = running.model.records[type_].index("control") if type_ else -1
    if control < 0:
        return []
    kinds = dict.fromkeys(order[control] for group in intake.groups for order in group)
    return [
        Refusal(
            "not_agreed", "ORC-1", f"orders of the kind {kind} are not agreed with this hospital", "AR",
            diagnostic(
                "SW1043", running.organisation.span(("catalogue", entry.name, "orders")), organisation=organisation,
                kind=str(kind), name=entry.name, known=entry.orders,
            ),
        )
        for kind in kinds if kind not in entry.orders
    ]  # fmt: skip


def document(orders: Orders, running: Running) -> dict[str, Any]:
    """The orders for `msgspec.json.encode`: message, what it holds once, `orders` in their order, `groups` as their numbers."""
    types = {result.name: Type("record", result.type) for result in orders.plan.results}

    def plain(name: str, record: Record) -> msgspec.Raw:
        return msgspec.Raw(encode_json(running.model, types[name], record))  # digits stay as they are

    numbers = iter(range(1, len(orders.orders) + 1))
    return {
        "message": orders.message.type,
        "control_id": orders.message.control_id,
        **{name: plain(name, record) for name, record in orders.records.items()},
        "orders": [plain(orders.group, order) for order in orders.orders],
        "groups": [[next(numbers) for _ in group] for group in orders.groups],
    }


def refused_document(refusals: list[Refusal]) -> dict[str, Any]:
    """The reasons as plain data: the first, and the others beside it."""
    first, *others = [{"code": r.code, "position": r.position, "cause": r.cause, "answer": r.answer} for r in refusals]
    return {**first, "also": others} if others else first
