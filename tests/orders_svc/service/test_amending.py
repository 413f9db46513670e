"""Cancelling and changing the address: yes as long as it is true, too late with the time after that."""

import threading

import pytest

from db.orders.requests import Decision
from mesh.errors import AlreadyExists, NotFound
from orders_svc.domain.explain import Status
from orders_svc.domain.lifecycle import Goods
from orders_svc.outbox import rows
from orders_svc.service.amending import Wish
from orders_svc.service.reports import Result
from shop.bridge.v1.bridge_pb2 import Command
from tests.orders_svc.stage import BACKORDER, LAST_ONE, SHOPPER, Stage


def cancel(stage: Stage, order_id: int, request_id: str = "cancel-0001", user: int = SHOPPER) -> list[Decision]:
    return [one.decision for one in stage.app.amend(Wish(user, request_id, order_id))]


def move(stage: Stage, order_id: int, x: int, y: int, request_id: str = "move-00001") -> list[Decision]:
    return [one.decision for one in stage.app.amend(Wish(SHOPPER, request_id, order_id, x, y))]


def rows_due(stage: Stage) -> list[Command]:
    with stage.engine.begin() as connection:
        return rows.due(connection, "world", stage.epochs["world"], stage.world_epoch, stage.clock.now(), 10)


def test_an_order_whose_pack_has_not_left_is_cancelled_and_its_units_are_for_sale_again(shop: Stage) -> None:
    before = shop.stock(1, 1)
    order_id = shop.place((1, 2))
    warehouse = shop.parcel(order_id).row.warehouse_id
    held = shop.stock(1, warehouse)
    assert cancel(shop, order_id) == [Decision.DONE]
    assert shop.order(order_id).row.status == Status.CANCELLED
    after = shop.stock(1, warehouse)
    assert after["available"] == held["available"] + 2
    assert after["reserved"] == held["reserved"] - 2
    assert shop.stock(1, 1)["arrived"] == before["arrived"]
    assert shop.dispatch() == []
    assert shop.parcel(order_id).waiting is None


def test_an_order_that_waits_for_stock_is_cancelled_and_what_comes_is_free(shop: Stage) -> None:
    order_id = shop.place((BACKORDER, 5))
    assert cancel(shop, order_id) == [Decision.DONE]
    shop.stocked()
    assert shop.parcel(order_id).state.goods is Goods.CANCELLED
    stock = shop.rows("select sum(available) as free, sum(awaited) as awaited from stock where offer_id = 37")[0]
    assert (stock.free, stock.awaited) == (5, 0)


def test_once_the_pack_has_left_it_is_too_late_and_the_time_is_told(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.dispatch("world")
    shop.clock.time += 60
    (told,) = shop.app.amend(Wish(SHOPPER, "cancel-0001", order_id))
    assert told.decision is Decision.TOO_LATE
    assert told.left_at == pytest.approx(shop.clock.time - 60)
    shop.drive(shop.parcel(order_id).row.id)
    assert shop.order(order_id).row.status == Status.DELIVERED


def test_a_bridge_that_did_not_answer_may_have_it_so_it_is_too_late(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.bridges["world"].limit = 0
    shop.dispatch("world")
    assert cancel(shop, order_id) == [Decision.TOO_LATE]


def test_what_was_taken_back_while_the_dispatcher_looked_does_not_leave(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    # Between the dispatcher's look and its claim.
    commands = rows_due(shop)
    assert cancel(shop, order_id) == [Decision.DONE]
    assert shop.dispatchers["world"]._claim(commands, shop.clock.now()) == []


def test_the_same_request_gets_the_same_answer_and_another_content_is_refused(shop: Stage) -> None:
    first, second = shop.place((1, 1)), shop.place((1, 1))
    assert cancel(shop, first) == [Decision.DONE]
    assert cancel(shop, first) == [Decision.DONE]
    with pytest.raises(AlreadyExists):
        cancel(shop, second)
    with pytest.raises(NotFound):
        cancel(shop, second, "cancel-0002", user=SHOPPER + 1)
    assert shop.order(second).row.status == Status.PACKING


def test_a_new_address_goes_with_the_truck_request_and_nothing_of_the_old_one_leaves(shop: Stage) -> None:
    order_id = shop.place((1, 1), at=(3, 4))
    assert move(shop, order_id, -7, 9) == [Decision.DONE]
    (request,) = shop.sent("request_truck")
    assert (request.destination_x, request.destination_y) == (-7, 9)
    assert move(shop, order_id, 1, 1, "move-00002") == [Decision.TOO_LATE]
    parcel = shop.parcel(order_id)
    assert (parcel.row.x, parcel.row.y) == (-7, 9)
    shop.drive(parcel.row.id)


def test_the_pack_that_left_does_not_hinder_a_new_address(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.dispatch("world")
    assert move(shop, order_id, 5, 5) == [Decision.DONE]
    assert len(shop.sent("request_truck")) == 1


def test_a_new_attempt_goes_to_the_last_accepted_address(shop: Stage) -> None:
    order_id = shop.place((1, 1), at=(3, 4))
    move(shop, order_id, 8, 8)
    shop.announce(9)
    directive = shop.connected(shop.start(candidate=9).dial)
    while directive.HasField("ask"):
        directive = shop.hand_over(directive.ask)
    assert directive.HasField("open")
    shop.world_epoch = directive.open.world_epoch
    shop.stocked()
    (request,) = shop.sent("request_truck")
    assert (request.destination_x, request.destination_y) == (8, 8)


def test_a_truck_request_of_a_cancelled_parcel_is_given_to_no_other_bridge(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    assert len(shop.sent("request_truck", "ups")) == 1
    assert cancel(shop, order_id) == [Decision.DONE]
    shop.attach("ups", nonce="boot-2")
    shop.announce(7)
    shop.app.renew("ups", shop.epochs["ups"], True, "open")
    assert shop.dispatch("ups") == []


def test_what_the_peers_say_of_a_cancelled_parcel_is_recorded_and_not_obeyed(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.dispatch("ups")
    assert cancel(shop, order_id) == [Decision.DONE]
    shipment_id = shop.parcel(order_id).row.id
    assert shop.ups_says(shop.truck(shipment_id)) == [Result.IGNORED]
    assert shop.world_says(shop.packed(shipment_id)) == [Result.IGNORED]
    assert shop.order(order_id).row.status == Status.CANCELLED


def test_the_parcels_of_an_order_are_decided_apart(shop: Stage) -> None:
    order_id = shop.place((1, 1), (BACKORDER, 2))
    shop.dispatch("world")
    decisions = cancel(shop, order_id)
    assert sorted(decisions) == [Decision.DONE, Decision.TOO_LATE]
    assert shop.order(order_id).row.status == Status.PACKING


def test_a_cancellation_and_the_dispatcher_at_once_agree(shop: Stage) -> None:
    order_ids = [shop.place((2, 1)) for _ in range(20)]
    sent: list[int] = []

    def dispatch() -> None:
        sent.extend(body.shipment_id for body in shop.sent("pack", "world"))

    dispatching = threading.Thread(target=dispatch)
    dispatching.start()
    cancelled = [
        n for n, order_id in enumerate(order_ids) if cancel(shop, order_id, f"cancel-{n:05}") == [Decision.DONE]
    ]
    dispatching.join()
    sent += [body.shipment_id for body in shop.sent("pack", "world")]
    parcels = {n: shop.parcel(order_id).row.id for n, order_id in enumerate(order_ids)}
    assert sorted(sent) == sorted(parcels[n] for n in parcels if n not in cancelled)


def test_an_order_tells_what_was_asked_of_it_and_what_was_answered(shop: Stage) -> None:
    order_id = shop.place((1, 1), (LAST_ONE, 1))
    move(shop, order_id, 7, -8)
    shop.dispatch()
    shop.clock.time += 30
    cancel(shop, order_id)
    cancel(shop, order_id)
    moved, cancelled = shop.order(order_id).amendments
    assert (moved.row.x, moved.row.y) == (7, -8)
    assert [one.decision for one in moved.decisions] == [Decision.DONE] * len(moved.decisions)
    assert [one.parcel_no for one in moved.decisions] == list(range(1, len(moved.decisions) + 1))
    assert (cancelled.row.x, cancelled.row.asked_at) == (None, shop.clock.time)
    assert [one.left_at for one in cancelled.decisions] == [pytest.approx(shop.clock.time - 30)] * len(moved.decisions)
    assert shop.order(order_id).parcels[-1].row.parcel_no == len(cancelled.decisions)


def test_answers_about_a_parcel_that_was_sent_anew_name_the_parcel_still(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    shop.dispatch()
    cancel(shop, order_id)
    before = shop.parcel(order_id).row.id
    shop.announce(8)
    ask = shop.connected(shop.start(8).dial)
    assert shop.hand_over(ask.ask).HasField("open")
    assert shop.parcel(order_id).row.id != before
    (asked,) = shop.order(order_id).amendments
    assert [(one.shipment_id, one.parcel_no) for one in asked.decisions] == [(before, 1)]
