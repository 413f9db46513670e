"""A shop with everybody in it: an owner of one thing of each kind, and those who own nothing of it.

Built once for many tests: `restore` puts the database, the orders and everybody's cookies back as they were.
"""

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine, func, insert, select
from werkzeug.routing import Rule

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.stock import Stock, Warehouse
from db.seed.shop import seed_shop
from db.shop.accounts import Address, User
from db.shop.catalogue import Offer, Product
from db.shop.checkouts import CheckoutAttempt
from mesh.channel import open_channel
from storefront.accounts import resets
from storefront.accounts.passwords import Passwords
from storefront.bootstrap import build
from storefront.config import Settings
from storefront.operator import queries as operator
from storefront.security import limiter
from tests.storefront.access import PASSWORD, Who
from tests.storefront.fake_orders import TOKENS, FakeOrders, serving
from tests.storefront.visitor import Visitor

COOKIE = "minimart"
# What the owner ordered: one is under way, the other was delivered.
OPEN_ORDER, DELIVERED_PRODUCT = 1, 2
_NAMES = {Who.OWNER: "Ann", Who.OTHER: "Bob", Who.SELLER: "Cyd", Who.STAFF: "Sue"}
# Not what was changed, but how it was noted.
_NOTES = {"security_events"}
_TABLE = b"title,description,shelf,price\nGreen bowl,Glazed.,kitchen,5\n"
_ORDERS, _RESTOCKS = "orders of orders_svc", "purchases of orders_svc"

Tables = dict[str, list[tuple[Any, ...]]]


@dataclass
class People:
    """The shop and whoever is in it. `arguments`: what stands in the addresses, all of it the owner's."""

    app: Flask
    engine: Engine
    orders: FakeOrders
    path: Path
    arguments: dict[str, object] = field(default_factory=dict)
    # For forms: "<ticket>" is written as what is here.
    secrets: dict[str, str] = field(default_factory=dict)
    # For forms of everybody's present session.
    tokens: dict[Who, str] = field(default_factory=dict)
    _cookies: dict[Who, str] = field(default_factory=dict)
    _owner_id: int = 0

    def settle_in(self) -> None:
        """Everybody registers, and the owner gets one thing of each kind."""
        with self.engine.begin() as connection:
            connection.execute(insert(Warehouse).values(id=1, name="Harbour", x=0, y=0))
            empty = dict.fromkeys(("reserved", "packed", "scrapped", "ordered", "awaited"), 0)
            for offer_id in (1, 2, 3):
                connection.execute(
                    insert(Stock).values(
                        world_epoch=1, offer_id=offer_id, warehouse_id=1, arrived=50, available=50, **empty
                    )
                )
        visitors = {who: Visitor(self.app.test_client()) for who in Who}
        for who, name in _NAMES.items():
            visitors[who].register(name, f"{name.lower()}@example.org", PASSWORD)
        with self.engine.begin() as connection:
            operator.grant(connection, f"{_NAMES[Who.STAFF].lower()}@example.org", SystemClock().now())
        for who in (Who.OWNER, Who.SELLER):
            visitors[who].get("/sell").submit("/sell", display_name=f"{_NAMES[who]}'s shop")
        self._owner_things(visitors[Who.OWNER])
        for who, visitor in visitors.items():
            visitor.get("/login" if who is Who.GUEST else "/account")
            self.tokens[who] = visitor.token
            cookie = visitor.client.get_cookie(COOKIE)
            assert cookie is not None
            self._cookies[who] = cookie.value
        self._keep()

    def _owner_things(self, owner: Visitor) -> None:
        for product_id in (OPEN_ORDER, DELIVERED_PRODUCT):
            owner.put_in_cart(product_id)
            owner.get("/checkout").submit("/checkout", x="1", y="2")
        while len(self.orders.orders[2].shipments[0].history) < 5:
            self.orders.advance(2)
        owner.get("/account/addresses").submit("/account/addresses", label="Home", x="1", y="2")
        item = {"title": "Red bowl", "description": "Glazed.", "category": "1", "price_cents": "9", "quantity": "20"}
        owner.get("/sell/items/new").submit("/sell/items/new", **item, photo=(BytesIO(_photo()), "bowl.png"))
        owner.get("/sell/items/table").submit("/table", file=(BytesIO(_TABLE), "items.csv"))
        batch = owner.path.rpartition("/")[2]
        owner.put_in_cart(3)
        owner.get("/checkout")
        self.secrets["<ticket>"] = next(one.values["ticket"] for one in owner.page.forms if "ticket" in one.values)
        owner.get("/sell/items/new")
        self.secrets["<stamp>"] = next(one.values["stamp"] for one in owner.page.forms if "stamp" in one.values)
        with self.engine.begin() as connection:
            own_offer = connection.execute(select(func.max(Offer.id))).scalar_one()
        owner.get(f"/sell/items/{own_offer}/edit")
        self.secrets["<seen>"] = owner.page.forms[-1].values["seen"]
        with self.engine.begin() as connection:
            own_product = connection.execute(select(func.max(Product.id))).scalar_one()
        owner.put_in_cart(own_product)
        with self.engine.begin() as connection:
            self._owner_id = connection.execute(select(User.id).where(User.email == "ann@example.org")).scalar_one()
            link = resets.give_link(connection, "ann@example.org", SystemClock().now())
            assert link is not None
            self.arguments = {
                "order_id": OPEN_ORDER,
                "product_id": DELIVERED_PRODUCT,
                "address_id": connection.execute(select(Address.id)).scalar_one(),
                "offer_id": connection.execute(select(Offer.id).where(Offer.seller_id == self._owner_id)).scalar_one(),
                "request_id": connection.execute(select(CheckoutAttempt.request_id).limit(1)).scalar_one(),
                "token": link.token,
                "shipment_id": self.orders.operations.need_attention(self.orders.orders[OPEN_ORDER]),
                "remedy": "retry",
                "name": "mug-1",
                "size": "small",
                "batch": batch,
                "photo": connection.execute(select(Product.picture).order_by(Product.id.desc()).limit(1)).scalar_one(),
                "filename": "base.css",
            }

    def address_of(self, rule: Rule, **instead: object) -> str:
        """The address of a route, for the owner's things but for what is named."""
        with self.app.test_request_context():
            adapter = self.app.url_map.bind("localhost")
            return adapter.build(rule.endpoint, {name: (self.arguments | instead)[name] for name in rule.arguments})

    def client_of(self, who: Who) -> FlaskClient:
        """A browser of theirs."""
        client = self.app.test_client()
        client.set_cookie(COOKIE, self._cookies[who])
        return client

    def fill(self, who: Who, form: dict[str, str]) -> dict[str, str]:
        """A form as a page of theirs would send it."""
        return {name: self.secrets.get(value, value) for name, value in form.items()} | {"csrf_token": self.tokens[who]}

    def everything(self) -> Tables:
        """All that is kept, but for notes of what was asked."""
        return {table: rows for table, _, rows in self._tables()}

    def of_the_owner(self) -> Tables:
        """What of it is the owner's."""
        tables = list(self._tables())
        carts = next((columns, rows) for table, columns, rows in tables if table == "carts")
        cart_ids = {dict(zip(carts[0], row, strict=True))["id"] for row in carts[1] if self._is_owners(carts[0], row)}
        found: Tables = {}
        for table, columns, rows in tables:
            found[table] = [
                row
                for row in rows
                if self._is_owners(columns, row)
                or (table == "users" and row[columns.index("id")] == self._owner_id)
                or ("cart_id" in columns and row[columns.index("cart_id")] in cart_ids)
                or (table == _RESTOCKS and row[0] == self.arguments["offer_id"])
                or table == _ORDERS
            ]
        return found

    def restore(self) -> None:
        """Everything is as it was."""
        with closing(sqlite3.connect(self._kept)) as source, closing(sqlite3.connect(self.path)) as target:
            source.backup(target)
        vars(self.orders).update(copy.deepcopy(self._kept_orders))
        limiter.reset()

    @property
    def _kept(self) -> Path:
        return self.path.with_suffix(".kept")

    def _keep(self) -> None:
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(self._kept)) as target:
            source.backup(target)
        names = ("orders", "_by_request", "restocks", "received")
        self._kept_orders = {name: copy.deepcopy(vars(self.orders)[name]) for name in names}

    def _is_owners(self, columns: list[str], row: tuple[Any, ...]) -> bool:
        return any(name in columns and row[columns.index(name)] == self._owner_id for name in ("user_id", "seller_id"))

    def _tables(self) -> Iterator[tuple[str, list[str], list[tuple[Any, ...]]]]:
        with closing(sqlite3.connect(self.path)) as connection:
            names = [
                name
                for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
                if not name.startswith("sqlite_") and name not in _NOTES
            ]
            for name in names:
                cursor = connection.execute(f'select * from "{name}"')
                yield name, [one[0] for one in cursor.description], sorted(cursor.fetchall(), key=repr)
        kept = sorted((key, one.SerializeToString(deterministic=True)) for key, one in self.orders.orders.items())
        yield _ORDERS, [], kept
        yield _RESTOCKS, ["offer_id"], [(one.offer_id, one.quantity) for one in self.orders.restocks]


def _photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (80, 80)).save(out, "PNG")
    return out.getvalue()


@contextmanager
def people_in(database: Path) -> Iterator[People]:
    """The shop over a migrated SQLite file."""
    clock = SystemClock()
    engine = make_engine(f"sqlite:///{database}", clock)
    seed_shop(engine, clock)
    orders = FakeOrders(engine)
    with serving(orders) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", TOKENS.token_of("storefront"))
        shop = build(
            Settings(storefront_order_deadline=2.0),
            engine=engine,
            clock=clock,
            channel=channel,
            secret_key="a key for tests only, long enough to be one",
            passwords=Passwords(memory_kib=8, passes=1),
        )
        people = People(shop.app, engine, orders, database)
        people.settle_in()
        yield people
        channel.close()
    engine.dispose()
