"""Watching: from placing to delivered, and never at the cost of those who place and report."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from mesh.channel import acting_for
from shop.fulfilment.v1 import fulfilment_pb2 as pb
from shop.orders.v1 import orders_pb2 as orders
from tests.orders_svc.rpc.serving import SHOPPER, Running, eventually, failure, running

S = orders.OrderStatus.ValueType
NAMES = orders.OrderStatus.Name


def watch(shop: Running, order_id: int, timeout: float = 30) -> Any:
    request = orders.WatchOrderRequest(order_id=order_id)
    return shop.orders.WatchOrder(request, timeout=timeout, metadata=acting_for(SHOPPER))


def collect(stream: Iterator[Any], into: "queue.Queue[Any]") -> threading.Thread:
    """Reads a stream to its end, or to its failure."""

    def read() -> None:
        try:
            for message in stream:
                into.put(message)
        except grpc.RpcError as error:
            into.put(error)
        into.put(None)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def drive(shop: Running, shipment_id: int) -> None:
    shop.report("world", packed=pb.Packed(shipment_id=shipment_id))
    shop.report("ups", truck_arrived=pb.TruckArrived(shipment_id=shipment_id, truck_id=1))
    shop.report("world", loaded=pb.Loaded(shipment_id=shipment_id))
    shop.report("ups", delivered=pb.Delivered(shipment_id=shipment_id))


def test_an_order_is_watched_from_placing_to_delivered(shop: Running) -> None:
    order_id = shop.place((1, 1))
    seen: queue.Queue[Any] = queue.Queue()
    reader = collect(watch(shop, order_id), seen)
    statuses = [NAMES(seen.get(timeout=60).order.status)]
    (parcel,) = shop.order(order_id).shipments
    for step in (
        lambda: shop.report("world", packed=pb.Packed(shipment_id=parcel.shipment_id)),
        lambda: shop.report("ups", truck_arrived=pb.TruckArrived(shipment_id=parcel.shipment_id, truck_id=1)),
        lambda: shop.report("world", loaded=pb.Loaded(shipment_id=parcel.shipment_id)),
        lambda: shop.report("ups", delivered=pb.Delivered(shipment_id=parcel.shipment_id)),
    ):
        step()
        statuses.append(NAMES(seen.get(timeout=60).order.status))
    assert [status.removeprefix("ORDER_STATUS_") for status in statuses] == [
        "PACKING",
        "AWAITING_TRUCK",
        "LOADING",
        "OUT_FOR_DELIVERY",
        "DELIVERED",
    ]
    assert seen.get(timeout=60) is None
    reader.join(60)
    # An order that has ended is told once.
    assert [message.order.status for message in watch(shop, order_id)] == [orders.ORDER_STATUS_DELIVERED]


def test_all_changes_are_told_after_a_call_to_re_read(shop: Running) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    stream = shop.orders.WatchEvents(orders.WatchEventsRequest(), timeout=30)
    reader = collect(stream, seen)
    first = seen.get(timeout=60)
    assert (first.resync, list(first.changes)) == (True, [])
    order_id = shop.place((1, 1))
    told = seen.get(timeout=60)
    assert told.resync is False
    assert [(c.order_id, c.user_id, c.version) for c in told.changes] == [(order_id, SHOPPER, 1)]
    (parcel,) = shop.order(order_id).shipments
    shop.report("world", packed=pb.Packed(shipment_id=parcel.shipment_id))
    assert [(c.order_id, c.version) for c in seen.get(timeout=60).changes] == [(order_id, 2)]
    stream.cancel()
    reader.join(60)


def test_at_the_stream_limit_orders_and_reports_go_on(sqlite_url: str, tmp_path: Path) -> None:
    with running(sqlite_url, tmp_path, public_workers=8) as shop:
        shop.open_world()
        watched = shop.place((1, 1))
        seen: queue.Queue[Any] = queue.Queue()
        streams = [watch(shop, watched) for _ in range(2)]
        readers = [collect(stream, seen) for stream in streams]
        for _ in streams:
            assert seen.get(timeout=60).order.order_id == watched
        refused = failure(lambda: list(watch(shop, watched)))
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        events = shop.orders.WatchEvents(orders.WatchEventsRequest(), timeout=60)
        assert failure(lambda: list(events)).reason == "TOO_MANY_STREAMS"
        # Each within a deadline that a starved server could not meet.
        for _ in range(20):
            placed = shop.call(shop.orders.PlaceOrder, shop.request((1, 1)), timeout=60)
            shop.call(shop.orders.GetOrder, orders.GetOrderRequest(order_id=placed.order_id), timeout=60)
            shop.report("world", packed=pb.Packed(shipment_id=1))
        # A place is free as soon as its client has gone.
        streams[0].cancel()
        readers[0].join(60)
        third = eventually(lambda: next_or_none(watch(shop, watched, timeout=60)))
        assert third.order.order_id == watched
        (parcel,) = shop.order(watched).shipments
        drive(shop, parcel.shipment_id)
        readers[1].join(60)


def next_or_none(stream: Any) -> Any:
    try:
        return next(stream)
    except grpc.RpcError:
        return None
    finally:
        stream.cancel()
