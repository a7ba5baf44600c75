"""What is refused at the door, and how it is said: tokens, media types, sizes, garbage."""

from __future__ import annotations

import json
import socket
from contextlib import closing

import pytest

from segwright.web.api import LARGEST_BODY, OPERATIONS
from tests.web.servers import MAIN, Server, order_message, preliminary, signer

ORG = "larkspur"
SECRET = "Zebedee"  # a value that no error may repeat


def problem(answer) -> dict:
    assert answer.headers["content-type"] == "application/problem+json"
    found = json.loads(answer.content)
    assert found["status"] == answer.status_code
    assert SECRET not in answer.text
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", "Basic bGFya3NwdXI6eA==", "Bearer larkspur", "both"])
def test_without_a_token_of_somebody_nothing_opens(one, operation, token):
    headers = {"Authorization": token} if token else {}
    if token == "both":
        headers = [("Authorization", f"Bearer {one.tokens[org]}") for org in ("larkspur", "northgate")]  # type: ignore[assignment]
    with one.client() as client:
        path = operation.path.format(result="R-1", order=1, delivery=1)
        answer = client.request(operation.method, path, headers=headers)
    assert problem(answer)["type"] == "urn:segwright:token"
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_fault_of_a_document_is_listed_with_its_path_and_without_its_value(one):
    document = preliminary(ORG, version=0) | {"interpretatoin": SECRET, "issued_at": SECRET, "findings": [{"name": 3}]}
    with one.client(ORG) as client:
        answer = client.post("/v1/results", json={"result": document})
        found = problem(answer)
        assert answer.status_code == 422
        assert {fault["path"] for fault in found["faults"]} >= {"$.interpretatoin", "$.issued_at", "$.findings[0].name"}
        zero = problem(client.post("/v1/results", json={"result": preliminary(ORG, version=0)}))
        assert [fault["path"] for fault in zero["faults"]] == ["$.version"]
        huge = problem(client.post("/v1/results", json={"result": preliminary(ORG, version=2**40)}))
        assert [fault["path"] for fault in huge["faults"]] == ["$.version"]
        control = problem(client.post("/v1/results", json={"result": preliminary(ORG, study="a\x00b")}))
        assert [fault["path"] for fault in control["faults"]] == ["$.study"]
        final = problem(client.post("/v1/uploads", json={"result": preliminary(ORG) | {"status": "final"}}))
        assert [fault["path"] for fault in final["faults"]] == ["$.status"]


@pytest.mark.parametrize(
    "envelope",
    [
        '{"order": {"placer": "A"}, "order": {"placer": "B"}, "result": %s}',
        '{"order": {"placer": "A", "placer": "B"}, "result": %s}',
        '{"result": {}, "result": %s}',
    ],
)
def test_what_stands_twice_is_refused_and_not_chosen_from(one, envelope):
    with one.client(ORG) as client:
        body = envelope % json.dumps(preliminary(ORG))
        answer = client.post("/v1/results", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, problem(answer)["title"]) == (400, "A member stands there twice.")


@pytest.mark.parametrize("more", ['"study": "S-2"', '"status": "final"', '"\\u0076ersion": 7'])
def test_an_upload_without_a_version_is_read_as_strictly_as_one_that_has_it(one, more):
    document = json.dumps({name: value for name, value in preliminary(ORG).items() if name != "version"})
    with one.client(ORG) as client:
        body = f'{{"result": {document[:-1]}, {more}}}}}'
        answer = client.post("/v1/uploads", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, [fault["what"] for fault in problem(answer)["faults"]]) == (422, ["duplicate"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[]", 422), (b"null", 422), (b'"Zebedee"', 422), (b'{"result": ' + b"[" * 100000 + b"]" * 100000 + b"}", 400),
        (b'{"result": {"id": "Zebedee"}, "Zebedee": 1}', 422), (b'{"result": 5}', 422), (b'{"result": "\\ud800"}', 400),
        (b'{"result": {}, "order": {"id": "Zebedee"}}', 422), (b'{"result": {}, "order": {"id": 99999999999999999999}}', 422),
        (b'{"result": {}, "order": {"placer": "a\\u0000b"}}', 422), (b'{"order": {}}', 422),
    ],
)  # fmt: skip
def test_garbage_is_refused_without_being_repeated(one, body, status):
    with one.client(ORG) as client:
        answer = client.post("/v1/results", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert problem(answer)["faults"]


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/xml",
        "application/json; charset=latin-1",
        "application/jsonx",
        "multipart/form-data",
    ],
)
def test_another_media_type_is_refused(one, kind):
    with one.client(ORG) as client:
        answer = client.post("/v1/results", content=b"{}", headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, problem(answer)["type"]) == (415, "urn:segwright:media_type")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(one):
    head = (
        f"POST /v1/results HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {one.tokens[ORG]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", one.ports["api"]), timeout=20) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]


def test_a_body_without_a_length_is_cut_off_at_the_limit(one):
    def chunks():
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield b" " * 65536

    with one.client(ORG) as client:
        answer = client.post("/v1/results", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_head_that_does_not_come_ends_its_connection_and_no_other(tmp_path, bundles):
    hasty = "from segwright.web import serving\nserving.HEAD_WITHIN = 1.0\n" + MAIN
    one = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=[ORG], main=hasty).start()
    address = ("127.0.0.1", one.ports["api"])
    with (
        closing(one),
        socket.create_connection(address, timeout=120) as silent,
        socket.create_connection(address, timeout=120) as slow,
    ):
        slow.sendall(b"GET /v1/orders HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        with one.client(ORG) as client:
            assert client.get("/v1/orders").status_code == 200
        assert silent.recv(65536) == b""
        assert slow.recv(65536) == b""


@pytest.mark.parametrize("id_", ["0", "-1", "1.5", "99999999999999999999999", "x", "%00", "1%00", "%F0%9F%92%A9"])
def test_what_can_be_no_id_is_not_there(one, id_):
    with one.client(ORG) as client:
        assert client.get(f"/v1/orders/{id_}").status_code == 404
        assert client.get(f"/v1/deliveries/{id_}").status_code == 404
        assert client.get(f"/v1/results/{id_}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=501",
        "?limit=x",
        "?after=-1",
        "?state=Zebedee",
        "?state=null",
        "?nothing=1",
        "?limit=1&limit=2",
    ],
)
def test_a_wrong_parameter_is_refused(one, query):
    with one.client(ORG) as client:
        assert problem(client.get(f"/v1/orders{query}"))["status"] == 400


def test_paths_and_methods_that_are_not_there_are_said_as_problems(one):
    with one.client(ORG) as client:
        assert problem(client.get("/v2"))["status"] == 404
        assert problem(client.get("/v1/orders/"))["status"] == 404
        answer = client.delete("/v1/results")
        assert (problem(answer)["status"], answer.headers["allow"]) == (405, "POST")


def test_metrics_are_for_this_machine_or_the_operators(one):
    with one.client() as client:
        assert client.get("/metrics").status_code == 200
        forwarded = {"X-Forwarded-For": "10.0.0.1"}
        assert client.get("/metrics", headers=forwarded).status_code == 404
        assert client.get("/metrics", headers={**forwarded, "Authorization": "Bearer " + "o" * 32}).status_code == 200
    with one.client(ORG) as client:
        assert client.get("/metrics", headers=forwarded).status_code == 404


def test_no_metric_has_an_id_in_it(one):
    one.order(ORG, order_message(ORG, 900001))
    with one.client(ORG) as client:
        client.post("/v1/results", json={"result": preliminary(ORG, 900001)})
        client.get("/v1/results/R-larkspur-900001")
        text = client.get("/metrics").text
    assert "900001" not in text
    labels = {
        part.split("=")[0]
        for line in text.splitlines()
        if "{" in line
        for part in line.split("{")[1].split("}")[0].split(",")
        if "=" in part
    }
    assert labels <= {
        "version",
        "route",
        "status",
        "organisation",
        "destination",
        "state",
        "what",
        "listener",
        "outcome",
    }


def test_health_and_readiness_say_nothing_of_organisations(one):
    with one.client() as client:
        assert client.get("/health").json() == {"status": "alive"}
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        assert not any(org in ready.text for org in one.organisations)


def test_diagnoses_are_found_by_code_and_by_words(one):
    with one.client(ORG) as client:
        every = client.get("/v1/diagnoses", params={"limit": 500}).json()
        assert every["found"] == len(every["diagnoses"]) > 3
        first = every["diagnoses"][0]
        for query in (first["code"], first["code"].replace(".", "").lower(), first["display"].split()[0].upper()):
            assert first in client.get("/v1/diagnoses", params={"q": query, "limit": 500}).json()["diagnoses"]
        assert client.get("/v1/diagnoses", params={"q": "no such words"}).json()["diagnoses"] == []


@pytest.mark.parametrize("typed", ["fibrilation atrail", "tachycardias", "AFib"])
def test_diagnoses_are_found_with_slips_and_by_the_organisations_own_words(one, typed: str):
    with one.client(ORG) as client:
        found = client.get("/v1/diagnoses", params={"q": typed}).json()["diagnoses"]
        assert found
        assert all(each["code"].startswith(("I4", "R00")) for each in found)


def test_a_whole_edition_is_searched_when_it_is_asked_for(one):
    with one.client(ORG) as client:
        asked = {"q": "I48", "everywhere": "true", "on": "2026-05-01"}
        found = {
            each["code"]: each.get("listed", True)
            for each in client.get("/v1/diagnoses", params=asked).json()["diagnoses"]
        }
        assert (found["I48.11"], found["I48.91"]) == (False, True)
        wrong = client.get("/v1/diagnoses", params={**asked, "on": "2026-02-30"})
        assert (wrong.status_code, problem(wrong)["faults"]) == (
            400,
            [{"path": "query.on", "what": "invalid RFC3339 encoded date"}],
        )


def test_a_choice_of_diagnoses_is_refused_with_what_can_be_taken_instead(one):
    with one.client(ORG) as client:
        document = {**preliminary(ORG), "id": "billing", "study": "billing", "observed_at": "2026-05-04T09:00:00-07:00"}
        assert client.post("/v1/results", json={"result": document}).status_code == 201
        shown = client.get("/v1/results/billing/shown", params={"act": "sign"}).json()
        many = shown["diagnoses"]
        assert (many["on"], many["edition"]) == ("2026-05-04", "2026-04")
        assert many["said"] == "ICD-10-CM 2026-04, valid from 1 April 2026 to 30 September 2026."
        codes = ["Z95.0", "I48.1", "i4811", SECRET, "I48.91", "I4891"]
        body = {"shown": shown["shown"], "signed_by": signer(ORG), "diagnoses": codes}
        faults = {
            fault["path"]: fault for fault in problem(client.post("/v1/results/billing/sign", json=body))["faults"]
        }
        assert {path: fault["rule"] for path, fault in faults.items()} == {
            "$.diagnoses[0]": "not_first", "$.diagnoses[1]": "not_billable", "$.diagnoses[2]": "not_listed",
            "$.diagnoses[3]": "unknown", "$.diagnoses[5]": "twice", "$.diagnoses": "too_many",
        }  # fmt: skip
        offered = faults["$.diagnoses[1]"]["offers"]
        assert [offer["code"] for offer in offered] == ["I48.11", "I48.19"]
        assert all(offer["listed"] and offer["code"].startswith("I48.") for offer in faults["$.diagnoses[2]"]["offers"])
        body["diagnoses"] = ["i4891", "Z95.0"]
        assert client.post("/v1/results/billing/sign", json=body).status_code == 200


def test_what_the_organisations_table_has_for_a_finding_is_suggested(one):
    with one.client(ORG) as client:
        findings = [{"name": "Atrial fibrillation", "code": "164889003", "confidence": 0.97}]
        document = {**preliminary(ORG), "id": "suggest", "study": "suggest", "findings": findings}
        assert client.post("/v1/results", json={"result": document}).status_code == 201
        shown = client.get("/v1/results/suggest/shown", params={"act": "sign"}).json()
        assert [(each["code"], each["because"]) for each in shown["suggested"]] == [("I48.91", ["Atrial fibrillation"])]
