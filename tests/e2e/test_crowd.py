"""Two hundred shoppers and fifty units at once: the shop's pages over the real orders service, on each database."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select, text

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.stock import Stock
from db.shop.accounts import Profile, User
from db.shop.carts import Cart, CartItem
from mesh.channel import open_channel
from mesh.identity import Tokens
from proof.checkers import check_books
from storefront.accounts import sessions
from storefront.accounts.passwords import Passwords
from storefront.bootstrap import Storefront, build
from storefront.config import Settings
from storefront.orders_client import IDEMPOTENT
from storefront.security import COOKIE
from tests.orders_svc.rpc.serving import Running, running
from tests.orders_svc.stage import SOLD_OUT
from tests.storefront.visitor import Visitor

SHOPPERS, UNITS, AT_ONCE = 200, 50, 32


@pytest.fixture
def engine(shop: Running, database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, SystemClock(), pool_size=AT_ONCE)
    nothing = dict.fromkeys(("reserved", "packed", "scrapped", "ordered", "awaited"), 0)
    with engine.begin() as connection:
        place = {"world_epoch": shop.world_epoch, "offer_id": SOLD_OUT, "warehouse_id": 1}
        connection.execute(insert(Stock).values(place | nothing | {"arrived": UNITS, "available": UNITS}))
    yield engine
    engine.dispose()


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Running]:
    with running(database_url, tmp_path) as served:
        served.open_world()
        yield served


@pytest.fixture
def storefront(shop: Running, engine: Engine, tmp_path: Path) -> Iterator[Storefront]:
    token = Tokens.load(tmp_path / "service-tokens").token_of("storefront")
    channel = open_channel(f"127.0.0.1:{shop.service.public.port}", token, idempotent=IDEMPOTENT)
    yield build(
        Settings(storefront_order_deadline=60, storefront_threads=AT_ONCE, data_dir=tmp_path),
        engine=engine,
        clock=SystemClock(),
        channel=channel,
        secret_key="a key for tests only, long enough to be one",
        passwords=Passwords(memory_kib=8, passes=1),
    )
    channel.close()


def crowd(storefront: Storefront, engine: Engine) -> list[FlaskClient]:
    """The shoppers, logged in, each with one of the units in the cart."""
    signer = storefront.app.session_interface.get_signing_serializer(storefront.app)  # type: ignore[attr-defined]
    clients = []
    with engine.begin() as connection:
        price = connection.execute(text("select price_cents from offers where id = :o"), {"o": SOLD_OUT}).scalar_one()
        for number in range(SHOPPERS):
            email = f"shopper-{number}@example.org"
            row = {"email": email, "email_key": email, "created_at": 1.0}
            user_id = connection.execute(insert(User).values(row).returning(User.id)).scalar_one()
            connection.execute(insert(Profile).values(user_id=user_id, display_name="Somebody"))
            cart_id = connection.execute(
                insert(Cart).values(user_id=user_id, filled_at=1.0).returning(Cart.id)
            ).scalar_one()
            item = {"cart_id": cart_id, "offer_id": SOLD_OUT, "quantity": 1, "added_at": 1.0, "seen_price_cents": price}
            connection.execute(insert(CartItem).values(item))
            token = sessions.begin(connection, user_id, "a browser", SystemClock().now())
            client = storefront.app.test_client()
            client.set_cookie(COOKIE, signer.dumps({"_user_id": token}))
            clients.append(client)
    return clients


def test_fifty_units_are_sold_and_a_hundred_and_fifty_shoppers_are_told_kindly(
    storefront: Storefront, engine: Engine, shop: Running, database_url: str
) -> None:
    clients = crowd(storefront, engine)
    barrier = Barrier(AT_ONCE, timeout=120)

    def look(client: FlaskClient) -> Visitor:
        return Visitor(client).get("/checkout")

    def press(number: int) -> str:
        if number < AT_ONCE:
            barrier.wait()
        visitor = looking[number]
        answer = visitor.press("/checkout", x="1", y="2")
        if answer.status_code == 303 and re.fullmatch(r"/orders/\d+", answer.location):
            return "sold"
        words = answer.get_data(as_text=True)
        assert answer.status_code == 422, words
        assert "There are not that many" in words, words
        return "told"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        looking = list(pool.map(look, clients))
        assert all(one.status == 200 for one in looking)
        answers = Counter(pool.map(press, range(SHOPPERS)))
    assert answers == {"sold": UNITS, "told": SHOPPERS - UNITS}
    with engine.begin() as connection:
        stock = connection.execute(
            text("select available, reserved + packed from stock where offer_id = :o"), {"o": SOLD_OUT}
        ).all()
        assert [tuple(row) for row in stock] == [(0, UNITS)]
        assert connection.execute(text("select count(*), sum(quantity) from order_lines")).one() == (UNITS, UNITS)
        in_carts = connection.execute(select(CartItem.cart_id).where(CartItem.offer_id == SOLD_OUT)).all()
        assert len(in_carts) == SHOPPERS - UNITS, "nothing is lost of what was not sold"
    check_books(engine, strangers=True)
