"""The world on real sockets: what arrives in pieces, ends half, or is no message at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups
from sim.world.model import Rules, Side, WorldModel
from sim.world.model.texts import MALFORMED
from sim.world.shell import WorldShell
from tests.sim.peers import RawClient, a_connect, buy, framed, load_below_sixty, u_connect

QUICK = Rules.quick(tick=0.05, poll=0.03)


@asynccontextmanager
async def world(rules: Rules = QUICK) -> AsyncIterator[tuple[WorldShell, int, int]]:
    shell = WorldShell(WorldModel(rules, Random(0)))
    try:
        yield shell, await shell.open(Side.AMAZON, "127.0.0.1", 0), await shell.open(Side.UPS, "127.0.0.1", 0)
    finally:
        await shell.close()


def on_sockets(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


@pytest.mark.parametrize("piece", [1, 2, 7, None])
def test_frames_may_come_in_any_pieces(piece: int | None) -> None:
    async def scenario() -> None:
        async with world() as (_, port, _), RawClient(port) as client:
            await client.send(a_connect(None, (1, 3, 4)), piece)
            assert (await client.read(amazon.AConnected)).result == "connected!"
            many = [framed(amazon.ACommands(buy=[buy(seqnum)])) for seqnum in range(300)]
            await client.send(b"".join(many), piece)
            acks: list[int] = []
            while len(acks) < 300:
                acks += (await client.read(amazon.AResponses)).acks
            assert acks == list(range(300))

    on_sockets(scenario)


@pytest.mark.parametrize(
    "hello",
    [b"\x00", b"\x03\xff\xff\xff", b"\xff" * 12, framed(amazon.AConnect(worldid=1)), b"\x02\x08\x01"],
    ids=["zero length", "garbage", "bad varint", "isAmazon is missing", "only a world"],
)
def test_garbage_instead_of_a_connect_is_answered_and_closed(hello: bytes) -> None:
    async def scenario() -> None:
        async with world() as (_, port, _), RawClient(port) as client:
            await client.send(hello)
            answer = await client.read(amazon.AConnected)
            assert answer.result == MALFORMED
            assert not answer.HasField("worldid")
            assert await client.read(amazon.AConnected) is None

    on_sockets(scenario)


def test_the_wrong_port_is_an_end_without_an_answer() -> None:
    async def scenario() -> None:
        async with world() as (_, port, _), RawClient(port) as client:
            await client.send(u_connect(None, (1, 0, 0)))
            assert await client.read(amazon.AConnected) is None

    on_sockets(scenario)


@pytest.mark.parametrize("end", ["half-close", "garbage", "missing field", "disconnect", "bad varint"])
def test_a_last_response_carries_what_is_pending(end: str) -> None:
    async def scenario() -> None:
        async with world() as (_, port, _), RawClient(port) as client:
            await client.send(a_connect(None, (1, 3, 4)))
            await client.read(amazon.AConnected)
            await client.send(framed(amazon.ACommands(buy=[buy(1)])))
            if end == "half-close":
                client.writer.write_eof()
            else:
                await client.send(
                    {
                        "garbage": b"\x03\xff\xff\xff",
                        "missing field": framed(amazon.ACommands(buy=[amazon.APurchaseMore(whnum=1)])),
                        "disconnect": framed(amazon.ACommands(disconnect=True)),
                        "bad varint": b"\xff" * 12,
                    }[end]
                )
            last = await client.read(amazon.AResponses)
            assert (list(last.acks), len(last.arrived)) == ([1], 1)
            # A tick may have passed in between, then `finished` comes in a response of its own.
            if not last.finished:
                last = await client.read(amazon.AResponses)
            assert last.finished
            assert await client.read(amazon.AResponses) is None

    on_sockets(scenario)


def test_a_huge_length_is_waited_for_and_hurts_nobody_else() -> None:
    async def scenario() -> None:
        async with world() as (shell, port, _), RawClient(port) as hostile, RawClient(port) as client:
            await hostile.send(b"\xff\xff\xff\xff\x07")
            await client.send(a_connect(None, (1, 3, 4)))
            assert (await client.read(amazon.AConnected)).result == "connected!"
            await client.send(framed(amazon.ACommands(buy=[buy(1)])))
            assert (await client.read(amazon.AResponses)).acks == [1]
            assert shell.model.book.events["malformed"] == 0
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await hostile.reader.read(1)

    on_sockets(scenario)


def test_a_side_is_taken_until_its_client_leaves() -> None:
    async def scenario() -> None:
        async with world() as (_, _, port):
            async with RawClient(port) as first, RawClient(port) as second:
                await first.send(u_connect(None, (1, 0, 0)))
                id_ = (await first.read(ups.UConnected)).worldid
                await second.send(u_connect(id_))
                refusal = await second.read(ups.UConnected)
                assert refusal.result.startswith(f"error: world with world_id {id_} is not available")
                assert await second.read(ups.UConnected) is None
            deadline = asyncio.get_running_loop().time() + 5
            while True:
                async with RawClient(port) as third:
                    await third.send(u_connect(id_))
                    if (await third.read(ups.UConnected)).result == "connected!":
                        break
                assert asyncio.get_running_loop().time() < deadline

    on_sockets(scenario)


def test_a_deadly_simspeed_ends_the_shell() -> None:
    async def scenario() -> None:
        async with world() as (shell, a_port, u_port), RawClient(a_port) as client:
            await load_below_sixty(client, u_port)
            await shell.died.wait()
            assert shell.model.died is not None

    on_sockets(scenario)
