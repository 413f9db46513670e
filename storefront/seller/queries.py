"""What the seller pages ask of the database. Each function works in the caller's transaction.

Rules: a seller reaches own offers only, whatever id they name; what a form makes twice is there once.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from db.shop.accounts import User
from db.shop.catalogue import Category, Offer, Product, search_text

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class OwnItem:
    """One of a seller's own offers."""

    offer_id: int
    product_id: int
    title: str
    picture: str
    shelf: str
    price_cents: int
    allow_backorder: bool


@dataclass(frozen=True, slots=True)
class NewItem:
    """What a seller wrote of a new item."""

    title: str
    description: str
    category_id: int
    price_cents: int
    picture: str
    allow_backorder: bool


def categories(connection: Connection) -> list[tuple[int, str]]:
    """The (id, name) of each category, by name."""
    rows = connection.execute(select(Category.id, Category.name).order_by(Category.name))
    return [(row.id, row.name) for row in rows]


def items_of(connection: Connection, seller_id: int, page: int) -> tuple[list[OwnItem], int]:
    """One page of a seller's items, newest first, and how many there are. Two queries."""
    total = connection.execute(
        select(func.count()).where(Offer.seller_id == seller_id, Offer.withdrawn_at.is_(None))
    ).scalar_one()
    rows = connection.execute(_own(seller_id).order_by(Offer.id.desc()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
    return [OwnItem(*row) for row in rows], total


def own_item(connection: Connection, seller_id: int, offer_id: int) -> OwnItem | None:
    """One item, if it is this seller's."""
    row = connection.execute(_own(seller_id).where(Offer.id == offer_id)).one_or_none()
    return OwnItem(*row) if row is not None else None


def add_item(connection: Connection, seller_id: int, item: NewItem, *, stamped_at: float) -> int:
    """Adds a product with one offer; the offer's id. The same stamp again gives the item that it made."""
    # Two presses of one form come one after the other.
    connection.execute(select(User.id).where(User.id == seller_id).with_for_update())
    known = select(Offer.id).where(Offer.seller_id == seller_id, Offer.created_at == stamped_at)
    offer_id = connection.execute(known).scalar()
    if offer_id is not None:
        return offer_id
    category = connection.execute(select(Category.name).where(Category.id == item.category_id)).scalar_one()
    product_id = connection.execute(
        insert(Product)
        .values(
            title=item.title,
            description=item.description,
            search_text=search_text(item.title, item.description, category),
            category_id=item.category_id,
            picture=item.picture,
            created_at=stamped_at,
        )
        .returning(Product.id)
    ).scalar_one()
    return connection.execute(
        insert(Offer)
        .values(
            product_id=product_id,
            seller_id=seller_id,
            price_cents=item.price_cents,
            allow_backorder=item.allow_backorder,
            created_at=stamped_at,
        )
        .returning(Offer.id)
    ).scalar_one()


def _own(seller_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Offer.id,
            Offer.product_id,
            Product.title,
            Product.picture,
            Category.name,
            Offer.price_cents,
            Offer.allow_backorder,
        )
        .join(Product, Product.id == Offer.product_id)
        .join(Category, Category.id == Product.category_id)
        .where(Offer.seller_id == seller_id, Offer.withdrawn_at.is_(None))
    )
