"""What the seller pages read of the database. Each function works in the caller's transaction.

Rules: a seller reaches own offers only, whatever id they name. A product is its creator's to write about: the seller of
the first offer that was made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select
from sqlalchemy.orm import aliased

from db.shop.catalogue import Category, Offer, Product
from storefront.catalogue.search import ESCAPE

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
    withdrawn_at: float | None


@dataclass(frozen=True, slots=True)
class ItemText:
    """What is written about an own item, and whether it is this seller's to change."""

    description: str
    category_id: int
    is_creator: bool
    # Offers of the same thing by others, on sale.
    others: int


def categories(connection: Connection) -> list[tuple[int, str]]:
    """The (id, name) of each category, by name."""
    rows = connection.execute(select(Category.id, Category.name).order_by(Category.name))
    return [(row.id, row.name) for row in rows]


def items_of(
    connection: Connection, seller_id: int, page: int, *, withdrawn: bool = False, patterns: Sequence[str] = ()
) -> tuple[list[OwnItem], int]:
    """One page of a seller's items that are on sale, or withdrawn; newest first, and how many there are. Two queries.

    `patterns` for LIKE must all be found in what a product is found by.
    """
    wanted = [
        Offer.withdrawn_at.is_not(None) if withdrawn else Offer.withdrawn_at.is_(None),
        *(Product.search_text.like(one, escape=ESCAPE) for one in patterns),
    ]
    query = _own(seller_id).where(*wanted)
    total = connection.execute(query.with_only_columns(func.count())).scalar_one()
    rows = connection.execute(query.order_by(Offer.id.desc()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
    return [OwnItem(*row) for row in rows], total


def own_item(connection: Connection, seller_id: int, offer_id: int) -> OwnItem | None:
    """One item, on sale or not, if it is this seller's."""
    row = connection.execute(_own(seller_id).where(Offer.id == offer_id)).one_or_none()
    return OwnItem(*row) if row is not None else None


def offer_of(connection: Connection, seller_id: int, product_id: int) -> int | None:
    """The id of this seller's offer of a product."""
    mine = (Offer.seller_id == seller_id, Offer.product_id == product_id)
    return connection.execute(select(func.min(Offer.id)).where(*mine)).scalar()


def text_of(connection: Connection, seller_id: int, product_id: int) -> ItemText | None:
    """What is written about a product. None: there is none."""
    others = select(func.count()).where(
        Offer.product_id == product_id, Offer.seller_id != seller_id, Offer.withdrawn_at.is_(None)
    )
    row = connection.execute(
        select(
            Product.description,
            Product.category_id,
            created_by(seller_id).label("is_creator"),
            others.scalar_subquery().label("others"),
        ).where(Product.id == product_id)
    ).one_or_none()
    return ItemText(*row) if row is not None else None


def created_by(seller_id: int) -> ColumnElement[bool]:
    """Whether the product of a query is this seller's to write about."""
    first, earlier = aliased(Offer), aliased(Offer)
    before = exists().where(earlier.product_id == first.product_id, earlier.id < first.id)
    return exists().where(first.product_id == Product.id, first.seller_id == seller_id, ~before)


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
            Offer.withdrawn_at,
        )
        .join(Product, Product.id == Offer.product_id)
        .join(Category, Category.id == Product.category_id)
        .where(Offer.seller_id == seller_id)
    )
