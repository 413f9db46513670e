"""Cancelling an order and sending it elsewhere: what it means is said before, the answer after, and it counts once."""

import pytest

from mesh.errors import FailedPrecondition, Unavailable
from shop.orders.v1 import orders_pb2 as pb
from storefront.orders.amendments import if_cancelled, if_sent_elsewhere
from tests.storefront.fake_orders import BEGAN, FakeOrders, away, lose_answer, refuse
from tests.storefront.visitor import Visitor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here is kept in ours."""
    return sqlite_url


def ordered(visitor: Visitor) -> Visitor:
    visitor.register().put_in_cart(1, 2)
    return visitor.get("/checkout").submit("/checkout", x="4", y="5")


def test_an_order_is_cancelled_after_its_page_has_said_what_that_means(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    assert "/orders/1/cancel" in visitor.page.links
    visitor.get("/orders/1/cancel")
    assert visitor.sees("Packing has been asked for. If that has left for the warehouse, it is too late")
    assert orders.orders[1].status == pb.ORDER_STATUS_PACKING
    visitor.submit("/orders/1/cancel")
    assert visitor.path == "/orders/1#asked"
    assert visitor.sees("Cancelled. You asked at")
    assert not visitor.sees("not known yet")
    assert visitor.sees("Nothing had left; the goods stay on the shelf")
    assert "/orders/1/cancel" not in visitor.page.links
    assert visitor.get("/orders/1/cancel").follow(visitor.response).path == "/orders/1"


def test_too_late_says_since_when(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    orders.left_at = BEGAN + 3
    visitor.get("/orders/1/cancel").submit("/orders/1/cancel")
    assert visitor.sees("Too late to cancel. You asked at")
    assert visitor.sees("Packing had been asked for at 14 Nov 2023, 22:13:23 UTC")
    assert orders.orders[1].status == pb.ORDER_STATUS_PACKING
    visitor.get("/orders/1/address").submit("/orders/1/address", x="7", y="-8")
    assert visitor.sees("Too late to change. You asked at")
    assert visitor.sees("The truck had been asked for at 14 Nov 2023, 22:13:23 UTC")


def test_an_order_is_sent_elsewhere_and_its_page_shows_where(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    visitor.get("/orders/1/address")
    assert visitor.page.forms[-1].values["x"] == "4"
    assert "data-map" in visitor.response.get_data(as_text=True)
    visitor.submit("/orders/1/address", x="7", y="-8")
    assert visitor.sees("Changed. You asked at")
    assert visitor.sees("Send it to (7, -8).")
    assert (orders.orders[1].shipments[0].destination.x, orders.orders[1].shipments[0].destination.y) == (7, -8)


def test_nothing_is_asked_for_the_address_to_which_it_goes_already(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    orders.orders[1].shipments.add().CopyFrom(orders.orders[1].shipments[0])
    visitor.get("/orders/1/address").submit("/orders/1/address")
    assert visitor.status == 422
    assert visitor.sees("It goes there already. Nothing was asked.")
    assert not orders.orders[1].amendments
    orders.orders[1].shipments[1].destination.x = 9
    visitor.submit("/orders/1/address")
    assert visitor.path == "/orders/1#asked"
    assert len(orders.orders[1].amendments) == 1


@pytest.mark.parametrize(("what", "typed"), [("address", {"x": "abc"}), ("cancel", {"request_id": "?"})])
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_form_of_an_order_that_has_ended_leads_to_the_order_and_says_why(
    visitor: Visitor, orders: FakeOrders, what: str, typed: dict[str, str], cancelled: bool
) -> None:
    ordered(visitor)
    form = visitor.get(f"/orders/1/{what}").page
    if cancelled:
        visitor.get("/orders/1/cancel").submit("/orders/1/cancel")
    else:
        for _ in range(4):
            orders.advance(1)
    visitor.page = form
    response = visitor.press(f"/orders/1/{what}", **typed)
    assert response.status_code == 303
    assert visitor.follow(response).path == "/orders/1"
    assert visitor.sees("This order is cancelled already." if cancelled else "Too late: this order has been delivered.")


@pytest.mark.parametrize(("x", "words"), [("", "whole number"), ("ten", "such as 12"), ("2147483648", "2,147,483,647")])
def test_a_wrong_address_comes_back_beside_its_field(visitor: Visitor, orders: FakeOrders, x: str, words: str) -> None:
    ordered(visitor)
    response = visitor.get("/orders/1/address").press("/orders/1/address", x=x, y="11")
    assert response.status_code == 422
    visitor.follow(response)
    assert visitor.sees(words)
    assert (visitor.page.forms[-1].values["x"], visitor.page.forms[-1].values["y"]) == (x, "11")
    assert not orders.orders[1].amendments


def test_each_parcel_has_its_own_answer(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    order = orders.orders[1]
    order.shipments.add().CopyFrom(order.shipments[0])
    asked = order.amendments.add(request_id="cancel-1")
    asked.decisions.add(parcel=1, decision=pb.DECISION_DONE, reason="nothing had left")
    late = asked.decisions.add(parcel=2, decision=pb.DECISION_TOO_LATE, reason="too late: the shipment is further on")
    late.left_at.FromMilliseconds(int((BEGAN + 9) * 1000))
    visitor.get("/orders/1")
    assert visitor.sees("Parcel 1: Cancelled.")
    assert visitor.sees("Parcel 2: Too late to cancel.")
    assert visitor.sees("The shipment is further on at 14 Nov 2023, 22:13:29 UTC")


def test_without_an_answer_the_same_request_is_asked_again_and_counts_once(
    visitor: Visitor, orders: FakeOrders
) -> None:
    ordered(visitor)
    orders.moods += [lose_answer] * 9
    response = visitor.get("/orders/1/address").press("/orders/1/address", x="7", y="-8")
    assert response.status_code == 503
    orders.moods.clear()
    visitor.follow(response)
    assert visitor.sees("No answer came in time")
    assert visitor.page.forms[-1].values["x"] == "7"
    visitor.submit("/orders/1/address")
    assert visitor.sees("Changed.")
    assert len(orders.orders[1].amendments) == 1


def test_while_orders_svc_is_away_nothing_that_was_typed_is_lost(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    visitor.get("/orders/1/address")
    orders.moods += [away] * 9
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    response = visitor.press("/orders/1/address", x="7", y="-8")
    assert response.status_code == 503
    orders.moods.clear()
    orders.get_refusal = None
    assert visitor.follow(response).submit("/orders/1/address").sees("Changed.")


def test_pressing_twice_is_one_request(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    visitor.get("/orders/1/cancel")
    assert [visitor.press("/orders/1/cancel").status_code for _ in range(2)] == [303, 303]
    assert len(orders.orders[1].amendments) == 1


def test_while_ups_is_being_asked_nothing_more_can_be_asked(visitor: Visitor, orders: FakeOrders) -> None:
    ordered(visitor)
    form = visitor.get("/orders/1/cancel").page
    orders.orders[1].shipments[0].cancellable = pb.CHANGEABLE_PENDING
    assert "Cancel the order" not in visitor.get("/orders/1/cancel").page.text.replace("Cancel order", "")
    assert visitor.sees("One at a time: wait for its answer.")
    visitor.page = form
    orders.moods.append(refuse(FailedPrecondition("CHANGE_PENDING", "one at a time")))
    response = visitor.press("/orders/1/cancel")
    assert response.status_code == 422
    assert visitor.follow(response).sees("UPS is still being asked about an earlier change")


@pytest.mark.parametrize(
    ("changeable", "words"),
    [
        (pb.CHANGEABLE_AT_ONCE, "so it can"),
        (pb.CHANGEABLE_ASKS_UPS, "is asked"),
        (pb.CHANGEABLE_TOO_LATE, "It is too late"),
        (pb.CHANGEABLE_PENDING, "One at a time"),
    ],
)
def test_what_would_be_answered_now_is_told_as_the_orders_service_sees_it(changeable: int, words: str) -> None:
    shipment = pb.Shipment(goods=pb.GOODS_STATE_PACKING, truck=pb.TRUCK_STATE_REQUESTED)
    shipment.cancellable = shipment.address_changeable = changeable  # type: ignore[assignment]
    assert words in if_cancelled(shipment)
    assert words in if_sent_elsewhere(shipment)


@pytest.mark.parametrize("bad", ["", "short", "x" * 65, "with space", "\N{SNOWMAN}" * 12])
def test_a_page_whose_request_is_none_of_ours_is_made_anew(visitor: Visitor, orders: FakeOrders, bad: str) -> None:
    ordered(visitor)
    response = visitor.get("/orders/1/cancel").press("/orders/1/cancel", request_id=bad)
    assert response.status_code == 422
    assert visitor.follow(response).sees("This page was out of date.")
    assert visitor.submit("/orders/1/cancel").sees("Cancelled.")


def test_a_request_that_was_used_for_something_else_is_not_sent_as_something_new(
    visitor: Visitor, orders: FakeOrders
) -> None:
    ordered(visitor)
    orders.left_at = BEGAN
    used = visitor.get("/orders/1/address").page.forms[-1].values["request_id"]
    visitor.submit("/orders/1/address", x="1", y="1")
    response = visitor.get("/orders/1/cancel").press("/orders/1/cancel", request_id=used)
    assert response.status_code == 422
    assert len(orders.orders[1].amendments) == 1


@pytest.mark.parametrize("what", ["cancel", "address"])
def test_somebody_elses_order_is_unknown(visitor: Visitor, another: Visitor, orders: FakeOrders, what: str) -> None:
    ordered(visitor)
    form = visitor.get(f"/orders/1/{what}").page
    another.register("Bob", "bob@example.org")
    assert another.get(f"/orders/1/{what}").status == 404
    token = another.get("/account").page.forms[-1].values["csrf_token"]
    another.page = form
    assert another.press(f"/orders/1/{what}", csrf_token=token).status_code == 404
    assert not orders.orders[1].amendments


@pytest.mark.parametrize("goods", [value for _, value in pb.GoodsState.items()])
@pytest.mark.parametrize("truck", [value for _, value in pb.TruckState.items()])
def test_every_state_says_what_asking_would_mean(goods: int, truck: int) -> None:
    for status in pb.OrderStatus.values():
        shipment = pb.Shipment(goods=goods, truck=truck, status=status)  # type: ignore[arg-type]
        for words in (if_cancelled(shipment), if_sent_elsewhere(shipment)):
            assert words.endswith(".")
