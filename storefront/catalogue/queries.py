"""What the catalogue asks of the database: a fixed number of queries per page. Each works in the caller's transaction.

Only products that somebody sells are shown in lists; a product page exists as long as the product does.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from db.shop.accounts import Profile
from db.shop.catalogue import Category, Offer, Product
from storefront.catalogue.availability import Availability, best_of, describe
from storefront.catalogue.search import ESCAPE, Search, Sort
from storefront.catalogue.stock import stock_of
from storefront.pictures import category_picture

PAGE_SIZE = 24


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category."""

    slug: str
    name: str

    @property
    def picture(self) -> str:
        """The name of its picture."""
        return category_picture(self.slug)


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as lists show it, with its best price."""

    product_id: int
    title: str
    picture: str
    shelf: str
    price_cents: int
    offers: int
    availability: Availability


@dataclass(frozen=True, slots=True)
class ProductList:
    """One page of results."""

    cards: list[ProductCard]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class OfferShown:
    """One seller's offer on a product page."""

    offer_id: int
    seller_id: int
    seller_name: str
    price_cents: int
    availability: Availability


@dataclass(frozen=True, slots=True)
class ProductShown:
    """A product page; offers are sorted by price."""

    product_id: int
    title: str
    description: str
    picture: str
    shelf: Shelf
    offers: list[OfferShown]


def shelves(connection: Connection) -> list[Shelf]:
    """All categories by name. One query."""
    rows = connection.execute(select(Category.slug, Category.name).order_by(Category.name))
    return [Shelf(row.slug, row.name) for row in rows]


def find_products(connection: Connection, search: Search, page_size: int = PAGE_SIZE) -> ProductList:
    """One page of what was asked for. At most five queries."""
    found = _matching(select(func.count()).select_from(Product), search)
    total = connection.execute(found).scalar_one()
    page = min(search.page, max(1, -(-total // page_size)))
    query = _matching(select(Product.id, Product.title, Product.picture, Category.name), search)
    rows = connection.execute(_sorted(connection, query, search).limit(page_size).offset((page - 1) * page_size)).all()
    offers = _offers_of(connection, [row.id for row in rows])
    cards = [
        ProductCard(
            row.id,
            row.title,
            row.picture,
            row.name,
            price_cents=min(offer.price_cents for offer in offers[row.id]),
            offers=len(offers[row.id]),
            availability=best_of([offer.availability for offer in offers[row.id]]),
        )
        for row in rows
        if offers.get(row.id)
    ]
    return ProductList(cards, total, page)


def show_product(connection: Connection, product_id: int) -> ProductShown | None:
    """A product with its offers. At most four queries. None: there is no such product."""
    row = connection.execute(
        select(Product.id, Product.title, Product.description, Product.picture, Category.slug, Category.name)
        .join(Category, Category.id == Product.category_id)
        .where(Product.id == product_id)
    ).one_or_none()
    if row is None:
        return None
    offers = _offers_of(connection, [product_id]).get(product_id, [])
    return ProductShown(row.id, row.title, row.description, row.picture, Shelf(row.slug, row.name), offers)


def product_of(connection: Connection, offer_id: int) -> int | None:
    """The product that an offer is of."""
    return connection.execute(select(Offer.product_id).where(Offer.id == offer_id)).scalar()


def _offers_of(connection: Connection, product_ids: Collection[int]) -> dict[int, list[OfferShown]]:
    if not product_ids:
        return {}
    rows = connection.execute(
        select(
            Offer.id,
            Offer.product_id,
            Offer.seller_id,
            Profile.display_name,
            Offer.price_cents,
            Offer.allow_backorder,
        )
        .join(Profile, Profile.user_id == Offer.seller_id)
        .where(Offer.product_id.in_(product_ids), Offer.withdrawn_at.is_(None))
        .order_by(Offer.product_id, Offer.price_cents, Offer.id)
    ).all()
    stock = stock_of(connection, [row.id for row in rows])
    found: dict[int, list[OfferShown]] = {product_id: [] for product_id in product_ids}
    for row in rows:
        availability = describe(None if stock is None else stock[row.id], allow_backorder=row.allow_backorder)
        found[row.product_id].append(OfferShown(row.id, row.seller_id, row.display_name, row.price_cents, availability))
    return found


def _matching(query: Select[*tuple[Any, ...]], search: Search) -> Select[*tuple[Any, ...]]:
    query = query.join(Category, Category.id == Product.category_id).where(
        exists().where(Offer.product_id == Product.id, Offer.withdrawn_at.is_(None))
    )
    if search.category:
        query = query.where(Category.slug == search.category)
    for pattern in search.patterns:
        query = query.where(Product.search_text.like(pattern, escape=ESCAPE))
    return query


def _sorted(connection: Connection, query: Select[*tuple[Any, ...]], search: Search) -> Select[*tuple[Any, ...]]:
    best = (
        select(func.min(Offer.price_cents))
        .where(Offer.product_id == Product.id, Offer.withdrawn_at.is_(None))
        .correlate(Product)
        .scalar_subquery()
    )
    match search.sort:
        case Sort.BEST if search.words:
            # The searched text begins with the title: what is found earlier fits better.
            find = func.strpos if connection.dialect.name == "postgresql" else func.instr
            return query.order_by(find(Product.search_text, search.words[0]), Product.title, Product.id)
        case Sort.CHEAPEST:
            return query.order_by(best, Product.id)
        case Sort.DEAREST:
            return query.order_by(best.desc(), Product.id)
        case Sort.TITLE:
            return query.order_by(Product.title, Product.id)
        case _:
            return query.order_by(Product.created_at.desc(), Product.id.desc())
