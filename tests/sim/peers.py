"""Raw clients for the shells' tests: own framing, so that a mistake of ours is not shared."""

import asyncio
from types import TracebackType
from typing import Any, Self

from partners.world import world_amazon_pb2 as amazon
from partners.world import world_ups_pb2 as ups

DEADLINE = 60.0


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number % 128 + 128])
        number //= 128
    return out + bytes([number])


def framed(message: Any) -> bytes:
    body = message.SerializePartialToString()
    return varint(len(body)) + body


class RawClient:
    """One TCP connection; every wait has a deadline."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    async def send(self, data: bytes, piece: int | None = None) -> None:
        for start in range(0, len(data), piece or max(1, len(data))):
            self.writer.write(data[start : start + (piece or len(data))])
            await self.writer.drain()

    async def read(self, kind: Any) -> Any:
        """The next message, or None at a clean end."""
        async with asyncio.timeout(DEADLINE):
            length = shift = 0
            while True:
                byte = await self.reader.read(1)
                if not byte:
                    assert shift == 0
                    return None
                length |= (byte[0] & 127) << shift
                shift += 7
                if byte[0] < 128:
                    break
            message = kind()
            message.MergeFromString(await self.reader.readexactly(length))
            return message


def a_connect(world: int | None = None, *warehouses: tuple[int, int, int]) -> bytes:
    hello = amazon.AConnect(isAmazon=True, worldid=world)
    for id_, x, y in warehouses:
        hello.initwh.add(id=id_, x=x, y=y)
    return framed(hello)


def u_connect(world: int | None = None, *trucks: tuple[int, int, int]) -> bytes:
    hello = ups.UConnect(isAmazon=False, worldid=world)
    for id_, x, y in trucks:
        hello.trucks.add(id=id_, x=x, y=y)
    return framed(hello)


def buy(seqnum: int, warehouse: int = 1, count: int = 1) -> amazon.APurchaseMore:
    return amazon.APurchaseMore(
        whnum=warehouse, things=[amazon.AProduct(id=1, description="apple", count=count)], seqnum=seqnum
    )


async def load_below_sixty(client: RawClient, ups_port: int) -> None:
    """Bring a package to a truck in a new world, and ask for its load at simspeed 50."""
    await client.send(a_connect(None, (1, 0, 0)))
    world = (await client.read(amazon.AConnected)).worldid
    async with RawClient(ups_port) as trucks:
        await trucks.send(u_connect(world, (1, 0, 0)))
        await trucks.read(ups.UConnected)
        await trucks.send(framed(ups.UCommands(pickups=[ups.UGoPickup(truckid=1, whid=1, seqnum=1)])))
        await client.send(framed(amazon.ACommands(topack=[amazon.APack(whnum=1, shipid=7, seqnum=1)])))
        while not (await client.read(amazon.AResponses)).ready:
            pass
        while not (await trucks.read(ups.UResponses)).completions:
            pass
    load = amazon.APutOnTruck(whnum=1, truckid=1, shipid=7, seqnum=2)
    await client.send(framed(amazon.ACommands(simspeed=50)))
    await client.send(framed(amazon.ACommands(load=[load])))
