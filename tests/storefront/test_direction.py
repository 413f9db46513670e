"""What people write in right-to-left letters stands by itself: no number and no word of ours changes its place."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from sqlalchemy import Engine, select, update

from db.shop.accounts import Profile
from db.shop.catalogue import Offer, Product
from mesh.errors import FailedPrecondition, NotFound, ResourceExhausted
from shop.operations.v1 import operations_pb2
from storefront.operator import queries as staff
from tests.storefront.fake_orders import FakeOrders, away, refuse
from tests.storefront.visitor import Visitor

NAME = "Home \N{HOUSE BUILDING} \u0627\u0644\u062f\u0627\u0631"
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
# Between the marks that do the same where there can be no elements.
ISOLATED = re.compile("\u2068[^\u2069]*\u2069")
# As titles may hold it that were written long ago.
TURNS_ROUND = "\u202e"
# There are no numbers beside it.
ALONE = ("title", "option")
# What a seller and staff see beside that.
SELLER_PAGES = (
    *("/sell", "/sell/items", "/sell/items/{offer}", "/sell/items/{offer}/edit", "/sell/orders"),
    *("/sell/orders?q=\u0634\u0644\u0648\u0645", "/sell/items?q=\u0634\u0644\u0648\u0645"),
    # Somebody else sells it, and one may sell it too.
    "/sell/products/1",
)
STAFF_PAGES = ("/operator/orders/1",)
VOID = ("area", "base", "br", "hr", "img", "input", "link", "meta", "path", "use", "line", "rect", "circle")
PAGES = (
    "/products",
    "/products?q=\u0627\u0644\u062f&category=kitchen",
    "/products?q=\u0634\u0644\u0648\u0645",
    "/products?seller=1&stock=1",
    "/search/suggestions?q=\u0627\u0644\u062f",
    "/products/1",
    "/products/1/review",
    "/favourites",
    "/cart",
    "/checkout",
    "/orders",
    "/orders?q=\u0634\u0644\u0648\u0645",
    "/orders/1",
    "/account",
    "/account/addresses",
)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Pages look the same over either."""
    return sqlite_url


class Texts(HTMLParser):
    """The texts of a page, and which of its fields, that stand among others without a direction of their own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.within: list[tuple[str, bool]] = []
        self.found = 0
        self.mixed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        on_map = any(name == "svg" for name, _ in self.within)
        apart = tag == "bdi" or "dir" in given or (tag in ALONE and not on_map) or given.get("class") == "unseen"
        if tag not in VOID:
            self.within.append((tag, apart))
        elif tag == "input" and given.get("type") in ("text", "search"):
            self.see(given.get("value") or "", apart)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            while self.within.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.see(data, any(apart for _, apart in self.within))

    def see(self, text: str, apart: bool) -> None:
        if RIGHT_TO_LEFT.search(text):
            self.found += 1
            if not apart and RIGHT_TO_LEFT.search(ISOLATED.sub("", text)):
                self.mixed.append(" ".join(text.split()))


@pytest.fixture
def written(visitor: Visitor, orders: FakeOrders, engine: Engine, put_stock: Callable[..., None]) -> Iterator[Visitor]:
    """Somebody in whose shop everybody writes from right to left."""
    with engine.begin() as connection:
        connection.execute(update(Product).values(title=NAME, description=NAME))
        connection.execute(update(Profile).values(display_name=NAME))
    for offer_id in (1, 2):
        put_stock(offer_id, available=9)
    visitor.register(NAME)
    visitor.get("/account/addresses").submit("/account/addresses", label=NAME, x="5", y="-7")
    visitor.get("/products/1").submit("/favourites/1")
    visitor.put_in_cart(1).get("/checkout").submit("/checkout")
    order = orders.orders[1]
    order.lines[0].title, order.lines[0].seller_name = NAME, NAME
    order.shipments[0].items[0].title = NAME
    order.shipments.add().CopyFrom(order.shipments[0])
    for _ in range(4):
        orders.advance(1)
    visitor.get("/products/1/review").submit("/products/1/review", stars="4", words=NAME)
    visitor.put_in_cart(2)
    return visitor


def test_what_people_write_stands_by_itself(written: Visitor) -> None:
    for page in PAGES:
        texts = Texts(written.get(page).response.get_data(as_text=True))
        assert texts.mixed == [], page
        assert texts.found, page


def test_it_does_so_for_sellers_and_staff_too(written: Visitor, orders: FakeOrders, engine: Engine) -> None:
    written.get("/sell").submit("/sell", display_name=NAME)
    item = {"title": NAME, "description": NAME, "category": "1", "price_cents": "12.50", "quantity": "2"}
    written.get("/sell/items/new").submit("/sell/items/new", **item)
    with engine.begin() as connection:
        newest = select(Offer.id, Offer.seller_id).order_by(Offer.id.desc()).limit(1)
        offer_id, seller_id = connection.execute(newest).one()
        staff.grant(connection, "ann@example.org", 1.0)
    orders.orders[1].ups_account = NAME
    orders.operations.done.append(operations_pb2.Intervention(shipment_id=5, user_id=1, note=NAME))
    line = orders.orders[1].lines[0]
    line.offer_id, line.seller_id = offer_id, seller_id
    for page in (*SELLER_PAGES, *STAFF_PAGES):
        texts = Texts(written.get(page.format(offer=offer_id)).response.get_data(as_text=True))
        assert texts.mixed == [], page
        assert texts.found, page


def test_it_does_so_in_what_the_shop_answers(
    written: Visitor, another: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    def answers(visitor: Visitor) -> None:
        notes = re.findall(r'<(?:p|div) class="note[^>]*>\s*(?:<p>)?([^<]*)', visitor.response.get_data(as_text=True))
        assert any(RIGHT_TO_LEFT.search(note) for note in notes), visitor.path
        assert not any(RIGHT_TO_LEFT.search(ISOLATED.sub("", note)) or TURNS_ROUND in note for note in notes), notes

    answers(another.register(NAME, "bob@example.org"))
    refusals = (
        NotFound("OFFER_NOT_FOUND", "x", offer_id=2),
        FailedPrecondition("PRICE_CHANGED", "x", offer_id=2),
        ResourceExhausted("OUT_OF_STOCK", "x", offer_id=2, left=1),
    )
    for refusal in refusals:
        orders.moods.append(refuse(refusal))
        answers(written.get("/checkout").submit("/checkout"))
    written.get("/checkout").submit("/checkout", x="1", y="2")
    assert written.sees("You chose \u2068")
    assert Texts(written.response.get_data(as_text=True)).mixed == []
    written.get("/sell").submit("/sell", display_name=NAME)
    item = {"title": NAME, "description": NAME, "category": "1", "price_cents": "12.50", "quantity": "2"}
    orders.moods.append(away)
    answers(written.get("/sell/items/new").submit("/sell/items/new", **item))
    answers(written.get("/sell/items/new").submit("/sell/items/new", **item))
    with engine.begin() as connection:
        connection.execute(update(Product).values(title=NAME + TURNS_ROUND))
        offer_id = connection.execute(select(Offer.id).order_by(Offer.id.desc()).limit(1)).scalar_one()
    item_page = f"/sell/items/{offer_id}"
    answers(written.get(item_page).submit("/restock", quantity="1"))
    answers(written.get(item_page).submit("/reorder", **{"point-level": "0", "point-quantity": "1"}))
    written.get(f"{item_page}/edit")
    with engine.begin() as connection:
        connection.execute(update(Product).values(title=NAME + TURNS_ROUND + "2"))
    written.submit("/edit", title="Bowl")
    assert Texts(written.response.get_data(as_text=True)).mixed == []
    assert written.sees("it is “\u2068")
    answers(written.get(item_page).submit("/withdraw"))
    answers(written.get(item_page).submit("/back"))
    orders.orders[1].lines[0].title = NAME + TURNS_ROUND
    with engine.begin() as connection:
        connection.execute(update(Offer).values(withdrawn_at=1.0))
    answers(written.get("/orders").submit("/orders/1/again"))
