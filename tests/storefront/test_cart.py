"""The cart: kept over log-ins, bounded, and nobody else's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, insert, select, update

from db.shop.accounts import User
from db.shop.carts import Cart, CartItem
from db.shop.catalogue import Offer
from mesh.errors import ResourceExhausted
from storefront.cart import queries
from storefront.cart.queries import Owner
from storefront.presentation import money
from tests.storefront.fake_orders import FakeOrders, away, refuse
from tests.storefront.visitor import Visitor


def cart_of(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row.offer_id: row.quantity for row in connection.execute(select(CartItem.offer_id, CartItem.quantity))}


def fill_up(engine: Engine, offer_ids: range) -> None:
    """Puts one of each offer into the only cart there is."""
    with engine.begin() as connection:
        cart_id = connection.execute(select(Cart.id)).scalar_one()
        connection.execute(
            insert(CartItem), [{"cart_id": cart_id, "offer_id": n, "quantity": 1, "added_at": 1.0} for n in offer_ids]
        )


def test_a_cart_is_kept_over_log_ins(visitor: Visitor, another: Visitor) -> None:
    visitor.register().put_in_cart(1, 3)
    another.log_in()
    assert another.get("/cart").page.form("/cart/items/1").values["quantity"] == "3"


def test_a_guest_has_a_cart_which_comes_along_at_the_log_in(visitor: Visitor, engine: Engine) -> None:
    visitor.put_in_cart(4, 2)
    assert visitor.path == "/cart"
    assert cart_of(engine) == {4: 2}
    assert visitor.sees("Cart 2 items")
    visitor.submit("/cart/choose", go="checkout")
    assert visitor.path.startswith("/login?next=/checkout")
    visitor.get("/register").submit(
        "/register", display_name="Ann", email="ann@example.org", password="a good password"
    )
    assert visitor.path == "/cart"
    assert visitor.sees("We put what you chose before into your cart.")
    assert cart_of(engine) == {4: 2}


def test_a_guests_cart_is_added_to_the_shoppers_own(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 999)
    visitor.put_in_cart(2, 3)
    another.put_in_cart(1, 7)
    another.put_in_cart(3, 4)
    another.log_in()
    assert cart_of(engine) == {1: 1000, 2: 3, 3: 4}
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Cart)).scalar_one() == 1


def test_what_has_no_room_in_the_shoppers_cart_is_saved_for_later(
    visitor: Visitor, another: Visitor, engine: Engine
) -> None:
    visitor.register().put_in_cart(1)
    fill_up(engine, range(2, 50))
    another.put_in_cart(50)
    another.put_in_cart(51)
    another.log_in()
    another.get("/cart")
    with engine.connect() as connection:
        saved = connection.execute(select(CartItem.offer_id).where(CartItem.is_saved)).scalars().all()
    assert saved == [51]


def test_one_guest_cannot_see_anothers_cart(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.put_in_cart(4, 2)
    assert another.get("/cart").sees("Nothing in it yet")
    another.put_in_cart(5)
    token = another.page.forms[-1].values["csrf_token"]
    for path in ("/cart/items/4", "/cart/items/4/remove", "/cart/items/4/save"):
        another.client.post(path, data={"csrf_token": token, "quantity": "9"})
    assert cart_of(engine) == {4: 2, 5: 1}


def test_a_guests_cart_that_was_merged_is_not_found_again(visitor: Visitor, another: Visitor) -> None:
    visitor.put_in_cart(4, 2)
    cookie = visitor.client.get_cookie("minimart")
    assert cookie is not None
    visitor.register()
    another.client.set_cookie("minimart", cookie.value)
    assert another.get("/cart").sees("Nothing in it yet")


def test_only_what_is_ticked_is_ordered(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register()
    for offer_id in (1, 2, 3):
        visitor.put_in_cart(offer_id)
    visitor.submit("/cart/choose", chosen="2", go="checkout")
    assert visitor.path == "/checkout"
    visitor.submit("/checkout", x="1", y="2")
    assert [line.offer_id for line in orders.orders[1].lines] == [2]
    assert cart_of(engine) == {1: 1, 3: 1}


def test_what_was_ticked_stays_ticked_when_the_sum_is_worked_out(visitor: Visitor) -> None:
    for offer_id in (1, 2, 3):
        visitor.put_in_cart(offer_id)
    visitor.submit("/cart/choose", chosen=None)
    assert visitor.sees("0 items ticked")
    visitor.submit("/cart/choose", chosen="2")
    assert visitor.submit("/cart/choose").sees("1 item ticked")


def test_what_is_no_longer_sold_counts_for_nothing_and_stops_nothing(
    visitor: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    visitor.register()
    for offer_id in (1, 2):
        visitor.put_in_cart(offer_id)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
        price = connection.execute(select(Offer.price_cents).where(Offer.id == 2)).scalar_one()
    assert visitor.get("/cart").sees("No longer sold.")
    assert visitor.sees(f"1 item ticked {money(price)}")
    assert not visitor.sees("cannot be ordered like this")
    boxes = [one for one in visitor.response.text.split("<") if one.startswith("input") and 'name="chosen"' in one]
    assert ["disabled" in box for box in boxes] == [True, False]
    visitor.submit("/cart/choose", chosen="2", go="checkout")
    assert visitor.path == "/checkout"
    visitor.submit("/checkout", x="1", y="2")
    assert [line.offer_id for line in orders.orders[1].lines] == [2]
    assert cart_of(engine) == {1: 1}


def test_with_nothing_ticked_there_is_nothing_to_check_out(visitor: Visitor) -> None:
    visitor.register().put_in_cart(1)
    visitor.client.post("/cart/choose", data={"csrf_token": visitor.token, "shown": "1"})
    assert visitor.get("/cart").sees("0 items ticked")
    assert visitor.follow(visitor.get("/checkout").response).path == "/cart"
    assert visitor.sees("Nothing is ticked.")


def test_buying_now_orders_just_that(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.put_in_cart(2)
    visitor.get("/products/1").submit("/cart/items", quantity="2", then="buy-now")
    assert visitor.path.startswith("/checkout?only=1&units=2&since=")
    visitor.submit("/checkout", x="1", y="2")
    assert [(line.offer_id, line.quantity) for line in orders.orders[1].lines] == [(1, 2)]
    assert cart_of(engine) == {1: 3, 2: 1}


@pytest.mark.parametrize("before", [0, 3])
def test_going_back_after_buying_now_leads_to_the_order(visitor: Visitor, orders: FakeOrders, before: int) -> None:
    """Also when there are more of it in the cart, from before."""
    visitor.register().put_in_cart(2)
    if before:
        visitor.put_in_cart(1, before)
    visitor.get("/products/1").submit("/cart/items", quantity="2", then="buy-now")
    bought = visitor.path
    assert visitor.get(bought).page.form(bought), "until it is ordered, the page can be loaded again"
    orders.moods.append(refuse(ResourceExhausted("OUT_OF_STOCK", "x", offer_id=1, left=1)))
    visitor.submit(bought, x="1", y="2")
    assert visitor.get(bought).page.form(bought), "what was refused can be tried again"
    visitor.submit(bought, x="1", y="2")
    assert visitor.path == "/orders/1"
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    assert visitor.path == "/orders/2"
    if before:
        assert {line.offer_id: line.quantity for line in orders.orders[2].lines} == {1: before, 2: 1}
    visitor.put_in_cart(1)
    visitor.follow(visitor.get(bought).response)
    assert visitor.path == "/orders/1"
    assert visitor.sees("You have ordered this already. Nothing more was ordered.")
    visitor.get("/products/1").submit("/cart/items", quantity="1", then="buy-now")
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.path == "/orders/3", "another press is another order"


def test_going_back_while_it_is_being_confirmed_leads_there(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.get("/products/1").submit("/cart/items", quantity="2", then="buy-now")
    bought = visitor.path
    orders.moods.append(away)
    visitor.submit(bought, x="1", y="2")
    confirming = visitor.path
    assert visitor.follow(visitor.get(bought).response).path == confirming
    assert visitor.sees("You have ordered this already")


def test_what_was_to_be_bought_and_is_no_longer_in_the_cart_is_told(visitor: Visitor) -> None:
    visitor.register().put_in_cart(2)
    assert visitor.get("/checkout?only=5").follow(visitor.response).path == "/cart"
    assert visitor.sees("What you wanted to buy is not in your cart any more.")
    assert not visitor.sees("Nothing is ticked.")


def test_a_guest_who_buys_now_is_at_the_checkout_after_the_log_in(visitor: Visitor, another: Visitor) -> None:
    another.register()
    visitor.get("/products/1").submit("/cart/items", quantity="2", then="buy-now")
    assert visitor.path.startswith("/login")
    visitor.submit("/login", email="ann@example.org", password="a good password")
    assert visitor.path.startswith("/checkout?only=1&units=2&since=")


@pytest.mark.parametrize("asked", ["only=x", "only=-1", "only=99999999999999999999", "only=2", "only=1&units=0",
                                   "only=1&units=-5", "only=1&units=x", "only=1&units=999999",
                                   "only=1&since=nan", "only=1&since=inf", "only=1&since=x"])  # fmt: skip
def test_a_strange_checkout_address_is_no_error(visitor: Visitor, asked: str) -> None:
    visitor.register().put_in_cart(1)
    assert visitor.get(f"/checkout?{asked}").status in (200, 303)


def test_what_is_saved_for_later_is_kept_apart_and_comes_back(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.put_in_cart(2)
    visitor.submit("/cart/items/1/save")
    assert visitor.sees("Saved for later.")
    assert visitor.sees("Cart 1 item")
    assert visitor.get("/checkout").page.forms
    assert "Stoneware mug" not in visitor.page.text
    visitor.get("/cart").submit("/cart/items/1/back")
    assert visitor.sees("Back in your cart.")
    assert visitor.sees("Cart 4 items")
    visitor.submit("/cart/items/1/save").get("/cart").submit("/cart/items/1/remove")
    assert cart_of(engine) == {2: 1}


def test_putting_a_saved_item_in_again_takes_it_off_the_saved_ones(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.submit("/cart/items/1/save")
    visitor.put_in_cart(1, 2)
    assert cart_of(engine) == {1: 2}
    assert "Back to the cart" not in visitor.page.text


def test_a_change_of_the_price_is_told_until_it_has_been_seen(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(price_cents=9999))
    assert visitor.get("/cart").sees("The price went up since you put this in: from $14.90 to $99.99.")
    visitor.submit("/cart/prices")
    assert not visitor.sees("The price went")
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(price_cents=100))
    assert visitor.get("/cart").sees("The price went down")
    visitor.submit("/cart/items/1", quantity="2")
    assert not visitor.sees("The price went")


def test_too_little_stock_is_told_before_the_checkout(visitor: Visitor, put_stock: Callable[..., None]) -> None:
    put_stock(1, available=3)
    put_stock(2, available=0)
    visitor.register().put_in_cart(1, 5)
    assert visitor.sees("Only 3 left, and you have 5 here. Take fewer.")
    visitor.submit("/cart/items/1", quantity="3")
    assert not visitor.sees("Take fewer")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"available": 453}, "453 of them are on our shelves; the rest is bought first. That takes a little longer."),
        ({"available": 1, "ordered": 999}, "1 of them is on our shelves; the rest is on the way there."),
        ({"available": 453, "ordered": 600, "awaited": 600}, "453 of them are on our shelves; the rest is bought"),
    ],
)
def test_what_is_not_on_the_shelves_yet_is_told_in_the_cart_and_at_the_checkout(
    visitor: Visitor, engine: Engine, put_stock: Callable[..., None], units: dict[str, int], words: str
) -> None:
    put_stock(1, **units)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(allow_backorder=True))
    visitor.register().put_in_cart(1, 1000)
    assert visitor.sees(words)
    assert visitor.get("/checkout").sees(words)
    visitor.get("/cart").submit("/cart/items/1", quantity=units["available"])
    assert not visitor.sees("on our shelves")
    assert not visitor.get("/checkout").sees("on our shelves")


def test_the_checkout_names_every_line_of_which_too_few_are_left_before_and_after_the_press(
    visitor: Visitor, orders: FakeOrders, engine: Engine, put_stock: Callable[..., None]
) -> None:
    with engine.begin() as connection:
        connection.execute(update(Offer).values(allow_backorder=False))
    put_stock(1, available=3)
    put_stock(2, available=4, ordered=1)
    put_stock(3, available=9)
    visitor.register().put_in_cart(1, 30)
    visitor.put_in_cart(2, 40)
    visitor.put_in_cart(3, 9)
    orders.moods.append(refuse(ResourceExhausted("OUT_OF_STOCK", "x", offer_id=1, left=3)))
    visitor.get("/checkout")
    assert visitor.sees("Not all of this can be ordered like this")
    assert visitor.sees("Only 3 left, and you have 30 here. Take fewer.")
    assert visitor.sees("Only 5 left, and you have 40 here. Take fewer.")
    visitor.submit("/checkout", x="1", y="2")
    assert visitor.sees("Nothing was ordered.")
    assert visitor.sees("There are not that many left (only 3).")
    assert visitor.sees("Only 5 left, and you have 40 here. Take fewer.")
    assert visitor.page.text.count("Change the cart") == 2
    assert not visitor.sees("the rest is")
    visitor.get("/cart").submit("/cart/items/1", quantity="3").submit("/cart/items/2", quantity="5")
    assert not visitor.get("/checkout").sees("ordered like this")
    assert visitor.sees("4 of them are on our shelves; the rest is on the way there.")


@pytest.mark.parametrize("left", [1, 2])
def test_words_fit_any_number(visitor: Visitor, put_stock: Callable[..., None], left: int) -> None:
    put_stock(1, available=left)
    visitor.register().put_in_cart(1, 30)
    assert visitor.sees(f"Only {left} left, and you have 30 here.")
    visitor.submit("/cart/items/1", quantity=left)
    visitor.put_in_cart(1, 1000)
    assert visitor.sees(f"Your cart has {left} already.")


def test_putting_the_same_in_again_adds_to_it(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.put_in_cart(1, 4)
    assert cart_of(engine) == {1: 7}


def test_quantities_are_changed_and_items_removed(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.put_in_cart(2, 1)
    visitor.submit("/cart/items/1", quantity="1000")
    assert visitor.sees("Changed.")
    visitor.submit("/cart/items/2/remove")
    assert cart_of(engine) == {1: 1000}


@pytest.mark.parametrize(
    "quantity", ["0", "-1", "1001", "1000000", "2.5", "", "many", "1e3", "\N{FULLWIDTH DIGIT NINE}"]
)
def test_a_quantity_that_cannot_be_is_told_beside_its_line(visitor: Visitor, engine: Engine, quantity: str) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.submit("/cart/items/1", quantity=quantity)
    assert visitor.status == 422
    assert visitor.sees("Write a whole number")
    assert visitor.page.form("/cart/items/1").values["quantity"] == quantity
    assert cart_of(engine) == {1: 3}


@pytest.mark.parametrize("quantity", ["0", "-1", "1001", "x", "1.5", "", "9" * 500])
def test_a_wrong_quantity_on_a_product_page_puts_nothing_in_and_is_told_beside_its_offer(
    visitor: Visitor, engine: Engine, quantity: str
) -> None:
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 2).values(product_id=1, seller_id=2))
    visitor.register()
    visitor.get("/products/1").submit("/cart/items", offer_id="2", quantity=quantity)
    assert visitor.status == 422
    assert visitor.sees("Buy now Error: Write a whole number")
    assert visitor.page.text.count("Write a whole number") == 1
    shown = {one.values["offer_id"]: one.values["quantity"] for one in visitor.page.forms if "offer_id" in one.values}
    assert shown == {"1": "1", "2": quantity}
    assert cart_of(engine) == {}


def test_a_wrong_quantity_of_what_is_sold_no_more_says_that(visitor: Visitor, engine: Engine) -> None:
    visitor.get("/products/1").submit("/cart/items", offer_id="999999", quantity="x")
    assert visitor.path == "/"
    assert visitor.sees("This item is no longer sold.")
    visitor.get("/products/1").submit("/cart/items", offer_id="x")
    assert visitor.sees("This item is no longer sold.")
    visitor.get("/products/1")
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
    visitor.submit("/cart/items", quantity="x")
    assert visitor.status == 422
    assert visitor.sees("This item is no longer sold.")


def test_more_than_one_order_can_hold_is_refused(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 999)
    visitor.put_in_cart(1, 2)
    assert visitor.status == 422
    assert visitor.page.form("/cart/items").values["quantity"] == "2"
    assert visitor.sees("at most 1000 of an item. Your cart has 999 already.")
    assert cart_of(engine) == {1: 999}


def test_the_cart_holds_fifty_items_and_not_fifty_one(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    visitor.put_in_cart(1)
    fill_up(engine, range(2, 50))
    visitor.put_in_cart(50)
    visitor.put_in_cart(51)
    assert visitor.sees("A cart holds at most 50 different items.")
    visitor.put_in_cart(50)
    assert cart_of(engine)[50] == 2
    assert len(cart_of(engine)) == 50


def test_what_is_not_sold_cannot_be_put_in(visitor: Visitor, engine: Engine) -> None:
    visitor.register().get("/products/1")
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 1).values(withdrawn_at=1.0))
    visitor.submit("/cart/items")
    assert visitor.sees("This item is no longer sold.")
    visitor.get("/products/2").submit("/cart/items", offer_id="999999")
    assert visitor.sees("This item is no longer sold.")
    assert cart_of(engine) == {}


def test_one_shopper_cannot_touch_anothers_cart(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    another.register("Bob", "bob@example.org")
    another.put_in_cart(2)
    token = another.page.forms[-1].values["csrf_token"]
    another.client.post("/cart/items/1", data={"csrf_token": token, "quantity": "9"})
    another.client.post("/cart/items/1/remove", data={"csrf_token": token})
    assert cart_of(engine) == {1: 3, 2: 1}


def test_presses_at_the_same_moment_all_count(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    with engine.connect() as connection:
        owner = Owner(connection.execute(select(User.id).where(User.email_key == "ann@example.org")).scalar_one())

    def add_one(_: int) -> None:
        with engine.begin() as connection:
            queries.add(connection, owner, 1, 1, 1.0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(20)))
    assert cart_of(engine) == {1: 20}


def test_the_cart_page_asks_at_most_four_questions(
    visitor: Visitor, put_stock: Callable[..., None], count_queries: Callable[[], list[str]]
) -> None:
    visitor.register()
    for offer_id in range(1, 12):
        put_stock(offer_id, available=9)
        visitor.put_in_cart(offer_id)
    count_queries()
    # Who asks, what is in the cart, what is being confirmed, and what is in stock.
    visitor.get("/cart")
    assert len(asked := count_queries()) <= 4, asked
    visitor.get("/checkout")
    # As above, and the address book, where the last order went, and where the warehouses are.
    assert len(asked := count_queries()) <= 7, asked
