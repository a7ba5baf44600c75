"""Renders the messages that an organisation gets for an order and a subject.

Takes a running organisation, the name of a message of its catalogue, the bytes of an order message and of a JSON document, and
when and under which number; gives the exact bytes of each message, or every reason why there is none. With several orders there
are several messages; one that cannot be written stops them all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import NOWHERE
from segwright.core.suggest import nearest
from segwright.orgs.organisation import CatalogueEntry
from segwright.runtime.load import MessageRefused, Writer
from segwright.service.inputs import Making, inputs_of
from segwright.service.reading import read_orders
from segwright.service.running import Running


class Request(msgspec.Struct, frozen=True):
    """What is to be rendered: `order` and `subject` are bytes as they came; `nth` takes one order of several (from 1)."""

    message: str
    make: Making
    order: bytes | None = None
    subject: bytes | None = None
    nth: int | None = None


def entry_of(running: Running, name: str, *, writes: bool) -> tuple[CatalogueEntry | None, list[Diagnostic]]:
    """The catalogue's entry of a message that is written (or read)."""
    catalogue = running.organisation.catalogue
    entry = catalogue.get(name)
    fitting = [each.name for each in catalogue.values() if bool(each.writes) is writes]
    if entry is None:
        return None, [
            diagnostic(
                "SW1030", running.organisation.span(("catalogue",), "key"), organisation=running.organisation.id, name=name,
                nearest=nearest(name, catalogue), known=list(catalogue),
            )
        ]  # fmt: skip
    if bool(entry.writes) is not writes:
        facts = {"name": name, "direction": "reads" if writes else "writes", "known": fitting}
        span = running.organisation.span(("catalogue", name), "key")
        return None, [diagnostic("SW1031", span, organisation=running.organisation.id, **facts)]  # type: ignore[arg-type]
    if running.plan(name) is None:
        return None, [diagnostic("SW1032", NOWHERE, organisation=running.organisation.id, name=name)]
    return entry, []


def prepare(running: Running, request: Request) -> tuple[list[list[Any]], list[Diagnostic]]:
    """The inputs of each message."""
    entry, found = entry_of(running, request.message, writes=True)
    if entry is None:
        return [], found
    orders = None
    if request.order is not None:
        orders, refusals = read_orders(running, request.order)
        if orders is None:
            return [], [refusal.finding for refusal in refusals]
    plan = running.explained(request.message).plan
    return inputs_of(running, entry, plan, orders, request.subject, request.make, request.nth)


def render(running: Running, request: Request) -> tuple[list[bytes], list[Diagnostic]]:
    """The messages, or everything that stands against them."""
    prepared, found = prepare(running, request)
    messages = []
    if prepared:
        writer = running.loaded(request.message)
        assert isinstance(writer, Writer)
        for inputs in prepared:
            try:
                messages.append(writer.render(inputs))
            except MessageRefused as refused:
                found.extend(running.explained(request.message).problems(refused.problems))
    found = list(dict.fromkeys(found))
    return ([], found) if found else (messages, [])
