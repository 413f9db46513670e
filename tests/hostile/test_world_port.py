"""A world that is none: whatever answers where the bridge dials, the bridge stays up, small and quick, and goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from partners.world import world_amazon_pb2 as world
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.hostile.services import Watched, service
from tests.hostile.stranger import send_some
from tests.world_bridge.fakes import buy, query
from tests.world_bridge.running import FulfilmentRecorder, caller_of, eventually, orders_svc, run
from wire.framing import encode_frame

CONNECTED = encode_frame(world.AConnected(worldid=7, result="connected!").SerializeToString())
ENDS = (-(2**63), -1, 0, 2**63 - 1)


class World:
    """Answers each connection with the same bytes, then does as told; counts who came."""

    def __init__(self) -> None:
        self.words = b""
        self.piece = 0
        self.then: Callable[[asyncio.StreamWriter], None] = lambda _: None
        self.dialled: list[float] = []
        self.heard = 0
        self.deaf = False
        self.writers: list[asyncio.StreamWriter] = []

    async def is_read_no_further(self) -> None:
        """Whoever is there has all that was said, or takes no more of it."""
        before: list[int] = []
        while (left := [writer.transport.get_write_buffer_size() for writer in self.writers]) != before:
            before = left
            await asyncio.sleep(1.0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled.append(asyncio.get_running_loop().time())
        self.writers.append(writer)
        try:
            if self.piece:
                for at in range(0, len(self.words), self.piece):
                    writer.write(self.words[at : at + self.piece])
                    await writer.drain()
                    await asyncio.sleep(1.0)
            else:
                writer.write(self.words)
                await writer.drain()
            self.then(writer)
            if self.deaf:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            while data := await reader.read(65536):
                self.heard += len(data)
        except ConnectionError:
            return
        finally:
            writer.transport.abort()


@asynccontextmanager
async def bridged(folder: Path) -> AsyncIterator[tuple[World, FulfilmentRecorder, Watched]]:
    """A world bridge as a process, between this world and an orders_svc that opens whatever says that it is one."""
    orders, peer = FulfilmentRecorder(), World()

    def advance(request: pb.AdvanceWorldRequest) -> pb.AdvanceWorldResponse:
        if request.WhichOneof("observation") == "start":
            return pb.AdvanceWorldResponse(dial=pb.Dial(world_epoch=1, world_id=7))
        if request.connected.result == "connected!":
            return pb.AdvanceWorldResponse(open=pb.Open(world_epoch=1))
        return pb.AdvanceWorldResponse(redial=pb.Redial(reason=request.connected.result))

    orders.advance = advance
    listener = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with orders_svc(orders) as server:
        manager = service(
            "world_bridge",
            folder,
            FULFILMENT_ADDRESS=f"127.0.0.1:{server.port}",
            WORLD_ADDRESS=f"127.0.0.1:{listener.sockets[0].getsockname()[1]}",
            BRIDGE_LISTEN="127.0.0.1:0",
        )
        watched = await asyncio.to_thread(manager.__enter__)
        try:
            await eventually(lambda: orders.renewals)
            watched.mark()
            yield peer, orders, watched
        except BaseException as error:
            await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__)
            raise
        finally:
            listener.close()
            for writer in peer.writers:
                writer.transport.abort()
            await asyncio.sleep(0)
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def a_good_world_is_found(peer: World, orders: FulfilmentRecorder) -> None:
    peer.words, peer.piece, peer.then = CONNECTED, 0, lambda _: None
    for writer in peer.writers:
        writer.transport.abort()
    await eventually(lambda: orders.renewals[-1].connected)


BAD = {
    "two gibibytes": b"\xff\xff\xff\xff\x07",
    "no length": b"\x80" * 6,
    "a greeting without a word": encode_frame(b"\x08\x07"),
    "an empty greeting": encode_frame(b""),
    "noise": bytes(range(256)) * 40,
    "two gibibytes later": CONNECTED + b"\xff\xff\xff\xff\x07",
    "words without a number": CONNECTED
    + encode_frame(world.AResponses(ready=[world.APacked(shipid=1)]).SerializePartialToString()),
    "half a frame": CONNECTED + b"\x10abc",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bytes_end_a_connection_and_the_next_one_comes_without_haste(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, watched):
            peer.words = BAD[name]
            peer.then = lambda writer: writer.close() if name == "half a frame" else None
            count = len(peer.dialled)
            await eventually(lambda: len(peer.dialled) >= count + 8)
            assert watched.grown < 15.0
            assert watched.cpu < 5.0
            await a_good_world_is_found(peer, orders)

    run(scenario)


def test_a_world_that_drips_its_greeting_is_left_after_a_while(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, watched):
            peer.words, peer.piece = encode_frame(b"x" * 100), 1
            for writer in peer.writers:
                writer.transport.abort()
            before = len(peer.dialled)
            await eventually(lambda: len(peer.dialled) > before)
            renewals = len(orders.renewals)
            await eventually(lambda: len(orders.renewals) > renewals)
            # The greeting would take more than a minute and a half.
            await eventually(lambda: len(peer.dialled) > before + 1, seconds=60)
            assert watched.cpu < 5.0
            await a_good_world_is_found(peer, orders)

    run(scenario)


def test_a_world_that_drips_inside_a_frame_is_spoken_to_meanwhile_and_heard_in_the_end(tmp_path: Path) -> None:
    words = encode_frame(world.AResponses(ready=[world.APacked(shipid=5, seqnum=1)]).SerializeToString())

    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, watched), caller_of(watched.port()) as stub:
            await a_good_world_is_found(peer, orders)
            (writer,) = [one for one in peer.writers if not one.is_closing()]
            renewals, dialled = len(orders.renewals), len(peer.dialled)
            writer.write(words[:1])
            heard = peer.heard
            await send_some(stub, [buy(1, count=1)])
            await eventually(lambda: peer.heard > heard)
            for byte in words[1:]:
                assert not orders.happened("packed")
                await asyncio.sleep(1.0)
                writer.write(bytes([byte]))
            await eventually(lambda: orders.happened("packed"))
            assert len(orders.renewals) > renewals + 5
            assert (len(peer.dialled), orders.renewals[-1].connected) == (dialled, True)
            assert watched.cpu < 5.0

    run(scenario)


def test_a_world_that_never_reads_is_left_and_costs_what_a_queue_holds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, watched), caller_of(watched.port()) as stub:
            peer.words, peer.deaf = CONNECTED, True
            for writer in peer.writers:
                writer.transport.abort()
            await eventually(lambda: orders.renewals[-1].connected)
            commands = [buy(number, count=1) for number in range(1, 400)]
            for command in commands:
                command.buy.things[0].description = "x" * 200_000
            for at in range(0, len(commands), 4):
                await send_some(stub, commands[at : at + 4])
            count = len(peer.dialled)
            await eventually(lambda: len(peer.dialled) > count, seconds=60)
            # What waits for the world is kept (80 MB of it), what was written to the deaf one is not kept twice.
            assert watched.grown < 80.0 + 60.0
            peer.deaf = False
            await a_good_world_is_found(peer, orders)

    run(scenario)


@pytest.mark.parametrize("held", [False, True])
def test_a_flood_of_events_is_bounded(tmp_path: Path, held: bool) -> None:
    """`held`: before the connection is opened, when events wait and nothing is reported."""

    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, watched):
            if held:
                ask = pb.Ask(world_epoch=1, commands=[query(1, 5)])
                before = orders.advance
                orders.advance = lambda request: (
                    pb.AdvanceWorldResponse(ask=ask) if request.HasField("connected") else before(request)
                )
            frames = [
                encode_frame(
                    world.AResponses(
                        ready=[world.APacked(shipid=n, seqnum=n) for n in range(at, at + 1000)]
                    ).SerializeToString()
                )
                for at in range(0, 150_000, 1000)
            ]
            peer.words = CONNECTED + b"".join(frames)
            count = len(peer.dialled)
            for writer in peer.writers:
                writer.transport.abort()
            await eventually(lambda: len(peer.dialled) > count)
            if held:
                # Nobody opens the connection: it is read as far as there is room, and no further.
                await peer.is_read_no_further()
                assert not orders.happened("packed")
            else:
                await eventually(lambda: len(orders.happened("packed")) >= 20_000, seconds=60)
            assert watched.grown < 100.0
            peer.words = b""
            if held:
                orders.advance = before
            await a_good_world_is_found(peer, orders)

    run(scenario)


def test_numbers_at_the_ends_of_their_types_are_told_as_they_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bridged(tmp_path) as (peer, orders, _):
            things = [world.AProduct(id=n, description="x" * 100_000, count=n % 7) for n in ENDS[:2]]
            said = world.AResponses(
                arrived=[world.APurchaseMore(whnum=-(2**31), things=things, seqnum=5)],
                ready=[world.APacked(shipid=-n - 1, seqnum=n) for n in ENDS],
                packagestatus=[world.APackage(packageid=ENDS[0], status="\0?" * 9000, seqnum=6)],
                error=[world.AErr(err="", originseqnum=ENDS[-1], seqnum=7)],
                acks=ENDS,
            )
            peer.words = CONNECTED + encode_frame(said.SerializeToString())
            for writer in peer.writers:
                writer.transport.abort()
            await eventually(lambda: len(orders.happened("packed")) >= len(ENDS))
            assert [one.shipment_id for one in orders.happened("packed")] == [-n - 1 for n in ENDS]
            (arrived,), (status,), (failed,) = map(orders.happened, ("arrived", "package_status", "command_failed"))
            assert (arrived.warehouse_id, [one.offer_id for one in arrived.things]) == (-(2**31), list(ENDS[:2]))
            assert (status.shipment_id, len(status.status)) == (ENDS[0], 1000)
            assert (failed.command_id, failed.text) == (ENDS[-1], "")

    run(scenario)
