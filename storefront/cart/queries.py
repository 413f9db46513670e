"""What carts ask of the database. Each function works in the caller's transaction.

Rules: a cart holds at most MAX_LINES offers and MAX_QUANTITY units of each, as one order does, and MAX_SAVED saved for
later; changes of one cart happen one after the other (its row is locked); only offers that are for sale can be added.
Whose cart a request may touch is said by `storefront.cart.basket`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.shop.accounts import Profile
from db.shop.carts import Cart, CartItem
from db.shop.catalogue import Offer, Product

MAX_LINES = 50
MAX_SAVED = 100
MAX_QUANTITY = 1000
# A guest's cart is kept for so long after something was put in; the session of their browser lasts no longer.
GUEST_SECONDS = 31 * 24 * 3600


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


class ShelfFull(CartRefusal):
    """As many items are saved for later as can be."""

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_SAVED} items can be saved for later. Remove some first.")


class TooMany(CartRefusal):
    """More units of one item than one order can have."""

    def __init__(self, in_cart: int) -> None:
        already = f" Your cart has {in_cart} already." if in_cart else ""
        super().__init__(f"One order can have at most {MAX_QUANTITY} of an item.{already}")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose cart: a user's, or a guest's who knows its key. One of the two is set."""

    user_id: int | None = None
    guest_key: str | None = None

    def has(self) -> ColumnElement[bool]:
        """The condition on `Cart`."""
        return Cart.user_id == self.user_id if self.user_id is not None else Cart.guest_key == self.guest_key


@dataclass(frozen=True, slots=True)
class CartLine:
    """One offer in a cart, as it is today. `seen_price_cents`: what it cost when its owner last changed it."""

    offer_id: int
    product_id: int
    title: str
    picture: str
    seller_name: str
    unit_price_cents: int
    quantity: int
    for_sale: bool
    allow_backorder: bool
    is_chosen: bool
    is_saved: bool
    seen_price_cents: int | None

    @property
    def total_cents(self) -> int:
        """What these units cost together."""
        return self.unit_price_cents * self.quantity


def lines_of(connection: Connection, cart_id: int | None) -> list[CartLine]:
    """The cart and what is saved for later, in the order in which they were put in. One query."""
    if cart_id is None:
        return []
    return [CartLine(*tuple(row)) for row in connection.execute(_LINES, {"k_cart": cart_id})]


def lock(connection: Connection, owner: Owner, now: float) -> int:
    """The owner's cart, made if there is none; whoever else changes it or orders from it waits for this transaction."""
    mine = select(Cart.id).where(owner.has()).with_for_update()
    cart_id = connection.execute(mine).scalar()
    if cart_id is None:
        try:
            with connection.begin_nested():
                values = {"user_id": owner.user_id, "guest_key": owner.guest_key, "filled_at": now}
                connection.execute(insert(Cart).values(values))
        except IntegrityError:
            # Somebody has made it in this very moment.
            pass
        cart_id = connection.execute(mine).scalar_one()
    return cart_id


def units_of(connection: Connection, cart_id: int) -> dict[int, int]:
    """The units in the cart, by offer. One query."""
    rows = connection.execute(
        select(CartItem.offer_id, CartItem.quantity).where(CartItem.cart_id == cart_id, ~CartItem.is_saved)
    )
    return {row.offer_id: row.quantity for row in rows}


def add(connection: Connection, owner: Owner, offer_id: int, quantity: int, now: float) -> None:
    """Puts units of an offer into a cart, on top of those that are there. CartRefusal: it cannot."""
    cart_id = lock(connection, owner, now)
    price = connection.execute(
        select(Offer.price_cents).where(Offer.id == offer_id, Offer.withdrawn_at.is_(None))
    ).scalar()
    if price is None:
        raise NotForSale
    held = connection.execute(
        select(CartItem.quantity, CartItem.is_saved).where(CartItem.cart_id == cart_id, CartItem.offer_id == offer_id)
    ).one_or_none()
    in_cart = held.quantity if held and not held.is_saved else 0
    if in_cart + quantity > MAX_QUANTITY:
        raise TooMany(in_cart)
    if not in_cart:
        _make_room(connection, cart_id)
    values = {"quantity": in_cart + quantity, "is_saved": False, "is_chosen": True, "seen_price_cents": price}
    if held is None:
        connection.execute(insert(CartItem).values(cart_id=cart_id, offer_id=offer_id, added_at=now, **values))
    else:
        connection.execute(update(CartItem).where(_line(cart_id, offer_id)).values(values))
    connection.execute(update(Cart).where(Cart.id == cart_id).values(filled_at=now))


def set_quantity(connection: Connection, cart_id: int, offer_id: int, quantity: int) -> bool:
    """Changes how many units are in the cart. False: the offer is not in it."""
    price = select(Offer.price_cents).where(Offer.id == offer_id).scalar_subquery()
    done = connection.execute(
        update(CartItem)
        .where(_line(cart_id, offer_id), ~CartItem.is_saved)
        .values(quantity=quantity, seen_price_cents=price)
    )
    return done.rowcount == 1


def remove(connection: Connection, cart_id: int, offer_id: int) -> bool:
    """Takes an offer out of the cart, or off what is saved. False: it was not there."""
    return connection.execute(delete(CartItem).where(_line(cart_id, offer_id))).rowcount == 1


def save_for_later(connection: Connection, cart_id: int, offer_id: int) -> bool:
    """Puts an item aside. False: it is not in the cart. ShelfFull: it cannot."""
    saved = select(func.count()).where(CartItem.cart_id == cart_id, CartItem.is_saved)
    if connection.execute(saved).scalar_one() >= MAX_SAVED:
        raise ShelfFull
    return _move(connection, cart_id, offer_id, to_saved=True)


def back_to_cart(connection: Connection, cart_id: int, offer_id: int) -> bool:
    """Takes a saved item into the cart again. False: it is not saved. CartFull: it cannot."""
    _make_room(connection, cart_id)
    return _move(connection, cart_id, offer_id, to_saved=False)


def choose(connection: Connection, cart_id: int, chosen: Collection[int], shown: Collection[int]) -> None:
    """Ticks the `chosen` among the `shown` lines, and unticks the others of them."""
    is_chosen = CartItem.offer_id.in_(chosen)
    connection.execute(
        update(CartItem)
        .where(CartItem.cart_id == cart_id, CartItem.offer_id.in_(shown), CartItem.is_chosen != is_chosen)
        .values(is_chosen=is_chosen)
    )


def note_prices(connection: Connection, cart_id: int) -> None:
    """Today's prices have been seen."""
    price = select(Offer.price_cents).where(Offer.id == CartItem.offer_id).scalar_subquery()
    connection.execute(update(CartItem).where(CartItem.cart_id == cart_id).values(seen_price_cents=price))


def take_out_bought(connection: Connection, user_id: int, bought: Iterable[tuple[int, int]], now: float) -> None:
    """Takes the (offer id, quantity) pairs that were bought out of the cart; what was added since stays in it."""
    cart_id = lock(connection, Owner(user_id), now)
    for offer_id, quantity in bought:
        mine = _line(cart_id, offer_id)
        less = update(CartItem).where(mine, CartItem.quantity > quantity)
        if connection.execute(less.values(quantity=CartItem.quantity - quantity)).rowcount == 0:
            connection.execute(delete(CartItem).where(mine, CartItem.quantity <= quantity))


def merge(connection: Connection, guest: Owner, user: Owner, now: float) -> int:
    """Puts a guest's cart into a user's own; how many different items came. What has no room is saved for later.

    Locks both, the guest's first; nobody but this guest has its key.
    """
    guest_cart = connection.execute(select(Cart.id).where(guest.has()).with_for_update()).scalar()
    if guest_cart is None:
        return 0
    cart_id = lock(connection, user, now)
    columns = (CartItem.offer_id, CartItem.quantity, CartItem.is_saved, CartItem.is_chosen, CartItem.seen_price_cents)
    brought = connection.execute(
        select(*columns).where(CartItem.cart_id == guest_cart).order_by(CartItem.added_at, CartItem.offer_id)
    ).all()
    mine = {
        row.offer_id: row
        for row in connection.execute(
            select(*columns).where(
                CartItem.cart_id == cart_id, CartItem.offer_id.in_([row.offer_id for row in brought])
            )
        )
    }
    room = MAX_LINES - len(units_of(connection, cart_id))
    for row in brought:
        held = mine.get(row.offer_id)
        if held is not None and held.is_saved == row.is_saved:
            quantity = min(MAX_QUANTITY, held.quantity + row.quantity)
            connection.execute(update(CartItem).where(_line(cart_id, row.offer_id)).values(quantity=quantity))
            continue
        is_saved = row.is_saved or room < 1
        room -= not is_saved
        values = {**row._mapping, "is_saved": is_saved}
        if held is None:
            connection.execute(insert(CartItem).values(cart_id=cart_id, added_at=now, **values))
        elif not row.is_saved:
            connection.execute(update(CartItem).where(_line(cart_id, row.offer_id)).values(values))
    connection.execute(delete(CartItem).where(CartItem.cart_id == guest_cart))
    connection.execute(delete(Cart).where(Cart.id == guest_cart))
    return len(brought)


def tidy_guests(connection: Connection, now: float) -> int:
    """Removes guests' carts that nothing was put in for long; how many."""
    old = select(Cart.id).where(Cart.guest_key.is_not(None), Cart.filled_at < now - GUEST_SECONDS)
    connection.execute(delete(CartItem).where(CartItem.cart_id.in_(old)))
    return connection.execute(delete(Cart).where(Cart.id.in_(old))).rowcount


def _line(cart_id: int, offer_id: int) -> ColumnElement[bool]:
    return and_(CartItem.cart_id == cart_id, CartItem.offer_id == offer_id)


def _make_room(connection: Connection, cart_id: int) -> None:
    if len(units_of(connection, cart_id)) >= MAX_LINES:
        raise CartFull


def _move(connection: Connection, cart_id: int, offer_id: int, *, to_saved: bool) -> bool:
    done = connection.execute(
        update(CartItem)
        .where(_line(cart_id, offer_id), CartItem.is_saved != to_saved)
        .values(is_saved=to_saved, is_chosen=True)
    )
    return done.rowcount == 1


# Built once: each look at the cart asks it.
_LINES = (
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
        CartItem.is_chosen,
        CartItem.is_saved,
        CartItem.seen_price_cents,
    )
    .join(Offer, Offer.id == CartItem.offer_id)
    .join(Product, Product.id == Offer.product_id)
    .join(Profile, Profile.user_id == Offer.seller_id)
    .where(CartItem.cart_id == bindparam("k_cart"))
    .order_by(CartItem.added_at, CartItem.offer_id)
    .limit(MAX_LINES + MAX_SAVED)
)
