"""The catalogue: products, and the offers that sellers make of them.

One product has many offers. An offer's id is the product id in the world.
orders_svc reads these tables; storefront writes them.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    bindparam,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.shop.accounts import Profile, User
from db.shop.base import ShopBase

# The first line of `Product.search_text`, in PostgreSQL's words; an index is on it.
FOLDED_TITLE = "split_part(search_text, E'\\n', 1)"


class Category(ShopBase):
    """A shelf of the shop."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))


class Product(ShopBase):
    """A thing that can be bought, whoever sells it."""

    __tablename__ = "products"
    __table_args__ = (
        Index("ix_products_created_at_id", "created_at", "id"),
        Index("ix_products_units_sold_id", "units_sold", "id"),
        Index("ix_products_rating_id", "rating", "id"),
        Index("ix_products_title_id", "title", "id"),
        # A part of a word anywhere, and a title that is nearly what was typed.
        Index(
            "ix_products_search_text_trgm",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ).ddl_if(dialect="postgresql"),
        Index(
            "ix_products_title_trgm",
            text(f"{FOLDED_TITLE} gin_trgm_ops"),
            postgresql_using="gin",
        ).ddl_if(dialect="postgresql"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text)
    # What `search_text` makes of title, description and category.
    search_text: Mapped[str] = mapped_column(Text)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), index=True)
    # The name of a picture that the shop draws, or of the product's photo.
    picture: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[float] = mapped_column(Double)
    # How many units were ordered in the shop, and what its buyers think of it (`db.shop.reviews` says how).
    units_sold: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    reviews: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    stars: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    rating: Mapped[float] = mapped_column(Double, default=0.0, server_default="0")

    category: Mapped[Category] = relationship()
    offers: Mapped[list["Offer"]] = relationship(back_populates="product", order_by="Offer.price_cents")


class ProductPhoto(ShopBase):
    """The photo of a product in two sizes, as WebP. `mark` says which photo it is: it changes with the picture."""

    __tablename__ = "product_photos"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(16))
    large: Mapped[bytes] = mapped_column(LargeBinary)
    small: Mapped[bytes] = mapped_column(LargeBinary)


class Offer(ShopBase):
    """A seller's price for a product. Withdrawn, never deleted: orders refer to it."""

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("price_cents > 0", name="price_positive"),
        # All that tells whether a product, or a seller, has something for sale at some price: no row needs to be read.
        Index("ix_offers_of_product", "product_id", "withdrawn_at", "price_cents", "id"),
        Index("ix_offers_of_seller", "seller_id", "withdrawn_at", "price_cents", "product_id"),
        Index(
            "ix_offers_for_sale",
            "price_cents",
            "id",
            sqlite_where=text("withdrawn_at is null"),
            postgresql_where=text("withdrawn_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    price_cents: Mapped[int] = mapped_column(BigInteger)
    # Whether an order may be accepted when nothing is in stock or on its way.
    allow_backorder: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[float] = mapped_column(Double)
    withdrawn_at: Mapped[float | None] = mapped_column(Double)

    product: Mapped[Product] = relationship(back_populates="offers")
    seller: Mapped[User] = relationship()


class Favourite(ShopBase):
    """A product that somebody wants to find again."""

    __tablename__ = "favourites"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    created_at: Mapped[float] = mapped_column(Double)


@dataclass(frozen=True, slots=True)
class OfferForSale:
    """What an order keeps of an offer."""

    offer_id: int
    title: str
    unit_price_cents: int
    seller_id: int
    seller_name: str
    allow_backorder: bool


def offers_for_sale(connection: Connection, offer_ids: Collection[int]) -> dict[int, OfferForSale]:
    """The offers among `offer_ids` that exist and are not withdrawn, by id. One query."""
    return {row[0]: OfferForSale(*row) for row in connection.execute(_FOR_SALE, {"k_ids": list(offer_ids)})}


_FOR_SALE = (
    select(Offer.id, Product.title, Offer.price_cents, Offer.seller_id, Profile.display_name, Offer.allow_backorder)
    .join(Product, Product.id == Offer.product_id)
    .join(Profile, Profile.user_id == Offer.seller_id)
    .where(Offer.id.in_(bindparam("k_ids", expanding=True)), Offer.withdrawn_at.is_(None))
)


def open_accounts(connection: Connection, user_ids: Collection[int]) -> set[int]:
    """Those of `user_ids` that are somebody's, and not closed. One query."""
    return set(connection.execute(_OPEN_ACCOUNTS, {"k_ids": list(user_ids)}).scalars())


_OPEN_ACCOUNTS = select(User.id).where(User.id.in_(bindparam("k_ids", expanding=True)), User.closed_at.is_(None))


# The block "Combining Diacritical Marks": what stands on Latin, Greek and Cyrillic letters.
_ACCENTS = re.compile("[\u0300-\u036f]")


def fold(text: str) -> str:
    """`text` without its case, its accents and its compatibility forms: equal for what reads nearly the same.

    Both sides of a search go through it: what was typed, and `Product.search_text`. Marks that make another letter, as
    in Japanese and Thai, stay; a dotless i is an i, whose capital it shares. Not for addresses: see `email_key`.
    """
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", bare).replace("\N{LATIN SMALL LETTER DOTLESS I}", "i"))


def search_text(title: str, description: str, category: str) -> str:
    """What a product is found by; lines keep a search from matching across the parts."""
    return "\n".join(fold(part) for part in (title, description, category))
