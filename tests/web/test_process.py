"""A server as a process: stopped under load, beside workers, and as it comes without any settings."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
import trustme

from segwright.ledger import tables as t
from segwright.ledger.store import Store
from tests.pages.people import People
from tests.postgres import new_database
from tests.web.servers import MAIN, ROOT, Hospital, Server, eventually, order_message, preliminary, send


def test_a_server_that_is_stopped_under_load_has_kept_all_that_it_answered(own):
    answered: list[int] = []
    stop = threading.Event()

    def sender(first: int) -> None:
        number = first
        while not stop.is_set():
            try:
                answer = own.order("larkspur", order_message("larkspur", number))
            except (OSError, StopIteration):
                return
            if b"|CA|" in answer or b"|AA|" in answer:
                answered.append(number)
            number += 1

    threads = [threading.Thread(target=sender, args=(100_000 * (1 + each),)) for each in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 40, 60)
    code = own.stop(signal.SIGTERM)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert code == 0
    assert own.log[-1]["event"] == "stopped"
    own.start()
    wanted = {f"LV-700101-{number}" for number in answered}
    with own.client("larkspur") as client:

        def kept() -> bool:
            found, after = set(), 0
            while after is not None:
                page = client.get("/v1/orders", params={"limit": 500, "after": after}).json()
                found |= {one["placer"].partition("^")[0] for one in page["orders"]}
                after = page["next"]
            return wanted <= found

        eventually(kept, 60)


def test_calls_in_flight_are_answered_before_the_server_ends(own):
    own.order("larkspur", order_message("larkspur", 1))
    statuses: list[int] = []
    started = threading.Event()

    def caller(number: int) -> None:
        with own.client("larkspur") as client:
            for each in range(1000):
                try:
                    answer = client.post("/v1/results", json={"result": preliminary("larkspur", number * 1000 + each)})
                except httpx2.TransportError:
                    return  # not accepted any more
                statuses.append(answer.status_code)
                started.set()

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(1, 4)]
    for thread in threads:
        thread.start()
    assert started.wait(30)
    time.sleep(0.3)
    assert own.stop(signal.SIGINT) == 0
    for thread in threads:
        thread.join(20)
    assert set(statuses) == {201}
    own.start()
    with own.client("larkspur") as client:
        found = sum(
            client.get(f"/v1/results/R-larkspur-{number * 1000 + each}").status_code == 200
            for number in range(1, 4)
            for each in range(sum(1 for _ in statuses))
        )
    assert found >= len(statuses)


BUSY = """
import time
from pathlib import Path
from segwright.pages import home
from segwright.pages.answer import Page

begun, go = (Path({folder!r}) / name for name in ("begun", "go"))

async def drawn_for_ever(call):
    begun.touch()
    while not go.exists():
        for _ in range(100_000):
            pass
    return Page("signin.html", {{"name": "", "next": "/", "fault": "", "provider": ""}})

route = home.ROUTES[0]
home.ROUTES = (type(route)("GET", "/busy", "busy", drawn_for_ever, needs="nobody"), *home.ROUTES)
"""
"""A server with a page whose drawing computes, and gives nothing else of its loop a turn, until a test lets it end."""


@contextmanager
def drawn(server: Server, folder: Path) -> Iterator[tuple[threading.Thread, list[int]]]:
    """A page that is being drawn, for whom, and how he was answered; the server is closed at the end."""
    answered: list[int] = []
    visitor = threading.Thread(
        target=lambda: answered.append(httpx2.get(f"{server.url}/busy", timeout=120).status_code)
    )
    visitor.start()
    try:
        eventually((folder / "begun").exists)
        yield visitor, answered
    finally:
        (folder / "go").touch()
        visitor.join(60)
        server.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_while_a_page_is_being_drawn_orders_are_answered_and_what_they_owe_goes_out(kind, request, tmp_path, bundles):
    database = (
        f"sqlite:///{tmp_path / 'ledger.db'}" if kind == "sqlite" else new_database(request.getfixturevalue("postgres"))
    )
    main = BUSY.format(folder=str(tmp_path)) + MAIN
    server = Server(tmp_path, database, bundles, organisations=["larkspur"], main=main).start()
    with closing(Store(database, connections=1)) as store, drawn(server, tmp_path) as (visitor, answered):
        hospital = server.hospitals["larkspur", "outbound"]
        for number in (1, 2, 3):
            assert b"MSA|CA|" in server.order("larkspur", order_message("larkspur", number))
        eventually(partial(_has_filed, hospital, 3), 60)
        states = sa.select(t.delivery.c.state)
        taken = {"accepted", "confirmed"}
        eventually(lambda: {row.state for row in store.read(lambda tx: tx.all(states))} <= taken, 60)
        assert answered == [], "the page is still being drawn"
        (tmp_path / "go").touch()
        visitor.join(60)
        assert answered == [200]
        assert server.stop() == 0


def test_a_signal_that_comes_while_a_page_is_being_drawn_ends_the_server_after_it(tmp_path, bundles):
    main = BUSY.format(folder=str(tmp_path)) + MAIN
    server = Server(
        tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=["larkspur"], main=main
    ).start()
    with drawn(server, tmp_path) as (visitor, answered):
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.log[-1]["event"] == "stopping")
        assert b"MSA|CA|" in server.order("larkspur", order_message("larkspur", 1)), "listeners end after the API"
        (tmp_path / "go").touch()
        assert server.process.wait(60) == 0
        visitor.join(60)
        assert answered == [200]
        assert server.stop() == 0
        events = [one["event"] for one in server.log if one["event"] in ("stopping", "request", "stopped")]
        assert events == ["stopping", "request", "stopped"]


def test_a_browser_that_follows_live_figures_does_not_keep_a_server_from_ending(tmp_path, bundles):
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=["larkspur"]).start()
    people = People(server, ("larkspur",))
    try:
        watching = people.client("operator.larkspur").http.stream("GET", "/o/larkspur/board/live", timeout=120)
        with watching as following:
            lines = following.iter_lines()
            assert next(lines) == "event: ready"
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            assert [line for line in lines if line.startswith("event")] == []
        assert server.process.wait(60) == 0
        people.close()
        assert server.stop() == 0
        assert server.log[-1]["event"] == "stopped"
        assert [one for one in server.log if one["level"] == "error"] == []
    finally:
        server.close()


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ('[api]\naddress = "127.0.0.1:0"', "api: 127.0.0.1:{port} cannot be listened on"),
        ('[listeners.larkspur-test]\naddress = "127.0.0.1:0"', "listeners: an address cannot be listened on"),
    ],
    ids=["the API's", "a listener's"],
)
def test_a_server_whose_port_is_taken_says_so_ends_and_leaves_nothing_behind(tmp_path, bundles, old, said):
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=["larkspur"])
    text = server.settings.read_text()
    assert old in text
    environ = {"TOKEN_larkspur": server.tokens["larkspur"], "OPERATORS": "o" * 32}
    try:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server.settings.write_text(text.replace(old, old.replace(":0", f":{port}")))
            result = _run("serve", "--settings", str(server.settings), **environ)
        assert result.returncode == 1
        assert said.format(port=port) in " ".join(result.stderr.decode().split())
        assert b"Traceback" not in result.stderr
        server.settings.write_text(text)
        server.start()
        assert b"MSA|CA|" in server.order("larkspur", order_message("larkspur", 1))
        eventually(partial(_has_filed, server.hospitals["larkspur", "outbound"], 1), 60)
        assert server.stop() == 0
    finally:
        server.close()


def test_a_server_whose_tls_cannot_be_used_says_so_and_ends(tmp_path, bundles):
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=["larkspur"])
    (tmp_path / "ours.pem").write_text("no certificate")
    text = server.settings.read_text()
    server.settings.write_text(text.replace("[api]", f'[api]\ntls = {{identity = "file:{tmp_path}/ours.pem"}}', 1))
    environ = {"TOKEN_larkspur": server.tokens["larkspur"], "OPERATORS": "o" * 32}
    try:
        result = _run("serve", "--settings", str(server.settings), **environ)
        assert result.returncode == 1
        assert b"api: " in result.stderr
        assert b"Traceback" not in result.stderr
    finally:
        server.close()


def _has_filed(hospital: Hospital, count: int) -> bool:
    return len(hospital.filed) == count


def test_workers_send_what_a_server_keeps_and_each_message_once(tmp_path, bundles, postgres):
    database = new_database(postgres)
    server = Server(tmp_path, database, bundles).start()
    workers = []
    try:
        for number in range(2):
            folder = tmp_path / f"worker{number}"
            folder.mkdir()
            worker = Server(folder, database, bundles, command="worker")
            for hospital in worker.hospitals.values():
                hospital.close()
            worker.settings.write_text(server.settings.read_text())
            workers.append(worker.start())
        for number in range(1, 21):
            server.order("tamarack", order_message("tamarack", number))
            server.order("stbrigid", order_message("stbrigid", number))
        for org in ("tamarack", "stbrigid"):
            hospital = server.hospitals[org, "outbound"]
            eventually(partial(_has_filed, hospital, 20), 60)
        for worker in workers:
            assert worker.stop() == 0
        time.sleep(0.5)
        for org in ("tamarack", "stbrigid"):
            ids = [message.split(b"|")[9] for message in server.hospitals[org, "outbound"].filed]
            assert len(ids) == len(set(ids)) == 20
        assert server.stop() == 0
    finally:
        for each in (*workers, server):
            each.close()


def test_a_worker_does_not_start_with_other_bundles_than_the_server_runs(one, tmp_path, bundles):
    other = tmp_path / "bundles"
    shutil.copytree(bundles, other)
    for org in one.organisations:
        shutil.rmtree(other / org / "test")
        shutil.copytree(other / org / "production", other / org / "test")
    settings = tmp_path / "settings.toml"
    settings.write_text(one.settings.read_text().replace(str(bundles), str(other)))
    result = _run("worker", "--settings", str(settings))
    assert result.returncode == 1
    assert b"Traceback" not in result.stderr


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), **variables}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments], env=environ, capture_output=True, check=False, timeout=90
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('environment = "test"', 'environment = "nowhere"', "larkspur: "),
        ("[listeners.larkspur-test]", "[listeners.elsewhere]", "no organisation is reached there"),
        ('larkspur = ["env:TOKEN_larkspur"]', 'larkspur = ["env:NOT_SET"]', "NOT_SET is not set"),
        ('larkspur = ["env:TOKEN_larkspur"]', 'larkspur = ["env:SHORT"]', "no word of at least 24"),
        ('larkspur = ["env:TOKEN_larkspur"]', 'larkspur = ["env:TOKEN_northgate"]', "is also a token of"),
        ('address = "127.0.0.1:0"', 'address = "127.0.0.1"', "address"),
        ('database = "', 'database = "oracle', "sqlite:///FILE"),
        ("[api]", "[api", "it is no TOML"),
        ("[api]", "# a line\n" * 120_000 + "[api]", "which no settings need"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_start_says_why(one, tmp_path, old, new, said):
    settings = tmp_path / "settings.toml"
    text = one.settings.read_text()
    assert old in text
    settings.write_text(text.replace(old, new, 1).replace(one.database, f"sqlite:///{tmp_path / 'other.db'}"))
    tokens = {f"TOKEN_{org}": token for org, token in one.tokens.items()}
    result = _run("serve", "--settings", str(settings), OPERATORS="o" * 32, SHORT="short", **tokens)
    assert result.returncode in (1, 2)
    assert said in " ".join(result.stderr.decode().split())
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["ledger", "list"], ["migrate", "status"]])
def test_a_database_that_is_not_there_is_said(one, command):
    url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    tokens = {f"TOKEN_{org}": token for org, token in one.tokens.items()}
    result = _run(*command, "--settings", str(one.settings), "--database", url, OPERATORS="o" * 32, **tokens)
    assert result.returncode == 1
    assert b"the ledger cannot be used" in result.stderr


def test_the_api_speaks_tls_where_the_settings_say_so(tmp_path, bundles):
    authority = trustme.CA()
    identity = tmp_path / "ours.pem"
    certificate = authority.issue_cert("127.0.0.1")
    identity.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=["larkspur"])
    text = server.settings.read_text()
    server.settings.write_text(text.replace("[api]", f'[api]\ntls = {{identity = "file:{identity}"}}', 1))
    try:
        server.start()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        headers = {"Authorization": f"Bearer {server.tokens['larkspur']}"}
        url = f"https://127.0.0.1:{server.ports['api']}/v1/orders"
        assert httpx2.get(url, headers=headers, verify=context, timeout=30).json() == {"orders": [], "next": None}
        with pytest.raises(httpx2.TransportError):
            httpx2.get(url.replace("https", "http"), headers=headers)
        assert server.stop() == 0
    finally:
        server.close()


def test_a_ledger_of_another_environment_is_refused(one, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text(
        one.settings.read_text()
        .replace('environment = "test"', 'environment = "production"')
        .replace("[instead.", "[instead.")
    )
    result = _run("serve", "--settings", str(settings))
    assert result.returncode == 1
    assert b"production" in result.stderr


def test_without_settings_a_workspace_is_served_on_one_file(tmp_path):
    for name in ("mappings", "orgs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "serve", "--workspace", str(tmp_path)], env=environ, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        return process, "".join(lines)

    process, said = start()
    try:
        url = said.split("API")[1].split()[0]
        token = (tmp_path / ".segwright" / "larkspur.token").read_text().strip()
        assert token in said
        assert (tmp_path / ".segwright").stat().st_mode & 0o077 == 0
        port = int(said.split("larkspur\n")[1].split("127.0.0.1:")[1].split()[0])
        assert b"MSA|CA|" in send(port, order_message("larkspur", 1))
        headers = {"Authorization": f"Bearer {token}"}
        orders = eventually(lambda: httpx2.get(f"{url}/v1/orders", headers=headers).json()["orders"])
        assert orders[0]["placer"] == "LV-700101-1^LVMCEHR"
        settings = (tmp_path / ".segwright" / "settings.toml").read_text()
        assert ".example" not in settings  # nothing is sent to a hospital's own address
        listed = _run("orders", "list", "--workspace", str(tmp_path))
        assert b"LV-700101-1" in listed.stdout, listed.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        if process.stdout is not None:
            process.stdout.close()
        process, again = start()
        assert again == said  # the same ports and tokens
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
