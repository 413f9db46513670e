"""Fills a new shop: categories, products, offers, a default seller and a sample shopper.

Rules: once per database, for ever. The default seller's account is the mark
that it has been done, written in the same transaction; with it there, nothing
is looked at or changed, whatever people made of the data since. Any number of
processes may call at the same moment. Warehouses and stock belong to the
orders service, which writes them from the data beside this module.
"""

from sqlalchemy import Connection, Engine, func, insert, literal, select

from db.clock import Clock
from db.engine import read_only
from db.seed.categories import CATEGORIES
from db.seed.products import PRODUCTS
from db.shop.accounts import Profile, User, email_key
from db.shop.catalogue import Category, Offer, Product, search_text
from db.turns import SEED, take_turn

SELLER_EMAIL = "seller@minimart.example"
SELLER_NAME = "Minimart"
SHOPPER_EMAIL = "shopper@minimart.example"
SHOPPER_NAME = "Sample Shopper"


def seed_shop(engine: Engine, clock: Clock) -> bool:
    """Fills a shop that never was filled; whether it did. The tables must be there (`db.migrate`)."""
    with read_only(engine).begin() as connection:
        if _is_done(connection):
            return False
    with engine.begin() as connection:
        take_turn(connection, SEED)
        if _is_done(connection):
            return False
        _fill(connection, clock.now())
    return True


def _is_done(connection: Connection) -> bool:
    marks = select(func.count()).select_from(User).where(User.email_key == email_key(SELLER_EMAIL))
    return bool(connection.execute(marks).scalar_one())


def _fill(connection: Connection, now: float) -> None:
    seller_id = _add_user(connection, now, SELLER_EMAIL, SELLER_NAME, is_seller=True)
    _add_user(connection, now, SHOPPER_EMAIL, SHOPPER_NAME, is_seller=False)
    connection.execute(
        insert(Category), [{"id": shelf.id, "slug": shelf.slug, "name": shelf.name} for shelf in CATEGORIES]
    )
    connection.execute(
        insert(Product),
        [
            {
                "id": product.id,
                "title": product.title,
                "description": product.description,
                "search_text": search_text(product.title, product.description, product.category.name),
                "category_id": product.category.id,
                "picture": product.picture,
                "created_at": now,
            }
            for product in PRODUCTS
        ],
    )
    connection.execute(
        insert(Offer),
        [
            {
                "id": product.id,
                "product_id": product.id,
                "seller_id": seller_id,
                "price_cents": product.price_cents,
                "allow_backorder": product.allow_backorder,
                "created_at": now,
            }
            for product in PRODUCTS
        ],
    )
    _number_on_from_here(connection)


def _add_user(connection: Connection, now: float, email: str, name: str, *, is_seller: bool) -> int:
    """Adds an account that nobody can log in to; its id."""
    user_id: int = connection.execute(
        insert(User).returning(User.id), {"email": email, "email_key": email_key(email), "created_at": now}
    ).scalar_one()
    connection.execute(
        insert(Profile), {"user_id": user_id, "display_name": name, "is_seller": is_seller, "ups_account": ""}
    )
    return user_id


def _number_on_from_here(connection: Connection) -> None:
    """Lets PostgreSQL's sequences go on after the ids given here; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for model in (Category, Product, Offer):
        sequence = func.pg_get_serial_sequence(literal(model.__tablename__), literal("id"))
        connection.execute(select(func.setval(sequence, select(func.max(model.id)).scalar_subquery())))
