"""Checkout: one press, one order, whatever the answers do; the cart is emptied by a yes and by nothing else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, delete, select, update

from db.shop.carts import CartItem
from db.shop.catalogue import Offer
from db.shop.checkouts import CheckoutAttempt
from mesh.errors import FieldViolation, InvalidArgument, ResourceExhausted
from shop.orders.v1 import orders_pb2
from storefront.bootstrap import Storefront
from tests.storefront.conftest import ShiftedClock
from tests.storefront.fake_orders import FakeOrders, away, hang_until, lose_answer, refuse
from tests.storefront.visitor import Visitor


def cart_of(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row.offer_id: row.quantity for row in connection.execute(select(CartItem.offer_id, CartItem.quantity))}


def attempts_in(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(CheckoutAttempt.state).order_by(CheckoutAttempt.id)).scalars())


def sweep_later(shop: Storefront, clock: ShiftedClock, seconds: float = 60.0) -> int:
    clock.ahead += seconds
    return shop.sweep.sweep_once()


def ready_to_order(visitor: Visitor, quantity: int = 2) -> Visitor:
    visitor.register()
    visitor.put_in_cart(1, quantity)
    return visitor.get("/checkout")


def test_an_order_goes_from_the_cart_to_its_own_page(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register()
    visitor.put_in_cart(1, 2)
    visitor.put_in_cart(2, 1)

    visitor.get("/checkout").submit("/checkout", x="-3", y="14", ups_account="ann-ups")

    order = orders.orders[1]
    assert visitor.path == "/orders/1"
    assert visitor.sees("Thank you")
    assert {line.offer_id: line.quantity for line in order.lines} == {1: 2, 2: 1}
    assert (order.destination.x, order.destination.y, order.ups_account) == (-3, 14, "ann-ups")
    assert cart_of(engine) == {}
    assert attempts_in(engine) == ["accepted"]


def test_the_prices_sent_are_those_that_the_page_showed(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    ready_to_order(visitor)
    with engine.begin() as connection:
        shown = connection.execute(select(Offer.price_cents).where(Offer.id == 1)).scalar_one()
        connection.execute(update(Offer).where(Offer.id == 1).values(price_cents=shown + 100))

    visitor.submit("/checkout", x="1", y="2")

    sent = orders_pb2.PlaceOrderRequest.FromString(orders.received[0])
    assert sent.items[0].expected_unit_price_cents == shown
    assert visitor.status == 422
    assert visitor.sees("The price of")
    assert visitor.page.forms[-1].values["x"] == "1"
    assert cart_of(engine) == {1: 2}
    visitor.submit("/checkout", x="1", y="2")
    assert orders.orders[1].total_cents == 2 * (shown + 100)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("", "Write a whole number"),
        ("abc", "Write a whole number, such as 12."),
        ("1.5", "Write a whole number, such as 12."),
        ("2147483648", "from -2,147,483,648 to 2,147,483,647"),
        ("-2147483649", "from -2,147,483,648 to 2,147,483,647"),
        ("١٢", "Write a whole number, such as 12."),
        ("<script>", "Write a whole number, such as 12."),
    ],
)
def test_a_coordinate_that_is_none_is_told_beside_its_field(
    visitor: Visitor, orders: FakeOrders, engine: Engine, x: str, words: str
) -> None:
    ready_to_order(visitor)
    visitor.submit("/checkout", x=x, y="7", ups_account="mine")
    assert visitor.status == 422
    assert visitor.sees(words)
    kept = visitor.page.forms[-1].values
    assert (kept["x"], kept["y"], kept["ups_account"]) == (x, "7", "mine")
    assert orders.received == []
    assert cart_of(engine) == {1: 2}


@pytest.mark.parametrize("x", ["2147483647", "-2147483648", "+5", " 12 ", "\N{MINUS SIGN}4"])
def test_every_place_on_the_grid_can_be_ordered_to(visitor: Visitor, orders: FakeOrders, x: str) -> None:
    ready_to_order(visitor)
    visitor.submit("/checkout", x=x, y="0")
    assert orders.orders[1].destination.x == int(x.replace("\N{MINUS SIGN}", "-"))


def test_pressing_twice_is_one_order(visitor: Visitor, orders: FakeOrders) -> None:
    ready_to_order(visitor)
    first = visitor.press("/checkout", x="1", y="2")
    second = visitor.press("/checkout", x="1", y="2")
    assert first.location == "/orders/1"
    visitor.follow(second)
    assert visitor.path == "/orders/1"
    assert len(orders.orders) == 1


def test_pressing_twice_at_the_same_moment_is_one_order(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine
) -> None:
    ready_to_order(visitor)
    form = next(one for one in visitor.page.forms if one.action == "/checkout")
    cookie = visitor.client.get_cookie("minimart")
    assert cookie is not None

    def press(_: int) -> int:
        client = shop.app.test_client()
        client.set_cookie("minimart", cookie.value)
        return client.post("/checkout", data={**form.values, "x": "1", "y": "2"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press, range(8))) == {303}
    assert len(orders.orders) == 1
    assert attempts_in(engine) == ["accepted"]
    assert cart_of(engine) == {}


def test_going_back_and_pressing_with_another_address_is_still_the_first_order(
    visitor: Visitor, orders: FakeOrders
) -> None:
    ready_to_order(visitor)
    visitor.press("/checkout", x="1", y="2")
    visitor.submit("/checkout", x="100", y="200")
    assert visitor.path == "/orders/1"
    assert [order.destination.x for order in orders.orders.values()] == [1]


def test_a_lost_answer_is_asked_for_with_the_same_bytes_until_it_comes(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor)
    orders.moods += [lose_answer, away]

    visitor.submit("/checkout", x="1", y="2")

    assert visitor.sees("We are confirming your order")
    assert 'http-equiv="refresh"' in visitor.response.get_data(as_text=True)
    assert cart_of(engine) == {1: 2}
    confirming = visitor.path
    assert visitor.get("/orders").sees("One order is being confirmed")

    assert sweep_later(shop, clock) == 1
    assert attempts_in(engine) == ["confirming"]
    assert sweep_later(shop, clock) == 1

    assert attempts_in(engine) == ["accepted"]
    assert len(set(orders.received)) == 1
    assert len(orders.orders) == 1
    assert cart_of(engine) == {}
    assert visitor.follow(visitor.get(confirming).response).path == "/orders/1"
    assert sweep_later(shop, clock) == 0


def test_silence_until_the_deadline_says_confirming_and_deletes_nothing(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor)
    done = threading.Event()
    orders.moods.append(hang_until(done))
    visitor.submit("/checkout", x="1", y="2")
    done.set()
    assert visitor.sees("We are confirming your order")
    assert attempts_in(engine) == ["confirming"]
    sweep_later(shop, clock)
    assert attempts_in(engine) == ["accepted"]
    assert len(orders.orders) == 1


def test_what_was_put_in_the_cart_meanwhile_stays_in_it(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor, quantity=2)
    orders.moods.append(lose_answer)
    visitor.submit("/checkout", x="1", y="2")
    visitor.put_in_cart(1, 3)
    visitor.put_in_cart(5, 1)
    sweep_later(shop, clock)
    assert cart_of(engine) == {1: 3, 5: 1}


def test_a_no_to_a_later_try_is_told_and_leaves_the_cart(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor)
    orders.moods += [away, refuse(ResourceExhausted("OUT_OF_STOCK", "x", offer_id=1, left=1))]
    visitor.submit("/checkout", x="1", y="2")
    confirming = visitor.path
    sweep_later(shop, clock)
    visitor.get(confirming)
    assert visitor.sees("This was not ordered")
    assert visitor.sees("(only 1)")
    assert cart_of(engine) == {1: 2}
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    assert visitor.path == "/orders/1"


def test_out_of_stock_is_told_beside_the_line_with_everything_kept(
    visitor: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    ready_to_order(visitor)
    orders.moods.append(refuse(ResourceExhausted("OUT_OF_STOCK", "x", offer_id=1, left=0)))
    visitor.submit("/checkout", x="11", y="22")
    assert visitor.status == 422
    assert visitor.sees("There are not that many left.")
    assert visitor.page.forms[-1].values["x"] == "11"
    assert cart_of(engine) == {1: 2}
    assert attempts_in(engine) == ["refused"]


def test_reloading_a_refusal_tells_it_again_and_asks_nobody(visitor: Visitor, orders: FakeOrders) -> None:
    ready_to_order(visitor)
    orders.moods.append(refuse(ResourceExhausted("OUT_OF_STOCK", "x", offer_id=1, left=0)))
    visitor.press("/checkout", x="1", y="2")
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.sees("This was not ordered")
    assert len(orders.received) == 1


def test_what_orders_svc_says_of_a_field_is_shown_beside_it(visitor: Visitor, orders: FakeOrders) -> None:
    ready_to_order(visitor)
    violations = [FieldViolation("destination.y", "too far"), FieldViolation("items[0].quantity", "too many")]
    orders.moods.append(refuse(InvalidArgument(violations)))
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.sees("Error: too far")
    assert visitor.sees("too many")


def test_too_many_calls_at_once_is_no_refusal(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    ready_to_order(visitor)
    orders.moods.append(refuse(ResourceExhausted("OVERLOADED", "try again later")))
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.sees("We are confirming your order")
    assert attempts_in(engine) == ["confirming"]


def test_an_attempt_whose_process_died_before_the_call_is_placed_by_the_sweep(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor)
    orders.moods.append(away)
    visitor.press("/checkout", x="1", y="2")
    orders.received.clear()
    assert shop.sweep.sweep_once() == 0, "its own request may still be asking"
    sweep_later(shop, clock)
    assert len(orders.orders) == 1


def test_two_workers_sweep_and_one_asks(
    visitor: Visitor, build_shop: object, orders: FakeOrders, clock: ShiftedClock
) -> None:
    ready_to_order(visitor)
    orders.moods.append(away)
    visitor.press("/checkout", x="1", y="2")
    orders.received.clear()
    clock.ahead += 60
    workers = [build_shop() for _ in range(4)]  # type: ignore[operator]
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda worker: worker.sweep.sweep_once(), workers))
    assert sum(asked) == 1
    assert len(orders.received) == 1


def test_a_ticket_that_was_changed_orders_nothing(visitor: Visitor, orders: FakeOrders) -> None:
    ready_to_order(visitor)
    ticket = visitor.page.forms[-1].values["ticket"]
    visitor.submit("/checkout", x="1", y="2", ticket=ticket[:-3] + "abc")
    assert visitor.status == 422
    assert visitor.sees("out of date")
    assert visitor.page.forms[-1].values["x"] == "1"
    assert orders.received == []


def test_somebody_elses_ticket_orders_nothing(visitor: Visitor, another: Visitor, orders: FakeOrders) -> None:
    ready_to_order(visitor)
    stolen = visitor.page.forms[-1].values["ticket"]
    another.register("Bob", "bob@example.org")
    another.put_in_cart(3)
    another.get("/checkout").submit("/checkout", x="1", y="2", ticket=stolen)
    assert another.sees("out of date")
    assert orders.received == []


def test_an_empty_cart_cannot_be_checked_out(visitor: Visitor) -> None:
    visitor.register().get("/checkout")
    assert visitor.follow(visitor.response).path == "/cart"
    assert visitor.sees("Nothing in it yet")


def test_something_withdrawn_stops_the_checkout_before_it_begins(visitor: Visitor, engine: Engine) -> None:
    ready_to_order(visitor)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
    assert visitor.follow(visitor.get("/checkout").response).path == "/cart"
    assert visitor.sees("Something that you had ticked is no longer sold.")


def test_something_withdrawn_while_the_page_is_open_is_refused_and_told(
    visitor: Visitor, engine: Engine, orders: FakeOrders
) -> None:
    ready_to_order(visitor)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.path == "/cart"
    assert visitor.sees("Nothing was ordered. The seller has withdrawn")
    assert visitor.sees("No longer sold")
    assert orders.orders == {}
    assert cart_of(engine) == {1: 2}


def test_beside_what_was_withdrawn_the_rest_can_be_ordered_and_what_was_typed_is_kept(
    visitor: Visitor, engine: Engine, orders: FakeOrders
) -> None:
    visitor.register().get("/account/addresses").submit("/account/addresses", label="Home", x="1", y="2")
    visitor.put_in_cart(2)
    ready = visitor.put_in_cart(1, 2).get("/checkout")
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
    ready.submit("/checkout", address="elsewhere", x="11", y="22", ups_account="mine")
    assert visitor.status == 422
    assert visitor.sees("Nothing was ordered. The seller has withdrawn")
    visitor.submit("/checkout")
    assert visitor.path == "/orders/1"
    assert [line.offer_id for line in orders.orders[1].lines] == [2]
    assert (orders.orders[1].destination.x, orders.orders[1].ups_account) == (11, "mine")


def test_a_cart_that_was_emptied_meanwhile_says_that_nothing_was_ordered(visitor: Visitor) -> None:
    stale = ready_to_order(visitor).page
    visitor.get("/cart").submit("/cart/items/1/remove")
    visitor.page = stale
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.path == "/cart"
    assert visitor.sees("Your cart has changed since this page was shown. Nothing was ordered")


@pytest.mark.parametrize("meanwhile", ["withdrawn", "removed"])
def test_what_was_typed_is_there_again_when_nothing_was_left_to_order(
    visitor: Visitor, engine: Engine, orders: FakeOrders, meanwhile: str
) -> None:
    visitor.register().get("/account/addresses").submit("/account/addresses", label="Home", x="1", y="2")
    stale = visitor.put_in_cart(1).get("/checkout").page
    with engine.begin() as connection:
        if meanwhile == "withdrawn":
            connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
        else:
            connection.execute(delete(CartItem))
    visitor.page = stale
    visitor.submit("/checkout", address="elsewhere", x="11", y="-22", ups_account="mine")
    assert visitor.path == "/cart"
    assert visitor.sees("Nothing was ordered")
    if meanwhile == "withdrawn":
        visitor.submit("/cart/items/1/remove")
    visitor.put_in_cart(2)
    for _ in range(2):
        kept = visitor.get("/checkout").page.forms[-1].values
        assert (kept["address"], kept["x"], kept["y"], kept["ups_account"]) == ("elsewhere", "11", "-22", "mine")
    visitor.submit("/checkout")
    assert (orders.orders[1].destination.x, orders.orders[1].ups_account) == (11, "mine")
    after = visitor.put_in_cart(3).get("/checkout").page.forms[-1].values
    assert (after["address"] != "elsewhere", after["x"]) == (True, ""), "it is no news any more"


def test_what_was_typed_is_no_other_persons(visitor: Visitor) -> None:
    stale = ready_to_order(visitor).page
    visitor.get("/cart").submit("/cart/items/1/remove")
    visitor.page = stale
    visitor.submit("/checkout", x="11", y="22")
    visitor.log_out().register("Bob", "bob@example.org")
    assert visitor.put_in_cart(2).get("/checkout").page.forms[-1].values["x"] == ""


def test_the_next_checkout_remembers_where_to(visitor: Visitor) -> None:
    ready_to_order(visitor)
    visitor.submit("/checkout", x="-8", y="9", ups_account="ann-ups")
    visitor.put_in_cart(2)
    form = visitor.get("/checkout").page.forms[-1]
    assert (form.values["x"], form.values["y"], form.values["ups_account"]) == ("-8", "9", "ann-ups")


def test_an_order_that_is_being_confirmed_cannot_be_placed_again_from_the_same_cart(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    stale = dict(ready_to_order(visitor).page.forms[-1].values)
    orders.moods.append(away)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    confirming = visitor.path
    assert visitor.get("/cart").sees("One order is being confirmed")
    assert confirming in visitor.page.links

    assert visitor.follow(visitor.get("/checkout").response).path == confirming
    answer = visitor.client.post("/checkout", data={**stale, "x": "1", "y": "2"})

    assert visitor.follow(answer).path == confirming
    assert visitor.sees("Nothing more was ordered")
    sweep_later(shop, clock)
    assert attempts_in(engine) == ["accepted"]
    assert len(orders.orders) == 1
    assert cart_of(engine) == {}


def test_what_is_not_being_confirmed_can_be_ordered_meanwhile(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine, clock: ShiftedClock
) -> None:
    ready_to_order(visitor, quantity=2)
    orders.moods.append(away)
    visitor.submit("/checkout", x="1", y="2")
    visitor.put_in_cart(1, 3)
    visitor.put_in_cart(5, 1)

    assert visitor.get("/checkout").sees("One order is being confirmed")
    visitor.submit("/checkout", x="1", y="2")
    sweep_later(shop, clock)

    assert [{line.offer_id: line.quantity for line in order.lines} for order in orders.orders.values()] == [
        {1: 3, 5: 1},
        {1: 2},
    ]
    assert cart_of(engine) == {}


def test_a_second_tab_cannot_order_what_the_first_has_bought(
    visitor: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    stale = dict(ready_to_order(visitor).page.forms[-1].values)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")

    visitor.follow(visitor.client.post("/checkout", data={**stale, "x": "1", "y": "2"}))

    assert visitor.path == "/cart"
    assert visitor.sees("Nothing was ordered")
    assert len(orders.orders) == 1
    assert attempts_in(engine) == ["accepted"]


@pytest.mark.parametrize("left", [1, 0])
def test_a_cart_that_changed_since_gets_a_new_page_that_says_so(
    visitor: Visitor, orders: FakeOrders, engine: Engine, left: int
) -> None:
    visitor.register()
    visitor.put_in_cart(3, 1)
    visitor.put_in_cart(1, 2)
    stale = dict(visitor.get("/checkout").page.forms[-1].values)
    with engine.begin() as connection:
        mine = CartItem.offer_id == 1
        change = update(CartItem).where(mine).values(quantity=left) if left else delete(CartItem).where(mine)
        connection.execute(change)

    visitor.follow(visitor.client.post("/checkout", data={**stale, "x": "7", "y": "8"}))

    assert visitor.status == 422
    assert visitor.sees("Your cart has changed since this page was shown.")
    assert visitor.page.forms[-1].values["x"] == "7"
    assert orders.received == []
    visitor.submit("/checkout")
    assert {line.offer_id: line.quantity for line in orders.orders[1].lines} == {3: 1} | ({1: left} if left else {})


def test_two_tabs_pressed_at_the_same_moment_are_one_order(
    visitor: Visitor, shop: Storefront, orders: FakeOrders, engine: Engine
) -> None:
    ready_to_order(visitor)
    tabs = [dict(visitor.get("/checkout").page.forms[-1].values) for _ in range(8)]
    cookie = visitor.client.get_cookie("minimart")
    assert cookie is not None

    def press(tab: dict[str, str]) -> int:
        client = shop.app.test_client()
        client.set_cookie("minimart", cookie.value)
        return client.post("/checkout", data={**tab, "x": "1", "y": "2"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press, tabs)) == {303}
    assert len(orders.orders) == 1
    assert attempts_in(engine) == ["accepted"]
    assert cart_of(engine) == {}
