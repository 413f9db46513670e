"""What sellers change in the catalogue. Each function works in the caller's transaction.

Rules: every statement names the seller, so nobody changes what is somebody else's; what a form makes twice is there
once; a picture that the shop drew goes with the title, a photo stays.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from db.shop.accounts import User
from db.shop.catalogue import Category, Offer, Product, search_text
from storefront import pictures
from storefront.photos.developing import Photo
from storefront.photos.queries import PREFIX, keep_photo, use_drawing
from storefront.seller.queries import created_by, offer_of


@dataclass(frozen=True, slots=True)
class Text:
    """What a seller writes about a product."""

    title: str
    description: str
    category_id: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How a seller sells it."""

    price_cents: int
    allow_backorder: bool


def add_item(
    connection: Connection, seller_id: int, text: Text, terms: Terms, photo: Photo | None, *, stamped_at: float
) -> int:
    """Adds a product with one offer; the offer's id. The same stamp again gives the item that it made."""
    take_turn(connection, seller_id)
    known = select(Offer.id).where(Offer.seller_id == seller_id, Offer.created_at == stamped_at)
    offer_id = connection.execute(known).scalar()
    if offer_id is not None:
        return offer_id
    product_id = connection.execute(
        insert(Product)
        .values(**_written(connection, text), picture=pictures.picture_for(text.title), created_at=stamped_at)
        .returning(Product.id)
    ).scalar_one()
    if photo is not None:
        keep_photo(connection, product_id, photo)
    return _add_offer(connection, seller_id, product_id, terms, stamped_at)


def add_offer(connection: Connection, seller_id: int, product_id: int, terms: Terms, now: float) -> int:
    """Adds an offer of a product that is there already; its id, or that of the one that this seller has."""
    take_turn(connection, seller_id)
    return offer_of(connection, seller_id, product_id) or _add_offer(connection, seller_id, product_id, terms, now)


def change_terms(connection: Connection, seller_id: int, offer_id: int, terms: Terms) -> None:
    """Changes how an own item is sold."""
    connection.execute(
        update(Offer)
        .where(Offer.id == offer_id, Offer.seller_id == seller_id)
        .values(price_cents=terms.price_cents, allow_backorder=terms.allow_backorder)
    )


def change_text(
    connection: Connection, seller_id: int, product_id: int, text: Text, photo: Photo | None, *, drawn: bool
) -> None:
    """Changes what is written about a product that this seller created, and its picture: to `photo` if there is one,
    else to a drawing if `drawn`.
    """
    mine = (Product.id == product_id, created_by(seller_id))
    query = update(Product).where(*mine).values(**_written(connection, text)).returning(Product.picture)
    before = connection.execute(query).scalar()
    if before is None:
        return
    if photo is not None:
        keep_photo(connection, product_id, photo)
    elif drawn or not before.startswith(PREFIX):
        use_drawing(connection, product_id, pictures.picture_for(text.title))


def withdraw(connection: Connection, seller_id: int, offer_id: int, now: float) -> None:
    """Takes an own item off the shelves."""
    _put_on_sale(connection, seller_id, offer_id, withdrawn_at=now)


def bring_back(connection: Connection, seller_id: int, offer_id: int) -> None:
    """Puts an own item that was withdrawn on sale again."""
    _put_on_sale(connection, seller_id, offer_id, withdrawn_at=None)


def _put_on_sale(connection: Connection, seller_id: int, offer_id: int, *, withdrawn_at: float | None) -> None:
    mine = (Offer.id == offer_id, Offer.seller_id == seller_id)
    other = Offer.withdrawn_at.is_not(None) if withdrawn_at is None else Offer.withdrawn_at.is_(None)
    connection.execute(update(Offer).where(*mine, other).values(withdrawn_at=withdrawn_at))


def take_turn(connection: Connection, seller_id: int) -> None:
    """Two presses of one form come one after the other."""
    connection.execute(select(User.id).where(User.id == seller_id).with_for_update())


def _written(connection: Connection, text: Text) -> dict[str, object]:
    category = connection.execute(select(Category.name).where(Category.id == text.category_id)).scalar_one()
    return {
        "title": text.title,
        "description": text.description,
        "search_text": search_text(text.title, text.description, category),
        "category_id": text.category_id,
    }


def _add_offer(connection: Connection, seller_id: int, product_id: int, terms: Terms, now: float) -> int:
    return connection.execute(
        insert(Offer)
        .values(
            product_id=product_id,
            seller_id=seller_id,
            price_cents=terms.price_cents,
            allow_backorder=terms.allow_backorder,
            created_at=now,
        )
        .returning(Offer.id)
    ).scalar_one()
