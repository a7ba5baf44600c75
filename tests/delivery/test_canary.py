"""A patient with a name like no other goes through everything that can happen to a message, and what people and machines other
than the hospital's own get to read does not hold it: logs, metrics, errors, acknowledgements, the command line."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.web.servers import Server, eventually, order_message, preliminary, send

FAMILY, GIVEN, NUMBER = "XQCANARYWEG", "ZWPIPISTREL", "77130499"
WORDS = (FAMILY, GIVEN, NUMBER)
ORG = "larkspur"

MAIN = f"""
import asyncio, logging, threading, warnings
from segwright.delivery import desk
from segwright.ledger import orders
from segwright.cli.main import main

# Faults that hold content of what they stumbled over.
taken, submitted = orders.take, desk.submit
def take(tx, hospital, inbox, received):
    if b"STUMBLE" in received.patient:
        logging.getLogger("some.library").error("cannot take %s", received.patient)
        warnings.warn(str(received.patient))
        threading.Thread(target=lambda: int("{FAMILY}")).start()
        loop = asyncio.new_event_loop()
        loop.call_exception_handler({{"message": "{FAMILY}", "exception": ValueError("{FAMILY}")}})
        loop.close()
        raise ValueError(str(received.patient))
    return taken(tx, hospital, inbox, received)
def submit(tx, live, submission, *more):
    document = bytes(submission.result)
    if b"R-fault" in document:
        raise RuntimeError(str(document))
    return submitted(tx, live, submission, *more)
orders.take, desk.submit = take, submit
main()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, bundles: Path) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("canary"))
    made = Server(folder, f"sqlite:///{folder / 'ledger.db'}", bundles, organisations=[ORG], main=MAIN)
    yield made.start()
    made.close()


def order(number: int, **replaced: str) -> bytes:
    """An order for the canary."""
    found = order_message(ORG, number, SAMPLE=FAMILY, JUNIPER=GIVEN)
    found = found.replace(b"00417733", NUMBER.encode())
    for old, new in replaced.items():
        assert old.encode() in found
        found = found.replace(old.encode(), new.encode())
    return found


def field(message: bytes, segment: str, number: int, value: str) -> bytes:
    """The message with another field in its first segment of this name."""
    lines = message.split(b"\r")
    at = next(i for i, line in enumerate(lines) if line.startswith(segment.encode()))
    fields = lines[at].split(b"|")
    fields[number - (segment == "MSH")] = value.encode("latin-1")
    lines[at] = b"|".join(fields)
    return b"\r".join(lines)


def result(number: int, **members: object) -> dict:
    """A result with her name wherever text may stand."""
    said = {"interpretation": f"Ms {FAMILY}: atrial fibrillation.", "comments": [f"{GIVEN} {FAMILY}, {NUMBER}"]}
    return {**preliminary(ORG, number), **said, **members}


def test_the_canary_is_found_nowhere(server):
    told = {}  # what was told to whom, by what it is

    # --- her orders, good and bad
    name = f"{FAMILY}^{GIVEN}"
    told["good"] = send(server.ports[f"{ORG}-test"], order(1))
    assert b"MSA|CA" in told["good"]
    told["again"] = send(server.ports[f"{ORG}-test"], order(1))
    told["clash"] = send(server.ports[f"{ORG}-test"], field(order(1), "PID", 8, "M"))
    bad = [
        ("PID", 3, name), ("PID", 3, f"{NUMBER}9^^^{FAMILY}^MR"), ("PID", 5, ""), ("PID", 7, name), ("PID", 7, NUMBER), ("PID", 8, FAMILY),
        ("ORC", 1, FAMILY), ("ORC", 2, ""), ("ORC", 7, name), ("OBR", 4, name), ("OBR", 27, name), ("PV1", 2, FAMILY), ("MSH", 4, FAMILY),
        ("MSH", 5, FAMILY), ("MSH", 6, FAMILY), ("MSH", 7, name), ("MSH", 9, FAMILY), ("MSH", 9, f"ORM^{FAMILY}"), ("MSH", 11, FAMILY),
        ("MSH", 12, FAMILY), ("MSH", 18, FAMILY), ("PID", 5, f"{FAMILY}\xe9^{GIVEN}"), ("DG1", 3, name), ("PID", 13, f"{FAMILY}\\X"),
    ]  # fmt: skip
    positive = 0
    for count, (segment, number, value) in enumerate(bad, 100):
        answer = send(server.ports[f"{ORG}-test"], field(order(count), segment, number, value))
        positive += b"MSA|CA" in answer or b"MSA|AA" in answer
        if segment == "MSH":  # the header of an answer is made of the header that it answers
            answer = b"\r".join(answer.split(b"\r")[1:])
        told[f"{segment}-{number} {count}"] = answer
    assert 0 < positive < len(bad)
    told["cancel of nothing"] = send(server.ports[f"{ORG}-test"], field(order(200), "ORC", 1, "CA"))
    told["stumble"] = send(server.ports[f"{ORG}-test"], order(201, XQCANARYWEG=f"STUMBLE{FAMILY}"))
    late = order_message(ORG, 202).split(b"\r")[0]
    late = field(field(late, "MSH", 9, "ACK"), "MSH", 10, "LATE1")
    told["an answer to nothing"] = send(
        server.ports[f"{ORG}-test"], late + f"\rMSA|AE|NOBODY|{name}\rERR|||207|E||||{FAMILY}\r".encode()
    )
    for count, broken in enumerate(
        (order(203).replace(b"\r", b"\x1c", 3), b"PID|1||" + name.encode(), b"MSH|" + name.encode())
    ):
        with socket.create_connection(("127.0.0.1", server.ports[f"{ORG}-test"]), 30) as connection:
            connection.sendall(b"\x0b" + broken + b"\x1c\r" + name.encode())
            connection.shutdown(socket.SHUT_WR)
            told[f"broken {count}"] = connection.recv(65536)

    # --- the API says no
    token = server.tokens[ORG]
    with server.client(ORG) as client:
        found = eventually(lambda: client.get("/v1/orders").json()["orders"])
        mine = next(one for one in found if one["placer"].startswith("LV-700101-1^"))
        of = {"id": mine["id"]}

        def asked(what: str, method: str, path: str, **more) -> None:
            answer = client.request(method, path, **more)
            assert answer.status_code >= 400, (what, answer.text)
            told[what] = answer.content + repr(answer.headers).encode()

        headers = {"Content-Type": "application/json"}
        for what, document in {
            "unknown member": {"result": {**result(1), FAMILY: 1}, "order": of}, "wrong type": {"result": {**result(1), "version": FAMILY}},
            "wrong list": {"result": result(1, measurements=[{"kind": FAMILY, "value": FAMILY}]), "order": of},
            "wrong diagnosis": {"result": result(1, diagnoses=[{"code": FAMILY, "display": FAMILY}]), "order": of},
            "wrong time": {"result": result(1, observed_at=FAMILY), "order": of}, "unknown order": {"result": result(1), "order": {"placer": f"{FAMILY}^S"}},
            "unencodable": {"result": result(1, interpretation=f"{FAMILY} ☃"), "order": of}, "unknown": {FAMILY: FAMILY},
            "a fault": {"result": result(1, id="R-fault"), "order": of},
        }.items():  # fmt: skip
            asked(what, "POST", "/v1/results", json=document)
            asked(f"{what}, uploaded", "POST", "/v1/uploads", json=document)
        asked("no json", "POST", "/v1/results", content=f'{{"result": {FAMILY}'.encode(), headers=headers)
        asked(
            "bad bytes",
            "POST",
            "/v1/results",
            content=f'{{"result": "{FAMILY}\xff"}}'.encode("latin-1"),
            headers=headers,
        )
        asked("media type", "POST", "/v1/results", content=FAMILY.encode(), headers={"Content-Type": f"text/{FAMILY}"})
        asked("path", "GET", f"/v1/results/{FAMILY}")
        asked("no path", "GET", f"/{FAMILY}/{GIVEN}")
        asked("method", "PUT", f"/v1/results/{FAMILY}")
        asked("query", "GET", f"/v1/orders?{FAMILY}={GIVEN}")
        asked("query value", "GET", f"/v1/orders?limit={FAMILY}")
        asked(
            "actor", "POST", f"/v1/orders/{of['id']}/in-progress", headers={"Segwright-Actor": f"{GIVEN} {FAMILY}" * 9}
        )
        asked("key", "POST", f"/v1/orders/{of['id']}/in-progress", headers={"Idempotency-Key": f"{FAMILY}" * 40})
        asked("token", "GET", "/v1/orders", headers={"Authorization": f"Bearer {FAMILY}"})

        # --- and her hospital says no, with her name
        hospital = server.hospitals[ORG, "outbound"]
        real = hospital.answer
        hospital.answer = lambda message: (  # type: ignore[method-assign]
            real(message).split(b"\r")[0]
            + b"\rMSA|AE|" + message.split(b"|")[9] + f"|{name}\rERR|{name}|PID^1^5|101^{FAMILY}|E|{FAMILY}||{GIVEN}|{name} {NUMBER}\r".encode()
        )  # fmt: skip
        taken = client.post("/v1/results", json={"result": result(1), "order": of})
        assert taken.status_code == 201, taken.text

        def states() -> set[str]:
            told["deliveries"] = client.get(f"/v1/results/R-{ORG}-1/deliveries").content
            return {one["state"] for one in json.loads(told["deliveries"])["deliveries"]}

        eventually(lambda: "rejected" in states())
        told["metrics"] = client.get("/metrics").content
        told["ready"] = client.get("/ready").content

    # --- people look, without asking for content
    numbers = [one["id"] for one in json.loads(told["deliveries"])["deliveries"]]
    for arguments in (
        ["ledger", "list"], ["ledger", "list", ORG], ["lanes", "list"], ["orders", "list"], ["orders", "show", ORG, str(of["id"])], ["quarantine", "list"],
        *(["ledger", verb, ORG, str(number)] for number in numbers for verb in ("show", "why")), ["audit", "verify"],
    ):  # fmt: skip
        told[f"segwright {' '.join(arguments)}"] = looked(server, *arguments)
    listed = json.loads(looked(server, "quarantine", "list", "--format", "json"))
    assert listed
    for one in listed:
        told[f"quarantine show {one['id']}"] = looked(server, "quarantine", "show", ORG, str(one["id"]))
    stdout = server.process.stdout if server.process else None
    assert stdout is not None
    server.process.terminate()
    told["stdout"] = stdout.read()
    server.stop()
    told["stderr"] = "".join(server.raw).encode()
    assert token not in "".join(server.raw)

    assert {"fault", "request", "uncaught", "library some.library", "library py.warnings", "library asyncio"} <= {
        one["event"] for one in server.log
    }
    assert "no json" not in {one["event"] for one in server.log}, server.raw
    found_in = [
        what for what, text in told.items() if any(re.search(word.encode(), text, re.IGNORECASE) for word in WORDS)
    ]
    for what in found_in:
        print(f"--- {what}\n{told[what].decode(errors='replace')}")
    assert found_in == []


def looked(server: Server, *arguments: str) -> bytes:
    """What a command prints."""
    from segwright.cli.main import cli

    done = CliRunner().invoke(cli, [*arguments, "--settings", str(server.settings)])
    assert done.exit_code == 0, (arguments, done.output, done.exception)
    return done.output.encode()
