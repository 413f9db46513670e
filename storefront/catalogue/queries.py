"""What the pages of the catalogue show: a fixed number of queries per page. Each works in the caller's transaction.

Only products that somebody sells are shown in lists; a product page exists as long as the product does. Which products
a search means is in `storefront.catalogue.listing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, and_, bindparam, exists, select, union

from db.orders.stock import Stock
from db.shop.accounts import Profile
from db.shop.catalogue import Category, Favourite, Offer, Product
from storefront.catalogue import listing
from storefront.catalogue.availability import Availability, Standing, best_of, describe, standing
from storefront.catalogue.search import Search
from storefront.catalogue.stock import AVAILABLE, COMING, EPOCH, Units, stock_of
from storefront.pictures import category_picture

PAGE_SIZE = 24
MAX_FAVOURITES = 200
SELLERS_NAMED = 100


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
class Stars:
    """What buyers think: the mean of their stars, and how many they are."""

    mean: float
    reviews: int


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as lists show it, with its best price. `offers` is 0 for one that nobody sells any more."""

    product_id: int
    title: str
    picture: str
    price_cents: int
    offers: int
    standing: Standing
    stars: Stars


@dataclass(frozen=True, slots=True)
class ProductList:
    """One page of results; `more`: there are more than were counted; `nearly`: typing errors were forgiven."""

    cards: list[ProductCard]
    total: int
    page: int
    more: bool = False
    nearly: bool = False

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
    stars: Stars
    offers: list[OfferShown]


def shelves(connection: Connection) -> list[Shelf]:
    """All categories by name. One query."""
    return [Shelf(row.slug, row.name) for row in connection.execute(_SHELVES)]


def sellers(connection: Connection, chosen: int | None) -> list[tuple[int, str]]:
    """The (id, name) of who sells something, by name: the first SELLERS_NAMED, and the chosen one. One query."""
    rows = connection.execute(_SELLERS, {"k_chosen": chosen or 0}).all()
    return sorted(((seller_id, name) for seller_id, name in rows), key=lambda one: one[1].casefold())


def find_products(connection: Connection, search: Search, page_size: int = PAGE_SIZE) -> ProductList:
    """One page of what was asked for. At most five queries."""
    found = listing.find(connection, search, page_size)
    return ProductList(cards_of(connection, found.product_ids), found.total, found.page, found.more, found.nearly)


def cards_of(connection: Connection, product_ids: Sequence[int]) -> list[ProductCard]:
    """The cards of these products, in this order. At most one query."""
    if not product_ids:
        return []
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_CARDS, {"k_ids": product_ids}).all():
        found.setdefault(row.id, []).append(row)
    return [_card(found[one]) for one in product_ids if one in found]


def _card(rows: Sequence[Row[Any]]) -> ProductCard:
    """A product's card, made of a row for each of its offers, or of the one row of a product without."""
    product, offers = rows[0], [row for row in rows if row.price_cents is not None]
    return ProductCard(
        product.id,
        product.title,
        product.picture,
        price_cents=min((offer.price_cents for offer in offers), default=0),
        offers=len(offers),
        standing=best_of([_standing(offer) for offer in offers]),
        stars=_stars(product.stars, product.reviews),
    )


def _standing(offer: Row[Any]) -> Standing:
    units = None if offer.epoch is None else Units(int(offer.available or 0), int(offer.coming or 0))
    return standing(units, allow_backorder=offer.allow_backorder)


def show_product(connection: Connection, product_id: int) -> ProductShown | None:
    """A product with its offers. At most four queries. None: there is no such product."""
    row = connection.execute(_PRODUCT, {"k_id": product_id}).one_or_none()
    if row is None:
        return None
    return ProductShown(
        row.id,
        row.title,
        row.description,
        row.picture,
        Shelf(row.slug, row.name),
        _stars(row.stars, row.reviews),
        _offers_of(connection, [product_id])[product_id],
    )


def product_of(connection: Connection, offer_id: int) -> int | None:
    """The product that an offer is of."""
    return connection.execute(select(Offer.product_id).where(Offer.id == offer_id)).scalar()


@dataclass(frozen=True, slots=True)
class ProductOf:
    """The product that an offer is of."""

    product_id: int
    picture: str


def products_of(connection: Connection, offer_ids: Sequence[int]) -> dict[int, ProductOf]:
    """The products of these offers, by offer, whether they are sold or not. One query."""
    rows = connection.execute(_PRODUCTS_OF, {"k_ids": offer_ids})
    return {row[0]: ProductOf(row[1], row[2]) for row in rows}


def favourite_ids(connection: Connection, user_id: int) -> list[int]:
    """The ids of a user's favourite products, newest first. One query."""
    rows = connection.execute(
        select(Favourite.product_id)
        .where(Favourite.user_id == user_id)
        .order_by(Favourite.created_at.desc(), Favourite.product_id)
        .limit(MAX_FAVOURITES)
    )
    return list(rows.scalars())


def _stars(stars: int, reviews: int) -> Stars:
    return Stars(stars / reviews if reviews else 0.0, reviews)


def _offers_of(connection: Connection, product_ids: Sequence[int]) -> dict[int, list[OfferShown]]:
    rows = connection.execute(_OFFERS, {"k_ids": product_ids}).all()
    stock = stock_of(connection, [row.id for row in rows])
    found: dict[int, list[OfferShown]] = {product_id: [] for product_id in product_ids}
    for row in rows:
        availability = describe(None if stock is None else stock[row.id], allow_backorder=row.allow_backorder)
        found[row.product_id].append(OfferShown(row.id, row.seller_id, row.display_name, row.price_cents, availability))
    return found


# Built once: every page of the catalogue, or of an order, asks them.
_AMONG: BindParameter[Any] = bindparam("k_ids", expanding=True)
_SHELVES = select(Category.slug, Category.name).order_by(Category.name)
_WHO_SELLS = select(Profile.user_id, Profile.display_name).where(
    Profile.is_seller,
    exists().where(Offer.seller_id == Profile.user_id, Offer.withdrawn_at.is_(None)),
)
# The first by name as an index has them, not all to be sorted; SQLite wants a limit in a subquery.
_FIRST_SELLERS = _WHO_SELLS.order_by(Profile.display_name, Profile.user_id).limit(SELLERS_NAMED).subquery()
_SELLERS = union(select(_FIRST_SELLERS), _WHO_SELLS.where(Profile.user_id == bindparam("k_chosen")))
_PRODUCTS_OF = (
    select(Offer.id, Product.id, Product.picture)
    .join(Product, Product.id == Offer.product_id)
    .where(Offer.id.in_(_AMONG))
)
# A row for each offer of a product that is for sale, or one for a product without.
_CARDS = (
    select(
        Product.id,
        Product.title,
        Product.picture,
        Product.stars,
        Product.reviews,
        Offer.price_cents,
        Offer.allow_backorder,
        EPOCH.label("epoch"),
        AVAILABLE.label("available"),
        COMING.label("coming"),
    )
    .outerjoin(Offer, and_(Offer.product_id == Product.id, Offer.withdrawn_at.is_(None)))
    .outerjoin(Stock, and_(Stock.offer_id == Offer.id, Stock.world_epoch == EPOCH))
    .where(Product.id.in_(_AMONG))
    .group_by(Product.id, Offer.id)
)
_PRODUCT = (
    select(
        Product.id,
        Product.title,
        Product.description,
        Product.picture,
        Product.stars,
        Product.reviews,
        Category.slug,
        Category.name,
    )
    .join(Category, Category.id == Product.category_id)
    .where(Product.id == bindparam("k_id"))
)
_OFFERS = (
    select(
        Offer.id,
        Offer.product_id,
        Offer.seller_id,
        Profile.display_name,
        Offer.price_cents,
        Offer.allow_backorder,
    )
    .join(Profile, Profile.user_id == Offer.seller_id)
    .where(Offer.product_id.in_(_AMONG), Offer.withdrawn_at.is_(None))
    .order_by(Offer.product_id, Offer.price_cents, Offer.id)
)
