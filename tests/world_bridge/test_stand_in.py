"""The world bridge against the stand-in world, with and without loss: each command takes effect once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from shop.bridge.v1 import bridge_pb2 as bridge
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from sim.world.model import Rules, Side, WorldModel
from sim.world.shell import WorldShell
from tests.world_bridge.fakes import buy
from tests.world_bridge.running import TICK, FulfilmentRecorder, caller_of, eventually, orders_svc, run, send_all
from tests.world_bridge.test_sockets import bridge_to
from world_bridge.bootstrap import WorldBridge

WAREHOUSES = [pb.InitWarehouse(warehouse_id=number, x=number, y=0) for number in (1, 2)]
PACKAGES = 100


class WorldMaker:
    """Directives for a world that we make, and come back to under its id."""

    def __init__(self) -> None:
        self.world_id: int | None = None

    def __call__(self, request: pb.AdvanceWorldRequest) -> pb.AdvanceWorldResponse:
        kind = request.WhichOneof("observation")
        if kind == "start" and self.world_id is None:
            return pb.AdvanceWorldResponse(dial=pb.Dial(world_epoch=1, warehouses=WAREHOUSES))
        if kind == "start":
            return pb.AdvanceWorldResponse(dial=pb.Dial(world_epoch=1, world_id=self.world_id))
        if request.connected.result != "connected!":
            return pb.AdvanceWorldResponse(redial=pb.Redial(reason=request.connected.result))
        self.world_id = request.connected.world_id
        return pb.AdvanceWorldResponse(open=pb.Open(world_epoch=1))


@asynccontextmanager
async def against(flakiness: int, seed: int) -> AsyncIterator[tuple[WorldShell, FulfilmentRecorder, WorldBridge]]:
    shell = WorldShell(WorldModel(Rules.quick(tick=TICK, poll=0.05, flakiness=flakiness), Random(seed)))
    port = await shell.open(Side.AMAZON, "127.0.0.1", 0)
    orders = FulfilmentRecorder()
    orders.advance = WorldMaker()
    try:
        async with orders_svc(orders) as server, bridge_to(f"127.0.0.1:{server.port}", port) as running:
            await eventually(lambda: running.core.connected, "the link is open")
            yield shell, orders, running
    finally:
        await shell.close()


def pack(command_id: int, shipment_id: int) -> bridge.Command:
    things = [bridge.Thing(offer_id=5, description="thing", count=1)]
    body = bridge.Pack(warehouse_id=1, shipment_id=shipment_id, things=things)
    return bridge.Command(command_id=command_id, world_epoch=1, pack=body)


@pytest.mark.parametrize("flakiness", [0, 60])
def test_each_command_takes_effect_once_and_each_result_is_told_once(flakiness: int) -> None:
    async def scenario() -> None:
        async with against(flakiness, seed=3) as (shell, orders, running), caller_of(running.server.port) as stub:
            await send_all(stub, 1, [buy(1, count=PACKAGES)])
            await eventually(lambda: orders.happened("arrived"))
            await send_all(stub, 1, [pack(1000 + number, number) for number in range(PACKAGES)])
            await eventually(lambda: len(orders.happened("packed")) >= PACKAGES, "all are packed")
            await eventually(lambda: running.core.status(0).unacked == 0, "all are acked")
            await eventually(lambda: len(orders.acked) == PACKAGES + 1)
            assert sorted(one.shipment_id for one in orders.happened("packed")) == list(range(PACKAGES))
            assert sorted(orders.acked) == [1, *range(1000, 1000 + PACKAGES)]
            book = shell.model.book
            assert sum(book.bought.values()) == sum(book.taken.values()) == PACKAGES
            assert all(len(one.packed) == 1 for one in book.packages.values())

    run(scenario)


def test_a_cut_connection_costs_no_command_and_none_is_done_twice() -> None:
    async def scenario() -> None:
        async with against(40, seed=4) as (shell, orders, running), caller_of(running.server.port) as stub:
            await send_all(stub, 1, [buy(1, count=PACKAGES)])
            await eventually(lambda: orders.happened("arrived"))
            for batch in range(4):
                commands = [pack(1000 + number, number) for number in range(batch * 25, batch * 25 + 25)]
                await send_all(stub, 1, commands)
                for connection in list(running.sockets._connections.values()):
                    connection.abort(ConnectionResetError("cut by the test"))
                await eventually(lambda: not running.core.connected)
                await eventually(lambda: running.core.connected)
            await eventually(lambda: len(set(orders.acked)) == PACKAGES + 1, "all are acked")
            book = shell.model.book
            assert len(book.packages) == PACKAGES
            await eventually(lambda: all(len(one.packed) == 1 for one in book.packages.values()))
            assert running.core.status(0).reconnects == 4

    run(scenario)


def test_a_restarted_bridge_finds_its_place_in_the_world_again() -> None:
    async def scenario() -> None:
        async with against(0, seed=5) as (shell, orders, running):
            address = running.core.attachment.identity.callback_address
            await running.stop()
            port = shell._listeners[Side.AMAZON].port
            async with orders_svc(orders) as server, bridge_to(f"127.0.0.1:{server.port}", port) as second:
                await eventually(lambda: second.core.connected)
                assert orders.attached[-1].callback_address != address
                async with caller_of(second.server.port) as stub:
                    await send_all(stub, 1, [buy(9, count=1)])
                    await eventually(lambda: orders.happened("arrived"))
                assert shell.model.book.worlds == [1]

    run(scenario)
