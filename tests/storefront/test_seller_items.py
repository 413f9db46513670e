"""What sellers change: what is written about their items, prices, whether they are sold, and offers beside others'."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, update

from db.orders.stock import Stock
from db.shop.catalogue import Offer, Product
from mesh.errors import NotFound
from tests.storefront.fake_orders import FakeOrders, away, refuse
from tests.storefront.visitor import Visitor

PutStock = Callable[..., None]
PutUnits = Callable[[int, int], None]
ITEM = {"title": "Blue bowl", "description": "Glazed.", "category": "1", "price_cents": "12.50", "quantity": "20"}


@pytest.fixture
def seller(visitor: Visitor, put_stock: PutStock) -> Visitor:
    """Ann, who sells the newest product: a blue bowl."""
    put_stock(1, available=1)
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's bowls")
    return visitor.get("/sell/items/new").submit("/sell/items/new", **ITEM)


@pytest.fixture
def rival(another: Visitor) -> Visitor:
    another.register("Bob", "bob@example.org")
    return another.get("/sell").submit("/sell", display_name="Bob's")


@pytest.fixture
def put_units(engine: Engine) -> PutUnits:
    """So many units of an offer have come to the first warehouse."""

    def put(offer_id: int, units: int) -> None:
        with engine.begin() as connection:
            come = update(Stock).where(Stock.offer_id == offer_id, Stock.warehouse_id == 1)
            connection.execute(come.values(arrived=units, available=units, ordered=0))

    return put


def newest(engine: Engine) -> tuple[int, int]:
    """The ids of the newest offer and its product."""
    with engine.connect() as connection:
        row = connection.execute(select(Offer.id, Offer.product_id).order_by(Offer.id.desc()).limit(1)).one()
    return row.id, row.product_id


def product(engine: Engine, product_id: int) -> Product:
    with engine.connect() as connection:
        return connection.execute(select(*Product.__table__.c).where(Product.id == product_id)).one()  # type: ignore[return-value]


def test_an_item_is_changed_and_found_by_its_new_words(seller: Visitor, engine: Engine) -> None:
    offer_id, product_id = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit")
    assert seller.page.forms[-1].values["price_cents"] == "12.50"
    seller.submit("/edit", title="Green teapot", description="Fired twice.", category="2", price_cents="9")
    assert seller.sees("Changed.")
    assert seller.get("/products?q=teapot").sees("Green teapot")
    assert not seller.get("/products?q=bowl").sees("Blue bowl")
    shown = seller.get(f"/products/{product_id}")
    assert shown.sees("$9.00")
    assert shown.sees("Fired twice.")
    assert product(engine, product_id).picture.startswith("teapot-")


@pytest.mark.parametrize(
    ("typed", "words"),
    [({"title": ""}, "Write a title."), ({"price_cents": "-1"}, "Write a price"), ({"category": "0"}, "Choose one.")],
)
def test_a_change_that_cannot_be_changes_nothing_and_keeps_what_was_typed(
    seller: Visitor, engine: Engine, typed: dict[str, str], words: str
) -> None:
    offer_id, product_id = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit")
    seller.submit("/edit", **{"description": "A new description", **typed})
    assert seller.status == 422
    assert seller.sees(words)
    assert seller.page.forms[-1].values["description"].strip() == "A new description"
    assert product(engine, product_id).description == "Glazed."


def save_in_another_window(seller: Visitor, offer_id: int, **typed: str) -> None:
    """While the page that is shown stays open."""
    open_page = seller.page, seller.path
    seller.get(f"/sell/items/{offer_id}/edit").submit("/edit", **typed)
    assert seller.sees("Changed.")
    seller.page, seller.path = open_page


def test_what_was_saved_in_another_window_is_not_undone_unseen(seller: Visitor, engine: Engine) -> None:
    offer_id, product_id = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit")
    save_in_another_window(seller, offer_id, price_cents="7.77")
    seller.submit("/edit", title="Green teapot")
    assert seller.status == 409
    assert seller.sees("nothing was saved yet")
    assert seller.sees("it is $7.77 now")
    assert not seller.sees("it is “Blue bowl” now")
    assert product(engine, product_id).title == "Blue bowl"
    # What nobody touched here is as it is now; what was typed is still there.
    assert seller.page.forms[-1].values["price_cents"] == "7.77"
    seller.submit("/edit")
    assert seller.sees("Changed.")
    shown = seller.get(f"/products/{product_id}")
    assert shown.sees("Green teapot")
    assert shown.sees("$7.77")


@pytest.mark.parametrize(
    ("name", "there", "here", "words"),
    [
        ("title", "Red bowl", "Green bowl", "it is “Red bowl” now"),
        ("description", "One\r\nTwo", "Three", "it is “One Two” now"),
        ("category", "2", "3", "it is “Home & Light” now"),
        ("price_cents", "7.77", "8.88", "it is $7.77 now"),
        ("allow_backorder", "ticked", None, "it is ticked now"),
    ],
)
def test_of_what_was_changed_in_two_windows_the_second_one_is_asked(
    seller: Visitor, engine: Engine, name: str, there: str, here: str | None, words: str
) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit")
    save_in_another_window(seller, offer_id, **{name: there})
    seller.submit("/edit", **{name: here})
    if here is None:
        # A box has no third state: what was not touched here is taken over.
        assert seller.page.forms[-1].values[name] == "ticked"
    else:
        assert seller.page.forms[-1].values[name].strip() == here
    assert seller.status == 409
    assert seller.sees(words)
    seller.submit("/edit", **{name: here})
    assert seller.sees("Changed.")
    assert seller.get(f"/sell/items/{offer_id}/edit").page.forms[-1].values.get(name, "").strip() == (here or "")


def test_the_same_change_in_two_windows_is_no_matter(seller: Visitor, engine: Engine) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit")
    save_in_another_window(seller, offer_id, price_cents="7.77", description="One\r\nTwo")
    seller.submit("/edit", price_cents="7.77", description="One\r\nTwo")
    assert seller.sees("Changed.")


def test_a_form_that_does_not_say_what_it_was_made_with_undoes_nothing(seller: Visitor, engine: Engine) -> None:
    offer_id, product_id = newest(engine)
    seller.get(f"/sell/items/{offer_id}/edit").submit("/edit", seen="price_cents=garbled title", price_cents="8.88")
    assert seller.status == 409
    assert seller.get(f"/products/{product_id}").sees("$12.50")


def test_a_withdrawn_item_is_gone_from_the_shop_until_it_is_brought_back(seller: Visitor, engine: Engine) -> None:
    offer_id, product_id = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/withdraw")
    assert seller.sees("off the shelves")
    assert seller.get(f"/products/{product_id}").sees("Nobody sells this at the moment.")
    assert not seller.get("/products?q=bowl").sees("Blue bowl")
    assert not seller.get("/sell/items").sees("Blue bowl")
    assert seller.get("/sell/items?show=withdrawn").sees("Blue bowl")
    seller.get(f"/sell/items/{offer_id}").submit("/back")
    assert seller.sees("is on sale again")
    assert seller.get("/products?q=bowl").sees("Blue bowl")


def test_a_withdrawn_item_offers_no_restock(seller: Visitor, engine: Engine) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/withdraw")
    assert not any("/restock" in form.action for form in seller.page.forms)


def test_own_items_are_found_by_a_part_of_a_word(seller: Visitor) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **{**ITEM, "title": "100% wool scarf"})
    assert seller.get("/sell/items?q=OWL").sees("Blue bowl")
    assert not seller.sees("scarf")
    assert seller.get("/sell/items?q=0%25").sees("scarf")
    assert not seller.sees("Blue bowl")
    assert seller.get("/sell/items?q=nothing").sees("No such item")


def test_a_product_has_an_offer_of_each_seller_with_its_own_price_and_stock(
    seller: Visitor, rival: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    first, product_id = newest(engine)
    rival.get(f"/products/{product_id}")
    assert f"/sell/products/{product_id}" in rival.page.links
    rival.get(f"/sell/products/{product_id}")
    rival.press(f"/sell/products/{product_id}", price_cents="11.00", quantity="3")
    rival.submit(f"/sell/products/{product_id}", price_cents="11.00", quantity="3")
    second, same = newest(engine)
    assert (second > first, same) == (True, product_id)
    assert [(one.offer_id, one.quantity) for one in orders.restocks] == [(first, 20), (second, 3)]
    assert rival.get(f"/products/{product_id}").sees("$11.00")
    assert rival.sees("$12.50")
    rival.get(f"/sell/items/{second}").submit("/withdraw")
    assert rival.get(f"/products/{product_id}").sees("$12.50")
    rival.follow(rival.client.get(f"/sell/products/{product_id}"))
    assert rival.path == f"/sell/items/{second}"


def test_who_sells_it_too_changes_the_own_price_and_never_the_words(
    seller: Visitor, rival: Visitor, engine: Engine
) -> None:
    _, product_id = newest(engine)
    rival.get(f"/sell/products/{product_id}").submit(f"/sell/products/{product_id}", price_cents="11", quantity="3")
    offer_id, _ = newest(engine)
    rival.get(f"/sell/items/{offer_id}/edit")
    assert "title" not in rival.page.forms[-1].values
    rival.submit("/edit", price_cents="10.00", title="Mine now", description="x", category="2")
    shown = rival.get(f"/products/{product_id}")
    assert shown.sees("$10.00")
    assert shown.sees("$12.50")
    assert product(engine, product_id).title == "Blue bowl"


def test_nobody_reaches_an_item_of_somebody_else(seller: Visitor, rival: Visitor, engine: Engine) -> None:
    offer_id, product_id = newest(engine)
    token = {"csrf_token": rival.get("/sell/items/new").token}
    for what, method in (("", "get"), ("/edit", "get"), ("/edit", "post"), ("/withdraw", "post"), ("/back", "post")):
        answer = getattr(rival.client, method)(f"/sell/items/{offer_id}{what}", data=token)
        assert answer.status_code == 404, what
    assert product(engine, product_id).title == "Blue bowl"
    assert rival.get(f"/products/{product_id}").sees("$12.50")


POINT = {"point-level": "5", "point-quantity": "40", "point-warehouse": "2"}


def test_what_is_brought_back_is_bought_by_itself_again(seller: Visitor, orders: FakeOrders, engine: Engine) -> None:
    """Nothing looks at the point of what nobody can buy, so it has to be said again."""
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **POINT)
    seller.get(f"/sell/items/{offer_id}").submit("/withdraw")
    orders.points.clear()
    seller.get(f"/sell/items/{offer_id}").submit("/back")
    assert not seller.sees("Keep to this” below")
    assert [(one.offer_id, one.level, one.quantity, one.warehouse_id) for one in orders.points] == [
        (offer_id, 5, 40, 2)
    ]


def test_of_what_is_brought_back_while_nobody_answers_the_seller_is_told_what_to_do(
    seller: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **POINT)
    seller.get(f"/sell/items/{offer_id}").submit("/withdraw")
    orders.moods.append(away)
    seller.get(f"/sell/items/{offer_id}").submit("/back")
    assert seller.sees("is on sale again")
    assert seller.sees("Press “Keep to this” below.")


def test_a_reorder_point_is_set_shown_and_removed(seller: Visitor, engine: Engine) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **POINT)
    assert seller.sees("With fewer than 5 left, we buy 40 more.")
    assert seller.sees("With fewer than 5 left and none on the way, we buy 40 more at once.")
    form = next(form.values for form in seller.page.forms if form.action.endswith("/reorder"))
    assert {name: form[name] for name in POINT} == POINT
    seller.submit("/reorder", **{**POINT, "point-level": "0"})
    assert seller.sees("is not bought by itself any more")
    assert seller.sees("Say how few are too few")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"point-level": "-1"}, "from 0 to 10,000"),
        ({"point-level": "few"}, "Write a whole number"),
        ({"point-quantity": "0"}, "from 1 to 10,000"),
        ({"point-warehouse": "77"}, "Not a valid choice"),
    ],
)
def test_a_point_that_cannot_be_is_told_beside_its_field(
    seller: Visitor, engine: Engine, typed: dict[str, str], words: str
) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **{**POINT, **typed})
    assert seller.status == 422
    assert seller.sees(words)
    seller.get(f"/sell/items/{offer_id}")
    assert seller.sees("Say how few are too few")


def test_what_orders_svc_says_of_a_point_is_told_with_what_was_typed(
    seller: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    offer_id, _ = newest(engine)
    seller.get(f"/sell/items/{offer_id}")
    for mood, status, words in (
        (away, 503, "Press again in a moment"),
        (refuse(NotFound("WAREHOUSE_NOT_FOUND", "x")), 422, "There is no such warehouse any more."),
    ):
        orders.moods.append(mood)
        seller.submit("/reorder", **POINT)
        assert seller.status == status
        assert seller.sees(words)
        form = next(form.values for form in seller.page.forms if form.action.endswith("/reorder"))
        assert form["point-quantity"] == "40"


def test_few_left_means_fewer_than_the_point_says(seller: Visitor, engine: Engine, put_units: PutUnits) -> None:
    offer_id, _ = newest(engine)
    put_units(offer_id, 30)
    assert not seller.get("/sell").sees("30 left")
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **{**POINT, "point-level": "31"})
    assert seller.get("/sell").sees("30 left")
