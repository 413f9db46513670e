"""What ten thousand orders that wait cost, and how soon a service that was killed is of use again with them.

The shop is `minimart up` on SQLite (proof.waiting). Its time without anything to do is looked at with the real world's
tick, while UPS is away and while it has acknowledged everything and sends no truck; after kill -9 with the quick one.
"""

import contextlib
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc

from mesh.channel import acting_for, open_channel
from proof.figures import Figure
from proof.waiting import BACKORDER, USER_ID, WaitingShop, until, waiting_shop
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

ORDERS = 10_000
REAL_TICK, QUICK_TICK = 6.0, 0.2
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 5.0
LETTERS_SECONDS = 900.0
CPU_LIMIT_PERCENT = 3.0
LIMIT_SECONDS = 2.0
# From one connection to the world to the next, in ticks.
RECONNECT_TICKS = 1.25
FEW, MANY, CALLERS = 5, 500, 32
SERVICES = ("orders_svc", "world_bridge", "ups_bridge")


@dataclass(frozen=True, slots=True)
class Return:
    """Seconds from the start of the process that replaced the one that was killed."""

    first_order: float
    first_command: float


def measure(folder: Path, orders: int = ORDERS) -> Iterator[Figure]:
    """Processor time, then what comes after kill -9 of each service."""
    waiting = f"{orders:,} orders waiting"
    with waiting_shop(folder / "idle", orders, REAL_TICK) as shop:
        _tell_all(shop)
        yield _cpu(shop, f"{waiting}, UPS away")
        shop.peers.announce(shop.world_id())
        until(lambda: not shop.unacked("request_truck"))
        yield _cpu(shop, f"{waiting} for trucks")
        # The servers' pools get all the threads that they ever have.
        _place_many(shop, MANY)
        few, many = (_threads(shop, count) for count in (FEW, MANY))
        yield Figure(f"threads of the shop, {MANY} orders in flight", many, "", f"{FEW} in flight", few, at_most=1.0)
    with waiting_shop(folder / "killed", orders, QUICK_TICK) as shop:
        shop.peers.announce(shop.world_id())
        until(lambda: not shop.unacked("request_truck"))
        _tell_all(shop)
        # From here on the world loses packs and UPS acknowledges nothing: there is something to send again.
        shop.peers.loses_packs, shop.peers.acks = True, False
        _place_many(shop, FEW)
        for service in SERVICES:
            back = _killed(shop, service)
            limit = LIMIT_SECONDS + (RECONNECT_TICKS * QUICK_TICK if service == "world_bridge" else 0.0)
            after = f"{waiting}, {service} killed"
            yield Figure(f"{after}, first order", back.first_order, "s", "limit", LIMIT_SECONDS, at_most=1.0)
            yield Figure(f"{after}, first command sent", back.first_command, "s", "limit", limit, at_most=1.0)
        yield Figure(f"{waiting}, storefront killed, first page", _page(shop), "s", "limit", LIMIT_SECONDS, at_most=1.0)


def _tell_all(shop: WaitingShop) -> None:
    """Waits until the letters about all orders that were placed are sent: they are no part of waiting."""
    until(lambda: not (shop.untold() or shop.unsent()), LETTERS_SECONDS)


def _cpu(shop: WaitingShop, what: str) -> Figure:
    """The share of one processor that the shop's processes take together."""
    time.sleep(SETTLE_SECONDS)
    before, began = shop.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, seconds = shop.cpu_seconds(), time.monotonic() - began
    percent = {name: 100 * (after[name] - before.get(name, 0.0)) / seconds for name in after}
    note = ", ".join(f"{name} {share:.1f}" for name, share in percent.items() if share >= 0.05)
    used = sum(percent.values())
    return Figure(f"CPU, {what}", used, "% of a core", "limit", CPU_LIMIT_PERCENT, note, at_most=1.0)


def _threads(shop: WaitingShop, count: int) -> int:
    """How many threads there are while `count` more orders are under way."""
    _place_many(shop, count)
    return shop.threads()


def _place_many(shop: WaitingShop, count: int) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        assert all(callers.map(lambda _: _place(shop), range(count)))


def _place(shop: WaitingShop) -> bool:
    """Orders one thing; whether that was acknowledged."""
    request = orders_pb2.PlaceOrderRequest(
        request_id=secrets.token_urlsafe(12),
        items=[orders_pb2.OrderItem(offer_id=BACKORDER, quantity=1)],
        destination=orders_pb2.Address(x=3, y=4),
    )
    with open_channel(shop.addresses["orders"], shop.token) as channel:
        try:
            orders_pb2_grpc.OrdersServiceStub(channel).PlaceOrder(request, metadata=acting_for(USER_ID), timeout=5.0)
        except grpc.RpcError:
            return False
    return True


def _killed(shop: WaitingShop, service: str) -> Return:
    peers = shop.peers
    before = peers.connected_at.get(service, 0.0)
    began = _kill(shop, service)
    until(lambda: _place(shop), look=0.01)
    first_order = time.monotonic() - began
    told: Callable[[], float] = (
        (lambda: peers.last_request_at) if service == "ups_bridge" else lambda: peers.last_pack_at
    )
    # What a bridge that was killed had said before may still be on its way.
    until(lambda: told() > max(began, peers.connected_at.get(service, 0.0)) > before, look=0.01)
    return Return(first_order, told() - began)


def _page(shop: WaitingShop) -> float:
    began = _kill(shop, "storefront")
    address = shop.addresses["shop"]
    until(lambda: _serves(f"http://{address}/healthz"), look=0.01)
    return time.monotonic() - began


def _serves(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - our own address
        return True
    return False


def _kill(shop: WaitingShop, service: str) -> float:
    """kill -9; when the process that took its place was started, by time.monotonic()."""
    killed = shop.pids()[service]
    shop.kill(service)
    until(lambda: shop.pids().get(service, killed) != killed, look=0.005)
    return time.monotonic()
