"""Selling: becoming a seller, one item per form, stock that is bought once, and own items only."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select

from db.shop.catalogue import Offer, Product
from mesh.errors import FieldViolation, InvalidArgument, NotFound
from tests.storefront.fake_orders import FakeOrders, away, lose_answer, refuse
from tests.storefront.visitor import Visitor

PutStock = Callable[..., None]
ITEM = {"title": "Blue bowl", "description": "Glazed.", "category": "1", "price_cents": "12.50", "quantity": "20"}


@pytest.fixture
def seller(visitor: Visitor, put_stock: PutStock) -> Visitor:
    put_stock(1, available=1)
    visitor.register()
    return visitor.get("/sell").submit("/sell", display_name="Ann's bowls")


def products_in(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(Product)).scalar_one()


def newest_offer(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.max(Offer.id))).scalar_one()


def restock_form(seller: Visitor) -> dict[str, str]:
    return next(form.values for form in seller.page.forms if form.action.endswith("/restock"))


def test_an_item_is_added_with_its_first_units(seller: Visitor, orders: FakeOrders, engine: Engine) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    assert seller.sees("Blue bowl is in the shop")
    (restock,) = orders.restocks
    assert (restock.offer_id, restock.warehouse_id, restock.quantity) == (newest_offer(engine), 1, 20)
    assert seller.sees("Harbour 0 (+20)")
    found = seller.get("/products?q=BOWL")
    assert found.sees("Blue bowl")
    assert found.sees("$12.50")


def test_pressing_twice_adds_one_item_and_buys_once(seller: Visitor, orders: FakeOrders, engine: Engine) -> None:
    before = products_in(engine)
    seller.get("/sell/items/new")
    seller.press("/sell/items/new", **ITEM)
    seller.submit("/sell/items/new", **ITEM)
    assert products_in(engine) == before + 1
    assert len(orders.restocks) == 1


def test_two_items_may_be_alike(seller: Visitor, engine: Engine) -> None:
    before = products_in(engine)
    for _ in range(2):
        seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    assert products_in(engine) == before + 2


def test_units_that_nobody_answered_for_are_asked_for_again_and_bought_once(
    seller: Visitor, orders: FakeOrders
) -> None:
    orders.moods += [lose_answer]
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    assert seller.sees("could not be bought yet")
    assert restock_form(seller)["quantity"] == "20"
    seller.submit("/restock")
    assert seller.sees("On the way: 20 more of Blue bowl.")
    assert len(orders.restocks) == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"title": ""}, "Write a title."),
        ({"title": "x" * 121}, "at most 120 characters"),
        ({"description": " "}, "Write a description."),
        ({"description": "x" * 4001}, "at most 4000 characters"),
        ({"category": "0"}, "Choose one."),
        ({"category": "999"}, "Not a valid choice"),
        ({"category": "x"}, "Invalid Choice"),
        ({"price_cents": "free"}, "Write a price in dollars, such as 4.50."),
        ({"price_cents": "0"}, "Write a price from 0.01"),
        ({"price_cents": "1000000.01"}, "Write a price from 0.01"),
        ({"title": "\u202eright to left"}, "Hidden characters turn a part of this text round"),
        ({"price_cents": "1.999"}, "Write a price in dollars"),
        ({"price_cents": "-5"}, "Write a price in dollars"),
        ({"price_cents": "NaN"}, "Write a price in dollars"),
        ({"quantity": "0"}, "from 1 to 10,000"),
        ({"quantity": "10001"}, "from 1 to 10,000"),
        ({"warehouse": "77"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field_with_the_rest_kept(
    seller: Visitor, orders: FakeOrders, engine: Engine, typed: dict[str, str], words: str
) -> None:
    before = products_in(engine)
    seller.get("/sell/items/new").submit("/sell/items/new", **{**ITEM, **typed})
    assert seller.status == 422
    assert seller.sees(words)
    kept = seller.page.forms[-1].values
    assert kept["description"].strip() == {**ITEM, **typed}["description"].strip()
    assert products_in(engine) == before
    assert orders.restocks == []


@pytest.mark.parametrize(
    "title", ["<b>bold</b>", "\u05e9\u05dc\u05d5\u05dd 5", "🫖🫖🫖", 'O\'Neill & Sons "best"', "x" * 120]
)
def test_any_title_is_shown_as_it_was_written(seller: Visitor, title: str) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **{**ITEM, "title": title})
    assert seller.get("/sell/items").sees(title)


@pytest.mark.parametrize(
    ("typed", "cents"), [("89", 8900), ("0.01", 1), ("11,20", 1120), ("$4.5", 450), ("1000000", 10**8)]
)
def test_prices_are_read_as_people_write_them(seller: Visitor, engine: Engine, typed: str, cents: int) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **{**ITEM, "price_cents": typed})
    with engine.connect() as connection:
        assert connection.execute(select(Offer.price_cents).where(Offer.id == newest_offer(engine))).scalar() == cents


def test_an_own_item_is_restocked(seller: Visitor, orders: FakeOrders, engine: Engine) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    offer_id = newest_offer(engine)
    seller.get(f"/sell/items/{offer_id}")
    seller.press("/restock", warehouse="2", quantity="7")
    seller.submit("/restock", warehouse="2", quantity="7")
    assert seller.path == f"/sell/items/{offer_id}"
    assert seller.sees("On the way: 7 more of Blue bowl.")
    assert [(one.warehouse_id, one.quantity) for one in orders.restocks] == [(1, 20), (2, 7)]


def test_silence_keeps_the_form_as_it_was_for_another_press(
    seller: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    seller.get(f"/sell/items/{newest_offer(engine)}")
    before = restock_form(seller)["request_id"]
    orders.moods.append(away)
    seller.submit("/restock", quantity="7")
    assert seller.status == 503
    assert seller.sees("never bought twice")
    assert restock_form(seller)["request_id"] == before
    assert restock_form(seller)["quantity"] == "7"


def test_what_orders_svc_refuses_is_told_beside_its_field(seller: Visitor, orders: FakeOrders, engine: Engine) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    seller.get(f"/sell/items/{newest_offer(engine)}")
    orders.moods.append(refuse(NotFound("WAREHOUSE_NOT_FOUND", "x")))
    seller.submit("/restock", quantity="7")
    assert seller.sees("There is no such warehouse any more.")
    orders.moods.append(refuse(InvalidArgument([FieldViolation("quantity", "more than the world holds")])))
    seller.submit("/restock", quantity="7")
    assert seller.sees("more than the world holds")


def test_before_the_warehouses_are_known_the_form_says_so(visitor: Visitor) -> None:
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's")
    visitor.get("/sell/items/new").submit("/sell/items/new", **ITEM)
    assert visitor.status == 422
    assert visitor.sees("The warehouses are not known yet.")


def test_someone_elses_stamp_adds_nothing(seller: Visitor, another: Visitor, engine: Engine) -> None:
    before = products_in(engine)
    stamp = seller.get("/sell/items/new").page.forms[-1].values["stamp"]
    another.register("Bob", "bob@example.org")
    another.get("/sell").submit("/sell", display_name="Bob's")
    another.get("/sell/items/new").submit("/sell/items/new", **ITEM, stamp=stamp)
    assert another.sees("out of date")
    assert another.page.forms[-1].values["title"] == "Blue bowl"
    assert products_in(engine) == before


def test_the_list_asks_as_much_for_many_items_as_for_one(
    seller: Visitor, count_queries: Callable[[], list[str]]
) -> None:
    for _ in range(6):
        seller.get("/sell/items/new").press("/sell/items/new", **ITEM)
    count_queries()
    seller.get("/sell/items")
    assert len(asked := count_queries()) <= 4, asked
