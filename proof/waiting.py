"""A shop with thousands of orders that wait, between a stand-in world and a UPS that says only what it is told to say.

    sim world <- tap <- world_bridge            silent UPS -> ups_bridge

Rules: the shop is `minimart up`, on SQLite, as anybody starts it; the orders are placed before it starts, by the use
case itself; the tap passes everything on, loses packs when it is told to, and knows when the last pack came by; the
silent UPS announces the world, acks if it is told to, and sends no truck. What is measured with it is elsewhere
(`proof.bench_waiting`).
"""

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

import psutil
from google.protobuf.message import DecodeError
from sqlalchemy import Engine, func, select

from db.clock import SystemClock
from db.engine import make_engine, read_only
from db.migrate import upgrade
from db.orders.links import World
from db.orders.messages import OutboxRow
from db.orders.news import OrderNews
from db.orders.orders import Order
from db.orders.shipments import Shipment
from db.seed.shop import seed_shop
from db.shop.mails import Mail, MailState
from mesh.identity import Tokens
from mesh.settings import parse_address
from orders_svc.domain.lifecycle import Goods
from orders_svc.domain.patience import Patience
from orders_svc.service.app import App
from orders_svc.service.installation import install
from orders_svc.service.placing import Item, PlaceOrder
from partners.ups import ups_pb2
from partners.world import world_amazon_pb2
from proof.processes import DidNotStartError, free_address, running, wait_for_health
from proof.usage import cpu_seconds, descendants
from wire.link import Connection, Listener, dial, listen

# Of the seed: an offer that may be ordered beyond what is in stock.
BACKORDER = 37
USER_ID = 2
SETTLE_SECONDS = 300.0
LOOK_SECONDS = 0.2
WORLD_TICK = 0.2
REDIAL_SECONDS = 0.02


class Peers:
    """The tap before the world and the silent UPS, on an event loop of their own thread. Times: time.monotonic."""

    def __init__(self, world: str, tap: str, ups: str) -> None:
        self.acks = True
        self.loses_packs = False
        self.last_pack_at = 0.0
        self.last_request_at = 0.0
        # When a bridge's newest connection came to be.
        self.connected_at = {"world_bridge": 0.0, "ups_bridge": 0.0}
        self._world, self._tap, self._ups = parse_address(world), parse_address(tap), parse_address(ups)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="peers", daemon=True)
        self._listener: Listener | None = None
        self._being_ups: Future[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._listener = self._run(listen(*self._tap, self._carry))
        return self

    def __exit__(self, *_: object) -> None:
        if self._being_ups is not None:
            self._being_ups.cancel()
        assert self._listener is not None
        self._run(self._listener.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def announce(self, world_id: int) -> None:
        """UPS dials from now on, again and again, and announces this world."""
        self._being_ups = asyncio.run_coroutine_threadsafe(self._be_ups(world_id), self._loop)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _carry(self, bridge: Connection) -> None:
        """One connection of the world bridge."""
        async with await dial(*self._world) as world:
            self.connected_at["world_bridge"] = time.monotonic()
            back = asyncio.create_task(_pass_on(world, bridge, lambda body: body))
            try:
                await _pass_on(bridge, world, self._passing)
            finally:
                back.cancel()

    def _passing(self, body: bytes) -> bytes:
        """What becomes of a message for the world."""
        said = world_amazon_pb2.ACommands()
        # A connect message is none, and has no packs whatever it is read as. The marker is a pack without things.
        with contextlib.suppress(DecodeError):
            said.ParseFromString(body)
        packs = [pack for pack in said.topack if pack.things]
        if not packs:
            return body
        self.last_pack_at = time.monotonic()
        if self.loses_packs:
            for pack in packs:
                said.topack.remove(pack)
        return said.SerializeToString()

    async def _be_ups(self, world_id: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                async with await dial(*self._ups) as bridge:
                    self.connected_at["ups_bridge"] = time.monotonic()
                    bridge.send(ups_pb2.UAstart(worldid=world_id, seqnum=1).SerializeToString())
                    while bodies := await bridge.receive():
                        self._hear(bridge, bodies)
            await asyncio.sleep(REDIAL_SECONDS)

    def _hear(self, bridge: Connection, bodies: list[bytes]) -> None:
        requests = [one for body in bodies for one in ups_pb2.AUCommand.FromString(body).pickupRequests]
        if requests:
            self.last_request_at = time.monotonic()
        if requests and self.acks:
            bridge.send(ups_pb2.UACommand(acks=[one.seqNum for one in requests]).SerializeToString())


async def _pass_on(source: Connection, sink: Connection, change: Callable[[bytes], bytes]) -> None:
    with contextlib.suppress(OSError):
        while bodies := await source.receive():
            sink.send(*(change(body) for body in bodies))
            await sink.drain()
    sink.abort()


@dataclass(slots=True)
class WaitingShop:
    """The running shop. Times are of time.monotonic."""

    data: Path
    peers: Peers
    engine: Engine
    supervisor: int
    token: str
    addresses: dict[str, str] = field(default_factory=dict)

    def pids(self) -> dict[str, int]:
        """The services that run, by name."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, int] = json.loads((self.data / "run.json").read_text())["pids"]
            return found
        return {}

    def cpu_seconds(self) -> dict[str, float]:
        """What each process of the shop has used so far, by service; a service's children count as its own."""
        used = {"supervisor": cpu_seconds(self.supervisor, alone=True)}
        for name, pid in self.pids().items():
            used[name] = cpu_seconds(pid)
        return used

    def threads(self) -> int:
        """How many threads the shop's processes have."""
        tree = [self.supervisor, *descendants(self.supervisor)]
        return sum(psutil.Process(pid).num_threads() for pid in tree if psutil.pid_exists(pid))

    def kill(self, service: str) -> None:
        """kill -9; the supervisor starts it again."""
        os.kill(self.pids()[service], signal.SIGKILL)

    def count(self, goods: Goods) -> int:
        """How many open shipments are in this state."""
        wanted = select(func.count()).where(Shipment.goods == goods, Shipment.ended_at.is_(None))
        with read_only(self.engine).begin() as connection:
            return int(connection.scalar(wanted) or 0)

    def unacked(self, kind: str) -> int:
        """How many commands of a kind the peer has not acknowledged."""
        wanted = select(func.count()).where(OutboxRow.kind == kind, OutboxRow.closed_at.is_(None))
        with read_only(self.engine).begin() as connection:
            return int(connection.scalar(wanted) or 0)

    def untold(self) -> int:
        """How many orders there is something to write letters about."""
        wanted = select(func.count()).where(OrderNews.happened != OrderNews.told)
        with read_only(self.engine).begin() as connection:
            return int(connection.scalar(wanted) or 0)

    def unsent(self) -> int:
        """How many letters are on their way out."""
        wanted = select(func.count()).where(Mail.state.in_((MailState.WAITING, MailState.SENDING)))
        with read_only(self.engine).begin() as connection:
            return int(connection.scalar(wanted) or 0)

    def world_id(self) -> int:
        """The world's own number."""
        with read_only(self.engine).begin() as connection:
            found = connection.execute(select(World.world_id).where(World.state == "open")).scalar_one()
        assert found is not None
        return found


def until(holds: Callable[[], bool], seconds: float = SETTLE_SECONDS, look: float = LOOK_SECONDS) -> float:
    """Waits for a condition; the seconds that took. DidNotStartError: it did not come true in time."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise DidNotStartError(f"still not so after {seconds:g} s: {holds}")
        time.sleep(look)
    return time.monotonic() - began


@contextmanager
def waiting_shop(folder: Path, orders: int, tick: float) -> Iterator[WaitingShop]:
    """`orders` packed orders that wait for UPS, which is not there yet; `tick` (seconds) is the shop's."""
    data = folder / "data"
    data.mkdir(parents=True)
    world, world_ups, tap, ups = (free_address() for _ in range(4))
    url = f"sqlite:///{data / 'minimart.db'}"
    engine = make_engine(url, SystemClock(), pool_size=4)
    try:
        _order(engine, orders)
        world_command = ("world", "--amazon", world, "--ups", world_ups, "--tick", str(WORLD_TICK))
        port = free_address().rpartition(":")[2]
        command: tuple[str, ...] = ("up", "--data", str(data), "--port", port, "--world", tap, "--world-ups", world_ups)
        command += ("--ups-listen", ups, "--create-world", "--world-tick", str(tick))
        log = folder / "log"
        with (
            running("sim", *world_command, settings={}, log=folder / "world.log"),
            Peers(world, tap, ups) as peers,
            running("minimart", *command, settings={}, log=log) as process,
        ):
            until(lambda: (data / "run.json").exists(), look=0.05)
            shop = WaitingShop(data, peers, engine, process.pid, "")
            shop.addresses = json.loads((data / "run.json").read_text())["addresses"]
            shop.token = Tokens.load(data / "service-tokens").token_of("cli")
            wait_for_health(shop.addresses["orders"], process, log)
            until(lambda: shop.count(Goods.PACKED) >= orders)
            yield shop
    finally:
        engine.dispose()


def _order(engine: Engine, count: int) -> None:
    """Places `count` orders of one thing each, in groups, by the use case."""
    upgrade(engine)
    seed_shop(engine, SystemClock())
    install(engine, SystemClock().now())
    app = App(engine, SystemClock(), Patience(1.0), Random(0), lambda _changes: None)
    requests = [PlaceOrder(USER_ID, f"waiting-{number:08}", (Item(BACKORDER, 1),), 3, 4) for number in range(count)]
    for start in range(0, count, 64):
        app.place_orders(requests[start : start + 64])
    with read_only(engine).begin() as connection:
        assert connection.scalar(select(func.count()).select_from(Order)) == count
