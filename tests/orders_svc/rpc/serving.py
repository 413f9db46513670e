"""The orders service on real ports in this process, and clients for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from db.clock import SystemClock
from db.engine import make_engine
from db.migrate import upgrade
from db.seed.shop import seed_shop
from mesh.channel import acting_for, open_channel
from mesh.errors import RpcFailure, read_error
from mesh.identity import Tokens, ensure_tokens_file
from orders_svc.bootstrap import OrdersService, bootstrap
from orders_svc.config import Settings
from orders_svc.service.app import App
from shop.bridge.v1.bridge_pb2 import Buy, Command
from shop.fulfilment.v1 import fulfilment_pb2, fulfilment_pb2_grpc
from shop.inventory.v1 import inventory_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

SHOPPER, SELLER = 2, 1
WORLD_ID = 7


class Running:
    """A started service with its clients. Calls have a deadline of 60 s unless told."""

    def __init__(self, service: OrdersService, tokens: Tokens) -> None:
        self.service = service
        self._tokens = tokens
        self._channels: list[grpc.Channel] = []
        self.orders = orders_pb2_grpc.OrdersServiceStub(self.channel("storefront"))
        self.inventory = inventory_pb2_grpc.InventoryServiceStub(self.channel("storefront"))
        self.world = fulfilment_pb2_grpc.FulfilmentServiceStub(self.channel("world_bridge"))
        self.ups = fulfilment_pb2_grpc.FulfilmentServiceStub(self.channel("ups_bridge"))
        self.epochs = {"world": 0, "ups": 0}
        self.world_epoch = 0
        self.seqnum = 0
        self.requests = 0

    @property
    def app(self) -> App:
        return self.service.app

    def channel(self, caller: str) -> grpc.Channel:
        fulfilment = caller.endswith("_bridge")
        port = self.service.fulfilment.port if fulfilment else self.service.public.port
        self._channels.append(open_channel(f"127.0.0.1:{port}", self._tokens.token_of(caller)))
        return self._channels[-1]

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    # Shoppers

    def call(self, method: Any, request: Any, user: int | None = SHOPPER, timeout: float = 60) -> Any:
        return method(request, timeout=timeout, metadata=acting_for(user) if user is not None else ())

    def request(self, *items: tuple[int, int], **options: Any) -> orders_pb2.PlaceOrderRequest:
        self.requests += 1
        chosen = {"request_id": f"request-{self.requests:08}", "destination": orders_pb2.Address(x=3, y=4)} | options
        lines = [orders_pb2.OrderItem(offer_id=offer_id, quantity=quantity) for offer_id, quantity in items or [(1, 1)]]
        return orders_pb2.PlaceOrderRequest(items=lines, **chosen)

    def place(self, *items: tuple[int, int]) -> int:
        order_id: int = self.call(self.orders.PlaceOrder, self.request(*items)).order_id
        return order_id

    def order(self, order_id: int) -> orders_pb2.Order:
        order: orders_pb2.Order = self.call(self.orders.GetOrder, orders_pb2.GetOrderRequest(order_id=order_id)).order
        return order

    # Bridges

    def attach(self, link: str, **options: Any) -> int:
        wanted = {"instance": f"{link}-bridge", "boot_nonce": "boot-1", "callback_address": "127.0.0.1:1"} | options
        wanted["seen_epoch"] = self.epochs.get(link, 0)
        stub = self.world if link == "world" else self.ups
        answer = stub.AttachLink(fulfilment_pb2.AttachLinkRequest(link=link, **wanted), timeout=60)
        self.epochs[link] = answer.link_epoch
        return self.epochs[link]

    def report(self, link: str, **body: Any) -> Any:
        stub = self.world if link == "world" else self.ups
        self.seqnum += 1
        events = [fulfilment_pb2.PeerEvent(seqnum=self.seqnum, **body)] if body else []
        request = fulfilment_pb2.ReportRequest(
            link=link,
            link_epoch=self.epochs[link],
            world_epoch=self.world_epoch if link == "world" else 0,
            events=events,
        )
        return stub.Report(request, timeout=60)

    def advance(self, **observation: Any) -> Any:
        request = fulfilment_pb2.AdvanceWorldRequest(link_epoch=self.epochs["world"], **observation)
        return self.world.AdvanceWorld(request, timeout=60)

    def open_world(self) -> None:
        """A world with the initial stock in its warehouses."""
        for link in ("ups", "world"):
            self.attach(link)
        self.report("ups", world_announced=fulfilment_pb2.WorldAnnounced(world_id=WORLD_ID))
        self.ups.RenewLink(
            fulfilment_pb2.RenewLinkRequest(link="ups", link_epoch=self.epochs["ups"], connected=True), timeout=60
        )
        dial = self.advance(start=fulfilment_pb2.Start()).dial
        self.world_epoch = dial.world_epoch
        said = fulfilment_pb2.Connected(
            world_epoch=dial.world_epoch,
            world_id=WORLD_ID,
            result="connected!",
            warehouse_ids=[warehouse.warehouse_id for warehouse in dial.warehouses],
        )
        (marker,) = self.advance(connected=said).ask.commands
        self.report("world", packed=fulfilment_pb2.Packed(shipment_id=marker.pack.shipment_id))
        answered = fulfilment_pb2.Answered(world_epoch=dial.world_epoch)
        assert self.advance(answered=answered).HasField("open")
        for buy in self.buys():
            self.report("world", arrived=fulfilment_pb2.Arrived(warehouse_id=buy.warehouse_id, things=buy.things))

    def buys(self) -> list[Buy]:
        """What the service has bought so far."""
        with self.app.reader.begin() as connection:
            rows = connection.exec_driver_sql("select command from outbox where kind = 'buy'").all()
        bought = [Command.FromString(bytes(row[0])).buy for row in rows]
        return [buy for buy in bought if buy.things]


@contextmanager
def running(url: str, folder: Path, **settings: Any) -> Iterator[Running]:
    """A service on `url` with free ports, started; stopped at the end."""
    made = Settings.model_validate(
        {
            "DATABASE_URL": url,
            "data_dir": folder,
            "orders_listen": "127.0.0.1:0",
            "fulfilment_listen": "127.0.0.1:0",
            "world_tick": 0.2,
            "lease_seconds": 60,
            "database_wait": 0,
        }
        | settings
    )
    engine = make_engine(url, SystemClock())
    upgrade(engine)
    seed_shop(engine, SystemClock())
    engine.dispose()
    service = bootstrap(made)
    ensure_tokens_file(made.tokens_path)
    service.start()
    shop = Running(service, Tokens.load(made.tokens_path))
    try:
        yield shop
    finally:
        shop.close()
        service.stop()


def failure(call: Callable[[], Any]) -> RpcFailure:
    """How a call failed."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return read_error(refused.value)


def eventually(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer within the time; fails after it."""
    give_up_at = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = holds()
        if answer:
            return answer
        assert time.monotonic() < give_up_at, "it never came true"
        pause.wait(0.02)
