"""Implementations of others exchange orders, acknowledgements and results with a whole `segwright serve`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hl7
import hl7.client
import hl7.mllp
import pytest

from tests.peers import npm
from tests.peers.conftest import ORG
from tests.web.servers import Server, eventually, order_message, preliminary


@pytest.fixture
def serving(tmp_path: Path, bundles: Path):
    """Starts a server that delivers to a port, or to a hospital of the tests' own."""
    made: list[Server] = []

    def start(port: int | None = None) -> Server:
        ports = {} if port is None else {(ORG, "outbound"): port}
        server = Server(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, organisations=[ORG], ports=ports)
        made.append(server)
        return server.start()

    yield start
    for server in made:
        server.close()


def orders() -> list[bytes]:
    """An order that asks for an accept acknowledgement, as this hospital's do, and one in the original mode."""
    enhanced, original = order_message(ORG, 1), order_message(ORG, 2)
    msh, _, rest = original.partition(b"\r")
    return [enhanced, b"|".join(msh.split(b"|")[:12]) + b"\r" + rest]


ANSWERS = [("CA", "C000001NE"), ("AA", "C000002NE")]


def placers(server: Server) -> list[str]:
    """The orders that the platform sees, each once the reception has worked it off."""
    with server.client(ORG) as client:
        return sorted(one["placer"].partition("^")[0] for one in client.get("/v1/orders").json()["orders"])


def delivered(server: Server, numbers: list[int]) -> None:
    """Posts a preliminary result for each order and waits until the ledger says that the hospital confirmed it."""
    with server.client(ORG) as client:
        for number in numbers:
            body = {"result": preliminary(ORG, number), "order": {"placer": f"LV-700101-{number}^LVMCEHR"}}
            assert client.post("/v1/results", json=body).status_code == 201

        def states() -> set[str]:
            found = [client.get(f"/v1/results/R-{ORG}-{number}/deliveries").json()["deliveries"] for number in numbers]
            return {one["state"] for deliveries in found for one in deliveries}

        eventually(lambda: states() == {"confirmed"}, 60)


def test_python_hl7s_client_sends_orders_and_understands_the_answers(serving):
    server = serving()
    with hl7.client.MLLPClient("127.0.0.1", server.ports[f"{ORG}-test"]) as client:
        client.socket.settimeout(30)
        answers = [hl7.parse(_unframed(client.send_message(order))) for order in orders()]
    assert [(str(a["MSA.F1"]), str(a["MSA.F2"])) for a in answers] == ANSWERS
    eventually(lambda: placers(server) == ["LV-700101-1", "LV-700101-2"])


def _unframed(framed: bytes) -> str:
    assert framed.startswith(b"\x0b")
    assert framed.endswith(b"\x1c\r")
    return framed[1:-2].decode()


def test_python_hl7s_server_files_results_and_its_answers_confirm_them(serving):
    filed: list[str] = []

    async def process(reader, writer) -> None:
        try:
            while True:
                received = await reader.readmessage()
                filed.append(str(received["MSH.F10"]))
                writer.writemessage(received.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async def exchange() -> None:
        receiver = await hl7.mllp.start_hl7_server(process, "127.0.0.1", 0)
        server = serving(receiver.sockets[0].getsockname()[1])
        for number in (1, 2):
            await asyncio.to_thread(server.order, ORG, order_message(ORG, number))
        await asyncio.to_thread(eventually, lambda: len(placers(server)) == 2)
        await asyncio.to_thread(delivered, server, [1, 2])
        server.close()
        receiver.close()
        await receiver.wait_closed()
        await asyncio.sleep(0.02)

    asyncio.run(exchange())
    assert len(filed) == len(set(filed))


@pytest.mark.parametrize("library", ["node-hl7-client", "simple-hl7"])
def test_a_client_from_npm_sends_orders_and_understands_the_answers(serving, tmp_path, library):
    server = serving()
    files = [tmp_path / f"{number}.hl7" for number in (1, 2)]
    for file, order in zip(files, orders(), strict=True):
        file.write_bytes(order)
    answers = npm.send(library, server.ports[f"{ORG}-test"], files)
    assert [(one["code"], one["id"]) for one in answers] == ANSWERS
    eventually(lambda: placers(server) == ["LV-700101-1", "LV-700101-2"])


@pytest.mark.parametrize("library", ["node-hl7-server", "simple-hl7"])
def test_a_server_from_npm_files_results_and_its_answers_confirm_them(serving, library):
    """node-hl7-server keeps what came before on a connection and answers that again before the next message: what says
    that a message was taken is the answer under its own control id, and no other."""
    with npm.receiving(library) as receiver:
        server = serving(receiver.port)
        for number in (1, 2):
            server.order(ORG, order_message(ORG, number))
        eventually(lambda: len(placers(server)) == 2)
        delivered(server, [1, 2])
        server.close()
    assert {one["placer"] for one in receiver.filed} == {"LV-700101-1", "LV-700101-2"}
