"""The pages of the cart, a shopper's or a guest's.

Each change is a form of its own that leads back to the cart; with JavaScript the page is changed in place. What is
ticked is kept with the cart, so that it is the same on every device.
"""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from storefront.cart import queries
from storefront.cart.basket import current_basket, owner_to_write
from storefront.cart.forms import BUY_NOW, AddForm, QuantityForm
from storefront.cart.notices import Notices, notices_of
from storefront.cart.queries import CartLine
from storefront.catalogue.availability import Availability, describe
from storefront.catalogue.queries import product_of
from storefront.catalogue.routes import product_page
from storefront.catalogue.stock import stock_of
from storefront.checkout.holds import NO_HOLDS, Holds, holds_of
from storefront.security import current_shopper
from storefront.services import services

bp = Blueprint("cart", __name__, template_folder="templates")

_REFUSED = 422
_GONE = "This item is not in your cart any more."


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as the page shows it. `held`: units that are in an order which is being confirmed."""

    line: CartLine
    availability: Availability
    notices: Notices
    held: int


@bp.get("/cart")
def show() -> str:
    """The cart, with today's prices and stock."""
    return _page()


@bp.post("/cart/items")
def add() -> Response | tuple[str, int]:
    """Puts units of an offer into the cart; "buy now" goes straight on with them."""
    parts, form = services(), AddForm()
    if not form.validate():
        return _not_added(form)
    offer_id, quantity, owner, now = form.offer_id.number, form.quantity.number, owner_to_write(), parts.clock.now()
    try:
        with parts.engine.begin() as connection:
            queries.add(connection, owner, offer_id, quantity, now)
    except queries.TooMany as refusal:
        form.quantity.errors = [str(refusal)]
        return _not_added(form)
    except queries.CartRefusal as refusal:
        flash(str(refusal), "warning")
        return redirect(_product_page(offer_id), 303)
    if form.then.data == BUY_NOW:
        # The time tells this press from others: who comes back to it after ordering is led to that order.
        return redirect(url_for("checkout.show", only=offer_id, units=quantity, since=now), 303)
    flash("In your cart.", "success")
    return redirect(url_for("cart.show"), 303)


@bp.post("/cart/items/<id32:offer_id>")
def change(offer_id: int) -> Response | tuple[str, int]:
    """Changes how many units are in the cart."""
    form, basket = QuantityForm(), current_basket()
    if not form.validate():
        return _page(wrong=(offer_id, form)), _REFUSED
    found = False
    if basket.cart_id is not None:
        with services().engine.begin() as connection:
            found = queries.set_quantity(connection, basket.cart_id, offer_id, form.quantity.number)
    flash(*(("Changed.", "success") if found else (_GONE, "warning")))
    return redirect(url_for("cart.show"), 303)


@bp.post("/cart/items/<id32:offer_id>/remove")
def remove(offer_id: int) -> Response:
    """Takes an offer out of the cart, or off what is saved for later."""
    basket = current_basket()
    if basket.cart_id is not None:
        with services().engine.begin() as connection:
            queries.remove(connection, basket.cart_id, offer_id)
    flash("Removed.", "info")
    return redirect(url_for("cart.show"), 303)


@bp.post("/cart/items/<id32:offer_id>/save")
def save(offer_id: int) -> Response:
    """Puts an item aside for later."""
    return _move(offer_id, to_saved=True)


@bp.post("/cart/items/<id32:offer_id>/back")
def back(offer_id: int) -> Response:
    """Takes a saved item into the cart again."""
    return _move(offer_id, to_saved=False)


@bp.post("/cart/choose")
def choose() -> Response:
    """Keeps what is ticked; goes on to the checkout if that was asked for."""
    basket = current_basket()
    if basket.cart_id is not None:
        with services().engine.begin() as connection:
            queries.choose(connection, basket.cart_id, _ids("chosen"), _ids("shown"))
    to_checkout = request.form.get("go") == "checkout"
    return redirect(url_for("checkout.show" if to_checkout else "cart.show"), 303)


@bp.post("/cart/prices")
def note_prices() -> Response:
    """Today's prices have been seen; they are no news from now on."""
    basket = current_basket()
    if basket.cart_id is not None:
        with services().engine.begin() as connection:
            queries.note_prices(connection, basket.cart_id)
    return redirect(url_for("cart.show"), 303)


def _move(offer_id: int, *, to_saved: bool) -> Response:
    basket = current_basket()
    if basket.cart_id is not None:
        move = queries.save_for_later if to_saved else queries.back_to_cart
        try:
            with services().engine.begin() as connection:
                if move(connection, basket.cart_id, offer_id):
                    flash("Saved for later." if to_saved else "Back in your cart.", "success")
        except queries.CartRefusal as refusal:
            flash(str(refusal), "warning")
    return redirect(url_for("cart.show"), 303)


def _page(wrong: tuple[int, QuantityForm] | None = None) -> str:
    shopper, basket = current_shopper(), current_basket()
    with services().reader.connect() as connection:
        holds = holds_of(connection, shopper.user_id) if shopper is not None else NO_HOLDS
        lines = queries.lines_of(connection, basket.cart_id)
        stock = stock_of(connection, [line.offer_id for line in lines])
    shown, held = [], holds.units
    for line in lines:
        at = None if stock is None else stock[line.offer_id]
        availability = describe(at, allow_backorder=line.allow_backorder)
        shown.append(Shown(line, availability, notices_of(line, at), held[line.offer_id]))
    if wrong is not None and all(one.line.offer_id != wrong[0] for one in shown):
        flash(_GONE, "warning")
    in_cart = [one for one in shown if not one.line.is_saved]
    chosen = [one for one in in_cart if one.line.is_chosen and one.line.for_sale]
    return render_template(
        "cart/cart.html",
        in_cart=in_cart,
        saved=[one for one in shown if one.line.is_saved],
        chosen_units=sum(one.line.quantity for one in chosen),
        chosen_cents=sum(one.line.total_cents for one in chosen),
        blocked=any(one.notices.blocks for one in chosen),
        prices_changed=any(one.notices.price_changed for one in shown),
        unanswered=list(holds.attempts),
        all_held=_all_held(holds, [one.line for one in chosen]),
        wrong_offer=wrong[0] if wrong else None,
        wrong_form=wrong[1] if wrong else None,
        max_quantity=queries.MAX_QUANTITY,
    )


def _all_held(holds: Holds, lines: list[CartLine]) -> bool:
    return bool(lines) and not holds.free(lines)


def _ids(name: str) -> list[int]:
    typed = request.form.getlist(name)[: queries.MAX_LINES]
    return [int(text) for text in typed if text.isascii() and text.isdecimal() and len(text) <= 9]


def _not_added(form: AddForm) -> Response | tuple[str, int]:
    """The page of the product, with the reason beside the field of the offer."""
    offer_id = form.offer_id.data
    with services().reader.connect() as connection:
        product_id = None if offer_id is None else product_of(connection, offer_id)
    if offer_id is None or product_id is None:
        flash(str(queries.NotForSale()), "warning")
        return redirect(url_for("catalogue.home"), 303)
    return product_page(product_id, (offer_id, form.quantity)), _REFUSED


def _product_page(offer_id: int) -> str:
    with services().reader.connect() as connection:
        product_id = product_of(connection, offer_id)
    return url_for("catalogue.product", product_id=product_id) if product_id else url_for("catalogue.home")
