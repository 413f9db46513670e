"""The world bridge over real sockets: orders_svc and the world come, go, speak nonsense and come back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import grpc
import pytest

from mesh.channel import open_aio_channel
from mesh.errors import Unavailable, read_error
from partners.world import world_amazon_pb2 as world
from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from tests.world_bridge.fakes import buy, dial, open_
from tests.world_bridge.running import (
    TOKENS,
    FulfilmentRecorder,
    caller_of,
    eventually,
    figures,
    orders_svc,
    run,
)
from wire.errors import PeerDoesNotRead
from wire.link import Connection, listen
from world_bridge.bootstrap import WorldBridge
from world_bridge.config import Settings

STATUS = bridge.GetLinkStatusRequest()


def always_open(request: pb.AdvanceWorldRequest) -> pb.AdvanceWorldResponse:
    return dial() if request.WhichOneof("observation") == "start" else open_()


class ScriptedWorld:
    """Greets whoever connects, records what comes, and says what it is told to."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.commands: list[world.ACommands] = []

    async def serve(self, connection: Connection) -> None:
        greeted = False
        while bodies := await connection.receive():
            for body in bodies:
                if greeted:
                    self.commands.append(world.ACommands.FromString(body))
                else:
                    greeted = True
                    world_id = world.AConnect.FromString(body).worldid
                    connection.send(world.AConnected(worldid=world_id, result="connected!").SerializeToString())
                    self.connections.append(connection)

    def say(self, message: world.AResponses) -> None:
        self.connections[-1].send(message.SerializeToString())

    @property
    def acks(self) -> list[int]:
        return [ack for frame in self.commands for ack in frame.acks]

    @property
    def bought(self) -> set[int]:
        return {one.seqnum for frame in self.commands for one in frame.buy}


@asynccontextmanager
async def bridge_to(fulfilment: str, world_port: int, **settings: int) -> AsyncIterator[WorldBridge]:
    configured = Settings(
        fulfilment_address=fulfilment,
        world_address=f"127.0.0.1:{world_port}",
        bridge_listen="127.0.0.1:0",
        metrics_port=0,
        **settings,  # type: ignore[arg-type]
    )
    channel = open_aio_channel(fulfilment, TOKENS.token_of("world_bridge"))
    running = WorldBridge(configured, TOKENS, channel, boot_nonce="nonce", rng=Random(1))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def everything(peer: ScriptedWorld) -> AsyncIterator[tuple[FulfilmentRecorder, WorldBridge]]:
    """orders_svc, the scripted world and the bridge between them, open."""
    orders = FulfilmentRecorder()
    orders.advance = always_open
    listener = await listen("127.0.0.1", 0, peer.serve)
    try:
        async with orders_svc(orders) as server, bridge_to(f"127.0.0.1:{server.port}", listener.port) as running:
            await eventually(lambda: running.core.connected, "the link is open")
            yield orders, running
    finally:
        await listener.close()


def test_commands_go_out_results_come_in_and_are_acked_after_the_report() -> None:
    async def scenario() -> None:
        peer = ScriptedWorld()
        async with everything(peer) as (orders, running), caller_of(running.server.port) as stub:
            commands = [buy(number) for number in range(1, 4)]
            answer = await stub.SendCommands(bridge.SendCommandsRequest(link_epoch=1, commands=commands), timeout=60)
            assert answer.taken == 3
            await eventually(lambda: peer.bought == {1, 2, 3})
            status = await stub.GetLinkStatus(STATUS, timeout=60)
            assert (status.link, status.state, status.connected, status.unacked) == ("world", "open", True, 3)
            orders.refusal = Unavailable("DATABASE_AWAY", "away")
            peer.say(world.AResponses(acks=[1, 2, 3], ready=[world.APacked(shipid=8, seqnum=50)]))
            await eventually(lambda: running.core.reporter.trouble, "the report failed")
            assert peer.acks == []
            orders.refusal = None
            await eventually(lambda: peer.acks == [50])
            assert orders.acked == [1, 2, 3]
            assert [one.shipment_id for one in orders.happened("packed")] == [8]
            found = await figures(running.metrics.port)
            status = await stub.GetLinkStatus(STATUS, timeout=60)
            assert status.unacked == found['minimart_link_unacked{link="world"}'] == 0
            assert status.world_epoch == found['minimart_link_world_epoch{link="world"}'] > 0
            assert found['minimart_link_connected{link="world"}'] == 1
            assert found['minimart_link_elements_sent_total{link="world"}'] >= 3
            assert found['minimart_link_last_frame_timestamp_seconds{link="world"}'] > 1_600_000_000
            assert status.last_frame_at.seconds > 1_600_000_000

    run(scenario)


def test_the_command_line_may_look_and_commands_nothing() -> None:
    async def scenario() -> None:
        async with everything(ScriptedWorld()) as (_, running), caller_of(running.server.port, "cli") as stub:
            assert (await stub.GetLinkStatus(STATUS, timeout=60)).state
            with pytest.raises(grpc.RpcError) as caught:
                await stub.SendCommands(bridge.SendCommandsRequest(link_epoch=1, commands=[buy(1)]), timeout=60)
            assert read_error(caught.value).reason == "CALLER_NOT_ALLOWED"

    run(scenario)


def test_refusals_reach_the_caller_with_their_reason() -> None:
    async def scenario() -> None:
        async with everything(ScriptedWorld()) as (_, running), caller_of(running.server.port) as stub:
            for epoch, command, reason in ((2, buy(1), "STALE_EPOCH"), (1, buy(1, world_epoch=9), "INVALID_FIELD")):
                request = bridge.SendCommandsRequest(link_epoch=epoch, commands=[command])
                with pytest.raises(grpc.RpcError) as caught:
                    await stub.SendCommands(request, timeout=60)
                assert read_error(caught.value).reason == reason
            async with caller_of(running.server.port, "storefront") as stranger:
                with pytest.raises(grpc.RpcError) as caught:
                    await stranger.GetLinkStatus(STATUS, timeout=60)
                assert read_error(caught.value).code is grpc.StatusCode.PERMISSION_DENIED

    run(scenario)


@pytest.mark.parametrize(
    ("garbage", "head"),
    [
        (b"\xff\xff\xff\xff\x07", "ff ff ff ff 07"),
        (b"\x80" * 6, "80 80 80 80 80 80"),
        (b"\x03\xff\xff\xff", "ff ff ff"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n" * 3, "54 54 50 2f 31"),
    ],
)
def test_a_world_that_speaks_garbage_is_left_counted_and_connected_to_again(garbage: bytes, head: str) -> None:
    async def scenario() -> None:
        peer = ScriptedWorld()
        async with everything(peer) as (_, running), caller_of(running.server.port) as stub:
            await stub.SendCommands(bridge.SendCommandsRequest(link_epoch=1, commands=[buy(1)]), timeout=60)
            await eventually(lambda: 1 in peer.bought)
            peer.connections[-1].send_bytes(garbage)
            await eventually(lambda: len(peer.connections) == 2, "it connects again")
            peer.commands.clear()
            await eventually(lambda: 1 in peer.bought, "what was not acked is sent again")
            status = await stub.GetLinkStatus(STATUS, timeout=60)
            assert (status.bad_frames, status.reconnects) == (1, 1)
            assert running.sockets.counters.bad_head.startswith(head)

    run(scenario)


def test_any_start_order_and_any_absence() -> None:
    async def scenario() -> None:
        orders, peer = FulfilmentRecorder(), ScriptedWorld()
        orders.advance = always_open
        async with orders_svc(FulfilmentRecorder()) as probe:
            address = f"127.0.0.1:{probe.port}"
        listener = await listen("127.0.0.1", 0, peer.serve)
        port = listener.port
        await listener.close()
        async with bridge_to(address, port) as running:
            await eventually(lambda: "waiting for orders_svc" in running.core.state(0))
            async with orders_svc(orders, address):
                await eventually(lambda: "cannot reach" in running.core.state(0))
                listener = await listen("127.0.0.1", port, peer.serve)
                await eventually(lambda: running.core.connected, "the world came")
                await eventually(lambda: orders.renewals[-1].connected)
                await listener.close()
                await eventually(lambda: not running.core.connected, "the world went")
            listener = await listen("127.0.0.1", port, peer.serve)
            await eventually(lambda: "waiting for orders_svc" in running.core.state(0))
            async with orders_svc(orders, address):
                await eventually(lambda: running.core.connected, "both came back")
        await listener.close()

    run(scenario)


def test_another_owner_of_the_link_makes_it_let_go_and_attach_anew() -> None:
    async def scenario() -> None:
        peer = ScriptedWorld()
        async with everything(peer) as (orders, running):
            orders.epoch = 2
            await eventually(lambda: len(orders.attached) == 2)
            await eventually(lambda: running.core.connected)
            assert {one.boot_nonce for one in orders.attached} == {"nonce"}
            assert {one.callback_address for one in orders.attached} == {f"127.0.0.1:{running.server.port}"}

    run(scenario)


def test_a_world_that_never_reads_is_left_in_the_end() -> None:
    async def scenario() -> None:
        peer = ScriptedWorld()
        async with everything(peer) as (_, running):
            connection = running.sockets._connections[1]
            connection.abort(PeerDoesNotRead(1))
            await eventually(lambda: len(peer.connections) == 2)

    run(scenario)
