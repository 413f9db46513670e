"""What the cart asks of the database. Each function works in the caller's transaction.

Rules: a cart holds at most MAX_LINES offers and MAX_QUANTITY units of each, as one order does; changes of one cart
happen one after the other (the owner's row is locked); only offers that are for sale can be added.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from db.shop.accounts import Profile, User
from db.shop.carts import CartItem
from db.shop.catalogue import Offer, Product

MAX_LINES = 50
MAX_QUANTITY = 1000


class CartRefusal(Exception):
    """A cart cannot take this; the message is for the shopper."""


class NotForSale(CartRefusal):
    """The offer does not exist or was withdrawn."""

    def __init__(self) -> None:
        super().__init__("This item is no longer sold.")


class CartFull(CartRefusal):
    """The cart holds as many different items as one order can."""

    def __init__(self) -> None:
        super().__init__(f"A cart holds at most {MAX_LINES} different items. Order these first, or remove some.")


class TooMany(CartRefusal):
    """More units of one item than one order can have."""

    def __init__(self, in_cart: int) -> None:
        already = f" There are {in_cart} in your cart already." if in_cart else ""
        super().__init__(f"One order can have at most {MAX_QUANTITY} of an item.{already}")


@dataclass(frozen=True, slots=True)
class CartLine:
    """One offer in a cart, as it is today."""

    offer_id: int
    product_id: int
    title: str
    picture: str
    seller_name: str
    unit_price_cents: int
    quantity: int
    for_sale: bool
    allow_backorder: bool

    @property
    def total_cents(self) -> int:
        """What these units cost together."""
        return self.unit_price_cents * self.quantity


def lines_of(connection: Connection, user_id: int) -> list[CartLine]:
    """The cart, in the order in which it was filled. One query."""
    query = (
        select(
            CartItem.offer_id,
            Offer.product_id,
            Product.title,
            Product.picture,
            Profile.display_name,
            Offer.price_cents,
            CartItem.quantity,
            Offer.withdrawn_at.is_(None),
            Offer.allow_backorder,
        )
        .join(Offer, Offer.id == CartItem.offer_id)
        .join(Product, Product.id == Offer.product_id)
        .join(Profile, Profile.user_id == Offer.seller_id)
        .where(CartItem.user_id == user_id)
        .order_by(CartItem.added_at, CartItem.offer_id)
        .limit(MAX_LINES)
    )
    return [CartLine(*row) for row in connection.execute(query)]


def lock(connection: Connection, user_id: int) -> None:
    """Makes others who change this cart, or order from it, wait until this transaction has ended."""
    connection.execute(select(User.id).where(User.id == user_id).with_for_update())


def units_of(connection: Connection, user_id: int) -> dict[int, int]:
    """The units in the cart, by offer. One query."""
    rows = connection.execute(select(CartItem.offer_id, CartItem.quantity).where(CartItem.user_id == user_id))
    return {row.offer_id: row.quantity for row in rows}


def add(connection: Connection, user_id: int, offer_id: int, quantity: int, now: float) -> None:
    """Puts units of an offer into a cart, on top of those that are there. CartRefusal: it cannot."""
    lock(connection, user_id)
    for_sale = select(Offer.id).where(Offer.id == offer_id, Offer.withdrawn_at.is_(None))
    if connection.execute(for_sale).first() is None:
        raise NotForSale
    in_cart = connection.execute(
        select(CartItem.quantity).where(CartItem.user_id == user_id, CartItem.offer_id == offer_id)
    ).scalar()
    if (in_cart or 0) + quantity > MAX_QUANTITY:
        raise TooMany(in_cart or 0)
    if in_cart is not None:
        set_quantity(connection, user_id, offer_id, in_cart + quantity)
        return
    lines = connection.execute(select(func.count()).where(CartItem.user_id == user_id)).scalar_one()
    if lines >= MAX_LINES:
        raise CartFull
    connection.execute(insert(CartItem).values(user_id=user_id, offer_id=offer_id, quantity=quantity, added_at=now))


def set_quantity(connection: Connection, user_id: int, offer_id: int, quantity: int) -> bool:
    """Changes how many units are in the cart. False: the offer is not in it."""
    done = connection.execute(
        update(CartItem).where(CartItem.user_id == user_id, CartItem.offer_id == offer_id).values(quantity=quantity)
    )
    return done.rowcount == 1


def remove(connection: Connection, user_id: int, offer_id: int) -> bool:
    """Takes an offer out of the cart. False: it was not in it."""
    done = connection.execute(delete(CartItem).where(CartItem.user_id == user_id, CartItem.offer_id == offer_id))
    return done.rowcount == 1


def take_out_bought(connection: Connection, user_id: int, bought: Iterable[tuple[int, int]]) -> None:
    """Takes the (offer id, quantity) pairs that were bought out of the cart; what was added since stays in it."""
    lock(connection, user_id)
    for offer_id, quantity in bought:
        mine = (CartItem.user_id == user_id, CartItem.offer_id == offer_id)
        less = update(CartItem).where(*mine, CartItem.quantity > quantity)
        if connection.execute(less.values(quantity=CartItem.quantity - quantity)).rowcount == 0:
            connection.execute(delete(CartItem).where(*mine, CartItem.quantity <= quantity))
