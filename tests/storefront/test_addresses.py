"""The address book, the map, and what the checkout makes of them."""

from urllib.parse import quote

import pytest
from sqlalchemy import Engine, select

from db.shop.accounts import Address
from mesh.errors import Unavailable
from shop.orders.v1 import orders_pb2 as pb
from storefront.addresses.grid import draw_grid
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor


def add(visitor: Visitor, label: str, x: int, y: int, **more: str) -> Visitor:
    return visitor.get("/account/addresses").submit("/account/addresses", label=label, x=x, y=y, **more)


def book(engine: Engine) -> list[tuple[str, int, int, bool]]:
    with engine.connect() as connection:
        rows = connection.execute(select(Address.label, Address.x, Address.y, Address.is_default).order_by(Address.id))
        return [tuple(row) for row in rows]


def address_id(engine: Engine, label: str) -> int:
    with engine.connect() as connection:
        return connection.execute(select(Address.id).where(Address.label == label)).scalar_one()


def test_the_first_address_is_the_default_until_another_is_made_it(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    add(visitor, "Home", 1, 2)
    add(visitor, "Office", -3, 4)
    assert book(engine) == [("Home", 1, 2, True), ("Office", -3, 4, False)]
    visitor.submit(f"/account/addresses/{address_id(engine, 'Office')}/default")
    assert book(engine) == [("Home", 1, 2, False), ("Office", -3, 4, True)]
    visitor.submit(f"/account/addresses/{address_id(engine, 'Office')}/remove")
    assert book(engine) == [("Home", 1, 2, True)]


def test_an_address_is_changed(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    add(visitor, "Home", 1, 2)
    add(visitor, "Office", 5, 6)
    path = f"/account/addresses/{address_id(engine, 'Office')}"
    assert visitor.get(path).page.forms[-1].values["label"] == "Office"
    visitor.submit(path, label="Harbour 🏠", x="7", make_default="y")
    assert book(engine) == [("Home", 1, 2, False), ("Harbour 🏠", 7, 6, True)]
    assert visitor.get(path).sees("Suggested first at the checkout.")
    assert 'name="make_default"' not in visitor.response.text, "a tick that could not be taken away"
    visitor.submit(path, label="", x="1.5")
    assert visitor.status == 422
    assert visitor.sees("Write a name.")
    assert visitor.sees("Write a whole number, such as 12.")
    assert visitor.page.forms[-1].values["x"] == "1.5"


def test_one_shopper_cannot_touch_anothers_addresses(visitor: Visitor, another: Visitor, engine: Engine) -> None:
    visitor.register()
    add(visitor, "Home", 1, 2)
    another.register("Bob", "bob@example.org").get("/account/addresses")
    path = f"/account/addresses/{address_id(engine, 'Home')}"
    data = {"csrf_token": another.token, "label": "Mine", "x": "9", "y": "9"}
    assert another.get(path).status == 404
    for action in (path, f"{path}/default", f"{path}/remove"):
        assert another.client.post(action, data=data).status_code == 404, action
    another.put_in_cart(1)
    another.get("/checkout").submit("/checkout", address=path.rpartition("/")[2], x="", y="")
    assert another.sees("This is not in your address book any more.")
    assert book(engine) == [("Home", 1, 2, True)]


def test_a_book_holds_twenty_and_not_twenty_one(visitor: Visitor, engine: Engine) -> None:
    visitor.register()
    for number in range(20):
        add(visitor, f"Place {number}", number, 0)
    add(visitor, "One more", 1, 1)
    assert visitor.status == 422
    assert visitor.sees("Your address book holds 20 places")
    assert len(book(engine)) == 20


def test_the_default_address_is_where_an_order_goes_in_two_actions(
    visitor: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    visitor.register()
    add(visitor, "Home", 11, -12)
    visitor.get("/products/1").submit("/cart/items", then="buy-now")
    visitor.submit("/checkout")
    assert visitor.path == "/orders/1"
    assert (orders.orders[1].destination.x, orders.orders[1].destination.y) == (11, -12)


def test_another_place_is_written_and_kept_on_request(visitor: Visitor, orders: FakeOrders, engine: Engine) -> None:
    visitor.register()
    add(visitor, "Home", 11, -12)
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", address="elsewhere", x="5", y="6", remember="y", label="Aunt May")
    assert (orders.orders[1].destination.x, orders.orders[1].destination.y) == (5, 6)
    assert book(engine) == [("Home", 11, -12, True), ("Aunt May", 5, 6, False)]


def test_a_place_that_is_chosen_and_another_that_is_written_are_a_question(
    visitor: Visitor, orders: FakeOrders
) -> None:
    visitor.register()
    add(visitor, "Home", 11, -12)
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", x="5", y="")
    assert visitor.status == 422
    assert visitor.sees("You chose Home, and wrote another place too. Choose one of them.")
    assert visitor.page.forms[-1].values["x"] == "5"
    assert orders.received == []


@pytest.mark.parametrize("address", ["0", "-1", "x", "9" * 30, "²", "1'--"])
def test_an_address_that_is_none_is_told(visitor: Visitor, orders: FakeOrders, address: str) -> None:
    visitor.register()
    add(visitor, "Home", 11, -12)
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", address=address)
    assert visitor.status == 422
    assert visitor.sees("This is not in your address book any more.")
    assert orders.received == []


def test_what_was_chosen_is_kept_when_something_else_is_wrong(visitor: Visitor, orders: FakeOrders) -> None:
    visitor.register()
    add(visitor, "Home", 11, -12)
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", ups_account="u" * 65)
    assert visitor.status == 422
    assert visitor.page.forms[-1].values["x"] == ""
    visitor.submit("/checkout", ups_account="")
    assert orders.orders[1].destination.x == 11


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (pb.ACCOUNT_VERDICT_VERIFIED, "UPS knows this account."),
        (pb.ACCOUNT_VERDICT_UNKNOWN, "UPS says that there is no such account."),
        (pb.ACCOUNT_VERDICT_NOT_VERIFIED, "Not verified"),
    ],
)
def test_what_ups_says_of_an_account_is_told(
    visitor: Visitor, orders: FakeOrders, verdict: "pb.AccountVerdict", words: str
) -> None:
    orders.account_verdict = verdict
    visitor.register()
    assert visitor.get("/ups-account?name=ann").sees(words)
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", ups_account="ann", check="1", x="3")
    assert visitor.status == 200
    assert visitor.sees(words)
    assert visitor.page.forms[-1].values["x"] == "3"
    assert orders.received == [], "asking is not ordering"


def test_without_an_answer_an_account_is_not_verified(visitor: Visitor, orders: FakeOrders) -> None:
    orders.account_verdict = Unavailable("DATABASE_AWAY", "away")
    visitor.register()
    assert visitor.get("/ups-account?name=ann").sees("Not verified")
    assert visitor.get("/ups-account?name=%20").page.text == ""


@pytest.mark.parametrize("name", ["u" * 65, "\x07"])
def test_ups_is_not_asked_of_an_account_that_is_refused(visitor: Visitor, orders: FakeOrders, name: str) -> None:
    orders.account_verdict = pb.ACCOUNT_VERDICT_VERIFIED
    visitor.register()
    assert visitor.get(f"/ups-account?name={quote(name)}").page.text == ""
    visitor.put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", ups_account=name, check="1")
    assert visitor.sees("Error: ")
    assert not visitor.sees("UPS knows this account.")
    assert visitor.page.forms[-1].values["ups_account"] == name


def test_the_map_shows_all_of_it_however_far_apart() -> None:
    everything = draw_grid([("A", 0, 0)], [("B", 2**31 - 1, 5)], (-(2**31), -7))
    assert everything.left <= -(2**31)
    assert everything.left + everything.size >= 2**31 - 1
    assert len(everything.rows) <= 22
    assert len(everything.columns) <= 22
    assert draw_grid([]).view_box == "-68 -68 136 136"
