"""What strangers, mistakes and broken machines do to a whole `segwright serve`: it stays up, says what is so, loses nothing."""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Own, new_database
from tests.web.servers import ROOT, Server, eventually, order_message, preliminary

POSITIVE = (b"\rMSA|AA|", b"\rMSA|CA|")
KNOWN = ("larkspur", "northgate")
PLAIN = "tamarack"
NUMBER_OF = {
    "larkspur": "LV-700101-{}^LVMCEHR", "northgate": "NG88001-{}", "tamarack": "ECG-5001-1-{}",
}  # fmt: skip


# --- what stands ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> Path:
    """Two hospitals that share a listener and are told apart by their certificates, and one with a plain listener."""
    from segwright.service.bundling import write_bundles
    from segwright.service.compiling import compile_workspace

    root = Path(tmp_path_factory.mktemp("workspace"))
    shutil.copytree(ROOT / "mappings", root / "mappings")
    for org in (*KNOWN, PLAIN):
        shutil.copytree(ROOT / "orgs" / org, root / "orgs" / org)
    shutil.copy(ROOT / "orgs" / "schema.yaml", root / "orgs")
    for org in KNOWN:
        yaml = root / "orgs" / org / "org.yaml"
        text, plain = yaml.read_text(), f"{{listener: {org}-test}}"
        assert plain in text
        yaml.write_text(text.replace(plain, f"{{listener: shared, clients: [{org}.example]}}"))
    compiled = compile_workspace(root)
    folder = root / "bundles"
    for organisation in compiled.organisations.values():
        write_bundles(folder, organisation, compiled.sources)
    return folder


class Certificates:
    """An authority that both hospitals have their certificates from, and one that nobody knows."""

    def __init__(self, folder: Path) -> None:
        import trustme

        self._folder = folder
        ours, theirs = trustme.CA(), trustme.CA()
        self.authority = folder / "authority.pem"
        ours.cert_pem.write_to_path(str(self.authority))
        self.server = self._written(ours, "127.0.0.1")
        self.of = {org: self._written(ours, f"{org}.example") for org in KNOWN}
        self.of["nobody"] = self._written(ours, "nobody.example")
        self.of["stranger"] = self._written(theirs, "larkspur.example")

    def _written(self, authority, name: str) -> Path:
        issued = authority.issue_cert(name)
        path = self._folder / f"{len(list(self._folder.iterdir()))}.pem"
        path.write_bytes(b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem)))
        return path

    def context(self, whose: str) -> ssl.SSLContext:
        """What a client goes with; "" for one without a certificate."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if whose:
            context.load_cert_chain(self.of[whose])
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="module")
def standing(tmp_path_factory, bundles: Path, certificates: Certificates) -> Iterator[Server]:
    """The server that all this is done to."""
    folder = Path(tmp_path_factory.mktemp("server"))
    tls = f'tls = {{identity = "file:{certificates.server}", clients = "file:{certificates.authority}"}}'
    listeners = {"shared": tls, f"{PLAIN}-test": 'networks = ["127.0.0.0/8"]'}
    server = Server(
        folder, f"sqlite:///{folder / 'ledger.db'}", bundles, organisations=(*KNOWN, PLAIN), listeners=listeners
    )
    yield server.start()
    server.close()


# --- what is said and heard -------------------------------------------------------------------------------------------------


def heard(connection: socket.socket) -> bytes:
    """Everything until an answer is whole or the connection has ended."""
    data = b""
    with contextlib.suppress(OSError):
        while not data.endswith(b"\x1c\r") and (more := connection.recv(65536)):
            data += more
    return data


def said(server: Server, message: bytes, *, context: ssl.SSLContext | None = None) -> bytes:
    """The answer to a message; b"" when the connection ends without one. Over TLS to the shared listener, else plain."""
    port = server.ports["shared" if context else f"{PLAIN}-test"]
    with contextlib.suppress(ConnectionError, ssl.SSLError), socket.create_connection(("127.0.0.1", port), 30) as plain:
        if context is None:
            plain.sendall(b"\x0b" + message + b"\x1c\r")
            plain.shutdown(socket.SHUT_WR)  # a message to which no answer is owed ends the connection
            return heard(plain)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"\x0b" + message + b"\x1c\r")
            return heard(connection)
    return b""


def is_positive(answer: bytes) -> bool:
    return any(code in answer for code in POSITIVE)


def placers(server: Server, org: str) -> set[str]:
    """The orders of a hospital, as its platform sees them."""
    with server.client(org) as client:
        return {one["placer"] for one in client.get("/v1/orders", params={"limit": 500}).json()["orders"]}


def is_well(server: Server, number: int) -> None:
    """A good order of the hospital with the plain listener is taken, and its result delivered and confirmed."""
    assert is_positive(said(server, order_message(PLAIN, number)))
    placer = NUMBER_OF[PLAIN].format(number)
    eventually(lambda: any(one.startswith(placer) for one in placers(server, PLAIN)))
    with server.client(PLAIN) as client:
        order = next(
            o
            for o in client.get("/v1/orders", params={"limit": 500}).json()["orders"]
            if o["placer"].startswith(placer)
        )
        taken = client.post("/v1/results", json={"result": preliminary(PLAIN, number), "order": {"id": order["id"]}})
        assert taken.status_code == 201, taken.text
    is_delivered(server, PLAIN, number)


def is_delivered(server: Server, org: str, number: int) -> None:
    def states() -> set[str]:
        with server.client(org) as client:
            found = client.get(f"/v1/results/R-{org}-{number}/deliveries").json()["deliveries"]
        return {one["state"] for one in found if one["kind"] == "preliminary"}

    eventually(lambda: states() and states() <= {"confirmed", "accepted"}, 90)


def memory(process: int) -> int:
    """Bytes that a process holds."""
    status = Path(f"/proc/{process}/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, check=True).stdout) * 1024


# --- who are you? -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("whose", "claims"), [("larkspur", "northgate"), ("northgate", "larkspur")])
def test_row_50_a_hospital_cannot_send_for_another_one(standing, certificates, whose, claims):
    before = {org: placers(standing, org) for org in KNOWN}
    answer = said(standing, order_message(claims, 1), context=certificates.context(whose))
    assert answer.partition(b"\rMSA|")[2][:2] in (b"AR", b"CR"), answer
    assert b"MSH^1^4" in answer  # that the sender is another's, and nothing else
    assert {org: placers(standing, org) for org in KNOWN} == before


@pytest.mark.parametrize("org", KNOWN)
def test_each_hospital_is_served_over_one_listener_by_its_own_certificate(standing, certificates, org):
    answer = said(standing, order_message(org, 3), context=certificates.context(org))
    assert is_positive(answer)
    eventually(lambda: NUMBER_OF[org].format(3) in placers(standing, org))
    other = next(one for one in KNOWN if one != org)
    assert NUMBER_OF[org].format(3) not in placers(standing, other)


@pytest.mark.parametrize("whose", ["stranger", "nobody", ""])
def test_who_shows_no_certificate_that_a_hospital_is_known_by_gets_no_answer(standing, certificates, whose):
    before = placers(standing, "larkspur")
    assert said(standing, order_message("larkspur", 4), context=certificates.context(whose)) == b""
    assert placers(standing, "larkspur") == before


def test_without_a_good_token_nothing_is_told_and_the_token_is_not_repeated(standing):
    good = standing.tokens[PLAIN]
    wrong = {
        "none": {}, "another": {"Authorization": "Bearer " + "x" * 32}, "cut": {"Authorization": f"Bearer {good[:-1]}"},
        "basic": {"Authorization": f"Basic {good}"}, "nothing": {"Authorization": "Bearer"},
    }  # fmt: skip
    with standing.client() as client:
        for headers in wrong.values():
            for method, path in (("GET", "/v1/orders"), ("POST", "/v1/results"), ("GET", "/v1/results/R-1/deliveries")):
                answer = client.request(method, path, headers=headers)
                assert answer.status_code == 401
                assert answer.json()["type"] == "urn:segwright:token"
                assert good[:-1] not in answer.text
    assert good[:-1] not in "".join(standing.raw)


# --- too much, too slow, nonsense -------------------------------------------------------------------------------------------


def test_row_18_a_frame_of_two_gigabytes_costs_no_more_memory_than_the_cap(standing):
    assert standing.process is not None
    before = memory(standing.process.pid)
    most, sent, piece = before, 0, b"x" * (1 << 16)
    with socket.create_connection(("127.0.0.1", standing.ports[f"{PLAIN}-test"]), 30) as connection:
        connection.sendall(b"\x0b" + order_message(PLAIN, 10).rstrip(b"\r") + b"\rNTE|1||")
        with contextlib.suppress(OSError):
            while sent < 2 << 30:
                connection.sendall(piece)
                sent += len(piece)
                if not sent % (1 << 22):
                    most = max(most, memory(standing.process.pid))
        assert not is_positive(heard(connection))
    assert most - before < 128 << 20  # the cap is 32 MiB, and a buffer that grows is copied
    is_well(standing, 11)


def test_row_21_two_hundred_slow_connections_keep_nobody_else_from_being_served(standing):
    slow = []
    try:
        for _ in range(200):
            connection = socket.create_connection(
                ("127.0.0.1", standing.ports[f"{PLAIN}-test"]), 30, source_address=("127.0.0.2", 0)
            )
            slow.append(connection)
            with contextlib.suppress(OSError):
                connection.sendall(b"\x0bMSH|^~")
        is_well(standing, 20)
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.sendall(b"\\")
        is_well(standing, 21)
    finally:
        for connection in slow:
            connection.close()

    def is_served_again() -> bool:
        with (
            socket.create_connection(
                ("127.0.0.1", standing.ports[f"{PLAIN}-test"]), 30, source_address=("127.0.0.2", 0)
            ) as connection,
            contextlib.suppress(OSError),
        ):
            connection.sendall(b"\x0b" + order_message(PLAIN, 22) + b"\x1c\r")
            return is_positive(heard(connection))
        return False

    eventually(is_served_again)


def test_slow_callers_of_the_api_keep_nobody_else_from_being_served(standing):
    slow = []
    try:
        for _ in range(200):
            connection = socket.create_connection(("127.0.0.1", standing.ports["api"]), 30)
            connection.sendall(b"POST /v1/results HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            slow.append(connection)
        is_well(standing, 23)
    finally:
        for connection in slow:
            connection.close()


def test_garbage_gets_no_positive_answer_and_hurts_nobody(standing, certificates):
    chance = random.Random(20260302)
    good = order_message(PLAIN, 30)
    for number in range(60):
        noise = chance.randbytes(chance.choice((1, 7, 300, 5000, 70000)))
        cut = chance.randrange(1, len(good))
        broken = bytes(byte if chance.random() > 0.02 else chance.randrange(256) for byte in good).replace(
            b"\x1c\r", b""
        )
        data = (noise, b"\x0b" + noise + b"\x1c\r", b"\x0b" + good[:cut], noise + b"\x0b" + noise)[number % 4]
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", standing.ports[f"{PLAIN}-test"]), 30) as plain,
        ):
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            assert not is_positive(heard(plain))
        said(standing, broken)  # whatever it is by now, it is answered by what it says
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", standing.ports["shared"]), 30) as tls:
            tls.sendall(noise[:300])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", standing.ports["api"]), 30) as api:
            api.sendall(noise[:300] + b"\r\n\r\n")
            assert b" 20" not in heard(api)[:12]
    is_well(standing, 31)
    assert is_positive(said(standing, order_message("larkspur", 32), context=certificates.context("larkspur")))
    assert not [line for line in standing.log if line["event"] in ("fault", "no json", "reception failed")]


# --- the machine fails ------------------------------------------------------------------------------------------------------


class Trouble:
    """Orders and results that go in whatever happens, and what was said about each. `ready`: orders that are there before,
    for results to answer."""

    def __init__(self, server: Server, ready: int) -> None:
        self.server = server
        self.orders: set[int] = set()
        self.results: set[int] = set()
        self.refused = 0
        self.next = 0
        assert all(self.order() for _ in range(ready))
        self.are_there()
        self.ready = sorted(placers(server, PLAIN))

    def order(self) -> bool:
        """One more order; whether it was acknowledged."""
        self.next += 1
        answer = said(self.server, order_message(PLAIN, self.next))
        if is_positive(answer):
            self.orders.add(self.next)
            return True
        assert b"\rMSA|AE|" in answer or b"\rMSA|CE|" in answer, answer
        self.refused += 1
        return False

    def result(self, number: int) -> bool:
        """The result of an order that was ready; whether it was taken."""
        document = {"result": preliminary(PLAIN, number), "order": {"placer": self.ready[number - 1]}}
        with self.server.client(PLAIN) as client:
            answer = client.post("/v1/results", json=document)
        if answer.status_code in (200, 201):
            self.results.add(number)
            return True
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:segwright:unavailable"), answer.text
        self.refused += 1
        return False

    def are_there(self) -> None:
        """Every order that was acknowledged is in the ledger."""
        wanted = {NUMBER_OF[PLAIN].format(number) for number in self.orders}
        eventually(lambda: wanted <= {one.partition("^")[0] for one in placers(self.server, PLAIN)}, 60)

    def is_all_there(self) -> None:
        """And every result that was taken is delivered."""
        self.are_there()
        for number in self.results:
            is_delivered(self.server, PLAIN, number)


def ready(server: Server) -> int:
    with server.client() as client:
        return client.get("/ready").status_code


@pytest.fixture
def alone(tmp_path: Path, bundles: Path) -> Iterator[Server]:
    """A server of the test's own on SQLite."""
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=[PLAIN])
    yield server.start()
    server.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="no disk can be made full for one process: this needs Linux (prlimit)"
)
def test_row_39_on_a_full_disk_it_refuses_and_afterwards_nothing_is_missing(alone, tmp_path):
    trouble = Trouble(alone, ready=12)
    assert trouble.result(1)
    is_delivered(alone, PLAIN, 1)
    assert alone.process is not None
    free = resource.prlimit(alone.process.pid, resource.RLIMIT_FSIZE)
    full = max(path.stat().st_size for path in tmp_path.glob("ledger.db*"))
    resource.prlimit(alone.process.pid, resource.RLIMIT_FSIZE, (full, free[1]))
    hospital = alone.hospitals[PLAIN, "outbound"]
    for number in range(1000):  # until the journal has grown as far as it may
        trouble.order()
        if number < 10:
            trouble.result(2 + number)
        elif trouble.refused > 10:
            break
    assert trouble.refused > 10
    with alone.client(PLAIN) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/v1/orders").status_code == 200  # what is there can still be read
    resource.prlimit(alone.process.pid, resource.RLIMIT_FSIZE, free)
    assert trouble.order()
    assert trouble.result(12)
    trouble.is_all_there()
    repeated = {message.split(b"|")[9]: message for message in hospital.filed}
    assert all(repeated[message.split(b"|")[9]] == message for message in hospital.filed)  # the same bytes, if again


def test_row_38_while_postgresql_is_gone_it_refuses_and_afterwards_nothing_is_missing(tmp_path, bundles):
    database = Own()
    server = Server(tmp_path, new_database(database.url), bundles, organisations=[PLAIN])
    try:
        server.start()
        trouble = Trouble(server, ready=3)
        hospital = server.hospitals[PLAIN, "outbound"]
        filed = len(hospital.filed)
        hospital.silent = True  # so that something is on the wire while the database goes
        assert trouble.result(1)
        eventually(lambda: len(hospital.filed) > filed)
        database.stop()
        hospital.silent = False
        assert not any(trouble.order() for _ in range(3))
        assert not trouble.result(2)
        assert ready(server) == 503
        with server.client() as client:
            assert client.get("/health").status_code == 200
            assert "segwright_ledger_up 0" in client.get("/metrics").text
        database.start()
        eventually(lambda: ready(server) == 200)
        assert trouble.order()
        assert trouble.result(3)
        trouble.is_all_there()
        database.stop()
        assert not trouble.order()
        assert server.stop() == 0
    finally:
        server.close()
        database.close()
