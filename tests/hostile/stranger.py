"""Raw connections of somebody we know nothing of; all are closed when the test is over."""

import asyncio
import resource
from contextlib import suppress
from typing import Any, ClassVar

import grpc.aio
import pytest

from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from wire.framing import encode_frame

DEADLINE = 60.0


@pytest.fixture
def enough_files() -> None:
    """A thousand connections need more files than a process may have by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))


class Stranger:
    """A raw connection."""

    everybody: ClassVar[list["Stranger"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.everybody.append(self)

    @classmethod
    async def at(cls, port: int) -> "Stranger":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    def say_message(self, message: ups.UAstart | ups.UACommand) -> None:
        self.writer.write(encode_frame(message.SerializePartialToString()))

    async def is_hung_up(self, seconds: float = DEADLINE) -> None:
        async with asyncio.timeout(seconds):
            with suppress(ConnectionError):
                while await self.reader.read(65536):
                    pass

    async def says_until_acked(self, message: ups.UAstart | ups.UACommand, number: int) -> None:
        """As partners do: who has much to say to us may have no room for an ack, which is then as if lost."""
        acked = asyncio.create_task(self.is_acked(number))
        while not acked.done():
            self.say_message(message)
            await asyncio.wait([acked], timeout=0.5)
        await acked

    async def is_acked(self, number: int) -> None:
        """Reads AUCommands until this number is acked."""
        async with asyncio.timeout(DEADLINE):
            while number not in (await self._hears()).acks:
                pass

    async def is_told(self) -> list[int]:
        """Reads AUCommands until there is a request for a truck; the numbers of those in it."""
        async with asyncio.timeout(DEADLINE):
            while not (requests := (await self._hears()).pickupRequests):
                pass
        return [one.seqNum for one in requests]

    async def _hears(self) -> ups.AUCommand:
        length = shift = 0
        while True:
            (byte,) = await self.reader.readexactly(1)
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return ups.AUCommand.FromString(await self.reader.readexactly(length))

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    def leave(self) -> None:
        self.writer.transport.abort()


async def everybody_leaves() -> None:
    """Closes what a test has opened; transports close in the loop's next round."""
    for stranger in Stranger.everybody:
        stranger.leave()
    for stranger in Stranger.everybody:
        with suppress(ConnectionError):
            await stranger.writer.wait_closed()
    Stranger.everybody.clear()


async def send_some(stub: Any, commands: list[bridge.Command], **planned: int) -> None:
    """Hands commands over, if the link is still open; `planned`: for UPS, the world and its announcement."""
    request = bridge.SendCommandsRequest(link_epoch=1, commands=commands, **planned)
    with suppress(grpc.aio.AioRpcError):
        await stub.SendCommands(request, timeout=60)
