"""What an order page shows of every state that goods and truck can be in together."""

import itertools

import pytest

from shop.orders.v1 import orders_pb2 as pb
from storefront.orders.view import STATUS_WORDS, Expected, Progress, show_order

GOODS = [value for name, value in pb.GoodsState.items() if value]
TRUCKS = [value for name, value in pb.TruckState.items() if value]


def order_with(**fields: object) -> pb.Order:
    order = pb.Order(order_id=1, status=pb.ORDER_STATUS_PACKING)
    order.shipments.add(shipment_id=5, **fields)
    return order


def progress(**fields: object) -> list[str]:
    return [stage.progress.value for stage in show_order(order_with(**fields)).parcels[0].stages]


@pytest.mark.parametrize(("goods", "truck"), list(itertools.product(GOODS, TRUCKS)))
def test_stages_of_goods_and_of_the_truck_are_done_in_their_own_order(goods: int, truck: int) -> None:
    shown = progress(goods=goods, truck=truck, status=pb.ORDER_STATUS_PACKING)
    for stages in ((0, 1, 3), (2, 4, 5)):
        done = [shown[stage] == Progress.DONE for stage in stages]
        assert done == sorted(done, reverse=True)


def test_a_truck_may_be_there_before_the_parcel_is_packed() -> None:
    shown = progress(goods=pb.GOODS_STATE_PACKING, truck=pb.TRUCK_STATE_AT_WAREHOUSE, status=pb.ORDER_STATUS_PACKING)
    assert shown == ["done", "now", "done", "to-come", "to-come", "to-come"]


def test_what_was_stopped_is_happening_no_more() -> None:
    for status in (pb.ORDER_STATUS_CANCELLED, pb.ORDER_STATUS_NEEDS_ATTENTION):
        shown = progress(goods=pb.GOODS_STATE_PACKING, truck=pb.TRUCK_STATE_REQUESTED, status=status)
        assert "now" not in shown
        assert ("to-come" in shown) == (status != pb.ORDER_STATUS_CANCELLED)


def test_each_stage_has_the_time_of_the_step_that_ended_it() -> None:
    order = order_with(
        goods=pb.GOODS_STATE_LOADED, truck=pb.TRUCK_STATE_EN_ROUTE, status=pb.ORDER_STATUS_OUT_FOR_DELIVERY
    )
    for at, goods, truck in (
        (10, pb.GOODS_STATE_PACKING, pb.TRUCK_STATE_REQUESTED),
        (20, pb.GOODS_STATE_PACKING, pb.TRUCK_STATE_AT_WAREHOUSE),
        (30, pb.GOODS_STATE_LOADING, pb.TRUCK_STATE_AT_WAREHOUSE),
        (40, pb.GOODS_STATE_LOADED, pb.TRUCK_STATE_EN_ROUTE),
    ):
        order.shipments[0].history.add(goods=goods, truck=truck, what="x").at.seconds = at
    times = [stage.at for stage in show_order(order).parcels[0].stages]
    assert times == [10, 30, 20, 40, 40, None]


def test_what_was_cancelled_shows_how_far_it_got() -> None:
    order = order_with(goods=pb.GOODS_STATE_CANCELLED, truck=pb.TRUCK_STATE_REQUESTED, status=pb.ORDER_STATUS_CANCELLED)
    for at, goods in ((10, pb.GOODS_STATE_PACKING), (20, pb.GOODS_STATE_PACKED), (30, pb.GOODS_STATE_CANCELLED)):
        order.shipments[0].history.add(goods=goods, truck=pb.TRUCK_STATE_REQUESTED, what="x").at.seconds = at
    stages = show_order(order).parcels[0].stages
    assert [stage.progress.value for stage in stages] == ["done", "done"]
    assert [stage.at for stage in stages] == [10, 20]


def test_a_parcel_that_started_again_shows_the_times_of_the_attempt_that_counts() -> None:
    order = order_with(goods=pb.GOODS_STATE_PACKED, truck=pb.TRUCK_STATE_REQUESTED, attempt=2)
    for at, goods in (
        (10, pb.GOODS_STATE_PACKING),
        (20, pb.GOODS_STATE_PACKED),
        (30, pb.GOODS_STATE_AWAITING_STOCK),
        (40, pb.GOODS_STATE_PACKING),
        (50, pb.GOODS_STATE_PACKED),
    ):
        order.shipments[0].history.add(goods=goods, truck=pb.TRUCK_STATE_REQUESTED, what="x").at.seconds = at
    assert [stage.at for stage in show_order(order).parcels[0].stages[:2]] == [40, 50]


def test_an_order_is_expected_when_the_last_of_its_parcels_is() -> None:
    order = order_with(status=pb.ORDER_STATUS_PACKING)
    order.shipments.add().CopyFrom(order.shipments[0])
    assert show_order(order).expected is None
    for shipment, (earliest, latest) in zip(order.shipments, ((100, 120), (90, 150)), strict=True):
        shipment.expected.earliest.seconds, shipment.expected.latest.seconds = earliest, latest
    assert show_order(order).expected == Expected(100, 150)
    order.shipments[1].expected.Clear()
    order.shipments[1].expected.unknown_because = "UPS is away"
    assert show_order(order).expected is None
    assert show_order(order).parcels[1].unknown_because == "UPS is away"
    order.shipments[1].status = pb.ORDER_STATUS_DELIVERED
    assert show_order(order).expected == Expected(100, 120)


def test_a_truck_is_on_the_map_where_ups_saw_it() -> None:
    order = order_with(truck_id=7, truck_seen=pb.TruckSeen(truck_id=7, at=pb.Address(x=3, y=-4)))
    order.shipments[0].truck_seen.seen_at.seconds = 99
    assert show_order(order).parcels[0].trip.seen == (7, (3, -4), 99.0)
    assert show_order(order).trucks_are_seen
    order.shipments[0].ClearField("truck_seen")
    assert show_order(order).parcels[0].trip.seen is None
    assert not show_order(order).trucks_are_seen


def test_a_page_looks_for_the_truck_from_when_ups_says_that_it_left_until_it_is_there() -> None:
    order = order_with(status=pb.ORDER_STATUS_OUT_FOR_DELIVERY)
    order.shipments[0].left_at.seconds = 99
    assert show_order(order).trucks_are_seen
    order.shipments[0].status = pb.ORDER_STATUS_DELIVERED
    assert not show_order(order).trucks_are_seen


@pytest.mark.parametrize("status", [value for _, value in pb.OrderStatus.items()] + [99])
def test_every_status_has_words(status: int) -> None:
    assert show_order(pb.Order(status=status)).status.words  # type: ignore[arg-type]
    assert status in (0, 99) or status in STATUS_WORDS
