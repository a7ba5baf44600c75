"""Orders and deliveries: listed, followed, looked at, moved on."""

from __future__ import annotations

from typing import Final

import msgspec

from segwright.delivery import desk
from segwright.ledger import views
from segwright.ledger.store import Tx
from segwright.web import answers
from segwright.web.answers import (
    AttemptAnswer,
    Because,
    DeliveryStory,
    OrderChange,
    OrderChanges,
    OrderList,
    OrderPage,
    OrderWithDeliveries,
    Page,
    time,
)
from segwright.web.operations import Call, Operation
from segwright.web.problems import not_there


def listed(tx: Tx, call: Call) -> tuple[int, OrderList]:
    """A page of orders."""
    asked: OrderPage = call.query
    state = None if isinstance(asked.state, msgspec.UnsetType) else asked.state
    found = views.orders(tx, call.org, state=state, after=asked.after, limit=asked.limit + 1)
    page = found[: asked.limit]
    more = page[-1].id if len(found) > len(page) else None
    return 200, OrderList(tuple(answers.order(one) for one in page), more)


def changes(tx: Tx, call: Call) -> tuple[int, OrderChanges]:
    """What happened to orders since."""
    found, cursor = views.order_changes(tx, call.org, call.query.after, call.query.limit)
    return 200, OrderChanges(tuple(OrderChange(one.what, answers.order(one.order)) for one in found), cursor)


def look(tx: Tx, call: Call) -> tuple[int, OrderWithDeliveries]:
    """An order, its deliveries and why each stands where it stands."""
    found = views.order(tx, call.org, call.path["order"])
    if found is None:
        raise not_there("order")
    owed = views.deliveries_of_order(tx, call.org, found)
    return 200, OrderWithDeliveries(
        answers.order(found), tuple(answers.delivery(tx, call.org, one) for one in owed)
    )  # fmt: skip


def in_progress(tx: Tx, call: Call) -> tuple[int, OrderWithDeliveries]:
    """The ECG of an order is being read."""
    desk.move_on(tx, call.live, call.path["order"], "in_progress", call.actor)
    return look(tx, call)


def cancel(tx: Tx, call: Call) -> tuple[int, OrderWithDeliveries]:
    """We end an order without a result."""
    desk.move_on(tx, call.live, call.path["order"], "cancelled", call.actor, call.body.reason)
    return look(tx, call)


def delivery(tx: Tx, call: Call) -> tuple[int, DeliveryStory]:
    """A delivery with its tries."""
    story = views.story(tx, call.live, call.path["delivery"])
    if story is None:
        raise not_there("delivery")
    control_ids = {build.number: build.control_id for build in story.builds}
    tries = tuple(
        AttemptAnswer(
            one.number, control_ids[one.build], time(one.opened_at), time(one.closed_at) if one.closed_at else None,
            one.outcome, one.detail, tuple(answer.code for answer in one.answers),
        )
        for one in story.attempts
    )  # fmt: skip
    return 200, DeliveryStory(answers.delivery(tx, call.org, story.delivery), tries)


OPERATIONS: Final = (
    Operation("GET", "/v1/orders", "listOrders", "Orders in the order in which they came", listed, OrderList, query=OrderPage),
    Operation(
        "GET", "/v1/orders/changes", "followOrders", "Orders since: new, changed, completed, cancelled; nothing is missed",
        changes, OrderChanges, query=Page,
    ),
    Operation(
        "GET", "/v1/orders/{order}", "getOrder", "An order, its deliveries, and why each stands where it stands", look,
        OrderWithDeliveries, refuses=(404,),
    ),
    Operation(
        "POST", "/v1/orders/{order}/in-progress", "startOrder", "Say that the ECG of an order is being read", in_progress,
        OrderWithDeliveries, refuses=(404, 409, 422),
    ),
    Operation(
        "POST", "/v1/orders/{order}/cancel", "cancelOrder", "End an order without a result", cancel, OrderWithDeliveries,
        body=Because, refuses=(404, 409, 422),
    ),
    Operation(
        "GET", "/v1/deliveries/{delivery}", "getDelivery", "A delivery and its tries", delivery, DeliveryStory, refuses=(404,),
    ),
)  # fmt: skip
