"""Both bridges between the real orders_svc and both stand-ins, on real sockets: orders are delivered exactly once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, Select, func, select

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.orders import Order
from db.orders.shipments import Shipment
from db.seed.shop import seed_shop
from db.shop.accounts import User
from mesh.channel import acting_for, open_aio_channel
from mesh.identity import Tokens
from orders_svc.bootstrap import bootstrap
from orders_svc.config import Settings as OrdersSettings
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from sim.dialler import Dialler
from sim.links import Link
from sim.ups.model import Settings as UpsSettings
from sim.ups.model import UpsModel
from sim.world.model import Rules, Side, WorldModel
from sim.world.shell import WorldShell
from tests.world_bridge.running import TICK, TOKENS, eventually, run, tokens_file
from ups_bridge.bootstrap import UpsBridge
from ups_bridge.config import Settings as UpsBridgeSettings
from world_bridge.bootstrap import WorldBridge
from world_bridge.config import Settings as WorldBridgeSettings


@asynccontextmanager
async def stand_in_world(flakiness: int = 0) -> AsyncIterator[tuple[WorldShell, int, int]]:
    rules = Rules.quick(tick=TICK, poll=0.05, default_simspeed=10_000, flakiness=flakiness)
    shell = WorldShell(WorldModel(rules, Random(7)))
    try:
        yield shell, await shell.open(Side.AMAZON, "127.0.0.1", 0), await shell.open(Side.UPS, "127.0.0.1", 0)
    finally:
        await shell.close()


class Shop:
    """orders_svc with a database of its own, both bridges, and a UPS that joins or makes a world."""

    def __init__(self, engine: Engine, orders: str, world: WorldBridge, ups: UpsBridge, partner: UpsModel) -> None:
        self.engine = engine
        self.orders = orders
        self.world = world
        self.ups = ups
        self.partner = partner

    async def place(self, count: int) -> None:
        with self.engine.begin() as connection:
            user_id = connection.execute(select(func.min(User.id))).scalar_one()
        async with open_aio_channel(self.orders, TOKENS.token_of("cli")) as channel:
            stub: Any = orders_pb2_grpc.OrdersServiceStub(channel)
            for number in range(count):
                request = orders_pb2.PlaceOrderRequest(
                    request_id=f"request-{number}",
                    items=[orders_pb2.OrderItem(offer_id=1 + number % 5, quantity=1)],
                    destination=orders_pb2.Address(x=number % 11, y=number % 7),
                )
                await stub.PlaceOrder(request, metadata=acting_for(user_id), timeout=60)

    def count(self, query: Select[Any]) -> int:
        with self.engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def delivered(self) -> int:
        return self.count(select(func.count()).where(Shipment.ended_at.is_not(None)))


@asynccontextmanager
async def shop(folder: Path, world_port: int, ups_port: int, join: int | None = None) -> AsyncIterator[Shop]:
    folder.mkdir(exist_ok=True)
    tokens_file(folder)
    tokens = Tokens.load(folder / "service-tokens")
    database = f"sqlite:///{folder / 'shop.db'}"
    settings = OrdersSettings(
        DATABASE_URL=database,  # type: ignore[call-arg]
        data_dir=folder,
        orders_listen="127.0.0.1:0",
        fulfilment_listen="127.0.0.1:0",
        world_tick=TICK,
        lease_seconds=1.0,
    )
    service = await asyncio.to_thread(bootstrap, settings)
    engine = make_engine(database, SystemClock())
    await asyncio.to_thread(seed_shop, engine, SystemClock())
    service.start()
    fulfilment = f"127.0.0.1:{service.fulfilment.port}"
    ups = UpsBridge(
        UpsBridgeSettings(fulfilment_address=fulfilment, ups_listen="127.0.0.1:0", bridge_listen="127.0.0.1:0"),
        tokens,
        open_aio_channel(fulfilment, tokens.token_of("ups_bridge")),
        boot_nonce="ups",
        rng=Random(1),
    )
    world = WorldBridge(
        WorldBridgeSettings(
            fulfilment_address=fulfilment, world_address=f"127.0.0.1:{world_port}", bridge_listen="127.0.0.1:0"
        ),
        tokens,
        open_aio_channel(fulfilment, tokens.token_of("world_bridge")),
        boot_nonce="world",
        rng=Random(2),
    )
    await ups.start()
    await world.start()
    partner = UpsModel(UpsSettings(tick=TICK, join=join), Random(3))
    dialler = Dialler(partner, {Link.WORLD: ("127.0.0.1", ups_port), Link.SHOP: ("127.0.0.1", ups.ups_port)})
    dialler.start()
    try:
        yield Shop(engine, f"127.0.0.1:{service.public.port}", world, ups, partner)
    finally:
        await dialler.close()
        await world.stop()
        await ups.stop()
        await asyncio.to_thread(service.stop)
        engine.dispose()


@pytest.mark.parametrize("flakiness", [0, 60])
def test_a_hundred_orders_at_once_are_each_packed_loaded_and_delivered_once(flakiness: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_world(flakiness) as (shell, a_port, u_port), shop(tmp_path, a_port, u_port) as ours:
            await ours.place(100)
            await eventually(lambda: ours.delivered() >= 100, "all are delivered", 60)
            book = shell.model.book
            assert ours.partner.world_id is not None
            assert len(book.delivered_once(ours.partner.world_id)) == 100
            assert ours.count(select(func.count()).select_from(Order)) == 100

    run(scenario, 90)


def test_a_fresh_database_works_in_a_used_world(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_world() as (shell, a_port, u_port):
            async with shop(tmp_path / "first", a_port, u_port) as first:
                await first.place(5)
                await eventually(lambda: first.delivered() >= 5, "delivered by the first shop")
                world_id = first.partner.world_id
            async with shop(tmp_path / "second", a_port, u_port, join=world_id) as second:
                await second.place(5)
                await eventually(lambda: second.delivered() >= 5, "delivered by the second shop", 60)
                assert second.partner.world_id == world_id
            assert world_id is not None
            assert len(shell.model.book.delivered_once(world_id)) == 10
            assert shell.model.book.worlds == [world_id]

    run(scenario, 120)


def test_orders_survive_a_cut_of_either_connection_at_any_moment(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_world(40) as (shell, a_port, u_port), shop(tmp_path, a_port, u_port) as ours:
            rng = Random(5)
            await ours.place(40)
            loop = asyncio.get_running_loop()
            began, cuts = loop.time(), 0
            while ours.delivered() < 40:
                assert loop.time() < began + 80, f"{ours.delivered()} of 40 are delivered"
                if cuts < 8 and loop.time() > began + cuts * 0.7:
                    cuts += 1
                    link = ours.world if rng.random() < 0.5 else ours.ups
                    for connection in list(link.sockets._connections.values()):
                        connection.abort(ConnectionResetError("cut by the test"))
                await asyncio.sleep(0.02)
            assert ours.partner.world_id is not None
            assert len(shell.model.book.delivered_once(ours.partner.world_id)) == 40

    run(scenario, 110)
