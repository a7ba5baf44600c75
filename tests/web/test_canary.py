"""A patient whose name must be found nowhere but where it is meant to be: in the documents of orders and results."""

from __future__ import annotations

import contextlib

import pytest
import sqlalchemy as sa

from segwright.ledger import tables as t
from tests.cli.conftest import call
from tests.web.servers import Server, eventually, order_message, preliminary, send, signer

NAME = "QUIXOTEWITZ"
ORG = "larkspur"

STUMBLING = """
import asyncio, logging, threading, warnings
from segwright.cli.main import main
from segwright.delivery import desk
from segwright.ledger import orders

taken, submitted = orders.take, desk.submit

def take(tx, hospital, inbox, received):
    patient = received.patient.decode()
    if "STUMBLE" not in patient:
        return taken(tx, hospital, inbox, received)
    logging.getLogger("some.library").error("cannot take %s", patient)
    warnings.warn(patient)
    thread = threading.Thread(target=int, args=(patient,))
    thread.start()
    thread.join()
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": patient, "exception": ValueError(patient)})
    loop.close()
    raise ValueError(patient)

def submit(tx, live, submission, *more):
    raise RuntimeError(bytes(submission.result).decode())

orders.take, desk.submit = take, submit
main()
"""
"""A server that stumbles over certain messages in every way there is, with their content in what it says about that."""


class Canary:
    """Everything that a server said that may not hold the name."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def hears(self, where: str, what: str | bytes) -> None:
        """`what` without MSH: an answer has to repeat who sent the message, whatever stands there."""
        text = what if isinstance(what, str) else what.decode("utf-8", "replace")
        lines = (line for line in text.replace("\r", "\n").splitlines() if not line.lstrip().startswith("MSH|"))
        self.said.append((where, "\n".join(lines)))

    def found(self) -> list[str]:
        return [where for where, what in self.said if NAME.lower() in what.lower()]


def test_a_patients_name_is_in_no_answer_log_metric_or_error(own):
    canary = Canary()
    hospital = own.hospitals[ORG, "outbound"]
    hospital.filed.clear()
    good = order_message(ORG, 1, JUNIPER=NAME)
    canary.hears("answer to an order", own.order(ORG, good))
    canary.hears("answer to the same id", own.order(ORG, good.replace(b"Palpitations", NAME.encode())))
    for number, (old, new) in enumerate(
        [
            (b"|19580314|", f"|{NAME}|".encode()), (b"|F|", f"|{NAME}|".encode()), (b"ORC|NW", f"ORC|{NAME}".encode()),
            (b"|R00.2^", f"|{NAME}^".encode()), (b"|LVMCEHRTST|", f"|{NAME}|".encode()), (b"|2.5.1|", f"|{NAME}|".encode()),
            (b"PID|", f"{NAME}|".encode()), (b"ASCII", NAME.encode()), (b"ORM^O01", NAME.encode()),
        ],
        start=10,
    ):  # fmt: skip
        message = order_message(ORG, number, JUNIPER=NAME)
        assert old in message
        canary.hears(f"answer to a bad order ({old!r})", own.order(ORG, message.replace(old, new, 1)))
    for frame in (
        NAME.encode(),
        b"MSH|" + NAME.encode(),
        b"MSH|^~\\&|%b|%b|%b|%b|%b||%b|C9|%b|%b" % ((NAME.encode(),) * 8),
    ):
        with contextlib.suppress(StopIteration):  # the connection was closed
            canary.hears("answer to garbage", send(own.ports[f"{ORG}-test"], frame))
    with own.client(ORG) as client:
        order = eventually(lambda: client.get("/v1/orders").json()["orders"])[0]
        assert NAME in str(order["patient"])  # here it belongs
        hospital.code, hospital.fault = "AE", f"PID^1^5^^^^{NAME}"
        document = preliminary(ORG, 1, interpretation=f"Seen by {NAME}.", comments=[NAME])
        taken = client.post("/v1/results", json={"result": document, "order": {"id": order["id"]}})
        assert taken.status_code == 201, taken.text
        canary.hears("submission", taken.text)
        delivery = taken.json()["deliveries"][0]["id"]
        eventually(
            lambda: client.get(f"/v1/deliveries/{delivery}").json()["delivery"]["state"] in ("rejected", "waiting")
        )
        canary.hears("delivery", client.get(f"/v1/deliveries/{delivery}").text)
        canary.hears("deliveries", client.get(f"/v1/results/{document['id']}/deliveries").text)
        for members in (
            {"status": NAME}, {"issued_at": NAME}, {"version": NAME}, {"measurements": [{"kind": NAME, "value": NAME}]},
            {"findings": [{"nothing": NAME}]}, {NAME: 1}, {"signed_by": {f"{NAME} {NAME}": 1}}, {"diagnoses": [{"code": NAME, "display": NAME}]}, {"observed_at": f"2026-{NAME}"},
        ):  # fmt: skip
            answer = client.post("/v1/results", json={"result": {**document, "version": 2, **members}})
            canary.hears(f"error for {list(members)}", answer.text)
        canary.hears(
            "conflict", client.post("/v1/results", json={"result": {**document, "interpretation": NAME + "!"}}).text
        )
        canary.hears(
            "unknown order", client.post("/v1/results", json={"result": document, "order": {"placer": NAME}}).text
        )
        canary.hears("unknown result", client.get(f"/v1/results/{NAME}").text)
        canary.hears("unknown parameter", client.get("/v1/orders", params={NAME: NAME}).text)
        canary.hears("unknown path", client.get(f"/{NAME}").text)
        canary.hears("wrong key", client.post("/v1/results", json={}, headers={"Idempotency-Key": f"{NAME} x"}).text)
        canary.hears("wrong token", client.get("/v1/orders", headers={"Authorization": f"Bearer {NAME}"}).text)
        shown = client.get(f"/v1/results/{document['id']}/shown").json()["shown"]
        wrong = {"shown": shown, "signed_by": {**signer(ORG), "npi": NAME}, "diagnoses": [NAME]}
        canary.hears("wrong signature", client.post(f"/v1/results/{document['id']}/sign", json=wrong).text)
        canary.hears("metrics", client.get("/metrics").text)
        canary.hears("ready", client.get("/ready").text)
    where = ["--settings", own.settings]
    for arguments in (
        ["ledger", "list", "--all"], ["ledger", "why", ORG, delivery], ["ledger", "show", ORG, delivery],
        ["ledger", "why", ORG, delivery, "--format", "json"], ["quarantine", "list"], ["lanes", "list"], ["orders", "list"],
        ["orders", "show", ORG, order["id"]], ["quarantine", "list", "--format", "json"], ["audit", "verify"],
    ):  # fmt: skip
        canary.hears(" ".join(map(str, arguments)), call(*arguments, *where).output)
    for inbox in own_quarantine(own):
        canary.hears("quarantine show", call("quarantine", "show", ORG, inbox, *where).output)
    assert own.stop() == 0
    canary.hears("log", "".join(own.raw))
    for what, text in kept_words(own):
        canary.hears(what, text)
    assert sorted(set(canary.found())) == []
    assert len(canary.said) > 40


def test_a_fault_that_holds_a_patients_name_is_told_without_it(tmp_path, bundles):
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=[ORG], main=STUMBLING)
    canary = Canary()
    try:
        server.start()
        canary.hears("answer", server.order(ORG, order_message(ORG, 1, JUNIPER=NAME, SAMPLE="STUMBLE")))
        eventually(lambda: own_quarantine(server))
        with server.client(ORG) as client:
            answer = client.post("/v1/results", json={"result": preliminary(ORG, 1, interpretation=NAME)})
            assert (answer.status_code, answer.json()["type"]) == (500, "urn:segwright:fault")
            canary.hears("error", answer.text)
        assert server.process is not None
        server.process.terminate()
        assert server.process.stdout is not None
        canary.hears("stdout", server.process.stdout.read())
        assert server.stop() == 0
    finally:
        server.close()
    canary.hears("log", "".join(server.raw))
    for what, text in kept_words(server):
        canary.hears(what, text)
    told = {one["event"] for one in server.log}
    assert {"fault", "uncaught", "library some.library", "library py.warnings", "library asyncio"} <= told
    assert "no json" not in told
    assert sorted(set(canary.found())) == []


def own_quarantine(server) -> list[int]:
    engine = sa.create_engine(server.database)
    with engine.connect() as connection:
        found = [row.id for row in connection.execute(sa.select(t.inbox.c.id).where(t.inbox.c.state == "quarantined"))]
    engine.dispose()
    return found


def kept_words(server) -> list[tuple[str, str]]:
    """What the ledger keeps in words of its own: reasons, details, events. A patient's data is in its documents only."""
    engine = sa.create_engine(server.database)
    columns = (
        t.event.c.facts, t.event.c.actor, t.delivery.c.reason, t.attempt.c.detail, t.lane.c.trouble, t.lane.c.paused,
        t.inbox.c.reason, t.suppressed.c.reason, t.build.c.reason, t.request.c.answer, t.inbox.c.answer,
    )  # fmt: skip
    with engine.connect() as connection:
        found = [
            (str(column), value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
            for column in columns
            for (value,) in connection.execute(sa.select(column))
        ]
    engine.dispose()
    return found


def test_the_canary_sings():
    canary = Canary()
    canary.hears("a log", f'{{"event":"{NAME.lower()}"}}')
    assert canary.found() == ["a log"]


@pytest.mark.parametrize(
    "text",
    [
        "MSH|^~\\&|A\rPID|1||" + NAME,
        "<html>" + NAME,
        NAME,
        "PID|" + NAME,
        "MSA|AE|1|" + NAME,
        f"MSH|^~\\&|A\rERR|{NAME}^1|PID^1^5^{NAME}|101^{NAME}|E|101^{NAME}",
    ],
)
def test_a_masked_message_shows_nothing_of_a_patient(text):
    from segwright.cli.table import masked

    assert NAME not in masked(text.encode())
