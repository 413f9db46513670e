"""`minimart buy`: an order over gRPC, watched until it has ended."""

import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import grpc

from db.seed.shop import SHOPPER_EMAIL
from mesh.channel import acting_for
from mesh.errors import read_error
from minimart.arguments import PLACE, data_option, orders_option
from minimart.failure import Failure
from minimart.shopping import offer_id_of, user_id_of
from minimart.system import System, failure_of, find_system
from minimart.telling import ENDED, Teller, money, status_name, waiting
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from sim.options import FiniteRange

CALL_SECONDS = 10.0
POLL_SECONDS = 0.5
PLACE_SECONDS = 5.0
CALLERS = 32
UNSAID = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)


@click.command()
@click.option("--product", required=True, help="A product's or offer's id, or a part of a title.")
@click.option("--quantity", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many of it.")
@click.option("--to", "place", type=PLACE, required=True, help="Where it is to be delivered, on the world's grid.")
@click.option("--as", "email", default=SHOPPER_EMAIL, show_default=True, help="Whose order it is.")
@click.option("--ups-account", default="", help="The shopper's account at UPS.")
@click.option("--watch", is_flag=True, help="Print each stage, and end when the order has ended.")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="That many orders at once.")
@click.option("--timeout", type=FiniteRange(0, min_open=True), help="Seconds after which --watch gives up.")
@data_option
@orders_option
def buy(
    product: str,
    quantity: int,
    place: tuple[int, int],
    email: str,
    ups_account: str,
    watch: bool,
    count: int,
    timeout: float | None,
    data: Path | None,
    orders: str | None,
) -> None:
    """Order something; exit code 0 when it was accepted or, with --watch, delivered."""
    system = find_system(data, orders)
    with system.reading() as connection:
        user_id = user_id_of(connection, email)
        offer_id = offer_id_of(connection, product)
    x, y = place
    request = orders_pb2.PlaceOrderRequest(
        items=[orders_pb2.OrderItem(offer_id=offer_id, quantity=quantity)],
        destination=orders_pb2.Address(x=x, y=y),
        ups_account=ups_account,
    )
    give_up_at = time.monotonic() + timeout if timeout else float("inf")
    with system.channel() as channel:
        shopper = _Shopper(system, orders_pb2_grpc.OrdersServiceStub(channel), user_id)
        if count == 1:
            placed = shopper.place(request)
            click.echo(
                f"order {placed.order_id} is accepted: {quantity} of offer {offer_id}, {money(placed.total_cents)}"
            )
            if watch:
                shopper.watch(placed.order_id, give_up_at)
        else:
            ids = shopper.place_many(request, count)
            click.echo(f"{len(ids)} orders are accepted: {min(ids)} to {max(ids)}")
            if watch:
                shopper.watch_many(ids, give_up_at)


class _Shopper:
    """Orders for one user, and looks after the orders."""

    def __init__(self, system: System, stub: orders_pb2_grpc.OrdersServiceStub, user_id: int) -> None:
        self._system = system
        self._stub = stub
        self._metadata = acting_for(user_id)

    def place(self, request: orders_pb2.PlaceOrderRequest) -> orders_pb2.PlaceOrderResponse:
        """Places one order; the same request is sent again while nobody says yes or no."""
        mine = orders_pb2.PlaceOrderRequest()
        mine.CopyFrom(request)
        mine.request_id = secrets.token_urlsafe(24)
        give_up_at = time.monotonic() + PLACE_SECONDS
        while True:
            try:
                return self._stub.PlaceOrder(mine, metadata=self._metadata, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                failure = read_error(error)
                unsaid = failure.code in UNSAID or failure.reason == "OVERLOADED"
                if not unsaid or time.monotonic() > give_up_at:
                    raise failure_of(error, self._system) from error
            time.sleep(POLL_SECONDS)

    def place_many(self, request: orders_pb2.PlaceOrderRequest, count: int) -> list[int]:
        """Places that many orders at once; their ids."""
        with ThreadPoolExecutor(min(CALLERS, count)) as callers:
            placed = callers.map(self.place, [request] * count)
            return [answer.order_id for answer in placed]

    def watch(self, order_id: int, give_up_at: float) -> None:
        """Prints each stage of an order until it has ended. Failure: otherwise than delivered, or not in time."""
        teller = Teller()
        for order in self._looks(order_id, give_up_at):
            for line in teller.news(order):
                click.echo(line)
            if order.status in ENDED:
                _judge(order)
                return
        raise Failure(f"order {order_id} has not ended in time; see: minimart order show {order_id}")

    def watch_many(self, ids: list[int], give_up_at: float) -> None:
        """Waits until all orders have ended. Failure: one ended otherwise than delivered, or not in time."""
        began, open_orders, lost = time.monotonic(), set(ids), 0
        while open_orders and time.monotonic() < give_up_at:
            before = len(open_orders)
            for order_id in sorted(open_orders):
                order = self.get(order_id)
                if order.status in ENDED:
                    open_orders.discard(order_id)
                    if order.status != orders_pb2.ORDER_STATUS_DELIVERED:
                        lost += 1
                        click.echo(f"order {order_id} is {status_name(order.status)}")
            if len(open_orders) != before:
                click.echo(
                    f"{time.monotonic() - began:+7.1f} s  {len(ids) - len(open_orders)} of {len(ids)} have ended"
                )
            if open_orders:
                time.sleep(POLL_SECONDS)
        if open_orders:
            raise Failure(
                f"{len(open_orders)} of {len(ids)} orders have not ended in time, {min(open_orders)} among them"
            )
        if lost:
            raise Failure(f"{lost} of {len(ids)} orders were not delivered")
        click.echo(f"all {len(ids)} are DELIVERED")

    def get(self, order_id: int) -> orders_pb2.Order:
        """One order as it is now."""
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        try:
            return self._stub.GetOrder(
                request, metadata=self._metadata, timeout=CALL_SECONDS, wait_for_ready=True
            ).order
        except grpc.RpcError as error:
            raise failure_of(error, self._system) from error

    def _looks(self, order_id: int, give_up_at: float) -> Iterator[orders_pb2.Order]:
        """The order again and again: by the stream, and by polling while there is none to be had."""
        request = orders_pb2.WatchOrderRequest(order_id=order_id)
        while (left := give_up_at - time.monotonic()) > 0:
            timeout = None if left == float("inf") else left
            try:
                for answer in self._stub.WatchOrder(request, metadata=self._metadata, timeout=timeout):
                    yield answer.order
            except grpc.RpcError as error:
                if read_error(error).code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAUTHENTICATED):
                    raise failure_of(error, self._system) from error
            time.sleep(POLL_SECONDS)
            yield self.get(order_id)


def _judge(order: orders_pb2.Order) -> None:
    if order.status == orders_pb2.ORDER_STATUS_DELIVERED:
        return
    for shipment in order.shipments:
        for line in waiting(shipment):
            click.echo(line)
    sys.stdout.flush()
    raise Failure(f"order {order.order_id} ended as {status_name(order.status)}")
