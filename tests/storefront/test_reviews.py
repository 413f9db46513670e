"""Reviews: written by people who got the goods, once each, and counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, insert, select

from db.shop.accounts import Profile, User
from db.shop.catalogue import Product
from mesh.errors import Unavailable
from storefront.reviews import queries
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor


def buy(visitor: Visitor, product_id: int = 1) -> None:
    visitor.put_in_cart(product_id)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")


def deliver(orders: FakeOrders, order_id: int = 1) -> None:
    for _ in range(4):
        orders.advance(order_id)


def figures(engine: Engine, product_id: int = 1) -> tuple[int, int]:
    with engine.connect() as connection:
        row = connection.execute(select(Product.reviews, Product.stars).where(Product.id == product_id)).one()
    return row.reviews, row.stars


def test_who_got_it_reviews_it_and_everybody_reads_it(visitor: Visitor, another: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    buy(visitor)
    deliver(orders)
    assert visitor.get("/products/1").sees("Write a review")
    visitor.get("/products/1/review").submit("/products/1/review", stars="4", words="Holds tea.\n\n<script>x</script>")
    assert visitor.sees("Thank you for your review.")
    another.get("/products/1")
    assert another.sees("Holds tea.")
    assert another.sees("<script>x</script>"), "it is text"
    assert another.sees("4.0 · 1 review")
    assert another.get("/products?q=mug").sees("4.0 of 5 stars")


@pytest.mark.parametrize("bought", [False, True])
def test_who_did_not_get_it_cannot(visitor: Visitor, engine: Engine, bought: bool) -> None:
    visitor.register()
    if bought:
        buy(visitor)
    assert visitor.follow(visitor.get("/products/1/review").response).path == "/products/1"
    assert visitor.sees("You can review this once it has come to you.")
    visitor.client.post("/products/1/review", data={"csrf_token": visitor.token, "stars": "5"})
    assert figures(engine) == (0, 0)


def test_what_somebody_else_got_does_not_count(visitor: Visitor, another: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    buy(visitor)
    deliver(orders)
    another.register("Bob", "bob@example.org")
    assert another.get("/products/1/review").status == 303
    buy(another, 2)
    deliver(orders, 2)
    assert another.get("/products/1/review").status == 303
    assert another.get("/products/2/review").status == 200


def test_a_review_is_changed_and_removed(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register()
    buy(visitor)
    deliver(orders)
    visitor.get("/products/1/review").submit("/products/1/review", stars="4", words="Good")
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    visitor.get("/products/1/review").submit("/products/1/review", stars="1", words="Broken")
    assert figures(engine) == (1, 1), "who has written once is not asked for again"
    assert visitor.get("/products/1/review").page.forms[-2].values["stars"] == "1"
    visitor.submit("/products/1/review/remove")
    assert figures(engine) == (0, 0)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"stars": "0"}, "Choose from one to five stars."),
        ({"stars": "6"}, "Choose from one to five stars."),
        ({"stars": ""}, "Choose from one to five stars."),
        ({"stars": "x"}, "Choose from one to five stars."),
        ({"stars": "3", "words": "x" * 2001}, "at most 2000 characters"),
        ({"stars": "3", "words": "a\x07"}, "cannot be shown"),
    ],
)
def test_what_cannot_be_a_review_is_told_and_kept(
    visitor: Visitor, orders: FakeOrders, typed: dict[str, str], words: str
) -> None:
    visitor.register()
    buy(visitor)
    deliver(orders)
    visitor.get("/products/1/review").submit("/products/1/review", **{"words": "my words 🍵", **typed})
    assert visitor.status == 422
    assert visitor.sees(words)
    assert typed.get("words", "my words 🍵")[:20] in visitor.response.get_data(as_text=True)


def test_while_orders_cannot_be_looked_up_nothing_typed_is_lost(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    buy(visitor)
    deliver(orders)
    visitor.get("/products/1/review")
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    visitor.submit("/products/1/review", stars="5", words="Very good")
    assert visitor.status == 503
    assert visitor.sees("Send it again in a moment.")
    assert "Very good" in visitor.response.get_data(as_text=True)


def test_many_who_write_at_the_same_moment_all_count(engine: Engine) -> None:
    with engine.begin() as connection:
        for user_id in range(100, 120):
            row = {"id": user_id, "email": f"{user_id}@x.org", "email_key": f"{user_id}@x.org", "created_at": 1.0}
            connection.execute(insert(User), row)
            connection.execute(insert(Profile), {"user_id": user_id, "display_name": "N", "is_seller": False})

    def write(user_id: int) -> None:
        with engine.begin() as connection:
            queries.write(connection, user_id, 1, stars=user_id % 5 + 1, words="", now=1.0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(100, 120)))
    assert figures(engine) == (20, 60)


def test_reviews_come_in_pages(visitor: Visitor, engine: Engine, count_queries: Callable[[], list[str]]) -> None:
    test_many_who_write_at_the_same_moment_all_count(engine)
    for page, shown in (("", 10), ("?reviews=2", 10), ("?reviews=9", 10), ("?reviews=x", 10), ("?reviews=-1", 10)):
        count_queries()
        visitor.get(f"/products/1{page}")
        assert visitor.response.get_data(as_text=True).count('class="panel review"') == shown
        assert len(asked := count_queries()) <= 6, asked
    assert visitor.get("/products/1?reviews=9").sees("Page 2 of 2")


def test_what_was_ordered_counts_as_sold_once(visitor: Visitor, engine: Engine) -> None:
    visitor.register().put_in_cart(1, 3)
    visitor.get("/checkout")
    form = visitor.page.forms[-1]
    for _ in range(2):
        visitor.client.post("/checkout", data={**form.values, "x": "1", "y": "2"})
    with engine.connect() as connection:
        assert connection.execute(select(Product.units_sold).where(Product.id == 1)).scalar_one() == 3
