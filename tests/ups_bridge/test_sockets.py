"""The UPS bridge over real sockets: partners come twice, speak nonsense, go and come back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import grpc
import pytest

from mesh.channel import open_aio_channel
from mesh.errors import Unavailable, read_error
from partners.ups import ups_pb2 as ups
from shop.bridge.v1 import bridge_pb2 as bridge
from tests.ups_bridge.fakes import FIRST, delivered, start, truck
from tests.world_bridge.running import (
    TOKENS,
    FulfilmentRecorder,
    caller_of,
    eventually,
    figures,
    orders_svc,
    run,
    send_all,
)
from ups_bridge import contract
from ups_bridge.bootstrap import UpsBridge
from ups_bridge.config import Settings
from wire.link import Connection, dial

STATUS = bridge.GetLinkStatusRequest()


@asynccontextmanager
async def bridge_to(fulfilment: str) -> AsyncIterator[UpsBridge]:
    settings = Settings(
        fulfilment_address=fulfilment, ups_listen="127.0.0.1:0", bridge_listen="127.0.0.1:0", metrics_port=0
    )
    channel = open_aio_channel(fulfilment, TOKENS.token_of("ups_bridge"))
    running = UpsBridge(settings, TOKENS, channel, boot_nonce="nonce", rng=Random(1))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def everything() -> AsyncIterator[tuple[FulfilmentRecorder, UpsBridge]]:
    orders = FulfilmentRecorder()
    async with orders_svc(orders) as server, bridge_to(f"127.0.0.1:{server.port}") as running:
        yield orders, running


class Partner:
    """One connection of a UPS; what it was told is collected as it is read."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.requests: list[int] = []
        self.redirects: set[int] = set()
        self.hello: ups.AUHello | None = None
        self.acks: list[int] = []

    def say(self, *messages: ups.UAstart | ups.UACommand) -> None:
        self.connection.send(*(message.SerializeToString() for message in messages))

    async def listen_until(self, *, requests: int = 0, acks: int = 0) -> None:
        while len(set(self.requests)) < requests or len(self.acks) < acks:
            bodies = await self.connection.receive(20)
            assert bodies, "the bridge hung up"
            for body in bodies:
                command = ups.AUCommand.FromString(body)
                self.requests += [one.seqNum for one in command.pickupRequests]
                self.redirects |= {one.seqNum for one in command.redirects}
                if command.HasField("hello"):
                    self.hello = command.hello
                self.acks += command.acks

    async def is_hung_up(self) -> bool:
        try:
            while await self.connection.receive(20):
                pass
        except ConnectionError:
            pass
        return True


@asynccontextmanager
async def partner(running: UpsBridge) -> AsyncIterator[Partner]:
    async with await dial("127.0.0.1", running.ups_port) as connection:
        yield Partner(connection)


def test_a_partner_announces_gets_requests_and_its_words_are_acked_after_the_report() -> None:
    async def scenario() -> None:
        async with everything() as (orders, running), partner(running) as ours, caller_of(running.server.port) as stub:
            ours.say(start(7, 1))
            await ours.listen_until(acks=1)
            assert [one.world_id for one in orders.happened("world_announced")] == [7]
            await send_all(stub, 1, [truck(number) for number in range(100, 130)], **FIRST)
            await ours.listen_until(requests=30)
            orders.refusal = Unavailable("DATABASE_AWAY", "away")
            ours.say(ups.UACommand(acks=range(100, 130)), delivered(2))
            await eventually(lambda: running.core.reporter.trouble)
            assert ours.acks == [1]
            orders.refusal = None
            await ours.listen_until(acks=2)
            assert ours.acks == [1, 2]
            assert sorted(orders.acked) == list(range(100, 130))
            status = await stub.GetLinkStatus(STATUS, timeout=60)
            assert (status.link, status.state, status.unacked) == ("ups", "open", 0)

    run(scenario)


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff\x07", b"\x80" * 6, b"GET / HTTP/1.1\r\n\r\n" * 5, b"\x00"])
def test_garbage_on_one_connection_does_not_disturb_the_other(garbage: bytes) -> None:
    async def scenario() -> None:
        async with everything() as (_, running), partner(running) as ours, caller_of(running.server.port) as stub:
            ours.say(start())
            await ours.listen_until(acks=1)
            async with partner(running) as stranger:
                stranger.connection.send_bytes(garbage)
                assert await stranger.is_hung_up()
            await send_all(stub, 1, [truck(1)], **FIRST)
            await ours.listen_until(requests=1)
            status = await stub.GetLinkStatus(STATUS, timeout=60)
            assert (status.bad_frames, status.connected) == (1, True)
            found = await figures(running.metrics.port)
            assert found['minimart_link_bad_frames_total{link="ups"}'] == 1
            assert found['minimart_link_world_epoch{link="ups"}'] == status.world_epoch > 0

    run(scenario)


def test_many_connections_that_announce_two_gibibytes_or_nothing_do_not_lock_the_partner_out() -> None:
    async def scenario() -> None:
        async with everything() as (_, running):
            strangers = [await dial("127.0.0.1", running.ups_port) for _ in range(100)]
            for at, stranger in enumerate(strangers):
                stranger.send_bytes(b"\xff\xff\xff\xff\x07" if at % 2 else b"\x05a")
            async with partner(running) as ours:
                ours.say(start())
                await ours.listen_until(acks=1)
            for stranger in strangers:
                await stranger.close()

    run(scenario)


def test_the_newest_partner_wins_and_gets_what_the_old_one_did_not_ack() -> None:
    async def scenario() -> None:
        async with everything() as (_, running), partner(running) as old, caller_of(running.server.port) as stub:
            old.say(start())
            await old.listen_until(acks=1)
            await send_all(stub, 1, [truck(1), truck(2)], **FIRST)
            await old.listen_until(requests=2)
            async with partner(running) as new:
                new.say(start(7, 1))
                assert await old.is_hung_up()
                await new.listen_until(requests=2, acks=1)

    run(scenario)


def test_frames_may_come_in_any_pieces() -> None:
    async def scenario() -> None:
        async with everything() as (orders, running), partner(running) as ours:
            frames = b"".join(
                bytes([len(body)]) + body
                for body in (one.SerializeToString() for one in (start(), delivered(2), delivered(3)))
            )
            for byte in frames:
                ours.connection.send_bytes(bytes([byte]))
                await ours.connection.drain()
            await ours.listen_until(acks=3)
            assert len(orders.happened("delivered")) == 2

    run(scenario)


def test_without_a_partner_commands_are_refused_with_the_reason() -> None:
    async def scenario() -> None:
        async with everything() as (orders, running), caller_of(running.server.port) as stub:
            await eventually(lambda: orders.renewals)
            with pytest.raises(grpc.RpcError) as caught:
                await stub.SendCommands(bridge.SendCommandsRequest(link_epoch=1, commands=[truck(1)]), timeout=60)
            failure = read_error(caught.value)
            assert (failure.reason, failure.message) == ("LINK_NOT_OPEN", "waiting for UPS to connect")

    run(scenario)


def test_any_start_order() -> None:
    async def scenario() -> None:
        orders = FulfilmentRecorder()
        async with orders_svc(FulfilmentRecorder()) as probe:
            address = f"127.0.0.1:{probe.port}"
        async with bridge_to(address) as running, partner(running) as ours:
            ours.say(start(), delivered(2))
            await eventually(lambda: "waiting for orders_svc" in running.core.state(0))
            async with orders_svc(orders, address):
                await ours.listen_until(acks=2)
                assert running.core.connected
            await eventually(lambda: "waiting for orders_svc" in running.core.state(0))
            ours.say(delivered(3))
            async with orders_svc(orders, address):
                await ours.listen_until(acks=3)

    run(scenario)


def test_the_command_line_may_look_and_commands_nothing() -> None:
    async def scenario() -> None:
        async with everything() as (_, running), caller_of(running.server.port, "cli") as stub:
            assert (await stub.GetLinkStatus(STATUS, timeout=60)).state
            with pytest.raises(grpc.RpcError) as caught:
                await stub.SendCommands(bridge.SendCommandsRequest(link_epoch=1, commands=[truck(1)]), timeout=60)
            assert read_error(caught.value).reason == "CALLER_NOT_ALLOWED"

    run(scenario)


def test_a_partner_that_names_features_is_greeted_asked_and_heard() -> None:
    async def scenario() -> None:
        async with everything() as (orders, running), partner(running) as ours, caller_of(running.server.port) as stub:
            lines = [str(line) for line in contract.LINES]
            at = next(number for number, line in enumerate(lines) if line.startswith("UACommand 3 "))
            lines[at] = "UACommand 8 repeated int64 acks"
            told = ups.Contract(fingerprint="0123456789abcdef", fields=lines)
            ours.say(ups.UAstart(worldid=7, seqnum=1, features=["redirect", "contract"], contract=told))
            await ours.listen_until(acks=1)
            there = bridge.Redirect(shipment_id=5, x=8, y=9)
            await send_all(stub, 1, [bridge.Command(command_id=50, world_epoch=1, redirect=there)], **FIRST)
            await eventually(lambda: running.core.status(running.runner.clock.now()).unacked == 1)
            answer = ups.UARedirectAnswer(seqNum=2, originSeqNum=50, shipId=5, accepted=True)
            ours.say(ups.UACommand(acks=[50], redirectAnswers=[answer]))
            await ours.listen_until(acks=2)
            assert [list(one.features) for one in orders.happened("world_announced")] == [["redirect", "contract"]]
            assert [one.command_id for one in orders.happened("redirect_answered")] == [50]
            status = await stub.GetLinkStatus(STATUS, timeout=5)
            assert status.contract_difference == "your UACommand.acks is field 8, ours is 3"
            assert ours.hello is not None
            assert ours.hello.contract == contract.ours()
            assert ours.redirects == {50}

    run(scenario)
