"""The list of orders: found again, narrowed down, and bought again."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, update

from db.shop.carts import CartItem
from db.shop.catalogue import Offer
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: the list comes from orders_svc, and carts are tested on both elsewhere."""
    return sqlite_url


def buy(visitor: Visitor, *offers: int) -> None:
    for offer_id in offers:
        visitor.put_in_cart(offer_id)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")


def shown(visitor: Visitor, asked: str = "") -> list[str]:
    visitor.get(f"/orders{asked}")
    return [link.rpartition("/")[2] for link in visitor.page.links if link.startswith("/orders/")]


def test_orders_are_found_by_what_they_hold_and_how_they_stand(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    buy(visitor, 1)
    buy(visitor, 35)
    for _ in range(4):
        orders.advance(1)
    assert shown(visitor) == ["2", "1"]
    assert shown(visitor, "?q=MUG") == ["1"]
    assert shown(visitor, "?q=2") == shown(visitor, "?q=%232") == ["2"]
    assert visitor.page.forms[1].values["q"] == "#2"
    assert shown(visitor, "?q=%E7%8C%AB") == ["2"], "beyond ASCII"
    assert shown(visitor, "?status=delivered") == ["1"]
    assert shown(visitor, "?status=open") == ["2"]
    assert shown(visitor, "?status=open&q=mug") == []
    assert visitor.sees("None of your orders fits “mug” and is “On the way”.")
    assert visitor.page.forms[1].values == {"q": "mug", "status": "open"}


@pytest.mark.parametrize(
    "asked", ["?q=" + "x" * 5000, "?q=%00%0a", "?status=x", "?q=<script>", "?status=open&status=x"]
)
def test_a_strange_question_is_no_error(visitor: Visitor, orders: FakeOrders, asked: str) -> None:
    visitor.register()
    assert visitor.get(f"/orders{asked}").status == 200


def test_pages_of_what_was_asked_for_keep_the_question(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    for _ in range(21):
        buy(visitor, 1)
    visitor.get("/orders?q=mug&status=open")
    (older,) = [link for link in visitor.page.links if "page=" in link]
    assert "q=mug" in older
    assert "status=open" in older
    assert shown(visitor, older.removeprefix("/orders")) == ["1"]


def test_an_order_is_bought_again_at_todays_prices(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register()
    buy(visitor, 1, 2, 3)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == 2).values(withdrawn_at=1.0))
        connection.execute(update(Offer).where(Offer.id == 3).values(price_cents=12_345))
    visitor.get("/orders").submit("/orders/1/again")
    assert visitor.path == "/cart"
    assert visitor.sees("In your cart again: 2 of 3 items.")
    assert visitor.sees("This item is no longer sold.")
    assert visitor.sees("$123.45")
    with engine.connect() as connection:
        assert connection.execute(select(CartItem.offer_id).order_by(CartItem.offer_id)).scalars().all() == [1, 3]


def test_an_order_of_which_nothing_is_sold_leads_back_to_it(
    visitor: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    visitor.register()
    buy(visitor, 1)
    with engine.begin() as connection:
        connection.execute(update(Offer).values(withdrawn_at=1.0))
    visitor.get("/orders").submit("/orders/1/again")
    assert visitor.path == "/orders/1"


def test_somebody_elses_order_is_not_bought_again(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register()
    buy(visitor, 1)
    another.register("Bob", "bob@example.org").get("/account")
    assert another.client.post("/orders/1/again", data={"csrf_token": another.token}).status_code == 404


def test_the_list_asks_the_database_twice(visitor: Visitor, count_queries: Callable[[], list[str]]) -> None:
    visitor.register()
    for _ in range(3):
        buy(visitor, 1)
    count_queries()
    visitor.get("/orders?q=mug")
    # Who asks, and what is being confirmed; the rest is orders_svc's.
    assert len(asked := count_queries()) <= 2, asked
