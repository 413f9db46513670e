"""What somebody wanted to put in a cart before they had logged in: kept in the session, added after the log-in."""

from flask import flash, session

from storefront.cart import queries
from storefront.security import KEPT_OVER_LOGIN
from storefront.services import services


def remember_wanted(offer_id: int, quantity: int) -> None:
    """Keeps one item for after the log-in; the last one counts."""
    session[KEPT_OVER_LOGIN] = [offer_id, quantity]


def put_wanted_in_cart(user_id: int) -> bool:
    """Adds what was kept, if anything was and if it is still sold. True: it is in the cart now."""
    wanted = session.pop(KEPT_OVER_LOGIN, None)
    if wanted is None:
        return False
    parts = services()
    offer_id, quantity = wanted
    try:
        with parts.engine.begin() as connection:
            queries.add(connection, user_id, offer_id, quantity, parts.clock.now())
    except queries.CartRefusal as refusal:
        flash(str(refusal), "warning")
        return False
    flash("We put it in your cart.", "success")
    return True
