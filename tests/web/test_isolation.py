"""What belongs to another organisation is not there: every operation answers about it as about what nobody has."""

from __future__ import annotations

import json

import pytest

from segwright.web.api import OPERATIONS
from tests.web.servers import eventually, order_message, preliminary, signer

THEIRS, OURS = "larkspur", "northgate"


@pytest.fixture(scope="module")
def theirs(server) -> dict:
    """An order, a result and a delivery of the other organisation, and what is shown of the result."""
    server.order(THEIRS, order_message(THEIRS))
    with server.client(THEIRS) as client:
        order = eventually(lambda: client.get("/v1/orders").json()["orders"])[0]
        taken = client.post("/v1/results", json={"result": preliminary(THEIRS), "order": {"id": order["id"]}}).json()
        shown = client.get(f"/v1/results/{taken['result']}/shown").json()
        return {
            "order": order["id"], "placer": order["placer"], "filler": order["filler"], "result": taken["result"],
            "delivery": taken["deliveries"][0]["id"], "shown": shown["shown"],
        }  # fmt: skip


UNKNOWN = {
    "order": 987654, "placer": "NOBODY^S", "filler": "NOBODY^S", "result": "R-nobody", "delivery": 987654, "shown": "0" * 64,
}  # fmt: skip


def bodies(operation, ids: dict) -> list[dict | None]:
    """Good bodies for an operation, with these ids wherever an id may stand."""
    match operation.body.__name__ if operation.body else "":
        case "ResultSubmission" | "Upload":
            document = preliminary(OURS, 77)
            return [
                {"result": document, "order": {name: ids[name]}}
                for name in ("id", "placer")
                if name in ids or name == "id"
            ]
        case "Signing":
            return [{"shown": ids["shown"], "signed_by": signer(OURS)}]
        case "Because":
            return [{"reason": "to see what happens"}]
        case _:
            return [None]


def asked(client, operation, ids: dict) -> list[tuple]:
    """What an operation answers about these ids."""
    ids = {**ids, "id": ids["order"]}
    path = operation.path.format(**ids)
    found = []
    for body in bodies(operation, ids):
        answer = client.request(operation.method, path, json=body) if body else client.request(operation.method, path)
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        found.append((answer.status_code, headers, answer.content))
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_id_of_another_organisation_is_answered_as_one_that_nobody_has(server, theirs, operation):
    with server.client(OURS) as client:
        about_theirs, about_nobody = asked(client, operation, theirs), asked(client, operation, UNKNOWN)
    assert about_theirs == about_nobody
    if "{" in operation.path or (operation.body and "order" in operation.body.__struct_fields__):
        assert [status for status, *_ in about_theirs] == [404] * len(about_theirs)
    for _, _, content in about_theirs:
        for id_ in ("placer", "result", "shown"):
            assert str(theirs[id_]).encode() not in content


def test_the_same_numbers_in_two_organisations_are_two_things(server, theirs):
    with server.client(OURS) as client:
        document = {**preliminary(OURS, 78), "id": theirs["result"], "study": "ST-larkspur-1"}
        taken = client.post("/v1/results", json={"result": document})
        assert taken.status_code == 201, taken.text
        assert taken.json()["outcome"] == "new"
        seen = json.dumps(client.get(f"/v1/results/{theirs['result']}").json())
        assert "Atrial fibrillation with controlled" not in seen
    with server.client(THEIRS) as client:
        assert len(client.get(f"/v1/results/{theirs['result']}").json()["revisions"]) == 1


def test_what_was_tried_changed_nothing_for_the_other_organisation(server, theirs):
    with server.client(THEIRS) as client:
        assert client.get(f"/v1/orders/{theirs['order']}").json()["order"]["state"] == "open"
        assert [one["kind"] for one in client.get(f"/v1/results/{theirs['result']}").json()["revisions"]] == [
            "preliminary"
        ]


def test_an_idempotency_key_of_another_organisation_is_free(server, theirs):
    answers = []
    for org in (THEIRS, OURS):
        with server.client(org) as client:
            body = {"result": preliminary(org, 79)}
            answers.append(client.post("/v1/results", json=body, headers={"Idempotency-Key": "the-same"}))
    assert [one.status_code for one in answers] == [201, 201]
    assert all("Idempotency-Replayed" not in one.headers for one in answers)
