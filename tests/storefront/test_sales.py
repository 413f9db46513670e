"""What sellers see of their shop: sales as a chart and a table, orders of their things, stock; and no more."""

import re
from collections.abc import Callable

import pytest

from mesh.errors import Unavailable
from shop.sales.v1 import sales_pb2
from storefront.seller.chart import HEIGHT, WIDTH, draw_sales, nice_top
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor

PutStock = Callable[..., None]
ITEM = {"title": "Blue bowl", "description": "Glazed.", "category": "1", "price_cents": "12.50", "quantity": "20"}
LATER = {**ITEM, "title": "Red bowl", "allow_backorder": "y"}


@pytest.fixture
def seller(visitor: Visitor, put_stock: PutStock) -> Visitor:
    """Ann, who sells two bowls, with three blue ones left."""
    put_stock(1, available=50)
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's bowls")
    for item in (ITEM, LATER):
        visitor.get("/sell/items/new").submit("/sell/items/new", **{**item, "allow_backorder": "y"})
    return visitor


@pytest.fixture
def shopper(another: Visitor) -> Visitor:
    return another.register("Bob", "bob@example.org")


def order(shopper: Visitor, *bought: tuple[str, int]) -> None:
    """Of things whose titles have these words in them."""
    for words, units in bought:
        shopper.get(f"/products?q={words}")
        number = next(link for link in shopper.page.links if re.fullmatch(r"/products/\d+", link))
        shopper.put_in_cart(int(number.rpartition("/")[2]), units)
    shopper.get("/checkout").submit("/checkout", x="-77", y="4")


def days(*cents: int) -> list[sales_pb2.DayOfSales]:
    return [sales_pb2.DayOfSales(cents=one, units=1 if one else 0) for one in cents]


def test_a_new_shop_has_an_overview_with_nothing_in_it(visitor: Visitor, put_stock: PutStock) -> None:
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's bowls")
    assert visitor.sees("Nothing was sold in this time.")
    assert visitor.sees("Nothing of yours is under way.")
    assert visitor.sees("Nothing of yours is in a warehouse")


def test_the_overview_has_sales_orders_to_come_and_stock(
    seller: Visitor, shopper: Visitor, put_stock: PutStock, orders: FakeOrders
) -> None:
    order(shopper, ("blue", 2), ("red", 1))
    seller.get("/sell")
    assert seller.sees("$37.50 3 units in 1 order")
    assert seller.sees("The best day was 14 Nov with $37.50.")
    assert seller.sees("Order 1")
    assert seller.sees("2 \N{MULTIPLICATION SIGN} Blue bowl, 1 \N{MULTIPLICATION SIGN} Red bowl")
    assert seller.sees("0 left")
    assert seller.sees("20 on the way")
    assert seller.sees("Harbour 0 0 40 0")
    while orders.orders[1].status != 6:
        orders.advance(1)
    assert seller.get("/sell").sees("Nothing of yours is under way.")


def test_the_chart_is_drawn_in_the_page_and_told_in_words_and_as_a_table(seller: Visitor, shopper: Visitor) -> None:
    order(shopper, ("blue", 2))
    page = seller.get("/sell").response.get_data(as_text=True)
    drawing = page[page.index("<svg viewBox") : page.index("</svg>", page.index("<svg viewBox"))]
    assert 'role="img" aria-labelledby="chart-title chart-words"' in drawing
    assert drawing.count("<rect") == 1
    assert "style=" not in page
    table = page[page.index("<caption") : page.index("</table>")]
    assert table.count("<tr>") == 31
    assert "$25.00" in table


def test_a_seller_sees_own_things_of_an_order_and_nothing_of_who_ordered(seller: Visitor, shopper: Visitor) -> None:
    theirs = shopper.put_in_cart(1).get("/products/1").page.text
    order(shopper, ("blue", 2))
    seller.get("/sell/orders")
    assert seller.sees("2 \N{MULTIPLICATION SIGN} Blue bowl at $12.50")
    assert seller.sees("$25.00")
    assert "speckled" in theirs
    for secret in ("speckled", "Bob", "bob@", "-77"):
        assert not seller.sees(secret), secret


def test_another_seller_sees_nothing_of_it(seller: Visitor, shopper: Visitor) -> None:
    order(shopper, ("blue", 2))
    shopper.get("/sell").submit("/sell", display_name="Bob's")
    assert shopper.get("/sell/orders").sees("No orders yet")
    assert shopper.get("/sell").sees("$0.00 0 units in 0 orders Nothing was sold in this time.")
    assert not shopper.sees("$1.00"), "a scale of nothing"
    assert not shopper.sees("there is enough"), "of nothing"


def test_own_orders_are_found_by_words_and_by_how_they_stand(
    seller: Visitor, shopper: Visitor, orders: FakeOrders
) -> None:
    order(shopper, ("blue", 1))
    order(shopper, ("red", 1))
    assert seller.get("/sell/orders?q=RED").sees("Red bowl")
    assert not seller.sees("Blue bowl")
    assert seller.get("/sell/orders?q=%232").sees("Red bowl")
    assert seller.get("/sell/orders?q=teapot").sees("No such order")
    while orders.orders[1].status != 6:
        orders.advance(1)
    assert seller.get("/sell/orders?status=delivered").sees("Blue bowl")
    assert not seller.sees("Red bowl")
    assert seller.get("/sell/orders?status=nonsense").sees("Red bowl")


def test_orders_come_a_page_at_a_time(seller: Visitor, shopper: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ("blue", "red"):
        order(shopper, (words, 1))
    monkeypatch.setattr("storefront.seller.sales.find_sales.__kwdefaults__", {"token": "", "page_size": 1})
    seller.get("/sell/orders")
    assert (seller.sees("Red bowl"), seller.sees("Blue bowl")) == (True, False)
    seller.get(next(link for link in seller.page.links if "page=" in link))
    assert (seller.sees("Red bowl"), seller.sees("Blue bowl")) == (False, True)


def test_while_orders_svc_is_away_the_stock_is_shown_all_the_same(seller: Visitor, orders: FakeOrders) -> None:
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    assert seller.get("/sell").status == 200
    assert seller.sees("We cannot look at orders right now")
    assert seller.sees("Harbour 0 0 40 0")
    assert seller.get("/sell/orders").status == 503


def test_the_overview_asks_as_much_for_many_items_as_for_one(
    seller: Visitor, count_queries: Callable[[], list[str]]
) -> None:
    for _ in range(4):
        seller.get("/sell/items/new").press("/sell/items/new", **ITEM)
    count_queries()
    seller.get("/sell")
    assert len(asked := count_queries()) <= 3, asked


@pytest.mark.parametrize(
    ("cents", "top"),
    [(0, 100), (1, 100), (100, 100), (101, 200), (2100, 2500), (2600, 5000), (123_456, 200_000), (10**12, 10**12)],
)
def test_the_top_of_a_chart_is_a_round_sum_that_nothing_exceeds(cents: int, top: int) -> None:
    assert nice_top(cents) == top


def test_bars_stand_side_by_side_on_the_ground_and_reach_no_higher_than_the_top() -> None:
    chart = draw_sales(days(0, 1, 4000, 5000))
    assert [bar.height for bar in chart.bars] == [0.0, 1.0, 80.0, 100.0]
    for bar, following in zip(chart.bars, chart.bars[1:], strict=False):
        assert bar.x + bar.width < following.x
    for bar in chart.bars:
        assert bar.y + bar.height == HEIGHT
        assert 0 <= bar.x < bar.x + bar.width <= WIDTH
