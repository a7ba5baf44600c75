"""What operators look at: orders, results and messages that came to something, made through the front doors of a server."""

from __future__ import annotations

import itertools
import re
from typing import Any

from tests.pages.people import ORG, Client, People
from tests.web.servers import Hospital, eventually, order_message, preliminary, result

NAME = "QUIXOTEWITZ"
"""A patient's name that must be seen nowhere but where somebody opened it."""
_numbers = itertools.count(40_000)


def form_of(client: Client, path: str) -> dict[str, object]:
    """What a page's form would send: its hidden fields."""
    text = client.get(path).text
    return {
        name: value for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text) if name != "csrf"
    }


class Ward:
    """One hospital of a server. Everything made here has a number of its own."""

    def __init__(self, people: People, org: str = ORG) -> None:
        self.people = people
        self.org = org
        self.hospital: Hospital = people.server.hospitals[org, "outbound"]

    def calm(self) -> None:
        """The hospital takes everything again."""
        self.hospital.code, self.hospital.fault, self.hospital.silent = "", "", False

    def order(self, *, case: str = "order_new", **replaced: str) -> dict[str, Any]:
        """An order, once it is worked off: as the API shows it, with `number` and the `control_id` it came under."""
        number = next(_numbers)
        message = order_message(self.org, number, case=case, **replaced)
        self.people.server.order(self.org, message)
        control_id = message.split(b"\r")[0].split(message[3:4])[9].decode()
        placer = f"-{number}"
        with self.people.server.client(self.org) as client:

            def there() -> Any:
                after = 0
                while True:
                    page = client.get("/v1/orders", params={"after": after, "limit": 500}).json()
                    found = [one for one in page["orders"] if placer in str(one["placer"])]
                    if found or not page["orders"]:
                        return found
                    after = page["orders"][-1]["id"]

            (found,) = eventually(there)
        return {**found, "number": number, "control_id": control_id}

    def result(self, order: dict[str, Any], *, kind: str = "preliminary", **members: Any) -> int:
        """A result for an order; gives its delivery."""
        make = preliminary if kind == "preliminary" else result
        document = make(self.org, order["number"], **members)
        with self.people.server.client(self.org) as client:
            taken = client.post("/v1/results", json={"result": document, "order": {"id": order["id"]}})
            assert taken.status_code == 201, taken.text
            return int(taken.json()["deliveries"][0]["id"])

    def state(self, delivery: int) -> str:
        with self.people.server.client(self.org) as client:
            return str(client.get(f"/v1/deliveries/{delivery}").json()["delivery"]["state"])

    def until(self, delivery: int, *states: str) -> int:
        """Waits until a delivery is in one of these states."""
        eventually(lambda: self.state(delivery) in states)
        return delivery

    def deliveries(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Those of an order, oldest first."""
        import sqlalchemy as sa

        from segwright.ledger import tables as t

        join = sa.select(t.delivery).join(t.order_, t.order_.c.case_id == t.delivery.c.case_id)
        rows = self.people.store.read(
            lambda tx: tx.all(join.where(t.order_.c.id == order["id"]).order_by(t.delivery.c.id))
        )
        return [dict(row._mapping) for row in rows]

    def give_up(self, delivery: int) -> None:
        """As an operator does it."""
        client = self.people.client(f"operator.{self.org}")
        board = f"/o/{self.org}/board"
        form = form_of(client, f"{board}/act?verb=cancel&delivery={delivery}")
        assert client.post(f"{board}/act", {**form, "reason": "told by telephone"}).status_code == 303

    # --- what came to something ---

    def rejected(self, fault: str = "PID^1^5", **replaced: str) -> tuple[dict[str, Any], int]:
        """An order whose hospital refuses its result."""
        order = self.order(**replaced)
        for one in self.deliveries(order):
            self.until(one["id"], "accepted", "confirmed")
        self.hospital.code, self.hospital.fault = "AE", fault
        try:
            delivery = self.until(self.result(order), "rejected")
        finally:
            self.calm()
        return order, delivery

    def quarantined(self, **replaced: str) -> int:
        """A message that cannot be read: a byte that its character set does not have."""
        message = order_message(self.org, next(_numbers), **replaced).replace(b"Palpitations", b"Palpitati\xffns")
        self.people.server.order(self.org, message)
        import sqlalchemy as sa

        from segwright.ledger import tables as t

        last = sa.select(sa.func.max(t.inbox.c.id)).where(t.inbox.c.org == self.org, t.inbox.c.state == "quarantined")
        return int(self.people.store.read(lambda tx: tx.scalar(last)))
