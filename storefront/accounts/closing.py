"""Ending things: selling, and the whole account.

Rules: what was ordered goes on and arrives; an order that is being confirmed must have its answer first, since nobody
could be told of it afterwards; nothing of a person is left in the shop's own tables, while the orders, which are the
records of what was sold, stay with orders_svc.
"""

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_login import login_required
from sqlalchemy import Connection, delete, select, update
from werkzeug.wrappers import Response as AnyResponse

from db.shop.accounts import Address, Profile, User
from db.shop.audit import SecurityEvent
from db.shop.carts import Cart, CartItem
from db.shop.catalogue import Favourite, Offer
from db.shop.checkouts import CheckoutAttempt, CheckoutState
from db.shop.imports import ItemImport
from db.shop.mails import LettersOff
from db.shop.reviews import Purchase
from db.shop.sessions import PasswordReset, Session
from db.shop.staff import Staff
from storefront.accounts import letters
from storefront.accounts.forms import CloseForm
from storefront.accounts.queries import find_credentials
from storefront.audit import queries as audit
from storefront.audit.noting import note, note_try
from storefront.mail import outbox
from storefront.presentation import told
from storefront.security import forget_session, limiter, of_shopper_or_address, the_shopper
from storefront.services import services

bp = Blueprint("closing", __name__, template_folder="templates")

FORMER_NAME = "A former customer"
_REFUSED = 422


class StillConfirming(Exception):
    """An order of this user waits for its answer."""


def _was_refused(response: Response) -> bool:
    return response.status_code == _REFUSED


@bp.post("/account/selling/stop")
@login_required
def stop_selling() -> AnyResponse:
    """Withdraws everything that this shopper sells, and closes their shop."""
    parts, shopper = services(), the_shopper()
    with parts.engine.begin() as connection:
        withdrawn = close_shop(connection, shopper.user_id, parts.clock.now())
        note(connection, SecurityEvent.ROLE_CHANGED, shopper.user_id, "no seller any more")
    items = "1 item was" if withdrawn == 1 else f"{withdrawn} items were"
    flash(told("Your shop is closed; {items} withdrawn. What was ordered still goes out.", items=items), "info")
    return redirect(url_for("accounts.profile"), 303)


@bp.get("/account/close")
@login_required
def confirm() -> str:
    """Says what closing an account means, and asks for the password."""
    return render_template("accounts/close.html", form=CloseForm(formdata=None))


@bp.post("/account/close")
@limiter.limit(
    lambda: services().settings.storefront_login_limit_account,
    key_func=of_shopper_or_address,
    deduct_when=_was_refused,
)
@login_required
def close() -> AnyResponse | tuple[str, int]:
    """Closes the account for good."""
    parts, shopper, form = services(), the_shopper(), CloseForm()
    with parts.reader.connect() as connection:
        found = find_credentials(connection, shopper.email)
    if not parts.passwords.verify(found.password_hash if found else None, (form.current.data or "")[:1024]):
        note_try(SecurityEvent.PROOF_FAILED, shopper.user_id)
        form.current.errors = ["This is not your password."]
        return render_template("accounts/close.html", form=form), _REFUSED
    try:
        with parts.engine.begin() as connection:
            forget(connection, shopper.user_id, shopper.email, parts.clock.now())
    except StillConfirming:
        form.current.errors = ["One of your orders is being confirmed. Close the account once that has its answer."]
        return render_template("accounts/close.html", form=form), _REFUSED
    forget_session()
    flash("Your account is closed. Thank you for having been here.", "info")
    return redirect(url_for("catalogue.home"), 303)


def close_shop(connection: Connection, user_id: int, now: float) -> int:
    """Withdraws a seller's offers and takes the role away; how many offers there were."""
    done = connection.execute(
        update(Offer).where(Offer.seller_id == user_id, Offer.withdrawn_at.is_(None)).values(withdrawn_at=now)
    )
    connection.execute(update(Profile).where(Profile.user_id == user_id).values(is_seller=False))
    return done.rowcount


def forget(connection: Connection, user_id: int, email: str, now: float) -> None:
    """Takes everything of a person out of the shop's tables. StillConfirming: it cannot yet."""
    connection.execute(select(User.id).where(User.id == user_id).with_for_update())
    waiting = select(CheckoutAttempt.id).where(
        CheckoutAttempt.user_id == user_id, CheckoutAttempt.state == CheckoutState.CONFIRMING
    )
    if connection.execute(waiting.limit(1)).first() is not None:
        raise StillConfirming
    close_shop(connection, user_id, now)
    audit.forget(connection, user_id)
    audit.write(connection, SecurityEvent.ACCOUNT_CLOSED, user_id, now)
    cart = select(Cart.id).where(Cart.user_id == user_id)
    connection.execute(delete(CartItem).where(CartItem.cart_id.in_(cart)))
    for table in (Cart, Address, Favourite, Purchase, Session, PasswordReset, CheckoutAttempt, Staff, LettersOff):
        connection.execute(delete(table).where(table.user_id == user_id))
    connection.execute(delete(ItemImport).where(ItemImport.seller_id == user_id))
    outbox.forget(connection, email, letters.address_notices(user_id))
    connection.execute(
        update(Profile).where(Profile.user_id == user_id).values(display_name=FORMER_NAME, ups_account="")
    )
    connection.execute(
        update(User)
        .where(User.id == user_id)
        .values(email="", email_key=f"closed:{user_id}", password_hash=None, closed_at=now)
    )
