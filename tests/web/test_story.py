"""The whole story of a result, as its platform, its clinician and its hospital see it; each on SQLite and PostgreSQL."""

from __future__ import annotations

import signal

import pytest

from tests.web.servers import eventually, order_message, preliminary, result, signer


def taken_order(server, org: str, number: int = 1) -> dict:
    """Sends an order and waits until the API shows it."""
    answer = server.order(org, order_message(org, number))
    assert b"\rMSA" in answer
    assert answer.split(b"\r")[1][4:6] in (b"CA", b"AA"), answer
    with server.client(org) as client:

        def look():
            orders = client.get("/v1/orders", params={"limit": 500}).json()["orders"]
            return next((one for one in orders if one["placer"].partition("^")[0].endswith(f"-{number}")), None)

        return eventually(look)


def sign(client, org: str, id_: str, act: str = "sign", **more):
    shown = client.get(f"/v1/results/{id_}/shown", params={"act": act})
    assert shown.status_code == 200, shown.text
    body = {"shown": shown.json()["shown"], "signed_by": signer(org), **more}
    return client.post(f"/v1/results/{id_}/{act}", json=body)


def states(client, id_: str) -> dict[str, str]:
    return {
        f"{d['message']}/{d['kind']}": d["state"]
        for d in client.get(f"/v1/results/{id_}/deliveries").json()["deliveries"]
    }


def test_an_order_is_answered_preliminary_signed_corrected_and_withdrawn(server):
    order = taken_order(server, "larkspur")
    assert order["state"] == "open"
    hospital = server.hospitals["larkspur", "outbound"]
    with server.client("larkspur") as client:
        assert client.post(f"/v1/orders/{order['id']}/in-progress").status_code == 200
        first = client.post("/v1/results", json={"result": preliminary("larkspur"), "order": {"id": order["id"]}})
        assert first.status_code == 201, first.text
        assert first.json()["outcome"] == "new"
        id_ = first.json()["result"]
        eventually(lambda: states(client, id_)["ecg_result/preliminary"] == "confirmed")

        codes = [one["code"] for one in client.get("/v1/diagnoses", params={"limit": 2}).json()["diagnoses"]]
        signed = sign(client, "larkspur", id_, diagnoses=codes)
        assert signed.status_code == 200, signed.text
        eventually(lambda: states(client, id_)["ecg_result/final"] == "confirmed")
        assert client.get(f"/v1/orders/{order['id']}").json()["order"]["state"] == "completed"

        amended = sign(client, "larkspur", id_, "amend", interpretation="Sinus rhythm.")
        assert amended.status_code == 200, amended.text
        eventually(lambda: states(client, id_)["ecg_result/corrected"] == "confirmed")

        withdrawn = sign(client, "larkspur", id_, "withdraw")
        assert withdrawn.status_code == 200, withdrawn.text
        eventually(lambda: states(client, id_)["ecg_result/withdrawn"] == "confirmed")
        again = client.get(f"/v1/results/{id_}/shown")
        assert (again.status_code, again.json()["type"]) == (409, "urn:segwright:withdrawn")

        whole = client.get(f"/v1/results/{id_}").json()
        assert [one["kind"] for one in whole["revisions"]] == ["preliminary", "final", "corrected", "withdrawn"]
        assert [one["version"] for one in whole["revisions"]] == [1, 1, 2, 3]
    assert hospital.statuses("LV-700101-1")[:3] == ["P", "F", "C"]
    assert len(hospital.statuses("LV-700101-1")) == 4


def test_the_same_result_by_a_second_pathway_is_suppressed(server):
    order = taken_order(server, "northgate", 7)
    document = preliminary("northgate", 7)
    with server.client("northgate") as client:
        first = client.post("/v1/results", json={"result": document, "order": {"placer": order["placer"]}})
        assert first.status_code == 201, first.text
        pushed = client.post("/v1/results", json={"result": document})
        uploaded = client.post("/v1/uploads", json={"result": {n: v for n, v in document.items() if n != "version"}})
        for second in (pushed, uploaded):
            assert second.status_code == 200, second.text
            assert second.json()["outcome"] == "duplicate"
            assert [d["id"] for d in second.json()["deliveries"]] == [d["id"] for d in first.json()["deliveries"]]
        eventually(lambda: states(client, document["id"])["ecg_result/preliminary"] == "confirmed")
        left_out = client.get(f"/v1/results/{document['id']}").json()["suppressed"]
        assert [one["pathway"] for one in left_out] == ["platform", "upload"]
        other = client.post("/v1/results", json={"result": {**document, "interpretation": "Something else."}})
        assert (other.status_code, other.json()["type"]) == (409, "urn:segwright:version")
    assert server.hospitals["northgate", "outbound"].statuses("NG88001-7") == ["P"]


def test_a_withdrawn_signature_holds_what_has_not_left(own):
    server = own
    taken = taken_order(server, "larkspur", 3)
    hospital = server.hospitals["larkspur", "outbound"]
    document = preliminary("larkspur", 3)
    with server.client("larkspur") as client:
        mine = f"/v1/orders/{taken['id']}"
        eventually(lambda: {d["state"] for d in client.get(mine).json()["deliveries"]} == {"confirmed"})
        hospital.silent = True
        order = {"placer": "LV-700101-3^LVMCEHR"}
        assert client.post("/v1/results", json={"result": document, "order": order}).status_code == 201
        # The final waits behind a preliminary that may have arrived; one that is not sent yet it would overtake.
        eventually(lambda: states(client, document["id"])["ecg_result/preliminary"] == "uncertain")
        assert sign(client, "larkspur", document["id"]).status_code == 200
        back = client.post(f"/v1/results/{document['id']}/withdraw-signature", json={"reason": "signed the wrong one"})
        assert back.status_code == 200, back.text
        final = next(
            d
            for d in client.get(f"/v1/results/{document['id']}/deliveries").json()["deliveries"]
            if d["kind"] == "final"
        )
        assert (final["state"], final["because"]) == ("held", "awaiting sign-off")


def test_a_result_without_an_order_says_itself_whose_it_is(server):
    document = result("stbrigid", 8, case="unsolicited_final")
    hospital = server.hospitals["stbrigid", "outbound"]
    with server.client("stbrigid") as client:
        taken = client.post("/v1/results", json={"result": document})
        assert taken.status_code == 201, taken.text
        assert [(d["kind"], d["because"]) for d in taken.json()["deliveries"]] == [("final", "awaiting sign-off")]
        number = {"id": "4400999", "type": "MR"}
        anothers = {**document["patient"], "identifiers": [number], "mrn": number}
        for changed in (
            {"version": 2, "status": "corrected"},
            {"id": "R-another"},
        ):  # it may be a correction, or a duplicate
            other = client.post("/v1/results", json={"result": {**document, **changed, "patient": anothers}})
            assert (other.status_code, other.json()["type"]) == (409, "urn:segwright:another_patient")
        assert sign(client, "stbrigid", document["id"]).status_code == 200
        eventually(lambda: states(client, document["id"]) == {"ecg_result/final": "accepted"})
    (filed,) = (message for message in hospital.filed if b"ST-stbrigid-8" in message)
    (pid,) = (line for line in filed.split(b"\r") if line.startswith(b"PID"))
    assert b"4400184" in pid


def test_an_order_that_we_cancel_gets_no_result(server):
    order = taken_order(server, "tamarack", 2)
    with server.client("tamarack") as client:
        ended = client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "electrodes were off"})
        assert ended.status_code == 200, ended.text
        assert ended.json()["order"]["state"] == "cancelled"
        late = client.post(f"/v1/orders/{order['id']}/in-progress")
        assert (late.status_code, late.json()["type"]) == (409, "urn:segwright:order_ended")
        changes = client.get("/v1/orders/changes").json()
        assert [one["what"] for one in changes["changes"]] == ["new", "cancelled"]
        assert client.get("/v1/orders/changes", params={"after": changes["next"]}).json()["changes"] == []


def test_an_idempotency_key_gets_the_same_answer_and_does_nothing_twice(server):
    order = taken_order(server, "larkspur", 4)
    with server.client("larkspur") as client:
        body = {"result": preliminary("larkspur", 4), "order": {"id": order["id"]}}
        first, second = (client.post("/v1/results", json=body, headers={"Idempotency-Key": "a-1"}) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert second.headers["Idempotency-Replayed"] == "true"
        body["result"]["interpretation"] = "Another one."
        other = client.post("/v1/results", json=body, headers={"Idempotency-Key": "a-1"})
        assert (other.status_code, other.json()["type"]) == (422, "urn:segwright:idempotency_key")
        assert client.get("/v1/results/R-larkspur-4").json()["suppressed"] == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_taken_before_the_server_ended_is_delivered_after_it_starts_again(own, how):
    server = own
    hospital = server.hospitals["larkspur", "outbound"]
    hospital.silent = True
    order = taken_order(server, "larkspur", 5)
    with server.client("larkspur") as client:
        document = preliminary("larkspur", 5)
        taken = client.post("/v1/results", json={"result": document, "order": {"id": order["id"]}})
        assert taken.status_code == 201

        def first() -> str:
            return client.get(f"/v1/orders/{order['id']}").json()["deliveries"][0]["state"]

        # The lane is at rest; a lane in use is free only when its lease ends.
        eventually(lambda: first() == "uncertain")
    code = server.stop(how)
    assert code == (0 if how is signal.SIGTERM else -9)
    hospital.silent = False
    server.start()
    with server.client("larkspur") as client:
        assert client.get(f"/v1/orders/{order['id']}").json()["order"]["state"] == "open"
        eventually(lambda: states(client, document["id"])["ecg_result/preliminary"] == "confirmed", 60)
    ids = [message.split(b"|")[9] for message in hospital.filed]
    assert len(set(ids)) < len(ids)  # what was in doubt went out again under its own control id
    repeated = {id_: {m for m in hospital.filed if m.split(b"|")[9] == id_} for id_ in ids}
    assert all(len(versions) == 1 for versions in repeated.values())  # and with its own bytes


def test_a_result_posted_finally_waits_for_its_signature_where_the_hospital_wants_one(server):
    order = taken_order(server, "larkspur", 6)
    with server.client("larkspur") as client:
        document = result("larkspur", 6)
        taken = client.post("/v1/results", json={"result": document, "order": {"id": order["id"]}})
        assert taken.status_code == 201, taken.text
        assert [(d["state"], d["because"]) for d in taken.json()["deliveries"]] == [("held", "awaiting sign-off")]
        assert sign(client, "larkspur", document["id"]).status_code == 200
        eventually(lambda: states(client, document["id"])["ecg_result/final"] == "confirmed")
