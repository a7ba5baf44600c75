"""Orders: searched by any number, and one with all that belongs to it.

What is searched for is posted and never stands in a URL. Patients' numbers are for operators, and that somebody was found by one
is written down."""

from __future__ import annotations

from typing import Final

import msgspec

from segwright.delivery import desk, intake
from segwright.delivery.live import Live
from segwright.ledger import cases, operate, search, views
from segwright.ledger.results import Conflict
from segwright.ledger.search import Case, Found
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, Refused, Saw, not_there
from segwright.pages.board import words
from segwright.pages.board.asking import may_act, question, reason_fault
from segwright.pages.routes import Call, filled

ONE: Final = "/o/{org}/board/orders/{order:int}"
LONGEST_SEARCH: Final = 200
PAGE: Final = 50


async def listed(call: Call) -> Answer:
    """The orders that are open, the oldest first, and the form to search with."""
    return await _open_ones(call, after=call.query.number("after") if call.query["after"] else 0)


async def _open_ones(call: Call, *, after: int = 0, fault: str = "") -> Page:
    found = await call.read(lambda tx: views.orders(tx, call.org, state="open", after=after, limit=PAGE + 1))
    values = {
        "rows": found[:PAGE], "more": len(found) > PAGE, "says": words, "acts": may_act(call), "typed": "", "fault": fault,
    }  # fmt: skip
    return Page("board/orders.html", values, fragment="content", status=422 if fault else 200)


async def searched(call: Call) -> Answer:
    """What goes by a number."""
    text, operator = call.form["number"], may_act(call)
    if not text:
        return await _open_ones(call, fault="Type a number.")
    if len(text) > LONGEST_SEARCH:
        return await _open_ones(call, fault=f"A number has at most {LONGEST_SEARCH} characters.")

    def look(tx: Tx) -> Found:
        found = search.find(tx, call.org, text, patients=operator)
        return msgspec.structs.replace(found, cases=(*found.cases, *_of_messages(tx, call.live, found)))

    found = await call.read(look)
    by_patient = tuple(one.id for one in found.cases if "patient" in one.as_)
    saw = (Saw(cases=by_patient),) if by_patient else ()
    return Page(
        "board/found.html",
        {"found": found, "says": words, "acts": operator, "typed": text},
        fragment="content",
        saw=saw,
    )


def _of_messages(tx: Tx, live: Live, found: Found) -> tuple[Case, ...]:
    """The studies that messages found by their control id are about, as the live mapping reads them."""
    known = {one.id for one in found.cases}
    out = []
    for message in found.messages[:10]:
        came = views.arrived(tx, live.org, message.id)
        judged = intake.judge(live, intake.Came(came.body, came.listener, 0, "LOOK")) if came is not None else None
        if judged is None or judged.orders is None:
            continue
        names = [name for group in judged.orders.groups for order in group for name in order.names]
        for case in cases.find(tx, live.org, names):
            if case not in known:
                known.add(case)
                out.append(search.case(tx, live.org, case, ("message",)))
    return tuple(out)


# --- one --------------------------------------------------------------------------------------------------------------------


class Fact(msgspec.Struct, frozen=True):
    """A value of a document: where, and what, "" while it is masked."""

    path: str
    text: str
    length: int


class Told(msgspec.Struct, frozen=True):
    """An order with its deliveries, the results of its study, and why each delivery stands where it stands."""

    order: views.Order
    deliveries: tuple[views.Delivery, ...]
    because: dict[int, str]
    revisions: tuple[views.Revision, ...]
    others: tuple[views.Order, ...]
    events: tuple[views.Event, ...]


def told(tx: Tx, org: str, number: int) -> Told | None:
    """Everything about an order."""
    order = views.order(tx, org, number)
    if order is None:
        return None
    deliveries = views.deliveries_of_order(tx, org, order)
    because = {one.id: views.because(tx, org, one) for one in deliveries}
    others = tuple(one for one in views.orders_of_case(tx, org, order.case) if one.id != number)
    revisions, events = views.revisions_of_case(tx, org, order.case), views.events_of_case(tx, org, order.case)
    return Told(order, deliveries, because, revisions, others, events)


def facts(document: bytes, *, unmask: bool) -> tuple[Fact, ...]:
    """A JSON document as lines, in its order."""
    try:
        found = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = document.decode("utf-8", "replace")
        return (Fact("", text if unmask else "", len(text)),)
    return tuple(_facts(found, "", unmask=unmask))


def _facts(found: object, path: str, *, unmask: bool) -> list[Fact]:
    if isinstance(found, dict):
        inside = [(f"{path}.{key}" if path else str(key), value) for key, value in found.items()]
    elif isinstance(found, list):
        inside = [(f"{path}[{number}]", value) for number, value in enumerate(found, 1)]
    else:
        text = "" if found is None else str(found)
        return [Fact(path, text[:400] if unmask else "", len(text))]
    return [one for below, value in inside for one in _facts(value, below, unmask=unmask)]


async def one(call: Call) -> Answer:
    """An order, masked."""
    return await _one(call, unmask=False)


async def opened(call: Call) -> Answer:
    """The same with the patient's data, which is written down."""
    return await _one(call, unmask=True)


async def _one(call: Call, *, unmask: bool) -> Page:
    found = await _found(call)
    order = found.order
    values = {
        "told": found, "order": order, "says": words, "acts": may_act(call), "opened": unmask,
        "patient": facts(order.patient, unmask=unmask), "document": facts(order.document, unmask=unmask),
    }  # fmt: skip
    return Page("board/order.html", values, saw=(Saw(case=order.case),) if unmask else ())


async def _found(call: Call) -> Told:
    found = await call.read(lambda tx: told(tx, call.org, call.number("order")))
    if found is None:
        raise not_there()
    return found


# --- ended ------------------------------------------------------------------------------------------------------------------


async def ask_cancel(call: Call) -> Answer:
    """What ending an order without a result means."""
    return await _ask(call)


async def _ask(call: Call, fault: str = "") -> Page:
    found = await _found(call)
    if found.order.state != "open":
        raise Refused(409, "This order has ended already", f"It is {found.order.state}; there is nothing to end.")
    gone = [one for one in found.deliveries if one.kind in ("preliminary", "final", "corrected", "withdrawn")]
    gone = [one for one in gone if one.state in ("held", "waiting", "ready")]
    told_ = [
        f"Order {found.order.id} ({found.order.placer}) ends without a result. Its hospital is told if its catalogue says so.",
        f"{len(gone)} results that have not left become void." if gone else "No result of it waits to be sent.",
    ]
    return question(
        call, "End this order without a result?", told_, verb="End the order", danger=True, fault=fault,
        back=filled(ONE, call.path), action=filled(f"{ONE}/cancel", call.path),
    )  # fmt: skip


async def cancel(call: Call) -> Answer:
    """Ends an order without a result."""
    reason = call.form["reason"]
    if fault := reason_fault(reason):
        return await _ask(call, fault)
    number = call.number("order")
    try:
        await call.write(lambda tx: desk.move_on(tx, call.live, number, "cancelled", call.visitor.name, reason))
    except Conflict as conflict:
        if conflict.code == "unknown_order":
            raise not_there() from None
        return await _ask(call, conflict.reason)
    except operate.Impossible as impossible:
        return await _ask(call, impossible.reason)
    return Go(filled(ONE, call.path), "order-ended")
