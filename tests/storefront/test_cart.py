"""The cart: kept over log-ins, bounded, and nobody else's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, insert, select, update

from db.shop.carts import CartItem
from db.shop.catalogue import Offer
from storefront.cart import queries
from tests.storefront.visitor import Visitor


def cart_of(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row.offer_id: row.quantity for row in connection.execute(select(CartItem.offer_id, CartItem.quantity))}


def test_a_cart_is_kept_over_log_ins(visitor: Visitor, another: Visitor) -> None:
    visitor.register().put_in_cart(1, 3)
    another.log_in()
    assert another.get("/cart").page.forms[1].values["quantity"] == "3"


def test_a_guest_logs_in_and_finds_what_they_wanted_in_the_cart(visitor: Visitor, engine: Engine) -> None:
    visitor.put_in_cart(4, 2)
    assert visitor.path.startswith("/login")
    visitor.register()
    assert visitor.path == "/cart"
    assert cart_of(engine) == {4: 2}


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
    assert visitor.page.forms[1].values["quantity"] == quantity
    assert cart_of(engine) == {1: 3}


@pytest.mark.parametrize("quantity", ["0", "1001", "x"])
def test_a_wrong_quantity_on_a_product_page_puts_nothing_in(visitor: Visitor, engine: Engine, quantity: str) -> None:
    visitor.register()
    visitor.get("/products/1").submit("/cart/items", quantity=quantity)
    assert visitor.path == "/products/1"
    assert visitor.sees("Write a whole number")
    assert cart_of(engine) == {}


def test_more_than_one_order_can_hold_is_refused(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 999)
    visitor.put_in_cart(1, 2)
    assert visitor.sees("at most 1000 of an item. There are 999 in your cart already.")
    assert cart_of(engine) == {1: 999}


def test_the_cart_holds_fifty_items_and_not_fifty_one(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    with engine.begin() as connection:
        user_id = connection.execute(
            select(queries.User.id).where(queries.User.email_key == "ann@example.org")
        ).scalar()
        connection.execute(
            insert(CartItem),
            [{"user_id": user_id, "offer_id": n, "quantity": 1, "added_at": 1.0} for n in range(1, 50)],
        )
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
        user_id = connection.execute(
            select(queries.User.id).where(queries.User.email_key == "ann@example.org")
        ).scalar_one()

    def add_one(_: int) -> None:
        with engine.begin() as connection:
            queries.add(connection, user_id, 1, 1, 1.0)

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
    assert len(asked := count_queries()) <= 4, asked
