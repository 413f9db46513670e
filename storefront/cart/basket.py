"""Whose cart a request is about: the shopper's, or that of a guest, whose key is in the session of their browser.

A guest has a cart from the first thing that they put in. At the log-in it is put into the shopper's own.
"""

import secrets
from dataclasses import dataclass

from flask import flash, g, session
from sqlalchemy import Connection, func, select

from db.shop.carts import Cart, CartItem
from storefront.cart import queries
from storefront.cart.queries import Owner
from storefront.security import GUEST_KEY, current_shopper
from storefront.services import services


@dataclass(frozen=True, slots=True)
class Basket:
    """A cart to look at; `cart_id` is None where nothing was ever put in. `units`: without what is saved."""

    cart_id: int | None
    units: int


NOTHING = Basket(None, 0)


def current_basket() -> Basket:
    """The cart of whoever asks. For a shopper it came with the session; for a guest it is at most one query."""
    shopper = current_shopper()
    if shopper is not None:
        return Basket(shopper.cart_id, shopper.cart_units)
    key = session.get(GUEST_KEY)
    if key is None:
        return NOTHING
    if "guest_basket" not in g:
        with services().reader.connect() as connection:
            g.guest_basket = _of_guest(connection, key)
    basket: Basket = g.guest_basket
    return basket


def owner_to_write() -> Owner:
    """Whose cart a change is for; a guest without a key gets one."""
    shopper = current_shopper()
    if shopper is not None:
        return Owner(user_id=shopper.user_id)
    g.pop("guest_basket", None)
    if GUEST_KEY not in session:
        session[GUEST_KEY] = secrets.token_urlsafe(32)
    return Owner(guest_key=session[GUEST_KEY])


def bring_guest_cart(user_id: int) -> bool:
    """Puts what was chosen before the log-in into the shopper's cart. True: there was something."""
    key = session.pop(GUEST_KEY, None)
    if key is None:
        return False
    parts = services()
    with parts.engine.begin() as connection:
        brought = queries.merge(connection, Owner(guest_key=key), Owner(user_id), parts.clock.now())
    if brought:
        flash("We put what you chose before into your cart.", "success")
    return brought > 0


def _of_guest(connection: Connection, key: str) -> Basket:
    row = connection.execute(
        select(Cart.id, func.coalesce(func.sum(CartItem.quantity), 0))
        .outerjoin(CartItem, (CartItem.cart_id == Cart.id) & ~CartItem.is_saved)
        .where(Cart.guest_key == key)
        .group_by(Cart.id)
    ).one_or_none()
    return Basket(row[0], int(row[1])) if row is not None else NOTHING
