"""Placing orders, on both databases."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from mesh.errors import Refusal
from orders_svc.domain.explain import Status
from orders_svc.service.placing import Item, Placed, PlaceOrder
from tests.orders_svc.stage import BACKORDER, LAST_ONE, SELLER, SHOPPER, SOLD_OUT, Stage


def refusal(answer: object) -> tuple[str, grpc.StatusCode]:
    assert isinstance(answer, Refusal), answer
    return answer.reason, answer.code


def test_an_order_is_reserved_packed_and_a_truck_is_asked_for_at_once(shop: Stage) -> None:
    order_id = shop.place((1, 2), (2, 1))
    order = shop.order(order_id)
    assert order.row.status == Status.PACKING
    assert [(line.offer_id, line.quantity) for line in order.lines] == [(1, 2), (2, 1)]
    kinds = [command.WhichOneof("body") for command in shop.dispatch()]
    assert sorted(kinds) == sorted(["pack", "request_truck"] * len(order.parcels))


def test_the_same_request_again_is_the_same_order(shop: Stage) -> None:
    request = shop.request((1, 2))
    first = shop.app.place_orders([request])[0]
    assert first == Placed(first.order_id, first.total_cents, replayed=False)
    again = shop.app.place_orders([request, request])
    assert again == [replace(first, replayed=True)] * 2
    assert len(shop.rows("select id from orders")) == 1


def test_the_same_request_twice_in_one_group_is_one_order(shop: Stage) -> None:
    request = shop.request((1, 2))
    first, second = shop.app.place_orders([request, replace(request)])
    assert (first.order_id, first.replayed, second.replayed) == (second.order_id, False, True)


@pytest.mark.parametrize(
    "other",
    [{"items": (Item(1, 3),)}, {"items": (Item(1, 2, 5),)}, {"x": 5}, {"y": 5}, {"ups_account": "me"}],
    ids=["quantity", "expected price", "x", "y", "account"],
)
def test_a_request_id_with_another_content_is_refused(shop: Stage, other: dict) -> None:
    request = shop.request((1, 2))
    shop.app.place_orders([request])
    (answer,) = shop.app.place_orders([replace(request, **other)])
    assert refusal(answer) == ("REQUEST_ID_REUSED", grpc.StatusCode.ALREADY_EXISTS)
    # In one group, too.
    fresh = shop.request((1, 2))
    both = shop.app.place_orders([fresh, replace(fresh, **other)])
    assert isinstance(both[0], Placed)
    assert refusal(both[1])[0] == "REQUEST_ID_REUSED"


def test_two_users_may_use_one_request_id(shop: Stage) -> None:
    mine, theirs = shop.request((1, 1)), shop.request((1, 1), user=SELLER)
    theirs = replace(theirs, request_id=mine.request_id)
    first, second = shop.app.place_orders([mine, theirs])
    assert first.order_id != second.order_id
    assert not second.replayed


def test_nobody_orders_for_a_user_who_is_not_there_and_what_was_ordered_before_stays_answered(shop: Stage) -> None:
    mine, nobodys = shop.request((1, 1)), shop.request((1, 1), user=4711)
    placed, refused = shop.app.place_orders([mine, nobodys])
    assert refusal(refused) == ("USER_NOT_FOUND", grpc.StatusCode.NOT_FOUND)
    shop.execute("update users set closed_at = 1 where id = :id", id=SHOPPER)
    again, another = shop.app.place_orders([mine, shop.request((1, 1))])
    assert again == replace(placed, replayed=True)
    assert refusal(another)[0] == "USER_NOT_FOUND"


def test_the_digest_of_a_request_is_that_of_its_content_for_ever() -> None:
    request = PlaceOrder(2, "request-1", (Item(1, 2), Item(3, 4, 500)), -5, 6, "user2")
    said = (
        '{"items":[{"offer_id":1,"quantity":2},{"expected_unit_price_cents":500,"offer_id":3,"quantity":4}],'
        '"ups_account":"user2","x":-5,"y":6}'
    )
    assert request.digest() == hashlib.sha256(said.encode()).digest()
    assert (
        replace(request, ups_account="").digest()
        == hashlib.sha256(said.replace('"ups_account":"user2",', "").encode()).digest()
    )


def test_a_refused_request_id_may_be_used_again(shop: Stage) -> None:
    request = shop.request((SOLD_OUT, 1))
    assert refusal(shop.app.place_orders([request])[0])[0] == "OUT_OF_STOCK"
    assert isinstance(shop.app.place_orders([replace(request, items=(Item(1, 1),))])[0], Placed)


def test_a_price_that_changed_is_said(shop: Stage) -> None:
    ((price,),) = shop.rows("select price_cents from offers where id = 1")
    wrong = replace(shop.request((1, 1)), items=(Item(1, 1, price + 1),))
    right = replace(shop.request((1, 1)), items=(Item(1, 1, price),))
    changed, placed = shop.app.place_orders([wrong, right])
    assert refusal(changed) == ("PRICE_CHANGED", grpc.StatusCode.FAILED_PRECONDITION)
    assert changed.metadata == {"offer_id": "1", "unit_price_cents": str(price)}
    assert placed.total_cents == price


@pytest.mark.parametrize("offer_id", [999_999, 2**62])
def test_an_unknown_offer_is_not_found(shop: Stage, offer_id: int) -> None:
    (answer,) = shop.app.place_orders([shop.request((1, 1), (offer_id, 1))])
    assert refusal(answer) == ("OFFER_NOT_FOUND", grpc.StatusCode.NOT_FOUND)


def test_a_withdrawn_offer_is_not_found_and_its_old_orders_stay(shop: Stage) -> None:
    request = shop.request((1, 1))
    (placed,) = shop.app.place_orders([request])
    shop.execute("update offers set withdrawn_at = 1 where id = 1")
    assert refusal(shop.app.place_orders([shop.request((1, 1))])[0])[0] == "OFFER_NOT_FOUND"
    assert shop.app.place_orders([request]) == [replace(placed, replayed=True)]


def test_out_of_stock_says_what_is_left_and_takes_nothing(shop: Stage) -> None:
    before = shop.rows("select * from stock order by 1, 2, 3")
    (answer,) = shop.app.place_orders([shop.request((1, 1), (LAST_ONE, 2))])
    assert refusal(answer) == ("OUT_OF_STOCK", grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert answer.metadata == {"offer_id": str(LAST_ONE), "left": "1"}
    assert shop.rows("select * from stock order by 1, 2, 3") == before
    assert shop.rows("select id from orders") == []


def test_a_refusal_does_not_touch_its_neighbours(shop: Stage) -> None:
    answers = shop.app.place_orders(
        [shop.request((LAST_ONE, 1)), shop.request((SOLD_OUT, 1)), shop.request((LAST_ONE, 1)), shop.request((1, 1))]
    )
    assert [isinstance(answer, Placed) for answer in answers] == [True, False, False, True]


def test_a_backorder_buys_exactly_what_is_missing(shop: Stage) -> None:
    order_id = shop.place((BACKORDER, 3))
    assert shop.order(order_id).row.status == Status.AWAITING_STOCK
    (buy,) = shop.sent("buy")
    assert [(thing.offer_id, thing.count) for thing in buy.things] == [(BACKORDER, 3)]
    # The nearest warehouse to (3, 4) is the one at (0, 0).
    assert buy.warehouse_id == 1
    assert shop.stock(BACKORDER, 1) | {"ordered": 3, "awaited": 3} == shop.stock(BACKORDER, 1)


def test_units_on_their_way_that_nobody_waits_for_are_not_bought_twice(shop: Stage) -> None:
    shop.execute("update offers set allow_backorder = :yes where id = :offer", yes=True, offer=LAST_ONE)
    first, second = shop.place((LAST_ONE, 1)), shop.place((LAST_ONE, 2))
    (buy,) = shop.sent("buy")
    assert [(thing.offer_id, thing.count) for thing in buy.things] == [(LAST_ONE, 2)]
    assert [shop.order(order).row.status for order in (first, second)] == [Status.PACKING, Status.AWAITING_STOCK]


def test_orders_are_accepted_before_there_is_any_world(stage: Stage) -> None:
    order_id = stage.place((1, 2))
    assert stage.order(order_id).row.status == Status.AWAITING_STOCK
    assert stage.dispatch() == []
    stage.open_world()
    stage.stocked()
    assert stage.order(order_id).row.status == Status.PACKING


def test_two_threads_on_one_last_item(shop: Stage) -> None:
    barrier = threading.Barrier(2)

    def buy(number: int) -> object:
        request = shop.request((LAST_ONE, 1), request_id=f"thread-{number}-of-2")
        barrier.wait()
        return shop.app.place_orders([request])[0]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(buy, range(2)))
    assert sorted(type(answer).__name__ for answer in answers) == ["Placed", "ResourceExhausted"]
    assert shop.stock(LAST_ONE, 10) | {"available": 0, "reserved": 1} == shop.stock(LAST_ONE, 10)


def test_eight_threads_with_one_request_id_make_one_order(shop: Stage) -> None:
    barrier = threading.Barrier(8)
    request = shop.request((1, 2))

    def buy(_number: int) -> Placed:
        barrier.wait()
        (answer,) = shop.app.place_orders([request])
        assert isinstance(answer, Placed), answer
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(buy, range(8)))
    assert len({answer.order_id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len(shop.rows("select id from orders")) == 1


def test_many_threads_never_sell_more_than_there_is(shop: Stage) -> None:
    barrier = threading.Barrier(6)

    def buy(number: int) -> int:
        barrier.wait()
        requests = [shop.request((12, 1), request_id=f"crowd-{number}-{n}") for n in range(3)]
        return sum(isinstance(shop.app.place_orders([request])[0], Placed) for request in requests)

    with ThreadPoolExecutor(6) as pool:
        sold = sum(pool.map(buy, range(6)))
    # The seed has five of them, at warehouse 1.
    assert sold == 5
    assert shop.stock(12, 1) | {"available": 0, "reserved": 5} == shop.stock(12, 1)


def test_an_order_is_shown_to_its_own_user_only(shop: Stage) -> None:
    order_id = shop.place((1, 1))
    assert shop.app.order(SHOPPER, order_id).row.id == order_id
    for user, order in ((SHOPPER + 1, order_id), (SHOPPER, order_id + 1), (SHOPPER, -1), (SHOPPER, 2**63 - 1)):
        with pytest.raises(Refusal) as refused:
            shop.app.order(user, order)
        assert refused.value.reason == "ORDER_NOT_FOUND"
