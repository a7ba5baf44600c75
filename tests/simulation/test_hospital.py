"""What a simulated hospital does about messages: it files, refuses, forgets to answer, and keeps its word in a file."""

from __future__ import annotations

import asyncio
from typing import Self

import pytest

from segwright.hl7.acknowledgement import acknowledge, header_of
from segwright.simulation.mode import Conduct, Memory, mode_of
from segwright.simulation.record import Record, events
from segwright.transport.framing import Frame, Parser, frame
from segwright.transport.sender import Destination
from tests.simulation.conftest import ROOT, result


def run(work):
    return asyncio.run(work())


def test_a_result_is_filed_before_it_is_answered(scenes):
    async def work():
        async with scenes() as scene:
            client = await scene.client()
            assert await client.ask(result()) == "MSA|AA|M1"
            (event,) = scene.events()
            assert (event.what, event.control_id, event.type, event.status, event.door) == (
                "filed",
                "M1",
                "ORU^R01",
                "F",
                "outbound",
            )
            assert event.segments[0].startswith("MSH|")

    run(work)


@pytest.mark.parametrize(
    ("memory", "answer", "what"),
    [
        ("honours", "MSA|AA|M1", ["filed", "repeated"]),
        ("blind", "MSA|AA|M1", ["filed", "filed"]),
        ("averse", "MSA|AR|M1", ["filed", "refused"]),
    ],
)
def test_a_repeat_is_known_by_its_control_id_also_after_a_restart(scenes, memory, answer, what):
    async def work():
        async with scenes(memory) as scene:
            await (await scene.client()).ask(result())
        async with scenes(memory) as scene:
            assert (await (await scene.client()).ask(result())).split("\r")[0].startswith(answer)
            assert scene.whats() == what

    run(work)


def test_another_message_under_a_control_id_that_was_filed_is_refused(scenes):
    async def work():
        async with scenes("blind") as scene:
            client = await scene.client()
            await client.ask(result())
            answer = await client.ask(result(without="OBX-8"))
            assert answer.startswith("MSA|AR|M1")
            assert "205" in answer
            assert scene.whats() == ["filed", "refused"]

    run(work)


@pytest.mark.parametrize("field", ["OBR-22", "OBR-25", "PID-3", "ORC-3"])
def test_a_result_without_a_mandatory_field_is_refused_at_that_field(scenes, field):
    async def work():
        async with scenes() as scene:
            answer = await (await scene.client()).ask(result(without=field))
            msa, *errs = answer.split("\r")
            assert msa == "MSA|AE|M1"
            segment, number = field.split("-")
            assert any(
                err.split("|")[2].startswith(f"{segment}^1^{number}") and err.split("|")[3].startswith("101")
                for err in errs
            )
            assert scene.whats() == ["refused"]

    run(work)


@pytest.mark.parametrize(("place", "value"), [(2, "SOMEBODY"), (4, "ELSEWHERE"), (10, "P"), (8, "ADT^A01")])
def test_a_message_that_was_not_agreed_is_rejected(scenes, place, value):
    async def work():
        head, _, rest = result().decode().partition("\r")
        fields = head.split("|")
        fields[place] = value
        async with scenes() as scene:
            answer = await (await scene.client()).ask(("|".join(fields) + "\r" + rest).encode())
            assert answer.startswith("MSA|AR|M1")
            assert scene.whats() == ["refused"]

    run(work)


def test_what_is_no_hl7_is_not_filed_and_ends_the_connection(scenes):
    async def work():
        async with scenes() as scene:
            assert await (await scene.client()).ask(b"hello") == ""
            assert scene.whats() == ["ignored"]

    run(work)


@pytest.mark.parametrize(("conduct", "what"), [("lossy", "filed"), ("down", "ignored")])
def test_a_lossy_or_falling_hospital_ends_the_connection_without_an_answer(scenes, conduct, what):
    async def work():
        async with scenes(conduct) as scene:
            assert await (await scene.client()).ask(result()) == ""
            assert scene.whats() == [what]

    run(work)


def test_a_hospital_that_went_down_comes_back_at_the_same_address(scenes):
    async def work():
        async with scenes() as scene:
            scene.hospital.next(Conduct.DOWN)
            await (await scene.client()).ask(result())
            with pytest.raises(OSError):  # noqa: PT011 - refused, whatever it is called
                await scene.client()
            for _ in range(200):
                await asyncio.sleep(0.02)
                try:
                    client = await scene.client()
                    break
                except OSError:
                    continue
            assert await client.ask(result()) == "MSA|AA|M1"

    run(work)


def test_a_dead_hospital_reads_and_says_nothing(scenes):
    async def work():
        async with scenes("dead") as scene:
            client = await scene.client()
            await client.say(result())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.hear(), 0.3)
            assert scene.whats() == ["ignored"]

    run(work)


def test_a_slow_and_a_late_answer_come_in_the_end(scenes):
    async def work():
        async with scenes("slow", "late") as scene:
            client = await scene.client()
            for number in range(6):
                assert await client.ask(result(f"M{number}")) == f"MSA|AA|M{number}"
            assert set(scene.whats()) == {"filed"}

    run(work)


def test_a_wrong_id_names_another_message(scenes):
    async def work():
        async with scenes("wrong-id") as scene:
            client = await scene.client()
            assert (await client.ask(result("M1"))).split("|")[2] not in ("", "M1")
            assert (await client.ask(result("M2"))).split("|")[2] == "M1"

    run(work)


def test_two_phases_on_one_connection(scenes):
    async def work():
        async with scenes("two-phase") as scene:
            client = await scene.client()
            assert await client.ask(result()) == "MSA|CA|M1"
            assert b"\rMSA|AA|M1" in (await client.hear() or b"")
            await asyncio.sleep(0.05)
            assert scene.whats() == ["filed", "confirmed"]

    run(work)


def test_a_refusing_hospital_names_a_mandatory_field_and_files_nothing(scenes):
    async def work():
        async with scenes("refusing") as scene:
            answer = await (await scene.client()).ask(result())
            assert answer.startswith("MSA|AE|M1")
            assert "|101^" in answer
            assert scene.whats() == ["refused"]

    run(work)


def test_a_transient_trouble_is_gone_the_second_time(scenes):
    async def work():
        async with scenes("transient") as scene:
            client = await scene.client()
            first = await client.ask(result())
            assert first.startswith("MSA|AE|M1")
            assert "207" in first
            assert await client.ask(result()) == "MSA|AA|M1"
            assert scene.whats() == ["refused", "filed"]

    run(work)


class Inbound:
    """The other end, where a hospital's own messages arrive: answers the n-th message as `replies` says, None closes."""

    def __init__(self, *replies: str | None) -> None:
        self.got: list[bytes] = []
        self._replies = list(replies)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.destination = Destination("127.0.0.1", self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        while data := await reader.read(65536):
            for event in parser.feed(data):
                assert isinstance(event, Frame)
                self.got.append(event.content)
                reply = self._replies.pop(0) if self._replies else "AA"
                if reply is None:
                    writer.close()
                    return
                header = header_of(event.content)
                writer.write(frame(acknowledge(header, reply, control_id="X1", time="20260101")))  # type: ignore[arg-type]
        writer.close()


def test_an_application_acknowledgement_that_was_owed_when_it_was_killed_is_sent_after_the_restart(scenes):
    async def work():
        async with Inbound(None, "CA", "CA") as inbound:
            async with scenes("two-phase-elsewhere", inbound=inbound.destination) as scene:
                assert await (await scene.client()).ask(result()) == "MSA|CA|M1"
                while not inbound.got:
                    await asyncio.sleep(0.01)
            async with scenes(inbound=inbound.destination) as scene:
                while "confirmed" not in scene.whats():
                    await asyncio.sleep(0.01)
            assert inbound.got[0] == inbound.got[1]
            assert b"\rMSA|AA|M1" in inbound.got[1]

    run(work)


def test_orders_are_sent_with_fresh_numbers_also_after_a_restart(scenes):
    from segwright.simulation.orders import samples_of

    cases = ROOT / "orgs" / "larkspur" / "cases"
    samples = samples_of(
        [(cases / f"order_{what}" / "order.hl7").read_bytes() for what in ("new", "change", "cancel")], "ascii"
    )

    async def work():
        made = []
        async with Inbound() as inbound:
            for _ in range(2):
                async with scenes(inbound=inbound.destination) as scene:
                    one, answer = await scene.hospital.order(samples)
                    assert answer.code == "AA"
                    made.append(one)
            async with scenes(inbound=inbound.destination) as scene:
                cancel, _ = await scene.hospital.order(samples, "cancel", 1)
        assert len({one.control_id for one in [*made, cancel]}) == 3
        assert len({one.placer for one in made}) == 2
        assert cancel.placer == made[0].placer
        assert scene.whats() == ["sent", "answered"] * 3

    run(work)


def test_an_order_that_is_not_answered_is_said_to_be_so(scenes):
    from segwright.simulation.orders import samples_of

    samples = samples_of([(ROOT / "orgs" / "larkspur" / "cases" / "order_new" / "order.hl7").read_bytes()], "ascii")

    async def work():
        async with Inbound(None, "AA") as inbound, scenes(inbound=inbound.destination) as scene:
            made, answer = await scene.hospital.order(samples)
            assert answer is None
            assert (await scene.hospital.send(made)).code == "AA"
            assert scene.whats() == ["sent", "unanswered", "sent", "answered"]
            assert inbound.got[0] == inbound.got[1]

    run(work)


def test_a_line_that_was_cut_short_by_a_kill_did_not_happen(tmp_path):
    from segwright.simulation.record import Event

    file = tmp_path / "h.jsonl"
    record = Record(file)
    record.add(Event("2026-01-01T00:00:00.000Z", "filed", "M1"))
    record.close()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])
    again = Record(file)
    assert [event.control_id for event in again.before] == ["M1"]
    again.add(Event("2026-01-01T00:00:01.000Z", "filed", "M2"))
    again.close()
    assert [event.control_id for event in events(file)] == ["M1", "M2"]


def test_a_mode_is_said_in_words():
    mode = mode_of(["blind prompt=8", "lossy=2,late"])
    assert mode.memory is Memory.BLIND
    assert mode.weights == {Conduct.PROMPT: 8, Conduct.LOSSY: 2, Conduct.LATE: 1}
    assert mode_of([]).weights == {Conduct.PROMPT: 1}
    for wrong in ("sleepy", "lossy=0", "lossy=x", "blind=2"):
        with pytest.raises(ValueError, match=wrong.partition("=")[0]):
            mode_of([wrong])
