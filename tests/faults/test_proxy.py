"""The proxy does to connections what it says: a fault that never happens proves nothing."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import BLACK_HOLE, LATE_ANSWER, LOST_ANSWER, ONE_BYTE, SOUND, STALLED, Flow, Plan, Proxy
from tests.transport.network import on_a_loop, receiving, until


@asynccontextmanager
async def through(*plans):
    """A client of an echo behind the proxy, and what reached the echo."""
    got = bytearray()

    async def echo(reader, writer):
        while data := await reader.read(65536):
            got.extend(data)
            writer.write(data)
            await writer.drain()

    async with receiving(echo) as receiver, Proxy(receiver.port, plans) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        yield proxy, reader, writer, got
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("plan", [SOUND, ONE_BYTE, Plan(Flow(latency=0.01), Flow(latency=0.01))])
@on_a_loop
async def test_a_sound_connection_passes_everything(plan):
    async with through(plan) as (_, reader, writer, _):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b""


@on_a_loop
async def test_a_lost_answer_reaches_nobody_but_the_question_does():
    async with through(LOST_ANSWER) as (proxy, reader, writer, got):
        writer.write(b"hello")
        await until(lambda: got == b"hello")
        writer.write_eof()
        assert await reader.read() == b""
        assert proxy.passed_to_client == 0


@on_a_loop
async def test_a_late_answer_comes_when_it_is_let_go():
    async with through(LATE_ANSWER) as (proxy, reader, writer, got):
        writer.write(b"hello")
        await until(lambda: got == b"hello")
        await asyncio.sleep(0.02)
        assert proxy.passed_to_client == 0
        proxy.let_go()
        assert await reader.readexactly(5) == b"hello"


@on_a_loop
async def test_a_black_hole_takes_everything_and_passes_nothing():
    async with through(BLACK_HOLE) as (proxy, _, writer, got):
        writer.write(b"x" * 2**24)
        await writer.drain()
        assert (bytes(got), proxy.passed_to_server) == (b"", 0)


@on_a_loop
async def test_a_stalled_connection_takes_no_more_than_buffers_hold():
    async with through(STALLED) as (_, _, writer, _):
        writer.write(b"x" * 2**26)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.1)


@on_a_loop
async def test_a_reset_comes_after_as_many_bytes_as_it_was_told():
    async with through(Plan(to_server=Flow(passes=3, then="reset"))) as (_, reader, writer, got):
        writer.write(b"hello")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(5)
        assert b"hel".startswith(bytes(got))


@on_a_loop
async def test_a_half_close_leaves_the_other_direction_open():
    async with through(Plan(to_client=Flow(passes=2, then="close"))) as (_, reader, writer, got):
        writer.write(b"hello")
        assert await reader.read() == b"he"
        writer.write(b"again")
        await until(lambda: got == b"helloagain")


@on_a_loop
async def test_each_connection_has_its_plan_and_the_last_one_stays():
    async with through(LOST_ANSWER, SOUND) as (proxy, _, _, _):
        for number in (2, 3):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            assert proxy.connections == number
            writer.transport.abort()
