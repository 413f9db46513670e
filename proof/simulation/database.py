"""The database of a run: real SQLite in memory, filled from a migrated and seeded template, with a disk that can fail.

Rules: one engine for a process of ours, so that compiled statements are kept from seed to seed; every run begins with
a clean copy; the hooks see each transaction of a writer before it begins, before it is committed and right after,
and may end the process there, or say that the database did not work. Nothing of the code under test knows of them.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast
from unittest.mock import patch

from greenlet import getcurrent
from sqlalchemy import Connection, Engine, event, insert
from sqlalchemy.exc import OperationalError

from db.clock import Clock
from db.engine import is_read_only, make_engine
from db.migrate import upgrade
from db.seed.categories import CATEGORIES
from db.seed.products.entry import SeedProduct
from db.seed.stock import SeedStock
from db.seed.warehouses import WAREHOUSES
from db.shop.accounts import Profile, User
from db.shop.catalogue import Category, Offer, Product
from db.tables import METADATA
from orders_svc.service import installation
from proof.simulation.prepared import PreparedEngine

SELLER = 1
SHOPPERS = (2, 3, 4)
PLENTY, CONTENDED, ONE_PLACE, BACKORDER = 1, 2, 3, 4
# Virtual time begins here: a whole second, so that ids are the same in every run.
BEGINNING = 1_800_000_000.0

_PRODUCTS = tuple(
    SeedProduct(offer_id, CATEGORIES[0], title, title, price, "kettle", backorder)
    for offer_id, title, price, backorder in (
        (PLENTY, "Plenty", 1000, False),
        (CONTENDED, "Contended", 2500, False),
        (ONE_PLACE, "At one place", 300, False),
        (BACKORDER, "Made to order", 99, True),
    )
)
# Where SQLite keeps the last number that it gave in each table.
_SEQUENCES = "sqlite_sequence"


class Disk(Protocol):
    """What a run does around the transactions of the orders service; `label` says what they are for."""

    def before_begin(self, label: str, writes: bool) -> None:
        """A transaction is about to begin."""
        ...

    def before_commit(self, label: str) -> None:
        """A writer's transaction is about to be committed."""
        ...

    def after_commit(self, label: str) -> None:
        """It is committed; nobody knows yet."""
        ...


def unavailable(statement: str, words: str) -> OperationalError:
    """What SQLAlchemy raises when SQLite says this of a statement."""
    return OperationalError(statement, {}, sqlite3.OperationalError(words))


class _Now:
    """The engine's clock: that of the present run."""

    clock: Clock | None = None

    def now(self) -> float:
        return BEGINNING if self.clock is None else self.clock.now()


class Database:
    """The engine and its one connection; `begin_run` puts a clean copy in it.

    `engine` is what a run uses: `prepared`, or SQLAlchemy's own, which is slower and does the same.
    """

    def __init__(self, *, prepared: bool = True) -> None:
        self._now = _Now()
        self._templates: dict[int, dict[str, list[Any]]] = {}
        self.disk: Disk | None = None
        self._plain = make_engine("sqlite://", self._now, pool_size=1)
        upgrade(self._plain)
        self._empty = _contents(self.raw)
        event.listen(self._plain, "begin", self._begin, insert=True)
        event.listen(self._plain, "commit", self._commit)
        # What orders_svc asks of an Engine is what PreparedEngine has.
        self.engine = cast(Engine, PreparedEngine(self.raw, self)) if prepared else self._plain

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection below the engine, for checkers that only read."""
        with self._plain.connect() as connection:
            found: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        return found

    def begin_run(self, warehouses: int, clock: Clock, disk: Disk) -> sqlite3.Connection:
        """Puts a clean copy with so many warehouses in place; gives the connection for checkers."""
        self.disk, self._now.clock = None, None
        template = self._templates.get(warehouses)
        raw = self.raw
        if template is None:
            _put(raw, self._empty)
            _fill(self._plain, warehouses)
            self._templates[warehouses] = _contents(raw)
        else:
            _put(raw, template)
        self.disk, self._now.clock = disk, clock
        return raw

    def begin(self, read_only: bool) -> None:
        """See prepared.Hooks."""
        if self.disk is not None:
            self.disk.before_begin(_label(), not read_only)

    def commit(self, commit: Callable[[], None]) -> None:
        """See prepared.Hooks."""
        if self.disk is None:
            commit()
            return
        label = _label()
        self.disk.before_commit(label)
        commit()
        self.disk.after_commit(label)

    def _begin(self, connection: Connection) -> None:
        self.begin(is_read_only(connection))

    def _commit(self, connection: Connection) -> None:
        if not is_read_only(connection):
            driver: Any = connection.connection.driver_connection
            self.commit(driver.commit)


def _contents(raw: sqlite3.Connection) -> dict[str, list[Any]]:
    """All rows, by table; the tables in the order in which they may be filled."""
    names = [table.name for metadata in METADATA for table in metadata.sorted_tables]
    return {name: raw.execute(f"select * from {name}").fetchall() for name in (*names, _SEQUENCES)}  # noqa: S608 - names of ours


def _put(raw: sqlite3.Connection, contents: dict[str, list[Any]]) -> None:
    """Replaces all rows. The schema stays, and with it what SQLite has compiled."""
    raw.execute("BEGIN IMMEDIATE")
    for name in reversed(contents):
        raw.execute(f"delete from {name}")  # noqa: S608 - names of ours
    for name, rows in contents.items():
        if name == _SEQUENCES:
            # What it has noted just now.
            raw.execute(f"delete from {name}")  # noqa: S608 - a constant
        if rows:
            raw.executemany(f"insert into {name} values ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 - names of ours
    raw.commit()


def _label() -> str:
    return getattr(getcurrent(), "label", "")


def _fill(engine: Engine, warehouses: int) -> None:
    """A small shop: four offers, one of them contended, and its installation."""
    with engine.begin() as connection:
        for user_id in (SELLER, *SHOPPERS):
            mail = f"user{user_id}@minimart.example"
            row = {"id": user_id, "email": mail, "email_key": mail, "created_at": BEGINNING}
            connection.execute(insert(User), row)
            profile = {"user_id": user_id, "display_name": f"User {user_id}", "is_seller": user_id == SELLER}
            connection.execute(insert(Profile), profile | {"ups_account": ""})
        shelf = CATEGORIES[0]
        connection.execute(insert(Category), {"id": shelf.id, "slug": shelf.slug, "name": shelf.name})
        for product in _PRODUCTS:
            connection.execute(
                insert(Product),
                {
                    "id": product.id,
                    "title": product.title,
                    "description": product.description,
                    "search_text": product.title.casefold(),
                    "category_id": shelf.id,
                    "picture": product.picture,
                    "created_at": BEGINNING,
                },
            )
            connection.execute(
                insert(Offer),
                {
                    "id": product.id,
                    "product_id": product.id,
                    "seller_id": SELLER,
                    "price_cents": product.price_cents,
                    "allow_backorder": product.allow_backorder,
                    "created_at": BEGINNING,
                },
            )
    with _small_installation(warehouses):
        installation.install(engine, BEGINNING)


@contextmanager
def _small_installation(warehouses: int) -> Iterator[None]:
    places = WAREHOUSES[:warehouses]
    stock = [SeedStock(PLENTY, place.id, 40) for place in places]
    stock += [SeedStock(CONTENDED, 1, 4), SeedStock(CONTENDED, 2, 2), SeedStock(ONE_PLACE, places[-1].id, 20)]
    with (
        patch.object(installation, "WAREHOUSES", places),
        patch.object(installation, "PRODUCTS", _PRODUCTS),
        patch.object(installation, "INITIAL_STOCK", tuple(stock)),
    ):
        yield
